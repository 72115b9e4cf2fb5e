//! Defines the timeouts of requests and statements.

use std::time::Duration;

/// The maximum time that a request waits for a database that is starting, restarting or busy.
pub(super) const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time of one statement; the database then cancels it.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
