//! Votes with powers against a threshold.
//!
//! [`walk`] is how a chain's own code goes through its votes, in order; a [`Ballot`] is what the quorum operation carries:
//! votes as columns, each voter's power, and the [`Terms`]. Both ask for verdicts elsewhere and add up here.

use std::collections::HashMap;

use crate::columns::{Columns, LayoutError};
use crate::registry::{Grouping, Kind, Operation, Row};
use crate::verdict::{Cause, Verdict};

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

/// When a ballot is won: `power / total` against `numerator / denominator`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// The power of everybody who may vote, also of those who did not.
    pub total: u64,
    /// The fraction's upper part, at most the lower.
    pub numerator: u64,
    /// The fraction's lower part, not 0.
    pub denominator: u64,
    /// Whether meeting the fraction is enough (BSC: at least 2/3); else it must be exceeded (CometBFT: more than 2/3).
    pub at_least: bool,
    /// Whether votes behind the one that reaches the threshold are left alone, as a light client does.
    pub stop_early: bool,
}

impl Terms {
    /// Whether this power is enough. A product of two 64-bit numbers fits 128 bits.
    #[must_use]
    pub fn are_met_by(&self, power: u64) -> bool {
        let (power, needed) =
            (u128::from(power) * u128::from(self.denominator), u128::from(self.total) * u128::from(self.numerator));
        power > needed || self.at_least && power == needed
    }
}

/// Why votes, powers and terms are no ballot: mistakes of whoever asks, never a vote's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BallotError {
    /// The row is none whose items are a key, a signature and a message each.
    Row(Row),
    /// There are not as many powers as votes.
    Powers,
    /// The powers add up to more than the total.
    Total,
    /// The denominator is 0, or the fraction is more than one.
    Fraction,
}

impl std::fmt::Display for BallotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(row) => {
                write!(f, "{} has no votes: a quorum takes a key, a signature and a message each", row.name())
            }
            Self::Powers => f.write_str("there are not as many powers as votes"),
            Self::Total => f.write_str("the powers add up to more than the total"),
            Self::Fraction => f.write_str("the threshold's denominator is zero or its fraction more than one"),
        }
    }
}

impl std::error::Error for BallotError {}

/// What a ballot came to. Its byte on the wire is [`Tally::outcome_byte`]; 0 is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every vote looked at is valid, each by a signer of its own, and their power is enough.
    Reached,
    /// They are valid, and their power is not enough.
    NotEnough,
    /// The vote at this place is invalid, which alone refuses the whole.
    InvalidVote(usize),
    /// The signer of the vote at this place has voted before, which alone refuses the whole.
    DuplicateSigner(usize),
    /// The vote at this place has no verdict, so that nothing can be said.
    NotEvaluated(usize),
}

impl Outcome {
    /// The word used everywhere a person meets the outcome, and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.byte() as usize - 1]
    }

    /// Every outcome's word, in the order of its byte from 1.
    pub const NAMES: [&'static str; 5] = ["reached", "not-enough", "invalid-vote", "duplicate-signer", "not-evaluated"];

    /// The byte on the wire, 1 to 5.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Reached => 1,
            Self::NotEnough => 2,
            Self::InvalidVote(_) => 3,
            Self::DuplicateSigner(_) => 4,
            Self::NotEvaluated(_) => 5,
        }
    }

    /// The vote that decided it, where one alone did.
    #[must_use]
    pub const fn place(self) -> Option<usize> {
        match self {
            Self::Reached | Self::NotEnough => None,
            Self::InvalidVote(place) | Self::DuplicateSigner(place) | Self::NotEvaluated(place) => Some(place),
        }
    }

    /// The outcome of this byte with this place; `None` for a byte nobody assigned.
    #[must_use]
    pub const fn from_byte(byte: u8, place: usize) -> Option<Self> {
        Some(match byte {
            1 => Self::Reached,
            2 => Self::NotEnough,
            3 => Self::InvalidVote(place),
            4 => Self::DuplicateSigner(place),
            5 => Self::NotEvaluated(place),
            _ => return None,
        })
    }
}

/// A ballot counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tally {
    /// The power of the valid votes that were looked at, each signer's once.
    pub power: u64,
    /// Yes, or why not.
    pub outcome: Outcome,
}

/// Votes with their powers and the terms they are counted under. Made by [`Ballot::new`] alone.
#[derive(Clone, Debug)]
pub struct Ballot {
    votes: Columns,
    powers: Vec<u64>,
    terms: Terms,
    /// Votes that are looked at, from the first.
    looked_at: usize,
}

impl Ballot {
    /// A ballot of these votes. A power of 0 is that of a vote which is checked and not counted (CometBFT's for nil).
    ///
    /// # Errors
    /// What does not fit.
    pub fn new(votes: Columns, powers: Vec<u64>, terms: Terms) -> Result<Self, BallotError> {
        let operation = votes.operation();
        if !is_votable(operation) {
            return Err(BallotError::Row(operation.row));
        }
        if terms.denominator == 0 || terms.numerator > terms.denominator {
            return Err(BallotError::Fraction);
        }
        if powers.len() != votes.items() {
            return Err(BallotError::Powers);
        }
        let mut sum = 0_u64;
        let mut looked_at = None;
        for (place, power) in powers.iter().enumerate() {
            sum = sum.checked_add(*power).filter(|sum| *sum <= terms.total).ok_or(BallotError::Total)?;
            if terms.stop_early && looked_at.is_none() && terms.are_met_by(sum) {
                looked_at = Some(place + 1);
            }
        }
        let looked_at = looked_at.unwrap_or(powers.len());
        Ok(Self { votes, powers, terms, looked_at })
    }

    /// All the votes.
    #[must_use]
    pub fn votes(&self) -> &Columns {
        &self.votes
    }

    /// A power a vote.
    #[must_use]
    pub fn powers(&self) -> &[u64] {
        &self.powers
    }

    /// What they are counted under.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Votes that are looked at, from the first: all, or where it stops early as many as reach the threshold when every one
    /// of them is valid. One that is not refuses the whole, so no vote behind them ever matters.
    #[must_use]
    pub fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// The votes that need a verdict.
    ///
    /// # Errors
    /// Never for a ballot: what is part of a request fits one.
    pub fn asked(&self) -> Result<Columns, LayoutError> {
        if self.looked_at == self.votes.items() {
            return Ok(self.votes.clone());
        }
        self.votes.select(0..self.looked_at)
    }

    /// The verdicts of all votes, from those of the votes asked for: the others are [`Cause::NotNeeded`].
    #[must_use]
    pub fn all_verdicts(&self, mut asked: Vec<u8>) -> Vec<u8> {
        asked.resize(self.votes.items(), Verdict::NotEvaluated(Cause::NotNeeded).to_byte());
        asked
    }

    /// Counts, from a verdict byte for each vote that is looked at (those behind are not read). The votes are met in their
    /// order, and the first that is invalid, without a verdict, or by a signer met before decides the whole.
    ///
    /// # Panics
    /// When there are fewer verdicts than votes looked at: the caller's bug.
    #[must_use]
    pub fn tally(&self, verdicts: &[u8]) -> Tally {
        let mut signers = HashMap::with_capacity(self.looked_at);
        let (mut power, mut fault) = (0_u64, None);
        for (place, byte) in verdicts[..self.looked_at].iter().enumerate() {
            let found = match Verdict::from_byte(*byte) {
                Some(Verdict::Valid) => match signers.insert(signer(&self.votes, place), place) {
                    None => {
                        // Their sum is at most the total, which was checked.
                        power += self.powers[place];
                        continue;
                    }
                    Some(_) => Outcome::DuplicateSigner(place),
                },
                Some(Verdict::Invalid(_)) => Outcome::InvalidVote(place),
                Some(Verdict::NotEvaluated(_)) | None => Outcome::NotEvaluated(place),
            };
            fault.get_or_insert(found);
        }
        let sum = if self.terms.are_met_by(power) { Outcome::Reached } else { Outcome::NotEnough };
        Tally { power, outcome: fault.unwrap_or(sum) }
    }
}

/// Whether an operation's items can be votes: a key, a signature and a message each.
#[must_use]
pub fn is_votable(operation: &Operation) -> bool {
    operation.kind == Kind::Verify && operation.grouping == Grouping::Single
}

/// Who signed: the key's bytes, but one point written in two ways is one signer.
fn signer(votes: &Columns, place: usize) -> Vec<u8> {
    let operation = votes.operation();
    // A vote refused in encoding is never valid, and no other is asked for.
    let (form, mut key) = (votes.form(place).unwrap_or(0), votes.key(place).to_vec());
    if operation.forms != [0] {
        // x and y's parity: said by 02 and 03, to be read off y in the other forms (SEC 1, section 2.3.3).
        let parity = if matches!(form, 2 | 3) { form & 1 } else { key[63] & 1 };
        key.truncate(32);
        key.push(parity);
    } else if matches!(operation.row, Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict) {
        reduce_ed25519(&mut key);
    }
    key
}

/// The canonical encoding of the point that these 32 bytes are read as where y may be at least p = 2^255 - 19 (ZIP-215): y
/// reduced, and no sign where x is 0, that is where y is 1 or p - 1.
fn reduce_ed25519(key: &mut [u8]) {
    let sign = key[31] & 0x80;
    key[31] &= 0x7f;
    let middle = &key[1..31];
    if key[0] >= 0xed && key[31] == 0x7f && middle.iter().all(|byte| *byte == 0xff) {
        key[0] -= 0xed;
        key[1..].fill(0);
    }
    let is_one = key[0] == 1 && key[1..].iter().all(|byte| *byte == 0);
    let is_minus_one = key[0] == 0xec && key[31] == 0x7f && key[1..31].iter().all(|byte| *byte == 0xff);
    if !is_one && !is_minus_one {
        key[31] |= sign;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

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

    fn ed25519(keys: &[u8]) -> Columns {
        let mut builder = crate::ColumnsBuilder::new(Row::Ed25519Zip215.operation());
        keys.iter().for_each(|key| builder.push(0, &[*key; 32], &[7; 64], b"vote"));
        builder.build().expect("votes")
    }

    const TWO_THIRDS: Terms = Terms { total: 100, numerator: 2, denominator: 3, at_least: false, stop_early: false };

    fn tally(keys: &[u8], powers: &[u64], terms: Terms, verdicts: &[u8]) -> Tally {
        Ballot::new(ed25519(keys), powers.to_vec(), terms).expect("a ballot").tally(verdicts)
    }

    #[test]
    fn a_fraction_is_exceeded_or_met_exactly() {
        for total in 1..200 {
            let terms = |at_least| Terms { total, at_least, ..TWO_THIRDS };
            for power in 0..=total {
                let needed = power_to_exceed(total, 2, 3).expect("small");
                assert_eq!(terms(false).are_met_by(power), power > needed, "{power} of {total}: CometBFT's");
                // FISCO BCOS: total - (total - 1) / 3; BSC: ceil(2 total / 3).
                assert_eq!(terms(false).are_met_by(power), power >= total - (total - 1) / 3, "{power} of {total}");
                assert_eq!(terms(true).are_met_by(power), power >= (2 * total).div_ceil(3), "{power} of {total}");
            }
        }
        let whole = Terms { total: u64::MAX, numerator: u64::MAX, denominator: u64::MAX, ..TWO_THIRDS };
        assert!(!whole.are_met_by(u64::MAX) && Terms { at_least: true, ..whole }.are_met_by(u64::MAX));
    }

    #[test]
    fn what_is_no_ballot_says_why() {
        let error =
            |votes, powers: &[u64], terms| Ballot::new(votes, powers.to_vec(), terms).map(|_| ()).expect_err("none");
        assert_eq!(error(ed25519(&[1, 2]), &[1], TWO_THIRDS), BallotError::Powers);
        assert_eq!(error(ed25519(&[1, 2]), &[50, 51], TWO_THIRDS), BallotError::Total);
        assert_eq!(
            error(ed25519(&[1, 2]), &[2, u64::MAX], Terms { total: u64::MAX, ..TWO_THIRDS }),
            BallotError::Total
        );
        assert_eq!(error(ed25519(&[1]), &[1], Terms { denominator: 0, ..TWO_THIRDS }), BallotError::Fraction);
        assert_eq!(error(ed25519(&[1]), &[1], Terms { numerator: 4, ..TWO_THIRDS }), BallotError::Fraction);
        let mut builder = crate::ColumnsBuilder::new(Row::Sha256.operation());
        builder.push(0, &[], &[], b"a");
        assert_eq!(error(builder.build().expect("one"), &[1], TWO_THIRDS), BallotError::Row(Row::Sha256));
        assert!(!is_votable(Row::BlsMinPkPopFastAggregate.operation()) && is_votable(Row::BlsMinPkPop.operation()));
    }

    #[test]
    fn the_first_fault_met_decides_and_the_valid_power_is_told() {
        let powers = [30, 40, 20, 10];
        let of = |verdicts: &[u8]| tally(&[1, 2, 3, 4], &powers, TWO_THIRDS, verdicts);
        assert_eq!(of(&[1, 1, 1, 1]), Tally { power: 100, outcome: Outcome::Reached });
        assert_eq!(of(&[1, 1, 1, 2]), Tally { power: 90, outcome: Outcome::InvalidVote(3) });
        assert_eq!(of(&[1, 130, 3, 1]), Tally { power: 40, outcome: Outcome::NotEvaluated(1) });
        assert_eq!(of(&[0, 1, 1, 1]), Tally { power: 70, outcome: Outcome::NotEvaluated(0) });
        let twice = tally(&[1, 2, 1, 4], &powers, TWO_THIRDS, &[1; 4]);
        assert_eq!(twice, Tally { power: 80, outcome: Outcome::DuplicateSigner(2) });
        let nil = tally(&[1, 2, 3, 4], &[30, 30, 0, 6], TWO_THIRDS, &[1; 4]);
        assert_eq!(nil, Tally { power: 66, outcome: Outcome::NotEnough });
    }

    #[test]
    fn stopping_early_leaves_the_votes_behind_alone() {
        let early = Terms { stop_early: true, ..TWO_THIRDS };
        let ballot = Ballot::new(ed25519(&[1, 2, 3, 1]), vec![40, 27, 20, 13], early).expect("a ballot");
        assert_eq!(ballot.looked_at(), 2);
        assert_eq!(ballot.asked().expect("two").items(), 2);
        assert_eq!(ballot.tally(&[1, 1]), Tally { power: 67, outcome: Outcome::Reached });
        assert_eq!(ballot.tally(&[1, 2]), Tally { power: 40, outcome: Outcome::InvalidVote(1) });
        assert_eq!(ballot.all_verdicts(vec![1, 2]), [1, 2, 132, 132]);
        let never = Ballot::new(ed25519(&[1, 2]), vec![40, 26], early).expect("a ballot");
        assert_eq!((never.looked_at(), never.asked().expect("all").items()), (2, 2));
    }

    #[test]
    fn one_key_written_in_two_ways_is_one_signer() {
        let mut builder = crate::ColumnsBuilder::new(Row::EcdsaSecp256k1.operation());
        let pair = |x: u8, y: u8| [[x; 32], [y; 32]].concat();
        for (form, x, y) in [(4, 5, 7), (2, 5, 0), (3, 5, 0), (6, 5, 8)] {
            builder.push(form, &pair(x, y), &[1; 64], &[0; 32]);
        }
        let ballot = Ballot::new(builder.build().expect("votes"), vec![1; 4], TWO_THIRDS).expect("a ballot");
        assert_eq!(ballot.tally(&[1; 4]), Tally { power: 2, outcome: Outcome::DuplicateSigner(2) });

        let reduced = |first: u8, rest: u8, last: u8| {
            let mut key = [rest; 32];
            (key[0], key[31]) = (first, last);
            reduce_ed25519(&mut key);
            key
        };
        let small = |y: u8| {
            let mut key = [0; 32];
            key[0] = y;
            key
        };
        assert_eq!(reduced(0xed, 0xff, 0x7f), small(0), "p is 0");
        assert_eq!(reduced(0xee, 0xff, 0xff), small(1), "p + 1 with a sign, whose x is 0");
        assert_eq!(reduced(1, 0, 0x80), small(1));
        assert_eq!(reduced(0xec, 0xff, 0xff)[31], 0x7f, "p - 1 has x = 0");
        assert_eq!(reduced(0xff, 0xff, 0xff)[31], 0x80, "y = 18 keeps its sign");
        assert_eq!(reduced(2, 3, 0x83), {
            let mut key = [3; 32];
            (key[0], key[31]) = (2, 0x83);
            key
        });
    }

    #[test]
    fn outcomes_go_by_their_bytes() {
        for byte in 0..=u8::MAX {
            let outcome = Outcome::from_byte(byte, 9);
            assert_eq!(outcome.is_some(), (1..=5).contains(&byte));
            if let Some(outcome) = outcome {
                assert_eq!(outcome.byte(), byte);
                assert_eq!(outcome.name(), Outcome::NAMES[usize::from(byte) - 1]);
                assert_eq!(outcome.place(), (byte > 2).then_some(9));
            }
        }
    }
}
