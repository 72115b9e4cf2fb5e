//! Lists of what is the viewer's, as connections.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use crate::{
    error::{Error, Result},
    pagination::keyset::Keyset,
    pagination::page::{End, Page, PageInfo},
    scope::{
        Column, Filter, Owned, Query, Row, RowError, Value, Viewer, all_columns, distinct_columns,
    },
};
use async_graphql::{Context, Object, OutputType, TypeName};

/// What is listed.
pub(crate) trait Listed: OutputType + Clone {
    type Entity: Owned<Model: Sync>;
    type Row: ListedRow<Self::Entity>;

    fn of(row: Self::Row, viewer: &Viewer) -> Self;

    fn row(&self) -> &Self::Row;
}

/// A row of a list, as far as it is read.
pub(crate) trait ListedRow<E: Owned>: Sized + Send + Sync {
    /// The columns that these fields show.
    fn columns(fields: &Fields<'_>) -> Vec<E::Column>;

    /// Reads these columns, which the result has in this order.
    fn read(result: Row<'_>, columns: &[E::Column]) -> std::result::Result<Self, RowError>;
}

/// The names of the fields that are asked for of what is listed.
pub(crate) type Fields<'a> = BTreeSet<&'a str>;

/// A whole row, whatever is asked for.
impl<E, M> ListedRow<E> for M
where
    E: Owned<Model = M>,
    M: Send + Sync,
{
    fn columns(_: &Fields<'_>) -> Vec<E::Column> {
        all_columns::<E>()
    }

    fn read(result: Row<'_>, _: &[E::Column]) -> std::result::Result<Self, RowError> {
        result.model::<E>()
    }
}

/// The rows of the query that have one of these ids, in one statement.
pub(crate) async fn find<N: Listed>(
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

/// A page of a list.
pub(crate) struct Connection<N: Listed> {
    nodes: Vec<N>,
    order: Arc<Keyset<N::Entity, N::Row>>,
    has_next: bool,
    has_previous: bool,
    /// The length of the whole list, if it is asked for.
    total_count: Option<u64>,
}

impl<N: Listed> Connection<N> {
    /// Reads the page of what the query matches that the four arguments of a connection ask for: of each
    /// row what the selection of `ctx` shows, and what it is ordered by.
    pub(crate) async fn read(
        ctx: &Context<'_>,
        viewer: &Viewer,
        query: Query<N::Entity>,
        order: impl Into<Arc<Keyset<N::Entity, N::Row>>>,
        page: Page,
    ) -> Result<Self> {
        let order = order.into();
        let mut columns = N::Row::columns(&fields_of_nodes(ctx));
        columns.extend(order.columns());
        let columns = distinct_columns::<N::Entity>(columns);
        let mut rows = query.clone().columns(columns.iter().copied());
        let (has_after, has_before) = (page.after.is_some(), page.before.is_some());
        if let Some(after) = page.after {
            rows = rows.and(order.beyond(order.read(&after)?, false));
        }
        if let Some(before) = page.before {
            rows = rows.and(order.beyond(order.read(&before)?, true));
        }
        rows = order.order(rows, page.end == End::Last);
        // One more than the page says whether there are more.
        let rows = rows.limit(page.size + 1);
        let mut rows = viewer
            .list(rows, |result| N::Row::read(result, &columns))
            .await?;
        let has_more = rows.len() as u64 > page.size;
        rows.truncate(usize::try_from(page.size).unwrap_or(usize::MAX));
        if page.end == End::Last {
            rows.reverse();
        }
        // Beyond the cursor that the page starts from there is at least what the cursor was made
        // of, unless that has been deleted since.
        let (has_next, has_previous) = match page.end {
            End::First => (has_more, has_after),
            End::Last => (has_before, has_more),
        };
        let total_count = if ctx.look_ahead().field("totalCount").exists() {
            Some(viewer.count(query).await?)
        } else {
            None
        };
        Ok(Self {
            nodes: rows.into_iter().map(|row| N::of(row, viewer)).collect(),
            order,
            has_next,
            has_previous,
            total_count,
        })
    }
}

/// The fields that a selection of a connection asks for of what is on the page, in any of its places.
fn fields_of_nodes<'a>(ctx: &'a Context<'_>) -> Fields<'a> {
    let page = ctx.look_ahead();
    let mut fields = Fields::new();
    for places in [page.field("nodes"), page.field("edges").field("node")] {
        for place in places.selection_fields() {
            fields.extend(place.selection_set().map(|field| field.name()));
        }
    }
    fields
}

impl<N: Listed> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<N: Listed> Connection<N> {
    /// What is on the page, each with its cursor.
    async fn edges(&self) -> Vec<Edge<N>> {
        let edge = |node: &N| Edge {
            node: node.clone(),
            order: Arc::clone(&self.order),
        };
        self.nodes.iter().map(edge).collect()
    }

    /// What is on the page.
    async fn nodes(&self) -> &[N] {
        &self.nodes
    }

    /// Where in the whole list the page is.
    async fn page_info(&self) -> PageInfo {
        let cursor = |node: &N| self.order.cursor(node.row());
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.nodes.first().map(cursor),
            end_cursor: self.nodes.last().map(cursor),
        }
    }

    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self) -> Result<i32> {
        let count = self
            .total_count
            .ok_or_else(|| Error::bug("a list was not counted"))?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// One of a page.
pub(crate) struct Edge<N: Listed> {
    node: N,
    order: Arc<Keyset<N::Entity, N::Row>>,
}

impl<N: Listed> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

/// One of a page.
#[Object(name_type)]
impl<N: Listed> Edge<N> {
    /// Its position in this order, to be handed back as `after` or `before`.
    async fn cursor(&self) -> String {
        self.order.cursor(self.node.row())
    }

    /// What is there.
    async fn node(&self) -> &N {
        &self.node
    }
}
