//! GraphQL documents: limits, cost, validation, persisted queries and error messages.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::harness::{Client, Reply, TestEnv, apply, each_database};

/// The introspection query of GraphiQL and code generators.
const INTROSPECTION: &str = include_str!("introspection.graphql");

/// The scalar fields of a task.
const WHOLE_TASK: &str = "id version title description completed completedAt priority position \
                          createdAt updatedAt";

/// Sends a request that accepts `application/graphql-response+json`, so that errors have a status
/// of their own.
async fn send(client: &Client, query: &str, variables: Value) -> Reply {
    let body = json!({ "query": query, "variables": variables });
    client
        .post_accepting("application/graphql-response+json", body.to_string())
        .await
}

async fn assert_rejected(client: &Client, query: &str, code: &str) {
    let reply = send(client, query, json!({})).await;
    let shown = &query[..query.len().min(200)];
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, code),
        "{shown}: {reply:?}"
    );
    assert_eq!(reply.body.get("data"), None);
}

/// Returns a document with a chain of fragments, each of which spreads the next one twice.
fn fragment_bomb(length: usize, end: &str) -> String {
    let mut text = "{ ...F0 }".to_owned();
    for number in 0..length {
        let next = number + 1;
        write!(
            text,
            " fragment F{number} on Query {{ ...F{next} ...F{next} }}"
        )
        .unwrap();
    }
    write!(text, " fragment F{length} on Query {{ {end} }}").unwrap();
    text
}

#[apply(each_database)]
async fn fragment_chain_is_measured_fully_expanded(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    for length in [12, 40] {
        assert_rejected(
            &anonymous,
            &fragment_bomb(length, "__typename"),
            "FIELD_LIMIT_EXCEEDED",
        )
        .await;
        // A chain without any field is invalid, and so is a cycle.
        assert_rejected(
            &anonymous,
            &fragment_bomb(length, "...Nothing"),
            "GRAPHQL_VALIDATION_FAILED",
        )
        .await;
        assert_rejected(
            &anonymous,
            &fragment_bomb(length, "...F0"),
            "GRAPHQL_VALIDATION_FAILED",
        )
        .await;
    }
    assert_rejected(
        &anonymous,
        &fragment_bomb(60, "__typename"),
        "DEFINITION_LIMIT_EXCEEDED",
    )
    .await;
    // A fragment that is not spread is measured, too.
    let unused = fragment_bomb(40, "__typename").replacen("{ ...F0 }", "{ __typename }", 1);
    assert_rejected(&anonymous, &unused, "FIELD_LIMIT_EXCEEDED").await;
}

#[apply(each_database)]
async fn each_limit_has_its_own_code_and_accepts_its_maximum(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let aliases = |count: usize| {
        let fields = (0..count).map(|number| format!("a{number}: __typename"));
        format!(
            "{{ service {{ {} }} }}",
            fields.collect::<Vec<_>>().join(" ")
        )
    };
    let roots = |count: usize| format!("{{ {} }}", "__typename ".repeat(count));
    let fields = |count: usize| format!("{{ service {{ {} }} }}", "version ".repeat(count - 1));
    let deep = |levels: usize| {
        let types = "ofType { ".repeat(levels - 3);
        format!(
            "{{ __schema {{ queryType {{ {types}name{}",
            " }".repeat(levels)
        )
    };
    let directives = |count: usize| {
        let of_each = "@include(if: true)";
        let fields = vec![format!("version {of_each}"); count].join(" ");
        format!("{{ service {{ {fields} }} }}")
    };
    let operations = |count: usize| {
        let operations = (0..count).map(|number| format!("query Q{number} {{ __typename }}"));
        operations.collect::<Vec<_>>().join(" ")
    };
    let variables = |count: usize| {
        let variables = (0..count).map(|number| format!("$v{number}: Int"));
        format!(
            "query ({}) {{ __typename }}",
            variables.collect::<Vec<_>>().join(" ")
        )
    };
    let lists = |levels: usize| {
        let mut text = "{ __schema { types { ".to_owned();
        for _ in 0..levels {
            text += "fields { type { ";
        }
        text + "name" + &" } }".repeat(levels + 1) + " }"
    };
    let padded = |bytes: usize| format!("{{ __typename }}{}", " ".repeat(bytes - 14));
    let tokens = |count: usize| {
        format!(
            "{{ service(x: [{}]) {{ version }} }}",
            "1 ".repeat(count - 12)
        )
    };
    for (fits, exceeds, code) in [
        (
            padded(32 * 1024),
            padded(32 * 1024 + 1),
            "DOCUMENT_TOO_LARGE",
        ),
        (tokens(5_000), tokens(5_001), "TOKEN_LIMIT_EXCEEDED"),
        (deep(16), deep(17), "DEPTH_LIMIT_EXCEEDED"),
        (fields(1_000), fields(1_001), "FIELD_LIMIT_EXCEEDED"),
        (aliases(30), aliases(31), "ALIAS_LIMIT_EXCEEDED"),
        (directives(50), directives(51), "DIRECTIVE_LIMIT_EXCEEDED"),
        (operations(50), operations(51), "DEFINITION_LIMIT_EXCEEDED"),
        (variables(50), variables(51), "DEFINITION_LIMIT_EXCEEDED"),
        (roots(20), roots(21), "ROOT_FIELD_LIMIT_EXCEEDED"),
        (lists(2), lists(3), "INTROSPECTION_LIMIT_EXCEEDED"),
    ] {
        assert_rejected(&anonymous, &exceeds, code).await;
        let reply = send(&anonymous, &fits, json!({})).await;
        for error in reply.body["errors"].as_array().unwrap_or(&Vec::new()) {
            assert_ne!(error["extensions"]["code"], code, "{error}");
        }
    }
    // Deeply nested brackets of any kind are rejected before parsing.
    for bracket in ["{ a ", "{ ... ", "{ a(x: [", "query (x: {a: "] {
        assert_rejected(&anonymous, &bracket.repeat(1_000), "DEPTH_LIMIT_EXCEEDED").await;
    }
    let inline = |levels: usize| {
        let opened = "{ ... ".repeat(levels) + "{ ";
        format!("{opened}__typename{}", " }".repeat(levels + 1))
    };
    assert_eq!(send(&anonymous, &inline(63), json!({})).await.status, 200);
    for levels in [64, 80, 120, 140] {
        assert_rejected(&anonymous, &inline(levels), "DEPTH_LIMIT_EXCEEDED").await;
    }
    let two = "subscription { taskChanges { kind } b: taskChanges { kind } }";
    assert_rejected(&anonymous, two, "GRAPHQL_VALIDATION_FAILED").await;
}

#[apply(each_database)]
async fn limits_are_configurable_and_reported_by_service(env: TestEnv) {
    let app = env
        .app_with(&["--max-depth", "3", "--max-cost", "70", "--max-aliases", "0"])
        .await;
    let anonymous = app.anonymous();
    let limits = anonymous
        .ask(
            "{ service { limits { maxDepth maxCost maxAliases maxTokens maxRootFields } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        limits["service"]["limits"],
        json!({ "maxDepth": 3, "maxCost": 70, "maxAliases": 0, "maxTokens": 5000, "maxRootFields": 20 })
    );
    assert_rejected(&anonymous, "{ a: __typename }", "ALIAS_LIMIT_EXCEEDED").await;
}

#[apply(each_database)]
async fn full_introspection_is_accepted(env: TestEnv) {
    let app = env.app().await;
    let schema = app.anonymous().ask(INTROSPECTION, json!({})).await;
    assert_eq!(schema["__schema"]["queryType"]["name"], "Query");
}

#[apply(each_database)]
async fn cost_error_suggests_page_size_that_fits(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let page = format!(
        "query ($first: Int = 100) {{ viewer {{ tasks(first: $first) {{
            totalCount edges {{ cursor node {{ {WHOLE_TASK} }} }} pageInfo {{ hasNextPage }} }} }} }}"
    );
    ana.ask(&page, json!({})).await;

    let ten = (0..15).map(|number| format!("p{number}: tasks(first: $first) {{ nodes {{ id }} }}"));
    let ten = ten.collect::<Vec<_>>().join(" ");
    let many = format!("query ($first: Int) {{ viewer {{ {ten} }} }}");
    let reply = send(&ana, &many, json!({ "first": 100 })).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, "COST_LIMIT_EXCEEDED")
    );
    let message = reply.body["errors"][0]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "The operation costs 1516 points; at most 1000 are allowed. The most expensive field is viewer.p0."
    );
    ana.ask(&many, json!({ "first": 60 })).await;

    let two = "query ($first: Int) { viewer {
        a: tasks(first: 100) { nodes { id } }
        b: tasks(first: $first) { edges { node { id } } nodes { id } }
    } }";
    let reply = send(&ana, two, json!({ "first": 100 })).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let app = env.fresh().await.app_with(&["--max-cost", "150"]).await;
    let ben = app.sign_up("ben").await;
    let reply = send(&ben, two, json!({ "first": 100 })).await;
    let message = reply.body["errors"][0]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "The operation costs 303 points; at most 150 are allowed. The most expensive field is viewer.b: first: \
         23 would be allowed."
    );
    ben.ask(two, json!({ "first": 23 })).await;
    let reply = send(&ben, two, json!({ "first": 24 })).await;
    assert_eq!(reply.code(), "COST_LIMIT_EXCEEDED");
}

#[apply(each_database)]
async fn id_lists_filters_and_mutations_add_to_cost(env: TestEnv) {
    let app = env.app_with(&["--max-cost", "60"]).await;
    let ana = app.sign_up("ana").await;
    let nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    ana.ask(nodes, json!({ "ids": vec!["x"; 60] })).await;
    let reply = send(&ana, nodes, json!({ "ids": vec!["x"; 61] })).await;
    assert_eq!(reply.code(), "COST_LIMIT_EXCEEDED");
    let skipped = "query ($ids: [ID!]!, $no: Boolean = false) {
        nodes(ids: $ids) @include(if: $no) { id } __typename }";
    ana.ask(skipped, json!({ "ids": vec!["x"; 61] })).await;

    // The cost is 1 for the viewer, 2 for a page of one task, and 1 for each value of the filter.
    let filtered = "query ($filter: TaskFilter) { viewer {
        tasks(first: 1, filter: $filter) { nodes { id } } } }";
    let of = |count: usize| json!({ "filter": { "title": { "in": vec!["x"; count] } } });
    ana.ask(filtered, of(57)).await;
    let reply = send(&ana, filtered, of(58)).await;
    assert_eq!(reply.code(), "COST_LIMIT_EXCEEDED");
    let within = format!(
        "{{ viewer {{ taskCounts(filter: {{ id: {{ nin: {:?} }} }}) {{ total }} }} }}",
        ["x"; 59]
    );
    assert_rejected(&ana, &within, "COST_LIMIT_EXCEEDED").await;

    let creates = |count: usize| {
        let create = r#"createTask(input: { title: "x" }) { userErrors { code } }"#;
        let creates = (0..count).map(|number| format!("c{number}: {create}"));
        format!("mutation {{ {} }}", creates.collect::<Vec<_>>().join(" "))
    };
    // Each mutation costs 10, its payload 1, and its list of errors 1 for each of the input's 6
    // fields.
    ana.ask(&creates(3), json!({})).await;
    assert_rejected(&ana, &creates(4), "COST_LIMIT_EXCEEDED").await;
    // No part of a rejected operation has run.
    let count = ana
        .ask("{ viewer { tasks(first: 1) { totalCount } } }", json!({}))
        .await;
    assert_eq!(count["viewer"]["tasks"]["totalCount"], 3);
}

#[apply(each_database)]
async fn request_allows_one_credential_mutation(env: TestEnv) {
    let app = env.app().await;
    let guess =
        r#"signIn(input: { email: "a@b.c", password: "correct horse" }) { userErrors { code } }"#;
    let anonymous = app.anonymous();
    for document in [
        format!("mutation {{ a: {guess} b: {guess} }}"),
        format!("mutation {{ {guess} {guess} }}"),
        format!("mutation {{ ...F ...F }} fragment F on Mutation {{ {guess} }}"),
        format!(
            "mutation {{ {guess} changePassword(input: {{ currentPassword: \"x\", newPassword: \"y\" }}) {{ endedSessions }} }}"
        ),
    ] {
        assert_rejected(&anonymous, &document, "TOO_MANY_CREDENTIAL_MUTATIONS").await;
    }
    anonymous
        .ask(
            &format!("mutation {{ {guess} signOut {{ endedSessions }} }}"),
            json!({}),
        )
        .await;
}

#[apply(each_database)]
async fn every_password_mutation_counts_as_credential_mutation(env: TestEnv) {
    let app = env.app().await;
    let inputs = app
        .anonymous()
        .ask("{ __schema { mutationType { fields { name args { type { ofType { inputFields { name } } } } } } } }", json!({}))
        .await;
    for field in inputs["__schema"]["mutationType"]["fields"]
        .as_array()
        .unwrap()
    {
        let takes_password = field["args"]
            .to_string()
            .to_lowercase()
            .contains("password");
        let name = field["name"].as_str().unwrap();
        // The document may otherwise be invalid: this check comes before validation.
        let twice = format!("mutation {{ {name} {name} }}");
        let code = send(&app.anonymous(), &twice, json!({})).await;
        let is_counted =
            code.body["errors"][0]["extensions"]["code"] == "TOO_MANY_CREDENTIAL_MUTATIONS";
        assert_eq!(is_counted, takes_password, "{name}");
    }
}

#[apply(each_database)]
async fn invalid_variables_are_rejected_before_execution(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!, $n: Int) {
        createTask(input: $input) { userErrors { code } }
        updateTask(input: { id: \"x\", ifVersion: $n }) { userErrors { code } } }";
    for (variables, says) in [
        (
            json!({}),
            "$input is wrong: it is required: give a CreateTaskInput!",
        ),
        (
            json!({ "input": null }),
            "$input is wrong: it cannot be null",
        ),
        (
            json!({ "input": [] }),
            "$input is wrong: it must be an object",
        ),
        (
            json!({ "input": {} }),
            "$input.title is wrong: it is required",
        ),
        (
            json!({ "input": { "title": 7 } }),
            "$input.title is wrong: it must be a string",
        ),
        (
            json!({ "input": { "title": "x", "titel": "y" } }),
            "CreateTaskInput has no field titel",
        ),
        (
            json!({ "input": { "title": "x", "priority": "SOON" } }),
            "it must be one of NONE, LOW",
        ),
        (
            json!({ "input": { "title": "x" }, "n": 2_147_483_648_i64 }),
            "$n is wrong: it must be a whole number",
        ),
        (
            json!({ "input": { "title": "x" }, "n": 1.5 }),
            "$n is wrong: it must be a whole number",
        ),
        (
            json!({ "input": { "title": "x" }, "n": "1" }),
            "$n is wrong: it must be a whole number",
        ),
    ] {
        let reply = send(&ana, create, variables.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, "BAD_USER_INPUT"),
            "{variables}"
        );
        let message = reply.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{variables}: {message}");
    }
    let count = ana
        .ask("{ viewer { tasks { totalCount } } }", json!({}))
        .await;
    assert_eq!(count["viewer"]["tasks"]["totalCount"], 0);
}

#[apply(each_database)]
async fn persisted_query_is_found_by_its_hash(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let query = "{ service { version } }";
    let hash = "d57b1ef1e3ba1c7b1d0aa3cf6e4b7bb5a6a1e0cc2a3ddd1d0e9b1a3d5b6c7d8e";
    let by = |query: Option<&str>, hash: &str| {
        let mut body =
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
        if let Some(query) = query {
            body["query"] = query.into();
        }
        body.to_string()
    };
    // A hash that does not match is rejected; otherwise clients could store another document under
    // it.
    let reply = anonymous.post(by(Some(query), hash)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "BAD_REQUEST"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, query.as_bytes());
    let hash: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let reply = anonymous.post(by(None, &hash)).await;
    assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(reply.body["errors"][0]["message"], "PersistedQueryNotFound");
    let reply = anonymous.post(by(Some(query), &hash)).await;
    assert!(reply.body["data"]["service"]["version"].is_string());
    let reply = anonymous.post(by(None, &hash)).await;
    assert!(reply.body["data"]["service"]["version"].is_string());
}

#[apply(each_database)]
async fn fragment_depth_adds_to_spread_depth_in_any_order(env: TestEnv) {
    let app = env.app().await;
    for salt in 0..20 {
        let deep = |end: &str| "{ ... ".repeat(30) + "{ " + end + &" }".repeat(31);
        let document = format!(
            "{{ ...A }} fragment A on Query {} fragment B on Query {} fragment C on Query {} #{salt}",
            deep("...B"),
            deep("...C"),
            deep("__typename"),
        );
        assert_rejected(&app.anonymous(), &document, "DEPTH_LIMIT_EXCEEDED").await;
    }
}

#[apply(each_database)]
async fn each_use_of_a_variable_counts_towards_its_limit(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let uses = |uses: usize| {
        let list = "$v ".repeat(uses);
        format!("query ($v: [ID!]!) {{ viewer {{ task(id: [{list}]) {{ id }} }} }}")
    };
    let reply = send(&ana, &uses(2_000), json!({ "v": vec![0; 10_000] })).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, "VARIABLE_LIMIT_EXCEEDED")
    );
    let reply = send(&ana, &uses(2_000), json!({ "v": ["x".repeat(100_000)] })).await;
    assert_eq!(reply.code(), "VARIABLE_LIMIT_EXCEEDED");
    // A default value counts, too.
    let zeros = format!("[ID!] = [{}]", "0 ".repeat(1_000));
    let default = uses(1_000).replacen("[ID!]!", &zeros, 1);
    let reply = send(&ana, &default, json!({})).await;
    assert_eq!(reply.code(), "VARIABLE_LIMIT_EXCEEDED");
    // A variable in a fragment counts for each spread of the fragment.
    let spread = format!(
        "query ($v: [ID!]!) {{ viewer {{ {} }} }} \
         fragment F on User {{ tasks(filter: {{ id: {{ in: $v }} }}) {{ totalCount }} }}",
        "...F ".repeat(400)
    );
    let reply = send(&ana, &spread, json!({ "v": vec![0; 10_000] })).await;
    assert_eq!(reply.code(), "VARIABLE_LIMIT_EXCEEDED");
    let nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    ana.ask(
        nodes,
        json!({ "ids": vec!["task_01h2xcejqtf2nbrexx3vqjhp41"; 100] }),
    )
    .await;
}

#[apply(each_database)]
async fn error_message_is_at_most_500_characters(env: TestEnv) {
    let app = env.app().await;
    let query = format!("{{ node(id: [{}]) {{ id }} }}", "1 ".repeat(4_000));
    let reply = send(&app.anonymous(), &query, json!({})).await;
    let message = reply.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.chars().count() <= 500, "{}", message.len());
}

#[apply(each_database)]
async fn adjacent_tokens_are_counted_separately(env: TestEnv) {
    let app = env.app().await;
    for value in ["0", "-0", "true", "null", "1.0"] {
        let values = value.repeat(6_000);
        let query = format!("{{ service(x: [{values}]) {{ __typename }} }}");
        assert_rejected(&app.anonymous(), &query, "TOKEN_LIMIT_EXCEEDED").await;
    }
}

#[apply(each_database)]
async fn each_alias_of_a_long_field_adds_to_cost(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let names = |count: usize| {
        let names = (0..count).map(|number| format!("d{number}: description"));
        let names = names.collect::<Vec<_>>().join(" ");
        format!("{{ viewer {{ tasks(first: 100) {{ nodes {{ {names} }} }} }} }}")
    };
    ana.ask(&names(4), json!({})).await;
    assert_rejected(&ana, &names(5), "COST_LIMIT_EXCEEDED").await;
}

/// Returns the message, line and column of the first error of a rejected document.
async fn rejection(client: &Client, query: &str, code: &str) -> (String, u64, u64) {
    let reply = send(client, query, json!({})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (400, code),
        "{query}"
    );
    let error = &reply.body["errors"][0];
    let at = &error["locations"][0];
    (
        error["message"].as_str().unwrap().to_owned(),
        at["line"].as_u64().unwrap(),
        at["column"].as_u64().unwrap(),
    )
}

#[apply(each_database)]
async fn strings_support_escapes_of_september_2025_spec(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for (literal, title) in [
        (r#""\uD83D\uDE00""#, "\u{1f600}"),
        (r#""\u{1F600}""#, "\u{1f600}"),
        (
            r#""a\u{1f600}b\uD83D\uDE01\u00e4""#,
            "a\u{1f600}b\u{1f601}ä",
        ),
        (r#""\u{22}\u{5C}\u{000041}""#, "\"\\A"),
        (r#""""\uD83D \u{1F600}""""#, r"\uD83D \u{1F600}"),
        (r#""\\u{1F600}""#, r"\u{1F600}"),
    ] {
        let create = format!(
            "mutation {{ createTask(input: {{ title: {literal} }}) {{ task {{ title }} }} }}"
        );
        let data = ana.ask(&create, json!({})).await;
        assert_eq!(data["createTask"]["task"]["title"], title, "{literal}");
    }
    for escape in [
        r"\uD83D",
        r"\uDE00\uD83D",
        r"\u{D83D}",
        r"\u{110000}",
        r"\u{}",
        r"\q",
    ] {
        let query = format!("{{\n  node(id: \"x{escape}\") {{ id }} }}");
        let (message, line, column) = rejection(&ana, &query, "GRAPHQL_PARSE_FAILED").await;
        assert!(message.contains("is not a valid escape"), "{message}");
        assert_eq!((line, column), (2, 14), "{escape}");
    }
    // Escapes do not change the columns of errors later in the line.
    let query = r#"{ node(id: "\uD83D\uDE00\u{1F600}") { nope } }"#;
    let (_, line, column) = rejection(&ana, query, "GRAPHQL_VALIDATION_FAILED").await;
    assert_eq!((line, column), (1, 39));
}

#[apply(each_database)]
async fn string_literal_is_rejected_as_enum_value(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for (query, wanted) in [
        (
            "mutation { createTask(input: { title: \"x\", priority: \"HIGH\" }) { task { id } } }",
            "write HIGH,",
        ),
        (
            "mutation ($p: TaskPriority = \"HIGH\") {
               createTask(input: { title: \"x\", priority: $p }) { task { id } } }",
            "write HIGH,",
        ),
        (
            "mutation ($input: CreateTaskInput = { title: \"x\", priority: \"URGENT\" }) {
               createTask(input: $input) { task { id } } }",
            "write URGENT,",
        ),
        (
            "{ viewer { tasks(filter: { priority: { in: [HIGH, \"LOW\"] } }) { totalCount } } }",
            "write LOW,",
        ),
        (
            "{ viewer { tasks(filter: { or: [{ priority: { eq: \"SOON\" } }] }) { totalCount } } }",
            "write one of NONE, LOW, MEDIUM, HIGH, URGENT,",
        ),
        (
            "{ viewer { ...V } } fragment V on User { tasks(filter: { priority: { in: \"LOW\" } }) {
               totalCount } }",
            "write LOW,",
        ),
    ] {
        let (message, ..) = rejection(&ana, query, "GRAPHQL_VALIDATION_FAILED").await;
        assert!(message.contains("is an enum"), "{query}: {message}");
        assert!(message.contains(wanted), "{query}: {message}");
    }
    // In variables, enum values are JSON strings.
    let create = "mutation ($p: TaskPriority, $input: CreateTaskInput!) {
        a: createTask(input: { title: \"x\", priority: $p }) { task { priority } }
        b: createTask(input: $input) { task { priority } } }";
    let input = json!({ "title": "x", "priority": "LOW" });
    let data = ana
        .ask(create, json!({ "p": "HIGH", "input": input }))
        .await;
    assert_eq!(data["a"]["task"]["priority"], "HIGH");
    assert_eq!(data["b"]["task"]["priority"], "LOW");
}

#[apply(each_database)]
async fn invalid_scalar_error_states_the_problem(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let create = "mutation ($due: DueInput) {
        createTask(input: { title: \"x\", due: $due }) { task { id } } }";
    for (date, problem) in [
        (
            "2026-02-30",
            "the day in 2026-02 must be from 01 to 28, got 30",
        ),
        ("2026-13-01", "the month must be from 01 to 12, got 13"),
        ("0000-01-01", "the year must be from 0001 to 9998, got 0000"),
        (
            "21.11.2026",
            "write year, month and day as in 2026-11-21, and nothing else",
        ),
    ] {
        let reply = ana.send(create, json!({ "due": { "date": date } })).await;
        let message = format!("The variable $due.date is wrong: {problem}.");
        assert_eq!(reply.body["errors"][0]["message"], message);
        let literal = create.replace("$due: DueInput", "$unused: Int");
        let literal = literal.replace("$due", &format!("{{ date: \"{date}\" }}"));
        let (message, ..) = rejection(&ana, &literal, "GRAPHQL_VALIDATION_FAILED").await;
        assert_eq!(
            message,
            format!("\"{date}\" is not a valid LocalDate: {problem}.")
        );
    }
    let filter = "{ viewer { tasks(filter: { due: { eq: \"2026-02-30\" } }) { totalCount } } }";
    let (message, ..) = rejection(&ana, filter, "GRAPHQL_VALIDATION_FAILED").await;
    assert!(
        message.contains("the day in 2026-02 must be from 01 to 28"),
        "{message}"
    );
}

#[apply(each_database)]
async fn syntax_error_omits_grammar_rule_names(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    for (query, says) in [
        ("{", "the document ends before it is complete"),
        ("{ viewer { } }", "cannot read } }"),
        ("{ viewer(: 1) }", "cannot read : 1) }"),
        (
            "{ node(id: \"x) { id } }",
            "the string that begins here is not closed",
        ),
    ] {
        let (message, line, column) = rejection(&anonymous, query, "GRAPHQL_PARSE_FAILED").await;
        let expected = format!("Syntax error in line {line}, column {column}: {says}.");
        assert_eq!(message, expected, "{query}");
    }
}

#[apply(each_database)]
async fn non_int_numbers_are_rejected_before_execution(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for number in ["2147483648", "-2147483649", "99999999999", "1.0", "1e3"] {
        for query in [
            format!(
                "mutation {{ a: createTask(input: {{ title: \"Milk\" }}) {{ task {{ id }} }}
                   b: deleteTask(input: {{ id: \"x\", ifVersion: {number} }}) {{ deletedTaskId }} }}"
            ),
            format!("{{ viewer {{ tasks(first: {number}) {{ totalCount }} }} }}"),
            format!("{{ viewer {{ ...F }} }} fragment F on User {{ tasks(first: {number}) {{ totalCount }} }}"),
            format!("{{ viewer {{ ... on User {{ tasks(last: {number}) {{ totalCount }} }} }} }}"),
            format!("query ($n: Int = {number}) {{ viewer {{ tasks(first: $n) {{ totalCount }} }} }}"),
        ] {
            let reply = send(&ana, &query, json!({})).await;
            assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED", "{query}");
            assert!(reply.body.get("data").is_none(), "{reply:?}");
        }
        let query = "query ($n: Int) { viewer { tasks(first: $n) { totalCount } } }";
        let number: Value = serde_json::from_str(number).unwrap();
        let reply = send(&ana, query, json!({ "n": number })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{reply:?}");
    }
    assert_eq!(app.sql("SELECT count(*) FROM tasks").await, [0]);
    for number in ["2147483647", "-2147483648"] {
        let query = format!(
            "mutation {{ deleteTask(input: {{ id: \"x\", ifVersion: {number} }}) {{ userErrors {{ code }} }} }}"
        );
        ana.ask(&query, json!({})).await;
    }
}

#[apply(each_database)]
async fn incompatible_variables_are_rejected_before_execution(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Pay the rent").await;
    for (variable, create) in [
        ("$v: String", "createTask(input: { title: $v })"),
        ("$v: CreateTaskInput", "createTask(input: $v)"),
        (
            "$v: ID",
            "createTask(input: { title: \"a\", placement: { before: $v } })",
        ),
        (
            "$v: ID!",
            "createTask(input: { title: \"a\", placement: { before: $v, edge: LAST } })",
        ),
        (
            "$v: String!",
            "createTask(input: { title: \"a\", priority: $v })",
        ),
    ] {
        let query = format!(
            "mutation ({variable}) {{ deleteTask(input: {{ id: \"{id}\" }}) {{ deletedTaskId }} \
             {create} {{ task {{ id }} }} }}"
        );
        for variables in [json!({}), json!({ "v": "HIGH" })] {
            let reply = send(&ana, &query, variables).await;
            let code = "GRAPHQL_VALIDATION_FAILED";
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (400, code),
                "{query}"
            );
        }
    }
    let count = "{ viewer { tasks { totalCount } } }";
    let data = ana.ask(count, json!({})).await;
    assert_eq!(data["viewer"]["tasks"]["totalCount"], 1);
}
