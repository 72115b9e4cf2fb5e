//! Builds the expressions by which rows are sorted.

use std::marker::PhantomData;

use sea_orm::{
    ColumnTrait, Value,
    sea_query::{Expr, Func},
};

use super::owner::Owned;

/// An expression by which rows of `E` are sorted.
pub(crate) struct SortKey<E> {
    expr: Expr,
    entity: PhantomData<fn(E)>,
}

impl<E: Owned> SortKey<E> {
    fn new(expr: Expr) -> Self {
        Self {
            expr,
            entity: PhantomData,
        }
    }

    pub(crate) fn column(column: E::Column) -> Self {
        Self::new(column.into_expr())
    }

    /// Sorts by the column, with `value` in place of null.
    pub(crate) fn column_or(column: E::Column, value: impl Into<Value>) -> Self {
        let expr = Func::coalesce([column.into_expr(), Expr::val(value)]);
        Self::new(expr.into())
    }

    /// Sorts by 1 for null and 0 for other values.
    pub(crate) fn is_null(column: E::Column) -> Self {
        Self::flag(column.is_null())
    }

    /// Sorts by 1 for this value and 0 for others.
    pub(crate) fn equals(column: E::Column, value: impl Into<Value>) -> Self {
        Self::flag(column.eq(value.into()))
    }

    fn flag(condition: Expr) -> Self {
        Self::new(Expr::case(condition, 1_i64).finally(0_i64).into())
    }

    pub(super) fn expr(&self) -> Expr {
        self.expr.clone()
    }
}

impl<E> Clone for SortKey<E> {
    fn clone(&self) -> Self {
        Self {
            expr: self.expr.clone(),
            entity: PhantomData,
        }
    }
}
