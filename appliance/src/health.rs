//! What the node knows of itself: whether a known-answer batch really ran, how long ago, and whether it is stopping.
//! Written by [`crate::node`], read by the admin listener and by the status operation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use assay_core::engine::Clock;

use crate::limits::HUNG_AGES;

/// The node's state, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No known-answer batch has run yet.
    Starting,
    /// The last known-answer batch was right, and recent.
    Ready,
    /// The last known-answer batch was wrong, or too long ago.
    Degraded,
    /// The node is stopping.
    Draining,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Starting, Self::Ready, Self::Degraded, Self::Draining];

    /// The word in the status, on `/ready` and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
        }
    }
}

/// The last known-answer batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// When it ended, by the node's clock.
    pub at: Duration,
    /// Whether every answer was the known one.
    pub passed: bool,
}

/// The node's knowledge of itself.
pub struct Health {
    clock: Clock,
    age_max: Duration,
    draining: AtomicBool,
    last: Mutex<Option<SelfTest>>,
}

impl Health {
    /// Nothing known yet. A known-answer batch older than `age_max` no longer counts.
    #[must_use]
    pub fn new(clock: Clock, age_max: Duration) -> Self {
        Self { clock, age_max, draining: AtomicBool::new(false), last: Mutex::new(None) }
    }

    /// A known-answer batch has ended now.
    pub fn record(&self, passed: bool) {
        let at = (self.clock)();
        *self.last() = Some(SelfTest { at, passed });
    }

    /// The node is stopping, from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the node is stopping.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The last known-answer batch, where one has run.
    #[must_use]
    pub fn self_test(&self) -> Option<SelfTest> {
        *self.last()
    }

    /// Time since the last known-answer batch, where one has run.
    #[must_use]
    pub fn self_test_age(&self) -> Option<Duration> {
        self.self_test().map(|test| (self.clock)().saturating_sub(test.at))
    }

    /// Time since the last known-answer batch, where it came out right.
    #[must_use]
    pub fn passed_age(&self) -> Option<Duration> {
        let test = self.self_test().filter(|test| test.passed)?;
        Some((self.clock)().saturating_sub(test.at))
    }

    /// Whether the process does its work at all: known-answer batches still end, right or wrong, if late. One that never
    /// ends is a hung engine, which only a restart mends.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.self_test_age().is_none_or(|age| age <= self.age_max * HUNG_AGES)
    }

    /// Time since the node's clock began.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        (self.clock)()
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> State {
        if self.is_draining() {
            return State::Draining;
        }
        let now = (self.clock)();
        match self.self_test() {
            None => State::Starting,
            Some(test) if test.passed && now.saturating_sub(test.at) <= self.age_max => State::Ready,
            Some(_) => State::Degraded,
        }
    }

    /// Whether requests should be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state() == State::Ready
    }

    fn last(&self) -> MutexGuard<'_, Option<SelfTest>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn ready_is_a_right_and_recent_answer_and_nothing_else() {
        let now = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let health =
            Health::new(Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed))), Duration::from_secs(20));
        assert_eq!(health.state(), State::Starting);
        health.record(true);
        now.store(20, Ordering::Relaxed);
        assert_eq!(health.state(), State::Ready);
        now.store(21, Ordering::Relaxed);
        assert_eq!(health.state(), State::Degraded, "too old");
        health.record(false);
        assert_eq!(health.state(), State::Degraded, "wrong");
        health.record(true);
        assert!(health.is_ready());
        assert_eq!(health.self_test_age(), Some(Duration::ZERO));
        now.store(21 + 20 * u64::from(HUNG_AGES), Ordering::Relaxed);
        assert!(health.is_live() && !health.is_ready());
        now.fetch_add(1, Ordering::Relaxed);
        assert!(!health.is_live(), "no batch has ended for so long");
        health.drain();
        assert_eq!(health.state(), State::Draining);
    }
}
