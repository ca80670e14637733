//! ChainMaker: transactions' senders, endorsers and payers, blocks' proposers, roots, and the TBFT votes that a block was
//! committed by.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `types` | ChainMaker's messages, from its clients' JSON, into the bytes that are hashed and signed |
//! | `protobuf` | protocol buffers into the same messages |
//! | `member` | a member into its key, and its signatures into claims |

mod chain;
mod member;
pub mod protobuf;
pub mod types;

use std::collections::HashSet;

use assay_scheme::{Cause, Hash, Reason, Verdict};
use serde::Deserialize;

pub use self::chain::CHAIN;
use self::member::Members;
use self::types::{Block, Entry, Header, Transaction, Vote};
use crate::claims::Collector;
use crate::hash::named;
use crate::identity::certificate::Certificate;
use crate::identity::key::Asked;
use crate::input::{InputError, json_error, label};
use crate::profile::Profile;
use crate::quorum::{self, Quorum, power_to_exceed};
use crate::report::{Outcome, Report};

/// Networks by name, with the hash that the chain's configuration names, the default first (chainmaker
/// config/config_tpl/chainconfig, crypto.hash).
pub static NETWORKS: [(&str, Hash); 3] = [("sha256", Hash::Sha256), ("sm3", Hash::Sm3), ("sha3-256", Hash::Sha3_256)];

/// Under this name a block's votes are stored beside it, spelt as ChainMaker spells it.
const VOTES: &str = "TBFTAddtionalDataKey";
/// VOTE_PRECOMMIT.
const PRECOMMIT: u64 = 1;
/// From this version on a transaction's leaf is without the gas that was used.
const WITHOUT_GAS: u64 = 2300;

/// Why a signer's second signature in one list is refused.
const TWICE: &str = "this signer's signature stands twice in the list";

/// One signature that waits for its verdict.
struct Item {
    subject: String,
    asked: Asked,
}

/// A vote for a block.
struct Ballot {
    item: Item,
    voter: String,
    /// Whether it is a precommit for the block.
    counts: bool,
}

/// A block's votes.
struct Committee {
    subject: String,
    ballots: Vec<Ballot>,
    /// What is wrong with them before any signature.
    wrong: Result<(), String>,
}

/// ChainMaker's profile over one run of files.
pub struct ChainMaker {
    hash: Hash,
    members: Members,
    /// The consensus nodes, by their ids, where they are given.
    validators: Option<HashSet<String>>,
    items: Vec<Item>,
    committees: Vec<Committee>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Info { block: Box<Block> },
    Transaction { transaction: Box<Transaction> },
}

#[derive(Deserialize)]
struct Keys {
    header: Option<serde::de::IgnoredAny>,
    payload: Option<serde::de::IgnoredAny>,
}

impl ChainMaker {
    /// For a chain with this hash; with certificates for members that are named by theirs, and the consensus nodes' ids.
    #[must_use]
    pub fn new(hash: Hash, certificates: Vec<Certificate>, validators: Option<Vec<String>>) -> Self {
        let members = Members::new(hash, certificates);
        let validators = validators.map(|validators| validators.into_iter().collect());
        Self { hash, members, validators, items: Vec::new(), committees: Vec::new() }
    }

    /// Consensus nodes' ids from a JSON list of text.
    ///
    /// # Errors
    /// Where and why the file is not one.
    pub fn validators(bytes: &[u8]) -> Result<Vec<String>, InputError> {
        serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))
    }

    fn entry(&mut self, subject: String, entry: &Entry, message: &[u8], collector: &mut Collector<'_>) {
        let asked = self.members.claim(entry.signer.as_ref(), &entry.signature, message, collector);
        self.items.push(Item { subject, asked });
    }

    /// Claims a transaction's signatures: sender, endorsers and payer sign the payload (chainmaker utils/transaction.go).
    fn transaction(&mut self, subject: &str, transaction: &Transaction, collector: &mut Collector<'_>) {
        let message = transaction.payload.as_ref().map(types::Payload::bytes).unwrap_or_default();
        match &transaction.sender {
            Some(sender) => self.entry(format!("{subject} sender"), sender, &message, collector),
            None => {
                let asked = Asked::Known(Outcome::invalid("no sender"));
                self.items.push(Item { subject: format!("{subject} sender"), asked });
            }
        }
        let mut seen = HashSet::new();
        for (index, endorser) in transaction.endorsers.iter().enumerate() {
            let subject = format!("{subject} endorser {index}{}", Members::label(endorser.signer.as_ref()));
            if seen.insert(&endorser.signer) {
                self.entry(subject, endorser, &message, collector);
            } else {
                self.items.push(Item { subject, asked: Asked::Known(Outcome::invalid(TWICE)) });
            }
        }
        if let Some(payer) = &transaction.payer {
            self.entry(format!("{subject} payer"), payer, &message, collector);
        }
    }

    /// Checks a block's hashes and claims its signatures.
    fn block(&mut self, file: &str, block: &Block, collector: &mut Collector<'_>, report: &mut Report) {
        let empty = Header::default();
        let header = block.header.as_ref().unwrap_or(&empty);
        let name = format!("{file}: {} block {}", label(&header.chain_id), header.block_height);
        let hash = named(self.hash, &header.unsigned_bytes());
        self.hashes(&name, block, header, &hash, report);
        for (index, transaction) in block.txs.iter().enumerate() {
            let id = transaction.payload.as_ref().map_or("", |payload| &payload.tx_id);
            self.transaction(&format!("{name} transaction {index} {}", label(id)), transaction, collector);
        }
        // The first block of a chain has no proposer.
        if header.block_height > 0 || header.proposer.is_some() {
            let subject = format!("{name} proposer{}", Members::label(header.proposer.as_ref()));
            let asked = self.members.claim(header.proposer.as_ref(), &header.signature, &hash, collector);
            self.items.push(Item { subject, asked });
        }
        let extra = block.additional_data.as_ref().and_then(|data| data.extra_data.get(VOTES));
        if let Some(votes) = extra {
            self.votes(&name, header, &hash, votes, collector);
        }
    }

    /// What needs no signature. chainmaker module/core/common/block_helper.go.
    fn hashes(&self, name: &str, block: &Block, header: &Header, hash: &[u8; 32], report: &mut Report) {
        let mut check = |check, same: bool, why: &str| {
            report.check(check, || name.to_owned(), if same { Ok(()) } else { Err(why.to_owned()) });
        };
        check("block-hash", *hash == header.block_hash[..], "the header has another hash than it says");
        let count = block.txs.len() as u64 == header.tx_count;
        check("transaction-count", count, "the header counts another number of transactions");
        let gas = header.block_version < WITHOUT_GAS;
        let leaves = block.txs.iter().map(|transaction| named(self.hash, &transaction.bytes(gas)).to_vec()).collect();
        let root = merkle_root(self.hash, leaves);
        check("transactions-root", root == header.tx_root, "the transactions have another root than the header says");
        if let Some(dag) = &block.dag {
            let same = named(self.hash, &dag.bytes()) == header.dag_hash[..];
            check("dag-hash", same, "the order of execution has another hash than the header says");
        }
        let results = block.txs.iter().map(|t| t.result.as_ref().map(|result| result.rw_set_hash.clone())).collect();
        if let Some(results) = results {
            let same = merkle_root(self.hash, results) == header.rw_set_root;
            check("read-write-root", same, "the read-write sets' hashes have another root than the header says");
        }
    }

    /// The votes beside a block (chainmaker module/consensus/tbft, VerifyBlockSignatures): precommits of this height and one
    /// round, for this block, by consensus nodes, none twice.
    fn votes(&mut self, name: &str, header: &Header, hash: &[u8; 32], bytes: &[u8], collector: &mut Collector<'_>) {
        let set = match protobuf::vote_set(bytes) {
            Ok(set) => set,
            Err(error) => {
                let wrong = Err(format!("the votes cannot be read: {error}"));
                self.committees.push(Committee { subject: name.to_owned(), ballots: Vec::new(), wrong });
                return;
            }
        };
        let wrong = if set.maj23[..] == hash[..] { Ok(()) } else { Err("the votes are for another block".to_owned()) };
        let (mut voters, mut signers) = (HashSet::new(), HashSet::new());
        let mut ballots = Vec::new();
        for (index, vote) in set.votes.iter().enumerate() {
            let Vote { kind, voter, height, round, endorsement, .. } = vote;
            let signer = endorsement.as_ref().and_then(|entry| entry.signer.as_ref());
            let of_set =
                (*kind, *height, *round) == (PRECOMMIT, header.block_height, set.round) && set.kind == PRECOMMIT;
            let stranger = self.validators.as_ref().is_some_and(|validators| !validators.contains(voter));
            let fresh = voters.insert(voter.clone()) & signers.insert(signer.cloned());
            let asked = match endorsement {
                _ if !fresh => Asked::Known(Outcome::invalid(TWICE)),
                _ if !of_set => Asked::Known(Outcome::invalid("a vote for another height, round or step")),
                _ if stranger => Asked::Known(Outcome::invalid("the voter is none of the consensus nodes")),
                None => Asked::Known(Outcome::invalid("no signature")),
                Some(entry) => self.members.claim(signer, &entry.signature, &vote.unsigned_bytes(), collector),
            };
            let subject = format!("{name} vote {index} of {voter}{}", Members::label(signer));
            let counts = vote.hash == set.maj23;
            ballots.push(Ballot { item: Item { subject, asked }, voter: voter.clone(), counts });
        }
        self.committees.push(Committee { subject: name.to_owned(), ballots, wrong });
    }
}

/// The root of a tree of hashes: a lone node is hashed with itself (chainmaker common/crypto/hash/merkle.go); of no hashes
/// the empty text.
fn merkle_root(hash: Hash, mut level: Vec<Vec<u8>>) -> Vec<u8> {
    while level.len() > 1 {
        level = level.chunks(2).map(|two| named(hash, &[&two[0][..], &two[two.len() - 1]].concat()).to_vec()).collect();
    }
    level.pop().unwrap_or_default()
}

impl Committee {
    fn judge(self, validators: Option<usize>, collector: &Collector<'_>, report: &mut Report) {
        let mut voted = Vec::new();
        for Ballot { item, voter, counts } in self.ballots {
            let outcome = item.asked.outcome(collector);
            let (verdict, why) = match &outcome {
                Outcome::Valid => (Verdict::Valid, String::new()),
                Outcome::Invalid(why) => (Verdict::Invalid(Reason::Equation), why.clone()),
                Outcome::NotEvaluated(_) => (Verdict::NotEvaluated(Cause::Unwritten), String::new()),
            };
            report.item(|| item.subject, outcome);
            // A second vote of one signer refuses the whole, whatever it is for.
            if counts || why == TWICE {
                voted.push((quorum::Vote { verdict, power: 1, counts: true }, voter, why));
            }
        }
        let outcome = match (self.wrong, validators) {
            (Err(why), _) => Err(why),
            (Ok(()), None) => match voted.iter().find(|(_, _, why)| why == TWICE) {
                Some((_, voter, _)) => Err(format!("the vote of {voter}: {TWICE}")),
                // How many are needed is not known.
                None => return,
            },
            (Ok(()), Some(total)) => {
                let Some(needed) = power_to_exceed(total as u64, 2, 3) else { return };
                match quorum::walk(voted.iter().map(|(vote, ..)| *vote), needed, false) {
                    Quorum::Reached { .. } => Ok(()),
                    Quorum::NotEnough { power } => {
                        Err(format!("{power} of {total} nodes voted for it, {} must have", needed + 1))
                    }
                    Quorum::InvalidVote(at) => Err(format!("the vote of {}: {}", voted[at].1, voted[at].2)),
                    Quorum::NotEvaluated(_) => return,
                }
            }
        };
        report.check("block-votes", || self.subject, outcome);
    }
}

impl Profile for ChainMaker {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let json = bytes.trim_ascii_start().starts_with(b"{");
        let read = if json { from_json(bytes)? } else { protobuf::block_or_transaction(bytes)? };
        match read {
            Ok(block) => self.block(name, &block, collector, report),
            Err(transaction) => {
                let id = transaction.payload.as_ref().map_or("", |payload| &payload.tx_id);
                self.transaction(&format!("{name}: transaction {}", label(id)), &transaction, collector);
            }
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for Item { subject, asked } in self.items.drain(..) {
            report.item(|| subject, asked.outcome(collector));
        }
        let validators = self.validators.as_ref().map(HashSet::len);
        for committee in self.committees.drain(..) {
            committee.judge(validators, collector, report);
        }
    }
}

/// A block, with or without what its clients wrap it in, or a transaction.
fn from_json(bytes: &[u8]) -> Result<Result<Block, Transaction>, InputError> {
    let wrong = |error: serde_json::Error| json_error(bytes, &error);
    let keys: Keys = serde_json::from_slice(bytes).map_err(wrong)?;
    match (keys.header, keys.payload) {
        (Some(_), _) => serde_json::from_slice(bytes).map(Ok).map_err(wrong),
        (None, Some(_)) => serde_json::from_slice(bytes).map(Err).map_err(wrong),
        (None, None) => match serde_json::from_slice(bytes).map_err(wrong)? {
            Json::Info { block } => Ok(Ok(*block)),
            Json::Transaction { transaction } => Ok(Err(*transaction)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_node_is_hashed_with_itself() {
        let leaf = |n: u8| vec![n; 32];
        let pair = |a: &[u8], b: &[u8]| named(Hash::Sm3, &[a, b].concat()).to_vec();
        assert_eq!(merkle_root(Hash::Sm3, vec![]), Vec::<u8>::new());
        assert_eq!(merkle_root(Hash::Sm3, vec![leaf(1)]), leaf(1));
        let left = pair(&leaf(1), &leaf(2));
        let right = pair(&leaf(3), &leaf(3));
        assert_eq!(merkle_root(Hash::Sm3, vec![leaf(1), leaf(2), leaf(3)]), pair(&left, &right));
    }
}
