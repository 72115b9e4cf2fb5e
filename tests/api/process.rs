//! Runs the binary as a child process.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

use crate::harness::PASSWORD;

pub(crate) const SECRET: &str = "a secret for the tests, of 32 bytes or more";

/// A running server process.
pub(crate) struct Cubby {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// The address of the metrics, if they are served.
    pub(crate) metrics: Option<String>,
    greeting: tokio::task::JoinHandle<String>,
    log: tokio::task::JoinHandle<String>,
}

fn command(directory: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cubby"));
    command
        .current_dir(directory)
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn run(directory: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = command(directory, settings);
    command
        .args(arguments)
        .output()
        .await
        .expect("the binary runs")
}

/// Runs a command with `input` as its standard input.
pub(crate) async fn run_with(
    directory: &Path,
    settings: &[(&str, &str)],
    arguments: &[&str],
    input: &str,
) -> Output {
    let mut command = command(directory, settings);
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("its input");
    // Fails if the command has closed its input, which it may do.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.expect("the process ends")
}

/// Returns the output of a command that must have succeeded.
pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the error message of a command that must have failed.
pub(crate) fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"", "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts a server that must fail to start, and returns its error message.
pub(crate) async fn refusal(directory: &Path, settings: &[(&str, &str)]) -> String {
    let output = run(directory, settings, &[]).await;
    assert!(!output.status.success(), "it started with {settings:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Cubby {
    pub(crate) async fn start(directory: &Path, settings: &[(&str, &str)]) -> Self {
        let port = [("CUBBY_LISTEN", "127.0.0.1:0")];
        let mut child = command(directory, &[&port, settings].concat())
            .spawn()
            .expect("the binary runs");
        let mut greeting = child.stdout.take().expect("its output");
        let greeting = tokio::spawn(async move {
            let mut text = String::new();
            let _ = greeting.read_to_string(&mut text).await;
            text
        });
        let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
        let (mut said, mut metrics) = (String::new(), None);
        let address = loop {
            let line = log.next_line().await.expect("text");
            let line = line.unwrap_or_else(|| panic!("the server ended: {said}"));
            said += &line;
            if line.contains("serving metrics") {
                metrics = Some(address_in(&line));
            }
            if line.contains("serving") && !line.contains("serving metrics") {
                break address_in(&line);
            }
        };
        // The log is read until the end: a full pipe would block the server.
        let log = tokio::spawn(async move {
            let mut text = said;
            while let Ok(Some(line)) = log.next_line().await {
                text.push_str(&line);
                text.push('\n');
            }
            text
        });
        Self {
            child,
            address,
            metrics,
            greeting,
            log,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn ask(&self, token: Option<&str>, query: &str) -> reqwest::Response {
        let mut request = reqwest::Client::new().post(self.url("/graphql"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request
            .json(&json!({ "query": query }))
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn sign_up(&self, name: &str) -> String {
        let query = format!(
            "mutation {{ signUp(input: {{ email: \"{name}@example.com\", password: \"{PASSWORD}\" }})
               {{ tokens {{ accessToken }} }} }}"
        );
        let body: Value = self.ask(None, &query).await.json().await.expect("JSON");
        let token = body["data"]["signUp"]["tokens"]["accessToken"].as_str();
        token
            .unwrap_or_else(|| panic!("no token in {body}"))
            .to_owned()
    }

    pub(crate) async fn accepts_token(&self, token: &str) -> bool {
        let reply = self.ask(Some(token), "{ viewer { email } }").await;
        match reply.status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}: {:?}", reply.text().await),
        }
    }

    pub(crate) async fn fetch_metrics(&self) -> reqwest::Response {
        let address = self.metrics.as_ref().expect("metrics are served");
        let reply = reqwest::get(format!("http://{address}/metrics")).await;
        reply.expect("an answer")
    }

    pub(crate) async fn terminate(&self) {
        let id = self.child.id().expect("the binary runs").to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(status.expect("kill runs").success());
    }

    pub(crate) async fn stop(self) -> String {
        self.stop_with_log().await.0
    }

    /// Stops the server, and returns its greeting and its log.
    pub(crate) async fn stop_with_log(mut self) -> (String, String) {
        self.terminate().await;
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
        let greeting = self.greeting.await.expect("its output");
        (greeting, self.log.await.expect("its log"))
    }
}

fn address_in(line: &str) -> String {
    let from = line.find("127.0.0.1:").expect("an address");
    let mut parts = line[from..].split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
    parts.next().expect("an address").to_owned()
}

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}
