//! Counts as people write them.

use indicatif::HumanCount;

/// A number with its noun, such as `1 task` or `1,000 tasks`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", HumanCount(count))
}
