//! What is wrong with a file, line by line.

use std::fmt;

use crate::count::counted;

/// How many lines that are wrong are told of.
const MOST_TOLD: usize = 20;

/// How much of what a file says is repeated, in characters.
const LONGEST: usize = 300;

/// What a file says, on one line that moves no terminal's cursor and is no longer than a person reads.
pub(crate) fn plain(text: &str) -> String {
    let mut told: String = text
        .chars()
        .take(LONGEST)
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        told.push('…');
    }
    told
}

/// The lines that are wrong, and what is wrong with each.
#[derive(Default)]
pub(crate) struct Wrongs {
    told: Vec<(u64, String)>,
    count: usize,
}

impl Wrongs {
    pub(crate) fn add(&mut self, line: u64, what: impl AsRef<str>) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push((line, plain(what.as_ref())));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The first of them, each on a line of its own, and how many more there are.
impl fmt::Display for Wrongs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, what) in &self.told {
            write!(f, "\nline {line}: {what}")?;
        }
        match self.count - self.told.len() {
            0 => Ok(()),
            beyond => {
                let lines = counted(beyond as u64, "more line", "more lines");
                write!(f, "\nand {lines}")
            }
        }
    }
}
