//! CometBFT (and Tendermint before it): a commit's votes, the header and the validator set they stand on.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `json`, `protobuf` | a file into a signed header and its validator set |
//! | `types` | headers, votes and sets into the bytes that are hashed and signed |
//! | `encoding` | keys into claims |
//!
//! Protocol buffers are read by [`crate::proto`]: what is signed keeps some empty messages and drops others as gogoproto
//! does, and errors have to say their byte.

mod chain;
pub mod encoding;
pub mod json;
pub mod protobuf;
pub mod types;

use std::collections::{HashMap, HashSet};

use assay_scheme::{Cause, Reason, Verdict};

pub use self::chain::CHAIN;
pub(crate) use self::chain::validator_sets;
use self::encoding::Dialect;
use self::types::{Flag, Header, SignedHeader, ValidatorSet};
use crate::claims::{Claim, Collector};
use crate::hash::sha256;
use crate::input::InputError;
use crate::merkle::rfc6962_root;
use crate::profile::Profile;
use crate::quorum::{Quorum, Vote, power_to_exceed, walk};
use crate::report::{Outcome, Report};

/// A vote's signature, or why none was asked for.
#[derive(Clone, Debug)]
enum Asked {
    Claim(Claim),
    Invalid(&'static str),
    NotEvaluated(&'static str),
}

/// One vote of a commit, with its validator's power.
struct Pending {
    /// Its place in the commit.
    index: usize,
    address: String,
    asked: Asked,
    power: u64,
    counts: bool,
}

/// A commit whose votes wait for their verdicts.
struct Waiting {
    subject: String,
    /// Votes by the set that signed.
    votes: Vec<Pending>,
    /// The signing set's total power; `None` where there is no set, or it cannot be one.
    total: Option<u64>,
    /// Votes by each trusted set, as (set's name, total, votes), in the commit's order.
    trusting: Vec<(String, u64, Result<Vec<Pending>, String>)>,
}

/// CometBFT's profile over one run of files.
pub struct CometBft {
    dialect: Dialect,
    chain_id: Option<String>,
    /// Validator sets given beside the files, by name.
    sets: Vec<(String, ValidatorSet)>,
    waiting: Vec<Waiting>,
}

impl CometBft {
    /// For a chain of this name, or any; with validator sets for commits that come without, and to trust.
    #[must_use]
    pub fn new(chain_id: Option<String>, sets: Vec<(String, ValidatorSet)>) -> Self {
        Self { dialect: Dialect::Protobuf, chain_id, sets, waiting: Vec::new() }
    }

    /// The same for amino's votes, before Tendermint 0.34: headers and sets are not hashed, and a commit's set is the first
    /// given that has as many validators.
    #[must_use]
    pub fn amino(chain_id: Option<String>, sets: Vec<(String, ValidatorSet)>) -> Self {
        Self { dialect: Dialect::Amino, ..Self::new(chain_id, sets) }
    }

    /// A validator set from a file, JSON or protobuf.
    ///
    /// # Errors
    /// Where and why it is neither.
    pub fn validator_set(bytes: &[u8]) -> Result<ValidatorSet, InputError> {
        if is_json(bytes) { json::validator_set(bytes) } else { protobuf::validators(bytes) }
    }

    /// The set that signed a header: the file's own, or one of those given by its hash.
    fn signers<'a>(&'a self, signed: &'a SignedHeader) -> Option<&'a ValidatorSet> {
        if self.dialect == Dialect::Amino {
            let size = signed.commit.signatures.len();
            return self.sets.iter().map(|(_, set)| set).find(|set| set.validators.len() == size);
        }
        let hash = &signed.header.hashes[Header::VALIDATORS];
        let given =
            || self.sets.iter().map(|(_, set)| set).find(|set| set.hash().is_some_and(|own| own[..] == hash[..]));
        signed.validators.as_ref().or_else(given)
    }

    /// Checks a signed header and claims its votes.
    pub fn signed(&mut self, name: &str, signed: &SignedHeader, collector: &mut Collector<'_>, report: &mut Report) {
        let header = &signed.header;
        let subject = format!("{name}: {} height {}", header.chain_id, header.height);
        check_header(self.dialect, self.chain_id.as_deref(), signed, &subject, report);
        let set = self.signers(signed);
        let mut total = None;
        if let Some(set) = set {
            check_set(self.dialect, set, signed, &subject, report);
            total = set.total_power().ok();
        }
        let votes = votes(self.dialect, signed, set, collector);
        // A given set that is not the signers' own is one that an earlier header was trusted with.
        let hashed = self.dialect == Dialect::Protobuf;
        let trusted = self.sets.iter().filter(|(_, trusted)| hashed && Some(trusted) != set);
        let trusting = trusted
            .filter_map(|(name, trusted)| {
                let total = trusted.total_power().ok()?;
                Some((name.clone(), total, trusting_votes(signed, trusted, collector)))
            })
            .collect();
        self.waiting.push(Waiting { subject, votes, total, trusting });
    }
}

/// JSON begins with a brace, which as protobuf would be a group.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What a signed header must satisfy without any signature.
fn check_header(dialect: Dialect, chain_id: Option<&str>, signed: &SignedHeader, subject: &str, report: &mut Report) {
    let SignedHeader { header, commit, transactions, .. } = signed;
    let named = || subject.to_owned();
    let equal = |same: bool, why: &str| if same { Ok(()) } else { Err(why.to_owned()) };
    if let Some(chain_id) = chain_id {
        report.check("chain-id", named, equal(header.chain_id == chain_id, "the header is another chain's"));
    }
    // CometBFT types/light.go, SignedHeader.ValidateBasic.
    let same = commit.height == header.height && commit.height > 0 && commit.round >= 0;
    report.check("commit-height", named, equal(same, "the commit is for another height, or its round is negative"));
    if dialect == Dialect::Amino {
        return;
    }
    let same = header.hash()[..] == commit.block_id.hash[..];
    report.check("header-hash", named, equal(same, "the commit is for another header"));
    if let Some(transactions) = transactions {
        let leaves: Vec<[u8; 32]> = transactions.iter().map(|transaction| sha256(transaction)).collect();
        let same = rfc6962_root(&leaves)[..] == header.hashes[1][..];
        report.check("data-hash", named, equal(same, "the transactions have another root than the header says"));
    }
}

/// What a validator set must satisfy for this header.
fn check_set(dialect: Dialect, set: &ValidatorSet, signed: &SignedHeader, subject: &str, report: &mut Report) {
    let named = || subject.to_owned();
    let SignedHeader { header, commit, .. } = signed;
    let (votes, validators) = (commit.signatures.len(), set.validators.len());
    // CometBFT types/validation.go, verifyBasicValsAndCommit.
    let why = || format!("{votes} votes, absent ones included, for {validators} validators");
    report.check("commit-size", named, if votes == validators { Ok(()) } else { Err(why()) });
    report.check("validators", named, set.check_addresses().and_then(|()| set.total_power().map(|_| ())));
    if dialect == Dialect::Amino {
        return;
    }
    if let Some(hash) = set.hash() {
        let same = hash[..] == header.hashes[Header::VALIDATORS][..];
        let why = || Err("the validators have another root than the header says".to_owned());
        report.check("validators-hash", named, if same { Ok(()) } else { why() });
    }
    let proposer = set.validators.iter().any(|validator| validator.address == header.proposer_address);
    let outcome = if proposer { Ok(()) } else { Err("the proposer is none of the validators".to_owned()) };
    report.check("proposer", named, outcome);
}

/// Why a vote at another validator's place is refused.
const TWICE: &str = "this signer's vote stands twice in the commit";

/// The votes that are there, each by its place in the set (CometBFT `types/validation.go`, lookUpByIndex).
fn votes(
    dialect: Dialect,
    signed: &SignedHeader,
    set: Option<&ValidatorSet>,
    collector: &mut Collector<'_>,
) -> Vec<Pending> {
    let SignedHeader { header, commit, .. } = signed;
    let mut times: HashMap<&[u8], usize> = HashMap::new();
    commit.signatures.iter().for_each(|signature| *times.entry(&signature.address).or_default() += 1);
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for (index, signature) in commit.signatures.iter().enumerate() {
        if signature.flag == Flag::Absent {
            continue;
        }
        let validator = set.and_then(|set| set.validators.get(index));
        let asked = match (set, validator) {
            _ if signature.flag == Flag::OtherStep => Asked::Invalid("a vote for another height, round or step"),
            _ if signature.flag == Flag::OtherBlock => Asked::NotEvaluated("a vote for another block"),
            (None, _) => Asked::NotEvaluated("the validator set is not given"),
            (Some(_), None) => Asked::Invalid("the set has no validator at this place"),
            (_, Some(validator)) if validator.address != signature.address => {
                Asked::Invalid(if times[&signature.address[..]] > 1 {
                    TWICE
                } else {
                    "the set has another validator at this place"
                })
            }
            // A set that names a validator twice is refused too, see the check `validators`.
            _ if !seen.insert(&signature.address) => Asked::Invalid(TWICE),
            (_, Some(validator)) => {
                let message = commit.vote_bytes(dialect, &header.chain_id, signature);
                match validator.key.claim(dialect, &signature.signature, &message, collector) {
                    Some(claim) => Asked::Claim(claim),
                    None => Asked::NotEvaluated("a key of a kind that is not covered"),
                }
            }
        };
        out.push(Pending {
            index,
            address: hex::encode_upper(&signature.address),
            asked,
            power: validator.map_or(0, |validator| u64::try_from(validator.power).unwrap_or(0)),
            counts: signature.flag == Flag::Commit,
        });
    }
    out
}

/// The votes for the block of those whom a trusted set knows by address (CometBFT `types/validation.go`,
/// VerifyCommitLightTrusting).
///
/// # Errors
/// When a validator of the set votes twice.
fn trusting_votes(
    signed: &SignedHeader,
    trusted: &ValidatorSet,
    collector: &mut Collector<'_>,
) -> Result<Vec<Pending>, String> {
    let SignedHeader { header, commit, .. } = signed;
    let by_address: HashMap<&[u8], usize> =
        trusted.validators.iter().enumerate().map(|(at, validator)| (&validator.address[..], at)).collect();
    let mut seen = HashMap::new();
    let mut out = Vec::new();
    for (index, signature) in commit.signatures.iter().enumerate().filter(|(_, s)| s.flag == Flag::Commit) {
        let Some(at) = by_address.get(&signature.address[..]) else { continue };
        if let Some(first) = seen.insert(at, index) {
            return Err(format!("a double vote: votes {first} and {index} are of one validator"));
        }
        let validator = &trusted.validators[*at];
        let message = commit.vote_bytes(Dialect::Protobuf, &header.chain_id, signature);
        let asked = match validator.key.claim(Dialect::Protobuf, &signature.signature, &message, collector) {
            Some(claim) => Asked::Claim(claim),
            None => Asked::NotEvaluated("a key of a kind that is not covered"),
        };
        let power = u64::try_from(validator.power).unwrap_or(0);
        out.push(Pending { index, address: hex::encode_upper(&signature.address), asked, power, counts: true });
    }
    Ok(out)
}

impl Pending {
    fn vote(&self, collector: &Collector<'_>) -> Vote {
        let verdict = match self.asked {
            Asked::Claim(claim) => collector.verdict(claim),
            Asked::Invalid(_) => Verdict::Invalid(Reason::Key),
            Asked::NotEvaluated(_) => Verdict::NotEvaluated(Cause::Unwritten),
        };
        Vote { verdict, power: self.power, counts: self.counts }
    }

    fn outcome(&self, collector: &Collector<'_>) -> Outcome {
        match self.asked {
            Asked::Claim(claim) => collector.verdict(claim).into(),
            Asked::Invalid(why) => Outcome::invalid(why),
            Asked::NotEvaluated(why) => Outcome::not_evaluated(why),
        }
    }
}

/// A rule for how much power must stand behind a commit.
struct Threshold {
    check: &'static str,
    fraction: (u64, u64),
    /// The light forms look at votes for the block alone, and stop when enough are there; VerifyCommit checks every vote.
    light: bool,
}

const COMMIT: Threshold = Threshold { check: "commit", fraction: (2, 3), light: false };
const LIGHT: Threshold = Threshold { check: "commit-light", fraction: (2, 3), light: true };
const TRUSTING: Threshold = Threshold { check: "commit-light-trusting", fraction: (1, 3), light: true };

impl Threshold {
    /// Checks votes of a set of this total power; says nothing where a vote that counts for the answer has no verdict.
    fn judge(&self, subject: &str, votes: &[Pending], total: u64, collector: &Collector<'_>, report: &mut Report) {
        let (numerator, denominator) = self.fraction;
        // The total is at most an eighth of 63 bits.
        let Some(needed) = power_to_exceed(total, numerator, denominator) else { return };
        let looked_at: Vec<&Pending> = votes.iter().filter(|vote| vote.counts || !self.light).collect();
        let outcome = match walk(looked_at.iter().map(|vote| vote.vote(collector)), needed, self.light) {
            Quorum::Reached { power } => {
                let check = self.check;
                report.note(|| format!("{subject}: {check}: power {power} of {total}, more than {needed} needed"));
                Ok(())
            }
            Quorum::NotEnough { power } => Err(format!("power {power} of {total} is there, more than {needed} needed")),
            Quorum::InvalidVote(at) => {
                let Pending { index, address, .. } = looked_at[at];
                Err(format!("vote {index} of validator {address} is invalid"))
            }
            Quorum::NotEvaluated(_) => return,
        };
        report.check(self.check, || subject.to_owned(), outcome);
    }
}

impl Waiting {
    fn judge(&self, collector: &Collector<'_>, report: &mut Report) {
        for vote in &self.votes {
            let subject = || format!("{} vote {} of validator {}", self.subject, vote.index, vote.address);
            report.item(subject, vote.outcome(collector));
        }
        if let Some(total) = self.total {
            COMMIT.judge(&self.subject, &self.votes, total, collector, report);
            LIGHT.judge(&self.subject, &self.votes, total, collector, report);
        }
        for (name, total, votes) in &self.trusting {
            let subject = format!("{} under {name}", self.subject);
            match votes {
                Ok(votes) => TRUSTING.judge(&subject, votes, *total, collector, report),
                Err(why) => report.check(TRUSTING.check, || subject.clone(), Err(why.clone())),
            }
        }
    }
}

impl Profile for CometBft {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let signed = if is_json(bytes) { json::signed_header(bytes)? } else { protobuf::signed_header(bytes)? };
        self.signed(name, &signed, collector, report);
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for waiting in self.waiting.drain(..) {
            waiting.judge(collector, report);
        }
    }
}
