//! Tests of the manual order: places and moves tasks, and compares them with a list of ids.

use futures_util::future::join_all;
use proptest::{prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

use super::streams::TASK_CHANGES;
use crate::harness::{Client, TestEnv, apply, each_database};

const MOVE: &str = "mutation ($input: MoveTaskInput!) { moveTask(input: $input) {
    task { id version position } userErrors { code path } } }";

async fn place(client: &Client, id: &str, placement: Value) -> Value {
    let input = json!({ "id": id, "placement": placement });
    client.ask(MOVE, json!({ "input": input })).await["moveTask"].clone()
}

async fn create(client: &Client, placement: Value) -> String {
    let document = "mutation ($placement: PlacementInput) { createTask(input: { title: \"x\",
        placement: $placement }) { task { id } userErrors { code } } }";
    let data = client
        .ask(document, json!({ "placement": placement }))
        .await;
    let task = &data["createTask"]["task"]["id"];
    task.as_str().unwrap_or_else(|| panic!("{data}")).to_owned()
}

/// Returns the ids in the manual order, and the length of the longest position.
async fn order(client: &Client) -> (Vec<String>, usize) {
    let (mut ids, mut longest, mut after) = (Vec::new(), 0, Value::Null);
    loop {
        let page = "query ($after: String) { viewer { tasks(first: 100, after: $after,
            orderBy: [{ field: POSITION }]) { nodes { id position }
            pageInfo { hasNextPage endCursor } } } }";
        let data = client.ask(page, json!({ "after": after })).await;
        let tasks = &data["viewer"]["tasks"];
        for task in tasks["nodes"].as_array().unwrap() {
            ids.push(task["id"].as_str().unwrap().to_owned());
            longest = longest.max(task["position"].as_str().unwrap().len());
        }
        if tasks["pageInfo"]["hasNextPage"] == json!(false) {
            return (ids, longest);
        }
        after = tasks["pageInfo"]["endCursor"].clone();
    }
}

#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    Last,
    Before(Index),
    After(Index),
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::First),
        Just(Place::Last),
        any::<Index>().prop_map(Place::Before),
        any::<Index>().prop_map(Place::After),
    ]
}

/// Inserts the id into the list, and returns the `PlacementInput` of the same place.
fn insert_into(list: &mut Vec<String>, id: String, place: Place) -> Value {
    let beside = |index: Index| index.get(list).clone();
    let (at, placement) = match place {
        _ if list.is_empty() => (0, json!({ "edge": "FIRST" })),
        Place::First => (0, json!({ "edge": "FIRST" })),
        Place::Last => (list.len(), json!({ "edge": "LAST" })),
        Place::Before(it) => (it.index(list.len()), json!({ "before": beside(it) })),
        Place::After(it) => (it.index(list.len()) + 1, json!({ "after": beside(it) })),
    };
    list.insert(at, id);
    placement
}

#[apply(each_database)]
async fn tasks_are_ordered_as_placed_and_moved(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    ben.create_task("Ben's").await;
    let mut runner = TestRunner::deterministic();
    let (places, indexes) = (any_place(), any::<Index>());
    let mut list = Vec::new();
    for _ in 0..20 {
        let at = places.new_tree(&mut runner).unwrap().current();
        let placement = insert_into(&mut list, String::new(), at);
        let made = create(&ana, placement).await;
        *list.iter_mut().find(|id| id.is_empty()).unwrap() = made;
    }
    assert_eq!(order(&ana).await.0, list);
    for _ in 0..60 {
        let from = indexes.new_tree(&mut runner).unwrap().current();
        let id = list.remove(from.index(list.len()));
        let at = places.new_tree(&mut runner).unwrap().current();
        let placement = insert_into(&mut list, id.clone(), at);
        let moved = place(&ana, &id, placement.clone()).await;
        assert_eq!(moved["userErrors"], json!([]), "{placement}");
        assert_eq!(order(&ana).await.0, list, "{id} to {placement}");
    }
}

#[apply(each_database)]
async fn move_writes_one_row_and_no_op_move_writes_none(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d"] {
        ids.push(ana.create_task(title).await);
    }
    let versions = "SELECT CAST(version AS BIGINT) FROM tasks ORDER BY id";
    for (placement, version) in [
        (json!({ "after": ids[1] }), 1),
        (json!({ "before": ids[3] }), 1),
        (json!({ "before": ids[0] }), 2),
        (json!({ "edge": "FIRST" }), 2),
        (json!({ "before": ids[0] }), 2),
        (json!({ "edge": "LAST" }), 3),
        (json!({ "after": ids[3] }), 3),
    ] {
        let moved = place(&ana, &ids[2], placement.clone()).await;
        assert_eq!(moved["task"]["version"], version, "{placement}");
        assert_eq!(app.sql(versions).await, [1, 1, version, 1]);
    }
    assert_eq!(app.sql("SELECT seq FROM change_logs").await, [6]);

    let stale = json!({ "id": ids[2], "ifVersion": 1, "placement": { "edge": "FIRST" } });
    let refused = ana.ask(MOVE, json!({ "input": stale })).await["moveTask"].clone();
    assert_eq!(refused["userErrors"][0]["code"], "VERSION_CONFLICT");
    assert_eq!(refused["task"]["version"], 3);
}

#[apply(each_database)]
async fn placement_requires_exactly_one_own_target(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let id = ana.create_task("a").await;
    let of_ben = ben.create_task("b").await;
    for beside in [
        of_ben.as_str(),
        "nonsense",
        "task_01h2xcejqtf2nbrexx3vqjhp41",
        &id,
    ] {
        for placement in [json!({ "before": beside }), json!({ "after": beside })] {
            let refused = place(&ana, &id, placement).await;
            assert_eq!(
                refused["userErrors"],
                json!([{ "code": "NOT_FOUND", "path": ["input", "placement"] }])
            );
        }
    }
    let foreign = place(&ana, &of_ben, json!({ "edge": "FIRST" })).await;
    assert_eq!(
        foreign["userErrors"],
        json!([{ "code": "NOT_FOUND", "path": ["input", "id"] }])
    );
    for placement in [
        json!({}),
        json!({ "before": id, "edge": "FIRST" }),
        json!(null),
    ] {
        let input = json!({ "id": id, "placement": placement });
        let reply = ana.send(MOVE, json!({ "input": input })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{placement}");
    }
}

/// Moves tasks into one gap from both sides. Positions stay short, because neighbours are
/// rebalanced, which changes their versions too.
#[apply(each_database)]
async fn positions_stay_short_after_many_moves_into_one_gap(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut list = Vec::new();
    for number in 0..60 {
        list.push(ana.create_task(&number.to_string()).await);
    }
    let (low, high) = (list[0].clone(), list[59].clone());
    for round in 0..500 {
        let id = list[list.len() - 2].clone();
        list.retain(|other| *other != id);
        let placement = if round < 450 {
            list.insert(1, id.clone());
            json!({ "after": low })
        } else {
            let above = list[2].clone();
            list.insert(2, id.clone());
            json!({ "before": above })
        };
        let moved = place(&ana, &id, placement).await;
        assert_eq!(moved["userErrors"], json!([]));
        assert!(moved["task"]["position"].as_str().unwrap().len() <= 64);
    }
    let (ids, longest) = order(&ana).await;
    assert_eq!(ids, list);
    assert_eq!(ids.last(), Some(&high));
    assert!(longest <= 64, "{longest}");
    // Some neighbours have been rebalanced.
    let versions = "SELECT CAST(SUM(version) AS BIGINT) FROM tasks";
    assert!(app.sql(versions).await[0] > 60 + 500);
    // Each task has a change number of its own.
    let numbers = app.sql("SELECT COUNT(DISTINCT seq) FROM tasks").await;
    assert_eq!(numbers, [60]);
    let last = app.sql("SELECT MAX(seq) FROM tasks").await;
    assert_eq!(app.sql("SELECT seq FROM change_logs").await, last);
}

#[apply(each_database)]
async fn concurrent_moves_agree_on_one_order_and_notify(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let other = app.env.app().await;
    let there = other.with_credentials_of(&ana);
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(ana.create_task(&number.to_string()).await);
    }
    let mut listening = ana.listen(TASK_CHANGES).await;
    let moves = ids.iter().enumerate().map(|(at, id)| {
        let client = if at % 2 == 0 { &ana } else { &there };
        let beside = &ids[(at + 3) % ids.len()];
        place(client, id, json!({ "after": beside }))
    });
    for moved in join_all(moves).await {
        assert_eq!(moved["userErrors"], json!([]));
    }
    let (here, _) = order(&ana).await;
    assert_eq!(order(&there).await.0, here);
    let mut sorted = here.clone();
    sorted.sort();
    assert_eq!(sorted, ids);
    let event = listening.next().await.unwrap();
    assert_eq!(event["data"]["taskChanges"]["kind"], "UPSERT", "{event}");
}

/// Creates tasks and completes or deletes some of them. Returns the number of changes.
async fn create_and_change(client: &Client, writer: usize) -> i64 {
    let mut changes = 0;
    for number in 0..25 {
        let id = client.create_task(&format!("{writer} {number}")).await;
        changes += 1;
        let change = match (writer + number) % 4 {
            0 => "completed: setTaskCompleted(input: { id: $id, completed: true })",
            1 => "deleted: deleteTask(input: { id: $id })",
            _ => continue,
        };
        let document = format!("mutation ($id: ID!) {{ {change} {{ userErrors {{ code }} }} }}");
        let changed = client.ask(&document, json!({ "id": id })).await;
        let changed = changed.as_object().unwrap().values().next().unwrap();
        assert_eq!(changed["userErrors"], json!([]));
        changes += 1;
    }
    changes
}

#[apply(each_database)]
async fn concurrent_creates_are_numbered_in_the_order_of_the_list(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let other = app.env.app().await;
    let there = other.with_credentials_of(&ana);
    let writers = (0..8).map(|writer| {
        let client = if writer % 2 == 0 { &ana } else { &there };
        create_and_change(client, writer)
    });
    let changes: i64 = join_all(writers).await.into_iter().sum();

    assert_eq!(app.sql("SELECT seq FROM change_logs").await, [changes]);
    let numbers = "SELECT seq FROM tasks UNION SELECT seq FROM tombstones ORDER BY 1";
    let numbers = app.sql(numbers).await;
    let rows = "SELECT (SELECT COUNT(*) FROM tasks) + (SELECT COUNT(*) FROM tombstones)";
    assert_eq!(app.sql(rows).await, [i64::try_from(numbers.len()).unwrap()]);
    assert_eq!(numbers.last(), Some(&changes));
    assert_eq!(app.users_with_wrong_task_count().await, 0);
    // A new task is at the end of the list, so those without a later change are in its order.
    let new = "SELECT seq FROM tasks WHERE version = 1 ORDER BY position";
    let new = app.sql(new).await;
    assert!(new.is_sorted(), "{new:?}");
    let equal = "SELECT COUNT(*) - COUNT(DISTINCT position) FROM tasks";
    assert_eq!(app.sql(equal).await, [0]);
}
