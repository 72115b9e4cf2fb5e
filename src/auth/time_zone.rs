//! A time zone by its IANA name.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// What browsers call the zone of a device that does not tell its own (CLDR).
const UNKNOWN: &str = "Etc/Unknown";

/// The name of a zone that the built-in IANA database has, in its own spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeZone(String);

impl TimeZone {
    pub(crate) fn utc() -> Self {
        Self("UTC".to_owned())
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case(UNKNOWN) {
            return Some(Self::utc());
        }
        let zone = jiff::tz::db().get(name).ok()?;
        zone.iana_name().map(|name| Self(name.to_owned()))
    }

    /// A name that was parsed before it was stored.
    pub(crate) fn stored(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// What its clocks show when. A zone that the database of this release no longer has is UTC.
    pub(crate) fn rules(&self) -> jiff::tz::TimeZone {
        let zone = jiff::tz::db().get(&self.0);
        zone.unwrap_or(jiff::tz::TimeZone::UTC)
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
        Value::String(self.0.clone())
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
