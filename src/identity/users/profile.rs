//! The viewer's profile: reads the viewer's row, and changes the name and the time zone.

use async_graphql::Context;
use futures_util::future::BoxFuture;

use super::{name::Name, time_zone::TimeZone};
use crate::{
    error::{AuthFailure, Error, Result},
    identity::entity::{emails, users},
    scope::{Filter, Query, Set, Viewer},
};

/// Changes of a profile: `None` leaves a field unchanged, `Some(None)` clears it.
pub(in crate::identity) struct ProfileChanges {
    pub(in crate::identity) name: Option<Option<Name>>,
    pub(in crate::identity) time_zone: Option<TimeZone>,
}

/// Begins to reschedule the floating due times of the viewer's tasks.
pub(crate) type Follow = for<'a, 'c> fn(&'a Context<'c>, &'a Viewer) -> BoxFuture<'a, Result<()>>;

/// Changes the profile. If the time zone changes, `follow` begins to reschedule the viewer's floating
/// due times in the same transaction; the background task finishes it.
pub(in crate::identity) async fn update_profile(
    ctx: &Context<'_>,
    viewer: &Viewer,
    changes: ProfileChanges,
    follow: Follow,
) -> Result<()> {
    let changes = &changes;
    let update = viewer.transaction(|viewer| async move {
        let viewer = &viewer;
        if changes.time_zone.is_some() {
            // Writers of floating due times take this lock too before they read the time zone.
            viewer.lock_user().await?;
        }
        let user = me(viewer).await?;
        let name = match &changes.name {
            Some(name) => name.clone().map(Name::into_string),
            None => user.name.clone(),
        };
        let time_zone = match &changes.time_zone {
            Some(time_zone) => time_zone.clone().into_string(),
            None => user.time_zone.clone(),
        };
        if name == user.name && time_zone == user.time_zone {
            return Ok(());
        }
        let has_moved = time_zone != user.time_zone;
        let row = users::ActiveModel {
            name: Set(name),
            time_zone: Set(time_zone),
            updated_at: Set(viewer.now()),
            ..Default::default()
        };
        viewer.update(row, Filter::always()).await?;
        if has_moved {
            follow(ctx, viewer).await?;
        }
        Ok(())
    });
    update.await.inspect(|()| viewer.signal_reschedule())
}

/// Records the time of a change of the viewer's account. Locks the user's row.
pub(in crate::identity) async fn touch(viewer: &Viewer) -> Result<()> {
    touch_if(viewer, Filter::always()).await.map(drop)
}

/// Like [`touch`], but changes nothing and returns false if the account is disabled.
pub(in crate::identity) async fn touch_enabled(viewer: &Viewer) -> Result<bool> {
    touch_if(viewer, Filter::is_null(users::Column::DisabledAt)).await
}

async fn touch_if(viewer: &Viewer, condition: Filter<users::Entity>) -> Result<bool> {
    let row = users::ActiveModel {
        updated_at: Set(viewer.now()),
        ..Default::default()
    };
    Ok(!viewer.update(row, condition).await?.is_empty())
}

/// Returns the viewer's time zone.
pub(crate) async fn time_zone(viewer: &Viewer) -> Result<TimeZone> {
    TimeZone::stored(&me(viewer).await?.time_zone)
}

/// Returns the viewer's own row.
///
/// # Errors
/// Returns [`Error::Unauthenticated`] if the account was deleted after the request was authenticated.
pub(in crate::identity) async fn me(viewer: &Viewer) -> Result<users::Model> {
    viewer
        .find_one::<users::Entity>(Query::all())
        .await?
        .ok_or(Error::Unauthenticated(AuthFailure::SessionEnded))
}

/// Returns the viewer's primary address; `None` for an external user without one.
pub(in crate::identity) async fn primary_email(viewer: &Viewer) -> Result<Option<emails::Model>> {
    let is_primary = Filter::eq(emails::Column::IsPrimary, true);
    viewer
        .find_one::<emails::Entity>(Query::filter(is_primary))
        .await
}
