//! The subscription to the changes of a user's synced objects.

use std::collections::VecDeque;

use async_graphql::{
    Context, Enum, ID, InputValueError, InputValueResult, Object, Scalar, ScalarType, Subscription,
    Union, Value, parser::types::SelectionSet,
};
use futures_util::{Stream, stream};

use crate::{
    clock::Timestamp,
    error::Result,
    identity,
    output::{self, Compiler, Inline, Json, Output, Selection, Written},
    pagination::keyset::encode_cursor,
    scope::{self, ChangeListener, ReadChanges, Viewer},
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
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<Inline<Change>>>> {
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
    /// True if the last batch was complete.
    is_current: bool,
}

impl Changes {
    fn from(
        viewer: Viewer,
        listener: ChangeListener,
        seq: i64,
    ) -> impl Stream<Item = Result<Inline<Change>>> {
        let changes = Self {
            viewer,
            listener,
            seq,
            read: VecDeque::new(),
            is_current: false,
        };
        stream::try_unfold(changes, async |mut changes| {
            let next = changes.next().await?;
            Ok(Some((Inline(Change(next)), changes)))
        })
    }

    async fn next(&mut self) -> Result<NodeChange> {
        loop {
            if let Some(change) = self.read.pop_front() {
                return Ok(change);
            }
            // A commit after the last batch has already signalled the listener.
            if self.is_current {
                self.listener.changed().await;
            }
            let batch = self.batch().await?;
            self.seq = batch.complete_to;
            self.is_current = batch.is_last;
            self.read = batch.changes.into();
        }
    }

    /// Reads the next changes.
    async fn batch(&self) -> Result<ReadChanges<ChangedNode>> {
        let now = self.listener.now();
        let mut changes = self.viewer.changes_since(self.seq).await?;
        Task::add_changes(&mut changes, now, ChangedNode::Task).await?;
        Ok(changes.finish())
    }
}

/// A committed change to a task.
pub(crate) struct Change(NodeChange);

output::fields! {
    /// One or more committed changes to a task.
    #[Object]
    impl Change {
        /// Position of the change in the viewer's change log. No argument accepts it yet.
        fn token(this) -> SyncToken {
            SyncToken(encode_cursor(&this.0.seq.to_string()))
        }

        /// `UPSERT` if the task exists, `DELETE` if it was deleted.
        fn kind(this) -> ChangeKind {
            match this.0.node {
                Some(_) => ChangeKind::Upsert,
                None => ChangeKind::Delete,
            }
        }

        /// Id of the task. It is not called `id`, because a normalizing client cache would take it for
        /// the id of the change.
        fn node_id(this) -> ID {
            this.0.id.clone().into()
        }

        /// Version of the task after the change. Ignore an event whose version is not higher than the
        /// one in the cache.
        fn version(this) -> i32 {
            this.0.version
        }

        /// Time of the change.
        fn at(this) -> Timestamp {
            this.0.at
        }

        /// Current state of the task; null if it was deleted.
        fn node(this) -> Option<&ChangedNode> {
            this.0.node.as_ref()
        }

        /// Id of the session that made the change; null if it is not known. Compare it with
        /// `viewer.currentSession.id` to ignore changes that this client made itself.
        fn origin_session_id(this) -> Option<ID> {
            this.0.origin_session_id.map(ID::from)
        }
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

impl Output for ChangedNode {
    fn compile(compiler: &Compiler<'_>, set: &SelectionSet) -> Option<Selection> {
        // With a second member, this needs a selection for each.
        compiler.object::<Task>(set)
    }

    fn write(&self, selection: &Selection, ctx: &Context<'_>, json: &mut Json) -> Written {
        match self {
            Self::Task(task) => task.write(selection, ctx, json),
        }
    }
}

output::enum_output!(ChangeKind);

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

output::scalar_output!(SyncToken);
