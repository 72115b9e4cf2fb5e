//! SQLite by rusqlite, on the calling thread.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::{PAGE_SIZE, Result, Task, new_id, users};

const TABLE: &str = "
    CREATE TABLE tasks (
        user_id BLOB NOT NULL, id BLOB NOT NULL, title TEXT NOT NULL, completed_at INTEGER,
        priority INTEGER NOT NULL, PRIMARY KEY (user_id, id)
    ) WITHOUT ROWID";

const INSERT: &str = "INSERT INTO tasks VALUES (?, ?, ?, ?, ?)";

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

pub struct Database {
    file: String,
    writer: Mutex<Connection>,
}

impl Database {
    pub fn create(file: &str, ids: &[Uuid]) -> Result<Self> {
        let mut writer = Connection::open(file)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.execute(TABLE, [])?;
        let filling = writer.transaction()?;
        for (user, tasks) in users(ids) {
            for _ in 0..tasks {
                let title = "Water the plants on the balcony";
                let id = new_id();
                filling.prepare_cached(INSERT)?.execute(params![
                    user,
                    id,
                    title,
                    None::<i64>,
                    3
                ])?;
            }
        }
        filling.commit()?;
        Ok(Self {
            file: file.to_owned(),
            writer: Mutex::new(writer),
        })
    }

    pub fn page(&self, user: Uuid, before: Uuid) -> Result<Vec<Task>> {
        let select = "SELECT id, title, completed_at, priority FROM tasks WHERE user_id = ? AND \
                      id < ? ORDER BY id DESC LIMIT ?";
        self.read(|reader| {
            let limit = i64::try_from(PAGE_SIZE + 1)?;
            let mut select = reader.prepare_cached(select)?;
            let tasks = select.query_map(params![user, before, limit], read)?;
            Ok(tasks.collect::<rusqlite::Result<_>>()?)
        })
    }

    pub fn task(&self, user: Uuid, id: Uuid) -> Result<Task> {
        let select = "SELECT id, title, completed_at, priority FROM tasks WHERE user_id = ? AND \
                      id = ?";
        self.read(|reader| {
            let mut select = reader.prepare_cached(select)?;
            let task = select.query_row(params![user, id], read).optional()?;
            task.ok_or_else(|| "no task has this id".into())
        })
    }

    pub fn create_task(&self, user: Uuid, task: &Task) -> Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut insert = writer.prepare_cached(INSERT)?;
        insert.execute(params![
            user,
            task.id,
            task.title,
            task.completed_at,
            task.priority
        ])?;
        Ok(())
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        READER.with_borrow_mut(|reader| {
            let reader = match reader {
                Some(reader) => reader,
                None => reader.insert(Connection::open(&self.file)?),
            };
            work(reader)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        title: row.get(1)?,
        completed_at: row.get(2)?,
        priority: row.get(3)?,
    })
}
