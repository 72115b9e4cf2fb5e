//! The date values of properties: converts them to due dates and timestamps, by the calendar's time zones.

use jiff::{
    Span,
    civil::{Date, DateTime},
    tz,
};

use super::{UTC, line::WrittenDate, zones::Zones};
use crate::{
    clock::Timestamp, identity::TimeZone, import_export::task_record::DueText, tasks::due,
};

/// The message for a date outside the range of the calendar.
const TOO_FAR: &str = "It is outside the range of dates.";

/// The value of a date or date-time property.
#[derive(Clone, Copy)]
pub(super) enum When<'a> {
    Day(Date),
    /// A local time in the user's time zone.
    Floating(DateTime),
    /// A local time in the time zone with this `TZID`.
    Local(DateTime, &'a str),
    Instant(jiff::Timestamp),
}

impl<'a> When<'a> {
    pub(super) fn new(written: WrittenDate, is_day: bool, zone: Option<&'a str>) -> Self {
        match (written.instant(), zone) {
            _ if is_day || written.time.is_none() => Self::Day(written.date),
            (Some(instant), _) => Self::Instant(instant),
            (None, Some(zone)) => Self::Local(written.wall(), zone),
            (None, None) => Self::Floating(written.wall()),
        }
    }

    pub(super) fn due(self, zones: &Zones) -> Result<DueText, String> {
        let text = |wall: DateTime, zone: Option<String>| DueText {
            date: Some(wall.date().to_string()),
            time: Some(wall.time().strftime("%H:%M:%S").to_string()),
            time_zone: zone,
        };
        Ok(match self {
            Self::Day(date) => DueText {
                date: Some(date.to_string()),
                ..DueText::default()
            },
            Self::Floating(wall) => text(wall, None),
            Self::Local(wall, name) => {
                let zone = zones.find(name)?;
                match zone.named(wall) {
                    Some(zone) => text(wall, Some(zone.clone().into_string())),
                    None => Self::Instant(zone.instant(wall).ok_or(TOO_FAR)?).due(zones)?,
                }
            }
            Self::Instant(at) => text(tz::Offset::UTC.to_datetime(at), Some(UTC.to_owned())),
        })
    }

    /// Returns the timestamp: of a day, its first millisecond in the user's time zone. A time without a
    /// time zone is read as UTC, which the standard requires for these properties.
    pub(super) fn moment(self, zones: &Zones, time_zone: &TimeZone) -> Result<Timestamp, String> {
        let at = match self {
            Self::Day(date) => return Ok(due::first_of(date, time_zone.rules())),
            Self::Floating(wall) => tz::Offset::UTC.to_timestamp(wall).ok(),
            Self::Local(wall, name) => zones.find(name)?.instant(wall),
            Self::Instant(at) => Some(at),
        };
        let at = at.ok_or(TOO_FAR)?;
        Ok(Timestamp::from_millis(at.as_millisecond()))
    }

    /// Adds a duration: first weeks and days in local time, then exact hours, minutes and seconds
    /// (section 3.3.6).
    pub(super) fn after(self, duration: Span, zones: &Zones) -> Result<Self, String> {
        let later = |wall: DateTime, span| wall.checked_add(span).map_err(|_| TOO_FAR);
        Ok(match self {
            Self::Day(date) => Self::Day(later(date.into(), duration)?.date()),
            Self::Floating(wall) => Self::Floating(later(wall, duration)?),
            Self::Instant(at) => {
                let wall = later(tz::Offset::UTC.to_datetime(at), duration)?;
                Self::Instant(tz::Offset::UTC.to_timestamp(wall).map_err(|_| TOO_FAR)?)
            }
            Self::Local(wall, name) => {
                let days = Span::new()
                    .weeks(duration.get_weeks())
                    .days(duration.get_days());
                let zone = zones.find(name)?;
                let wall = later(wall, days)?;
                let at = zone.instant(wall).ok_or(TOO_FAR)?;
                let at = at
                    .checked_add(duration.weeks(0).days(0))
                    .map_err(|_| TOO_FAR)?;
                let shown = zone.named(wall).map(|zone| zone.rules().to_datetime(at));
                match shown.filter(|wall| zone.instant(*wall) == Some(at)) {
                    Some(wall) => Self::Local(wall, name),
                    None => Self::Instant(at),
                }
            }
        })
    }
}
