//! The tasks of a file into the database.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead},
};

use super::{Found, Source, TaskFormat, TaskImport, TasksImported, TransferError, text::Record};
use crate::{
    clock::Timestamp,
    config::AccountLimits,
    error::Result,
    id::{Ids, TaskId},
    identity::{self, TimeZone},
    lines::{Wrongs, plain},
    scope::{Filter, Query, Set, Viewer},
    tasks::{
        entity::{ActiveModel, Column, Entity, deleted},
        limit, placement,
    },
};

/// How many are looked up and stored at once.
const AT_ONCE: usize = 500;

/// Stores the tasks of a file, all of them or none. Those that have a place in the order keep it, and the others come
/// last, as the file has them.
pub(crate) async fn import<R: BufRead + Send>(
    viewer: &Viewer,
    limits: AccountLimits,
    format: TaskFormat,
    options: TaskImport,
    mut open: impl FnMut() -> io::Result<R>,
) -> std::result::Result<TasksImported, TransferError> {
    let seq = viewer.last_seq().await?;
    let home = identity::home(viewer).await?;
    let mut check = Reading::new(viewer, options, &home);
    let source = format.source(open()?, viewer.now(), &home)?;
    let found = check.read(source, async |_| Ok(())).await?;
    let stored = i64::try_from(found.stored).unwrap_or(i64::MAX);
    limit::check(viewer.task_count().await?.saturating_add(stored), limits)?;
    if options.dry_run {
        return Ok(found);
    }
    let Reading { taken, last, .. } = check;
    let source = format.source(open()?, viewer.now(), &home)?;
    viewer
        .atomically(async |viewer| {
            viewer.lock_log().await?;
            let mut reading = Reading::new(viewer, options, &home);
            if viewer.last_seq().await? == seq {
                // Nothing has changed since: what was looked up needs no second look.
                (reading.taken, reading.looks_up) = (taken, false);
            }
            let mut storing = Storing {
                viewer,
                limits,
                home: identity::home(viewer).await?,
                last: last.max(placement::last(viewer).await?),
                ids: Ids::default(),
                made_at: Timestamp::from_millis(0),
            };
            let store = async |some| storing.store(some).await;
            reading.read(source, store).await
        })
        .await
}

/// What an id is of that is a task's already.
#[derive(Clone, Copy)]
enum Taken {
    There,
    Deleted,
}

/// A file while it is read.
struct Reading<'a> {
    viewer: &'a Viewer,
    options: TaskImport,
    /// Where the person's days begin and end.
    home: &'a TimeZone,
    /// The ids so far.
    seen: HashSet<TaskId>,
    /// Those of them that are tasks' already.
    taken: HashMap<TaskId, Taken>,
    looks_up: bool,
    wrongs: Wrongs,
    is_any_taken: bool,
    /// The last position that the file says.
    last: Option<String>,
    imported: TasksImported,
}

impl<'a> Reading<'a> {
    fn new(viewer: &'a Viewer, options: TaskImport, home: &'a TimeZone) -> Self {
        Self {
            viewer,
            options,
            home,
            seen: HashSet::new(),
            taken: HashMap::new(),
            looks_up: true,
            wrongs: Wrongs::default(),
            is_any_taken: false,
            last: None,
            imported: TasksImported::default(),
        }
    }

    /// Reads all of it, and does something with what is to be stored.
    async fn read(
        &mut self,
        mut source: Source<'_>,
        mut store: impl AsyncFnMut(Vec<Record>) -> std::result::Result<(), TransferError>,
    ) -> std::result::Result<TasksImported, TransferError> {
        loop {
            let some = source.by_ref().take(AT_ONCE);
            let some = some.collect::<io::Result<Vec<_>>>()?;
            if some.is_empty() {
                break;
            }
            let records = self.sift(some).await?;
            if self.wrongs.is_empty() {
                store(records).await?;
            }
        }
        if self.wrongs.is_empty() {
            return Ok(std::mem::take(&mut self.imported));
        }
        let remedy = if self.is_any_taken {
            "\n--skip-existing leaves out those that are there or were, --new-ids makes others of them"
        } else {
            ""
        };
        Err(TransferError::Refused(format!(
            "nothing was stored{}{remedy}",
            self.wrongs
        )))
    }

    /// Those that are to be stored, and notes what becomes of the rest.
    async fn sift(&mut self, some: Vec<Found>) -> Result<Vec<Record>> {
        let now = self.viewer.now();
        let mut read = Vec::with_capacity(some.len());
        for found in some {
            for name in found.left_out {
                *self.imported.left_out.entry(plain(&name)).or_default() += 1;
            }
            let mut record = found.task.and_then(|task| task.read(now, self.home));
            if let (true, Ok(record)) = (self.options.new_ids, &mut record) {
                record.id = None;
            }
            read.push((found.line, record));
        }
        if self.looks_up {
            let ids = read
                .iter()
                .filter_map(|(_, record)| record.as_ref().ok()?.id);
            self.taken
                .extend(look_up(self.viewer, ids.collect()).await?);
        }
        let mut records = Vec::with_capacity(read.len());
        for (line, record) in read {
            match record.and_then(|record| self.admit(record)) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(wrong) => self.wrongs.add(line, wrong),
            }
        }
        Ok(records)
    }

    /// The task, unless it is left out.
    fn admit(&mut self, record: Record) -> std::result::Result<Option<Record>, String> {
        if let Some(id) = record.id {
            if !self.seen.insert(id) {
                return Err("The id is there before.".to_owned());
            }
            if let Some(taken) = self.taken.get(&id) {
                if self.options.skip_existing {
                    self.imported.skipped += 1;
                    return Ok(None);
                }
                self.is_any_taken = true;
                return Err(match taken {
                    Taken::There => format!("The task {id} is there already."),
                    Taken::Deleted => {
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

/// Which of these are tasks of the viewer's, or were.
async fn look_up(viewer: &Viewer, ids: Vec<TaskId>) -> Result<HashMap<TaskId, Taken>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let there = Filter::is_in(Column::Id, ids.iter().copied());
    let there = Query::<Entity>::filter(there).columns([Column::Id]);
    let deleted = Filter::is_in(deleted::Column::Id, ids);
    let deleted = Query::<deleted::Entity>::filter(deleted).columns([deleted::Column::Id]);
    let there = viewer.select_columns(there, |row| Ok((row.get(0)?, Taken::There)));
    let mut taken: HashMap<_, _> = there.await?.into_iter().collect();
    let deleted = viewer.select_columns(deleted, |row| Ok((row.get(0)?, Taken::Deleted)));
    taken.extend(deleted.await?);
    Ok(taken)
}

/// What is stored, some at a time. Whoever has it holds the log's lock.
struct Storing<'a> {
    viewer: &'a Viewer,
    limits: AccountLimits,
    home: TimeZone,
    /// The last position, of the file's too.
    last: Option<String>,
    ids: Ids,
    /// When the last task was made that was given an id.
    made_at: Timestamp,
}

impl Storing<'_> {
    async fn store(&mut self, records: Vec<Record>) -> std::result::Result<(), TransferError> {
        let unplaced = records.iter().filter(|it| it.position.is_none()).count();
        let mut positions = placement::after(&self.last, unplaced)?.into_iter();
        let added = self.viewer.add_tasks(records.len()).await?;
        limit::check(added.task_count, self.limits)?;
        let mut rows = Vec::with_capacity(records.len());
        for (mut record, seq) in records.into_iter().zip(added.seqs) {
            let id = record.id.unwrap_or_else(|| self.new_id(record.made_at));
            let position = record.position.take().or_else(|| {
                self.last = positions.next();
                self.last.clone()
            });
            let row = record.into_row(self.viewer, &self.home);
            rows.push(ActiveModel {
                id: Set(id),
                seq: Set(seq),
                position: Set(position.unwrap_or_default()),
                ..row
            });
        }
        Ok(self.viewer.insert_all(rows).await?)
    }

    /// An id of a task that was made then, after the last one's where that is the same moment.
    fn new_id(&mut self, made_at: Option<Timestamp>) -> TaskId {
        let made_at = made_at.unwrap_or(self.viewer.now());
        if made_at < self.made_at {
            // The ids of one maker never step back.
            self.ids = Ids::default();
        }
        self.made_at = made_at;
        TaskId::new(&self.ids, made_at)
    }
}
