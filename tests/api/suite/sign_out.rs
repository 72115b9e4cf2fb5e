//! Tests of signing out while the database fails: no success is reported while a session is active.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::cookies::{OWN, query, send, set_cookie, set_cookies, sign_in};
use crate::{
    harness::{App, Database, Held, Reply, TestEnv, apply, each_database},
    proxy::Proxy,
};

const SIGN_OUT: &str = "mutation ($token: String) {
    signOut(input: { refreshToken: $token }) { endedSessions userErrors { code } } }";

/// A sign-out request, with the credentials that it sends and the number of sessions that it ends.
struct SignOut {
    headers: Vec<(&'static str, String)>,
    refresh_token: Option<String>,
    sessions: u64,
}

impl SignOut {
    async fn send(&self, app: &App) -> Reply {
        let mut out = query(SIGN_OUT);
        out["variables"] = json!({ "token": self.refresh_token });
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|(name, it)| (*name, it.as_str())).collect();
        send(&app.anonymous(), out, &headers).await
    }
}

/// Signs Ana in with each delivery, and returns a sign-out request for each kind of credentials.
async fn ways(app: &App) -> Vec<SignOut> {
    let nobody = app.anonymous();
    let own = || (OWN.0, OWN.1.to_owned());
    let bearer = async || format!("Bearer {}", app.sign_in("ana").await.token.unwrap());
    let cookie = async |delivery| set_cookie(&send(&nobody, sign_in(delivery), &[]).await);
    let hybrid = send(&nobody, sign_in("HYBRID"), &[]).await;
    let access = hybrid.body["data"]["signIn"]["tokens"]["accessToken"].as_str();
    let access = format!("Bearer {}", access.unwrap());
    let both = format!("{}; {}", cookie("HYBRID").await, cookie("COOKIE").await);
    let way = |headers, refresh_token, sessions| SignOut {
        headers,
        refresh_token,
        sessions,
    };
    vec![
        way(vec![("authorization", bearer().await)], None, 1),
        way(vec![], app.sign_in("ana").await.refresh_token, 1),
        way(vec![("cookie", cookie("COOKIE").await), own()], None, 1),
        way(vec![("cookie", cookie("HYBRID").await), own()], None, 1),
        way(
            vec![
                ("authorization", access),
                ("cookie", set_cookie(&hybrid)),
                own(),
            ],
            None,
            1,
        ),
        way(
            vec![("authorization", bearer().await), ("cookie", both), own()],
            app.sign_in("ana").await.refresh_token,
            4,
        ),
    ]
}

/// A stalled database: PostgreSQL does not respond, SQLite is locked for writes.
enum Stall {
    Silent(Proxy),
    Busy(Held),
}

/// Takes several seconds, since the server waits for the database until its deadline.
#[apply(each_database)]
async fn sign_out_fails_while_database_stalls_then_succeeds(mut env: TestEnv) {
    let mut proxy = None;
    if env.database == Database::Postgresql {
        let (to, url) = Proxy::to(&env.database_url).await;
        (env.database_url, proxy) = (url, Some(to));
    }
    let app = env.app().await;
    app.sign_up("ana").await;
    let ways = ways(&app).await;
    let stall = match proxy {
        Some(proxy) => {
            proxy.block();
            Stall::Silent(proxy)
        }
        None => Stall::Busy(app.lock_sessions().await),
    };
    for reply in join_all(ways.iter().map(|way| way.send(&app))).await {
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(reply.code(), "SERVICE_UNAVAILABLE");
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(set_cookies(&reply), [""; 0]);
    }
    // The database is reachable only as long as the proxy exists.
    let _proxy = match stall {
        Stall::Silent(proxy) => {
            proxy.restore();
            Some(proxy)
        }
        Stall::Busy(writer) => {
            writer.commit().await;
            None
        }
    };

    for way in &ways {
        let sends_cookies = way.headers.iter().any(|(name, _)| *name == "cookie");
        let reply = way.send(&app).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(ended(&reply), way.sessions);
        assert_eq!(!set_cookies(&reply).is_empty(), sends_cookies);
        assert!(
            set_cookies(&reply)
                .iter()
                .all(|it| it.ends_with("Max-Age=0"))
        );
        assert_eq!(ended(&way.send(&app).await), 0);
    }
    let living = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(app.sql(living).await, [1]);
}

fn ended(reply: &Reply) -> u64 {
    let payload = &reply.body["data"]["signOut"];
    assert_eq!(payload["userErrors"], json!([]), "{reply:?}");
    payload["endedSessions"].as_u64().unwrap()
}

#[apply(each_database)]
async fn sign_out_fails_while_sessions_are_unreadable(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let ways = ways(&app).await;
    let other = app.env.app().await;
    let rename = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        let connection = app.connect().await;
        connection.execute_unprepared(&sql).await.unwrap();
    };
    rename("sessions", "elsewhere").await;
    for way in &ways {
        // The other instance has not cached any of the sessions.
        let reply = way.send(&other).await;
        assert_ne!(reply.body["data"]["signOut"]["endedSessions"], json!(0));
        assert!(reply.body["errors"].is_array(), "{reply:?}");
        assert_eq!(set_cookies(&reply), [""; 0]);
    }
    rename("elsewhere", "sessions").await;
    for way in &ways {
        assert_eq!(ended(&way.send(&other).await), way.sessions);
    }
}

/// The token was signed by a key that this instance has not loaded yet.
#[apply(each_database)]
async fn sign_out_fails_while_its_signing_key_is_unreadable(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let keys = app.env.keys(&[]).await.unwrap();
    keys.rotate(cubby::Rotation::Now).await.unwrap();
    keys.close().await;
    let other = app.env.app().await;
    let phone = other.sign_in("ana").await;
    let rename = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        let connection = app.connect().await;
        connection.execute_unprepared(&sql).await.unwrap();
    };
    rename("signing_keys", "elsewhere").await;
    app.advance(Duration::from_secs(2));
    let phone = app.with_credentials_of(&phone);
    let reply = phone.send(SIGN_OUT, json!({})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (503, "SERVICE_UNAVAILABLE")
    );
    rename("elsewhere", "signing_keys").await;
    app.advance(Duration::from_secs(2));
    let ended = phone.ask(SIGN_OUT, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 1);
    assert_eq!(ana.send("{ viewer { id } }", json!({})).await.status, 401);
}

/// After a backup is restored, the row of a session can be older than its token.
#[apply(each_database)]
async fn sign_out_accepts_a_token_newer_than_the_session_row(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let refresh = "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let payload = ana
        .ask(refresh, json!({ "token": ana.refresh_token }))
        .await;
    let mut later = ana.clone();
    later.take_tokens(&payload["refreshSession"]);
    let restored = "UPDATE sessions SET generation = 1";
    app.connect()
        .await
        .execute_unprepared(restored)
        .await
        .unwrap();
    let reply = later.send("{ viewer { id } }", json!({})).await;
    assert_eq!(reply.reason(), "TOKEN_INVALID");
    let ended: Value = later.ask(SIGN_OUT, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 1);
    let reply = ana.send("{ viewer { id } }", json!({})).await;
    assert_eq!(reply.reason(), "SESSION_ENDED");
}
