//! Time zones by their IANA names, and their GraphQL scalar.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::tz;

use crate::{
    error::{Error, Result},
    output,
};

/// The name that browsers report if they do not know or hide the device's time zone (CLDR).
const UNKNOWN: &str = "Etc/Unknown";

/// A time zone of the built-in IANA database, with its name in the database's spelling.
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

    /// Returns the time zone of a stored name, which was validated before it was stored.
    pub(crate) fn stored(name: &str) -> Result<Self> {
        Self::named(name).ok_or_else(|| Error::unreadable("time zone", name))
    }

    pub(crate) fn into_string(self) -> String {
        self.name
    }

    /// Returns the offsets of the zone, for calculations.
    pub(crate) fn rules(&self) -> tz::TimeZone {
        self.rules.clone()
    }
}

/// IANA name of a time zone, such as `Europe/Vienna`. Input is accepted in any case; output has the
/// spelling of the IANA database. `Etc/Unknown` is read as `UTC`.
#[Scalar(
    name = "TimeZone",
    specified_by_url = "https://www.iana.org/time-zones"
)]
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

output::scalar_output!(TimeZone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zone_name_matches_in_any_case_and_becomes_canonical() {
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
