//! The tokens of a document, counted before anything is built of them.
//!
//! The parser calls itself for each bracket, so what is nested too deep must never reach it.

use super::rejection::{Exceeded, Limit};
use crate::config::DocumentLimits;

/// How deep brackets of any kind may lie within each other: selections, lists and objects. No
/// document within the other limits comes near it.
const MAX_NESTING: u32 = 128;

/// Refuses a document that has too many tokens, or brackets nested too deep.
///
/// What is no GraphQL at all passes: the parser says what is wrong with it.
pub(super) fn scan(text: &str, limits: &DocumentLimits) -> Result<(), Exceeded> {
    let mut tokens: u32 = 0;
    let mut nesting: u32 = 0;
    for (_, token) in Tokens::of(text) {
        match token {
            "{" | "[" | "(" => {
                nesting += 1;
                if nesting > MAX_NESTING {
                    return Err(Exceeded::new(
                        Limit::Depth,
                        u64::from(nesting),
                        u64::from(MAX_NESTING),
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

/// The tokens of a text, each with its offset in bytes. White space, commas and comments are none; a character
/// that begins no token of GraphQL is one by itself.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self::from(text, 0)
    }

    /// Those from an offset on that is in no token.
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

/// How many bytes from here on belong to it.
fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    let end = text.iter().position(|&byte| !belongs(byte));
    end.unwrap_or(text.len())
}

/// How long the number is that begins here: the parser takes `00` for two of them.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        run(text.get(from..).unwrap_or_default(), |byte| {
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

/// How long the word is that begins here: the parser takes `truetrue` for two of them.
fn word_length(text: &[u8]) -> usize {
    let constants = [&b"true"[..], b"false", b"null"];
    let constant = constants.iter().find(|constant| text.starts_with(constant));
    constant.map_or_else(|| run(text, is_word), |constant| constant.len())
}

/// How long the string is that begins here, quotes included.
fn string_length(text: &[u8]) -> usize {
    // A block that is never closed is read as the empty string and what follows it.
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
            // Not closed on its line: the parser will say so.
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
    fn tokens_are_counted_as_graphql_counts_them() {
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
    fn brackets_of_any_kind_lie_only_so_deep() {
        for bracket in ["{", "[", "(", "{a(b:["] {
            assert_eq!(refusal(&bracket.repeat(20), 5_000), None);
            assert_eq!(refusal(&bracket.repeat(129), 5_000), Some(Limit::Depth));
        }
        assert_eq!(refusal(&"{}".repeat(1_000), 5_000), None);
    }

    #[test]
    fn what_the_parser_reads_as_tokens_is_never_taken_for_a_string() {
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
    fn what_is_not_closed_ends_with_the_text() {
        for text in ["\"", "\"\"\"", "\"\\", "\"\"\"\\", "{ a(x: \"b", "\u{e4}"] {
            assert_eq!(refusal(text, 5_000), None, "{text}");
        }
    }
}
