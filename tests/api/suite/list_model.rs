//! A model of task lists, which filters and sorts in memory, to compare the server's lists with.

use std::cmp::Ordering;

use jiff::{ToSpan, Zoned};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::harness::Client;

pub(super) const PRIORITIES: [&str; 5] = ["NONE", "LOW", "MEDIUM", "HIGH", "URGENT"];

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn time<'a>(task: &'a Value, field: &str) -> Option<&'a str> {
    match field {
        "due" => text(&task["due"]["at"]),
        field => text(&task[field]),
    }
}

/// Returns the first and the last millisecond of a filter's date, duration or instant.
fn interval(moment: &str, now: &Zoned) -> (String, String) {
    if moment.contains('T') && !moment.contains('P') {
        return (moment.to_owned(), moment.to_owned());
    }
    let day = if moment.contains('P') {
        let span: jiff::Span = moment.parse().unwrap();
        now.date().checked_add(span).unwrap()
    } else {
        moment.parse().unwrap()
    };
    let zone = now.time_zone();
    let first = day.to_zoned(zone.clone()).unwrap();
    let next = day.tomorrow().unwrap().to_zoned(zone.clone()).unwrap();
    (shown(&first), shown(&next.saturating_sub(1.millisecond())))
}

/// Formats an instant as the API does.
pub(super) fn shown(moment: &Zoned) -> String {
    format!("{:.3}", moment.timestamp())
}

fn matches_time(time: Option<&str>, operator: &str, value: &Value, now: &Zoned) -> bool {
    if operator == "null" {
        return time.is_none() == value.as_bool().unwrap();
    }
    let (first, last) = interval(value.as_str().unwrap(), now);
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

fn matches_title(title: &str, operator: &str, value: &Value) -> bool {
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

fn matches_priority(priority: usize, operator: &str, value: &Value) -> bool {
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

/// Returns true if the task matches the filter.
fn matches_filter(task: &Value, filter: &Value, now: &Zoned) -> bool {
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
            "and" => each().all(|filter| matches_filter(task, filter, now)),
            "or" => each().any(|filter| matches_filter(task, filter, now)),
            "not" => !matches_filter(task, value, now),
            "completed" => is_done == value.as_bool().unwrap(),
            "overdue" => {
                let at = time(task, "due");
                let is_overdue = !is_done && at.is_some_and(|at| at < shown(now).as_str());
                is_overdue == value.as_bool().unwrap()
            }
            "title" => all(&|operator, value| {
                matches_title(task["title"].as_str().unwrap(), operator, value)
            }),
            "priority" => {
                all(&|operator, value| matches_priority(rank(&task["priority"]), operator, value))
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
            field => all(&|operator, value| matches_time(time(task, field), operator, value, now)),
        }
    })
}

fn compare_tasks(order: &[Value], a: &Value, b: &Value) -> Ordering {
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

/// A list query: filter, order, page size, and true to page backwards from the end.
pub(super) type Asked = (Value, Vec<Value>, usize, bool);

pub(super) fn asked(ids: Vec<Value>) -> impl Strategy<Value = Asked> {
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

pub(super) const LIST: &str =
    "query ($first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter,
        $orderBy: [TaskOrder!]) {
    viewer { tasks(first: $first, after: $after, last: $last, before: $before, filter: $filter,
        orderBy: $orderBy) { edges { cursor node { id } } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
      taskCounts(filter: $filter) { total open completed overdue dueToday } } }";

/// Fetches all pages, and returns the ids in the order of the list, and the counts.
pub(super) async fn walk(
    client: &Client,
    (filter, order, size, from_end): &Asked,
) -> (Vec<Value>, Value) {
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

/// Returns the expected result of `walk`: the ids of the matching tasks, in order, and the counts.
pub(super) fn expected(
    tasks: &[Value],
    (filter, order, ..): &Asked,
    now: &Zoned,
) -> (Vec<Value>, Value) {
    let mut listed: Vec<&Value> = tasks
        .iter()
        .filter(|it| matches_filter(it, filter, now))
        .collect();
    let newest = [json!({ "field": "CREATED_AT", "direction": "DESC" })];
    let order = if order.is_empty() { &newest[..] } else { order };
    listed.sort_by(|a, b| compare_tasks(order, a, b));
    let count = |test: &dyn Fn(&Value) -> bool| listed.iter().filter(|it| test(it)).count();
    let is_open = |task: &Value| task["completedAt"] == Value::Null;
    let is_due_today = |task: &Value| matches_time(time(task, "due"), "eq", &json!("P0D"), now);
    let counts = json!({
        "total": listed.len(),
        "open": count(&is_open),
        "completed": listed.len() - count(&is_open),
        "overdue": count(&|task| task["due"]["isOverdue"] == json!(true)),
        "dueToday": count(&|task| is_open(task) && is_due_today(task)),
    });
    (
        listed.iter().map(|task| task["id"].clone()).collect(),
        counts,
    )
}
