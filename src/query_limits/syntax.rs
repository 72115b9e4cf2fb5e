//! Explains syntax errors of a document in plain words.

use async_graphql::{Pos, parser};

use super::{
    rejection::{Rejection, error},
    tokens::Tokens,
};
use crate::error::code;

/// The maximum length of the quoted text, in characters.
const MAX_SHOWN_CHARS: usize = 40;

/// Returns an error with the position at which the parser stopped and the text there. The parser's
/// own message lists names of grammar rules.
pub(super) fn explain(text: &str, cause: &parser::Error) -> Rejection {
    let parser::Error::Syntax { start, .. } = cause else {
        let mut refused = error(
            code::GRAPHQL_PARSE_FAILED,
            format!("Syntax error: {cause}."),
        );
        refused.locations = cause.positions().collect();
        return Rejection(vec![refused]);
    };
    match Tokens::from(text, offset(text, *start)).next() {
        None => error_at(text, text.len(), "the document ends before it is complete"),
        Some((at, token)) if is_open_string(token) => {
            error_at(text, at, "the string that begins here is not closed")
        }
        Some((at, _)) => error_at(text, at, &unreadable(&text[at..])),
    }
}

/// Returns a syntax error at this offset.
pub(super) fn error_at(text: &str, offset: usize, message: &str) -> Rejection {
    let at = position(text, offset);
    let message = format!(
        "Syntax error in line {}, column {}: {message}.",
        at.line, at.column
    );
    let mut refused = error(code::GRAPHQL_PARSE_FAILED, message);
    refused.locations.push(at);
    Rejection(vec![refused])
}

/// Quotes the text that cannot be read, up to the end of its line.
fn unreadable(rest: &str) -> String {
    let line = rest.lines().next().unwrap_or_default().trim_end();
    let mut shown: String = line.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    match line.chars().next() {
        // Some of these characters look like others, or are invisible.
        Some(first) if !first.is_ascii_graphic() => {
            format!(
                "cannot read {shown:?}, which begins with U+{:04X}",
                u32::from(first)
            )
        }
        _ => format!("cannot read {shown}"),
    }
}

/// True if the string token has no closing quote.
fn is_open_string(token: &str) -> bool {
    let Some(inner) = token.strip_prefix('"') else {
        return false;
    };
    let Some(inner) = inner.strip_suffix('"') else {
        return true;
    };
    let backslashes = inner.len() - inner.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

fn offset(text: &str, at: Pos) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(at.line - 1)
        .map(str::len)
        .sum();
    let mut characters = text[before..].char_indices();
    let within = characters.nth(at.column - 1).map(|(within, _)| within);
    within.map_or(text.len(), |within| before + within)
}

fn position(text: &str, offset: usize) -> Pos {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Pos {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn explained(text: &str) -> (String, Option<(usize, usize)>) {
        let cause = parse_query(text).unwrap_err();
        let error = explain(text, &cause).into_errors().remove(0);
        let at = error.locations.first().map(|at| (at.line, at.column));
        (error.message, at)
    }

    #[test]
    fn syntax_error_states_position_and_text() {
        let mut wrong = Vec::new();
        let end = "the document ends before it is complete";
        let open = "the string that begins here is not closed";
        for (text, (line, column), says) in [
            ("{", (1, 2), end),
            ("{ viewer { id }\n", (2, 1), end),
            ("", (1, 1), end),
            ("# nothing\n", (2, 1), end),
            ("{ }", (1, 3), "cannot read }"),
            ("{ viewer { } }", (1, 12), "cannot read } }"),
            ("{\r\n  viewer )\r\n}", (2, 10), "cannot read )"),
            ("qury { a }", (1, 1), "cannot read qury { a }"),
            ("query ($x Int) { a }", (1, 8), "cannot read $x Int) { a }"),
            ("{ a(x: 1a) }", (1, 8), "cannot read 1a) }"),
            ("{ a(x: ) }", (1, 8), "cannot read ) }"),
            ("{ a(x: 01) }", (1, 9), "cannot read 1) }"),
            ("{ a \"b\" }", (1, 5), "cannot read \"b\" }"),
            ("{ a ; b }", (1, 5), "cannot read ; b }"),
            ("{ a } extra", (1, 7), "cannot read extra"),
            (
                "{ a \u{201c}b\u{201d} }",
                (1, 5),
                "cannot read \"\u{201c}b\u{201d} }\", which begins with U+201C",
            ),
            (
                "{ a \u{0}",
                (1, 5),
                "cannot read \"\\0\", which begins with U+0000",
            ),
            ("{ a(x: \"b) }", (1, 8), open),
            ("{ a(x: \"b\n\") }", (1, 8), open),
            ("{ a(x: \"\"\"b) }", (1, 10), open),
        ] {
            let message = format!("Syntax error in line {line}, column {column}: {says}.");
            let (said, at) = explained(text);
            if (&said, at) != (&message, Some((line, column))) {
                wrong.push((text, said, at, message));
            }
        }
        assert_eq!(wrong, []);
        let (message, _) = explained(&format!("{{ a ; {} }}", "b".repeat(100)));
        let shown = format!("cannot read ; {}….", "b".repeat(MAX_SHOWN_CHARS - 2));
        assert!(message.ends_with(&shown), "{message}");
    }

    #[test]
    fn other_parser_errors_are_passed_on() {
        for (text, says) in [
            ("{ a } { b }", "document contains multiple operations"),
            (
                "query A { a } query A { b }",
                "operation A is defined twice",
            ),
            (
                "fragment F on T { a }",
                "document does not contain an operation",
            ),
        ] {
            assert_eq!(
                explained(text).0,
                format!("Syntax error: {says}."),
                "{text}"
            );
        }
    }
}
