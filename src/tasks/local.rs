//! A date and a time of day as a calendar and a clock on the wall show them, without a time zone.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::civil;

/// The years that dates are taken of: moments around them can be told in every time zone.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9998;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalDate(pub(super) civil::Date);

/// A time of day, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(super) civil::Time);

impl LocalDate {
    pub(super) fn read(text: &str) -> Option<Self> {
        // The library reads other ways of writing a date too.
        let date: civil::Date = text.parse().ok()?;
        (YEARS.contains(&date.year()) && date.to_string() == text).then_some(Self(date))
    }
}

impl LocalTime {
    pub(super) fn read(text: &str) -> Option<Self> {
        // The library reads other ways of writing a time too.
        let time: civil::Time = text.parse().ok()?;
        let whole = time.strftime("%H:%M:%S").to_string();
        (text == whole || whole.strip_suffix(":00") == Some(text)).then_some(Self(time))
    }
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
            Value::String(text) => Self::read(text).ok_or_else(|| {
                InputValueError::custom("not a date of the years 1 to 9998 such as 2026-11-21")
            }),
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
            Value::String(text) => Self::read(text).ok_or_else(|| {
                InputValueError::custom("not a time of day such as 09:30 or 09:30:00")
            }),
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
            "2026-11-31",
            "2023-02-29",
            "0000-01-01",
            "9999-01-01",
            "-000001-01-01",
            "2026-1-1",
            "2026-11-21T00:00",
            " 2026-11-21",
            "P0D",
        ] {
            assert_eq!(LocalDate::read(text), None, "{text:?}");
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
            "24:00",
            "09:60",
            "23:59:60",
            "09:30:00.5",
            "09:30:00.000",
            "09:30Z",
            "09",
            "T09:30",
        ] {
            assert_eq!(LocalTime::read(text), None, "{text:?}");
        }
    }
}
