//! Detects a pooler between this process and PostgreSQL by comparing two connections.
//!
//! A pooler in transaction mode assigns one server connection to many sessions in turn. The driver
//! numbers its prepared statements per session, so the pooler must rename them. A pooler that does
//! not would bind the parameters of one session to the statement of another.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, postgres::PgConnectOptions, query_scalar,
};

use super::{
    failure::{DbResult, Failure, connection_error},
    random_name::random_name,
};

/// The number of comparisons of the two connections. One is not enough: other clients of the pooler
/// may run in between and hide that both share a server connection.
const ROUNDS: usize = 3;

/// The prefix of the driver's statement names.
const DRIVER_PREFIX: &str = "sqlx_s_";

/// The route of connections to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Each connection is one server session.
    Direct,
    /// A pooler in transaction mode assigns a server session to one transaction at a time.
    Pooler {
        /// True if the role or the database sets `statement_timeout`.
        is_bounded: bool,
    },
}

/// Detects the route of connections with these options.
///
/// # Errors
/// Fails if a pooler mixes up prepared statements, or if the database cannot be reached.
pub(super) async fn find_route(options: &PgConnectOptions) -> DbResult<Route> {
    let mut one = connect(options).await?;
    let mut other = connect(options).await?;
    let route = if share_sessions(&mut one, &mut other).await? {
        if !tracks_statements(&mut one).await? {
            return Err(DbErr::Conn(RuntimeErr::Internal(
                "the address leads to a pooler in transaction mode that does not track prepared \
                 statements, so queries would be mixed up. For PgBouncer, use version 1.21 or later \
                 with max_prepared_statements = 200 (the default is 0 up to version 1.23). \
                 Otherwise use pool_mode = session or a direct connection to PostgreSQL"
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
        // An error does not matter: the connection is not used again.
        let _ = connection.close().await;
    }
    Ok(route)
}

/// True if a setting of one session is visible in the other, or lost: both share server sessions.
async fn share_sessions(one: &mut PgConnection, other: &mut PgConnection) -> DbResult<bool> {
    for _ in 0..ROUNDS {
        let mark = random_name("mark")?;
        text(
            one,
            &format!("SELECT set_config('cubby.session', '{mark}', false)"),
        )
        .await?;
        // The open transaction occupies the most recently used server session.
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

/// True if the pooler renames prepared statements.
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

/// Returns the first column of the first row. Uses the simple protocol, which prepares no
/// statement.
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
