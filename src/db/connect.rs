//! Opens the connection pools of a database address, and sets the options of each connection.

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
    inline::{InlineReads, InlineWrites},
    pool::Pool,
    pooler::Route,
    timeouts::WAIT_TIMEOUT,
};
use crate::{config::DatabaseUrl, private_file};

/// The interval between attempts to connect at startup.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The pools for reads and for writes. On PostgreSQL both are one pool.
pub(super) struct Pools {
    pub(super) reads: Pool,
    pub(super) writes: Pool,
    /// Short queries and transactions of SQLite.
    pub(super) inline: Option<(InlineReads, InlineWrites)>,
}

/// Opens the pools, and waits up to ten seconds for a database that is still starting.
pub(super) async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Pools> {
    let pools = match url {
        DatabaseUrl::Sqlite(address) => {
            create_files(address)?;
            // Read connections are read-only by a pragma and not by a flag of the file: the last
            // connection to close must be able to checkpoint the log into the file.
            let readers = sqlite_options(address)?.pragma("query_only", "ON");
            let file = readers.get_filename().to_owned();
            Pools {
                writes: Pool::new(Options::Sqlite(sqlite_writer(address)?), 1),
                inline: Some((InlineReads::new(file.clone()), InlineWrites::new(file))),
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
                inline: None,
            }
        }
    };
    // The write pool comes first: its first connection creates the file and sets the journal mode.
    for pool in [&pools.writes, &pools.reads] {
        wait_for(pool).await?;
    }
    Ok(pools)
}

/// Opens one read-only connection to examine the database.
pub(super) async fn examine(url: &DatabaseUrl) -> DbResult<Pools> {
    let address = match url {
        DatabaseUrl::Sqlite(address) => address,
        DatabaseUrl::Postgres(_) => return open(url, 1).await,
    };
    let options = sqlite_options(address)?;
    let mut log = options.get_filename().as_os_str().to_owned();
    log.push("-wal");
    // A read-write connection that closes last would checkpoint an existing log into the file; a
    // read-only connection would leave a log behind if none exists.
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
        inline: None,
    })
}

/// Waits up to ten seconds for a database that is still starting.
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

/// Opens a connection outside the pools, without a timeout for its statements.
pub(super) async fn open_without_timeout(url: &DatabaseUrl) -> DbResult<Connection> {
    match url {
        DatabaseUrl::Sqlite(address) => Connection::open_sqlite(&sqlite_writer(address)?).await,
        DatabaseUrl::Postgres(address) => {
            let route = Route::Pooler { is_bounded: true };
            Connection::open_postgresql(&postgresql_options(address)?, route).await
        }
    }
}

/// Opens a SeaORM connection, which its migrator requires. On SQLite, foreign keys are turned off,
/// because a migration replaces tables that others refer to.
pub(super) async fn open_for_migrations(url: &DatabaseUrl) -> DbResult<DatabaseConnection> {
    Ok(match url {
        DatabaseUrl::Sqlite(address) => {
            let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
            let options = sqlite_writer(address)?.foreign_keys(false);
            let pool = pool.connect_with(options).await;
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
        // A committed transaction survives a power failure.
        .synchronous(SqliteSynchronous::Full))
}

pub(super) fn postgresql_options(address: &str) -> DbResult<PgConnectOptions> {
    // The driver's complete message would contain the address, and with it the password.
    let options = PgConnectOptions::from_str(address)
        .map_err(|error| DbErr::Custom(format!("the database address is invalid: {error}")))?;
    // A pooler in transaction mode rejects this parameter, and Cubby does not need it.
    Ok(options.extra_float_digits(None).disable_statement_logging())
}

/// Returns the path of a SQLite database, or `None` for PostgreSQL.
pub(super) fn file_of(url: &DatabaseUrl) -> DbResult<Option<PathBuf>> {
    let DatabaseUrl::Sqlite(address) = url else {
        return Ok(None);
    };
    let options = SqliteConnectOptions::from_str(address).map_err(connection_error)?;
    Ok(Some(options.get_filename().to_owned()))
}

/// Creates the directory and the file of a SQLite database if they do not exist, with permissions
/// for their owner only. SQLite gives the log files beside the database the same permissions.
fn create_files(address: &str) -> DbResult<()> {
    let options = SqliteConnectOptions::from_str(address).map_err(connection_error)?;
    let file = options.get_filename();
    let made = match file.parent() {
        Some(directory) => private_file::create_directory(directory),
        None => Ok(()),
    };
    let made = made.and_then(|()| match private_file::create_file(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    });
    made.map_err(|error| DbErr::Custom(format!("cannot create {}: {error}", file.display())))
}
