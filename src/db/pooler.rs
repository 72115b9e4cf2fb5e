//! Poolers between this process and PostgreSQL: found out by two connections, before others are used.
//!
//! A pooler in transaction mode lends one server connection to many sessions. The driver names its
//! prepared statements by a number for each session, so the pooler has to rename them. One that does not
//! would bind the parameters of one session to the statement of another.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, postgres::PgConnectOptions, query_scalar,
};

use super::{
    failure::{DbResult, Failure, connection_error},
    random_name::random_name,
};

/// How often the two connections are compared: others may come between them, and hide that they share one.
const ROUNDS: usize = 3;

/// The prefix of the driver's names of statements.
const DRIVER_PREFIX: &str = "sqlx_s_";

/// What connections pass on their way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Each connection is a session of the server's.
    Direct,
    /// A server's session serves one transaction at a time, of any client.
    Pooler {
        /// The role or the database sets `statement_timeout`.
        is_bounded: bool,
    },
}

/// Finds out what connections with these options pass.
///
/// # Errors
/// When it is a pooler that mixes up prepared statements, or the database cannot be reached.
pub(super) async fn find_route(options: &PgConnectOptions) -> DbResult<Route> {
    let mut one = connect(options).await?;
    let mut other = connect(options).await?;
    let route = if share_sessions(&mut one, &mut other).await? {
        if !tracks_statements(&mut one).await? {
            return Err(DbErr::Conn(RuntimeErr::Internal(
                "a pooler in transaction mode stands before it that does not track prepared statements, so \
                 that queries would be mixed up. For PgBouncer, use version 1.21 or later with \
                 max_prepared_statements = 200 (0 is the default up to 1.23); or use \
                 pool_mode = session, or the address of PostgreSQL itself"
                    .to_owned(),
            )));
        }
        let timeout = text(&mut one, "SHOW statement_timeout").await?;
        Route::Pooler {
            is_bounded: timeout.as_deref() != Some("0"),
        }
    } else {
        Route::Direct
    };
    for connection in [one, other] {
        // It is of no more use, whether or not the server hears of that.
        let _ = connection.close().await;
    }
    Ok(route)
}

/// Whether a setting of one session is seen by the other, or lost.
async fn share_sessions(one: &mut PgConnection, other: &mut PgConnection) -> DbResult<bool> {
    for _ in 0..ROUNDS {
        let mark = random_name("mark")?;
        text(
            one,
            &format!("SELECT set_config('cubby.session', '{mark}', false)"),
        )
        .await?;
        // A transaction occupies the server's session that was used last.
        text(other, "BEGIN").await?;
        let seen = "SELECT current_setting('cubby.session', true)";
        let of_other = text(other, seen).await?;
        let of_one = text(one, seen).await?;
        text(other, "ROLLBACK").await?;
        if of_other.as_ref() == Some(&mark) || of_one != Some(mark) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the pooler gives statements names of its own.
async fn tracks_statements(connection: &mut PgConnection) -> DbResult<bool> {
    let mark = random_name("statement")?;
    let sql = format!(
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%' || $1 || '%' /* {mark} */"
    );
    let names = query_scalar(AssertSqlSafe(sql.as_str()))
        .bind(&mark)
        .fetch_all(connection)
        .await
        .map_err(connection_error);
    let names: Vec<String> = match names {
        Err(error) if Failure::of(&error) == Failure::MixedStatements => return Ok(false),
        names => names?,
    };
    Ok(!names.is_empty() && names.iter().all(|name| !name.starts_with(DRIVER_PREFIX)))
}

async fn connect(options: &PgConnectOptions) -> DbResult<PgConnection> {
    PgConnection::connect_with(options)
        .await
        .map_err(connection_error)
}

/// The first column of the first row, by the simple protocol, which prepares nothing.
async fn text(connection: &mut PgConnection, sql: &str) -> DbResult<Option<String>> {
    let row = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_optional(connection)
        .await
        .map_err(connection_error)?;
    match row {
        Some(row) => row.try_get(0).map_err(connection_error),
        None => Ok(None),
    }
}
