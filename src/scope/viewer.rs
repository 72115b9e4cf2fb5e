//! Runs the queries of the viewer, the signed-in user, on their own rows only.

use std::{
    iter,
    sync::{Arc, atomic::AtomicUsize},
};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, Iterable, QueryFilter, QueryTrait,
    Statement, StatementBuilder, TryIntoModel,
    sea_query::{self, Expr, ExprTrait, IntoIden, ReturningClause, TableRef, ValueTuple},
};

use super::{
    batches::Batches,
    change_notifier::{ChangeListener, ChangeNotifier},
    connection::Connection,
    filter::Filter,
    owner::{KeyedByOwner, Owned, Owner},
    query::Query,
};
use crate::{
    clock::Timestamp,
    db::{Database, Row, ShortTransaction, Transaction},
    error::Result,
    id::{IdGenerator, SessionId, SessionKey, UserId},
    jobs::{self, NewJob},
};

/// The maximum number of rows of one insert, which has a parameter for each column of each row.
const ROWS_PER_INSERT: usize = 500;

/// The maximum number of rows of one update. SQLite compiles each row of a `VALUES` list as a query
/// of its own, which takes memory.
const ROWS_PER_UPDATE: usize = 100;

/// The alias of the `VALUES` list of an update.
const VALUES_ALIAS: &str = "given";

type DbResult<T> = std::result::Result<T, DbErr>;

/// The signed-in user during one request.
///
/// Runs ordinary queries and restricts each to the viewer's rows. A viewer can only be created from
/// an [`Owner`], which comes from a stored row, and does not expose its database connection.
#[derive(Clone)]
pub(crate) struct Viewer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    grant: Grant,
    /// The expiry of the request's token, if it is earlier than the session's.
    expires_at: Option<Timestamp>,
    now: Timestamp,
    ids: Arc<IdGenerator>,
    pub(super) changes: Arc<ChangeNotifier>,
    pub(super) connection: Connection,
    pub(super) batches: Batches,
    /// The number of savepoints that have been neither released nor rolled back.
    pub(super) open_savepoints: AtomicUsize,
}

/// The permissions of an authenticated session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) session_id: SessionId,
    /// True if the viewer may write.
    pub(crate) can_write: bool,
    /// True for an interactive session, false for a personal access token.
    pub(crate) is_interactive: bool,
}

impl Grant {
    /// Grants all permissions of an interactive session.
    pub(crate) fn interactive(owner: Owner, session_id: SessionId) -> Self {
        Self {
            owner,
            session_id,
            can_write: true,
            is_interactive: true,
        }
    }
}

impl Viewer {
    /// Creates the viewer of a session whose row has just been read or written.
    pub(crate) fn new(
        grant: Grant,
        now: Timestamp,
        ids: Arc<IdGenerator>,
        changes: Arc<ChangeNotifier>,
        database: &Database,
    ) -> Self {
        let connection = Connection::Pool(database.shared_by(grant.owner.user_id()));
        Self::over(grant, now, ids, changes, connection)
    }

    /// Creates the viewer of a new session, inside the transaction that opens the session.
    pub(crate) fn within(
        grant: Grant,
        now: Timestamp,
        ids: Arc<IdGenerator>,
        changes: Arc<ChangeNotifier>,
        transaction: Arc<Transaction>,
    ) -> Self {
        Self::over(
            grant,
            now,
            ids,
            changes,
            Connection::Transaction(ShortTransaction::Driver(transaction)),
        )
    }

    fn over(
        grant: Grant,
        now: Timestamp,
        ids: Arc<IdGenerator>,
        changes: Arc<ChangeNotifier>,
        connection: Connection,
    ) -> Self {
        Self(Arc::new(Inner {
            grant,
            expires_at: None,
            now,
            ids,
            changes,
            connection,
            batches: Batches::default(),
            open_savepoints: AtomicUsize::new(0),
        }))
    }

    /// Returns the viewer with an expiry: their streams end then at the latest.
    pub(crate) fn expiring_at(self, expires_at: Timestamp) -> Self {
        let Connection::Pool(database) = &self.0.connection else {
            return self;
        };
        let connection = Connection::Pool(database.clone());
        self.with(connection, Some(expires_at))
    }

    /// Returns the viewer inside a transaction.
    pub(super) fn inside(&self, transaction: ShortTransaction) -> Self {
        self.with(Connection::Transaction(transaction), self.0.expires_at)
    }

    fn with(&self, connection: Connection, expires_at: Option<Timestamp>) -> Self {
        Self(Arc::new(Inner {
            grant: self.0.grant,
            expires_at,
            now: self.0.now,
            ids: Arc::clone(&self.0.ids),
            changes: Arc::clone(&self.0.changes),
            connection,
            batches: Batches::default(),
            open_savepoints: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn owner(&self) -> Owner {
        self.0.grant.owner
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.owner().user_id()
    }

    pub(crate) fn session_id(&self) -> SessionId {
        self.0.grant.session_id
    }

    pub(crate) fn session_key(&self) -> SessionKey {
        SessionKey {
            user_id: self.user_id(),
            session_id: self.session_id(),
        }
    }

    /// True for an interactive session, false for a personal access token.
    pub(crate) fn is_interactive(&self) -> bool {
        self.0.grant.is_interactive
    }

    pub(super) fn can_write(&self) -> bool {
        self.0.grant.can_write
    }

    /// Returns the time of the request, which stays constant during the request.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.now
    }

    /// Returns the generator of new ids.
    pub(crate) fn ids(&self) -> &IdGenerator {
        &self.0.ids
    }

    /// Returns the viewer's rows that match the query.
    pub(crate) async fn find_all<E: Owned>(&self, query: Query<E>) -> Result<Vec<E::Model>> {
        self.select_columns(query, |row| row.model::<E>()).await
    }

    /// Returns the first of the viewer's rows that match the query.
    pub(crate) async fn find_one<E: Owned>(&self, query: Query<E>) -> Result<Option<E::Model>> {
        let rows = self.find_all(query.limit(1)).await?;
        Ok(rows.into_iter().next())
    }

    /// Returns the result of `read` for each of the viewer's rows that match the query.
    pub(crate) async fn select_columns<E: Owned, R>(
        &self,
        query: Query<E>,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let statement = self.statement(&query.select(self.user_id()));
        self.read(&statement, read).await
    }

    /// Returns the text and the values of a query. They take less memory than the query while the
    /// database runs it.
    pub(super) fn statement(&self, query: &impl StatementBuilder) -> Statement {
        self.0.connection.backend().build(query)
    }

    pub(super) async fn read<R>(
        &self,
        statement: &Statement,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        Ok(self.0.connection.read_rows(statement, read).await?)
    }

    /// Returns the minimum and the maximum of `column` for each value of `by`. `read` receives rows
    /// of three columns: the value of `by`, the minimum, the maximum.
    pub(crate) async fn min_max_by<E: Owned, R>(
        &self,
        query: Query<E>,
        by: E::Column,
        column: E::Column,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let mut select = query.rows(self.user_id());
        select
            .exprs([by.into_expr(), column.min(), column.max()])
            .add_group_by([by.into_expr()]);
        self.read(&self.statement(&select), read).await
    }

    /// Inserts a row that the viewer owns, with all columns set; an owner set in `row` is
    /// overwritten.
    pub(super) async fn insert_row<A>(
        &self,
        mut row: A,
    ) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
        A::Entity: Owned,
    {
        row.set(A::Entity::OWNER, self.user_id().into());
        let insert = self.statement(&A::Entity::insert(row.clone()).into_query());
        self.write(false, &[insert], |_| Ok(())).await?;
        Ok(row.try_into_model()?)
    }

    /// Stores a job, which runs after the commit.
    pub(crate) async fn enqueue(&self, job: NewJob) -> Result<()> {
        let insert = self.statement(&jobs::Entity::insert(job).into_query());
        self.write(false, &[insert], |_| Ok(())).await.map(drop)
    }

    /// Writes the columns set in `changes` to the viewer's rows that match `filter`, and returns
    /// the updated rows. An owner set in `changes` is ignored.
    pub(super) async fn update_rows<A>(
        &self,
        mut changes: A,
        filter: Filter<A::Entity>,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
    {
        changes.not_set(A::Entity::OWNER);
        let mut update = A::Entity::update_many()
            .set(changes)
            .filter(filter.condition(self.user_id()))
            .into_query();
        update.returning(all_of::<A::Entity>());
        let may_end_sessions = A::Entity::ENDS_SESSIONS;
        let read = |row: Row<'_>| row.model::<A::Entity>();
        self.write(may_end_sessions, &[self.statement(&update)], read)
            .await
    }

    /// Inserts rows that the viewer owns, in statements of several rows; an owner set in a row is
    /// overwritten.
    pub(super) async fn insert_rows<A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
    {
        let statements = rows.chunks(ROWS_PER_INSERT).map(|some| {
            let some = some.iter().cloned().map(|mut row| {
                row.set(A::Entity::OWNER, self.user_id().into());
                row
            });
            self.statement(&A::Entity::insert_many(some).into_query())
        });
        let statements: Vec<_> = statements.collect();
        self.write(false, &statements, |_| Ok(())).await.map(drop)
    }

    /// Writes `columns` of the viewer's rows with the keys of `rows`, in statements of several
    /// rows.
    pub(super) async fn update_each<A>(
        &self,
        rows: Vec<A>,
        columns: &[<A::Entity as EntityTrait>::Column],
    ) -> Result<()>
    where
        A: ActiveModelTrait,
        A::Entity: KeyedByOwner,
    {
        // Both databases name the columns of a `VALUES` list `column1`, `column2` and so on.
        let given = |number: usize| Expr::col((VALUES_ALIAS, format!("column{number}")));
        let mut update = sea_query::Query::update();
        update
            .table(A::Entity::default())
            .values(
                (2..)
                    .zip(columns)
                    .map(|(number, column)| (*column, given(number))),
            )
            .and_where(A::Entity::OWNER.eq(self.user_id()))
            .and_where(A::Entity::KEY.into_expr().eq(given(1)));
        let statements = rows.chunks(ROWS_PER_UPDATE).map(|some| {
            let values = some.iter().map(|row| {
                let columns = iter::once(A::Entity::KEY).chain(columns.iter().copied());
                let values = columns.filter_map(|column| row.get(column).into_value());
                ValueTuple::Many(values.collect())
            });
            let mut update = update.clone();
            update.from(TableRef::ValuesList(
                values.collect(),
                VALUES_ALIAS.into_iden(),
            ));
            self.statement(&update)
        });
        let statements: Vec<_> = statements.collect();
        let may_end_sessions = A::Entity::ENDS_SESSIONS;
        let written = self.write(may_end_sessions, &statements, |_| Ok(()));
        written.await.map(drop)
    }

    /// Deletes the viewer's rows that match `filter`, and returns the deleted rows.
    pub(super) async fn delete_rows<E: Owned>(&self, filter: Filter<E>) -> Result<Vec<E::Model>> {
        let mut delete = E::delete_many()
            .filter(filter.condition(self.user_id()))
            .into_query();
        delete.returning(all_of::<E>());
        let read = |row: Row<'_>| row.model::<E>();
        self.write(E::ENDS_SESSIONS, &[self.statement(&delete)], read)
            .await
    }

    /// Starts to listen for changes of the viewer's rows and for the end of the session.
    pub(crate) fn listen(&self) -> ChangeListener {
        self.0.changes.listen(self.session_key(), self.0.expires_at)
    }
}

/// Returns a clause that returns all columns of written rows.
pub(super) fn all_of<E: EntityTrait>() -> ReturningClause {
    let columns = E::Column::iter().map(|column| column.select_as(column.into_expr()));
    sea_query::Query::returning().exprs(columns)
}
