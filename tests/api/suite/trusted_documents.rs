//! Tests of trusted documents: manifests, documents named by id, and the mode that runs only these.

use std::{fs, path::PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Reply, TestEnv, apply, each_database};

const TASKS: &str =
    "query Tasks($first: Int) { viewer { tasks(first: $first) { nodes { title } } } }";
const CREATE: &str = "mutation Create($input: CreateTaskInput!) { createTask(input: $input) {
    task { title } userErrors { code } } }";
const ME: &str = "{ viewer { email } }";
const UP: &str = "mutation ($input: SignUpInput!) { signUp(input: $input) {
                   tokens { accessToken refreshToken } userErrors { code } } }";

fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A temporary directory for manifests.
struct Manifests(TempDir);

impl Manifests {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, manifest: &Value) -> String {
        let file: PathBuf = self.0.path().join(name);
        fs::write(&file, manifest.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Writes a manifest in the format of Apollo's `generate-persisted-query-manifest`.
    fn apollo(&self, documents: &[(&str, &str)]) -> String {
        let operations: Vec<_> = documents
            .iter()
            .map(|(name, body)| {
                json!({ "id": sha256(body), "name": name, "type": "query", "body": body })
            })
            .collect();
        let manifest = json!({ "format": "apollo-persisted-query-manifest", "version": 1,
                               "operations": operations });
        self.write("apollo.json", &manifest)
    }
}

async fn by_id(client: &Client, id: &str, variables: Value) -> Reply {
    let body = json!({ "documentId": id, "variables": variables });
    client.post(body.to_string()).await
}

async fn by_hash(client: &Client, hash: &str, text: Option<&str>) -> Reply {
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let body = json!({ "query": text, "extensions": extensions });
    client.post(body.to_string()).await
}

/// Returns the status and the error code of a rejected request.
fn refused(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), reply.code())
}

fn is_not_found(reply: &Reply) {
    // For a client that accepts only `application/json`, the status is 200.
    assert_eq!(
        refused(reply),
        (200, "PERSISTED_QUERY_NOT_FOUND"),
        "{reply:?}"
    );
}

#[apply(each_database)]
async fn manifest_document_runs_by_id_hash_or_text(env: TestEnv) {
    let manifests = Manifests::new();
    let apollo = manifests.apollo(&[("Tasks", TASKS)]);
    let hashed = format!("sha256:{}", sha256(ME));
    let codegen = manifests.write("codegen.json", &json!({ hashed.clone(): ME }));
    let relay = manifests.write(
        "relay.json",
        &json!({ "0123456789abcdef0123456789abcdef": CREATE }),
    );
    let app = env
        .app_with(&["--trusted-documents", &[apollo, codegen, relay].join(",")])
        .await;
    let ana = app.sign_up("ana").await;

    let created = by_id(
        &ana,
        "0123456789abcdef0123456789abcdef",
        json!({ "input": { "title": "milk" } }),
    );
    assert_eq!(
        created.await.body["data"]["createTask"]["task"]["title"],
        "milk"
    );
    let listed = by_id(&ana, &sha256(TASKS), json!({ "first": 1 })).await;
    assert_eq!(
        listed.body["data"]["viewer"]["tasks"]["nodes"],
        json!([{ "title": "milk" }])
    );
    for reply in [
        by_id(&ana, &hashed, json!({})).await,
        by_hash(&ana, &sha256(ME), None).await,
        by_hash(&ana, &sha256(ME), Some(ME)).await,
        ana.send(ME, json!({})).await,
        ana.get_as_viewer(&format!(
            "/graphql?documentId={}",
            hashed.replace(':', "%3A")
        ))
        .await,
    ] {
        assert_eq!(
            reply.body["data"]["viewer"]["email"], "ana@example.com",
            "{reply:?}"
        );
    }
    // Other documents run too, and can be named by their hash after they have been sent once.
    let other = "{ viewer { name } }";
    let id = format!("sha256:{}", sha256(other));
    is_not_found(&by_id(&ana, &id, json!({})).await);
    ana.ask(other, json!({})).await;
    assert_eq!(by_id(&ana, &id, json!({})).await.status, 200);

    for id in [
        "",
        "nothing",
        "sha256:",
        &sha256(other),
        &sha256(ME),
        &hashed.to_uppercase(),
    ] {
        let reply = by_id(&ana, id, json!({})).await;
        if id.is_empty() {
            assert_eq!(reply.code(), "BAD_REQUEST");
        } else {
            is_not_found(&reply);
        }
    }
    let both = json!({ "documentId": hashed, "query": ME });
    let reply = ana.post(both.to_string()).await;
    assert_eq!(reply.code(), "BAD_REQUEST");
    let reply = ana.post(json!({ "documentId": 7 }).to_string()).await;
    assert_eq!(reply.code(), "BAD_REQUEST");
}

#[apply(each_database)]
async fn trusted_only_mode_rejects_other_documents(env: TestEnv) {
    let manifests = Manifests::new();
    let file = manifests.apollo(&[("Tasks", TASKS), ("Up", UP)]);
    let app = env
        .app_with(&[
            "--trusted-documents",
            &file,
            "--trusted-documents-only",
            "on",
        ])
        .await;
    let ana = app.sign_up("ana").await;
    let first = json!({ "first": 1 });
    for reply in [
        by_id(&ana, &sha256(TASKS), first.clone()).await,
        by_hash(&ana, &sha256(TASKS), None).await,
        ana.send(TASKS, first).await,
    ] {
        assert_eq!(
            reply.body["data"]["viewer"]["tasks"]["nodes"],
            json!([]),
            "{reply:?}"
        );
    }
    let spaced = TASKS.replace(' ', "  ");
    for text in [
        ME,
        &spaced,
        "{ __typename }",
        "{ __schema { types { name } } }",
        "not a document {",
    ] {
        for reply in [
            ana.send(text, json!({})).await,
            by_hash(&ana, &sha256(text), Some(text)).await,
        ] {
            assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_IN_LIST", "{text}");
            assert_eq!(reply.body.get("data"), None);
        }
        // A rejected document is not stored.
        is_not_found(&by_hash(&ana, &sha256(text), None).await);
    }
    let accepting = "application/graphql-response+json";
    let body = json!({ "query": ME }).to_string();
    assert_eq!(ana.post_accepting(accepting, body).await.status, 400);
    let id = json!({ "documentId": "nothing" }).to_string();
    assert_eq!(ana.post_accepting(accepting, id).await.status, 400);
}

async fn start_error(env: &TestEnv, flags: &[&str]) -> String {
    let started = env.start(flags).await;
    started.err().map_or_else(
        || {
            panic!(
                "it starts with {}",
                fs::read_to_string(flags.last().expect("a file")).unwrap_or_default()
            )
        },
        |why| why.to_string(),
    )
}

#[apply(each_database)]
async fn unusable_manifest_stops_the_start_and_names_document(env: TestEnv) {
    let manifests = Manifests::new();
    let expensive =
        "query Expensive { viewer { tasks(first: 100) { nodes { id due { at } } } a: tasks(first: 100) {
        nodes { due { at } } } b: tasks(first: 100) { nodes { due { at } } }
        c: tasks(first: 100) { nodes { due { at } } } d: tasks(first: 100) { nodes { due { at } } }
        e: tasks(first: 100) { nodes { due { at } } } } }";
    for (name, text, says) in [
        ("Broken", "query Broken {", "Syntax error"),
        ("Unknown", "query Unknown { viewer { nothing } }", "nothing"),
        ("Argument", "query Argument { node { id } }", "id"),
        (
            "Variable",
            "query Variable { task: node(id: $id) { id } }",
            "id",
        ),
        (
            "Input",
            "query Input($input: Nothing!) { node(id: $input) { id } }",
            "Nothing",
        ),
        ("Expensive", expensive, "It costs at least"),
        (
            "Twice",
            "subscription Twice { taskChanges { at } b: taskChanges { at } }",
            "one root field",
        ),
        (
            "Deep",
            &format!("query Deep {}{}", "{ a ".repeat(20), "}".repeat(20)),
            "nesting",
        ),
        (
            "Big",
            "query Big { viewer { tasks(first: 4294967296) { totalCount } } }",
            "4294967296",
        ),
    ] {
        let file = manifests.apollo(&[("Tasks", TASKS), (name, text)]);
        let why = start_error(&env, &["--trusted-documents", &file]).await;
        assert!(
            why.contains(says) && why.contains(&sha256(text)),
            "{name}: {why}"
        );
        assert!(why.contains(&format!("the operation {name}")), "{why}");
        let file = manifests.write("map.json", &json!({ "an id": text }));
        let why = start_error(&env, &["--trusted-documents", &file]).await;
        assert!(
            why.contains("an id") && why.contains("could never run"),
            "{name}: {why}"
        );
    }
    // Documents whose cost depends on variables are accepted if the cheapest variables are allowed.
    let variable =
        "query Some($first: Int!, $all: Boolean!) { viewer { tasks(first: $first) { nodes { id } }
        more: tasks(first: 100) @include(if: $all) { nodes { id due { at } } } } }";
    let file = manifests.apollo(&[("Some", variable)]);
    assert!(env.start(&["--trusted-documents", &file]).await.is_ok());

    for (manifest, says) in [
        (json!([]), "is not a manifest"),
        (json!({ "a": 7 }), "is not a manifest"),
        (
            json!({ "format": "another", "version": 1, "operations": [] }),
            "another 1",
        ),
        (
            json!({ "format": "apollo-persisted-query-manifest", "version": 2, "operations": [] }),
            "manifest 2",
        ),
        (
            json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
                { "id": "a", "name": "A", "type": "query", "body": "query A { __typename }" },
                { "id": "a", "name": "B", "type": "query", "body": "query B { __typename }" }] }),
            "the operation B (a) has the id of another document",
        ),
    ] {
        let file = manifests.write("wrong.json", &manifest);
        let why = start_error(&env, &["--trusted-documents", &file]).await;
        assert!(why.contains(says), "{why}");
        assert!(
            why.contains("CUBBY_TRUSTED_DOCUMENTS") && why.contains("wrong.json"),
            "{why}"
        );
    }
    let file = manifests.0.path().join("twice.json");
    fs::write(
        &file,
        r#"{"a": "query A { __typename }", "a": "query B { __typename }"}"#,
    )
    .unwrap();
    let why = start_error(&env, &["--trusted-documents", file.to_str().unwrap()]).await;
    assert!(why.contains("has the id of another document"), "{why}");
    for id in ["", "sha256:", &format!("sha256:{}", sha256(ME))] {
        let file = manifests.write("hash.json", &json!({ id: TASKS }));
        let why = start_error(&env, &["--trusted-documents", &file]).await;
        assert!(
            why.contains("a sha256 id that does not match its text"),
            "{id}: {why}"
        );
    }
    let why = start_error(&env, &["--trusted-documents", "/dev/zero"]).await;
    assert!(why.contains("more than 67108864 bytes"), "{why}");
    let why = start_error(&env, &["--trusted-documents", "nowhere.json"]).await;
    assert!(
        why.contains("nowhere.json") && why.contains("cannot be read"),
        "{why}"
    );
    let why = start_error(&env, &["--trusted-documents-only", "on"]).await;
    assert!(why.contains("needs trusted documents"), "{why}");
}

#[apply(each_database)]
async fn constant_document_has_the_same_cost_each_time(env: TestEnv) {
    let app = env.app_with(&["--max-cost", "60"]).await;
    let ana = app.sign_up("ana").await;
    let fits = "{ viewer { tasks(first: 50) { nodes { id } } } }";
    let expensive = "{ viewer { tasks(first: 100) { nodes { id } } } }";
    for _ in 0..2 {
        ana.ask(fits, json!({})).await;
        let reply = ana.send(expensive, json!({})).await;
        assert_eq!(reply.code(), "COST_LIMIT_EXCEEDED");
        let said = reply.body["errors"][0]["message"].as_str().unwrap();
        assert!(said.contains("The operation costs 102"), "{said}");
    }
}
