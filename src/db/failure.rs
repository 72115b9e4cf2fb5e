//! Classifies database errors by the reaction that they need.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use rusqlite::ffi;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};

use crate::error::Error;

pub(super) type DbResult<T> = Result<T, DbErr>;

/// The class of a database error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The database is unreachable, busy, starting or stopping. A retry may succeed.
    Unavailable,
    /// The database is a standby or a demoted primary. A new connection may reach the primary.
    ReadOnly,
    /// The transaction conflicts with another one, or SQLite has rolled it back together with the
    /// others of its group. Run again from its beginning, it may succeed.
    Conflict,
    /// The statement exceeded its time limit.
    Cancelled,
    /// The database's disk is full.
    StorageFull,
    /// A pooler bound parameters to a statement of another session.
    MixedStatements,
    /// The statement is invalid or violates a constraint.
    Statement,
    /// Any other error.
    Other,
}

impl Failure {
    pub(super) fn of(error: &DbErr) -> Self {
        let cause = match error {
            DbErr::ConnectionAcquire(
                ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed,
            ) => {
                return Self::Unavailable;
            }
            // `pooler::find_route` returns this error if a pooler mixes up prepared statements.
            DbErr::Conn(RuntimeErr::Internal(_)) => return Self::MixedStatements,
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => cause,
            _ => return Self::Other,
        };
        match cause.as_ref() {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::Database(answer) => match answer.code() {
                Some(code) if code.len() == 5 => from_sqlstate(&code, answer.message()),
                Some(code) => code.parse().map_or(Self::Statement, from_sqlite_code),
                None => Self::Statement,
            },
            _ => Self::Other,
        }
    }

    /// True if the same statement may succeed on another connection or a moment later.
    pub(super) fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::ReadOnly | Self::MixedStatements | Self::Conflict
        )
    }

    /// True if the connection can be used again.
    pub(super) fn leaves_connection_usable(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Cancelled | Self::StorageFull | Self::Statement
        )
    }
}

/// Classifies a PostgreSQL error code (appendix A of PostgreSQL's documentation).
fn from_sqlstate(code: &str, message: &str) -> Failure {
    match code {
        "25006" => Failure::ReadOnly,
        // Serialization failure, deadlock detected.
        "40001" | "40P01" => Failure::Conflict,
        "57014" => Failure::Cancelled,
        "53100" => Failure::StorageFull,
        // Invalid statement name, duplicate prepared statement. The number of parameters does not
        // match if the statement belongs to another session.
        "26000" | "42P05" => Failure::MixedStatements,
        "08P01" if message.starts_with("bind message") => Failure::MixedStatements,
        // Shutting down, crashed, starting up, idle session timeout, idle transaction timeout.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Failure::Unavailable,
        // Connection exceptions; out of memory or connections.
        _ if code.starts_with("08") || code.starts_with("53") => Failure::Unavailable,
        _ => Failure::Statement,
    }
}

/// Classifies a SQLite result code. Extended codes carry the primary code in the lowest byte.
fn from_sqlite_code(code: i32) -> Failure {
    const ABORTED: i32 = 4;
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const INTERRUPTED: i32 = 9;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;
    match code & 0xff {
        ABORTED => Failure::Conflict,
        BUSY | LOCKED | IO_ERROR => Failure::Unavailable,
        INTERRUPTED => Failure::Cancelled,
        FULL => Failure::StorageFull,
        _ => Failure::Statement,
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match Failure::of(&error) {
            Failure::Unavailable | Failure::ReadOnly | Failure::MixedStatements => {
                tracing::warn!(%error, "the database cannot be reached");
                Self::Unavailable
            }
            Failure::Conflict => {
                // The transaction is retried.
                tracing::debug!(%error, "a transaction conflicts with another one");
                Self::Unavailable
            }
            Failure::Cancelled => {
                tracing::warn!(%error, "a statement took too long and was cancelled");
                Self::Unavailable
            }
            Failure::StorageFull => {
                tracing::error!(%error, "the database's disk is full: free some space");
                Self::StorageFull
            }
            Failure::Statement | Failure::Other => Self::internal(error),
        }
    }
}

/// An error of the driver outside any statement.
pub(super) fn connection_error(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// True if the statement violates a foreign key: the row that it refers to does not exist.
pub(crate) fn violates_foreign_key(error: &DbErr) -> bool {
    answer(error).is_some_and(DatabaseError::is_foreign_key_violation)
}

/// True if the statement violates a unique key: another row has the same values.
pub(crate) fn violates_unique(error: &DbErr) -> bool {
    answer(error).is_some_and(DatabaseError::is_unique_violation)
}

/// Returns the database's answer to a statement that it has rejected.
fn answer(error: &DbErr) -> Option<&dyn DatabaseError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            cause.as_database_error()
        }
        _ => None,
    }
}

/// An error of a statement on the calling thread, as one of the driver.
pub(super) fn inline_error(error: rusqlite::Error) -> DbErr {
    let error = sqlx::Error::Database(Box::new(InlineError {
        message: error.to_string(),
        code: error.sqlite_error().map(|error| error.extended_code),
    }));
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

/// The error of a transaction that SQLite has rolled back because of another one.
pub(super) fn rolled_back_by_another() -> DbErr {
    let aborted = ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK);
    inline_error(rusqlite::Error::SqliteFailure(aborted, None))
}

#[derive(Debug)]
struct InlineError {
    message: String,
    code: Option<i32>,
}

impl fmt::Display for InlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for InlineError {}

impl DatabaseError for InlineError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.map(|code| code.to_string().into())
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => ErrorKind::ForeignKeyViolation,
            Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                ErrorKind::UniqueViolation
            }
            _ => ErrorKind::Other,
        }
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }
}
