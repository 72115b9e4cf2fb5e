//! The text for people in a file: comments, strings and documents.

use crate::{files::File, names::prose_lines};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of a doc comment: `///` or `//!`.
    Doc,
    Comment,
    /// A string literal with at least three words.
    Text,
    Document,
}

#[derive(Debug)]
pub struct Segment {
    pub line: usize,
    pub kind: Kind,
    pub text: String,
    /// True for the first line of a doc comment.
    pub is_first: bool,
}

/// Returns the segments of a file; none of a file without text for people.
pub fn segments(file: &File) -> Vec<Segment> {
    match file.extension() {
        "rs" => rust(&file.text),
        "md" => prose_lines(&file.text)
            .filter(|(_, line)| !line.starts_with("    "))
            .map(|(line, text)| segment(line, Kind::Document, text))
            .collect(),
        "ts" | "tsx" | "js" => marked(&file.text, "//"),
        "toml" | "yaml" | "yml" | "py" | "example" => marked(&file.text, "#"),
        _ if file.path == "Dockerfile" || file.text.starts_with("#!") => marked(&file.text, "#"),
        _ => Vec::new(),
    }
}

fn segment(line: usize, kind: Kind, text: &str) -> Segment {
    Segment {
        line,
        kind,
        text: text.trim().to_owned(),
        is_first: false,
    }
}

/// Returns the comments that begin with a mark at the start of a line or after a space.
fn marked(text: &str, mark: &str) -> Vec<Segment> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            let start = line.find(mark)?;
            let is_comment = line[..start]
                .chars()
                .next_back()
                .is_none_or(char::is_whitespace);
            is_comment.then(|| segment(at + 1, Kind::Comment, &line[start + mark.len()..]))
        })
        .collect()
}

/// Returns the comments and the strings of Rust source text.
fn rust(source: &str) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::new();
    let mut rest = source;
    let line_of = |rest: &str| source[..source.len() - rest.len()].matches('\n').count() + 1;
    while !rest.is_empty() {
        let line = line_of(rest);
        if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            let comment = &rest[2..end];
            let is_doc = comment.starts_with(['/', '!']);
            let kind = if is_doc { Kind::Doc } else { Kind::Comment };
            let mut new = segment(line, kind, comment.trim_start_matches(['/', '!']));
            let follows = found.last().is_some_and(|last| {
                last.line + 1 == line && last.kind == Kind::Doc && !last.text.is_empty()
            });
            new.is_first = is_doc && !follows;
            found.push(new);
            rest = &rest[end..];
        } else if let Some(length) = char_literal(rest) {
            rest = &rest[length..];
        } else if let Some((text, length)) = string_literal(rest) {
            if text.split_whitespace().count() > 2 {
                let text = text.split_whitespace().filter(|word| *word != "\\");
                let text = text.collect::<Vec<_>>().join(" ");
                found.push(segment(line, Kind::Text, &text));
            }
            rest = &rest[length..];
        } else {
            // Skips a whole word, so that the `r` of `for"` does not begin a raw string.
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let next = rest.chars().next().map_or(1, char::len_utf8);
            let is_prefix = ["r\"", "r#", "b\"", "br\"", "br#", "b'"]
                .iter()
                .any(|it| rest.starts_with(it));
            rest = &rest[if is_prefix { next } else { word.max(next) }..];
        }
    }
    found
}

/// Returns the length of a character literal at the start of the text.
fn char_literal(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        let skip = escape.chars().next()?.len_utf8();
        return Some(2 + skip + escape[skip..].find('\'')? + 1);
    }
    let first = inner.chars().next()?.len_utf8();
    inner[first..].starts_with('\'').then_some(first + 2)
}

/// Returns the content and the length of a string literal at the start of the text.
fn string_literal(text: &str) -> Option<(&str, usize)> {
    let prefix = text.len() - text.trim_start_matches(['b', 'r']).len();
    if text[..prefix].contains('r') {
        let hashes = text[prefix..].len() - text[prefix..].trim_start_matches('#').len();
        let start = prefix + hashes + 1;
        if !text[prefix + hashes..].starts_with('"') {
            return None;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let length = text[start..].find(&end)?;
        return Some((&text[start..start + length], start + length + end.len()));
    }
    let inner = text[prefix..].strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inner.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some((&inner[..end], prefix + 1 + end + 1))
}

#[test]
fn comments_and_strings_are_found_between_code() {
    let source = concat!(
        "//! One.\n",
        "fn f<'a>(c: char) -> &'a str {\n",
        "    // Two \"quoted\".\n",
        "    if c == '\"' { return \"a b c // d\" }\n",
        "    for_it(r#\"x \"y\" z\"#)\n",
        "}\n",
    );
    let found: Vec<_> = rust(source)
        .into_iter()
        .map(|it| (it.line, it.kind, it.text))
        .collect();
    let expected = [
        (1, Kind::Doc, "One."),
        (3, Kind::Comment, "Two \"quoted\"."),
        (4, Kind::Text, "a b c // d"),
        (5, Kind::Text, "x \"y\" z"),
    ];
    assert_eq!(
        found,
        expected.map(|(line, kind, text)| (line, kind, text.to_owned()))
    );
}
