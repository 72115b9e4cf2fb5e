//! Refresh tokens: issues and verifies them, and decides on the use of a replaced one.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    crypto::signed_text::HmacSigner,
    id::SessionKey,
    identity::{entity::sessions, lifetimes::idle_expiry},
    scope::Set,
};

/// The time in which a replaced refresh token still returns its successor, even if the successor
/// has been used: several tabs of a browser may refresh at once.
const REFRESH_GRACE_PERIOD: Duration = Duration::from_secs(10);

/// The session and generation of a refresh token with a valid signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct RefreshTokenClaims {
    pub(in crate::identity) session: SessionKey,
    pub(in crate::identity) generation: i32,
}

/// The effect of a refresh token of an active session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum RefreshDecision {
    /// The token is current. The next one replaces it.
    Rotate,
    /// The token was replaced, and its successor may have been lost. Returns the successor again.
    Replay,
    /// The token was replaced by one that is in use, so two parties have it.
    Reuse,
}

/// Issues and verifies refresh tokens.
pub(in crate::identity) struct RefreshTokens(HmacSigner);

impl RefreshTokens {
    pub(in crate::identity) fn new(signer: HmacSigner) -> Self {
        Self(signer)
    }

    /// Returns the token of the session's current generation. The same generation has the same
    /// token.
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
    // The absolute difference: a rotation by a clock that is an hour ahead gets no hour of grace.
    let is_recent = now.between(session.rotated_at) <= REFRESH_GRACE_PERIOD;
    let is_unused = session.confirmed_generation < session.generation;
    if is_previous && (is_recent || is_unused) {
        RefreshDecision::Replay
    } else {
        RefreshDecision::Reuse
    }
}

/// Returns the changes of a rotation. `last_active_at` and `idle_expires_at` never decrease, even
/// if another instance's clock is ahead of ours.
pub(in crate::identity) fn rotated(
    session: &sessions::Model,
    now: Timestamp,
) -> sessions::ActiveModel {
    let idle_end = idle_expiry(now, session.expires_at);
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
        id::{IdGenerator, SessionId},
        scope::Owner,
    };

    /// Returns a session after a rotation whose new tokens have been used.
    fn session_rotated_at(rotated_at: Timestamp) -> sessions::Model {
        let ids = IdGenerator::default();
        let (id, owner) = (
            SessionId::new(&ids, rotated_at),
            Owner::new_user(&ids, rotated_at),
        );
        sessions::Model {
            generation: 2,
            confirmed_generation: 2,
            ..sessions::Model::new(id, owner, rotated_at, rotated_at.plus(2 * HOUR))
        }
    }

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn replaced_token_has_10_second_grace_despite_clock_skew() {
        let now = Timestamp::from_millis(1_795_262_400_000);
        for (rotated_at, decision) in [
            (now, RefreshDecision::Replay),
            (now.minus(REFRESH_GRACE_PERIOD), RefreshDecision::Replay),
            (now.plus(REFRESH_GRACE_PERIOD), RefreshDecision::Replay),
            (
                now.minus(REFRESH_GRACE_PERIOD + Duration::from_millis(1)),
                RefreshDecision::Reuse,
            ),
            (
                now.plus(REFRESH_GRACE_PERIOD + Duration::from_millis(1)),
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
    fn unused_successor_is_replayed_at_any_time() {
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
