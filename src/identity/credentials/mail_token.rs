//! Tokens that are sent by mail, and prove that their bearer receives mail at a user's address.

use std::{fmt, str::FromStr};

use super::secret_token;
use crate::{
    clock::Timestamp,
    error::Result,
    id::{ChallengeId, TypedId, UserId},
    identity::entity::challenges::{Entity, Kind, Model},
    scope::{Filter, Viewer},
};

/// A token: the ids of the user and of the challenge, and the secret. The challenge's row stores the
/// digest of the secret.
pub(in crate::identity) struct MailToken {
    pub(in crate::identity) user_id: UserId,
    pub(in crate::identity) challenge_id: ChallengeId,
    secret: String,
}

impl MailToken {
    /// Creates a token with a new secret.
    pub(in crate::identity) fn generate(
        user_id: UserId,
        challenge_id: ChallengeId,
    ) -> Result<Self> {
        Ok(Self {
            user_id,
            challenge_id,
            secret: secret_token::generate()?,
        })
    }

    pub(in crate::identity) fn secret_digest(&self) -> Vec<u8> {
        secret_token::digest_of(&self.secret)
    }

    /// Returns true if the challenge is of this kind and for this token, and has not expired.
    pub(in crate::identity) fn answers(
        &self,
        challenge: &Model,
        kind: Kind,
        now: Timestamp,
    ) -> bool {
        challenge.kind == kind
            && now < challenge.expires_at
            && secret_token::matches(&self.secret, &challenge.secret_digest)
    }
}

/// Writes the 26 characters of the user's id, `_`, the 26 of the challenge's id, `_` and the secret.
impl fmt::Display for MailToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user_id, challenge_id) = (self.user_id.suffix(), self.challenge_id.suffix());
        write!(f, "{user_id}_{challenge_id}_{}", self.secret)
    }
}

impl FromStr for MailToken {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (user_id, rest) = text.split_once('_').ok_or(())?;
        let (challenge_id, secret) = rest.split_once('_').ok_or(())?;
        Ok(Self {
            user_id: UserId::from_suffix(user_id).ok_or(())?,
            challenge_id: ChallengeId::from_suffix(challenge_id).ok_or(())?,
            secret: secret.to_owned(),
        })
    }
}

/// Invalidates the tokens that were sent to the viewer.
pub(in crate::identity) async fn revoke_all(viewer: &Viewer) -> Result<()> {
    viewer.delete::<Entity>(Filter::always()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdGenerator;

    #[test]
    fn token_is_read_back_and_fits_only_its_challenge() {
        let (ids, now) = (IdGenerator::default(), Timestamp::from_millis(1_000));
        let id = ChallengeId::new(&ids, now);
        let token = MailToken::generate(UserId::new(&ids, now), id).unwrap();
        let text = token.to_string();
        assert_eq!(text.len(), 26 + 1 + 26 + 1 + 43);
        let read: MailToken = text.parse().unwrap();
        assert_eq!((read.user_id, read.challenge_id), (token.user_id, id));
        assert_eq!(read.secret_digest(), token.secret_digest());
        let another = MailToken::generate(token.user_id, id).unwrap();
        assert_ne!(another.secret_digest(), token.secret_digest());
        for text in ["", "_", "__", &text[1..], &text.to_uppercase()] {
            assert!(text.parse::<MailToken>().is_err(), "{text}");
        }
    }
}
