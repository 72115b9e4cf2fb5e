//! Runs short queries of SQLite on the calling thread.
//!
//! The driver runs each connection on a thread of its own and sends rows over a channel, which takes
//! longer than most queries. A query that is not finished within its budget is interrupted, and runs
//! again by the driver; so does one that fails, since the driver's errors are classified.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use sea_orm::{Statement, Value};
use tokio::time::Instant;

use super::{failure::DbResult, row::Row};

/// The number of SQLite virtual machine instructions between two checks of the budget.
const CHECK_INTERVAL: i32 = 1_000;

/// The maximum number of checks. A page of 100 tasks needs two.
const MAX_CHECKS: u32 = 30;

/// The maximum time of a query, for one that waits for the disk.
const MAX_TIME: Duration = Duration::from_millis(2);

/// The number of prepared statements that each connection keeps.
const PREPARED_STATEMENTS: usize = 128;

/// Connections to one SQLite database, for queries on the calling thread.
pub(super) struct InlineReads {
    file: PathBuf,
    /// `None` after the database has been closed.
    idle: Mutex<Option<Vec<Reader>>>,
}

struct Reader {
    connection: Connection,
    budget: Arc<Budget>,
}

/// The rest of the budget of the running query.
struct Budget {
    checks: AtomicU32,
    deadline: Mutex<Instant>,
}

impl InlineReads {
    /// Creates the reads of a database without opening a connection.
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Returns the result of `read` for each row. `None` if the query was interrupted or failed, or
    /// if it has a parameter of another type: then it must be run by the driver.
    pub(super) fn query<R>(
        &self,
        statement: &Statement,
        mut read: impl FnMut(Row<'_>) -> DbResult<R>,
    ) -> Option<DbResult<Vec<R>>> {
        let reader = self.idle().as_mut()?.pop();
        let reader = match reader {
            Some(reader) => reader,
            None => Reader::open(&self.file).ok()?,
        };
        let rows = reader.query(statement, &mut read);
        if let Some(idle) = self.idle().as_mut() {
            idle.push(reader);
        }
        match rows {
            Ok(rows) => Some(rows),
            Err(error) => {
                tracing::debug!(%error, "a query is left to the driver");
                None
            }
        }
    }

    /// Closes every connection.
    pub(super) fn close(&self) {
        *self.idle() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Reader>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn open(file: &Path) -> rusqlite::Result<Self> {
        // Read-only by a pragma and not by a flag of the file, as the driver's connections: the last
        // connection to close must be able to checkpoint the log into the file.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        // The driver waits for locks, on a thread of its own.
        connection.busy_timeout(Duration::ZERO)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        let budget = Arc::new(Budget {
            checks: AtomicU32::new(0),
            deadline: Mutex::new(Instant::now()),
        });
        let of_query = Arc::clone(&budget);
        connection.progress_handler(CHECK_INTERVAL, Some(move || of_query.is_spent()))?;
        Ok(Self { connection, budget })
    }

    /// Runs a query. An error of `read` is not one of the query.
    fn query<R>(
        &self,
        statement: &Statement,
        read: &mut impl FnMut(Row<'_>) -> DbResult<R>,
    ) -> rusqlite::Result<DbResult<Vec<R>>> {
        self.budget.renew();
        let mut prepared = self.connection.prepare_cached(&statement.sql)?;
        let values = statement.values.iter().flat_map(|values| &values.0);
        for (number, value) in (1..).zip(values) {
            prepared.raw_bind_parameter(number, Parameter(value))?;
        }
        let (mut rows, mut results) = (prepared.raw_query(), Vec::new());
        while let Some(row) = rows.next()? {
            match read(row.into()) {
                Ok(result) => results.push(result),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(results))
    }
}

impl Budget {
    fn renew(&self) {
        self.checks.store(MAX_CHECKS, Ordering::Relaxed);
        *self.deadline() = Instant::now() + MAX_TIME;
    }

    /// Counts a check.
    fn is_spent(&self) -> bool {
        // The query and its checks run on one thread.
        let checks = self.checks.load(Ordering::Relaxed).saturating_sub(1);
        self.checks.store(checks, Ordering::Relaxed);
        checks == 0 || Instant::now() > *self.deadline()
    }

    fn deadline(&self) -> MutexGuard<'_, Instant> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A parameter of a statement, in the types that Cubby's columns have.
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self.0 {
            Value::Bool(value) => value.map(i64::from).map(ValueRef::Integer),
            Value::SmallInt(value) => value.map(i64::from).map(ValueRef::Integer),
            Value::Int(value) => value.map(i64::from).map(ValueRef::Integer),
            Value::BigInt(value) => value.map(ValueRef::Integer),
            Value::BigUnsigned(value) => {
                let value = value.map(i64::try_from).transpose();
                let value =
                    value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()));
                value?.map(ValueRef::Integer)
            }
            Value::String(value) => value.as_ref().map(|text| ValueRef::Text(text.as_bytes())),
            Value::Bytes(value) => value.as_ref().map(|bytes| ValueRef::Blob(bytes)),
            Value::Uuid(value) => value.as_ref().map(|uuid| ValueRef::Blob(uuid.as_bytes())),
            other => {
                let error = format!("{other:?} is not a value of a column");
                return Err(rusqlite::Error::ToSqlConversionFailure(error.into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(value.unwrap_or(ValueRef::Null)))
    }
}
