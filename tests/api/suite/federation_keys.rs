//! Tests of the published keys of trusted identity providers, and of providers that fail.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{TestEnv, apply, each_database, eventually};
use crate::issuer::{Answer, Issuer, Key, set};

use super::federation::{ME, assert_invalid_token, me, with_token};

#[apply(each_database)]
async fn key_rotation_is_followed_without_fetching_unknown_kids(env: TestEnv) {
    let (old, new) = (Key::ed25519("old"), Key::ed25519("new"));
    let issuer = Issuer::with(&[&old]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let by = |key: &Key| key.sign(&issuer.claims("ana", app.now()));
    me(&with_token(&app, &by(&old))).await;
    issuer.publish(&[&old, &new]);
    app.advance(Duration::from_secs(31));
    me(&with_token(&app, &by(&new))).await;
    assert_eq!(issuer.asked(), 2);
    for number in 0..20 {
        let unknown = Key::ed25519(&format!("unknown {number}"));
        assert_invalid_token(&app, &by(&unknown), "unknown kid").await;
    }
    assert_eq!(issuer.asked(), 2);

    // A removed key is rejected after ten minutes and one request, also for tokens verified before.
    let remembered = by(&old);
    me(&with_token(&app, &remembered)).await;
    issuer.publish(&[&new]);
    app.advance(Duration::from_secs(601));
    let token = by(&old);
    with_token(&app, &token).send(ME, json!({})).await;
    // The request triggers a fetch of the keys in the background.
    eventually("the key is gone", async || {
        issuer.asked() == 3 && with_token(&app, &token).send(ME, json!({})).await.status == 401
    })
    .await;
    assert_invalid_token(&app, &token, "its key is gone").await;
    assert_invalid_token(&app, &remembered, "its key is gone").await;
    me(&with_token(&app, &by(&new))).await;
}

#[apply(each_database)]
async fn cached_keys_bridge_a_provider_outage(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::start(Answer::Down).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let token = || key.sign(&issuer.claims("ana", app.now()));
    let unavailable = async |token: &str| {
        let reply = with_token(&app, token).send(ME, json!({})).await;
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(reply.code(), "SERVICE_UNAVAILABLE");
    };
    unavailable(&token()).await;
    unavailable(&token()).await;
    assert_eq!(issuer.asked(), 1);
    // Users with a password are unaffected.
    app.sign_up("ben").await;

    issuer.publish(&[&key]);
    app.advance(Duration::from_secs(31));
    me(&with_token(&app, &token())).await;
    issuer.answer(Answer::Down);
    app.advance(Duration::from_secs(23 * 3600));
    me(&with_token(&app, &token())).await;
    // After a day the cached keys are too old to use.
    app.advance(Duration::from_secs(3600));
    unavailable(&token()).await;
    issuer.publish(&[&key]);
    app.advance(Duration::from_secs(31));
    me(&with_token(&app, &token())).await;
}

#[apply(each_database)]
async fn invalid_jwks_responses_and_keys_are_rejected(env: TestEnv) {
    let key = Key::ed25519("one");
    let elsewhere = Issuer::with(&[&key]).await;
    for answer in [
        Answer::Huge,
        Answer::Slow(Duration::from_secs(8)),
        Answer::Elsewhere(format!("{}/jwks", elsewhere.url)),
        Answer::Text("<html>"),
        Answer::Text("{}"),
        Answer::Text(r#"{"keys": 7}"#),
    ] {
        let issuer = Issuer::start(answer).await;
        let app = env
            .fresh()
            .await
            .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
            .await;
        let token = key.sign(&issuer.claims("ana", app.now()));
        let reply = with_token(&app, &token).send(ME, json!({})).await;
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(issuer.asked(), 1);
    }
    assert_eq!(elsewhere.asked(), 0);

    // Unsuitable and invalid keys are ignored; the other keys of the set are used.
    let mut for_encryption = Key::ed25519("enc");
    for_encryption.jwk["use"] = json!("enc");
    let other = Key::p256("p256");
    let mut keys = set(&[&key, &for_encryption, &other]);
    let secret = URL_SAFE_NO_PAD.encode("a published secret of 32 bytes...");
    let oct = json!({ "kty": "oct", "k": secret, "kid": "oct" });
    let odd = [
        oct,
        json!({ "kty": "OKP" }),
        json!(7),
        json!({ "kty": "none", "kid": "one" }),
    ];
    keys["keys"].as_array_mut().unwrap().extend(odd);
    let issuer = Issuer::start(Answer::Keys(keys)).await;
    let app = env
        .fresh()
        .await
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let now = app.now();
    me(&with_token(&app, &key.sign(&issuer.claims("ana", now)))).await;
    let mut symmetric = Key::shared("a published secret of 32 bytes...");
    symmetric.kid = "oct".to_owned();
    for (wrong, what) in [
        (&for_encryption, "an encryption key"),
        (&other, "another algorithm"),
        (&symmetric, "a published HMAC secret"),
    ] {
        assert_invalid_token(&app, &wrong.sign(&issuer.claims("ana", now)), what).await;
    }
}

#[apply(each_database)]
async fn issuer_equal_to_own_issuer_stops_the_start(env: TestEnv) {
    let setting = json!([{ "issuer": "cubby", "audience": "a", "jwks": "https://a.example" }]);
    let refused = env
        .start(&["--trusted-issuers", &setting.to_string()])
        .await;
    let message = refused.err().expect("the start fails").to_string();
    assert!(message.contains("CUBBY_ISSUER"), "{message}");
}

#[apply(each_database)]
async fn invalid_profile_claims_and_keys_are_ignored(env: TestEnv) {
    let (key, twin, other) = (
        Key::ed25519("one"),
        Key::ed25519("two"),
        Key::ed25519("two"),
    );
    let mut signs = Key::ed25519("signs");
    signs.jwk["key_ops"] = json!(["sign"]);
    let mut verifies = Key::ed25519("verifies");
    verifies.jwk["key_ops"] = json!(["verify"]);
    let keys = [&key, &twin, &other, &signs, &verifies];
    let issuer = Issuer::with(&keys).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    for (at, odd) in [json!(5), json!(false), json!({ "a": 1 }), json!(["a"])]
        .into_iter()
        .enumerate()
    {
        let mut claims = issuer.claims(&format!("ana-{at}"), app.now());
        (claims["email"], claims["name"]) = (odd.clone(), odd);
        let ana = me(&with_token(&app, &key.sign(&claims))).await;
        assert_eq!((&ana["email"], &ana["name"]), (&json!(""), &Value::Null));
    }
    let token = |key: &Key| key.sign(&issuer.claims("ana", app.now()));
    me(&with_token(&app, &token(&verifies))).await;
    for (wrong, what) in [
        (&twin, "one of two keys with one kid"),
        (&other, "the other key with the kid"),
        (&signs, "a key whose key_ops is sign"),
    ] {
        assert_invalid_token(&app, &token(wrong), what).await;
    }

    // An empty response is an error even at the first fetch, which is retried after five seconds.
    let issuer = Issuer::start(Answer::Text("")).await;
    let app = env
        .fresh()
        .await
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let token = key.sign(&issuer.claims("ana", app.now()));
    let ana = with_token(&app, &token);
    assert_eq!(ana.send(ME, json!({})).await.status, 503);
    // Public fields work despite the unverifiable header. Signing out works too: no user of this
    // provider has signed in yet, so no session can be left open.
    ana.ask("{ service { version } }", json!({})).await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    issuer.publish(&[&key]);
    app.advance(Duration::from_secs(5));
    me(&ana).await;
}

#[apply(each_database)]
async fn slow_provider_blocks_few_requests(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::start(Answer::Slow(Duration::from_secs(8))).await;
    let app = env
        .app_with(&[
            "--trusted-issuers",
            &issuer.setting("EdDSA"),
            "--max-requests",
            "40",
        ])
        .await;
    let ben = app.sign_up("ben").await;
    let answered = Arc::new(AtomicUsize::new(0));
    let waiting = (0..60).map(|_| {
        let client = with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
        let answered = Arc::clone(&answered);
        async move {
            let status = client.send(ME, json!({})).await.status.as_u16();
            answered.fetch_add(1, Ordering::SeqCst);
            status
        }
    });
    let waiting = tokio::spawn(join_all(waiting));
    eventually("all but 32 requests are rejected", async || {
        answered.load(Ordering::SeqCst) == 28
    })
    .await;
    for _ in 0..5 {
        me(&ben).await;
    }
    assert!(!waiting.is_finished());
    assert_eq!(waiting.await.unwrap(), [503; 60]);
    assert_eq!(issuer.asked(), 1);
}

#[apply(each_database)]
async fn sign_out_with_unverifiable_token_is_unavailable(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let ana = || with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
    me(&ana()).await;
    issuer.answer(Answer::Down);
    app.advance(Duration::from_hours(25));
    let sign_out = "mutation { signOut { endedSessions } }";
    let reply = ana().send(sign_out, json!({})).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.code(), "SERVICE_UNAVAILABLE");
    // Public fields are still available.
    ana().ask("{ service { version } }", json!({})).await;

    issuer.publish(&[&key]);
    app.advance(Duration::from_secs(31));
    let ended = ana().ask(sign_out, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 1);
}
