//! The app under test, and the clients that use it.

mod each_database;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header, response},
    response::Response,
};
use clap::Parser;
use cubby::{
    HashCost, Keys, Seed, Server, StartError, UserAdmin,
    clock::{Clock, Timestamp},
    config::Config,
};
use http_body_util::BodyExt;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement, TryGetable,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tower::ServiceExt;

use crate::postgresql;

pub(crate) use each_database::{each_database, run};
pub(crate) use macro_rules_attribute::apply;

/// 2026-11-21T12:00:00Z, the time at which every test starts.
const START_MILLIS: i64 = 1_795_262_400_000;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The default secret of an instance.
pub(crate) const SECRET: &str = "the secret of the tests, long enough";

/// The name of an empty, migrated database, which is copied for each test.
const TEMPLATE: &str = "cubby_template";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgresql,
}

#[derive(Parser)]
struct TestArgs {
    #[command(flatten)]
    config: Config,
}

/// Parses the settings from command-line flags.
pub(crate) fn config(flags: &[&str]) -> Config {
    TestArgs::try_parse_from([&["cubby"], flags].concat())
        .unwrap_or_else(|error| panic!("{error}"))
        .config
}

/// The environment of one test: an empty database, and a clock that the test advances.
#[derive(Clone)]
pub(crate) struct TestEnv {
    now: Arc<AtomicI64>,
    pub(crate) database: Database,
    pub(crate) database_url: String,
    directory: Arc<TempDir>,
    hash_cost: HashCost,
}

impl TestEnv {
    /// Returns `None` if the database is PostgreSQL and it is not installed.
    pub(crate) async fn new(database: Database) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let database_url = match database {
            Database::Sqlite => format!("sqlite:{}/cubby.sqlite", directory.path().display()),
            Database::Postgresql => fresh_database().await?,
        };
        Some(Self {
            now: Arc::new(AtomicI64::new(START_MILLIS)),
            database,
            database_url,
            directory: Arc::new(directory),
            hash_cost: HashCost::insecure_for_tests(),
        })
    }

    /// Returns the environment with password hashes as expensive as in production.
    pub(crate) fn with_production_hashes(self) -> Self {
        Self {
            hash_cost: HashCost::production(),
            ..self
        }
    }

    /// Returns another environment on the same kind of database.
    pub(crate) async fn fresh(&self) -> Self {
        let env = Self::new(self.database).await;
        env.expect("the database is installed")
    }

    /// Starts an app with the default settings.
    pub(crate) async fn app(&self) -> App {
        self.app_with(&[]).await
    }

    /// Starts an app with the command-line flags.
    pub(crate) async fn app_with(&self, flags: &[&str]) -> App {
        self.start(flags).await.expect("the app starts")
    }

    /// Starts an app with the command-line flags, or returns why it does not start. Several apps can
    /// share an environment.
    pub(crate) async fn start(&self, flags: &[&str]) -> Result<App, StartError> {
        let server = self.server(flags).await?;
        Ok(App {
            router: server.router(),
            metrics: server.metrics_router(),
            env: self.clone(),
        })
    }

    /// Inserts sample users with [`PASSWORD`] at the domain, as `cubby seed` does.
    pub(crate) async fn seed(&self, users: u32, tasks: u32, domain: &str) {
        let seed = Seed {
            users,
            tasks,
            domain: domain.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let seeded = self.try_seed(&seed, |_| {}).await;
        seeded.expect("the users are stored");
    }

    pub(crate) async fn try_seed(
        &self,
        seed: &Seed,
        on_progress: impl Fn(usize),
    ) -> Result<(), StartError> {
        let server = self.server(&[]).await?;
        server.seed(seed, on_progress).await
    }

    /// Opens the signing keys, as `cubby keys` does.
    pub(crate) async fn keys(&self, flags: &[&str]) -> Result<Keys, StartError> {
        cubby::cli::signing_keys(&self.config(flags), self.clock()).await
    }

    /// Opens the administration of users, as `cubby user` does.
    pub(crate) async fn admin(&self) -> UserAdmin {
        self.admin_with(&[]).await
    }

    pub(crate) async fn admin_with(&self, flags: &[&str]) -> UserAdmin {
        let people =
            cubby::cli::user_admin(&self.config(flags), self.clock(), &self.hash_cost).await;
        people.expect("the database exists")
    }

    async fn server(&self, flags: &[&str]) -> Result<Server, StartError> {
        Server::open(&self.config(flags), self.clock(), self.hash_cost.clone()).await
    }

    fn config(&self, flags: &[&str]) -> Config {
        let data_dir = self.directory.path().to_str().expect("the path is UTF-8");
        // Rate limits cannot be off in production.
        let throttles = if flags.contains(&"production") {
            "on"
        } else {
            "off"
        };
        config(&with_defaults(
            flags,
            &[
                ("--data-dir", data_dir),
                ("--database-url", &self.database_url),
                ("--mode", "development"),
                ("--throttles", throttles),
                ("--secret", SECRET),
            ],
        ))
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    }
}

/// Waits until the condition holds; fails the test after a minute.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let polled = tokio::time::timeout(Duration::from_mins(1), polling).await;
    polled.unwrap_or_else(|_| panic!("still false after a minute: {what}"));
}

/// An app on the database of its environment.
#[derive(Clone)]
pub(crate) struct App {
    router: Router,
    metrics: Router,
    pub(crate) env: TestEnv,
}

impl App {
    /// Serves the app on a free port, and returns the address.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address.to_string()
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).expect("a sensible duration");
        self.env.now.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock, in milliseconds since the Unix epoch.
    pub(crate) fn move_to(&self, millis: i64) {
        self.env.now.store(millis, Ordering::SeqCst);
    }

    /// Moves the clock back.
    pub(crate) fn rewind(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).expect("a sensible duration");
        self.env.now.fetch_sub(millis, Ordering::SeqCst);
    }

    /// Returns the time of the clock, in milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.env.now.load(Ordering::SeqCst)
    }

    /// Returns a client with the same tokens that sends its requests to this app.
    pub(crate) fn with_credentials_of(&self, client: &Client) -> Client {
        Client {
            router: self.router.clone(),
            ..client.clone()
        }
    }

    /// Returns the value of a metric, whose name includes its labels; 0 if it is not exported yet.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let request = Request::get("/metrics").body(Body::empty());
        let response = self.metrics.clone().oneshot(request.expect("a request"));
        let body = response.await.expect("an answer").into_body();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or(0.0)
    }

    /// Returns an anonymous client.
    pub(crate) fn anonymous(&self) -> Client {
        Client {
            router: self.router.clone(),
            token: None,
            refresh_token: None,
            name: "nobody".to_owned(),
        }
    }

    /// Signs up `{name}@example.com` with [`PASSWORD`], and returns the signed-in client.
    pub(crate) async fn sign_up(&self, name: &str) -> Client {
        let mut client = self.anonymous();
        client.name = name.to_owned();
        let payload = client
            .ask(
                "mutation ($input: SignUpInput!) { signUp(input: $input) {
                   tokens { accessToken refreshToken } userErrors { code } } }",
                json!({ "input": { "email": client.email(), "password": PASSWORD } }),
            )
            .await;
        client.take_tokens(&payload["signUp"]);
        client
    }

    /// Signs in `{name}@example.com` with [`PASSWORD`], in a new session.
    pub(crate) async fn sign_in(&self, name: &str) -> Client {
        self.sign_in_with(name, PASSWORD).await
    }

    pub(crate) async fn sign_in_with(&self, name: &str, password: &str) -> Client {
        let mut client = self.anonymous();
        client.name = name.to_owned();
        let payload = client
            .ask(
                "mutation ($input: SignInInput!) { signIn(input: $input) {
                   tokens { accessToken refreshToken } userErrors { code } } }",
                json!({ "input": { "email": client.email(), "password": password } }),
            )
            .await;
        client.take_tokens(&payload["signIn"]);
        client
    }

    /// Runs a query past the app, and returns the first column of each row, a number.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<i64> {
        self.first_column(sql).await
    }

    /// Runs a query past the app, and returns the first column of each row, a text.
    pub(crate) async fn sql_texts(&self, sql: &str) -> Vec<String> {
        self.first_column(sql).await
    }

    async fn first_column<T: TryGetable>(&self, sql: &str) -> Vec<T> {
        let connection = self.connect().await;
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection
            .query_all_raw(statement)
            .await
            .expect("the query succeeds");
        rows.iter()
            .map(|row| row.try_get_by_index(0).expect("a value of this type"))
            .collect()
    }

    /// Returns the names of all tables.
    pub(crate) async fn tables(&self) -> BTreeSet<String> {
        let tables = match self.env.database {
            Database::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
            Database::Postgresql => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
            }
        };
        self.sql_texts(tables).await.into_iter().collect()
    }

    /// Returns the number of users whose stored task count differs from their tasks.
    pub(crate) async fn users_with_wrong_task_count(&self) -> usize {
        let counted = "SELECT task_count - (SELECT COUNT(*) FROM tasks WHERE tasks.user_id = change_logs.user_id)
            FROM change_logs";
        let differences = self.sql(counted).await;
        differences.iter().filter(|it| **it != 0).count()
    }

    /// Blocks all writes to sessions until the returned transaction commits.
    pub(crate) async fn lock_sessions(&self) -> Held {
        let mut options = ConnectOptions::new(&self.env.database_url);
        options.max_connections(1);
        let connection = sea_orm::Database::connect(options).await;
        let connection = connection.expect("the database answers");
        let begin = match connection.get_database_backend() {
            DatabaseBackend::Postgres => "BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE",
            _ => "BEGIN IMMEDIATE",
        };
        connection
            .execute_unprepared(begin)
            .await
            .expect("the lock is acquired");
        Held(connection)
    }

    /// Opens a database connection past the app.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.env.database_url)
            .await
            .expect("the database answers")
    }
}

/// An open write transaction.
pub(crate) struct Held(DatabaseConnection);

impl Held {
    /// Runs a statement in the transaction.
    pub(crate) async fn execute(&self, sql: &str) {
        self.0
            .execute_unprepared(sql)
            .await
            .expect("the statement succeeds");
    }

    pub(crate) async fn commit(self) {
        self.execute("COMMIT").await;
        self.0.close().await.expect("the connection closes");
    }
}

/// Returns the flags, followed by each default that they do not set.
fn with_defaults<'a>(flags: &[&'a str], defaults: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut all = flags.to_vec();
    for (flag, value) in defaults {
        if !flags.contains(flag) {
            all.extend([*flag, *value]);
        }
    }
    all
}

/// Copies the template on the shared server, and returns the URL of the copy.
async fn fresh_database() -> Option<String> {
    static READY: OnceCell<()> = OnceCell::const_new();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let server = postgresql::Server::shared().await?;
    READY
        .get_or_init(async || {
            create_database(server, TEMPLATE, "template0").await;
            let url = server.url(TEMPLATE).parse().expect("its address");
            let database = cubby::db::Database::open(&url, 1)
                .await
                .expect("the database opens");
            database.migrate_up().await.expect("the migrations run");
            database.close().await;
        })
        .await;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    create_database(server, &name, TEMPLATE).await;
    Some(server.url(&name))
}

async fn create_database(server: &postgresql::Server, name: &str, template: &str) {
    let admin = sea_orm::Database::connect(server.url("postgres"))
        .await
        .expect("the server answers");
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
        .await
        .expect("the database is created");
    admin.close().await.expect("the connection closes");
}

/// Creates an empty PostgreSQL database, and returns its URL, or `None` if PostgreSQL is not
/// installed.
pub(crate) async fn empty_postgresql(name: &str) -> Option<String> {
    let server = postgresql::Server::shared().await?;
    create_database(server, name, "template0").await;
    Some(server.url(name))
}

/// Creates an empty PostgreSQL database with the encoding, like [`empty_postgresql`].
pub(crate) async fn empty_postgresql_with_encoding(name: &str, encoding: &str) -> Option<String> {
    let server = postgresql::Server::shared().await?;
    let template = format!("template0 ENCODING '{encoding}'");
    create_database(server, name, &template).await;
    Some(server.url(name))
}

/// A client of the app, signed in or anonymous.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    pub(crate) token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) name: String,
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// Returns the code of the only error.
    pub(crate) fn code(&self) -> &str {
        let errors = self.body["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{self:?}");
        errors[0]["extensions"]["code"].as_str().expect("a code")
    }

    /// Returns the reason of the first error.
    pub(crate) fn reason(&self) -> &str {
        self.body["errors"][0]["extensions"]["reason"]
            .as_str()
            .unwrap_or_else(|| panic!("no reason in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

impl Client {
    pub(crate) fn email(&self) -> String {
        format!("{}@example.com", self.name)
    }

    /// Stores the tokens of a payload, for the next requests.
    pub(crate) fn take_tokens(&mut self, payload: &Value) {
        assert_eq!(payload["userErrors"], json!([]));
        let token = |name: &str| payload["tokens"][name].as_str().map(str::to_owned);
        self.token = token("accessToken");
        self.refresh_token = token("refreshToken");
    }

    /// Returns the client with another access token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// Sends a query that must succeed, and returns its data.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Value {
        let reply = self.send(query, variables).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert_eq!(reply.body.get("errors"), None, "{reply:?}");
        reply.body["data"].clone()
    }

    /// Sends a query, and returns the response.
    pub(crate) async fn send(&self, query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables });
        self.post(body.to_string()).await
    }

    pub(crate) async fn post(&self, body: impl Into<Body>) -> Reply {
        self.post_accepting("application/json", body).await
    }

    /// Sends a body, as a client that accepts the media type.
    pub(crate) async fn post_accepting(&self, accept: &str, body: impl Into<Body>) -> Reply {
        let mut request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", accept);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.request(request.body(body.into()).expect("a request"))
            .await
    }

    /// Sends a GET request with the client's access token.
    pub(crate) async fn get_as_viewer(&self, path: &str) -> Reply {
        let token = self.token.as_deref().expect("signed in");
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.request(request.body(Body::empty()).expect("a request"))
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Reply {
        let (head, text) = self.exchange(request).await;
        Reply {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// Sends a request, and returns the body as text.
    pub(crate) async fn request_text(&self, request: Request<Body>) -> String {
        self.exchange(request).await.1
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn listen(&self, document: &str) -> Listener {
        let mut request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "text/event-stream");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = Body::from(json!({ "query": document }).to_string());
        let response = self.response(request.body(body).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK);
        Listener {
            body: response.into_body(),
        }
    }

    /// Sends a request, and returns the response with its body unread.
    pub(crate) async fn response(&self, mut request: Request<Body>) -> Response {
        let host = HeaderValue::from_static("cubby");
        request.headers_mut().entry(header::HOST).or_insert(host);
        let response = self.router.clone().oneshot(request).await;
        response.expect("the router answers")
    }

    async fn exchange(&self, request: Request<Body>) -> (response::Parts, String) {
        let (head, body) = self.response(request).await.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        (head, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Creates a task with the title, and returns its id.
    pub(crate) async fn create_task(&self, title: &str) -> String {
        let payload = self
            .ask(
                "mutation ($title: String!) { createTask(input: { title: $title }) {
                   task { id } userErrors { code } } }",
                json!({ "title": title }),
            )
            .await;
        payload["createTask"]["task"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no task in {payload}"))
            .to_owned()
    }

    /// Returns the kinds of the user's security events, newest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let data = self
            .ask(
                "{ viewer { securityEvents { nodes { kind } } } }",
                json!({}),
            )
            .await;
        data["viewer"]["securityEvents"]["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|event| event["kind"].as_str().expect("a kind").to_owned())
            .collect()
    }

    /// Returns the titles of at most 100 tasks, newest first.
    pub(crate) async fn titles(&self) -> Vec<String> {
        let data = self
            .ask(
                "{ viewer { tasks(first: 100) { nodes { title } } } }",
                json!({}),
            )
            .await;
        data["viewer"]["tasks"]["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|task| task["title"].as_str().expect("a title").to_owned())
            .collect()
    }
}

/// An open stream of server-sent events.
pub(crate) struct Listener {
    body: Body,
}

impl Listener {
    /// Returns the data of the next event, or `None` when the stream is complete.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(5), self.body.frame()).await;
            let frame = frame
                .expect("an event arrives within 5 s")?
                .expect("a frame");
            let bytes = frame.into_data().expect("data");
            let text = std::str::from_utf8(&bytes).expect("UTF-8");
            if text == ":\n\n" {
                continue;
            }
            if text == "event: complete\ndata:\n\n" {
                assert!(
                    self.body.frame().await.is_none(),
                    "the stream continues after its last event"
                );
                return None;
            }
            let data = text
                .strip_prefix("event: next\ndata: ")
                .and_then(|text| text.strip_suffix("\n\n"));
            let data = data.unwrap_or_else(|| panic!("not an event: {text:?}"));
            return Some(serde_json::from_str(data).expect("JSON"));
        }
    }
}
