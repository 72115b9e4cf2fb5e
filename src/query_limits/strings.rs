//! Resolves the string escapes that the parser does not support: `\u{1F600}` and surrogate pairs
//! such as `\uD83D\uDE00` (GraphQL section 2.9.4, September 2025).

use std::borrow::Cow;

use super::{rejection::Rejection, syntax, tokens::Tokens};

const BLOCK_QUOTES: &str = r#"""""#;

/// Replaces these escapes by their characters, and rejects invalid escapes.
///
/// A shortened string is padded with spaces after it, so that the positions in later errors stay
/// correct.
pub(super) fn resolve_escapes(text: &str) -> Result<Cow<'_, str>, Rejection> {
    let mut resolved = String::new();
    let mut copied = 0;
    for (at, token) in Tokens::of(text) {
        let is_string = token.starts_with('"') && !token.starts_with(BLOCK_QUOTES);
        if !is_string || !token.contains('\\') {
            continue;
        }
        let string = resolve(token).map_err(|offset| invalid(text, at + offset))?;
        let padding = token.chars().count() - string.chars().count();
        resolved += &text[copied..at];
        resolved += &string;
        resolved.extend(std::iter::repeat_n(' ', padding));
        copied = at + token.len();
    }
    if copied == 0 {
        return Ok(text.into());
    }
    resolved += &text[copied..];
    Ok(resolved.into())
}

/// Returns the string with its escapes resolved. Fails with the offset of an invalid escape.
fn resolve(string: &str) -> Result<String, usize> {
    let mut resolved = String::with_capacity(string.len());
    let mut rest = string;
    while let Some((before, _)) = rest.split_once('\\') {
        resolved += before;
        rest = &rest[before.len()..];
        let Some((length, character)) = escape(rest) else {
            return Err(string.len() - rest.len());
        };
        match character {
            None => resolved += &rest[..length],
            Some('"') => resolved += r#"\""#,
            Some('\\') => resolved += r"\\",
            Some('\n') => resolved += r"\n",
            Some('\r') => resolved += r"\r",
            Some(character) => resolved.push(character),
        }
        rest = &rest[length..];
    }
    Ok(resolved + rest)
}

/// Returns the length of the escape at the start of the text, and its character if the parser does
/// not support it.
fn escape(text: &str) -> Option<(usize, Option<char>)> {
    let escape = text.get(1..)?;
    if escape.starts_with(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']) {
        return Some((2, None));
    }
    let code = escape.strip_prefix('u')?;
    if let Some(code) = code.strip_prefix('{') {
        let (digits, _) = code.split_once('}')?;
        let character = char::from_u32(hexadecimal(digits)?)?;
        return Some((digits.len() + 4, Some(character)));
    }
    let unit = |text: &str| u16::try_from(hexadecimal(text.get(..4)?)?).ok();
    let first = unit(code)?;
    if char::from_u32(first.into()).is_some() {
        return Some((6, None));
    }
    let second = unit(code[4..].strip_prefix(r"\u")?)?;
    let mut pair = char::decode_utf16([first, second]);
    Some((12, Some(pair.next()?.ok()?)))
}

/// Parses a hexadecimal number with any number of leading zeros.
fn hexadecimal(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    match digits.trim_start_matches('0') {
        "" => Some(0),
        significant => u32::from_str_radix(significant, 16).ok(),
    }
}

fn invalid(text: &str, offset: usize) -> Rejection {
    let escape = &text[offset..];
    let is_of_it = |it: &char| it.is_ascii_alphanumeric() || "{}".contains(*it);
    let mut shown: String = escape.chars().take(2).collect();
    if shown == r"\u" {
        shown.extend(escape.chars().skip(2).take_while(is_of_it).take(10));
    }
    syntax::error_at(
        text,
        offset,
        &format!(
            r"{shown} in a string is not a valid escape: write \\ for a backslash, and \u00E4, \u{{1F600}} or \uD83D\uDE00 for other characters"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_without_moving_later_text() {
        for (text, resolved) in [
            (
                r#"{ a(x: "\uD83D\uDE00") }"#,
                "{ a(x: \"\u{1f600}\"           ) }",
            ),
            (
                r#"{ a(x: "\u{1F600}b" c) }"#,
                "{ a(x: \"\u{1f600}b\"         c) }",
            ),
            (
                r#""\ud83d\ude00\uD83D\uDE01""#,
                "\"\u{1f600}\u{1f601}\"                      ",
            ),
            (r#""\u{41}\u{000000041}""#, "\"AA\"                 "),
            (r#""\u{22}\u{5C}\u{a}\u{D}""#, r#""\"\\\n\r"              "#),
            (r#""\u{10FFFF}""#, "\"\u{10ffff}\"         "),
            (r#""\\uD83D\\u{1F600}""#, r#""\\uD83D\\u{1F600}""#),
            (r#""\u00e4\n\"\\\/\b\f\r\t""#, r#""\u00e4\n\"\\\/\b\f\r\t""#),
            (
                r#""""\uD83D\u{1F600}\q \""" """"#,
                r#""""\uD83D\u{1F600}\q \""" """"#,
            ),
            (r#"{ a # "\q" """#, r#"{ a # "\q" """#),
        ] {
            let read = resolve_escapes(text).unwrap();
            assert_eq!(read, resolved, "{text}");
            assert_eq!(read.chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn invalid_escape_is_rejected_with_its_position() {
        for (escape, shown) in [
            (r"\uD83D", r"\uD83D"),
            (r"\uDE00", r"\uDE00"),
            (r"\uD83Dx", r"\uD83Dx"),
            (r"\uDE00\uD83D", r"\uDE00"),
            (r"\uD83D\u0041", r"\uD83D"),
            (r"\uD83D\u{DE00}", r"\uD83D"),
            (r"\u{D83D}\u{DE00}", r"\u{D83D}"),
            (r"\u{110000}", r"\u{110000}"),
            (r"\u{FFFFFFFFFF}", r"\u{FFFFFFFFF"),
            (r"\u{}", r"\u{}"),
            (r"\u{ 41}", r"\u{"),
            (r"\u{41", r"\u{41"),
            (r"\u{-41}", r"\u{"),
            (r"\u12", r"\u12"),
            (r"\u+123", r"\u"),
            (r"\u12\u{e4}5", r"\u12"),
            (r"\U0041", r"\U"),
            (r"\q", r"\q"),
            (r"\x41", r"\x"),
            (r"\'", r"\'"),
        ] {
            let text = format!("{{\n  a(x: \"b{escape}\") }}");
            let errors = resolve_escapes(&text).unwrap_err().into_errors();
            let message = format!("Syntax error in line 2, column 10: {shown} in a string");
            assert!(errors[0].message.starts_with(&message), "{errors:?}");
            assert_eq!(
                (errors[0].locations[0].line, errors[0].locations[0].column),
                (2, 10)
            );
        }
    }
}
