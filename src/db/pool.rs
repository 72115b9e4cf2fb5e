//! Pools the connections to one database, and leases each to one task at a time.
//!
//! A connection returns to the pool idle: outside a transaction, with no response unread. If a
//! client hangs up during a statement, the pool ends the abandoned statement and transaction first,
//! and closes the connection if that takes longer than a second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{
    backoff::Backoff,
    connection::{Connection, Options},
    failure::{DbResult, Failure},
    pooler::Route,
    timeouts::STATEMENT_TIMEOUT,
};

/// The maximum time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum time to end the abandoned work of a connection.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(1);

/// The idle time after which a connection is pinged before its next use.
const CHECK_AFTER_IDLE: Duration = Duration::from_secs(5);

/// The maximum wait for the response to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// The time for which a detected route is reused.
const ROUTE_TTL: Duration = Duration::from_secs(10);

/// A pool of connections to one database; clones share the connections.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    options: Options,
    size: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// The route to the database, and the time of its detection.
    route: Mutex<Option<(Route, Instant)>>,
    /// Locked by the caller that connects, so that only one caller retries while the database is
    /// unavailable.
    backoff: tokio::sync::Mutex<Backoff>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A leased connection, which returns to the pool when the lease is dropped.
pub(super) struct Lease {
    pool: Pool,
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    /// True if no statement is running.
    at_rest: bool,
    in_transaction: bool,
    /// True if a statement of the transaction has failed on PostgreSQL, which then treats a commit
    /// as a rollback.
    is_aborted: bool,
}

impl Pool {
    /// Creates a pool of at most `size` connections without opening any.
    pub(super) fn new(options: Options, size: u32) -> Self {
        Self(Arc::new(Inner {
            options,
            size,
            permits: Arc::new(Semaphore::new(size as usize)),
            idle: Mutex::default(),
            route: Mutex::default(),
            backoff: tokio::sync::Mutex::default(),
        }))
    }

    /// Waits for a free connection and leases it.
    pub(super) async fn acquire(&self) -> DbResult<Lease> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let connection = match self.idle_connection().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lease {
            pool: self.clone(),
            connection: Some(connection),
            permit: Some(permit),
            at_rest: true,
            in_transaction: false,
            is_aborted: false,
        })
    }

    /// Waits for all leases to end, and closes every connection.
    pub(super) async fn close(&self) -> DbResult<()> {
        if let Ok(all) = self.0.permits.acquire_many(self.0.size).await {
            all.forget();
            self.0.permits.close();
        }
        let idle = std::mem::take(&mut *self.idle());
        for idle in idle {
            idle.connection.close().await?;
        }
        Ok(())
    }

    /// Returns the most recently used idle connection, if its peer still responds.
    async fn idle_connection(&self) -> Option<Connection> {
        let Idle {
            mut connection,
            since,
        } = self.pop()?;
        if since.elapsed() < CHECK_AFTER_IDLE {
            return Some(connection);
        }
        if let Ok(Ok(())) = timeout(PING_TIMEOUT, connection.ping()).await {
            return Some(connection);
        }
        tracing::debug!(
            "an idle database connection does not respond; all idle connections are closed"
        );
        self.reconnect();
        None
    }

    async fn connect(&self) -> DbResult<Connection> {
        let mut backoff = self.0.backoff.lock().await;
        // Another caller may have released a connection in the meantime.
        if let Some(idle) = self.pop() {
            return Ok(idle.connection);
        }
        backoff.wait().await;
        let connecting = async {
            let route = self.find_route().await?;
            self.0.options.connect(route).await
        };
        let connected = timeout(CONNECT_TIMEOUT, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err(timed_out()));
        match &connected {
            Ok(_) => backoff.reset(),
            Err(error) => {
                if Failure::of(error) == Failure::MixedStatements {
                    tracing::error!(%error, "the database is not used, because a pooler mixes up prepared statements");
                }
                backoff.fail();
                self.forget_route();
            }
        }
        connected
    }

    async fn find_route(&self) -> DbResult<Route> {
        let known = *self.route();
        if let Some((route, found_at)) = known
            && found_at.elapsed() < ROUTE_TTL
        {
            return Ok(route);
        }
        let route = self.0.options.route().await?;
        *self.route() = Some((route, Instant::now()));
        Ok(route)
    }

    /// Discards the idle connections and the known route, so that the next caller connects again.
    pub(super) fn reconnect(&self) {
        self.idle().clear();
        self.forget_route();
    }

    fn forget_route(&self) {
        *self.route() = None;
    }

    fn route(&self) -> MutexGuard<'_, Option<(Route, Instant)>> {
        self.0.route.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<Idle> {
        self.idle().pop()
    }

    fn push(&self, connection: Connection) {
        self.idle().push(Idle {
            connection,
            since: Instant::now(),
        });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Runs `work` on the connection within the time limit of a statement.
    pub(super) async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> DbResult<T>,
    ) -> DbResult<T> {
        let Some(connection) = self.connection.as_mut().filter(|_| self.at_rest) else {
            return Err(closed());
        };
        self.at_rest = false;
        let Ok(result) = timeout(STATEMENT_TIMEOUT, work(connection)).await else {
            return Err(timed_out());
        };
        self.at_rest = true;
        if let Err(error) = &result {
            self.record_failure(error);
        }
        result
    }

    fn record_failure(&mut self, error: &DbErr) {
        let failure = Failure::of(error);
        match failure {
            Failure::MixedStatements => {
                tracing::error!(%error, "a pooler has mixed up prepared statements");
                self.pool.reconnect();
            }
            Failure::ReadOnly => self.pool.reconnect(),
            // The next connection may take another route.
            Failure::Unavailable => self.pool.forget_route(),
            _ => {}
        }
        if !failure.leaves_connection_usable() {
            self.connection = None;
        }
        self.is_aborted =
            self.in_transaction && matches!(self.connection, Some(Connection::Postgresql { .. }));
    }

    pub(super) async fn begin(&mut self) -> DbResult<()> {
        self.in_transaction = true;
        self.run(async |connection| connection.begin().await)
            .await
            .map(drop)
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Fails if a statement of the transaction has failed on PostgreSQL, or if the database does
    /// not confirm the commit.
    pub(super) async fn commit(&mut self) -> DbResult<()> {
        if self.is_aborted {
            return Err(DbErr::Custom(
                "a transaction cannot be committed after one of its statements has failed"
                    .to_owned(),
            ));
        }
        self.end("COMMIT").await
    }

    /// Records a rollback to a savepoint, after which the transaction can be committed again.
    pub(super) fn record_savepoint_rollback(&mut self) {
        self.is_aborted = false;
    }

    pub(super) async fn roll_back(&mut self) -> DbResult<()> {
        self.end("ROLLBACK").await
    }

    async fn end(&mut self, sql: &str) -> DbResult<()> {
        self.run(async |connection| connection.execute_unprepared(sql).await)
            .await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Runs `work`, which only reads. Behind a pooler without a time limit for statements, runs it
    /// in a transaction that sets one.
    pub(super) async fn read<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> DbResult<T>,
    ) -> DbResult<T> {
        if !self.lacks_statement_timeout() {
            return self.run(work).await;
        }
        self.in_transaction = true;
        self.run(async |connection| connection.begin_read_only().await)
            .await?;
        let read = self.run(work).await?;
        self.commit().await?;
        Ok(read)
    }

    /// Runs `work`, one statement that writes, like [`Lease::read`].
    pub(super) async fn write<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> DbResult<T>,
    ) -> DbResult<T> {
        if !self.lacks_statement_timeout() {
            return self.run(work).await;
        }
        self.begin().await?;
        let written = self.run(work).await?;
        self.commit().await?;
        Ok(written)
    }

    fn lacks_statement_timeout(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(Connection::lacks_statement_timeout)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.at_rest && !self.in_transaction {
            self.pool.push(connection);
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (pool, permit, in_transaction) =
            (self.pool.clone(), self.permit.take(), self.in_transaction);
        runtime.spawn(async move {
            match timeout(RECOVERY_TIMEOUT, connection.recover(in_transaction)).await {
                Ok(Ok(())) => pool.push(connection),
                // The server ends the work of a closed connection.
                _ => drop(connection),
            }
            drop(permit);
        });
    }
}

fn timed_out() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

pub(super) fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgSslMode};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Starts a server that accepts every connection and then sends nothing more.
    async fn silent_server() -> PgConnectOptions {
        const AUTHENTICATED_AND_READY: [u8; 15] = *b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut streams = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                stream.write_all(&AUTHENTICATED_AND_READY).await.unwrap();
                streams.push(stream);
            }
        });
        PgConnectOptions::new()
            .host("127.0.0.1")
            .port(port)
            .ssl_mode(PgSslMode::Disable)
    }

    #[tokio::test]
    async fn unresponsive_idle_connections_are_closed() {
        let options = silent_server().await;
        let pool = Pool::new(Options::Postgresql(options.clone()), 3);
        let route = Route::Pooler { is_bounded: true };
        for _ in 0..3 {
            let connection = Connection::open_postgresql(&options, route).await;
            pool.push(connection.unwrap());
        }
        assert!(
            pool.idle_connection().await.is_some(),
            "a recently used connection is not pinged"
        );
        for idle in pool.idle().iter_mut() {
            idle.since -= CHECK_AFTER_IDLE;
        }
        assert!(pool.idle_connection().await.is_none());
        assert!(pool.idle().is_empty());
    }
}
