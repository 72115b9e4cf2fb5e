//! Common passwords: searches sorted lists that are part of the binary.
//!
//! `README.md` in this folder describes the sources of the lists.

use std::cmp::Ordering;

/// One password per line, folded by [`super::fold`] and sorted by bytes.
const LIST: &str = include_str!("list.txt");

/// Common passwords of 4 to 7 code points, which are long enough only if they are repeated.
const SHORT: &str = include_str!("short.txt");

/// True if a folded password is common, or repeats a common one, such as `monkey-monkey`.
pub(super) fn contains(folded: &str) -> bool {
    let letters: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    is_listed(LIST, folded) || repeats_listed(folded) || repeats_listed(&letters)
}

/// True if the text is a common password, repeated at least once.
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
    fn password_lists_are_sorted_folded_and_split_by_length() {
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
    fn only_listed_passwords_are_found() {
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
    fn list_has_over_50_000_passwords_and_9_000_for_nist() {
        assert!(LIST.lines().count() > 50_000);
        let long = LIST
            .lines()
            .filter(|password| password.chars().count() >= 15);
        assert!(long.count() > 9_000);
    }
}
