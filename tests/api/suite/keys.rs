//! The keys that tokens are signed with: made, shared, rotated, lost and sealed anew.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cubby::{KeyState, Rotation, config::Lead};
use serde_json::json;

use crate::{
    forger::{Forger, read},
    harness::{App, Client, SECRET, TestEnv, apply, each_database},
};

const ME: &str = "{ viewer { id } }";

/// How long until an instance has noticed what others did.
const NOTICED: Duration = Duration::from_secs(10);

const LEAD: Duration = Duration::from_mins(10);

/// How long a key is kept after its last token was signed.
const KEPT: Duration = Duration::from_mins(20);

/// The same for the key of earlier releases, whose tokens lived for 12 hours.
const KEPT_OF_EARLIER: Duration = Duration::from_mins(12 * 60 + 5);

const NEW_SECRET: &str = "another secret of the tests, long enough";

/// Which key the person's token is of.
fn kid(client: &Client) -> String {
    let (header, _) = read(client.token.as_deref().unwrap());
    header["kid"].as_str().unwrap().to_owned()
}

/// The names of the keys that are published, newest first.
async fn published(app: &App) -> Vec<String> {
    let reply = app.nobody().get("/.well-known/jwks.json").await;
    let keys = reply.body["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn is_let_in(app: &App, person: &Client) -> bool {
    let token = person.token.as_deref().unwrap();
    let reply = app.nobody().with_token(token).send(ME, json!({})).await;
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

fn planned() -> Rotation {
    Rotation::After(Lead::default())
}

async fn refusal(env: &TestEnv, flags: &[&str]) -> String {
    match env.start(flags).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[apply(each_database)]
async fn the_first_start_makes_a_key_that_every_later_one_finds(env: TestEnv) {
    let one = env.app().await;
    let ana = one.sign_up("ana").await;
    assert_eq!(published(&one).await, [kid(&ana)]);
    let two = env.app().await;
    assert_eq!(published(&two).await, [kid(&ana)]);
    assert!(is_let_in(&two, &ana).await);
    let listed = env.keys(&[]).await.unwrap().list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].id, listed[0].state),
        (&kid(&ana), KeyState::Current)
    );
}

#[apply(each_database)]
async fn instances_that_start_at_once_agree_on_one_key(env: TestEnv) {
    // So that they meet at the keys, and not at the migrations.
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
        assert_eq!(published(app).await, [kid(&ana)]);
        assert!(is_let_in(app, &ana).await && is_let_in(app, &ben).await);
    }
    assert_eq!(apps[0].sql("SELECT count(*) FROM signing_keys").await, [1]);
}

#[apply(each_database)]
async fn the_private_key_is_sealed_under_its_name_with_a_key_of_the_secret(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let (_, claims) = read(ana.token.as_deref().unwrap());
    // Opening it takes the secret, the row's name and nothing else.
    let forger = Forger::of(&app).await;
    let token = forger.token(&forger.header(), claims.to_string());
    ana.with_token(&token).ask(ME, json!({})).await;
}

#[apply(each_database)]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_has_ended(
    env: TestEnv,
) {
    let apps = [env.app().await, env.start(&[]).await.unwrap()];
    let ana = apps[0].sign_up("ana").await;
    let old = kid(&ana);
    rotate(&env, planned()).await;
    apps[0].advance(NOTICED);
    let [new, kept] = <[String; 2]>::try_from(published(&apps[0]).await).unwrap();
    assert_eq!(kept, old);
    assert_ne!(new, old);
    assert_eq!(published(&apps[1]).await, [&*new, &*old]);

    // Published for ten minutes, it signs from then on.
    apps[0].advance(LEAD - NOTICED - Duration::from_millis(1));
    let last = apps[1].sign_in("ana").await;
    assert_eq!(kid(&last), old);
    apps[0].advance(Duration::from_millis(1));
    for app in &apps {
        let ana_anew = app.sign_in("ana").await;
        assert_eq!(kid(&ana_anew), new);
        for app in &apps {
            assert!(is_let_in(app, &ana_anew).await);
            assert!(is_let_in(app, &ana).await && is_let_in(app, &last).await);
        }
    }

    // The old one is there until nobody can have a token of it.
    apps[0].advance(KEPT - Duration::from_millis(1));
    assert_eq!(published(&apps[0]).await, [&*new, &*old]);
    let reply = last.send(ME, json!({})).await;
    assert_eq!(reply.reason(), "TOKEN_EXPIRED");
    apps[0].advance(Duration::from_millis(1));
    for app in &apps {
        assert_eq!(published(app).await, [&*new]);
        assert!(!is_let_in(app, &last).await);
    }

    let states = |keys: &[cubby::ListedKey]| keys.iter().map(|key| key.state).collect::<Vec<_>>();
    let keys = env.keys(&[]).await.unwrap();
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Expired, KeyState::Current]);
    // What has expired is removed by the next rotation.
    keys.rotate(planned()).await.unwrap();
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Current, KeyState::Next]);
    apps[0].advance(LEAD);
    let listed = keys.list().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Retiring, KeyState::Current]);
}

#[apply(each_database)]
async fn a_rotation_at_once_refuses_every_token_that_was_signed_before(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    // Remembered as good, which does not outlive its key.
    assert!(is_let_in(&app, &ana).await);
    rotate(&env, planned()).await;
    rotate(&env, Rotation::Now).await;
    app.advance(NOTICED);
    assert!(!is_let_in(&app, &ana).await);
    let anew = app.sign_in("ana").await;
    assert!(is_let_in(&app, &anew).await);
    assert_eq!(published(&app).await, [kid(&anew)]);
}

#[apply(each_database)]
async fn a_key_that_is_not_known_is_looked_for_once_a_second(env: TestEnv) {
    let late = env.app().await;
    late.sign_up("ana").await;
    rotate(&env, Rotation::Now).await;
    let early = env.app().await;
    let ana = early.sign_in("ana").await;
    assert!(!is_let_in(&late, &ana).await);
    late.advance(Duration::from_secs(1));
    assert!(is_let_in(&late, &ana).await);
}

#[apply(each_database)]
async fn one_rotation_is_under_way_at_a_time(env: TestEnv) {
    let app = env.app().await;
    let keys = env.keys(&[]).await.unwrap();
    let others = env.keys(&[]).await.unwrap();
    let (one, two) = tokio::join!(keys.rotate(planned()), others.rotate(planned()));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let said = keys.rotate(planned()).await.unwrap_err().to_string();
    assert!(said.contains("2026-11-21T12:10:00.000Z"), "{said}");
    app.advance(NOTICED);
    assert_eq!(published(&app).await.len(), 2);
    app.advance(LEAD);
    keys.rotate(planned()).await.unwrap();
    app.advance(NOTICED);
    assert_eq!(published(&app).await.len(), 3);
}

#[apply(each_database)]
async fn a_rotation_refuses_no_request_while_people_work(env: TestEnv) {
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
                assert!(is_let_in(app, &me).await);
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
            0 => rotate(&env, planned()).await,
            _ => apps[0].advance(LEAD / 6),
        }
    }
    is_over.store(true, Ordering::SeqCst);
    workers.join_all().await;
    assert_ne!(kid(&apps[0].sign_in("ana").await), kid(&ana));
}

#[apply(each_database)]
async fn the_key_that_earlier_releases_derived_signs_on_until_another_was_published(env: TestEnv) {
    let earlier = env.app().await;
    let ana = earlier.sign_up("ana").await;
    let (_, claims) = read(ana.token.as_deref().unwrap());
    earlier
        .sql("DELETE FROM signing_keys RETURNING created_at")
        .await;

    let app = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    let [of_first, of_second] = [SECRET, NEW_SECRET].map(Forger::of_earlier_releases);
    let new = published(&app).await.remove(0);
    assert_eq!(
        published(&app).await,
        [&*new, &*of_first.kid, &*of_second.kid]
    );
    let held = [&of_first, &of_second].map(|forger| {
        let token = forger.token(&forger.header(), claims.to_string());
        ana.with_token(&token)
    });
    for token in &held {
        assert!(is_let_in(&app, token).await);
    }
    assert_eq!(kid(&app.sign_in("ana").await), of_first.kid);
    app.advance(LEAD);
    assert_eq!(kid(&app.sign_in("ana").await), new);
    assert!(is_let_in(&app, &held[0]).await);
    app.advance(KEPT_OF_EARLIER - Duration::from_millis(1));
    assert_eq!(published(&app).await.len(), 3);
    app.advance(Duration::from_millis(1));
    assert_eq!(published(&app).await, [new]);
}

#[apply(each_database)]
async fn a_secret_is_changed_without_anybody_being_signed_out(env: TestEnv) {
    let before = env.app().await;
    let ana = before.sign_up("ana").await;
    let first = published(&before).await;

    // Accepted everywhere, then used, then alone.
    let accepting = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    let both = ["--secret", NEW_SECRET, "--secret-2", SECRET];
    let using = env.start(&both).await.unwrap();
    let alone = env.start(&["--secret", NEW_SECRET]).await.unwrap();
    let again = env.start(&["--secret-2", NEW_SECRET]).await.unwrap();
    env.start(&both).await.unwrap();
    let keys = env.keys(&["--secret", NEW_SECRET]).await.unwrap();
    keys.rotate(planned()).await.unwrap();
    before.advance(NOTICED);
    for app in [&accepting, &using, &alone, &again] {
        assert!(is_let_in(app, &ana).await);
        let published = published(app).await;
        assert_eq!((published.len(), &published[1]), (2, &first[0]));
    }
    // The one that knows only the old secret goes on with what it knows.
    assert!(is_let_in(&before, &ana).await);
    assert_eq!(published(&before).await, first);
}

#[apply(each_database)]
async fn a_secret_that_does_not_open_the_keys_stops_the_start_and_says_what_to_do(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let other = ["--secret", NEW_SECRET];
    let said = refusal(&env, &other).await;
    for says in [&*kid(&ana), "CUBBY_SECRET_2", "cubby keys rotate --now"] {
        assert!(said.contains(says), "{said}");
    }
    assert!(
        !said.contains(NEW_SECRET) && !said.contains(SECRET),
        "{said}"
    );
    let keys = env.keys(&other).await.unwrap();
    assert!(keys.list().await.unwrap().iter().all(|key| !key.is_open));
    assert!(keys.rotate(planned()).await.is_err());
    assert!(is_let_in(&app, &ana).await);

    keys.rotate(Rotation::Now).await.unwrap();
    let after = env.start(&other).await.unwrap();
    assert!(!is_let_in(&after, &ana).await);
    let anew = after.sign_in("ana").await;
    assert!(is_let_in(&after, &anew).await);
}

#[apply(each_database)]
async fn a_row_that_no_secret_opens_is_neither_published_nor_believed(env: TestEnv) {
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
    app.advance(NOTICED);
    assert_eq!(published(&app).await, [kid(&ana)]);
    assert_eq!(kid(&app.sign_in("ana").await), kid(&ana));
    let forged = ana.with_token(&forger.token(&forger.header(), claims.to_string()));
    assert!(!is_let_in(&app, &forged).await);
}

#[apply(each_database)]
async fn keys_that_cannot_be_read_are_used_as_they_are_known(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    app.sql("ALTER TABLE signing_keys RENAME TO elsewhere")
        .await;
    app.advance(NOTICED);
    assert!(is_let_in(&app, &ana).await);
    let anew = app.sign_in("ana").await;
    assert!(is_let_in(&app, &anew).await);
    assert_eq!(published(&app).await, [kid(&ana)]);
    app.sql("ALTER TABLE elsewhere RENAME TO signing_keys")
        .await;
    rotate(&env, planned()).await;
    app.advance(NOTICED);
    assert_eq!(published(&app).await.len(), 2);
    // Nor does it harm when they are gone.
    app.sql("DELETE FROM signing_keys RETURNING created_at")
        .await;
    app.advance(NOTICED);
    assert!(is_let_in(&app, &ana).await);
}

#[apply(each_database)]
async fn with_a_shared_secret_there_are_no_keys_to_make_or_rotate(env: TestEnv) {
    let shared = ["--jwt-secret", NEW_SECRET];
    let app = env.start(&shared).await.unwrap();
    let ana = app.sign_up("ana").await;
    assert!(is_let_in(&app, &ana).await);
    assert_eq!(app.sql("SELECT count(*) FROM signing_keys").await, [0]);
    let said = env.keys(&shared).await.err().unwrap().to_string();
    assert!(said.contains("CUBBY_JWT_SECRET"), "{said}");
    // One kind takes nothing for the other's.
    let other = env.app().await;
    assert!(!is_let_in(&other, &ana).await);
    let ana = other.sign_in("ana").await;
    assert!(!is_let_in(&app, &ana).await);
}
