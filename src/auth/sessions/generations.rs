//! The generations of a session's refresh token: the next one, and what to think of one that was
//! replaced.

use std::time::Duration;

use sea_orm::ActiveValue::Set;

use super::lives::idle_end;
use crate::{
    auth::{Issued, entity::sessions, secret::seal::Seal},
    clock::Timestamp,
    id::{SessionId, UserId},
};

/// How long a refresh token that was replaced still gives its successor, whatever has been done
/// with that: several tabs refresh at once.
const GRACE: Duration = Duration::from_secs(10);

/// Proof that a refresh token was issued here, for this session and as this generation of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) struct Presented {
    pub(in crate::auth) session_id: SessionId,
    pub(in crate::auth) generation: i32,
}

/// What to do for who presents a refresh token of a living session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Verdict {
    /// It is the current one: the next takes its place.
    Rotate,
    /// It was replaced, and whoever has its successor may not have got it: the same one again.
    Repeat,
    /// It was replaced by one that is in use: two parties hold it.
    Reused,
}

/// What became of the session.
pub(in crate::auth) enum Refreshed {
    Session(Box<sessions::Model>, Issued),
    /// It was ended, whosever it was.
    Reused(UserId),
    /// It had ended.
    Gone,
}

/// Makes refresh tokens and reads them back.
pub(in crate::auth) struct RefreshTokens(Seal);

impl RefreshTokens {
    pub(in crate::auth) fn new(seal: Seal) -> Self {
        Self(seal)
    }

    /// The token of the session's current generation: always the same one.
    pub(in crate::auth) fn issue(&self, session: &sessions::Model) -> String {
        self.0
            .seal(&format!("{}.{}", session.id, session.generation))
    }

    pub(in crate::auth) fn read(&self, token: &str) -> Option<Presented> {
        let (session_id, generation) = self.0.open(token)?.split_once('.')?;
        Some(Presented {
            session_id: session_id.parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Judges a token by its generation and by what has been done with its successor.
pub(in crate::auth) fn judge(
    session: &sessions::Model,
    generation: i32,
    now: Timestamp,
) -> Verdict {
    if generation == session.generation {
        return Verdict::Rotate;
    }
    let is_previous = generation == session.generation - 1;
    let is_lately = now.since(session.rotated_at) <= GRACE;
    let is_unused = session.confirmed_generation < session.generation;
    if is_previous && (is_lately || is_unused) {
        Verdict::Repeat
    } else {
        Verdict::Reused
    }
}

/// The row after a rotation.
pub(in crate::auth) fn rotated(session: &sessions::Model, now: Timestamp) -> sessions::ActiveModel {
    sessions::ActiveModel {
        generation: Set(session.generation + 1),
        rotated_at: Set(now),
        last_active_at: Set(now),
        idle_expires_at: Set(idle_end(now, session.expires_at)),
        ..Default::default()
    }
}
