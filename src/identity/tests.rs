//! Tests of a viewer's transactions and filters, on both databases.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait,
    QueryFilter,
};
use tokio::sync::Barrier;

use crate::{
    clock::Clock,
    db::{Database, End, Transaction},
    error::{Error, Result},
    id::{IdGenerator, SecurityEventId, SessionId},
    identity::{
        entity::{
            security_events::{ActiveModel, Column, Entity, Kind},
            users,
        },
        request::device::Device,
        security_events::events,
    },
    scope::{ChangeNotifier, Filter, Grant, Owner, Query, Viewer},
};

#[expect(dead_code, reason = "the tests of the API use all of it")]
#[path = "../../tests/api/postgresql.rs"]
mod postgresql;

/// Creates a database on SQLite, and another on PostgreSQL if a server is available.
async fn databases(directory: &Path) -> Vec<(DatabaseBackend, Database)> {
    let sqlite = format!("sqlite:{}", directory.join("it").display());
    let mut all = vec![(DatabaseBackend::Sqlite, migrated(&sqlite).await)];
    if let Some(server) = postgresql::Server::shared().await {
        let name = format!("viewer_{:x}", fastrand::u128(..));
        let connection = sea_orm::Database::connect(server.url("postgres")).await;
        let create = format!("CREATE DATABASE {name}");
        connection
            .unwrap()
            .execute_unprepared(&create)
            .await
            .unwrap();
        let postgresql = migrated(&server.url(&name)).await;
        all.push((DatabaseBackend::Postgres, postgresql));
    }
    all
}

async fn migrated(url: &str) -> Database {
    let database = Database::open(&url.parse().unwrap(), 2).await.unwrap();
    database.migrate_up().await.unwrap();
    database
}

/// Creates a viewer in each database.
async fn viewers(directory: &Path) -> Vec<(DatabaseBackend, Viewer)> {
    let mut all = Vec::new();
    for (backend, database) in databases(directory).await {
        all.push((backend, viewer(&database).await));
    }
    all
}

/// Inserts a new user and returns their viewer.
async fn viewer(database: &Database) -> Viewer {
    let (clock, ids) = (Clock::system(), Arc::<IdGenerator>::default());
    let now = clock.now();
    let owner = Owner::new_user(&ids, now);
    let user = users::ActiveModel {
        id: Set(owner),
        name: Set(None),
        time_zone: Set("UTC".to_owned()),
        created_at: Set(now),
        updated_at: Set(now),
        disabled_at: Set(None),
    };
    let user = &user;
    let insert = |transaction: Arc<Transaction>| async move {
        user.clone().insert(&*transaction).await?;
        Ok::<_, Error>(End::Commit(()))
    };
    database.transaction(insert).await.unwrap();
    let grant = Grant::interactive(owner, SessionId::new(&ids, now));
    let changes = ChangeNotifier::new(clock);
    Viewer::new(grant, now, ids, changes, database)
}

async fn record(viewer: &Viewer, kind: Kind) -> Result<()> {
    let event = events::new(viewer.ids(), &Device::default(), kind, viewer.now());
    viewer.insert(event).await.map(drop)
}

async fn recorded_ids(viewer: &Viewer) -> Vec<SecurityEventId> {
    let events = viewer.find_all::<Entity>(Query::all()).await.unwrap();
    events.iter().map(|event| event.id).collect()
}

async fn recorded(viewer: &Viewer) -> Vec<Kind> {
    let events = viewer.find_all::<Entity>(Query::all()).await.unwrap();
    events.iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn nested_error_rolls_back_nested_writes() {
    let directory = tempfile::tempdir().unwrap();
    for (_, ana) in viewers(directory.path()).await {
        let committed = ana.transaction(|viewer| async move {
            let viewer = &viewer;
            record(viewer, Kind::SignedUp).await?;
            let swallowed = viewer.transaction(|viewer| async move {
                let viewer = &viewer;
                record(viewer, Kind::SignedIn).await?;
                // A successful inner transaction is rolled back with its parent.
                viewer
                    .transaction(|viewer| async move { record(&viewer, Kind::SignedOut).await })
                    .await?;
                Err::<(), _>(Error::Unavailable)
            });
            assert!(swallowed.await.is_err());
            viewer
                .transaction(|viewer| async move { record(&viewer, Kind::PasswordChanged).await })
                .await
        });
        committed.await.unwrap();
        assert_eq!(
            recorded(&ana).await,
            [Kind::SignedUp, Kind::PasswordChanged]
        );
    }
}

#[tokio::test]
async fn abandoned_nested_transaction_prevents_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    for (_, ana) in viewers(directory.path()).await {
        let torn = ana.transaction(|viewer| async move {
            let viewer = &viewer;
            record(viewer, Kind::SignedUp).await?;
            let given_up = viewer.transaction(|viewer| async move {
                let viewer = &viewer;
                record(viewer, Kind::SignedIn).await?;
                std::future::pending::<Result<()>>().await
            });
            let patience = Duration::from_millis(100);
            assert!(tokio::time::timeout(patience, given_up).await.is_err());
            Ok::<_, Error>(())
        });
        assert!(torn.await.is_err());
        assert!(recorded(&ana).await.is_empty());
    }
}

#[tokio::test]
async fn ignored_database_error_prevents_commit_unless_nested() {
    let directory = tempfile::tempdir().unwrap();
    for (backend, ana) in viewers(directory.path()).await {
        // PostgreSQL rolls such a transaction back at its commit, and reports no error.
        let is_fatal = backend == DatabaseBackend::Postgres;
        let ignored = ana.transaction(|viewer| async move {
            let viewer = &viewer;
            record(viewer, Kind::SignedUp).await?;
            assert!(fail(viewer).await.is_err());
            Ok::<_, Error>(())
        });
        assert_eq!(ignored.await.is_err(), is_fatal);
        let count = recorded(&ana).await.len();
        assert_eq!(count, usize::from(!is_fatal));
        let nested = ana.transaction(|viewer| async move {
            let viewer = &viewer;
            record(viewer, Kind::SignedIn).await?;
            let nested = viewer.transaction(|viewer| async move { fail(&viewer).await });
            assert!(nested.await.is_err());
            record(viewer, Kind::SignedOut).await
        });
        nested.await.unwrap();
        assert_eq!(
            recorded(&ana).await[count..],
            [Kind::SignedIn, Kind::SignedOut]
        );
    }
}

#[tokio::test]
async fn deadlocked_transaction_is_retried() {
    let directory = tempfile::tempdir().unwrap();
    for (backend, database) in databases(directory.path()).await {
        let (ana, ben) = (viewer(&database).await, viewer(&database).await);
        let (runs, both_hold_one) = (&AtomicUsize::new(0), &Barrier::new(2));
        // SQLite has one writer at a time, so it cannot deadlock.
        let can_deadlock = backend == DatabaseBackend::Postgres;
        let database = &database;
        let touch = |first: Owner, second: Owner| {
            database.transaction(move |transaction: Arc<Transaction>| async move {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                update_name(&transaction, first).await?;
                if can_deadlock && run < 2 {
                    both_hold_one.wait().await;
                }
                update_name(&transaction, second).await?;
                Ok::<_, Error>(End::Commit(()))
            })
        };
        let (one, other) = tokio::join!(
            touch(ana.owner(), ben.owner()),
            touch(ben.owner(), ana.owner())
        );
        one.unwrap();
        other.unwrap();
        // The transaction that runs again may lock its first row before the other one continues:
        // they then deadlock once more.
        let runs = runs.load(Ordering::SeqCst);
        assert!(if can_deadlock { runs > 2 } else { runs == 2 });
    }
}

async fn update_name(transaction: &Transaction, owner: Owner) -> Result<()> {
    let row = users::ActiveModel {
        name: Set(Some("Ana".to_owned())),
        ..Default::default()
    };
    users::Entity::update_many()
        .set(row)
        .filter(users::Column::Id.eq(owner))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Runs a statement that the database rejects: it inserts a duplicate key.
async fn fail(viewer: &Viewer) -> Result<()> {
    let mut event = events::new(
        viewer.ids(),
        &Device::default(),
        Kind::SignedUp,
        viewer.now(),
    );
    event.id = Set(recorded_ids(viewer).await[0]);
    viewer.insert(event).await.map(drop)
}

#[tokio::test]
async fn filters_never_match_rows_of_another_user() {
    let directory = tempfile::tempdir().unwrap();
    for (backend, database) in databases(directory.path()).await {
        let (ana, ben) = (viewer(&database).await, viewer(&database).await);
        record(&ana, Kind::SignedUp).await.unwrap();
        record(&ben, Kind::SignedUp).await.unwrap();
        record(&ben, Kind::SignedIn).await.unwrap();
        let [of_ben, _] = recorded_ids(&ben).await[..] else {
            panic!("two events were recorded");
        };
        let by_kind = |kind: Kind| Filter::<Entity>::eq(Column::Kind, kind);
        let of_user = |viewer: &Viewer| Filter::<Entity>::eq(Column::UserId, viewer.user_id());
        let id_of_ben = || Filter::<Entity>::eq(Column::Id, of_ben);
        let all = || Filter::<Entity>::always();
        for (filter, expected) in [
            (all(), 1),
            (Filter::any([all(), id_of_ben()]), 1),
            (Filter::never().not(), 1),
            (of_user(&ana).not(), 0),
            (of_user(&ben), 0),
            (of_user(&ben).not(), 1),
            (id_of_ben(), 0),
            (Filter::exists_in(Column::Kind, Column::Kind, all()), 1),
            // Ben has signed in, and Ana has not.
            (
                Filter::exists_in(Column::UserId, Column::UserId, by_kind(Kind::SignedIn)),
                0,
            ),
            (
                Filter::exists_in(Column::UserId, Column::UserId, of_user(&ben)),
                0,
            ),
            (Filter::exists_in(Column::Id, Column::Id, id_of_ben()), 0),
            (
                Filter::exists_in(Column::Id, Column::Id, id_of_ben()).not(),
                1,
            ),
            // A null matches no sub-select, so the negated filter matches.
            (
                Filter::exists_in(Column::IpAddress, Column::IpAddress, all()),
                0,
            ),
            (
                Filter::exists_in(Column::IpAddress, Column::IpAddress, all()).not(),
                1,
            ),
        ] {
            let found = ana.find_all(Query::filter(filter.clone())).await.unwrap();
            assert_eq!(found.len(), expected, "{backend:?}");
            assert!(found.iter().all(|event| event.user_id == ana.owner()));
            let count = ana.count(Query::filter(filter.clone())).await.unwrap();
            assert_eq!(count, expected as u64);
            let change = ActiveModel {
                user_agent: Set(Some("changed".to_owned())),
                ..Default::default()
            };
            let changed = ana.update(change, filter.clone()).await.unwrap();
            assert_eq!(changed.len(), expected);
        }
        let of_ben = || ben.find_all::<Entity>(Query::all());
        assert!(
            of_ben()
                .await
                .unwrap()
                .iter()
                .all(|event| event.user_agent.is_none())
        );
        ana.delete::<Entity>(Filter::any([all(), of_user(&ben)]))
            .await
            .unwrap();
        assert_eq!(of_ben().await.unwrap().len(), 2);
        assert!(recorded(&ana).await.is_empty());
    }
}
