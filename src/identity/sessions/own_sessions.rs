//! The viewer's own sessions.

use crate::{
    clock::Timestamp,
    error::Result,
    id::SessionId,
    identity::{entity::sessions, sessions::activity::Activity},
    scope::{Filter, Query, Viewer},
};

/// Returns the viewer's session with this id, if it is active.
pub(in crate::identity) async fn find_active(
    viewer: &Viewer,
    activity: &Activity,
    id: SessionId,
) -> Result<Option<sessions::Model>> {
    let Some(mut session) = viewer.find_one(Query::filter(with_id(id))).await? else {
        return Ok(None);
    };
    activity.apply(&mut session);
    Ok(session.is_active_at(viewer.now()).then_some(session))
}

pub(super) fn with_id(id: SessionId) -> Filter<sessions::Entity> {
    Filter::eq(sessions::Column::Id, id)
}

/// Matches the sessions that are not access tokens.
pub(in crate::identity) fn interactive() -> Filter<sessions::Entity> {
    Filter::ne(sessions::Column::Kind, sessions::Kind::AccessToken)
}

/// Matches the active sessions.
pub(in crate::identity) fn active(now: Timestamp) -> Filter<sessions::Entity> {
    Filter::all([
        Filter::is_null(sessions::Column::EndedAt),
        Filter::gt(sessions::Column::IdleExpiresAt, now),
        Filter::gt(sessions::Column::ExpiresAt, now),
    ])
}
