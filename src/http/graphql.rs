//! GraphQL over HTTP: the way of a request from its bytes to its answer.

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
    App,
    graphql_request::Params,
    graphql_response::Answer,
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

/// One request, by GET or by POST, or the opening of a socket.
pub(super) async fn serve(
    State(app): State<Arc<App>>,
    Extension(request_id): Extension<RequestId>,
    peer: Peer,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    let device = device(&app, &head.headers, peer);
    let cookies = match origins::cookies(&app, &head.headers, peer) {
        Ok(cookies) => cookies,
        Err(refused) => return refused.write(Media::Json, request_id, &app.bounds),
    };
    if head.method == Method::GET && asks_for_socket(&head.headers) {
        return streams::upgrade(app.clone(), head, device, cookies.read_only(), request_id)
            .await
            .unwrap_or_else(|refused| refused.write(Media::Json, request_id, &app.bounds));
    }
    let cookies = Arc::new(cookies);
    let accepted = Accepted::of(&head.headers);
    // What is wrong with the method is said to whoever would not understand it, too.
    let media = accepted.for_one().unwrap_or(Media::Json);
    let outcome = match read(&head, body, &accepted).await {
        Ok(params) => match app.bounds.request() {
            Some(_place) => {
                let sender = (device, Arc::clone(&cookies));
                let responding = respond(&app, sender, &head, &accepted, params, request_id);
                timeout(operation::TIMEOUT, responding)
                    .await
                    .unwrap_or_else(|_| Err(operation::timed_out()))
            }
            None => Err(Answer::of(Error::Unavailable)),
        },
        Err(refused) => Err(refused),
    };
    let mut response = match outcome {
        Ok(Outcome::Stream(response)) => response,
        Ok(Outcome::Answer(answer)) | Err(answer)
            if media.is_stream() && answer.is_of_the_document() =>
        {
            write_stream(media, streams::only(answer, request_id))
        }
        Ok(Outcome::Answer(answer)) | Err(answer) => answer.write(media, request_id, &app.bounds),
    };
    cookies.write(response.headers_mut());
    response
}

enum Outcome {
    Answer(Answer),
    Stream(Response),
}

async fn read(head: &Parts, body: Body, accepted: &Accepted) -> Result<Params, Answer> {
    let params = match head.method {
        Method::GET => Params::of_uri(&head.uri)?,
        Method::POST => Params::of_body(&head.headers, body).await?,
        _ => {
            let message = "Send queries by GET or POST, and mutations by POST.";
            return Err(Answer::method_not_allowed("GET, POST", message));
        }
    };
    match accepted.for_one() {
        Some(_) => Ok(params),
        None => Err(not_acceptable(
            "Accept application/graphql-response+json, application/json or text/event-stream.",
        )),
    }
}

fn not_acceptable(message: &str) -> Answer {
    Answer::refusal(StatusCode::NOT_ACCEPTABLE, code::BAD_REQUEST, message)
}

async fn respond(
    app: &Arc<App>,
    (device, cookies): (Device, Arc<Cookies>),
    head: &Parts,
    accepted: &Accepted,
    params: Params,
    request_id: RequestId,
) -> Result<Outcome, Answer> {
    let document = operation::document(app, &params)?;
    let operation = document.operation(params.operation_name.as_deref());
    if head.method == Method::GET
        && operation.is_some_and(|operation| operation.kind == OperationType::Mutation)
    {
        return Err(Answer::method_not_allowed(
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
    let credentials = identified.map_err(Answer::of)?;
    if !operation.is_some_and(is_public) {
        credentials.check().map_err(Answer::of)?;
    }
    let returns_tokens = operation.is_some_and(returns_tokens);
    let admitted = operation::admit(app, &document, params)?;
    if admitted.kind == OperationType::Subscription {
        let Some(media) = accepted.for_many() else {
            return Err(not_acceptable(
                "Accept text/event-stream for a subscription, or open a WebSocket.",
            ));
        };
        let network = Network::of(device.ip_address);
        let (watch, permits) = streams::acquire(&app.streams, &credentials, network)?;
        let context = RequestContext::new(credentials, device, cookies);
        let app = Arc::clone(app);
        let answers = streams::answers(app, admitted, context, request_id, watch, permits).await;
        return Ok(Outcome::Stream(write_stream(media, answers)));
    }
    let context = RequestContext::new(credentials, device, cookies);
    let answer = operation::run(app, admitted, context).await;
    Ok(Outcome::Answer(if returns_tokens {
        answer.holding_token()
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

fn device(app: &App, headers: &HeaderMap, peer: Option<IpAddr>) -> Device {
    Device {
        user_agent: headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        ip_address: peer.map(|peer| app.proxies.client(headers, peer)),
    }
}

/// True if the answer holds a token.
fn returns_tokens(operation: &Operation) -> bool {
    operation
        .known_root_fields()
        .flatten()
        .any(|field| field.output == Output::Tokens)
}

/// True if every root field is public, so that a stale header never prevents signing in.
fn is_public(operation: &Operation) -> bool {
    operation
        .known_root_fields()
        .all(|field| field.is_some_and(|field| field.access == Access::Public))
}
