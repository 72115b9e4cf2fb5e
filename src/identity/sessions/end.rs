//! Ends of a viewer's sessions.

use super::own_sessions::{interactive, with_id};
use crate::{
    error::{FieldError, Result, UserErrorCode},
    id::SessionId,
    identity::{
        entity::{security_events::Kind, sessions},
        error::IdentityError,
        request::{RequestContext, device::Device},
        security_events::events,
    },
    scope::{Filter, Query, Set, Viewer},
};

/// Ends one of the viewer's sessions; one that has ended is left as it is.
pub(in crate::identity) async fn revoke(
    viewer: &Viewer,
    context: &RequestContext,
    id: Option<SessionId>,
) -> std::result::Result<SessionId, IdentityError> {
    let session = match id {
        Some(id) => {
            viewer
                .find_one(Query::filter(with_id(id).and(interactive())))
                .await?
        }
        None => None,
    };
    let not_found = || {
        let message = "There is no such session.";
        FieldError::new(UserErrorCode::NotFound, message).at("id")
    };
    let id = session.ok_or_else(not_found)?.id;
    let which = with_id(id);
    end_by(viewer, &context.device, which, Kind::SessionRevoked).await?;
    if id == viewer.session_id() {
        context.cookies.clear_all();
    }
    Ok(id)
}

/// Ends every session of the viewer's but the one that they are here with.
pub(in crate::identity) async fn revoke_others(
    viewer: &Viewer,
    device: &Device,
) -> Result<Vec<SessionId>> {
    let others = Filter::ne(sessions::Column::Id, viewer.session_id());
    end_by(viewer, device, others, Kind::SessionRevoked).await
}

/// Ends those of the viewer's sessions that have not ended, and says which. One that was idle for too long
/// ends with them, since a use of it may be about to be written. An access token is none that ends with the
/// others: it is revoked by itself.
pub(in crate::identity) async fn end(
    viewer: &Viewer,
    which: Filter<sessions::Entity>,
) -> Result<Vec<SessionId>> {
    let row = sessions::ActiveModel {
        ended_at: Set(Some(viewer.now())),
        ..Default::default()
    };
    let which = Filter::all([
        Filter::is_null(sessions::Column::EndedAt),
        Filter::gt(sessions::Column::ExpiresAt, viewer.now()),
        interactive(),
        which,
    ]);
    let ended = viewer.update(row, which).await?;
    Ok(ended.iter().map(|session| session.id).collect())
}

/// The same, and says so in the viewer's events; when there is none to end, nothing has happened.
pub(super) async fn end_by(
    viewer: &Viewer,
    device: &Device,
    which: Filter<sessions::Entity>,
    kind: Kind,
) -> Result<Vec<SessionId>> {
    let which = &which;
    let ended = viewer.transaction(|viewer| async move {
        // The event first: it locks the user, as the deletion of the account does first.
        let event = events::new(viewer.ids(), device, kind, viewer.now());
        viewer.insert(event).await?;
        let ended = end(&viewer, which.clone()).await?;
        if ended.is_empty() {
            return Err(None);
        }
        Ok(ended)
    });
    match ended.await {
        Ok(ended) => Ok(ended),
        Err(None) => Ok(Vec::new()),
        Err(Some(error)) => Err(error),
    }
}
