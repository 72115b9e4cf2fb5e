//! Shares of the connections, so that no user's requests take them all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;

use crate::id::UserId;

/// The part of the connections that one user may have at once: a quarter.
const SHARES: u32 = 4;

/// The fewest connections of a share; a front end asks for several things at once.
const MIN_SHARE: u32 = 2;

/// How many users are looked up before those are forgotten who have no request under way.
const MIN_SWEEP: usize = 1_024;

pub(super) struct Shares {
    size: usize,
    users: Mutex<Users>,
}

struct Users {
    shares: HashMap<UserId, Weak<Semaphore>>,
    sweep_at: usize,
}

impl Shares {
    /// Shares of so many connections.
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

    /// The user's share: the same one for all requests that are under way.
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
    use crate::{clock::Clock, id::Ids};

    #[test]
    fn a_share_is_a_users_own_and_lasts_while_it_is_used() {
        let ids = Ids::default();
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
