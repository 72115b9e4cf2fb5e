//! Lists of tasks: filters, orders and pages, compared with the model of `listing`.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Zoned;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use super::list_model::{LIST, PRIORITIES, asked, expected, walk};
use crate::{
    harness::{App, Client, Database, TestEnv, apply, each_database},
    statement_log::statements,
};

/// The fields that the model reads. Instants are in a format that sorts as text.
const FIELDS: &str =
    "id title priority completedAt createdAt updatedAt position due { at isOverdue }";

/// The time at which the lists are read.
const NOW: &str = "2026-11-22T12:00:00Z[UTC]";

/// Creates tasks of every kind for Ana, and returns them.
async fn create_tasks(app: &App, ana: &mut Client) -> Vec<Value> {
    let titles = [
        "Milk",
        "milk 2",
        "MILK",
        "50% off",
        "50x off",
        "a_b",
        "axb",
        "back\\slash",
        "Äpfel",
        "äpfel",
        "Zebra",
        "zebra!",
        "O'Hara",
        "\"quoted\"",
        "50",
        "mi",
    ];
    let dues = [
        Value::Null,
        json!({ "date": "2026-11-21" }),
        json!({ "date": "2026-11-22" }),
        json!({ "date": "2026-11-22", "time": "12:00" }),
        json!({ "date": "2026-11-22", "time": "11:59:59" }),
        json!({ "date": "2026-11-23", "time": "00:00" }),
        json!({ "date": "2026-12-24" }),
    ];
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { code } } }";
    let complete = "mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) {
        userErrors { code } } }";
    for number in 0..48 {
        if number % 3 == 0 {
            app.advance(Duration::from_mins(30));
            *ana = app.sign_in("ana").await;
        }
        let input = json!({
            "title": titles[number % titles.len()],
            "priority": PRIORITIES[number * 7 % PRIORITIES.len()],
            "due": dues[number * 3 % dues.len()],
        });
        let created = ana.ask(create, json!({ "input": input })).await;
        assert_eq!(created["createTask"]["userErrors"], json!([]));
        if number % 4 == 1 {
            let id = &created["createTask"]["task"]["id"];
            app.advance(Duration::from_millis(1));
            ana.ask(complete, json!({ "id": id })).await;
        }
    }
    // 12:00 on the next day, which is `NOW`.
    app.advance(Duration::from_millis(
        (1_795_348_800_000 - app.now()).try_into().unwrap(),
    ));
    *ana = app.sign_in("ana").await;
    let all = format!("{{ viewer {{ tasks(first: 100) {{ nodes {{ {FIELDS} }} }} }} }}");
    let data = ana.ask(&all, json!({})).await;
    data["viewer"]["tasks"]["nodes"].as_array().unwrap().clone()
}

#[apply(each_database)]
async fn paginated_lists_match_the_in_memory_model(env: TestEnv) {
    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    ben.create_task("Milk").await;
    let all = create_tasks(&app, &mut ana).await;
    let mut ids: Vec<Value> = all.iter().take(6).map(|task| task["id"].clone()).collect();
    ids.push(json!("nonsense"));
    let mut runner = TestRunner::deterministic();
    let lists = asked(ids);
    let now: Zoned = NOW.parse().unwrap();
    for _ in 0..120 {
        let asked = lists.new_tree(&mut runner).unwrap().current();
        let (expected, counts) = expected(&all, &asked, &now);
        let (walked, counted) = walk(&ana, &asked).await;
        assert_eq!(walked, expected, "{asked:?}");
        assert_eq!(counted, counts, "{asked:?}");
    }
}

#[apply(each_database)]
async fn cursor_is_bound_to_order_and_filter(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for title in ["a", "b", "c"] {
        ana.create_task(title).await;
    }
    let by_title = json!([{ "field": "TITLE" }]);
    let variables = json!({ "first": 1, "orderBy": by_title });
    let page = ana.ask(LIST, variables).await["viewer"]["tasks"].clone();
    let cursor = &page["pageInfo"]["endCursor"];
    let same = json!({ "first": 5, "after": cursor,
        "orderBy": [{ "field": "TITLE", "direction": "ASC", "nulls": "LAST" }] });
    let rest = ana.ask(LIST, same).await;
    assert_eq!(
        rest["viewer"]["tasks"]["edges"].as_array().unwrap().len(),
        2
    );
    for other in [
        json!({ "after": cursor }),
        json!({ "before": cursor, "orderBy": [{ "field": "TITLE", "direction": "DESC" }] }),
        json!({ "after": cursor, "orderBy": by_title, "filter": { "completed": false } }),
        json!({ "after": cursor, "orderBy": [{ "field": "TITLE" }, { "field": "DUE" }] }),
        json!({ "after": "nonsense", "orderBy": by_title }),
        json!({ "after": cursor_with_title(cursor, "7"), "orderBy": by_title }),
        json!({ "after": cursor_with_title(cursor, "null"), "orderBy": by_title }),
        json!({ "after": cursor_with_title(cursor, "\"a\\u0000\""), "orderBy": by_title }),
    ] {
        let reply = ana.send(LIST, other.clone()).await;
        assert_eq!(reply.code(), "INVALID_CURSOR", "{other}");
    }
}

/// Returns the cursor of the task `a` with its title replaced by the JSON text `other`.
fn cursor_with_title(cursor: &Value, other: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.as_str().unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("[\"a\","), "{text}");
    URL_SAFE_NO_PAD.encode(text.replacen("\"a\"", other, 1))
}

/// A cursor preserves the type of a title that looks like another JSON value or an id.
#[apply(each_database)]
async fn numeric_and_id_like_titles_paginate_as_text(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let titles = ["0188bac7-4afa-78aa-bc3b-bd1eef28d881", "7", "null", "[]"];
    let mut ids = Vec::new();
    for title in titles {
        ids.push(json!(ana.create_task(title).await));
    }
    let asked = (json!({}), vec![json!({ "field": "TITLE" })], 1, false);
    let walked = walk(&ana, &asked).await.0;
    let expected: Vec<_> = [0, 1, 3, 2].iter().map(|&at| ids[at].clone()).collect();
    assert_eq!(walked, expected);
}

#[apply(each_database)]
async fn pagination_continues_across_inserts_and_deletes(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d", "e"] {
        ids.push(ana.create_task(title).await);
    }
    let by_title = json!([{ "field": "TITLE" }]);
    let page = ana
        .ask(LIST, json!({ "first": 2, "orderBy": by_title }))
        .await["viewer"]["tasks"]
        .clone();
    assert_eq!(page["edges"][1]["node"]["id"], ids[1]);
    // The task of the cursor and the first of the next page are deleted, and two tasks are created.
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { userErrors { code } } }";
    for id in [&ids[1], &ids[2]] {
        ana.ask(delete, json!({ "id": id })).await;
    }
    ana.create_task("aa").await;
    let between = ana.create_task("bb").await;
    let next = json!({ "first": 9, "orderBy": by_title, "after": page["pageInfo"]["endCursor"] });
    let next = ana.ask(LIST, next).await["viewer"]["tasks"].clone();
    let found: Vec<&Value> = next["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| &edge["node"]["id"])
        .collect();
    assert_eq!(found, [&json!(between), &json!(ids[3]), &json!(ids[4])]);
}

#[apply(each_database)]
async fn excessive_filter_is_rejected_with_a_hint(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut deep = json!({ "completed": true });
    for _ in 0..5 {
        deep = json!({ "not": deep });
    }
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for (filter, says) in [
        (deep, "fewer levels"),
        (json!({ "title": { "in": many } }), "Use fewer"),
        (json!({ "id": { "nin": many } }), "Use fewer"),
        (json!({ "or": vec![json!({}); 100] }), "Use fewer"),
        (
            json!({ "title": { "contains": "x".repeat(501) } }),
            "500 characters",
        ),
        (json!({ "title": { "eq": "a\0b" } }), "U+0000"),
        (json!({ "due": { "lt": "P9000Y" } }), "years 1 to 9998"),
    ] {
        let reply = ana.send(LIST, json!({ "filter": filter })).await;
        let errors = reply.body["errors"].as_array().unwrap();
        for error in errors {
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{error}");
            assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        }
        assert!(!errors.is_empty());
    }
    let keys = vec![json!({ "field": "TITLE" }); 8];
    let reply = ana.send(LIST, json!({ "orderBy": keys })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT");
}

#[apply(each_database)]
async fn list_fields_equal_single_task_fields(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { code } } }";
    let input = json!({ "title": "Milk", "description": "Oat", "priority": "HIGH",
        "due": { "date": "2026-11-23", "time": "09:30", "timeZone": "Europe/Vienna" } });
    let created = ana.ask(create, json!({ "input": input })).await;
    let id = &created["createTask"]["task"]["id"];
    app.advance(Duration::from_secs(1));
    let complete = "mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) {
        userErrors { code } } }";
    ana.ask(complete, json!({ "id": id })).await;

    let about = r#"{ __type(name: "Task") { fields { name } } }"#;
    let about = ana.ask(about, json!({})).await;
    let fields = about["__type"]["fields"].as_array().unwrap();
    assert!(fields.len() > 10, "{fields:?}");
    for field in fields {
        let field = match field["name"].as_str().unwrap() {
            "due" => "due { date time timeZone at isOverdue }",
            name => name,
        };
        let one = format!("query ($id: ID!) {{ viewer {{ task(id: $id) {{ {field} }} }} }}");
        let expected = ana.ask(&one, json!({ "id": id })).await["viewer"]["task"].clone();
        for order in [
            "[]",
            "[{ field: POSITION }]",
            "[{ field: TITLE }]",
            "[{ field: DUE }]",
        ] {
            for (list, pointer) in [
                (format!("nodes {{ {field} }}"), "/nodes/0"),
                (format!("edges {{ node {{ {field} }} }}"), "/edges/0/node"),
                (
                    format!("nodes {{ ... on Node {{ ... on Task {{ {field} }} }} }}"),
                    "/nodes/0",
                ),
                ("nodes { ...F }".to_owned(), "/nodes/0"),
                (
                    format!("nodes {{ __typename }} nodes {{ {field} }}"),
                    "/nodes/0",
                ),
                (format!("all: nodes {{ {field} }}"), "/all/0"),
                (
                    format!("edges {{ cursor }} edges {{ node {{ {field} }} }}"),
                    "/edges/0/node",
                ),
            ] {
                let query = format!(
                    "{{ viewer {{ tasks(orderBy: {order}) {{ ...L }} }} }}
                     fragment L on TaskConnection {{ {list} pageInfo {{ endCursor }} ...M }}
                     fragment M on TaskConnection {{ x: nodes {{ ...F }} }}
                     fragment F on Task {{ {field} }}"
                );
                let data = ana.ask(&query, json!({})).await;
                let shown = data["viewer"]["tasks"].pointer(pointer).unwrap();
                for (name, value) in expected.as_object().unwrap() {
                    assert_eq!(&shown[name], value, "{query}");
                }
            }
            // Two selections of one list are merged.
            let twice = format!(
                "{{ viewer {{ tasks(orderBy: {order}) {{ nodes {{ __typename }} }} }}
                    viewer {{ tasks(orderBy: {order}) {{ nodes {{ {field} }} }} }} }}"
            );
            let data = ana.ask(&twice, json!({})).await;
            let shown = &data["viewer"]["tasks"]["nodes"][0];
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&shown[name], value, "{twice}");
            }
        }
    }
}

#[apply(each_database)]
async fn task_lookups_are_batched_into_one_statement(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(ana.create_task(&format!("Task {number}")).await);
    }
    ids.push(ben.create_task("Ben's").await);
    let fields = ids.iter().enumerate();
    let fields = fields.map(|(at, id)| format!("t{at}: task(id: \"{id}\") {{ title }}"));
    let query = format!("{{ viewer {{ {} }} }}", fields.collect::<String>());
    let (data, sent) = statements(ana.ask(&query, json!({}))).await;
    for number in 0..10 {
        let title = &data["viewer"][format!("t{number}")]["title"];
        assert_eq!(*title, format!("Task {number}"));
    }
    assert_eq!(data["viewer"]["t10"], Value::Null);
    let of_tasks = sent.iter().filter(|sql| sql.contains("FROM \"tasks\""));
    let expected = match app.env.database {
        // SQLite runs in the process, without round trips.
        Database::Sqlite => ids.len(),
        Database::Postgresql => 1,
    };
    assert_eq!(of_tasks.count(), expected, "{sent:#?}");
}
