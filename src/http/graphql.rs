//! GraphQL over HTTP: the way of a request from its bytes to its answer.

use std::{net::SocketAddr, sync::Arc};

use async_graphql::{Request, parser::types::OperationType};
use axum::{
    Extension,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method, StatusCode, header::USER_AGENT},
    response::Response,
};

use super::{
    App, OPERATION_TIMEOUT,
    answer::Answer,
    negotiate::{Accepted, Media},
    params::Params,
};
use crate::{
    auth::{Caller, Credentials, Device},
    documents::{self, Document, Operation},
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
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let accepted = Accepted::of(&head.headers);
    // What is wrong with the method is said to whoever would not understand it, too.
    let media = accepted.for_one().unwrap_or(Media::Json);
    let params = match head.method {
        Method::GET => Params::of_uri(&head.uri),
        Method::POST => Params::of_body(&head.headers, body).await,
        _ => {
            let message = "Send queries by GET or POST, and mutations by POST.";
            return Answer::method_not_allowed("GET, POST", message).write(media, request_id);
        }
    };
    let answer = match params {
        Ok(_) if accepted.for_one().is_none() => Answer::refusal(
            StatusCode::NOT_ACCEPTABLE,
            code::BAD_REQUEST,
            "Accept application/graphql-response+json, application/json or text/event-stream.",
        ),
        Ok(params) => respond(&app, peer, &head.method, &head.headers, params)
            .await
            .unwrap_or_else(|refused| refused),
        Err(unreadable) => unreadable.into(),
    };
    answer.write(media, request_id)
}

async fn respond(
    app: &App,
    peer: Peer,
    method: &Method,
    headers: &HeaderMap,
    params: Params,
) -> Result<Answer, Answer> {
    let document = document(app, &params)?;
    let name = params.operation_name.as_deref();
    let operation = document.operation(name);
    if *method == Method::GET
        && operation.is_some_and(|operation| operation.kind == OperationType::Mutation)
    {
        return Err(Answer::method_not_allowed(
            "POST",
            "Send mutations by POST.",
        ));
    }
    let credentials = app.provider.identify(headers).await.map_err(Answer::of)?;
    if let Credentials::Refused { reason, .. } = credentials
        && !operation.is_some_and(is_open_to_anybody)
    {
        return Err(Answer::of(Error::Unauthenticated(reason)));
    }
    app.documents.admit(&document, name, &params.variables)?;
    let opens_session = operation.is_some_and(opens_session);
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
    let running = app.schema.execute(request(&document, params).data(caller));
    match tokio::time::timeout(OPERATION_TIMEOUT, running).await {
        Ok(response) if opens_session => Ok(Answer::executed(response).holding_token()),
        Ok(response) => Ok(Answer::executed(response)),
        Err(_) => {
            tracing::warn!("an operation took too long and was given up");
            Err(Answer::of(Error::Unavailable))
        }
    }
}

/// The document that a request sends, or names.
fn document(app: &App, params: &Params) -> Result<Arc<Document>, Answer> {
    let bad = |message| Answer::refusal(StatusCode::BAD_REQUEST, code::BAD_REQUEST, message);
    match (&params.query, &params.hash) {
        (Some(query), Some(hash)) if documents::hash(query) != *hash => Err(bad(
            "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.",
        )),
        (Some(query), _) if !query.is_empty() => Ok(app.documents.read(query)?),
        (_, Some(hash)) => app.documents.recall(hash).ok_or_else(|| {
            // The message is what Apollo Client looks for.
            Answer::refusal(
                StatusCode::BAD_REQUEST,
                "PERSISTED_QUERY_NOT_FOUND",
                "PersistedQueryNotFound",
            )
        }),
        _ => Err(bad("The request has no query.")),
    }
}

/// What the engine takes.
fn request(document: &Document, params: Params) -> Request {
    let mut request = Request::new(String::new()).variables(params.variables);
    request.operation_name = params.operation_name;
    request.set_parsed_query(document.parsed());
    request
}

fn opens_session(operation: &Operation) -> bool {
    let mut names = operation.root_fields.iter();
    names.any(|name| ["signUp", "signIn"].contains(&name.as_str()))
}

fn is_open_to_anybody(operation: &Operation) -> bool {
    operation
        .root_fields
        .iter()
        .all(|name| OPEN_TO_ANYBODY.contains(&name.as_str()))
}
