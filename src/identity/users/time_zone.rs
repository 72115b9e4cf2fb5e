//! A time zone by its IANA name.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::tz;

use crate::error::{Error, Result};

/// What browsers call the zone of a device that does not tell its own (CLDR).
const UNKNOWN: &str = "Etc/Unknown";

/// The name of a zone that the built-in IANA database has, in its own spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeZone {
    name: String,
    rules: tz::TimeZone,
}

impl TimeZone {
    pub(crate) fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: tz::TimeZone::UTC,
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case(UNKNOWN) {
            return Some(Self::utc());
        }
        let rules = tz::db().get(name).ok()?;
        let name = rules.iana_name()?.to_owned();
        Some(Self { name, rules })
    }

    /// The zone of a name that was parsed before it was stored.
    pub(crate) fn stored(name: &str) -> Result<Self> {
        Self::named(name).ok_or_else(|| Error::unreadable("time zone", name))
    }

    pub(crate) fn into_string(self) -> String {
        self.name
    }

    /// What its clocks show when.
    pub(crate) fn rules(&self) -> tz::TimeZone {
        self.rules.clone()
    }
}

/// The IANA name of a time zone, such as `Europe/Vienna`.
#[Scalar(name = "TimeZone")]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(name) => Self::named(name).ok_or_else(|| {
                InputValueError::custom("not an IANA time zone name such as Europe/Vienna")
            }),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_iana_name_in_any_case_and_kept_in_its_own() {
        let named = |name| TimeZone::named(name).map(TimeZone::into_string);
        assert_eq!(named("europe/vienna").as_deref(), Some("Europe/Vienna"));
        assert_eq!(named("UTC").as_deref(), Some("UTC"));
        assert_eq!(named("Etc/Unknown").as_deref(), Some("UTC"));
        assert_eq!(named("etc/unknown").as_deref(), Some("UTC"));
        for name in ["", "Europe", "Europe/Nowhere", "+02:00", "../../etc/passwd"] {
            assert_eq!(named(name), None, "{name:?}");
        }
    }
}
