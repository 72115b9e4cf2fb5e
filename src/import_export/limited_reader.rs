//! A reader of imported files that limits the bytes of each task, and counts lines and quotation marks.

use std::io::{self, BufRead, Read};

/// The maximum size of a task in a file, in bytes: far more than its texts can have.
pub(super) const MAX_TASK_BYTES: usize = 4 << 20;

/// The message for a larger task.
pub(super) const TOO_LONG: &str = "It is longer than 4 MiB.";

/// A reader that ends early if a task is too large. Each `read` returns bytes of at most one line, so that
/// a buffered reader on top never reads a line ahead.
pub(super) struct LimitedReader<R> {
    file: R,
    left: usize,
    /// The line ends that were read: LF, CR, or CR LF.
    ends: u64,
    last: u8,
    quotes: u64,
}

impl<R: BufRead> LimitedReader<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            left: MAX_TASK_BYTES,
            ends: 0,
            last: 0,
            quotes: 0,
        }
    }

    /// Starts the next task: resets the limit.
    pub(super) fn begin(&mut self) {
        self.left = MAX_TASK_BYTES;
    }

    /// True if the task was too large.
    pub(super) fn is_exceeded(&self) -> bool {
        self.left == 0
    }

    /// Returns the line of the next byte, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.ends + 1
    }

    /// Returns the line of the last byte, counted from 1. A line includes its end.
    pub(super) fn last_line(&self) -> u64 {
        self.ends + u64::from(!matches!(self.last, b'\r' | b'\n'))
    }

    /// Returns the number of quotation marks so far.
    pub(super) fn quotes(&self) -> u64 {
        self.quotes
    }

    /// Skips white space, and returns the next byte without consuming it.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.file.fill_buf()?.first().copied() {
                Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) => {
                    self.count(byte);
                    self.file.consume(1);
                }
                other => return Ok(other),
            }
        }
    }

    pub(super) fn skip(&mut self) {
        self.file.consume(1);
    }

    fn count(&mut self, byte: u8) {
        self.ends += u64::from(byte == b'\r' || byte == b'\n' && self.last != b'\r');
        self.quotes += u64::from(byte == b'"');
        self.last = byte;
    }
}

impl<R: BufRead> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let some = self.file.fill_buf()?;
        let most = some.len().min(buffer.len()).min(self.left);
        let end = some[..most]
            .iter()
            .position(|it| matches!(it, b'\r' | b'\n'));
        let count = end.map_or(most, |at| at + 1);
        buffer[..count].copy_from_slice(&some[..count]);
        self.file.consume(count);
        self.left -= count;
        for byte in &buffer[..count] {
            self.count(*byte);
        }
        Ok(count)
    }
}
