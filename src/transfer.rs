//! A person's tasks out of the database and into it, for whoever runs the service.

use std::io::{self, BufRead, Write};

use crate::{
    identity::{People, PeopleError},
    tasks::{self, TaskFormat, TaskImport, TasksImported, TransferError},
};

/// How many tasks somebody has who has this address or this id.
///
/// # Errors
/// When there is nobody.
pub async fn count_tasks(people: &People, who: &str) -> Result<i64, PeopleError> {
    Ok(people.viewer(who).await?.task_count().await?)
}

/// Writes all of somebody's tasks into a file, and tells after each lot how many it was.
///
/// # Errors
/// When there is nobody, or the file cannot be written.
pub async fn export_tasks(
    people: &People,
    who: &str,
    format: TaskFormat,
    file: &mut (dyn Write + Send),
    told: impl Fn(usize),
) -> Result<(), PeopleError> {
    let viewer = people.viewer(who).await?;
    Ok(tasks::export(&viewer, format, file, told).await?)
}

/// Stores the tasks of a file as somebody's, all of them or none. The file is opened twice.
///
/// # Errors
/// When there is nobody, or the file cannot be read, or something in it is wrong.
pub async fn import_tasks<R: BufRead + Send>(
    people: &People,
    who: &str,
    format: TaskFormat,
    options: TaskImport,
    open: impl FnMut() -> io::Result<R>,
) -> Result<TasksImported, PeopleError> {
    let viewer = people.viewer(who).await?;
    Ok(tasks::import(&viewer, people.limits, format, options, open).await?)
}

impl From<TransferError> for PeopleError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::File(error) => Self::new(format!("the file: {error}")),
            TransferError::Refused(message) => Self::new(message),
            TransferError::Failed(error) => error.into(),
        }
    }
}
