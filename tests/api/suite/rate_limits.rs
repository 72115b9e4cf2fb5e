//! Tests of rate limits: credentials, sign-ups, refreshes and cost per minute.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo, http::Request};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Reply, TestEnv, apply, each_database};

const ERRORS: &str = "userErrors { code path message ... on RateLimitedError { retryAfter } }";

/// Starts an app in production mode, which has rate limits for all addresses.
async fn throttled(env: &TestEnv, flags: &[&str]) -> App {
    let production = ["--mode", "production", "--throttles", "on"];
    env.app_with(&[&production, flags].concat()).await
}

/// Sends a query from the IP address.
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

/// Attempts to sign in, and returns the first error, or null.
async fn sign_in(app: &App, address: &str, email: &str, password: &str) -> Value {
    let query = format!(
        "mutation ($input: SignInInput!) {{ signIn(input: $input) {{ user {{ id }} {ERRORS} }} }}"
    );
    let input = json!({ "email": email, "password": password });
    let reply = send(&app.anonymous(), address, &query, json!({ "input": input })).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["data"]["signIn"]["userErrors"][0].clone()
}

/// Attempts to sign in with a wrong password. Returns `retryAfter` in seconds if the attempt is
/// rate limited, or `None` if the password was checked.
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
    let reply = send(&app.anonymous(), address, &query, json!({ "input": input })).await;
    reply.body["data"]["signUp"]["userErrors"][0].clone()
}

#[apply(each_database)]
async fn failed_sign_ins_back_off_then_wait_15_minutes(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    // An address without an account gets the same responses.
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
async fn concurrent_attempts_count_like_sequential_ones(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "198.51.100.1", "ana@example.com").await;
    let guesses = (0..30).map(|_| wait(&app, "192.0.2.1", "ana@example.com"));
    let made = join_all(guesses).await.into_iter().filter(Option::is_none);
    assert_eq!(made.count(), 4);
}

/// The earlier of two concurrent attempts may be counted last.
#[apply(each_database)]
async fn attempt_is_not_limited_by_a_later_one(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for number in 0..28 {
        app.advance(Duration::from_millis(5));
        let (later, earlier) = (
            format!("l{number}@example.com"),
            format!("e{number}@example.com"),
        );
        assert_eq!(wait(&app, "192.0.2.1", &later).await, None);
        app.rewind(Duration::from_millis(3));
        assert_eq!(wait(&app, "192.0.2.1", &earlier).await, None, "{number}");
    }
}

#[apply(each_database)]
async fn only_failed_attempts_count(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    sign_up(&app, "192.0.2.1", "ana@example.com").await;
    for _ in 0..70 {
        let error = sign_in(&app, "192.0.2.1", "ana@example.com", PASSWORD).await;
        assert_eq!(error, Value::Null);
    }
    // Only the sign-up counts.
    let counted = "SELECT CAST(sum(count) AS BIGINT) FROM credential_attempts";
    assert_eq!(app.sql(counted).await, [1]);
    // A success resets the failed attempts before it.
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
async fn network_is_limited_to_60_failed_attempts(env: TestEnv) {
    let app = throttled(&env, &[]).await;
    for number in 0..60 {
        // All addresses of an IPv6 /64 count as one network.
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
async fn known_network_is_not_locked_out_by_strangers(env: TestEnv) {
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
async fn network_is_limited_to_20_sign_ups_an_hour(env: TestEnv) {
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
async fn current_password_shares_the_sign_in_limit(env: TestEnv) {
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
async fn attempts_survive_a_restart_and_name_no_account(env: TestEnv) {
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
async fn refreshes_are_limited_to_60_a_minute(env: TestEnv) {
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
async fn cost_per_user_and_minute_is_limited(env: TestEnv) {
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
    let expensive = format!("{{ viewer {{ {} }} }}", pages.collect::<Vec<_>>().join(" "));
    // The query costs more than half of the points of a minute.
    ana.ask(&expensive, json!({})).await;
    let reply = ana.send(&expensive, json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"));
    assert_eq!(reply.header("retry-after"), "60");
    assert_eq!(reply.body.get("data"), None);
    ana.ask("{ viewer { id } }", json!({})).await;
    ben.ask(&expensive, json!({})).await;
    app.advance(Duration::from_mins(1));
    ana.ask(&expensive, json!({})).await;
}

/// Sends the query until it is rejected, and returns how often it succeeded.
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
async fn lists_without_an_index_cost_more(env: TestEnv) {
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
    // Spends all but 900 of the 60,000 points of a minute.
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
        // 2,000 tasks × (49 patterns × 10 comparisons + 20) cost 1,020 points; the document costs 52.
        (filtered.to_owned(), &filter, 0),
        // Each of 16 lists costs 52 points, and the document 1 point per list.
        (
            format!(
                "{{ viewer {{ {} }} }}",
                many(
                    16,
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
            4,
        ),
        (
            format!("{{ viewer {{ {} }} }}", many(30, "taskCounts { open }")),
            &Value::Null,
            1,
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
    // Rescheduling 2,000 tasks costs 300 points.
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
    // A list that an index orders costs only the points of its document.
    spend_most().await;
    let by_index = "{ viewer { tasks(first: 10, orderBy: [{ field: DUE }]) { nodes { id } } } }";
    for _ in 0..60 {
        ana.ask(by_index, json!({})).await;
    }
}

#[apply(each_database)]
async fn proxied_client_is_counted_by_its_own_address(env: TestEnv) {
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
        app.anonymous().request(request).await.body["data"]["signIn"].clone()
    };
    for _ in 0..4 {
        let payload = run("10.1.2.3", "203.0.113.7", "a guess of it").await;
        assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    }
    let payload = run("192.0.2.1", "203.0.113.7", "a guess of it").await;
    assert_eq!(payload["userErrors"][0]["code"], "RATE_LIMITED");
    // Another client of the proxy is not limited, nor is a client outside the trusted proxies that
    // sends the header itself.
    let payload = run("10.1.2.3", "203.0.113.7, 203.0.113.8", PASSWORD).await;
    assert_eq!(payload["session"]["ipAddress"], "203.0.113.8");
    let payload = run("198.51.100.9", "203.0.113.7", PASSWORD).await;
    assert_eq!(payload["session"]["ipAddress"], "198.51.100.9");
}

#[apply(each_database)]
async fn loopback_is_exempt_in_development(env: TestEnv) {
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
