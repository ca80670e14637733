//! XuperChain: transactions' ids and signatures, blocks' ids, signatures and trees, chained-HotStuff certificates; the gm plugin's
//! SM2 beside P-256.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `json` | what `xchain-cli` prints into transactions and blocks |
//! | `types` | transactions and blocks |
//! | `encode` | them into what is hashed: version 3's binary form, the older versions' lines of Go's JSON, a block's id |
//! | `key` | keys' JSON into points, addresses and claims |

mod chain;
pub mod encode;
pub mod json;
pub mod key;
pub mod types;

use std::collections::HashSet;

use assay_scheme::Verdict;

pub use self::chain::CHAIN;

use self::key::Key;
use self::types::{Block, Justify, QcVote, Signed, Transaction};
use crate::bitcoin::merkle;
use crate::claims::{Claim, Collector};
use crate::input::{InputError, json_error};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// Validators of a set: no network has more, and each is compared with each vote.
const VALIDATORS_MAX: usize = 4_096;

/// What waits for its verdict.
enum Pending {
    Signature { subject: String, asked: Result<Claim, Outcome>, then: Option<&'static str> },
    Certificate { subject: String, votes: Vec<(QcVote, Result<Claim, Outcome>)>, validators: Option<usize> },
}

/// XuperChain's profile over one run of files.
pub struct XuperChain {
    validators: Option<Vec<String>>,
    pending: Vec<Pending>,
}

/// The validators' votes that a certificate needs besides its proposer's (xupercore `chained-bft/saftyrules.go`,
/// `CalVotesThreshold`): votes + 1 >= n - (n-1)/3.
#[must_use]
pub const fn threshold(validators: usize) -> usize {
    (validators - validators.saturating_sub(1) / 3).saturating_sub(1)
}

/// Whether a name is an account's, not an address (xupercore `permission/acl/utils`, `IsAccount`): `XC`, sixteen digits, `@`.
fn is_account(name: &str) -> bool {
    name.strip_prefix("XC").and_then(|rest| rest.split_once('@')).is_some_and(|(number, chain)| {
        number.len() == 16 && number.bytes().all(|digit| digit.is_ascii_digit()) && !chain.is_empty()
    })
}

impl XuperChain {
    /// With the validators that certificates are counted against, where they are known.
    #[must_use]
    pub fn new(validators: Option<Vec<String>>) -> Self {
        Self { validators, pending: Vec::new() }
    }

    /// Validators from a JSON list of addresses.
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn validators(bytes: &[u8]) -> Result<Vec<String>, InputError> {
        let list: Vec<String> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
        let distinct: HashSet<_> = list.iter().collect();
        if list.is_empty() || list.len() > VALIDATORS_MAX || distinct.len() != list.len() {
            return Err(InputError::new(0, format!("1 to {VALIDATORS_MAX} addresses are wanted, none twice")));
        }
        Ok(list)
    }

    /// xupercore `state/tx_verification.go`, `ImmediateVerifyTx`: the id, then the signatures.
    fn transaction(&mut self, subject: &str, tx: &Transaction, collector: &mut Collector<'_>, report: &mut Report) {
        let subject = format!("{subject} transaction {}", hex::encode(&tx.txid));
        // The root transaction has version 0 and is nobody's to check.
        if tx.version < 1 {
            return;
        }
        if tx.modified {
            let why = Outcome::not_evaluated("a supervisor changed it after it was signed");
            self.pending.push(Pending::Signature { subject, asked: Err(why), then: None });
            return;
        }
        let id = encode::digest(tx, true);
        let why = || Err(format!("the transaction's id is {}", hex::encode(id)));
        report.check("txid", || subject.clone(), if tx.txid == id { Ok(()) } else { why() });
        // Rewards and what the chain makes itself carry no signatures.
        if tx.coinbase || tx.autogen {
            return;
        }
        let mut push = |role: &str, asked, then| {
            self.pending.push(Pending::Signature { subject: format!("{subject} {role}"), asked, then });
        };
        if tx.xuper_sign.is_some() {
            push("unified signature", Err(Outcome::not_evaluated("a unified signature of several keys")), None);
            return;
        }
        if tx.initiator_signs.is_empty() || tx.auth_require.len() != tx.auth_require_signs.len() {
            let (by, of) = (tx.auth_require_signs.len(), tx.auth_require.len());
            let why = format!("{} signatures of the initiator, {by} of {of} others", tx.initiator_signs.len());
            push("signatures", Err(Outcome::Invalid(why)), None);
            return;
        }
        let digest = encode::digest(tx, false);
        if is_account(&tx.initiator) {
            for (place, signed) in tx.initiator_signs.iter().enumerate() {
                let asked = by_key(signed, &digest, collector);
                push(
                    &format!("initiator signature {place}"),
                    asked,
                    Some("the account's access list is in the chain's state"),
                );
            }
        } else {
            // An address signs once; what stands behind is not looked at.
            push("initiator signature", by_address(&tx.initiator, &tx.initiator_signs[0], &digest, collector), None);
        }
        for (place, (required, signed)) in tx.auth_require.iter().zip(&tx.auth_require_signs).enumerate() {
            let address = required.rsplit('/').next().unwrap_or(required);
            push(&format!("signature {place}"), by_address(address, signed, &digest, collector), None);
        }
    }

    /// xupercore `ledger.go`, `VerifyBlock`: the id, the proposer's key, the signature over the id; `VerifyMerkle`.
    fn block(&mut self, name: &str, block: &Block, collector: &mut Collector<'_>, report: &mut Report) {
        let subject = format!("{name}: block {}", hex::encode(&block.blockid));
        match encode::block_id(block) {
            Some(id) => {
                let why = || Err(format!("the block's id is {}", hex::encode(id)));
                report.check("blockid", || subject.clone(), if block.blockid == id { Ok(()) } else { why() });
            }
            None => report.note(|| format!("{subject}: the file lacks what the id covers")),
        }
        let key = std::str::from_utf8(&block.pubkey).ok().and_then(Key::read);
        let asked = match key {
            None => Err(Outcome::invalid("the miner's key is none of a known curve")),
            Some(key) if !block.proposer.is_empty() && key.address().as_bytes() != block.proposer => {
                Err(Outcome::Invalid(format!("the key is {}'s, not the proposer's", key.address())))
            }
            Some(_) if block.blockid.len() != 32 => Err(Outcome::invalid("a block's id has 32 bytes")),
            Some(key) => Ok(key.claim(&block.blockid, &block.sign, collector)),
        };
        self.pending.push(Pending::Signature { subject: format!("{subject} signature"), asked, then: None });
        trees(&subject, block, report);
        for transaction in &block.transactions {
            self.transaction(&subject, transaction, collector, report);
        }
        if let Some(justify) = block.justify.as_ref().filter(|justify| !justify.votes.is_empty()) {
            self.certificate(&subject, justify, collector);
        }
    }

    /// `saftyrules.go`, `CheckProposal`: a validator's vote must be valid; others do not count; and ours, which the chain's own
    /// loop does not have: none votes twice.
    fn certificate(&mut self, subject: &str, justify: &Justify, collector: &mut Collector<'_>) {
        let mut seen = HashSet::new();
        let votes = justify.votes.iter().map(|vote| {
            let validators = self.validators.as_ref();
            let asked = if validators.is_some_and(|validators| !validators.contains(&vote.address)) {
                Err(Outcome::not_evaluated("not one of the validators, whose votes alone count"))
            } else if !seen.insert(vote.address.clone()) {
                Err(Outcome::invalid("this validator has voted already: one signer counts once"))
            } else if justify.proposal_id.len() != 32 {
                Err(Outcome::invalid("a proposal's id has 32 bytes"))
            } else {
                let signed = Signed { public_key: vote.public_key.clone(), sign: vote.sign.clone() };
                by_address(&vote.address, &signed, &justify.proposal_id, collector)
            };
            (vote.clone(), asked)
        });
        let votes = votes.collect();
        let subject = format!("{subject} certificate of {}", hex::encode(&justify.proposal_id));
        let validators = self.validators.as_ref().map(Vec::len);
        self.pending.push(Pending::Certificate { subject, votes, validators });
    }
}

/// A signature by its own key.
fn by_key(signed: &Signed, digest: &[u8], collector: &mut Collector<'_>) -> Result<Claim, Outcome> {
    let key = Key::read(&signed.public_key).ok_or_else(|| Outcome::invalid("the key is none of a known curve"))?;
    Ok(key.claim(digest, &signed.sign, collector))
}

/// A signature by the key of an address (`permission/acl/utils`, `IdentifyAK`).
fn by_address(address: &str, signed: &Signed, digest: &[u8], collector: &mut Collector<'_>) -> Result<Claim, Outcome> {
    let key = Key::read(&signed.public_key).ok_or_else(|| Outcome::invalid("the key is none of a known curve"))?;
    let found = key.address();
    if found == address {
        Ok(key.claim(digest, &signed.sign, collector))
    } else {
        Err(Outcome::Invalid(format!("the key is {found}'s, not {address}'s")))
    }
}

/// The transactions' tree: leaves padded to a power of two with absent nodes, a node without a right child paired with itself
/// (`ledger_hash.go`, `MakeMerkleTree`). That is the root of pairing a lone last node with itself.
fn trees(subject: &str, block: &Block, report: &mut Report) {
    let leaf = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| "a node has 32 bytes".to_owned());
    if !block.merkle_tree.is_empty() {
        let root = tree_root(&block.merkle_tree, leaf);
        let stated = block.header.as_ref().map(|header| &header.merkle_root[..]);
        let outcome = root.and_then(|root| match stated {
            Some(stated) if root != stated => Err(format!("the listed tree's root is {}", hex::encode(root))),
            _ => Ok(()),
        });
        report.check("merkle-tree", || subject.to_owned(), outcome);
    }
    let Some(header) = block.header.as_ref().filter(|_| !block.transactions.is_empty()) else { return };
    let leaves = block.transactions.iter().map(|transaction| leaf(&transaction.txid)).collect::<Result<Vec<_>, _>>();
    let outcome = leaves.and_then(|leaves| {
        let tree = merkle::root(leaves);
        match (tree.root == header.merkle_root[..], tree.mutated) {
            (false, _) => Err(format!("the transactions' root is {}", hex::encode(tree.root))),
            (true, true) => Err("a transaction stands twice".to_owned()),
            (true, false) => Ok(()),
        }
    });
    report.check("merkle", || subject.to_owned(), outcome);
    let counted = usize::try_from(header.tx_count) == Ok(block.transactions.len());
    let why = || Err(format!("{} transactions where the header says {}", block.transactions.len(), header.tx_count));
    report.check("tx-count", || subject.to_owned(), if counted { Ok(()) } else { why() });
}

/// The last node of a listed tree, when its inner nodes follow from its leaves.
fn tree_root(nodes: &[Vec<u8>], leaf: impl Fn(&[u8]) -> Result<[u8; 32], String>) -> Result<[u8; 32], String> {
    let leaves = nodes.len().div_ceil(2);
    if !leaves.is_power_of_two() || nodes.len() != 2 * leaves - 1 {
        return Err(format!("a tree has no {} nodes", nodes.len()));
    }
    let node = |place: usize| match &nodes[place][..] {
        [] => Ok(None),
        bytes => leaf(bytes).map(Some),
    };
    for parent in leaves..nodes.len() {
        let left = 2 * (parent - leaves);
        let wanted = match (node(left)?, node(left + 1)?) {
            (None, None) => None,
            (None, Some(_)) => return Err(format!("node {} stands beside an absent one", left + 1)),
            (Some(left), right) => Some(merkle::root(vec![left, right.unwrap_or(left)]).root),
        };
        if node(parent)? != wanted {
            return Err(format!("node {parent} does not follow from its children"));
        }
    }
    node(nodes.len() - 1)?.ok_or_else(|| "a tree has a root".to_owned())
}

fn certified(
    subject: &str,
    votes: Vec<(QcVote, Result<Claim, Outcome>)>,
    validators: Option<usize>,
    collector: &Collector<'_>,
    report: &mut Report,
) {
    let mut counted = 0;
    let mut bad = None;
    let mut unanswered = false;
    for (vote, asked) in votes {
        let asked_at_all = asked.is_ok();
        let outcome = asked.map_or_else(|outcome| outcome, |claim| collector.verdict(claim).into());
        match &outcome {
            Outcome::Valid => counted += 1,
            Outcome::Invalid(why) => drop(bad.get_or_insert_with(|| format!("{}: {why}", vote.address))),
            // A stranger's vote does not count; a question without an answer leaves the whole open.
            Outcome::NotEvaluated(_) => unanswered |= asked_at_all,
        }
        report.item(|| format!("{subject} vote of {}", vote.address), outcome);
    }
    let outcome = match (bad, validators) {
        (Some(why), _) => Err(why),
        (None, None) => {
            let why = Outcome::not_evaluated("the validators are not given");
            report.item(|| format!("{subject} quorum"), why);
            return;
        }
        (None, Some(_)) if unanswered => return,
        (None, Some(validators)) if counted < threshold(validators) => Err(format!(
            "{counted} votes, {} of {validators} validators needed besides the proposer",
            threshold(validators)
        )),
        _ => Ok(()),
    };
    report.check("qc", || subject.to_owned(), outcome);
}

impl Profile for XuperChain {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let (transactions, blocks) = json::read(bytes)?;
        let file = format!("{name}:");
        transactions.iter().for_each(|transaction| self.transaction(&file, transaction, collector, report));
        blocks.iter().for_each(|block| self.block(name, block, collector, report));
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Signature { subject, asked, then } => {
                    let outcome = match (asked, then) {
                        (Err(outcome), _) => outcome,
                        (Ok(claim), Some(why)) if collector.verdict(claim) == Verdict::Valid => {
                            Outcome::not_evaluated(why)
                        }
                        (Ok(claim), _) => collector.verdict(claim).into(),
                    };
                    report.item(|| subject, outcome);
                }
                Pending::Certificate { subject, votes, validators } => {
                    certified(&subject, votes, validators, collector, report);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_counts_the_proposer() {
        // saftyrules.go: input + 1 >= sum - f, f = (sum - 1) / 3.
        for (validators, votes) in [(1, 0), (2, 1), (3, 2), (4, 2), (7, 4), (10, 6)] {
            assert_eq!(threshold(validators), votes, "{validators}");
        }
    }

    #[test]
    fn accounts_are_told_from_addresses() {
        assert!(is_account("XC1111111111111111@xuper"));
        for other in ["cAz2Q356CkuxUNbrNX4yYimnTZuXqC5S2", "XC111@xuper", "XC1111111111111111@", "XC1111111111111111"] {
            assert!(!is_account(other), "{other}");
        }
    }
}
