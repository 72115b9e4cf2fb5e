//! Lists of tasks: filters, orders and pages, against a model that sorts in memory.

use std::{cmp::Ordering, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{
    collection::vec, option, prelude::*, sample::select, strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use crate::harness::{App, Client};

/// What the server says of a task is what the model knows of it: its moments are written so that their
/// texts order as they do.
const FIELDS: &str =
    "id title priority completedAt createdAt updatedAt position due { at isOverdue }";

const PRIORITIES: [&str; 5] = ["NONE", "LOW", "MEDIUM", "HIGH", "URGENT"];

/// What it is when lists are read.
const TODAY: &str = "2026-11-22";
const NOW: &str = "2026-11-22T12:00:00.000Z";

/// Ana's tasks, of every kind.
async fn tasks(app: &App, ana: &mut Client) -> Vec<Value> {
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
        json!({ "date": TODAY }),
        json!({ "date": TODAY, "time": "12:00" }),
        json!({ "date": TODAY, "time": "11:59:59" }),
        json!({ "date": "2026-11-23", "time": "00:00" }),
        json!({ "date": "2026-12-24" }),
    ];
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { code } } }";
    let complete = "mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) {
        userErrors { code } } }";
    for number in 0..48 {
        if number % 3 == 0 {
            app.pass(Duration::from_mins(30));
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
            app.pass(Duration::from_millis(1));
            ana.ask(complete, json!({ "id": id })).await;
        }
    }
    // Noon of the day after.
    app.pass(Duration::from_millis(
        (1_795_348_800_000 - app.now()).try_into().unwrap(),
    ));
    *ana = app.sign_in("ana").await;
    let all = format!("{{ viewer {{ tasks(first: 100) {{ nodes {{ {FIELDS} }} }} }} }}");
    let data = ana.ask(&all, json!({})).await;
    data["viewer"]["tasks"]["nodes"].as_array().unwrap().clone()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn time<'a>(task: &'a Value, field: &str) -> Option<&'a str> {
    match field {
        "due" => text(&task["due"]["at"]),
        field => text(&task[field]),
    }
}

/// The first and the last millisecond of what a filter names.
fn interval(moment: &str) -> (String, String) {
    let day = if moment.contains('P') {
        let span: jiff::Span = moment.parse().unwrap();
        let today: jiff::civil::Date = TODAY.parse().unwrap();
        today.checked_add(span).unwrap().to_string()
    } else {
        moment.to_owned()
    };
    if day.contains('T') {
        return (day.clone(), day);
    }
    (
        format!("{day}T00:00:00.000Z"),
        format!("{day}T23:59:59.999Z"),
    )
}

fn compares(time: Option<&str>, operator: &str, value: &Value) -> bool {
    if operator == "null" {
        return time.is_none() == value.as_bool().unwrap();
    }
    let (first, last) = interval(value.as_str().unwrap());
    let (first, last) = (first.as_str(), last.as_str());
    let Some(time) = time else {
        return operator == "neq";
    };
    match operator {
        "eq" => first <= time && time <= last,
        "neq" => time < first || last < time,
        "lt" => time < first,
        "lte" => time <= last,
        "gt" => last < time,
        "gte" => first <= time,
        other => panic!("{other}"),
    }
}

fn matches(title: &str, operator: &str, value: &Value) -> bool {
    let title = title.to_lowercase();
    let fold = |value: &Value| value.as_str().unwrap().to_lowercase();
    let any = |value: &Value| value.as_array().unwrap().iter().any(|it| fold(it) == title);
    match operator {
        "eq" => title == fold(value),
        "neq" => title != fold(value),
        "in" => any(value),
        "nin" => !any(value),
        "contains" => title.contains(&fold(value)),
        "startsWith" => title.starts_with(&fold(value)),
        "endsWith" => title.ends_with(&fold(value)),
        other => panic!("{other}"),
    }
}

fn rank(priority: &Value) -> usize {
    let name = priority.as_str().unwrap();
    PRIORITIES.iter().position(|it| *it == name).unwrap()
}

fn is_of_rank(priority: usize, operator: &str, value: &Value) -> bool {
    let any = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .any(|it| rank(it) == priority)
    };
    match operator {
        "eq" => priority == rank(value),
        "neq" => priority != rank(value),
        "in" => any(value),
        "nin" => !any(value),
        "gte" => priority >= rank(value),
        "lte" => priority <= rank(value),
        other => panic!("{other}"),
    }
}

/// What a filter means, said once more.
fn passes(task: &Value, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(field, value)| {
        let all = |test: &dyn Fn(&str, &Value) -> bool| {
            let operators = value.as_object().unwrap();
            operators
                .iter()
                .all(|(operator, value)| test(operator, value))
        };
        let each = || value.as_array().unwrap().iter();
        let is_done = task["completedAt"] != Value::Null;
        match field.as_str() {
            "and" => each().all(|filter| passes(task, filter)),
            "or" => each().any(|filter| passes(task, filter)),
            "not" => !passes(task, value),
            "completed" => is_done == value.as_bool().unwrap(),
            "overdue" => {
                let at = time(task, "due");
                let is_overdue = !is_done && at.is_some_and(|at| at < NOW);
                is_overdue == value.as_bool().unwrap()
            }
            "title" => {
                all(&|operator, value| matches(task["title"].as_str().unwrap(), operator, value))
            }
            "priority" => {
                all(&|operator, value| is_of_rank(rank(&task["priority"]), operator, value))
            }
            "id" => all(&|operator, value| {
                let id = &task["id"];
                match operator {
                    "eq" => value == id,
                    "neq" => value != id,
                    "in" => value.as_array().unwrap().contains(id),
                    "nin" => !value.as_array().unwrap().contains(id),
                    other => panic!("{other}"),
                }
            }),
            field => all(&|operator, value| compares(time(task, field), operator, value)),
        }
    })
}

fn order_by(order: &[Value], a: &Value, b: &Value) -> Ordering {
    let flip = |is_descending, ordering: Ordering| {
        if is_descending {
            ordering.reverse()
        } else {
            ordering
        }
    };
    let mut last = true;
    for by in order {
        let is_descending = by["direction"] == "DESC";
        last = is_descending;
        let nulls = |a: Option<&str>, b: Option<&str>| match (a, b) {
            (Some(a), Some(b)) => flip(is_descending, a.cmp(b)),
            (a, b) => flip(by["nulls"] == "FIRST", a.is_none().cmp(&b.is_none())),
        };
        let ordering = match by["field"].as_str().unwrap() {
            "POSITION" => flip(
                is_descending,
                text(&a["position"]).cmp(&text(&b["position"])),
            ),
            "CREATED_AT" => flip(is_descending, text(&a["id"]).cmp(&text(&b["id"]))),
            "UPDATED_AT" => flip(
                is_descending,
                text(&a["updatedAt"]).cmp(&text(&b["updatedAt"])),
            ),
            "PRIORITY" => flip(
                is_descending,
                rank(&a["priority"]).cmp(&rank(&b["priority"])),
            ),
            "TITLE" => {
                let title = |task: &Value| task["title"].as_str().unwrap().to_lowercase();
                flip(is_descending, title(a).cmp(&title(b)))
            }
            "COMPLETED_AT" => nulls(time(a, "completedAt"), time(b, "completedAt")),
            "DUE" => nulls(time(a, "due"), time(b, "due")),
            other => panic!("{other}"),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    flip(last, text(&a["id"]).cmp(&text(&b["id"])))
}

/// A list that is asked for: its filter, its order, the size of its pages, and whether from its end.
type Asked = (Value, Vec<Value>, usize, bool);

fn asked(ids: Vec<Value>) -> impl Strategy<Value = Asked> {
    (filter(ids), vec(order(), 0..4), 1_usize..9, any::<bool>())
}

fn order() -> impl Strategy<Value = Value> {
    let fields = [
        "POSITION",
        "CREATED_AT",
        "UPDATED_AT",
        "COMPLETED_AT",
        "DUE",
        "PRIORITY",
        "TITLE",
    ];
    (select(fields.to_vec()), any::<bool>(), any::<bool>()).prop_map(|(field, descends, first)| {
        json!({
            "field": field,
            "direction": if descends { "DESC" } else { "ASC" },
            "nulls": if first { "FIRST" } else { "LAST" },
        })
    })
}

fn filter(ids: Vec<Value>) -> impl Strategy<Value = Value> {
    let texts = select(vec![
        "milk", "MI", "%", "_", "50%", "\\", "ä", "Ä", "", "off", "ebr", "'", "\"",
    ]);
    let of_text = (
        select(vec!["eq", "neq", "contains", "startsWith", "endsWith"]),
        texts.clone(),
    );
    let text = of_text.prop_map(|(operator, text)| json!({ "title": { operator: text } }));
    let some_texts = (select(vec!["in", "nin"]), vec(texts, 0..4))
        .prop_map(|(operator, texts)| json!({ "title": { operator: texts } }));
    let priority = (
        select(vec!["eq", "neq", "gte", "lte"]),
        select(PRIORITIES.to_vec()),
    )
        .prop_map(|(operator, priority)| json!({ "priority": { operator: priority } }));
    let some_priorities = (
        select(vec!["in", "nin"]),
        vec(select(PRIORITIES.to_vec()), 0..3),
    )
        .prop_map(|(operator, priorities)| json!({ "priority": { operator: priorities } }));
    let moments = select(vec![
        "P0D",
        "-P1D",
        "P1M",
        "2026-11-21",
        "2026-11-23",
        "2026-11-22T12:00:00.000Z",
        "2026-11-21T23:59:59.999Z",
        "2026-11-21T14:30:00.001Z",
    ]);
    let times = (
        select(vec!["due", "createdAt", "updatedAt", "completedAt"]),
        select(vec!["eq", "neq", "lt", "lte", "gt", "gte"]),
        moments,
        option::of(any::<bool>()),
    )
        .prop_map(|(field, operator, moment, is_null)| match is_null {
            Some(is_null) => json!({ field: { operator: moment, "null": is_null } }),
            None => json!({ field: { operator: moment } }),
        });
    let flag = (select(vec!["completed", "overdue"]), any::<bool>())
        .prop_map(|(field, is)| json!({ field: is }));
    let one_id = (select(vec!["eq", "neq"]), select(ids.clone()))
        .prop_map(|(operator, id)| json!({ "id": { operator: id } }));
    let some_ids = (select(vec!["in", "nin"]), vec(select(ids), 0..5))
        .prop_map(|(operator, ids)| json!({ "id": { operator: ids } }));
    let leaf = prop_oneof![
        Just(json!({})),
        text,
        some_texts,
        priority,
        some_priorities,
        times,
        flag,
        one_id,
        some_ids,
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|each| json!({ "and": each })),
            vec(inner.clone(), 0..3).prop_map(|each| json!({ "or": each })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            (inner.clone(), inner).prop_map(|(not, any)| json!({ "not": not, "or": [any] })),
        ]
    })
}

const LIST: &str =
    "query ($first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter,
        $orderBy: [TaskOrder!]) {
    viewer { tasks(first: $first, after: $after, last: $last, before: $before, filter: $filter,
        orderBy: $orderBy) { edges { cursor node { id } } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
      taskCounts(filter: $filter) { total open completed overdue dueToday } } }";

/// Walks the pages, and gives the ids in the order of the list, with what is counted.
async fn walk(client: &Client, (filter, order, size, from_end): &Asked) -> (Vec<Value>, Value) {
    let mut ids: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let (count, beyond, more) = if *from_end {
            ("last", "before", "hasPreviousPage")
        } else {
            ("first", "after", "hasNextPage")
        };
        let variables = json!({ count: size, beyond: cursor, "filter": filter, "orderBy": order });
        let data = client.ask(LIST, variables).await;
        let list = &data["viewer"]["tasks"];
        let edges = list["edges"].as_array().unwrap();
        assert!(edges.len() <= *size);
        let page = edges.iter().map(|edge| edge["node"]["id"].clone());
        if *from_end {
            ids.splice(0..0, page);
        } else {
            ids.extend(page);
        }
        if list["pageInfo"][more] == json!(false) {
            assert_eq!(list["totalCount"], ids.len());
            return (ids, data["viewer"]["taskCounts"].clone());
        }
        let end = if *from_end {
            "startCursor"
        } else {
            "endCursor"
        };
        cursor = list["pageInfo"][end].clone();
    }
}

#[tokio::test]
async fn pages_of_any_filter_and_order_walked_either_way_have_each_task_once_as_sorted_in_memory() {
    let app = app!();
    let mut ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    ben.create_task("Milk").await;
    let all = tasks(&app, &mut ana).await;
    let mut ids: Vec<Value> = all.iter().take(6).map(|task| task["id"].clone()).collect();
    ids.push(json!("nonsense"));
    let mut runner = TestRunner::deterministic();
    let lists = asked(ids);
    for _ in 0..120 {
        let asked = lists.new_tree(&mut runner).unwrap().current();
        let mut expected: Vec<&Value> = all.iter().filter(|it| passes(it, &asked.0)).collect();
        let newest = [json!({ "field": "CREATED_AT", "direction": "DESC" })];
        let order = if asked.1.is_empty() {
            &newest[..]
        } else {
            &asked.1
        };
        expected.sort_by(|a, b| order_by(order, a, b));
        let count = |test: &dyn Fn(&Value) -> bool| expected.iter().filter(|it| test(it)).count();
        let is_open = |task: &Value| task["completedAt"] == Value::Null;
        let is_due_today = |task: &Value| compares(time(task, "due"), "eq", &json!("P0D"));
        let counts = json!({
            "total": expected.len(),
            "open": count(&is_open),
            "completed": expected.len() - count(&is_open),
            "overdue": count(&|task| task["due"]["isOverdue"] == json!(true)),
            "dueToday": count(&|task| is_open(task) && is_due_today(task)),
        });
        let expected: Vec<Value> = expected.iter().map(|task| task["id"].clone()).collect();
        let (walked, counted) = walk(&ana, &asked).await;
        assert_eq!(walked, expected, "{asked:?}");
        assert_eq!(counted, counts, "{asked:?}");
    }
}

#[tokio::test]
async fn a_cursor_is_of_one_order_and_one_filter() {
    let app = app!();
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
        json!({ "after": forged(cursor, "7"), "orderBy": by_title }),
        json!({ "after": forged(cursor, "null"), "orderBy": by_title }),
        json!({ "after": forged(cursor, "\"a\\u0000\""), "orderBy": by_title }),
        json!({ "after": "", "orderBy": by_title }),
    ] {
        let reply = ana.send(LIST, other.clone()).await;
        assert_eq!(reply.code(), "INVALID_CURSOR", "{other}");
    }
}

/// The cursor of the task `a` with another thing in its title's place.
fn forged(cursor: &Value, other: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.as_str().unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("[\"a\","), "{text}");
    URL_SAFE_NO_PAD.encode(text.replacen("\"a\"", other, 1))
}

/// What is text stays text, whatever it looks like.
#[tokio::test]
async fn titles_that_look_like_numbers_and_ids_are_walked_like_others() {
    let app = app!();
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

#[tokio::test]
async fn pages_follow_each_other_while_tasks_come_and_go() {
    let app = app!();
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
    // The task that the cursor was made of, and the first of the next page; and two come.
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

#[tokio::test]
async fn a_filter_that_is_too_much_is_refused_with_what_to_do() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let mut deep = json!({ "completed": true });
    for _ in 0..5 {
        deep = json!({ "not": deep });
    }
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for (filter, says) in [
        (deep, "flatter"),
        (json!({ "title": { "in": many } }), "less"),
        (json!({ "id": { "nin": many } }), "less"),
        (json!({ "or": vec![json!({}); 100] }), "less"),
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

#[tokio::test]
async fn each_field_of_a_list_shows_what_it_shows_of_one_task_however_it_is_asked_for() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { code } } }";
    let input = json!({ "title": "Milk", "description": "Oat", "priority": "HIGH",
        "due": { "date": "2026-11-23", "time": "09:30", "timeZone": "Europe/Vienna" } });
    let created = ana.ask(create, json!({ "input": input })).await;
    let id = &created["createTask"]["task"]["id"];
    app.pass(Duration::from_secs(1));
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
            // The same list twice is one.
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
