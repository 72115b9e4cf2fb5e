//! What is wrong with a file, line by line.

use std::fmt;

/// How many lines that are wrong are told of.
const MOST_TOLD: usize = 20;

/// The lines that are wrong, and what is wrong with each.
#[derive(Default)]
pub(crate) struct Wrongs {
    told: Vec<(u64, String)>,
    count: usize,
}

impl Wrongs {
    pub(crate) fn add(&mut self, line: u64, what: impl Into<String>) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push((line, what.into()));
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
            beyond => write!(f, "\nand {beyond} more lines"),
        }
    }
}
