//! Migrations over a database that holds rows: nothing is lost on the way down and up again.

use cubby::db::Database;

use crate::harness::{App, TestEnv, apply, each_database};

/// Takes back every migration from this one on, and runs them again.
async fn down_to_before(app: &App, name: &str, look: impl AsyncFnOnce(&App)) {
    let url = app.env.database_url.parse().expect("its address");
    let database = Database::open(&url, 1).await.expect("it opens");
    let migrations = database.migrations().await.expect("they are listed");
    let from = migrations.iter().position(|(known, _)| known == name);
    let steps = migrations.len() - from.expect("a migration of this name");
    let steps = u32::try_from(steps).expect("few");
    database.migrate_down(steps).await.expect("they are undone");
    look(app).await;
    database.migrate_up().await.expect("they run again");
    database.close().await;
}

#[apply(each_database)]
async fn tasks_stay_where_they_are_due_without_the_note_of_moves(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("a").await;
    let migration = "m20261128_000010_time_zone_moves";
    down_to_before(&app, migration, async |app| {
        assert_eq!(app.sql("SELECT seq FROM task_logs").await, [1]);
    })
    .await;
    let moving =
        "SELECT COUNT(*) FROM task_logs WHERE moving_session_id IS NULL AND moving_after IS NULL";
    assert_eq!(app.sql(moving).await, [1]);
    assert_eq!(app.sql("SELECT task_count FROM task_logs").await, [1]);
}

#[apply(each_database)]
async fn events_and_deletions_stay_without_their_bounds(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("a").await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, serde_json::json!({ "id": id })).await;
    let rows = async |app: &App| {
        let events = app.sql("SELECT COUNT(*) FROM security_events").await;
        (events, app.sql("SELECT seq FROM deleted_tasks").await)
    };
    down_to_before(&app, "m20261128_000011_row_bounds", async |app| {
        assert_eq!(rows(app).await, (vec![1], vec![2]));
    })
    .await;
    assert_eq!(rows(&app).await, (vec![1], vec![2]));
}

#[apply(each_database)]
async fn tasks_are_counted_when_their_count_is_added(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    app.sign_up("cem").await;
    for title in ["a", "b", "c"] {
        ana.create_task(title).await;
    }
    ben.create_task("d").await;
    let counts = "SELECT task_count FROM task_logs ORDER BY task_count";
    assert_eq!(app.sql(counts).await, [1, 3]);
    down_to_before(&app, "m20261128_000008_task_counts", async |app| {
        assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [4]);
        assert_eq!(app.sql("SELECT MAX(seq) FROM task_logs").await, [3]);
    })
    .await;
    assert_eq!(app.sql(counts).await, [1, 3]);
    ana.create_task("e").await;
    assert_eq!(app.miscounted_tasks().await, 0);
}
