//! The rows of sessions: how one begins, and which of them live.

use crate::{
    clock::Timestamp,
    error::Result,
    id::SessionId,
    identity::{entity::sessions, sessions::activity::Activity},
    scope::{Filter, Query, Viewer},
};

/// The viewer's session with this id, while it lives.
pub(in crate::identity) async fn one(
    viewer: &Viewer,
    activity: &Activity,
    id: SessionId,
) -> Result<Option<sessions::Model>> {
    let Some(mut session) = viewer.find_one(Query::filter(with_id(id))).await? else {
        return Ok(None);
    };
    activity.apply(&mut session);
    Ok(session.lives_at(viewer.now()).then_some(session))
}

pub(super) fn with_id(id: SessionId) -> Filter<sessions::Entity> {
    Filter::eq(sessions::Column::Id, id)
}

/// The sessions that are no access tokens.
pub(in crate::identity) fn signed_in() -> Filter<sessions::Entity> {
    Filter::ne(sessions::Column::Kind, sessions::Kind::AccessToken)
}

/// The active sessions.
pub(in crate::identity) fn living(now: Timestamp) -> Filter<sessions::Entity> {
    Filter::all([
        Filter::is_null(sessions::Column::EndedAt),
        Filter::gt(sessions::Column::IdleExpiresAt, now),
        Filter::gt(sessions::Column::ExpiresAt, now),
    ])
}
