//! `cubby export`: writes a user's tasks to a file.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use tempfile::NamedTempFile;

use super::{
    admin::with_user_admin,
    progress,
    task_file::{STANDARD_STREAM, TaskFile, file_error, is_standard_stream},
};
use crate::{
    config::Config,
    identity::{AdminError, UserAdmin},
    import_export::{count_tasks, export_tasks},
    server::StartError,
};

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    tasks: TaskFile,

    /// The file to create, which must not exist, or - for standard output
    #[arg(default_value = STANDARD_STREAM)]
    file: PathBuf,
}

/// Writes the tasks to a new file or to standard output.
///
/// # Errors
/// Fails if the user does not exist, or if the file exists or cannot be written.
pub async fn run(config: &Config, args: Export) -> Result<(), StartError> {
    with_user_admin(config, async |people| export(people, args).await).await
}

async fn export(people: &UserAdmin, Export { tasks, file }: Export) -> Result<(), AdminError> {
    let format = tasks.format(&file);
    let count = count_tasks(people, &tasks.user).await?;
    let cannot_write = |error: io::Error| file_error(&file, &error);
    let target = if is_standard_stream(&file) {
        None
    } else {
        Some(temporary_file(&file).map_err(cannot_write)?)
    };
    let bar = progress::bar(count.unsigned_abs(), "tasks");
    let mut writer: BufWriter<Box<dyn Write + Send>> = BufWriter::new(match &target {
        None => Box::new(io::stdout()),
        Some(temporary) => Box::new(temporary.reopen().map_err(cannot_write)?),
    });
    let on_progress = |count| bar.inc(count as u64);
    let written = export_tasks(people, &tasks.user, format, &mut writer, on_progress).await;
    bar.finish_and_clear();
    written?;
    writer.flush().map_err(cannot_write)?;
    if let Some(temporary) = target {
        let persisted = temporary.persist_noclobber(&file);
        persisted.map_err(|error| cannot_write(error.error))?;
    }
    Ok(())
}

/// Creates a file in the target's directory that only its owner can read. It is renamed when it is
/// complete, because a partial export looks like a complete one.
fn temporary_file(file: &Path) -> io::Result<NamedTempFile> {
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
