//! The tasks of a file into the database.

use std::{
    collections::HashSet,
    io::{self, BufRead},
};

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Found, Source, TaskFormat, TaskImport, TasksImported, TransferError, text::Record};
use crate::{
    auth::{self, Viewer},
    error::Result,
    id::TaskId,
    lines::Wrongs,
    tasks::{
        entity::{Column, Entity, deleted},
        placement,
    },
};

/// How many are looked up and stored at once.
const AT_ONCE: usize = 500;

/// Stores the tasks of a file, all of them or none. Those that have a place in the order keep it, and the others come
/// last, as the file has them.
pub(crate) async fn import<R: BufRead + Send>(
    viewer: &Viewer,
    format: TaskFormat,
    options: TaskImport,
    mut open: impl FnMut() -> io::Result<R>,
) -> std::result::Result<TasksImported, TransferError> {
    let source = format.source(open()?, viewer.now())?;
    let found = read(viewer, source, options, async |_| Ok(())).await?;
    if options.dry_run {
        return Ok(found);
    }
    let source = format.source(open()?, viewer.now())?;
    viewer
        .atomically(async |viewer| {
            viewer.lock_log().await?;
            read(viewer, source, options, async |some| {
                store(viewer, some).await
            })
            .await
        })
        .await
}

/// Reads all of a file, and does something with what is to be stored of it.
async fn read(
    viewer: &Viewer,
    mut source: Source<'_>,
    options: TaskImport,
    store: impl AsyncFn(Vec<Record>) -> Result<()>,
) -> std::result::Result<TasksImported, TransferError> {
    let mut reading = Reading {
        viewer,
        options,
        known: HashSet::new(),
        wrongs: Wrongs::default(),
        is_any_there: false,
        imported: TasksImported::default(),
    };
    loop {
        let some = source
            .by_ref()
            .take(AT_ONCE)
            .collect::<io::Result<Vec<_>>>()?;
        if some.is_empty() {
            break;
        }
        let records = reading.sift(some).await?;
        if reading.wrongs.is_empty() {
            store(records).await?;
        }
    }
    if reading.wrongs.is_empty() {
        return Ok(reading.imported);
    }
    let remedy = if reading.is_any_there {
        "\n--skip-existing leaves out those that are there or were, --new-ids makes others of them"
    } else {
        ""
    };
    Err(TransferError::Refused(format!(
        "nothing was stored{}{remedy}",
        reading.wrongs
    )))
}

struct Reading<'a> {
    viewer: &'a Viewer,
    options: TaskImport,
    /// The ids so far.
    known: HashSet<TaskId>,
    wrongs: Wrongs,
    is_any_there: bool,
    imported: TasksImported,
}

impl Reading<'_> {
    /// Those that are to be stored, and notes what becomes of the rest.
    async fn sift(&mut self, some: Vec<Found>) -> Result<Vec<Record>> {
        let now = self.viewer.now();
        let mut read = Vec::with_capacity(some.len());
        for found in some {
            for name in found.left_out {
                *self.imported.left_out.entry(name).or_default() += 1;
            }
            let mut record = found.task.and_then(|task| task.read(now));
            if let (true, Ok(record)) = (self.options.new_ids, &mut record) {
                record.id = None;
            }
            read.push((found.line, record));
        }
        let ids = read
            .iter()
            .filter_map(|(_, record)| record.as_ref().ok()?.id);
        let (there, gone) = taken(self.viewer, ids.collect()).await?;
        let mut records = Vec::with_capacity(read.len());
        for (line, record) in read {
            let wrong = match record {
                Err(wrong) => wrong,
                Ok(record) => match record.id {
                    Some(id) if !self.known.insert(id) => "The id is there before.".to_owned(),
                    Some(id) if there.contains(&id) || gone.contains(&id) => {
                        if self.options.skip_existing {
                            self.imported.skipped += 1;
                            continue;
                        }
                        self.is_any_there = true;
                        let what = if gone.contains(&id) {
                            "was deleted, and an id is never used again"
                        } else {
                            "is there already"
                        };
                        format!("The task {id} {what}.")
                    }
                    _ => {
                        self.imported.stored += 1;
                        records.push(record);
                        continue;
                    }
                },
            };
            self.wrongs.add(line, wrong);
        }
        Ok(records)
    }
}

/// Which of these the viewer has, and which they had.
async fn taken(viewer: &Viewer, ids: Vec<TaskId>) -> Result<(HashSet<TaskId>, HashSet<TaskId>)> {
    if ids.is_empty() {
        return Ok(Default::default());
    }
    let there = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()));
    let gone = deleted::Entity::find()
        .select_only()
        .column(deleted::Column::Id)
        .filter(deleted::Column::Id.is_in(ids));
    let there = viewer.read(there, |row| row.try_get_by_index(0)).await?;
    let gone = viewer.read(gone, |row| row.try_get_by_index(0)).await?;
    Ok((there.into_iter().collect(), gone.into_iter().collect()))
}

/// Stores some. The caller holds the log's lock.
async fn store(viewer: &Viewer, records: Vec<Record>) -> Result<()> {
    let home = auth::home(viewer).await?;
    let count = records
        .iter()
        .filter(|record| record.position.is_none())
        .count();
    let mut last = placement::after_last(viewer, count).await?.into_iter();
    let seqs = viewer.take_seqs(records.len()).await?;
    let rows = records.into_iter().zip(seqs).map(|(mut record, seq)| {
        let position = record.position.take().or_else(|| last.next());
        let mut row = record.into_row(viewer, &home);
        row.seq = Set(seq);
        row.position = Set(position.unwrap_or_default());
        row
    });
    viewer.insert_all(rows.collect()).await
}
