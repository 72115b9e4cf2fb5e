//! Addresses into pools of connections, and how each connection is set up.

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbErr};
use sqlx::{
    ConnectOptions as _,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::time::Instant;

use super::{
    connection::{Connection, Options},
    failure::{DbResult, Failure, connection_error},
    pool::Pool,
    pooler::Route,
    timeouts::WAIT_TIMEOUT,
};
use crate::{config::DatabaseUrl, private_file};

/// How long to wait between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The connections that read, and those that write: on PostgreSQL they are the same.
pub(super) struct Pools {
    pub(super) reads: Pool,
    pub(super) writes: Pool,
}

/// Opens the pools, waiting up to ten seconds for a database that is not up yet.
pub(super) async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Pools> {
    let pools = match url {
        DatabaseUrl::Sqlite(address) => {
            make_room_for(address)?;
            // They may be the last ones to close, and the file must be whole then: they could write, and do not.
            let readers = sqlite_options(address)?.pragma("query_only", "ON");
            Pools {
                writes: Pool::new(Options::Sqlite(sqlite_writer(address)?), 1),
                reads: Pool::new(Options::Sqlite(readers), connections),
            }
        }
        DatabaseUrl::Postgres(address) => {
            let pool = Pool::new(
                Options::Postgresql(postgresql_options(address)?),
                connections,
            );
            Pools {
                reads: pool.clone(),
                writes: pool,
            }
        }
    };
    // The first that writes makes the file, and sets how it is written.
    for pool in [&pools.writes, &pools.reads] {
        wait_for(pool).await?;
    }
    Ok(pools)
}

/// Opens the database to examine it: one connection, which only reads.
pub(super) async fn examine(url: &DatabaseUrl) -> DbResult<Pools> {
    let address = match url {
        DatabaseUrl::Sqlite(address) => address,
        DatabaseUrl::Postgres(_) => return open(url, 1).await,
    };
    let options = sqlite_options(address)?;
    let mut log = options.get_filename().as_os_str().to_owned();
    log.push("-wal");
    // The last connection to close writes a log that is there back into the file, unless it only reads; one
    // that only reads leaves a log behind where there was none.
    let options = options
        .read_only(Path::new(&log).exists())
        .pragma("query_only", "ON");
    let pool = Pool::new(Options::Sqlite(options), 1);
    let mut lease = pool.acquire().await?;
    let statement = "SELECT count(*) FROM sqlite_master";
    let work = async |connection: &mut Connection| connection.execute_unprepared(statement).await;
    lease.run(work).await?;
    drop(lease);
    Ok(Pools {
        reads: pool.clone(),
        writes: pool,
    })
}

/// Waits for a database that is not up yet.
async fn wait_for(pool: &Pool) -> DbResult<()> {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        match pool.acquire().await {
            Err(error)
                if Failure::of(&error) == Failure::Unavailable && Instant::now() < deadline =>
            {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            result => return result.map(drop),
        }
    }
}

/// A connection of its own, without a bound of time for what it does.
pub(super) async fn open_unbounded(url: &DatabaseUrl) -> DbResult<Connection> {
    match url {
        DatabaseUrl::Sqlite(address) => Connection::open_sqlite(&sqlite_writer(address)?).await,
        DatabaseUrl::Postgres(address) => {
            let route = Route::Pooler { is_bounded: true };
            Connection::open_postgresql(&postgresql_options(address)?, route).await
        }
    }
}

/// A connection of SeaORM's own, as its migrations want it.
pub(super) async fn open_for_migrations(url: &DatabaseUrl) -> DbResult<DatabaseConnection> {
    Ok(match url {
        DatabaseUrl::Sqlite(address) => {
            let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
            let pool = pool.connect_with(sqlite_writer(address)?).await;
            pool.map_err(connection_error)?.into()
        }
        DatabaseUrl::Postgres(address) => {
            let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
            let pool = pool.connect_with(postgresql_options(address)?).await;
            pool.map_err(connection_error)?.into()
        }
    })
}

fn sqlite_options(address: &str) -> DbResult<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(address).map_err(connection_error)?;
    Ok(options
        .foreign_keys(true)
        .busy_timeout(WAIT_TIMEOUT)
        .disable_statement_logging())
}

fn sqlite_writer(address: &str) -> DbResult<SqliteConnectOptions> {
    Ok(sqlite_options(address)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged is on the disk, even when the power goes.
        .synchronous(SqliteSynchronous::Full))
}

pub(super) fn postgresql_options(address: &str) -> DbResult<PgConnectOptions> {
    // Said here, since the driver's own words for it hold the whole address.
    let options = PgConnectOptions::from_str(address)
        .map_err(|error| DbErr::Custom(format!("its address cannot be read: {error}")))?;
    // A pooler in transaction mode refuses this parameter, and nothing here needs it.
    Ok(options.extra_float_digits(None).disable_statement_logging())
}

/// Where a SQLite database is.
pub(super) fn file_of(url: &DatabaseUrl) -> DbResult<Option<PathBuf>> {
    let DatabaseUrl::Sqlite(address) = url else {
        return Ok(None);
    };
    let options = SqliteConnectOptions::from_str(address).map_err(connection_error)?;
    Ok(Some(options.get_filename().to_owned()))
}

/// The directory of a SQLite file and the file itself, made when they are missing, for their owner
/// alone. SQLite gives the files that it puts beside it the same permissions.
fn make_room_for(address: &str) -> DbResult<()> {
    let options = SqliteConnectOptions::from_str(address).map_err(connection_error)?;
    let file = options.get_filename();
    let made = match file.parent() {
        Some(directory) => private_file::make_directory(directory),
        None => Ok(()),
    };
    let made = made.and_then(|()| match private_file::make_file(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    });
    made.map_err(|error| DbErr::Custom(format!("cannot make {}: {error}", file.display())))
}
