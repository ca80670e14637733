//! FISCO BCOS 2.x and 3.x: block hashes, the sealers' votes, transactions and their senders, the transactions' root.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `json` | RPC's blocks and headers into what is hashed, who sealed and what was signed |
//! | `tars` | v3's signed transactions as they travel |
//! | `legacy` | v2's signed transactions as they travel, in RLP |
//! | `suite` | the two crypto suites: hashes, and signatures into claims |

mod chain;
pub mod json;
mod legacy;
pub mod suite;
pub mod tars;

use std::collections::HashSet;

use assay_scheme::{Parameters, Row, Verdict};

pub use self::chain::CHAIN;

use self::json::{Block, Full, Vote};
use self::suite::{Generation, Signer, Suite};
use crate::claims::{Claim, Collector};
use crate::input::{InputError, Reader, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// The type of a v3 transaction that was signed as FISCO's own (`TransactionType::BCOSTransaction`).
const OWN: i64 = 0;

/// A block whose votes wait.
struct Ballot {
    subject: String,
    votes: Vec<(u64, Result<Cast, Outcome>)>,
    /// The weight that must stand behind it.
    needed: u64,
    total: u64,
}

/// A vote of a sealer that has not voted before.
struct Cast {
    claim: Claim,
    weight: u64,
    /// The key that must be recovered, where one is.
    recovers: Option<[u8; 64]>,
}

/// What waits for its verdict.
enum Pending {
    Ballot(Ballot),
    Sender { subject: String, asked: Result<(Claim, Signer), Outcome>, suite: Suite, stated: Option<[u8; 20]> },
    Root { subject: String, claim: Claim, stated: [u8; 32] },
}

/// FISCO BCOS' profile over one run of files.
pub struct Fisco {
    suite: Option<Suite>,
    pending: Vec<Pending>,
}

fn shown(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The weight that a proposal needs (v3 `bcos-pbft` `ConsensusConfig`, `minRequiredQuorum`; v2 `PBFTEngine`, with weights of
/// 1): total - (total - 1) / 3. `None` when nobody votes or the total leaves 64 bits.
#[must_use]
pub fn quorum(weights: &[u64]) -> Option<(u64, u64)> {
    let total = weights.iter().try_fold(0_u64, |total, weight| total.checked_add(*weight))?;
    Some((total - total.checked_sub(1)? / 3, total))
}

impl Fisco {
    /// For one suite, or that of each signature's length.
    #[must_use]
    pub fn new(suite: Option<Suite>) -> Self {
        Self { suite, pending: Vec::new() }
    }

    fn suite_of(&self, signature: Option<&[u8]>) -> Suite {
        self.suite.or_else(|| Suite::of_signature(signature?.len())).unwrap_or(Suite::Keccak)
    }

    fn block(&mut self, name: &str, block: &Block, collector: &mut Collector<'_>, report: &mut Report) {
        let subject = format!("{name}: block {} {}", block.number, shown(&block.hash));
        let signature = block.votes.first().map(|vote| &vote.signature[..]);
        let of_transaction =
            || block.transactions.iter().flatten().find_map(|t| t.full.as_ref().map(|f| &f.signature[..]));
        let suite = self.suite_of(signature.or_else(of_transaction));
        match &block.preimage {
            Some(preimage) => {
                let hash = suite.hash(preimage);
                let why = || Err(format!("the header's hash is {}", shown(&hash)));
                report.check("header-hash", || subject.clone(), if hash == block.hash { Ok(()) } else { why() });
            }
            None => report.note(|| format!("{subject}: a release candidate's hash is not computed")),
        }
        self.votes(&subject, block, suite, collector);
        let Some(transactions) = &block.transactions else { return };
        self.root(&subject, block, suite, collector, report);
        for (place, transaction) in transactions.iter().enumerate() {
            let Some(full) = &transaction.full else { continue };
            let subject = format!("{subject} transaction {place} {}", shown(&transaction.hash));
            self.transaction(subject, block, transaction.hash, full, collector, report);
        }
    }

    /// Claims every vote. A sealer that voted already, and a place beyond the sealers, are refused here: the chain's own check
    /// (v3 `BlockValidator.cpp`, `checkSignatureList`) adds up weights without looking whether a sealer stands twice.
    fn votes(&mut self, subject: &str, block: &Block, suite: Suite, collector: &mut Collector<'_>) {
        let mut seen = HashSet::new();
        let mut cast = |vote: &Vote| {
            let place = usize::try_from(vote.sealer).ok().filter(|place| *place < block.sealers.len());
            let place = place.ok_or_else(|| Outcome::Invalid(format!("there are {} sealers", block.sealers.len())))?;
            if !seen.insert(place) {
                return Err(Outcome::invalid("this sealer has signed already: one signer counts once"));
            }
            let key = &block.sealers[place];
            let claim = suite.vote(&block.hash, &vote.signature, key, collector);
            let recovers = (suite == Suite::Keccak).then_some(*key);
            Ok(Cast { claim, weight: block.weights[place], recovers })
        };
        let votes: Vec<_> = block.votes.iter().map(|vote| (vote.sealer, cast(vote))).collect();
        // The genesis block is nobody's proposal.
        if block.number == 0 && votes.is_empty() {
            return;
        }
        let (needed, total) = quorum(&block.weights).unwrap_or((u64::MAX, 0));
        self.pending.push(Pending::Ballot(Ballot { subject: subject.to_owned(), votes, needed, total }));
    }

    fn root(&mut self, subject: &str, block: &Block, suite: Suite, collector: &mut Collector<'_>, report: &mut Report) {
        // A release candidate's tree is another.
        if block.preimage.is_none() {
            return;
        }
        let leaves: Vec<&[u8]> = block.transactions.iter().flatten().map(|transaction| &transaction.hash[..]).collect();
        if leaves.is_empty() {
            // v3 `BlockImpl.cpp`: zeros; v2 `TrieHash2.cpp`: the hash of nothing.
            let empty = if block.generation == Generation::V3 { [0; 32] } else { suite.hash(&[]) };
            report.check("transactions-root", || subject.to_owned(), root_is(&empty, &block.root));
            return;
        }
        let row = match block.generation {
            Generation::V2 => Row::MerkleFiscoV2,
            Generation::V3 => Row::MerkleFiscoV3,
        };
        let claim = collector.push_group(row, &Parameters::hashed(suite.row_hash()), &[], &[], &leaves);
        self.pending.push(Pending::Root { subject: subject.to_owned(), claim, stated: block.root });
    }

    fn transaction(
        &mut self,
        subject: String,
        block: &Block,
        hash: [u8; 32],
        full: &Full,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let suite = self.suite_of(Some(&full.signature));
        let stated = full.from;
        let asked = if full.foreign {
            Err(Outcome::not_evaluated("an Ethereum transaction, which is signed otherwise"))
        } else if block.preimage.is_none() {
            Err(Outcome::not_evaluated("a release candidate's transaction, whose hash covers other bytes"))
        } else {
            let digest = match block.generation {
                Generation::V3 => {
                    let digests = full.signed.iter().map(|signed| suite.hash(signed));
                    let digest = digests.reduce(|first, next| if next == hash { next } else { first });
                    let digest = digest.expect("at least one form");
                    report.check("transaction-hash", || subject.clone(), hash_is(&digest, &hash));
                    digest
                }
                Generation::V2 => {
                    let whole = legacy::whole(&full.fields, &full.signature, suite);
                    report.check("transaction-hash", || subject.clone(), hash_is(&suite.hash(&whole), &hash));
                    suite.hash(&full.signed[0])
                }
            };
            Ok(suite.sender(block.generation, &digest, &full.signature, collector))
        };
        self.pending.push(Pending::Sender { subject, asked, suite, stated });
    }

    /// v3's signed transactions, one after another.
    fn tars(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let mut reader = Reader::new(bytes);
        let mut place = 0;
        while !reader.is_empty() {
            let transaction = tars::transaction(&mut reader)?;
            let suite = self.suite_of(Some(&transaction.signature));
            let digest = suite.hash(&transaction.data.preimage());
            let subject = format!("{name}: transaction {place} {}", shown(&digest));
            let stated =
                (!transaction.sender.is_empty()).then(|| transaction.sender.as_slice().try_into().unwrap_or([0; 20]));
            let asked = if transaction.kind == OWN {
                if !transaction.hash.is_empty() {
                    report.check("transaction-hash", || subject.clone(), hash_is(&digest, &transaction.hash));
                }
                Ok(suite.sender(Generation::V3, &digest, &transaction.signature, collector))
            } else {
                Err(Outcome::not_evaluated("an Ethereum transaction, which is signed otherwise"))
            };
            self.pending.push(Pending::Sender { subject, asked, suite, stated });
            place += 1;
        }
        Ok(())
    }

    /// v2's signed transactions, one after another.
    fn rlp(&mut self, name: &str, bytes: &[u8], collector: &mut Collector<'_>) -> Result<(), InputError> {
        let mut rest = bytes;
        let mut place = 0;
        while !rest.is_empty() {
            let base = bytes.len() - rest.len();
            let transaction = legacy::transaction(&mut rest, base)?;
            let suite = self.suite.unwrap_or(transaction.suite);
            let subject = format!("{name}: transaction {place} {}", shown(&suite.hash(transaction.raw)));
            let digest = suite.hash(&transaction.signed);
            let asked = if suite == transaction.suite {
                Ok(suite.sender(Generation::V2, &digest, &transaction.signature, collector))
            } else {
                Err(Outcome::invalid("the signature is of the other suite's form"))
            };
            self.pending.push(Pending::Sender { subject, asked, suite, stated: None });
            place += 1;
        }
        Ok(())
    }
}

fn hash_is(found: &[u8; 32], stated: &[u8]) -> Result<(), String> {
    if found == stated { Ok(()) } else { Err(format!("the transaction's hash is {}", shown(found))) }
}

fn root_is(found: &[u8], stated: &[u8; 32]) -> Result<(), String> {
    if found == stated { Ok(()) } else { Err(format!("the transactions' root is {}", shown(found))) }
}

impl Ballot {
    /// Every vote valid, none twice, and weight enough: v3 `BlockValidator.cpp`, `checkSignatureList`.
    fn judge(self, collector: &Collector<'_>, report: &mut Report) {
        let mut weight = 0_u64;
        let mut first_bad = None;
        let mut unanswered = false;
        for (sealer, cast) in self.votes {
            let outcome = cast.map_or_else(
                |outcome| outcome,
                |cast| match (collector.verdict(cast.claim), cast.recovers) {
                    (Verdict::Valid, Some(key)) if collector.value(cast.claim, 64) != Some(&key) => {
                        Outcome::invalid("the signature is another's than the sealer's")
                    }
                    (Verdict::Valid, _) => {
                        weight = weight.saturating_add(cast.weight);
                        Outcome::Valid
                    }
                    (verdict, _) => verdict.into(),
                },
            );
            match &outcome {
                Outcome::Invalid(why) if first_bad.is_none() => first_bad = Some(format!("sealer {sealer}: {why}")),
                Outcome::NotEvaluated(_) => unanswered = true,
                _ => {}
            }
            report.item(|| format!("{} signature of sealer {sealer}", self.subject), outcome);
        }
        let (needed, total) = (self.needed, self.total);
        let outcome = match first_bad {
            Some(why) => Err(why),
            // Nothing can be said.
            None if unanswered => return,
            None if weight < needed => Err(format!("weight {weight} signed, {needed} of {total} needed")),
            None => Ok(()),
        };
        report.note(|| format!("{}: weight {weight} of {total}, {needed} needed", self.subject));
        report.check("pbft", || self.subject.clone(), outcome);
    }
}

impl Profile for Fisco {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        if matches!(bytes.trim_ascii_start().first(), Some(b'[' | b'{')) {
            json::blocks(bytes)?.iter().for_each(|block| self.block(name, block, collector, report));
            return Ok(());
        }
        let text = unhexed(bytes);
        let bytes = text.as_deref().unwrap_or(bytes);
        match bytes.first() {
            None => Err(InputError::new(0, "the file is empty")),
            // A structure under tag 1; a list in RLP.
            Some(0x1a) => self.tars(name, bytes, collector, report),
            Some(0xc0..) => self.rlp(name, bytes, collector),
            Some(_) => Err(InputError::new(0, "neither JSON, nor a transaction in tars (v3) or RLP (v2)")),
        }
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Ballot(ballot) => ballot.judge(collector, report),
                Pending::Sender { subject, asked, suite, stated } => {
                    let outcome = asked.map_or_else(
                        |outcome| outcome,
                        |(claim, signer)| sender(collector, claim, signer, suite, stated),
                    );
                    report.item(|| subject, outcome);
                }
                Pending::Root { subject, claim, stated } => match collector.value(claim, 32) {
                    Some(root) => report.check("transactions-root", || subject, root_is(root, &stated)),
                    None => {
                        let why = Outcome::not_evaluated("the transactions' root has no answer");
                        report.item(|| format!("{subject} transactions' root"), why);
                    }
                },
            }
        }
    }
}

fn sender(collector: &Collector<'_>, claim: Claim, signer: Signer, suite: Suite, stated: Option<[u8; 20]>) -> Outcome {
    let key = match (collector.verdict(claim), signer) {
        (Verdict::Valid, Signer::Given(key)) => Some(key),
        (Verdict::Valid, Signer::Recovered) => collector.value(claim, 64).and_then(|value| value.try_into().ok()),
        (verdict, _) => return verdict.into(),
    };
    let address = key.map(|key| suite.address(&key));
    match (address, stated) {
        (None, _) => Outcome::not_evaluated("a valid recovery without a key"),
        (Some(address), Some(stated)) if address != stated => {
            Outcome::Invalid(format!("the sender is {}, not {}", shown(&address), shown(&stated)))
        }
        _ => Outcome::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quorum_is_all_but_a_third() {
        for (weights, needed) in
            [(&[1][..], 1), (&[1, 1], 2), (&[1; 4], 3), (&[1; 7], 5), (&[5, 1, 1], 5), (&[0, 1], 1)]
        {
            assert_eq!(quorum(weights).map(|(needed, _)| needed), Some(needed), "{weights:?}");
        }
        assert_eq!(quorum(&[]), None);
        assert_eq!(quorum(&[0]), None);
        assert_eq!(quorum(&[u64::MAX, 1]), None);
    }
}
