//! Lists of what is the viewer's, newest first, as connections.

use std::{borrow::Cow, str::FromStr};

use async_graphql::{Object, OutputType, TypeName};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value};

use super::{Owned, Viewer};
use crate::{
    error::Result,
    page::{End, Page, PageInfo, write_cursor},
};

/// What is listed; its id says when it was made, so ids are the order.
pub(crate) trait Listed: OutputType + Clone {
    type Entity: Owned<Model: Sync>;
    type Id: Copy + FromStr + Into<Value> + ToString;

    const ID: <Self::Entity as EntityTrait>::Column;

    fn of(row: <Self::Entity as EntityTrait>::Model, viewer: &Viewer) -> Self;

    fn list_id(&self) -> Self::Id;

    /// Those of the viewer's rows that are in the list.
    fn select(viewer: &Viewer) -> Select<Self::Entity>;
}

/// A page of a list.
pub(crate) struct Connection<N> {
    nodes: Vec<N>,
    has_next: bool,
    has_previous: bool,
    viewer: Viewer,
}

impl<N: Listed> Connection<N> {
    /// Reads the page that the four arguments of a connection ask for.
    pub(crate) async fn read(
        viewer: &Viewer,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let page: Page<N::Id> = Page::parse(first, after, last, before)?;
        let mut select = N::select(viewer);
        if let Some(after) = page.after {
            select = select.filter(N::ID.lt(after));
        }
        if let Some(before) = page.before {
            select = select.filter(N::ID.gt(before));
        }
        select = match page.end {
            End::First => select.order_by_desc(N::ID),
            End::Last => select.order_by_asc(N::ID),
        };
        // One more than the page says whether there are more.
        let mut rows = viewer.all(select.limit(page.size + 1)).await?;
        let has_more = rows.len() as u64 > page.size;
        rows.truncate(usize::try_from(page.size).unwrap_or(usize::MAX));
        if page.end == End::Last {
            rows.reverse();
        }
        // Beyond the cursor that the page starts from there is at least what the cursor was made
        // of, unless that has been deleted since.
        let (has_next, has_previous) = match page.end {
            End::First => (has_more, page.after.is_some()),
            End::Last => (page.before.is_some(), has_more),
        };
        Ok(Self {
            nodes: rows.into_iter().map(|row| N::of(row, viewer)).collect(),
            has_next,
            has_previous,
            viewer: viewer.clone(),
        })
    }
}

impl<N: Listed> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

/// A page of a list, newest first.
#[Object(name_type)]
impl<N: Listed> Connection<N> {
    /// What is on the page, each with its cursor.
    async fn edges(&self) -> Vec<Edge<N>> {
        self.nodes.iter().cloned().map(Edge).collect()
    }

    /// What is on the page.
    async fn nodes(&self) -> &[N] {
        &self.nodes
    }

    /// Where in the whole list the page is.
    async fn page_info(&self) -> PageInfo {
        let cursor = |node: &N| write_cursor(&node.list_id());
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.nodes.first().map(cursor),
            end_cursor: self.nodes.last().map(cursor),
        }
    }

    /// How many there are on all pages; counted only when asked for.
    async fn total_count(&self) -> Result<i32> {
        let count = self.viewer.count(N::select(&self.viewer)).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// One of a page.
pub(crate) struct Edge<N>(N);

impl<N: Listed> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

/// One of a page.
#[Object(name_type)]
impl<N: Listed> Edge<N> {
    /// Its position, to be handed back as `after` or `before`.
    async fn cursor(&self) -> String {
        write_cursor(&self.0.list_id())
    }

    /// What is there.
    async fn node(&self) -> &N {
        &self.0
    }
}
