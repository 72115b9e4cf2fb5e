//! A file that is read a task at a time, each of which may only be so long, and whose lines are counted.

use std::io::{self, BufRead, Read};

/// How long a task may be in a file, in bytes: far more than its texts can be.
pub(super) const MAX_TASK_BYTES: usize = 4 << 20;

/// What is said of one that is longer.
pub(super) const TOO_LONG: &str = "It is longer than 4 MiB.";

/// Ends early where a task is too long. A call of `read` returns bytes of one line at most, so that a reader with a
/// buffer is never a line ahead of what it takes from it.
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

    /// The next task begins.
    pub(super) fn begin(&mut self) {
        self.left = MAX_TASK_BYTES;
    }

    /// Whether the task was too long.
    pub(super) fn is_exceeded(&self) -> bool {
        self.left == 0
    }

    /// The line of the next byte, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.ends + 1
    }

    /// The line of the last byte, counted from 1; its end is a part of it.
    pub(super) fn last_line(&self) -> u64 {
        self.ends + u64::from(!matches!(self.last, b'\r' | b'\n'))
    }

    /// How many quotation marks were read.
    pub(super) fn quotes(&self) -> u64 {
        self.quotes
    }

    /// The next byte that is no white space, which is left there.
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
