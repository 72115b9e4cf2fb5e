//! Tests of two instances on one PostgreSQL, and of the session-end listener between them.

use serde_json::json;

use crate::{
    harness::{App, Client, Database, TestEnv, eventually},
    proxy::Proxy,
};

const CACHE_HITS: &str = "cubby_session_lookups_total{source=\"memory\"}";
const REVOCATIONS: &str = "cubby_revocation_seconds_count";
const SECONDS: &str = "cubby_revocation_seconds_sum";

const VIEWER: &str = "{ viewer { id } }";
const END_OTHERS: &str = "mutation { revokeOtherSessions { userErrors { code } } }";

/// A pair of instances; the session-end listener of the second connects through a proxy.
struct TwoInstances {
    here: App,
    there: App,
    proxy: Proxy,
}

impl TwoInstances {
    async fn start() -> Option<Self> {
        let env = TestEnv::new(Database::Postgresql).await?;
        let (proxy, direct) = Proxy::to(&env.database_url).await;
        Some(Self {
            here: env.app().await,
            there: env
                .start(&["--direct-database-url", &direct])
                .await
                .unwrap(),
            proxy,
        })
    }

    async fn sign_in(&self, name: &str) -> (Client, Client) {
        let client = self.here.sign_in(name).await;
        let there = self.there.with_credentials_of(&client);
        (client, there)
    }

    /// Sends requests to the second instance until it answers from its session cache.
    async fn until_cached(&self, client: &Client) {
        let before = self.there.metric(CACHE_HITS).await;
        eventually("the session is cached", async || {
            client.ask(VIEWER, json!({})).await;
            self.there.metric(CACHE_HITS).await > before
        })
        .await;
    }

    /// Sends requests to the second instance until it reads the session from the database again.
    async fn until_uncached(&self, client: &Client) {
        eventually("the session is read from the database", async || {
            let before = self.there.metric(CACHE_HITS).await;
            client.ask(VIEWER, json!({})).await;
            self.there.metric(CACHE_HITS).await == before
        })
        .await;
    }
}

async fn is_rejected(client: &Client) -> bool {
    client.send(VIEWER, json!({})).await.status == 401
}

#[tokio::test]
async fn broken_listener_stops_session_caching_until_restored() {
    let Some(two) = TwoInstances::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    for fails in [Proxy::cut, Proxy::block] {
        let (_, phone) = two.sign_in("ana").await;
        two.until_cached(&phone).await;
        fails(&two.proxy);
        // The session ends without a notification: the cached session is used only until the
        // listener is stale.
        ana.ask(END_OTHERS, json!({})).await;
        eventually("the session is rejected", async || {
            is_rejected(&phone).await
        })
        .await;

        // During the outage each session is read from the database, and requests are answered.
        let (_, tablet) = two.sign_in("ana").await;
        two.until_uncached(&tablet).await;
        ana.ask(END_OTHERS, json!({})).await;
        assert!(is_rejected(&tablet).await);

        let (_, laptop) = two.sign_in("ana").await;
        laptop.ask(VIEWER, json!({})).await;
        two.proxy.restore();
        two.until_cached(&laptop).await;
        ana.ask(END_OTHERS, json!({})).await;
        eventually("the session is rejected", async || {
            is_rejected(&laptop).await
        })
        .await;
    }
}

#[tokio::test]
async fn sessions_ended_during_an_outage_are_rejected_after_it() {
    let Some(two) = TwoInstances::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    let (_, phone) = two.sign_in("ana").await;
    let (_, tablet) = two.sign_in("ana").await;
    two.until_cached(&phone).await;
    two.until_cached(&tablet).await;
    two.proxy.cut();
    ana.ask(END_OTHERS, json!({})).await;
    two.proxy.restore();
    // Another user's session is cached once the listener is connected again.
    two.here.sign_up("ben").await;
    let (_, ben) = two.sign_in("ben").await;
    two.until_cached(&ben).await;
    assert!(is_rejected(&phone).await);
    assert!(is_rejected(&tablet).await);
}

#[tokio::test]
async fn revocation_delay_is_measured() {
    let Some(two) = TwoInstances::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    let (_, phone) = two.sign_in("ana").await;
    two.until_cached(&phone).await;
    assert_eq!(two.there.metric(REVOCATIONS).await, 0.0);
    ana.ask(END_OTHERS, json!({})).await;
    eventually("the revocation is measured", async || {
        two.there.metric(REVOCATIONS).await == 1.0
    })
    .await;
    // Measured in seconds by the database's clock, since the clock of the tests does not advance.
    assert!(two.there.metric(SECONDS).await < 30.0);
}
