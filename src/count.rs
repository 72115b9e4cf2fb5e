//! Formats counts for messages.

use indicatif::HumanCount;

/// Returns a number with its noun, such as `1 task` or `1,000 tasks`.
pub(crate) fn format_count(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", HumanCount(count))
}
