//! The parts put together: database, keys, identity provider, schema, routes.

use std::{fmt, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use sea_orm::DbErr;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    auth::{IdentityProvider, Secret, SecretError, Throttles, Tokens},
    clock::Clock,
    config::{Config, Conflict, DatabaseUrl, Mode, Switch},
    db::Database,
    documents::Documents,
    http::{self, App, Bounds, Proxies, Streams},
    id::Ids,
    schema,
};

/// How long streams may take to say goodbye.
const STREAMS_END: Duration = Duration::from_secs(5);

/// Cubby, ready to serve.
pub struct Server {
    app: Arc<App>,
    router: Router,
    max_connections: u32,
    /// Says that it stops.
    stopping: watch::Sender<bool>,
}

/// Why Cubby does not start; the message says what to do about it.
#[derive(Debug)]
pub enum StartError {
    Configuration(Conflict),
    Secret(SecretError),
    Database(DbErr),
    Listen(SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(conflict) => conflict.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::Database(error) => write!(
                f,
                "the database cannot be used: {error}. Check DATABASE_URL, and that the database \
                 runs and lets this user in"
            ),
            Self::Listen(address, error) => write!(
                f,
                "cannot listen on {address}: {error}. Set CUBBY_LISTEN to another address, or to \
                 port 0 for any free port"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Conflict> for StartError {
    fn from(conflict: Conflict) -> Self {
        Self::Configuration(conflict)
    }
}

impl From<SecretError> for StartError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<DbErr> for StartError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl Server {
    /// Opens and migrates the database and builds everything upon it.
    ///
    /// # Errors
    /// When the settings contradict each other or the database cannot be used.
    #[expect(
        clippy::disallowed_methods,
        reason = "the database is opened here, and handed to what makes viewers"
    )]
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let mode = config.mode()?;
        let secret = secret(config)?;
        let tokens = tokens(config, &secret)?;

        let database = Database::open(&config.database(), config.database_connections).await?;
        if config.direct_database_url.is_some() {
            let direct = Database::open(&config.migration_database(), 1).await?;
            direct.migrate_up().await?;
            direct.close().await;
        } else {
            database.migrate_up().await?;
        }

        let provider = Arc::new(IdentityProvider::new(
            database.clone(),
            clock,
            tokens,
            &secret,
            throttles(config, mode),
            config.password_policy,
        ));
        let (stopping, is_stopping) = watch::channel(false);
        let app = App {
            schema: schema::build(
                Arc::clone(&provider),
                config.document_limits,
                config.introspection(mode),
            ),
            documents: Documents::new(&schema::sdl(), &schema::SCALARS, config.document_limits),
            streams: Streams::new(config.connection_limits, is_stopping),
            bounds: Bounds::new(config.connection_limits.max_requests),
            origins: config.cors_origins.clone(),
            provider,
            database,
            ids: Ids::default(),
            proxies: Proxies::new(&config.trusted_proxies),
            graphiql: config.graphiql(mode),
            is_development: mode == Mode::Development,
        };
        if app.graphiql {
            http::graphiql::log_source();
        }
        let app = Arc::new(app);
        Ok(Self {
            router: http::router(Arc::clone(&app)),
            max_connections: config.connection_limits.max_connections,
            app,
            stopping,
        })
    }

    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The routes, for whoever serves them otherwise than by [`Server::serve`].
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves until `shutdown` is over, then ends the streams and lets the requests in flight finish.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stopping = || {
            self.stopping.send_replace(true);
        };
        let most = self.max_connections;
        http::serve(listener, self.router, most, shutdown, stopping).await;
        if tokio::time::timeout(STREAMS_END, self.app.streams.all_closed())
            .await
            .is_err()
        {
            tracing::warn!("streams that were still open were cut off");
        }
        self.app.database.close().await;
    }
}

fn secret(config: &Config) -> Result<Secret, StartError> {
    Ok(match (&config.secret, config.database()) {
        (Some(secret), _) => Secret::new(secret.as_bytes()),
        (None, DatabaseUrl::Sqlite(_)) => Secret::kept_in(&config.data_dir)?,
        (None, DatabaseUrl::Postgres(_)) => {
            return Err(Conflict(
                "CUBBY_SECRET is not set, and on PostgreSQL it must be, since every instance over \
                 one database needs the same: set it to at least 32 random bytes, such as \
                 `openssl rand -base64 48` makes"
                    .to_owned(),
            )
            .into());
        }
    })
}

fn throttles(config: &Config, mode: Mode) -> Throttles {
    match (config.throttles, mode) {
        (Switch::Off, _) => Throttles::Off,
        (Switch::On, Mode::Development) => Throttles::SparingLoopback,
        (Switch::On, Mode::Production) => Throttles::On,
    }
}

fn tokens(config: &Config, secret: &Secret) -> Result<Tokens, StartError> {
    let (issuer, audience) = (&config.issuer, &config.audience);
    Ok(match config.jwt_secret()? {
        Some(shared) => Tokens::hs256(shared.as_bytes(), issuer, audience),
        None => Tokens::ed25519(secret, issuer, audience),
    })
}
