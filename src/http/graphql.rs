//! GraphQL over HTTP: who may send what, and what each kind of answer looks like.

use std::{any::Any, collections::HashSet, net::SocketAddr, sync::Arc};

use async_graphql::{
    ParseRequestError,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};
use async_graphql_axum::GraphQLRequest;
use axum::{
    Extension,
    extract::{ConnectInfo, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{CONTENT_TYPE, USER_AGENT},
    },
    response::{IntoResponse, Response},
};

use super::{App, answer::Answer};
use crate::{
    auth::{Caller, Credentials, Device},
    error::{Error, code},
    id::RequestId,
};

/// The root fields that a request may ask for whatever its credentials are, so that a stale header
/// never keeps a client from signing in.
const OPEN_TO_ANYBODY: [&str; 5] = ["signUp", "signIn", "signOut", "service", "__typename"];

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// One request, by GET or by POST.
pub(super) async fn serve(
    State(app): State<Arc<App>>,
    Extension(request_id): Extension<RequestId>,
    peer: Peer,
    method: Method,
    headers: HeaderMap,
    request: Result<GraphQLRequest<BadRequest>, BadRequest>,
) -> Response {
    let answer = match request {
        // A form or a plain text would be sent by a browser without asking first.
        _ if method == Method::POST && !is_json(&headers) => Answer::refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code::BAD_REQUEST,
            "Send the request as application/json.",
        ),
        Ok(request) => respond(&app, peer, &method, &headers, request.into_inner()).await,
        Err(BadRequest(error)) => refuse_to_read(&error),
    };
    answer.finish(request_id, &headers).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

pub(super) async fn method_not_allowed() -> Response {
    let message = "Send queries by GET or POST, and mutations by POST.";
    Answer::method_not_allowed("GET, POST", message).into_response()
}

/// What a panic becomes; its message goes to the log alone.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = message, "a request panicked");
    Answer::refusal(
        StatusCode::INTERNAL_SERVER_ERROR,
        code::INTERNAL_SERVER_ERROR,
        crate::error::INTERNAL_MESSAGE,
    )
    .into_response()
}

async fn respond(
    app: &App,
    peer: Peer,
    method: &Method,
    headers: &HeaderMap,
    mut request: async_graphql::Request,
) -> Answer {
    let credentials = match app.provider.identify(headers).await {
        Ok(credentials) => credentials,
        Err(error) => return Answer::of(error),
    };
    let operation_name = request.operation_name.clone();
    let document = match request.parsed_query() {
        Ok(document) => document,
        Err(error) => {
            return Answer::unparsed(error.clone());
        }
    };
    let operation = selected(document, operation_name.as_deref());
    if method == Method::GET
        && operation.is_some_and(|operation| operation.ty == OperationType::Mutation)
    {
        return Answer::method_not_allowed("POST", "Send mutations by POST.");
    }
    if let Credentials::Refused { reason, .. } = credentials {
        let is_open = operation.is_some_and(|operation| is_open_to_anybody(document, operation));
        if !is_open {
            return Answer::of(Error::Unauthenticated(reason));
        }
    }
    let caller = Caller {
        credentials,
        device: Device {
            user_agent: headers
                .get(USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            ip_address: peer.map(|Extension(ConnectInfo(address))| address.ip().to_canonical()),
        },
    };
    Answer::executed(app.schema.execute(request.data(caller)).await)
}

/// The operation that the engine will run.
fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut operations = operations.values();
            operations
                .next()
                .filter(|_| operations.next().is_none())
                .map(|operation| &operation.node)
        }
    }
}

/// Whether every root field of the operation is open to anybody. Each fragment is looked at once,
/// however often it is spread.
fn is_open_to_anybody(document: &ExecutableDocument, operation: &OperationDefinition) -> bool {
    let mut seen = HashSet::new();
    let mut waiting: Vec<&SelectionSet> = vec![&operation.selection_set.node];
    while let Some(selections) = waiting.pop() {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    if !OPEN_TO_ANYBODY.contains(&field.node.name.node.as_str()) {
                        return false;
                    }
                }
                Selection::InlineFragment(fragment) => {
                    waiting.push(&fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if seen.insert(name)
                        && let Some(fragment) = document.fragments.get(name)
                    {
                        waiting.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    true
}

/// Why what was sent is no GraphQL request.
pub(super) struct BadRequest(ParseRequestError);

impl From<ParseRequestError> for BadRequest {
    fn from(error: ParseRequestError) -> Self {
        Self(error)
    }
}

impl IntoResponse for BadRequest {
    fn into_response(self) -> Response {
        refuse_to_read(&self.0).into_response()
    }
}

fn refuse_to_read(error: &ParseRequestError) -> Answer {
    let is_too_large = match error {
        ParseRequestError::PayloadTooLarge => true,
        ParseRequestError::Io(error) => error.to_string().contains("length limit exceeded"),
        _ => false,
    };
    if is_too_large {
        return Answer::refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            code::BAD_REQUEST,
            "A request has at most 256 KiB.",
        );
    }
    let message = match error {
        ParseRequestError::InvalidRequest(error) => {
            format!("This is not a GraphQL request: {error}.")
        }
        ParseRequestError::UnsupportedBatch => "Send one request at a time.".to_owned(),
        _ => "This is not a GraphQL request.".to_owned(),
    };
    Answer::refusal(StatusCode::BAD_REQUEST, code::BAD_REQUEST, &message)
}
