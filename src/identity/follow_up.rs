//! Work after a commit, whose failure or delay does not change the response.

use std::time::Duration;

use tracing::Instrument;

use crate::error::Result;

/// The maximum time that a response waits for the work.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Runs `work` in a separate task, so that it continues after the request has ended. Returns its
/// result if it succeeds in time. If it fails, logs `failure`.
pub(super) async fn follow_up<T: Send + 'static>(
    failure: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Option<T> {
    let logged = async move {
        let done = work.await;
        done.inspect_err(|error| tracing::warn!(?error, "{failure}"))
            .ok()
    };
    let running = tokio::spawn(logged.in_current_span());
    tokio::time::timeout(MAX_WAIT, running).await.ok()?.ok()?
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::error::Error;

    #[tokio::test]
    async fn slow_work_continues_and_failed_work_is_not_an_error() {
        assert_eq!(follow_up("unlikely", async { Ok(1) }).await, Some(1));
        let failed = follow_up("it failed", async { Err::<(), _>(Error::Unavailable) });
        assert_eq!(failed.await, None);

        let (begin, begun) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let slow = follow_up("unlikely", async {
            let _ = begun.await;
            let _ = end.send(());
            Ok(())
        });
        assert_eq!(slow.await, None);
        begin.send(()).unwrap();
        ended.await.unwrap();
    }
}
