//! Tests of the binary with PostgreSQL that is interrupted, starts late, or has a TLS certificate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    harness::empty_postgresql,
    postgresql,
    process::{Cubby, SECRET, directory, refusal},
    proxy::Proxy,
};

#[tokio::test]
async fn server_recovers_from_a_database_outage() {
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

    // Every connection of the pool is dead; the next request replaces them without an error.
    proxy.cut();
    proxy.restore();
    assert!(cubby.accepts_token(&token).await);
    let create = "mutation { createTask(input: { title: \"x\" }) { task { id } } }";
    proxy.cut();
    proxy.restore();
    let reply = cubby.ask(Some(&token), create).await;
    assert_eq!(reply.status(), 200);

    // A request during the outage is answered once the database is available again.
    proxy.cut();
    let (known, ()) = tokio::join!(cubby.accepts_token(&token), async {
        proxy.until_attempted().await;
        proxy.restore();
    });
    assert!(known);

    // A request that has waited for ten seconds gets 503 with `Retry-After`.
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

    proxy.restore();
    assert!(cubby.accepts_token(&token).await);
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
async fn start_waits_for_the_database() {
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
        proxy.until_attempted().await;
        proxy.restore();
    });
    cubby.sign_up("ana").await;
    cubby.stop().await;
}

#[tokio::test]
async fn sslmode_verifies_the_postgresql_certificate() {
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
