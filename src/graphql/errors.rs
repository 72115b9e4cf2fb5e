//! Converts errors to those of a GraphQL response, and logs unexpected ones.

use async_graphql::ErrorExtensions;

use crate::error::{Error, ErrorChain, RETRY_AFTER};

/// The only conversion of an unexpected error to a response, and so the only place that logs it.
/// The span around the log line has the request's id.
impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        if let Error::Internal(cause) = &error {
            tracing::error!(error = %ErrorChain(cause.as_ref()), "internal error");
        }
        Self::new(error.message()).extend_with(|_, extensions| {
            extensions.set("code", error.code());
            match error {
                Error::Unauthenticated(reason) => extensions.set("reason", reason.as_str()),
                Error::RateLimited(seconds) => extensions.set(RETRY_AFTER, seconds),
                _ => {}
            }
        })
    }
}
