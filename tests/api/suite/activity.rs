//! Session activity: it is recorded in memory, written in batches, and never delays a read.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::cookies::{OWN, query, send, set_cookie, sign_in};
use crate::harness::{App, Client, Database, TestEnv, apply, each_database, eventually};

const LAST_ACTIVE_AT: &str = "{ viewer { currentSession { lastActiveAt } } }";

const REFRESH: &str =
    "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    tokens { accessToken refreshToken } userErrors { code } } }";

/// One second more than the resolution of `lastActiveAt`, so that the next request is recorded.
const OVER_A_MINUTE: Duration = Duration::from_secs(61);

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

async fn last_active_at(client: &Client) -> Value {
    let data = client.ask(LAST_ACTIVE_AT, json!({})).await;
    data["viewer"]["currentSession"]["lastActiveAt"].clone()
}

async fn refresh(client: &Client, token: &str) -> Value {
    let mut anonymous = client.clone();
    anonymous.token = None;
    anonymous.ask(REFRESH, json!({ "token": token })).await["refreshSession"].clone()
}

/// Refreshes the client's tokens and returns the replaced refresh token.
async fn rotate(client: &mut Client) -> String {
    let replaced = client.refresh_token.clone().unwrap();
    let payload = refresh(client, &replaced).await;
    client.take_tokens(&payload);
    replaced
}

/// Reads a column of the oldest session.
async fn oldest_session(app: &App, column: &str) -> i64 {
    let sql = format!("SELECT CAST({column} AS BIGINT) FROM sessions ORDER BY created_at, id");
    app.sql(&sql).await[0]
}

#[apply(each_database)]
async fn reads_do_not_wait_for_locked_sessions(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let others = [app.sign_in("ana").await, app.sign_up("ben").await];
    let cookie = set_cookie(&send(&app.anonymous(), sign_in("COOKIE"), &[]).await);
    rotate(&mut ana).await;
    app.advance(OVER_A_MINUTE);
    let writer = app.lock_sessions().await;
    // Ana's token is the first of its generation, which the read also has to confirm.
    for client in others.iter().chain([&ana]) {
        assert_eq!(last_active_at(client).await, "2026-11-21T12:01:01.000Z");
    }
    let headers = [("cookie", cookie.as_str()), OWN];
    let reply = send(&app.anonymous(), query(LAST_ACTIVE_AT), &headers).await;
    assert_eq!(
        reply.body["data"]["viewer"]["currentSession"]["lastActiveAt"],
        "2026-11-21T12:01:01.000Z"
    );
    let stale = format!(
        "SELECT count(*) FROM sessions WHERE last_active_at < {}",
        app.now()
    );
    assert_eq!(app.sql(&stale).await, [4]);
    writer.commit().await;
    eventually("all activity is written", async || {
        app.sql(&stale).await == [0]
    })
    .await;
    assert_eq!(oldest_session(&app, "confirmed_generation").await, 2);
}

/// Adds a trigger that records each update of a session in the table `writes`.
async fn count_writes(app: &App) {
    let counting: &[&str] = match app.env.database {
        Database::Sqlite => &[
            "CREATE TABLE writes (session_id BLOB)",
            "CREATE TRIGGER count_writes AFTER UPDATE ON sessions
             BEGIN INSERT INTO writes VALUES (NEW.id); END",
        ],
        Database::Postgresql => &[
            "CREATE TABLE writes (session_id uuid)",
            "CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO writes VALUES (NEW.id); RETURN NULL; END $$",
            "CREATE TRIGGER count_writes AFTER UPDATE ON sessions
             FOR EACH ROW EXECUTE FUNCTION count_writes()",
        ],
    };
    let connection = app.connect().await;
    for sql in counting {
        connection.execute_unprepared(sql).await.unwrap();
    }
}

#[apply(each_database)]
async fn concurrent_reads_write_activity_once(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    count_writes(&app).await;
    app.advance(OVER_A_MINUTE);
    let writes = "SELECT count(*) FROM writes";
    join_all((0..40).map(|_| last_active_at(&ana))).await;
    eventually("the activity is written", async || {
        app.sql(writes).await != [0]
    })
    .await;
    assert_eq!(app.sql(writes).await, [1]);
    // A second read within the minute writes nothing; Ben's first read later is one more write.
    last_active_at(&ana).await;
    app.advance(OVER_A_MINUTE);
    last_active_at(&ben).await;
    eventually("the activity is written", async || {
        app.sql(writes).await != [1]
    })
    .await;
    assert_eq!(app.sql(writes).await, [2]);
}

#[apply(each_database)]
async fn activity_write_preserves_concurrent_changes(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let cookies = [
        set_cookie(&send(&app.anonymous(), sign_in("COOKIE"), &[]).await),
        set_cookie(&send(&app.anonymous(), sign_in("COOKIE"), &[]).await),
        set_cookie(&send(&app.anonymous(), sign_in("COOKIE"), &[]).await),
    ];
    rotate(&mut ana).await;
    app.advance(OVER_A_MINUTE);
    let writer = app.lock_sessions().await;
    last_active_at(&ana).await;
    for cookie in &cookies {
        let headers = [("cookie", cookie.as_str()), OWN];
        assert_eq!(
            send(&app.anonymous(), query(LAST_ACTIVE_AT), &headers)
                .await
                .status,
            200
        );
    }
    // Another instance refreshes and uses the oldest session, ends the second and shortens the
    // third. The fourth is unchanged.
    let ids = "SELECT id FROM sessions ORDER BY created_at, id LIMIT 1 OFFSET";
    let (now, tomorrow) = (app.now(), app.now() + DAY_MILLIS);
    for change in [
        format!("generation = 3, confirmed_generation = 3 WHERE id = ({ids} 0)"),
        format!("ended_at = {now} WHERE id = ({ids} 1)"),
        format!("idle_expires_at = {tomorrow} WHERE id = ({ids} 2)"),
    ] {
        writer
            .execute(&format!("UPDATE sessions SET {change}"))
            .await;
    }
    writer.commit().await;
    let column = async |name: &str| {
        let sql = format!("SELECT CAST({name} AS BIGINT) FROM sessions ORDER BY created_at, id");
        app.sql(&sql).await
    };
    eventually("the activity is written", async || {
        let used = column("last_active_at").await;
        used[0] == now && used[3] == now
    })
    .await;
    assert_eq!(column("confirmed_generation").await[0], 3);
    assert!(column("last_active_at").await[1] < now);
    let idle = column("idle_expires_at").await;
    assert_eq!(idle[2..], [tomorrow, now + 30 * DAY_MILLIS]);
}

#[apply(each_database)]
async fn last_active_at_never_decreases(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = app.sign_up("ana").await;
    let there = other.with_credentials_of(&ana);
    let start = app.now();
    app.advance(2 * OVER_A_MINUTE);
    last_active_at(&ana).await;
    // The other instance's clock is a minute behind.
    app.rewind(OVER_A_MINUTE);
    last_active_at(&there).await;
    let latest = i64::try_from(2 * OVER_A_MINUTE.as_millis()).unwrap() + start;
    let written = async || oldest_session(&app, "last_active_at").await;
    eventually("the activity is written", async || {
        written().await == latest
    })
    .await;
    // A refresh by the slow clock, after both instances have recorded activity.
    let payload = refresh(&there, ana.refresh_token.as_ref().unwrap()).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(written().await, latest);
}

#[apply(each_database)]
async fn token_reuse_is_detected_across_instances(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let mut ana = app.sign_up("ana").await;
    let replaced = rotate(&mut ana).await;
    last_active_at(&ana).await;
    app.advance(Duration::from_secs(12));
    let thief = other.with_credentials_of(&ana);
    let payload = refresh(&thief, &replaced).await;
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
    assert_eq!(ana.send(LAST_ACTIVE_AT, json!({})).await.status, 401);
}

/// While the sessions are locked no activity is written, so the instance decides by the activity
/// that it has in memory.
#[apply(each_database)]
async fn token_reuse_is_detected_before_activity_is_written(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let replaced = rotate(&mut ana).await;
    app.advance(Duration::from_secs(12));
    let writer = app.lock_sessions().await;
    last_active_at(&ana).await;
    let (payload, ()) = tokio::join!(refresh(&ana, &replaced), async {
        tokio::task::yield_now().await;
        writer.commit().await;
    });
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
}

#[apply(each_database)]
async fn token_reuse_is_detected_after_clock_moves_back(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    app.advance(Duration::from_hours(1));
    let replaced = rotate(&mut ana).await;
    app.rewind(Duration::from_hours(1));
    // The response with the successor may have been lost, so a replay returns the same tokens
    // until the successor is used.
    let again = refresh(&ana, &replaced).await;
    assert_eq!(again["tokens"]["refreshToken"], json!(ana.refresh_token));
    ana.take_tokens(&again);
    last_active_at(&ana).await;
    let payload = refresh(&ana, &replaced).await;
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
}

#[apply(each_database)]
async fn unwritten_activity_extends_cookie_session(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let cookie = set_cookie(&send(&app.anonymous(), sign_in("COOKIE"), &[]).await);
    let writer = app.lock_sessions().await;
    let headers = [("cookie", cookie.as_str()), OWN];
    for _ in 0..3 {
        app.advance(Duration::from_hours(25 * 24));
        let reply = send(&app.anonymous(), query(LAST_ACTIVE_AT), &headers).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    writer.commit().await;
    let slid = format!(
        "SELECT count(*) FROM sessions WHERE idle_expires_at > {} AND delivery = 'cookie'",
        app.now()
    );
    eventually("the activity is written", async || {
        app.sql(&slid).await == [1]
    })
    .await;
    let sign_out = query("mutation { signOut { endedSessions } }");
    let reply = send(&app.anonymous(), sign_out, &headers).await;
    assert_eq!(reply.body["data"]["signOut"]["endedSessions"], 1);
}
