//! The open streams: acquires their permits and signals their end.

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
    http::graphql_response::GraphqlResponse,
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

    /// Acquires a permit for a stream with a session. If none is free, an anonymous stream is
    /// evicted.
    fn permit(&self) -> Option<StreamPermit> {
        self.free_permit().or_else(|| {
            self.anonymous.evict_for_user();
            self.free_permit()
        })
    }

    /// Acquires a permit for a stream without a session.
    pub(super) fn anonymous_permit(&self, network: Network) -> Option<AnonymousStreamPermit> {
        self.anonymous.evict_oldest(&network);
        Some(self.anonymous.add(network, self.permit()?))
    }

    fn free_permit(&self) -> Option<StreamPermit> {
        StreamPermit::acquire(&self.permits)
    }

    /// Acquires one of the user's permits; `None` if the user has the maximum number of streams.
    pub(super) fn user_permit(&self, user_id: UserId) -> Option<UserStreamPermit> {
        self.users
            .acquire(user_id, self.limits.max_streams_per_viewer)
    }

    /// Waits until every stream has ended.
    pub(crate) async fn all_closed(&self) {
        // The semaphore is never closed, so this cannot fail.
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

/// The permits of a stream over HTTP, released when dropped.
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
) -> Result<(Option<ChangeListener>, StreamPermits), GraphqlResponse> {
    let no_room = || GraphqlResponse::from_error(Error::Unavailable);
    let Authentication::Viewer(viewer) = credentials else {
        let permit = streams.anonymous_permit(network).ok_or_else(no_room)?;
        return Ok((None, StreamPermits::Anonymous { _permit: permit }));
    };
    let user = streams.user_permit(viewer.user_id()).ok_or_else(|| {
        let max = streams.limits.max_streams_per_viewer;
        let message = format!("At most {max} streams may be open at once. Close one first.");
        GraphqlResponse::rejection(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, &message)
    })?;
    let permits = StreamPermits::User {
        _permit: streams.permit().ok_or_else(no_room)?,
        _user: user,
    };
    Ok((Some(viewer.listen()), permits))
}
