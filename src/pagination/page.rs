//! Parses the arguments of a connection, and describes the page that they select.
//!
//! Follows the GraphQL Cursor Connections specification, but rejects `first` together with `last`,
//! and bounds the size of a page.

use async_graphql::Object;

use crate::{
    error::{Error, Result},
    output,
};

/// The number of items on a page without `first` and `last`.
pub(crate) const DEFAULT_PAGE_SIZE: i32 = 50;

/// The maximum number of items on a page.
pub(crate) const MAX_PAGE_SIZE: i32 = 100;

/// The end of the list from which a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    First,
    Last,
}

/// A page of a list, relative to cursors of the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) end: End,
    pub(crate) size: u64,
    pub(crate) after: Option<String>,
    pub(crate) before: Option<String>,
}

impl Page {
    /// Parses the four arguments of a connection. An empty cursor means null, since Apollo Client
    /// sends it for the first page.
    ///
    /// # Errors
    /// Returns [`Error::BadUserInput`] if both `first` and `last` are given, or if the given one is
    /// not between 1 and 100.
    pub(crate) fn parse(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let (end, size, name) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(Error::BadUserInput(
                    "Use either first or last, not both.".to_owned(),
                ));
            }
            (None, Some(last)) => (End::Last, last, "last"),
            (first, None) => (End::First, first.unwrap_or(DEFAULT_PAGE_SIZE), "first"),
        };
        let size = u64::try_from(size)
            .ok()
            .filter(|_| (1..=MAX_PAGE_SIZE).contains(&size))
            .ok_or_else(|| {
                Error::BadUserInput(format!(
                    "{name} must be from 1 to {MAX_PAGE_SIZE}; got {size}."
                ))
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

/// The position of a page in the whole list.
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
    pub(crate) has_previous_page: bool,
    pub(crate) start_cursor: Option<String>,
    pub(crate) end_cursor: Option<String>,
}

output::fields! {
    /// The position of a page in the whole list.
    #[Object]
    impl PageInfo {
        /// True if more items follow this page. With `last`, true if `before` is given.
        fn has_next_page(this) -> bool {
            this.has_next_page
        }

        /// True if more items precede this page. With `first`, true if `after` is given.
        fn has_previous_page(this) -> bool {
            this.has_previous_page
        }

        /// Cursor of the first edge of this page, to pass as `before` for the preceding page; null if
        /// the page is empty.
        fn start_cursor(this) -> Option<&str> {
            this.start_cursor.as_deref()
        }

        /// Cursor of the last edge of this page, to pass as `after` for the next page; null if the page
        /// is empty.
        fn end_cursor(this) -> Option<&str> {
            this.end_cursor.as_deref()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(first: Option<i32>, last: Option<i32>) -> Result<Page> {
        Page::parse(first, None, last, None)
    }

    #[test]
    fn page_size_defaults_to_50_and_is_at_most_100() {
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
