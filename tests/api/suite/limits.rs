//! The maximum number of rows that one account has of each table.

use std::io::{self, Cursor};

use cubby::{TaskFormat, TaskImport, TasksImported};
use serde_json::{Value, json};

use crate::harness::{App, Client};

const CREATE: &str = "mutation ($id: ID, $title: String!) {
    createTask(input: { id: $id, title: $title }) { task { id } userErrors { code path message } } }";

async fn create(client: &Client, id: Option<&str>) -> Value {
    let variables = json!({ "id": id, "title": "Buy milk" });
    client.ask(CREATE, variables).await["createTask"].clone()
}

async fn delete(client: &Client, id: &str) {
    let document = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    let deleted = client.ask(document, json!({ "id": id })).await;
    assert_eq!(deleted["deleteTask"]["deletedTaskId"], id);
}

fn limit_reached() -> Value {
    json!([{
        "code": "LIMIT_REACHED",
        "path": null,
        "message": "An account may have 3 tasks. Delete some that are no longer needed.",
    }])
}

#[tokio::test]
async fn one_task_more_than_the_limit_is_refused() {
    let app = app!("--max-tasks", "3");
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let limits = app
        .nobody()
        .ask("{ service { limits { maxTasks } } }", json!({}))
        .await;
    assert_eq!(limits["service"]["limits"]["maxTasks"], 3);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(ana.create_task("Buy milk").await);
    }
    let refused = create(&ana, None).await;
    assert_eq!(
        refused,
        json!({ "task": null, "userErrors": limit_reached() })
    );

    // A create whose answer was lost is still answered.
    let again = create(&ana, Some(&ids[0])).await;
    assert_eq!(again, json!({ "task": { "id": ids[0] }, "userErrors": [] }));

    // Each person has a limit of their own, and a deletion makes room.
    assert_eq!(create(&ben, None).await["userErrors"], json!([]));
    delete(&ana, &ids[1]).await;
    assert_eq!(create(&ana, None).await["userErrors"], json!([]));
    assert_eq!(create(&ana, None).await["userErrors"], limit_reached());
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [4]);
    assert_eq!(app.miscounted_tasks().await, 0);
}

#[tokio::test]
async fn simultaneous_creates_do_not_exceed_the_limit() {
    let app = app!("--max-tasks", "3");
    let ana = app.sign_up("ana").await;
    let creates = (0..8).map(|_| create(&ana, None));
    let answers = futures_util::future::join_all(creates).await;
    let refused = answers
        .iter()
        .filter(|it| it["userErrors"] == limit_reached());
    assert_eq!(refused.count(), 5);
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [3]);
    assert_eq!(app.miscounted_tasks().await, 0);
}

async fn import(app: &App, titles: &[&str], options: TaskImport) -> Result<TasksImported, String> {
    let people = app.place.people_with(&["--max-tasks", "3"]).await;
    let tasks: Vec<_> = titles
        .iter()
        .map(|title| json!({ "title": title }))
        .collect();
    let file = json!(tasks).to_string();
    let open = || Ok::<_, io::Error>(Cursor::new(file.as_bytes()));
    let who = "ana@example.com";
    let imported = cubby::import_tasks(&people, who, TaskFormat::Json, options, open).await;
    people.close().await;
    imported.map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_import_beyond_the_limit_stores_nothing() {
    let app = app!("--max-tasks", "3");
    let ana = app.sign_up("ana").await;
    ana.create_task("Buy milk").await;
    let dry_run = TaskImport {
        dry_run: true,
        ..TaskImport::default()
    };
    for options in [dry_run, TaskImport::default()] {
        let refused = import(&app, &["a", "b", "c"], options).await;
        assert_eq!(
            refused,
            Err("nothing was stored: an account may have 3 tasks, and there would be 4: store fewer, or raise \
                 CUBBY_MAX_TASKS"
                .to_owned())
        );
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [1]);
    let stored = import(&app, &["a", "b"], TaskImport::default()).await;
    assert_eq!(stored.map(|imported| imported.stored), Ok(2));
    assert_eq!(app.miscounted_tasks().await, 0);
}
