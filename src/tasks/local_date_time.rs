//! Dates and times of day without a time zone: parses and formats them, also as scalars of the schema.

use std::str::FromStr;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::civil;

use crate::output;

/// The accepted years: every date in them has an instant in every time zone.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9998;

/// A calendar date without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalDate(pub(crate) civil::Date);

/// A time of day, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(crate) civil::Time);

impl LocalDate {
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// True if the text has the form `0000-00-00`, also if there is no such date.
    pub(crate) fn has_form(text: &str) -> bool {
        has_form(text, "0000-00-00")
    }
}

impl FromStr for LocalDate {
    /// The problem with the text, and the form to write.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !Self::has_form(text) {
            return Err("write year, month and day as in 2026-11-21, and nothing else".to_owned());
        }
        let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]));
        if !YEARS.contains(&year) {
            let (first, last) = YEARS.into_inner();
            return Err(format!(
                "the year must be from {first:04} to {last}, got {year:04}"
            ));
        }
        let Ok(of_month) = civil::Date::new(year, month, 1) else {
            return Err(format!("the month must be from 01 to 12, got {month:02}"));
        };
        match civil::Date::new(year, month, day) {
            Ok(date) => Ok(Self(date)),
            Err(_) => Err(format!(
                "the day in {year:04}-{month:02} must be from 01 to {}, got {day:02}",
                of_month.days_in_month()
            )),
        }
    }
}

impl LocalTime {
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromStr for LocalTime {
    /// The problem with the text, and the form to write.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !has_form(text, "00:00") && !has_form(text, "00:00:00") {
            return Err(
                "write hours and minutes as in 09:30, or with seconds as in 09:30:00".to_owned(),
            );
        }
        let (hour, minute) = (number(&text[..2]), number(&text[3..5]));
        let second = text.get(6..).map_or(0, number);
        civil::Time::new(hour, minute, second, 0)
            .map(Self)
            .map_err(|_| {
                let parts = [
                    ("hour", hour, 23),
                    ("minute", minute, 59),
                    ("second", second, 59),
                ];
                let wrong = parts.iter().filter(|(_, value, last)| value > last);
                let wrong = wrong.map(|(name, value, last)| {
                    format!("the {name} must be from 00 to {last}, got {value:02}")
                });
                wrong.collect::<Vec<_>>().join(", ")
            })
    }
}

/// True if the text has a digit wherever `form` has a zero, and equals `form` elsewhere.
pub(crate) fn has_form(text: &str, form: &str) -> bool {
    let mut bytes = text.bytes().zip(form.bytes());
    text.len() == form.len()
        && bytes.all(|(byte, of_form)| match of_form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == of_form,
        })
}

/// Parses digits, which must fit into the type.
fn number<T: FromStr + Default>(digits: &str) -> T {
    digits.parse().unwrap_or_default()
}

/// A calendar date without a time zone, in ISO 8601 format, such as `2026-11-21`. The year is 0001 to
/// 9998.
#[Scalar(
    name = "LocalDate",
    specified_by_url = "https://scalars.graphql.org/andimarek/local-date.html"
)]
impl ScalarType for LocalDate {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => text.parse().map_err(InputValueError::custom),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A time of day without a time zone, from `00:00` to `23:59:59`. Inputs are `HH:MM` or `HH:MM:SS`;
/// results are `HH:MM:SS`, such as `09:30:00`.
#[Scalar(
    name = "LocalTime",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6"
)]
impl ScalarType for LocalTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => text.parse().map_err(InputValueError::custom),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

output::scalar_output!(LocalDate);
output::scalar_output!(LocalTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_one_form() {
        for text in ["2026-11-21", "0001-01-01", "9998-12-31", "2024-02-29"] {
            let read = LocalDate::read(text).map(|date| date.0.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in [
            "",
            "20261121",
            "2026-W47-6",
            "-000001-01-01",
            "2026-1-1",
            "2026/11/21",
            "21.11.2026",
            "2026-11-21T00:00",
            " 2026-11-21",
            "P0D",
            "２026-11-2",
        ] {
            let problem = text.parse::<LocalDate>().unwrap_err();
            assert!(problem.contains("as in 2026-11-21"), "{text:?}: {problem}");
        }
    }

    #[test]
    fn date_errors_name_the_invalid_part() {
        for (text, problem) in [
            ("0000-01-01", "the year must be from 0001 to 9998, got 0000"),
            ("9999-01-01", "the year must be from 0001 to 9998, got 9999"),
            ("2026-13-01", "the month must be from 01 to 12, got 13"),
            ("2026-00-01", "the month must be from 01 to 12, got 00"),
            (
                "2026-11-31",
                "the day in 2026-11 must be from 01 to 30, got 31",
            ),
            (
                "2023-02-29",
                "the day in 2023-02 must be from 01 to 28, got 29",
            ),
            (
                "2024-02-30",
                "the day in 2024-02 must be from 01 to 29, got 30",
            ),
            (
                "2026-11-00",
                "the day in 2026-11 must be from 01 to 30, got 00",
            ),
        ] {
            assert_eq!(text.parse::<LocalDate>(), Err(problem.to_owned()));
        }
    }

    #[test]
    fn times_have_hours_minutes_and_optional_seconds() {
        for (text, written) in [
            ("00:00", "00:00:00"),
            ("09:30", "09:30:00"),
            ("23:59:59", "23:59:59"),
        ] {
            let read = LocalTime::read(text).map(|time| time.0.to_string());
            assert_eq!(read.as_deref(), Some(written));
        }
        for text in [
            "",
            "9:30",
            "0930",
            "09:30:00.5",
            "09:30:00.000",
            "09:30Z",
            "09",
            "T09:30",
        ] {
            let problem = text.parse::<LocalTime>().unwrap_err();
            assert!(problem.contains("as in 09:30"), "{text:?}: {problem}");
        }
        for (text, problem) in [
            ("24:00", "the hour must be from 00 to 23, got 24"),
            ("09:60", "the minute must be from 00 to 59, got 60"),
            ("23:59:60", "the second must be from 00 to 59, got 60"),
        ] {
            assert_eq!(text.parse::<LocalTime>(), Err(problem.to_owned()));
        }
    }
}
