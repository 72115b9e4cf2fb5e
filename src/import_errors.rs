//! The errors of an imported file: collects them by line, and formats them for a terminal.

use std::fmt;

use crate::count::format_count;

/// The maximum number of errors that are listed; further ones are only format_count.
const MAX_LISTED_ERRORS: usize = 20;

/// The maximum number of characters of a file's text in an error message.
const MAX_QUOTED_CHARS: usize = 300;

/// Returns a file's text for a terminal: on one line, shortened, and without control characters.
pub(crate) fn sanitize(text: &str) -> String {
    let mut sanitized: String = text
        .chars()
        .take(MAX_QUOTED_CHARS)
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        sanitized.push('…');
    }
    sanitized
}

/// The invalid lines of a file with their errors.
#[derive(Default)]
pub(crate) struct LineErrors {
    listed: Vec<(u64, String)>,
    count: usize,
}

impl LineErrors {
    pub(crate) fn add(&mut self, line: u64, message: impl AsRef<str>) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED_ERRORS {
            self.listed.push((line, sanitize(message.as_ref())));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Formats the listed errors, one per line, and the number of further ones.
impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, message) in &self.listed {
            write!(f, "\nline {line}: {message}")?;
        }
        match self.count - self.listed.len() {
            0 => Ok(()),
            more => {
                let lines = format_count(more as u64, "more line", "more lines");
                write!(f, "\nand {lines}")
            }
        }
    }
}
