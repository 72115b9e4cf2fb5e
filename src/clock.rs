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
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => Err(fmt::Error),
        }
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

output::leaf!(Timestamp, |value, json| json.push_plain(&value.to_string()));

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
}
