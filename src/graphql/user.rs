//! The type `User`, merged from the fields that the slices define for the signed-in user.

use async_graphql::{Context, ID, MergedObject};

use crate::{identity::graphql::Account, scope::Viewer, tasks::graphql::TaskLists};

/// The signed-in user; no other user is visible. `currentSession` is the session that the object
/// was read with: after `signIn`, the new one.
#[derive(Clone, MergedObject)]
pub(crate) struct User(Account, TaskLists);

impl User {
    /// Returns the id for the interface `Node`. The field `User.id` itself is [`Account`]'s.
    pub(super) async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.user_id().into())
    }
}

impl From<Viewer> for User {
    fn from(viewer: Viewer) -> Self {
        Self(Account::new(viewer.clone()), TaskLists::new(viewer))
    }
}
