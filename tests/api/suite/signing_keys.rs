//! Signing keys: creation, sharing between instances, rotation, loss and encryption.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cubby::{KeyState, Rotation, config::PublishPeriod};
use serde_json::json;

use crate::{
    forger::{Forger, read},
    harness::{App, Client, SECRET, TestEnv, apply, each_database},
};

const ME: &str = "{ viewer { id } }";

/// The interval after which an instance reads the keys again.
const KEY_REFRESH: Duration = Duration::from_secs(10);

/// The period for which a new key is published before it signs.
const PUBLISH_PERIOD: Duration = Duration::from_mins(10);

/// The period for which a key stays published after it has signed its last token.
const KEY_RETENTION: Duration = Duration::from_mins(20);

/// The retention of the key that earlier releases derived, whose tokens were valid for 12 hours.
const DERIVED_KEY_RETENTION: Duration = Duration::from_mins(12 * 60 + 5);

const NEW_SECRET: &str = "another secret of the tests, long enough";

/// Returns the id of the key that signed the client's token.
fn kid(client: &Client) -> String {
    let (header, _) = read(client.token.as_deref().unwrap());
    header["kid"].as_str().unwrap().to_owned()
}

/// Returns the ids of the published keys, newest first.
async fn published_kids(app: &App) -> Vec<String> {
    let reply = app.anonymous().get("/.well-known/jwks.json").await;
    let keys = reply.body["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn is_accepted(app: &App, client: &Client) -> bool {
    let token = client.token.as_deref().unwrap();
    let reply = app.anonymous().with_token(token).send(ME, json!({})).await;
    match reply.status.as_u16() {
        200 => true,
        401 => {
            assert_eq!(reply.reason(), "TOKEN_INVALID");
            false
        }
        _ => panic!("{reply:?}"),
    }
}

async fn rotate(env: &TestEnv, rotation: Rotation) {
    let keys = env.keys(&[]).await.unwrap();
    keys.rotate(rotation).await.unwrap();
}

fn planned_rotation() -> Rotation {
    Rotation::After(PublishPeriod::default())
}

async fn start_error(env: &TestEnv, flags: &[&str]) -> String {
    match env.start(flags).await {
        Ok(_) => panic!("the start succeeded"),
        Err(error) => error.to_string(),
    }
}

#[apply(each_database)]
async fn first_start_creates_key_that_later_starts_reuse(env: TestEnv) {
    let one = env.app().await;
    let ana = one.sign_up("ana").await;
    assert_eq!(published_kids(&one).await, [kid(&ana)]);
    let two = env.app().await;
    assert_eq!(published_kids(&two).await, [kid(&ana)]);
    assert!(is_accepted(&two, &ana).await);
    let listed = env.keys(&[]).await.unwrap().list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].id, listed[0].state),
        (&kid(&ana), KeyState::Current)
    );
}

#[apply(each_database)]
async fn concurrent_starts_agree_on_one_key(env: TestEnv) {
    // Runs the migrations first, so that the instances only compete for the key.
    env.start(&["--jwt-secret", NEW_SECRET]).await.unwrap();
    let (one, two, three, four) = tokio::join!(
        env.start(&[]),
        env.start(&[]),
        env.start(&[]),
        env.start(&[])
    );
    let apps = [one, two, three, four].map(Result::unwrap);
    let ana = apps[0].sign_up("ana").await;
    let ben = apps[3].sign_up("ben").await;
    for app in &apps {
        assert_eq!(published_kids(app).await, [kid(&ana)]);
        assert!(is_accepted(app, &ana).await && is_accepted(app, &ben).await);
    }
    assert_eq!(apps[0].sql("SELECT count(*) FROM signing_keys").await, [1]);
}

#[apply(each_database)]
async fn private_key_is_encrypted_with_key_derived_from_secret(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (_, claims) = read(ana.token.as_deref().unwrap());
    // The secret and the row suffice to decrypt the key.
    let forger = Forger::of(&app).await;
    let token = forger.token(&forger.header(), claims.to_string());
    ana.with_token(&token).ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn keys_are_published_before_signing_and_until_last_expiry(env: TestEnv) {
    let apps = [env.app().await, env.start(&[]).await.unwrap()];
    let ana = apps[0].sign_up("ana").await;
    let old = kid(&ana);
    rotate(&env, planned_rotation()).await;
    apps[0].advance(KEY_REFRESH);
    let [new, previous] = <[String; 2]>::try_from(published_kids(&apps[0]).await).unwrap();
    assert_eq!(previous, old);
    assert_ne!(new, old);
    assert_eq!(published_kids(&apps[1]).await, [&*new, &*old]);

    // The new key signs once it has been published for ten minutes.
    apps[0].advance(PUBLISH_PERIOD - KEY_REFRESH - Duration::from_millis(1));
    let last = apps[1].sign_in("ana").await;
    assert_eq!(kid(&last), old);
    apps[0].advance(Duration::from_millis(1));
    for app in &apps {
        let new_session = app.sign_in("ana").await;
        assert_eq!(kid(&new_session), new);
        for app in &apps {
            assert!(is_accepted(app, &new_session).await);
            assert!(is_accepted(app, &ana).await && is_accepted(app, &last).await);
        }
    }

    // The old key stays published until all its tokens have expired.
    apps[0].advance(KEY_RETENTION - Duration::from_millis(1));
    assert_eq!(published_kids(&apps[0]).await, [&*new, &*old]);
    let reply = last.send(ME, json!({})).await;
    assert_eq!(reply.reason(), "TOKEN_EXPIRED");
    apps[0].advance(Duration::from_millis(1));
    for app in &apps {
        assert_eq!(published_kids(app).await, [&*new]);
        assert!(!is_accepted(app, &last).await);
    }

    let states = |keys: &[cubby::ListedKey]| keys.iter().map(|key| key.state).collect::<Vec<_>>();
    let keys = env.keys(&[]).await.unwrap();
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Expired, KeyState::Current]);
    // The next rotation deletes expired keys.
    keys.rotate(planned_rotation()).await.unwrap();
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Current, KeyState::Next]);
    apps[0].advance(PUBLISH_PERIOD);
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Retiring, KeyState::Current]);
}

#[apply(each_database)]
async fn immediate_rotation_rejects_all_earlier_tokens(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    // The token is cached as valid; the cache entry must not outlast the key.
    assert!(is_accepted(&app, &ana).await);
    rotate(&env, planned_rotation()).await;
    rotate(&env, Rotation::Now).await;
    app.advance(KEY_REFRESH);
    assert!(!is_accepted(&app, &ana).await);
    let renewed = app.sign_in("ana").await;
    assert!(is_accepted(&app, &renewed).await);
    assert_eq!(published_kids(&app).await, [kid(&renewed)]);
}

#[apply(each_database)]
async fn unknown_key_is_looked_up_once_per_second(env: TestEnv) {
    let late = env.app().await;
    late.sign_up("ana").await;
    rotate(&env, Rotation::Now).await;
    let early = env.app().await;
    let ana = early.sign_in("ana").await;
    assert!(!is_accepted(&late, &ana).await);
    late.advance(Duration::from_secs(1));
    assert!(is_accepted(&late, &ana).await);
}

#[apply(each_database)]
async fn concurrent_rotations_are_rejected(env: TestEnv) {
    let app = env.app().await;
    let keys = env.keys(&[]).await.unwrap();
    let others = env.keys(&[]).await.unwrap();
    let (one, two) = tokio::join!(
        keys.rotate(planned_rotation()),
        others.rotate(planned_rotation())
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let message = keys
        .rotate(planned_rotation())
        .await
        .unwrap_err()
        .to_string();
    assert!(message.contains("2026-11-21T12:10:00.000Z"), "{message}");
    app.advance(KEY_REFRESH);
    assert_eq!(published_kids(&app).await.len(), 2);
    app.advance(PUBLISH_PERIOD);
    keys.rotate(planned_rotation()).await.unwrap();
    app.advance(KEY_REFRESH);
    assert_eq!(published_kids(&app).await.len(), 3);
}

#[apply(each_database)]
async fn rotation_rejects_no_concurrent_request(env: TestEnv) {
    let apps = [env.app().await, env.start(&[]).await.unwrap()];
    let ana = apps[0].sign_up("ana").await;
    let (count, is_over) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4_usize {
        let (apps, mut me) = (apps.clone(), ana.clone());
        let (count, is_over) = (Arc::clone(&count), Arc::clone(&is_over));
        workers.spawn(async move {
            let mut at = worker;
            while !is_over.load(Ordering::SeqCst) {
                at += 1;
                let app = &apps[at % 2];
                if at.is_multiple_of(16) {
                    me = app.sign_in("ana").await;
                }
                assert!(is_accepted(app, &me).await);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for round in 0..9 {
        let enough = count.load(Ordering::SeqCst) + 20;
        while count.load(Ordering::SeqCst) < enough {
            if let Some(ended) = workers.try_join_next() {
                ended.unwrap();
            }
            tokio::task::yield_now().await;
        }
        match round {
            0 => rotate(&env, planned_rotation()).await,
            _ => apps[0].advance(PUBLISH_PERIOD / 6),
        }
    }
    is_over.store(true, Ordering::SeqCst);
    workers.join_all().await;
    assert_ne!(kid(&apps[0].sign_in("ana").await), kid(&ana));
}

#[apply(each_database)]
async fn derived_key_signs_until_new_key_is_published(env: TestEnv) {
    let earlier = env.app().await;
    let ana = earlier.sign_up("ana").await;
    let (_, claims) = read(ana.token.as_deref().unwrap());
    earlier
        .sql("DELETE FROM signing_keys RETURNING created_at")
        .await;

    let app = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    let [of_first, of_second] = [SECRET, NEW_SECRET].map(Forger::of_earlier_releases);
    let new = published_kids(&app).await.remove(0);
    assert_eq!(
        published_kids(&app).await,
        [&*new, &*of_first.kid, &*of_second.kid]
    );
    let tokens = [&of_first, &of_second].map(|forger| {
        let token = forger.token(&forger.header(), claims.to_string());
        ana.with_token(&token)
    });
    for token in &tokens {
        assert!(is_accepted(&app, token).await);
    }
    assert_eq!(kid(&app.sign_in("ana").await), of_first.kid);
    app.advance(PUBLISH_PERIOD);
    assert_eq!(kid(&app.sign_in("ana").await), new);
    assert!(is_accepted(&app, &tokens[0]).await);
    app.advance(DERIVED_KEY_RETENTION - Duration::from_millis(1));
    assert_eq!(published_kids(&app).await.len(), 3);
    app.advance(Duration::from_millis(1));
    assert_eq!(published_kids(&app).await, [new]);
}

#[apply(each_database)]
async fn tokens_survive_secret_rotation(env: TestEnv) {
    let before = env.app().await;
    let ana = before.sign_up("ana").await;
    let first = published_kids(&before).await;

    // The new secret is first accepted, then used, then the only one.
    let accepting = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    let both = ["--secret", NEW_SECRET, "--secret-2", SECRET];
    let using = env.start(&both).await.unwrap();
    let alone = env.start(&["--secret", NEW_SECRET]).await.unwrap();
    let again = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    env.start(&both).await.unwrap();
    let keys = env.keys(&["--secret", NEW_SECRET]).await.unwrap();
    keys.rotate(planned_rotation()).await.unwrap();
    before.advance(KEY_REFRESH);
    for app in [&accepting, &using, &alone, &again] {
        assert!(is_accepted(app, &ana).await);
        let published_kids = published_kids(app).await;
        assert_eq!((published_kids.len(), &published_kids[1]), (2, &first[0]));
    }
    // The instance that has only the old secret continues with the keys that it can decrypt.
    assert!(is_accepted(&before, &ana).await);
    assert_eq!(published_kids(&before).await, first);
}

#[apply(each_database)]
async fn wrong_secret_stops_start_with_instructions(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let other = ["--secret", NEW_SECRET];
    let message = start_error(&env, &other).await;
    for says in [&*kid(&ana), "CUBBY_SECRET_2", "cubby keys rotate --now"] {
        assert!(message.contains(says), "{message}");
    }
    assert!(
        !message.contains(NEW_SECRET) && !message.contains(SECRET),
        "{message}"
    );
    let keys = env.keys(&other).await.unwrap();
    assert!(
        keys.list()
            .await
            .unwrap()
            .iter()
            .all(|key| !key.is_decryptable)
    );
    assert!(keys.rotate(planned_rotation()).await.is_err());
    assert!(is_accepted(&app, &ana).await);

    keys.rotate(Rotation::Now).await.unwrap();
    let after = env.start(&other).await.unwrap();
    assert!(!is_accepted(&after, &ana).await);
    let renewed = after.sign_in("ana").await;
    assert!(is_accepted(&after, &renewed).await);
}

#[apply(each_database)]
async fn undecryptable_key_is_neither_published_nor_trusted(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (_, claims) = read(ana.token.as_deref().unwrap());
    let forger = Forger::with(&[7; 32]);
    app.sql(&format!(
        "INSERT INTO signing_keys SELECT '{}', number + 1, algorithm, sealed_private_key,
           created_at, active_from, expires_at FROM signing_keys RETURNING created_at",
        forger.kid
    ))
    .await;
    app.advance(KEY_REFRESH);
    assert_eq!(published_kids(&app).await, [kid(&ana)]);
    assert_eq!(kid(&app.sign_in("ana").await), kid(&ana));
    let forged = ana.with_token(&forger.token(&forger.header(), claims.to_string()));
    assert!(!is_accepted(&app, &forged).await);
}

#[apply(each_database)]
async fn cached_keys_are_used_when_table_is_unreadable(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.sql("ALTER TABLE signing_keys RENAME TO elsewhere")
        .await;
    app.advance(KEY_REFRESH);
    assert!(is_accepted(&app, &ana).await);
    let renewed = app.sign_in("ana").await;
    assert!(is_accepted(&app, &renewed).await);
    assert_eq!(published_kids(&app).await, [kid(&ana)]);
    app.sql("ALTER TABLE elsewhere RENAME TO signing_keys")
        .await;
    rotate(&env, planned_rotation()).await;
    app.advance(KEY_REFRESH);
    assert_eq!(published_kids(&app).await.len(), 2);
    // The cached keys stay in use even after all rows are deleted.
    app.sql("DELETE FROM signing_keys RETURNING created_at")
        .await;
    app.advance(KEY_REFRESH);
    assert!(is_accepted(&app, &ana).await);
}

#[apply(each_database)]
async fn jwt_secret_disables_signing_keys(env: TestEnv) {
    let shared = ["--jwt-secret", NEW_SECRET];
    let app = env.start(&shared).await.unwrap();
    let ana = app.sign_up("ana").await;
    assert!(is_accepted(&app, &ana).await);
    assert_eq!(app.sql("SELECT count(*) FROM signing_keys").await, [0]);
    let message = env.keys(&shared).await.err().unwrap().to_string();
    assert!(message.contains("CUBBY_JWT_SECRET"), "{message}");
    // HS256 tokens are rejected by an instance with signing keys, and vice versa.
    let other = env.app().await;
    assert!(!is_accepted(&other, &ana).await);
    let ana = other.sign_in("ana").await;
    assert!(!is_accepted(&app, &ana).await);
}
