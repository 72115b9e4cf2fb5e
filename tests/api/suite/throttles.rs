//! How often credentials may be tried, and who does not feel it.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo, http::Request};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Reply, TestEnv, apply, each_database};

const ERRORS: &str = "userErrors { code path message ... on RateLimitedError { retryAfter } }";

/// A server that spares nobody.
async fn throttled(env: &TestEnv, flags: &[&str]) -> App {
    let production = ["--mode", "production", "--throttles", "on"];
    env.app_with(&[&production, flags].concat()).await
}

/// Sends it from this address.
async fn send(client: &Client, address: &str, query: &str, variables: Value) -> Reply {
    let peer: SocketAddr = format!("{address}:4711").parse().unwrap();
    let mut request = Request::post("/graphql")
        .header("content-type", "application/json")
        .extension(ConnectInfo(peer));
    if let Some(token) = &client.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = json!({ "query": query, "variables": variables }).to_string();
    client
        .request(request.body(Body::from(body)).unwrap())
        .await
}

/// The first error of an attempt to sign in, or nothing.
async fn sign_in(app: &App, address: &str, email: &str, password: &str) -> Value {
    let query = format!(
        "mutation ($input: SignInInput!) {{ signIn(input: $input) {{ user {{ id }} {ERRORS} }} }}"
    );
    let input = json!({ "email": email, "password": password });
    let reply = send(&app.nobody(), address, &query, json!({ "input": input })).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["data"]["signIn"]["userErrors"][0].clone()
}

/// How long to wait for the next attempt, in seconds; nothing when it was made and failed.
async fn wait(app: &App, address: &str, email: &str) -> Option<u64> {
    let error = sign_in(app, address, email, "a guess of it").await;
    match error["code"].as_str() {
        Some("INVALID_CREDENTIALS") => None,
        Some("RATE_LIMITED") => {
            assert_eq!(error["path"], Value::Null);
            assert!(
                error["message"].as_str().unwrap().contains("Try again in"),
                "{error}"
            );
            Some(error["retryAfter"].as_u64().unwrap())
        }
        _ => panic!("{error}"),
    }
}

async fn sign_up(app: &App, address: &str, email: &str) -> Value {
    let query = format!(
        "mutation ($input: SignUpInput!) {{ signUp(input: $input) {{ user {{ id }} {ERRORS} }} }}"
    );
    let input = json!({ "email": email, "password": PASSWORD });
    let reply = send(&app.nobody(), address, &query, json!({ "input": input })).await;
    reply.body["data"]["signUp"]["userErrors"][0].clone()
}

#[apply(each_database)]
async fn guesses_wait_longer_each_time_and_after_ten_until_a_quarter_has_passed(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    // An address that nobody has is answered just so.
    for email in ["ana@example.com", "nobody@example.com"] {
        let begun = app.now();
        for _ in 0..4 {
            assert_eq!(wait(&app, "192.0.2.1", email).await, None);
        }
        for delay in [1, 2, 4, 8, 16, 32] {
            assert_eq!(wait(&app, "192.0.2.1", email).await, Some(delay), "{email}");
            app.advance(Duration::from_secs(delay) - Duration::from_millis(1));
            assert_eq!(wait(&app, "192.0.2.1", email).await, Some(1), "{email}");
            app.advance(Duration::from_millis(1));
            assert_eq!(wait(&app, "192.0.2.1", email).await, None, "{email}");
        }
        let left = 15 * 60 - (app.now() - begun) / 1000;
        let waits = wait(&app, "192.0.2.1", email).await;
        assert_eq!(waits.map(|it| it as i64), Some(left), "{email}");
        app.advance(Duration::from_secs(left as u64));
        assert_eq!(wait(&app, "192.0.2.1", email).await, None, "{email}");
    }
    let reply = sign_in(&app, "192.0.2.1", "ana@example.com", PASSWORD).await;
    assert_eq!(reply, Value::Null);
}

#[apply(each_database)]
async fn many_guesses_at_once_are_no_more_than_many_in_turn(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    let guesses = (0..30).map(|_| wait(&app, "192.0.2.1", "ana@example.com"));
    let made = join_all(guesses).await.into_iter().filter(Option::is_none);
    assert_eq!(made.count(), 4);
}

/// Of two at once, that which began first may be counted last.
#[apply(each_database)]
async fn an_attempt_is_not_refused_for_one_that_began_after_it(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for number in 0..28 {
        app.advance(Duration::from_millis(5));
        let (later, earlier) = (
            format!("l{number}@example.com"),
            format!("e{number}@example.com"),
        );
        assert_eq!(wait(&app, "192.0.2.1", &later).await, None);
        app.set_back(Duration::from_millis(3));
        assert_eq!(wait(&app, "192.0.2.1", &earlier).await, None, "{number}");
    }
}

#[apply(each_database)]
async fn only_failures_count(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "192.0.2.1", "ana@example.com").await;
    for _ in 0..70 {
        let error = sign_in(&app, "192.0.2.1", "ana@example.com", PASSWORD).await;
        assert_eq!(error, Value::Null);
    }
    // That of signing up.
    let counted = "SELECT CAST(sum(count) AS BIGINT) FROM credential_attempts";
    assert_eq!(app.sql(counted).await, [1]);
    // A success forgets what was wrong before it.
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(wait(&app, "192.0.2.1", "ana@example.com").await, None);
        }
        app.advance(Duration::from_secs(1));
        let error = sign_in(&app, "192.0.2.1", "ana@example.com", PASSWORD).await;
        assert_eq!(error, Value::Null);
    }
}

#[apply(each_database)]
async fn a_network_guesses_sixty_times_whoever_it_guesses_at(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for number in 0..60 {
        // Whoever has one address of a /64 has all of it.
        let address = format!("[2001:db8::{number:x}]");
        let email = format!("person{number}@example.com");
        assert_eq!(wait(&app, &address, &email).await, None, "{number}");
    }
    assert_eq!(
        wait(&app, "[2001:db8::ffff]", "another@example.com").await,
        Some(15 * 60)
    );
    assert_eq!(
        wait(&app, "[2001:db8:0:1::1]", "another@example.com").await,
        None
    );
    app.advance(Duration::from_mins(15));
    assert_eq!(
        wait(&app, "[2001:db8::ffff]", "another@example.com").await,
        None
    );
}

#[apply(each_database)]
async fn a_stranger_cannot_lock_somebody_out_of_where_they_have_been(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    for number in 0..100 {
        let address = format!("203.0.113.{number}");
        assert_eq!(
            wait(&app, &address, "ana@example.com").await,
            None,
            "{number}"
        );
    }
    let elsewhere = sign_in(&app, "192.0.2.9", "ana@example.com", PASSWORD).await;
    assert_eq!(elsewhere["code"], "RATE_LIMITED");
    assert_eq!(elsewhere["retryAfter"], 60 * 60);
    let at_home = sign_in(&app, "198.51.100.1", "ana@example.com", PASSWORD).await;
    assert_eq!(at_home, Value::Null);
    app.advance(Duration::from_hours(1));
    let elsewhere = sign_in(&app, "192.0.2.9", "ana@example.com", PASSWORD).await;
    assert_eq!(elsewhere, Value::Null);
}

#[apply(each_database)]
async fn a_network_makes_twenty_accounts_an_hour(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for number in 0..20 {
        let error = sign_up(&app, "192.0.2.1", &format!("person{number}@example.com")).await;
        assert_eq!(error, Value::Null);
    }
    let error = sign_up(&app, "192.0.2.1", "one.more@example.com").await;
    assert_eq!(
        (&error["code"], &error["retryAfter"]),
        (&json!("RATE_LIMITED"), &json!(3600))
    );
    assert_eq!(
        sign_up(&app, "192.0.2.2", "one.more@example.com").await,
        Value::Null
    );
}

#[apply(each_database)]
async fn the_current_password_is_guessed_no_oftener_than_at_signing_in(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    let ana = app.sign_up("ana").await;
    let change = format!(
        "mutation ($input: ChangePasswordInput!) {{ changePassword(input: $input) {{ {ERRORS} }} }}"
    );
    let input = json!({ "currentPassword": "a guess of it", "newPassword": "another good one" });
    let mut codes = Vec::new();
    for _ in 0..5 {
        let reply = send(&ana, "192.0.2.1", &change, json!({ "input": input })).await;
        codes.push(reply.body["data"]["changePassword"]["userErrors"][0]["code"].clone());
    }
    assert_eq!(codes[3], "INVALID_CREDENTIALS");
    assert_eq!(codes[4], "RATE_LIMITED");
    assert_eq!(wait(&app, "192.0.2.1", "ana@example.com").await, Some(1));
}

#[apply(each_database)]
async fn attempts_are_counted_in_the_database_and_say_nothing_of_whose_they_are(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for _ in 0..4 {
        assert_eq!(wait(&app, "192.0.2.1", "ana@example.com").await, None);
    }
    let restarted = app.env.start(&["--mode", "production"]).await.unwrap();
    assert_eq!(
        wait(&restarted, "192.0.2.1", "ana@example.com").await,
        Some(1)
    );
    let lengths = app
        .sql("SELECT CAST(length(id) AS BIGINT) FROM credential_attempts")
        .await;
    assert_eq!(lengths, [32, 32, 32]);
}

#[apply(each_database)]
async fn a_session_is_refreshed_sixty_times_a_minute(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    let mut ana = app.sign_up("ana").await;
    let refresh = "mutation ($token: String) { refreshSession(input: { refreshToken: $token }) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    for _ in 0..60 {
        let variables = json!({ "token": ana.refresh_token });
        let payload = ana.ask(refresh, variables).await["refreshSession"].clone();
        ana.take_tokens(&payload);
    }
    let reply = ana
        .send(refresh, json!({ "token": ana.refresh_token }))
        .await;
    assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"));
    assert_eq!(reply.header("retry-after"), "60");
    assert_eq!(reply.body["errors"][0]["extensions"]["retryAfter"], 60);
    app.advance(Duration::from_mins(1));
    let payload = ana
        .ask(refresh, json!({ "token": ana.refresh_token }))
        .await;
    assert_eq!(payload["refreshSession"]["userErrors"], json!([]));
}

#[apply(each_database)]
async fn a_person_spends_so_many_points_a_minute(env: TestEnv) {
    let app = throttled(
        &env,
        &[
            "--max-cost",
            "40000",
            "--max-aliases",
            "400",
            "--max-fields",
            "2000",
        ],
    )
    .await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let pages = (0..300).map(|number| format!("p{number}: tasks(first: 100) {{ nodes {{ id }} }}"));
    let dear = format!("{{ viewer {{ {} }} }}", pages.collect::<Vec<_>>().join(" "));
    // More than half of what there is.
    ana.ask(&dear, json!({})).await;
    let reply = ana.send(&dear, json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"));
    assert_eq!(reply.header("retry-after"), "60");
    assert_eq!(reply.body.get("data"), None);
    ana.ask("{ viewer { id } }", json!({})).await;
    ben.ask(&dear, json!({})).await;
    app.advance(Duration::from_mins(1));
    ana.ask(&dear, json!({})).await;
}

/// Sends the query until it is refused, and says how often it was not.
async fn times_until_refused(client: &Client, query: &str, variables: &Value) -> usize {
    for times in 0..30 {
        let reply = client.send(query, variables.clone()).await;
        if reply.status != 200 {
            assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"));
            return times;
        }
    }
    panic!("{query} is not refused");
}

#[apply(each_database)]
async fn lists_cost_what_no_index_saves(env: TestEnv) {
    env.seed(2, 2_000, "example.com").await;
    let flags = [
        "--mode",
        "production",
        "--throttles",
        "on",
        "--max-cost",
        "4000",
    ];
    let app = env.start(&flags).await.unwrap();
    let ana = app.sign_in_with("person-1", PASSWORD).await;
    let ben = app.sign_in_with("person-2", PASSWORD).await;
    let many = |count: usize, field: &str| {
        let fields: Vec<_> = (0..count)
            .map(|number| format!("a{number}: {field}"))
            .collect();
        fields.join(" ")
    };
    let ids: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let spend = format!(
        "query ($ids: [ID!]!) {{ {} }}",
        many(20, "nodes(ids: $ids) { id }")
    );
    let a_little = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    // Leaves 900 of the 60,000 points of a minute.
    let spend_most = async || {
        app.advance(Duration::from_mins(1));
        for (query, times) in [(spend.as_str(), 28), (a_little, 31)] {
            for _ in 0..times {
                ana.ask(query, json!({ "ids": ids })).await;
            }
        }
    };
    let patterns: Vec<_> = (0..49)
        .map(|number| json!({ "title": { "contains": format!("no{number}") } }))
        .collect();
    let filtered = "query ($filter: TaskFilter) { viewer { tasks(first: 1, filter: $filter) { nodes { id } } } }";
    let filter = json!({ "filter": { "or": patterns } });
    for (query, variables, times) in [
        // 2,000 tasks times 49 patterns of 10 comparisons are 980 points; the document costs 52.
        (filtered.to_owned(), &filter, 0),
        // In each of 30 lists 22 points, and 1 for the document's.
        (
            format!(
                "{{ viewer {{ {} }} }}",
                many(
                    30,
                    "tasks(first: 1, orderBy: [{ field: TITLE }]) { nodes { id } }"
                )
            ),
            &Value::Null,
            1,
        ),
        (
            format!(
                "{{ viewer {{ {} }} }}",
                many(30, "tasks(first: 1) { totalCount }")
            ),
            &Value::Null,
            7,
        ),
        (
            format!("{{ viewer {{ {} }} }}", many(30, "taskCounts { open }")),
            &Value::Null,
            3,
        ),
    ] {
        spend_most().await;
        assert_eq!(
            times_until_refused(&ana, &query, variables).await,
            times,
            "{query}"
        );
        ben.ask(&query, variables.clone()).await;
    }
    // Moving 2,000 tasks is 300 points.
    spend_most().await;
    let zone = "mutation ($zone: TimeZone!) { updateProfile(input: { timeZone: $zone }) { userErrors { code } } }";
    for (zone_name, status) in [
        ("Asia/Tokyo", 200),
        ("Asia/Tokyo", 200),
        ("Europe/Berlin", 200),
        ("Asia/Tokyo", 429),
    ] {
        let reply = ana.send(zone, json!({ "zone": zone_name })).await;
        assert_eq!(reply.status.as_u16(), status, "{zone_name}: {}", reply.body);
    }
    // What an index answers costs what its document says.
    spend_most().await;
    let by_index = "{ viewer { tasks(first: 10, orderBy: [{ field: DUE }]) { nodes { id } } } }";
    for _ in 0..60 {
        ana.ask(by_index, json!({})).await;
    }
}

#[apply(each_database)]
async fn whoever_comes_through_a_trusted_proxy_is_counted_by_their_own_address(env: TestEnv) {
    let app = throttled(&env, &["--trusted-proxies", "10.0.0.0/8,192.0.2.1"]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    let sign_in = "mutation ($input: SignInInput!) { signIn(input: $input) {
        session { ipAddress } userErrors { code } } }";
    let run = async |peer: &str, forwarded: &str, password: &str| {
        let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
        let input = json!({ "email": "ana@example.com", "password": password });
        let body = json!({ "query": sign_in, "variables": { "input": input } }).to_string();
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("x-forwarded-for", forwarded)
            .extension(ConnectInfo(peer));
        let request = request.body(Body::from(body)).unwrap();
        app.nobody().request(request).await.body["data"]["signIn"].clone()
    };
    for _ in 0..4 {
        let payload = run("10.1.2.3", "203.0.113.7", "a guess of it").await;
        assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    }
    let payload = run("192.0.2.1", "203.0.113.7", "a guess of it").await;
    assert_eq!(payload["userErrors"][0]["code"], "RATE_LIMITED");
    // Another client of the same proxy does not feel it; nor does whoever only says so.
    let payload = run("10.1.2.3", "203.0.113.7, 203.0.113.8", PASSWORD).await;
    assert_eq!(payload["session"]["ipAddress"], "203.0.113.8");
    let payload = run("198.51.100.9", "203.0.113.7", PASSWORD).await;
    assert_eq!(payload["session"]["ipAddress"], "198.51.100.9");
}

#[apply(each_database)]
async fn on_the_same_machine_nobody_waits_in_development(env: TestEnv) {
    let app = env
        .app_with(&["--mode", "development", "--throttles", "on"])
        .await;
    sign_up(&app, "127.0.0.1", "ana@example.com").await;
    for _ in 0..12 {
        assert_eq!(wait(&app, "127.0.0.1", "ana@example.com").await, None);
    }
    for _ in 0..4 {
        assert_eq!(wait(&app, "192.0.2.1", "ana@example.com").await, None);
    }
    assert_eq!(wait(&app, "192.0.2.1", "ana@example.com").await, Some(1));
}
