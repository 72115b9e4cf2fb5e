//! The custom scalars of the schema, each with a check that explains an invalid value.

use async_graphql::{InputType, InputValueResult, Pos, ScalarType, Value};

use super::changes::SyncToken;
use crate::{
    clock::Timestamp,
    identity::TimeZone,
    tasks::{
        local_date_time::{LocalDate, LocalTime},
        moment::DateOrDuration,
    },
};

/// Returns the error in a value of a scalar; `None` if the value is valid.
pub(crate) type ScalarError = fn(&Value) -> Option<String>;

/// The custom scalars with their checks; the SDL contains only their names.
pub(crate) const SCALARS: [(&str, ScalarError); 6] = [
    ("DateOrDuration", scalar_error::<DateOrDuration>),
    ("DateTime", scalar_error::<Timestamp>),
    ("LocalDate", scalar_error::<LocalDate>),
    ("LocalTime", scalar_error::<LocalTime>),
    ("SyncToken", scalar_error::<SyncToken>),
    ("TimeZone", scalar_error::<TimeZone>),
];

fn scalar_error<T: ScalarType + InputType>(value: &Value) -> Option<String> {
    let parsed: InputValueResult<T> = ScalarType::parse(value.clone());
    let message = parsed.err()?.into_server_error(Pos::default()).message;
    // The engine prefixes the scalar's message with the type's name.
    let said = message.split_once(": ").map(|(_, said)| said.to_owned());
    Some(said.unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::sdl;

    #[test]
    fn every_scalar_explains_an_invalid_value() {
        let sdl = sdl();
        let own = sdl.lines().filter_map(|line| line.strip_prefix("scalar "));
        let own = own.map(|rest| rest.split(' ').next().unwrap_or_default());
        assert_eq!(own.collect::<Vec<_>>(), SCALARS.map(|(name, _)| name));
        for (name, fault) in SCALARS {
            assert!(fault(&Value::from(7)).is_some(), "{name}");
        }
        let fault = scalar_error::<TimeZone>(&Value::from("Mars")).unwrap();
        assert_eq!(fault, "not an IANA time zone name such as Europe/Vienna");
    }
}
