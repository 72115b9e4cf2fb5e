//! Queries of one table: the only ones that feature code can write.

use sea_orm::{
    ActiveModelTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, IntoActiveModel, Iterable,
    Order, QueryFilter, QueryOrder, QueryResult, QuerySelect, Select, TryGetable,
};

use super::{filter::Filter, owner::Owned, sort_key::SortKey};
use crate::id::UserId;

/// A column of `E`.
pub(crate) type Column<E> = <E as EntityTrait>::Column;

/// Rows of `E` that a filter matches, in an order. The viewer adds the owner to the filter.
pub(crate) struct Query<E: Owned> {
    filter: Filter<E>,
    order: Vec<(SortKey<E>, Direction)>,
    limit: Option<u64>,
    columns: Option<Vec<E::Column>>,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// A row of a result.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(pub(super) &'a QueryResult);

impl<E: Owned> Query<E> {
    /// The rows that the filter matches.
    pub(crate) fn filter(filter: Filter<E>) -> Self {
        Self {
            filter,
            order: Vec::new(),
            limit: None,
            columns: None,
        }
    }

    /// Every row of the viewer's.
    pub(crate) fn all() -> Self {
        Self::filter(Filter::always())
    }

    /// Those rows that this filter matches too.
    pub(crate) fn and(mut self, filter: Filter<E>) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// Orders by this key, after those before it.
    pub(crate) fn order_by(mut self, key: SortKey<E>, direction: Direction) -> Self {
        self.order.push((key, direction));
        self
    }

    /// The first rows, this many at most.
    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Reads these columns, in this order, instead of all.
    pub(crate) fn columns(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    /// The statement, for an owner.
    pub(super) fn select(&self, owner: UserId) -> Select<E> {
        let mut select = E::find().filter(self.filter.condition(owner));
        if let Some(columns) = &self.columns {
            select = select.select_only().columns(columns.iter().copied());
        }
        for (key, direction) in &self.order {
            let order = match direction {
                Direction::Ascending => Order::Asc,
                Direction::Descending => Order::Desc,
            };
            select = select.order_by(key.expr(), order);
        }
        select.limit(self.limit)
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

impl Row<'_> {
    /// The value of the column with this index.
    ///
    /// # Errors
    /// The column has another type, or there is none.
    pub(crate) fn get<T: TryGetable>(self, index: usize) -> Result<T, DbErr> {
        self.0.try_get_by_index(index)
    }

    /// A whole row of `E`.
    pub(crate) fn model<E: EntityTrait>(self) -> Result<E::Model, DbErr> {
        E::Model::from_query_result(self.0, "")
    }
}

/// A row that is to be inserted as it is.
pub(crate) fn insertable<M, A>(model: M) -> A
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait,
{
    model.into_active_model().reset_all()
}

/// All columns of `E`.
pub(crate) fn all_columns<E: EntityTrait>() -> Vec<E::Column> {
    E::Column::iter().collect()
}

/// These columns, each once.
pub(crate) fn distinct_columns<E: EntityTrait>(mut columns: Vec<E::Column>) -> Vec<E::Column> {
    columns.sort_unstable_by_key(|column| column.as_str());
    columns.dedup_by_key(|column| column.as_str());
    columns
}
