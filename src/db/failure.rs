//! Errors of the database, by what must be done about them.

use std::sync::Arc;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

use crate::error::Error;

pub(super) type DbResult<T> = Result<T, DbErr>;

/// What an error of the database says about the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is away, busy, starting or stopping: another try may succeed.
    Unavailable,
    /// It is a standby, or a primary that has been demoted: another connection may reach the primary.
    ReadOnly,
    /// The transaction conflicts with another one: run again from its beginning, it may succeed.
    Conflict,
    /// The statement took longer than it may.
    Cancelled,
    /// Its disk is full.
    StorageFull,
    /// A pooler binds parameters to the statement of another session.
    MixedStatements,
    /// It answered: the statement was wrong, or violates a constraint.
    Statement,
    /// Anything else.
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
            // The way to the database was looked at and refused.
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
                Some(code) if code.len() == 5 => of_sqlstate(&code, answer.message()),
                Some(code) => code.parse().map_or(Self::Statement, of_sqlite),
                None => Self::Statement,
            },
            _ => Self::Other,
        }
    }

    /// Whether the same work may succeed on another connection, or a little later.
    pub(super) fn is_worth_retrying(self) -> bool {
        matches!(
            self,
            Self::Unavailable | Self::ReadOnly | Self::MixedStatements | Self::Conflict
        )
    }

    /// Whether the connection may be used again.
    pub(super) fn leaves_connection_usable(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Cancelled | Self::StorageFull | Self::Statement
        )
    }
}

/// Sorts PostgreSQL's codes (appendix A of its documentation).
fn of_sqlstate(code: &str, message: &str) -> Failure {
    match code {
        "25006" => Failure::ReadOnly,
        // Serialization failure, deadlock detected.
        "40001" | "40P01" => Failure::Conflict,
        "57014" => Failure::Cancelled,
        "53100" => Failure::StorageFull,
        // Invalid statement name, duplicate prepared statement; and a number of parameters that is
        // another statement's.
        "26000" | "42P05" => Failure::MixedStatements,
        "08P01" if message.starts_with("bind message") => Failure::MixedStatements,
        // Shutting down, crashed, starting up, idle for too long.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Failure::Unavailable,
        // Connection exceptions; out of memory or connections.
        _ if code.starts_with("08") || code.starts_with("53") => Failure::Unavailable,
        _ => Failure::Statement,
    }
}

/// Sorts SQLite's result codes, whose extended forms keep the primary code in the lowest byte.
fn of_sqlite(code: i32) -> Failure {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const INTERRUPTED: i32 = 9;
    const IO_ERROR: i32 = 10;
    const FULL: i32 = 13;
    match code & 0xff {
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
                // Its transaction is run again.
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
