//! A PostgreSQL server for the tests, started from the installed binaries and stopped with the
//! process.

// Tests of the library include this file too.
#[path = "certificate.rs"]
pub(crate) mod certificate;

use std::{
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::sync::OnceCell;

use self::certificate::Certificate;

/// A running server.
pub(crate) struct Server {
    port: u16,
    /// The certificate of the authority that signed the server's certificate, as PEM.
    pub(crate) authority: String,
}

/// Runs as the user that owns the data. The server stops when the pipe from the test process
/// closes, even if that process is killed.
const SCRIPT: &str = r#"
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$BIN/initdb" --pgdata data --username cubby --auth trust --encoding UTF8 --locale C --no-sync >log 2>&1 \
    || { cat log >&2; exit 1; }
umask 077
printf '%s' "$KEY" >data/server.key
printf '%s' "$CERTIFICATE" >data/server.crt
"$BIN/postgres" -D data -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 \
    -c ssl=on >log 2>&1 &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server" || true
"#;

impl Server {
    /// Returns the server that all tests of this process share, or `None` on a machine without
    /// PostgreSQL.
    ///
    /// # Panics
    ///
    /// If `CI` is set and PostgreSQL is not installed.
    pub(crate) async fn shared() -> Option<&'static Self> {
        static SERVER: OnceCell<Option<Server>> = OnceCell::const_new();
        SERVER.get_or_init(start).await.as_ref()
    }

    /// Returns the URL of a database on the server.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://cubby@localhost:{}/{database}?sslmode=disable",
            self.port
        )
    }
}

async fn start() -> Option<Server> {
    let Some(binaries) = binaries() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "PostgreSQL is not installed, and CI requires it: install postgresql"
        );
        // Written directly, since the test runner captures `eprintln!`.
        let _ = std::io::stderr().write_all(
            b"\n*** SKIPPED: all tests on PostgreSQL. Install PostgreSQL to run them: the binaries \
              suffice, no server needs to be running.\n\n",
        );
        return None;
    };
    let certificate = Certificate::for_localhost();
    let port = free_port();
    unprivileged_command()
        .args(["sh", "-c", SCRIPT])
        .env("BIN", &binaries)
        .env("PORT", port.to_string())
        .env("KEY", certificate.key)
        .env("CERTIFICATE", certificate.certificate)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map(|child| {
            // The pipe stays open until this process ends.
            std::mem::forget(child);
        })
        .expect("sh runs");
    let server = Server {
        port,
        authority: certificate.authority,
    };
    for _ in 0..300 {
        if sea_orm::Database::connect(server.url("postgres"))
            .await
            .is_ok()
        {
            return Some(server);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "PostgreSQL from {} did not start in 30 seconds",
        binaries.display()
    );
}

/// Returns the directory that has both `initdb` and `postgres`.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")));
    let has_both =
        |directory: &Path| directory.join("initdb").exists() && directory.join("postgres").exists();
    debian
        .chain(std::env::split_paths(&path))
        .find(|directory| has_both(directory))
}

/// Returns a command that runs its arguments, as another user if this process runs as root:
/// `initdb` and `postgres` refuse to run as root.
pub(crate) fn unprivileged_command() -> Command {
    let output = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    if output("id", &["-u"]) != "0" {
        return Command::new("env");
    }
    let user = if output("id", &["-u", "postgres"]).is_empty() {
        "nobody"
    } else {
        "postgres"
    };
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={user}"),
        format!("--regid={}", output("id", &["-g", user])),
        "--clear-groups".to_owned(),
    ]);
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
