//! Reads pages of the viewer's rows as GraphQL connections.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use crate::{
    error::{Error, Result},
    output::{self, Fields, Inline},
    pagination::keyset::Keyset,
    pagination::page::{End, Page, PageInfo},
    scope::{
        Column, Filter, Owned, Query, Row, RowError, Value, Viewer, all_columns, distinct_columns,
    },
};
use async_graphql::{Context, Object, TypeName};

/// The type of a connection's items.
pub(crate) trait ConnectionNode: Fields + Clone {
    type Entity: Owned<Model: Sync>;
    type Row: ListedRow<Self::Entity>;

    fn of(row: Self::Row, viewer: &Viewer) -> Self;

    fn row(&self) -> &Self::Row;
}

/// The columns of a row that a list reads.
pub(crate) trait ListedRow<E: Owned>: Sized + Send + Sync {
    /// Returns the columns that these fields need.
    fn columns(fields: &FieldNames<'_>) -> Vec<E::Column>;

    /// Reads the columns, in this order, from a row of the result.
    fn read(result: Row<'_>, columns: &[E::Column]) -> std::result::Result<Self, RowError>;
}

/// The names of the requested fields of an item.
pub(crate) type FieldNames<'a> = BTreeSet<&'a str>;

/// Reads the complete row for any requested fields.
impl<E, M> ListedRow<E> for M
where
    E: Owned<Model = M>,
    M: Send + Sync,
{
    fn columns(_: &FieldNames<'_>) -> Vec<E::Column> {
        all_columns::<E>()
    }

    fn read(result: Row<'_>, _: &[E::Column]) -> std::result::Result<Self, RowError> {
        result.model::<E>()
    }
}

/// Returns the rows that match the query and have one of the ids. Uses one statement.
pub(crate) async fn find<N: ConnectionNode>(
    viewer: &Viewer,
    id: Column<N::Entity>,
    ids: Vec<impl Into<Value>>,
    query: Query<N::Entity>,
) -> Result<Vec<N>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let columns = all_columns::<N::Entity>();
    let query = query.and(Filter::is_in(id, ids));
    let rows = viewer
        .list(query, |result| N::Row::read(result, &columns))
        .await?;
    Ok(rows.into_iter().map(|row| N::of(row, viewer)).collect())
}

/// One page of a list.
pub(crate) struct Connection<N: ConnectionNode> {
    edges: Vec<Edge<N>>,
    has_next: bool,
    has_previous: bool,
    /// The number of items on all pages, if the request asks for it.
    total_count: Option<u64>,
}

impl<N: ConnectionNode> Connection<N> {
    /// Reads a page of the rows that match the query. Reads only the columns that the selection of
    /// `ctx` and the order need.
    pub(crate) async fn read(
        ctx: &Context<'_>,
        viewer: &Viewer,
        query: Query<N::Entity>,
        order: impl Into<Arc<Keyset<N::Entity, N::Row>>>,
        page: Page,
    ) -> Result<Inline<Self>> {
        let order = order.into();
        let mut columns = N::Row::columns(&selected_node_fields(ctx));
        columns.extend(order.columns());
        let columns = distinct_columns::<N::Entity>(&columns);
        let mut rows = query.clone().columns(columns.iter().copied());
        let (has_after, has_before) = (page.after.is_some(), page.before.is_some());
        if let Some(after) = page.after {
            rows = rows.and(order.seek(order.read(&after)?, false));
        }
        if let Some(before) = page.before {
            rows = rows.and(order.seek(order.read(&before)?, true));
        }
        rows = order.order(rows, page.end == End::Last);
        // One extra row shows that more rows follow.
        let rows = rows.limit(page.size + 1);
        let read = |result: Row<'_>| {
            Ok(Edge {
                node: N::of(N::Row::read(result, &columns)?, viewer),
                order: Arc::clone(&order),
            })
        };
        let mut edges = viewer.list(rows, read).await?;
        let has_more = edges.len() as u64 > page.size;
        edges.truncate(usize::try_from(page.size).unwrap_or(usize::MAX));
        if page.end == End::Last {
            edges.reverse();
        }
        // The list has an item on the other side of the given cursor: the one that the cursor was
        // created from, unless it has since been deleted.
        let (has_next, has_previous) = match page.end {
            End::First => (has_more, has_after),
            End::Last => (has_before, has_more),
        };
        let total_count = if ctx.look_ahead().field("totalCount").exists() {
            Some(viewer.count(query).await?)
        } else {
            None
        };
        Ok(Inline(Self {
            edges,
            has_next,
            has_previous,
            total_count,
        }))
    }
}

/// Returns the names of the fields that the selection of a connection requests of an item, in
/// `nodes` or in `edges`.
fn selected_node_fields<'a>(ctx: &'a Context<'_>) -> FieldNames<'a> {
    let page = ctx.look_ahead();
    let mut fields = FieldNames::new();
    for places in [page.field("nodes"), page.field("edges").field("node")] {
        for place in places.selection_fields() {
            fields.extend(place.selection_set().map(|field| field.name()));
        }
    }
    fields
}

impl<N: ConnectionNode> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

output::fields! {
    /// One page of a list.
    #[Object(name_type)]
    impl Connection<N> where N: ConnectionNode {
        /// The items of this page in the order of the list, each with its cursor.
        fn edges(this) -> &[Edge<N>] {
            &this.edges
        }

        /// The items of this page in the order of the list, without cursors.
        fn nodes(this) -> Vec<&N> {
            this.edges.iter().map(|edge| &edge.node).collect()
        }

        /// The first and the last cursor of this page, and flags for more items after and before it.
        fn page_info(this) -> PageInfo {
            PageInfo {
                has_next_page: this.has_next,
                has_previous_page: this.has_previous,
                start_cursor: this.edges.first().map(Edge::cursor_text),
                end_cursor: this.edges.last().map(Edge::cursor_text),
            }
        }

        /// The number of items in the whole list, independent of `first`, `after`, `last` and `before`.
        /// Counted only if this field is requested.
        fn total_count(this) -> Result<i32> {
            let count = this
                .total_count
                .ok_or_else(|| Error::bug("totalCount is requested but was not computed"))?;
            Ok(i32::try_from(count).unwrap_or(i32::MAX))
        }
    }
}

/// An item of a page, with its cursor.
pub(crate) struct Edge<N: ConnectionNode> {
    node: N,
    order: Arc<Keyset<N::Entity, N::Row>>,
}

impl<N: ConnectionNode> Edge<N> {
    fn cursor_text(&self) -> String {
        self.order.cursor(self.node.row())
    }
}

impl<N: ConnectionNode> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

output::fields! {
    /// An item of a page, with its cursor.
    #[Object(name_type)]
    impl Edge<N> where N: ConnectionNode {
        /// Position of this edge in the list; pass it as `after` or `before`.
        fn cursor(this) -> String {
            this.cursor_text()
        }

        /// The item at this position.
        fn node(this) -> &N {
            &this.node
        }
    }
}
