//! The context of a request: who sent it, from which device, with which cookies.

pub(in crate::identity) mod authorization;
pub(in crate::identity) mod cookies;
pub(in crate::identity) mod device;
pub(in crate::identity) mod network;

use std::sync::Arc;

use async_graphql::Context;
use tokio::sync::Notify;

use self::{cookies::Cookies, device::Device};
use crate::{
    error::{AuthFailure, Error, Result},
    id::SessionKey,
    scope::Viewer,
};

/// The sender of a request.
pub(crate) struct RequestContext {
    pub(crate) authentication: Authentication,
    pub(crate) device: Device,
    /// The cookies of the request, and those that its response sets.
    pub(crate) cookies: Arc<Cookies>,
    /// Notified when a subscription receives every change from now on.
    pub(crate) ready: Arc<Notify>,
}

impl RequestContext {
    pub(crate) fn new(
        authentication: Authentication,
        device: Device,
        cookies: Arc<Cookies>,
    ) -> Self {
        Self {
            authentication,
            device,
            cookies,
            ready: Arc::default(),
        }
    }
}

/// The result of authenticating a request.
pub(crate) enum Authentication {
    /// The request has no credentials.
    Anonymous,
    Viewer(Viewer),
    /// The credentials are invalid. `session` is set if a token with a valid signature names it.
    Refused {
        reason: AuthFailure,
        session: Option<SessionKey>,
    },
    /// The token of an external provider whose keys cannot be fetched now, so it may be valid.
    Unverified {
        issuer: String,
    },
}

impl Authentication {
    /// Rejects invalid credentials. An anonymous request passes.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], or [`Error::Unavailable`] if the credentials cannot be verified
    /// now.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Anonymous | Self::Viewer(_) => Ok(()),
            Self::Refused { reason, .. } => Err(Error::Unauthenticated(*reason)),
            Self::Unverified { .. } => Err(Error::Unavailable),
        }
    }
}

/// Returns the viewer of a request.
///
/// # Errors
/// [`Error::Unauthenticated`] with the reason if the request has no viewer.
pub(crate) fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    let authentication = &request_context(ctx).authentication;
    authentication.check()?;
    match authentication {
        Authentication::Viewer(viewer) => Ok(viewer),
        _ => Err(Error::Unauthenticated(AuthFailure::NoCredentials)),
    }
}

/// Returns the viewer of a request, unless it authenticates by a personal access token: these must
/// not change credentials.
///
/// # Errors
/// [`Error::Unauthenticated`] if the request has no viewer, or with a personal access token.
pub(in crate::identity) fn require_interactive<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    let viewer = viewer(ctx)?;
    if !viewer.is_interactive() {
        return Err(Error::Unauthenticated(AuthFailure::InsufficientScope));
    }
    Ok(viewer)
}

/// Returns the viewer of a request, if it has one.
pub(crate) fn optional_viewer<'a>(ctx: &Context<'a>) -> Option<&'a Viewer> {
    viewer(ctx).ok()
}

/// Signals that the subscription of this request receives every change from now on.
pub(crate) fn signal_ready(ctx: &Context<'_>) {
    request_context(ctx).ready.notify_one();
}

pub(in crate::identity) fn request_context<'a>(ctx: &Context<'a>) -> &'a RequestContext {
    ctx.data_unchecked()
}
