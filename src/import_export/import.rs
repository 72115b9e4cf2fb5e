//! Imports: validates the tasks of a file, then stores them in one transaction.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead},
    sync::Mutex,
};

use super::{
    ParsedTask, Source, TaskFormat, TaskImport, TasksImported, TransferError,
    task_record::ImportedTask,
};
use crate::{
    clock::Timestamp,
    config::AccountLimits,
    error::Result,
    id::{IdGenerator, TaskId},
    identity::{self, TimeZone},
    import_errors::{LineErrors, sanitize},
    scope::{Existing, Viewer},
    tasks::{self, limit, placement},
};

/// The number of tasks that are validated and stored at once.
const BATCH_SIZE: usize = 500;

/// Stores the tasks of a file, all of them or none. A task with a position keeps it; the others follow all
/// tasks, in the order of the file.
pub(super) async fn import<R: BufRead + Send>(
    viewer: &Viewer,
    limits: AccountLimits,
    format: TaskFormat,
    options: TaskImport,
    open: impl Fn() -> io::Result<R>,
) -> std::result::Result<TasksImported, TransferError> {
    let seq = viewer.last_seq().await?;
    let time_zone = identity::time_zone(viewer).await?;
    let mut check = ImportPass::new(viewer, options, &time_zone);
    let source = format.source(open()?, viewer.now(), &time_zone)?;
    let found = check.read(source, async |_| Ok(())).await?;
    let stored = i64::try_from(found.stored).unwrap_or(i64::MAX);
    limit::check(viewer.task_count().await?.saturating_add(stored), limits)?;
    if options.dry_run {
        return Ok(found);
    }
    let ImportPass { existing, last, .. } = check;
    let existing = Mutex::new(Some(existing));
    let (open, time_zone, last, existing) = (&open, &time_zone, &last, &existing);
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            viewer.lock_user().await?;
            let source = format.source(open()?, viewer.now(), time_zone)?;
            let mut reading = ImportPass::new(viewer, options, time_zone);
            if viewer.last_seq().await? == seq
                && let Some(existing) = existing.lock().ok().and_then(|mut it| it.take())
            {
                // The viewer's tasks have not changed since the first pass, so its lookups are still valid.
                (reading.existing, reading.looks_up) = (existing, false);
            }
            let mut storing = Inserter {
                viewer,
                limits,
                time_zone: identity::time_zone(viewer).await?,
                last: last.clone().max(placement::last(viewer).await?),
                ids: IdGenerator::default(),
                created_at: Timestamp::from_millis(0),
            };
            let store = async |some| storing.store(some).await;
            reading.read(source, store).await
        })
        .await
}

/// One pass over a file.
struct ImportPass<'a> {
    viewer: &'a Viewer,
    options: TaskImport,
    /// The time zone of dates and floating times.
    time_zone: &'a TimeZone,
    /// The ids in the file up to the current task.
    seen: HashSet<TaskId>,
    /// The ids that stored tasks use, or that belong to deleted tasks.
    existing: HashMap<TaskId, Existing>,
    looks_up: bool,
    errors: LineErrors,
    has_existing: bool,
    /// The last position of the file.
    last: Option<String>,
    imported: TasksImported,
}

impl<'a> ImportPass<'a> {
    fn new(viewer: &'a Viewer, options: TaskImport, time_zone: &'a TimeZone) -> Self {
        Self {
            viewer,
            options,
            time_zone,
            seen: HashSet::new(),
            existing: HashMap::new(),
            looks_up: true,
            errors: LineErrors::default(),
            has_existing: false,
            last: None,
            imported: TasksImported::default(),
        }
    }

    /// Reads the whole file, and passes each batch of valid tasks to `store`.
    async fn read(
        &mut self,
        mut source: Source<'_>,
        mut store: impl AsyncFnMut(Vec<ImportedTask>) -> std::result::Result<(), TransferError>,
    ) -> std::result::Result<TasksImported, TransferError> {
        loop {
            let some = source.by_ref().take(BATCH_SIZE);
            let some = some.collect::<io::Result<Vec<_>>>()?;
            if some.is_empty() {
                break;
            }
            let records = self.validate_batch(some).await?;
            if self.errors.is_empty() {
                store(records).await?;
            }
        }
        if self.errors.is_empty() {
            return Ok(std::mem::take(&mut self.imported));
        }
        let remedy = if self.has_existing {
            "\nuse --skip-existing to skip the tasks with these ids, or --new-ids to give all tasks new ids"
        } else {
            ""
        };
        Err(TransferError::Invalid(format!(
            "nothing was stored{}{remedy}",
            self.errors
        )))
    }

    /// Returns the tasks to store, and records the errors and the skipped tasks.
    async fn validate_batch(&mut self, some: Vec<ParsedTask>) -> Result<Vec<ImportedTask>> {
        let now = self.viewer.now();
        let mut read = Vec::with_capacity(some.len());
        for found in some {
            for name in found.ignored {
                *self.imported.ignored.entry(sanitize(&name)).or_default() += 1;
            }
            let mut record = found.task.and_then(|task| task.read(now, self.time_zone));
            if let (true, Ok(record)) = (self.options.new_ids, &mut record) {
                record.id = None;
            }
            read.push((found.line, record));
        }
        if self.looks_up {
            let ids = read
                .iter()
                .filter_map(|(_, record)| record.as_ref().ok()?.id);
            self.existing
                .extend(tasks::existing_ids(self.viewer, ids.collect()).await?);
        }
        let mut records = Vec::with_capacity(read.len());
        for (line, record) in read {
            match record.and_then(|record| self.admit(record)) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(wrong) => self.errors.add(line, wrong),
            }
        }
        Ok(records)
    }

    /// Returns the task, or `None` if it is skipped.
    fn admit(&mut self, record: ImportedTask) -> std::result::Result<Option<ImportedTask>, String> {
        if let Some(id) = record.id {
            if !self.seen.insert(id) {
                return Err("The id occurs twice in the file.".to_owned());
            }
            if let Some(existing) = self.existing.get(&id) {
                if self.options.skip_existing {
                    self.imported.skipped += 1;
                    return Ok(None);
                }
                self.has_existing = true;
                return Err(match existing {
                    Existing::Stored => format!("The task {id} exists already."),
                    Existing::Deleted => {
                        format!("The task {id} was deleted, and its id cannot be used for 30 days.")
                    }
                });
            }
        }
        if record.position > self.last {
            self.last.clone_from(&record.position);
        }
        self.imported.stored += 1;
        Ok(Some(record))
    }
}

/// Inserts tasks in batches. The caller holds the lock of the change log.
struct Inserter<'a> {
    viewer: &'a Viewer,
    limits: AccountLimits,
    time_zone: TimeZone,
    /// The last position of the stored tasks and of the file's tasks so far.
    last: Option<String>,
    ids: IdGenerator,
    /// The creation time in the last new id.
    created_at: Timestamp,
}

impl Inserter<'_> {
    async fn store(
        &mut self,
        records: Vec<ImportedTask>,
    ) -> std::result::Result<(), TransferError> {
        let unplaced = records.iter().filter(|it| it.position.is_none()).count();
        let mut positions = placement::after(&self.last, unplaced)?.into_iter();
        let now = self.viewer.now();
        let mut tasks = Vec::with_capacity(records.len());
        for mut record in records {
            let id = record.id.unwrap_or_else(|| self.new_id(record.created_at));
            let position = record.position.take().or_else(|| {
                self.last = positions.next();
                self.last.clone()
            });
            tasks.push(record.into_stored(id, position.unwrap_or_default(), now));
        }
        let task_count = tasks::insert_many(self.viewer, &self.time_zone, tasks).await?;
        Ok(limit::check(task_count, self.limits)?)
    }

    /// Returns a new id with this creation time. Ids of equal times have the order of the file.
    fn new_id(&mut self, created_at: Option<Timestamp>) -> TaskId {
        let created_at = created_at.unwrap_or(self.viewer.now());
        if created_at < self.created_at {
            // A generator never returns an earlier id, so an earlier time needs a new one.
            self.ids = IdGenerator::default();
        }
        self.created_at = created_at;
        TaskId::new(&self.ids, created_at)
    }
}
