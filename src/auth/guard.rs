//! The guard: from a request's credentials to a viewer, or to the reason why there is none.

use std::{net::IpAddr, time::Duration};

use async_graphql::Context;
use http::{HeaderMap, header::AUTHORIZATION};

use super::{IdentityProvider, unscoped, viewer::Viewer};
use crate::{
    clock::Timestamp,
    error::{Error, Reason, Result},
    id::SessionId,
};

/// How old a session's last activity is allowed to look.
const ACTIVITY_GRAIN: Duration = Duration::from_secs(60);

/// Who sent a request, as far as it says.
pub(crate) struct Caller {
    pub(crate) credentials: Credentials,
    pub(crate) device: Device,
}

/// What a request's credentials open.
pub(crate) enum Credentials {
    /// There are none: nobody asks.
    None,
    Viewer(Viewer),
    /// They open nothing. A token that was rightly signed still names a session.
    Refused {
        reason: Reason,
        session: Option<SessionId>,
    },
}

/// What is remembered of the device that a session was opened from.
#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) user_agent: Option<String>,
    pub(crate) ip_address: Option<IpAddr>,
}

/// Whoever asks, or the reason why it is nobody.
pub(crate) fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    match &caller(ctx).credentials {
        Credentials::Viewer(viewer) => Ok(viewer),
        Credentials::None => Err(Error::Unauthenticated(Reason::NoCredentials)),
        Credentials::Refused { reason, .. } => Err(Error::Unauthenticated(*reason)),
    }
}

/// Whoever asks, or nothing when a request carries no credentials.
pub(crate) fn viewer_or_nobody<'a>(ctx: &Context<'a>) -> Option<&'a Viewer> {
    viewer(ctx).ok()
}

pub(super) fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_unchecked()
}

impl IdentityProvider {
    /// Reads the `Authorization` header, verifies its token and asks whether its session lives.
    ///
    /// # Errors
    /// Only when the question cannot be answered now; credentials that open nothing are an answer.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Credentials> {
        let now = self.clock.now();
        let token = match bearer(headers) {
            Ok(None) => return Ok(Credentials::None),
            Ok(Some(token)) => token,
            Err(reason) => return Ok(refused(reason, None)),
        };
        let named = match self.tokens.verify(token, now) {
            Ok(named) => named,
            Err(reason) => return Ok(refused(reason, None)),
        };
        if named.has_expired {
            return Ok(refused(Reason::TokenExpired, Some(named.session_id)));
        }
        let session = unscoped::session_by_id(&self.database, named.session_id).await?;
        let Some(session) = session.filter(|session| session.lives_at(now)) else {
            return Ok(refused(Reason::SessionEnded, Some(named.session_id)));
        };
        let viewer = self.viewer(&session, now);
        if viewer.user_id() != named.user_id {
            return Ok(refused(Reason::TokenInvalid, None));
        }
        self.note_activity(session.id, session.last_active_at, now)
            .await?;
        Ok(Credentials::Viewer(viewer))
    }

    async fn note_activity(
        &self,
        session: SessionId,
        last_active_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        if now.since(last_active_at) < ACTIVITY_GRAIN {
            return Ok(());
        }
        unscoped::touch_session(&self.database, session, now).await
    }
}

fn refused(reason: Reason, session: Option<SessionId>) -> Credentials {
    Credentials::Refused { reason, session }
}

/// The token of exactly one well-formed `Authorization: Bearer` (RFC 6750 section 2.1), or nothing
/// when there is no such header.
fn bearer(headers: &HeaderMap) -> std::result::Result<Option<&str>, Reason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim_matches(' '))
        .filter(|token| !token.is_empty() && token.bytes().all(is_token68));
    match (token, values.next()) {
        (Some(token), None) => Ok(Some(token)),
        _ => Err(Reason::TokenInvalid),
    }
}

/// RFC 9110 section 11.2.
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> std::result::Result<Option<String>, Reason> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn exactly_one_well_formed_bearer_is_read() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(read(&["bEARER  a.b.c "]), Ok(Some("a.b.c".to_owned())));
        for values in [
            &[""][..],
            &["Bearer"],
            &["Bearer "],
            &["a.b.c"],
            &["Basic YTpi"],
            &["Bearer a b"],
            &["Bearer a,b"],
            &["Bearer a", "Bearer a"],
            &["Bearer a, Bearer a"],
        ] {
            assert_eq!(read(values), Err(Reason::TokenInvalid), "{values:?}");
        }
    }
}
