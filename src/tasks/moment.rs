//! The times that a filter names: a day, an instant, or so long from now.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::{Span, civil, tz};

use super::{
    due::{first_of, last_of},
    local_date_time::{LocalDate, LocalTime, has_form},
};
use crate::clock::Timestamp;

/// What a filter compares a time with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DateOrDuration {
    /// The whole of it, where the person is.
    Day(LocalDate),
    Instant(Timestamp),
    /// So long from now: a whole day if it is of days alone, and otherwise an instant.
    FromNow(Span),
}

/// From its first millisecond to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Interval {
    /// The last millisecond before it.
    pub(super) fn before(self) -> Timestamp {
        Timestamp::from_millis(self.first.as_millis().saturating_sub(1))
    }

    /// The first millisecond after it.
    pub(super) fn after(self) -> Timestamp {
        next(self.last)
    }
}

/// The millisecond after this one.
pub(super) fn next(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(1))
}

/// The current moment in a time zone.
pub(crate) struct LocalNow {
    pub(crate) now: Timestamp,
    pub(crate) zone: tz::TimeZone,
}

impl LocalNow {
    /// For what goes by no days.
    pub(super) fn in_utc(now: Timestamp) -> Self {
        Self {
            now,
            zone: tz::TimeZone::UTC,
        }
    }

    pub(crate) fn wall(&self) -> Option<civil::DateTime> {
        let now = jiff::Timestamp::from_millisecond(self.now.as_millis()).ok()?;
        Some(self.zone.to_datetime(now))
    }

    pub(super) fn day(&self, date: civil::Date) -> Interval {
        Interval {
            first: first_of(date, self.zone.clone()),
            last: last_of(date, self.zone.clone()),
        }
    }

    /// The day that it is.
    pub(super) fn today(&self) -> Option<Interval> {
        Some(self.day(self.wall()?.date()))
    }
}

impl DateOrDuration {
    /// What it is here and now; nothing where the calendar ends.
    pub(super) fn interval(self, now: &LocalNow) -> Option<Interval> {
        let instant = |at| Interval {
            first: at,
            last: at,
        };
        match self {
            Self::Day(date) => Some(now.day(date.0)),
            Self::Instant(at) => Some(instant(at)),
            Self::FromNow(span) if is_of_days(&span) => {
                let date = now.wall()?.date().checked_add(span).ok()?;
                (1..=9998).contains(&date.year()).then(|| now.day(date))
            }
            Self::FromNow(span) => {
                let instant_now = jiff::Timestamp::from_millisecond(now.now.as_millis()).ok()?;
                let at = instant_now
                    .to_zoned(now.zone.clone())
                    .checked_add(span)
                    .ok()?;
                Some(instant(Timestamp::from_millis(
                    at.timestamp().as_millisecond(),
                )))
            }
        }
    }

    /// Reads any of the three, or says what is wrong with it.
    fn read(text: &str) -> Result<Self, String> {
        if LocalDate::has_form(text) {
            return text.parse().map(Self::Day);
        }
        let instant = || is_rfc_3339(text).then(|| text.parse().ok()).flatten();
        let read = if is_iso_8601(text) {
            text.parse().ok().map(Self::FromNow)
        } else {
            instant().map(|instant: jiff::Timestamp| {
                Self::Instant(Timestamp::from_millis(instant.as_millisecond()))
            })
        };
        read.ok_or_else(|| {
            "not a date such as 2026-11-21, a moment such as 2026-11-21T11:02:18Z, or a duration such \
             as P0D or -P1W"
                .to_owned()
        })
    }
}

/// Whether it looks like a duration as ISO 8601 writes it: the library reads small letters and commas too.
fn is_iso_8601(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_digit() || b"-PYMWDTHS.".contains(&byte);
    text.trim_start_matches('-').starts_with('P') && text.bytes().all(is_of_it)
}

/// Whether a moment is written as RFC 3339 (section 5.6) has it: the library reads other ways too.
fn is_rfc_3339(text: &str) -> bool {
    const WALL: &str = "0000-00-00T00:00:00";
    let Some((wall, rest)) = text.split_at_checked(WALL.len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|it: char| it.is_ascii_digit()),
        None => rest,
    };
    let hours_and_minutes = offset.strip_prefix(['+', '-']);
    let is_offset = offset == "Z"
        || hours_and_minutes.is_some_and(|it| it.len() == 5 && LocalTime::read(it).is_some());
    has_form(wall, WALL) && is_offset
}

/// Whether it has no hours and nothing smaller. One of no length at all is of days: it is today.
fn is_of_days(span: &Span) -> bool {
    span.get_hours() == 0
        && span.get_minutes() == 0
        && span.get_seconds() == 0
        && span.get_milliseconds() == 0
        && span.get_microseconds() == 0
        && span.get_nanoseconds() == 0
}

/// A day (`2026-11-21`), a moment (`2026-11-21T11:02:18Z`), or an ISO 8601 duration from now in the viewer's time
/// zone: `P0D` is today, `-P1W` the day a week ago, `PT2H` the moment in two hours. A day is all of it.
#[Scalar(name = "DateOrDuration")]
impl ScalarType for DateOrDuration {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Self::read(text).map_err(InputValueError::custom),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(match self {
            Self::Day(date) => date.0.to_string(),
            Self::Instant(at) => at.to_string(),
            Self::FromNow(span) => span.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str, zone: &str) -> Option<(String, String)> {
        let now = LocalNow {
            // 2026-11-21T12:00:00Z
            now: Timestamp::from_millis(1_795_262_400_000),
            zone: tz::TimeZone::get(zone).unwrap(),
        };
        let interval = DateOrDuration::read(text).ok()?.interval(&now)?;
        Some((interval.first.to_string(), interval.last.to_string()))
    }

    #[test]
    fn a_duration_of_days_is_a_day_where_the_person_is() {
        let day = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        for today in ["P0D", "-P0D", "PT0S", "P0W"] {
            assert_eq!(
                interval(today, "Asia/Tokyo"),
                day("2026-11-20T15:00:00.000Z", "2026-11-21T14:59:59.999Z"),
                "{today}"
            );
        }
        assert_eq!(
            interval("-P1W", "UTC"),
            day("2026-11-14T00:00:00.000Z", "2026-11-14T23:59:59.999Z")
        );
        assert_eq!(
            interval("P3M", "UTC"),
            day("2027-02-21T00:00:00.000Z", "2027-02-21T23:59:59.999Z")
        );
        // The day of the change of clocks is an hour shorter.
        assert_eq!(
            interval("2026-03-29", "Europe/Vienna"),
            day("2026-03-28T23:00:00.000Z", "2026-03-29T21:59:59.999Z")
        );
        assert_eq!(interval("P9000Y", "UTC"), None);
    }

    #[test]
    fn a_duration_with_a_time_and_a_moment_are_instants() {
        let at = |moment: &str| Some((moment.to_owned(), moment.to_owned()));
        assert_eq!(
            interval("PT2H", "Asia/Tokyo"),
            at("2026-11-21T14:00:00.000Z")
        );
        assert_eq!(interval("-P1DT30M", "UTC"), at("2026-11-20T11:30:00.000Z"));
        assert_eq!(
            interval("2026-11-21T13:00:00+02:00", "UTC"),
            at("2026-11-21T11:00:00.000Z")
        );
    }

    #[test]
    fn what_is_none_of_these_is_refused() {
        for text in [
            "",
            "P",
            "today",
            "1 day",
            "P1",
            "2026-11-31",
            "2026-11-21T12:00",
            "12:00",
            "--P1D",
            "9999-12-31",
            "1795262400000",
            "+P1D",
            "P1d",
            "PT1,5H",
            "2026-11-21 12:00:00Z",
            "2026-11-21T12Z",
            "20261121T120000Z",
            "+002026-11-21T12:00:00Z",
            "-000001-01-01T00:00:00Z",
            "2026-11-21T12:00:00Z[UTC]",
            "2026-11-21T12:00:00+25:00",
            "2026-11-21T12:00:00+01",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00é",
        ] {
            assert!(DateOrDuration::read(text).is_err(), "{text:?}");
        }
    }
}
