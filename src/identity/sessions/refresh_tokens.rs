//! The generations of a session's refresh token: the next one, and what to think of one that was
//! replaced.

use std::time::Duration;

use super::lifetimes::idle_end;
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    identity::{Issued, entity::sessions, secret::signed_text::Seal},
    scope::Set,
};

/// How long a refresh token that was replaced still gives its successor, whatever has been done
/// with that: several tabs refresh at once.
const GRACE: Duration = Duration::from_secs(10);

/// Proof that a refresh token was issued here, for this session and as this generation of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Presented {
    pub(in crate::identity) session_id: SessionId,
    pub(in crate::identity) generation: i32,
}

/// What to do for who presents a refresh token of a living session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Verdict {
    /// It is the current one: the next takes its place.
    Rotate,
    /// It was replaced, and whoever has its successor may not have got it: the same one again.
    Repeat,
    /// It was replaced by one that is in use: two parties hold it.
    Reused,
}

/// What became of the session.
pub(in crate::identity) enum Refreshed {
    Session(Box<sessions::Model>, Issued),
    /// It was ended, whosever it was.
    Reused(UserId),
    /// It had ended.
    Gone,
}

/// Makes refresh tokens and reads them back.
pub(in crate::identity) struct RefreshTokens(Seal);

impl RefreshTokens {
    pub(in crate::identity) fn new(seal: Seal) -> Self {
        Self(seal)
    }

    /// The token of the session's current generation: always the same one.
    pub(in crate::identity) fn issue(&self, session: &sessions::Model) -> String {
        self.0
            .seal(&format!("{}.{}", session.id, session.generation))
    }

    pub(in crate::identity) fn read(&self, token: &str) -> Option<Presented> {
        let (session_id, generation) = self.0.open(token)?.split_once('.')?;
        Some(Presented {
            session_id: session_id.parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Judges a token by its generation and by what has been done with its successor.
pub(in crate::identity) fn judge(
    session: &sessions::Model,
    generation: i32,
    now: Timestamp,
) -> Verdict {
    if generation == session.generation {
        return Verdict::Rotate;
    }
    let is_previous = generation == session.generation - 1;
    // By whichever clock is ahead: one that was an hour fast does not forgive for an hour.
    let is_lately = now.between(session.rotated_at) <= GRACE;
    let is_unused = session.confirmed_generation < session.generation;
    if is_previous && (is_lately || is_unused) {
        Verdict::Repeat
    } else {
        Verdict::Reused
    }
}

/// The row after a rotation. By a clock that is behind another instance's no moment goes back.
pub(in crate::identity) fn rotated(
    session: &sessions::Model,
    now: Timestamp,
) -> sessions::ActiveModel {
    let idle_end = idle_end(now, session.expires_at);
    sessions::ActiveModel {
        generation: Set(session.generation + 1),
        rotated_at: Set(now),
        last_active_at: Set(now.max(session.last_active_at)),
        idle_expires_at: Set(idle_end.max(session.idle_expires_at)),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Ids, identity::sessions::new_session, scope::Owner};

    /// A session after a rotation whose tokens were used.
    fn session_rotated_at(rotated_at: Timestamp) -> sessions::Model {
        let ids = Ids::default();
        let (id, owner) = (
            SessionId::new(&ids, rotated_at),
            Owner::mint(&ids, rotated_at),
        );
        sessions::Model {
            generation: 2,
            confirmed_generation: 2,
            ..new_session::begun(id, owner, rotated_at, rotated_at.plus(2 * HOUR))
        }
    }

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_replaced_token_is_forgiven_for_ten_seconds_by_any_clock() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        for (rotated_at, verdict) in [
            (now, Verdict::Repeat),
            (now.minus(GRACE), Verdict::Repeat),
            (now.plus(GRACE), Verdict::Repeat),
            (now.minus(GRACE + Duration::from_millis(1)), Verdict::Reused),
            (now.plus(GRACE + Duration::from_millis(1)), Verdict::Reused),
            (now.plus(HOUR), Verdict::Reused),
        ] {
            let session = session_rotated_at(rotated_at);
            assert_eq!(judge(&session, 1, now), verdict, "{rotated_at}");
            assert_eq!(judge(&session, 2, now), Verdict::Rotate);
        }
    }

    #[test]
    fn an_unused_successor_is_repeated_by_any_clock() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        for rotated_at in [now.minus(HOUR), now.plus(HOUR)] {
            let session = sessions::Model {
                confirmed_generation: 1,
                ..session_rotated_at(rotated_at)
            };
            assert_eq!(judge(&session, 1, now), Verdict::Repeat);
            assert_eq!(judge(&session, 0, now), Verdict::Reused);
        }
    }
}
