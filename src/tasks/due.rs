//! When a task is due: a day, a time of day wherever its owner is, or one instant.

use async_graphql::InputObject;
use jiff::{civil, tz};

use super::{
    entity::{ActiveModel, Model},
    local_date_time::{LocalDate, LocalTime},
};
use crate::{
    clock::Timestamp,
    error::{Error, Fault, Result, UserErrorCode},
    identity::TimeZone,
    scope::Set,
};

/// The `due_sort` of a task without a due date: later than every date.
pub(super) const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// A date alone is all day. With a time it is that time of day wherever the person is. With a time zone
/// too it is one instant.
#[derive(InputObject)]
pub(super) struct DueInput {
    date: LocalDate,
    time: Option<LocalTime>,
    /// Only with a time.
    time_zone: Option<TimeZone>,
}

/// When a task is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) date: LocalDate,
    pub(crate) time: Option<LocalTime>,
    /// Of the time; nothing while it follows the person.
    pub(crate) zone: Option<TimeZone>,
}

impl Due {
    pub(super) fn parse(input: DueInput) -> std::result::Result<Self, Fault> {
        if input.time.is_none() && input.time_zone.is_some() {
            return Err(Fault::new(
                UserErrorCode::Invalid,
                "A time zone is of a time of day: give a time, or leave the time zone out.",
            ));
        }
        Ok(Self {
            date: input.date,
            time: input.time,
            zone: input.time_zone,
        })
    }

    /// As it is stored with a task.
    pub(super) fn of(task: &Model) -> Result<Option<Self>> {
        Self::read(
            task.due_date.as_deref(),
            task.due_time.as_deref(),
            task.due_time_zone.as_deref(),
            task.due_at,
        )
    }

    /// Out of the columns of a task.
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
                // A time zone is of a time of day.
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

    /// Whether it is another instant where the person is in another time zone.
    pub(super) fn is_floating(&self) -> bool {
        self.zone.is_none()
    }

    /// The instant for a person in this time zone; of a whole day its last millisecond.
    pub(super) fn at(&self, home: &TimeZone) -> Timestamp {
        let zone = self.zone.as_ref().unwrap_or(home).rules();
        match self.time {
            Some(time) => instant(self.date.0.to_datetime(time.0), zone),
            None => last_of(self.date.0, zone),
        }
    }

    /// Sets the columns of a task that is due then, or of one that is never due, if the row says otherwise. The
    /// instant is that of a user in this time zone.
    pub(super) fn write(due: Option<&Self>, home: &TimeZone, row: &mut ActiveModel) {
        row.due_date
            .set_if_not_equals(due.map(|due| due.date.0.to_string()));
        row.due_time
            .set_if_not_equals(due.and_then(|due| Some(due.time?.0.to_string())));
        row.due_time_zone
            .set_if_not_equals(due.and_then(|due| Some(due.zone.clone()?.into_string())));
        let is_other = row.due_date.is_set() || row.due_time.is_set() || row.due_time_zone.is_set();
        let has_instant = row.due_at.try_as_ref().is_some_and(Option::is_some);
        if is_other || has_instant != due.is_some() {
            let at = due.map(|due| due.at(home));
            row.due_at = Set(at);
            row.due_sort = Set(at.unwrap_or(NEVER));
        }
    }
}

/// The first millisecond of a day.
pub(crate) fn first_of(date: civil::Date, zone: tz::TimeZone) -> Timestamp {
    instant(date.at(0, 0, 0, 0), zone)
}

/// The last millisecond of a day.
pub(crate) fn last_of(date: civil::Date, zone: tz::TimeZone) -> Timestamp {
    let next = date.tomorrow().unwrap_or(date);
    Timestamp::from_millis(first_of(next, zone).as_millis() - 1)
}

/// The instant of a time on the wall, as RFC 5545 (section 3.3.5) says: of one that comes twice the first,
/// and one that does not come is counted by the offset before the gap.
fn instant(wall: civil::DateTime, zone: tz::TimeZone) -> Timestamp {
    let at = zone.to_ambiguous_timestamp(wall).compatible();
    // Only beyond the years of a `LocalDate` is there none.
    at.map_or(NEVER, |at| Timestamp::from_millis(at.as_millisecond()))
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
    fn a_day_ends_with_its_last_millisecond_where_the_person_is() {
        assert_eq!(at("2026-11-21", None, "UTC"), "2026-11-21T23:59:59.999Z");
        assert_eq!(
            at("2026-11-21", None, "America/New_York"),
            "2026-11-22T04:59:59.999Z"
        );
        // Samoa had no 30 December 2011.
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
    fn a_time_that_does_not_come_is_counted_by_the_offset_before_and_one_that_comes_twice_is_the_first()
     {
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
    fn with_a_time_zone_it_is_one_instant_wherever_the_person_is() {
        let meeting = due("2026-07-01", Some("09:00"), Some("Asia/Tokyo"));
        for home in ["UTC", "America/Lima", "Pacific/Kiritimati"] {
            let at = meeting.at(&TimeZone::named(home).unwrap()).to_string();
            assert_eq!(at, "2026-07-01T00:00:00.000Z");
        }
    }

    #[test]
    fn the_first_and_the_last_day_have_an_instant_everywhere() {
        for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
            let home = TimeZone::named(zone).unwrap();
            assert!(
                due("0001-01-01", None, None).at(&home) < due("0001-01-02", None, None).at(&home)
            );
            assert!(due("9998-12-31", Some("23:59"), None).at(&home) < NEVER);
        }
    }
}
