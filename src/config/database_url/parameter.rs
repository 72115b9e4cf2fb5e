//! The error message for an unknown parameter of a URL.

use crate::config::misspelling::nearest;

/// The advice to percent-encode special characters.
pub(super) const ENCODE: &str = "In a user name, a password or a value, percent-encode special characters: % as %25, # as %23, \
                      / as %2F, : as %3A, ? as %3F, @ as %40";

/// Returns the message for an unknown parameter. It contains the name only if `is_name`: otherwise the
/// name may be a part of a password.
pub(super) fn unknown(name: &str, known: &[&str], is_name: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    if !is_name || name.is_empty() || !name.chars().all(is_plain) {
        return format!("it has a parameter with an invalid name. {ENCODE}");
    }
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? Correct it, or remove it"),
        None => "remove it".to_owned(),
    };
    format!("Cubby does not support its parameter `{name}`: {hint}")
}
