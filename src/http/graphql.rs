//! GraphQL over HTTP: handles a request from its bytes to its response.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_graphql::parser::types::OperationType;
use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{UPGRADE, USER_AGENT},
        request::Parts,
    },
    response::Response,
};
use tokio::time::timeout;

use super::{
    AppState,
    graphql_request::GraphqlRequest,
    graphql_response::GraphqlResponse,
    negotiate::{Accepted, Media},
    operation, origins, streams,
};
use crate::{
    error::{Error, code},
    graphql::root_fields::{Access, Output},
    id::RequestId,
    identity::{Authorization, Cookies, Device, Network, RequestContext},
    query_limits::Operation,
};

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// Handles a request by GET or POST, or the opening of a WebSocket.
pub(super) async fn serve(
    State(app): State<Arc<AppState>>,
    Extension(request_id): Extension<RequestId>,
    peer: Peer,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    let device = device(&app, &head.headers, peer);
    let cookies = match origins::cookies(&app, &head.headers, peer) {
        Ok(cookies) => cookies,
        Err(refused) => return refused.write(Media::Json, request_id, &app.admission),
    };
    if head.method == Method::GET && asks_for_socket(&head.headers) {
        return streams::upgrade(app.clone(), head, device, cookies.read_only(), request_id)
            .await
            .unwrap_or_else(|refused| refused.write(Media::Json, request_id, &app.admission));
    }
    let cookies = Arc::new(cookies);
    let accepted = Accepted::of(&head.headers);
    // A client that accepts none of the media types still receives the error as JSON.
    let media = accepted.for_single().unwrap_or(Media::Json);
    let outcome = match read(&head, body, &accepted).await {
        Ok(params) => match app.admission.request() {
            Some(_place) => {
                let sender = (device, Arc::clone(&cookies));
                let responding = respond(&app, sender, &head, &accepted, params, request_id);
                timeout(operation::OPERATION_TIMEOUT, Box::pin(responding))
                    .await
                    .unwrap_or_else(|_| Err(operation::timeout_response()))
            }
            None => Err(GraphqlResponse::from_error(Error::Unavailable)),
        },
        Err(refused) => Err(refused),
    };
    let mut response = match outcome {
        Ok(Outcome::Stream(response)) => response,
        Ok(Outcome::GraphqlResponse(answer)) | Err(answer)
            if media.is_stream() && answer.is_document_error() =>
        {
            write_stream(media, streams::single_response(answer, request_id))
        }
        Ok(Outcome::GraphqlResponse(answer)) | Err(answer) => {
            answer.write(media, request_id, &app.admission)
        }
    };
    cookies.write(response.headers_mut());
    response
}

enum Outcome {
    GraphqlResponse(GraphqlResponse),
    Stream(Response),
}

async fn read(
    head: &Parts,
    body: Body,
    accepted: &Accepted,
) -> Result<GraphqlRequest, GraphqlResponse> {
    let params = match head.method {
        Method::GET => GraphqlRequest::from_uri(&head.uri)?,
        Method::POST => GraphqlRequest::from_body(&head.headers, body).await?,
        _ => {
            let message = "Send queries by GET or POST, and mutations by POST.";
            return Err(GraphqlResponse::method_not_allowed("GET, POST", message));
        }
    };
    match accepted.for_single() {
        Some(_) => Ok(params),
        None => Err(not_acceptable(
            "Accept application/graphql-response+json, application/json or text/event-stream.",
        )),
    }
}

fn not_acceptable(message: &str) -> GraphqlResponse {
    GraphqlResponse::rejection(StatusCode::NOT_ACCEPTABLE, code::BAD_REQUEST, message)
}

async fn respond(
    app: &Arc<AppState>,
    (device, cookies): (Device, Arc<Cookies>),
    head: &Parts,
    accepted: &Accepted,
    params: GraphqlRequest,
    request_id: RequestId,
) -> Result<Outcome, GraphqlResponse> {
    let document = operation::document(app, &params)?;
    let operation = document.operation(params.operation_name.as_deref());
    if head.method == Method::GET
        && operation.is_some_and(|operation| operation.kind == OperationType::Mutation)
    {
        return Err(GraphqlResponse::method_not_allowed(
            "POST",
            "Send mutations by POST.",
        ));
    }
    let authorization = Authorization::from_headers(&head.headers);
    let identified = app
        .identity
        .authenticator
        .authenticate(authorization, &cookies)
        .await;
    let credentials = identified.map_err(GraphqlResponse::from_error)?;
    if !operation.is_some_and(is_public) {
        credentials.check().map_err(GraphqlResponse::from_error)?;
    }
    let returns_tokens = operation.is_some_and(returns_tokens);
    let prepared = operation::prepare(app, document, params)?;
    if prepared.kind == OperationType::Subscription {
        let Some(media) = accepted.for_stream() else {
            return Err(not_acceptable(
                "Accept text/event-stream for a subscription, or open a WebSocket.",
            ));
        };
        let network = Network::of(device.ip_address);
        let (watch, permits) = streams::acquire(&app.streams, &credentials, network)?;
        let context = RequestContext::new(credentials, device, cookies);
        let app = Arc::clone(app);
        let answers = streams::responses(app, prepared, context, request_id, watch, permits);
        let answers = Box::pin(answers).await;
        return Ok(Outcome::Stream(write_stream(media, answers)));
    }
    let context = RequestContext::new(credentials, device, cookies);
    let answer = operation::run(app, prepared, context).await;
    Ok(Outcome::GraphqlResponse(if returns_tokens {
        answer.with_token_mark()
    } else {
        answer
    }))
}

fn write_stream(
    media: Media,
    items: impl futures_util::Stream<Item = streams::Item> + Send + 'static,
) -> Response {
    match media {
        Media::Multipart => streams::parts(items),
        _ => streams::events(items),
    }
}

fn asks_for_socket(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn device(app: &AppState, headers: &HeaderMap, peer: Option<IpAddr>) -> Device {
    Device {
        user_agent: headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        ip_address: peer.map(|peer| app.proxies.client(headers, peer)),
    }
}

/// True if the response contains a token.
fn returns_tokens(operation: &Operation) -> bool {
    operation
        .root_field_rows()
        .flatten()
        .any(|field| field.output == Output::Tokens)
}

/// True if every root field is public. Such operations ignore invalid credentials, so that an
/// expired token never prevents signing in.
fn is_public(operation: &Operation) -> bool {
    operation
        .root_field_rows()
        .all(|field| field.is_some_and(|field| field.access == Access::Public))
}
