//! The clock: the only module that reads the current time, so that tests can control it.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use sea_orm::DeriveValueType;

use crate::output;

/// An instant, in whole milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, DeriveValueType)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the time from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }

    /// Returns the time between the two instants, in either order.
    pub fn between(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

/// Formats the instant by RFC 3339 in UTC with milliseconds: `2026-11-21T11:02:18.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.ascii() {
            return f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?);
        }
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl Timestamp {
    /// Returns the text of an instant in the years 1970 to 9999. Pages have one or two for each row,
    /// and this takes a tenth of the time of a general formatter.
    fn ascii(self) -> Option<[u8; 24]> {
        const MILLIS_PER_DAY: u64 = 86_400_000;
        // 10000-01-01.
        const END: u64 = 2_932_897 * MILLIS_PER_DAY;

        let millis = u64::try_from(self.0).ok().filter(|millis| *millis < END)?;
        // Counts years from March, so that the leap day is the last one, in eras of 400 years.
        let days = millis / MILLIS_PER_DAY + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (
            day - (153 * month + 2) / 5 + 1,
            if month < 10 { month + 3 } else { month - 9 },
        );
        let year = 400 * era + year + u64::from(month <= 2);

        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (end, mut number) in [
            (4, year),
            (7, month),
            (10, day),
            (13, millis / 3_600_000 % 24),
            (16, millis / 60_000 % 60),
            (19, millis / 1_000 % 60),
            (23, millis % 1_000),
        ] {
            let digits = text[..end].iter_mut().rev();
            for digit in digits.take_while(|digit| digit.is_ascii_digit()) {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        Some(text)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timestamp: jiff::Timestamp = text.parse()?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

/// An instant, as an RFC 3339 date and time. Results are in UTC with milliseconds:
/// `2026-11-21T11:02:18.123Z`. Input may have any offset, such as `2026-11-21T12:02:18+01:00`;
/// fractions of a millisecond are dropped.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/chillicream/date-time.html"
)]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        text.parse().map_err(|_| {
            InputValueError::custom(
                "not an RFC 3339 date and time such as 2026-11-21T11:02:18.123Z",
            )
        })
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A source of the current time: the system clock, or a clock that a test controls.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "only this function reads the system clock"
    )]
    pub fn system() -> Self {
        Self::new(|| Timestamp(jiff::Timestamp::now().as_millisecond()))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

output::leaf!(Timestamp, |value, json| match value.ascii() {
    Some(text) => json.push_plain(std::str::from_utf8(&text).unwrap_or_default()),
    None => json.push_plain(&value.to_string()),
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_text_always_has_milliseconds() {
        let moment = Timestamp::from_millis(1_795_258_938_000);
        assert_eq!(moment.to_string(), "2026-11-21T11:02:18.000Z");
        let read = Timestamp::parse(Value::from("2026-11-21T12:02:18.000+01:00")).unwrap();
        assert_eq!(read, moment);
    }

    #[test]
    fn timestamp_text_equals_that_of_the_library() {
        let day = 86_400_000;
        let every_day = (0..2_932_895).map(|number| number * day + number % day);
        let edges = [-1, 0, day - 1, 253_402_207_199_999, 253_370_764_800_000];
        for millis in every_day.step_by(13).chain(edges) {
            let library = jiff::Timestamp::from_millisecond(millis).unwrap();
            let expected = format!("{library:.3}");
            assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
        }
    }
}
