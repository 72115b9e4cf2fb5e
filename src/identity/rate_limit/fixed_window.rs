//! A limit per key and minute, counted by this process.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;

use crate::clock::Timestamp;

/// The maximum number of keys in memory. Rarely used keys are evicted first, which resets their
/// limit.
const MAX_CACHED_KEYS: usize = 100_000;

const MINUTE: Duration = Duration::from_mins(1);

/// Counts amounts by key. A window begins with the first amount of its key.
pub(in crate::identity) struct FixedWindow<K> {
    max: u64,
    taken: Cache<K, Arc<Mutex<Window>>>,
}

struct Window {
    until: Timestamp,
    amount: u64,
}

impl<K: Eq + Hash + Copy> FixedWindow<K> {
    pub(in crate::identity) fn new(max: u64) -> Self {
        Self {
            max,
            taken: Cache::new(MAX_CACHED_KEYS),
        }
    }

    /// Adds an amount to the window of a key.
    ///
    /// # Errors
    /// Returns the end of the window if the amount exceeds the rest of the limit.
    pub(in crate::identity) fn try_acquire(
        &self,
        key: K,
        amount: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let begin = || -> Result<_, std::convert::Infallible> {
            let until = now.plus(MINUTE);
            Ok(Arc::new(Mutex::new(Window { until, amount: 0 })))
        };
        let Ok(taken) = self.taken.get_or_insert_with(&key, begin);
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.until <= now {
            *taken = Window {
                until: now.plus(MINUTE),
                amount: 0,
            };
        }
        let amount = taken.amount.saturating_add(amount);
        if amount > self.max {
            return Err(taken.until);
        }
        taken.amount = amount;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_limit_per_minute() {
        let window = FixedWindow::new(10);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(window.try_acquire('a', 6, at(0)), Ok(()));
        assert_eq!(window.try_acquire('a', 5, at(30)), Err(at(60)));
        assert_eq!(window.try_acquire('a', 4, at(59)), Ok(()));
        assert_eq!(window.try_acquire('b', 10, at(59)), Ok(()));
        assert_eq!(window.try_acquire('a', 10, at(60)), Ok(()));
        assert_eq!(window.try_acquire('a', 1, at(61)), Err(at(120)));
    }
}
