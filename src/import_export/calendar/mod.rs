//! Tasks as iCalendar (RFC 5545): the `VTODO` of a calendar, as other programs write and read them. A library reads and
//! writes the components.

mod line;
mod reader;
mod todo;
mod vtimezone;
mod when;
mod windows;
mod writer;
mod zones;

pub(super) use reader::Reader;
pub(super) use writer::Writer;

const BEGIN: &str = "BEGIN:VCALENDAR";
const END: &str = "END:VCALENDAR";

/// Where a task is in the manual order, beside what the standard has.
const POSITION: &str = "X-CUBBY-POSITION";

/// The time zone that the last letter of a date-time means.
pub(super) const UTC: &str = "UTC";
