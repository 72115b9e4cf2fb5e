//! The viewer: whoever is asking, and the only way to their rows.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this file runs the queries, and adds the owner's filter to each"
)]

use std::{
    iter,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, ExecResult,
    FromQueryResult, IntoActiveModel, QueryFilter, QueryResult, QuerySelect, QueryTrait, Select,
    SqlErr, Statement,
    sea_query::{
        Expr, ExprTrait, IntoCondition, IntoIden, OnConflict, Query, TableRef, ValueTuple,
    },
};

use super::{
    change_notifier::{Notices, watch::Watch},
    entity::{sessions, task_logs},
    owned::{KeyedByOwner, Owned, Owner},
};
use crate::{
    clock::Timestamp,
    db::{Database, Transaction},
    error::{Error, Reason, Result},
    id::{Ids, SessionId, TaskId, UserId},
};

/// How many rows one statement writes; it has a parameter for each of their columns.
const AT_ONCE: usize = 500;

/// How many rows one statement rewrites: SQLite takes a list of values for as many queries, and the memory for
/// each.
const REWRITTEN_AT_ONCE: usize = 100;

/// How long a list waits for tasks to follow their owner's time zone.
const MOVE_PATIENCE: Duration = Duration::from_secs(10);

/// How often it looks whether they have.
const MOVE_INTERVAL: Duration = Duration::from_millis(20);

/// The name of what a list reads beside its rows: whether their owner's tasks are moving.
const IS_MOVING: &str = "is_moving";

/// The name of the rows that a statement is given to write.
const GIVEN: &str = "given";

type DbResult<T> = std::result::Result<T, DbErr>;

/// Whoever is asking, for the length of one request.
///
/// It runs ordinary queries and adds the owner's filter to each. Its fields are private: only
/// verifying a token and opening a session make one, and nothing gets at its connection.
#[derive(Clone)]
pub(crate) struct Viewer(Arc<Inner>);

struct Inner {
    user_id: UserId,
    session_id: SessionId,
    kind: sessions::Kind,
    scope: sessions::Scope,
    /// When what they came with is good no more, where the session does not say.
    until: Option<Timestamp>,
    now: Timestamp,
    ids: Arc<Ids>,
    notices: Arc<Notices>,
    connection: Connection,
    /// Whether what was written may have ended sessions, which is told when it is committed.
    ends_sessions: AtomicBool,
    /// The number of savepoints that were neither released nor rolled back.
    open_savepoints: AtomicUsize,
}

enum Connection {
    Pool(Database),
    Transaction(Arc<Transaction>),
}

impl Viewer {
    /// Whoever the session was opened for: its row was read or written just now.
    pub(super) fn new(
        session: &sessions::Model,
        now: Timestamp,
        ids: Arc<Ids>,
        notices: Arc<Notices>,
        database: Database,
    ) -> Self {
        let database = database.shared_by(session.user_id.user_id());
        Self::by(session, now, ids, notices, Connection::Pool(database))
    }

    /// The same within the transaction in which the session is opened.
    pub(super) fn within(
        session: &sessions::Model,
        now: Timestamp,
        ids: Arc<Ids>,
        notices: Arc<Notices>,
        transaction: Arc<Transaction>,
    ) -> Self {
        let connection = Connection::Transaction(transaction);
        Self::by(session, now, ids, notices, connection)
    }

    fn by(
        session: &sessions::Model,
        now: Timestamp,
        ids: Arc<Ids>,
        notices: Arc<Notices>,
        connection: Connection,
    ) -> Self {
        Self(Arc::new(Inner {
            user_id: session.user_id.user_id(),
            session_id: session.id,
            kind: session.kind,
            scope: session.scope,
            until: None,
            now,
            ids,
            notices,
            connection,
            ends_sessions: AtomicBool::new(false),
            open_savepoints: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.0.user_id
    }

    pub(crate) fn session_id(&self) -> SessionId {
        self.0.session_id
    }

    /// Whether they are signed in themselves, and no script with an access token.
    pub(super) fn is_present(&self) -> bool {
        self.0.kind != sessions::Kind::AccessToken
    }

    /// A session as its row will be once its uses are written.
    pub(super) fn as_used(&self, mut session: sessions::Model) -> sessions::Model {
        self.0.notices.activity.apply(&mut session);
        session
    }

    /// The moment of the request: one for all that it does.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.now
    }

    /// What makes new ids.
    pub(crate) fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// The viewer's rows among those that `select` finds.
    pub(crate) async fn all<E: Owned>(&self, select: Select<E>) -> Result<Vec<E::Model>> {
        Ok(self.scope(select).all(&self.0.connection).await?)
    }

    /// The viewer's one row among those that `select` finds.
    pub(crate) async fn one<E: Owned>(&self, select: Select<E>) -> Result<Option<E::Model>> {
        Ok(self.scope(select).one(&self.0.connection).await?)
    }

    /// The viewer's rows among those that `select` finds, as `read` reads what it selects of them.
    pub(crate) async fn read<E: Owned, R>(
        &self,
        select: Select<E>,
        read: impl Fn(&QueryResult) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let connection = &self.0.connection;
        let statement = self.scope(select).build(connection.get_database_backend());
        let rows = connection.query_all_raw(statement).await?;
        Ok(rows.iter().map(read).collect::<DbResult<_>>()?)
    }

    /// The same for a list, in which all rows follow the time zone that their owner has now.
    pub(crate) async fn list<E: Owned, R>(
        &self,
        select: Select<E>,
        read: impl Fn(&QueryResult) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        if !E::FOLLOWS_TIME_ZONE || matches!(self.0.connection, Connection::Transaction(_)) {
            return self.read(select, read).await;
        }
        // Of one statement, so that the rows are as they were when none was moving.
        let select = select.expr_as(self.is_moving(), IS_MOVING);
        let read = |row: &QueryResult| Ok((row.try_get("", IS_MOVING)?, read(row)?));
        loop {
            let rows: Vec<(Option<bool>, R)> = self.read(select.clone(), &read).await?;
            let is_moving = match rows.first() {
                Some((is_moving, _)) => *is_moving == Some(true),
                None => self.log().await?.as_ref().is_some_and(is_moving),
            };
            if !is_moving {
                return Ok(rows.into_iter().map(|(_, row)| row).collect());
            }
            self.moved().await?;
        }
    }

    /// What `select` makes of all the viewer's rows that it finds: counts, and nothing of a row's own.
    pub(crate) async fn summary<E: Owned, R: FromQueryResult>(
        &self,
        select: Select<E>,
    ) -> Result<Option<R>> {
        let rows = self
            .list(select, |row| R::from_query_result(row, ""))
            .await?;
        Ok(rows.into_iter().next())
    }

    /// How many of the rows that `select` finds are the viewer's.
    pub(crate) async fn count<E: Owned>(&self, select: Select<E>) -> Result<u64> {
        let count = select.select_only().expr(E::OWNER.count());
        let rows: Vec<i64> = self.list(count, |row| row.try_get_by_index(0)).await?;
        Ok(rows.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// Whether the viewer's tasks have yet to follow their time zone; null before their first change.
    fn is_moving(&self) -> Expr {
        let is_moving = Query::select()
            .expr(Expr::col(task_logs::Column::MovingSessionId).is_not_null())
            .from(task_logs::Entity)
            .and_where(task_logs::Column::UserId.eq(self.0.user_id))
            .take();
        Expr::SubQuery(None, Box::new(is_moving.into()))
    }

    /// Stores a new row, the viewer's whoever it says it is.
    pub(crate) async fn insert<A>(&self, mut row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        row.set(A::Entity::OWNER, self.0.user_id.into());
        let insert = A::Entity::insert(row);
        let writing = self.begin().await?;
        let stored = insert.exec_with_returning(writing.transaction()).await;
        writing.end(stored).await
    }

    /// Writes the columns that are set in `changes` to those of the viewer's rows that `filter`
    /// finds, and gives them as they are now. The owner of a row never changes.
    pub(crate) async fn update<A>(
        &self,
        mut changes: A,
        filter: impl IntoCondition,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        changes.not_set(A::Entity::OWNER);
        let update = A::Entity::update_many()
            .set(changes)
            .filter(self.owned::<A::Entity>(filter));
        let writing = self.begin().await?;
        let stored = update.exec_with_returning(writing.transaction()).await;
        let stored = writing.end(stored).await?;
        self.note_written::<A::Entity>();
        Ok(stored)
    }

    /// Stores new rows, the viewer's whoever they say they are, many at once.
    pub(crate) async fn insert_all<A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
    {
        let writing = self.begin().await?;
        let mut rows = rows.into_iter().peekable();
        let mut written = Ok(0);
        while rows.peek().is_some() && written.is_ok() {
            let some = rows.by_ref().take(AT_ONCE).map(|mut row| {
                row.set(A::Entity::OWNER, self.0.user_id.into());
                row
            });
            let insert = A::Entity::insert_many(some);
            written = insert.exec_without_returning(writing.transaction()).await;
        }
        writing.end(written).await.map(drop)
    }

    /// Writes these columns of those of the viewer's rows that have the keys of `rows`, many at once.
    pub(crate) async fn rewrite<A>(
        &self,
        rows: Vec<A>,
        columns: &[<A::Entity as EntityTrait>::Column],
    ) -> Result<()>
    where
        A: ActiveModelTrait,
        A::Entity: KeyedByOwner,
    {
        // Both databases number the columns of a list of values so.
        let given = |number: usize| Expr::col((GIVEN, format!("column{number}")));
        let mut update = Query::update();
        update
            .table(A::Entity::default())
            .values(
                (2..)
                    .zip(columns)
                    .map(|(number, column)| (*column, given(number))),
            )
            .and_where(A::Entity::OWNER.eq(self.0.user_id))
            .and_where(A::Entity::KEY.into_expr().eq(given(1)));
        let writing = self.begin().await?;
        let mut written = Ok(());
        for some in rows.chunks(REWRITTEN_AT_ONCE) {
            let values = some.iter().map(|row| {
                let columns = iter::once(A::Entity::KEY).chain(columns.iter().copied());
                let values = columns.filter_map(|column| row.get(column).into_value());
                ValueTuple::Many(values.collect())
            });
            let mut update = update.clone();
            update.from(TableRef::ValuesList(values.collect(), GIVEN.into_iden()));
            let update = self.0.connection.get_database_backend().build(&update);
            written = writing.transaction().execute_raw(update).await.map(drop);
            if written.is_err() {
                break;
            }
        }
        writing.end(written).await?;
        self.note_written::<A::Entity>();
        Ok(())
    }

    /// Removes those of the viewer's rows that `filter` finds, and gives them as they were.
    pub(crate) async fn delete<E: Owned>(
        &self,
        filter: impl IntoCondition,
    ) -> Result<Vec<E::Model>> {
        let delete = E::delete_many().filter(self.owned::<E>(filter));
        let writing = self.begin().await?;
        let removed = delete.exec_with_returning(writing.transaction()).await;
        let removed = writing.end(removed).await?;
        self.note_written::<E>();
        Ok(removed)
    }

    /// The next number of the viewer's task log. Taking it locks the log until the transaction
    /// ends, so numbers have no gap and come in the order of commits; and of two transactions that
    /// take a number, the second one reads what the first one wrote.
    pub(crate) async fn change_task(&self) -> Result<LogEntry> {
        self.advance_log(1, 0).await
    }

    /// Makes others who change the viewer's tasks wait until the transaction ends.
    pub(crate) async fn lock_log(&self) -> Result<()> {
        self.take_seqs(0).await.map(drop)
    }

    /// Takes so many numbers at once.
    pub(crate) async fn take_seqs(&self, count: usize) -> Result<RangeInclusive<i64>> {
        Ok(self.advance_log(count, 0).await?.seqs)
    }

    /// Takes a number for each of so many new tasks, and counts them.
    pub(crate) async fn add_tasks(&self, count: usize) -> Result<LogEntry> {
        self.advance_log(count, signed(count)?).await
    }

    /// Takes the number of the removal of a task, and counts one less.
    pub(crate) async fn remove_task(&self) -> Result<LogEntry> {
        self.advance_log(1, -1).await
    }

    /// Takes numbers for so many changes, by which there are so many tasks more.
    async fn advance_log(&self, changes: usize, added: i64) -> Result<LogEntry> {
        let changes = signed(changes)?;
        let first = task_logs::ActiveModel {
            user_id: Set(Owner::new(self.0.user_id)),
            seq: Set(changes),
            task_count: Set(added),
            ..Default::default()
        };
        let column = |column| Expr::col((task_logs::Entity, column));
        let more = OnConflict::column(task_logs::Column::UserId)
            .values([
                (
                    task_logs::Column::Seq,
                    column(task_logs::Column::Seq).add(changes),
                ),
                (
                    task_logs::Column::TaskCount,
                    column(task_logs::Column::TaskCount).add(added),
                ),
            ])
            .to_owned();
        let insert = task_logs::Entity::insert(first).on_conflict(more);
        let writing = self.begin().await?;
        let log = insert.exec_with_returning(writing.transaction()).await;
        let log = writing.end(log).await?;
        Ok(LogEntry {
            seqs: log.seq - changes + 1..=log.seq,
            task_count: log.task_count,
            is_moving: is_moving(&log),
        })
    }

    /// The last number of the viewer's task log, 0 before the first.
    pub(crate) async fn last_seq(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.seq))
    }

    /// The number of the viewer's tasks, read from one row however many there are.
    pub(crate) async fn task_count(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.task_count))
    }

    /// Begins to move the viewer's tasks to another time zone; one that is under way begins anew. The caller
    /// holds the log's lock, as for the rest of a move.
    pub(crate) async fn begin_move(&self) -> Result<()> {
        self.write_log(task_logs::ActiveModel {
            moving_session_id: Set(Some(self.0.session_id)),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// The task after which a move goes on, if there is one before it; nothing while no move is under way.
    pub(crate) async fn moving_after(&self) -> Result<Option<Option<TaskId>>> {
        let log = self.log().await?.filter(is_moving);
        Ok(log.map(|log| log.moving_after))
    }

    /// Notes that a move has passed this task.
    pub(crate) async fn note_moved(&self, last: TaskId) -> Result<()> {
        self.write_log(task_logs::ActiveModel {
            moving_after: Set(Some(last)),
            ..Default::default()
        })
        .await
    }

    /// Ends a move.
    pub(crate) async fn end_move(&self) -> Result<()> {
        self.write_log(task_logs::ActiveModel {
            moving_session_id: Set(None),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// Has a move that is under way finished in the background.
    pub(super) fn finish_move(&self) {
        self.0.notices.moves.notify_one();
    }

    /// Waits until no move is under way.
    async fn moved(&self) -> Result<()> {
        self.finish_move();
        let moved = async {
            while self.log().await?.as_ref().is_some_and(is_moving) {
                tokio::time::sleep(MOVE_INTERVAL).await;
            }
            Ok(())
        };
        let moved = tokio::time::timeout(MOVE_PATIENCE, moved).await;
        moved.map_err(|_| Error::Unavailable)?
    }

    async fn write_log(&self, changes: task_logs::ActiveModel) -> Result<()> {
        let update = task_logs::Entity::update_many()
            .set(changes)
            .filter(task_logs::Column::UserId.eq(self.0.user_id));
        let writing = self.begin().await?;
        let written = update.exec(writing.transaction()).await;
        writing.end(written).await.map(drop)
    }

    async fn log(&self) -> Result<Option<task_logs::Model>> {
        let log = task_logs::Entity::find_by_id(Owner::new(self.0.user_id));
        Ok(log.one(&self.0.connection).await?)
    }

    /// Waits for changes of the viewer's, and for the end of their session.
    pub(crate) fn watch(&self) -> Watch {
        self.0
            .notices
            .watch(self.0.user_id, self.0.session_id, self.0.until)
    }

    /// Runs `work` so that all its writes stand or fall together: an error takes them back.
    ///
    /// `work` is given the viewer over the transaction; what runs on the outer one is not part of
    /// it. Within a transaction it runs over a savepoint: an error takes back what `work` wrote, and what the
    /// caller wrote before stays, whatever the caller makes of the error.
    pub(crate) async fn atomically<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let database = match &self.0.connection {
            Connection::Pool(database) => database,
            Connection::Transaction(transaction) => return self.nested(transaction, work).await,
        };
        let transaction = Arc::new(self.begin_on(database).await?);
        let inside = self.over(Arc::clone(&transaction));
        let result = work(&inside).await;
        let ends_sessions = inside.0.ends_sessions.load(Ordering::Relaxed);
        let is_torn = inside.0.open_savepoints.load(Ordering::Relaxed) > 0;
        drop(inside);
        let transaction = Transaction::alone(transaction)?;
        match result {
            Ok(_) if is_torn => {
                transaction.roll_back().await;
                return Err(torn().into());
            }
            Ok(_) => {
                transaction.commit().await?;
                if ends_sessions {
                    self.0.notices.ended(self.0.user_id);
                }
                self.0.notices.changed(self.0.user_id);
            }
            // Said now rather than when the connection is next used: others wait for the lock.
            Err(_) => transaction.roll_back().await,
        }
        result
    }

    /// Runs `work` over a savepoint of the transaction.
    async fn nested<T, E: From<Error>>(
        &self,
        transaction: &Transaction,
        work: impl AsyncFnOnce(&Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let run = async |sql| {
            transaction
                .execute_unprepared(sql)
                .await
                .map_err(Error::from)
        };
        // It stays counted when this is given up half-way, and then nothing is committed.
        self.0.open_savepoints.fetch_add(1, Ordering::Relaxed);
        run("SAVEPOINT nested").await?;
        let result = work(self).await;
        if result.is_err() {
            run("ROLLBACK TO SAVEPOINT nested").await?;
        }
        run("RELEASE SAVEPOINT nested").await?;
        self.0.open_savepoints.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// The same, whose streams end then at the latest.
    pub(super) fn lasting_until(self, until: Timestamp) -> Self {
        let Connection::Pool(database) = &self.0.connection else {
            return self;
        };
        let connection = Connection::Pool(database.clone());
        self.with(connection, Some(until))
    }

    fn over(&self, transaction: Arc<Transaction>) -> Self {
        self.with(Connection::Transaction(transaction), self.0.until)
    }

    fn with(&self, connection: Connection, until: Option<Timestamp>) -> Self {
        Self(Arc::new(Inner {
            user_id: self.0.user_id,
            session_id: self.0.session_id,
            kind: self.0.kind,
            scope: self.0.scope,
            until,
            now: self.0.now,
            ids: Arc::clone(&self.0.ids),
            notices: Arc::clone(&self.0.notices),
            connection,
            ends_sessions: AtomicBool::new(false),
            open_savepoints: AtomicUsize::new(0),
        }))
    }

    /// Rows of `E` were changed or removed: at once, or when the transaction is committed.
    fn note_written<E: Owned>(&self) {
        match self.0.connection {
            _ if !E::ENDS_SESSIONS => {}
            Connection::Pool(_) => self.0.notices.ended(self.0.user_id),
            Connection::Transaction(_) => self.0.ends_sessions.store(true, Ordering::Relaxed),
        }
    }

    fn scope<E: Owned>(&self, select: Select<E>) -> Select<E> {
        select.filter(E::OWNER.eq(self.0.user_id))
    }

    /// The filter and the owner's, whatever the filter's own shape.
    fn owned<E: Owned>(&self, filter: impl IntoCondition) -> Condition {
        Condition::all()
            .add(E::OWNER.eq(self.0.user_id))
            .add(filter.into_condition())
    }

    /// The transaction around the viewer, or one for a single statement.
    async fn begin(&self) -> Result<Writing> {
        Ok(match &self.0.connection {
            Connection::Pool(database) => Writing::Alone(self.begin_on(database).await?),
            Connection::Transaction(transaction) => Writing::Within(Arc::clone(transaction)),
        })
    }

    /// Whatever the viewer writes begins here, and so what may only read writes nothing.
    async fn begin_on(&self, database: &Database) -> Result<Transaction> {
        match self.0.scope {
            sessions::Scope::Write => database.begin().await,
            sessions::Scope::Read => Err(Error::Unauthenticated(Reason::InsufficientScope)),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DatabaseBackend {
        match self {
            Self::Pool(database) => database.reads().get_database_backend(),
            Self::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        match self {
            Self::Pool(database) => database.reads().query_one_raw(statement).await,
            Self::Transaction(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        match self {
            Self::Pool(database) => database.reads().query_all_raw(statement).await,
            Self::Transaction(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> DbResult<ExecResult> {
        match self {
            Self::Pool(database) => database.reads().execute_raw(statement).await,
            Self::Transaction(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> DbResult<ExecResult> {
        match self {
            Self::Pool(database) => database.reads().execute_unprepared(sql).await,
            Self::Transaction(transaction) => transaction.execute_unprepared(sql).await,
        }
    }
}

/// What a change takes from its owner's task log.
pub(crate) struct LogEntry {
    pub(crate) seqs: RangeInclusive<i64>,
    /// The number of the owner's tasks after the change.
    pub(crate) task_count: i64,
    /// Whether tasks have yet to follow the owner's time zone.
    pub(crate) is_moving: bool,
}

impl LogEntry {
    /// The last number that was taken.
    pub(crate) fn seq(&self) -> i64 {
        *self.seqs.end()
    }
}

fn is_moving(log: &task_logs::Model) -> bool {
    log.moving_session_id.is_some()
}

fn signed(count: usize) -> Result<i64> {
    i64::try_from(count)
        .map_err(|_| Error::internal(DbErr::Custom("more numbers than there are".to_owned())))
}

fn torn() -> Error {
    Error::internal(DbErr::Custom(
        "a part of the transaction was given up half-way".to_owned(),
    ))
}

/// Where one statement writes.
enum Writing {
    Alone(Transaction),
    Within(Arc<Transaction>),
}

impl Writing {
    fn transaction(&self) -> &Transaction {
        match self {
            Self::Alone(transaction) => transaction,
            Self::Within(transaction) => transaction,
        }
    }

    /// Commits what was written alone, and says what a refused write means: a row whose owner is
    /// gone was written by a request that the end of their account overtook, and their sessions
    /// ended with it.
    async fn end<T>(self, written: DbResult<T>) -> Result<T> {
        let written = written.map_err(|error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                Error::Unauthenticated(Reason::SessionEnded)
            }
            _ => error.into(),
        })?;
        if let Self::Alone(transaction) = self {
            transaction.commit().await?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
