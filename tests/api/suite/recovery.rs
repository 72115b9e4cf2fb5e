//! Resetting a forgotten password by mail.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{App, Client, PASSWORD, TestEnv, apply, each_database, eventually},
    smtp::SmtpServer,
};

const REQUEST: &str =
    "mutation ($email: String!) { requestPasswordReset(input: { email: $email }) {
    userErrors { code path message } } }";

const RESET: &str = "mutation ($token: String!, $password: String!) {
    resetPassword(input: { token: $token, newPassword: $password }) { userErrors { code path } } }";

const SIGN_IN: &str = "mutation ($email: String!, $password: String!) {
    signIn(input: { email: $email, password: $password }) { userErrors { code } } }";

const NEW_PASSWORD: &str = "a better battery staple";

async fn request(app: &App, email: &str) -> Value {
    let payload = app
        .anonymous()
        .ask(REQUEST, json!({ "email": email }))
        .await;
    payload["requestPasswordReset"]["userErrors"].clone()
}

async fn reset(client: &Client, token: &str, password: &str) -> Value {
    let variables = json!({ "token": token, "password": password });
    client.ask(RESET, variables).await["resetPassword"]["userErrors"].clone()
}

async fn sign_in(app: &App, password: &str) -> Value {
    let variables = json!({ "email": "ana@example.com", "password": password });
    app.anonymous().ask(SIGN_IN, variables).await["signIn"]["userErrors"].clone()
}

/// Returns the mails in the mailbox of development, newest first.
async fn mails(app: &App) -> Vec<Value> {
    let reply = app.anonymous().get("/dev/mailbox.json").await;
    reply.body.as_array().expect("a list").clone()
}

/// Waits until the mailbox has this many mails, and returns them, newest first.
async fn mails_when(app: &App, count: usize) -> Vec<Value> {
    eventually("the mails are sent", async || {
        mails(app).await.len() >= count
    })
    .await;
    mails(app).await
}

/// Returns the token of the link in a mail.
fn token_of(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    let (_, rest) = text.split_once("/reset-password#token=").expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

/// Requests a reset for Ana, and returns the token of the mail.
async fn token(app: &App) -> String {
    let links = async || {
        let all = mails(app).await.into_iter();
        let is_link = |mail: &Value| mail["subject"] == "Reset your password";
        all.filter(is_link).collect::<Vec<_>>()
    };
    let before = links().await.len();
    assert_eq!(request(app, "ana@example.com").await, json!([]));
    eventually("the link is sent", async || links().await.len() > before).await;
    token_of(&links().await[0])
}

/// Returns the number of attempts to send a mail that ended like this.
async fn outcome(app: &App, outcome: &str) -> f64 {
    let name = format!(r#"cubby_jobs_total{{kind="mail",outcome="{outcome}"}}"#);
    app.metric(&name).await
}

fn error(code: &str, field: &str) -> Value {
    json!([{ "code": code, "path": ["input", field] }])
}

#[apply(each_database)]
async fn forgotten_password_is_reset_by_mail(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("Buy milk").await;
    let create =
        "mutation { createAccessToken(input: { name: \"script\" }) { token userErrors { code } } }";
    let created = ana.ask(create, json!({})).await;
    let mut script = app.anonymous();
    script.token = created["createAccessToken"]["token"]
        .as_str()
        .map(str::to_owned);
    script.ask("{ viewer { id } }", json!({})).await;

    let token = token(&app).await;
    let mail = mails(&app).await[0].clone();
    assert_eq!(mail["to"], "ana@example.com");
    assert_eq!(mail["subject"], "Reset your password");
    assert!(mail["html"].as_str().unwrap().contains(&token));
    let link = format!("http://localhost:5173/reset-password#token={token}");
    assert!(mail["text"].as_str().unwrap().contains(&link));

    let page = app.anonymous().get("/dev/mailbox").await.body;
    let page = page.as_str().expect("HTML");
    let href = format!("href=\"{}\"", link.replace('/', "&#x2f;"));
    assert!(page.contains(&href), "{page}");

    // A weak password does not use up the token.
    assert_eq!(
        reset(&ana, &token, "password").await,
        error("PASSWORD_TOO_WEAK", "newPassword")
    );
    assert_eq!(
        reset(&app.anonymous(), &token, NEW_PASSWORD).await,
        json!([])
    );
    for client in [&ana, &script] {
        let reply = client.send("{ viewer { id } }", json!({})).await;
        assert_eq!(reply.status.as_u16(), 401);
    }
    assert_eq!(
        sign_in(&app, PASSWORD).await,
        json!([{ "code": "INVALID_CREDENTIALS" }])
    );
    let again = app.sign_in_with("ana", NEW_PASSWORD).await;
    assert_eq!(again.titles().await, ["Buy milk"]);
    assert!(again.events().await.contains(&"PASSWORD_RESET".to_owned()));
    let verified = "SELECT count(*) FROM emails WHERE verified_at IS NOT NULL";
    assert_eq!(app.sql(verified).await, [1]);
    assert_eq!(
        reset(&again, &token, PASSWORD).await,
        error("TOKEN_INVALID", "token")
    );
    let told = &mails_when(&app, 2).await[0];
    assert_eq!(told["subject"], "Your password was changed");
}

#[apply(each_database)]
async fn only_the_newest_token_is_valid_for_30_minutes(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    app.sign_up("ben").await;
    let (older, newer) = (token(&app).await, token(&app).await);
    let anyone = app.anonymous();
    let invalid = error("TOKEN_INVALID", "token");
    assert_eq!(reset(&anyone, &older, NEW_PASSWORD).await, invalid);
    let (ids, secret) = newer.rsplit_once('_').expect("a secret");
    let (_, other_secret) = older.rsplit_once('_').expect("a secret");
    let ben = app
        .sql_texts("SELECT address FROM emails ORDER BY address")
        .await;
    assert_eq!(ben, ["ana@example.com", "ben@example.com"]);
    let users = app
        .sign_in("ben")
        .await
        .ask("{ viewer { id } }", json!({}))
        .await;
    let ben = users["viewer"]["id"]
        .as_str()
        .expect("an id")
        .replace("user_", "");
    let (_, challenge) = ids.split_once('_').expect("two ids");
    for forged in [
        String::new(),
        "_".to_owned(),
        ids.to_owned(),
        format!("{ids}_"),
        format!("{ids}_{other_secret}"),
        format!("{ids}_{secret}A"),
        format!("{ben}_{challenge}_{secret}"),
        newer.to_uppercase(),
        "x".repeat(10_000),
    ] {
        assert_eq!(
            reset(&anyone, &forged, NEW_PASSWORD).await,
            invalid,
            "{forged}"
        );
    }
    app.advance(Duration::from_mins(30));
    assert_eq!(reset(&anyone, &newer, NEW_PASSWORD).await, invalid);
    let newest = token(&app).await;
    app.advance(Duration::from_mins(30) - Duration::from_millis(1));
    assert_eq!(reset(&anyone, &newest, NEW_PASSWORD).await, json!([]));
}

#[apply(each_database)]
async fn concurrent_uses_of_a_token_set_one_password(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let token = token(&app).await;
    let anyone = app.anonymous();
    let passwords: Vec<_> = (0..6)
        .map(|number| format!("{NEW_PASSWORD} {number}"))
        .collect();
    let tries = passwords
        .iter()
        .map(|password| reset(&anyone, &token, password));
    let results = join_all(tries).await;
    let done: Vec<_> = (0..6).filter(|at| results[*at] == json!([])).collect();
    assert_eq!(done.len(), 1, "{results:?}");
    for (at, password) in passwords.iter().enumerate() {
        let is_set = sign_in(&app, password).await == json!([]);
        assert_eq!(is_set, at == done[0], "{at}");
    }
}

#[apply(each_database)]
async fn request_for_an_unknown_address_is_answered_alike(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    let admin = app.env.admin().await;
    app.sign_up("ben").await;
    admin
        .disable("ben@example.com")
        .await
        .expect("Ben is disabled");
    for email in ["nobody@example.com", "ben@example.com", " ANA@example.com "] {
        assert_eq!(request(&app, email).await, json!([]), "{email}");
    }
    let sent = mails_when(&app, 1).await;
    eventually("all jobs are done", async || {
        app.sql("SELECT count(*) FROM jobs").await == [0]
    })
    .await;
    assert_eq!(mails(&app).await.len(), 1);
    assert_eq!(sent[0]["to"], "ana@example.com");
    let malformed = request(&app, "nobody").await;
    assert_eq!(malformed[0]["code"], "EMAIL_INVALID");
}

#[apply(each_database)]
async fn requests_are_limited_for_an_address_and_a_network(env: TestEnv) {
    let app = env
        .app_with(&["--throttles", "on", "--trusted-proxies", "10.0.0.0/8"])
        .await;
    let mut codes = Vec::new();
    // In development, loopback is exempt; these requests come from no known address.
    for email in (0..6).map(|_| "ana@example.com".to_owned()) {
        codes.push(request(&app, &email).await[0]["code"].clone());
    }
    assert_eq!(codes[..5], [(); 5].map(|()| Value::Null));
    assert_eq!(codes[5], "RATE_LIMITED");
    let mut allowed = 5;
    while request(&app, &format!("user-{allowed}@example.com")).await == json!([]) {
        allowed += 1;
    }
    assert_eq!(allowed, 20);
    app.advance(Duration::from_hours(1));
    assert_eq!(request(&app, "ana@example.com").await, json!([]));
}

#[apply(each_database)]
async fn user_who_guessed_too_often_can_sign_in_after_a_reset(env: TestEnv) {
    let app = env.app_with(&["--throttles", "on"]).await;
    app.sign_up("ana").await;
    let blocked = json!([{ "code": "RATE_LIMITED" }]);
    while sign_in(&app, "a wrong password").await != blocked {
        app.advance(Duration::from_secs(32));
    }
    assert_eq!(sign_in(&app, PASSWORD).await, blocked);
    let token = token(&app).await;
    assert_eq!(
        reset(&app.anonymous(), &token, NEW_PASSWORD).await,
        json!([])
    );
    assert_eq!(sign_in(&app, NEW_PASSWORD).await, json!([]));
}

#[apply(each_database)]
async fn other_password_changes_and_disabling_invalidate_tokens(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let admin = app.env.admin().await;
    let invalid = error("TOKEN_INVALID", "token");
    let anyone = app.anonymous();

    let link = token(&app).await;
    let change = "mutation ($current: String!, $new: String!) {
        changePassword(input: { currentPassword: $current, newPassword: $new }) { userErrors { code } } }";
    let variables = json!({ "current": PASSWORD, "new": NEW_PASSWORD });
    let changed = ana.ask(change, variables).await;
    assert_eq!(changed["changePassword"]["userErrors"], json!([]));
    assert_eq!(reset(&anyone, &link, "another good one").await, invalid);

    let link = token(&app).await;
    let set = admin.set_password("ana@example.com", PASSWORD).await;
    set.expect("the operator sets a password");
    assert_eq!(reset(&anyone, &link, NEW_PASSWORD).await, invalid);

    let link = token(&app).await;
    let disabled = admin.disable("ana@example.com").await;
    disabled.expect("the account is disabled");
    // Also a weak password does not show that the account is only disabled.
    assert_eq!(reset(&anyone, &link, "weak").await, invalid);
    admin
        .enable("ana@example.com")
        .await
        .expect("the account is enabled");
    assert_eq!(reset(&anyone, &link, NEW_PASSWORD).await, invalid);
}

#[apply(each_database)]
async fn mail_with_an_expired_link_is_not_sent(env: TestEnv) {
    let app = env.app_with(&["--smtp-url", "smtp://127.0.0.1:1"]).await;
    app.sign_up("ana").await;
    assert_eq!(request(&app, "ana@example.com").await, json!([]));
    eventually("the first attempt has failed", async || {
        outcome(&app, "failed").await == 1.0
    })
    .await;
    app.advance(Duration::from_mins(30));
    eventually("the mail is given up", async || {
        outcome(&app, "given_up").await == 1.0
    })
    .await;
}

#[apply(each_database)]
async fn mail_goes_to_the_ascii_form_of_a_domain(env: TestEnv) {
    let app = env.app().await;
    let sign_up = "mutation ($email: String!, $password: String!) {
        signUp(input: { email: $email, password: $password }) { userErrors { code } } }";
    let email = "Info@M\u{fc}nchen.example";
    let variables = json!({ "email": email, "password": PASSWORD });
    app.anonymous().ask(sign_up, variables).await;
    assert_eq!(
        request(&app, "info@xn--mnchen-3ya.example").await,
        json!([])
    );
    let mail = &mails_when(&app, 1).await[0];
    assert_eq!(mail["to"], "Info@xn--mnchen-3ya.example");
}

#[apply(each_database)]
async fn production_without_mail_server_sends_no_mail(env: TestEnv) {
    let app = env.app_with(&["--mode", "production"]).await;
    app.sign_up("ana").await;
    assert_eq!(
        request(&app, "ana@example.com").await[0]["code"],
        "MAIL_DISABLED"
    );
    let reset = reset(&app.anonymous(), "token", NEW_PASSWORD).await;
    assert_eq!(reset, json!([{ "code": "MAIL_DISABLED", "path": null }]));
    let service = app
        .anonymous()
        .ask("{ service { mailEnabled } }", json!({}))
        .await;
    assert_eq!(service["service"]["mailEnabled"], false);
    for path in ["/dev/mailbox", "/dev/mailbox.json"] {
        assert_eq!(app.anonymous().get(path).await.status.as_u16(), 404);
    }
    let error = env
        .start(&["--mode", "production", "--smtp-url", "smtp://localhost"])
        .await;
    let error = error.err().expect("the sender is missing").to_string();
    assert!(error.contains("CUBBY_MAIL_FROM"), "{error}");
    for (smtp, app_url, says) in [
        (
            "smtp://mail.example.com",
            "https://app.example.com",
            "tls=required",
        ),
        (
            "smtp://ana:secret@192.0.2.1:587?tls=opportunistic",
            "https://app.example.com",
            "tls=required",
        ),
        (
            "smtps://mail.example.com",
            "http://app.example.com",
            "CUBBY_APP_URL",
        ),
    ] {
        let flags = [
            "--smtp-url",
            smtp,
            "--app-url",
            app_url,
            "--mail-from",
            "a@example.com",
        ];
        let error = env
            .start(&[&["--mode", "production"], &flags[..]].concat())
            .await;
        let error = error.err().expect("it is insecure").to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[apply(each_database)]
async fn mails_reach_a_mail_server_that_refuses_and_greylists(env: TestEnv) {
    let Some(mut smtp) = SmtpServer::start().await else {
        return;
    };
    let url = smtp.url();
    let app = env
        .app_with(&[
            "--smtp-url",
            &url,
            "--mail-from",
            "Tasks <tasks@example.com>",
            "--app-url",
            "https://app.example.com/de/",
        ])
        .await;
    for name in ["refused", "greylisted", "ana", "jos\u{e9}"] {
        app.sign_up(name).await;
        request(&app, &format!("{name}@example.com")).await;
    }
    let mut received = vec![smtp.next().await, smtp.next().await];
    let ana = received
        .iter()
        .find(|mail| mail["to"][0] == "ana@example.com");
    let ana = ana.expect("Ana's mail").clone();
    assert_eq!(ana["headers"]["From"], "Tasks <tasks@example.com>");
    assert_eq!(ana["headers"]["To"], "ana@example.com");
    assert_eq!(ana["headers"]["Subject"], "Reset your password");
    assert_eq!(ana["headers"]["Auto-Submitted"], "auto-generated");
    assert!(ana["headers"]["Message-ID"].is_string());
    for kind in ["text/plain", "text/html"] {
        let body = ana["bodies"][kind].as_str().expect("a body");
        // HTML has its entities for slashes.
        let body = body.replace("&#x2f;", "/");
        assert!(
            body.contains("https://app.example.com/de/reset-password#token="),
            "{body}"
        );
    }
    // The greylisted mail is due again after five seconds.
    eventually("the refused mail is given up", async || {
        outcome(&app, "given_up").await == 1.0
    })
    .await;
    eventually("the greylisted mail has failed once", async || {
        outcome(&app, "failed").await == 1.0
    })
    .await;
    app.advance(Duration::from_secs(5));
    received.push(smtp.next().await);
    let mut to: Vec<_> = received
        .iter()
        .map(|mail| mail["to"][0].to_string())
        .collect();
    to.sort();
    assert_eq!(
        to,
        [
            "\"ana@example.com\"",
            "\"greylisted@example.com\"",
            "\"jos\u{e9}@example.com\""
        ]
    );
}

#[apply(each_database)]
async fn stalled_mail_does_not_delay_others(env: TestEnv) {
    let Some(mut smtp) = SmtpServer::start().await else {
        return;
    };
    let url = smtp.url();
    let app = env.app_with(&["--smtp-url", &url]).await;
    for name in ["stalled", "ana"] {
        app.sign_up(name).await;
        request(&app, &format!("{name}@example.com")).await;
    }
    assert_eq!(smtp.next().await["to"], json!(["ana@example.com"]));
    let ended = outcome(&app, "failed").await;
    assert_eq!(ended, 0.0, "the stalled mail has not ended");
}

#[apply(each_database)]
async fn unsent_mail_is_retried_and_given_up_after_a_day(env: TestEnv) {
    let flags = ["--smtp-url", "smtp://127.0.0.1:1"];
    let app = env.app_with(&flags).await;
    app.sign_up("ana").await;
    assert_eq!(request(&app, "ana@example.com").await, json!([]));
    eventually("the first attempt has failed", async || {
        outcome(&app, "failed").await == 1.0
    })
    .await;
    app.advance(Duration::from_secs(5));
    eventually("the second attempt has failed", async || {
        outcome(&app, "failed").await == 2.0
    })
    .await;
    assert_eq!(
        app.sql("SELECT count(*) FROM jobs WHERE attempts = 2")
            .await,
        [1]
    );
    app.advance(Duration::from_hours(24));
    eventually("the mail is given up", async || {
        outcome(&app, "given_up").await == 1.0
    })
    .await;
    assert_eq!(app.sql("SELECT count(*) FROM jobs").await, [0]);
}
