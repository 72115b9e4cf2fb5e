//! Tests of the binary: settings, files, commands, signals, and several instances.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

use crate::{
    harness::empty_postgresql,
    process::{Cubby, SECRET, directory, refusal, run},
};

#[tokio::test]
async fn default_start_prints_a_working_sign_up_request() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let address = cubby.address.clone();
    let client = reqwest::Client::new();
    let page = client
        .get(cubby.url("/"))
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("graphiql"));
    assert!(here.path().join("data/cubby.sqlite").exists());
    let greeting = cubby.stop().await;
    assert!(
        greeting.contains(&format!("http://{address}/graphql")),
        "{greeting}"
    );

    let cubby = Cubby::start(here.path(), &[]).await;
    let body = greeting
        .split("-d '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    let reply = client
        .post(cubby.url("/graphql"))
        .header("content-type", "application/json")
        .body(body.expect("an operation").to_owned())
        .send()
        .await
        .unwrap();
    let answer: Value = reply.json().await.unwrap();
    assert!(
        answer["data"]["signUp"]["tokens"]["accessToken"].is_string(),
        "{answer}"
    );
    cubby.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn generated_secret_is_private_and_survives_a_restart() {
    use std::os::unix::fs::PermissionsExt;

    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let token = cubby.sign_up("ana").await;
    cubby.stop().await;
    let file = here.path().join("data/secret");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(fs::read_to_string(&file).unwrap().trim().len() >= 32);
    let mode = |name| {
        let metadata = fs::metadata(here.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("data"), 0o700);
    assert_eq!(mode("data/cubby.sqlite"), 0o600);

    let cubby = Cubby::start(here.path(), &[]).await;
    assert!(cubby.accepts_token(&token).await);
    cubby.stop().await;

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let port = [("CUBBY_LISTEN", "127.0.0.1:0")];
    let said = refusal(here.path(), &port).await;
    assert!(said.contains("chmod 600"), "{said}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "short").unwrap();
    let said = refusal(here.path(), &port).await;
    assert!(said.contains("at least 32"), "{said}");
}

#[tokio::test]
async fn invalid_setting_stops_the_start_and_is_named() {
    let here = directory();
    for (settings, says) in [
        (&[("CUBBY_LISTN", "127.0.0.1:0")][..], "CUBBY_LISTN"),
        (&[("CUBBY_LISTEN", "nowhere")], "CUBBY_LISTEN"),
        (&[("CUBBY_MODE", "staging")], "CUBBY_MODE"),
        (&[("CUBBY_SECRET", "short")], "CUBBY_SECRET"),
        (&[("CUBBY_JWT_ALGORITHM", "none")], "CUBBY_JWT_ALGORITHM"),
        (&[("CUBBY_JWT_ALGORITHM", "HS256")], "CUBBY_JWT_SECRET"),
        (&[("CUBBY_CORS_ORIGINS", "*")], "CUBBY_CORS_ORIGINS"),
        (&[("CUBBY_LOG", "cubby=loud")], "CUBBY_LOG"),
        (&[("CUBBY_THROTTLES", "maybe")], "CUBBY_THROTTLES"),
        (
            &[("CUBBY_THROTTLES", "off"), ("CUBBY_MODE", "production")],
            "CUBBY_THROTTLES",
        ),
        (
            &[("CUBBY_PASSWORD_POLICY", "none")],
            "CUBBY_PASSWORD_POLICY",
        ),
        (&[("CUBBY_SIGN_UP", "invitation")], "CUBBY_SIGN_UP"),
        (&[("CUBBY_LISTN", "")], "did you mean CUBBY_LISTEN?"),
        (&[("DATABASE_URL", "mysql://localhost")], "DATABASE_URL"),
        (
            &[(
                "DATABASE_URL",
                "postgres://localhost/cubby?sslmod=verify-full",
            )],
            "did you mean `sslmode`?",
        ),
        (
            &[(
                "CUBBY_DIRECT_DATABASE_URL",
                "postgres://localhost/cubby?sslmode=verifyfull",
            )],
            "`sslmode` must be one of",
        ),
        (
            &[
                ("DATABASE_URL", "postgres://localhost/cubby"),
                ("PGSSLMODE", "verifyfull"),
            ],
            "PGSSLMODE must be one of",
        ),
        (
            &[("DATABASE_URL", "sqlite:a?immutable=1")],
            "remove `immutable`",
        ),
        (&[("CUBBY_LISTEN", "0.0.0.0:0")], "CUBBY_MODE=production"),
        (
            &[("DATABASE_URL", "postgres://localhost/cubby")],
            "CUBBY_MODE=production",
        ),
        (
            &[
                ("DATABASE_URL", "postgres://localhost/cubby"),
                ("CUBBY_MODE", "production"),
            ],
            "CUBBY_SECRET",
        ),
    ] {
        let said = refusal(here.path(), settings).await;
        assert!(said.contains(says), "{settings:?} says: {said}");
    }
}

#[tokio::test]
async fn rejected_secret_is_not_printed() {
    let here = directory();
    for (setting, value) in [
        ("CUBBY_SECRET", "hunter2"),
        ("CUBBY_SECRET_2", "hunter2"),
        ("CUBBY_SECRET_3", "hunter2"),
        ("CUBBY_JWT_SECRET", "hunter2"),
        ("DATABASE_URL", "mysql://u:hunter2@localhost/cubby"),
        ("CUBBY_DIRECT_DATABASE_URL", "mysql://u:hunter2@localhost/x"),
        ("DATABASE_URL", "postgres://u:hunter2@[bad/x"),
        ("DATABASE_URL", "postgres://u:hunter2@h/x?passwrd=hunter2"),
        ("DATABASE_URL", "postgres://u:hunter2#@h/x"),
    ] {
        let mode = ("CUBBY_MODE", "development");
        let secret = ("CUBBY_SECRET", "0123456789abcdef0123456789abcdef");
        let said = refusal(here.path(), &[mode, secret, (setting, value)]).await;
        assert!(said.contains(setting), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn environment_overrides_the_env_file() {
    let here = directory();
    fs::write(
        here.path().join(".env"),
        "CUBBY_DATA_DIR=kept\nCUBBY_LISTEN=nowhere\n",
    )
    .unwrap();
    Cubby::start(here.path(), &[]).await.stop().await;
    assert!(here.path().join("kept/cubby.sqlite").exists());
    fs::write(here.path().join(".env"), "CUBBY_NO_SUCH=1\n").unwrap();
    assert!(refusal(here.path(), &[]).await.contains("CUBBY_NO_SUCH"));
}

#[tokio::test]
async fn env_file_values_are_literal() {
    let here = directory();
    let starts = async |text: &str| {
        fs::write(here.path().join(".env"), text).unwrap();
        Cubby::start(here.path(), &[]).await.stop().await;
    };
    let issuers = r#"CUBBY_TRUSTED_ISSUERS=[{"issuer":"https://app.example.com","audience":"https://app.example.com","jwks":"https://app.example.com/api/auth/jwks"}]"#;
    starts(issuers).await;
    starts("export CUBBY_DATA_DIR=pa$HOME${NO}\r\nCUBBY_SECRET=\r\n").await;
    assert!(here.path().join("pa$HOME${NO}/cubby.sqlite").exists());

    for (text, says) in [
        ("CUBBY_SECRET='hunter2", "line 1 of .env: the closing quote"),
        ("\nhunter2", "line 2 of .env: write NAME=value"),
        (
            "CUBBY_SECRET=hunter2\nCUBBY_SECRET=hunter2",
            "line 2 of .env: CUBBY_SECRET is set twice",
        ),
    ] {
        fs::write(here.path().join(".env"), text).unwrap();
        let said = refusal(here.path(), &[]).await;
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
    let help = run(here.path(), &[], &["help", "settings"]).await;
    assert!(help.status.success(), "{help:?}");
}

#[tokio::test]
async fn empty_variable_counts_as_unset() {
    let here = directory();
    let settings = [
        ("DATABASE_URL", ""),
        ("CUBBY_DATA_DIR", ""),
        ("CUBBY_SECRET", ""),
        ("CUBBY_MODE", ""),
        ("CUBBY_CORS_ORIGINS", ""),
        ("CUBBY_MAX_COST", ""),
    ];
    Cubby::start(here.path(), &settings).await.stop().await;
    assert!(here.path().join("data/cubby.sqlite").exists());
}

#[tokio::test]
async fn every_line_of_env_example_works_uncommented() {
    let here = directory();
    let example = fs::read_to_string(".env.example").unwrap();
    let is_setting = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase());
    let lines: Vec<_> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(is_setting)
        .collect();
    assert!(lines.len() > 30, "{lines:?}");
    for line in &lines {
        fs::write(here.path().join(".env"), line).unwrap();
        let output = run(here.path(), &[], &["doctor"]).await;
        assert!(output.status.success(), "{line}: {output:?}");
    }
    fs::write(here.path().join(".env"), lines.join("\n")).unwrap();
    let ports = [("CUBBY_METRICS_LISTEN", "127.0.0.1:0")];
    Cubby::start(here.path(), &ports).await.stop().await;
}

/// Returns the help that a command prints in a terminal of 80 columns.
async fn help(arguments: &[&str]) -> String {
    let columns = [("COLUMNS", "80")];
    let output = run(directory().path(), &columns, arguments).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{text}");
    text
}

#[tokio::test]
async fn command_help_fits_a_screen_and_shows_arguments() {
    let short = help(&["-h"]).await;
    assert!(short.lines().count() <= 24, "{short}");
    assert!(short.contains("cubby help settings"), "{short}");
    let cases: [(&[&str], &[&str]); 8] = [
        (&["user", "-h"], &["--json", "set-password"]),
        (
            &["user", "create", "-h"],
            &["ADDRESS", "--time-zone", "--json"],
        ),
        (&["user", "show", "--help"], &["USER", "--user"]),
        (&["help", "user", "delete"], &["USER", "--yes"]),
        (&["export", "-h"], &["--user <USER>", "--format", "FILE"]),
        (&["import", "-h"], &["--user <USER>", "--dry-run", "FILE"]),
        (&["keys", "rotate", "-h"], &["--after", "--now"]),
        (&["seed", "-h"], &["--users", "--tasks", "--domain"]),
    ];
    for (arguments, own) in cases {
        let help = help(arguments).await;
        assert!(help.lines().count() <= 24, "{help}");
        for argument in own {
            assert!(help.contains(argument), "{argument}: {help}");
        }
        assert!(
            !help.contains("CUBBY_") && !help.contains("--database-url"),
            "{help}"
        );
    }
}

#[tokio::test]
async fn help_ignores_invalid_settings() {
    let here = directory();
    fs::write(here.path().join(".env"), "what is this").unwrap();
    let settings = [("CUBBY_LISTN", "1"), ("CUBBY_LISTEN", "nowhere")];
    for arguments in [&["-h"] as &[&str], &["help", "settings"], &["--version"]] {
        let output = run(here.path(), &settings, arguments).await;
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{output:?}"
        );
    }
    let wrong = run(here.path(), &[], &["user"]).await;
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    fs::remove_file(here.path().join(".env")).unwrap();
    for (arguments, code) in [
        (&["user"] as &[&str], 2),
        (&["user", "show"], 2),
        (&["user", "show", "--user", "a", "b"], 2),
        (&["frobnicate"], 2),
        (&["--lisen", "1"], 2),
        (&["user", "list"], 1),
    ] {
        let output = run(here.path(), &[], arguments).await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
    }
}

#[tokio::test]
async fn help_documents_every_setting() {
    let here = directory();
    let output = run(here.path(), &[], &["--help"]).await;
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let settings = run(here.path(), &[], &["help", "settings"]).await;
    let settings = String::from_utf8_lossy(&settings.stdout).into_owned();
    let variables = |text: &str| text.matches("[env: ").count();
    assert_eq!(variables(&help), variables(&settings));
    assert_eq!(
        run(here.path(), &[], &["settings"]).await.stdout,
        settings.as_bytes()
    );
    for name in [
        "DATABASE_URL",
        "CUBBY_DIRECT_DATABASE_URL",
        "CUBBY_LISTEN",
        "CUBBY_METRICS_LISTEN",
        "CUBBY_DATA_DIR",
        "CUBBY_MODE",
        "CUBBY_SECRET",
        "CUBBY_SECRET_2",
        "CUBBY_SECRET_3",
        "CUBBY_JWT_ALGORITHM",
        "CUBBY_JWT_SECRET",
        "CUBBY_CORS_ORIGINS",
        "CUBBY_LOG",
        "CUBBY_THROTTLES",
        "CUBBY_PASSWORD_POLICY",
        "CUBBY_SIGN_UP",
        "CUBBY_GRAPHIQL",
        "CUBBY_INTROSPECTION",
    ] {
        assert!(help.contains(name), "{name} is not in --help");
    }
    let example = fs::read_to_string(".env.example").unwrap();
    for name in help.split("[env: ").skip(1) {
        let name = name.split(['=', ']']).next().unwrap();
        assert!(example.contains(name), "{name} is not in .env.example");
    }
}

#[tokio::test]
async fn metrics_are_served_on_their_own_port_if_set() {
    let here = directory();
    let settings = [("CUBBY_METRICS_LISTEN", "127.0.0.1:0")];
    let cubby = Cubby::start(here.path(), &settings).await;
    let token = cubby.sign_up("ana").await;
    assert!(cubby.accepts_token(&token).await);
    assert_eq!(
        reqwest::get(cubby.url("/metrics")).await.unwrap().status(),
        404
    );
    let reply = cubby.fetch_metrics().await;
    assert_eq!(
        reply.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let measured = reply.text().await.unwrap();
    for line in [
        "# TYPE cubby_revocation_seconds histogram",
        "# UNIT cubby_revocation_seconds seconds",
        "cubby_session_lookups_total{source=\"database\"} 1",
        "cubby_http_request_duration_seconds_count{status=\"200\"} 2",
        "cubby_http_request_duration_seconds_count{status=\"404\"} 1",
        "# EOF",
    ] {
        assert!(measured.lines().any(|it| it == line), "{line}: {measured}");
    }
    let address = cubby.metrics.clone().unwrap();
    let elsewhere = reqwest::get(format!("http://{address}/graphql")).await;
    assert_eq!(elsewhere.unwrap().status(), 404);
    cubby.stop().await;

    let quiet = Cubby::start(here.path(), &[]).await;
    assert_eq!(quiet.metrics, None);
    quiet.stop().await;
}

#[tokio::test]
async fn schema_command_prints_the_schema() {
    let here = directory();
    let output = run(here.path(), &[], &["schema"]).await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), cubby::sdl());
}

async fn migrations_run_up_and_down(settings: &[(&str, &str)]) {
    let here = directory();
    let migrate = async |arguments: &[&str]| {
        let output = run(here.path(), settings, &[&["migrate"], arguments].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let names = [
        "m20261129_000001_first",
        "m20261129_000002_credentials",
        "m20261129_000003_jobs",
    ];
    let when = |count: usize| {
        let lines = names.iter().enumerate().map(|(at, name)| {
            let state = if at < count { "up  " } else { "down" };
            format!("{state} {name}")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let all = names.len();
    assert_eq!(migrate(&["status"]).await, when(0));
    assert_eq!(migrate(&["up"]).await, when(all));
    assert_eq!(migrate(&["up"]).await, when(all));
    for left in (0..all).rev() {
        assert_eq!(migrate(&["down"]).await, when(left));
    }
    assert_eq!(migrate(&["down"]).await, when(0));
    assert_eq!(migrate(&["up"]).await, when(all));
    assert_eq!(migrate(&["down", "--steps", "1"]).await, when(all - 1));
    assert_eq!(migrate(&["up"]).await, when(all));
    assert_eq!(migrate(&["status"]).await, when(all));
}

#[tokio::test]
async fn migrations_run_up_and_down_on_sqlite() {
    migrations_run_up_and_down(&[]).await;
}

#[tokio::test]
async fn migrations_run_up_and_down_on_postgresql() {
    let Some(url) = empty_postgresql("migrated").await else {
        return;
    };
    migrations_run_up_and_down(&[("DATABASE_URL", &url)]).await;
}

#[tokio::test]
async fn seed_command_prints_how_to_sign_in() {
    let here = directory();
    let said = run(here.path(), &[], &["seed", "--users", "2", "--tasks", "3"]).await;
    assert!(said.status.success(), "{said:?}");
    let said = String::from_utf8(said.stdout).unwrap();
    let (_, address) = said.split_once("Sign in as ").unwrap();
    let (email, password) = address.trim().split_once(" with the password ").unwrap();

    let cubby = Cubby::start(here.path(), &[]).await;
    let query = format!(
        "mutation {{ signIn(input: {{ email: \"{email}\", password: \"{password}\" }}) {{
           user {{ tasks {{ totalCount }} }} userErrors {{ code }} }} }}"
    );
    let answer: Value = cubby.ask(None, &query).await.json().await.unwrap();
    let user = &answer["data"]["signIn"]["user"];
    assert_eq!(user["tasks"]["totalCount"], 3, "{answer}");
    cubby.stop().await;

    let wrong = [
        (vec!["seed", "--users", "many"], "invalid value 'many'"),
        (vec!["seed", "--users", "0"], "from 1 to 1,000,000"),
        (vec!["seed", "--tasks", "1000001"], "from 0 to 1,000,000"),
        (
            vec!["seed", "--password", "12345678"],
            "nothing was stored: Choose a password",
        ),
        (
            vec!["seed", "--domain", "two words"],
            "nothing was stored: Enter an email address",
        ),
    ];
    for (arguments, expected) in wrong {
        let refused = run(here.path(), &[], &arguments).await;
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
}

async fn two_instances_share_a_database(settings: &[(&str, &str)]) {
    let here = directory();
    let (one, two) = tokio::join!(
        Cubby::start(here.path(), settings),
        Cubby::start(here.path(), settings)
    );
    let token = one.sign_up("ana").await;
    assert!(two.accepts_token(&token).await);
    two.ask(Some(&token), "mutation { signOut { endedSessions } }")
        .await;
    assert!(!one.accepts_token(&token).await);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn two_instances_share_a_new_sqlite_database() {
    two_instances_share_a_database(&[]).await;
}

#[tokio::test]
async fn two_instances_share_a_new_postgresql_database() {
    let Some(url) = empty_postgresql("shared").await else {
        return;
    };
    two_instances_share_a_database(&[
        ("DATABASE_URL", &url),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ])
    .await;
}

async fn keys_rotate_under_load(settings: &[(&str, &str)]) {
    let here = directory();
    let cubby = Arc::new(Cubby::start(here.path(), settings).await);
    let token = cubby.sign_up("ana").await;
    let (count, is_over) = watch::channel(0_u32);
    let count = Arc::new(count);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (cubby, token, count) = (Arc::clone(&cubby), token.clone(), Arc::clone(&count));
        workers.spawn(async move {
            while *count.borrow() < u32::MAX {
                assert!(cubby.accepts_token(&token).await);
                count.send_modify(|count| *count = count.saturating_add(1));
            }
        });
    }
    let mut counted = is_over.clone();
    let mut more = async || {
        let enough = *counted.borrow() + 20;
        let counted = counted.wait_for(|count| *count >= enough);
        let in_time = tokio::time::timeout(Duration::from_secs(60), counted).await;
        in_time.expect("requests are answered").unwrap();
    };
    let keys = async |arguments: &[&str]| {
        let output = run(here.path(), settings, &[&["keys"], arguments].concat()).await;
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        (output.status.success(), said.concat())
    };
    let published = async || {
        let reply = reqwest::get(cubby.url("/.well-known/jwks.json")).await;
        let body: Value = reply.unwrap().json().await.unwrap();
        body["keys"].as_array().unwrap().len()
    };

    more().await;
    let (is_done, before) = keys(&["list"]).await;
    assert!(is_done && before.contains("  current  "), "{before}");
    assert_eq!(before.lines().count(), 2, "{before}");
    let (is_done, after) = keys(&["rotate"]).await;
    assert!(is_done, "{after}");
    for state in ["  current  ", "  next  "] {
        assert!(after.contains(state), "{after}");
    }
    assert_eq!(after.lines().count(), 3, "{after}");
    more().await;
    let (is_done, said) = keys(&["rotate", "--after", "24h"]).await;
    assert!(
        !is_done && said.contains("rotation is already in progress"),
        "{said}"
    );
    let (is_done, said) = keys(&["rotate", "--after", "1m"]).await;
    assert!(!is_done && said.contains("5 minutes to 30 days"), "{said}");
    // The running server loads the new key, and still accepts tokens signed by the previous one.
    while published().await != 2 {
        more().await;
    }
    assert!(cubby.accepts_token(&cubby.sign_up("ben").await).await);
    count.send_replace(u32::MAX);
    workers.join_all().await;

    let (is_done, said) = keys(&["rotate", "--now"]).await;
    assert!(is_done && said.lines().count() == 2, "{said}");
    let other = Cubby::start(here.path(), settings).await;
    assert!(!other.accepts_token(&token).await);
    other.stop().await;
    Arc::into_inner(cubby).unwrap().stop().await;
}

#[tokio::test]
async fn keys_rotate_on_sqlite_under_load() {
    keys_rotate_under_load(&[]).await;
}

#[tokio::test]
async fn keys_rotate_on_postgresql_under_load() {
    let Some(url) = empty_postgresql("rotated").await else {
        return;
    };
    keys_rotate_under_load(&[
        ("DATABASE_URL", &url),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ])
    .await;
}

#[tokio::test]
async fn keys_command_reports_missing_database_and_hs256() {
    let here = directory();
    let keys = async |settings: &[(&str, &str)]| {
        let output = run(here.path(), settings, &["keys", "list"]).await;
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = keys(&[]).await;
    assert!(
        said.contains("does not exist: set CUBBY_DATA_DIR"),
        "{said}"
    );
    let said = keys(&[("CUBBY_JWT_SECRET", SECRET)]).await;
    assert!(said.contains("HS256"), "{said}");
}

#[tokio::test]
async fn shutdown_finishes_requests_in_flight() {
    let here = directory();
    let mut cubby = Cubby::start(here.path(), &[]).await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    let mut stream = TcpStream::connect(&cubby.address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: cubby\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server is waiting for the body: the request is in flight.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert!(
        interim.starts_with(b"HTTP/1.1 100"),
        "{}",
        String::from_utf8_lossy(&interim)
    );
    cubby.terminate().await;
    while TcpStream::connect(&cubby.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("200 OK") && answer.contains("\"Query\""),
        "{answer}"
    );
    assert!(cubby.child.wait().await.unwrap().success());
}

async fn shutdown_writes_pending_activity(settings: &[(&str, &str)]) {
    let here = directory();
    let cubby = Cubby::start(here.path(), settings).await;
    let ana = cubby.sign_up("ana").await;
    let create =
        "mutation { createAccessToken(input: { name: \"CI\", scopes: [READ] }) { token } }";
    let made: Value = cubby.ask(Some(&ana), create).await.json().await.unwrap();
    let script = made["data"]["createAccessToken"]["token"].as_str().unwrap();
    assert!(cubby.accepts_token(script).await);
    cubby.stop().await;

    let cubby = Cubby::start(here.path(), settings).await;
    let list = "{ viewer { accessTokens { nodes { lastUsedAt } } } }";
    let body: Value = cubby.ask(Some(&ana), list).await.json().await.unwrap();
    let token = &body["data"]["viewer"]["accessTokens"]["nodes"][0];
    assert!(token["lastUsedAt"].is_string(), "{body}");
    cubby.stop().await;
}

#[tokio::test]
async fn shutdown_writes_pending_activity_on_sqlite() {
    shutdown_writes_pending_activity(&[]).await;
}

#[tokio::test]
async fn shutdown_writes_pending_activity_on_postgresql() {
    let Some(url) = empty_postgresql("last_uses").await else {
        return;
    };
    shutdown_writes_pending_activity(&[
        ("DATABASE_URL", &url),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ])
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unwritable_log_does_not_stop_requests() {
    let here = directory();
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let mut cubby = tokio::process::Command::new(env!("CARGO_BIN_EXE_cubby"))
        .current_dir(here.path())
        .env_clear()
        .env("CUBBY_LISTEN", "127.0.0.1:0")
        .stdout(std::process::Stdio::piped())
        .stderr(full.unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let greeting = tokio::io::BufReader::new(cubby.stdout.take().unwrap());
    let mut lines = tokio::io::AsyncBufReadExt::lines(greeting);
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it starts");
        if let Some((_, rest)) = line.split_once("Cubby is at ") {
            break rest.split_once(' ').unwrap().0.to_owned();
        }
    };
    let reply = reqwest::get(format!("{address}/health/ready")).await;
    assert_eq!(reply.unwrap().status(), 200);
}

/// The number of times that the process is killed.
const KILLS: usize = 5;

/// The number of users who create tasks at once.
const CREATORS: usize = 4;

/// Creates tasks until the server is gone, and returns the ids that were acknowledged. Counts them.
async fn create_tasks(cubby: &Cubby, token: &str, count: &AtomicUsize) -> Vec<String> {
    let client = reqwest::Client::new();
    let query = "mutation { createTask(input: { title: \"Water the plants\" }) { task { id } } }";
    let mut acknowledged = Vec::new();
    loop {
        let request = client.post(cubby.url("/graphql")).bearer_auth(token);
        let Ok(answer) = request.json(&json!({ "query": query })).send().await else {
            return acknowledged;
        };
        let Ok(answer) = answer.json::<Value>().await else {
            return acknowledged;
        };
        let id = answer["data"]["createTask"]["task"]["id"].as_str();
        acknowledged.push(id.unwrap_or_else(|| panic!("{answer}")).to_owned());
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn stored_tasks(cubby: &Cubby, token: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = format!(
            "{{ viewer {{ tasks(first: 100, after: {after}) {{ totalCount nodes {{ id }}
               pageInfo {{ hasNextPage endCursor }} }} }} }}"
        );
        let answer: Value = cubby.ask(Some(token), &query).await.json().await.unwrap();
        let tasks = &answer["data"]["viewer"]["tasks"];
        let page = tasks["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"));
        ids.extend(
            page.iter()
                .map(|task| task["id"].as_str().unwrap().to_owned()),
        );
        if tasks["pageInfo"]["hasNextPage"] == json!(false) {
            assert_eq!(tasks["totalCount"], json!(ids.len()));
            return ids;
        }
        after = tasks["pageInfo"]["endCursor"].clone();
    }
}

async fn acknowledged_tasks_survive_a_killed_process(settings: &[(&str, &str)]) {
    let here = directory();
    let mut cubby = Cubby::start(here.path(), settings).await;
    let mut tokens = Vec::new();
    for number in 0..CREATORS {
        tokens.push(cubby.sign_up(&format!("creator{number}")).await);
    }
    let mut acknowledged = vec![Vec::new(); CREATORS];
    for _ in 0..KILLS {
        let (count, enough) = (AtomicUsize::new(0), fastrand::usize(20..80));
        let id = cubby.child.id().expect("the binary runs").to_string();
        let killing = async {
            while count.load(Ordering::Relaxed) < enough {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let mut kill = tokio::process::Command::new("kill");
            assert!(kill.args(["-KILL", &id]).status().await.unwrap().success());
        };
        let creating = join_all(
            tokens
                .iter()
                .map(|token| create_tasks(&cubby, token, &count)),
        );
        let ((), created) = tokio::join!(killing, creating);
        for (all, more) in acknowledged.iter_mut().zip(created) {
            all.extend(more);
        }
        cubby.child.wait().await.unwrap();
        cubby = Cubby::start(here.path(), settings).await;
        for (acknowledged, token) in acknowledged.iter_mut().zip(&tokens) {
            let stored = stored_tasks(&cubby, token).await;
            let lost: Vec<_> = acknowledged
                .iter()
                .filter(|id| !stored.contains(id))
                .collect();
            assert!(lost.is_empty(), "{lost:?}");
            // The response to one task may have been lost.
            assert!(stored.len() <= acknowledged.len() + 1);
            *acknowledged = stored;
        }
    }
    cubby.stop().await;
}

#[tokio::test]
async fn acknowledged_tasks_survive_a_killed_process_on_sqlite() {
    acknowledged_tasks_survive_a_killed_process(&[]).await;
}

#[tokio::test]
async fn acknowledged_tasks_survive_a_killed_process_on_postgresql() {
    let Some(url) = empty_postgresql("kills").await else {
        return;
    };
    let settings = [
        ("CUBBY_SECRET", SECRET),
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_MODE", "development"),
    ];
    acknowledged_tasks_survive_a_killed_process(&settings).await;
}
