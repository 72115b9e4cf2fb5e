//! Compares results that objects write as JSON with those of the engine, byte by byte.
//!
//! A document that selects an object twice, as in `{ viewer { id } viewer { id } }`, makes the engine
//! merge the results, so it resolves every field itself. The second selection adds nothing, so the
//! two responses must be equal.

use axum::{body::Body, http::Request};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    harness::{App, Client, TestEnv, apply, each_database},
    suite::sockets::Socket,
};

/// The number of random documents for each way to send them.
const DOCUMENTS: usize = 120;

/// An object of the schema: its name, its leaf fields, and its fields of other objects.
type Object = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const OBJECTS: [Object; 10] = [
    (
        "TaskConnection",
        &["totalCount"],
        &[
            ("nodes", "Task"),
            ("edges", "TaskEdge"),
            ("pageInfo", "PageInfo"),
        ],
    ),
    ("TaskEdge", &["cursor"], &[("node", "Task")]),
    (
        "PageInfo",
        &["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"],
        &[],
    ),
    (
        "Task",
        &[
            "id",
            "version",
            "title",
            "description",
            "completed",
            "completedAt",
            "priority",
            "position",
            "createdAt",
            "updatedAt",
        ],
        &[("due", "Due")],
    ),
    ("Due", &["date", "time", "timeZone", "at", "isOverdue"], &[]),
    (
        "SessionConnection",
        &["totalCount"],
        &[
            ("nodes", "Session"),
            ("edges", "SessionEdge"),
            ("pageInfo", "PageInfo"),
        ],
    ),
    ("SessionEdge", &["cursor"], &[("node", "Session")]),
    (
        "Session",
        &[
            "id",
            "isCurrent",
            "label",
            "userAgent",
            "ipAddress",
            "delivery",
            "createdAt",
            "lastActiveAt",
            "expiresAt",
        ],
        &[],
    ),
    (
        "SecurityEventConnection",
        &["totalCount"],
        &[("nodes", "SecurityEvent"), ("pageInfo", "PageInfo")],
    ),
    (
        "SecurityEvent",
        &["id", "kind", "at", "ipAddress", "userAgent"],
        &[],
    ),
];

/// Writes random documents.
struct Documents {
    random: Rng,
    fragments: Vec<String>,
}

impl Documents {
    fn selection(&mut self, object: &str) -> String {
        let (_, leaves, objects) = OBJECTS
            .iter()
            .find(|(name, ..)| *name == object)
            .expect("an object of the list");
        let mut items = Vec::new();
        for leaf in *leaves {
            if self.random.u8(..3) == 0 {
                items.push(self.field(leaf));
            }
        }
        for (name, object) in *objects {
            if self.random.bool() {
                let field = self.field(name);
                let selection = self.selection(object);
                items.push(format!("{field} {selection}"));
            }
        }
        if items.is_empty() || self.random.u8(..4) == 0 {
            items.push("__typename".to_owned());
        }
        if self.random.u8(..4) == 0 && !leaves.is_empty() {
            items.push(leaves[self.random.usize(..leaves.len())].to_owned());
        }
        self.random.shuffle(&mut items);
        let text = items.join(" ");
        match self.random.u8(..6) {
            0 => format!("{{ ... on {object} {{ {text} }} }}"),
            1 => format!("{{ ... {{ {text} }} }}"),
            2 => {
                let name = format!("F{}", self.fragments.len());
                let fragment = format!("fragment {name} on {object} {{ {text} }}");
                self.fragments.push(fragment);
                format!("{{ ...{name} }}")
            }
            3 if matches!(object, "Task" | "Session" | "SecurityEvent") => {
                format!("{{ ... on Node {{ id }} {text} }}")
            }
            _ => format!("{{ {text} }}"),
        }
    }

    /// Writes a field, sometimes with an alias or with a directive.
    fn field(&mut self, name: &str) -> String {
        let alias = match self.random.u8(..6) {
            0 => format!("{name}{}: ", self.random.u8(..9)),
            _ => String::new(),
        };
        let directive = match self.random.u8(..10) {
            0 => " @include(if: true)",
            1 => " @skip(if: false)",
            2 => " @skip(if: $yes)",
            3 => " @include(if: $yes)",
            _ => "",
        };
        format!("{alias}{name}{directive}")
    }

    /// Returns a document, and one with the same response that the engine merges.
    fn next(&mut self) -> (String, String) {
        self.fragments.clear();
        // Each variable has to be used.
        let mut fields = vec!["used: task(id: $id) { id @include(if: $yes) title }".to_owned()];
        for (name, object) in [
            ("tasks(first: 3)", "TaskConnection"),
            (
                "tasks2: tasks(last: 2, orderBy: { field: DUE })",
                "TaskConnection",
            ),
            ("sessions", "SessionConnection"),
            ("securityEvents(first: 2)", "SecurityEventConnection"),
            // An error beside other fields.
            ("broken: tasks(first: 0)", "TaskConnection"),
            ("task(id: $id)", "Task"),
            ("none: task(id: \"task_0\")", "Task"),
        ] {
            if self.random.u8(..3) == 0 {
                fields.push(format!("{name} {}", self.selection(object)));
            }
        }
        let text = fields.join(" ");
        let head = "query ($id: ID!, $yes: Boolean!)";
        let fragments = self.fragments.join(" ");
        (
            format!("{head} {{ viewer {{ id {text} }} }} {fragments}"),
            format!("{head} {{ viewer {{ id {text} }} viewer {{ id }} }} {fragments}"),
        )
    }
}

/// Signs Ana up, with tasks that have all kinds of values. Returns the id of one.
async fn prepare(app: &App) -> (Client, String) {
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id } userErrors { message } } }";
    let mut id = String::new();
    for input in [
        json!({ "title": "quotes \" and \\ and \u{1f600} and \u{2028}", "description": "two\nlines\tand a tab" }),
        json!({ "title": "</script>", "priority": "URGENT", "due": { "date": "2026-11-21" } }),
        json!({ "title": "x", "due": { "date": "2026-11-21", "time": "09:30:00", "timeZone": "Europe/Vienna" } }),
        json!({ "title": "y", "due": { "date": "2126-11-21", "time": "09:30" } }),
    ] {
        let created = ana.ask(create, json!({ "input": input })).await;
        assert_eq!(created["createTask"]["userErrors"], json!([]));
        id = created["createTask"]["task"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
    }
    (ana, id)
}

fn body(query: &str, id: &str) -> String {
    json!({ "query": query, "variables": { "id": id, "yes": true } }).to_string()
}

async fn send(client: &Client, accept: &str, body: String) -> String {
    let token = client.token.as_deref().unwrap();
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", accept)
        .header("authorization", format!("Bearer {token}"));
    client
        .request_text(request.body(Body::from(body)).unwrap())
        .await
}

#[apply(each_database)]
async fn random_selections_give_the_engines_bytes(env: TestEnv) {
    let app = env.app().await;
    let (ana, id) = prepare(&app).await;
    let mut documents = Documents {
        random: Rng::with_seed(7),
        fragments: Vec::new(),
    };
    for accept in [
        "application/graphql-response+json",
        "text/event-stream",
        "multipart/mixed;subscriptionSpec=1.0",
    ] {
        for _ in 0..DOCUMENTS {
            let (inline, merged) = documents.next();
            let written = send(&ana, accept, body(&inline, &id)).await;
            let expected = send(&ana, accept, body(&merged, &id)).await;
            let fails = inline.contains("broken");
            assert_eq!(written.contains("\"errors\""), fails, "{inline}\n{written}");
            // Positions in the two documents are equal: the second selection comes last.
            assert_eq!(written, expected, "{inline}");
        }
    }
}

#[apply(each_database)]
async fn sockets_and_streams_give_the_engines_values(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let (ana, id) = prepare(&app).await;
    let mut socket = Socket::of(&address, &ana).await;
    let mut documents = Documents {
        random: Rng::with_seed(8),
        fragments: Vec::new(),
    };
    for _ in 0..DOCUMENTS / 4 {
        let (inline, merged) = documents.next();
        let mut results = Vec::new();
        for query in [&inline, &merged] {
            let payload = serde_json::from_str::<Value>(&body(query, &id)).unwrap();
            socket
                .say(json!({ "id": "1", "type": "subscribe", "payload": payload }))
                .await;
            let next = socket.receive().await;
            assert_eq!(next["type"], "next", "{query}");
            assert_eq!(socket.receive().await["type"], "complete");
            results.push(next["payload"].clone());
        }
        assert_eq!(results[0], results[1], "{inline}");
    }

    let fields = "token kind nodeId version at originSessionId";
    for selection in [
        "node { ... on Task { id title due { at } } }",
        "node { __typename ... on ChangedNode { ... on Task { id } ... on Node { id } } }",
        "node { ... on Node { id } }",
    ] {
        let inline = format!("subscription {{ taskChanges {{ {fields} {selection} }} }}");
        let merged = format!(
            "subscription {{ taskChanges {{ {fields} {selection} node {{ __typename }} }} }}"
        );
        let mut listeners = [ana.listen(&inline).await, ana.listen(&merged).await];
        ana.create_task("one more").await;
        let [written, mut expected] = [listeners[0].next().await, listeners[1].next().await]
            .map(|event| event.expect("the stream is open"));
        if !selection.contains("__typename") {
            let node = expected.pointer_mut("/data/taskChanges/node").unwrap();
            assert_eq!(node["__typename"], "Task");
            node.as_object_mut().unwrap().remove("__typename");
        }
        assert_eq!(written, expected);
    }
}
