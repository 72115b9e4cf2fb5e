//! The subscription to the changes of a user's synced objects.

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
    pagination::keyset::encode_cursor,
    scope::{self, ChangeListener, Viewer},
    tasks::Task,
};

/// The subscriptions to changes, a part of the root type `Subscription`.
#[derive(Default)]
pub(crate) struct ChangeSubscription;

#[Subscription]
impl ChangeSubscription {
    /// Changes to the viewer's tasks from now on, in the order of their commits. Subscribe first
    /// and read the tasks then, so that no change is missed.
    ///
    /// If a task changes several times before the client receives an event, one event has its
    /// current state. The stream ends within one second of the end of its session. Fails with
    /// `UNAUTHENTICATED` without valid credentials.
    async fn task_changes(
        &self,
        ctx: &async_graphql::Context<'_>,
    ) -> Result<impl Stream<Item = Result<Change>>> {
        let viewer = identity::viewer(ctx)?.clone();
        // The listener is registered before the number is read, so that no change between the two
        // is missed.
        let listener = viewer.listen();
        let seq = viewer.last_seq().await?;
        identity::signal_ready(ctx);
        Ok(Changes::from(viewer, listener, seq))
    }
}

type NodeChange = scope::Change<ChangedNode>;

/// A position in the change log, and the listener for later changes.
struct Changes {
    viewer: Viewer,
    listener: ChangeListener,
    seq: i64,
    /// The changes that were read but not yet sent.
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

    /// Returns the next changes, and the change number up to which all changes have been read.
    async fn batch(&self) -> Result<(Vec<NodeChange>, i64)> {
        let now = self.listener.now();
        let mut changes = self.viewer.changes_since(self.seq).await?;
        Task::add_changes(&mut changes, now, ChangedNode::Task).await?;
        Ok(changes.finish())
    }
}

/// A committed change to a task.
pub(crate) struct Change(NodeChange);

/// One or more committed changes to a task.
#[Object]
impl Change {
    /// Position of the change in the viewer's change log. No argument accepts it yet.
    async fn token(&self) -> SyncToken {
        SyncToken(encode_cursor(&self.0.seq.to_string()))
    }

    /// `UPSERT` if the task exists, `DELETE` if it was deleted.
    async fn kind(&self) -> ChangeKind {
        match self.0.node {
            Some(_) => ChangeKind::Upsert,
            None => ChangeKind::Delete,
        }
    }

    /// Id of the task. It is not called `id`, because a normalizing client cache would take it for
    /// the id of the change.
    async fn node_id(&self) -> ID {
        self.0.id.clone().into()
    }

    /// Version of the task after the change. Ignore an event whose version is not higher than the
    /// one in the cache.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Time of the change.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Current state of the task; null if it was deleted.
    async fn node(&self) -> Option<&ChangedNode> {
        self.0.node.as_ref()
    }

    /// Id of the session that made the change; null if it is not known. Compare it with
    /// `viewer.currentSession.id` to ignore changes that this client made itself.
    async fn origin_session_id(&self) -> Option<ID> {
        self.0.origin_session_id.map(ID::from)
    }
}

/// Kind of a change.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ChangeKind {
    /// The task was created or updated.
    Upsert,
    /// The task was deleted.
    Delete,
}

/// Object that a change concerns. Only tasks are synced so far.
#[derive(Union)]
pub(crate) enum ChangedNode {
    Task(Task),
}

/// A position in a user's change log.
pub(crate) struct SyncToken(String);

/// Position in the viewer's change log: an opaque string. Do not parse or construct it.
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
