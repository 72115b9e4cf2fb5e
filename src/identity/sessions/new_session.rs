//! The rows of sessions: how one begins, and which of them live.

use super::{activity::Activity, delivery::Delivery, lifetimes};
use crate::{
    clock::Timestamp,
    error::Result,
    id::SessionId,
    identity::entity::sessions,
    scope::{Filter, Owner, Query, Viewer, insertable},
};

/// A session that begins now, of no device.
pub(in crate::identity) fn begun(
    id: SessionId,
    owner: Owner,
    now: Timestamp,
    expires_at: Timestamp,
) -> sessions::Model {
    sessions::Model {
        id,
        user_id: owner,
        generation: 1,
        rotated_at: now,
        confirmed_generation: 1,
        delivery: Delivery::Bearer,
        label: None,
        user_agent: None,
        ip_address: None,
        created_at: now,
        last_active_at: now,
        idle_expires_at: lifetimes::idle_end(now, expires_at),
        expires_at,
        ended_at: None,
        kind: sessions::Kind::SignIn,
        scope: sessions::Scope::Write,
        secret_digest: None,
    }
}

/// Of a session that is not stored yet.
pub(in crate::identity) fn new_row(session: sessions::Model) -> sessions::ActiveModel {
    insertable(session)
}

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
