//! `cubby import`: stores the tasks of a file for a user.

#![expect(clippy::print_stdout, reason = "the result goes to the terminal")]

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::{HumanCount, ProgressBar};

use super::{
    admin::with_user_admin,
    progress,
    task_file::{TaskFile, file_error, is_standard_stream},
};
use crate::{
    config::Config,
    count::format_count,
    identity::{AdminError, UserAdmin},
    import_export::{TaskImport, import_tasks},
    server::StartError,
};

#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    tasks: TaskFile,

    /// The file to read, or - for standard input
    file: PathBuf,

    /// Validate the file and report its errors, without storing anything
    #[arg(long)]
    dry_run: bool,

    /// Skip tasks whose ids are in use or belong to deleted tasks
    #[arg(long)]
    skip_existing: bool,

    /// Give each task a new id, and ignore the ids in the file
    #[arg(long, conflicts_with = "skip_existing")]
    new_ids: bool,
}

/// Stores the tasks, and prints how many were stored and which properties were ignored.
///
/// # Errors
/// Fails if the user does not exist, if the file cannot be read, or if a task of the file is invalid.
pub async fn run(config: &Config, args: Import) -> Result<(), StartError> {
    with_user_admin(config, async |people| import(people, args).await).await
}

async fn import(people: &UserAdmin, args: Import) -> Result<(), AdminError> {
    let format = args.tasks.format(&args.file);
    let file = open_seekable(&args.file).map_err(|error| file_error(&args.file, &error))?;
    let length = file.metadata().map_or(0, |it| it.len());
    let options = TaskImport {
        dry_run: args.dry_run,
        skip_existing: args.skip_existing,
        new_ids: args.new_ids,
    };
    // The first pass validates, the second stores.
    let passes = if options.dry_run { 1 } else { 2 };
    let bar = progress::bar(length * passes, "bytes");
    let imported = import_tasks(people, &args.tasks.user, format, options, || {
        from_beginning(&file, &bar)
    });
    let imported = imported.await?;
    bar.finish_and_clear();
    let (stored, skipped) = (imported.stored as u64, imported.skipped as u64);
    let tasks = format_count(stored, "task", "tasks");
    let were = progress::were(stored, options.dry_run);
    let reason = match skipped {
        1 => "because its id is taken",
        _ => "because their ids are taken",
    };
    println!(
        "{tasks} {were} stored, {} {} skipped {reason}",
        HumanCount(skipped),
        progress::were(skipped, options.dry_run)
    );
    if !imported.ignored.is_empty() {
        let names: Vec<_> = imported
            .ignored
            .iter()
            .map(|(name, count)| format!("{name} ({})", HumanCount(*count)))
            .collect();
        println!(
            "Ignored properties that tasks do not have: {}",
            names.join(", ")
        );
    }
    Ok(())
}

/// Returns a reader of the whole file that advances the progress bar.
fn from_beginning(file: &File, bar: &ProgressBar) -> io::Result<impl io::BufRead + Send> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(BufReader::new(bar.wrap_read(file)))
}

/// Opens the file. Standard input and pipes, which can be read only once, are first copied to an unnamed
/// temporary file.
fn open_seekable(file: &Path) -> io::Result<File> {
    let mut opened: Box<dyn Read> = if is_standard_stream(file) {
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
