//! Creates a row at the end of its owner's manual order with one statement, on PostgreSQL.
//!
//! The transaction of [`Viewer::create_synced`] takes five round trips. The statement takes one, but
//! its change number and its position are those that follow the state of the list that was read
//! before. Every change of the list takes a number, so if the change log still has the number that was
//! read, then nothing has changed; otherwise the statement writes nothing.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Iterable, Statement, TryIntoModel,
    sea_query::{CommonTableExpression, Expr, ExprTrait, Query, UpdateStatement, WithClause},
};

use super::{
    entity::{Ordered, typed, value_of},
    write::deleted,
};
use crate::{
    db::{Database, Row, violates_unique},
    error::{Error, Result},
    id::TypedId,
    scope::{
        change_log::entity as change_logs,
        connection::Connection,
        list_ends::ListEnd,
        query::{self, Direction},
        sort_key::SortKey,
        transaction::write_error,
        viewer::Viewer,
    },
};

/// The name of the part of the statement that takes the change number.
const LOG: &str = "log";

impl Viewer {
    /// Inserts the row that `build` returns for the end of the list, with the client's id or a new
    /// one. Returns `None` if [`Viewer::create_synced`] must do it: if `build` returns `None`, the
    /// list changes meanwhile, the id is in use, or the database is SQLite.
    pub(crate) async fn append_synced<E: Ordered>(
        &self,
        id: Option<E::Id>,
        build: impl Fn(&ListEnd) -> Option<E::ActiveModel>,
    ) -> Result<Option<E::Model>> {
        let Connection::Pool(database) = &self.0.connection else {
            return Ok(None);
        };
        let Some(counter) =
            E::COUNTER.filter(|_| self.0.connection.is_remote() && self.can_write())
        else {
            return Ok(None);
        };
        let remembered = self.0.changes.list_ends.lock(self.user_id()).await;
        let Some(mut remembered) = remembered else {
            return Ok(None);
        };
        let mut appended = None;
        if let Some((kind, end)) = remembered.take()
            && kind == E::KIND
        {
            appended = self
                .append_after::<E>(database, end, counter, id, &build)
                .await?;
        }
        if appended.is_none()
            && let Some(end) = self.list_end::<E>(counter).await?
        {
            appended = self
                .append_after::<E>(database, end, counter, id, &build)
                .await?;
        }
        let Some((row, end)) = appended else {
            return Ok(None);
        };
        self.0.changes.changed(self.user_id());
        *remembered = Some((E::KIND, end));
        Ok(Some(row))
    }

    /// Inserts the row if `end` is the end of the list. Returns it with the new end.
    async fn append_after<E: Ordered>(
        &self,
        database: &Database,
        end: ListEnd,
        counter: change_logs::Column,
        id: Option<E::Id>,
        build: impl Fn(&ListEnd) -> Option<E::ActiveModel>,
    ) -> Result<Option<(E::Model, ListEnd)>> {
        let Some(mut row) = build(&end) else {
            return Ok(None);
        };
        let key = id.unwrap_or_else(|| E::Id::generate(self.ids(), self.now()));
        row.set(E::KEY, key.into());
        row.set(E::OWNER, self.owner().into());
        self.stamp::<E>(&mut row, 1, end.seq + 1);
        let taken = self.take_number_after::<E>(&end, counter, id);
        let statement = self.insert_if_taken::<E>(&row, taken)?;
        let written = match database.write_alone(&statement).await? {
            Ok(written) => written > 0,
            // The id is in use.
            Err(error) if violates_unique(&error) => false,
            Err(error) => return Err(write_error(error)),
        };
        if !written {
            return Ok(None);
        }
        let end = ListEnd {
            seq: end.seq + 1,
            count: end.count + 1,
            position: Some(typed(value_of(row.get(E::POSITION))?)?),
        };
        Ok(Some((row.try_into_model()?, end)))
    }

    /// Reads the end of the list, or `None` before the user's first change.
    async fn list_end<E: Ordered>(&self, counter: change_logs::Column) -> Result<Option<ListEnd>> {
        let mut last = query::Query::<E>::all()
            .order_by(SortKey::column(E::POSITION), Direction::Descending)
            .limit(1)
            .rows(self.user_id());
        last.expr(E::POSITION.into_expr());
        let mut select = Query::select();
        select
            .columns([change_logs::Column::Seq, counter])
            .expr(Expr::SubQuery(None, Box::new(last.into())))
            .from(change_logs::Entity)
            .and_where(change_logs::Column::UserId.eq(self.user_id()));
        let read = |row: Row<'_>| {
            Ok(ListEnd {
                seq: row.get(0)?,
                count: row.get(1)?,
                position: row.get(2)?,
            })
        };
        Ok(self.read(&self.statement(&select), read).await?.pop())
    }

    /// Builds the part of the statement that takes the change number after `end`, if the log still
    /// has the number of `end` and no deleted row had the client's id.
    fn take_number_after<E: Ordered>(
        &self,
        end: &ListEnd,
        counter: change_logs::Column,
        id: Option<E::Id>,
    ) -> UpdateStatement {
        let (user_id, seq) = (change_logs::Column::UserId, change_logs::Column::Seq);
        let mut take = Query::update();
        take.table(change_logs::Entity)
            .value(seq, end.seq + 1)
            .value(counter, end.count + 1)
            .and_where(user_id.eq(self.user_id()))
            .and_where(seq.eq(end.seq))
            .returning_col(user_id);
        if let Some(id) = id {
            let mut deleted = deleted::<E>(vec![id]).rows(self.user_id());
            deleted.expr(Expr::val(1));
            take.and_where(Expr::exists(deleted).not());
        }
        take
    }

    /// Builds the statement that inserts the row if `taken` has taken a change number.
    fn insert_if_taken<E: Ordered>(
        &self,
        row: &E::ActiveModel,
        taken: UpdateStatement,
    ) -> Result<Statement> {
        let mut log = CommonTableExpression::new();
        log.table_name(LOG).query(taken);
        let (mut columns, mut values) = (Vec::new(), Query::select());
        for column in E::Column::iter() {
            values.expr(Expr::val(value_of(row.get(column))?));
            columns.push(column);
        }
        values.from(LOG);
        let mut insert = Query::insert();
        insert.into_table(E::default()).columns(columns);
        let selected = insert.select_from(values).map(drop);
        selected.map_err(|error| Error::bug(error.to_string()))?;
        Ok(self.statement(&insert.with(WithClause::from(log))))
    }
}
