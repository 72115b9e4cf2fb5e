//! The time zones of a calendar: by their IANA name, their description in the calendar, or their name on Windows.

use std::collections::HashMap;

use jiff::{Timestamp, civil::DateTime};

use super::{
    vtimezone::{Rules, Vtimezone, key},
    windows,
};
use crate::identity::TimeZone;

/// The maximum number of time zones that a calendar describes: about as many as there are.
const MAX_ZONES: usize = 1_000;

/// The time zones that a file describes.
#[derive(Default)]
pub(super) struct Zones(HashMap<String, Described>);

struct Described {
    /// The `VTIMEZONE`: merged files repeat the same one.
    block: String,
    source: Source,
}

enum Source {
    /// The IANA name that `X-LIC-LOCATION` has for it.
    Location(TimeZone),
    Rules(Rules),
}

/// The time zone that a `TZID` refers to.
pub(super) enum Zone<'a> {
    Named(TimeZone),
    /// The zone that the file describes, and the one that its name has without a description.
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

    /// Returns the time zone of a name.
    ///
    /// # Errors
    /// Fails if the calendar does not describe it, and neither IANA nor Windows has it.
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
                "The time zone {name} is not known: write an IANA name, or a VTIMEZONE before it."
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

/// The instant of a local time (section 3.3.5): the first of a repeated one, and by the offset before the gap for one
/// that is skipped.
fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let at = zone.rules().to_ambiguous_timestamp(wall);
    at.compatible().ok()
}

/// The zone of a name with the prefix of a registry, such as `/freeassociation.sourceforge.net/Europe/Vienna`.
fn registered(name: &str) -> Option<TimeZone> {
    let path = name.strip_prefix('/')?;
    let mut cuts = path.match_indices('/');
    cuts.find_map(|(at, _)| TimeZone::named(&path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn described_zone_is_found_by_name_in_any_case() {
        let mut zones = Zones::default();
        zones.describe(
            "BEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:20240101T000000\r\n\
             TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
        );
        assert!(matches!(zones.find("own"), Ok(Zone::Described(_, None))));
        assert!(zones.find("other").is_err());
    }
}
