//! Parses descriptions of time zones in a calendar: the component `VTIMEZONE` (RFC 5545, section 3.6.5).

use calcard::{
    common::timezone::Tz,
    icalendar::{ICalendar, ICalendarValue},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};

use super::line::{Line, WrittenDate, offset, text};
use crate::identity::TimeZone;

/// The maximum number of onsets of one rule: enough for a yearly rule from 1601, where the rules of
/// Windows begin, until 2200.
const MAX_ONSETS: usize = 600;

/// A `VTIMEZONE`.
pub(super) struct Vtimezone<'a> {
    /// Its name, as [`key`] returns it.
    pub(super) key: String,
    /// The time zone that `X-LIC-LOCATION` names.
    pub(super) location: Option<TimeZone>,
    observances: Vec<Observance<'a>>,
}

/// The properties of a `STANDARD` or `DAYLIGHT` component.
#[derive(Default)]
struct Observance<'a> {
    start: &'a str,
    from: &'a str,
    to: &'a str,
    rule: Option<&'a str>,
    dates: Vec<&'a str>,
}

/// The UTC offsets of a time zone, each with its onset.
pub(super) struct Rules {
    /// The offset before the first onset.
    before: Offset,
    onsets: Vec<Onset>,
}

struct Onset {
    /// The first local time to which only this offset applies.
    wall: DateTime,
    offset: Offset,
}

impl Rules {
    pub(super) fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        let count = self.onsets.partition_point(|onset| onset.wall <= wall);
        let last = self.onsets[..count].last();
        let offset = last.map_or(self.before, |onset| onset.offset);
        offset.to_timestamp(wall).ok()
    }
}

/// Returns the name in lower case, because names are compared without case.
pub(super) fn key(name: &str) -> String {
    name.trim().trim_matches('"').to_lowercase()
}

impl<'a> Vtimezone<'a> {
    /// Parses a component. Returns `None` if it has an IANA name, which needs no description.
    pub(super) fn parse(block: &'a str) -> Option<Self> {
        let (mut name, mut location) = (None, None);
        let mut observances: Vec<Observance<'a>> = Vec::new();
        for line in block.lines().filter_map(Line::parse) {
            let property = line.name.to_ascii_uppercase();
            let value = line.value.trim();
            match (property.as_str(), observances.last_mut()) {
                ("BEGIN", _) if !value.eq_ignore_ascii_case("VTIMEZONE") => {
                    observances.push(Observance::default());
                }
                ("TZID", _) => name = Some(text(value)),
                ("X-LIC-LOCATION", _) => location = TimeZone::named(&text(value)),
                ("DTSTART", Some(it)) => it.start = value,
                ("TZOFFSETFROM", Some(it)) => it.from = value,
                ("TZOFFSETTO", Some(it)) => it.to = value,
                ("RRULE", Some(it)) => it.rule = Some(value).filter(|rule| !rule.is_empty()),
                ("RDATE", Some(it)) => it.dates.extend(value.split(',')),
                _ => {}
            }
        }
        let name = name.filter(|name| TimeZone::named(name).is_none())?;
        Some(Self {
            key: key(&name),
            location,
            observances,
        })
    }

    /// Returns the offsets, or `None` if an observance is invalid or missing.
    pub(super) fn rules(&self) -> Option<Rules> {
        let mut onsets = Vec::new();
        for observance in &self.observances {
            let (from, to) = (offset(observance.from)?, offset(observance.to)?);
            // The previous offset applies to skipped and to repeated times.
            let gap = from.duration_until(to).max(SignedDuration::ZERO);
            for wall in observance.onsets(from)? {
                let wall = wall.saturating_add(gap);
                onsets.push((from, Onset { wall, offset: to }));
            }
        }
        onsets.sort_by_key(|(_, onset)| onset.wall);
        Some(Rules {
            before: onsets.first()?.0,
            onsets: onsets.into_iter().map(|(_, onset)| onset).collect(),
        })
    }
}

impl Observance<'_> {
    /// Returns the onsets, in local time by the previous offset.
    fn onsets(&self, from: Offset) -> Option<Vec<DateTime>> {
        let local = |date: WrittenDate| match date.instant() {
            Some(at) => from.to_datetime(at),
            None => date.wall(),
        };
        let start = local(WrittenDate::parse(self.start)?);
        let mut onsets = match self.rule {
            Some(rule) => expand(rule, start, from)?,
            None => vec![start],
        };
        for date in &self.dates {
            // The onset of a period is its beginning.
            let (date, _) = date.split_once('/').unwrap_or((date, ""));
            onsets.push(local(WrittenDate::parse(date)?));
        }
        Some(onsets)
    }
}

/// Returns the times of a recurrence rule (RFC 5545, section 3.3.10), up to its end.
fn expand(rule: &str, start: DateTime, from: Offset) -> Option<Vec<DateTime>> {
    let (mut parts, mut until) = (Vec::new(), None);
    for part in rule.split(';') {
        match part.split_once('=') {
            Some((name, date)) if name.trim().eq_ignore_ascii_case("UNTIL") => {
                until = Some(WrittenDate::parse(date)?);
            }
            _ => parts.push(part),
        }
    }
    // The library reads an end in UTC as local time, and expands only rules of events.
    let event = format!(
        "BEGIN:VEVENT\r\nDTSTART:{}\r\nRRULE:{}\r\nEND:VEVENT\r\n",
        start.strftime("%Y%m%dT%H%M%S"),
        parts.join(";")
    );
    let event = ICalendar::parse(event).ok()?;
    let mut values = event
        .components
        .iter()
        .flat_map(|it| &it.entries)
        .flat_map(|it| &it.values);
    if !values.any(|value| matches!(value, ICalendarValue::RecurrenceRule(_))) {
        return None;
    }
    let is_over = |wall: &DateTime| match until {
        None => false,
        Some(until) => match (until.instant(), until.time) {
            (Some(until), _) => from.to_timestamp(*wall).is_ok_and(|at| at > until),
            (None, Some(_)) => *wall > until.wall(),
            (None, None) => wall.date() > until.date,
        },
    };
    let expanded = event.expand_dates(Tz::Floating, MAX_ONSETS);
    if !expanded.errors.is_empty() {
        return None;
    }
    let walls = expanded.events.iter().filter_map(|event| {
        let seconds = event.start.naive_local().and_utc().timestamp();
        let at = Timestamp::from_second(seconds).ok()?;
        Some(Offset::UTC.to_datetime(at))
    });
    Some(walls.take_while(|wall| !is_over(wall)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instants of local times in a time zone with these observances.
    fn instants(observances: &str, walls: &[&str]) -> Vec<Option<String>> {
        let block = format!("BEGIN:VTIMEZONE\r\nTZID:Own\r\n{observances}END:VTIMEZONE\r\n");
        let rules = Vtimezone::parse(&block).and_then(|it| it.rules());
        let instant = |wall: &&str| {
            let at = rules.as_ref()?.instant(WrittenDate::parse(wall)?.wall())?;
            Some(at.strftime("%Y%m%dT%H%M%SZ").to_string())
        };
        walls.iter().map(instant).collect()
    }

    fn observance(kind: &str, start: &str, from: &str, to: &str, more: &str) -> String {
        format!(
            "BEGIN:{kind}\r\nDTSTART:{start}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n{more}END:{kind}\r\n"
        )
    }

    fn check(observances: &[String], times: &[(&str, &str)]) {
        let (walls, wanted): (Vec<_>, Vec<_>) = times.iter().copied().unzip();
        let instants = instants(&observances.concat(), &walls);
        let wanted: Vec<_> = wanted.into_iter().map(|at| Some(at.to_owned())).collect();
        assert_eq!(instants, wanted, "{walls:?}");
    }

    #[test]
    fn yearly_rules_have_gaps_and_repeated_times() {
        check(
            &[
                observance(
                    "STANDARD",
                    "16010101T030000",
                    "+0200",
                    "+0100",
                    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n",
                ),
                observance(
                    "DAYLIGHT",
                    "16010101T020000",
                    "+0100",
                    "+0200",
                    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n",
                ),
            ],
            &[
                ("20260701T100000", "20260701T080000Z"),
                ("20260101T100000", "20260101T090000Z"),
                ("20260329T015959", "20260329T005959Z"),
                ("20260329T023000", "20260329T013000Z"),
                ("20260329T030000", "20260329T010000Z"),
                ("20261025T015959", "20261024T235959Z"),
                ("20261025T023000", "20261025T003000Z"),
                ("20261025T030000", "20261025T020000Z"),
                ("16010101T000000", "16001231T230000Z"),
                ("22000701T100000", "22000701T080000Z"),
            ],
        );
    }

    #[test]
    fn single_offset_applies_to_all_times() {
        for to in ["+1100", "+11:00", "+110000"] {
            check(
                &[observance("STANDARD", "16010101T000000", to, to, "")],
                &[
                    ("15000101T000000", "14991231T130000Z"),
                    ("20260201T100000", "20260131T230000Z"),
                ],
            );
        }
    }

    #[test]
    fn later_rules_replace_ended_rules() {
        let us = |kind, start, (from, to), rule: &str| {
            observance(kind, start, from, to, &format!("rrule:{rule}\r\n"))
        };
        let (standard, daylight) = (("-0400", "-0500"), ("-0500", "-0400"));
        check(
            &[
                us(
                    "DAYLIGHT",
                    "20000402T020000",
                    daylight,
                    "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z",
                ),
                us(
                    "STANDARD",
                    "20001029T020000",
                    standard,
                    "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z",
                ),
                us(
                    "DAYLIGHT",
                    "20070311T020000",
                    daylight,
                    "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
                ),
                us(
                    "STANDARD",
                    "20071104T020000",
                    standard,
                    "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU",
                ),
            ],
            &[
                ("20000101T120000", "20000101T170000Z"),
                ("20060501T120000", "20060501T160000Z"),
                ("20061101T120000", "20061101T170000Z"),
                ("20070320T120000", "20070320T160000Z"),
                ("20071101T120000", "20071101T160000Z"),
                ("20261105T120000", "20261105T170000Z"),
            ],
        );
        for end in ["COUNT=2", "UNTIL=20010402", "UNTIL=20010402T020000"] {
            check(
                &[us(
                    "DAYLIGHT",
                    "20000402T020000",
                    daylight,
                    &format!("FREQ=YEARLY;{end}"),
                )],
                &[
                    ("20000402T010000", "20000402T060000Z"),
                    ("20010402T030000", "20010402T070000Z"),
                ],
            );
        }
    }

    #[test]
    fn recurrence_dates_are_onsets() {
        check(
            &[
                observance("STANDARD", "20240101T000000", "+0000", "+0000", ""),
                observance(
                    "DAYLIGHT",
                    "20240601T000000",
                    "+0000",
                    "+0300",
                    "RDATE:20250601T000000,20260601T000000Z\r\nRDATE;VALUE=PERIOD:20270601T000000/PT1H\r\n",
                ),
                observance(
                    "STANDARD",
                    "20240901T000000",
                    "+0300",
                    "+0000",
                    "RDATE:20250901T000000,20260901T000000\r\n",
                ),
            ],
            &[
                ("20240701T120000", "20240701T090000Z"),
                ("20241001T120000", "20241001T120000Z"),
                ("20260701T120000", "20260701T090000Z"),
                ("20261001T120000", "20261001T120000Z"),
                ("20270701T120000", "20270701T090000Z"),
            ],
        );
    }

    #[test]
    fn invalid_observances_are_ignored() {
        for observances in [
            String::new(),
            observance("STANDARD", "tomorrow", "+0000", "+0000", ""),
            observance("STANDARD", "20240101T000000", "+0000", "", ""),
            observance(
                "STANDARD",
                "20240101T000000",
                "+0000",
                "+0000",
                "RRULE:FREQ=OFTEN\r\n",
            ),
            observance(
                "STANDARD",
                "20240101T000000",
                "+0000",
                "+0000",
                "RDATE:soon\r\n",
            ),
        ] {
            assert_eq!(
                instants(&observances, &["20260101"]),
                [None],
                "{observances}"
            );
        }
    }
}
