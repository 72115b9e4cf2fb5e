//! Signing out: the sessions that a request names, and their ends.

use std::sync::Arc;

use super::{Sessions, end::end_by, own_sessions::with_id};
use crate::{
    error::{Error, Result},
    id::SessionKey,
    identity::{
        entity::security_events::Kind,
        follow_up::follow_up,
        request::{Authentication, RequestContext, device::Device},
        unscoped,
    },
    scope::Filter,
};

/// The proof that a request may end a session.
enum Proof {
    /// The session of the request.
    Session,
    /// A refresh token of this generation. Its holder counts as signed in unless it was replaced.
    Refresh(i32),
    /// An access token that has expired.
    Expired,
}

impl Sessions {
    /// Ends every session that the request names, by its credentials, its cookies or a refresh token; with `everywhere`
    /// all sessions of their users. Returns the number of sessions that were ended, which may be none.
    ///
    /// # Errors
    /// If any of them may still be active. The cookies are then left to the client, which sends them again.
    pub(in crate::identity) async fn sign_out(
        &self,
        context: &RequestContext,
        refresh_token: Option<&str>,
        everywhere: bool,
    ) -> Result<u64> {
        if let Authentication::Unverified { issuer } = &context.authentication
            && unscoped::has_identities(&self.database, issuer).await?
        {
            // The token's session, if it has one, would stay active.
            return Err(Error::Unavailable);
        }
        let named = self.named_by(context, refresh_token);
        let ended = self.end_named(&context.device, named, everywhere).await?;
        context.cookies.clear_all();
        Ok(ended)
    }

    /// Ends the session of a request that has opened another one; the client would not end it any more. The session of
    /// a socket stays active with the socket.
    pub(super) async fn end_previous_session(self: &Arc<Self>, context: &RequestContext) {
        if !context.cookies.may_be_set() {
            return;
        }
        let named = self.named_by(context, None);
        let (sessions, device) = (Arc::clone(self), context.device.clone());
        let ending = async move { sessions.end_named(&device, named, false).await };
        let ended = follow_up("the session before the new one was not ended", ending).await;
        if ended.is_some() {
            context.cookies.clear_all();
        }
    }

    async fn end_named(
        &self,
        device: &Device,
        named: Vec<(SessionKey, Proof)>,
        everywhere: bool,
    ) -> Result<u64> {
        let mut count = 0;
        for (key, proof) in named {
            let now = self.clock.now();
            let found = unscoped::session_by_key(&self.database, key).await?;
            let Some(session) = found.filter(|session| session.ended_at.is_none()) else {
                continue;
            };
            let may_end_all = match proof {
                Proof::Session => session.is_active_at(now),
                Proof::Refresh(generation) => {
                    session.is_active_at(now) && session.generation == generation
                }
                Proof::Expired => false,
            };
            let which = if everywhere && may_end_all {
                Filter::always()
            } else {
                with_id(key.session_id)
            };
            let viewer = self.viewer(&session, now);
            let ended = end_by(&viewer, device, which, Kind::SignedOut).await?;
            count += ended.len() as u64;
        }
        Ok(count)
    }

    /// Returns the sessions that a request names, each with its proof.
    fn named_by(
        &self,
        context: &RequestContext,
        refresh_token: Option<&str>,
    ) -> Vec<(SessionKey, Proof)> {
        let cookies = &context.cookies;
        let by_authentication = match &context.authentication {
            Authentication::Viewer(viewer) if viewer.is_interactive() => {
                Some((viewer.session_key(), Proof::Session))
            }
            Authentication::Refused { session, .. } => {
                session.map(|session| (session, Proof::Expired))
            }
            _ => None,
        };
        let by_refresh_tokens = [refresh_token, cookies.refresh_token()]
            .into_iter()
            .flatten()
            .filter_map(|token| self.issuer.read_refresh_token(token))
            .map(|claims| (claims.session, Proof::Refresh(claims.generation)));
        let by_cookie = cookies
            .session()
            .and_then(|cookie| self.issuer.read_cookie(cookie))
            .map(|session| (session, Proof::Session));
        by_authentication
            .into_iter()
            .chain(by_refresh_tokens)
            .chain(by_cookie)
            .collect()
    }
}
