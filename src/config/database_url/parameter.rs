//! The message about an unknown parameter of an address.

use crate::config::misspelling::nearest;

/// The advice about special characters.
pub(super) const ENCODE: &str = "In a user name, a password or a value, percent-encode special characters: % as %25, # as %23, \
                      / as %2F, : as %3A, ? as %3F, @ as %40";

/// The message about a parameter that is not among the known ones. The name is repeated if `is_name`: otherwise it may be
/// a part of a password.
pub(super) fn unknown(name: &str, known: &[&str], is_name: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    if !is_name || name.is_empty() || !name.chars().all(is_plain) {
        return format!("it has a parameter without a proper name. {ENCODE}");
    }
    let hint = match nearest(name, known) {
        Some(near) => format!("correct it, perhaps to `{near}`, or remove it"),
        None => "remove it".to_owned(),
    };
    format!("Cubby does not support its parameter `{name}`: {hint}")
}
