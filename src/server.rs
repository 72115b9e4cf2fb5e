//! The server: opens the database, loads the keys, builds the schema and the routes, and serves
//! them.

use std::{
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use sea_orm::DbErr;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    clock::Clock,
    config::{AccountLimits, Config, ConfigError, DatabaseUrl, Mode, OnOff},
    count::format_count,
    crypto::secret::{Secret, SecretError, Secrets},
    db::Database,
    graphql,
    http::{self, Admission, AppState, Origins, Proxies, Streams},
    id::IdGenerator,
    identity::{
        AdminError, Federation, HashCost, Identity, IdentityConfig, IssuerError, Keys, KeysError,
        Outbox, PasswordResets, RateLimitScope, Tokens, UserAdmin,
    },
    jobs::{Jobs, Worker},
    mail::{MailService, TemplateError},
    metrics::Metrics,
    query_limits::{Documents, ManifestError, SchemaError},
    seed::{self, Seed, SeedError},
    tasks,
};

/// The maximum time for streams to end when the server stops.
const STREAMS_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of connections to the metrics port at once.
const MAX_METRICS_CONNECTIONS: u32 = 16;

/// An opened instance, ready to serve.
pub struct Server {
    app: Arc<AppState>,
    router: Router,
    account_limits: AccountLimits,
    max_connections: u32,
    hash_cost: HashCost,
    /// Signals streams to end when the server stops.
    stopping: watch::Sender<bool>,
}

/// The reason why a command fails; the message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the database cannot be used: {}", database_failure(.0))]
    Database(#[from] DbErr),
    #[error(
        "cannot listen on {0}: {1}. Set CUBBY_LISTEN, or CUBBY_METRICS_LISTEN, to another address, or to port 0 for \
         any free port"
    )]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The SQLite file does not exist.
    #[error(
        "the database {0} does not exist: set CUBBY_DATA_DIR or DATABASE_URL to its location, or start Cubby once to \
         create it"
    )]
    NoDatabase(String),
    /// The number of migrations that have not run.
    #[error(
        "{} not run on the database: run `cubby migrate up`, or start Cubby once",
        format_count(*.0 as u64, "migration has", "migrations have")
    )]
    PendingMigrations(usize),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("the backup failed: {0}")]
    Backup(String),
    /// The server at this address does not answer, or reports that it is not ready.
    #[error("Cubby is not ready at {0}: {1}")]
    NotReady(SocketAddr, io::Error),
    /// A check of `cubby doctor` failed; the findings have been printed.
    #[error("a check failed: see the lines that begin with `fail`")]
    ChecksFailed,
}

/// Describes an error of the database, and what to check if that is not known.
fn database_failure(error: &DbErr) -> String {
    match error {
        DbErr::Custom(message) => message.clone(),
        error => {
            format!(
                "{error}. Check DATABASE_URL, that the database runs, and that it accepts this user"
            )
        }
    }
}

impl Server {
    /// Opens and migrates the database, and builds the schema and the routes.
    ///
    /// # Errors
    /// Fails if settings contradict each other or the database cannot be used.
    pub async fn open(
        config: &Config,
        clock: Clock,
        hash_cost: HashCost,
    ) -> Result<Self, StartError> {
        let mode = config.mode()?;
        let secrets = secrets(config)?;
        let shared = config.jwt_secret()?;

        let trusted = config.trusted_issuers.clone().unwrap_or_default();
        let jobs = Arc::new(Jobs::new(&secrets));
        let mail = MailService::new(
            config.mail(mode)?,
            config.mail_templates.as_deref(),
            clock.clone(),
        )?;
        let outbox = mail.as_ref().map(|mail| Outbox {
            jobs: Arc::clone(&jobs),
            links: mail.links.clone(),
        });
        let identity_config = IdentityConfig {
            rate_limits: rate_limit_scope(config, mode),
            hash_cost: hash_cost.clone(),
            password_policy: config.password_policy,
            sign_up: config.sign_up,
            federation: Federation::new(&trusted, &config.issuer)?,
            move_batch: tasks::move_batch,
            outbox: outbox.clone(),
        };

        let introspection = config.introspection(mode);
        let documents = Documents::new(
            &graphql::sdl(),
            &graphql::SCALARS,
            config.document_limits,
            graphql::validator(introspection),
        )?;
        let only = config.trusted_documents_only == OnOff::On;
        let documents = documents.with_trusted(&config.trusted_documents, only)?;

        let database = Database::open(&config.database(), config.database_connections)
            .await?
            .with_direct(config.direct_database());
        if config.direct_database_url.is_some() {
            let direct = Database::open(&config.direct_database(), 1).await?;
            direct.migrate_up().await?;
            direct.close().await;
        } else {
            database.migrate_up().await?;
        }

        let (issuer, audience) = (&config.issuer, &config.audience);
        let tokens = match shared {
            Some(shared) => Tokens::hs256(shared.as_bytes(), issuer, audience),
            None => {
                let keys = Keys::new(database.clone(), Arc::clone(&secrets), clock.clone());
                Tokens::ed25519(keys.open().await?, issuer, audience)
            }
        };
        let metrics = Arc::new(Metrics::new());
        let identity = Identity::start(
            database.clone(),
            clock.clone(),
            tokens,
            &secrets,
            identity_config,
            Arc::clone(&metrics),
        );
        let mailbox = mail.as_ref().and_then(|mail| mail.mailer.mailbox());
        let worker = mail.zip(outbox).map(|(mail, outbox)| {
            Worker::new(database.clone(), clock.clone(), jobs, Arc::clone(&metrics))
                .with(mail.mailer)
                .with(PasswordResets {
                    database: database.clone(),
                    clock: clock.clone(),
                    ids: IdGenerator::default(),
                    outbox,
                })
                .start()
        });
        let (stopping, is_stopping) = watch::channel(false);
        let app = AppState {
            schema: graphql::build(
                &identity,
                config.document_limits,
                config.account_limits,
                introspection,
            ),
            documents,
            streams: Streams::new(config.connection_limits, is_stopping),
            admission: Admission::new(config.connection_limits.max_requests),
            origins: Origins::new(&config.cors_origins, mode == Mode::Development),
            identity,
            clock,
            database,
            ids: IdGenerator::default(),
            proxies: Proxies::new(&config.trusted_proxies),
            metrics,
            graphiql: config.graphiql(mode),
            mailbox,
            _worker: worker,
            is_development: mode == Mode::Development,
        };
        if app.graphiql {
            http::graphiql::log_source();
        }
        let app = Arc::new(app);
        Ok(Self {
            router: http::router(Arc::clone(&app)),
            account_limits: config.account_limits,
            max_connections: config.connection_limits.max_connections,
            hash_cost,
            app,
            stopping,
        })
    }

    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<AppState> {
        &self.app
    }

    /// Returns the routes, for callers that serve them themselves, such as tests.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the routes of the metrics, for callers that serve them themselves, such as tests.
    pub fn metrics_router(&self) -> Router {
        http::metrics::router(Arc::clone(&self.app.metrics))
    }

    /// Serves the metrics on their own port until the process ends.
    pub fn serve_metrics(&self, listener: TcpListener) {
        let router = self.metrics_router();
        let serving = http::serve(listener, router, MAX_METRICS_CONNECTIONS, pending(), || {});
        tokio::spawn(serving);
    }

    /// Stores sample users and tasks, reports the number of tasks after each batch, and closes the
    /// database.
    ///
    /// # Errors
    /// Fails if an address has an account, or if the database cannot be used. Batches that were
    /// reported stay stored.
    pub async fn seed(self, seed: &Seed, on_progress: impl Fn(usize)) -> Result<(), StartError> {
        let app = &self.app;
        let admin = UserAdmin::new(
            app.database.clone(),
            app.clock.clone(),
            app.identity.accounts.password_policy(),
            self.account_limits,
            &self.hash_cost,
        );
        seed::insert(&admin, seed, on_progress).await?;
        self.app.database.vacuum_analyze().await?;
        self.app.database.close().await;
        Ok(())
    }

    /// Serves until `shutdown` completes, then ends the streams and waits for the requests in
    /// flight.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stopping = || {
            self.stopping.send_replace(true);
        };
        let most = self.max_connections;
        http::serve(listener, self.router, most, shutdown, stopping).await;
        if tokio::time::timeout(STREAMS_SHUTDOWN_TIMEOUT, self.app.streams.all_closed())
            .await
            .is_err()
        {
            tracing::warn!("some streams did not end within the shutdown timeout and were cut off");
        }
        self.app.identity.sessions.flush_activity().await;
        self.app.database.close().await;
    }
}

fn rate_limit_scope(config: &Config, mode: Mode) -> RateLimitScope {
    match (config.throttles, mode) {
        (OnOff::Off, _) => RateLimitScope::None,
        (OnOff::On, Mode::Development) => RateLimitScope::ExceptLoopback,
        (OnOff::On, Mode::Production) => RateLimitScope::All,
    }
}

pub(crate) fn secrets(config: &Config) -> Result<Arc<Secrets>, StartError> {
    let set = config.secrets()?;
    let mut set = set.iter().map(|secret| Secret::new(secret.as_bytes()));
    match (set.next(), config.database()) {
        (Some(first), _) => Ok(Arc::new(Secrets::new(first, set))),
        (None, DatabaseUrl::Sqlite(_)) => Ok(Arc::new(Secrets::load_or_create(&config.data_dir)?)),
        (None, DatabaseUrl::Postgres(_)) => Err(ConfigError(
            "CUBBY_SECRET is required on PostgreSQL, because all instances that share a database need \
             the same secret: set it to at least 32 random bytes, for example the output of `openssl \
             rand -base64 48`"
                .to_owned(),
        )
        .into()),
    }
}
