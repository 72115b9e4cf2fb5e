//! Opening the database: the pools of connections, and how each connection is set up.

#![expect(
    clippy::disallowed_types,
    reason = "this file makes the connections that `db` holds"
)]

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use sea_orm::{ConnectOptions, DatabaseBackend, DatabaseConnection, DbErr, RuntimeErr, Statement};
use sqlx::{
    ConnectOptions as _, Connection, PgConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::Instant;

use super::{DbResult, PATIENCE, PAUSE, Source, is_unavailable, of_driver, readers::Readers};
use crate::{config::DatabaseUrl, private};

/// The connections that read, and those that write: on PostgreSQL they are the same.
pub(super) struct Pools {
    pub(super) reads: Source,
    pub(super) writes: DatabaseConnection,
}

pub(super) async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Pools> {
    match url {
        DatabaseUrl::Sqlite(address) => open_sqlite(address, connections).await,
        DatabaseUrl::Postgres(address) => open_postgresql(address, connections).await,
    }
}

/// Opens the database to examine it: one connection, which only reads.
pub(super) async fn examine(url: &DatabaseUrl) -> DbResult<Pools> {
    let address = match url {
        DatabaseUrl::Sqlite(address) => address,
        DatabaseUrl::Postgres(address) => return open_postgresql(address, 1).await,
    };
    let options = SqliteConnectOptions::from_str(address).map_err(of_driver)?;
    let mut log = options.get_filename().as_os_str().to_owned();
    log.push("-wal");
    // The last connection to close writes a log that is there back into the file, unless it only reads; one
    // that only reads leaves a log behind where there was none.
    let has_log = Path::new(&log).exists();
    let only_reading = move |options| {
        of_sqlite(options)
            .read_only(has_log)
            .pragma("query_only", "ON")
    };
    let readers = only_reading(options).disable_statement_logging();
    let readers = Readers::open(readers, 1).await?;
    let statement = "SELECT count(*) FROM sqlite_master";
    let statement = Statement::from_string(DatabaseBackend::Sqlite, statement);
    readers.query_one(&statement).await?;
    let mut writes = self::options(address, 1);
    writes.map_sqlx_sqlite_opts(only_reading);
    Ok(Pools {
        reads: Source::Sqlite(readers.into()),
        writes: connect(writes).await?,
    })
}

async fn open_sqlite(address: &str, connections: u32) -> DbResult<Pools> {
    make_room_for(address)?;
    let mut options = options(address, 1);
    options
        .map_sqlx_sqlite_opts(|sqlite| {
            of_sqlite(sqlite)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was acknowledged is on the disk, even when the power goes.
                .synchronous(SqliteSynchronous::Full)
        })
        // When the disk is full SQLite takes a transaction back by itself, and the driver goes on
        // counting it: what begins next would be a part of it, acknowledged and never stored.
        // (The ping lets a rollback that is under way come to its end.)
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
        });
    let writes = connect(options).await?;
    // They may be the last ones to close, and the file must be whole then: they could write, and do not.
    let options = SqliteConnectOptions::from_str(address).map_err(of_driver)?;
    let options = of_sqlite(options).pragma("query_only", "ON");
    let readers = Readers::open(options.disable_statement_logging(), connections).await?;
    Ok(Pools {
        reads: Source::Sqlite(readers.into()),
        writes,
    })
}

fn of_sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.foreign_keys(true).busy_timeout(PATIENCE)
}

async fn open_postgresql(address: &str, connections: u32) -> DbResult<Pools> {
    // Said here, since the driver's own words for it hold the whole address.
    PgConnectOptions::from_str(address)
        .map_err(|error| DbErr::Custom(format!("its address cannot be read: {error}")))?;
    let mut options = options(address, connections);
    // A pooler in transaction mode refuses this parameter, and nothing here needs it.
    options.map_sqlx_postgres_opts(|postgres| postgres.extra_float_digits(None));
    match connect(options).await {
        Ok(pool) => Ok(Pools {
            reads: Source::Postgresql(pool.clone()),
            writes: pool,
        }),
        Err(error) if is_unavailable(&error) => Err(cause_of(error, address).await),
        Err(error) => Err(error),
    }
}

fn options(address: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(address);
    options
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false)
        // A ping before every use doubles the round trips. A connection that died is found out by the
        // first query on it, which is sent again on another.
        .test_before_acquire(false);
    options
}

/// Waits for a database that is not up yet.
async fn connect(options: ConnectOptions) -> DbResult<DatabaseConnection> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match sea_orm::Database::connect(options.clone()).await {
            Err(error) if is_unavailable(&error) && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Why PostgreSQL cannot be reached: a pool only says that it waited.
async fn cause_of(error: DbErr, address: &str) -> DbErr {
    let Ok(options) = PgConnectOptions::from_str(address) else {
        return error;
    };
    let options = options.extra_float_digits(None);
    let connecting = PgConnection::connect_with(&options);
    match tokio::time::timeout(PAUSE * 10, connecting).await {
        Ok(Err(cause)) => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(cause))),
        _ => error,
    }
}

/// Where a SQLite database is.
pub(super) fn file_of(url: &DatabaseUrl) -> DbResult<Option<PathBuf>> {
    let DatabaseUrl::Sqlite(address) = url else {
        return Ok(None);
    };
    let options = SqliteConnectOptions::from_str(address).map_err(of_driver)?;
    Ok(Some(options.get_filename().to_owned()))
}

/// The directory of a SQLite file and the file itself, made when they are missing, for their owner
/// alone. SQLite gives the files that it puts beside it the same permissions.
fn make_room_for(address: &str) -> DbResult<()> {
    let options = SqliteConnectOptions::from_str(address).map_err(of_driver)?;
    let file = options.get_filename();
    let made = match file.parent() {
        Some(directory) => private::make_directory(directory),
        None => Ok(()),
    };
    let made = made.and_then(|()| match private::make_file(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    });
    made.map_err(|error| DbErr::Custom(format!("cannot make {}: {error}", file.display())))
}
