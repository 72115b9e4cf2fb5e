//! Builds the statement by which a transaction announces that sessions have ended.

use sea_orm::{DatabaseBackend, Statement};
use uuid::Uuid;

use crate::id::UserId;

/// The PostgreSQL notification channel for ended sessions.
pub(super) const CHANNEL: &str = "cubby_session_ends";

/// Returns the statement that announces that sessions of the user may have ended, as part of the
/// transaction that ends them. The payload carries the start of the transaction, so that PostgreSQL
/// merges equal announcements of one transaction.
pub(super) fn announcement(backend: DatabaseBackend, user_id: UserId) -> Statement {
    match backend {
        DatabaseBackend::Postgres => Statement::from_sql_and_values(
            backend,
            "SELECT pg_notify($1, $2 || ' ' || (extract(epoch FROM now()) * 1000)::bigint)",
            [CHANNEL.into(), Uuid::from(user_id).to_string().into()],
        ),
        _ => Statement::from_string(backend, "UPDATE session_ends SET count = count + 1"),
    }
}
