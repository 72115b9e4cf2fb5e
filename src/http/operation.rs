//! An operation: found in its document, admitted, and run by the engine.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Request, Response, parser::types::OperationType};
use axum::http::StatusCode;
use futures_util::{FutureExt, Stream, StreamExt, future, stream};

use super::{App, graphql_request::Params, graphql_response::Answer};
use crate::{
    error::{Error, Panicked, code},
    identity::RequestContext,
    query_limits::{self, Document, OperationPlan},
};

/// How long a request may take from when it has been read, and an operation on a stream. It is longer
/// than a database that is away is waited for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The code for a document that is named and is not there.
const NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";

/// The document that a request sends, or names.
pub(super) fn document(app: &App, params: &Params) -> Result<Arc<Document>, Answer> {
    let bad = |message| Answer::refusal(StatusCode::BAD_REQUEST, code::BAD_REQUEST, message);
    let query = params.query.as_deref().filter(|query| !query.is_empty());
    if let Some(id) = &params.document_id {
        if query.is_some() || params.hash.is_some() {
            return Err(bad(
                "Send documentId, or the query and its hash, and not both.",
            ));
        }
        return app.documents.named(id).ok_or_else(|| {
            let message = "There is no document of this documentId.";
            Answer::refusal(StatusCode::BAD_REQUEST, NOT_FOUND, message)
        });
    }
    match (query, &params.hash) {
        (Some(query), Some(hash)) if query_limits::hash(query) != *hash => Err(bad(
            "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query.",
        )),
        (Some(query), _) => Ok(app.documents.read(query)?),
        (None, Some(hash)) => app.documents.recall(hash).ok_or_else(|| {
            // The message is what Apollo Client looks for.
            Answer::refusal(StatusCode::BAD_REQUEST, NOT_FOUND, "PersistedQueryNotFound")
        }),
        (None, None) => Err(bad("The request has no query.")),
    }
}

/// An operation that may run.
pub(super) struct Admitted {
    pub(super) kind: OperationType,
    cost: u64,
    /// What the engine takes, save for the context.
    request: Request,
}

/// Says whether the operation may run, whoever asks.
pub(super) fn admit(app: &App, document: &Document, params: Params) -> Result<Admitted, Answer> {
    let name = params.operation_name.as_deref();
    let OperationPlan { kind, cost } = app.documents.admit(document, name, &params.variables)?;
    let mut request = Request::new(String::new()).variables(params.variables);
    request.operation_name = params.operation_name;
    request.set_parsed_query(document.parsed());
    Ok(Admitted {
        kind,
        cost,
        request,
    })
}

/// Runs a query or a mutation, once there is room for what it costs.
pub(super) async fn run(app: &App, admitted: Admitted, context: RequestContext) -> Answer {
    if let Err(error) = app.identity.rate_limits.charge(&context, admitted.cost) {
        return Answer::of(error);
    }
    let running = async {
        let _points = app.bounds.points(admitted.cost).await;
        app.schema.execute(admitted.request.data(context)).await
    };
    answer(running, TIMEOUT).await
}

/// Runs a subscription.
pub(super) fn listen(
    app: &App,
    admitted: Admitted,
    context: RequestContext,
) -> impl Stream<Item = Answer> + Send + 'static {
    match app.identity.rate_limits.charge(&context, admitted.cost) {
        Ok(()) => {
            let running = app.schema.execute_stream(admitted.request.data(context));
            answers(running).left_stream()
        }
        Err(error) => stream::once(future::ready(Answer::of(error))).right_stream(),
    }
}

async fn answer(running: impl Future<Output = Response>, timeout: Duration) -> Answer {
    let running = AssertUnwindSafe(running).catch_unwind();
    match tokio::time::timeout(timeout, running).await {
        Ok(Ok(response)) => Answer::executed(response),
        Ok(Err(panic)) => Answer::of(Error::internal(Panicked::with(panic.as_ref()))),
        Err(_) => timed_out(),
    }
}

/// The answer to an operation that took longer than [`TIMEOUT`].
pub(super) fn timed_out() -> Answer {
    tracing::warn!("an operation took too long and was given up");
    Answer::of(Error::Unavailable)
}

/// After a panic there is one last answer, which says so.
fn answers(
    running: impl Stream<Item = Response> + Send + 'static,
) -> impl Stream<Item = Answer> + Send + 'static {
    AssertUnwindSafe(running)
        .catch_unwind()
        .map(|response| match response {
            Ok(response) => Answer::executed(response),
            Err(panic) => Answer::of(Error::internal(Panicked::with(panic.as_ref()))),
        })
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;
    use crate::{clock::Clock, id::Ids, id::RequestId};

    /// The code and the message of the answer's error, and the request that it names.
    fn error(answer: Answer, request_id: RequestId) -> (Value, String, Value) {
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
    async fn a_panic_is_an_internal_error_that_says_nothing_but_the_requests_id() {
        let request_id = RequestId::new(&Ids::default(), Clock::system().now());
        let told = (
            Value::from("INTERNAL_SERVER_ERROR"),
            "Something went wrong on our side. Its requestId finds it in the log.".to_owned(),
            Value::from(request_id.to_string()),
        );
        let of_one = answer(async { panic!("a secret") }, TIMEOUT).await;
        assert_eq!(error(of_one, request_id), told);

        let first = stream::iter([Response::new(Value::from(1))]);
        let then = stream::once(async { panic!("a secret of number {}", 2) });
        let mut answers = Box::pin(answers(first.chain(then)));
        let first = answers.next().await.unwrap().into_response(request_id);
        assert_eq!(first.data, Value::from(1));
        assert_eq!(error(answers.next().await.unwrap(), request_id), told);
        assert!(answers.next().await.is_none());
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let request_id = RequestId::new(&Ids::default(), Clock::system().now());
        let answer = answer(std::future::pending(), Duration::ZERO).await;
        let response = answer.into_response(request_id);
        assert!(response.errors[0].message.contains("Try again"));
    }
}
