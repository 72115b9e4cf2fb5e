//! The arguments and messages that `cubby export` and `cubby import` share.

use std::{io, path::Path};

use clap::{Args, ValueEnum};

use crate::{identity::AdminError, import_export::TaskFormat};

/// The file name that means standard input or standard output.
pub(super) const STANDARD_STREAM: &str = "-";

/// The user whose tasks a file has, and the file's format.
#[derive(Args)]
pub(super) struct TaskFile {
    /// The user: an e-mail address or a user id
    #[arg(long, value_name = "USER")]
    pub(super) user: String,

    /// The format of the file [default: by the extension of its name, otherwise json]
    #[arg(long)]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A JSON array with one task per line, without loss of data
    Json,
    /// CSV with a header row and one row per task
    Csv,
    /// iCalendar with one VTODO per task, for calendar programs
    Ics,
}

impl TaskFile {
    /// Returns the given format, or the format of the file name's extension, or JSON.
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

/// Returns an input or output error with the name of its file.
pub(super) fn file_error(file: &Path, error: &io::Error) -> AdminError {
    AdminError::new(format!("{}: {error}", file.display()))
}
