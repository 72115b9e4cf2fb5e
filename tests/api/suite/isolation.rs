//! Isolation of users: every private field and mutation is tried as another user and anonymously.
//!
//! A case is a document with the variables of an attacker and those of the owner. The owner's
//! response shows that the document reaches private data; the responses to the other user and to
//! the anonymous client must contain none of it. The last test fails if no case covers a field of
//! the schema.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_query,
    types::{Selection, SelectionSet},
};
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, TestEnv, apply, each_database};

/// Ana's data. No response to another client may contain any of it.
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
    async fn sign_up(app: &App) -> Self {
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

    fn is_exposed_in(&self, answer: &Value) -> bool {
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

    /// Returns all of Ana's data that she can read.
    async fn snapshot(&self) -> Value {
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
        .unwrap_or_else(|| panic!("not a string: {value}"))
        .to_owned()
}

struct Case {
    name: &'static str,
    document: &'static str,
    /// The variables of an attacker who knows all of Ana's ids.
    attack: fn(&Ana) -> Value,
    /// The variables with which Ana reaches her own data.
    own: fn(&Ana) -> Value,
    /// The error code for an anonymous client. `None` for operations that return no error.
    anonymous_code: Option<&'static str>,
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
            anonymous_code: None,
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
            anonymous_code: None,
        },
        Case {
            name: "createTask",
            document: "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
                task { id title } viewer { id } userErrors { message code path } } }",
            attack: |_| json!({ "input": { "title": "mine" } }),
            own: |_| json!({ "input": { "title": SECRET } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "updateTask",
            document: "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) {
                task { id title description } userErrors { message code path
                ... on VersionConflictError { currentVersion } } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "title": "taken", "ifVersion": 7 } }),
            own: |ana| json!({ "input": { "id": ana.task, "title": SECRET } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "setTaskCompleted",
            document: "mutation ($input: SetTaskCompletedInput!) { setTaskCompleted(input: $input) {
                task { id title } viewer { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "completed": true } }),
            own: |ana| json!({ "input": { "id": ana.task, "completed": true } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "moveTask",
            document: "mutation ($input: MoveTaskInput!) { moveTask(input: $input) {
                task { id title } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task, "placement": { "edge": "FIRST" } } }),
            own: |ana| json!({ "input": { "id": ana.task, "placement": { "edge": "FIRST" } } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "createTask beside",
            document: "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
                task { id title } userErrors { code } } }",
            attack: |ana| json!({ "input": { "title": "x", "placement": { "after": ana.task } } }),
            own: |ana| json!({ "input": { "title": SECRET, "placement": { "after": ana.task } } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "deleteTask",
            document: "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) {
                deletedTaskId viewer { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.task } }),
            own: |ana| json!({ "input": { "id": ana.task } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "updateProfile",
            document: "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
                user { id email name } userErrors { message code path } } }",
            attack: |_| json!({ "input": { "name": "taken" } }),
            own: |_| json!({ "input": { "name": SECRET } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "signIn",
            document: "mutation ($input: SignInInput!) { signIn(input: $input) {
                tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
                user { id email } session { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "email": ana.client.email(), "password": "a guess of it" } }),
            own: |ana| json!({ "input": { "email": ana.client.email(), "password": PASSWORD } }),
            anonymous_code: None,
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
            anonymous_code: None,
        },
        Case {
            name: "changePassword",
            document: "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) {
                user { id email } endedSessions userErrors { message code path } } }",
            attack: |_| json!({ "input": { "currentPassword": PASSWORD, "newPassword": PASSWORD } }),
            own: |_| json!({ "input": { "currentPassword": PASSWORD, "newPassword": PASSWORD } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "requestPasswordReset",
            document: "mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) {
                userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "email": ana.client.email() } }),
            own: |ana| json!({ "input": { "email": ana.client.email() } }),
            anonymous_code: None,
        },
        Case {
            name: "resetPassword",
            document: "mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) {
                userErrors { message code path } } }",
            attack: |ana| {
                // A token with Ana's id, but without the secret of a mail.
                let user_id = ana.user.trim_start_matches("user_");
                let token = format!("{user_id}_{user_id}_secret");
                json!({ "input": { "token": token, "newPassword": "another password" } })
            },
            own: |_| json!({ "input": { "token": "", "newPassword": PASSWORD } }),
            anonymous_code: None,
        },
        Case {
            name: "deleteAccount",
            document: "mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) {
                deletedUserId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "password": PASSWORD, "confirmEmail": ana.client.email() } }),
            own: |ana| json!({ "input": { "password": PASSWORD, "confirmEmail": ana.client.email() } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "refreshSession",
            document: "mutation ($input: RefreshSessionInput) { refreshSession(input: $input) {
                tokens { accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }
                session { id } userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "refreshToken": format!("{}.1", ana.session) } }),
            own: |ana| json!({ "input": { "refreshToken": ana.refresh_token } }),
            anonymous_code: None,
        },
        Case {
            name: "revokeSession",
            document: "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) {
                revokedSessionId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.session } }),
            own: |ana| json!({ "input": { "id": ana.session } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "revokeOtherSessions",
            document: "mutation { revokeOtherSessions {
                revokedSessionIds userErrors { message code path } } }",
            attack: |_| json!({}),
            own: |_| json!({}),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "createAccessToken",
            document: "mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) {
                accessToken { id name } token userErrors { message code path } } }",
            attack: |_| json!({ "input": { "name": "mine" } }),
            own: |_| json!({ "input": { "name": SECRET } }),
            anonymous_code: PRIVATE,
        },
        Case {
            name: "revokeAccessToken",
            document: "mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) {
                revokedAccessTokenId userErrors { message code path } } }",
            attack: |ana| json!({ "input": { "id": ana.token } }),
            own: |ana| json!({ "input": { "id": ana.token } }),
            anonymous_code: PRIVATE,
        },
        // The response has only a count; Ana's later requests show that her session was not ended.
        Case {
            name: "signOut",
            document: "mutation ($input: SignOutInput!) { signOut(input: $input) {
                endedSessions userErrors { message code path } } }",
            attack: |_| json!({ "input": { "everywhere": true } }),
            own: |_| json!({ "input": { "everywhere": true } }),
            anonymous_code: None,
        },
    ]
}

fn ids(ana: &Ana) -> Value {
    json!({ "task": ana.task, "deleted": ana.deleted, "user": ana.user, "session": ana.session,
            "event": ana.event, "token": ana.token })
}

#[apply(each_database)]
async fn only_the_owner_reaches_private_data(env: TestEnv) {
    for case in cases() {
        let app = env.fresh().await.app().await;
        let ana = Ana::sign_up(&app).await;
        let before = ana.snapshot().await;
        let attack = (case.attack)(&ana);

        let ben = app.sign_up("ben").await;
        ben.create_task("Ben's").await;
        let reply = ben.send(case.document, attack.clone()).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", case.name);
        assert!(
            !ana.is_exposed_in(&reply.body),
            "{} as another user: {reply:?}",
            case.name
        );

        let reply = app.anonymous().send(case.document, attack).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", case.name);
        assert!(
            !ana.is_exposed_in(&reply.body),
            "{} as an anonymous client: {reply:?}",
            case.name
        );
        match case.anonymous_code {
            Some(code) => {
                assert_eq!(reply.code(), code, "{}", case.name);
                assert_eq!(reply.reason(), "NO_CREDENTIALS", "{}", case.name);
            }
            None => assert_eq!(reply.body.get("errors"), None, "{}: {reply:?}", case.name),
        }
        assert_eq!(
            ana.snapshot().await,
            before,
            "{} changed Ana's data",
            case.name
        );

        let answer = ana.client.ask(case.document, (case.own)(&ana)).await;
        if case.name == "objects by id" {
            let missing = answer.as_object().unwrap().iter();
            let missing = missing.filter(|(alias, it)| it.is_null() && *alias != "deleted");
            assert_eq!(missing.count(), 0, "{answer}");
        }
        let ended_one = answer["signOut"]["endedSessions"] == 1;
        // Ana has no other session; a payload instead of an error shows that she was authenticated.
        let ended_others = answer["revokeOtherSessions"].is_object();
        // Their payloads show no data, to anyone.
        let shows_nothing = ["requestPasswordReset", "resetPassword"].contains(&case.name);
        let reached = ana.is_exposed_in(&answer) || ended_one || ended_others || shows_nothing;
        assert!(
            reached,
            "{} does not reach the owner's data: {answer}",
            case.name
        );
    }
}

/// Types and fields without private data.
const PUBLIC: [&str; 4] = [
    "Service",
    "PasswordPolicy",
    "ServiceLimits",
    "Query.service",
];

#[apply(each_database)]
async fn every_private_field_has_an_isolation_case(env: TestEnv) {
    let app = env.app().await;
    let data = app
        .anonymous()
        .ask(
            "{ __schema { types { kind name possibleTypes { name } fields { name
               type { name ofType { name ofType { name ofType { name } } } } } } } }",
            json!({}),
        )
        .await;
    let schema = Schema::from_introspection(&data["__schema"]["types"]);
    let mut covered = BTreeSet::new();
    let documents = cases().into_iter().map(|case| case.document);
    for document in documents.chain([super::streams::TASK_CHANGES]) {
        let document = parse_query(document).unwrap();
        for (_, operation) in document.operations.iter() {
            let root = match operation.node.ty.to_string().as_str() {
                "mutation" => "Mutation",
                "subscription" => "Subscription",
                _ => "Query",
            };
            schema.collect_fields(root, &operation.node.selection_set.node, &mut covered);
        }
    }
    let uncovered: Vec<_> = schema
        .coordinates()
        .filter(|coordinate| {
            let of_type = coordinate.split('.').next().unwrap();
            !covered.contains(coordinate)
                && !PUBLIC.contains(&of_type)
                && !PUBLIC.contains(&coordinate.as_str())
        })
        .collect();
    assert!(
        uncovered.is_empty(),
        "no isolation case covers {uncovered:?}"
    );
}

/// The fields of each type and the object types of each interface, from introspection.
struct Schema {
    fields: BTreeMap<String, BTreeMap<String, String>>,
    possible: BTreeMap<String, Vec<String>>,
    objects: Vec<String>,
}

impl Schema {
    fn from_introspection(types: &Value) -> Self {
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
            let fields = fields.map(|field| (text(&field["name"]), named_type(&field["type"])));
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

    /// Adds the coordinates of all selected fields. A field of an interface counts for each of its
    /// object types.
    fn collect_fields(
        &self,
        of_type: &str,
        selections: &SelectionSet,
        covered: &mut BTreeSet<String>,
    ) {
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
                        covered.insert(format!("{object}.{name}"));
                    }
                    let inner = &self.fields[of_type][name];
                    self.collect_fields(inner, &field.node.selection_set.node, covered);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of_type = condition.map_or(of_type, |on| on.node.on.node.as_str());
                    self.collect_fields(of_type, &fragment.node.selection_set.node, covered);
                }
                Selection::FragmentSpread(_) => panic!("the cases have no named fragments"),
            }
        }
    }
}

fn named_type(of_type: &Value) -> String {
    match of_type["name"].as_str() {
        Some(name) => name.to_owned(),
        None => named_type(&of_type["ofType"]),
    }
}
