//! How much is worked on at once, and how much of what was answered waits to be taken.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What the operations that run at once may cost together, for each request that may be worked on:
/// what an operation costs is about how many rows it holds in memory.
const POINTS_PER_REQUEST: u32 = 20;

/// How many bytes all answers may take that wait for their clients to read them.
const MAX_WAITING: usize = 256 * 1024 * 1024;

/// How many of them are too few to be counted, so that small answers always find room.
const UNCOUNTED: usize = 4 * 1024;

/// What one instance has room for.
pub(crate) struct Bounds {
    requests: Semaphore,
    points: Semaphore,
    all_points: u32,
    waiting: Arc<Semaphore>,
}

impl Bounds {
    pub(crate) fn new(max_requests: u32) -> Self {
        let all_points = max_requests * POINTS_PER_REQUEST;
        Self {
            requests: Semaphore::new(max_requests as usize),
            points: Semaphore::new(all_points as usize),
            all_points,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// A place among the requests that are worked on, if there is one.
    pub(super) fn request(&self) -> Option<SemaphorePermit<'_>> {
        self.requests.try_acquire().ok()
    }

    /// Waits until there is room for an operation of this cost.
    pub(super) async fn points(&self, cost: u64) -> Option<SemaphorePermit<'_>> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let points = cost.clamp(1, self.all_points);
        // It is never closed, so there always is one.
        self.points.acquire_many(points).await.ok()
    }

    /// What was written, which takes up room until it is dropped; nothing when there is none.
    pub(super) fn hold(&self, written: Vec<u8>) -> Option<Bytes> {
        let Some(counted) = counted(&written) else {
            return Some(written.into());
        };
        let room = Arc::clone(&self.waiting).try_acquire_many_owned(counted);
        Some(Held::of(written, room.ok()?))
    }

    /// The same, once there is room.
    pub(super) async fn hold_in_turn(&self, written: Vec<u8>) -> Bytes {
        let Some(counted) = counted(&written) else {
            return written.into();
        };
        match Arc::clone(&self.waiting).acquire_many_owned(counted).await {
            Ok(room) => Held::of(written, room),
            // It is never closed.
            Err(_) => written.into(),
        }
    }
}

/// How much room it takes, unless that is too little to count.
fn counted(written: &[u8]) -> Option<u32> {
    if written.len() <= UNCOUNTED {
        return None;
    }
    Some(u32::try_from(written.len().min(MAX_WAITING)).unwrap_or(u32::MAX))
}

/// What was written, and the room that it takes up.
struct Held {
    written: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl Held {
    fn of(written: Vec<u8>, room: OwnedSemaphorePermit) -> Bytes {
        let held = Self {
            written,
            _room: room,
        };
        Bytes::from_owner(held)
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LARGE: usize = MAX_WAITING / 2;

    #[test]
    fn what_waits_takes_up_room_until_it_is_taken() {
        let bounds = Bounds::new(1);
        let one = bounds.hold(vec![0; LARGE]).expect("there is room");
        let half = one.slice(..LARGE / 2);
        let other = bounds.hold(vec![0; LARGE]).expect("there is room for two");
        assert!(bounds.hold(vec![0; UNCOUNTED + 1]).is_none());
        assert!(bounds.hold(vec![0; UNCOUNTED]).is_some());
        drop(one);
        assert!(bounds.hold(vec![0; LARGE]).is_none(), "half of it waits");
        let mut in_turn = Box::pin(bounds.hold_in_turn(vec![0; LARGE]));
        assert!(in_turn.as_mut().now_or_never().is_none());
        drop(half);
        assert_eq!(in_turn.now_or_never().expect("its turn").len(), LARGE);
        drop(other);
    }

    #[test]
    fn what_is_dear_waits_until_there_is_room_and_what_is_dearest_runs_alone() {
        let bounds = Bounds::new(2);
        let dear = bounds.points(30).now_or_never().expect("there is room");
        assert!(bounds.points(11).now_or_never().is_none());
        assert!(bounds.points(0).now_or_never().is_some());
        drop(dear);
        assert!(bounds.points(u64::MAX).now_or_never().is_some());
    }
}
