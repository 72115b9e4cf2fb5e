//! Limits the operations that run at once and the responses that wait to be read.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The points that all running operations may cost together, for each of the maximum number of
/// requests. The cost of an operation is about the number of rows that it loads into memory.
const POINTS_PER_REQUEST: u32 = 20;

/// The maximum size of all responses that wait for their clients to read them, in bytes.
const MAX_UNREAD_RESPONSE_BYTES: usize = 256 * 1024 * 1024;

/// The size up to which a response is not counted, in bytes, so that small responses are always
/// accepted.
const MIN_TRACKED_BYTES: usize = 4 * 1024;

/// The permits for requests, for points and for unread responses of one instance.
pub(crate) struct Admission {
    requests: Semaphore,
    points: Semaphore,
    all_points: u32,
    waiting: Arc<Semaphore>,
}

impl Admission {
    pub(crate) fn new(max_requests: u32) -> Self {
        let all_points = max_requests * POINTS_PER_REQUEST;
        Self {
            requests: Semaphore::new(max_requests as usize),
            points: Semaphore::new(all_points as usize),
            all_points,
            waiting: Arc::new(Semaphore::new(MAX_UNREAD_RESPONSE_BYTES)),
        }
    }

    /// Acquires a permit to run a request; `None` if all are in use.
    pub(super) fn request(&self) -> Option<SemaphorePermit<'_>> {
        self.requests.try_acquire().ok()
    }

    /// Waits until an operation of this cost may run.
    pub(super) async fn points(&self, cost: u64) -> Option<SemaphorePermit<'_>> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let points = cost.clamp(1, self.all_points);
        // The semaphore is never closed, so this never fails.
        self.points.acquire_many(points).await.ok()
    }

    /// Returns the response as bytes that count as unread until they are dropped; `None` if unread
    /// responses already have the maximum size.
    pub(super) fn track(&self, written: Vec<u8>) -> Option<Bytes> {
        let Some(counted) = tracked_size(&written) else {
            return Some(written.into());
        };
        let room = Arc::clone(&self.waiting).try_acquire_many_owned(counted);
        Some(TrackedBytes::of(written, room.ok()?))
    }

    /// Waits until the response fits, and returns it as bytes that count as unread until they are
    /// dropped.
    pub(super) async fn track_when_free(&self, written: Vec<u8>) -> Bytes {
        let Some(counted) = tracked_size(&written) else {
            return written.into();
        };
        match Arc::clone(&self.waiting).acquire_many_owned(counted).await {
            Ok(room) => TrackedBytes::of(written, room),
            // The semaphore is never closed.
            Err(_) => written.into(),
        }
    }
}

/// Returns the size to count for a response; `None` if it is too small to count.
fn tracked_size(written: &[u8]) -> Option<u32> {
    if written.len() <= MIN_TRACKED_BYTES {
        return None;
    }
    Some(u32::try_from(written.len().min(MAX_UNREAD_RESPONSE_BYTES)).unwrap_or(u32::MAX))
}

/// The bytes of a response, and the permit for their size.
struct TrackedBytes {
    written: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl TrackedBytes {
    fn of(written: Vec<u8>, room: OwnedSemaphorePermit) -> Bytes {
        let held = Self {
            written,
            _room: room,
        };
        Bytes::from_owner(held)
    }
}

impl AsRef<[u8]> for TrackedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LARGE: usize = MAX_UNREAD_RESPONSE_BYTES / 2;

    #[test]
    fn unread_responses_are_counted_until_dropped() {
        let admission = Admission::new(1);
        let one = admission.track(vec![0; LARGE]).expect("it fits");
        let half = one.slice(..LARGE / 2);
        let other = admission.track(vec![0; LARGE]).expect("two fit");
        assert!(admission.track(vec![0; MIN_TRACKED_BYTES + 1]).is_none());
        assert!(admission.track(vec![0; MIN_TRACKED_BYTES]).is_some());
        drop(one);
        assert!(
            admission.track(vec![0; LARGE]).is_none(),
            "half of the first response is still unread"
        );
        let mut in_turn = Box::pin(admission.track_when_free(vec![0; LARGE]));
        assert!(in_turn.as_mut().now_or_never().is_none());
        drop(half);
        assert_eq!(in_turn.now_or_never().expect("it fits now").len(), LARGE);
        drop(other);
    }

    #[test]
    fn expensive_operation_waits_and_most_expensive_runs_alone() {
        let admission = Admission::new(2);
        let expensive = admission.points(30).now_or_never().expect("it fits");
        assert!(admission.points(11).now_or_never().is_none());
        assert!(admission.points(0).now_or_never().is_some());
        drop(expensive);
        assert!(admission.points(u64::MAX).now_or_never().is_some());
    }
}
