//! The slices' parts put together: the one schema, and its SDL.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use async_graphql::{
    Context, ID, InputType, InputValueResult, Interface, MergedObject, MergedSubscription, Name,
    Object, Pos, Request, Response, ScalarType, ServerError, SimpleObject, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
    parser::types::ExecutableDocument,
};
use async_trait::async_trait;
use futures_util::FutureExt;

use crate::{
    clock::Timestamp,
    config::{AccountLimits, DocumentLimits},
    error::{Error, Nullable, Result},
    identity::{
        self, AccessToken, AccessTokenMutation, IdentityProvider, TimeZone,
        graphql::{Account, SecurityEvent, Session},
        mutations::{AccountMutation, SessionMutation, UpdateProfileInput, UpdateProfilePayload},
    },
    page,
    query_limits::{self, ScalarFault},
    scope::Viewer,
    tasks::{
        self,
        graphql::{Task, TaskLists},
        local_date_time::{LocalDate, LocalTime},
        moment::Moment,
        mutations::TaskMutation,
        subscriptions::{SyncToken, TaskSubscription},
    },
};

/// The most ids that `nodes` takes.
const MAX_NODES: usize = 100;

/// The schema's own scalars, which its SDL only names.
pub(crate) const SCALARS: [(&str, ScalarFault); 6] = [
    ("DateOrDuration", scalar_fault::<Moment>),
    ("DateTime", scalar_fault::<Timestamp>),
    ("LocalDate", scalar_fault::<LocalDate>),
    ("LocalTime", scalar_fault::<LocalTime>),
    ("SyncToken", scalar_fault::<SyncToken>),
    ("TimeZone", scalar_fault::<TimeZone>),
];

/// The one schema.
pub(crate) type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema over an identity provider.
pub(crate) fn build(
    provider: Arc<IdentityProvider>,
    limits: DocumentLimits,
    account_limits: AccountLimits,
    introspection: bool,
) -> Schema {
    let mut schema = blueprint()
        .data(provider)
        .data(limits)
        .data(account_limits)
        // Ours are measured before.
        .limit_recursive_depth(query_limits::MAX_NESTING);
    if !introspection {
        schema = schema.disable_introspection().disable_suggestions();
    }
    schema.finish()
}

/// The schema in the schema definition language, as `schema.graphql` has it.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().prefer_single_line_descriptions();
    blueprint().finish().sdl_with_options(options)
}

/// What says what the engine finds wrong with an operation, and runs nothing of it.
pub(crate) fn validator() -> impl Fn(&ExecutableDocument, Option<&Name>) -> Vec<ServerError> {
    let schema = blueprint()
        .limit_recursive_depth(query_limits::MAX_NESTING)
        .extension(NothingRuns)
        .finish();
    move |document, name| {
        let mut request = Request::new(String::new());
        request.operation_name = name.map(ToString::to_string);
        request.set_parsed_query(document.clone());
        // Where nothing runs nothing is waited for.
        errors_of(schema.execute(request).now_or_never())
    }
}

/// The errors of a validation. One that has not ended has found nothing good.
fn errors_of(validated: Option<Response>) -> Vec<ServerError> {
    match validated {
        Some(response) => response.errors,
        None => vec![ServerError::new(
            "The engine did not finish validating it.",
            None,
        )],
    }
}

/// Stops the engine where it has found a document good.
struct NothingRuns;

impl ExtensionFactory for NothingRuns {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for NothingRuns {
    async fn execute(
        &self,
        _: &ExtensionContext<'_>,
        _: Option<&str>,
        _: NextExecute<'_>,
    ) -> Response {
        Response::default()
    }
}

fn scalar_fault<T: ScalarType + InputType>(value: &Value) -> Option<String> {
    let parsed: InputValueResult<T> = ScalarType::parse(value.clone());
    let message = parsed.err()?.into_server_error(Pos::default()).message;
    // The engine puts the type's name before what the type said.
    let said = message.split_once(": ").map(|(_, said)| said.to_owned());
    Some(said.unwrap_or(message))
}

fn blueprint() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query, Mutation::default(), Subscription::default())
}

/// You. Another person is never this type. It carries the session that it was read with: what
/// `signIn` returns is the new session's.
#[derive(Clone, MergedObject)]
pub(crate) struct User(Account, TaskLists);

impl User {
    /// What `Node` asks of each of its kinds; the field itself is the account's.
    async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.user_id().into())
    }
}

impl From<Viewer> for User {
    fn from(viewer: Viewer) -> Self {
        Self(Account::new(viewer.clone()), TaskLists::new(viewer))
    }
}

/// Anything with an id of its own.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Stable and global: the kind's name, `_`, and 26 characters."
))]
pub(crate) enum Node {
    User(User),
    Session(Session),
    AccessToken(AccessToken),
    SecurityEvent(SecurityEvent),
    Task(Task),
}

impl Node {
    /// What is the viewer's and has one of these ids, each in its id's place: a statement for each kind.
    async fn find(viewer: &Viewer, ids: &[ID]) -> Result<Vec<Option<Self>>> {
        let mut found = HashMap::new();
        for task in Task::find(viewer, parsed(ids)).await? {
            found.insert(task.key(), Self::Task(task));
        }
        for session in Session::find(viewer, parsed(ids)).await? {
            found.insert(session.key(), Self::Session(session));
        }
        for token in AccessToken::find(viewer, parsed(ids)).await? {
            found.insert(token.key(), Self::AccessToken(token));
        }
        for event in SecurityEvent::find(viewer, parsed(ids)).await? {
            found.insert(event.key(), Self::SecurityEvent(event));
        }
        let me = ID::from(viewer.user_id());
        if ids.contains(&me) {
            found.insert(me, Self::User(viewer.clone().into()));
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }
}

/// Those of the ids that are of this kind.
fn parsed<T: FromStr>(ids: &[ID]) -> Vec<T> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// What can be asked.
pub(crate) struct Query;

#[Object]
impl Query {
    /// The signed-in user. Null, and no error, when the request carries no credentials; with a
    /// token that opens nothing the whole request is a 401, never a silent null.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<User> {
        identity::viewer_or_nobody(ctx).cloned().map(User::from)
    }

    /// What a sign-in form needs to know before anyone is signed in.
    async fn service(&self, ctx: &Context<'_>) -> Service {
        let provider: &Arc<IdentityProvider> = ctx.data_unchecked();
        let account_limits: &AccountLimits = ctx.data_unchecked();
        let (min_length, max_length) = provider.password_policy().lengths();
        Service {
            version: env!("CARGO_PKG_VERSION"),
            sign_up_enabled: provider.is_sign_up_open(),
            password_policy: PasswordPolicy {
                min_length,
                max_length,
            },
            limits: ServiceLimits {
                document: DocumentLimitFields::of(ctx.data_unchecked()),
                default_page_size: page::DEFAULT_SIZE,
                max_page_size: page::MAX_SIZE,
                max_nodes: MAX_NODES,
                max_title_length: tasks::MAX_TITLE_LENGTH,
                max_description_length: tasks::MAX_DESCRIPTION_LENGTH,
                max_tasks: account_limits.max_tasks,
            },
        }
    }

    /// Any object of the viewer's by its id. Unknown and other people's ids are both null.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Nullable<Node> {
        let found = Node::find(identity::viewer_or_nobody(ctx)?, &[id]).await;
        found.map(|mut nodes| nodes.pop().flatten()).transpose()
    }

    /// At most 100 ids; as many and in the same order as asked, null where `node` would be null.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            return Err(Error::BadUserInput(format!(
                "Ask for at most {MAX_NODES} ids; got {}.",
                ids.len()
            )));
        }
        match identity::viewer_or_nobody(ctx) {
            Some(viewer) => Node::find(viewer, &ids).await,
            None => Ok(vec![None; ids.len()]),
        }
    }
}

/// What reaches into more slices than one.
#[derive(Default)]
pub(crate) struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the name and the time zone. What is due without a time zone of its own follows.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
    ) -> Nullable<UpdateProfilePayload<User>> {
        let follow = async |viewer: &Viewer| tasks::follow(ctx, viewer).await;
        Some(input.run(ctx, follow).await)
    }
}

/// What can be done.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    AccountMutation<User>,
    ProfileMutation,
    SessionMutation<User>,
    AccessTokenMutation,
    TaskMutation<User>,
);

/// What can be listened to.
#[derive(MergedSubscription, Default)]
pub(crate) struct Subscription(TaskSubscription);

/// This server.
#[derive(SimpleObject)]
pub(crate) struct Service {
    /// The server's version, as Semantic Versioning writes it.
    version: &'static str,
    /// True when `signUp` makes accounts; false when it answers `SIGN_UP_DISABLED` (`CUBBY_SIGN_UP=closed`).
    sign_up_enabled: bool,
    password_policy: PasswordPolicy,
    limits: ServiceLimits,
}

/// What a password must be.
#[derive(SimpleObject)]
pub(crate) struct PasswordPolicy {
    /// In code points, after NFC.
    min_length: usize,
    /// In code points, after NFC.
    max_length: usize,
}

/// What bounds requests and values.
#[derive(SimpleObject)]
pub(crate) struct ServiceLimits {
    /// How many are on a page when neither `first` nor `last` is given.
    default_page_size: i32,
    /// The most that `first` and `last` take.
    max_page_size: i32,
    /// The most ids that `nodes` takes.
    max_nodes: usize,
    /// In code points.
    max_title_length: usize,
    /// In code points.
    max_description_length: usize,
    /// The maximum number of tasks of one person; creating more is `LIMIT_REACHED`.
    max_tasks: u32,
    #[graphql(flatten)]
    document: DocumentLimitFields,
}

/// What a document may be and ask for; beyond each is an error with a code of its own.
#[derive(SimpleObject)]
struct DocumentLimitFields {
    /// In bytes; beyond is `DOCUMENT_TOO_LARGE`.
    max_document_bytes: u32,
    /// Beyond is `TOKEN_LIMIT_EXCEEDED`.
    max_tokens: u32,
    /// Of fields within each other; beyond is `DEPTH_LIMIT_EXCEEDED`.
    max_depth: u32,
    /// Those of a fragment counted wherever it is spread; beyond is `FIELD_LIMIT_EXCEEDED`.
    max_fields: u32,
    /// Beyond is `ALIAS_LIMIT_EXCEEDED`.
    max_aliases: u32,
    /// Beyond is `DIRECTIVE_LIMIT_EXCEEDED`.
    max_directives: u32,
    /// Of operations, of fragments, and of an operation's variables; beyond is
    /// `DEFINITION_LIMIT_EXCEEDED`.
    max_definitions: u32,
    /// Beyond is `ROOT_FIELD_LIMIT_EXCEEDED`.
    max_root_fields: u32,
    /// Of lists within each other; beyond is `INTROSPECTION_LIMIT_EXCEEDED`.
    max_introspection_lists: u32,
    /// An object costs 1, a page 1 and what its edges cost for each that is asked for, a mutation
    /// 10, one that takes a password 50. Beyond is `COST_LIMIT_EXCEEDED`, which names the dearest
    /// field.
    max_cost: u32,
}

impl DocumentLimitFields {
    fn of(limits: &DocumentLimits) -> Self {
        Self {
            max_document_bytes: limits.max_document_bytes,
            max_tokens: limits.max_tokens,
            max_depth: limits.max_depth,
            max_fields: limits.max_fields,
            max_aliases: limits.max_aliases,
            max_directives: limits.max_directives,
            max_definitions: limits.max_definitions,
            max_root_fields: limits.max_root_fields,
            max_introspection_lists: limits.max_introspection_lists,
            max_cost: limits.max_cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_of_the_schema_says_what_is_wrong_with_a_value() {
        let sdl = sdl();
        let own = sdl.lines().filter_map(|line| line.strip_prefix("scalar "));
        let own = own.map(|rest| rest.split(' ').next().unwrap_or_default());
        assert_eq!(own.collect::<Vec<_>>(), SCALARS.map(|(name, _)| name));
        for (name, fault) in SCALARS {
            assert!(fault(&Value::from(7)).is_some(), "{name}");
        }
        let fault = scalar_fault::<TimeZone>(&Value::from("Mars")).unwrap();
        assert_eq!(fault, "not an IANA time zone name such as Europe/Vienna");
    }

    #[test]
    fn a_validation_that_has_not_ended_finds_nothing_good() {
        assert_eq!(errors_of(Some(Response::default())), []);
        assert_eq!(errors_of(None).len(), 1);
    }
}
