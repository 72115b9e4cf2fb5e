//! Refreshing: who stays signed in, and what a token that was replaced still does.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Reply, TestEnv, apply, each_database};

const ME: &str = "{ viewer { email } }";

/// Longer than a token that was replaced gives its successor whatever happens.
const LATER: Duration = Duration::from_secs(11);

const REFRESH: &str = "mutation ($input: RefreshSessionInput) { refreshSession(input: $input) {
    tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
    session { id lastActiveAt expiresAt } userErrors { code path message } } }";

async fn refresh(client: &Client, token: &str) -> Value {
    let input = json!({ "input": { "refreshToken": token } });
    // With no other credentials: the access token has often expired.
    let mut nobody = client.clone();
    nobody.token = None;
    nobody.ask(REFRESH, input).await["refreshSession"].clone()
}

/// Refreshes with the current token, and goes on with what that gives.
async fn rotate(client: &mut Client) {
    let payload = refresh(client, &held(client)).await;
    client.take_tokens(&payload);
}

fn held(client: &Client) -> String {
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
async fn a_refresh_token_gives_the_next_tokens_and_the_session_slides(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let first = held(&ana);
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
    assert_ne!(held(&ana), first);
    assert!(is_signed_in(&ana).await);

    // Nobody uses it for 30 days.
    app.advance(Duration::from_hours(30 * 24));
    assert_eq!(code(&refresh(&ana, &held(&ana)).await), "TOKEN_INVALID");
}

#[apply(each_database)]
async fn no_refresh_passes_the_end_of_the_session(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    for _ in 0..4 {
        app.advance(Duration::from_hours(20 * 24));
        rotate(&mut ana).await;
    }
    app.advance(Duration::from_hours(10 * 24) - Duration::from_mins(1));
    let payload = refresh(&ana, &held(&ana)).await;
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
    assert_eq!(code(&refresh(&ana, &held(&ana)).await), "TOKEN_INVALID");
}

#[apply(each_database)]
async fn who_is_not_to_be_remembered_is_signed_out_after_12_hours(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let sign_in = "mutation ($input: SignInInput!) { signIn(input: $input) {
        tokens { accessToken refreshToken refreshTokenExpiresAt } session { expiresAt }
        userErrors { code } } }";
    let input = json!({ "email": "ana@example.com", "password": crate::harness::PASSWORD,
                        "rememberMe": false });
    let mut phone = app.nobody();
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
    assert_eq!(code(&refresh(&phone, &held(&phone)).await), "TOKEN_INVALID");
}

#[apply(each_database)]
async fn tabs_that_refresh_at_once_all_stay_signed_in(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let token = held(&ana);
    let tabs = join_all((0..16).map(|_| refresh(&ana, &token))).await;
    let mut successors = tabs.iter().map(|tab| &tab["tokens"]["refreshToken"]);
    let successor = successors.next().unwrap();
    assert!(successor.is_string(), "{tabs:?}");
    assert!(successors.all(|other| other == successor));
    for tab in &tabs {
        let token = tab["tokens"]["accessToken"].as_str().unwrap();
        assert!(is_signed_in(&ana.with_token(token)).await);
    }
    // A late one, though the successor is in use by now.
    app.advance(Duration::from_secs(10));
    let late = refresh(&ana, &token).await;
    assert_eq!(&late["tokens"]["refreshToken"], successor);
}

#[apply(each_database)]
async fn tabs_on_two_instances_all_stay_signed_in(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = app.sign_up("ana").await;
    let token = held(&ana);
    let tabs = (0..16).map(|number| {
        let (instance, token) = (if number % 2 == 0 { &app } else { &other }, &token);
        async move { refresh(&instance.nobody(), token).await }
    });
    let tabs = join_all(tabs).await;
    let successor = &tabs[0]["tokens"]["refreshToken"];
    assert!(successor.is_string(), "{tabs:?}");
    for (number, tab) in tabs.iter().enumerate() {
        assert_eq!(&tab["tokens"]["refreshToken"], successor);
        // Each goes on at the instance that it did not refresh at.
        let instance = if number % 2 == 0 { &other } else { &app };
        let token = tab["tokens"]["accessToken"].as_str().unwrap();
        assert!(is_signed_in(&instance.nobody().with_token(token)).await);
    }
    let next = refresh(&other.nobody(), successor.as_str().unwrap()).await;
    assert!(next["tokens"]["refreshToken"].is_string(), "{next}");
}

#[apply(each_database)]
async fn a_refresh_whose_answer_was_lost_succeeds_an_hour_later(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let lost = refresh(&ana, &held(&ana)).await;
    app.advance(Duration::from_hours(1));
    let again = refresh(&ana, &held(&ana)).await;
    assert_eq!(
        again["tokens"]["refreshToken"],
        lost["tokens"]["refreshToken"]
    );
    let token = again["tokens"]["accessToken"].as_str().unwrap();
    assert!(is_signed_in(&ana.with_token(token)).await);
}

#[apply(each_database)]
async fn a_thief_with_an_older_token_ends_the_session_at_the_first_use_of_it(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let stolen = held(&ana);
    rotate(&mut ana).await;
    assert!(is_signed_in(&ana).await);
    app.advance(LATER);
    assert_eq!(code(&refresh(&ana, &stolen).await), "TOKEN_REUSED");
    assert!(!is_signed_in(&ana).await);
    assert_eq!(code(&refresh(&ana, &held(&ana)).await), "TOKEN_INVALID");
    assert_eq!(
        app.sign_in("ana").await.events().await,
        ["SIGNED_IN", "REFRESH_TOKEN_REUSED", "SIGNED_UP"]
    );
}

#[apply(each_database)]
async fn a_thief_who_refreshes_first_is_signed_out_at_the_owners_next_refresh(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut thief = ana.clone();
    rotate(&mut thief).await;
    assert!(is_signed_in(&thief).await);
    app.advance(LATER);
    assert_eq!(code(&refresh(&ana, &held(&ana)).await), "TOKEN_REUSED");
    assert!(!is_signed_in(&thief).await);
    assert_eq!(code(&refresh(&thief, &held(&thief)).await), "TOKEN_INVALID");
    assert_eq!(
        app.sign_in("ana").await.events().await,
        ["SIGNED_IN", "REFRESH_TOKEN_REUSED", "SIGNED_UP"]
    );
}

#[apply(each_database)]
async fn a_token_that_is_older_than_the_one_before_is_never_forgiven(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let oldest = held(&ana);
    rotate(&mut ana).await;
    rotate(&mut ana).await;
    assert_eq!(code(&refresh(&ana, &oldest).await), "TOKEN_REUSED");
    assert!(!is_signed_in(&ana).await);
}

#[apply(each_database)]
async fn what_is_no_refresh_token_of_ours_opens_nothing_and_ends_nothing(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let token = held(&ana);
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
    let payload = app.nobody().ask(REFRESH, json!({})).await;
    assert_eq!(code(&payload["refreshSession"]), "TOKEN_INVALID");
    assert!(is_signed_in(&ana).await);
    assert!(refresh(&ana, &token).await["tokens"]["accessToken"].is_string());
}

#[apply(each_database)]
async fn who_reads_the_database_can_make_no_refresh_token(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let token = held(&ana);
    let (text, tag) = token.rsplit_once('.').unwrap();
    let (_, generation) = text.rsplit_once('.').unwrap();
    assert_eq!(
        app.sql("SELECT CAST(generation AS BIGINT) FROM sessions")
            .await,
        [generation.parse::<i64>().unwrap()]
    );
    // The rest of the token is in no column.
    for column in ["delivery", "label", "user_agent", "ip_address"] {
        let holding = format!("SELECT count(*) FROM sessions WHERE {column} LIKE '%{tag}%'");
        assert_eq!(app.sql(&holding).await, [0]);
    }
}

#[apply(each_database)]
async fn a_refresh_token_signs_out_where_the_access_token_has_expired(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    app.advance(Duration::from_hours(1));
    let sign_out = "mutation ($input: SignOutInput) { signOut(input: $input) { endedSessions } }";
    let input = json!({ "input": { "refreshToken": held(&phone) } });
    let data = app.nobody().ask(sign_out, input.clone()).await;
    assert_eq!(data["signOut"]["endedSessions"], 1);
    // Said again, it ends nothing more.
    let data = app.nobody().ask(sign_out, input).await;
    assert_eq!(data["signOut"]["endedSessions"], 0);
    assert_eq!(code(&refresh(&phone, &held(&phone)).await), "TOKEN_INVALID");

    // One that was replaced ends its own session alone.
    let mut laptop = app.sign_in("ana").await;
    let replaced = json!({ "input": { "refreshToken": held(&laptop), "everywhere": true } });
    rotate(&mut laptop).await;
    let data = app.nobody().ask(sign_out, replaced).await;
    assert_eq!(data["signOut"]["endedSessions"], 1);
    app.sign_in("ana").await;
    let input = json!({ "input": { "refreshToken": held(&ana), "everywhere": true } });
    let data = app.nobody().ask(sign_out, input).await;
    assert_eq!(data["signOut"]["endedSessions"], 2);
}

#[apply(each_database)]
async fn of_refreshes_and_ends_at_once_each_leaves_one_truth(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    for _ in 0..5 {
        let mut ana = app.sign_in("ana").await;
        let token = held(&ana);
        let sign_out = "mutation { signOut { endedSessions } }";
        let (payload, _) = tokio::join!(refresh(&ana, &token), ana.send(sign_out, json!({})));
        if payload["tokens"].is_object() {
            ana.take_tokens(&payload);
        }
        assert!(!is_signed_in(&ana).await, "{payload}");
    }
}
