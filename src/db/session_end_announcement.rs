//! Collects the users whose sessions a transaction may end, and builds the statement that announces
//! them.

use std::sync::{Mutex, PoisonError};

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

/// The users whose session ends a commit announces.
#[derive(Default)]
pub(super) struct Announced(Mutex<Vec<UserId>>);

impl Announced {
    pub(super) fn add(&self, user_id: UserId) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !users.contains(&user_id) {
            users.push(user_id);
        }
    }

    pub(super) fn into_users(self) -> Vec<UserId> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
