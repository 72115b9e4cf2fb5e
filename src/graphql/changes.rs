//! Subscriptions to the changes of a user's synced rows.

use std::collections::VecDeque;

use async_graphql::{
    Enum, ID, InputValueError, InputValueResult, Object, Scalar, ScalarType, Subscription, Union,
    Value,
};
use futures_util::{Stream, stream};

use crate::{
    clock::Timestamp,
    error::Result,
    identity,
    pagination::keyset::write_place,
    scope::{self, ChangeListener, Viewer},
    tasks::Task,
};

/// What can be listened to of tasks.
#[derive(Default)]
pub(crate) struct ChangeSubscription;

#[Subscription]
impl ChangeSubscription {
    /// Every change to the viewer's tasks from here on, in the order of their commits. A task that
    /// changes faster than it is read is told as it is then. Ends within a second of the session's
    /// end.
    async fn task_changes(
        &self,
        ctx: &async_graphql::Context<'_>,
    ) -> Result<impl Stream<Item = Result<Change>>> {
        let viewer = identity::viewer(ctx)?.clone();
        // Before the number is read, so that nothing is missed between the two.
        let listener = viewer.listen();
        let seq = viewer.last_seq().await?;
        identity::signal_ready(ctx);
        Ok(Changes::from(viewer, listener, seq))
    }
}

type NodeChange = scope::Change<ChangedNode>;

/// A listener's position in the change log.
struct Changes {
    viewer: Viewer,
    listener: ChangeListener,
    seq: i64,
    /// The changes that were read and not sent.
    read: VecDeque<NodeChange>,
}

impl Changes {
    fn from(
        viewer: Viewer,
        listener: ChangeListener,
        seq: i64,
    ) -> impl Stream<Item = Result<Change>> {
        let changes = Self {
            viewer,
            listener,
            seq,
            read: VecDeque::new(),
        };
        stream::try_unfold(changes, async |mut changes| {
            let next = changes.next().await?;
            Ok(Some((Change(next), changes)))
        })
    }

    async fn next(&mut self) -> Result<NodeChange> {
        loop {
            if let Some(change) = self.read.pop_front() {
                return Ok(change);
            }
            let (read, seq) = self.batch().await?;
            let is_behind = seq > self.seq;
            self.seq = seq;
            self.read = read.into();
            if self.read.is_empty() && !is_behind {
                self.listener.changed().await;
            }
        }
    }

    /// Reads the next changes, and the number that all have been read up to.
    async fn batch(&self) -> Result<(Vec<NodeChange>, i64)> {
        let now = self.listener.now();
        let mut changes = self.viewer.changes_since(self.seq).await?;
        Task::add_changes(&mut changes, now, ChangedNode::Task).await?;
        Ok(changes.finish())
    }
}

/// A committed change to a task.
pub(crate) struct Change(NodeChange);

/// A committed change to a task.
#[Object]
impl Change {
    /// Where in the log it is.
    async fn token(&self) -> SyncToken {
        SyncToken(write_place(&self.0.seq.to_string()))
    }

    /// Whether the task is there.
    async fn kind(&self) -> ChangeKind {
        match self.0.node {
            Some(_) => ChangeKind::Upsert,
            None => ChangeKind::Delete,
        }
    }

    /// What changed; not named id, which a normalising cache would take for the change's own.
    async fn node_id(&self) -> ID {
        self.0.id.clone().into()
    }

    /// The task's version from this change on.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When it was made.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// The task as it is now; null when it was deleted.
    async fn node(&self) -> Option<&ChangedNode> {
        self.0.node.as_ref()
    }

    /// Compare with `viewer.currentSession.id` to drop one's own echo. Null when that session is
    /// not known.
    async fn origin_session_id(&self) -> Option<ID> {
        self.0.origin_session_id.map(ID::from)
    }
}

/// What happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ChangeKind {
    /// It was made or changed.
    Upsert,
    /// It was deleted.
    Delete,
}

/// What a change is about.
#[derive(Union)]
pub(crate) enum ChangedNode {
    Task(Task),
}

/// A position in the viewer's log of changes, to be handed back as it is.
pub(crate) struct SyncToken(String);

/// A position in the viewer's log of changes, to be handed back as it is.
#[Scalar]
impl ScalarType for SyncToken {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(token) => Ok(Self(token)),
            value => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}
