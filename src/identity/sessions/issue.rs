//! The tokens of a session, and how they reach the client.

use std::sync::Arc;

use crate::{
    clock::Timestamp,
    crypto::{secret::Secrets, signed_text::HmacSigner},
    error::Result,
    id::{IdGenerator, SessionKey},
    identity::{
        credentials::refresh_tokens::{RefreshTokenClaims, RefreshTokens},
        entity::sessions::{self, Delivery},
        request::cookies::{CookieKind, Cookies},
        tokens::Tokens,
    },
};

/// The tokens in a payload; the others are in cookies.
#[derive(Default)]
pub(in crate::identity) struct IssuedTokens {
    /// The token and its expiry.
    pub(in crate::identity) access_token: Option<(String, Timestamp)>,
    pub(in crate::identity) refresh_token: Option<String>,
    pub(in crate::identity) refresh_token_expires_at: Option<Timestamp>,
}

/// Issues the tokens and cookies of sessions, and reads refresh tokens and cookies back.
pub(super) struct TokenIssuer {
    tokens: Arc<Tokens>,
    refresh_tokens: RefreshTokens,
    cookie_signer: HmacSigner,
    ids: Arc<IdGenerator>,
}

impl TokenIssuer {
    pub(super) fn new(tokens: Arc<Tokens>, secrets: &Secrets, ids: Arc<IdGenerator>) -> Self {
        Self {
            tokens,
            refresh_tokens: RefreshTokens::new(HmacSigner::new(secrets, "refresh-token hmac")),
            cookie_signer: HmacSigner::new(secrets, "session-cookie hmac"),
            ids,
        }
    }

    /// Issues the session's tokens. It can fail, and so comes before the commit that opens or refreshes the session.
    pub(super) fn issue(&self, session: &sessions::Model, now: Timestamp) -> Result<IssuedTokens> {
        if session.delivery == Delivery::Cookie {
            return Ok(IssuedTokens::default());
        }
        let jti = self.ids.next(now);
        Ok(IssuedTokens {
            access_token: Some(self.tokens.sign(session, jti, now)?),
            refresh_token: Some(self.refresh_tokens.issue(session)),
            refresh_token_expires_at: Some(session.ends_at()),
        })
    }

    /// Moves tokens into cookies, as the session's delivery says. Returns those of the payload.
    pub(super) fn deliver(
        &self,
        session: &sessions::Model,
        mut issued: IssuedTokens,
        now: Timestamp,
        cookies: &Cookies,
    ) -> IssuedTokens {
        match session.delivery {
            Delivery::Cookie => {
                let signed = self.cookie_signer.sign(&session.key().to_string());
                // The cookie lasts as long as the session can; the row decides.
                cookies.set(CookieKind::Session, signed, now, session.expires_at);
            }
            Delivery::Hybrid if cookies.may_be_set() => {
                if let Some(token) = issued.refresh_token.take() {
                    cookies.set(CookieKind::RefreshToken, token, now, session.ends_at());
                }
            }
            Delivery::Hybrid | Delivery::Bearer => {}
        }
        issued
    }

    pub(super) fn read_refresh_token(&self, token: &str) -> Option<RefreshTokenClaims> {
        self.refresh_tokens.read(token)
    }

    /// Returns the session that a session cookie names.
    pub(super) fn read_cookie(&self, cookie: &str) -> Option<SessionKey> {
        self.cookie_signer.verify(cookie)?.parse().ok()
    }
}
