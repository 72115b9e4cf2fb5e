//! `User`, merged of the fields that the slices say of the signed-in user.

use async_graphql::{Context, ID, MergedObject};

use crate::{identity::graphql::Account, scope::Viewer, tasks::graphql::TaskLists};

/// You. Another person is never this type. It carries the session that it was read with: what
/// `signIn` returns is the new session's.
#[derive(Clone, MergedObject)]
pub(crate) struct User(Account, TaskLists);

impl User {
    /// The id that the interface `Node` resolves; as a field of `User` it is [`Account`]'s.
    pub(super) async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.user_id().into())
    }
}

impl From<Viewer> for User {
    fn from(viewer: Viewer) -> Self {
        Self(Account::new(viewer.clone()), TaskLists::new(viewer))
    }
}
