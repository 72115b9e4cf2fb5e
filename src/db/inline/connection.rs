//! Opens connections for the calling thread, and runs statements on them.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    CachedStatement, Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use sea_orm::{Statement, Value};
use tokio::time::Instant;

use crate::db::{failure::DbResult, row::Row};

/// The number of SQLite virtual machine instructions between two checks of the budget.
const CHECK_INTERVAL: i32 = 1_000;

/// The number of prepared statements that each connection stores, without the long ones.
const PREPARED_STATEMENTS: usize = 128;

/// The number of parameters from which a statement counts as long: it writes many rows, takes much
/// memory when it is prepared, and is rarely repeated.
const LONG_STATEMENT_PARAMETERS: usize = 256;

/// A connection whose statements are interrupted at the end of their budget.
pub(super) struct Inline {
    pub(super) connection: Connection,
    limits: Limits,
    budget: Arc<Budget>,
}

/// The limits of one statement.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// The maximum number of checks, which come after every 1,000 instructions.
    pub(super) max_checks: u32,
    pub(super) max_time: Duration,
}

/// The rest of the budget of the running statement.
struct Budget {
    checks: AtomicU32,
    deadline: Mutex<Instant>,
}

impl Inline {
    pub(super) fn open(file: &Path, limits: Limits) -> rusqlite::Result<Self> {
        // A connection for reads has no read-only flag either: the last connection to close must be
        // able to checkpoint the log into the file.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        // A wait for a lock would block the thread.
        connection.busy_timeout(Duration::ZERO)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        let budget = Arc::new(Budget {
            checks: AtomicU32::new(0),
            deadline: Mutex::new(Instant::now()),
        });
        let of_statement = Arc::clone(&budget);
        connection.progress_handler(CHECK_INTERVAL, Some(move || of_statement.is_spent()))?;
        let inline = Self {
            connection,
            limits,
            budget,
        };
        inline.renew_budget();
        Ok(inline)
    }

    /// Returns the result of `read` for each row. An error of `read` is not one of the statement.
    pub(super) fn query<R>(
        &self,
        statement: &Statement,
        mut read: impl FnMut(Row<'_>) -> DbResult<R>,
    ) -> rusqlite::Result<DbResult<Vec<R>>> {
        let mut bound = self.bound(statement)?;
        let (mut rows, mut results) = (bound.raw_query(), Vec::new());
        while let Some(row) = rows.next()? {
            match read(row.into()) {
                Ok(result) => results.push(result),
                Err(error) => return Ok(Err(error)),
            }
        }
        drop(rows);
        if is_long(statement) {
            bound.discard();
        }
        Ok(Ok(results))
    }

    /// Runs a statement without parameters.
    pub(super) fn execute_unprepared(&self, sql: &str) -> rusqlite::Result<()> {
        self.renew_budget();
        self.connection.prepare_cached(sql)?.raw_execute().map(drop)
    }

    fn bound(&self, statement: &Statement) -> rusqlite::Result<CachedStatement<'_>> {
        self.renew_budget();
        let mut prepared = self.connection.prepare_cached(&statement.sql)?;
        let values = statement.values.iter().flat_map(|values| &values.0);
        for (number, value) in (1..).zip(values) {
            prepared.raw_bind_parameter(number, Parameter(value))?;
        }
        Ok(prepared)
    }

    fn renew_budget(&self) {
        let budget = &self.budget;
        budget
            .checks
            .store(self.limits.max_checks, Ordering::Relaxed);
        *budget.deadline() = Instant::now() + self.limits.max_time;
    }
}

impl Budget {
    /// Counts a check.
    fn is_spent(&self) -> bool {
        // The statement and its checks run on one thread.
        let checks = self.checks.load(Ordering::Relaxed).saturating_sub(1);
        self.checks.store(checks, Ordering::Relaxed);
        checks == 0 || Instant::now() > *self.deadline()
    }

    fn deadline(&self) -> MutexGuard<'_, Instant> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn is_long(statement: &Statement) -> bool {
    let values = statement.values.as_ref();
    values.is_some_and(|values| values.0.len() >= LONG_STATEMENT_PARAMETERS)
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
