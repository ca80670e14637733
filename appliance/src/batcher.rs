//! Requests of one key to a [`Batch`], by one rule: send when full or when the oldest is too old.
//!
//! Pure: time is an argument, and what a request is stays with the caller. Knows no socket, no engine and no reply.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use assay_scheme::{Parameters, Priority, Row};

/// What requests must share to be computed together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// How urgent.
    pub priority: Priority,
    /// The rule set.
    pub row: Row,
    /// The batch-wide parameters.
    pub parameters: Parameters,
}

/// When a batch of one priority goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// It is full at this many items; a request of that many or more goes alone and at once.
    pub items_max: usize,
    /// Its oldest request waits at most this long; zero batches nothing.
    pub age_max: Duration,
}

/// One request's weight and hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Items.
    pub items: usize,
    /// When it was complete.
    pub arrived: Duration,
    /// After when its answer is of no use.
    pub deadline: Option<Duration>,
}

impl Load {
    /// The time at which it must go: its age is spent, or half of what it had until its deadline.
    fn due(&self, limits: BatchLimits) -> Duration {
        let by_age = self.arrived.saturating_add(limits.age_max);
        match self.deadline {
            Some(deadline) => by_age.min(self.arrived + deadline.saturating_sub(self.arrived) / 2),
            None => by_age,
        }
    }
}

/// Requests of one key that go to the engine together, in the order they came. The batcher alone makes one.
#[derive(Debug)]
pub struct Batch<T> {
    key: Key,
    items: usize,
    requests: Vec<T>,
}

impl<T> Batch<T> {
    /// What they share.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Items of all of them, at least 1 and below twice the limit unless one request alone has more.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// The requests, in the order they came.
    #[must_use]
    pub fn into_requests(self) -> (Key, Vec<T>) {
        (self.key, self.requests)
    }
}

/// What became of a request that was pushed.
#[derive(Debug)]
pub enum Pushed<T> {
    /// Its batch goes now.
    Full(Batch<T>),
    /// It waits, and its batch is due at this time.
    Waits(Duration),
}

#[derive(Debug)]
struct Pending<T> {
    items: usize,
    due: Duration,
    requests: Vec<T>,
}

/// What waits to be sent, by key.
#[derive(Debug)]
pub struct Batcher<T> {
    limits: [BatchLimits; Priority::ALL.len()],
    pending: HashMap<Key, Pending<T>>,
}

impl<T> Batcher<T> {
    /// An empty batcher with the limits of each [`Priority`].
    #[must_use]
    pub fn new(limits: [BatchLimits; Priority::ALL.len()]) -> Self {
        Self { limits, pending: HashMap::new() }
    }

    /// New limits, for what comes from now on.
    pub fn reload(&mut self, limits: [BatchLimits; Priority::ALL.len()]) {
        self.limits = limits;
    }

    /// Takes a request; gives back the batch that it made full. A large request goes alone, past what is waiting.
    #[must_use]
    pub fn push(&mut self, key: Key, load: Load, request: T) -> Pushed<T> {
        let limits = self.limits[key.priority as usize];
        if load.items >= limits.items_max || limits.age_max.is_zero() {
            return Pushed::Full(Batch { key, items: load.items, requests: vec![request] });
        }
        let due = load.due(limits);
        let mut entry = match self.pending.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Pending { items: 0, due, requests: Vec::new() }),
        };
        let pending = entry.get_mut();
        pending.items += load.items;
        pending.due = pending.due.min(due);
        pending.requests.push(request);
        if pending.items < limits.items_max {
            return Pushed::Waits(pending.due);
        }
        let (key, pending) = entry.remove_entry();
        Pushed::Full(pending.into_batch(key))
    }

    /// The batches whose time has come.
    #[must_use]
    pub fn due(&mut self, now: Duration) -> Vec<Batch<T>> {
        self.pending.extract_if(|_, pending| pending.due <= now).map(|(key, pending)| pending.into_batch(key)).collect()
    }

    /// When the next batch is due; `None` while nothing waits.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.pending.values().map(|pending| pending.due).min()
    }

    /// Everything that waits, due or not.
    #[must_use]
    pub fn flush(&mut self) -> Vec<Batch<T>> {
        self.due(Duration::MAX)
    }
}

impl<T> Pending<T> {
    fn into_batch(self, key: Key) -> Batch<T> {
        Batch { key, items: self.items, requests: self.requests }
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::Hash;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: BatchLimits = BatchLimits { items_max: 100, age_max: Duration::from_micros(500) };

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn key(row: Row) -> Key {
        Key { priority: Priority::Block, row, parameters: Parameters::default() }
    }

    fn full<T>(pushed: Pushed<T>) -> Option<Batch<T>> {
        match pushed {
            Pushed::Full(batch) => Some(batch),
            Pushed::Waits(_) => None,
        }
    }

    fn load(items: usize, arrived: u64) -> Load {
        Load { items, arrived: us(arrived), deadline: None }
    }

    #[test]
    fn full_goes_at_once_and_large_goes_alone() {
        let mut batcher = Batcher::new([LIMITS; 4]);
        assert!(full(batcher.push(key(Row::Sha256), load(60, 0), 'a')).is_none());
        let large = full(batcher.push(key(Row::Sha256), load(100, 1), 'b')).expect("goes alone");
        assert_eq!((large.items(), large.into_requests().1), (100, vec!['b']));
        let full = full(batcher.push(key(Row::Sha256), load(40, 2), 'c')).expect("full");
        assert_eq!((full.items(), full.into_requests().1), (100, vec!['a', 'c']));
        assert_eq!(batcher.next_due(), None);
    }

    #[test]
    fn nothing_is_batched_across_rows_parameters_or_priorities() {
        let mut batcher = Batcher::new([LIMITS; 4]);
        let hashed = Key { parameters: Parameters::hashed(Hash::Sha256), ..key(Row::EcdsaP256) };
        let urgent = Key { priority: Priority::Consensus, ..key(Row::EcdsaP256) };
        for (at, key) in [key(Row::EcdsaP256), key(Row::Sm2E), hashed, urgent].into_iter().enumerate() {
            assert!(full(batcher.push(key, load(90, at as u64), at)).is_none());
        }
        assert_eq!(batcher.flush().len(), 4);
    }

    #[test]
    fn an_age_of_zero_batches_nothing() {
        let mut batcher = Batcher::new([BatchLimits { age_max: Duration::ZERO, ..LIMITS }; 4]);
        assert!(full(batcher.push(key(Row::Sha256), load(1, 0), ())).is_some());
    }

    #[test]
    fn a_near_deadline_shortens_the_wait_to_half_of_what_is_left() {
        let mut batcher = Batcher::new([LIMITS; 4]);
        let near = Load { deadline: Some(us(300)), ..load(1, 100) };
        assert!(full(batcher.push(key(Row::Sha256), load(1, 0), 'a')).is_none());
        assert!(full(batcher.push(key(Row::Sha256), near, 'b')).is_none());
        assert_eq!(batcher.next_due(), Some(us(200)));
        assert!(batcher.due(us(199)).is_empty());
        assert_eq!(batcher.due(us(200)).pop().expect("due").into_requests().1, ['a', 'b']);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_reordered_and_no_age_is_exceeded(
            steps in proptest::collection::vec((0_usize..3, 1_usize..150, 0_u64..300, 0_u64..2_000), 1..200)
        ) {
            let rows = [Row::Sha256, Row::Blake3, Row::Sm3];
            let mut batcher = Batcher::new([LIMITS; 4]);
            let mut sent: Vec<(Duration, Row, Vec<usize>)> = Vec::new();
            let mut arrivals = Vec::new();
            let mut now = Duration::ZERO;
            let keep = |sent: &mut Vec<_>, batch: Batch<usize>, at| {
                let (key, requests) = batch.into_requests();
                sent.push((at, key.row, requests));
            };
            for (id, (row, items, pause, deadline)) in steps.into_iter().enumerate() {
                let next = now + us(pause);
                // The caller wakes exactly when the batcher says.
                while let Some(due) = batcher.next_due().filter(|due| *due <= next) {
                    for batch in batcher.due(due) {
                        keep(&mut sent, batch, due);
                    }
                }
                now = next;
                let deadline = (deadline > 1_000).then(|| now + us(deadline));
                let load = Load { items, arrived: now, deadline };
                arrivals.push((load, rows[row]));
                if let Some(batch) = full(batcher.push(key(rows[row]), load, id)) {
                    keep(&mut sent, batch, now);
                }
            }
            while let Some(due) = batcher.next_due() {
                for batch in batcher.due(due) {
                    keep(&mut sent, batch, due);
                }
            }
            let mut seen = vec![false; arrivals.len()];
            for (at, row, requests) in &sent {
                prop_assert!(requests.is_sorted(), "the order of arrival");
                let items: usize = requests.iter().map(|id| arrivals[*id].0.items).sum();
                prop_assert!(requests.len() == 1 || items < 2 * LIMITS.items_max);
                for id in requests {
                    let (load, own) = arrivals[*id];
                    prop_assert!(!std::mem::replace(&mut seen[*id], true), "twice");
                    prop_assert_eq!(own, *row);
                    prop_assert!(*at <= load.arrived + LIMITS.age_max);
                    prop_assert!(load.deadline.is_none_or(|deadline| *at <= deadline));
                }
            }
            prop_assert!(seen.iter().all(|seen| *seen), "lost");
        }
    }
}
