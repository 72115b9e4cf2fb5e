//! Arguments and messages that `cubby export` and `cubby import` share.

use std::{io, path::Path};

use clap::{Args, ValueEnum};

use crate::{identity::AdminError, import_export::TaskFormat};

/// The file name that means standard input or standard output.
pub(super) const STANDARD_STREAM: &str = "-";

/// The user whose tasks a file has, and the file's format.
#[derive(Args)]
pub(super) struct TaskFile {
    /// The person: an e-mail address or the id of an account
    #[arg(long, value_name = "PERSON")]
    pub(super) user: String,

    /// The file's format [default: the one that its name ends in, or else json]
    #[arg(long)]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// An array with a task on each line, which loses nothing
    Json,
    /// A line of names, and a line for each task
    Csv,
    /// iCalendar, for calendar programs
    Ics,
}

impl TaskFile {
    /// The given format; by default the format of the file name's extension, or else JSON.
    pub(super) fn format(&self, file: &Path) -> TaskFormat {
        let extension = || Format::from_str(file.extension()?.to_str()?, true).ok();
        match self.format.or_else(extension) {
            None | Some(Format::Json) => TaskFormat::Json,
            Some(Format::Csv) => TaskFormat::Csv,
            Some(Format::Ics) => TaskFormat::Icalendar,
        }
    }
}

/// True for `-`, which means standard input or standard output.
pub(super) fn is_standard_stream(file: &Path) -> bool {
    file == Path::new(STANDARD_STREAM)
}

/// An input or output error with the name of its file.
pub(super) fn file_error(file: &Path, error: &io::Error) -> AdminError {
    AdminError::new(format!("{}: {error}", file.display()))
}
