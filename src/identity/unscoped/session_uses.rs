//! Merges the uses of a session in memory until they are written.

use crate::{clock::Timestamp, id::SessionKey, identity::entity::sessions::Model};

/// The uses of one session that are not written yet. [`Uses::apply`] and the statement of
/// [`write_uses`](super::write_uses) follow the same rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Uses {
    /// The time of the last use, which never decreases.
    pub(in crate::identity) last_active_at: Timestamp,
    /// The newest generation whose access token was used, unless the row has it. Never decreases.
    pub(in crate::identity) confirmed_generation: Option<i32>,
    pub(in crate::identity) slide: Option<Slide>,
}

/// A session and its uses.
pub(in crate::identity) type UsesOf = (SessionKey, Uses);

/// An extension of the idle timeout by a use of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Slide {
    /// The expiry of the row at the use. If the row has an earlier expiry now, it was shortened,
    /// and stays.
    pub(in crate::identity) from: Timestamp,
    pub(in crate::identity) to: Timestamp,
}

impl Uses {
    /// Adds a later use.
    pub(in crate::identity) fn add(&mut self, later: Self) {
        self.last_active_at = self.last_active_at.max(later.last_active_at);
        self.confirmed_generation = self.confirmed_generation.max(later.confirmed_generation);
        self.slide = match (self.slide, later.slide) {
            (Some(first), Some(later)) => Some(Slide {
                from: first.from.min(later.from),
                to: first.to.max(later.to),
            }),
            (first, later) => first.or(later),
        };
    }

    /// Applies the uses to a session, like the statement to its row.
    pub(in crate::identity) fn apply(&self, session: &mut Model) {
        if session.ended_at.is_some() {
            return;
        }
        session.last_active_at = session.last_active_at.max(self.last_active_at);
        if let Some(generation) = self.confirmed_generation {
            session.confirmed_generation = session.confirmed_generation.max(generation);
        }
        if let Some(slide) = self.slide
            && slide.from <= session.idle_expires_at
        {
            session.idle_expires_at = session.idle_expires_at.max(slide.to);
        }
    }
}
