//! The engine at work: for how long, and what becomes of a panic.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_graphql::Response;
use futures_util::{FutureExt, Stream, StreamExt};

use super::{App, answer::Answer, graphql::Admitted};
use crate::{
    auth::Caller,
    error::{Error, Panicked},
};

/// How long an operation may run. It is longer than a database that is away is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a query or a mutation, once there is room for what it costs.
pub(super) async fn run(app: &App, admitted: Admitted, caller: Caller) -> Answer {
    let running = async {
        let _points = app.bounds.points(admitted.cost).await;
        app.schema.execute(admitted.request.data(caller)).await
    };
    answer(running, TIMEOUT).await
}

/// Runs a subscription.
pub(super) fn listen(
    app: &App,
    admitted: Admitted,
    caller: Caller,
) -> impl Stream<Item = Answer> + Send + 'static {
    answers(app.schema.execute_stream(admitted.request.data(caller)))
}

async fn answer(running: impl Future<Output = Response>, timeout: Duration) -> Answer {
    let running = AssertUnwindSafe(running).catch_unwind();
    match tokio::time::timeout(timeout, running).await {
        Ok(Ok(response)) => Answer::executed(response),
        Ok(Err(panic)) => Answer::of(Error::internal(Panicked::with(panic.as_ref()))),
        Err(_) => {
            tracing::warn!("an operation took too long and was given up");
            Answer::of(Error::Unavailable)
        }
    }
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
    use futures_util::stream;

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
            crate::error::INTERNAL_MESSAGE.to_owned(),
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
