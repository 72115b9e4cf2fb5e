//! Pages of a list: the arguments of a connection, and what lies around a page.
//!
//! As the GraphQL Cursor Connections specification says, but strict: a page is read from one end,
//! and its size is bounded.

use async_graphql::SimpleObject;

use crate::error::{Error, Result};

/// How many are on a page when nobody says.
pub(crate) const DEFAULT_SIZE: i32 = 50;

/// How many are on a page at most.
pub(crate) const MAX_SIZE: i32 = 100;

/// From which end of the list a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    First,
    Last,
}

/// Which page of a list is asked for, by cursors of the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) end: End,
    pub(crate) size: u64,
    pub(crate) after: Option<String>,
    pub(crate) before: Option<String>,
}

impl Page {
    /// Reads the four arguments of a connection. An empty cursor is as null: Apollo Client sends it for the
    /// first page.
    pub(crate) fn parse(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let (end, size, name) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(Error::BadUserInput(
                    "Ask for first or for last, not for both.".to_owned(),
                ));
            }
            (None, Some(last)) => (End::Last, last, "last"),
            (first, None) => (End::First, first.unwrap_or(DEFAULT_SIZE), "first"),
        };
        let size = u64::try_from(size)
            .ok()
            .filter(|_| (1..=MAX_SIZE).contains(&size))
            .ok_or_else(|| {
                Error::BadUserInput(format!("{name} must be from 1 to {MAX_SIZE}; got {size}."))
            })?;
        let is_cursor = |text: &String| !text.is_empty();
        Ok(Self {
            end,
            size,
            after: after.filter(is_cursor),
            before: before.filter(is_cursor),
        })
    }
}

/// Where in the whole list a page is.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there are more after this page.
    pub(crate) has_next_page: bool,
    /// Whether there are more before this page.
    pub(crate) has_previous_page: bool,
    /// The cursor of the page's first edge; null when the page is empty.
    pub(crate) start_cursor: Option<String>,
    /// The cursor of the page's last edge; null when the page is empty.
    pub(crate) end_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(first: Option<i32>, last: Option<i32>) -> Result<Page> {
        Page::parse(first, None, last, None)
    }

    #[test]
    fn a_page_has_50_unless_it_is_told_otherwise_and_never_more_than_100() {
        assert_eq!(page(None, None).unwrap().size, 50);
        assert_eq!(page(Some(100), None).unwrap().size, 100);
        assert_eq!(page(None, Some(1)).unwrap().end, End::Last);
        for (first, last) in [
            (Some(0), None),
            (Some(-1), None),
            (Some(101), None),
            (None, Some(0)),
            (None, Some(i32::MIN)),
            (Some(1), Some(1)),
        ] {
            assert!(matches!(page(first, last), Err(Error::BadUserInput(_))));
        }
    }
}
