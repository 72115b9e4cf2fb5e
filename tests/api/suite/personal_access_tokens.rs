//! Personal access tokens: their scopes, limits, expiry and revocation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Reply, TestEnv, apply, each_database};

const CREATE: &str =
    "mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
    token accessToken { id name prefix scopes createdAt lastUsedAt expiresAt }
    userErrors { code path message } } }";

const REVOKE: &str = "mutation ($id: ID!) { revokeAccessToken(input: { id: $id }) {
    revokedAccessTokenId userErrors { code path } } }";

const LIST: &str = "{ viewer { accessTokens { totalCount nodes { id name prefix scopes lastUsedAt
    expiresAt } } } }";

async fn create_token(client: &Client, input: Value) -> Value {
    client.ask(CREATE, json!({ "input": input })).await["createAccessToken"].clone()
}

/// Returns a client that authenticates by a new personal access token, and the token's id.
async fn token_client(client: &Client, scopes: Value) -> (Client, String) {
    let made = create_token(client, json!({ "name": "CI", "scopes": scopes })).await;
    let token = made["token"].as_str().expect("a token");
    let id = made["accessToken"]["id"].as_str().expect("an id");
    (client.with_token(token), id.to_owned())
}

async fn list_tokens(client: &Client) -> Value {
    client.ask(LIST, json!({})).await["viewer"]["accessTokens"].clone()
}

fn assert_rejected(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_eq!(reply.reason(), "TOKEN_INVALID");
}

/// The length of a token's secret, in characters.
const SECRET_CHARS: usize = 43;

const ME: &str = "{ viewer { id } }";

#[apply(each_database)]
async fn write_token_reads_and_writes_tasks(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let task = ana.create_task("Ana's").await;
    let made = create_token(&ana, json!({ "name": " codegen ", "scopes": ["WRITE"] })).await;
    let token = made["token"].as_str().unwrap();
    let shown = &made["accessToken"];
    assert_eq!(shown["name"], "codegen");
    assert_eq!(shown["scopes"], json!(["READ", "WRITE"]));
    assert_eq!(shown["createdAt"], "2026-11-21T12:00:00.000Z");
    assert_eq!(
        (&shown["lastUsedAt"], &shown["expiresAt"]),
        (&Value::Null, &Value::Null)
    );
    let id = shown["id"]
        .as_str()
        .unwrap()
        .strip_prefix("token_")
        .unwrap();
    assert_eq!(shown["prefix"], format!("cubby_pat_{id}"));
    assert!(token.starts_with(&format!("cubby_pat_{id}_")), "{token}");
    assert_eq!(
        token.len(),
        "cubby_pat_".len() + 2 * (26 + 1) + SECRET_CHARS
    );

    let script = ana.with_token(token);
    app.advance(Duration::from_secs(5));
    let data = script
        .ask(
            "{ viewer { tasks { nodes { id } } currentSession { delivery expiresAt
             userAgent } } }",
            json!({}),
        )
        .await;
    assert_eq!(data["viewer"]["tasks"]["nodes"], json!([{ "id": task }]));
    script.create_task("the script's").await;
    let listed = list_tokens(&ana).await;
    assert_eq!(listed["totalCount"], 1);
    assert_eq!(listed["nodes"][0]["lastUsedAt"], "2026-11-21T12:00:05.000Z");
    // The secret is in neither the list nor the database, which stores its digest.
    let secret = &token[token.len() - SECRET_CHARS..];
    assert!(!listed.to_string().contains(secret));
    let stored = "SELECT count(*) FROM sessions WHERE kind = 'access_token' AND scope = 'write'
        AND length(secret_digest) = 32";
    assert_eq!(app.sql(stored).await, [1]);
}

#[apply(each_database)]
async fn token_scopes_limit_writes_and_credential_changes(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (reader, _) = token_client(&ana, json!(["READ"])).await;
    let (writer, _) = token_client(&ana, json!(["READ", "WRITE"])).await;
    let (default, _) = {
        let made = create_token(&ana, json!({ "name": "default" })).await;
        assert_eq!(made["accessToken"]["scopes"], json!(["READ"]));
        (ana.with_token(made["token"].as_str().unwrap()), ())
    };
    let task = ana.create_task("Ana's").await;
    let session = ana
        .ask("{ viewer { currentSession { id } } }", json!({}))
        .await["viewer"]["currentSession"]["id"]
        .clone();
    let assert_insufficient_scope = async |client: &Client, document: &str, input: Value| {
        let reply = client.send(document, json!({ "input": input })).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.code(), "UNAUTHENTICATED", "{document}");
        assert_eq!(reply.reason(), "INSUFFICIENT_SCOPE", "{document}");
    };
    for reader in [&reader, &default] {
        for (document, input) in [
            (
                "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } } }",
                json!({ "title": "x" }),
            ),
            (
                "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { task { id } } }",
                json!({ "id": task, "title": "x" }),
            ),
            (
                "mutation ($input: SetTaskCompletedInput!) { setTaskCompleted(input: $input) { task { id } } }",
                json!({ "id": task, "completed": true }),
            ),
            (
                "mutation ($input: MoveTaskInput!) { moveTask(input: $input) { task { id } } }",
                json!({ "id": task, "placement": { "edge": "LAST" } }),
            ),
            (
                "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { deletedTaskId } }",
                json!({ "id": task }),
            ),
            (
                "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { user { id } } }",
                json!({ "name": "x" }),
            ),
        ] {
            assert_insufficient_scope(reader, document, input).await;
        }
    }
    for script in [&reader, &writer] {
        for (document, input) in [
            (
                "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { endedSessions } }",
                json!({ "currentPassword": PASSWORD, "newPassword": "another good one" }),
            ),
            (
                "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { deletedUserId } }",
                json!({ "password": PASSWORD, "confirmEmail": ana.email() }),
            ),
            (
                "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { revokedSessionId } }",
                json!({ "id": session }),
            ),
            (
                "mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { token } }",
                json!({ "name": "x", "scopes": ["WRITE"] }),
            ),
            (
                "mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) { revokedAccessTokenId } }",
                json!({ "id": "token_01h2xcejqtf2nbrexx3vqjhp41" }),
            ),
            (
                "mutation { revokeOtherSessions { revokedSessionIds } }",
                json!({}),
            ),
        ] {
            assert_insufficient_scope(script, document, input).await;
        }
    }
    let task = ana
        .ask(
            "{ viewer { tasks { nodes { title version } } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        task["viewer"]["tasks"]["nodes"],
        json!([{ "title": "Ana's", "version": 1 }])
    );
}

#[apply(each_database)]
async fn token_is_not_listed_as_session_and_survives_sign_out(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (script, id) = token_client(&ana, json!(["WRITE"])).await;
    let as_session = id.replace("token_", "session_");
    let data = ana
        .ask(
            "query ($id: ID!) { node(id: $id) { id } viewer { sessions { totalCount } } }",
            json!({ "id": as_session }),
        )
        .await;
    assert_eq!(data["viewer"]["sessions"]["totalCount"], 1);
    assert_eq!(data["node"], Value::Null);
    let revoke =
        "mutation ($id: ID!) { revokeSession(input: { id: $id }) { userErrors { code } } }";
    let revoked = ana.ask(revoke, json!({ "id": as_session })).await;
    assert_eq!(
        revoked["revokeSession"]["userErrors"][0]["code"],
        "NOT_FOUND"
    );

    // The token survives signing out and in with it, and every operation that ends sessions.
    let sign_out = "mutation { signOut(input: { everywhere: true }) { endedSessions } }";
    let ended = script.ask(sign_out, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 0);
    let sign_in = "mutation ($input: SignInInput!) { signIn(input: $input) { userErrors { code }
        tokens { accessToken } } }";
    let input = json!({ "input": { "email": ana.email(), "password": PASSWORD } });
    script.ask(sign_in, input).await;
    ana.ask(
        "mutation { revokeOtherSessions { revokedSessionIds } }",
        json!({}),
    )
    .await;
    let change = "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) {
        endedSessions userErrors { code } } }";
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another good one" });
    ana.ask(change, json!({ "input": input })).await;
    let ended = ana.ask(sign_out, json!({})).await;
    assert_eq!(ended["signOut"]["endedSessions"], 1);
    script.ask(ME, json!({})).await;

    // Deleting the account revokes the token.
    let ana = app.sign_in_with("ana", "another good one").await;
    let delete = "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) {
        deletedUserId } }";
    let input = json!({ "password": "another good one", "confirmEmail": ana.email() });
    ana.ask(delete, json!({ "input": input })).await;
    assert_rejected(&script.send(ME, json!({})).await);
}

#[apply(each_database)]
async fn revoked_and_expired_tokens_are_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let (script, id) = token_client(&ana, json!(["READ"])).await;
    script.ask(ME, json!({})).await;
    let by_ben = ben.ask(REVOKE, json!({ "id": id })).await;
    assert_eq!(
        by_ben["revokeAccessToken"],
        json!({ "revokedAccessTokenId": null,
                "userErrors": [{ "code": "NOT_FOUND", "path": ["input", "id"] }] })
    );
    script.ask(ME, json!({})).await;
    let revoked = ana.ask(REVOKE, json!({ "id": id })).await;
    assert_eq!(revoked["revokeAccessToken"]["revokedAccessTokenId"], id);
    assert_rejected(&script.send(ME, json!({})).await);
    assert_eq!(list_tokens(&ana).await["totalCount"], 0);
    assert_eq!(
        ana.events().await,
        ["ACCESS_TOKEN_REVOKED", "ACCESS_TOKEN_CREATED", "SIGNED_UP"]
    );

    let input = json!({ "name": "a day", "expiresAt": "2026-11-22T12:00:00.000Z" });
    let made = create_token(&ana, input).await;
    assert_eq!(made["accessToken"]["expiresAt"], "2026-11-22T12:00:00.000Z");
    let script = ana.with_token(made["token"].as_str().unwrap());
    app.advance(Duration::from_millis(24 * 3_600_000 - 1));
    script.ask(ME, json!({})).await;
    app.advance(Duration::from_millis(1));
    assert_rejected(&script.send(ME, json!({})).await);
}

#[apply(each_database)]
async fn invalid_token_input_returns_field_errors(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for (input, path, code) in [
        (json!({ "name": " " }), "name", "TOO_SHORT"),
        (json!({ "name": "x".repeat(101) }), "name", "TOO_LONG"),
        (json!({ "name": "x", "scopes": [] }), "scopes", "REQUIRED"),
        (
            json!({ "name": "x", "expiresAt": "2026-11-21T12:00:00.000Z" }),
            "expiresAt",
            "OUT_OF_RANGE",
        ),
    ] {
        let made = create_token(&ana, input).await;
        let error = &made["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["path"]),
            (&json!(code), &json!(["input", path]))
        );
        assert_eq!(
            (&made["token"], &made["accessToken"]),
            (&Value::Null, &Value::Null)
        );
    }
    for number in 0..100 {
        create_token(&ana, json!({ "name": format!("{number}") })).await;
    }
    let made = create_token(&ana, json!({ "name": "one more" })).await;
    assert_eq!(made["userErrors"][0]["code"], "LIMIT_REACHED");
    assert_eq!(list_tokens(&ana).await["totalCount"], 100);
}

#[apply(each_database)]
async fn forged_tokens_are_rejected_with_the_same_error(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (script, id) = token_client(&ana, json!(["WRITE"])).await;
    let token = script.token.clone().unwrap();
    let (prefix, secret) = token.split_at(token.len() - SECRET_CHARS);
    let prefix = prefix.trim_end_matches('_');
    let session = ana
        .ask("{ viewer { currentSession { id } } }", json!({}))
        .await["viewer"]["currentSession"]["id"]
        .as_str()
        .unwrap()
        .replace("session_", "");
    let other = id.replace("token_", "");
    let unknown = "01h2xcejqtf2nbrexx3vqjhp41";
    let (_, user) = prefix.rsplit_once('_').unwrap();
    let ben = app.sign_up("ben").await;
    let ben = ben.ask("{ viewer { id } }", json!({})).await["viewer"]["id"]
        .as_str()
        .unwrap()
        .replace("user_", "");
    for forged in [
        format!("{prefix}_{}", secret.to_lowercase()),
        format!("{prefix}_"),
        format!("{prefix}_{secret}="),
        format!("{prefix}_{}", &secret[1..]),
        format!("cubby_pat_{unknown}_{user}_{secret}"),
        format!("cubby_pat_{other}_{ben}_{secret}"),
        format!("cubby_pat_{other}_{unknown}_{secret}"),
        format!("cubby_pat_{other}_{secret}"),
        // The id of an interactive session, which has no secret, with a secret and without.
        format!("cubby_pat_{session}_{user}_{secret}"),
        format!("cubby_pat_{session}_{user}_"),
        format!("CUBBY_PAT_{other}_{user}_{secret}"),
        format!("cubby_pat_{}_{user}_{secret}", other.to_uppercase()),
        format!("cubby_pat_{secret}"),
    ] {
        assert_rejected(&ana.with_token(&forged).send(ME, json!({})).await);
    }
    script.ask(ME, json!({})).await;
}
