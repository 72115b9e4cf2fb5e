//! The passwords that many people use: sorted lists within the binary.
//!
//! `README.md` beside them says where the lists come from.

use std::cmp::Ordering;

/// One password a line, folded as [`super::fold`] does it, in the order of their bytes.
const LIST: &str = include_str!("list.txt");

/// Those that are too short to be chosen, and long enough when they are repeated.
const SHORT: &str = include_str!("short.txt");

/// Whether a password is among the common ones, or one of them repeated, with or without something between; it must be
/// folded.
pub(super) fn contains(folded: &str) -> bool {
    let letters: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    is_listed(LIST, folded) || repeats_listed(folded) || repeats_listed(&letters)
}

/// Whether the text is a common password, at least twice.
fn repeats_listed(text: &str) -> bool {
    let starts = text.char_indices().map(|(at, _)| at).skip(1);
    starts
        .take_while(|length| length * 2 <= text.len())
        .filter(|length| text.len().is_multiple_of(*length))
        .map(|length| &text[..length])
        .any(|part| {
            text.as_bytes()
                .chunks(part.len())
                .all(|chunk| chunk == part.as_bytes())
                && (is_listed(LIST, part) || is_listed(SHORT, part))
        })
}

fn is_listed(list: &str, folded: &str) -> bool {
    let mut rest = list.as_bytes();
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
    use crate::identity::credentials::password::fold;

    #[test]
    fn the_lists_are_sorted_and_folded_and_divided_by_length() {
        for (list, lengths) in [(LIST, 8..=usize::MAX), (SHORT, 4..=7)] {
            let passwords: Vec<_> = list.lines().collect();
            assert!(passwords.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
            for password in passwords {
                assert_eq!(fold(password), password);
                assert!(lengths.contains(&password.chars().count()), "{password}");
            }
        }
    }

    #[test]
    fn repeated_common_password_is_common() {
        for password in [
            "iloveyouiloveyou",
            "passw0rdpassw0rd",
            "p@ssw0rdp@ssw0rd",
            "passwordpasswordpassword",
            "iloveyou iloveyou",
            "iloveyou-iloveyou!",
            "monkeymonkey",
            "letmeinletmeinletmein",
            "1111111111111111",
        ] {
            assert!(contains(password), "{password}");
        }
        for other in [
            "monkeydragon",
            "monkey",
            "monkeymonke",
            "passwordpasswort",
            "m7,k2%xym7,k2%xy",
            "        ",
            "\u{1f511}\u{1f511}\u{1f511}\u{1f511}",
        ] {
            assert!(!contains(other), "{other}");
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
