//! The guard: which tokens open a session, and what the others are answered.

use std::time::Duration;

use axum::{body::Body, http::Request};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD};

const ME: &str = "{ viewer { id } }";
const SHARED: &str = "a secret that two services share, 32+";

/// The header and the claims of a token.
fn read(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

fn token(client: &Client) -> &str {
    client.token.as_deref().expect("signed in")
}

async fn refused(client: &Client, reason: &str) {
    let reply = client.send(ME, json!({})).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_eq!(
        reply.header("www-authenticate"),
        r#"Bearer error="invalid_token""#
    );
    assert_eq!(reply.code(), "UNAUTHENTICATED");
    assert_eq!(reply.reason(), reason);
    assert_eq!(reply.body.get("data"), None);
}

#[tokio::test]
async fn nobody_sees_a_null_viewer_and_is_told_to_sign_in_by_mutations() {
    let app = app!();
    let nobody = app.nobody();
    let id = "task_01h2xcejqtf2nbrexx3vqjhp41";
    let data = nobody
        .ask(
            "query ($id: ID!) { viewer { id } node(id: $id) { id } nodes(ids: [$id, $id]) { id } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(
        data,
        json!({ "viewer": null, "node": null, "nodes": [null, null] })
    );
    let reply = nobody
        .send(
            "mutation { createTask(input: { title: \"x\" }) { task { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.code(), "UNAUTHENTICATED");
    assert_eq!(reply.reason(), "NO_CREDENTIALS");
    assert_eq!(reply.body["data"], json!({ "createTask": null }));
}

#[tokio::test]
async fn a_token_names_a_session_and_says_nothing_personal() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let (header, claims) = read(token(&ana));
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("EdDSA"))
    );
    let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "aud",
            "client_id",
            "exp",
            "gen",
            "iat",
            "iss",
            "jti",
            "sid",
            "sub"
        ]
    );
    assert_eq!(claims["iss"], "cubby");
    assert_eq!(claims["aud"], "cubby");
    assert!(claims["sub"].as_str().unwrap().starts_with("user_"));
    assert!(claims["sid"].as_str().unwrap().starts_with("session_"));
    assert_eq!(claims["iat"], app.now() / 1000);
    assert_eq!(claims["exp"], app.now() / 1000 + 15 * 60);
}

#[tokio::test]
async fn anybody_can_verify_a_token_with_the_published_key() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let reply = ana.get("/.well-known/jwks.json").await;
    assert_eq!(reply.header("content-type"), "application/jwk-set+json");
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(reply.body).unwrap();
    let (header, _) = read(token(&ana));
    let key = keys
        .find(header["kid"].as_str().unwrap())
        .expect("the key is published");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["cubby"]);
    validation.set_issuer(&["cubby"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).unwrap();
    jsonwebtoken::decode::<Value>(token(&ana), &key, &validation).expect("it verifies");
}

#[tokio::test]
async fn a_token_lives_for_fifteen_minutes_to_the_second() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    app.pass(Duration::from_mins(15) - Duration::from_millis(1));
    ana.ask(ME, json!({})).await;
    app.pass(Duration::from_millis(1));
    refused(&ana, "TOKEN_EXPIRED").await;
}

#[tokio::test]
async fn anything_but_one_well_formed_bearer_is_refused_and_never_nobody() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let good = token(&ana);
    let bearer = format!("Bearer {good}");
    for values in [
        vec![String::new()],
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
        vec![good.to_owned()],
        vec![format!("Basic {good}")],
        vec![format!("{bearer}, {bearer}")],
        vec![format!("{bearer} {good}")],
        vec![bearer.clone(), bearer.clone()],
        vec![format!("Bearer {}", "x".repeat(30_000))],
    ] {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        for value in &values {
            request = request.header("authorization", value);
        }
        let body = Body::from(json!({ "query": ME }).to_string());
        let reply = ana.request(request.body(body).unwrap()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (401, "TOKEN_INVALID"),
            "{values:?}"
        );
    }
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("authorization", format!("bearer {good}"))
        .body(Body::from(json!({ "query": ME }).to_string()))
        .unwrap();
    assert_eq!(ana.request(request).await.status, 200);
}

/// The token with its claims changed and signed anew by whoever has the shared secret.
fn resign(token: &str, change: impl FnOnce(&mut Header, &mut Value)) -> String {
    let (_, mut claims) = read(token);
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".to_owned());
    change(&mut header, &mut claims);
    jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_secret(SHARED.as_bytes()),
    )
    .unwrap()
}

async fn with_shared_secret(database: crate::harness::Database) -> Option<App> {
    App::start(database, &["--jwt-secret", SHARED]).await
}

#[tokio::test]
async fn with_a_shared_secret_tokens_are_hs256_and_no_key_is_published() {
    let Some(app) = with_shared_secret(super::DATABASE).await else {
        return;
    };
    let ana = app.sign_up("ana").await;
    assert_eq!(read(token(&ana)).0["alg"], "HS256");
    assert_eq!(
        ana.get("/.well-known/jwks.json").await.body,
        json!({ "keys": [] })
    );
    let same = ana.bearing(&resign(token(&ana), |_, _| {}));
    same.ask(ME, json!({})).await;
}

#[tokio::test]
async fn each_claim_of_a_rightly_signed_token_is_checked() {
    let Some(app) = with_shared_secret(super::DATABASE).await else {
        return;
    };
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let (_, of_ben) = read(token(&ben));
    let now = app.now() / 1000;
    let refused_with = async |reason: &str, change: &dyn Fn(&mut Header, &mut Value)| {
        refused(&ana.bearing(&resign(token(&ana), change)), reason).await;
    };
    refused_with("TOKEN_INVALID", &|header, _| {
        header.typ = Some("JWT".into())
    })
    .await;
    refused_with("TOKEN_INVALID", &|header, _| header.typ = None).await;
    refused_with("TOKEN_INVALID", &|header, _| header.kid = Some("1".into())).await;
    refused_with("TOKEN_INVALID", &|header, _| {
        header.crit = Some(vec!["exp".into()])
    })
    .await;
    for claim in ["iss", "aud", "client_id", "sub", "sid"] {
        refused_with("TOKEN_INVALID", &|_, claims| {
            claims[claim] = json!("another")
        })
        .await;
    }
    refused_with("TOKEN_INVALID", &|_, claims| {
        claims["aud"] = json!(["cubby", "another"])
    })
    .await;
    for claim in [
        "iss",
        "aud",
        "sub",
        "sid",
        "exp",
        "iat",
        "gen",
        "jti",
        "client_id",
    ] {
        refused_with("TOKEN_INVALID", &|_, claims| {
            claims.as_object_mut().unwrap().remove(claim);
        })
        .await;
    }
    refused_with("TOKEN_INVALID", &|_, claims| claims["nbf"] = json!(now + 1)).await;
    refused_with("TOKEN_INVALID", &|_, claims| {
        claims["exp"] = json!("tomorrow")
    })
    .await;
    refused_with("TOKEN_EXPIRED", &|_, claims| claims["exp"] = json!(now)).await;
    // Another person's session under one's own name, and the other way round.
    refused_with("TOKEN_INVALID", &|_, claims| {
        claims["sid"] = of_ben["sid"].clone()
    })
    .await;
    refused_with("TOKEN_INVALID", &|_, claims| {
        claims["sub"] = of_ben["sub"].clone()
    })
    .await;
    let no_session = json!("session_01h2xcejqtf2nbrexx3vqjhp41");
    refused_with("SESSION_ENDED", &|_, claims| {
        claims["sid"] = no_session.clone()
    })
    .await;
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let good = token(&ana).to_owned();
    let (header, claims) = read(&good);
    let jwks = ana.get("/.well-known/jwks.json").await.body;
    let public = URL_SAFE_NO_PAD
        .decode(jwks["keys"][0]["x"].as_str().unwrap())
        .unwrap();

    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = |alg: &str, signature: &str| {
        let header = json!({ "typ": "at+jwt", "alg": alg, "kid": header["kid"] });
        format!("{}.{}.{signature}", encode(&header), encode(&claims))
    };
    let mut with_public_key = Header::new(Algorithm::HS256);
    with_public_key.typ = Some("at+jwt".to_owned());
    with_public_key.kid = header["kid"].as_str().map(str::to_owned);
    let with_public_key = jsonwebtoken::encode(
        &with_public_key,
        &claims,
        &EncodingKey::from_secret(&public),
    )
    .unwrap();

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut swapped = claims.clone();
    swapped["sub"] = json!("user_01h2xcejqtf2nbrexx3vqjhp41");
    let head = good.split('.').next().unwrap();
    for forged in [
        unsigned("none", ""),
        unsigned("None", ""),
        unsigned("nOnE", signature),
        unsigned("HS256", signature),
        with_public_key,
        format!("{signed}."),
        format!("{signed}.{}", &signature[..signature.len() - 4]),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{head}.{}.{signature}", encode(&swapped)),
        good[..good.len() / 2].to_owned(),
        format!("{good}.{signature}"),
        ".".to_owned(),
        "..".to_owned(),
    ] {
        refused(&ana.bearing(&forged), "TOKEN_INVALID").await;
    }
    ana.ask(ME, json!({})).await;
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let app = app!();
    let other = app!("--secret", "another secret, at least as long as that");
    let ana = app.sign_up("ana").await;
    other.sign_up("ana").await;
    refused(&other.nobody().bearing(token(&ana)), "TOKEN_INVALID").await;
}

#[tokio::test]
async fn a_stale_header_never_keeps_anybody_from_signing_in() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    let sign_in = json!({ "input": { "email": "ana@example.com", "password": PASSWORD } });
    for query in [
        "mutation ($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }",
        "mutation ($input: SignInInput!) { __typename a: signIn(input: $input) { user { id } } }",
        "mutation ($input: SignInInput!) { ...F } fragment F on Mutation {
           ... on Mutation { signIn(input: $input) { user { tasks { totalCount } } } } }",
    ] {
        for stale in [ana.clone(), ana.bearing("forged")] {
            stale.ask(query, sign_in.clone()).await;
        }
    }
    ana.ask("{ service { version } __typename }", json!({}))
        .await;
}

#[tokio::test]
async fn a_stale_header_opens_nothing_else() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    for query in [
        "{ service { version } viewer { id } }",
        "{ signIn: viewer { id } }",
        "{ ...F } fragment F on Query { ... { viewer { id } } }",
        "{ service { version } node(id: \"x\") { id } }",
        "mutation { signOut { endedSessions } createTask(input: { title: \"x\" }) { task { id } } }",
        "{ __schema { queryType { name } } }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { id } }",
    ] {
        let reply = ana.send(query, json!({})).await;
        assert_eq!(
            (reply.status.as_u16(), reply.reason()),
            (401, "SESSION_ENDED"),
            "{query}"
        );
    }
    // Which operation counts is the one that is run.
    let two = "query Open { service { version } } query Private { viewer { id } }";
    let send = async |name: &str| {
        let body = json!({ "query": two, "operationName": name });
        ana.post(body.to_string()).await.status.as_u16()
    };
    assert_eq!(send("Open").await, 200);
    assert_eq!(send("Private").await, 401);
}

#[tokio::test]
async fn a_session_without_a_row_is_no_session() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    app.sql("DELETE FROM sessions RETURNING created_at").await;
    refused(&ana, "SESSION_ENDED").await;
}
