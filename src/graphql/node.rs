//! The interface `Node`: finds any of the viewer's objects by its id.

use std::{collections::HashMap, str::FromStr};

use async_graphql::{ID, Interface};

use super::user::User;
use crate::{
    error::Result,
    identity::{
        AccessToken,
        graphql::{SecurityEvent, Session},
    },
    scope::Viewer,
    tasks::Task,
};

/// The maximum number of ids in `nodes`.
pub(super) const MAX_NODES: usize = 100;

/// Object with a globally unique id, by which `node` and `nodes` find it.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Globally unique and permanent id: the type's prefix, `_` and 26 characters, such as \
            `task_01h2xcejqtf2nbrexx3vqjhp41`. The prefixes are `user`, `session`, `token`, `event` and `task`."
))]
pub(crate) enum Node {
    User(User),
    Session(Session),
    AccessToken(AccessToken),
    SecurityEvent(SecurityEvent),
    Task(Task),
}

impl Node {
    /// Finds the viewer's objects with these ids, by one query for each type. The result has one
    /// entry for each id, in the same order.
    pub(super) async fn find(viewer: &Viewer, ids: &[ID]) -> Result<Vec<Option<Self>>> {
        let mut found = HashMap::new();
        for task in Task::find(viewer, parse_ids(ids)).await? {
            found.insert(task.key(), Self::Task(task));
        }
        for session in Session::find(viewer, parse_ids(ids)).await? {
            found.insert(session.key(), Self::Session(session));
        }
        for token in AccessToken::find(viewer, parse_ids(ids)).await? {
            found.insert(token.key(), Self::AccessToken(token));
        }
        for event in SecurityEvent::find(viewer, parse_ids(ids)).await? {
            found.insert(event.key(), Self::SecurityEvent(event));
        }
        let me = ID::from(viewer.user_id());
        if ids.contains(&me) {
            found.insert(me, Self::User(viewer.clone().into()));
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}

/// Returns the ids of one type.
fn parse_ids<T: FromStr>(ids: &[ID]) -> Vec<T> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}
