//! The edge of tasks: what the schema says of a task and of lists of them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{
    Column, Due, Entity, Priority,
    counts::Counts,
    filter::TaskFilter,
    floating_due,
    local_date_time::{LocalDate, LocalTime},
    moment::Here,
    order::{self, TaskOrder},
    scan,
    task_row::Row,
};
use crate::{
    clock::Timestamp,
    error::{Error, Nullable, Result},
    id::TaskId,
    identity::TimeZone,
    pagination::connection::{self, Connection, Listed},
    pagination::page::Page,
    scope::{Query, Viewer},
};

/// Something to do.
#[derive(Clone)]
pub(crate) struct Task {
    row: Row,
    /// The moment of the request.
    now: Timestamp,
}

impl Listed for Task {
    type Entity = Entity;
    type Row = Row;

    fn of(row: Row, viewer: &Viewer) -> Self {
        Self::new(row, viewer)
    }

    fn row(&self) -> &Row {
        &self.row
    }
}

impl Task {
    pub(super) fn new(row: impl Into<Row>, viewer: &Viewer) -> Self {
        Self::told_at(viewer.now(), row)
    }

    /// As it is shown at this moment.
    pub(super) fn told_at(now: Timestamp, row: impl Into<Row>) -> Self {
        let row = row.into();
        Self { row, now }
    }

    fn due_date(&self) -> Result<Option<DueDate>> {
        let row = &self.row;
        let due = Due::read(
            row.due_date.as_deref(),
            row.due_time.as_deref(),
            row.due_time_zone.as_deref(),
            row.due_at,
        )?;
        Ok(due.zip(row.due_at).map(|(due, at)| DueDate {
            due,
            at,
            is_overdue: row.completed_at.is_none() && at < self.now,
        }))
    }

    /// Its id, as it is asked for by.
    pub(crate) fn key(&self) -> ID {
        self.row.id.into()
    }

    /// Those of the viewer's tasks that have one of these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<TaskId>) -> Result<Vec<Self>> {
        connection::find(viewer, Column::Id, ids, Query::all()).await
    }
}

/// Something to do.
#[Object]
impl Task {
    /// Stable and global: `task_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Starts at 1, one more with every committed change. Hand it back as `ifVersion`.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// 1 to 500 code points.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// At most 16,384 code points.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// Whether it is done.
    async fn completed(&self) -> bool {
        self.row.completed_at.is_some()
    }

    /// When it was done; null while it is not.
    async fn completed_at(&self) -> Option<Timestamp> {
        self.row.completed_at
    }

    /// How urgent it is.
    async fn priority(&self) -> Priority {
        self.row.priority
    }

    /// When it is to be done by; null when nobody said.
    async fn due(&self) -> Nullable<DueDate> {
        self.due_date().transpose()
    }

    /// A fractional index; compare as bytes, ties by id.
    async fn position(&self) -> &str {
        &self.row.position
    }

    /// When it was made; a client that minted the id said when.
    async fn created_at(&self) -> Result<Timestamp> {
        // Every id that is stored is of version 7.
        let made_at = self.row.id.made_at();
        made_at.ok_or_else(|| Error::unreadable("task id", self.row.id))
    }

    /// When it last changed.
    async fn updated_at(&self) -> Timestamp {
        self.row.updated_at
    }
}

/// When a task is to be done by. A date alone is all day. With a time it is that time of day wherever the
/// viewer is. With a time zone too it is one instant.
pub(crate) struct DueDate {
    due: Due,
    at: Timestamp,
    is_overdue: bool,
}

/// When a task is to be done by. A date alone is all day. With a time it is that time of day wherever the
/// viewer is. With a time zone too it is one instant.
#[Object(name = "Due")]
impl DueDate {
    /// The day.
    async fn date(&self) -> LocalDate {
        self.due.date
    }

    /// The time of day; null when it is all day.
    async fn time(&self) -> Option<LocalTime> {
        self.due.time
    }

    /// Where that is the time; null when it is wherever the viewer is.
    async fn time_zone(&self) -> Option<TimeZone> {
        self.due.zone.clone()
    }

    /// The instant, in the viewer's time zone where none is given; of a whole day its last millisecond.
    /// A time that a change of clocks leaves out is counted by the offset before it, and of one that
    /// comes twice it is the first.
    async fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether it has passed and the task is not done.
    async fn is_overdue(&self) -> bool {
        self.is_overdue
    }
}

/// What tasks say of a person: theirs.
#[derive(Clone)]
pub(crate) struct TaskLists {
    viewer: Viewer,
}

impl TaskLists {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self { viewer }
    }
}

#[Object]
impl TaskLists {
    /// Their tasks, newest first unless another order is asked for. `first` or `last` is 1 to 100, and
    /// `first` is 50 when both are left out; asking for both is an error. A cursor is of one order and one
    /// filter: with another it is `INVALID_CURSOR`.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are those of the field in the schema"
    )]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TaskFilter>,
        order_by: Option<Vec<TaskOrder>>,
    ) -> Result<Connection<Task>> {
        let page = Page::parse(first, after, last, before)?;
        let order_by = order_by.unwrap_or_default();
        let order = Arc::new(order::keyset(&order_by, filter.as_ref())?);
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        let counting = if ctx.look_ahead().field("totalCount").exists() {
            scan::COMPARISON + filtering
        } else {
            0
        };
        let work = filtering + order::work(&order_by) + counting;
        scan::charge(ctx, &self.viewer, work).await?;
        let needs_days = filter.as_ref().is_some_and(TaskFilter::needs_days);
        loop {
            let here = if needs_days {
                floating_due::here(&self.viewer).await?
            } else {
                Here::in_utc(self.viewer.now())
            };
            let query = super::query(&here, filter.as_ref())?;
            let order = Arc::clone(&order);
            let page = Connection::read(ctx, &self.viewer, query, order, page.clone()).await?;
            if !needs_days || floating_due::is_still(&self.viewer, &here).await? {
                return Ok(page);
            }
        }
    }

    /// How many tasks there are that pass the filter, in one count.
    async fn task_counts(&self, ctx: &Context<'_>, filter: Option<TaskFilter>) -> Result<Counts> {
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        scan::charge(ctx, &self.viewer, Counts::WORK + filtering).await?;
        Counts::read(&self.viewer, filter.as_ref()).await
    }

    /// One of their tasks; null when there is no such task, or it is somebody else's.
    async fn task(&self, id: ID) -> Nullable<Task> {
        let id = id.parse().ok()?;
        let found = Task::find(&self.viewer, vec![id]).await;
        found.map(|mut tasks| tasks.pop()).transpose()
    }
}
