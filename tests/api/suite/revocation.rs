//! Tests that an ended session is rejected by every instance, also if the instance has cached it.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::harness::{App, Client, Database, PASSWORD, TestEnv, apply, each_database};

pub(super) const FROM_MEMORY: &str = "cubby_session_lookups_total{source=\"memory\"}";

const VIEWER: &str = "{ viewer { id } }";

/// Sends requests until the app answers one from its session cache.
async fn until_cached(app: &App, client: &Client) {
    let before = app.metric(FROM_MEMORY).await;
    let asking = async {
        while app.metric(FROM_MEMORY).await == before {
            client.ask(VIEWER, json!({})).await;
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(30), asking).await;
    asked.expect("the session is cached");
}

/// Sends requests until one is rejected. The promised time is one second; the limit here is ten,
/// for busy machines.
async fn until_rejected(client: &Client) {
    let asking = async {
        loop {
            let reply = client.send(VIEWER, json!({})).await;
            if reply.status == 401 {
                assert_eq!(reply.reason(), "SESSION_ENDED");
                return;
            }
            assert_eq!(reply.status, 200, "{reply:?}");
            // A cached session is read without waiting, so this loop has to yield to other tasks.
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(10), asking).await;
    refused.expect("the session is rejected");
}

#[apply(each_database)]
async fn ended_session_is_rejected_by_another_instance(env: TestEnv) {
    let here = env.app().await;
    let there = here.env.app().await;
    let ana = here.sign_up("ana").await;
    let current = json!({ "current": PASSWORD, "new": "staple battery horse" });
    for (mutation, variables) in [
        (
            "mutation { revokeOtherSessions { userErrors { code } } }",
            json!({}),
        ),
        (
            "mutation ($current: String!, $new: String!) { changePassword(input: {
               currentPassword: $current, newPassword: $new }) { userErrors { code } } }",
            current,
        ),
        (
            "mutation { signOut(input: { everywhere: true }) { endedSessions } }",
            json!({}),
        ),
    ] {
        let phone = here.sign_in_with("ana", password_before(mutation)).await;
        let phone_there = there.with_credentials_of(&phone);
        until_cached(&there, &phone_there).await;
        ana.ask(mutation, variables).await;
        until_rejected(&phone_there).await;
        // The instance that ended the session rejects it at once.
        assert_eq!(
            phone.send(VIEWER, json!({})).await.status,
            401,
            "{mutation}"
        );
    }
}

#[apply(each_database)]
async fn session_ended_by_sql_is_rejected_within_a_minute(env: TestEnv) {
    let app = env.app().await;
    for sql in [
        "UPDATE sessions SET ended_at = 1795262400000 WHERE ended_at IS NULL",
        "UPDATE sessions SET expires_at = 1",
        "UPDATE sessions SET idle_expires_at = 1",
        "DELETE FROM sessions",
        "DELETE FROM users",
    ] {
        let ben = app.sign_up(&format!("ben{}", sql.len())).await;
        until_cached(&app, &ben).await;
        app.connect().await.execute_unprepared(sql).await.unwrap();
        // The next request writes the session's activity, and reads its row again.
        app.advance(Duration::from_mins(1));
        until_rejected(&ben).await;
    }
}

/// Returns the user's password at the time of the mutation.
fn password_before(mutation: &str) -> &'static str {
    if mutation.contains("signOut") {
        "staple battery horse"
    } else {
        PASSWORD
    }
}

#[apply(each_database)]
async fn deleted_account_ends_sessions_on_other_instances(env: TestEnv) {
    let here = env.app().await;
    let there = here.env.app().await;
    let ana = here.sign_up("ana").await;
    let ana_there = there.with_credentials_of(&ana);
    until_cached(&here, &ana).await;
    until_cached(&there, &ana_there).await;
    ana.ask(
        "mutation ($password: String!) { deleteAccount(input: { password: $password,
           confirmEmail: \"ana@example.com\" }) { deletedUserId userErrors { code } } }",
        json!({ "password": PASSWORD }),
    )
    .await;
    assert_eq!(ana.send(VIEWER, json!({})).await.status, 401);
    until_rejected(&ana_there).await;
}

#[apply(each_database)]
async fn cached_session_ends_at_once_on_its_own_instance(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    for mutation in [
        "mutation { signOut { endedSessions } }",
        "mutation { revokeOtherSessions { userErrors { code } } }",
    ] {
        let phone = app.sign_in("ana").await;
        until_cached(&app, &ana).await;
        until_cached(&app, &phone).await;
        phone.ask(mutation, json!({})).await;
        let over = if mutation.contains("signOut") {
            &phone
        } else {
            &ana
        };
        assert_eq!(over.send(VIEWER, json!({})).await.status, 401, "{mutation}");
    }

    // A reused refresh token ends the session, too.
    ana = app.sign_in("ana").await;
    let stolen = json!({ "token": ana.refresh_token });
    let refresh = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let refreshed = ana.ask(refresh, stolen.clone()).await;
    ana.take_tokens(&refreshed["refreshSession"]);
    until_cached(&app, &ana).await;
    app.advance(Duration::from_secs(11));
    let reused = app.anonymous().ask(refresh, stolen).await;
    assert_eq!(
        reused["refreshSession"]["userErrors"][0]["code"],
        "TOKEN_REUSED"
    );
    assert_eq!(ana.send(VIEWER, json!({})).await.status, 401);
}

#[apply(each_database)]
async fn cached_session_still_records_activity(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    until_cached(&app, &ana).await;
    app.advance(Duration::from_secs(61));
    let last = "{ viewer { currentSession { lastActiveAt } } }";
    let seen = ana.ask(last, json!({})).await;
    assert_eq!(
        seen["viewer"]["currentSession"]["lastActiveAt"],
        "2026-11-21T12:01:01.000Z"
    );
    until_cached(&app, &ana).await;
}

#[apply(each_database)]
async fn session_evicted_by_a_sign_in_ends_at_once(env: TestEnv) {
    let app = env.app().await;
    let oldest = app.sign_up("ana").await;
    let copy = "INSERT INTO sessions (user_id, id, generation, rotated_at, confirmed_generation, delivery, created_at,
           last_active_at, idle_expires_at, expires_at, kind, scope)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         SELECT user_id, ID, generation, rotated_at, confirmed_generation, delivery, created_at,
           last_active_at + 1000000, idle_expires_at, expires_at, kind, scope FROM n, sessions";
    let id = match env.database {
        Database::Sqlite => "randomblob(16)",
        Database::Postgresql => "gen_random_uuid()",
    };
    let copy = copy.replace("ID", id);
    app.connect().await.execute_unprepared(&copy).await.unwrap();
    until_cached(&app, &oldest).await;
    app.sign_in("ana").await;
    assert_eq!(oldest.send(VIEWER, json!({})).await.status, 401);
}
