//! How much one party takes in a minute, as this process knows it.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;

use crate::clock::Timestamp;

/// How many parties are known at once; whoever was here least is forgotten first.
const KNOWN: usize = 100_000;

const MINUTE: Duration = Duration::from_mins(1);

/// Counts what each party takes, a minute at a time from when it first takes something.
pub(in crate::identity) struct Meter<K> {
    most: u64,
    taken: Cache<K, Arc<Mutex<Taken>>>,
}

struct Taken {
    until: Timestamp,
    amount: u64,
}

impl<K: Eq + Hash + Copy> Meter<K> {
    pub(in crate::identity) fn new(most: u64) -> Self {
        Self {
            most,
            taken: Cache::new(KNOWN),
        }
    }

    /// Takes so much, or says when there is more to be had.
    pub(in crate::identity) fn take(
        &self,
        party: K,
        amount: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let begin = || -> Result<_, std::convert::Infallible> {
            let until = now.plus(MINUTE);
            Ok(Arc::new(Mutex::new(Taken { until, amount: 0 })))
        };
        let Ok(taken) = self.taken.get_or_insert_with(&party, begin);
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.until <= now {
            *taken = Taken {
                until: now.plus(MINUTE),
                amount: 0,
            };
        }
        let amount = taken.amount.saturating_add(amount);
        if amount > self.most {
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
    fn a_party_takes_so_much_in_a_minute_and_no_other_feels_it() {
        let meter = Meter::new(10);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(meter.take('a', 6, at(0)), Ok(()));
        assert_eq!(meter.take('a', 5, at(30)), Err(at(60)));
        assert_eq!(meter.take('a', 4, at(59)), Ok(()));
        assert_eq!(meter.take('b', 10, at(59)), Ok(()));
        assert_eq!(meter.take('a', 10, at(60)), Ok(()));
        assert_eq!(meter.take('a', 1, at(61)), Err(at(120)));
    }
}
