//! The statement by which a transaction announces that sessions have ended.

use sea_orm::{DatabaseBackend, Statement};
use uuid::Uuid;

use crate::id::UserId;

/// The channel that ends of sessions are announced on.
pub(super) const CHANNEL: &str = "cubby_session_ends";

/// Announces that sessions of the user may have ended, as part of the transaction that ends them. The time is the
/// transaction's, so that PostgreSQL delivers equal announcements of one transaction once.
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
