//! Tasks as iCalendar (RFC 5545): reads and writes the `VTODO` components of a calendar. A library parses
//! and formats the components.

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

/// The property with a task's position, an extension of the standard.
const POSITION: &str = "X-CUBBY-POSITION";

/// The time zone of a date-time that ends with `Z`.
pub(super) const UTC: &str = "UTC";
