//! Finds an operation in its document, prepares it, and runs it in the engine.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Request, Response, parser::types::OperationType};
use axum::http::StatusCode;
use futures_util::{FutureExt, Stream, StreamExt, future, stream};

use super::{AppState, graphql_request::GraphqlRequest, graphql_response::GraphqlResponse};
use crate::{
    error::{Error, Panicked, code},
    identity::RequestContext,
    output::MayWriteJson,
    query_limits::{self, Document, OperationPlan},
};

/// The maximum time of a request after it has been read, and of a query or mutation on a socket.
/// Longer than the wait for an unavailable database.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The error code for an unknown hash or id of a document.
const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";

/// Returns the document that a request contains or names.
pub(super) fn document(
    app: &AppState,
    params: &GraphqlRequest,
) -> Result<Arc<Document>, GraphqlResponse> {
    let bad =
        |message| GraphqlResponse::rejection(StatusCode::BAD_REQUEST, code::BAD_REQUEST, message);
    let query = params.query.as_deref().filter(|query| !query.is_empty());
    if let Some(id) = &params.document_id {
        if query.is_some() || params.hash.is_some() {
            return Err(bad("Send either documentId, or the query and its hash."));
        }
        return app.documents.find_by_id(id).ok_or_else(|| {
            let message = "No document has this documentId.";
            GraphqlResponse::rejection(StatusCode::BAD_REQUEST, PERSISTED_QUERY_NOT_FOUND, message)
        });
    }
    match (query, &params.hash) {
        (Some(query), Some(hash)) if query_limits::hash(query) != *hash => Err(bad(
            "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.",
        )),
        (Some(query), _) => Ok(app.documents.get_or_parse(query)?),
        (None, Some(hash)) => app.documents.find_by_hash(hash).ok_or_else(|| {
            // Apollo Client compares this message.
            GraphqlResponse::rejection(
                StatusCode::BAD_REQUEST,
                PERSISTED_QUERY_NOT_FOUND,
                "PersistedQueryNotFound",
            )
        }),
        (None, None) => Err(bad("The request has no query.")),
    }
}

/// An operation that passed all checks.
pub(super) struct PreparedOperation {
    pub(super) kind: OperationType,
    cost: u64,
    document: Arc<Document>,
    /// The request for the engine, without its context.
    request: Request,
}

/// Checks the operation against the limits, which do not depend on the user.
pub(super) fn prepare(
    app: &AppState,
    document: Arc<Document>,
    params: GraphqlRequest,
) -> Result<PreparedOperation, GraphqlResponse> {
    let name = params.operation_name.as_deref();
    let OperationPlan { kind, cost } = app.documents.plan(&document, name, &params.variables)?;
    let mut request = Request::new(String::new()).variables(params.variables);
    request.operation_name = params.operation_name;
    request.set_parsed_query(document.parsed());
    let request = request.data(MayWriteJson(!document.has_merged_fields()));
    Ok(PreparedOperation {
        kind,
        cost,
        document,
        request,
    })
}

/// Runs a query or a mutation, once the running operations leave enough points.
pub(super) async fn run(
    app: &AppState,
    prepared: PreparedOperation,
    context: RequestContext,
) -> GraphqlResponse {
    if let Err(error) = app.identity.rate_limits.charge(&context, prepared.cost) {
        return GraphqlResponse::from_error(error);
    }
    // Boxed, because each future that contains it would be copied with it.
    let running = Box::pin(async {
        let _points = app.admission.points(prepared.cost).await;
        match app.documents.errors(&prepared.document) {
            [] => app.schema.execute(prepared.request.data(context)).await,
            errors => Response::from_errors(errors.to_vec()),
        }
    });
    run_with_timeout(running, OPERATION_TIMEOUT).await
}

/// Runs a subscription.
pub(super) fn subscribe(
    app: &AppState,
    prepared: PreparedOperation,
    context: RequestContext,
) -> impl Stream<Item = GraphqlResponse> + Send + 'static {
    match app.identity.rate_limits.charge(&context, prepared.cost) {
        Ok(()) => {
            let running = match app.documents.errors(&prepared.document) {
                [] => {
                    let request = prepared.request.data(context);
                    app.schema.execute_stream(request).left_stream()
                }
                errors => {
                    let response = Response::from_errors(errors.to_vec());
                    stream::once(future::ready(response)).right_stream()
                }
            };
            to_responses(running).left_stream()
        }
        Err(error) => {
            stream::once(future::ready(GraphqlResponse::from_error(error))).right_stream()
        }
    }
}

async fn run_with_timeout(
    running: impl Future<Output = Response>,
    timeout: Duration,
) -> GraphqlResponse {
    let running = AssertUnwindSafe(running).catch_unwind();
    match tokio::time::timeout(timeout, running).await {
        Ok(Ok(response)) => GraphqlResponse::executed(response),
        Ok(Err(panic)) => {
            GraphqlResponse::from_error(Error::internal(Panicked::with(panic.as_ref())))
        }
        Err(_) => timeout_response(),
    }
}

/// Returns the response for an operation that exceeded [`OPERATION_TIMEOUT`].
pub(super) fn timeout_response() -> GraphqlResponse {
    tracing::warn!("an operation timed out and was aborted");
    GraphqlResponse::from_error(Error::Unavailable)
}

/// Converts the engine's responses. A panic ends the stream with an internal error.
fn to_responses(
    running: impl Stream<Item = Response> + Send + 'static,
) -> impl Stream<Item = GraphqlResponse> + Send + 'static {
    AssertUnwindSafe(running)
        .catch_unwind()
        .map(|response| match response {
            Ok(response) => GraphqlResponse::executed(response),
            Err(panic) => {
                GraphqlResponse::from_error(Error::internal(Panicked::with(panic.as_ref())))
            }
        })
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;
    use crate::{clock::Clock, id::IdGenerator, id::RequestId};

    /// Returns the code, message and request id of the response's error.
    fn error(answer: GraphqlResponse, request_id: RequestId) -> (Value, String, Value) {
        let response = answer.into_response(request_id);
        let error = &response.errors[0];
        let extension = |name| {
            error
                .extensions
                .as_ref()
                .and_then(|it| it.get(name))
                .cloned()
        };
        (
            extension("code").unwrap(),
            error.message.clone(),
            extension("requestId").unwrap(),
        )
    }

    #[tokio::test]
    async fn panic_is_internal_error_that_shows_only_request_id() {
        let request_id = RequestId::new(&IdGenerator::default(), Clock::system().now());
        let expected = (
            Value::from("INTERNAL_SERVER_ERROR"),
            "An internal error occurred. Report the requestId to the operator, who can find the cause in the log.".to_owned(),
            Value::from(request_id.to_string()),
        );
        let single = run_with_timeout(async { panic!("a secret") }, OPERATION_TIMEOUT).await;
        assert_eq!(error(single, request_id), expected);

        let first = stream::iter([Response::new(Value::from(1))]);
        let then = stream::once(async { panic!("a secret of number {}", 2) });
        let mut answers = Box::pin(to_responses(first.chain(then)));
        let first = answers.next().await.unwrap().into_response(request_id);
        assert_eq!(first.data, Value::from(1));
        assert_eq!(error(answers.next().await.unwrap(), request_id), expected);
        assert!(answers.next().await.is_none());
    }

    #[tokio::test]
    async fn operation_is_aborted_after_timeout() {
        let request_id = RequestId::new(&IdGenerator::default(), Clock::system().now());
        let answer = run_with_timeout(std::future::pending(), Duration::ZERO).await;
        let response = answer.into_response(request_id);
        assert!(response.errors[0].message.contains("Try again"));
    }
}
