//! The viewer: the signed-in user, and the only way to their rows.

use std::{
    iter,
    sync::{Arc, atomic::AtomicUsize},
};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::{self, Expr, ExprTrait, IntoIden, TableRef, ValueTuple},
};

use super::{
    batches::Batches,
    change_notifier::{ChangeListener, ChangeNotifier},
    connection::Connection,
    filter::Filter,
    owner::{KeyedByOwner, Owned, Owner},
    query::{Query, Row},
};
use crate::{
    clock::Timestamp,
    db::{Database, Transaction},
    error::Result,
    id::{Ids, SessionId, SessionKey, UserId},
};

/// How many rows one statement writes; it has a parameter for each of their columns.
const AT_ONCE: usize = 500;

/// How many rows one statement rewrites: SQLite takes a list of values for as many queries, and the memory for
/// each.
const REWRITTEN_AT_ONCE: usize = 100;

/// The name of the rows that a statement is given to write.
const GIVEN: &str = "given";

type DbResult<T> = std::result::Result<T, DbErr>;

/// The signed-in user, for the length of one request.
///
/// It runs ordinary queries and adds the owner's filter to each. Its fields are private: an [`Owner`] makes one,
/// which only a stored row carries, and nothing gets at its connection.
#[derive(Clone)]
pub(crate) struct Viewer(pub(super) Arc<Inner>);

pub(super) struct Inner {
    grant: Grant,
    /// The end of what authenticated the request, if it comes before the session's.
    expires_at: Option<Timestamp>,
    now: Timestamp,
    ids: Arc<Ids>,
    pub(super) changes: Arc<ChangeNotifier>,
    pub(super) connection: Connection,
    pub(super) batches: Batches,
    /// The number of savepoints that were neither released nor rolled back.
    pub(super) open_savepoints: AtomicUsize,
}

/// What a session entitles its holder to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) session_id: SessionId,
    /// Allows changes; without it the viewer only reads.
    pub(crate) can_write: bool,
    /// True for a session of the user's own, false for an access token that they gave to a script.
    pub(crate) is_interactive: bool,
}

impl Grant {
    /// Everything that a session of the user's own entitles to.
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
    /// The viewer of a session whose row was read or written just now.
    pub(crate) fn new(
        grant: Grant,
        now: Timestamp,
        ids: Arc<Ids>,
        changes: Arc<ChangeNotifier>,
        database: &Database,
    ) -> Self {
        let connection = Connection::Pool(database.shared_by(grant.owner.user_id()));
        Self::over(grant, now, ids, changes, connection)
    }

    /// The same within the transaction in which the session is opened.
    pub(crate) fn within(
        grant: Grant,
        now: Timestamp,
        ids: Arc<Ids>,
        changes: Arc<ChangeNotifier>,
        transaction: Arc<Transaction>,
    ) -> Self {
        Self::over(
            grant,
            now,
            ids,
            changes,
            Connection::Transaction(transaction),
        )
    }

    fn over(
        grant: Grant,
        now: Timestamp,
        ids: Arc<Ids>,
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

    /// The same viewer, whose streams end at this time at the latest.
    pub(crate) fn expiring_at(self, expires_at: Timestamp) -> Self {
        let Connection::Pool(database) = &self.0.connection else {
            return self;
        };
        let connection = Connection::Pool(database.clone());
        self.with(connection, Some(expires_at))
    }

    /// The same viewer within a transaction.
    pub(super) fn inside(&self, transaction: Arc<Transaction>) -> Self {
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

    /// True for a user who is signed in themselves, false for a script with an access token.
    pub(crate) fn is_interactive(&self) -> bool {
        self.0.grant.is_interactive
    }

    pub(super) fn can_write(&self) -> bool {
        self.0.grant.can_write
    }

    /// The moment of the request: one for all that it does.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.now
    }

    /// The maker of new ids.
    pub(crate) fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// The viewer's rows that the query matches.
    pub(crate) async fn find_all<E: Owned>(&self, query: Query<E>) -> Result<Vec<E::Model>> {
        let select = query.select(self.user_id());
        Ok(select.all(&self.0.connection).await?)
    }

    /// The first of the viewer's rows that the query matches.
    pub(crate) async fn find_one<E: Owned>(&self, query: Query<E>) -> Result<Option<E::Model>> {
        let select = query.select(self.user_id());
        Ok(select.one(&self.0.connection).await?)
    }

    /// The viewer's rows that the query matches, each as `read` reads its columns.
    pub(crate) async fn select_columns<E: Owned, R>(
        &self,
        query: Query<E>,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let select = query.select(self.user_id());
        self.read(select, read).await
    }

    pub(super) async fn read<E: Owned, R>(
        &self,
        select: Select<E>,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let connection = &self.0.connection;
        let statement = select.build(connection.get_database_backend());
        let rows = connection.query_all_raw(statement).await?;
        Ok(rows
            .iter()
            .map(|row| read(Row(row)))
            .collect::<DbResult<_>>()?)
    }

    /// The least and the greatest value of `column` for each value of `by`, which `read` finds in that order after the
    /// value of `by`.
    pub(crate) async fn extremes<E: Owned, R>(
        &self,
        query: Query<E>,
        by: E::Column,
        column: E::Column,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let select = query
            .select(self.user_id())
            .select_only()
            .column(by)
            .expr(column.min())
            .expr(column.max())
            .group_by(by);
        self.read(select, read).await
    }

    /// Stores a new row, the viewer's whoever it says it is.
    pub(super) async fn insert_row<A>(
        &self,
        mut row: A,
    ) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        row.set(A::Entity::OWNER, self.user_id().into());
        self.write(false, |transaction| {
            let insert = A::Entity::insert(row.clone());
            async move { insert.exec_with_returning(&*transaction).await }
        })
        .await
    }

    /// Writes the columns that are set in `changes` to those of the viewer's rows that `filter`
    /// finds, and gives them as they are now. The owner of a row never changes.
    pub(super) async fn update_rows<A>(
        &self,
        mut changes: A,
        filter: Filter<A::Entity>,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        changes.not_set(A::Entity::OWNER);
        let update = A::Entity::update_many()
            .set(changes)
            .filter(filter.condition(self.user_id()));
        self.write(A::Entity::ENDS_SESSIONS, |transaction| {
            let update = update.clone();
            async move { update.exec_with_returning(&*transaction).await }
        })
        .await
    }

    /// Stores new rows, the viewer's whoever they say they are, many at once.
    pub(super) async fn insert_rows<A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait,
        A::Entity: Owned,
    {
        let rows = &rows;
        self.write(false, |transaction| async move {
            for some in rows.chunks(AT_ONCE) {
                let some = some.iter().cloned().map(|mut row| {
                    row.set(A::Entity::OWNER, self.user_id().into());
                    row
                });
                let insert = A::Entity::insert_many(some);
                insert.exec_without_returning(&*transaction).await?;
            }
            Ok(())
        })
        .await
    }

    /// Writes these columns of those of the viewer's rows that have the keys of `rows`, many at once.
    pub(super) async fn rewrite_rows<A>(
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
        let (rows, update) = (&rows, &update);
        self.write(A::Entity::ENDS_SESSIONS, |transaction| async move {
            for some in rows.chunks(REWRITTEN_AT_ONCE) {
                let values = some.iter().map(|row| {
                    let columns = iter::once(A::Entity::KEY).chain(columns.iter().copied());
                    let values = columns.filter_map(|column| row.get(column).into_value());
                    ValueTuple::Many(values.collect())
                });
                let mut update = update.clone();
                update.from(TableRef::ValuesList(values.collect(), GIVEN.into_iden()));
                let update = transaction.get_database_backend().build(&update);
                transaction.execute_raw(update).await?;
            }
            Ok(())
        })
        .await
    }

    /// Removes those of the viewer's rows that `filter` finds, and gives them as they were.
    pub(super) async fn delete_rows<E: Owned>(&self, filter: Filter<E>) -> Result<Vec<E::Model>> {
        let delete = E::delete_many().filter(filter.condition(self.user_id()));
        self.write(E::ENDS_SESSIONS, |transaction| {
            let delete = delete.clone();
            async move { delete.exec_with_returning(&*transaction).await }
        })
        .await
    }

    /// Listens for changes of the viewer's rows, and for the end of their session.
    pub(crate) fn listen(&self) -> ChangeListener {
        self.0.changes.listen(self.session_key(), self.0.expires_at)
    }
}
