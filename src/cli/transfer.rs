//! `cubby export` and `cubby import`: somebody's tasks, out and in.

#![expect(clippy::print_stdout, reason = "it speaks to a terminal")]

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use cubby::{People, PeopleError, TaskFormat, TaskImport, counted};
use indicatif::{HumanCount, ProgressBar};
use tempfile::NamedTempFile;

/// The file that stands for standard input and standard output.
const STANDARD: &str = "-";

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    which: Which,

    /// The file to create, or - for standard output
    #[arg(default_value = STANDARD)]
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    which: Which,

    /// The file to read, or - for standard input
    file: PathBuf,

    /// Store nothing, and report what is wrong
    #[arg(long)]
    dry_run: bool,

    /// Leave out tasks whose ids are stored already, or were
    #[arg(long)]
    skip_existing: bool,

    /// Give each task a new id, whatever the file says
    #[arg(long, conflicts_with = "skip_existing")]
    new_ids: bool,
}

#[derive(Args)]
struct Which {
    /// The person: an e-mail address or the id of an account
    #[arg(long, value_name = "PERSON")]
    user: String,

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

impl Which {
    fn format(&self, file: &Path) -> TaskFormat {
        let end = || Format::from_str(file.extension()?.to_str()?, true).ok();
        match self.format.or_else(end) {
            None | Some(Format::Json) => TaskFormat::Json,
            Some(Format::Csv) => TaskFormat::Csv,
            Some(Format::Ics) => TaskFormat::Icalendar,
        }
    }
}

pub(crate) async fn export(people: &People, export: Export) -> Result<(), PeopleError> {
    let Export { which, file } = export;
    let format = which.format(&file);
    let count = cubby::count_tasks(people, &which.user).await?;
    let told_of = |error: &io::Error| about(&file, error);
    let target = if file == Path::new(STANDARD) {
        None
    } else {
        Some(draft(&file).map_err(|error| told_of(&error))?)
    };
    let bar = super::bar(count.unsigned_abs(), "tasks");
    let mut writer: BufWriter<Box<dyn Write + Send>> = BufWriter::new(match &target {
        None => Box::new(io::stdout()),
        Some(draft) => Box::new(draft.reopen().map_err(|error| told_of(&error))?),
    });
    let told = |count| bar.inc(count as u64);
    let written = cubby::export_tasks(people, &which.user, format, &mut writer, told).await;
    bar.finish_and_clear();
    written?;
    writer.flush().map_err(|error| told_of(&error))?;
    if let Some(draft) = target {
        let kept = draft.persist_noclobber(&file);
        kept.map_err(|error| told_of(&error.error))?;
    }
    Ok(())
}

/// A file beside the one that is meant, for its owner alone, which is gone unless it is kept: half of the tasks would
/// look like all of them.
fn draft(file: &Path) -> io::Result<NamedTempFile> {
    if file.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let directory = match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".cubby-export-")
        .tempfile_in(directory)
}

pub(crate) async fn import(people: &People, import: Import) -> Result<(), PeopleError> {
    let format = import.which.format(&import.file);
    let file = open(&import.file).map_err(|error| about(&import.file, &error))?;
    let length = file.metadata().map_or(0, |it| it.len());
    let options = TaskImport {
        dry_run: import.dry_run,
        skip_existing: import.skip_existing,
        new_ids: import.new_ids,
    };
    // It is read once to see what is wrong, and once more to store it.
    let times = if options.dry_run { 1 } else { 2 };
    let bar = super::bar(length * times, "bytes");
    let imported = cubby::import_tasks(people, &import.which.user, format, options, || {
        again(&file, &bar)
    });
    let imported = imported.await?;
    bar.finish_and_clear();
    let (stored, skipped) = (imported.stored as u64, imported.skipped as u64);
    let tasks = counted(stored, "task", "tasks");
    let were = super::were(stored, options.dry_run);
    let known = match skipped {
        1 => "that is there already, or was",
        _ => "that are there already, or were",
    };
    println!(
        "{tasks} {were} stored, and {} left out {known}",
        HumanCount(skipped)
    );
    if !imported.left_out.is_empty() {
        let names: Vec<_> = imported
            .left_out
            .iter()
            .map(|(name, count)| format!("{name} ({})", HumanCount(*count)))
            .collect();
        println!("Tasks have no place for: {}", names.join(", "));
    }
    Ok(())
}

/// The file from its beginning.
fn again(file: &File, bar: &ProgressBar) -> io::Result<impl io::BufRead + Send> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(BufReader::new(bar.wrap_read(file)))
}

/// The file; or a copy, which nobody sees, of one that can be read but once.
fn open(file: &Path) -> io::Result<File> {
    let mut opened: Box<dyn Read> = if file == Path::new(STANDARD) {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file)?;
        if opened.metadata()?.is_file() {
            return Ok(opened);
        }
        Box::new(opened)
    };
    let mut copy = tempfile::tempfile()?;
    io::copy(&mut opened, &mut copy)?;
    Ok(copy)
}

fn about(file: &Path, error: &io::Error) -> PeopleError {
    PeopleError::new(format!("{}: {error}", file.display()))
}
