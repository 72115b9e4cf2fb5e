//! Test of the log messages about rejected tokens of external identity providers.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    issuer::{Issuer, Key, claims},
    process::{Cubby, directory},
};

#[tokio::test]
async fn log_states_why_a_token_was_rejected() {
    let (key, other) = (Key::ed25519("one"), Key::ed25519("two"));
    let issuer = Issuer::with(&[&key]).await;
    let setting = issuer.setting("EdDSA");
    let here = directory();
    let settings = [
        ("CUBBY_TRUSTED_ISSUERS", setting.as_str()),
        ("CUBBY_LOG", "info,cubby=debug"),
    ];
    let cubby = Cubby::start(here.path(), &settings).await;
    #[expect(
        clippy::disallowed_methods,
        reason = "the process that is started reads the real time"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    let with = |claim: &str, value: Value| {
        let mut claims = issuer.claims("ana", now);
        claims[claim] = value;
        key.sign(&claims)
    };
    let forged = Key::ed25519("one").sign(&issuer.claims("ana", now));
    let refused = [
        (
            key.sign(&claims("https://else.example", "ana", now)),
            "issuer: iss is",
        ),
        (
            with("aud", json!("another")),
            "audience: aud is [\"another\"], expected \"cubby-app\"",
        ),
        (
            Key::p256("one").sign(&issuer.claims("ana", now)),
            "algorithm: alg is ES256, expected [EdDSA]",
        ),
        (with("exp", json!(now / 1000 - 600)), "time: exp is"),
        (with("iat", json!(now / 1000 + 600)), "time: iat or nbf is"),
        (
            other.sign(&issuer.claims("ana", now)),
            "key: no published key has the kid \"two\"",
        ),
        (forged, "key: the signature does not match the key"),
        (with("iat", json!("yesterday")), "claims:"),
        (with("sub", json!("")), "subject:"),
    ];
    for (token, reason) in &refused {
        let reply = cubby.ask(Some(token), "{ viewer { id } }").await;
        assert_eq!(reply.status(), 401, "{reason}");
    }
    let log = cubby.stop_with_log().await.1;
    for (token, reason) in &refused {
        assert!(log.contains(reason), "{reason}: {log}");
        assert!(!token.split('.').any(|part| log.contains(part)), "{log}");
    }
    assert!(!log.contains("ana@example.com"), "{log}");
}
