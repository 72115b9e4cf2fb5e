//! Tests of refreshing a session, and of replaced, reused and invalid refresh tokens.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Reply, TestEnv, apply, each_database};

const ME: &str = "{ viewer { email } }";

/// Longer than the period in which a replaced token is still accepted.
const AFTER_GRACE: Duration = Duration::from_secs(11);

const REFRESH: &str = "mutation ($input: RefreshSessionInput) { refreshSession(input: $input) {
    tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
    session { id lastActiveAt expiresAt } userErrors { code path message } } }";

async fn refresh(client: &Client, token: &str) -> Value {
    let input = json!({ "input": { "refreshToken": token } });
    // Without the access token, which has often expired.
    let mut nobody = client.clone();
    nobody.token = None;
    nobody.ask(REFRESH, input).await["refreshSession"].clone()
}

/// Refreshes with the current token, and stores the new tokens in the client.
async fn rotate(client: &mut Client) {
    let payload = refresh(client, &refresh_token_of(client)).await;
    client.take_tokens(&payload);
}

fn refresh_token_of(client: &Client) -> String {
    client.refresh_token.clone().expect("a refresh token")
}

fn code(payload: &Value) -> &str {
    assert_eq!(payload["tokens"], Value::Null, "{payload}");
    assert_eq!(
        payload["userErrors"][0]["path"],
        json!(["input", "refreshToken"])
    );
    payload["userErrors"][0]["code"].as_str().expect("a code")
}

async fn is_signed_in(client: &Client) -> bool {
    let reply: Reply = client.send(ME, json!({})).await;
    reply.status == 200 && reply.body["data"]["viewer"].is_object()
}

#[apply(each_database)]
async fn refresh_returns_new_tokens_and_extends_the_session(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let first = refresh_token_of(&ana);
    app.advance(Duration::from_hours(20 * 24));
    assert!(!is_signed_in(&ana).await);
    let payload = refresh(&ana, &first).await;
    assert_eq!(
        payload["tokens"]["accessTokenExpiresAt"],
        "2026-12-11T12:15:00.000Z"
    );
    assert_eq!(
        payload["tokens"]["refreshTokenExpiresAt"],
        "2027-01-10T12:00:00.000Z"
    );
    assert_eq!(
        payload["session"]["lastActiveAt"],
        "2026-12-11T12:00:00.000Z"
    );
    assert_eq!(payload["session"]["expiresAt"], "2027-02-19T12:00:00.000Z");
    ana.take_tokens(&payload);
    assert_ne!(refresh_token_of(&ana), first);
    assert!(is_signed_in(&ana).await);

    // The session is unused for 30 days.
    app.advance(Duration::from_hours(30 * 24));
    assert_eq!(
        code(&refresh(&ana, &refresh_token_of(&ana)).await),
        "TOKEN_INVALID"
    );
}

#[apply(each_database)]
async fn refresh_cannot_extend_past_the_session_end(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    for _ in 0..4 {
        app.advance(Duration::from_hours(20 * 24));
        rotate(&mut ana).await;
    }
    app.advance(Duration::from_hours(10 * 24) - Duration::from_mins(1));
    let payload = refresh(&ana, &refresh_token_of(&ana)).await;
    assert_eq!(
        payload["tokens"]["accessTokenExpiresAt"],
        "2027-02-19T12:00:00.000Z"
    );
    assert_eq!(
        payload["tokens"]["refreshTokenExpiresAt"],
        "2027-02-19T12:00:00.000Z"
    );
    ana.take_tokens(&payload);
    app.advance(Duration::from_mins(1));
    assert_eq!(
        code(&refresh(&ana, &refresh_token_of(&ana)).await),
        "TOKEN_INVALID"
    );
}

#[apply(each_database)]
async fn session_without_remember_me_ends_after_12_hours(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let sign_in = "mutation ($input: SignInInput!) { signIn(input: $input) {
        tokens { accessToken refreshToken refreshTokenExpiresAt } session { expiresAt }
        userErrors { code } } }";
    let input = json!({ "email": "ana@example.com", "password": crate::harness::PASSWORD,
                        "rememberMe": false });
    let mut phone = app.anonymous();
    let payload = phone.ask(sign_in, json!({ "input": input })).await["signIn"].clone();
    assert_eq!(payload["session"]["expiresAt"], "2026-11-22T00:00:00.000Z");
    assert_eq!(
        payload["tokens"]["refreshTokenExpiresAt"],
        "2026-11-22T00:00:00.000Z"
    );
    phone.take_tokens(&payload);
    app.advance(Duration::from_hours(11));
    rotate(&mut phone).await;
    app.advance(Duration::from_hours(1));
    assert_eq!(
        code(&refresh(&phone, &refresh_token_of(&phone)).await),
        "TOKEN_INVALID"
    );
}

#[apply(each_database)]
async fn concurrent_refreshes_stay_signed_in(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let token = refresh_token_of(&ana);
    let tabs = join_all((0..16).map(|_| refresh(&ana, &token))).await;
    let mut successors = tabs.iter().map(|tab| &tab["tokens"]["refreshToken"]);
    let successor = successors.next().unwrap();
    assert!(successor.is_string(), "{tabs:?}");
    assert!(successors.all(|other| other == successor));
    for tab in &tabs {
        let token = tab["tokens"]["accessToken"].as_str().unwrap();
        assert!(is_signed_in(&ana.with_token(token)).await);
    }
    // A replaced token is accepted for ten seconds, even though its successor is in use.
    app.advance(Duration::from_secs(10));
    let late = refresh(&ana, &token).await;
    assert_eq!(&late["tokens"]["refreshToken"], successor);
}

#[apply(each_database)]
async fn concurrent_refreshes_on_two_instances_stay_signed_in(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = app.sign_up("ana").await;
    let token = refresh_token_of(&ana);
    let tabs = (0..16).map(|number| {
        let (instance, token) = (if number % 2 == 0 { &app } else { &other }, &token);
        async move { refresh(&instance.anonymous(), token).await }
    });
    let tabs = join_all(tabs).await;
    let successor = &tabs[0]["tokens"]["refreshToken"];
    assert!(successor.is_string(), "{tabs:?}");
    for (number, tab) in tabs.iter().enumerate() {
        assert_eq!(&tab["tokens"]["refreshToken"], successor);
        // Each access token is accepted by the other instance.
        let instance = if number % 2 == 0 { &other } else { &app };
        let token = tab["tokens"]["accessToken"].as_str().unwrap();
        assert!(is_signed_in(&instance.anonymous().with_token(token)).await);
    }
    let next = refresh(&other.anonymous(), successor.as_str().unwrap()).await;
    assert!(next["tokens"]["refreshToken"].is_string(), "{next}");
}

#[apply(each_database)]
async fn lost_refresh_response_can_be_retried_an_hour_later(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let lost = refresh(&ana, &refresh_token_of(&ana)).await;
    app.advance(Duration::from_hours(1));
    let again = refresh(&ana, &refresh_token_of(&ana)).await;
    assert_eq!(
        again["tokens"]["refreshToken"],
        lost["tokens"]["refreshToken"]
    );
    let token = again["tokens"]["accessToken"].as_str().unwrap();
    assert!(is_signed_in(&ana.with_token(token)).await);
}

#[apply(each_database)]
async fn reuse_of_a_stolen_token_ends_the_session(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let stolen = refresh_token_of(&ana);
    rotate(&mut ana).await;
    assert!(is_signed_in(&ana).await);
    app.advance(AFTER_GRACE);
    assert_eq!(code(&refresh(&ana, &stolen).await), "TOKEN_REUSED");
    assert!(!is_signed_in(&ana).await);
    assert_eq!(
        code(&refresh(&ana, &refresh_token_of(&ana)).await),
        "TOKEN_INVALID"
    );
    assert_eq!(
        app.sign_in("ana").await.events().await,
        ["SIGNED_IN", "REFRESH_TOKEN_REUSED", "SIGNED_UP"]
    );
}

#[apply(each_database)]
async fn owner_refresh_ends_a_session_refreshed_by_a_thief(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut thief = ana.clone();
    rotate(&mut thief).await;
    assert!(is_signed_in(&thief).await);
    app.advance(AFTER_GRACE);
    assert_eq!(
        code(&refresh(&ana, &refresh_token_of(&ana)).await),
        "TOKEN_REUSED"
    );
    assert!(!is_signed_in(&thief).await);
    assert_eq!(
        code(&refresh(&thief, &refresh_token_of(&thief)).await),
        "TOKEN_INVALID"
    );
    assert_eq!(
        app.sign_in("ana").await.events().await,
        ["SIGNED_IN", "REFRESH_TOKEN_REUSED", "SIGNED_UP"]
    );
}

#[apply(each_database)]
async fn token_two_generations_old_is_always_reuse(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let oldest = refresh_token_of(&ana);
    rotate(&mut ana).await;
    rotate(&mut ana).await;
    assert_eq!(code(&refresh(&ana, &oldest).await), "TOKEN_REUSED");
    assert!(!is_signed_in(&ana).await);
}

#[apply(each_database)]
async fn invalid_refresh_token_is_rejected_and_ends_nothing(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let token = refresh_token_of(&ana);
    let (text, tag) = token.rsplit_once('.').unwrap();
    let (session, _) = text.rsplit_once('.').unwrap();
    let (_, tag_of_ben) = ben
        .refresh_token
        .as_ref()
        .unwrap()
        .rsplit_once('.')
        .unwrap();
    for forged in [
        String::new(),
        "x".to_owned(),
        ana.token.clone().unwrap(),
        session.to_owned(),
        text.to_owned(),
        format!("{session}.2.{tag}"),
        format!("{session}.01.{tag}"),
        format!("{text}.{tag_of_ben}"),
        format!("{token} "),
        format!("{token}="),
        "x".repeat(100_000),
    ] {
        assert_eq!(
            code(&refresh(&ana, &forged).await),
            "TOKEN_INVALID",
            "{forged}"
        );
    }
    let payload = app.anonymous().ask(REFRESH, json!({})).await;
    assert_eq!(code(&payload["refreshSession"]), "TOKEN_INVALID");
    assert!(is_signed_in(&ana).await);
    assert!(refresh(&ana, &token).await["tokens"]["accessToken"].is_string());
}

#[apply(each_database)]
async fn refresh_tokens_cannot_be_made_from_the_database(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let token = refresh_token_of(&ana);
    let (text, tag) = token.rsplit_once('.').unwrap();
    let (_, generation) = text.rsplit_once('.').unwrap();
    assert_eq!(
        app.sql("SELECT CAST(generation AS BIGINT) FROM sessions")
            .await,
        [generation.parse::<i64>().unwrap()]
    );
    // The token's tag is not stored.
    for column in ["delivery", "label", "user_agent", "ip_address"] {
        let holding = format!("SELECT count(*) FROM sessions WHERE {column} LIKE '%{tag}%'");
        assert_eq!(app.sql(&holding).await, [0]);
    }
}

#[apply(each_database)]
async fn refresh_token_signs_out_after_access_token_expiry(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    app.advance(Duration::from_hours(1));
    let sign_out = "mutation ($input: SignOutInput) { signOut(input: $input) { endedSessions } }";
    let input = json!({ "input": { "refreshToken": refresh_token_of(&phone) } });
    let data = app.anonymous().ask(sign_out, input.clone()).await;
    assert_eq!(data["signOut"]["endedSessions"], 1);
    // Repeating the sign-out ends no further session.
    let data = app.anonymous().ask(sign_out, input).await;
    assert_eq!(data["signOut"]["endedSessions"], 0);
    assert_eq!(
        code(&refresh(&phone, &refresh_token_of(&phone)).await),
        "TOKEN_INVALID"
    );

    // A replaced token ends only its own session, even with `everywhere`.
    let mut laptop = app.sign_in("ana").await;
    let replaced =
        json!({ "input": { "refreshToken": refresh_token_of(&laptop), "everywhere": true } });
    rotate(&mut laptop).await;
    let data = app.anonymous().ask(sign_out, replaced).await;
    assert_eq!(data["signOut"]["endedSessions"], 1);
    app.sign_in("ana").await;
    let input = json!({ "input": { "refreshToken": refresh_token_of(&ana), "everywhere": true } });
    let data = app.anonymous().ask(sign_out, input).await;
    assert_eq!(data["signOut"]["endedSessions"], 2);
}

#[apply(each_database)]
async fn concurrent_refresh_and_sign_out_end_the_session(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    for _ in 0..5 {
        let mut ana = app.sign_in("ana").await;
        let token = refresh_token_of(&ana);
        let sign_out = "mutation { signOut { endedSessions } }";
        let (payload, _) = tokio::join!(refresh(&ana, &token), ana.send(sign_out, json!({})));
        if payload["tokens"].is_object() {
            ana.take_tokens(&payload);
        }
        assert!(!is_signed_in(&ana).await, "{payload}");
    }
}
