//! The schema: its root types, merged of the slices' fields, and its SDL.

use std::sync::Arc;

use async_graphql::{
    Context, ID, MergedObject, MergedSubscription, Name, Object, Request, Response, ServerError,
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
        mutations::{AccountMutation, SessionMutation, UpdateProfileInput, UpdateProfilePayload},
    },
    tasks::{self, mutations::TaskMutation},
};

/// The maximum depth of nested selections, those of fragments included: the engine recurses once for each.
pub(crate) const MAX_NESTING: usize = 64;

/// The one schema.
pub(crate) type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema.
pub(crate) fn build(
    identity: &Identity,
    limits: DocumentLimits,
    account_limits: AccountLimits,
    introspection: bool,
) -> Schema {
    let mut schema = identity
        .provide(schema_builder())
        .data(limits)
        .data(account_limits)
        // Documents are measured before they reach the engine.
        .limit_recursive_depth(MAX_NESTING);
    if !introspection {
        schema = schema.disable_introspection().disable_suggestions();
    }
    schema.finish()
}

/// The schema in the schema definition language, as `schema.graphql` has it.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().prefer_single_line_descriptions();
    schema_builder().finish().sdl_with_options(options)
}

/// Returns a function that validates an operation as the engine does, and runs nothing.
pub(crate) fn validator() -> impl Fn(&ExecutableDocument, Option<&Name>) -> Vec<ServerError> {
    let schema = schema_builder()
        .limit_recursive_depth(MAX_NESTING)
        .extension(ValidateOnly)
        .finish();
    move |document, name| {
        let mut request = Request::new(String::new());
        request.operation_name = name.map(ToString::to_string);
        request.set_parsed_query(document.clone());
        // Validation never waits.
        errors_of(schema.execute(request).now_or_never())
    }
}

/// The errors of a validation; one that has not finished counts as an error.
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

fn schema_builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    async_graphql::Schema::build(Query, Mutation::default(), Subscription::default())
}

/// What can be asked.
pub(crate) struct Query;

#[Object]
impl Query {
    /// The signed-in user. Null, and no error, when the request carries no credentials; with a
    /// token that opens nothing the whole request is a 401, never a silent null.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<User> {
        identity::optional_viewer(ctx).cloned().map(User::from)
    }

    /// What a sign-in form needs to know before anyone is signed in.
    async fn service(&self, ctx: &Context<'_>) -> Service {
        Service::new(ctx)
    }

    /// Any object of the viewer's by its id. Unknown and other people's ids are both null.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Nullable<Node> {
        let found = Node::find(identity::optional_viewer(ctx)?, &[id]).await;
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
        match identity::optional_viewer(ctx) {
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
        Some(input.run(ctx, tasks::reschedule_floating).await)
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
pub(crate) struct Subscription(ChangeSubscription);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validation_that_has_not_ended_finds_nothing_good() {
        assert_eq!(errors_of(Some(Response::default())), []);
        assert_eq!(errors_of(None).len(), 1);
    }
}
