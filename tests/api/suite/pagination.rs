//! Tests of pagination, and of objects found by their ids.

use serde_json::{Value, json};

use crate::harness::{Client, TestEnv, apply, each_database};

const PAGE: &str = "query ($first: Int, $after: String, $last: Int, $before: String) {
    viewer { tasks(first: $first, after: $after, last: $last, before: $before) {
      nodes { title } edges { cursor node { title } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } } }";

async fn page(client: &Client, arguments: Value) -> Value {
    client.ask(PAGE, arguments).await["viewer"]["tasks"].clone()
}

fn titles(page: &Value) -> Vec<&str> {
    let nodes = page["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["title"].as_str().unwrap())
        .collect()
}

async fn with_tasks(client: &Client, count: usize) {
    for number in 1..=count {
        client.create_task(&number.to_string()).await;
    }
}

#[apply(each_database)]
async fn forward_pages_are_newest_first(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    with_tasks(&ana, 5).await;
    let one = page(&ana, json!({ "first": 2 })).await;
    assert_eq!(titles(&one), ["5", "4"]);
    assert_eq!(one["totalCount"], 5);
    assert_eq!(one["pageInfo"]["hasNextPage"], true);
    assert_eq!(one["pageInfo"]["hasPreviousPage"], false);
    assert_eq!(one["pageInfo"]["startCursor"], one["edges"][0]["cursor"]);
    assert_eq!(one["pageInfo"]["endCursor"], one["edges"][1]["cursor"]);
    let two = page(
        &ana,
        json!({ "first": 2, "after": one["pageInfo"]["endCursor"] }),
    )
    .await;
    assert_eq!(titles(&two), ["3", "2"]);
    assert_eq!(two["pageInfo"]["hasPreviousPage"], true);
    let three = page(
        &ana,
        json!({ "first": 2, "after": two["pageInfo"]["endCursor"] }),
    )
    .await;
    assert_eq!(titles(&three), ["1"]);
    assert_eq!(three["pageInfo"]["hasNextPage"], false);
    assert_eq!(three["totalCount"], 5);
}

#[apply(each_database)]
async fn backward_pages_keep_the_forward_order(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    with_tasks(&ana, 5).await;
    let last = page(&ana, json!({ "last": 2 })).await;
    assert_eq!(titles(&last), ["2", "1"]);
    assert_eq!(last["pageInfo"]["hasPreviousPage"], true);
    assert_eq!(last["pageInfo"]["hasNextPage"], false);
    let before = page(
        &ana,
        json!({ "last": 3, "before": last["pageInfo"]["startCursor"] }),
    )
    .await;
    assert_eq!(titles(&before), ["5", "4", "3"]);
    assert_eq!(before["pageInfo"]["hasPreviousPage"], false);
    assert_eq!(before["pageInfo"]["hasNextPage"], true);
    let between = page(
        &ana,
        json!({ "after": before["edges"][0]["cursor"], "before": last["edges"][1]["cursor"] }),
    )
    .await;
    assert_eq!(titles(&between), ["4", "3", "2"]);
}

#[apply(each_database)]
async fn pages_are_stable_while_tasks_change(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    with_tasks(&ana, 4).await;
    let one = page(&ana, json!({ "first": 2 })).await;
    ana.create_task("5").await;
    let query = "{ viewer { tasks(first: 2) { nodes { id title } } } }";
    let newest = ana.ask(query, json!({})).await["viewer"]["tasks"]["nodes"].clone();
    assert_eq!(newest[1]["title"], "4");
    // The task that the cursor points to is deleted.
    let three = "{ viewer { tasks(first: 3) { nodes { id title } } } }";
    let cursor_task = ana.ask(three, json!({})).await["viewer"]["tasks"]["nodes"][2].clone();
    assert_eq!(cursor_task["title"], "3");
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": cursor_task["id"] })).await;
    let two = page(
        &ana,
        json!({ "first": 2, "after": one["pageInfo"]["endCursor"] }),
    )
    .await;
    assert_eq!(titles(&two), ["2", "1"]);
}

#[apply(each_database)]
async fn empty_page_has_no_cursors(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let empty = page(&ana, json!({})).await;
    assert_eq!(
        empty,
        json!({ "nodes": [], "edges": [], "totalCount": 0, "pageInfo": {
            "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null } })
    );
}

#[apply(each_database)]
async fn page_has_50_tasks_by_default_and_at_most_100(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    with_tasks(&ana, 51).await;
    let default = page(&ana, json!({})).await;
    assert_eq!(titles(&default).len(), 50);
    assert_eq!(default["pageInfo"]["hasNextPage"], true);
    assert_eq!(titles(&page(&ana, json!({ "first": 100 })).await).len(), 51);
    for arguments in [
        json!({ "first": 0 }),
        json!({ "first": -1 }),
        json!({ "first": 101 }),
        json!({ "last": 0 }),
        json!({ "last": 101 }),
        json!({ "first": 1, "last": 1 }),
        json!({ "first": 2_147_483_648_i64 }),
    ] {
        let reply = ana.send(PAGE, arguments.clone()).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{arguments}: {reply:?}");
    }
}

#[apply(each_database)]
async fn invalid_cursor_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for cursor in [
        " ",
        "x",
        "dGFza18x",
        "task_01h2xcejqtf2nbrexx3vqjhp41",
        "' OR 1=1 --",
    ] {
        for arguments in [
            json!({ "after": cursor }),
            json!({ "last": 1, "before": cursor }),
        ] {
            let reply = ana.send(PAGE, arguments).await;
            assert_eq!(reply.code(), "INVALID_CURSOR", "{cursor}");
        }
    }
}

#[apply(each_database)]
async fn empty_cursor_equals_null(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for title in ["one", "two", "three"] {
        ana.create_task(title).await;
    }
    for (empty, none) in [
        (json!({ "first": 2, "after": "" }), json!({ "first": 2 })),
        (json!({ "last": 2, "before": "" }), json!({ "last": 2 })),
        (json!({ "after": "", "before": "" }), json!({})),
    ] {
        let page = ana.ask(PAGE, empty.clone()).await;
        assert_eq!(page, ana.ask(PAGE, none).await, "{empty}");
    }
    let lists = "{ viewer { sessions(after: \"\") { nodes { id } }
        securityEvents(after: \"\") { nodes { id } }
        tasks(after: \"\") { nodes { title } pageInfo { hasPreviousPage } } } }";
    let viewer = &ana.ask(lists, json!({})).await["viewer"];
    assert_eq!(viewer["sessions"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(viewer["tasks"]["pageInfo"]["hasPreviousPage"], false);
}

#[apply(each_database)]
async fn nodes_are_found_by_id_in_the_order_of_the_ids(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let task = ana.create_task("Buy milk").await;
    let me = ana
        .ask("{ viewer { id currentSession { id } } }", json!({}))
        .await["viewer"]
        .clone();
    let absent = "task_01h2xcejqtf2nbrexx3vqjhp41";
    let ids = json!([
        me["currentSession"]["id"],
        absent,
        task,
        me["id"],
        "x",
        "",
        task
    ]);
    let data = ana
        .ask(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
               ... on Task { title } ... on User { email } ... on Session { isCurrent } } }",
            json!({ "ids": ids }),
        )
        .await;
    assert_eq!(
        data["nodes"],
        json!([
            { "__typename": "Session", "id": me["currentSession"]["id"], "isCurrent": true },
            null,
            { "__typename": "Task", "id": task, "title": "Buy milk" },
            { "__typename": "User", "id": me["id"], "email": "ana@example.com" },
            null,
            null,
            { "__typename": "Task", "id": task, "title": "Buy milk" },
        ])
    );
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    assert_eq!(
        ana.ask(node, json!({ "id": task })).await["node"]["id"],
        task
    );
    assert_eq!(
        ana.ask(node, json!({ "id": absent })).await["node"],
        Value::Null
    );
}

#[apply(each_database)]
async fn nodes_accepts_at_most_100_ids(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let data = ana.ask(query, json!({ "ids": vec!["x"; 100] })).await;
    assert_eq!(data["nodes"].as_array().unwrap().len(), 100);
    let reply = ana.send(query, json!({ "ids": vec!["x"; 101] })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT");
}
