//! Refresh tokens: the generations of a session's token, and what a replaced one does.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    crypto::signed_text::HmacSigner,
    id::SessionKey,
    identity::{entity::sessions, lifetimes::idle_end},
    scope::Set,
};

/// How long a refresh token that was replaced still gives its successor, whatever has been done
/// with that: several tabs refresh at once.
const GRACE: Duration = Duration::from_secs(10);

/// Proof that a refresh token was issued here, for this session and as this generation of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct RefreshTokenClaims {
    pub(in crate::identity) session: SessionKey,
    pub(in crate::identity) generation: i32,
}

/// What a refresh token of an active session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum RefreshDecision {
    /// It is the current token: the next takes its place.
    Rotate,
    /// It was replaced, and its successor may have been lost: the same successor again.
    Replay,
    /// It was replaced by one that is in use: two parties hold it.
    Reuse,
}

/// Makes refresh tokens and reads them back.
pub(in crate::identity) struct RefreshTokens(HmacSigner);

impl RefreshTokens {
    pub(in crate::identity) fn new(signer: HmacSigner) -> Self {
        Self(signer)
    }

    /// The token of the session's current generation: always the same one.
    pub(in crate::identity) fn issue(&self, session: &sessions::Model) -> String {
        self.0
            .sign(&format!("{}.{}", session.key(), session.generation))
    }

    pub(in crate::identity) fn read(&self, token: &str) -> Option<RefreshTokenClaims> {
        let (session, generation) = self.0.verify(token)?.rsplit_once('.')?;
        Some(RefreshTokenClaims {
            session: session.parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Decides by the token's generation and the use of its successor.
pub(in crate::identity) fn decide(
    session: &sessions::Model,
    generation: i32,
    now: Timestamp,
) -> RefreshDecision {
    if generation == session.generation {
        return RefreshDecision::Rotate;
    }
    let is_previous = generation == session.generation - 1;
    // By whichever clock is ahead: one that was an hour fast does not forgive for an hour.
    let is_lately = now.between(session.rotated_at) <= GRACE;
    let is_unused = session.confirmed_generation < session.generation;
    if is_previous && (is_lately || is_unused) {
        RefreshDecision::Replay
    } else {
        RefreshDecision::Reuse
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
    use crate::{
        id::{Ids, SessionId},
        scope::Owner,
    };

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
            ..sessions::Model::new(id, owner, rotated_at, rotated_at.plus(2 * HOUR))
        }
    }

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_replaced_token_is_forgiven_for_ten_seconds_by_any_clock() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        for (rotated_at, decision) in [
            (now, RefreshDecision::Replay),
            (now.minus(GRACE), RefreshDecision::Replay),
            (now.plus(GRACE), RefreshDecision::Replay),
            (
                now.minus(GRACE + Duration::from_millis(1)),
                RefreshDecision::Reuse,
            ),
            (
                now.plus(GRACE + Duration::from_millis(1)),
                RefreshDecision::Reuse,
            ),
            (now.plus(HOUR), RefreshDecision::Reuse),
        ] {
            let session = session_rotated_at(rotated_at);
            assert_eq!(decide(&session, 1, now), decision, "{rotated_at}");
            assert_eq!(decide(&session, 2, now), RefreshDecision::Rotate);
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
            assert_eq!(decide(&session, 1, now), RefreshDecision::Replay);
            assert_eq!(decide(&session, 0, now), RefreshDecision::Reuse);
        }
    }
}
