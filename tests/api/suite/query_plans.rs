//! Tests of query plans: the database reads a page in order from one index, and only the owner's
//! rows.

use crate::{
    harness::{App, Client, Database, PASSWORD, TestEnv, apply, each_database},
    statement_log::statements,
};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};

const PAGE: &str = "query ($order: [TaskOrder!], $filter: TaskFilter, $first: Int, $after: String, $last: Int, $before: String) {
    viewer { tasks(orderBy: $order, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes { id version title completed completedAt priority due { date time timeZone at isOverdue }
        position createdAt updatedAt }
      pageInfo { hasNextPage startCursor endCursor } } } }";

/// Fetches a page, and returns it with the statements on tasks that were sent.
async fn fetch_page(client: &Client, variables: Value) -> (Value, Vec<String>) {
    let (data, mut statements) = statements(client.ask(PAGE, variables)).await;
    statements.retain(|sql| sql.contains("\"tasks\""));
    (data, statements)
}

async fn rows(connection: &DatabaseConnection, sql: String, column: usize) -> Vec<String> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection
        .query_all_raw(statement)
        .await
        .expect("the query succeeds");
    rows.iter()
        .map(|row| row.try_get_by_index(column).expect("a text"))
        .collect()
}

/// Returns the query plans of a statement; for PostgreSQL, a custom and a generic plan.
async fn plans(app: &App, sql: &str) -> Vec<String> {
    // Only one connection, since prepared statements belong to a connection.
    let mut options = ConnectOptions::new(&app.env.database_url);
    options.max_connections(1);
    let connection = sea_orm::Database::connect(options).await.unwrap();
    if app.env.database == Database::Sqlite {
        let plan = rows(&connection, format!("EXPLAIN QUERY PLAN {sql}"), 3).await;
        return vec![plan.join("\n")];
    }
    let run = async |sql: &str| {
        connection
            .execute_unprepared(sql)
            .await
            .expect("the statement succeeds")
    };
    run(&format!("PREPARE page AS {sql}")).await;
    let types =
        "SELECT unnest(parameter_types)::text FROM pg_prepared_statements WHERE name = 'page'";
    let types = rows(&connection, types.to_owned(), 0).await;
    let user = "SELECT user_id::text FROM tasks GROUP BY user_id ORDER BY count(*) DESC LIMIT 1";
    let user = rows(&connection, user.to_owned(), 0).await.remove(0);
    let values: Vec<String> = types
        .iter()
        .map(|kind| match kind.as_str() {
            "uuid" => format!("'{user}'"),
            "text" => "'a1'".to_owned(),
            _ => "51".to_owned(),
        })
        .collect();
    let mut plans = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        run(&format!("SET plan_cache_mode = {mode}")).await;
        let explain = format!("EXPLAIN EXECUTE page({})", values.join(", "));
        plans.push(rows(&connection, explain, 0).await.join("\n"));
    }
    connection.close().await.unwrap();
    plans
}

#[apply(each_database)]
async fn indexed_pages_are_neither_scanned_nor_sorted(env: TestEnv) {
    env.seed(30, 100, "example.com").await;
    env.seed(1, 2_000, "many.example.com").await;
    let app = env.app().await;
    let ana = app.sign_in_with("person-1", PASSWORD).await;
    for (field, index) in [
        ("POSITION", "tasks_by_position"),
        ("DUE", "tasks_by_due"),
        ("CREATED_AT", "tasks_pkey"),
    ] {
        for (direction, nulls) in [("ASC", "LAST"), ("DESC", "FIRST")] {
            let order = json!([{ "field": field, "direction": direction, "nulls": nulls }]);
            for filter in [Value::Null, json!({ "completed": false })] {
                let page = json!({ "order": order, "filter": filter, "first": 20 });
                let (data, first) = fetch_page(&ana, page).await;
                let info = &data["viewer"]["tasks"]["pageInfo"];
                assert_eq!(info["hasNextPage"], json!(true));
                let page = json!({ "order": order, "filter": filter, "first": 20, "after": info["endCursor"] });
                let (_, next) = fetch_page(&ana, page).await;
                let page = json!({ "order": order, "filter": filter, "last": 20, "before": info["endCursor"] });
                let (_, before) = fetch_page(&ana, page).await;
                for statements in [first, next, before] {
                    let [sql] = &statements[..] else {
                        panic!("{statements:?}");
                    };
                    for plan in plans(&app, sql).await {
                        assert!(
                            is_in_index_order(env.database, &plan, index),
                            "{sql}\n{plan}"
                        );
                    }
                }
            }
        }
    }
}

/// Removes from a plan the lookup of the `change_logs` row, which states whether a change of time
/// zone is unfinished.
fn without_log(database: Database, plan: &str) -> String {
    let mut lines = Vec::new();
    let mut is_of_log = false;
    for line in plan.lines() {
        // PostgreSQL prints the condition on a line of its own.
        let is_condition = database == Database::Postgresql && is_of_log && !line.contains("->");
        is_of_log = ["SCALAR SUBQUERY", "InitPlan", "change_logs"]
            .iter()
            .any(|it| line.contains(it));
        if !is_of_log && !is_condition {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn is_in_index_order(database: Database, plan: &str, index: &str) -> bool {
    let plan = without_log(database, plan);
    match database {
        Database::Sqlite => {
            let by = match index {
                "tasks_pkey" => "PRIMARY KEY".to_owned(),
                index => format!("COVERING INDEX {index}"),
            };
            plan.starts_with(&format!("SEARCH tasks USING {by} (user_id=?")) && !plan.contains('\n')
        }
        Database::Postgresql => {
            ["Seq Scan", "Sort", "Bitmap"]
                .iter()
                .all(|it| !plan.contains(it))
                && [
                    "Index Only Scan",
                    index,
                    "Index Cond: ((user_id = ",
                    "Index Cond: (user_id = ",
                ]
                .iter()
                .filter(|it| plan.contains(**it))
                .count()
                    == 3
        }
    }
}

/// Verifies that `is_in_index_order` detects a plan that sorts.
#[apply(each_database)]
async fn unindexed_order_is_detected_as_sorted(env: TestEnv) {
    env.seed(1, 200, "example.com").await;
    let app = env.app().await;
    let ana = app.sign_in_with("person-1", PASSWORD).await;
    let order = json!([{ "field": "TITLE" }]);
    let (_, statements) = fetch_page(&ana, json!({ "order": order, "first": 20 })).await;
    for plan in plans(&app, &statements[0]).await {
        let sorts = ["TEMP B-TREE", "Sort"].iter().any(|it| plan.contains(it));
        assert!(sorts, "{plan}");
        assert!(
            !is_in_index_order(env.database, &plan, "tasks_pkey"),
            "{plan}"
        );
    }
}
