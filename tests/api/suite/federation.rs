//! Tests of external users, who sign in with tokens of a trusted identity provider.

use std::{collections::HashSet, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};

use crate::{
    harness::{App, Client, PASSWORD, Reply, TestEnv, apply, each_database, eventually},
    issuer::{Issuer, Key, claims},
};

pub(super) const ME: &str =
    "{ viewer { id email name timeZone currentSession { id expiresAt userAgent }
    securityEvents { nodes { kind } } tasks { nodes { title } } } }";

/// Returns a client with the external token.
pub(super) fn with_token(app: &App, token: &str) -> Client {
    app.anonymous().with_token(token)
}

pub(super) async fn me(client: &Client) -> Value {
    client.ask(ME, json!({})).await["viewer"].clone()
}

pub(super) fn assert_rejected_with(reply: &Reply, reason: &str) {
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_eq!(reply.reason(), reason, "{reply:?}");
}

pub(super) async fn assert_invalid_token(app: &App, token: &str, what: &str) {
    let reply = with_token(app, token).send(ME, json!({})).await;
    assert_eq!(reply.status, 401, "{what}: {reply:?}");
    assert_eq!(reply.reason(), "TOKEN_INVALID", "{what}");
}

/// Waits until the app rejects the token after a change past the app.
pub(super) async fn until_rejected(app: &App, token: &str) {
    eventually("the token is refused", async || {
        with_token(app, token).send(ME, json!({})).await.status == 401
    })
    .await;
}

#[apply(each_database)]
async fn first_external_token_creates_an_account(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let token = |subject: &str| key.sign(&issuer.claims(subject, app.now()));
    let ana = with_token(&app, &token("ana"));
    let before = me(&ana).await;
    assert_eq!(
        (&before["email"], &before["name"], &before["timeZone"]),
        (&json!("ana@example.com"), &json!("ana"), &json!("UTC"))
    );
    assert_eq!(
        before["securityEvents"]["nodes"],
        json!([{ "kind": "SIGNED_UP" }])
    );
    ana.create_task("Ana's").await;
    let rename =
        "mutation { updateProfile(input: { name: \"Anna\", timeZone: \"Europe/Vienna\" }) {
        user { id } } }";
    ana.ask(rename, json!({})).await;

    // Another token of the subject signs in the same user, whose profile keeps its changes.
    app.advance(Duration::from_secs(60));
    let again = me(&with_token(&app, &token("ana"))).await;
    assert_eq!(again["id"], before["id"]);
    assert_eq!(
        again["currentSession"]["id"],
        before["currentSession"]["id"]
    );
    assert_eq!(
        (&again["name"], &again["timeZone"]),
        (&json!("Anna"), &json!("Europe/Vienna"))
    );
    assert_eq!(again["tasks"]["nodes"], json!([{ "title": "Ana's" }]));

    // Another subject is another user.
    let ben = me(&with_token(&app, &token("ben"))).await;
    assert_ne!(ben["id"], before["id"]);
    assert_eq!(ben["tasks"]["nodes"], json!([]));
    assert_eq!(issuer.asked(), 1);
}

#[apply(each_database)]
async fn audience_may_be_in_another_claim(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    for claim in ["client_id", "azp"] {
        let mut setting: Value = serde_json::from_str(&issuer.setting("EdDSA")).unwrap();
        setting[0]["audienceClaim"] = json!(claim);
        let app = env
            .fresh()
            .await
            .app_with(&["--trusted-issuers", &setting.to_string()])
            .await;
        let token = |audience: Option<Value>, aud: Option<&str>| {
            let mut claims = issuer.claims("ana", app.now());
            let claims_map = claims.as_object_mut().unwrap();
            claims_map.remove("aud");
            claims_map.extend(aud.map(|aud| ("aud".to_owned(), json!(aud))));
            claims_map.extend(audience.map(|audience| (claim.to_owned(), audience)));
            key.sign(&claims)
        };
        for aud in [None, Some("account")] {
            let ana = with_token(&app, &token(Some(json!("cubby-app")), aud));
            assert_eq!(me(&ana).await["email"], "ana@example.com", "{claim}");
        }
        for (audience, aud) in [
            (None, None),
            (None, Some("cubby-app")),
            (Some(json!("another")), Some("cubby-app")),
            (Some(json!("")), None),
            (Some(json!(["another"])), None),
            (Some(json!(7)), None),
            (Some(Value::Null), None),
        ] {
            let what = format!("{claim} {audience:?} {aud:?}");
            assert_invalid_token(&app, &token(audience, aud), &what).await;
        }
    }
}

#[apply(each_database)]
async fn each_provider_asserts_only_its_own_subjects(env: TestEnv) {
    let (one, other) = (Key::ed25519("k"), Key::p256("k"));
    let (first, second) = (Issuer::with(&[&one]).await, Issuer::with(&[&other]).await);
    let secret = "a secret that two servers share, yes";
    let shared =
        json!({ "issuer": "https://front.example", "audience": "cubby-app", "secret": secret });
    let mut settings = Vec::new();
    for setting in [first.setting("EdDSA"), second.setting("ES256")] {
        let setting: Vec<Value> = serde_json::from_str(&setting).unwrap();
        settings.extend(setting);
    }
    settings.push(shared);
    let app = env
        .app_with(&["--trusted-issuers", &json!(settings).to_string()])
        .await;
    let now = app.now();
    let mut ids = HashSet::new();
    for token in [
        one.sign(&first.claims("ana", now)),
        other.sign(&second.claims("ana", now)),
        Key::shared(secret).sign(&claims("https://front.example", "ana", now)),
    ] {
        ids.insert(me(&with_token(&app, &token)).await["id"].to_string());
    }
    assert_eq!(ids.len(), 3);
    // A provider cannot sign for another issuer.
    for (token, what) in [
        (
            one.sign(&second.claims("ana", now)),
            "the first provider for the second",
        ),
        (
            other.sign(&first.claims("ana", now)),
            "the second provider for the first",
        ),
        (
            one.sign(&claims("https://front.example", "ana", now)),
            "the first provider for the third",
        ),
        (
            Key::shared(secret).sign(&first.claims("ana", now)),
            "the shared secret for the first provider",
        ),
        (
            one.sign(&claims("https://elsewhere.example", "ana", now)),
            "an issuer that is not trusted",
        ),
        (
            one.sign(&claims("cubby", "ana", now)),
            "the first provider for this server",
        ),
    ] {
        assert_invalid_token(&app, &token, what).await;
    }
}

#[apply(each_database)]
async fn accounts_are_not_linked_by_email_address(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let ana = app.sign_up("ana").await;
    ana.create_task("Ana's").await;
    let token = key.sign(&issuer.claims("ana", app.now()));
    let external_user = me(&with_token(&app, &token)).await;
    assert_eq!(external_user["email"], "ana@example.com");
    assert_eq!(external_user["tasks"]["nodes"], json!([]));
    assert_ne!(external_user["id"], me(&ana).await["id"]);
    // The address of an external user can still be used to sign up.
    let token = key.sign(&issuer.claims("ben", app.now()));
    let external_user = me(&with_token(&app, &token)).await;
    let ben = app.sign_up("ben").await;
    assert_ne!(me(&ben).await["id"], external_user["id"]);
    app.sign_in("ben").await;

    // An invalid address becomes an empty one. Neither it nor the user's id signs in.
    let mut odd = issuer.claims("eve", app.now());
    odd["email"] = json!("no address");
    odd["name"] = json!("a\u{0}b");
    let eve = me(&with_token(&app, &key.sign(&odd))).await;
    assert_eq!((&eve["email"], &eve["name"]), (&json!(""), &Value::Null));
    let sign_in = "mutation ($email: String!) { signIn(input: { email: $email, password: \"\" }) {
        userErrors { code } } }";
    for email in ["", "ana@example.com", eve["id"].as_str().unwrap()] {
        let reply = app
            .anonymous()
            .ask(sign_in, json!({ "email": email }))
            .await;
        assert_eq!(
            reply["signIn"]["userErrors"][0]["code"],
            "INVALID_CREDENTIALS"
        );
    }
}

#[apply(each_database)]
async fn concurrent_first_requests_create_one_account(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let requests = (0..20).map(|_| {
        let client = with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
        async move { me(&client).await["currentSession"]["id"].to_string() }
    });
    let sessions: HashSet<String> = join_all(requests).await.into_iter().collect();
    assert_eq!(sessions.len(), 1);
    for table in ["users", "identities", "sessions", "security_events"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(app.sql(&count).await, [1], "{table}");
    }
    assert_eq!(issuer.asked(), 1);
}

#[apply(each_database)]
async fn invalid_external_tokens_are_rejected(env: TestEnv) {
    let (key, forger) = (Key::ed25519("one"), Key::ed25519("one"));
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let now = app.now();
    let good = issuer.claims("ana", now);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let seconds = now / 1000;
    for (claims, what) in [
        (with("aud", json!("another")), "another audience"),
        (with("aud", json!(["another"])), "a list of other audiences"),
        (with("aud", json!([])), "an empty list of audiences"),
        (without("aud"), "no audience"),
        (without("sub"), "no subject"),
        (with("sub", json!("")), "an empty subject"),
        (
            with("sub", json!("x".repeat(256))),
            "a subject of 256 characters",
        ),
        (
            with("sub", json!("a\u{0}")),
            "a control character in the subject",
        ),
        (with("sub", json!(7)), "a number as the subject"),
        (without("iat"), "no iat"),
        (without("exp"), "no exp"),
        (with("exp", json!("soon")), "exp as text"),
        (with("exp", json!(1e300)), "exp out of range"),
        (with("iat", json!(-1)), "a negative iat"),
        (with("iat", json!(seconds + 61)), "iat in the future"),
        (with("nbf", json!(seconds + 61)), "nbf in the future"),
    ] {
        assert_invalid_token(&app, &key.sign(&claims), what).await;
    }
    let token = key.sign(&with("exp", json!(seconds - 60)));
    assert_rejected_with(
        &with_token(&app, &token).send(ME, json!({})).await,
        "TOKEN_EXPIRED",
    );

    let header = |kind: Option<&str>, kid: &str| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = kind.map(str::to_owned);
        header.kid = Some(kid.to_owned());
        header
    };
    let text = |header: Value, claims: &Value| {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", encode(&header), encode(claims))
    };
    let signed = key.sign(&good);
    let (body, _) = signed.rsplit_once('.').unwrap();
    let public = key.jwk["x"].as_str().unwrap();
    let public = URL_SAFE_NO_PAD.decode(public).unwrap();
    let confused = jsonwebtoken::EncodingKey::from_secret(&public);
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.kid = Some("one".to_owned());
    let mut critical = header(Some("JWT"), "one");
    critical.crit = Some(vec!["exp".to_owned()]);
    for (token, what) in [
        (forger.sign(&good), "another key with the same kid"),
        (
            key.sign_as(&header(Some("JWT"), "two"), &good),
            "an unknown kid",
        ),
        (
            key.sign_as(&header(Some("logout+jwt"), "one"), &good),
            "another typ",
        ),
        (key.sign_as(&critical, &good), "a crit header"),
        (
            text(json!({ "alg": "none", "kid": "one" }), &good),
            "alg none",
        ),
        (
            text(json!({ "alg": "EdDSA", "kid": "one" }), &good),
            "no signature",
        ),
        (format!("{body}.AAAA"), "a short signature"),
        (
            jsonwebtoken::encode(&hs256, &good, &confused).unwrap(),
            "the public key as an HMAC secret",
        ),
    ] {
        assert_invalid_token(&app, &token, what).await;
    }

    for claims in [
        good.clone(),
        with("aud", json!(["another", "cubby-app"])),
        with("exp", json!(seconds - 59)),
        with("iat", json!(seconds + 60)),
        with("nbf", json!(seconds + 60)),
        with("iat", json!(seconds as f64 + 0.5)),
        with("email", Value::Null),
    ] {
        me(&with_token(&app, &key.sign(&claims))).await;
    }
    for kind in [
        None,
        Some("jwt"),
        Some("at+jwt"),
        Some("application/at+jwt"),
    ] {
        me(&with_token(&app, &key.sign_as(&header(kind, "one"), &good))).await;
    }
    // Despite unknown key ids, the keys were fetched once.
    assert_eq!(issuer.asked(), 1);
}

#[apply(each_database)]
async fn sign_out_rejects_earlier_tokens_and_accepts_later_ones(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let token = || key.sign(&issuer.claims("ana", app.now()));
    let (first, second) = (token(), token());
    let before = me(&with_token(&app, &first)).await;
    app.advance(Duration::from_secs(10));
    let sign_out = "mutation { signOut { endedSessions } }";
    let same_second = token();
    let ended = with_token(&app, &first).ask(sign_out, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 1);
    for token in [&first, &second, &same_second] {
        let reply = with_token(&app, token).send(ME, json!({})).await;
        assert_rejected_with(&reply, "SESSION_ENDED");
    }
    app.advance(Duration::from_secs(1));
    let after = me(&with_token(&app, &token())).await;
    assert_eq!(after["id"], before["id"]);
    assert_ne!(
        after["currentSession"]["id"],
        before["currentSession"]["id"]
    );
    let kinds = json!([{ "kind": "SIGNED_IN" }, { "kind": "SIGNED_OUT" }, { "kind": "SIGNED_UP" }]);
    assert_eq!(after["securityEvents"]["nodes"], kinds);
    // Tokens issued before the sign-out are still rejected, although a new session exists.
    for token in [&first, &same_second] {
        let reply = with_token(&app, token).send(ME, json!({})).await;
        assert_rejected_with(&reply, "SESSION_ENDED");
    }

    // They are rejected even after cleanup has deleted the ended session.
    let mut long = issuer.claims("ana", app.now());
    long["exp"] = json!(app.now() / 1000 + 90 * 86_400);
    let long = key.sign(&long);
    me(&with_token(&app, &long)).await;
    with_token(&app, &long).ask(sign_out, json!({})).await;
    app.advance(Duration::from_secs(38 * 86_400));
    let connection = app.connect().await;
    sea_orm::ConnectionTrait::execute_unprepared(&connection, "DELETE FROM sessions")
        .await
        .unwrap();
    let fresh = app
        .env
        .start(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await
        .unwrap();
    let reply = with_token(&fresh, &long).send(ME, json!({})).await;
    assert_rejected_with(&reply, "SESSION_ENDED");
    let back = me(&with_token(&fresh, &token())).await;
    assert_eq!(back["id"], before["id"]);
}

#[apply(each_database)]
async fn password_fields_refer_external_users_to_their_provider(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let ana = with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
    me(&ana).await;
    for (field, document, input) in [
        (
            "currentPassword",
            "mutation ($input: ChangePasswordInput!) { it: changePassword(input: $input) {
               userErrors { code path message } } }",
            json!({ "currentPassword": "", "newPassword": PASSWORD }),
        ),
        (
            "password",
            "mutation ($input: DeleteAccountInput!) { it: deleteAccount(input: $input) {
               userErrors { code path message } } }",
            json!({ "password": "", "confirmEmail": "ana@example.com" }),
        ),
    ] {
        let answer = ana.ask(document, json!({ "input": input })).await;
        let error = &answer["it"]["userErrors"][0];
        assert_eq!(error["code"], "NO_PASSWORD");
        assert_eq!(error["path"], json!(["input", field]));
        assert!(
            error["message"].as_str().unwrap().contains(&issuer.url),
            "{error}"
        );
    }
}

#[apply(each_database)]
async fn disabled_external_user_stays_locked_out(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let token = || key.sign(&issuer.claims("ana", app.now()));
    let first = token();
    let before = me(&with_token(&app, &first)).await;
    let id = before["id"].as_str().unwrap();
    let people = app.env.admin().await;
    let person = people.show(id).await.unwrap();
    assert_eq!(person.issuer.as_deref(), Some(issuer.url.as_str()));
    assert_eq!(person.subject.as_deref(), Some("ana"));
    assert_eq!(person.sessions, 1);
    let refused = people.set_password(id, PASSWORD).await.unwrap_err();
    assert!(refused.to_string().contains("external provider"));

    people.disable(id).await.unwrap();
    until_rejected(&app, &first).await;
    app.advance(Duration::from_secs(60));
    for token in [first, token()] {
        let reply = with_token(&app, &token).send(ME, json!({})).await;
        assert_rejected_with(&reply, "SESSION_ENDED");
    }
    people.enable(id).await.unwrap();
    assert_eq!(me(&with_token(&app, &token())).await["id"], before["id"]);

    // After a deletion, a later token creates a new account.
    people.delete(id).await.unwrap();
    app.advance(Duration::from_secs(60));
    let again = me(&with_token(&app, &token())).await;
    assert_ne!(again["id"], before["id"]);
    people.close().await;
}

#[apply(each_database)]
async fn token_issued_in_the_future_does_not_survive_sign_out(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let ahead = key.sign(&issuer.claims("ana", app.now() + 50_000));
    let before = me(&with_token(&app, &ahead)).await;
    let sign_out = "mutation { signOut { endedSessions } }";
    with_token(&app, &ahead).ask(sign_out, json!({})).await;
    for _ in 0..2 {
        let reply = with_token(&app, &ahead).send(ME, json!({})).await;
        assert_rejected_with(&reply, "SESSION_ENDED");
        app.advance(Duration::from_secs(60));
    }
    let later = key.sign(&issuer.claims("ana", app.now()));
    assert_eq!(me(&with_token(&app, &later)).await["id"], before["id"]);
    let reply = with_token(&app, &ahead).send(ME, json!({})).await;
    assert_rejected_with(&reply, "SESSION_ENDED");
}

#[apply(each_database)]
async fn tokens_issued_before_deletion_do_not_recreate_account(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let old = key.sign(&issuer.claims("ana", app.now()));
    let ahead = key.sign(&issuer.claims("ana", app.now() + 30_000));
    let before = me(&with_token(&app, &old)).await;
    me(&with_token(&app, &ahead)).await;
    let people = app.env.admin().await;
    people.delete(before["id"].as_str().unwrap()).await.unwrap();
    until_rejected(&app, &old).await;
    app.advance(Duration::from_secs(10));
    for token in [&old, &ahead] {
        let reply = with_token(&app, token).send(ME, json!({})).await;
        assert_rejected_with(&reply, "SESSION_ENDED");
    }
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);
    app.advance(Duration::from_secs(21));
    let new = key.sign(&issuer.claims("ana", app.now()));
    let requests = (0..8).map(|_| {
        let client = with_token(&app, &new);
        async move { me(&client).await["id"].to_string() }
    });
    let after: HashSet<String> = join_all(requests).await.into_iter().collect();
    assert_eq!(after.len(), 1);
    assert!(!after.contains(&before["id"].to_string()));
    let reply = with_token(&app, &old).send(ME, json!({})).await;
    assert_rejected_with(&reply, "SESSION_ENDED");
    people.close().await;
}

#[apply(each_database)]
async fn stream_ends_when_its_external_token_expires(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let app = env
        .app_with(&["--trusted-issuers", &issuer.setting("EdDSA")])
        .await;
    let ana = with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
    let mut stream = ana.listen(super::streams::TASK_CHANGES).await;
    app.advance(Duration::from_secs(900 + 59));
    let young = with_token(&app, &key.sign(&issuer.claims("ana", app.now())));
    young.create_task("heard").await;
    let heard = stream.next().await.expect("a change");
    assert!(heard.to_string().contains("heard"), "{heard}");
    app.advance(Duration::from_secs(1));
    let last = stream.next().await.expect("an end");
    assert!(last.to_string().contains("SESSION_ENDED"), "{last}");
    // The session continues with later tokens.
    me(&young).await;
}
