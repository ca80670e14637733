//! Votes with powers against a threshold.

use assay_scheme::Verdict;

/// One vote as a quorum sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What its signature is.
    pub verdict: Verdict,
    /// The voter's power.
    pub power: u64,
    /// Whether its power counts when the signature is valid: a vote for nothing is checked and not counted.
    pub counts: bool,
}

/// What votes add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// More power than needed stands behind valid votes.
    Reached {
        /// The power counted.
        power: u64,
    },
    /// All votes are valid and their power is not enough.
    NotEnough {
        /// The power counted.
        power: u64,
    },
    /// This vote, by its place, is invalid, which alone refuses the whole.
    InvalidVote(usize),
    /// This vote, by its place, has no verdict, so that nothing can be said.
    NotEvaluated(usize),
}

/// The power that must be exceeded: `total * numerator / denominator`, rounded down (CometBFT `types/validation.go`).
/// `None` when the product leaves 64 bits or the denominator is zero.
#[must_use]
pub fn power_to_exceed(total: u64, numerator: u64, denominator: u64) -> Option<u64> {
    total.checked_mul(numerator)?.checked_div(denominator)
}

/// Walks the votes in order. Any invalid vote met refuses the whole. With `stop_early` the walk ends as soon as more than
/// `needed` is there, and votes behind that are not looked at; without, every vote must be valid.
#[must_use]
pub fn walk(votes: impl IntoIterator<Item = Vote>, needed: u64, stop_early: bool) -> Quorum {
    let mut power = 0_u64;
    for (place, vote) in votes.into_iter().enumerate() {
        match vote.verdict {
            Verdict::Invalid(_) => return Quorum::InvalidVote(place),
            Verdict::NotEvaluated(_) => return Quorum::NotEvaluated(place),
            Verdict::Valid if vote.counts => power = power.saturating_add(vote.power),
            Verdict::Valid => {}
        }
        if stop_early && power > needed {
            break;
        }
    }
    if power > needed { Quorum::Reached { power } } else { Quorum::NotEnough { power } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::{Cause, Reason};

    const fn vote(power: u64, verdict: Verdict) -> Vote {
        Vote { verdict, power, counts: true }
    }

    #[test]
    fn the_threshold_is_exceeded_not_met() {
        let needed = power_to_exceed(100, 2, 3).expect("small");
        assert_eq!(needed, 66);
        assert_eq!(walk([vote(66, Verdict::Valid)], needed, false), Quorum::NotEnough { power: 66 });
        assert_eq!(walk([vote(67, Verdict::Valid)], needed, false), Quorum::Reached { power: 67 });
        assert_eq!(power_to_exceed(u64::MAX, 2, 3), None);
        assert_eq!(power_to_exceed(1, 1, 0), None);
    }

    #[test]
    fn an_invalid_vote_behind_the_threshold_is_met_only_without_the_early_stop() {
        let votes = [vote(70, Verdict::Valid), vote(30, Verdict::Invalid(Reason::Equation))];
        assert_eq!(walk(votes, 66, true), Quorum::Reached { power: 70 });
        assert_eq!(walk(votes, 66, false), Quorum::InvalidVote(1));
        let unknown = [vote(10, Verdict::NotEvaluated(Cause::Stopped)), vote(90, Verdict::Valid)];
        assert_eq!(walk(unknown, 66, true), Quorum::NotEvaluated(0));
    }

    #[test]
    fn what_does_not_count_is_still_checked() {
        let nil = Vote { counts: false, ..vote(50, Verdict::Valid) };
        assert_eq!(walk([nil, vote(60, Verdict::Valid)], 66, false), Quorum::NotEnough { power: 60 });
        let bad = Vote { counts: false, ..vote(50, Verdict::Invalid(Reason::Key)) };
        assert_eq!(walk([vote(70, Verdict::Valid), bad], 66, false), Quorum::InvalidVote(1));
    }
}
