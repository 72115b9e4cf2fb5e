//! The binary as a process of its own.

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

/// A process that serves, in a directory of its own unless it is given one.
pub(crate) struct Cubby {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// Where the metrics are, if they are anywhere.
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
    command.args(arguments).output().await.expect("it runs")
}

/// The same with this on standard input.
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
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("its input");
    // Whoever does not want it has closed it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.expect("it ends")
}

/// What a command said, when it did what it was told.
pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why a command did not do it.
pub(crate) fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"", "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it says when it does not start.
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
            .expect("it runs");
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
            let line = line.unwrap_or_else(|| panic!("it ended: {said}"));
            said += &line;
            if line.contains("metrics are at") {
                metrics = Some(address_in(&line));
            }
            if line.contains("serving") {
                break address_in(&line);
            }
        };
        // Somebody has to read the log, or it fills its pipe and stops the server.
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

    pub(crate) async fn knows(&self, token: &str) -> bool {
        let reply = self.ask(Some(token), "{ viewer { email } }").await;
        match reply.status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}: {:?}", reply.text().await),
        }
    }

    pub(crate) async fn measures(&self) -> reqwest::Response {
        let address = self.metrics.as_ref().expect("metrics are served");
        let reply = reqwest::get(format!("http://{address}/metrics")).await;
        reply.expect("an answer")
    }

    pub(crate) async fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(status.expect("kill runs").success());
    }

    pub(crate) async fn stop(self) -> String {
        self.stop_with_log().await.0
    }

    /// Stops, and gives the greeting and the log.
    pub(crate) async fn stop_with_log(mut self) -> (String, String) {
        self.terminate().await;
        let status = self.child.wait().await.expect("it ends");
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
