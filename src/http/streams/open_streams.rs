//! The open streams: who may open one, and how many there may be.

use std::{future, sync::Arc};

use axum::http::StatusCode;
use tokio::sync::{Semaphore, watch};

use super::{
    anonymous::{AnonymousStreamPermit, AnonymousStreams},
    permit::{StreamPermit, UserStreamPermit, UserStreams},
};
use crate::{
    config::ConnectionLimits,
    error::{Error, code},
    http::graphql_response::Answer,
    id::UserId,
    identity::{Authentication, Network},
    scope::ChangeListener,
};

/// The open streams, and the signal that ends them all.
pub(crate) struct Streams {
    limits: ConnectionLimits,
    permits: Arc<Semaphore>,
    users: UserStreams,
    anonymous: Arc<AnonymousStreams>,
    stopping: watch::Receiver<bool>,
}

impl Streams {
    pub(crate) fn new(limits: ConnectionLimits, stopping: watch::Receiver<bool>) -> Self {
        Self {
            limits,
            permits: Arc::new(Semaphore::new(limits.max_streams as usize)),
            users: UserStreams::default(),
            anonymous: Arc::new(AnonymousStreams::new(
                limits.max_anonymous_streams_per_network,
                // The other half is reserved for signed-in users.
                limits.max_streams.div_ceil(2),
            )),
            stopping,
        }
    }

    /// A permit for a stream that is signed in: a free one, or that of an anonymous stream, which ends.
    fn permit(&self) -> Option<StreamPermit> {
        self.free_permit().or_else(|| {
            self.anonymous.make_way();
            self.free_permit()
        })
    }

    /// A permit for a stream that is not signed in, or not yet.
    pub(super) fn anonymous_permit(&self, network: Network) -> Option<AnonymousStreamPermit> {
        self.anonymous.make_room(&network);
        Some(self.anonymous.add(network, self.permit()?))
    }

    fn free_permit(&self) -> Option<StreamPermit> {
        StreamPermit::acquire(&self.permits)
    }

    /// A permit of the user's, if they have fewer streams than allowed.
    pub(super) fn user_permit(&self, user_id: UserId) -> Option<UserStreamPermit> {
        self.users
            .acquire(user_id, self.limits.max_streams_per_viewer)
    }

    /// Waits until every stream has ended.
    pub(crate) async fn all_closed(&self) {
        // It is never closed, so this cannot fail.
        let _ = self.permits.acquire_many(self.limits.max_streams).await;
    }

    /// Waits until the server stops.
    pub(super) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            future::pending().await
        }
    }
}

/// The permits of a stream over HTTP.
pub(in crate::http) enum StreamPermits {
    User {
        _permit: StreamPermit,
        _user: UserStreamPermit,
    },
    Anonymous {
        _permit: AnonymousStreamPermit,
    },
}

/// Acquires the permits for a stream over HTTP, and the listener for the end of its session.
pub(in crate::http) fn acquire(
    streams: &Streams,
    credentials: &Authentication,
    network: Network,
) -> Result<(Option<ChangeListener>, StreamPermits), Answer> {
    let no_room = || Answer::of(Error::Unavailable);
    let Authentication::Viewer(viewer) = credentials else {
        let permit = streams.anonymous_permit(network).ok_or_else(no_room)?;
        return Ok((None, StreamPermits::Anonymous { _permit: permit }));
    };
    let user = streams.user_permit(viewer.user_id()).ok_or_else(|| {
        let max = streams.limits.max_streams_per_viewer;
        let message = format!("At most {max} streams may be open at once. Close one first.");
        Answer::refusal(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, &message)
    })?;
    let permits = StreamPermits::User {
        _permit: streams.permit().ok_or_else(no_room)?,
        _user: user,
    };
    Ok((Some(viewer.listen()), permits))
}
