//! The names that a document mentions.

use regex::Regex;

/// A piece of code or a link in a document.
pub struct Mention<'a> {
    pub line: usize,
    pub text: &'a str,
}

/// Returns the text between backticks, outside of code blocks.
pub fn inline_code(text: &str) -> Vec<Mention<'_>> {
    let quoted = Regex::new("`([^`]+)`").expect("a regular expression");
    prose_lines(text)
        .flat_map(|(line, text)| {
            let quoted = quoted.captures_iter(text);
            let found = quoted.filter_map(|it| it.get(1)).map(|it| it.as_str());
            found
                .map(move |text| Mention { line, text })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the targets of links, outside of code blocks.
pub fn links(text: &str) -> Vec<Mention<'_>> {
    let link = Regex::new(r"\]\(([^)\s]+)").expect("a regular expression");
    prose_lines(text)
        .flat_map(|(line, text)| {
            let targets = link.captures_iter(text).filter_map(|it| it.get(1));
            let targets = targets.map(|it| Mention {
                line,
                text: it.as_str(),
            });
            targets.collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the anchors of a document's headings, as GitHub forms them.
pub fn anchors(text: &str) -> Vec<String> {
    prose_lines(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Returns the lines outside of fenced code blocks, with their numbers.
pub fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        (!is_code).then_some((at + 1, line))
    })
}
