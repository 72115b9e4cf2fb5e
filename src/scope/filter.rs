//! Builds conditions on the rows of one table, the only conditions that feature code can write.

use std::{marker::PhantomData, sync::Arc};

use sea_orm::{
    ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, Value,
    sea_query::{Expr, ExprTrait, IntoCondition, LikeExpr},
};

use super::{owner::Owned, sort_key::SortKey};
use crate::id::UserId;

/// The escape character of `LIKE` patterns.
const ESCAPE: char = '\\';

/// A condition on rows of `E`. The viewer adds the condition on the owner.
///
/// A comparison with null is neither true nor false, as in SQL.
pub(crate) struct Filter<E> {
    node: Node,
    entity: PhantomData<fn(E)>,
}

#[derive(Clone)]
enum Node {
    Expr(Expr),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Builds a sub-select for an owner.
    Owned(Arc<dyn Fn(UserId) -> Expr + Send + Sync>),
}

/// The position of a search text within a column's text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Match {
    Anywhere,
    Start,
    End,
}

/// The side of a cursor on which a row's key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Less,
    Greater,
}

impl<E: Owned> Filter<E> {
    fn expr(expr: Expr) -> Self {
        Self::node(Node::Expr(expr))
    }

    fn node(node: Node) -> Self {
        Self {
            node,
            entity: PhantomData,
        }
    }

    pub(crate) fn eq(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.eq(value.into()))
    }

    pub(crate) fn ne(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.ne(value.into()))
    }

    pub(crate) fn lt(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.lt(value.into()))
    }

    pub(crate) fn lte(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.lte(value.into()))
    }

    pub(crate) fn gt(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.gt(value.into()))
    }

    pub(crate) fn gte(column: E::Column, value: impl Into<Value>) -> Self {
        Self::expr(column.gte(value.into()))
    }

    /// Matches no row if `values` is empty.
    pub(crate) fn is_in(
        column: E::Column,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Self {
        Self::expr(column.is_in(values.into_iter().map(Into::into)))
    }

    pub(crate) fn is_null(column: E::Column) -> Self {
        Self::expr(column.is_null())
    }

    pub(crate) fn is_not_null(column: E::Column) -> Self {
        Self::expr(column.is_not_null())
    }

    /// Matches `text` literally: `%`, `_` and `\` are escaped.
    pub(crate) fn like(column: E::Column, text: &str, position: Match) -> Self {
        let mut pattern = String::with_capacity(text.len() + 2);
        if !matches!(position, Match::Start) {
            pattern.push('%');
        }
        for character in text.chars() {
            if matches!(character, '%' | '_' | ESCAPE) {
                pattern.push(ESCAPE);
            }
            pattern.push(character);
        }
        if !matches!(position, Match::End) {
            pattern.push('%');
        }
        Self::expr(
            column
                .into_expr()
                .like(LikeExpr::new(pattern).escape(ESCAPE)),
        )
    }

    /// Compares the keys with the values lexicographically. If all keys have one side, the result
    /// is a single row comparison, which an index can answer.
    pub(crate) fn seek(keys: Vec<(SortKey<E>, Value, Side)>) -> Self {
        let Some((_, _, first)) = keys.first() else {
            return Self::always();
        };
        let first = *first;
        if keys.iter().all(|(.., side)| *side == first) {
            let (keys, values): (Vec<_>, Vec<_>) = keys
                .into_iter()
                .map(|(key, value, _)| (key.expr(), Expr::val(value)))
                .unzip();
            let (keys, values) = (Expr::tuple(keys), Expr::tuple(values));
            return Self::expr(match first {
                Side::Less => keys.lt(values),
                Side::Greater => keys.gt(values),
            });
        }
        let compared = (0..keys.len()).map(|at| {
            let mut all: Vec<_> = keys[..at]
                .iter()
                .map(|(key, value, _)| key.expr().eq(value.clone()))
                .collect();
            let (key, value, side) = &keys[at];
            all.push(match side {
                Side::Less => key.expr().lt(value.clone()),
                Side::Greater => key.expr().gt(value.clone()),
            });
            Node::All(all.into_iter().map(Node::Expr).collect())
        });
        Self::node(Node::Any(compared.collect()))
    }

    /// Matches rows whose `column` equals the `foreign` column of one of the owner's rows of `F`
    /// that match `filter`. Null matches nothing, so that the negated filter is well defined.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no owned table refers to another yet")
    )]
    pub(crate) fn exists_in<F: Owned>(
        column: E::Column,
        foreign: F::Column,
        filter: Filter<F>,
    ) -> Self {
        let sub_select = move |owner: UserId| {
            let select = F::find()
                .select_only()
                .column(foreign)
                .filter(foreign.is_not_null())
                .filter(filter.condition(owner));
            let is_in = column.in_subquery(select.into_query());
            column.is_not_null().and(is_in)
        };
        Self::node(Node::Owned(Arc::new(sub_select)))
    }

    /// Matches every row.
    pub(crate) fn always() -> Self {
        Self::node(Node::All(Vec::new()))
    }

    /// Matches no row.
    pub(crate) fn never() -> Self {
        Self::node(Node::Any(Vec::new()))
    }

    /// Matches if every filter matches.
    pub(crate) fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::node(Node::All(filters.into_iter().map(|it| it.node).collect()))
    }

    /// Matches if at least one filter matches.
    pub(crate) fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::node(Node::Any(filters.into_iter().map(|it| it.node).collect()))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    pub(crate) fn not(self) -> Self {
        Self::node(Node::Not(Box::new(self.node)))
    }

    /// Returns the condition, restricted to the owner's rows.
    pub(super) fn condition(&self, owner: UserId) -> Condition {
        Condition::all()
            .add(E::OWNER.eq(owner))
            .add(self.node.condition(owner))
    }

    /// Returns the condition without the restriction to the owner's rows, for an expression inside
    /// a query that already has it; `None` if it matches every row.
    pub(super) fn inner(&self, owner: UserId) -> Option<Condition> {
        match &self.node {
            Node::All(nodes) if nodes.is_empty() => None,
            node => Some(node.condition(owner)),
        }
    }
}

impl Node {
    fn condition(&self, owner: UserId) -> Condition {
        match self {
            Self::Expr(expr) => expr.clone().into_condition(),
            Self::All(nodes) if nodes.is_empty() => Expr::val(1).eq(1).into_condition(),
            Self::Any(nodes) if nodes.is_empty() => Expr::val(1).eq(0).into_condition(),
            Self::All(nodes) => nodes
                .iter()
                .fold(Condition::all(), |all, node| all.add(node.condition(owner))),
            Self::Any(nodes) => nodes
                .iter()
                .fold(Condition::any(), |any, node| any.add(node.condition(owner))),
            Self::Not(node) => node.condition(owner).not(),
            Self::Owned(expr) => expr(owner).into_condition(),
        }
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            entity: PhantomData,
        }
    }
}
