//! The errors of an imported file, by line.

use std::fmt;

use crate::count::counted;

/// The errors that are listed; further ones are counted.
const MAX_LISTED_ERRORS: usize = 20;

/// The characters of a file's text that an error message repeats.
const MAX_QUOTED_CHARS: usize = 300;

/// Text of a file for a terminal: on one line, shortened, and without control characters.
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

/// The invalid lines of a file, each with its error.
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

/// The listed errors, each on a line of its own, and the number of further ones.
impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, message) in &self.listed {
            write!(f, "\nline {line}: {message}")?;
        }
        match self.count - self.listed.len() {
            0 => Ok(()),
            more => {
                let lines = counted(more as u64, "more line", "more lines");
                write!(f, "\nand {lines}")
            }
        }
    }
}
