//! Tests of the binary behind PgBouncer, in transaction and session pooling.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    harness::empty_postgresql,
    postgresql,
    process::{Cubby, SECRET, directory, refusal, run},
};

const CREATE: &str = "mutation { createTask(input: { title: \"x\" }) { task { id } } }";
const TRACKING: &str = "pool_mode = transaction\nmax_prepared_statements = 100";
const NOT_TRACKING: &str = "pool_mode = transaction\nmax_prepared_statements = 0";
const SESSION_MODE: &str = "pool_mode = session\nmax_prepared_statements = 0";

/// A PgBouncer in front of a database, on a port that stays the same after a restart.
struct Pooler {
    directory: TempDir,
    database: String,
    port: u16,
    running: Option<Child>,
}

impl Pooler {
    /// Returns `None` on a machine without a PgBouncer that tracks prepared statements.
    async fn start(database: &str, mode: &str) -> Option<Self> {
        if !has_pooler().await {
            return None;
        }
        let (_, database) = database.split_once("@localhost:").unwrap();
        let (target, rest) = database.split_once('/').unwrap();
        let name = rest.split_once('?').unwrap().0;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut pooler = Self {
            directory: directory(),
            database: format!("port={target} dbname={name}"),
            port: listener.local_addr().unwrap().port(),
            running: None,
        };
        drop(listener);
        pooler.run(mode).await;
        Some(pooler)
    }

    /// Starts or restarts PgBouncer in the mode.
    async fn run(&mut self, mode: &str) {
        self.stop().await;
        let (port, database) = (self.port, &self.database);
        let ini = self.directory.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\npooled = host=127.0.0.1 {database} user=cubby\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             default_pool_size = 3\n{mode}\n"
        );
        fs::write(&ini, text).unwrap();
        let mut command = postgresql::unprivileged_command();
        let script = "pgbouncer \"$0\" & p=$!; cat >/dev/null; kill -QUIT $p; wait $p";
        command.args(["sh", "-c", script]).arg(readable(&ini));
        let mut command = Command::from(command);
        let running = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.running = Some(running.unwrap());
    }

    async fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.stdin.take());
            running.wait().await.unwrap();
        }
    }

    fn url(&self) -> String {
        format!(
            "postgres://cubby@localhost:{}/pooled?sslmode=disable",
            self.port
        )
    }
}

fn settings(url: &str) -> [(&str, &str); 3] {
    [
        ("DATABASE_URL", url),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ]
}

#[tokio::test]
async fn transaction_mode_pooler_works() {
    let Some(url) = empty_postgresql("pooled").await else {
        return;
    };
    let Some(mut pooler) = Pooler::start(&url, TRACKING).await else {
        return;
    };
    let (here, pooled) = (directory(), pooler.url());
    let past_it = [("CUBBY_DIRECT_DATABASE_URL", url.as_str())];
    let cubby = Cubby::start(here.path(), &[&settings(&pooled)[..], &past_it].concat()).await;
    let token = cubby.sign_up("ana").await;
    let created = (0..30).map(|_| cubby.ask(Some(&token), CREATE));
    for reply in join_all(created).await {
        let body: Value = reply.json().await.unwrap();
        assert!(
            body["data"]["createTask"]["task"]["id"].is_string(),
            "{body}"
        );
    }
    // Without a direct connection no notification arrives, so no session is cached.
    let measured = [("CUBBY_METRICS_LISTEN", "127.0.0.1:0")];
    let other = Cubby::start(here.path(), &[&settings(&pooled)[..], &measured].concat()).await;
    for _ in 0..300 {
        assert!(other.accepts_token(&token).await);
    }
    let measured = other.fetch_metrics().await.text().await.unwrap();
    assert!(measured.contains("{source=\"database\"} 300"), "{measured}");
    assert!(!measured.contains("{source=\"memory\"}"), "{measured}");
    // A `LISTEN` through the pooler would make later requests on that server connection fail.
    for number in 0..15 {
        let token = other.sign_up(&format!("ben{number}")).await;
        let out = cubby.ask(Some(&token), "mutation { signOut { endedSessions } }");
        let body: Value = out.await.json().await.unwrap();
        assert_eq!(body["data"]["signOut"]["endedSessions"], 1, "{body}");
        assert!(!other.accepts_token(&token).await);
    }
    other.stop().await;
    cubby.stop().await;
    // Migrations work through the pooler: none of their locks outlives the transaction.
    let output = run(
        here.path(),
        &[("DATABASE_URL", &pooled)],
        &["migrate", "up"],
    )
    .await;
    assert!(output.status.success(), "{output:?}");
    pooler.stop().await;
}

#[tokio::test]
async fn pooler_without_statement_tracking_stops_the_start() {
    let Some(url) = empty_postgresql("mixed").await else {
        return;
    };
    let Some(mut pooler) = Pooler::start(&url, NOT_TRACKING).await else {
        return;
    };
    let here = directory();
    let said = refusal(here.path(), &settings(&pooler.url())).await;
    assert!(said.contains("max_prepared_statements"), "{said}");

    // In session mode each client has its own server connection, so no tracking is needed.
    pooler.run(SESSION_MODE).await;
    let pooled = pooler.url();
    let few = [("CUBBY_DATABASE_CONNECTIONS", "1")];
    let cubby = Cubby::start(here.path(), &[&settings(&pooled)[..], &few].concat()).await;
    let token = cubby.sign_up("ana").await;
    assert!(cubby.accepts_token(&token).await);
    cubby.stop().await;
    pooler.stop().await;
}

#[tokio::test]
async fn pooler_that_stops_tracking_statements_is_rejected() {
    let Some(url) = empty_postgresql("begins").await else {
        return;
    };
    let Some(mut pooler) = Pooler::start(&url, TRACKING).await else {
        return;
    };
    let (here, pooled) = (directory(), pooler.url());
    let cubby = Cubby::start(here.path(), &settings(&pooled)).await;
    let token = cubby.sign_up("ana").await;
    pooler.run(NOT_TRACKING).await;
    let asked = (0..20).map(|_| cubby.ask(Some(&token), "{ viewer { email } }"));
    for reply in join_all(asked).await {
        assert_eq!(reply.status(), 503, "{}", reply.text().await.unwrap());
    }
    let ready = async || {
        let reply = reqwest::get(cubby.url("/health/ready")).await.unwrap();
        reply.status().as_u16()
    };
    assert_eq!(ready().await, 503);
    pooler.run(TRACKING).await;
    while ready().await != 200 {
        tokio::task::yield_now().await;
    }
    assert!(cubby.accepts_token(&token).await);
    cubby.stop().await;
    pooler.stop().await;
}

/// True if PgBouncer 1.21 or later is installed: the first version that tracks prepared statements.
async fn has_pooler() -> bool {
    let output = Command::new("pgbouncer").arg("--version").output().await;
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let minor = version.ok().and_then(|version| {
        let number = version.strip_prefix("PgBouncer 1.")?.split('.').next()?;
        number.parse::<u32>().ok()
    });
    let is_installed = minor.is_some_and(|minor| minor >= 21);
    if !is_installed {
        assert!(
            std::env::var_os("CI").is_none(),
            "PgBouncer 1.21 or later is not installed, and CI requires it: see .ci/pgbouncer"
        );
        // Written directly, since the test runner captures `eprintln!`.
        let _ = std::io::stderr().write_all(
            b"\n*** SKIPPED: the tests of poolers. Install PgBouncer 1.21 or later.\n\n",
        );
    }
    is_installed
}

/// Makes the file readable by other users, and returns its path.
fn readable(file: &Path) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(file);
        open(file.parent().unwrap());
    }
    file.to_owned()
}
