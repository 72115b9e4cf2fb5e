//! Tests of PostgreSQL that is unreachable, stalled, read-only or locked, and of clients that
//! disconnect.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    harness::{App, Client, Database, Reply, TestEnv, empty_postgresql, eventually},
    process::{Cubby, SECRET, directory},
    proxy::Proxy,
};

const COUNT: &str = "{ viewer { tasks(first: 1) { totalCount } } }";
const CREATE: &str = "mutation { createTask(input: { title: \"x\" }) { task { id } } }";

/// An app whose three database connections pass a proxy; its direct connection bypasses it.
struct BehindProxy {
    app: App,
    proxy: Proxy,
}

impl BehindProxy {
    async fn start() -> Option<Self> {
        let env = TestEnv::new(Database::Postgresql).await?;
        let (proxy, url) = Proxy::to(&env.database_url).await;
        let direct = env.database_url.clone();
        let flags = [
            "--database-url",
            &url,
            "--direct-database-url",
            &direct,
            "--database-connections",
            "3",
        ];
        let app = env.start(&flags).await.unwrap();
        Some(Self { app, proxy })
    }

    async fn ready(&self) -> u16 {
        let ready = self.app.anonymous().get("/health/ready").await;
        ready.status.as_u16()
    }
}

async fn send_concurrently(client: &Client, query: &str, count: usize) -> Vec<Reply> {
    join_all((0..count).map(|_| client.send(query, json!({})))).await
}

fn all_are(replies: &[Reply], status: u16) -> bool {
    replies.iter().all(|reply| reply.status == status)
}

#[tokio::test]
async fn vanished_peers_do_not_exhaust_the_pool() {
    let Some(BehindProxy { app, proxy }) = BehindProxy::start().await else {
        return;
    };
    let ana = app.sign_up("ana").await;
    assert!(all_are(&send_concurrently(&ana, COUNT, 9).await, 200));

    proxy.vanish();
    // Each dead connection costs at most one request, which waits until its deadline.
    let replies = [
        send_concurrently(&ana, COUNT, 2).await,
        send_concurrently(&ana, CREATE, 2).await,
        send_concurrently(&ana, COUNT, 9).await,
    ];
    let statuses = replies.iter().flatten().map(|reply| reply.status.as_u16());
    assert!(statuses.clone().all(|status| [200, 503].contains(&status)));
    assert!(all_are(&send_concurrently(&ana, COUNT, 9).await, 200));
    assert!(all_are(&send_concurrently(&ana, CREATE, 9).await, 200));
}

#[tokio::test]
async fn waiting_requests_connect_one_at_a_time() {
    let Some(behind) = BehindProxy::start().await else {
        return;
    };
    let ana = behind.app.sign_up("ana").await;
    behind.proxy.cut();
    let before = behind.proxy.accepted();
    assert!(all_are(&send_concurrently(&ana, COUNT, 60).await, 503));
    let tried = behind.proxy.accepted() - before;
    assert!(tried < 60, "{tried} connections were tried");
    assert_eq!(behind.ready().await, 503);
    behind.proxy.restore();
    eventually("the server is ready", async || behind.ready().await == 200).await;
    assert!(all_are(&send_concurrently(&ana, COUNT, 9).await, 200));
}

#[tokio::test]
async fn locked_sessions_table_does_not_exhaust_the_pool() {
    let Some(BehindProxy { app, proxy: _proxy }) = BehindProxy::start().await else {
        return;
    };
    let ana = app.sign_up("ana").await;
    let database = app.connect().await;
    let lock = database.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let anonymous = app.anonymous();
    let (replies, service) = tokio::join!(
        send_concurrently(&ana, COUNT, 6),
        anonymous.send("{ service { __typename } }", json!({}))
    );
    assert_eq!(service.status, 200);
    let refused = replies.iter().filter(|reply| reply.status == 503).count();
    assert_eq!(
        refused,
        replies.len(),
        "each request waits for the sessions table"
    );
    lock.rollback().await.unwrap();
    assert!(all_are(&send_concurrently(&ana, COUNT, 9).await, 200));
}

#[tokio::test]
async fn disconnected_clients_leave_no_open_transaction() {
    let Some(BehindProxy { app, proxy: _proxy }) = BehindProxy::start().await else {
        return;
    };
    let ana = app.sign_up("ana").await;
    let address = app.serve().await;
    let token = ana.token.clone().unwrap();
    let body = json!({ "query": CREATE }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for round in 0..30 {
        let resets = (0..10).map(async |number: u32| {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.set_zero_linger().unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            // Each request is cut off at a different point of its work.
            for _ in 0..(number + round) * 3 {
                tokio::task::yield_now().await;
            }
        });
        join_all(resets).await;
    }
    let created = ana.send(CREATE, json!({})).await;
    assert!(created.body["data"]["createTask"]["task"]["id"].is_string());
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND state LIKE 'idle in transaction%'";
    eventually("no transaction stays open", async || {
        app.sql(open).await == [0]
    })
    .await;
    let replies = send_concurrently(&ana, CREATE, 30).await;
    assert!(all_are(&replies, 200));
    for reply in &replies {
        let task = &reply.body["data"]["createTask"]["task"];
        assert!(task["id"].is_string(), "{}", reply.body);
    }
}

#[tokio::test]
async fn demoted_primary_is_unavailable_for_writes() {
    let Some(behind) = BehindProxy::start().await else {
        return;
    };
    let app = &behind.app;
    let ana = app.sign_up("ana").await;
    let database = app.env.database_url.rsplit('/').next().unwrap();
    let database = database.split('?').next().unwrap();
    let demote = |setting: &str| {
        format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = {setting}")
    };
    let disconnect = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let run = async |sql: &str| {
        let connection = app.connect().await;
        connection.execute_unprepared(sql).await.unwrap();
    };
    run(&demote("on")).await;
    run(disconnect).await;
    let refused = ana.send(CREATE, json!({})).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.code(), "SERVICE_UNAVAILABLE");
    assert!(all_are(&send_concurrently(&ana, COUNT, 3).await, 200));
    let ready = app.anonymous().get("/health/ready").await;
    assert_eq!(ready.status, 503);
    let status = ready.body["status"].as_str().unwrap();
    assert!(status.contains("read-only"), "{status}");

    // Only the setting changes: the pool does not reuse the connections that were read-only.
    run(&format!("SET TRANSACTION READ WRITE; {}", demote("off"))).await;
    eventually("writes succeed", async || {
        ana.send(CREATE, json!({})).await.status == 200
    })
    .await;
    assert_eq!(behind.ready().await, 200);
}

#[tokio::test]
async fn shutdown_time_is_bounded_while_postgresql_hangs() {
    let Some(url) = empty_postgresql("hanging").await else {
        return;
    };
    let here = directory();
    let (proxy, url) = Proxy::to(&url).await;
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CUBBY_SECRET", SECRET),
        ("CUBBY_MODE", "production"),
    ];
    let mut cubby = Cubby::start(here.path(), &settings).await;
    let token = cubby.sign_up("ana").await;
    proxy.block();
    let mut stream = TcpStream::connect(&cubby.address).await.unwrap();
    let body = json!({ "query": CREATE }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: cubby\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // The server continues once it handles the request; it closes connections without one at once.
    let mut proceed = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut proceed).await.unwrap();
    assert_eq!(proceed, *b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    cubby.terminate().await;
    let ended = tokio::time::timeout(Duration::from_secs(60), cubby.child.wait()).await;
    assert!(ended.expect("the server stops").unwrap().success());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}
