//! Chooses the media type of a response from the `Accept` header.

use axum::http::{HeaderMap, header::ACCEPT};

/// The media type of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status states whether the operation was run.
    GraphqlResponse,
    /// `application/json`, for older clients: the status is 200 for every well-formed GraphQL
    /// request.
    Json,
    /// `text/event-stream`: GraphQL over SSE, distinct connections mode.
    EventStream,
    /// `multipart/mixed` with `subscriptionSpec=1.0`, the protocol of Apollo Client.
    Multipart,
}

impl Media {
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::EventStream | Self::Multipart)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::EventStream => "text/event-stream",
            Self::Multipart => "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0",
        }
    }

    fn type_and_subtype(self) -> (&'static str, &'static str) {
        match self {
            Self::GraphqlResponse => ("application", "graphql-response+json"),
            Self::Json => ("application", "json"),
            Self::EventStream => ("text", "event-stream"),
            Self::Multipart => ("multipart", "mixed"),
        }
    }
}

/// The media types that a client accepts (RFC 9110 section 12.5.1).
pub(super) struct Accepted {
    ranges: Vec<Range>,
}

struct Range {
    kind: String,
    subtype: String,
    /// The quality value, in thousandths.
    quality: u16,
    is_subscription_spec: bool,
}

impl Accepted {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let ranges = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| split(value, ','))
            .filter_map(Range::read)
            .collect();
        Self { ranges }
    }

    /// Returns the media type of a single response: a JSON type if the client accepts one, and
    /// `application/graphql-response+json` if it accepts both equally.
    pub(super) fn for_single(&self) -> Option<Media> {
        self.best(&[Media::Json, Media::GraphqlResponse])
            .or_else(|| self.for_stream())
    }

    /// Returns the media type of a stream of responses.
    pub(super) fn for_stream(&self) -> Option<Media> {
        self.best(&[Media::Multipart, Media::EventStream])
    }

    /// Returns the candidate with the highest quality. Of two with the same quality, the later one
    /// is returned, unless it is matched only by `*/*`; then the first.
    fn best(&self, candidates: &[Media]) -> Option<Media> {
        let mut best: Option<(u16, u8, Media)> = None;
        for &media in candidates {
            let Some((quality, precision)) = self.quality(media) else {
                continue;
            };
            let is_better = best.is_none_or(|(most, how, _)| {
                quality > most || (quality == most && precision >= how && precision > 0)
            });
            if is_better {
                best = Some((quality, precision, media));
            }
        }
        best.map(|(.., media)| media)
    }

    /// Returns the quality of the most precise range that matches, and its precision.
    fn quality(&self, media: Media) -> Option<(u16, u8)> {
        if self.ranges.is_empty() {
            // A client without `Accept` accepts any type.
            return (media != Media::Multipart).then_some((1000, 0));
        }
        let (kind, subtype) = media.type_and_subtype();
        let (precision, quality) = self
            .ranges
            .iter()
            .filter(|range| media != Media::Multipart || range.is_subscription_spec)
            .filter_map(|range| {
                let precision = match (range.kind == kind, range.subtype == subtype) {
                    (true, true) => 2,
                    (true, false) if range.subtype == "*" => 1,
                    (false, false) if range.kind == "*" && range.subtype == "*" => 0,
                    _ => return None,
                };
                Some((precision, range.quality))
            })
            .max_by_key(|(precision, _)| *precision)?;
        (quality > 0).then_some((quality, precision))
    }
}

impl Range {
    fn refused(self) -> Self {
        Self { quality: 0, ..self }
    }

    /// Parses a media range; `None` if it is invalid. A range with a charset other than UTF-8 is
    /// not acceptable.
    fn read(text: &str) -> Option<Self> {
        let mut parts = split(text, ';');
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind: kind.trim().to_ascii_lowercase(),
            subtype: subtype.trim().to_ascii_lowercase(),
            quality: 1000,
            is_subscription_spec: false,
        };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => {
                    let quality = value.parse::<f32>().ok().filter(|it| it.is_finite())?;
                    range.quality = (quality.clamp(0.0, 1.0) * 1000.0).round() as u16;
                }
                "charset" if !value.eq_ignore_ascii_case("utf-8") => return Some(range.refused()),
                "subscriptionspec" => range.is_subscription_spec = value == "1.0",
                _ => {}
            }
        }
        Some(range)
    }
}

/// Splits the text at separators outside quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &[&str]) -> Accepted {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        Accepted::of(&headers)
    }

    const URQL: &str = "application/graphql-response+json, application/graphql+json, \
                        application/json, text/event-stream, multipart/mixed";
    const APOLLO: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,\
                          application/graphql-response+json,application/json;q=0.9";

    #[test]
    fn single_response_is_json_if_accepted() {
        use Media::{EventStream, GraphqlResponse, Json, Multipart};
        for (accept, media) in [
            (&[][..], Some(Json)),
            (&["*/*"], Some(Json)),
            (&["application/*"], Some(GraphqlResponse)),
            (&["application/json"], Some(Json)),
            (&["application/json; charset=utf-8"], Some(Json)),
            (&["application/json; charset=latin1"], None),
            (
                &["Application/GraphQL-Response+JSON"],
                Some(GraphqlResponse),
            ),
            (
                &["application/graphql-response+json, application/json"],
                Some(GraphqlResponse),
            ),
            (
                &["application/json", "application/graphql-response+json"],
                Some(GraphqlResponse),
            ),
            (
                &["application/graphql-response+json;q=0.5, application/json"],
                Some(Json),
            ),
            (&["application/graphql-response+json;q=0, */*"], Some(Json)),
            (
                &["application/json;q=0, application/*"],
                Some(GraphqlResponse),
            ),
            (&[URQL], Some(GraphqlResponse)),
            (&[APOLLO], Some(GraphqlResponse)),
            (&["text/event-stream"], Some(EventStream)),
            (&["multipart/mixed;subscriptionSpec=1.0"], Some(Multipart)),
            (&["multipart/mixed"], None),
            (&["text/html"], None),
            (&["application/json;q=0"], None),
            (&["text/event-stream;q=inf, */*;q=0.1"], Some(Json)),
            (
                &["text/event-stream, application/json;q=nan"],
                Some(EventStream),
            ),
            (&["json"], Some(Json)),
        ] {
            assert_eq!(accepted(accept).for_single(), media, "{accept:?}");
        }
    }

    #[test]
    fn stream_type_follows_accept_header() {
        for (accept, media) in [
            (URQL, Some(Media::EventStream)),
            (APOLLO, Some(Media::Multipart)),
            ("*/*", Some(Media::EventStream)),
            ("text/event-stream", Some(Media::EventStream)),
            ("application/json", None),
            (
                "multipart/mixed;subscriptionSpec=1.0, text/event-stream;q=0.5",
                Some(Media::Multipart),
            ),
        ] {
            assert_eq!(accepted(&[accept]).for_stream(), media, "{accept}");
        }
    }
}
