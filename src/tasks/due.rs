//! Due dates of tasks: a day, a floating time of day, or one instant. Parses them and computes the instant.

use async_graphql::InputObject;
use jiff::{civil, tz};

use super::{
    entity::{ActiveModel, Model},
    local_date_time::{LocalDate, LocalTime},
};
use crate::{
    clock::Timestamp,
    error::{Error, FieldError, Result, UserErrorCode},
    identity::TimeZone,
    scope::Set,
};

/// The `due_sort` of a task without a due date: later than every date.
pub(super) const NO_DUE_TIME: Timestamp = Timestamp::from_millis(i64::MAX);

/// A due date to store. With a date alone, the task is due at the end of that day. With a time too, it is
/// due at that time of day. Both follow the viewer's time zone. With a time zone as well, it is due at
/// one instant.
#[derive(InputObject)]
pub(super) struct DueInput {
    /// The day, such as `2026-11-21`.
    date: LocalDate,
    /// The time of day, such as `09:30`. If omitted or null, the task is due at the end of the day.
    time: Option<LocalTime>,
    /// The time zone of the date and the time, such as `Europe/Vienna`. If omitted or null, they follow
    /// the viewer's time zone. A time zone without a time is rejected with `INVALID`.
    time_zone: Option<TimeZone>,
}

/// The due date of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) date: LocalDate,
    pub(crate) time: Option<LocalTime>,
    /// The time zone of the date and the time; `None` if the due date is floating.
    pub(crate) zone: Option<TimeZone>,
}

impl Due {
    pub(super) fn parse(input: DueInput) -> std::result::Result<Self, FieldError> {
        if input.time.is_none() && input.time_zone.is_some() {
            return Err(FieldError::new(
                UserErrorCode::Invalid,
                "A time zone needs a time of day. Add a time, or remove the time zone.",
            ));
        }
        Ok(Self {
            date: input.date,
            time: input.time,
            zone: input.time_zone,
        })
    }

    /// Reads the due date of a stored task.
    pub(super) fn of(task: &Model) -> Result<Option<Self>> {
        Self::read(
            task.due_date.as_deref(),
            task.due_time.as_deref(),
            task.due_time_zone.as_deref(),
            task.due_at,
        )
    }

    /// Reads the due date from the columns of a task.
    ///
    /// # Errors
    /// Fails if the columns contradict each other, or if one of them is invalid.
    pub(super) fn read(
        date: Option<&str>,
        time: Option<&str>,
        zone: Option<&str>,
        at: Option<Timestamp>,
    ) -> Result<Option<Self>> {
        let read = |date, time: Option<&str>, zone: Option<&str>| {
            let date = LocalDate::read(date)?;
            let time = match time {
                Some(time) => Some(LocalTime::read(time)?),
                None => None,
            };
            let zone = match zone {
                // A time zone without a time of day is invalid.
                Some(zone) => Some(TimeZone::named(zone).filter(|_| time.is_some())?),
                None => None,
            };
            Some(Self { date, time, zone })
        };
        let due = match (date, time, zone, at) {
            (None, None, None, None) => return Ok(None),
            (Some(date), time, zone, Some(_)) => read(date, time, zone),
            _ => None,
        };
        let due = due.ok_or_else(|| Error::unreadable("due date", (date, time, zone, at)));
        due.map(Some)
    }

    /// True if the instant depends on the user's time zone.
    pub(super) fn is_floating(&self) -> bool {
        self.zone.is_none()
    }

    /// Returns the instant for a user in this time zone: of a date alone, the day's last millisecond.
    pub(super) fn at(&self, time_zone: &TimeZone) -> Timestamp {
        let zone = self.zone.as_ref().unwrap_or(time_zone).rules();
        match self.time {
            Some(time) => instant(self.date.0.to_datetime(time.0), zone),
            None => last_of(self.date.0, zone),
        }
    }

    /// Sets the due date's columns of a row that differ from `due`. The instant of a floating due date is
    /// that of a user in this time zone.
    pub(super) fn write(due: Option<&Self>, time_zone: &TimeZone, row: &mut ActiveModel) {
        row.due_date
            .set_if_not_equals(due.map(|due| due.date.0.to_string()));
        row.due_time
            .set_if_not_equals(due.and_then(|due| Some(due.time?.0.to_string())));
        row.due_time_zone
            .set_if_not_equals(due.and_then(|due| Some(due.zone.clone()?.into_string())));
        let is_other = row.due_date.is_set() || row.due_time.is_set() || row.due_time_zone.is_set();
        let has_instant = row.due_at.try_as_ref().is_some_and(Option::is_some);
        if is_other || has_instant != due.is_some() {
            let at = due.map(|due| due.at(time_zone));
            row.due_at = Set(at);
            row.due_sort = Set(at.unwrap_or(NO_DUE_TIME));
        }
    }
}

/// Returns the first millisecond of a day.
pub(crate) fn first_of(date: civil::Date, zone: tz::TimeZone) -> Timestamp {
    instant(date.at(0, 0, 0, 0), zone)
}

/// Returns the last millisecond of a day.
pub(crate) fn last_of(date: civil::Date, zone: tz::TimeZone) -> Timestamp {
    let next = date.tomorrow().unwrap_or(date);
    Timestamp::from_millis(first_of(next, zone).as_millis() - 1)
}

/// Returns the instant of a local time by RFC 5545, section 3.3.5: the first instant of a repeated time,
/// and the offset before the gap for a skipped time.
fn instant(wall: civil::DateTime, zone: tz::TimeZone) -> Timestamp {
    let at = zone.to_ambiguous_timestamp(wall).compatible();
    // Only outside the years of a `LocalDate` a local time has no instant.
    at.map_or(NO_DUE_TIME, |at| {
        Timestamp::from_millis(at.as_millisecond())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(date: &str, time: Option<&str>, zone: Option<&str>) -> Due {
        Due {
            date: LocalDate::read(date).unwrap(),
            time: time.map(|time| LocalTime::read(time).unwrap()),
            zone: zone.and_then(TimeZone::named),
        }
    }

    fn at(date: &str, time: Option<&str>, zone: &str) -> String {
        due(date, time, None)
            .at(&TimeZone::named(zone).unwrap())
            .to_string()
    }

    #[test]
    fn day_ends_at_its_last_millisecond_in_the_users_time_zone() {
        assert_eq!(at("2026-11-21", None, "UTC"), "2026-11-21T23:59:59.999Z");
        assert_eq!(
            at("2026-11-21", None, "America/New_York"),
            "2026-11-22T04:59:59.999Z"
        );
        // Samoa skipped 30 December 2011.
        assert_eq!(
            at("2011-12-29", None, "Pacific/Apia"),
            "2011-12-30T09:59:59.999Z"
        );
        assert_eq!(
            at("2011-12-30", None, "Pacific/Apia"),
            "2011-12-30T09:59:59.999Z"
        );
    }

    #[test]
    fn skipped_time_uses_offset_before_gap_and_repeated_is_first() {
        let vienna = "Europe/Vienna";
        assert_eq!(
            at("2026-03-29", Some("02:30"), vienna),
            "2026-03-29T01:30:00.000Z"
        );
        assert_eq!(
            at("2026-03-29", Some("03:30"), vienna),
            "2026-03-29T01:30:00.000Z"
        );
        assert_eq!(
            at("2026-10-25", Some("02:30"), vienna),
            "2026-10-25T00:30:00.000Z"
        );
    }

    #[test]
    fn due_with_time_zone_is_one_instant_for_all_users() {
        let meeting = due("2026-07-01", Some("09:00"), Some("Asia/Tokyo"));
        for time_zone in ["UTC", "America/Lima", "Pacific/Kiritimati"] {
            let at = meeting.at(&TimeZone::named(time_zone).unwrap()).to_string();
            assert_eq!(at, "2026-07-01T00:00:00.000Z");
        }
    }

    #[test]
    fn first_and_last_day_have_an_instant_in_every_time_zone() {
        for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
            let time_zone = TimeZone::named(zone).unwrap();
            assert!(
                due("0001-01-01", None, None).at(&time_zone)
                    < due("0001-01-02", None, None).at(&time_zone)
            );
            assert!(due("9998-12-31", Some("23:59"), None).at(&time_zone) < NO_DUE_TIME);
        }
    }
}
