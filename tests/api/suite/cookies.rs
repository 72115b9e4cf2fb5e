//! Cookie sessions: attributes of the cookies, accepted origins, expiry and sign-out.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo, http::Request};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{revocation::FROM_MEMORY, sockets::Socket, sockets::connect, streams::TASK_CHANGES};
use crate::harness::{App, Client, Database, PASSWORD, Reply, TestEnv, apply, each_database};

const ME: &str = "{ viewer { email } }";

const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) {
    tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
    session { delivery } userErrors { code path } } }";

const REFRESH: &str = "mutation { refreshSession {
    tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
    session { id } userErrors { code path } } }";

/// The header that marks a request of a page of the server's own origin.
pub(super) const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Sends a GraphQL request with additional headers.
pub(super) async fn send(client: &Client, query: Value, headers: &[(&str, &str)]) -> Reply {
    send_from(client, None, query, headers).await
}

/// Sends a GraphQL request with additional headers, from the address `peer` if it is given.
async fn send_from(
    client: &Client,
    peer: Option<&str>,
    query: Value,
    headers: &[(&str, &str)],
) -> Reply {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request = request.extension(ConnectInfo(peer));
    }
    let body = Body::from(query.to_string());
    client.request(request.body(body).unwrap()).await
}

pub(super) fn sign_in(delivery: &str) -> Value {
    let input = json!({ "email": "ana@example.com", "password": PASSWORD, "delivery": delivery });
    json!({ "query": SIGN_IN, "variables": { "input": input } })
}

pub(super) fn set_cookies(reply: &Reply) -> Vec<&str> {
    let values = reply.headers.get_all("set-cookie").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// Returns the only cookie that a reply sets, as `name=value`.
pub(super) fn set_cookie(reply: &Reply) -> String {
    let cookies = set_cookies(reply);
    assert_eq!(cookies.len(), 1, "{reply:?}");
    cookies[0].split(';').next().unwrap().to_owned()
}

/// Signs Ana up, signs her in by the delivery, and returns the cookie.
async fn cookie_of_ana(app: &App, delivery: &str) -> String {
    app.sign_up("ana").await;
    let reply = send(&app.anonymous(), sign_in(delivery), &[]).await;
    assert_eq!(reply.body["data"]["signIn"]["userErrors"], json!([]));
    set_cookie(&reply)
}

pub(super) fn query(text: &str) -> Value {
    json!({ "query": text })
}

fn email(reply: &Reply) -> &Value {
    &reply.body["data"]["viewer"]["email"]
}

#[apply(each_database)]
async fn session_cookie_authenticates_without_exposing_tokens(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let anonymous = app.anonymous();
    let reply = send(&anonymous, sign_in("COOKIE"), &[]).await;
    let payload = &reply.body["data"]["signIn"];
    assert_eq!(
        payload["tokens"],
        json!({ "accessToken": null, "accessTokenExpiresAt": null,
                "refreshToken": null, "refreshTokenExpiresAt": null })
    );
    assert_eq!(payload["session"]["delivery"], "COOKIE");
    let set = set_cookies(&reply)[0];
    assert!(set.starts_with("__Host-cubby_session=user_"), "{set}");
    assert!(
        set.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=7776000"),
        "{set}"
    );
    let cookie = set_cookie(&reply);

    // The cookie neither rotates nor expires while the session is used.
    for _ in 0..3 {
        app.advance(Duration::from_hours(25 * 24));
        let reply = send(&anonymous, query(ME), &[("cookie", &cookie), OWN]).await;
        assert_eq!(email(&reply), "ana@example.com");
        assert_eq!(set_cookies(&reply), [""; 0]);
    }
    let reply = send(&anonymous, query(REFRESH), &[("cookie", &cookie), OWN]).await;
    let payload = &reply.body["data"]["refreshSession"];
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["tokens"]["accessToken"], Value::Null);
    assert!(payload["session"]["id"].is_string(), "{payload}");
    assert_eq!(set_cookies(&reply), [""; 0]);
    app.advance(Duration::from_hours(15 * 24));
    let reply = send(&anonymous, query(ME), &[("cookie", &cookie), OWN]).await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "SESSION_ENDED")
    );
}

#[apply(each_database)]
async fn refresh_cookie_issues_access_tokens(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "HYBRID").await;
    assert!(cookie.starts_with("__Host-cubby_refresh=user_"), "{cookie}");
    app.advance(Duration::from_hours(1));
    let anonymous = app.anonymous();
    let reply = send(&anonymous, query(REFRESH), &[("cookie", &cookie), OWN]).await;
    let tokens = &reply.body["data"]["refreshSession"]["tokens"];
    assert_eq!(tokens["refreshToken"], Value::Null);
    assert_eq!(tokens["refreshTokenExpiresAt"], "2026-12-21T13:00:00.000Z");
    let next = set_cookie(&reply);
    assert_ne!(next, cookie);
    let client = anonymous.with_token(tokens["accessToken"].as_str().unwrap());
    assert_eq!(
        client.ask(ME, json!({})).await["viewer"]["email"],
        "ana@example.com"
    );
    // A refresh cookie authenticates no other operation.
    let reply = send(&anonymous, query(ME), &[("cookie", &next), OWN]).await;
    assert_eq!(reply.body["data"]["viewer"], Value::Null);

    // If a refresh token in the input is invalid, the cookie stays.
    let other = "mutation { refreshSession(input: { refreshToken: \"x\" }) {
        userErrors { code } } }";
    let reply = send(&anonymous, query(other), &[("cookie", &next), OWN]).await;
    let errors = &reply.body["data"]["refreshSession"]["userErrors"];
    assert_eq!(errors[0]["code"], "TOKEN_INVALID");
    assert_eq!(set_cookies(&reply), [""; 0]);

    app.advance(Duration::from_mins(1));
    let reply = send(&anonymous, query(REFRESH), &[("cookie", &cookie), OWN]).await;
    let errors = &reply.body["data"]["refreshSession"]["userErrors"];
    assert_eq!(errors[0]["code"], "TOKEN_REUSED");
    let cleared = set_cookies(&reply)[0];
    assert!(cleared.starts_with("__Host-cubby_refresh=;"), "{cleared}");
    assert!(cleared.ends_with("Max-Age=0"), "{cleared}");
}

#[apply(each_database)]
async fn cookies_are_accepted_only_from_allowed_origins(env: TestEnv) {
    let app = env
        .app_with(&["--cors-origins", "https://app.example.com"])
        .await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let cookie_header = ("cookie", cookie.as_str());
    let anonymous = app.anonymous();
    for (headers, is_allowed) in [
        (vec![], false),
        (vec![("origin", "https://evil.example")], false),
        (vec![("origin", "https://app.example.com.evil")], false),
        (vec![("origin", "null")], false),
        (vec![("sec-fetch-site", "none")], false),
        (vec![("sec-fetch-site", "same-site")], false),
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![OWN], true),
        (vec![("origin", "https://app.example.com")], true),
        (vec![("origin", "https://cubby")], true),
        (vec![("origin", "http://cubby")], true),
        (vec![("origin", "HTTPS://Cubby:443")], true),
        (
            vec![("origin", "https://cubby"), ("host", "CUBBY:443")],
            true,
        ),
        (
            vec![("origin", "https://cubby"), ("host", "cubby:80")],
            false,
        ),
        (vec![("origin", "https://cubby:8443")], false),
        (vec![("origin", "http://localhost:5173")], true),
        (vec![("origin", "ftp://cubby")], false),
        (
            vec![
                ("origin", "https://app.example.com"),
                ("sec-fetch-site", "same-site"),
            ],
            true,
        ),
    ] {
        let reply = send(
            &anonymous,
            query(ME),
            &[&[cookie_header][..], &headers].concat(),
        )
        .await;
        if is_allowed {
            assert_eq!(email(&reply), "ana@example.com", "{headers:?}");
        } else {
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (403, "BAD_REQUEST"),
                "{headers:?}"
            );
            assert_eq!(set_cookies(&reply), [""; 0]);
        }
    }
    // In production `http:` origins are rejected: without TLS a page can be forged in transit.
    let production = app.env.start(&["--mode", "production"]).await.unwrap();
    for (origin, status) in [
        ("http://cubby", 403),
        ("http://localhost:5173", 403),
        ("https://cubby", 200),
    ] {
        let headers = [cookie_header, ("origin", origin)];
        let reply = send(&production.anonymous(), query(ME), &headers).await;
        assert_eq!(reply.status, status, "{origin}");
    }
    // The check includes GET, because a browser sends the cookie when the user follows a link.
    let get = "/graphql?query=%7Bviewer%7Bemail%7D%7D";
    let request = Request::get(get).header("cookie", &cookie);
    let reply = anonymous
        .request(request.body(Body::empty()).unwrap())
        .await;
    assert_eq!(reply.status, 403);
}

#[apply(each_database)]
async fn authorization_header_overrides_cookie(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let ben = app.sign_up("ben").await;
    let bearer = format!("Bearer {}", ben.token.as_ref().unwrap());
    for headers in [
        vec![("cookie", cookie.as_str()), ("authorization", &bearer), OWN],
        // The header is accepted even from a page whose cookies would be rejected.
        vec![("cookie", &cookie), ("authorization", &bearer)],
    ] {
        let reply = send(&app.anonymous(), query(ME), &headers).await;
        assert_eq!(email(&reply), "ben@example.com");
    }
    let headers = [
        ("cookie", cookie.as_str()),
        ("authorization", "Bearer x"),
        OWN,
    ];
    let reply = send(&app.anonymous(), query(ME), &headers).await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "TOKEN_INVALID")
    );
    assert_eq!(set_cookies(&reply), [""; 0]);
}

#[apply(each_database)]
async fn empty_authorization_header_does_not_disable_cookie(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    for authorization in ["", "Bearer "] {
        let headers = [("cookie", &*cookie), ("authorization", authorization)];
        let reply = send(
            &app.anonymous(),
            query(ME),
            &[&headers[..], &[OWN]].concat(),
        )
        .await;
        assert_eq!(email(&reply), "ana@example.com", "{authorization:?}");
        let reply = send(&app.anonymous(), query(ME), &headers).await;
        assert_eq!(reply.status, 403, "{authorization:?}");
    }
}

#[apply(each_database)]
async fn invalid_cookie_is_cleared_and_does_not_block_sign_in(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let anonymous = app.anonymous();
    let out = query("mutation { signOut { endedSessions } }");
    let reply = send(&anonymous, out.clone(), &[("cookie", &cookie), OWN]).await;
    assert_eq!(reply.body["data"]["signOut"]["endedSessions"], 1);
    assert!(set_cookies(&reply)[0].ends_with("Max-Age=0"), "{reply:?}");

    let (name, value) = cookie.split_once('=').unwrap();
    for stale in [
        cookie.clone(),
        format!("{name}={}x", &value[..value.len() - 1]),
        format!("{name}="),
        format!("{name}=session_01h2xcejqtf2nbrexx3vqjhp41"),
        format!("{name}={}", "x".repeat(5_000)),
    ] {
        let cookie_header = ("cookie", stale.as_str());
        let reply = send(&anonymous, query(ME), &[cookie_header, OWN]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (401, "UNAUTHENTICATED"),
            "{stale}"
        );
        assert!(set_cookies(&reply)[0].ends_with("Max-Age=0"), "{reply:?}");
        let reply = send(&anonymous, sign_in("COOKIE"), &[cookie_header, OWN]).await;
        let set = set_cookies(&reply);
        assert_eq!(set.len(), 1, "{set:?}");
        assert!(set[0].contains("Max-Age=7776000"), "{set:?}");
        let reply = send(&anonymous, out.clone(), &[cookie_header, OWN]).await;
        assert_eq!(reply.body["data"]["signOut"]["endedSessions"], 0);
    }
}

#[apply(each_database)]
async fn insecure_cookie_is_set_only_on_development_loopback(env: TestEnv) {
    let app = env.app_with(&["--mode", "development"]).await;
    app.sign_up("ana").await;
    let anonymous = app.anonymous();
    let host = ("host", "localhost");
    for (peer, name) in [
        ("127.0.0.1:9", "cubby_session="),
        ("[::1]:9", "cubby_session="),
        ("[::ffff:127.0.0.1]:9", "cubby_session="),
        ("192.0.2.7:9", "__Host-cubby_session="),
    ] {
        let reply = send_from(&anonymous, Some(peer), sign_in("COOKIE"), &[host]).await;
        let cookie = set_cookie(&reply);
        assert!(cookie.starts_with(name), "{peer}: {cookie}");
        assert_eq!(
            set_cookies(&reply)[0].contains("Secure"),
            name.starts_with("__Host-")
        );
        let headers = [("cookie", cookie.as_str()), OWN];
        let reply = send_from(&anonymous, Some(peer), query(ME), &headers).await;
        assert_eq!(email(&reply), "ana@example.com");
        // A request from the other kind of address ignores a cookie of this name.
        let elsewhere = if name.starts_with("__Host-") {
            "127.0.0.1:9"
        } else {
            "192.0.2.7:9"
        };
        let reply = send_from(&anonymous, Some(elsewhere), query(ME), &headers).await;
        assert_eq!(reply.body["data"]["viewer"], Value::Null);
    }

    let app = env.fresh().await.app_with(&["--mode", "production"]).await;
    app.sign_up("ana").await;
    let reply = send_from(
        &app.anonymous(),
        Some("127.0.0.1:9"),
        sign_in("COOKIE"),
        &[host],
    )
    .await;
    assert!(set_cookie(&reply).starts_with("__Host-"), "{reply:?}");
}

#[apply(each_database)]
async fn socket_authenticates_by_cookie_and_sets_none(env: TestEnv) {
    let app = env
        .app_with(&["--cors-origins", "https://app.example.com"])
        .await;
    let address = app.serve().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let origin = ("origin", "https://app.example.com");
    let init = json!({ "type": "connection_init" });

    // Without a peer address the connection counts as not being from loopback.
    let headers = [protocol, origin, ("cookie", cookie.as_str())];
    let mut socket: Socket = connect(&address, &headers).await.unwrap();
    socket.say(init.clone()).await;
    assert_eq!(socket.receive().await, json!({ "type": "connection_ack" }));
    socket.subscribe("me", ME).await;
    let next = socket.receive().await;
    assert_eq!(
        next["payload"]["data"]["viewer"]["email"],
        "ana@example.com"
    );
    assert_eq!(socket.receive().await["type"], "complete");
    socket
        .subscribe(
            "in",
            &format!(
                "mutation {{ signIn(input: {{ email: \"ana@example.com\", password: \"{PASSWORD}\",
            delivery: COOKIE }}) {{ userErrors {{ code path }} }} }}"
            ),
        )
        .await;
    let next = socket.receive().await;
    let errors = &next["payload"]["data"]["signIn"]["userErrors"];
    assert_eq!(
        errors,
        &json!([{ "code": "INVALID", "path": ["input", "delivery"] }])
    );
    assert_eq!(socket.receive().await["type"], "complete");

    // The socket closes when the session ends.
    socket.subscribe("changes", TASK_CHANGES).await;
    let out = query("mutation { signOut { endedSessions } }");
    send(&app.anonymous(), out, &[("cookie", &cookie), OWN]).await;
    assert_eq!(socket.closed().await.0, 4403);

    for headers in [
        vec![protocol, ("cookie", cookie.as_str())],
        vec![
            protocol,
            ("cookie", &cookie),
            ("origin", "https://evil.example"),
        ],
    ] {
        assert!(connect(&address, &headers).await.is_err(), "{headers:?}");
    }
    let mut socket = connect(&address, &[protocol, origin, ("cookie", &cookie)])
        .await
        .unwrap();
    socket.say(init).await;
    assert_eq!(socket.closed().await.0, 4403);
}

#[apply(each_database)]
async fn sign_up_sets_cookie_and_session_end_clears_it(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let sign_up = "mutation ($input: SignUpInput!) { signUp(input: $input) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let revoke = "mutation ($id: ID!) { revokeSession(input: { id: $id }) { revokedSessionId } }";
    let delete = "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) {
        deletedUserId } }";
    for (email, delivery, name) in [
        ("ana@example.com", "COOKIE", "__Host-cubby_session"),
        ("ben@example.com", "HYBRID", "__Host-cubby_refresh"),
    ] {
        let input = json!({ "email": email, "password": PASSWORD, "delivery": delivery });
        let body = json!({ "query": sign_up, "variables": { "input": input } });
        let reply = send(&anonymous, body, &[]).await;
        let tokens = &reply.body["data"]["signUp"]["tokens"];
        assert_eq!(tokens["refreshToken"], Value::Null);
        assert_eq!(tokens["accessToken"].is_string(), delivery == "HYBRID");
        assert!(set_cookie(&reply).starts_with(name), "{reply:?}");
    }

    let reply = send(&anonymous, sign_in("COOKIE"), &[]).await;
    let cookie = set_cookie(&reply);
    let headers = [("cookie", cookie.as_str()), OWN];
    let id = cookie.split('.').nth(1).unwrap();
    let body = json!({ "query": revoke, "variables": { "id": id } });
    let reply = send(&anonymous, body, &headers).await;
    assert_eq!(reply.body["data"]["revokeSession"]["revokedSessionId"], id);
    assert!(set_cookies(&reply)[0].ends_with("Max-Age=0"), "{reply:?}");

    let reply = send(&anonymous, sign_in("COOKIE"), &[]).await;
    let cookie = set_cookie(&reply);
    let headers = [("cookie", cookie.as_str()), OWN];
    let input = json!({ "password": PASSWORD, "confirmEmail": "ana@example.com" });
    let body = json!({ "query": delete, "variables": { "input": input } });
    let reply = send(&anonymous, body, &headers).await;
    assert!(
        reply.body["data"]["deleteAccount"]["deletedUserId"].is_string(),
        "{reply:?}"
    );
    assert!(set_cookies(&reply)[0].ends_with("Max-Age=0"), "{reply:?}");
}

#[apply(each_database)]
async fn cookie_without_remember_me_expires_after_12_hours(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let mut body = sign_in("COOKIE");
    body["variables"]["input"]["rememberMe"] = json!(false);
    let reply = send(&app.anonymous(), body, &[]).await;
    assert!(
        set_cookies(&reply)[0].ends_with("Max-Age=43200"),
        "{reply:?}"
    );
    let cookie = set_cookie(&reply);
    let headers = [("cookie", cookie.as_str()), OWN];
    app.advance(Duration::from_hours(12) - Duration::from_millis(1));
    assert_eq!(
        email(&send(&app.anonymous(), query(ME), &headers).await),
        "ana@example.com"
    );
    app.advance(Duration::from_millis(1));
    let reply = send(&app.anonymous(), query(ME), &headers).await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "SESSION_ENDED")
    );
}

#[apply(each_database)]
async fn cookies_and_refresh_tokens_survive_secret_rotation(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let ana = app.sign_in("ana").await;
    let refresh = json!({
        "query": "mutation ($token: String) { refreshSession(input: { refreshToken: $token }) {
            tokens { refreshToken } userErrors { code } } }",
        "variables": { "token": ana.refresh_token },
    });
    let new = "another secret of the tests, long enough";
    let flags = ["--secret", new, "--secret-2", crate::harness::SECRET];
    let both = app.env.start(&flags).await.unwrap();
    let headers = [("cookie", cookie.as_str()), OWN];
    assert_eq!(
        email(&send(&both.anonymous(), query(ME), &headers).await),
        "ana@example.com"
    );
    let reply = send(&both.anonymous(), refresh.clone(), &[]).await;
    let tokens = &reply.body["data"]["refreshSession"]["tokens"];
    assert!(tokens["refreshToken"].is_string(), "{reply:?}");

    let alone = app.env.start(&["--secret", new]).await.unwrap();
    let reply = send(&alone.anonymous(), query(ME), &headers).await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "TOKEN_INVALID")
    );
    let reply = send(&alone.anonymous(), refresh, &[]).await;
    let errors = &reply.body["data"]["refreshSession"]["userErrors"];
    assert_eq!(errors[0]["code"], "TOKEN_INVALID");
}

#[apply(each_database)]
async fn cached_session_still_expires(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let mut short = sign_in("COOKIE");
    short["variables"]["input"]["rememberMe"] = json!(false);
    let cookie = set_cookie(&send(&app.anonymous(), short, &[]).await);
    let ask = async || send(&app.anonymous(), query(ME), &[("cookie", &cookie), OWN]).await;
    app.advance(Duration::from_hours(12) - Duration::from_secs(30));
    while app.metric(FROM_MEMORY).await == 0.0 {
        assert_eq!(email(&ask().await), "ana@example.com");
        tokio::task::yield_now().await;
    }
    app.advance(Duration::from_secs(30));
    let reply = ask().await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "SESSION_ENDED")
    );
}

/// Counts the sessions that have not been ended.
async fn active_sessions(app: &App) -> usize {
    let active = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    usize::try_from(app.sql(active).await[0]).unwrap()
}

#[apply(each_database)]
async fn sign_in_ends_session_of_cookie_and_replaces_cookie(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let anonymous = app.anonymous();
    for (old, new) in [
        ("COOKIE", "COOKIE"),
        ("HYBRID", "COOKIE"),
        ("COOKIE", "HYBRID"),
        ("HYBRID", "BEARER"),
    ] {
        let before = active_sessions(&app).await;
        let cookie = set_cookie(&send(&anonymous, sign_in(old), &[]).await);
        let reply = send(&anonymous, sign_in(new), &[("cookie", &cookie), OWN]).await;
        assert_eq!(reply.body["data"]["signIn"]["userErrors"], json!([]));
        assert_eq!(active_sessions(&app).await, before + 1, "{old}, {new}");
        let name = cookie.split_once('=').unwrap().0;
        let of_old = set_cookies(&reply)
            .into_iter()
            .find(|set| set.starts_with(name))
            .unwrap_or_else(|| panic!("the reply does not set {name}: {reply:?}"));
        assert_eq!(of_old.ends_with("Max-Age=0"), old != new, "{of_old}");
    }
}

/// Adds a trigger that makes every update of `ended_at` fail.
async fn reject_session_ends(app: &App) {
    let statements: &[&str] = match app.env.database {
        Database::Sqlite => &[
            "CREATE TRIGGER reject_session_ends BEFORE UPDATE OF ended_at ON sessions
             BEGIN SELECT RAISE(ABORT, 'sessions cannot end'); END",
        ],
        Database::Postgresql => &[
            "CREATE FUNCTION reject_session_ends() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'sessions cannot end'; END $$",
            "CREATE TRIGGER reject_session_ends BEFORE UPDATE OF ended_at ON sessions
             FOR EACH ROW EXECUTE FUNCTION reject_session_ends()",
        ],
    };
    let connection = app.connect().await;
    for sql in statements {
        connection.execute_unprepared(sql).await.unwrap();
    }
}

#[apply(each_database)]
async fn sign_in_succeeds_when_previous_session_cannot_end(env: TestEnv) {
    let app = env.app().await;
    let cookie = cookie_of_ana(&app, "COOKIE").await;
    let headers = [("cookie", cookie.as_str()), OWN];
    reject_session_ends(&app).await;
    let anonymous = app.anonymous();
    let sign_up = query(
        "mutation { signUp(input: { email: \"ben@example.com\", password: \"staple battery horse\" }) {
           tokens { accessToken } user { email } userErrors { code } } }",
    );
    let reply = send(&anonymous, sign_up, &headers).await;
    let payload = &reply.body["data"]["signUp"];
    assert_eq!(payload["user"]["email"], "ben@example.com", "{reply:?}");
    assert!(payload["tokens"]["accessToken"].is_string());
    // The cookie is not cleared, because its session is still active.
    assert_eq!(set_cookies(&reply), [""; 0]);
    let reply = send(&anonymous, sign_in("COOKIE"), &headers).await;
    assert_eq!(reply.body["data"]["signIn"]["userErrors"], json!([]));
    let new_cookie = set_cookie(&reply);
    for cookie in [&cookie, &new_cookie] {
        let reply = send(&anonymous, query(ME), &[("cookie", cookie), OWN]).await;
        assert_eq!(email(&reply), "ana@example.com");
    }
}

#[apply(each_database)]
async fn sign_out_ends_all_sessions_named_by_the_request(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let anonymous = app.anonymous();
    let hybrid = set_cookie(&send(&anonymous, sign_in("HYBRID"), &[]).await);
    let whole = set_cookie(&send(&anonymous, sign_in("COOKIE"), &[]).await);
    let phone = app.sign_in("ana").await;
    let bearer = format!("Bearer {}", ana.token.as_ref().unwrap());
    let cookies = format!("{hybrid}; {whole}");
    let mut out = query(
        "mutation ($token: String) { signOut(input: { refreshToken: $token }) { endedSessions } }",
    );
    out["variables"] = json!({ "token": phone.refresh_token });
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", &cookies),
        OWN,
    ];
    let reply = send(&anonymous, out, &headers).await;
    assert_eq!(
        reply.body["data"]["signOut"]["endedSessions"], 4,
        "{reply:?}"
    );
    assert_eq!(active_sessions(&app).await, 0);
    assert_eq!(set_cookies(&reply).len(), 2);
}
