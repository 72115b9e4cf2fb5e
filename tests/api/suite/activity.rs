//! The uses of sessions: read at once, written in batches, and never in the way of a read.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::cookies::{OWN, query, send, set_cookie, sign_in};
use crate::harness::{App, Client, Database, TestEnv, apply, each_database, eventually};

const LAST: &str = "{ viewer { currentSession { lastActiveAt } } }";

const REFRESH: &str =
    "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    tokens { accessToken refreshToken } userErrors { code } } }";

/// A minute and a second, after which a use is noted anew.
const LATER: Duration = Duration::from_secs(61);

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn last_active_at(client: &Client) -> Value {
    let data = client.ask(LAST, json!({})).await;
    data["viewer"]["currentSession"]["lastActiveAt"].clone()
}

async fn refreshed(client: &Client, token: &str) -> Value {
    let mut nobody = client.clone();
    nobody.token = None;
    nobody.ask(REFRESH, json!({ "token": token })).await["refreshSession"].clone()
}

/// Goes on with the next tokens, and gives the refresh token that they replaced.
async fn rotate(client: &mut Client) -> String {
    let replaced = client.refresh_token.clone().unwrap();
    let payload = refreshed(client, &replaced).await;
    client.take_tokens(&payload);
    replaced
}

/// The only number of the only session, or of Ana's, who signed up first.
async fn number(app: &App, column: &str) -> i64 {
    let sql = format!("SELECT CAST({column} AS BIGINT) FROM sessions ORDER BY created_at, id");
    app.sql(&sql).await[0]
}

#[apply(each_database)]
async fn reads_answer_while_a_writer_holds_the_sessions(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let others = [app.sign_in("ana").await, app.sign_up("ben").await];
    let cookie = set_cookie(&send(&app.nobody(), sign_in("COOKIE"), &[]).await);
    rotate(&mut ana).await;
    app.advance(LATER);
    let writer = app.hold_sessions().await;
    // The first token of a generation, too.
    for client in others.iter().chain([&ana]) {
        assert_eq!(last_active_at(client).await, "2026-11-21T12:01:01.000Z");
    }
    let headers = [("cookie", cookie.as_str()), OWN];
    let reply = send(&app.nobody(), query(LAST), &headers).await;
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
    eventually("all are written", async || app.sql(&stale).await == [0]).await;
    assert_eq!(number(&app, "confirmed_generation").await, 2);
}

/// Makes the database count how often a session is written.
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
async fn forty_reads_at_once_are_written_once(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    count_writes(&app).await;
    app.advance(LATER);
    let writes = "SELECT count(*) FROM writes";
    join_all((0..40).map(|_| last_active_at(&ana))).await;
    eventually("it is written", async || app.sql(writes).await != [0]).await;
    assert_eq!(app.sql(writes).await, [1]);
    // Nor does what is written once keep the row from being remembered, or get written again.
    last_active_at(&ana).await;
    app.advance(LATER);
    last_active_at(&ben).await;
    eventually("it is written", async || app.sql(writes).await != [1]).await;
    assert_eq!(app.sql(writes).await, [2]);
}

#[apply(each_database)]
async fn a_use_is_not_written_over_what_happened_meanwhile(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let cookies = [
        set_cookie(&send(&app.nobody(), sign_in("COOKIE"), &[]).await),
        set_cookie(&send(&app.nobody(), sign_in("COOKIE"), &[]).await),
        set_cookie(&send(&app.nobody(), sign_in("COOKIE"), &[]).await),
    ];
    rotate(&mut ana).await;
    app.advance(LATER);
    let writer = app.hold_sessions().await;
    last_active_at(&ana).await;
    for cookie in &cookies {
        let headers = [("cookie", cookie.as_str()), OWN];
        assert_eq!(send(&app.nobody(), query(LAST), &headers).await.status, 200);
    }
    // In the order in which the sessions were opened: Ana's is rotated and used elsewhere, one is ended,
    // one shortened, and one is left to be used.
    let ids = "SELECT id FROM sessions ORDER BY created_at, id LIMIT 1 OFFSET";
    let (now, soon_over) = (app.now(), app.now() + DAY);
    for change in [
        format!("generation = 3, confirmed_generation = 3 WHERE id = ({ids} 0)"),
        format!("ended_at = {now} WHERE id = ({ids} 1)"),
        format!("idle_expires_at = {soon_over} WHERE id = ({ids} 2)"),
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
    eventually("the uses are written", async || {
        let used = column("last_active_at").await;
        used[0] == now && used[3] == now
    })
    .await;
    assert_eq!(column("confirmed_generation").await[0], 3);
    assert!(column("last_active_at").await[1] < now);
    let idle = column("idle_expires_at").await;
    assert_eq!(idle[2..], [soon_over, now + 30 * DAY]);
}

#[apply(each_database)]
async fn the_last_use_of_a_session_never_goes_back(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = app.sign_up("ana").await;
    let there = other.asked_by(&ana);
    let begun = app.now();
    app.advance(2 * LATER);
    last_active_at(&ana).await;
    // The clock of the other instance is a minute behind.
    app.set_back(LATER);
    last_active_at(&there).await;
    let latest = i64::try_from(2 * LATER.as_millis()).unwrap() + begun;
    let written = async || number(&app, "last_active_at").await;
    eventually("it is written", async || written().await == latest).await;
    // A refresh by that clock, which comes after what either has noted.
    let payload = refreshed(&there, ana.refresh_token.as_ref().unwrap()).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(written().await, latest);
}

#[apply(each_database)]
async fn a_use_on_one_instance_exposes_a_replaced_token_on_another(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let mut ana = app.sign_up("ana").await;
    let replaced = rotate(&mut ana).await;
    last_active_at(&ana).await;
    app.advance(Duration::from_secs(12));
    let thief = other.asked_by(&ana);
    let payload = refreshed(&thief, &replaced).await;
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
    assert_eq!(ana.send(LAST, json!({})).await.status, 401);
}

/// Nothing is written while the writer goes on; the instance goes by what it has seen.
#[apply(each_database)]
async fn a_use_that_is_not_written_yet_exposes_a_replaced_token(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let replaced = rotate(&mut ana).await;
    app.advance(Duration::from_secs(12));
    let writer = app.hold_sessions().await;
    last_active_at(&ana).await;
    let (payload, ()) = tokio::join!(refreshed(&ana, &replaced), async {
        tokio::task::yield_now().await;
        writer.commit().await;
    });
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
}

#[apply(each_database)]
async fn a_clock_that_was_fast_forgives_no_replaced_token(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    app.advance(Duration::from_hours(1));
    let replaced = rotate(&mut ana).await;
    app.set_back(Duration::from_hours(1));
    // Until its successor is used, its answer may have been lost.
    let again = refreshed(&ana, &replaced).await;
    assert_eq!(again["tokens"]["refreshToken"], json!(ana.refresh_token));
    ana.take_tokens(&again);
    last_active_at(&ana).await;
    let payload = refreshed(&ana, &replaced).await;
    assert_eq!(payload["userErrors"][0]["code"], "TOKEN_REUSED");
}

#[apply(each_database)]
async fn a_cookie_session_slides_by_uses_that_are_not_written_yet(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let cookie = set_cookie(&send(&app.nobody(), sign_in("COOKIE"), &[]).await);
    let writer = app.hold_sessions().await;
    let headers = [("cookie", cookie.as_str()), OWN];
    for _ in 0..3 {
        app.advance(Duration::from_hours(25 * 24));
        let reply = send(&app.nobody(), query(LAST), &headers).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    writer.commit().await;
    let slid = format!(
        "SELECT count(*) FROM sessions WHERE idle_expires_at > {} AND delivery = 'cookie'",
        app.now()
    );
    eventually("it is written", async || app.sql(&slid).await == [1]).await;
    let sign_out = query("mutation { signOut { endedSessions } }");
    let reply = send(&app.nobody(), sign_out, &headers).await;
    assert_eq!(reply.body["data"]["signOut"]["endedSessions"], 1);
}
