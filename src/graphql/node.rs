//! `Node`: any object of the viewer's by its id.

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

/// The maximum number of ids that `nodes` takes.
pub(super) const MAX_NODES: usize = 100;

/// Anything with an id of its own.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Stable and global: the kind's name, `_`, and 26 characters."
))]
pub(crate) enum Node {
    User(User),
    Session(Session),
    AccessToken(AccessToken),
    SecurityEvent(SecurityEvent),
    Task(Task),
}

impl Node {
    /// Finds the viewer's objects with these ids, each in its id's place, by one statement for each kind.
    pub(super) async fn find(viewer: &Viewer, ids: &[ID]) -> Result<Vec<Option<Self>>> {
        let mut found = HashMap::new();
        for task in Task::find(viewer, parsed(ids)).await? {
            found.insert(task.key(), Self::Task(task));
        }
        for session in Session::find(viewer, parsed(ids)).await? {
            found.insert(session.key(), Self::Session(session));
        }
        for token in AccessToken::find(viewer, parsed(ids)).await? {
            found.insert(token.key(), Self::AccessToken(token));
        }
        for event in SecurityEvent::find(viewer, parsed(ids)).await? {
            found.insert(event.key(), Self::SecurityEvent(event));
        }
        let me = ID::from(viewer.user_id());
        if ids.contains(&me) {
            found.insert(me, Self::User(viewer.clone().into()));
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}

/// The ids of one kind.
fn parsed<T: FromStr>(ids: &[ID]) -> Vec<T> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}
