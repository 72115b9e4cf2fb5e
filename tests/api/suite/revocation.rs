//! A session that ends is over everywhere, also where it is remembered.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::harness::{App, Client, Database, PASSWORD, TestEnv, apply, each_database};

pub(super) const FROM_MEMORY: &str = "cubby_session_lookups_total{source=\"memory\"}";

const ASK: &str = "{ viewer { id } }";

/// Asks until the session is known without asking the database.
async fn is_remembered(app: &App, client: &Client) {
    let before = app.metric(FROM_MEMORY).await;
    let asking = async {
        while app.metric(FROM_MEMORY).await == before {
            client.ask(ASK, json!({})).await;
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(30), asking).await;
    asked.expect("it is remembered");
}

/// Asks until it is refused. (A second is promised, and a busy machine is given more.)
async fn is_refused(client: &Client) {
    let asking = async {
        loop {
            let reply = client.send(ASK, json!({})).await;
            if reply.status == 401 {
                assert_eq!(reply.reason(), "SESSION_ENDED");
                return;
            }
            assert_eq!(reply.status, 200, "{reply:?}");
            // What comes from memory waits for nothing, and would keep all others waiting.
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(10), asking).await;
    refused.expect("it is refused");
}

#[apply(each_database)]
async fn a_session_that_is_ended_by_one_instance_is_over_for_another_that_remembers_it(
    env: TestEnv,
) {
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
        let phone_there = there.asked_by(&phone);
        is_remembered(&there, &phone_there).await;
        ana.ask(mutation, variables).await;
        is_refused(&phone_there).await;
        // Here, at once.
        assert_eq!(phone.send(ASK, json!({})).await.status, 401, "{mutation}");
    }
}

#[apply(each_database)]
async fn a_session_that_is_ended_at_the_prompt_is_over_within_a_minute(env: TestEnv) {
    let app = env.app().await;
    for sql in [
        "UPDATE sessions SET ended_at = 1795262400000 WHERE ended_at IS NULL",
        "UPDATE sessions SET expires_at = 1",
        "UPDATE sessions SET idle_expires_at = 1",
        "DELETE FROM sessions",
        "DELETE FROM users",
    ] {
        let ben = app.sign_up(&format!("ben{}", sql.len())).await;
        is_remembered(&app, &ben).await;
        app.connect().await.execute_unprepared(sql).await.unwrap();
        // The next use is written, and the row is read again.
        app.advance(Duration::from_mins(1));
        is_refused(&ben).await;
    }
}

/// The password that is right when the mutation is sent.
fn password_before(mutation: &str) -> &'static str {
    if mutation.contains("signOut") {
        "staple battery horse"
    } else {
        PASSWORD
    }
}

#[apply(each_database)]
async fn an_account_that_is_deleted_is_gone_for_another_instance_that_remembers_its_session(
    env: TestEnv,
) {
    let here = env.app().await;
    let there = here.env.app().await;
    let ana = here.sign_up("ana").await;
    let ana_there = there.asked_by(&ana);
    is_remembered(&here, &ana).await;
    is_remembered(&there, &ana_there).await;
    ana.ask(
        "mutation ($password: String!) { deleteAccount(input: { password: $password,
           confirmEmail: \"ana@example.com\" }) { deletedUserId userErrors { code } } }",
        json!({ "password": PASSWORD }),
    )
    .await;
    assert_eq!(ana.send(ASK, json!({})).await.status, 401);
    is_refused(&ana_there).await;
}

#[apply(each_database)]
async fn a_session_that_is_remembered_ends_with_the_next_request_where_it_is_ended(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    for mutation in [
        "mutation { signOut { endedSessions } }",
        "mutation { revokeOtherSessions { userErrors { code } } }",
    ] {
        let phone = app.sign_in("ana").await;
        is_remembered(&app, &ana).await;
        is_remembered(&app, &phone).await;
        phone.ask(mutation, json!({})).await;
        let over = if mutation.contains("signOut") {
            &phone
        } else {
            &ana
        };
        assert_eq!(over.send(ASK, json!({})).await.status, 401, "{mutation}");
    }

    // An older refresh token, which a thief may hold.
    ana = app.sign_in("ana").await;
    let stolen = json!({ "token": ana.refresh_token });
    let refresh = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let refreshed = ana.ask(refresh, stolen.clone()).await;
    ana.take_tokens(&refreshed["refreshSession"]);
    is_remembered(&app, &ana).await;
    app.advance(Duration::from_secs(11));
    let reused = app.nobody().ask(refresh, stolen).await;
    assert_eq!(
        reused["refreshSession"]["userErrors"][0]["code"],
        "TOKEN_REUSED"
    );
    assert_eq!(ana.send(ASK, json!({})).await.status, 401);
}

#[apply(each_database)]
async fn a_session_that_is_remembered_is_still_seen_to_be_used(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    is_remembered(&app, &ana).await;
    app.advance(Duration::from_secs(61));
    let last = "{ viewer { currentSession { lastActiveAt } } }";
    let seen = ana.ask(last, json!({})).await;
    assert_eq!(
        seen["viewer"]["currentSession"]["lastActiveAt"],
        "2026-11-21T12:01:01.000Z"
    );
    is_remembered(&app, &ana).await;
}

#[apply(each_database)]
async fn a_session_that_a_sign_in_pushes_out_ends_with_the_next_request(env: TestEnv) {
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
    is_remembered(&app, &oldest).await;
    app.sign_in("ana").await;
    assert_eq!(oldest.send(ASK, json!({})).await.status, 401);
}
