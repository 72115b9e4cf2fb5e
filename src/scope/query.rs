//! Builds queries of one table, the only queries that feature code can write.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, IntoActiveModel, Iterable, Order,
    sea_query::SelectStatement,
};

use super::{filter::Filter, owner::Owned, sort_key::SortKey};
use crate::id::UserId;

/// A column of `E`.
pub(crate) type Column<E> = <E as EntityTrait>::Column;

/// A query of the rows of `E` that match a filter. The viewer restricts it to their own rows.
pub(crate) struct Query<E: Owned> {
    filter: Filter<E>,
    order: Vec<(SortKey<E>, Direction)>,
    limit: Option<u64>,
    columns: Option<Vec<E::Column>>,
}

/// A sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

impl<E: Owned> Query<E> {
    /// Selects the rows that match `filter`.
    pub(crate) fn filter(filter: Filter<E>) -> Self {
        Self {
            filter,
            order: Vec::new(),
            limit: None,
            columns: None,
        }
    }

    /// Selects all of the viewer's rows.
    pub(crate) fn all() -> Self {
        Self::filter(Filter::always())
    }

    /// Restricts the query to rows that also match `filter`.
    pub(crate) fn and(mut self, filter: Filter<E>) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// Adds a sort key after the existing ones.
    pub(crate) fn order_by(mut self, key: SortKey<E>, direction: Direction) -> Self {
        self.order.push((key, direction));
        self
    }

    /// Limits the result to the first `limit` rows.
    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Selects only these columns, in this order.
    pub(crate) fn columns(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    /// Builds the statement for the rows of `owner`.
    pub(super) fn select(&self, owner: UserId) -> SelectStatement {
        let mut select = self.rows(owner);
        let mut add = |column: E::Column| {
            select.expr(column.select_as(column.into_expr()));
        };
        match &self.columns {
            Some(columns) => columns.iter().copied().for_each(&mut add),
            None => E::Column::iter().for_each(&mut add),
        }
        select
    }

    /// Builds the statement for the rows of `owner`, without the list of what it selects.
    pub(super) fn rows(&self, owner: UserId) -> SelectStatement {
        let mut select = SelectStatement::new();
        select
            .from(E::default().table_ref())
            .cond_where(self.filter.condition(owner));
        for (key, direction) in &self.order {
            let order = match direction {
                Direction::Ascending => Order::Asc,
                Direction::Descending => Order::Desc,
            };
            select.order_by_expr(key.expr(), order);
        }
        if let Some(limit) = self.limit {
            select.limit(limit);
        }
        select
    }
}

impl<E: Owned> Clone for Query<E> {
    fn clone(&self) -> Self {
        Self {
            filter: self.filter.clone(),
            order: self.order.clone(),
            limit: self.limit,
            columns: self.columns.clone(),
        }
    }
}

/// Converts a model to a row to insert, with all columns set.
pub(crate) fn insertable<M, A>(model: M) -> A
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait,
{
    model.into_active_model().reset_all()
}

/// Returns all columns of `E`.
pub(crate) fn all_columns<E: EntityTrait>() -> Vec<E::Column> {
    E::Column::iter().collect()
}

/// Returns the columns without duplicates, in the order of the entity.
pub(crate) fn distinct_columns<E: EntityTrait>(columns: &[E::Column]) -> Vec<E::Column> {
    let names: Vec<_> = columns.iter().map(|column| column.as_str()).collect();
    let all = E::Column::iter();
    all.filter(|column| names.contains(&column.as_str()))
        .collect()
}
