//! Tests synced entities with two tables of one user.

use std::sync::Arc;

use sea_orm::{ActiveValue::Set, ConnectionTrait, Statement};

use super::{Change, ReadChanges, SyncError, entity::typed};
use crate::{
    clock::Clock,
    db::{Database, End, Transaction},
    error::{Error, Result},
    id::{IdGenerator, SessionId, TaskId},
    scope::{ChangeNotifier, Grant, LogEntry, Owner, Query, Viewer},
};

mod notes {
    use sea_orm::entity::prelude::*;

    use crate::{
        clock::Timestamp,
        id::{SessionId, TaskId},
        scope::{KeyedByOwner, Logged, Owned, Owner, Synced},
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Owner,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TaskId,
        pub version: i32,
        pub seq: i64,
        pub origin_session_id: Option<SessionId>,
        pub updated_at: Timestamp,
        pub text: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const OWNER: Column = Column::UserId;

        type Writes = Logged;
    }

    impl KeyedByOwner for Entity {
        const KEY: Column = Column::Id;
    }

    impl Synced for Entity {
        type Id = TaskId;

        const VERSION: Column = Column::Version;
        const SEQ: Column = Column::Seq;
        const ORIGIN_SESSION_ID: Column = Column::OriginSessionId;
        const UPDATED_AT: Column = Column::UpdatedAt;
    }
}

mod labels {
    use sea_orm::entity::prelude::*;

    use crate::{
        clock::Timestamp,
        id::{SecurityEventId, SessionId},
        scope::{KeyedByOwner, Logged, Owned, Owner, Synced},
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "labels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Owner,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SecurityEventId,
        pub version: i32,
        pub seq: i64,
        pub origin_session_id: Option<SessionId>,
        pub updated_at: Timestamp,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const OWNER: Column = Column::UserId;

        type Writes = Logged;
    }

    impl KeyedByOwner for Entity {
        const KEY: Column = Column::Id;
    }

    impl Synced for Entity {
        type Id = SecurityEventId;

        const VERSION: Column = Column::Version;
        const SEQ: Column = Column::Seq;
        const ORIGIN_SESSION_ID: Column = Column::OriginSessionId;
        const UPDATED_AT: Column = Column::UpdatedAt;
    }
}

const COLUMNS: &str = "user_id uuid_text NOT NULL, id uuid_text NOT NULL, version integer NOT NULL, \
    seq integer NOT NULL, origin_session_id uuid_text, updated_at integer NOT NULL";

type NoteResult = std::result::Result<notes::Model, SyncError<notes::Model>>;

/// Creates a user in a new database with both tables.
async fn viewer(directory: &std::path::Path) -> Viewer {
    let url = format!("sqlite:{}", directory.join("it").display());
    let database = Database::open(&url.parse().unwrap(), 2).await.unwrap();
    database.migrate_up().await.unwrap();
    let (clock, ids) = (Clock::system(), Arc::<IdGenerator>::default());
    let now = clock.now();
    let owner = Owner::new_user(&ids, now);
    let set_up = |transaction: Arc<Transaction>| async move {
        for table in ["notes (text text NOT NULL,", "labels ("] {
            let table = format!("CREATE TABLE {table} {COLUMNS}, PRIMARY KEY (user_id, id))");
            transaction.execute_unprepared(&table).await?;
        }
        let user =
            "INSERT INTO users (id, time_zone, created_at, updated_at) VALUES (?, 'UTC', 0, 0)";
        let backend = transaction.get_database_backend();
        let user = Statement::from_sql_and_values(backend, user, [owner.into()]);
        transaction.execute_raw(user).await?;
        Ok::<_, Error>(End::Commit(()))
    };
    database.transaction(set_up).await.unwrap();
    let grant = Grant::interactive(owner, SessionId::new(&ids, now));
    let changes = ChangeNotifier::new(clock);
    Viewer::new(grant, now, ids, changes, &database)
}

async fn create(viewer: &Viewer, id: Option<TaskId>, text: &str) -> NoteResult {
    let build = |_: Viewer, _: LogEntry| async move {
        Ok(notes::ActiveModel {
            text: Set(text.to_owned()),
            ..Default::default()
        })
    };
    viewer.create_synced::<notes::Entity, _, _>(id, build).await
}

async fn update(viewer: &Viewer, id: TaskId, if_version: Option<i32>, text: &str) -> NoteResult {
    let change = |_: Viewer, _: notes::Model, mut row: notes::ActiveModel| async move {
        row.text.set_if_not_equals(text.to_owned());
        Ok(row)
    };
    let updated = viewer.update_synced::<notes::Entity, _, _>(id, if_version, change);
    updated.await
}

async fn create_label(viewer: &Viewer, id: Option<TaskId>) -> labels::Model {
    let build = |_: Viewer, _: LogEntry| async move {
        Ok::<_, SyncError<labels::Model>>(labels::ActiveModel::default())
    };
    // The UUID of a note, as the id of a label.
    let id = id.map(|id| typed(id.into()).ok().unwrap());
    let label = viewer.create_synced::<labels::Entity, _, _>(id, build);
    label.await.ok().unwrap()
}

async fn delete(viewer: &Viewer, id: TaskId) {
    let deleted = viewer.delete_synced::<notes::Entity>(id, None).await;
    deleted.ok().unwrap();
}

/// Reads all changes after `seq`, batch by batch.
async fn changes_since(viewer: &Viewer, mut seq: i64) -> Vec<Change<&'static str>> {
    let mut all = Vec::new();
    while seq < viewer.last_seq().await.unwrap() {
        let mut batch = viewer.changes_since(seq).await.unwrap();
        batch.add::<notes::Entity>(|_| "note").await.unwrap();
        batch.add::<labels::Entity>(|_| "label").await.unwrap();
        let ReadChanges {
            changes,
            complete_to,
            is_last,
        } = batch.finish();
        assert_eq!(is_last, complete_to == viewer.last_seq().await.unwrap());
        assert!(complete_to > seq);
        assert!(
            changes
                .iter()
                .all(|it| (seq + 1..=complete_to).contains(&it.seq))
        );
        seq = complete_to;
        all.extend(changes);
    }
    all
}

#[tokio::test]
async fn repeated_create_returns_stored_row_without_new_number() {
    let directory = tempfile::tempdir().unwrap();
    let ana = viewer(directory.path()).await;
    let id = TaskId::new(ana.ids(), ana.now());
    let note = create(&ana, Some(id), "milk").await.ok().unwrap();
    assert_eq!((note.id, note.version, note.seq), (id, 1, 1));
    assert_eq!(note.origin_session_id, Some(ana.session_id()));
    match create(&ana, Some(id), "something else").await {
        Err(SyncError::Unchanged(stored)) => assert_eq!(*stored, note),
        _ => panic!("the row is already stored"),
    }
    assert_eq!(ana.last_seq().await.unwrap(), 1);
}

#[tokio::test]
async fn update_checks_the_version_and_numbers_real_changes() {
    let directory = tempfile::tempdir().unwrap();
    let ana = viewer(directory.path()).await;
    let note = create(&ana, None, "milk").await.ok().unwrap();
    match update(&ana, note.id, Some(2), "bread").await {
        Err(SyncError::Conflict(stored, 1)) => assert_eq!(*stored, note),
        _ => panic!("the row is at version 1"),
    }
    match update(&ana, note.id, Some(1), "milk").await {
        Err(SyncError::Unchanged(stored)) => assert_eq!(*stored, note),
        _ => panic!("the update changes nothing"),
    }
    let changed = update(&ana, note.id, Some(1), "bread").await.ok().unwrap();
    assert_eq!((changed.version, changed.seq), (2, 2));
    assert_eq!(changed.text, "bread");
}

#[tokio::test]
async fn id_of_a_deleted_row_is_rejected_for_its_kind_only() {
    let directory = tempfile::tempdir().unwrap();
    let ana = viewer(directory.path()).await;
    let note = create(&ana, None, "milk").await.ok().unwrap();
    delete(&ana, note.id).await;
    let again = create(&ana, Some(note.id), "milk").await;
    assert!(matches!(again, Err(SyncError::WasDeleted)));
    assert_eq!(create_label(&ana, Some(note.id)).await.seq, 3);
    let updated = update(&ana, note.id, None, "bread").await;
    assert!(matches!(updated, Err(SyncError::NotFound)));
}

#[tokio::test]
async fn changes_of_all_kinds_are_read_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let ana = viewer(directory.path()).await;
    let mut notes = Vec::new();
    for number in 0..130 {
        notes.push(create(&ana, None, "milk").await.ok().unwrap().id);
        if number % 3 == 0 {
            create_label(&ana, None).await;
        }
    }
    // More deletions than fit into a batch.
    for id in &notes[..115] {
        delete(&ana, *id).await;
    }
    update(&ana, notes[120], None, "bread").await.ok().unwrap();
    let last = ana.last_seq().await.unwrap();
    let changes = changes_since(&ana, 0).await;
    assert!(changes.is_sorted_by_key(|change| change.seq));
    assert_eq!(changes.last().unwrap().seq, last);
    let of = |node: Option<&str>| changes.iter().filter(|it| it.node == node).count();
    assert_eq!(
        (of(Some("note")), of(Some("label")), of(None)),
        (15, 44, 115)
    );
    let stored: Vec<notes::Model> = ana.find_all(Query::<notes::Entity>::all()).await.unwrap();
    for note in stored {
        let change = changes.iter().find(|it| it.seq == note.seq).unwrap();
        assert_eq!(
            (&change.id, change.version),
            (&note.id.to_string(), note.version)
        );
    }
    // Reading from a later number returns the rest.
    let rest: Vec<i64> = changes
        .iter()
        .map(|it| it.seq)
        .filter(|seq| *seq > 150)
        .collect();
    let after: Vec<i64> = changes_since(&ana, 150)
        .await
        .iter()
        .map(|it| it.seq)
        .collect();
    assert_eq!(after, rest);
    assert!(changes_since(&ana, last).await.is_empty());
}

#[tokio::test]
async fn each_row_of_a_bulk_write_takes_its_own_change_number() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let ana = viewer(directory.path()).await;
    let row = |version| notes::ActiveModel {
        id: Set(TaskId::new(ana.ids(), ana.now())),
        version: Set(version),
        updated_at: Set(ana.now()),
        text: Set("milk".to_owned()),
        ..Default::default()
    };
    let rows = vec![row(1), row(7), row(3)];
    ana.insert_synced::<notes::Entity>(rows.clone()).await?;
    let columns = [notes::Column::Text];
    ana.update_many_synced::<notes::Entity>(rows[..2].to_vec(), &columns)
        .await?;
    ana.rewrite_derived::<notes::Entity>(rows[2..].to_vec(), &columns)
        .await?;
    let stored = ana.find_all(Query::<notes::Entity>::all()).await?;
    let mut stored: Vec<_> = stored.iter().map(|it| (it.seq, it.version)).collect();
    stored.sort_unstable();
    assert_eq!(stored, [(4, 2), (5, 8), (6, 3)]);
    Ok(())
}
