//! Nobody reaches what is another's: every private field and every mutation, tried as nobody and
//! as a stranger.
//!
//! A case is a document with the ids that an attacker would use and those that the owner uses. The
//! owner's answer shows that the document would reach something; the others' that it does not. The
//! last test fails when the schema has a field that no case covers.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_query,
    types::{Selection, SelectionSet},
};
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, TestEnv, apply, each_database};

/// What is Ana's. None of it may be in an answer to anybody else.
struct Ana {
    client: Client,
    user: String,
    session: String,
    refresh_token: String,
    event: String,
    token: String,
    task: String,
    deleted: String,
    cursor: String,
}

const SECRET: &str = "ana's secret";

impl Ana {
    async fn arrive(app: &App) -> Self {
        let client = app.sign_up("ana").await;
        let create = "mutation ($title: String!) { createTask(input: {
            title: $title, description: $title, priority: HIGH,
            due: { date: \"2026-12-24\", time: \"18:00\", timeZone: \"Europe/Vienna\" } }) { task { id } } }";
        let mut ids = Vec::new();
        for _ in 0..2 {
            let data = client.ask(create, json!({ "title": SECRET })).await;
            ids.push(text(&data["createTask"]["task"]["id"]));
        }
        let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
        client.ask(delete, json!({ "id": ids[1] })).await;
        let name =
            "mutation ($name: String) { updateProfile(input: { name: $name }) { user { id } } }";
        client.ask(name, json!({ "name": SECRET })).await;
        let token = "mutation ($name: String!) { createAccessToken(input: { name: $name }) {
            accessToken { id } } }";
        let token = client.ask(token, json!({ "name": SECRET })).await;
        let data = client
            .ask(
                "{ viewer { id currentSession { id } securityEvents { nodes { id } }
                   tasks { edges { cursor } } } }",
                json!({}),
            )
            .await;
        let viewer = &data["viewer"];
        Self {
            user: text(&viewer["id"]),
            session: text(&viewer["currentSession"]["id"]),
            refresh_token: client.refresh_token.clone().expect("signed in"),
            event: text(&viewer["securityEvents"]["nodes"][0]["id"]),
            token: text(&token["createAccessToken"]["accessToken"]["id"]),
            task: ids[0].clone(),
            deleted: ids[1].clone(),
            cursor: text(&viewer["tasks"]["edges"][0]["cursor"]),
            client,
        }
    }

    fn is_shown_in(&self, answer: &Value) -> bool {
        let answer = answer.to_string();
        let email = self.client.email();
        [
            SECRET,
            &email,
            &self.user,
            &self.session,
            &self.refresh_token,
            &self.event,
            &self.token,
            &self.task,
            &self.deleted,
            &self.cursor,
        ]
        .iter()
        .any(|mark| answer.contains(*mark))
    }

    /// All that Ana can see of hers.
    async fn everything(&self) -> Value {
        self.client
            .ask(
                "{ viewer { id email name timeZone updatedAt currentSession { id }
                   sessions { nodes { id } } accessTokens { nodes { id } } tasks {
                   totalCount nodes { id version title description completed priority position
                   updatedAt } } } }",
                json!({}),
            )
            .await
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

struct Case {
    name: &'static str,
    document: &'static str,
    /// What somebody else sends, knowing every id of Ana's.
    attack: fn(&Ana) -> Value,
    /// What Ana sends to reach hers.
    own: fn(&Ana) -> Value,
    /// The code at the mutation's place when nobody is signed in; reading answers nothing instead.
    as_nobody: Option<&'static str>,
}

const PRIVATE: Option<&str> = Some("UNAUTHENTICATED");

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "the viewer",
            document: "query ($task: ID!, $after: String) { viewer {
                id email name timeZone createdAt updatedAt
                currentSession { id isCurrent label userAgent ipAddress delivery createdAt lastActiveAt
                  expiresAt }
                sessions { edges { cursor node { id } } nodes { id }
                  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }
                securityEvents { edges { cursor node { id kind at ipAddress userAgent } } nodes { id }
                  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }
                accessTokens { edges { cursor node { id name prefix scopes createdAt lastUsedAt expiresAt } }
                  nodes { id }
                  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }
                taskCounts { total open completed overdue dueToday }
                tasks { edges { cursor node { id version title description completed completedAt
                  priority position due { date time timeZone at isOverdue } createdAt updatedAt } }
                  nodes { id }
                  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }
                last: tasks(last: 100, before: $after) { nodes { title } }
                task(id: $task) { id title description } } }",
            attack: |ana| json!({ "task": ana.task, "after": ana.cursor }),
            own: |ana| json!({ "task": ana.task }),
            as_nobody: None,
        },
        Case {
            name: "objects by id",
            document: "query ($task: ID!, $deleted: ID!, $user: ID!, $session: ID!, $event: ID!,
                $token: ID!) {
                task: node(id: $task) { id ... on Task { title } }
                deleted: node(id: $deleted) { id }
                user: node(id: $user) { id ... on User { email tasks { nodes { title } } } }
                session: node(id: $session) { id ... on Session { label } }
                event: node(id: $event) { id ... on SecurityEvent { kind } }
                token: node(id: $token) { id ... on AccessToken { name } }
                nodes(ids: [$task, $deleted, $user, $session, $event, $token]) { id __typename } }",
            attack: ids,
            own: ids,
            as_nobody: None,
        },
        Case {
            name: "createTask",
            document: "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
                task { id title } viewer { id } userErrors { message code path } } }",
            attack: |_| json!({ "input": { "title": "mine" } }),
            own: |_| json!({ "input": { "title": SECRET } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "updateTask",
            document: "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) {
                task { id title description } userErrors { message code path
                ... on VersionConflictError { currentVersion } } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "title": "taken", "ifVersion": 7 } }),
            own: |ana| json!({ "input": { "id": ana.task, "title": SECRET } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "setTaskCompleted",
            document: "mutation ($input: SetTaskCompletedInput!) { setTaskCompleted(input: $input) {
                task { id title } viewer { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "completed": true } }),
            own: |ana| json!({ "input": { "id": ana.task, "completed": true } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "moveTask",
            document: "mutation ($input: MoveTaskInput!) { moveTask(input: $input) {
                task { id title } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "placement": { "edge": "FIRST" } } }),
            own: |ana| json!({ "input": { "id": ana.task, "placement": { "edge": "FIRST" } } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "createTask beside",
            document: "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
                task { id title } userErrors { code } } }",
            attack: |ana| json!({ "input": { "title": "x", "placement": { "after": ana.task } } }),
            own: |ana| json!({ "input": { "title": SECRET, "placement": { "after": ana.task } } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "deleteTask",
            document: "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) {
                deletedTaskId viewer { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task } }),
            own: |ana| json!({ "input": { "id": ana.task } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "updateProfile",
            document: "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
                user { id email name } userErrors { message code path } } }",
            attack: |_| json!({ "input": { "name": "taken" } }),
            own: |_| json!({ "input": { "name": SECRET } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "signIn",
            document: "mutation ($input: SignInInput!) { signIn(input: $input) {
                tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
                user { id email } session { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "email": ana.client.email(), "password": "a guess of it" } }),
            own: |ana| json!({ "input": { "email": ana.client.email(), "password": PASSWORD } }),
            as_nobody: None,
        },
        Case {
            name: "signUp",
            document: "mutation ($input: SignUpInput!) { signUp(input: $input) {
                tokens { accessToken accessTokenExpiresAt } user { id email } session { id }
                userErrors { message code path
                ... on WeakPasswordError { reasons } ... on RateLimitedError { retryAfter } } } }",
            attack: |ana| json!({ "input": { "email": ana.client.email(), "password": PASSWORD } }),
            own: |_| json!({ "input": { "email": "second.ana@example.com", "password": PASSWORD,
                                        "name": SECRET, "deviceLabel": SECRET } }),
            as_nobody: None,
        },
        Case {
            name: "changePassword",
            document: "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) {
                user { id email } endedSessions userErrors { message code path } } }",
            attack: |_| json!({ "input": { "currentPassword": PASSWORD, "newPassword": PASSWORD } }),
            own: |_| json!({ "input": { "currentPassword": PASSWORD, "newPassword": PASSWORD } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "deleteAccount",
            document: "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) {
                deletedUserId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "password": PASSWORD, "confirmEmail": ana.client.email() } }),
            own: |ana| json!({ "input": { "password": PASSWORD, "confirmEmail": ana.client.email() } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "refreshSession",
            document: "mutation ($input: RefreshSessionInput) { refreshSession(input: $input) {
                tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
                session { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "refreshToken": format!("{}.1", ana.session) } }),
            own: |ana| json!({ "input": { "refreshToken": ana.refresh_token } }),
            as_nobody: None,
        },
        Case {
            name: "revokeSession",
            document: "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) {
                revokedSessionId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.session } }),
            own: |ana| json!({ "input": { "id": ana.session } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "revokeOtherSessions",
            document: "mutation { revokeOtherSessions {
                revokedSessionIds userErrors { message code path } } }",
            attack: |_| json!({}),
            own: |_| json!({}),
            as_nobody: PRIVATE,
        },
        Case {
            name: "createAccessToken",
            document: "mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
                accessToken { id name } token userErrors { message code path } } }",
            attack: |_| json!({ "input": { "name": "mine" } }),
            own: |_| json!({ "input": { "name": SECRET } }),
            as_nobody: PRIVATE,
        },
        Case {
            name: "revokeAccessToken",
            document: "mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) {
                revokedAccessTokenId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.token } }),
            own: |ana| json!({ "input": { "id": ana.token } }),
            as_nobody: PRIVATE,
        },
        // Shows nothing but a count; that it ends no session of Ana's is seen by her going on.
        Case {
            name: "signOut",
            document: "mutation ($input: SignOutInput!) { signOut(input: $input) {
                endedSessions userErrors { message code path } } }",
            attack: |_| json!({ "input": { "everywhere": true } }),
            own: |_| json!({ "input": { "everywhere": true } }),
            as_nobody: None,
        },
    ]
}

fn ids(ana: &Ana) -> Value {
    json!({ "task": ana.task, "deleted": ana.deleted, "user": ana.user, "session": ana.session,
            "event": ana.event, "token": ana.token })
}

#[apply(each_database)]
async fn nobody_and_strangers_reach_nothing_that_the_owner_reaches(env: TestEnv) {
    for case in cases() {
        let app = env.fresh().await.app().await;
        let ana = Ana::arrive(&app).await;
        let before = ana.everything().await;
        let attack = (case.attack)(&ana);

        let ben = app.sign_up("ben").await;
        ben.create_task("Ben's").await;
        let reply = ben.send(case.document, attack.clone()).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", case.name);
        assert!(
            !ana.is_shown_in(&reply.body),
            "{} as a stranger: {reply:?}",
            case.name
        );

        let reply = app.nobody().send(case.document, attack).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", case.name);
        assert!(
            !ana.is_shown_in(&reply.body),
            "{} as nobody: {reply:?}",
            case.name
        );
        match case.as_nobody {
            Some(code) => {
                assert_eq!(reply.code(), code, "{}", case.name);
                assert_eq!(reply.reason(), "NO_CREDENTIALS", "{}", case.name);
            }
            None => assert_eq!(reply.body.get("errors"), None, "{}: {reply:?}", case.name),
        }
        assert_eq!(
            ana.everything().await,
            before,
            "{} changed Ana's",
            case.name
        );

        let answer = ana.client.ask(case.document, (case.own)(&ana)).await;
        if case.name == "objects by id" {
            let missing = answer.as_object().unwrap().iter();
            let missing = missing.filter(|(alias, it)| it.is_null() && *alias != "deleted");
            assert_eq!(missing.count(), 0, "{answer}");
        }
        let ended_one = answer["signOut"]["endedSessions"] == 1;
        // There is no other to end: that it answers at all is what nobody does not get.
        let ended_others = answer["revokeOtherSessions"].is_object();
        let reached = ana.is_shown_in(&answer) || ended_one || ended_others;
        assert!(
            reached,
            "{} does not even reach its owner's: {answer}",
            case.name
        );
    }
}

/// What holds nothing of anybody's.
const PUBLIC: [&str; 4] = [
    "Service",
    "PasswordPolicy",
    "ServiceLimits",
    "Query.service",
];

#[apply(each_database)]
async fn every_private_field_is_tried(env: TestEnv) {
    let app = env.app().await;
    let data = app
        .nobody()
        .ask(
            "{ __schema { types { kind name possibleTypes { name } fields { name
               type { name ofType { name ofType { name ofType { name } } } } } } } }",
            json!({}),
        )
        .await;
    let schema = Schema::read(&data["__schema"]["types"]);
    let mut tried = BTreeSet::new();
    let documents = cases().into_iter().map(|case| case.document);
    for document in documents.chain([super::streams::LISTEN]) {
        let document = parse_query(document).unwrap();
        for (_, operation) in document.operations.iter() {
            let root = match operation.node.ty.to_string().as_str() {
                "mutation" => "Mutation",
                "subscription" => "Subscription",
                _ => "Query",
            };
            schema.walk(root, &operation.node.selection_set.node, &mut tried);
        }
    }
    let untried: Vec<_> = schema
        .coordinates()
        .filter(|coordinate| {
            let of_type = coordinate.split('.').next().unwrap();
            !tried.contains(coordinate)
                && !PUBLIC.contains(&of_type)
                && !PUBLIC.contains(&coordinate.as_str())
        })
        .collect();
    assert!(
        untried.is_empty(),
        "no case of isolation covers {untried:?}"
    );
}

/// The fields of each type, and the objects of each interface.
struct Schema {
    fields: BTreeMap<String, BTreeMap<String, String>>,
    possible: BTreeMap<String, Vec<String>>,
    objects: Vec<String>,
}

impl Schema {
    fn read(types: &Value) -> Self {
        let mut schema = Self {
            fields: BTreeMap::new(),
            possible: BTreeMap::new(),
            objects: Vec::new(),
        };
        for of_type in types.as_array().unwrap() {
            let name = text(&of_type["name"]);
            if name.starts_with("__") {
                continue;
            }
            let fields = of_type["fields"].as_array().into_iter().flatten();
            let fields = fields.map(|field| (text(&field["name"]), innermost(&field["type"])));
            schema.fields.insert(name.clone(), fields.collect());
            let possible = of_type["possibleTypes"].as_array().into_iter().flatten();
            let possible = possible.map(|object| text(&object["name"])).collect();
            schema.possible.insert(name.clone(), possible);
            if of_type["kind"] == "OBJECT" {
                schema.objects.push(name);
            }
        }
        schema
    }

    fn coordinates(&self) -> impl Iterator<Item = String> {
        self.objects.iter().flat_map(|object| {
            self.fields[object]
                .keys()
                .map(move |field| format!("{object}.{field}"))
        })
    }

    /// Notes each field that the selections ask for; one of an interface is one of each object.
    fn walk(&self, of_type: &str, selections: &SelectionSet, tried: &mut BTreeSet<String>) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    if name.starts_with("__") {
                        continue;
                    }
                    for object in std::iter::once(of_type)
                        .chain(self.possible[of_type].iter().map(String::as_str))
                    {
                        tried.insert(format!("{object}.{name}"));
                    }
                    let inner = &self.fields[of_type][name];
                    self.walk(inner, &field.node.selection_set.node, tried);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of_type = condition.map_or(of_type, |on| on.node.on.node.as_str());
                    self.walk(of_type, &fragment.node.selection_set.node, tried);
                }
                Selection::FragmentSpread(_) => panic!("the cases have no named fragments"),
            }
        }
    }
}

fn innermost(of_type: &Value) -> String {
    match of_type["name"].as_str() {
        Some(name) => name.to_owned(),
        None => innermost(&of_type["ofType"]),
    }
}
