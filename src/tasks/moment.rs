//! The times in a filter: parses a day, an instant or a duration from now, and resolves it to an interval.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::{Span, civil, tz};

use super::{
    due::{first_of, last_of},
    local_date_time::{LocalDate, LocalTime, has_form},
};
use crate::clock::Timestamp;

/// A time in a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DateOrDuration {
    /// A whole day in the user's time zone.
    Day(LocalDate),
    Instant(Timestamp),
    /// A duration from now: a whole day if its units are days or longer, otherwise an instant.
    FromNow(Span),
}

/// A span of time from its first millisecond to its last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Interval {
    /// Returns the last millisecond before the interval.
    pub(super) fn before(self) -> Timestamp {
        Timestamp::from_millis(self.first.as_millis().saturating_sub(1))
    }

    /// Returns the first millisecond after the interval.
    pub(super) fn after(self) -> Timestamp {
        next(self.last)
    }
}

/// Returns the millisecond after this one.
pub(super) fn next(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(1))
}

/// The current moment in a time zone.
pub(crate) struct LocalNow {
    pub(crate) now: Timestamp,
    pub(crate) zone: tz::TimeZone,
}

impl LocalNow {
    /// Returns the time in UTC, for filters that depend on no day of the user.
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

    /// Returns the current day, or `None` outside the calendar's range.
    pub(super) fn today(&self) -> Option<Interval> {
        Some(self.day(self.wall()?.date()))
    }
}

impl DateOrDuration {
    /// Returns the interval at this time in this time zone, or `None` outside the years 1 to 9998.
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

    /// Parses any of the three forms; the error says how to write one.
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
            "write a date such as 2026-11-21, an instant such as 2026-11-21T11:02:18Z, or a duration \
             such as P0D or -P1W"
                .to_owned()
        })
    }
}

/// True if the text has only characters of an ISO 8601 duration. The library also accepts lower case
/// and commas.
fn is_iso_8601(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_digit() || b"-PYMWDTHS.".contains(&byte);
    text.trim_start_matches('-').starts_with('P') && text.bytes().all(is_of_it)
}

/// True if the text has the form of RFC 3339, section 5.6. The library also accepts other forms.
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

/// True if the duration has no hours and no smaller units. A duration of zero counts as days: it is
/// today.
fn is_of_days(span: &Span) -> bool {
    span.get_hours() == 0
        && span.get_minutes() == 0
        && span.get_seconds() == 0
        && span.get_milliseconds() == 0
        && span.get_microseconds() == 0
        && span.get_nanoseconds() == 0
}

/// A day (`2026-11-21`), an instant (`2026-11-21T11:02:18Z`), or an ISO 8601 duration from now in the
/// viewer's time zone. A duration in days or longer units is a whole day: `P0D` is today, `-P1W` the day
/// one week ago. A duration with hours or smaller units is an instant: `PT2H` is two hours from now.
#[Scalar(
    name = "DateOrDuration",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#appendix-A"
)]
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
    fn duration_of_days_is_a_day_in_the_users_time_zone() {
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
        // The day on which daylight saving time starts is an hour shorter.
        assert_eq!(
            interval("2026-03-29", "Europe/Vienna"),
            day("2026-03-28T23:00:00.000Z", "2026-03-29T21:59:59.999Z")
        );
        assert_eq!(interval("P9000Y", "UTC"), None);
    }

    #[test]
    fn durations_with_hours_and_timestamps_are_instants() {
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
    fn other_text_is_rejected() {
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
