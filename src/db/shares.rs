//! Limits each user to a share of the connections, so that one user's requests cannot take all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;

use crate::id::UserId;

/// The divisor of a share: one user may use a quarter of the connections at once.
const SHARES: u32 = 4;

/// The minimum number of connections of a share. A front end sends several requests at once.
const MIN_SHARE: u32 = 2;

/// The minimum number of stored users at which users without a running request are removed.
const MIN_SWEEP: usize = 1_024;

/// The shares of the users who have running requests: each is the number of connections that the
/// user may still take.
pub(super) struct Shares {
    size: usize,
    users: Mutex<Users>,
}

struct Users {
    shares: HashMap<UserId, Weak<Semaphore>>,
    sweep_at: usize,
}

impl Shares {
    /// Creates the shares of a pool of `connections`.
    pub(super) fn of(connections: u32) -> Self {
        let size = (connections / SHARES).max(MIN_SHARE).min(connections);
        Self {
            size: size as usize,
            users: Mutex::new(Users {
                shares: HashMap::new(),
                sweep_at: MIN_SWEEP,
            }),
        }
    }

    /// Returns the user's share. All running requests of the user get one share.
    pub(super) fn of_user(&self, user: UserId) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = users.shares.get(&user).and_then(Weak::upgrade) {
            return share;
        }
        if users.shares.len() >= users.sweep_at {
            users.shares.retain(|_, share| share.strong_count() > 0);
            users.sweep_at = MIN_SWEEP.max(users.shares.len() * 2);
        }
        let share = Arc::new(Semaphore::new(self.size));
        users.shares.insert(user, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, id::IdGenerator};

    #[test]
    fn each_user_has_one_share_while_it_is_in_use() {
        let ids = IdGenerator::default();
        let now = Clock::system().now();
        let (ana, ben) = (UserId::new(&ids, now), UserId::new(&ids, now));
        let shares = Shares::of(12);
        let first = shares.of_user(ana);
        assert_eq!(first.available_permits(), 3);
        assert!(Arc::ptr_eq(&first, &shares.of_user(ana)));
        assert!(!Arc::ptr_eq(&first, &shares.of_user(ben)));
        assert_eq!(Shares::of(1).of_user(ana).available_permits(), 1);
        assert_eq!(Shares::of(3).of_user(ana).available_permits(), 2);

        for _ in 0..3 * MIN_SWEEP {
            drop(shares.of_user(UserId::new(&ids, now)));
        }
        let remembered = shares.users.lock().unwrap().shares.len();
        assert!(remembered <= MIN_SWEEP + 1, "{remembered}");
        assert!(Arc::ptr_eq(&first, &shares.of_user(ana)));
    }
}
