//! Tests of weak passwords, of rehashing, and of many sign-ins at once.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, TestEnv, apply, each_database};

const SIGN_UP: &str = "mutation ($input: SignUpInput!) { signUp(input: $input) {
    tokens { accessToken } userErrors { message code path
      ... on WeakPasswordError { reasons } } } }";

const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) {
    tokens { accessToken } userErrors { code } } }";

const CHANGE_PASSWORD: &str = "mutation ($input: ChangePasswordInput!) {
    changePassword(input: $input) { user { id } userErrors { message code path
      ... on WeakPasswordError { reasons } } } }";

/// The current hash parameters, as the beginning of a PHC string.
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// Signs up with a weak password, and returns the reasons why it is rejected.
async fn refusal(app: &App, email: &str, name: Option<&str>, password: &str) -> Value {
    let input = json!({ "email": email, "name": name, "password": password });
    let payload = app
        .anonymous()
        .ask(SIGN_UP, json!({ "input": input }))
        .await["signUp"]
        .clone();
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], "PASSWORD_TOO_WEAK", "{password}: {payload}");
    assert_eq!(error["path"], json!(["input", "password"]));
    assert_eq!(payload["tokens"], Value::Null);
    error["reasons"].clone()
}

async fn change_password(client: &Client, new: &str) -> Value {
    let input = json!({ "currentPassword": PASSWORD, "newPassword": new });
    let payload = client.ask(CHANGE_PASSWORD, json!({ "input": input })).await;
    payload["changePassword"]["userErrors"].clone()
}

async fn sign_in(client: &Client, password: &str) -> Value {
    let input = json!({ "email": "ana@example.com", "password": password });
    let payload = client.ask(SIGN_IN, json!({ "input": input })).await;
    payload["signIn"]["userErrors"].clone()
}

/// Replaces the password hash of the only user by one with outdated parameters.
async fn store_outdated_hash(app: &App) {
    let params = Params::new(64, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(PASSWORD.as_bytes()).unwrap();
    let connection = app.connect().await;
    let aged = connection
        .execute_unprepared(&format!("UPDATE credentials SET data = '{hash}'"))
        .await;
    assert_eq!(aged.unwrap().rows_affected(), 1);
}

async fn current_hashes(app: &App) -> i64 {
    let count = format!("SELECT count(*) FROM credentials WHERE data LIKE '{CURRENT}%'");
    app.sql(&count).await[0]
}

#[apply(each_database)]
async fn common_password_is_rejected_in_any_case(env: TestEnv) {
    let app = env.app().await;
    for password in [
        "12345678",
        "password",
        "PassWord",
        "QWERTYUIOP",
        "ｐａｓｓｗｏｒｄ",
    ] {
        let reasons = refusal(&app, "ana@example.com", None, password).await;
        assert_eq!(reasons, json!(["COMMON"]), "{password}");
    }
    assert_eq!(app.sql("SELECT count(*) FROM users").await, [0]);
    let ana = app.sign_up("ana").await;
    let errors = change_password(&ana, "ILoveYou2").await;
    assert_eq!(errors[0]["reasons"], json!(["COMMON"]));
    assert_eq!(errors[0]["path"], json!(["input", "newPassword"]));
    app.sign_in("ana").await;
}

#[apply(each_database)]
async fn repeated_common_password_is_rejected(env: TestEnv) {
    let app = env.app().await;
    for password in [
        "iloveyouiloveyou",
        "passw0rdpassw0rd",
        "ILoveYou iLoveYou",
        "MonkeyMonkey",
    ] {
        let reasons = refusal(&app, "ana@example.com", None, password).await;
        assert_eq!(reasons, json!(["COMMON"]), "{password}");
    }
}

#[apply(each_database)]
async fn password_with_own_address_or_name_is_rejected(env: TestEnv) {
    let app = env.app().await;
    for password in [
        "ana.lima@example.com",
        "ANA.LIMA-1",
        "ferreira 2026",
        "Ana Ferreira",
    ] {
        let name = Some("Ana Ferreira");
        let reasons = refusal(&app, "Ana.Lima@Example.com", name, password).await;
        assert_eq!(reasons, json!(["CONTAINS_PERSONAL_INFO"]), "{password}");
    }
    let ferreira = app.sign_up("ferreira").await;
    let errors = change_password(&ferreira, "FERREIRA 2026").await;
    assert_eq!(errors[0]["reasons"], json!(["CONTAINS_PERSONAL_INFO"]));
    let rename = r#"mutation { updateProfile(input: { name: "Teodora" }) { user { name } } }"#;
    ferreira.ask(rename, json!({})).await;
    let errors = change_password(&ferreira, "teodora 2026").await;
    assert_eq!(errors[0]["reasons"], json!(["CONTAINS_PERSONAL_INFO"]));
    assert_eq!(change_password(&ferreira, "teodosia 2026").await, json!([]));
}

#[apply(each_database)]
async fn password_with_service_name_is_rejected(env: TestEnv) {
    let app = env.app().await;
    for password in ["cubbycubby", "My-Cubby-2026"] {
        let reasons = refusal(&app, "ana@example.com", None, password).await;
        assert_eq!(reasons, json!(["CONTAINS_SERVICE_NAME"]), "{password}");
    }
    let input = json!({ "email": "ana@example.com", "password": "the cubby under the stairs" });
    let payload = app
        .anonymous()
        .ask(SIGN_UP, json!({ "input": input }))
        .await;
    assert_eq!(payload["signUp"]["userErrors"], json!([]));
}

#[apply(each_database)]
async fn all_weaknesses_are_reported_at_once(env: TestEnv) {
    let app = env.app_with(&["--password-policy", "nist"]).await;
    let input = json!({ "email": "iloveyou@example.com", "password": "iloveyou" });
    let payload = app
        .anonymous()
        .ask(SIGN_UP, json!({ "input": input }))
        .await;
    assert_eq!(
        payload["signUp"]["userErrors"],
        json!([{
            "message": "Choose a password of at least 15 characters, that is not among the most \
                        used, without your email address or name in it.",
            "code": "PASSWORD_TOO_WEAK",
            "path": ["input", "password"],
            "reasons": ["TOO_SHORT", "COMMON", "CONTAINS_PERSONAL_INFO"],
        }])
    );
    let reasons = refusal(&app, "ana@example.com", None, "Cubby").await;
    assert_eq!(reasons, json!(["TOO_SHORT", "CONTAINS_SERVICE_NAME"]));
    let reasons = refusal(&app, "ana@example.com", None, "passwordpassword").await;
    assert_eq!(reasons, json!(["COMMON"]));
}

#[apply(each_database)]
async fn sign_in_rehashes_an_outdated_password_hash(env: TestEnv) {
    let app = env.with_production_hashes().app().await;
    app.sign_up("ana").await;
    store_outdated_hash(&app).await;
    app.advance(Duration::from_secs(1));
    let wrong = sign_in(&app.anonymous(), "wrong password").await;
    assert_eq!(wrong[0]["code"], "INVALID_CREDENTIALS");
    assert_eq!(current_hashes(&app).await, 0);

    let ana = app.sign_in("ana").await;
    assert_eq!(current_hashes(&app).await, 1);
    let me = ana
        .ask("{ viewer { createdAt updatedAt } }", json!({}))
        .await["viewer"]
        .clone();
    assert_eq!(me["updatedAt"], me["createdAt"]);

    let again = app.sign_in("ana").await;
    assert_eq!(change_password(&again, "another password").await, json!([]));
}

#[apply(each_database)]
async fn concurrent_sign_ins_rehash_and_all_succeed(env: TestEnv) {
    let app = env.with_production_hashes().app().await;
    app.sign_up("ana").await;
    store_outdated_hash(&app).await;
    let sign_ins = [(); 8].map(|()| {
        let nobody = app.anonymous();
        tokio::spawn(async move { sign_in(&nobody, PASSWORD).await })
    });
    for done in sign_ins {
        assert_eq!(done.await.unwrap(), json!([]));
    }
    assert_eq!(current_hashes(&app).await, 1);
    assert_eq!(app.sql("SELECT count(*) FROM sessions").await, [9]);
}

#[apply(each_database)]
async fn full_hashing_queue_returns_503(env: TestEnv) {
    let app = env.app().await;
    let sign_ins: Vec<_> = (0..160)
        .map(|_| {
            let nobody = app.anonymous();
            let input = json!({ "email": "no address", "password": PASSWORD });
            tokio::spawn(async move { nobody.send(SIGN_IN, json!({ "input": input })).await })
        })
        .collect();
    let mut refused = 0;
    for reply in sign_ins {
        let reply = reply.await.unwrap();
        if reply.status != 503 {
            let errors = &reply.body["data"]["signIn"]["userErrors"];
            assert_eq!(errors[0]["code"], "INVALID_CREDENTIALS", "{reply:?}");
            continue;
        }
        refused += 1;
        assert_eq!(reply.code(), "SERVICE_UNAVAILABLE");
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(reply.body["data"], json!({ "signIn": null }));
    }
    assert!(refused > 0, "no sign-in was rejected");
    assert!(refused < 160, "all sign-ins were rejected");
}
