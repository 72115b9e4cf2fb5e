//! A file that is read a task at a time, each of which may only be so long.

use std::io::{self, BufRead, Read};

/// How long a task may be in a file, in bytes: far more than its texts can be.
pub(super) const LONGEST: usize = 4 << 20;

/// What is said of one that is longer.
pub(super) const TOO_LONG: &str = "It is longer than 4 MiB.";

/// Ends early where a task is too long.
pub(super) struct Bounded<R> {
    file: R,
    left: usize,
    line: u64,
    quotes: u64,
}

impl<R: BufRead> Bounded<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            left: LONGEST,
            line: 1,
            quotes: 0,
        }
    }

    /// The next task begins.
    pub(super) fn begin(&mut self) {
        self.left = LONGEST;
    }

    /// Whether the task was too long.
    pub(super) fn is_exceeded(&self) -> bool {
        self.left == 0
    }

    /// The line that is read next, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many quotation marks were read.
    pub(super) fn quotes(&self) -> u64 {
        self.quotes
    }

    /// The next byte that is no white space, which is left there.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.file.fill_buf()?.first() {
                Some(b'\n') => self.line += 1,
                Some(b' ' | b'\t' | b'\r') => {}
                other => return Ok(other.copied()),
            }
            self.file.consume(1);
        }
    }

    pub(super) fn skip(&mut self) {
        self.file.consume(1);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left);
        let count = self.file.read(&mut buffer[..most])?;
        self.left -= count;
        for byte in &buffer[..count] {
            self.line += u64::from(*byte == b'\n');
            self.quotes += u64::from(*byte == b'"');
        }
        Ok(count)
    }
}
