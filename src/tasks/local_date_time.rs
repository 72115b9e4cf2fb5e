//! A date and a time of day as a calendar and a clock on the wall show them, without a time zone.

use std::str::FromStr;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::civil;

/// The years that dates are taken of: moments around them can be told in every time zone.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9998;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalDate(pub(crate) civil::Date);

/// A time of day, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(crate) civil::Time);

impl LocalDate {
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// True for text that can only be a date, right or wrong.
    pub(crate) fn has_form(text: &str) -> bool {
        has_form(text, "0000-00-00")
    }
}

impl FromStr for LocalDate {
    /// What is wrong with the text.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !Self::has_form(text) {
            return Err("write year, month and day as in 2026-11-21, and nothing else".to_owned());
        }
        let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]));
        if !YEARS.contains(&year) {
            let (first, last) = YEARS.into_inner();
            return Err(format!(
                "the year must be from {first:04} to {last}, and is {year:04}"
            ));
        }
        let Ok(of_month) = civil::Date::new(year, month, 1) else {
            return Err(format!(
                "the month must be from 01 to 12, and is {month:02}"
            ));
        };
        match civil::Date::new(year, month, day) {
            Ok(date) => Ok(Self(date)),
            Err(_) => Err(format!(
                "{year:04}-{month:02} has the days 01 to {}, and not {day:02}",
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
    /// What is wrong with the text.
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
                    format!("the {name} must be from 00 to {last}, and is {value:02}")
                });
                wrong.collect::<Vec<_>>().join(", ")
            })
    }
}

/// True if the text has a digit wherever the form has a zero, and is the same elsewhere.
pub(crate) fn has_form(text: &str, form: &str) -> bool {
    let mut bytes = text.bytes().zip(form.bytes());
    text.len() == form.len()
        && bytes.all(|(byte, of_form)| match of_form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == of_form,
        })
}

/// Digits that are few enough for the type.
fn number<T: FromStr + Default>(digits: &str) -> T {
    digits.parse().unwrap_or_default()
}

/// A day of the calendar without a time zone, as ISO 8601 writes it: `2026-11-21`. Of the years 1 to
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

/// A time of day without a time zone, `HH:MM` or `HH:MM:SS`, from `00:00` to `23:59:59`. It is answered
/// with its seconds.
#[Scalar(name = "LocalTime")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_in_one_way() {
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
    fn wrong_date_names_the_part_that_is_wrong() {
        for (text, problem) in [
            (
                "0000-01-01",
                "the year must be from 0001 to 9998, and is 0000",
            ),
            (
                "9999-01-01",
                "the year must be from 0001 to 9998, and is 9999",
            ),
            ("2026-13-01", "the month must be from 01 to 12, and is 13"),
            ("2026-00-01", "the month must be from 01 to 12, and is 00"),
            ("2026-11-31", "2026-11 has the days 01 to 30, and not 31"),
            ("2023-02-29", "2023-02 has the days 01 to 28, and not 29"),
            ("2024-02-30", "2024-02 has the days 01 to 29, and not 30"),
            ("2026-11-00", "2026-11 has the days 01 to 30, and not 00"),
        ] {
            assert_eq!(text.parse::<LocalDate>(), Err(problem.to_owned()));
        }
    }

    #[test]
    fn a_time_of_day_has_hours_and_minutes_and_may_have_seconds() {
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
            ("24:00", "the hour must be from 00 to 23, and is 24"),
            ("09:60", "the minute must be from 00 to 59, and is 60"),
            ("23:59:60", "the second must be from 00 to 59, and is 60"),
        ] {
            assert_eq!(text.parse::<LocalTime>(), Err(problem.to_owned()));
        }
    }
}
