//! The passwords that many people use: a sorted list within the binary.
//!
//! `README.md` beside it says where the list comes from.

use std::cmp::Ordering;

/// One password a line, folded as [`super::fold`] does it, in the order of their bytes.
const LIST: &str = include_str!("list.txt");

/// Whether a password is among them; it must be folded.
pub(super) fn contains(folded: &str) -> bool {
    let mut rest = LIST.as_bytes();
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let is_end = |byte: &u8| *byte == b'\n';
        let start = rest[..middle]
            .iter()
            .rposition(is_end)
            .map_or(0, |at| at + 1);
        let end = rest[middle..]
            .iter()
            .position(is_end)
            .map_or(rest.len(), |at| middle + at);
        match folded.as_bytes().cmp(&rest[start..end]) {
            Ordering::Less => rest = &rest[..start],
            Ordering::Equal => return true,
            Ordering::Greater => rest = rest.get(end + 1..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::password::fold;

    #[test]
    fn the_list_is_sorted_and_folded_and_has_nothing_that_is_refused_by_its_length() {
        let passwords: Vec<_> = LIST.lines().collect();
        assert!(passwords.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
        for password in passwords {
            assert_eq!(fold(password), password);
            assert!(password.chars().count() >= 8, "{password}");
        }
    }

    #[test]
    fn every_password_of_the_list_is_found_and_no_other() {
        for password in LIST.lines() {
            assert!(contains(password), "{password}");
        }
        for other in [
            "",
            "a",
            "passwor",
            "password ",
            "correct horse",
            "\u{10ffff}",
        ] {
            assert!(!contains(other), "{other:?}");
        }
    }

    #[test]
    fn more_than_50_000_are_listed_and_more_than_9_000_for_the_nist_policy() {
        assert!(LIST.lines().count() > 50_000);
        let long = LIST
            .lines()
            .filter(|password| password.chars().count() >= 15);
        assert!(long.count() > 9_000);
    }
}
