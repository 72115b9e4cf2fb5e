//! Ends sessions of the viewer.

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

/// Ends one of the viewer's sessions. An ended session does not change.
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

/// Ends all sessions of the viewer except the current one.
pub(in crate::identity) async fn revoke_others(
    viewer: &Viewer,
    device: &Device,
) -> Result<Vec<SessionId>> {
    let others = Filter::ne(sessions::Column::Id, viewer.session_id());
    end_by(viewer, device, others, Kind::SessionRevoked).await
}

/// Ends the matching sessions of the viewer, and returns their ids. Sessions past their idle
/// timeout end too, since a recent use of them may not be written yet. Personal access tokens are
/// revoked separately.
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

/// Ends the matching sessions and records a security event, which is omitted if no session ends.
pub(super) async fn end_by(
    viewer: &Viewer,
    device: &Device,
    which: Filter<sessions::Entity>,
    kind: Kind,
) -> Result<Vec<SessionId>> {
    let which = &which;
    let ended = viewer.transaction(|viewer| async move {
        // The event comes first: like the deletion of the account, its insertion locks the user.
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
