//! Looks up the time zones of a calendar: by IANA name, by the calendar's own description, or by Windows
//! name.

use std::collections::HashMap;

use jiff::{Timestamp, civil::DateTime};

use super::{
    vtimezone::{Rules, Vtimezone, key},
    windows,
};
use crate::identity::TimeZone;

/// The maximum number of described time zones that are stored; there are about 600 in the world.
const MAX_ZONES: usize = 1_000;

/// The time zones that a file describes.
#[derive(Default)]
pub(super) struct Zones(HashMap<String, Described>);

struct Described {
    /// The text of the `VTIMEZONE`, to skip repetitions in merged files.
    block: String,
    source: Source,
}

enum Source {
    /// The IANA time zone in `X-LIC-LOCATION`.
    Location(TimeZone),
    Rules(Rules),
}

/// The time zone that a `TZID` refers to.
pub(super) enum Zone<'a> {
    Named(TimeZone),
    /// The rules in the file, and the time zone that the name has without a description.
    Described(&'a Rules, Option<TimeZone>),
}

impl Zones {
    /// Adds the time zone of a `VTIMEZONE`; an invalid one is ignored.
    pub(super) fn describe(&mut self, block: &str) {
        let Some(described) = Vtimezone::parse(block) else {
            return;
        };
        let known = self.0.get(&described.key);
        let is_known = known.is_some_and(|known| known.block == block);
        if is_known || known.is_none() && self.0.len() == MAX_ZONES {
            return;
        }
        let location = described.location.clone().map(Source::Location);
        if let Some(source) = location.or_else(|| described.rules().map(Source::Rules)) {
            let block = block.to_owned();
            self.0.insert(described.key, Described { block, source });
        }
    }

    /// Returns the time zone of a `TZID`.
    ///
    /// # Errors
    /// Fails if the calendar does not describe it, and it is neither an IANA name nor a Windows name.
    pub(super) fn find(&self, name: &str) -> Result<Zone<'_>, String> {
        if let Some(zone) = TimeZone::named(name) {
            return Ok(Zone::Named(zone));
        }
        let known = registered(name).or_else(|| windows::zone(name));
        match (self.0.get(&key(name)).map(|it| &it.source), known) {
            (Some(Source::Location(zone)), _) => Ok(Zone::Named(zone.clone())),
            (Some(Source::Rules(rules)), known) => Ok(Zone::Described(rules, known)),
            (None, Some(known)) => Ok(Zone::Named(known)),
            (None, None) => Err(format!(
                "The time zone {name} is not known: use an IANA name, or add its VTIMEZONE before the tasks."
            )),
        }
    }
}

impl Zone<'_> {
    pub(super) fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        match self {
            Self::Named(zone) => instant(zone, wall),
            Self::Described(rules, _) => rules.instant(wall),
        }
    }

    /// The IANA zone, unless the file's description differs from it at this time.
    pub(super) fn named(&self, wall: DateTime) -> Option<&TimeZone> {
        match self {
            Self::Named(zone) => Some(zone),
            Self::Described(rules, known) => known
                .as_ref()
                .filter(|zone| instant(zone, wall) == rules.instant(wall)),
        }
    }
}

/// Returns the instant of a local time (section 3.3.5): the first instant of a repeated time, and the
/// offset before the gap for a skipped time.
fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let at = zone.rules().to_ambiguous_timestamp(wall);
    at.compatible().ok()
}

/// Returns the time zone of a name with the prefix of a registry, such as
/// `/freeassociation.sourceforge.net/Europe/Vienna`.
fn registered(name: &str) -> Option<TimeZone> {
    let path = name.strip_prefix('/')?;
    let mut cuts = path.match_indices('/');
    cuts.find_map(|(at, _)| TimeZone::named(&path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vtimezone_is_found_by_tzid_in_any_case() {
        let mut zones = Zones::default();
        zones.describe(
            "BEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:20240101T000000\r\n\
             TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
        );
        assert!(matches!(zones.find("own"), Ok(Zone::Described(_, None))));
        assert!(zones.find("other").is_err());
    }
}
