//! The schema: its root types, merged from the slices' fields, and its SDL.

use std::sync::Arc;

use async_graphql::{
    Context, ID, MergedObject, MergedSubscription, Object, Request, Response, SchemaBuilder,
    ServerError, ValidationMode,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
    parser::types::ExecutableDocument,
};
use async_trait::async_trait;
use futures_util::FutureExt;

use super::{
    changes::ChangeSubscription,
    node::{MAX_NODES, Node},
    service::Service,
    user::User,
};
use crate::{
    config::{AccountLimits, DocumentLimits},
    error::{Error, Nullable, Result},
    identity::{
        self, AccessTokenMutation, Identity,
        mutations::{
            AccountMutation, RecoveryMutation, SessionMutation, UpdateProfileInput,
            UpdateProfilePayload,
        },
    },
    tasks::{self, mutations::TaskMutation},
};

/// The maximum depth of nested selections, including those of fragments. The engine recurses once
/// for each level.
pub(crate) const MAX_SELECTION_DEPTH: usize = 64;

/// The type of the schema.
pub(crate) type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema with the data that its resolvers need.
pub(crate) fn build(
    identity: &Identity,
    limits: DocumentLimits,
    account_limits: AccountLimits,
    introspection: bool,
) -> Schema {
    identity
        .provide(schema_builder(introspection))
        .data(limits)
        .data(account_limits)
        // Each document has been validated once, by the function that `validator` returns.
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// Returns the schema in the schema definition language, as in `schema.graphql`.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .prefer_single_line_descriptions()
        .include_specified_by();
    schema_builder(true).finish().sdl_with_options(options)
}

/// Validates a document by the rules of the GraphQL specification, and returns its errors. Values of
/// variables are not validated.
pub(crate) type Validator = Box<dyn Fn(&ExecutableDocument) -> Vec<ServerError> + Send + Sync>;

/// Returns a function that validates documents for the schema.
pub(crate) fn validator(introspection: bool) -> Validator {
    let schema = schema_builder(introspection)
        .extension(ValidateOnly)
        .finish();
    Box::new(move |document| {
        let mut request = Request::new(String::new());
        // The engine needs the name of an operation, and validates all of them.
        let (name, _) = document.operations.iter().next().unzip();
        request.operation_name = name.flatten().map(ToString::to_string);
        request.set_parsed_query(document.clone());
        // Validation does no I/O, so the future completes at once.
        errors_of(schema.execute(request).now_or_never())
    })
}

/// Returns the errors of a validation; one that has not finished counts as an error.
fn errors_of(validated: Option<Response>) -> Vec<ServerError> {
    match validated {
        Some(response) => response.errors,
        None => vec![ServerError::new(
            "The engine did not finish validating it.",
            None,
        )],
    }
}

/// Stops the engine after validation.
struct ValidateOnly;

impl ExtensionFactory for ValidateOnly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ValidateOnly {
    async fn execute(
        &self,
        _: &ExtensionContext<'_>,
        _: Option<&str>,
        _: NextExecute<'_>,
    ) -> Response {
        Response::default()
    }
}

fn schema_builder(introspection: bool) -> SchemaBuilder<Query, Mutation, Subscription> {
    let schema = async_graphql::Schema::build(Query, Mutation::default(), Subscription::default())
        // A second check: `query_limits` rejects deeper documents before they reach the engine.
        .limit_recursive_depth(MAX_SELECTION_DEPTH);
    if introspection {
        schema
    } else {
        schema.disable_introspection().disable_suggestions()
    }
}

/// The root type of queries.
pub(crate) struct Query;

/// Root fields of queries, which read data and change nothing.
#[Object]
impl Query {
    /// Signed-in user; null if the request is anonymous, that is, without credentials. Invalid
    /// credentials are not anonymous: the request fails with `UNAUTHENTICATED` (status 401).
    async fn viewer(&self, ctx: &Context<'_>) -> Option<User> {
        identity::optional_viewer(ctx).cloned().map(User::from)
    }

    /// Version, settings and limits of the server. Needs no credentials.
    async fn service(&self, ctx: &Context<'_>) -> Service {
        Service::new(ctx)
    }

    /// Object of the viewer with this id. Null if the id is invalid or unknown, if the object
    /// belongs to another user, or if the request is anonymous.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Id of a user, session, personal access token, security event or task, such as \
                    `task_01h2xcejqtf2nbrexx3vqjhp41`."
        )]
        id: ID,
    ) -> Nullable<Node> {
        let found = Node::find(identity::optional_viewer(ctx)?, &[id]).await;
        found.map(|mut nodes| nodes.pop().flatten()).transpose()
    }

    /// Objects of the viewer with these ids: one entry for each id, in the order of `ids`. An entry
    /// is null where `node` would be null.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Ids as in `node`, of any types, at most 100 (`service.limits.maxNodes`). More fail with \
                    `BAD_USER_INPUT`."
        )]
        ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MAX_NODES {
            return Err(Error::BadUserInput(format!(
                "Ask for at most {MAX_NODES} ids; got {}.",
                ids.len()
            )));
        }
        match identity::optional_viewer(ctx) {
            Some(viewer) => Node::find(viewer, &ids).await,
            None => Ok(vec![None; ids.len()]),
        }
    }
}

/// The mutations that concern several slices.
#[derive(Default)]
pub(crate) struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Changes the viewer's name and time zone. A task due at 09:00 without a time zone of its own
    /// is then due at 09:00 in the new one.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Fields to change; an omitted field keeps its value.")]
        input: UpdateProfileInput,
    ) -> Nullable<UpdateProfilePayload<User>> {
        Some(input.run(ctx, tasks::reschedule_floating).await)
    }
}

/// Root fields of mutations. The mutations of one operation run one after the other. Errors that
/// the user can correct are in `userErrors` of the payload. If a mutation fails for another reason,
/// its payload is null and the error is in `errors`.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    AccountMutation<User>,
    ProfileMutation,
    SessionMutation<User>,
    RecoveryMutation,
    AccessTokenMutation,
    TaskMutation<User>,
);

/// Root fields of subscriptions, which run over WebSocket, server-sent events or multipart HTTP. An
/// operation has one such field.
#[derive(MergedSubscription, Default)]
pub(crate) struct Subscription(ChangeSubscription);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_validation_counts_as_error() {
        assert_eq!(errors_of(Some(Response::default())), []);
        assert_eq!(errors_of(None).len(), 1);
    }
}
