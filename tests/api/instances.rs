//! Two instances over one PostgreSQL, and the line by which one hears what the other ended.

use serde_json::json;

use crate::{
    harness::{App, Client, Database, TestEnv, eventually},
    proxy::Proxy,
};

const FROM_MEMORY: &str = "cubby_session_lookups_total{source=\"memory\"}";
const REVOCATIONS: &str = "cubby_revocation_seconds_count";
const SECONDS: &str = "cubby_revocation_seconds_sum";

const ASK: &str = "{ viewer { id } }";
const END_OTHERS: &str = "mutation { revokeOtherSessions { userErrors { code } } }";

/// An instance, and another one whose line to the database passes a proxy.
struct Two {
    here: App,
    there: App,
    proxy: Proxy,
}

impl Two {
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
        let there = self.there.asked_by(&client);
        (client, there)
    }

    /// Asks the other instance until it answers without asking the database.
    async fn is_remembered(&self, client: &Client) {
        let before = self.there.metric(FROM_MEMORY).await;
        eventually("it is remembered", async || {
            client.ask(ASK, json!({})).await;
            self.there.metric(FROM_MEMORY).await > before
        })
        .await;
    }

    /// Asks the other instance until it answers only after it has asked the database.
    async fn is_forgotten(&self, client: &Client) {
        eventually("it is forgotten", async || {
            let before = self.there.metric(FROM_MEMORY).await;
            client.ask(ASK, json!({})).await;
            self.there.metric(FROM_MEMORY).await == before
        })
        .await;
    }
}

async fn is_refused(client: &Client) -> bool {
    client.send(ASK, json!({})).await.status == 401
}

#[tokio::test]
async fn a_line_that_is_cut_or_silent_is_believed_no_more_until_it_is_mended() {
    let Some(two) = Two::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    for fails in [Proxy::cut, Proxy::block] {
        let (_, phone) = two.sign_in("ana").await;
        two.is_remembered(&phone).await;
        fails(&two.proxy);
        // Ended while nothing can say so: what is remembered is not believed for long.
        ana.ask(END_OTHERS, json!({})).await;
        eventually("it is refused", async || is_refused(&phone).await).await;

        // As long as it fails, the database is asked for everybody, and everybody is served.
        let (_, tablet) = two.sign_in("ana").await;
        two.is_forgotten(&tablet).await;
        ana.ask(END_OTHERS, json!({})).await;
        assert!(is_refused(&tablet).await);

        let (_, laptop) = two.sign_in("ana").await;
        laptop.ask(ASK, json!({})).await;
        two.proxy.mend();
        two.is_remembered(&laptop).await;
        ana.ask(END_OTHERS, json!({})).await;
        eventually("it is refused", async || is_refused(&laptop).await).await;
    }
}

#[tokio::test]
async fn what_ended_while_the_line_was_cut_is_not_believed_when_it_is_mended() {
    let Some(two) = Two::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    let (_, phone) = two.sign_in("ana").await;
    let (_, tablet) = two.sign_in("ana").await;
    two.is_remembered(&phone).await;
    two.is_remembered(&tablet).await;
    two.proxy.cut();
    ana.ask(END_OTHERS, json!({})).await;
    two.proxy.mend();
    // Somebody else's session shows that the line is there again.
    two.here.sign_up("ben").await;
    let (_, ben) = two.sign_in("ben").await;
    two.is_remembered(&ben).await;
    assert!(is_refused(&phone).await);
    assert!(is_refused(&tablet).await);
}

#[tokio::test]
async fn how_long_an_end_took_to_be_heard_is_measured() {
    let Some(two) = Two::start().await else {
        return;
    };
    let ana = two.here.sign_up("ana").await;
    let (_, phone) = two.sign_in("ana").await;
    two.is_remembered(&phone).await;
    assert_eq!(two.there.metric(REVOCATIONS).await, 0.0);
    ana.ask(END_OTHERS, json!({})).await;
    eventually("it is measured", async || {
        two.there.metric(REVOCATIONS).await == 1.0
    })
    .await;
    // In seconds, and by the database's clock: that of the tests stands still.
    assert!(two.there.metric(SECONDS).await < 30.0);
}
