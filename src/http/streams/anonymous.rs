//! Streams without a session: a few for each network. If there are too many, the oldest is evicted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::permit::StreamPermit;
use crate::identity::Network;

/// The open anonymous streams.
pub(super) struct AnonymousStreams {
    max_per_network: usize,
    max: usize,
    open: Mutex<OldestFirst>,
}

type OldestFirst = VecDeque<Open>;

struct Open {
    network: Network,
    permit: StreamPermit,
    evicted: Arc<Notify>,
}

/// The permit of an anonymous stream, which can be evicted.
pub(in crate::http) struct AnonymousStreamPermit {
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

    /// Evicts a stream if one more would be too many: the oldest of this network if the network has
    /// its maximum, and otherwise the oldest of the network with the most streams. So one network
    /// cannot evict the streams of others.
    pub(super) fn evict_oldest(&self, network: &Network) {
        let mut open = self.lock();
        let of_network = open.iter().filter(|other| other.network == *network);
        if of_network.count() >= self.max_per_network {
            let oldest = open.iter().position(|other| other.network == *network);
            evict(&mut open, oldest);
        } else if open.len() >= self.max {
            evict_from_busiest_network(&mut open);
        }
    }

    /// Evicts the oldest stream of the network with the most streams, if any, to free its permit
    /// for a signed-in stream.
    pub(super) fn evict_for_user(&self) {
        evict_from_busiest_network(&mut self.lock());
    }

    pub(super) fn add(
        self: &Arc<Self>,
        network: Network,
        permit: StreamPermit,
    ) -> AnonymousStreamPermit {
        let evicted = Arc::<Notify>::default();
        self.lock().push_back(Open {
            network,
            permit,
            evicted: Arc::clone(&evicted),
        });
        AnonymousStreamPermit {
            streams: Arc::clone(self),
            evicted,
        }
    }

    fn remove(&self, evicted: &Arc<Notify>) -> Option<StreamPermit> {
        let mut open = self.lock();
        let at = open
            .iter()
            .position(|other| Arc::ptr_eq(&other.evicted, evicted))?;
        Some(open.remove(at)?.permit)
    }

    fn lock(&self) -> MutexGuard<'_, OldestFirst> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict_from_busiest_network(open: &mut OldestFirst) {
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

impl AnonymousStreamPermit {
    /// Waits until the stream is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Returns the permit of the stream when its client signs in; `None` if it was evicted.
    pub(super) fn sign_in(self) -> Option<StreamPermit> {
        self.streams.remove(&self.evicted)
    }
}

impl Drop for AnonymousStreamPermit {
    fn drop(&mut self) {
        self.streams.remove(&self.evicted);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::Semaphore;

    use super::*;

    fn is_evicted(permit: &AnonymousStreamPermit) -> bool {
        permit.evicted().now_or_never().is_some()
    }

    #[test]
    fn oldest_stream_of_the_busiest_network_is_evicted() {
        let permits = Arc::new(Semaphore::new(10));
        let streams = Arc::new(AnonymousStreams::new(2, 3));
        let open = |address: &str| {
            let network = Network::of(address.parse().ok());
            streams.evict_oldest(&network);
            streams.add(network, StreamPermit::acquire(&permits).unwrap())
        };
        let first = open("192.0.2.1");
        let second = open("192.0.2.1");
        let other = open("198.51.100.1");
        assert_eq!(permits.available_permits(), 7);
        // Too many streams of one network.
        let third = open("192.0.2.1");
        assert!(is_evicted(&first));
        assert_eq!(permits.available_permits(), 7);
        // Too many streams of all networks.
        let another = open("203.0.113.1");
        assert!(is_evicted(&second) && !is_evicted(&other) && !is_evicted(&third));
        drop((first, second));
        assert_eq!(permits.available_permits(), 7);
        let permit = third.sign_in().expect("it was not evicted");
        streams.evict_for_user();
        assert!(is_evicted(&other) && !is_evicted(&another));
        drop((permit, another));
        assert_eq!(permits.available_permits(), 10);
    }
}
