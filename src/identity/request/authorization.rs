//! The `Authorization` field of a request, as a header or as a connection parameter of a WebSocket.

use http::{HeaderMap, header::AUTHORIZATION};

/// The parsed `Authorization` field (RFC 6750 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization<'a> {
    /// The field is missing, or has no token, as in `Authorization:` and `Authorization: Bearer`.
    /// Signed-out clients send these, so the request is anonymous and not rejected.
    Absent,
    /// A token, not verified yet.
    Bearer(&'a str),
    /// Another scheme, several tokens, or characters that are not allowed in a token.
    Malformed,
}

impl<'a> Authorization<'a> {
    /// Reads all `Authorization` headers of a request.
    pub(crate) fn from_headers(headers: &'a HeaderMap) -> Self {
        let values = headers.get_all(AUTHORIZATION).iter();
        Self::only(values.map(|value| value.to_str().map_or(Self::Malformed, Self::parse)))
    }

    /// Combines several fields. Returns `Malformed` if more than one has a token.
    pub(crate) fn only(fields: impl IntoIterator<Item = Self>) -> Self {
        let mut present = fields.into_iter().filter(|field| *field != Self::Absent);
        match (present.next(), present.next()) {
            (None, _) => Self::Absent,
            (Some(one), None) => one,
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    pub(crate) fn parse(field: &'a str) -> Self {
        let field = field.trim_matches([' ', '\t']);
        let (scheme, token) = field.split_once(' ').unwrap_or((field, ""));
        let token = token.trim_start_matches(' ');
        if field.is_empty() {
            Self::Absent
        } else if !scheme.eq_ignore_ascii_case("bearer") || !token.bytes().all(is_token68) {
            Self::Malformed
        } else if token.is_empty() {
            Self::Absent
        } else {
            Self::Bearer(token)
        }
    }
}

/// True for a character of `token68` (RFC 9110 section 11.2).
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_token_is_read() {
        for field in ["Bearer a.b.c", "bEARER  a.b.c ", " Bearer a.b.c\t"] {
            assert_eq!(Authorization::parse(field), Authorization::Bearer("a.b.c"));
        }
        for field in [
            "a.b.c",
            "Basic",
            "Basic YTpi",
            "Bearera",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a, Bearer a",
            "Bearer \u{e4}",
        ] {
            let read = Authorization::parse(field);
            assert_eq!(read, Authorization::Malformed, "{field:?}");
        }
    }

    #[test]
    fn field_without_token_is_absent() {
        for field in ["", " ", "\t", "Bearer", "bearer", "Bearer ", " Bearer  "] {
            let read = Authorization::parse(field);
            assert_eq!(read, Authorization::Absent, "{field:?}");
        }
    }

    #[test]
    fn only_one_field_may_have_a_token() {
        use Authorization::{Absent, Bearer, Malformed};
        for (fields, only) in [
            (vec![], Absent),
            (vec![Absent, Absent], Absent),
            (vec![Absent, Bearer("a")], Bearer("a")),
            (vec![Bearer("a"), Bearer("a")], Malformed),
            (vec![Malformed, Absent], Malformed),
        ] {
            assert_eq!(Authorization::only(fields.clone()), only, "{fields:?}");
        }
    }
}
