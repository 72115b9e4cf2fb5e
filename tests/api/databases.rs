//! The binary and its database: one that goes away, comes late, proves itself, or is behind a pooler.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::process::Command;

use crate::{
    harness::empty_postgresql,
    postgresql,
    process::{Cubby, SECRET, directory, refusal, run},
    proxy::Proxy,
};

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_is_waited_for_and_nothing_needs_a_restart() {
    let Some(url) = empty_postgresql("away").await else {
        return;
    };
    let here = directory();
    let (proxy, url) = Proxy::to(&url).await;
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ];
    let cubby = Cubby::start(here.path(), &settings).await;
    let token = cubby.sign_up("ana").await;

    // Every connection of the pool is dead; the next request finds out and does not show it.
    proxy.cut();
    proxy.mend();
    assert!(cubby.knows(&token).await);
    let create = "mutation { createTask(input: { title: \"x\" }) { task { id } } }";
    proxy.cut();
    proxy.mend();
    let reply = cubby.ask(Some(&token), create).await;
    assert_eq!(reply.status(), 200);

    // A request that comes while it is away is answered when it is back.
    proxy.cut();
    let (known, ()) = tokio::join!(cubby.knows(&token), async {
        proxy.is_missed().await;
        proxy.mend();
    });
    assert!(known);

    // One that waits for ten seconds is told to come again.
    proxy.cut();
    for (token, query) in [(Some(token.as_str()), "{ viewer { email } }"), (None, "mutation {
        signIn(input: { email: \"ana@example.com\", password: \"correct horse\" }) { user { id } } }")] {
        let reply = cubby.ask(token, query).await;
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.headers()["retry-after"], "1");
        let body: Value = reply.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{body}");
    }
    let ready = reqwest::get(cubby.url("/health/ready")).await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(
        reqwest::get(cubby.url("/health/live"))
            .await
            .unwrap()
            .status(),
        200
    );

    proxy.mend();
    assert!(cubby.knows(&token).await);
    assert_eq!(
        reqwest::get(cubby.url("/health/ready"))
            .await
            .unwrap()
            .status(),
        200
    );
    cubby.stop().await;
}

#[tokio::test]
async fn a_database_that_is_not_up_yet_is_waited_for() {
    let Some(url) = empty_postgresql("cold").await else {
        return;
    };
    let here = directory();
    let (proxy, url) = Proxy::to(&url).await;
    proxy.cut();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ];
    let (cubby, ()) = tokio::join!(Cubby::start(here.path(), &settings), async {
        proxy.is_missed().await;
        proxy.mend();
    });
    cubby.sign_up("ana").await;
    cubby.stop().await;
}

#[tokio::test]
async fn the_certificate_of_postgresql_is_verified_as_sslmode_says() {
    let Some(url) = empty_postgresql("encrypted").await else {
        return;
    };
    let server = postgresql::Server::shared().await.expect("it is up");
    let here = directory();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = here.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let right = write("right.pem", &server.authority);
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let wrong = write("wrong.pem", &other.pem());
    let url = |host: &str, authority: &Path| {
        url.replace("localhost", host).replace(
            "sslmode=disable",
            &format!("sslmode=verify-full&sslrootcert={}", authority.display()),
        )
    };
    let settings = |url: &str| {
        [
            ("DATABASE_URL", url.to_owned()),
            ("CUBBY_SECRET", SECRET.to_owned()),
            ("CUBBY_MODE", "production".to_owned()),
        ]
    };
    let good = settings(&url("localhost", &right));
    let good = good.each_ref().map(|(name, value)| (*name, value.as_str()));
    let cubby = Cubby::start(here.path(), &good).await;
    cubby.sign_up("ana").await;
    cubby.stop().await;
    for bad in [url("localhost", &wrong), url("127.0.0.1", &right)] {
        let bad = settings(&bad);
        let bad = bad.each_ref().map(|(name, value)| (*name, value.as_str()));
        let said = refusal(here.path(), &bad).await;
        assert!(said.contains("certificate"), "{said}");
    }
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_no_obstacle() {
    let Some(url) = empty_postgresql("pooled").await else {
        return;
    };
    if !has_pooler().await {
        return;
    }
    let here = directory();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (_, after) = url.split_once("@localhost:").unwrap();
    let target = after.split_once('/').unwrap().0;
    let ini = here.path().join("pgbouncer.ini");
    fs::write(
        &ini,
        format!(
            "[databases]\npooled = host=127.0.0.1 port={target} user=cubby\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\nmax_prepared_statements = 100\ndefault_pool_size = 3\n"
        ),
    )
    .unwrap();
    let mut pooler = postgresql::as_somebody_else();
    let mut pooler = pooler
        .args([
            "sh",
            "-c",
            "pgbouncer \"$0\" & p=$!; cat >/dev/null; kill $p",
        ])
        .arg(readable(&ini))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pooled = format!("postgres://cubby@localhost:{port}/pooled?sslmode=disable");
    let settings = [
        ("DATABASE_URL", pooled.as_str()),
        ("CUBBY_DIRECT_DATABASE_URL", url.as_str()),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ];
    let cubby = Cubby::start(here.path(), &settings).await;
    let token = cubby.sign_up("ana").await;
    let create = "mutation { createTask(input: { title: \"x\" }) { task { id } } }";
    let created = (0..30).map(|_| cubby.ask(Some(&token), create));
    for reply in futures_all(created).await {
        let body: Value = reply.json().await.unwrap();
        assert!(
            body["data"]["createTask"]["task"]["id"].is_string(),
            "{body}"
        );
    }
    // With nothing past the pooler, nothing that is announced could be heard, so nothing is remembered.
    let settings = [
        ("DATABASE_URL", pooled.as_str()),
        ("CUBBY_METRICS_LISTEN", "127.0.0.1:0"),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ];
    let other = Cubby::start(here.path(), &settings).await;
    for _ in 0..300 {
        assert!(other.knows(&token).await);
    }
    let measured = other.measures().await.text().await.unwrap();
    assert!(measured.contains("{source=\"database\"} 300"), "{measured}");
    assert!(!measured.contains("{source=\"memory\"}"), "{measured}");
    // Nothing of it is lent to others, whose requests would fail.
    for number in 0..15 {
        let token = other.sign_up(&format!("ben{number}")).await;
        let out = cubby.ask(Some(&token), "mutation { signOut { endedSessions } }");
        let body: Value = out.await.json().await.unwrap();
        assert_eq!(body["data"]["signOut"]["endedSessions"], 1, "{body}");
        assert!(!other.knows(&token).await);
    }
    other.stop().await;
    cubby.stop().await;
    // And migrations pass it too, since nothing of theirs outlives the transaction.
    let output = run(
        here.path(),
        &[("DATABASE_URL", &pooled)],
        &["migrate", "up"],
    )
    .await;
    assert!(output.status.success(), "{output:?}");
    drop(pooler.stdin.take());
    pooler.wait().unwrap();
}

/// Whether there is a PgBouncer that tracks prepared statements, which it does from 1.21 on.
async fn has_pooler() -> bool {
    let output = Command::new("pgbouncer").arg("--version").output().await;
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let minor = version.ok().and_then(|version| {
        let number = version.strip_prefix("PgBouncer 1.")?.split('.').next()?;
        number.parse::<u32>().ok()
    });
    let is_there = minor.is_some_and(|minor| minor >= 21);
    if !is_there {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no PgBouncer 1.21 or later here, and CI needs one: see .ci/pgbouncer"
        );
        // Past the test runner's capture, so that it is seen.
        let _ = std::io::stderr()
            .write_all(b"\n*** SKIPPED: the pooler. Install PgBouncer 1.21 or later.\n\n");
    }
    is_there
}

/// All answers, asked for at once.
async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures).await
}

/// The file, where another user may read it too.
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
