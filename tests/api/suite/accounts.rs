//! Accounts: sign-up, sign-in, sign-out, profile, password changes and deletion.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, TestEnv, apply, each_database};

const SIGN_UP: &str = "mutation ($input: SignUpInput!) { signUp(input: $input) {
    tokens { accessToken accessTokenExpiresAt } user { id email name timeZone }
    session { id label } userErrors { message code path
      ... on WeakPasswordError { reasons } } } }";

const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) {
    tokens { accessToken accessTokenExpiresAt } user { id email currentSession { id } }
    session { id isCurrent label expiresAt } userErrors { __typename message code path } } }";

const CHANGE_PASSWORD: &str = "mutation ($input: ChangePasswordInput!) {
    changePassword(input: $input) { user { id } endedSessions userErrors { code path } } }";

const DELETE_ACCOUNT: &str = "mutation ($input: DeleteAccountInput!) {
    deleteAccount(input: $input) { deletedUserId userErrors { code path } } }";

const ME: &str = "{ viewer { id email name timeZone createdAt updatedAt } }";

async fn sign_up(client: &Client, input: Value) -> Value {
    client.ask(SIGN_UP, json!({ "input": input })).await["signUp"].clone()
}

async fn sign_in(client: &Client, email: &str, password: &str) -> Value {
    let input = json!({ "email": email, "password": password });
    client.ask(SIGN_IN, json!({ "input": input })).await["signIn"].clone()
}

fn error(code: &str, path: Value) -> Value {
    json!([{ "code": code, "path": path }])
}

/// Counts the sessions that have not been ended.
const ACTIVE_SESSIONS: &str = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";

#[apply(each_database)]
async fn sign_up_creates_account_and_session(env: TestEnv) {
    let app = env.app().await;
    let payload = sign_up(
        &app.anonymous(),
        json!({ "email": " Ana@Example.com ", "password": PASSWORD, "name": " Ana ",
                "timeZone": "europe/vienna", "deviceLabel": "Phone" }),
    )
    .await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["user"]["email"], "Ana@Example.com");
    assert_eq!(payload["user"]["name"], "Ana");
    assert_eq!(payload["user"]["timeZone"], "Europe/Vienna");
    assert_eq!(payload["session"]["label"], "Phone");
    assert_eq!(
        payload["tokens"]["accessTokenExpiresAt"],
        "2026-11-21T12:15:00.000Z"
    );
    let token = payload["tokens"]["accessToken"].as_str().unwrap();
    let me = app.anonymous().with_token(token).ask(ME, json!({})).await;
    assert_eq!(me["viewer"]["id"], payload["user"]["id"]);
}

#[apply(each_database)]
async fn time_zone_defaults_to_utc_and_name_to_null(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let me = ana.ask(ME, json!({})).await;
    assert_eq!(me["viewer"]["timeZone"], "UTC");
    assert_eq!(me["viewer"]["name"], Value::Null);
    assert_eq!(me["viewer"]["createdAt"], "2026-11-21T12:00:00.000Z");
}

#[apply(each_database)]
async fn sign_up_reports_all_invalid_fields(env: TestEnv) {
    let app = env.app().await;
    let payload = sign_up(
        &app.anonymous(),
        json!({ "email": "ana", "password": "1234567", "name": " ",
                "deviceLabel": "x".repeat(101) }),
    )
    .await;
    assert_eq!(payload["user"], Value::Null);
    assert_eq!(payload["tokens"], Value::Null);
    let errors = payload["userErrors"].as_array().unwrap();
    let codes: Vec<_> = errors
        .iter()
        .map(|error| (error["code"].clone(), error["path"].clone()))
        .collect();
    assert_eq!(
        codes,
        [
            (json!("EMAIL_INVALID"), json!(["input", "email"])),
            (json!("PASSWORD_TOO_WEAK"), json!(["input", "password"])),
            (json!("TOO_SHORT"), json!(["input", "name"])),
            (json!("TOO_LONG"), json!(["input", "deviceLabel"])),
        ]
    );
    assert_eq!(errors[1]["reasons"], json!(["TOO_SHORT"]));
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);
}

#[apply(each_database)]
async fn unknown_time_zone_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let input = json!({ "email": "a@b.c", "password": PASSWORD, "timeZone": "Mars/Olympus" });
    let reply = app
        .anonymous()
        .send(SIGN_UP, json!({ "input": input }))
        .await;
    assert_eq!(reply.code(), "BAD_USER_INPUT");
    assert_eq!(
        reply.body["errors"][0]["message"],
        "The variable $input.timeZone is wrong: not an IANA time zone name such as Europe/Vienna."
    );
    let written = "mutation { signUp(input: { email: \"a@b.c\", password: \"correct horse\",
        timeZone: \"Mars/Olympus\" }) { user { id } } }";
    let reply = app.anonymous().send(written, json!({})).await;
    assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(reply.body.get("data"), None);
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);
}

#[apply(each_database)]
async fn email_is_unique_ignoring_case(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    for email in ["ana@example.com", "ANA@Example.COM", " ana@example.com"] {
        let input = json!({ "email": email, "password": "another password" });
        let payload = sign_up(&app.anonymous(), input).await;
        assert_eq!(payload["userErrors"][0]["code"], "EMAIL_TAKEN", "{email}");
        assert_eq!(payload["userErrors"][0]["path"], json!(["input", "email"]));
        assert_eq!(payload["user"], Value::Null);
    }
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [1]);
    assert_eq!(app.sql(ACTIVE_SESSIONS).await, [1]);
}

#[apply(each_database)]
async fn unicode_and_ascii_domains_are_equivalent(env: TestEnv) {
    let app = env.app().await;
    let email = "Info@m\u{fc}nchen.example";
    let input = json!({ "email": email, "password": PASSWORD });
    let payload = sign_up(&app.anonymous(), input).await;
    assert_eq!(payload["user"]["email"], email);
    let forms = [
        "info@xn--mnchen-3ya.example",
        "INFO@XN--MNCHEN-3YA.EXAMPLE",
        "info@M\u{dc}NCHEN.example",
        "info@mu\u{308}nchen\u{3002}example",
    ];
    for form in forms {
        let input = json!({ "email": form, "password": "another password" });
        let payload = sign_up(&app.anonymous(), input).await;
        assert_eq!(payload["userErrors"][0]["code"], "EMAIL_TAKEN", "{form}");
        let payload = sign_in(&app.anonymous(), form, PASSWORD).await;
        assert_eq!(payload["user"]["email"], email, "{form}: {payload}");
    }
    assert_eq!(
        app.env
            .admin()
            .await
            .show(forms[0])
            .await
            .unwrap()
            .email
            .as_deref(),
        Some(email)
    );

    for form in ["ana@xn--a.example", "ana@m\u{fc}nchen..example"] {
        let input = json!({ "email": form, "password": PASSWORD });
        let payload = sign_up(&app.anonymous(), input).await;
        assert_eq!(payload["userErrors"][0]["code"], "EMAIL_INVALID", "{form}");
        let payload = sign_in(&app.anonymous(), form, PASSWORD).await;
        assert_eq!(
            payload["userErrors"][0]["code"], "INVALID_CREDENTIALS",
            "{form}"
        );
    }

    let mut owner = app.anonymous();
    owner.take_tokens(&sign_in(&app.anonymous(), email, PASSWORD).await);
    let payload = delete_account(&owner, PASSWORD, forms[0]).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);
}

#[apply(each_database)]
async fn concurrent_sign_ups_create_one_account(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let tries = (0..8).map(|number| {
        let anonymous = anonymous.clone();
        tokio::spawn(async move {
            let email = if number % 2 == 0 {
                "ana@b.c"
            } else {
                "ANA@B.C"
            };
            sign_up(&anonymous, json!({ "email": email, "password": PASSWORD })).await
        })
    });
    let mut opened = 0;
    for payload in tries.collect::<Vec<_>>() {
        let payload = payload.await.unwrap();
        if payload["tokens"] == Value::Null {
            assert_eq!(payload["userErrors"][0]["code"], "EMAIL_TAKEN");
        } else {
            opened += 1;
        }
    }
    assert_eq!(opened, 1);
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [1]);
}

#[apply(each_database)]
async fn sign_in_ignores_case_of_email_only(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let payload = sign_in(&app.anonymous(), "ANA@EXAMPLE.COM", PASSWORD).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["session"]["isCurrent"], true);
    assert_eq!(
        payload["user"]["currentSession"]["id"],
        payload["session"]["id"]
    );
    assert_eq!(payload["session"]["expiresAt"], "2027-02-19T12:00:00.000Z");
    for password in ["Correct horse battery", " correct horse battery", ""] {
        let payload = sign_in(&app.anonymous(), "ana@example.com", password).await;
        assert_eq!(payload["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    }
}

#[apply(each_database)]
async fn password_unicode_is_normalized(env: TestEnv) {
    let app = env.app().await;
    let input = json!({ "email": "ana@example.com", "password": "caf\u{e9} au lait" });
    sign_up(&app.anonymous(), input).await;
    let payload = sign_in(&app.anonymous(), "ana@example.com", "cafe\u{301} au lait").await;
    assert_eq!(payload["userErrors"], json!([]));
}

#[apply(each_database)]
async fn unknown_email_and_wrong_password_get_same_error(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let wrong = sign_in(&app.anonymous(), "ana@example.com", "wrong password").await;
    assert_eq!(wrong["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(wrong["userErrors"][0]["path"], Value::Null);
    for email in [
        "nobody@example.com",
        "not an address",
        "",
        "ana@example.com\0",
    ] {
        assert_eq!(
            sign_in(&app.anonymous(), email, PASSWORD).await,
            wrong,
            "{email:?}"
        );
    }
}

#[apply(each_database)]
async fn sign_in_payload_belongs_to_new_session(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("Ana's").await;
    let ben = app.sign_up("ben").await;
    ben.create_task("Ben's").await;
    let payload = ana
        .ask(
            "mutation ($input: SignInInput!) { signIn(input: $input) { session { id }
               user { email currentSession { id } tasks { totalCount nodes { title } } } } }",
            json!({ "input": { "email": "ben@example.com", "password": PASSWORD } }),
        )
        .await;
    let user = &payload["signIn"]["user"];
    assert_eq!(user["email"], "ben@example.com");
    assert_eq!(
        user["tasks"],
        json!({ "totalCount": 1, "nodes": [{ "title": "Ben's" }] })
    );
    assert_eq!(user["currentSession"], payload["signIn"]["session"]);
    let payload = ana
        .ask(
            "mutation ($input: SignUpInput!) { signUp(input: $input) {
               user { email tasks { totalCount } } } }",
            json!({ "input": { "email": "cem@example.com", "password": PASSWORD } }),
        )
        .await;
    assert_eq!(
        payload["signUp"]["user"],
        json!({ "email": "cem@example.com", "tasks": { "totalCount": 0 } })
    );
}

#[apply(each_database)]
async fn sign_in_and_sign_up_end_only_the_previous_session(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut phone = app.sign_in("ana").await;
    let sign_in = "mutation ($input: SignInInput!) { signIn(input: $input) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let wrong = json!({ "input": { "email": "ana@example.com", "password": "not the right one" } });
    phone.ask(sign_in, wrong).await;
    let old = phone.clone();
    let right = json!({ "input": { "email": "ana@example.com", "password": PASSWORD } });
    phone.take_tokens(&phone.ask(sign_in, right).await["signIn"]);
    assert_eq!(old.send(ME, json!({})).await.reason(), "SESSION_ENDED");
    let sign_up = "mutation ($input: SignUpInput!) { signUp(input: $input) {
        tokens { accessToken refreshToken } userErrors { code } } }";
    let taken = json!({ "input": { "email": "ana@example.com", "password": PASSWORD } });
    phone.ask(sign_up, taken).await;
    let old = phone.clone();
    let free = json!({ "input": { "email": "ben@example.com", "password": PASSWORD } });
    phone.take_tokens(&phone.ask(sign_up, free).await["signUp"]);
    assert_eq!(old.send(ME, json!({})).await.reason(), "SESSION_ENDED");
    assert_eq!(phone.events().await, ["SIGNED_UP"]);
    assert_eq!(
        ana.events().await[..3],
        ["SIGNED_OUT", "SIGNED_OUT", "SIGNED_IN"]
    );
}

#[apply(each_database)]
async fn sign_out_ends_only_the_current_session(env: TestEnv) {
    let app = env.app().await;
    let phone = app.sign_up("ana").await;
    let laptop = app.sign_in("ana").await;
    let payload = phone
        .ask(
            "mutation { signOut { endedSessions userErrors { code } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        payload["signOut"],
        json!({ "endedSessions": 1, "userErrors": [] })
    );
    let reply = phone.send(ME, json!({})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (401, "UNAUTHENTICATED")
    );
    assert_eq!(reply.reason(), "SESSION_ENDED");
    laptop.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn sign_out_everywhere_ends_all_sessions_of_the_user(env: TestEnv) {
    let app = env.app().await;
    let phone = app.sign_up("ana").await;
    let laptop = app.sign_in("ana").await;
    let ben = app.sign_up("ben").await;
    let payload = phone
        .ask(
            "mutation { signOut(input: { everywhere: true }) { endedSessions } }",
            json!({}),
        )
        .await;
    assert_eq!(payload["signOut"]["endedSessions"], 2);
    assert_eq!(laptop.send(ME, json!({})).await.reason(), "SESSION_ENDED");
    ben.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn sign_out_succeeds_with_any_credentials(env: TestEnv) {
    let app = env.app().await;
    let sign_out = "mutation { signOut { endedSessions } }";
    let nothing = json!({ "signOut": { "endedSessions": 0 } });
    assert_eq!(app.anonymous().ask(sign_out, json!({})).await, nothing);
    let forged = app.anonymous().with_token("forged.token.indeed");
    assert_eq!(forged.ask(sign_out, json!({})).await, nothing);
    let by_variable =
        "mutation ($input: SignOutInput) { signOut(input: $input) { endedSessions } }";
    for variables in [json!({}), json!({ "input": null }), json!({ "input": {} })] {
        assert_eq!(app.anonymous().ask(by_variable, variables).await, nothing);
    }
    let ana = app.sign_up("ana").await;
    ana.ask(sign_out, json!({})).await;
    assert_eq!(ana.ask(sign_out, json!({})).await, nothing);
}

#[apply(each_database)]
async fn sign_out_accepts_an_expired_token(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.advance(Duration::from_mins(16));
    assert_eq!(ana.send(ME, json!({})).await.reason(), "TOKEN_EXPIRED");
    let payload = ana
        .ask(
            "mutation { signOut(input: { everywhere: true }) { endedSessions } }",
            json!({}),
        )
        .await;
    assert_eq!(payload["signOut"]["endedSessions"], 1);
    assert_eq!(app.sql(ACTIVE_SESSIONS).await, [0]);
}

#[apply(each_database)]
async fn update_profile_changes_given_fields_and_null_clears_name(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let update = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
        user { name timeZone updatedAt } userErrors { code path } } }";
    let run = async |input: Value| {
        ana.ask(update, json!({ "input": input })).await["updateProfile"].clone()
    };

    app.advance(Duration::from_secs(1));
    let payload = run(json!({ "name": " Ana Lima " })).await;
    assert_eq!(
        payload["user"],
        json!({ "name": "Ana Lima", "timeZone": "UTC", "updatedAt": "2026-11-21T12:00:01.000Z" })
    );
    app.advance(Duration::from_secs(1));
    let unchanged = run(json!({ "name": "Ana Lima" })).await;
    assert_eq!(unchanged["user"], payload["user"]);
    let payload = run(json!({ "name": null, "timeZone": "Asia/Tokyo" })).await;
    assert_eq!(
        payload["user"],
        json!({ "name": null, "timeZone": "Asia/Tokyo", "updatedAt": "2026-11-21T12:00:02.000Z" })
    );
    // Browsers that hide the device's time zone send `Etc/Unknown`.
    let payload = run(json!({ "timeZone": "Etc/Unknown" })).await;
    assert_eq!(payload["user"]["timeZone"], "UTC");
    let payload = run(json!({ "name": "", "timeZone": null })).await;
    assert_eq!(
        payload["userErrors"],
        json!([
            { "code": "TOO_SHORT", "path": ["input", "name"] },
            { "code": "REQUIRED", "path": ["input", "timeZone"] },
        ])
    );
}

async fn change_password(client: &Client, input: Value) -> Value {
    let payload = client.ask(CHANGE_PASSWORD, json!({ "input": input })).await;
    payload["changePassword"].clone()
}

#[apply(each_database)]
async fn password_change_ends_other_sessions(env: TestEnv) {
    let app = env.app().await;
    let phone = app.sign_up("ana").await;
    let laptop = app.sign_in("ana").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
    let payload = change_password(&phone, input).await;
    assert_eq!(
        (&payload["endedSessions"], &payload["userErrors"]),
        (&json!(1), &json!([]))
    );
    phone.ask(ME, json!({})).await;
    assert_eq!(laptop.send(ME, json!({})).await.reason(), "SESSION_ENDED");
    let old = sign_in(&app.anonymous(), "ana@example.com", PASSWORD).await;
    assert_eq!(old["userErrors"][0]["code"], "INVALID_CREDENTIALS");
    app.sign_in_with("ana", "another password")
        .await
        .ask(ME, json!({}))
        .await;
}

#[apply(each_database)]
async fn password_change_can_preserve_other_sessions(env: TestEnv) {
    let app = env.app().await;
    let phone = app.sign_up("ana").await;
    let laptop = app.sign_in("ana").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another password",
                        "revokeOtherSessions": false });
    assert_eq!(change_password(&phone, input).await["endedSessions"], 0);
    laptop.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn wrong_current_or_weak_new_password_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let input = json!({ "currentPassword": "wrong password", "newPassword": "another password" });
    assert_eq!(
        change_password(&ana, input).await["userErrors"],
        error("INVALID_CREDENTIALS", json!(["input", "currentPassword"]))
    );
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "short" });
    assert_eq!(
        change_password(&ana, input).await["userErrors"],
        error("PASSWORD_TOO_WEAK", json!(["input", "newPassword"]))
    );
    app.sign_in("ana").await;
}

#[apply(each_database)]
async fn one_of_two_concurrent_password_changes_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let changes = ["first password", "second password"].map(|new| {
        let ana = ana.clone();
        tokio::spawn(async move {
            let input = json!({ "currentPassword": PASSWORD, "newPassword": new });
            change_password(&ana, input).await["userErrors"] == json!([])
        })
    });
    let mut done = Vec::new();
    for change in changes {
        done.push(change.await.unwrap());
    }
    done.sort_unstable();
    assert_eq!(done, [false, true]);
}

#[apply(each_database)]
async fn password_change_ends_sessions_of_concurrent_sign_ins(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let sign_ins: Vec<_> = (0..6)
        .map(|_| {
            let anonymous = app.anonymous();
            let input = json!({ "email": "ana@example.com", "password": PASSWORD });
            tokio::spawn(async move { anonymous.send(SIGN_IN, json!({ "input": input })).await })
        })
        .collect();
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
    assert_eq!(change_password(&ana, input).await["userErrors"], json!([]));
    for reply in sign_ins {
        // If the session ends while the response is computed, it has tokens and also an error.
        let payload = &reply.await.unwrap().body["data"]["signIn"];
        if let Some(token) = payload["tokens"]["accessToken"].as_str() {
            let reply = ana.with_token(token).send(ME, json!({})).await;
            assert_eq!(reply.reason(), "SESSION_ENDED");
        }
    }
    assert_eq!(app.sql(ACTIVE_SESSIONS).await, [1]);
}

async fn delete_account(client: &Client, password: &str, confirm: &str) -> Value {
    let input = json!({ "password": password, "confirmEmail": confirm });
    client.ask(DELETE_ACCOUNT, json!({ "input": input })).await["deleteAccount"].clone()
}

async fn row_counts(app: &App) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in [
        "users",
        "sessions",
        "tasks",
        "tombstones",
        "change_logs",
        "security_events",
        "known_networks",
    ] {
        rows.extend(app.sql(&format!("SELECT count(*) FROM {table}")).await);
    }
    rows
}

#[apply(each_database)]
async fn delete_account_removes_all_rows_of_the_user(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("One").await;
    let deleted = ana.create_task("Two").await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": deleted })).await;
    let ben = app.sign_up("ben").await;
    ben.create_task("Ben's").await;
    assert_eq!(row_counts(&app).await, [2, 2, 2, 1, 2, 2, 2]);

    let payload = delete_account(&ana, PASSWORD, " ANA@example.com").await;
    assert_eq!(payload["userErrors"], json!([]));
    assert!(
        payload["deletedUserId"]
            .as_str()
            .unwrap()
            .starts_with("user_")
    );
    assert_eq!(row_counts(&app).await, [1, 1, 1, 0, 1, 1, 1]);
    assert_eq!(ana.send(ME, json!({})).await.reason(), "SESSION_ENDED");
    assert_eq!(ben.titles().await, ["Ben's"]);
    app.sign_up("ana").await;
}

#[apply(each_database)]
async fn delete_account_requires_password_and_email(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    assert_eq!(
        delete_account(&ana, "wrong password", "ana@example.com").await["userErrors"],
        error("INVALID_CREDENTIALS", json!(["input", "password"]))
    );
    for confirm in ["ben@example.com", "", "ana"] {
        assert_eq!(
            delete_account(&ana, PASSWORD, confirm).await["userErrors"],
            error("INVALID", json!(["input", "confirmEmail"]))
        );
    }
    ana.ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn account_can_be_deleted_during_task_creation(env: TestEnv) {
    let app = env.app().await;
    for round in 0..4 {
        let ana = app.sign_up(&format!("ana{round}")).await;
        let creates = [(); 3].map(|()| {
            let ana = ana.clone();
            tokio::spawn(async move {
                let create = r#"mutation { createTask(input: { title: "x" }) { task { id } } }"#;
                while ana.send(create, json!({})).await.body["data"]["createTask"].is_object() {}
            })
        });
        let payload = delete_account(&ana, PASSWORD, &ana.email()).await;
        assert_eq!(payload["userErrors"], json!([]));
        for create in creates {
            create.await.unwrap();
        }
    }
    assert_eq!(app.sql("SELECT count(*) FROM tasks").await, [0]);
}

#[apply(each_database)]
async fn fields_after_delete_account_are_unauthenticated(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let reply = ana
        .send(
            "mutation ($input: DeleteAccountInput!) {
               deleteAccount(input: $input) { deletedUserId }
               createTask(input: { title: \"Late\" }) { task { id } }
               updateProfile(input: { name: \"Late\" }) { user { name } } }",
            json!({ "input": { "password": PASSWORD, "confirmEmail": "ana@example.com" } }),
        )
        .await;
    assert_eq!(reply.body["data"]["createTask"], Value::Null);
    assert_eq!(reply.body["data"]["updateProfile"], Value::Null);
    for error in reply.body["errors"].as_array().unwrap() {
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(error["extensions"]["reason"], "SESSION_ENDED");
    }
    assert_eq!(row_counts(&app).await, [0; 7]);
}

#[apply(each_database)]
async fn last_active_at_has_one_minute_resolution(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let query = "{ viewer { currentSession { id isCurrent label userAgent ipAddress createdAt
        lastActiveAt expiresAt } } }";
    let session = ana.ask(query, json!({})).await["viewer"]["currentSession"].clone();
    assert_eq!(session["isCurrent"], true);
    assert_eq!(session["label"], Value::Null);
    assert_eq!(session["lastActiveAt"], "2026-11-21T12:00:00.000Z");
    app.advance(Duration::from_secs(59));
    let session = ana.ask(query, json!({})).await["viewer"]["currentSession"].clone();
    assert_eq!(session["lastActiveAt"], "2026-11-21T12:00:00.000Z");
    app.advance(Duration::from_secs(1));
    let session = ana.ask(query, json!({})).await["viewer"]["currentSession"].clone();
    assert_eq!(session["lastActiveAt"], "2026-11-21T12:01:00.000Z");
}

#[apply(each_database)]
async fn service_reports_password_policy(env: TestEnv) {
    let app = env.app_with(&["--password-policy", "nist"]).await;
    let query = "{ service { version signUpEnabled passwordPolicy { minLength maxLength } } }";
    let data = app.anonymous().ask(query, json!({})).await;
    assert_eq!(
        data["service"]["passwordPolicy"],
        json!({ "minLength": 15, "maxLength": 256 })
    );
    let input = json!({ "email": "ana@example.com", "password": "fourteen chars" });
    let payload = sign_up(&app.anonymous(), input).await;
    assert_eq!(payload["userErrors"][0]["code"], "PASSWORD_TOO_WEAK");
}

#[apply(each_database)]
async fn closed_sign_up_is_rejected(env: TestEnv) {
    const QUERY: &str = "{ service { signUpEnabled } }";
    let app = env.app_with(&["--sign-up", "closed"]).await;
    let service = app.anonymous().ask(QUERY, json!({})).await["service"].clone();
    assert_eq!(service, json!({ "signUpEnabled": false }));
    for email in ["ana@example.com", "no address"] {
        let input = json!({ "email": email, "password": PASSWORD });
        let payload = sign_up(&app.anonymous(), input).await;
        let refused = &payload["userErrors"][0];
        assert_eq!(refused["code"], "SIGN_UP_DISABLED", "{payload}");
        assert_eq!(refused["path"], Value::Null);
        assert_eq!(
            (&payload["tokens"], &payload["user"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);

    let admin = app.env.admin().await;
    let made = admin.create("ana@example.com", None, None, PASSWORD).await;
    made.expect("the operator creates an account");
    app.sign_in("ana").await;

    let open = env.fresh().await.app().await;
    let service = open.anonymous().ask(QUERY, json!({})).await["service"].clone();
    assert_eq!(service, json!({ "signUpEnabled": true }));
}

#[apply(each_database)]
async fn passwords_and_tokens_are_not_stored_in_plain_text(env: TestEnv) {
    let app = env.with_production_hashes().app().await;
    let ana = app.sign_up("ana").await;
    let token = ana.token.as_deref().unwrap();
    let count = |text: &str| {
        format!(
            "SELECT count(*) FROM emails, credentials, sessions
             WHERE data LIKE '%{text}%' OR credentials.label LIKE '%{text}%' OR address LIKE '%{text}%'
               OR sessions.label LIKE '%{text}%' OR user_agent LIKE '%{text}%'"
        )
    };
    assert_eq!(app.sql(&count("horse")).await, [0]);
    assert_eq!(app.sql(&count(token)).await, [0]);
    assert_eq!(app.sql(&count("argon2id$v=19$m=19456,t=2,p=1")).await, [1]);
}
