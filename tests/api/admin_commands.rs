//! Tests of the operator's commands, run while a server is running.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{empty_postgresql, empty_postgresql_with_encoding},
    process::{Cubby, SECRET, directory, refused, run, run_with, said},
};

async fn answer(cubby: &Cubby, token: Option<&str>, query: &str) -> Value {
    cubby.ask(token, query).await.json().await.expect("JSON")
}

pub(crate) async fn sign_in(cubby: &Cubby, email: &str, password: &str) -> Result<String, String> {
    let query = format!(
        "mutation {{ signIn(input: {{ email: \"{email}\", password: \"{password}\" }}) {{
           tokens {{ accessToken }} userErrors {{ code }} }} }}"
    );
    let payload = answer(cubby, None, &query).await["data"]["signIn"].clone();
    match payload["tokens"]["accessToken"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => Err(payload["userErrors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()),
    }
}

async fn access_token(cubby: &Cubby, token: &str) -> String {
    let query = "mutation { createAccessToken(input: { name: \"CI\" }) { token } }";
    let payload = answer(cubby, Some(token), query).await;
    payload["data"]["createAccessToken"]["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Waits until the server rejects the token, for at most two seconds.
async fn is_refused(cubby: &Cubby, token: &str) -> bool {
    for _ in 0..40 {
        if !cubby.accepts_token(token).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn user_commands_manage_accounts(settings: &[(&str, &str)]) {
    let here = directory();
    let user = async |arguments: &[&str], input: &str| {
        let arguments = [&["user"], arguments].concat();
        run_with(here.path(), settings, &arguments, input).await
    };
    let json = |output: &Output| -> Vec<Value> {
        let lines = said(output);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let cubby = Cubby::start(here.path(), settings).await;
    let (email, first, second) = ("ana@example.com", "correct horse", "another good one");

    let create = [
        "--json",
        "create",
        email,
        "--name",
        "Ana",
        "--time-zone",
        "Europe/Vienna",
    ];
    let created = json(&user(&create, &format!("{first}\n")).await);
    let id = created[0]["id"].as_str().unwrap();
    assert_eq!(
        (
            &created[0]["email"],
            &created[0]["name"],
            &created[0]["timeZone"]
        ),
        (&json!(email), &json!("Ana"), &json!("Europe/Vienna"))
    );
    assert_eq!(created[0]["sessions"], 0);
    for (arguments, input, says) in [
        (
            &["create", "Ana@Example.com"] as &[&str],
            first,
            "already exists",
        ),
        (&["create", "ben@example.com"], "short", "at least 8"),
        (&["create", "no address"], first, "address"),
        (
            &["create", "ben@example.com", "--time-zone", "Mars"],
            first,
            "Europe/Vienna",
        ),
        (&["show", "nobody@example.com"], "", "no user has"),
        (
            &["set-password", "nobody@example.com"],
            first,
            "no user has",
        ),
        (&["set-password", email], "password1", "most used"),
        (&["delete", email], "yes\n", "--yes"),
    ] {
        let why = refused(&user(arguments, input).await);
        assert!(why.contains(says), "{arguments:?}: {why}");
    }

    let token = sign_in(&cubby, "ANA@example.com", first).await.unwrap();
    let script = access_token(&cubby, &token).await;
    let ben = cubby.sign_up("ben").await;
    let everybody = json(&user(&["list", "--json"], "").await);
    let emails: Vec<_> = everybody.iter().map(|person| &person["email"]).collect();
    assert_eq!(emails, [&json!(email), &json!("ben@example.com")]);
    assert_eq!(
        (&everybody[0]["sessions"], &everybody[0]["accessTokens"]),
        (&json!(1), &json!(1))
    );
    let table = said(&user(&["list"], "").await);
    assert!(table.lines().nth(1).unwrap().starts_with(id), "{table}");

    // A new password ends the sessions, but not the personal access tokens.
    assert!(cubby.accepts_token(&token).await && cubby.accepts_token(&script).await);
    said(&user(&["set-password", email], &format!("\u{feff}{second}\r\n")).await);
    assert!(is_refused(&cubby, &token).await);
    assert!(cubby.accepts_token(&script).await);
    assert_eq!(
        sign_in(&cubby, email, first).await,
        Err("INVALID_CREDENTIALS".to_owned())
    );
    let token = sign_in(&cubby, email, second).await.unwrap();

    let signed_out = json(&user(&["sign-out", "--user", id, "--json"], "").await);
    assert_eq!(signed_out[0]["sessions"], 0);
    assert!(is_refused(&cubby, &token).await);
    assert!(cubby.accepts_token(&script).await);

    // All credentials of a disabled user are rejected until the user is enabled again.
    let token = sign_in(&cubby, email, second).await.unwrap();
    for _ in 0..2 {
        let disabled = json(&user(&["disable", email, "--json"], "").await);
        assert!(disabled[0]["disabledAt"].is_string());
    }
    assert!(is_refused(&cubby, &token).await);
    assert!(is_refused(&cubby, &script).await);
    assert_eq!(
        sign_in(&cubby, email, second).await,
        Err("INVALID_CREDENTIALS".to_owned())
    );
    let table = said(&user(&["list"], "").await);
    assert!(
        table.lines().nth(1).unwrap().contains("disabled"),
        "{table}"
    );
    let enabled = json(&user(&["enable", email, "--json"], "").await);
    assert_eq!(
        (
            &enabled[0]["disabledAt"],
            &enabled[0]["sessions"],
            &enabled[0]["accessTokens"]
        ),
        (&Value::Null, &json!(0), &json!(0))
    );
    assert!(!cubby.accepts_token(&token).await && !cubby.accepts_token(&script).await);
    let token = sign_in(&cubby, email, second).await.unwrap();

    // Each command is recorded in the user's security events, newest first.
    let events = answer(
        &cubby,
        Some(&token),
        "{ viewer { securityEvents { nodes { kind } } } }",
    )
    .await;
    let events = events["data"]["viewer"]["securityEvents"]["nodes"].clone();
    let kinds: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    let kinds: Vec<_> = kinds
        .into_iter()
        .filter(|kind| *kind != "SIGN_IN_FAILED")
        .collect();
    assert_eq!(
        kinds,
        [
            "SIGNED_IN",
            "ACCOUNT_ENABLED",
            "ACCOUNT_DISABLED",
            "SIGNED_IN",
            "SESSION_REVOKED",
            "SIGNED_IN",
            "PASSWORD_CHANGED",
            "ACCESS_TOKEN_CREATED",
            "SIGNED_IN",
            "SIGNED_UP"
        ]
    );

    let gone = said(&user(&["delete", email, "--yes"], "").await);
    assert!(gone.contains(id), "{gone}");
    assert!(is_refused(&cubby, &token).await);
    assert!(refused(&user(&["show", id], "").await).contains("no user has"));
    assert!(cubby.accepts_token(&ben).await);
    cubby.stop().await;
}

#[tokio::test]
async fn user_commands_manage_accounts_on_sqlite() {
    user_commands_manage_accounts(&[]).await;
}

#[tokio::test]
async fn user_commands_manage_accounts_on_postgresql() {
    let Some(url) = empty_postgresql("looked_after").await else {
        return;
    };
    user_commands_manage_accounts(&[
        ("DATABASE_URL", &url),
        ("CUBBY_MODE", "development"),
        ("CUBBY_SECRET", SECRET),
    ])
    .await;
}

#[tokio::test]
async fn command_without_database_creates_nothing_and_names_path() {
    let here = directory();
    for arguments in [
        &["user", "list"] as &[&str],
        &["keys", "list"],
        &["backup", "copy.sqlite"],
    ] {
        let why = refused(&run(here.path(), &[], arguments).await);
        assert!(
            why.contains("data/cubby.sqlite") && why.contains("CUBBY_DATA_DIR"),
            "{why}"
        );
    }
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);

    said(&run(here.path(), &[], &["migrate", "up"]).await);
    said(&run(here.path(), &[], &["migrate", "down"]).await);
    let why = refused(&run(here.path(), &[], &["user", "list"]).await);
    assert!(
        why.contains("1 migration has not run") && why.contains("cubby migrate up"),
        "{why}"
    );
}

/// Runs `cubby doctor`, and returns whether it succeeds, and its output.
async fn doctor(here: &Path, settings: &[(&str, &str)]) -> (bool, String) {
    let output = run(here, settings, &["doctor"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

fn assert_says(text: &str, state: &str, what: &str, says: &str) {
    let line = text.lines().find(|line| line[7..].starts_with(what));
    let line = line.unwrap_or_else(|| panic!("no line about {what}: {text}"));
    assert!(line.starts_with(state) && line.contains(says), "{line}");
}

#[tokio::test]
async fn doctor_reports_problems_and_fixes_and_changes_nothing() {
    let here = directory();
    let (is_well, text) = doctor(here.path(), &[]).await;
    assert!(is_well, "{text}");
    assert_says(&text, "warn", "database", "does not exist");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);

    Cubby::start(here.path(), &[]).await.stop().await;
    let (is_well, text) = doctor(here.path(), &[]).await;
    assert!(is_well, "{text}");
    for what in [
        "configuration",
        "data directory",
        "clock",
        "mail",
        "database",
        "migrations",
        "signing keys",
    ] {
        assert_says(&text, "ok", what, "");
    }
    let unreachable = [("CUBBY_SMTP_URL", "smtp://127.0.0.1:1")];
    let (is_well, text) = doctor(here.path(), &unreachable).await;
    assert!(is_well, "{text}");
    assert_says(&text, "warn", "mail", "CUBBY_SMTP_URL");
    let (is_well, text) = doctor(here.path(), &[("CUBBY_MAIL_TEMPLATES", "missing")]).await;
    assert!(!is_well, "{text}");
    assert_says(&text, "fail", "mail", "CUBBY_MAIL_TEMPLATES");

    let (is_well, text) = doctor(here.path(), &[("CUBBY_SECRET", SECRET)]).await;
    assert!(!is_well, "{text}");
    assert_says(&text, "fail", "signing keys", "CUBBY_SECRET_2");
    let (is_well, text) = doctor(here.path(), &[("CUBBY_LISTEN", "0.0.0.0:8000")]).await;
    assert!(!is_well, "{text}");
    assert_says(&text, "fail", "configuration", "CUBBY_MODE");

    let shared = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(here.path().join("data"), shared).unwrap();
    said(&run(here.path(), &[], &["migrate", "down"]).await);
    let (is_well, text) = doctor(here.path(), &[]).await;
    assert!(is_well, "{text}");
    assert_says(&text, "warn", "data directory", "chmod 700");
    assert_says(&text, "warn", "migrations", "cubby migrate up");

    fs::write(
        here.path().join("data/cubby.sqlite"),
        "no database at all, only text",
    )
    .unwrap();
    let (is_well, text) = doctor(here.path(), &[]).await;
    assert!(!is_well, "{text}");
    assert_says(&text, "fail", "database", "not a database");
}

#[tokio::test]
async fn doctor_checks_postgresql_and_its_clock() {
    let Some(url) = empty_postgresql("examined").await else {
        return;
    };
    let here = directory();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_MODE", "production"),
        ("CUBBY_SECRET", SECRET),
    ];
    let (is_well, text) = doctor(here.path(), &settings).await;
    assert!(is_well, "{text}");
    assert_says(
        &text,
        "ok",
        "database's clock",
        "it differs from this machine's by",
    );
    assert_says(&text, "warn", "migrations", "not run");
    assert!(!text.contains(&url), "{text}");
    let (is_well, text) = doctor(here.path(), &settings[..2]).await;
    assert!(is_well, "{text}");
    Cubby::start(here.path(), &settings).await.stop().await;
    let (is_well, text) = doctor(here.path(), &settings).await;
    assert!(is_well, "{text}");
    assert_says(&text, "ok", "signing keys", "signs");
    let (_, text) = doctor(here.path(), &settings[..2]).await;
    assert_says(&text, "warn", "signing keys", "CUBBY_SECRET is not set");
}

/// Returns the content of each file below the directory. SQLite's `-shm` files count as empty:
/// reading a database may change them.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.to_string_lossy().ends_with("-shm") {
            all.insert(path, Vec::new());
        } else {
            let content = fs::read(&path).unwrap();
            all.insert(path, content);
        }
    }
    all
}

#[tokio::test]
async fn doctor_leaves_sqlite_files_unchanged() {
    let here = directory();
    let data = here.path().join("data");
    let file = data.join("cubby.sqlite");
    let unchanged = async |which: &str, state: &str, what: &str, says: &str| {
        let before = files(here.path());
        let changed = fs::metadata(&data).unwrap().modified().unwrap();
        let (_, text) = doctor(here.path(), &[]).await;
        assert_says(&text, state, what, says);
        assert!(before == files(here.path()), "{which} was changed");
        let after = fs::metadata(&data).unwrap().modified().unwrap();
        assert!(!which.contains("empty") || changed == after, "{which}");
    };
    fs::create_dir(&data).unwrap();
    fs::write(&file, "").unwrap();
    unchanged("an empty file", "warn", "migrations", "not run").await;
    let url = format!("sqlite:{}", file.display());
    let other = sea_orm::Database::connect(url).await.unwrap();
    let table = "CREATE TABLE notes (note TEXT)";
    sea_orm::ConnectionTrait::execute_unprepared(&other, table)
        .await
        .unwrap();
    other.close().await.unwrap();
    unchanged("another program's file", "warn", "migrations", "not run").await;

    fs::remove_file(&file).unwrap();
    let mut cubby = Cubby::start(here.path(), &[]).await;
    cubby.sign_up("ana").await;
    cubby.child.kill().await.unwrap();
    assert!(data.join("cubby.sqlite-wal").exists());
    unchanged("a database after a crash", "ok", "migrations", "have run").await;
    let cubby = Cubby::start(here.path(), &[]).await;
    unchanged("a database in use", "ok", "signing keys", "signs").await;
    cubby.stop().await;
    unchanged("a closed database", "ok", "signing keys", "signs").await;
}

async fn tables(url: &str) -> i64 {
    let database = sea_orm::Database::connect(url).await.unwrap();
    let count = sea_orm::Statement::from_string(
        sea_orm::DatabaseBackend::Postgres,
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    let row = sea_orm::ConnectionTrait::query_one_raw(&database, count);
    row.await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn doctor_creates_no_postgresql_tables() {
    let Some(url) = empty_postgresql("left_alone").await else {
        return;
    };
    let here = directory();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_MODE", "production"),
        ("CUBBY_SECRET", SECRET),
    ];
    let (is_well, text) = doctor(here.path(), &settings).await;
    assert!(is_well, "{text}");
    assert_says(&text, "warn", "migrations", "not run");
    let listed = said(&run(here.path(), &settings, &["migrate", "status"]).await);
    assert!(
        listed.lines().all(|line| line.starts_with("down ")),
        "{listed}"
    );
    let why = refused(&run(here.path(), &settings, &["user", "list"]).await);
    assert!(why.contains("cubby migrate up"), "{why}");
    assert_eq!(tables(&url).await, 0);
}

#[tokio::test]
async fn postgresql_encoding_other_than_utf8_is_rejected() {
    for (name, encoding) in [("ascii", "SQL_ASCII"), ("latin", "LATIN1")] {
        let Some(url) = empty_postgresql_with_encoding(name, encoding).await else {
            return;
        };
        let here = directory();
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("CUBBY_MODE", "production"),
            ("CUBBY_SECRET", SECRET),
        ];
        let direct = ("CUBBY_DIRECT_DATABASE_URL", url.as_str());
        let (is_well, text) = doctor(here.path(), &settings).await;
        assert!(!is_well, "{text}");
        assert_says(&text, "fail", "database", encoding);
        for (settings, arguments) in [
            (&settings[..], &["serve"] as &[&str]),
            (&[&settings[..], &[direct]].concat(), &["serve"]),
            (&settings, &["migrate", "up"]),
            (&settings, &["seed"]),
            (&settings, &["user", "list"]),
        ] {
            let why = refused(&run(here.path(), settings, arguments).await);
            assert!(
                why.contains(&format!("encoding is {encoding}")) && why.contains("ENCODING 'UTF8'"),
                "{arguments:?}: {why}"
            );
        }
        assert_eq!(tables(&url).await, 0);
    }
}

#[tokio::test]
async fn backup_during_writes_is_consistent_and_restorable() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let token = cubby.sign_up("ana").await;
    let create = async |number: usize| {
        let query = format!(
            "mutation {{ createTask(input: {{ title: \"{number}\" }}) {{ task {{ id }} }} }}"
        );
        let created = answer(&cubby, Some(&token), &query).await;
        assert!(
            created["data"]["createTask"]["task"]["id"].is_string(),
            "{created}"
        );
    };
    for number in 0..50 {
        create(number).await;
    }
    let writing = async {
        for number in 50..150 {
            create(number).await;
        }
    };
    let (output, ()) = tokio::join!(run(here.path(), &[], &["backup", "copy's.sqlite"]), writing);
    assert!(said(&output).contains("Back up the secret"));
    let copy = here.path().join("copy's.sqlite");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // An existing file is never overwritten, and a failed backup leaves no file.
    let before = fs::read(&copy).unwrap();
    let why = refused(&run(here.path(), &[], &["backup", "copy's.sqlite"]).await);
    assert!(
        why.contains("cannot be written") && why.contains("exists"),
        "{why}"
    );
    assert_eq!(fs::read(&copy).unwrap(), before);
    fs::write(here.path().join("mine-wal"), "somebody's").unwrap();
    let why = refused(&run(here.path(), &[], &["backup", "mine"]).await);
    assert!(why.contains("mine-wal already exists"), "{why}");
    assert!(!here.path().join("mine").exists());
    let why = refused(&run(here.path(), &[], &["backup", "nowhere/copy.sqlite"]).await);
    assert!(why.contains("cannot be written"), "{why}");
    cubby.stop().await;

    let elsewhere = directory();
    let data = elsewhere.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::copy(&copy, data.join("cubby.sqlite")).unwrap();
    fs::copy(here.path().join("data/secret"), data.join("secret")).unwrap();
    let restored = Cubby::start(elsewhere.path(), &[]).await;
    let tasks = "{ viewer { tasks(last: 1) { totalCount nodes { title } } } }";
    let tasks = answer(&restored, Some(&token), tasks).await["data"]["viewer"]["tasks"].clone();
    let count = tasks["totalCount"].as_i64().unwrap();
    assert!((50..=150).contains(&count), "{tasks}");
    sign_in(&restored, "ana@example.com", crate::harness::PASSWORD)
        .await
        .unwrap();
    restored.stop().await;
}

#[tokio::test]
async fn postgresql_backup_refers_to_pg_dump() {
    let here = directory();
    let settings = [
        ("DATABASE_URL", "postgres://127.0.0.1:1/none"),
        ("CUBBY_MODE", "production"),
    ];
    let why = refused(&run(here.path(), &settings, &["backup", "copy"]).await);
    assert!(why.contains("pg_dump"), "{why}");
    assert!(!here.path().join("copy").exists());
}

#[tokio::test]
async fn health_command_reports_readiness() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let address = cubby.address.clone();
    let (_, port) = address.rsplit_once(':').unwrap();
    let everywhere = format!("0.0.0.0:{port}");
    for listen in [&address, &everywhere] {
        let settings = [("CUBBY_LISTEN", listen.as_str())];
        said(&run(here.path(), &settings, &["health"]).await);
    }
    cubby.stop().await;
    let settings = [("CUBBY_LISTEN", address.as_str())];
    let why = refused(&run(here.path(), &settings, &["health"]).await);
    assert!(why.contains(&format!("not ready at {address}")), "{why}");
}
