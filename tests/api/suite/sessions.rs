//! Tests of the list of sessions, of revoking them, of security events and of cleanup.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestEnv, apply, each_database, eventually};

const REVOKE: &str = "mutation ($id: ID!) { revokeSession(input: { id: $id }) {
    revokedSessionId userErrors { code path } } }";

async fn session(client: &Client) -> String {
    let data = client
        .ask("{ viewer { currentSession { id } } }", json!({}))
        .await;
    data["viewer"]["currentSession"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn revoke(client: &Client, id: &str) -> Value {
    client.ask(REVOKE, json!({ "id": id })).await["revokeSession"].clone()
}

async fn reason(client: &Client) -> String {
    let reply = client.send("{ viewer { id } }", json!({})).await;
    assert_eq!(reply.status, 401, "{reply:?}");
    reply.reason().to_owned()
}

#[apply(each_database)]
async fn session_list_shows_own_sessions(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.sign_up("ben").await;
    app.advance(Duration::from_secs(90));
    let phone = app.sign_in("ana").await;
    let data = ana
        .ask(
            "{ viewer { sessions { totalCount nodes { id isCurrent label delivery lastActiveAt } } } }",
            json!({}),
        )
        .await;
    let sessions = &data["viewer"]["sessions"];
    assert_eq!(sessions["totalCount"], 2);
    assert_eq!(
        sessions["nodes"],
        json!([
            { "id": session(&phone).await, "isCurrent": false, "label": null,
              "delivery": "BEARER", "lastActiveAt": "2026-11-21T12:01:30.000Z" },
            { "id": session(&ana).await, "isCurrent": true, "label": null,
              "delivery": "BEARER", "lastActiveAt": "2026-11-21T12:01:30.000Z" },
        ])
    );
    let page = "query ($after: String) { viewer { sessions(first: 1, after: $after) {
        nodes { id } pageInfo { hasNextPage endCursor } } } }";
    let first = ana.ask(page, json!({})).await["viewer"]["sessions"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = json!({ "after": first["pageInfo"]["endCursor"] });
    let second = ana.ask(page, after).await["viewer"]["sessions"].clone();
    assert_eq!(second["nodes"][0]["id"], session(&ana).await);
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}

#[apply(each_database)]
async fn revoked_session_ends_at_once_and_only_once(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    let id = session(&phone).await;
    assert_eq!(revoke(&ana, &id).await["revokedSessionId"], id);
    assert_eq!(reason(&phone).await, "SESSION_ENDED");
    let again = revoke(&ana, &id).await;
    assert_eq!(
        (&again["revokedSessionId"], &again["userErrors"]),
        (&json!(id), &json!([]))
    );
    assert_eq!(
        ana.events().await,
        ["SESSION_REVOKED", "SIGNED_IN", "SIGNED_UP"]
    );
    let node = ana
        .ask(
            "query ($id: ID!) { node(id: $id) { id } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(node["node"], Value::Null);
}

#[apply(each_database)]
async fn sessions_of_others_and_unknown_ones_are_not_found(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    for id in [
        session(&ben).await.as_str(),
        "session_01h2xcejqtf2nbrexx3vqjhp41",
        "task_01h2xcejqtf2nbrexx3vqjhp41",
        "",
    ] {
        let payload = revoke(&ana, id).await;
        assert_eq!(payload["revokedSessionId"], Value::Null);
        assert_eq!(
            payload["userErrors"],
            json!([{ "code": "NOT_FOUND", "path": ["input", "id"] }]),
            "{id}"
        );
    }
    session(&ben).await;
}

#[apply(each_database)]
async fn revoking_other_sessions_keeps_the_current_one(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let phone = app.sign_in("ana").await;
    let tablet = app.sign_in("ana").await;
    let mut others = [session(&phone).await, session(&tablet).await];
    others.sort();
    let revoke = "mutation { revokeOtherSessions { revokedSessionIds userErrors { code } } }";
    let payload = ana.ask(revoke, json!({})).await["revokeOtherSessions"].clone();
    let mut revoked: Vec<_> = payload["revokedSessionIds"].as_array().unwrap().clone();
    revoked.sort_by_key(ToString::to_string);
    assert_eq!(json!(revoked), json!(others));
    assert_eq!(reason(&phone).await, "SESSION_ENDED");
    assert_eq!(reason(&tablet).await, "SESSION_ENDED");
    session(&ana).await;
    session(&ben).await;
    let payload = ana.ask(revoke, json!({})).await["revokeOtherSessions"].clone();
    assert_eq!(payload["revokedSessionIds"], json!([]));
    // A revocation without sessions records no event.
    assert_eq!(
        ana.events().await,
        ["SESSION_REVOKED", "SIGNED_IN", "SIGNED_IN", "SIGNED_UP"]
    );
}

#[apply(each_database)]
async fn security_events_show_all_activity_to_the_owner(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let sign_in =
        "mutation { signIn(input: { email: \"ana@example.com\", password: \"a guess\" }) {
        userErrors { code } } }";
    app.anonymous().ask(sign_in, json!({})).await;
    // The event is stored after the response.
    let change = "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) {
        userErrors { code } } }";
    let guess = json!({ "currentPassword": "a guess", "newPassword": "another good password" });
    ana.ask(change, json!({ "input": guess })).await;
    eventually("the failed attempts are recorded", async || {
        ana.events().await.len() >= 3
    })
    .await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another good password" });
    ana.ask(change, json!({ "input": input })).await;
    let phone = app.sign_in_with("ana", "another good password").await;
    phone
        .ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    assert_eq!(
        ana.events().await,
        [
            "SIGNED_OUT",
            "SIGNED_IN",
            "PASSWORD_CHANGED",
            "SIGN_IN_FAILED",
            "SIGN_IN_FAILED",
            "SIGNED_UP"
        ]
    );
    let ben = app.sign_up("ben").await;
    assert_eq!(ben.events().await, ["SIGNED_UP"]);
}

#[apply(each_database)]
async fn cleanup_deletes_expired_rows(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let count = async |table: &str| app.sql(&format!("SELECT count(*) FROM {table}")).await[0];
    app.advance(Duration::from_hours(24));
    let phone = app.sign_in("ana").await;
    revoke(
        &ana.with_token(phone.token.as_ref().unwrap()),
        &session(&phone).await,
    )
    .await;
    // Each instance runs a cleanup at its start.
    app.advance(Duration::from_hours(36 * 24));
    let _first = app.env.app().await;
    eventually("old sessions are deleted", async || {
        count("sessions").await == 1
    })
    .await;
    assert_eq!(count("security_events").await, 3);
    assert_eq!(count("known_networks").await, 1);
    app.advance(Duration::from_hours(53 * 24 + 1));
    let _second = app.env.app().await;
    eventually("old events are deleted", async || {
        count("security_events").await == 2
    })
    .await;
    app.advance(Duration::from_hours(48));
    let _third = app.env.app().await;
    eventually("old networks are deleted", async || {
        count("known_networks").await == 0
    })
    .await;
    assert_eq!(
        (count("sessions").await, count("security_events").await),
        (0, 0)
    );
}

#[apply(each_database)]
async fn mutual_revocation_leaves_at_most_one_session(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    let (of_ana, of_phone) = (session(&ana).await, session(&phone).await);
    let (one, other) = tokio::join!(
        ana.send(REVOKE, json!({ "id": of_phone })),
        phone.send(REVOKE, json!({ "id": of_ana }))
    );
    for reply in [&one, &other] {
        assert!([200, 401].contains(&reply.status.as_u16()), "{reply:?}");
    }
    let living = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert!(app.sql(living).await[0] < 2);
    // The revocations leave no lock.
    app.sign_in("ana").await;
}
