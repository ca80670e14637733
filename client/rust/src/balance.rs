//! Which node gets a request: the one that should answer soonest. Pure: numbers in, an index out.

use std::time::Duration;

/// A node of another zone must be this much faster to be chosen: about one way between data centres of a region and back.
const ZONE_PENALTY_US: f64 = 2_000.0;
/// What one recent failure costs; each further one doubles it.
const FAILURE_PENALTY_US: f64 = 10_000.0;
/// Failures counted at most: 10 ms doubled ten times is 10 s, longer than any pause between two connections.
const FAILURES_MAX: u32 = 10;
/// A node nobody has measured yet is taken to need this long, so that requests in flight count from the first.
const SERVICE_US_MIN: f64 = 100.0;
/// What was observed loses half its weight in this time, so that a node that was slow or failed is tried again.
const HALF_LIFE: Duration = Duration::from_secs(1);
/// How much one observation moves the averages.
const BLEND: f64 = 0.2;

/// What is known of one node when a request asks for one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// The path's shortest round trip, microseconds: what queues add is in `seen`.
    pub(crate) rtt_us: f64,
    /// Whether the client named a zone and the node stands in another.
    pub(crate) far: bool,
    /// This client's requests that wait for the node now.
    pub(crate) in_flight: usize,
    /// What was observed of it.
    pub(crate) seen: Seen,
    /// How long ago that was.
    pub(crate) age: Duration,
}

/// Running observations of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Microseconds requests waited in the node before they were computed, by its own account.
    pub(crate) queue_us: f64,
    /// Microseconds from sending to answer, as this client saw it.
    pub(crate) service_us: f64,
    /// Failures since the last answer.
    pub(crate) failures: u32,
}

impl Seen {
    /// An answer came, `age` after the last observation: the older that is, the less it weighs.
    pub(crate) fn answered(&mut self, queue_us: u32, elapsed: Duration, age: Duration) {
        let kept = if *self == Self::default() { 0.0 } else { (1.0 - BLEND) * weight(age) };
        let blend = |old: f64, new: f64| new + kept * (old - new);
        self.queue_us = blend(self.queue_us, f64::from(queue_us));
        self.service_us = blend(self.service_us, elapsed.as_micros() as f64);
        self.failures = 0;
    }

    /// No answer is awaited any more after `elapsed`: it would have taken longer than that.
    pub(crate) fn given_up(&mut self, elapsed: Duration, age: Duration) {
        self.fade(age);
        self.service_us = self.service_us.max(elapsed.as_micros() as f64);
    }

    /// The node asks to wait this long: as long as a request would wait there.
    pub(crate) fn full(&mut self, retry_after_us: u32, age: Duration) {
        self.fade(age);
        self.queue_us = self.queue_us.max(f64::from(retry_after_us));
    }

    /// The node broke off, answered nonsense, or could not evaluate.
    pub(crate) fn failed(&mut self, age: Duration) {
        self.fade(age);
        self.failures = (self.failures + 1).min(FAILURES_MAX);
    }

    fn fade(&mut self, age: Duration) {
        self.queue_us *= weight(age);
        self.service_us *= weight(age);
    }
}

/// What an observation of this age still weighs.
fn weight(age: Duration) -> f64 {
    0.5_f64.powf(age.as_secs_f64() / HALF_LIFE.as_secs_f64())
}

/// Microseconds until this node should have answered one more request.
pub(crate) fn expected_us(load: &Load) -> f64 {
    let weight = weight(load.age);
    let service = (load.seen.service_us * weight).max(SERVICE_US_MIN);
    let failures = match load.seen.failures {
        0 => 0.0,
        failures => FAILURE_PENALTY_US * 2_f64.powi(failures.min(FAILURES_MAX) as i32 - 1) * weight,
    };
    let far = if load.far { ZONE_PENALTY_US } else { 0.0 };
    load.rtt_us + far + failures + load.seen.queue_us * weight + service * (load.in_flight + 1) as f64
}

/// The candidate that should answer soonest; of equals the first from `turn` on, so that idle nodes take turns.
pub(crate) fn choose(candidates: &[(usize, Load)], turn: usize) -> Option<usize> {
    (0..candidates.len())
        .map(|i| &candidates[(i + turn) % candidates.len()])
        .map(|(node, load)| (*node, expected_us(load)))
        .reduce(|best, next| if next.1 < best.1 { next } else { best })
        .map(|(node, _)| node)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(queue_us: f64, service_us: f64, failures: u32) -> Load {
        Load { seen: Seen { queue_us, service_us, failures }, ..Load::default() }
    }

    fn pick(loads: &[Load], turn: usize) -> Option<usize> {
        choose(&loads.iter().copied().enumerate().collect::<Vec<_>>(), turn)
    }

    #[test]
    fn equals_take_turns_and_nobody_is_nobody() {
        let loads = [Load::default(); 3];
        assert_eq!((0..4).map(|turn| pick(&loads, turn)).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(0)]);
        assert_eq!(pick(&[], 5), None);
    }

    #[test]
    fn the_shorter_queue_the_fewer_in_flight_and_the_nearer_win() {
        for turn in 0..2 {
            assert_eq!(pick(&[seen(900.0, 500.0, 0), seen(100.0, 500.0, 0)], turn), Some(1));
            let busy = Load { in_flight: 3, ..seen(0.0, 500.0, 0) };
            assert_eq!(pick(&[busy, seen(0.0, 500.0, 0)], turn), Some(1));
            let far = Load { far: true, ..seen(0.0, 500.0, 0) };
            assert_eq!(pick(&[far, seen(0.0, 600.0, 0)], turn), Some(1));
            assert_eq!(pick(&[far, seen(9_000.0, 600.0, 0)], turn), Some(0), "a far node beats a long queue");
            assert_eq!(pick(&[Load { rtt_us: 9_000.0, ..seen(0.0, 500.0, 0) }, seen(0.0, 500.0, 0)], turn), Some(1));
        }
    }

    #[test]
    fn a_failing_node_is_left_alone_and_tried_again_later() {
        let failing = seen(0.0, 500.0, 3);
        assert_eq!(pick(&[failing, seen(2_000.0, 500.0, 0)], 0), Some(1));
        let rested = Load { age: Duration::from_secs(10), ..failing };
        assert_eq!(pick(&[rested, seen(2_000.0, 500.0, 0)], 0), Some(0));
    }

    #[test]
    fn a_node_that_hangs_is_learnt_from_requests_given_up() {
        let mut hanging = Seen::default();
        hanging.given_up(Duration::from_millis(500), Duration::ZERO);
        let mut answering = Seen::default();
        answering.answered(1_000, Duration::from_millis(3), Duration::ZERO);
        let loads = [Load { seen: hanging, ..Load::default() }, Load { seen: answering, ..Load::default() }];
        assert_eq!(pick(&loads, 0), Some(1));
        hanging.failed(Duration::ZERO);
        hanging.answered(10, Duration::from_millis(1), Duration::ZERO);
        assert_eq!(hanging.failures, 0);
        assert!(hanging.service_us < 500_000.0);
    }

    #[test]
    fn what_was_seen_long_ago_does_not_come_back_with_a_new_observation() {
        let slow = Seen { queue_us: 1e6, service_us: 1e6, failures: 0 };
        let long = HALF_LIFE * 30;
        let mut answered = slow;
        answered.answered(10, Duration::from_micros(200), long);
        assert!(answered.queue_us < 11.0 && answered.service_us < 201.0, "{answered:?}");
        let mut full = slow;
        full.full(50, long);
        assert_eq!(full.queue_us, 50.0);
        let mut failed = slow;
        failed.failed(long);
        assert!(failed.service_us < 1.0);
    }

    proptest! {
        #[test]
        fn more_of_anything_bad_is_never_better(
            rtt_us in 0.0..1e6_f64, in_flight in 0..1_000_usize, queue_us in 0.0..1e9_f64, service_us in 0.0..1e9_f64,
            failures in 0..50_u32, age_ms in 0..100_000_u64, far: bool,
        ) {
            let load = Load {
                rtt_us, far, in_flight,
                seen: Seen { queue_us, service_us, failures },
                age: Duration::from_millis(age_ms),
            };
            let cost = expected_us(&load);
            prop_assert!(cost.is_finite() && cost > 0.0);
            let worse = [
                Load { rtt_us: rtt_us + 1.0, ..load },
                Load { far: true, ..load },
                Load { in_flight: in_flight + 1, ..load },
                Load { seen: Seen { queue_us: queue_us + 1.0, ..load.seen }, ..load },
                Load { seen: Seen { service_us: service_us * 2.0, ..load.seen }, ..load },
                Load { seen: Seen { failures: failures + 1, ..load.seen }, ..load },
            ];
            for other in worse {
                prop_assert!(expected_us(&other) >= cost, "{other:?}");
            }
        }
    }
}
