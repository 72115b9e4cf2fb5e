//! The scalars of the schema, each with the check that explains a wrong value.

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

/// Returns what is wrong with a value of a scalar, or nothing if the value is valid.
pub(crate) type ScalarFault = fn(&Value) -> Option<String>;

/// The schema's own scalars with their checks; the SDL only names them.
pub(crate) const SCALARS: [(&str, ScalarFault); 6] = [
    ("DateOrDuration", scalar_fault::<DateOrDuration>),
    ("DateTime", scalar_fault::<Timestamp>),
    ("LocalDate", scalar_fault::<LocalDate>),
    ("LocalTime", scalar_fault::<LocalTime>),
    ("SyncToken", scalar_fault::<SyncToken>),
    ("TimeZone", scalar_fault::<TimeZone>),
];

fn scalar_fault<T: ScalarType + InputType>(value: &Value) -> Option<String> {
    let parsed: InputValueResult<T> = ScalarType::parse(value.clone());
    let message = parsed.err()?.into_server_error(Pos::default()).message;
    // The engine puts the type's name before what the type said.
    let said = message.split_once(": ").map(|(_, said)| said.to_owned());
    Some(said.unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::sdl;

    #[test]
    fn every_scalar_of_the_schema_says_what_is_wrong_with_a_value() {
        let sdl = sdl();
        let own = sdl.lines().filter_map(|line| line.strip_prefix("scalar "));
        let own = own.map(|rest| rest.split(' ').next().unwrap_or_default());
        assert_eq!(own.collect::<Vec<_>>(), SCALARS.map(|(name, _)| name));
        for (name, fault) in SCALARS {
            assert!(fault(&Value::from(7)).is_some(), "{name}");
        }
        let fault = scalar_fault::<TimeZone>(&Value::from("Mars")).unwrap();
        assert_eq!(fault, "not an IANA time zone name such as Europe/Vienna");
    }
}
