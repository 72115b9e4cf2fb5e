//! Retries of conflicting transactions, on PostgreSQL with serializable isolation.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Database, TestEnv};

const CREATE: &str = "mutation ($title: String!) { createTask(input: { title: $title }) {
    task { id } userErrors { code } } }";

const REFRESH: &str =
    "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
    tokens { accessToken } userErrors { code } } }";

#[tokio::test]
async fn conflicting_transactions_are_retried() {
    let Some(mut env) = TestEnv::new(Database::Postgresql).await else {
        return;
    };
    let options = "&options=-c%20default_transaction_isolation%3Dserializable";
    env.database_url.push_str(options);
    let app = env.app().await;
    let ana = app.sign_up("ana").await;

    let other = app.env.app().await;
    let there = other.with_credentials_of(&ana);
    let creates = (0..16).map(|number| {
        let ana = if number % 2 == 0 { &ana } else { &there };
        async move {
            let title = format!("Task {number}");
            let made = ana.ask(CREATE, json!({ "title": title })).await;
            assert_eq!(made["createTask"]["userErrors"], json!([]));
        }
    });
    join_all(creates).await;
    let seqs = app.sql("SELECT seq FROM tasks ORDER BY seq").await;
    assert!(seqs.into_iter().eq(1..=16));
    assert_eq!(app.users_with_wrong_task_count().await, 0);

    // Concurrent refreshes with one token succeed, and the session stays active.
    let token = json!({ "token": ana.refresh_token });
    let anonymous = app.anonymous();
    let refreshes = (0..8).map(|_| anonymous.ask(REFRESH, token.clone()));
    for refreshed in join_all(refreshes).await {
        assert_eq!(refreshed["refreshSession"]["userErrors"], json!([]));
    }
    let sign_ins = (0..8).map(|_| app.sign_in("ana"));
    join_all(sign_ins).await;
    assert_eq!(app.sql("SELECT count(*) FROM sessions").await, [9]);
}
