//! Lists and counts a viewer's rows, after rows that depend on the time zone have been rescheduled.

use std::sync::OnceLock;

use sea_orm::{
    ColumnTrait, DbErr,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use super::{
    change_log::{IS_RESCHEDULING, is_moving},
    connection::Connection,
    filter::Filter,
    owner::Owned,
    query::Query,
    viewer::Viewer,
};
use crate::{db::Row, error::Result};

type DbResult<T> = std::result::Result<T, DbErr>;

impl Viewer {
    /// Like [`Viewer::select_columns`], but waits until all rows have been rescheduled to their
    /// owner's current time zone.
    pub(crate) async fn list<E: Owned, R>(
        &self,
        query: Query<E>,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        self.read_rescheduled::<E, _>(query.select(self.user_id()), read)
            .await
    }

    async fn read_rescheduled<E: Owned, R>(
        &self,
        mut select: SelectStatement,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        if !E::DEPENDS_ON_TIME_ZONE || matches!(self.0.connection, Connection::Transaction(_)) {
            return self.read(&self.statement(&select), read).await;
        }
        // One statement reads the rows and the state, so the rows are consistent with it.
        let statement = self.statement(select.expr_as(self.is_moving(), IS_RESCHEDULING));
        loop {
            // Equal in all rows, so it is read from the first one.
            let was_moving = OnceLock::new();
            let read = |row: Row<'_>| {
                if was_moving.get().is_none() {
                    let is_moving: Option<bool> = row.get_by_name(IS_RESCHEDULING)?;
                    was_moving.get_or_init(|| is_moving == Some(true));
                }
                read(row)
            };
            let rows = self.read(&statement, read).await?;
            let is_moving = match was_moving.into_inner() {
                Some(was_moving) => was_moving,
                None => self.log().await?.as_ref().is_some_and(is_moving),
            };
            if !is_moving {
                return Ok(rows);
            }
            self.moved().await?;
        }
    }

    /// Returns the number of the viewer's rows that match the query.
    pub(crate) async fn count<E: Owned>(&self, query: Query<E>) -> Result<u64> {
        let [count] = self.count_each(query, [Filter::always()]).await?;
        Ok(count)
    }

    /// Returns, for each filter, the number of the viewer's rows that match the query and the
    /// filter. Uses one statement.
    pub(crate) async fn count_each<E: Owned, const N: usize>(
        &self,
        query: Query<E>,
        filters: [Filter<E>; N],
    ) -> Result<[u64; N]> {
        let mut select = query.rows(self.user_id());
        for (filter, number) in filters.iter().zip(0..) {
            // If the filter does not match, the expression is null, which COUNT skips.
            let count = match filter.inner(self.user_id()) {
                None => E::OWNER.count(),
                Some(condition) => Expr::expr(Expr::case(condition, 1)).count(),
            };
            select.expr_as(count, format!("count{number}"));
        }
        let read = |row: Row<'_>| {
            let mut counts = [0; N];
            for (count, index) in counts.iter_mut().zip(0..) {
                *count = row.get::<i64>(index)?.unsigned_abs();
            }
            Ok(counts)
        };
        let rows = self.read_rescheduled::<E, _>(select, read).await?;
        Ok(rows.into_iter().next().unwrap_or([0; N]))
    }
}
