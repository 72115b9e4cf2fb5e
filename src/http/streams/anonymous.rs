//! Streams of clients that are not signed in, or have not said yet who they are: few for each network, and the oldest
//! make way for others.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Seat;
use crate::identity::Network;

/// The anonymous streams that are open.
pub(super) struct AnonymousStreams {
    max_per_network: usize,
    max: usize,
    open: Mutex<OldestFirst>,
}

type OldestFirst = VecDeque<Open>;

struct Open {
    network: Network,
    seat: Seat,
    evicted: Arc<Notify>,
}

/// The place of an anonymous stream, which it loses to others when there are too many.
pub(in crate::http) struct AnonymousSeat {
    streams: Arc<AnonymousStreams>,
    evicted: Arc<Notify>,
}

impl AnonymousStreams {
    pub(super) fn new(max_per_network: u32, max: u32) -> Self {
        Self {
            max_per_network: max_per_network as usize,
            max: max as usize,
            open: Mutex::default(),
        }
    }

    /// Evicts a stream if another of this network would be one too many. One network costs others nothing: where
    /// there are too many in all, it is the oldest of the network that has most.
    pub(super) fn make_room(&self, network: &Network) {
        let mut open = self.lock();
        let of_network = open.iter().filter(|other| other.network == *network);
        if of_network.count() >= self.max_per_network {
            let oldest = open.iter().position(|other| other.network == *network);
            evict(&mut open, oldest);
        } else if open.len() >= self.max {
            evict_of_busiest(&mut open);
        }
    }

    /// Evicts a stream, if there is any, for one that is signed in.
    pub(super) fn make_way(&self) {
        evict_of_busiest(&mut self.lock());
    }

    pub(super) fn add(self: &Arc<Self>, network: Network, seat: Seat) -> AnonymousSeat {
        let evicted = Arc::<Notify>::default();
        self.lock().push_back(Open {
            network,
            seat,
            evicted: Arc::clone(&evicted),
        });
        AnonymousSeat {
            streams: Arc::clone(self),
            evicted,
        }
    }

    fn remove(&self, evicted: &Arc<Notify>) -> Option<Seat> {
        let mut open = self.lock();
        let at = open
            .iter()
            .position(|other| Arc::ptr_eq(&other.evicted, evicted))?;
        Some(open.remove(at)?.seat)
    }

    fn lock(&self) -> MutexGuard<'_, OldestFirst> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict_of_busiest(open: &mut OldestFirst) {
    let mut counts = HashMap::<&Network, usize>::new();
    for stream in open.iter() {
        *counts.entry(&stream.network).or_default() += 1;
    }
    let most = counts.values().max().copied();
    let oldest = open
        .iter()
        .position(|stream| counts.get(&stream.network).copied() == most);
    evict(open, oldest);
}

fn evict(open: &mut OldestFirst, at: Option<usize>) {
    if let Some(stream) = at.and_then(|at| open.remove(at)) {
        stream.evicted.notify_one();
    }
}

impl AnonymousSeat {
    /// Waits until the place is lost.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Gives the place to a stream that is signed in now, unless it is lost.
    pub(super) fn sign_in(self) -> Option<Seat> {
        self.streams.remove(&self.evicted)
    }
}

impl Drop for AnonymousSeat {
    fn drop(&mut self) {
        self.streams.remove(&self.evicted);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::Semaphore;

    use super::*;

    fn is_evicted(seat: &AnonymousSeat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn oldest_stream_of_the_busiest_network_makes_way() {
        let permits = Arc::new(Semaphore::new(10));
        let streams = Arc::new(AnonymousStreams::new(2, 3));
        let open = |address: &str| {
            let network = Network::of(address.parse().ok());
            streams.make_room(&network);
            let permit = Arc::clone(&permits).try_acquire_owned().unwrap();
            streams.add(network, Seat { _permit: permit })
        };
        let first = open("192.0.2.1");
        let second = open("192.0.2.1");
        let other = open("198.51.100.1");
        assert_eq!(permits.available_permits(), 7);
        // Too many of the network.
        let third = open("192.0.2.1");
        assert!(is_evicted(&first));
        assert_eq!(permits.available_permits(), 7);
        // Too many in all.
        let another = open("203.0.113.1");
        assert!(is_evicted(&second) && !is_evicted(&other) && !is_evicted(&third));
        drop((first, second));
        assert_eq!(permits.available_permits(), 7);
        let seat = third.sign_in().expect("it has its place");
        streams.make_way();
        assert!(is_evicted(&other) && !is_evicted(&another));
        drop((seat, another));
        assert_eq!(permits.available_permits(), 10);
    }
}
