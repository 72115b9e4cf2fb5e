//! Counts the tokens of a document before it is parsed.
//!
//! The parser recurses for each bracket, so deeply nested text must not reach it.

use super::rejection::{Exceeded, Limit};
use crate::config::DocumentLimits;

/// The maximum depth of nested brackets of any kind: selections, lists and objects. A document
/// within the other limits stays far below it.
const MAX_BRACKET_DEPTH: u32 = 128;

/// Rejects a document with too many tokens or too deeply nested brackets.
///
/// Text that is not GraphQL passes: the parser reports its errors.
pub(super) fn scan(text: &str, limits: &DocumentLimits) -> Result<(), Exceeded> {
    let mut tokens: u32 = 0;
    let mut nesting: u32 = 0;
    for (_, token) in Tokens::of(text) {
        match token {
            "{" | "[" | "(" => {
                nesting += 1;
                if nesting > MAX_BRACKET_DEPTH {
                    return Err(Exceeded::new(
                        Limit::Depth,
                        u64::from(nesting),
                        u64::from(MAX_BRACKET_DEPTH),
                    ));
                }
            }
            "}" | "]" | ")" => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        tokens += 1;
        if tokens > limits.max_tokens {
            return Err(Exceeded::new(
                Limit::Tokens,
                u64::from(tokens),
                u64::from(limits.max_tokens),
            ));
        }
    }
    Ok(())
}

/// An iterator over the tokens of a text, each with its offset in bytes. White space, commas and
/// comments are skipped; a character that starts no token of GraphQL is a token by itself.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self::from(text, 0)
    }

    /// Returns the tokens from an offset that is not inside a token.
    pub(super) fn from(text: &'a str, offset: usize) -> Self {
        Self { text, at: offset }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = &self.text[self.at..];
            let bytes = rest.as_bytes();
            let length = match *bytes.first()? {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                    continue;
                }
                b'"' => string_length(bytes),
                b'.' if rest.starts_with("...") => 3,
                b'-' | b'0'..=b'9' => number_length(bytes),
                byte if is_word(byte) => word_length(bytes),
                _ => rest.chars().next().map_or(1, char::len_utf8),
            };
            let token = (self.at, &rest[..length]);
            self.at += length;
            return Some(token);
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the number of bytes at the start of the text that match.
fn matching_length(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    let end = text.iter().position(|&byte| !belongs(byte));
    end.unwrap_or(text.len())
}

/// Returns the length of the number at the start of the text. Like the parser, reads `00` as two
/// numbers.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        matching_length(text.get(from..).unwrap_or_default(), |byte| {
            byte.is_ascii_digit()
        })
    };
    let sign = usize::from(text[0] == b'-');
    let whole = match text.get(sign) {
        Some(b'0') => 1,
        _ => digits(sign),
    };
    let mut length = sign + whole;
    if text.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        if digits(length + 1 + sign) > 0 {
            length += 1 + sign + digits(length + 1 + sign);
        }
    }
    length.max(1)
}

/// Returns the length of the word at the start of the text. Like the parser, reads `truetrue` as
/// two words.
fn word_length(text: &[u8]) -> usize {
    let constants = [&b"true"[..], b"false", b"null"];
    let constant = constants.iter().find(|constant| text.starts_with(constant));
    constant.map_or_else(|| matching_length(text, is_word), |constant| constant.len())
}

/// Returns the length of the string at the start of the text, quotes included.
fn string_length(text: &[u8]) -> usize {
    // The parser reads an unclosed block string as an empty string and what follows it.
    block_length(text).unwrap_or_else(|| line_length(text))
}

fn block_length(text: &[u8]) -> Option<usize> {
    const QUOTES: &[u8] = br#"""""#;
    const ESCAPED: &[u8] = br#"\""""#;
    if !text.starts_with(QUOTES) {
        return None;
    }
    let mut at = QUOTES.len();
    while at < text.len() {
        if text[at..].starts_with(ESCAPED) {
            at += ESCAPED.len();
        } else if text[at..].starts_with(QUOTES) {
            return Some(at + QUOTES.len());
        } else {
            at += 1;
        }
    }
    None
}

fn line_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            // The string is not closed on its line; the parser reports the error.
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn refusal(text: &str, max_tokens: u32) -> Option<Limit> {
        let limits = DocumentLimits {
            max_tokens,
            ..Config::of(&[]).unwrap().document_limits
        };
        scan(text, &limits).err().map(|exceeded| exceeded.limit)
    }

    #[test]
    fn tokens_are_counted_as_the_specification_defines() {
        for (text, tokens) in [
            ("{ a }", 3),
            ("query($id:ID!){a(id:$id)}", 17),
            (r#"{ a(x: "b { [ \" c", y: """d " \""" e""") }"#, 11),
            ("{ a # { { {\n }", 3),
            ("{ ...F } fragment F on T { a }", 11),
            ("{ a(x: -1.5e+3, y: [1, 2]) }", 14),
        ] {
            assert_eq!(refusal(text, tokens), None, "{text}");
            assert_eq!(refusal(text, tokens - 1), Some(Limit::Tokens), "{text}");
        }
    }

    #[test]
    fn nesting_of_brackets_of_any_kind_is_limited() {
        for bracket in ["{", "[", "(", "{a(b:["] {
            assert_eq!(refusal(&bracket.repeat(20), 5_000), None);
            assert_eq!(refusal(&bracket.repeat(129), 5_000), Some(Limit::Depth));
        }
        assert_eq!(refusal(&"{}".repeat(1_000), 5_000), None);
    }

    #[test]
    fn text_after_the_end_of_a_string_is_never_skipped() {
        let deep = "[".repeat(129);
        for text in [
            format!(r#"{{ a(x: ["""b" {deep}"#),
            format!(r#"{{ a(x: """b\\\""" " """ {deep} "#),
            format!("{{ a(x: \"b\\\\\" {deep}"),
        ] {
            assert_eq!(refusal(&text, 5_000), Some(Limit::Depth), "{text}");
        }
        for text in [
            format!(r#"{{ a(x: """{deep}""") }}"#),
            format!(r#"{{ a(x: """\"""{deep}\\""") }}"#),
            format!(r#"{{ a(x: "\"{deep}\\") }}"#),
        ] {
            assert_eq!(refusal(&text, 5_000), None, "{text}");
        }
    }

    #[test]
    fn unclosed_string_ends_with_the_text() {
        for text in ["\"", "\"\"\"", "\"\\", "\"\"\"\\", "{ a(x: \"b", "\u{e4}"] {
            assert_eq!(refusal(text, 5_000), None, "{text}");
        }
    }
}
