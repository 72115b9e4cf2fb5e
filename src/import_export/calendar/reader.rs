//! Reads a calendar: splits it into components, so that only one is in memory at a time.

use std::io::{self, BufRead};

use super::{
    BEGIN, END,
    todo::{Todo, TodoContext},
    zones::Zones,
};
use crate::{
    clock::Timestamp,
    identity::TimeZone,
    import_export::{
        ParsedTask,
        limited_reader::{MAX_TASK_BYTES, TOO_LONG},
    },
};

pub(in crate::import_export) struct Reader<'a, R> {
    file: R,
    /// The number of the last line that was read, counted from 1.
    line: u64,
    is_begun: bool,
    /// True inside a calendar, before its end.
    is_open: bool,
    circumstances: TodoContext<'a>,
}

/// A component of a file, unfolded.
struct Block {
    line: u64,
    bytes: Vec<u8>,
    is_whole: bool,
}

impl<'a, R: BufRead> Reader<'a, R> {
    pub(in crate::import_export) fn new(file: R, now: Timestamp, time_zone: &'a TimeZone) -> Self {
        Self {
            file,
            line: 0,
            is_begun: false,
            is_open: false,
            circumstances: TodoContext {
                now,
                time_zone,
                zones: Zones::default(),
            },
        }
    }

    fn read(&mut self) -> io::Result<Option<ParsedTask>> {
        let mut line = Vec::new();
        loop {
            if !self.read_line(&mut line)? {
                let wrong = "The calendar has no end: some of the file is missing.".to_owned();
                return Ok(std::mem::take(&mut self.is_open)
                    .then(|| ParsedTask::new(self.line, Err(wrong))));
            }
            let name = line.trim_ascii();
            if !self.is_begun && !name.is_empty() {
                self.is_begun = true;
                if !name.eq_ignore_ascii_case(BEGIN.as_bytes()) {
                    let wrong = format!("A calendar begins with {BEGIN}.");
                    return Ok(Some(ParsedTask::new(self.line, Err(wrong))));
                }
            }
            if name.eq_ignore_ascii_case(BEGIN.as_bytes()) {
                self.is_open = true;
            } else if name.eq_ignore_ascii_case(END.as_bytes()) {
                self.is_open = false;
            } else if name.eq_ignore_ascii_case(b"BEGIN:VTIMEZONE") {
                let block = self.block(&line, b"END:VTIMEZONE")?;
                if let Ok(block) = block.text() {
                    self.circumstances.zones.describe(block);
                }
            } else if name.eq_ignore_ascii_case(b"BEGIN:VTODO") {
                let block = self.block(&line, b"END:VTODO")?;
                return Ok(Some(self.found(&block)));
            }
        }
    }

    /// Reads a line without its end. Returns false at the end of the file. Bytes beyond the maximum size of
    /// a component are discarded.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let mut is_any = false;
        loop {
            let some = self.file.fill_buf()?;
            if some.is_empty() {
                break;
            }
            is_any = true;
            let end = some.iter().position(|it| matches!(it, b'\r' | b'\n'));
            let count = end.unwrap_or(some.len());
            let is_return = some.get(count) == Some(&b'\r');
            if line.len() <= MAX_TASK_BYTES {
                line.extend_from_slice(&some[..count]);
            }
            self.file.consume(count + usize::from(end.is_some()));
            if is_return && self.file.fill_buf()?.starts_with(b"\n") {
                self.file.consume(1);
            }
            if end.is_some() {
                break;
            }
        }
        self.line += u64::from(is_any);
        Ok(is_any)
    }

    /// Reads the component that begins with this line.
    fn block(&mut self, first: &[u8], end: &[u8]) -> io::Result<Block> {
        let mut block = Block {
            line: self.line,
            bytes: first.to_vec(),
            is_whole: false,
        };
        let mut line = Vec::new();
        while !block.is_whole && self.read_line(&mut line)? {
            block.is_whole = line.trim_ascii().eq_ignore_ascii_case(end);
            if block.bytes.len() > MAX_TASK_BYTES {
                continue;
            }
            // Lines are unfolded as bytes, because a fold can split a character.
            match line.split_first() {
                Some((b' ' | b'\t', more)) => block.bytes.extend_from_slice(more),
                Some(_) => {
                    block.bytes.extend_from_slice(b"\r\n");
                    block.bytes.extend_from_slice(&line);
                }
                None => {}
            }
        }
        Ok(block)
    }

    fn found(&self, block: &Block) -> ParsedTask {
        match block.text().and_then(Todo::parse) {
            Ok(mut todo) => ParsedTask {
                line: block.line,
                task: todo.task(&self.circumstances),
                ignored: todo.ignored,
            },
            Err(wrong) => ParsedTask::new(block.line, Err(wrong)),
        }
    }
}

impl<R: BufRead> Iterator for Reader<'_, R> {
    type Item = io::Result<ParsedTask>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl Block {
    fn text(&self) -> Result<&str, String> {
        if self.bytes.len() > MAX_TASK_BYTES {
            return Err(TOO_LONG.to_owned());
        }
        if !self.is_whole {
            return Err("It has no end: some of the file is missing.".to_owned());
        }
        str::from_utf8(&self.bytes)
            .map_err(|_| "It is not UTF-8: save the file as UTF-8.".to_owned())
    }
}
