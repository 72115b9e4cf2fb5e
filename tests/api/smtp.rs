//! A real mail server for tests: aiosmtpd, run by `smtp_server.py`.

use std::{path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A running mail server, stopped when it is dropped.
pub(crate) struct SmtpServer {
    port: u16,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl SmtpServer {
    /// Starts a server without encryption, or returns `None` if aiosmtpd is not installed.
    ///
    /// # Panics
    /// If `CI` is set and aiosmtpd is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts a server with TLS, `smtps` or `starttls`, that requires the user `cubby` with the password
    /// `secret`. Its certificate and key are in the file.
    pub(crate) async fn start_tls(kind: &str, certificate: &Path) -> Option<Self> {
        let certificate = certificate.to_str().expect("the path is UTF-8");
        Self::start_with(&[kind, certificate]).await
    }

    async fn start_with(arguments: &[&str]) -> Option<Self> {
        // A Python beside Debian's does not see Debian's packages.
        for python in ["python3", "/usr/bin/python3"] {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/smtp_server.py");
            let child = Command::new(python)
                .arg(script)
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn();
            let Ok(mut child) = child else {
                continue;
            };
            let output = child.stdout.take().expect("a pipe");
            let mut output = BufReader::new(output).lines();
            let Some(port) = output.next_line().await.expect("its output") else {
                continue;
            };
            return Some(Self {
                port: port.parse().expect("a port"),
                output,
                _child: child,
            });
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "aiosmtpd is not installed, and CI requires it: install python3-aiosmtpd"
        );
        None
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Waits for the next mail that the server accepts.
    pub(crate) async fn next(&mut self) -> Value {
        let line = self.output.next_line().await.expect("its output");
        serde_json::from_str(&line.expect("the server runs")).expect("JSON")
    }
}
