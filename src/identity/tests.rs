//! Transactions of a viewer, on both databases.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it opens databases of its own"
)]

use std::{path::Path, sync::Arc, time::Duration};

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DatabaseBackend, EntityTrait};

use super::{
    Device,
    entity::{
        security_events::{self, Kind},
        users,
    },
    events,
};
use crate::{
    clock::Clock,
    config::DatabaseUrl,
    db::Database,
    error::{Error, Result},
    id::{Ids, SessionId},
    scope::{ChangeNotifier, Grant, Owner, Viewer},
};

#[expect(dead_code, reason = "the tests of the API use all of it")]
#[path = "../../tests/api/postgresql.rs"]
mod postgresql;

/// A viewer on SQLite, and one on PostgreSQL on a machine that has it, each in a new database.
async fn viewers(directory: &Path) -> Vec<(DatabaseBackend, Viewer)> {
    let sqlite = format!("sqlite:{}", directory.join("it").display());
    let sqlite = viewer(&sqlite.parse().unwrap()).await;
    let mut all = vec![(DatabaseBackend::Sqlite, sqlite)];
    if let Some(server) = postgresql::Server::shared().await {
        let name = format!("viewer_{:x}", fastrand::u128(..));
        let connection = sea_orm::Database::connect(server.url("postgres")).await;
        let create = format!("CREATE DATABASE {name}");
        connection
            .unwrap()
            .execute_unprepared(&create)
            .await
            .unwrap();
        let postgresql = viewer(&server.url(&name).parse().unwrap()).await;
        all.push((DatabaseBackend::Postgres, postgresql));
    }
    all
}

async fn viewer(url: &DatabaseUrl) -> Viewer {
    let database = Database::open(url, 1).await.unwrap();
    database.migrate_up().await.unwrap();
    let (clock, ids) = (Clock::system(), Arc::<Ids>::default());
    let now = clock.now();
    let owner = Owner::mint(&ids, now);
    let user = users::ActiveModel {
        id: Set(owner),
        email: Set("ana@example.com".to_owned()),
        email_key: Set("ana@example.com".to_owned()),
        name: Set(None),
        time_zone: Set("UTC".to_owned()),
        password_hash: Set(String::new()),
        created_at: Set(now),
        updated_at: Set(now),
        disabled_at: Set(None),
    };
    let transaction = database.begin().await.unwrap();
    user.insert(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let grant = Grant {
        owner,
        session_id: SessionId::new(&ids, now),
        can_write: true,
        is_interactive: true,
    };
    let changes = ChangeNotifier::new(clock, |_| {});
    Viewer::new(grant, now, ids, changes, &database)
}

async fn record(viewer: &Viewer, kind: Kind) -> Result<()> {
    let event = events::new(viewer.ids(), &Device::default(), kind, viewer.now());
    viewer.insert(event).await.map(drop)
}

async fn recorded(viewer: &Viewer) -> Vec<Kind> {
    let events = viewer.all(security_events::Entity::find()).await.unwrap();
    events.iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_nested_error_undoes_the_nested_writes() {
    let directory = tempfile::tempdir().unwrap();
    for (_, ana) in viewers(directory.path()).await {
        let committed = ana.atomically(async |viewer| {
            record(viewer, Kind::SignedUp).await?;
            let swallowed = viewer.atomically(async |viewer| {
                record(viewer, Kind::SignedIn).await?;
                // What was nested deeper, and succeeded, goes with it.
                viewer
                    .atomically(async |viewer| record(viewer, Kind::SignedOut).await)
                    .await?;
                Err::<(), _>(Error::Unavailable)
            });
            assert!(swallowed.await.is_err());
            viewer
                .atomically(async |viewer| record(viewer, Kind::PasswordChanged).await)
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
async fn an_abandoned_nested_part_prevents_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    for (_, ana) in viewers(directory.path()).await {
        let torn = ana.atomically(async |viewer| {
            record(viewer, Kind::SignedUp).await?;
            let given_up = viewer.atomically(async |viewer| {
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
async fn an_ignored_database_error_prevents_the_commit_unless_it_was_nested() {
    let directory = tempfile::tempdir().unwrap();
    for (backend, ana) in viewers(directory.path()).await {
        // PostgreSQL answers the commit of such a transaction with a rollback, which is not an error to it.
        let is_fatal = backend == DatabaseBackend::Postgres;
        let ignored = ana.atomically(async |viewer| {
            record(viewer, Kind::SignedUp).await?;
            assert!(fail(viewer).await.is_err());
            Ok::<_, Error>(())
        });
        assert_eq!(ignored.await.is_err(), is_fatal);
        let count = recorded(&ana).await.len();
        assert_eq!(count, usize::from(!is_fatal));
        let nested = ana.atomically(async |viewer| {
            record(viewer, Kind::SignedIn).await?;
            let nested = viewer.atomically(async |viewer| fail(viewer).await);
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

/// A statement that the database refuses: two rows with the same key.
async fn fail(viewer: &Viewer) -> Result<()> {
    let event = events::new(
        viewer.ids(),
        &Device::default(),
        Kind::SignedUp,
        viewer.now(),
    );
    viewer.insert_all(vec![event.clone(), event]).await
}
