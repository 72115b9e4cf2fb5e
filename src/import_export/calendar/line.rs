//! Parses the lines of a calendar (RFC 5545, section 3.1), and the dates and offsets in them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    fmt::temporal::Pieces,
    tz::Offset,
};

/// A property: an unfolded line.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Line<'a> {
    /// Parses a line. Returns `None` if it is not a property.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (name, _) = line.split_once([':', ';'])?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        // Parameters follow the name, and their quoted values may contain a colon.
        let mut is_quoted = false;
        let colon = line.bytes().position(|byte| {
            is_quoted ^= byte == b'"';
            byte == b':' && !is_quoted
        });
        let value = line[colon? + 1..].trim_end_matches(['\r', '\n']);
        Some(Self { name, value })
    }
}

/// Returns a text without its escaping backslashes.
pub(super) fn text(value: &str) -> String {
    let mut characters = value.chars();
    let mut text = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next()).flatten();
        text.push(escaped.unwrap_or(character));
    }
    text
}

/// A date or a date-time (sections 3.3.4 and 3.3.5), also with an ISO 8601 offset from UTC.
#[derive(Clone, Copy)]
pub(super) struct WrittenDate {
    pub(super) date: Date,
    pub(super) time: Option<Time>,
    pub(super) offset: Option<Offset>,
}

impl WrittenDate {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text.trim()).ok()?;
        let is_plain = pieces.time_zone_annotation().is_none();
        is_plain.then(|| Self {
            date: pieces.date(),
            time: pieces.time(),
            offset: pieces.to_numeric_offset(),
        })
    }

    /// Returns the local time: of a date, midnight.
    pub(super) fn wall(self) -> DateTime {
        self.date.to_datetime(self.time.unwrap_or(Time::midnight()))
    }

    /// Returns the instant, or `None` without an offset.
    pub(super) fn instant(self) -> Option<Timestamp> {
        self.offset?.to_timestamp(self.wall()).ok()
    }
}

/// Parses an offset from UTC (section 3.3.14).
pub(super) fn offset(text: &str) -> Option<Offset> {
    let moment = format!("19700101T000000{text}");
    WrittenDate::parse(&moment)?.offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_and_date_times_are_parsed() {
        let read = |text| {
            let date = WrittenDate::parse(text)?;
            let instant = date.instant().map(|at| format!(" = {at}"));
            Some(format!("{}{}", date.wall(), instant.unwrap_or_default()))
        };
        for (text, wanted) in [
            ("20260630", "2026-06-30T00:00:00"),
            ("20260630T093000", "2026-06-30T09:30:00"),
            (
                "20260630t093000z",
                "2026-06-30T09:30:00 = 2026-06-30T09:30:00Z",
            ),
            (
                "20260630T093000+0200",
                "2026-06-30T09:30:00 = 2026-06-30T07:30:00Z",
            ),
            (
                "20260630T093000-03:30",
                "2026-06-30T09:30:00 = 2026-06-30T13:00:00Z",
            ),
            (
                "20260630T093000+14",
                "2026-06-30T09:30:00 = 2026-06-29T19:30:00Z",
            ),
            (
                "20261231T235960Z",
                "2026-12-31T23:59:59 = 2026-12-31T23:59:59Z",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "20260630T",
            "20260230",
            "20260630T250000",
            "20260630T093000garbage",
            "20260630T093000Zgarbage",
            "20260630T093000 +0200",
            "20260630T093000[garbage]",
            "20260630T093000+0299",
            "20260630,20260701",
            "093000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        for (text, seconds) in [("+0200", 7_200), ("-03:30", -12_600), ("+005728", 3_448)] {
            assert_eq!(offset(text).map(Offset::seconds), Some(seconds), "{text}");
        }
        assert_eq!(offset(""), None);
        assert_eq!(offset("two"), None);
    }
}
