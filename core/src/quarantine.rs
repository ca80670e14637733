//! Whether a backend may serve: out at its first fault, back when its known answers are right again, with a longer pause
//! each time. It keeps time by the clock it is told and knows nothing of queues.

use std::time::Duration;

/// The first pause. Shorter: a broken backend is tried more often than it is worth. Longer: a passing fault costs more speed.
pub(crate) const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest pause: how late a healed backend is noticed at most.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Serving this long without a fault makes the next pause a first one again.
const FORGIVEN_AFTER: Duration = PAUSE_MAX;

const _: () = assert!(PAUSE_MIN.as_millis() < PAUSE_MAX.as_millis());

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Serving {
        since: Duration,
    },
    Out {
        until: Duration,
    },
    /// Its known answers are being computed.
    OnProbation,
}

/// One backend's standing.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    state: State,
    pause: Duration,
    faults: u64,
    /// The last resort keeps serving: its faults are counted, and nobody would answer in its place.
    last_resort: bool,
}

impl Standing {
    /// Of a backend that just gave its known answers.
    pub(crate) fn new(last_resort: bool) -> Self {
        Self { state: State::Serving { since: Duration::ZERO }, pause: PAUSE_MIN, faults: 0, last_resort }
    }

    /// Of a backend that gave a wrong known answer at the start.
    pub(crate) fn failed(now: Duration) -> Self {
        let mut standing = Self::new(false);
        standing.fault(now);
        standing
    }

    pub(crate) fn serves(&self) -> bool {
        matches!(self.state, State::Serving { .. })
    }

    pub(crate) fn is_last_resort(&self) -> bool {
        self.last_resort
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults
    }

    /// A fault, in service or in a known answer: out, for twice as long as last time unless that is long ago.
    pub(crate) fn fault(&mut self, now: Duration) {
        self.faults += 1;
        if self.last_resort {
            return;
        }
        match self.state {
            State::Serving { since } => {
                if now.saturating_sub(since) >= FORGIVEN_AFTER {
                    self.pause = PAUSE_MIN;
                }
                self.put_out(now);
            }
            State::OnProbation => self.put_out(now),
            // A quantum that was under way when another one's fault put the backend out.
            State::Out { .. } => {}
        }
    }

    fn put_out(&mut self, now: Duration) {
        self.state = State::Out { until: now + self.pause };
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    /// Whether the pause is over; if so the backend is on probation, and the caller has its known answers computed.
    pub(crate) fn try_probation(&mut self, now: Duration) -> bool {
        let due = matches!(self.state, State::Out { until } if until <= now);
        if due {
            self.state = State::OnProbation;
        }
        due
    }

    /// The known answers came out right.
    pub(crate) fn readmit(&mut self, now: Duration) {
        if self.state == State::OnProbation {
            self.state = State::Serving { since: now };
        }
    }

    /// Why it does not serve, for people.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match self.state {
            State::Serving { .. } => None,
            State::Out { .. } => Some("in quarantine after a fault"),
            State::OnProbation => Some("in quarantine; its known answers are being computed again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_until_the_longest_and_shrink_after_good_service() {
        let mut standing = Standing::new(false);
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..11 {
            standing.fault(now);
            assert!(!standing.serves());
            let out_at = now;
            while !standing.try_probation(now) {
                now += SECOND;
            }
            pauses.push((now - out_at).as_secs());
            standing.readmit(now);
            assert!(standing.serves());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        now += FORGIVEN_AFTER;
        standing.fault(now);
        assert!(!standing.try_probation(now));
        assert!(standing.try_probation(now + SECOND), "long good service makes the pause a first one");
    }

    #[test]
    fn a_wrong_known_answer_on_probation_is_a_longer_pause() {
        let mut standing = Standing::failed(Duration::ZERO);
        assert!(standing.try_probation(SECOND));
        assert!(!standing.try_probation(SECOND), "one probation at a time");
        standing.fault(SECOND);
        assert!(!standing.try_probation(2 * SECOND));
        assert!(standing.try_probation(3 * SECOND));
        assert_eq!(standing.faults(), 2);
    }

    #[test]
    fn faults_of_one_burst_are_one_pause_and_a_late_readmission_is_none() {
        let mut standing = Standing::new(false);
        standing.fault(Duration::ZERO);
        standing.fault(Duration::ZERO);
        standing.readmit(Duration::ZERO);
        assert!(!standing.serves());
        assert!(standing.try_probation(SECOND));
    }

    #[test]
    fn the_last_resort_serves_on_and_its_faults_are_counted() {
        let mut standing = Standing::new(true);
        standing.fault(SECOND);
        assert!(standing.serves());
        assert_eq!(standing.faults(), 1);
    }
}
