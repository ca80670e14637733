//! Ethereum: blocks and transactions in RLP; senders, hashes, and the trees that a header names.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `era1` | era files of before the merge: entries into blocks, and the chain that they are |
//! | `transaction` | RLP into what was signed and the signature, for every type |
//!
//! The transactions' and withdrawals' trees are asked of the verifier, as roots: the node computes them in bulk.

mod chain;
mod era1;
pub mod transaction;

use assay_scheme::{Hash, Output, Parameters, Row, Verdict};

pub use self::chain::CHAIN;
use self::transaction::Transaction;
use crate::claims::{Claim, Collector};
use crate::hash::keccak256;
use crate::input::{InputError, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};
use crate::rlp::{self, Item};

/// From this block of mainnet on S is low (EIP-2, Homestead); every other network has begun after it.
const HOMESTEAD: u64 = 1_150_000;

/// keccak256 of an empty list's RLP: no uncles.
const NO_UNCLES: [u8; 32] = [
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3, 0x12, 0x45,
    0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
];

/// A header's fields that are looked at, by their place (yellow paper, section 4.4).
const UNCLES: usize = 1;
const TRANSACTIONS: usize = 4;
const RECEIPTS: usize = 5;
const DIFFICULTY: usize = 7;
const NUMBER: usize = 8;
const GAS_LIMIT: usize = 9;
const GAS_USED: usize = 10;
const EXTRA: usize = 12;
const NONCE: usize = 14;
const WITHDRAWALS: usize = 16;
/// Headers had this many fields before London.
const FIELDS_MIN: usize = 15;

/// A transaction that waits for its verdict.
struct Pending {
    source: usize,
    place: usize,
    asked: Result<Claim, &'static str>,
}

/// A root that waits to be compared.
struct Root {
    source: usize,
    check: &'static str,
    claim: Claim,
    expected: [u8; 32],
}

/// Ethereum's profile over one run of files.
pub struct Ethereum {
    chain_id: Option<u64>,
    sources: Vec<String>,
    pending: Vec<Pending>,
    roots: Vec<Root>,
}

/// Networks by name, with their chain ids.
pub static NETWORKS: [(&str, u64); 4] =
    [("mainnet", 1), ("sepolia", 11_155_111), ("holesky", 17_000), ("hoodi", 560_048)];

impl Ethereum {
    /// For transactions of this chain id, or any.
    #[must_use]
    pub fn new(chain_id: Option<u64>) -> Self {
        Self { chain_id, sources: Vec::new(), pending: Vec::new(), roots: Vec::new() }
    }

    /// A block: header, transactions, uncles, and withdrawals since Shanghai.
    fn block(
        &mut self,
        name: &str,
        block: &Item<'_>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let parts = block.items()?;
        let (header, body) = parts.split_first().ok_or_else(|| block.error("a block begins with its header"))?;
        self.header_and_body(name, header, body, block, collector, report)
    }

    /// A header and its body: transactions, uncles, withdrawals. `within` is where they stand.
    fn header_and_body(
        &mut self,
        name: &str,
        header: &Item<'_>,
        body: &[Item<'_>],
        within: &Item<'_>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let [transactions, uncles, withdrawals @ ..] = body else {
            return Err(within.error("a block has a header, transactions and uncles"));
        };
        if withdrawals.len() > 1 {
            return Err(within.error("a block has at most four parts"));
        }
        let fields = header.items()?;
        if fields.len() < FIELDS_MIN {
            return Err(header.error(format!("{} fields where a header has 15 or more", fields.len())));
        }
        let hash = |at: usize| fields.get(at).and_then(|field| <[u8; 32]>::try_from(field.payload).ok());
        let number = fields[NUMBER].u64()?;
        let subject = format!("{name}: block {number} {}", hex::encode(keccak256(header.raw)));
        // Everything is read before anything is reported, so that a broken block leaves no half of itself.
        let read: Vec<Transaction<'_>> =
            transactions.entries()?.iter().map(Transaction::in_block).collect::<Result<_, _>>()?;
        let withdrawn = withdrawals.first().map(Item::entries).transpose()?;
        report.check("header", || subject.clone(), check_header(&fields));
        let same = hash(UNCLES) == Some(keccak256(uncles.raw));
        let why = || Err("the uncles have another hash than the header says".to_owned());
        report.check("uncles-hash", || subject.clone(), if same { Ok(()) } else { why() });
        self.sources.push(subject);
        let envelopes: Vec<&[u8]> = read.iter().map(|transaction| transaction.envelope).collect();
        self.root("transactions-root", &envelopes, hash(TRANSACTIONS), collector, report);
        if let Some(withdrawn) = &withdrawn {
            let raw: Vec<&[u8]> = withdrawn.iter().map(|withdrawal| withdrawal.raw).collect();
            self.root("withdrawals-root", &raw, hash(WITHDRAWALS), collector, report);
        }
        for (place, transaction) in read.iter().enumerate() {
            let row = if self.chain_id == Some(1) && number < HOMESTEAD {
                Row::RecoverSecp256k1
            } else {
                Row::RecoverSecp256k1LowS
            };
            self.transaction(place, transaction, row, collector);
        }
        Ok(())
    }

    /// Asks for the root of a list of the newest source, which its header says is `expected`.
    fn root(
        &mut self,
        check: &'static str,
        leaves: &[&[u8]],
        expected: Option<[u8; 32]>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let source = self.sources.len() - 1;
        match expected {
            Some(expected) => {
                let parameters = Parameters::hashed(Hash::Keccak256);
                let claim = collector.push_group(Row::MerklePatricia, &parameters, &[], &[], leaves);
                self.roots.push(Root { source, check, claim, expected });
            }
            None => {
                let why = Err("the header names no root".into());
                report.check(check, || self.sources[source].clone(), why);
            }
        }
    }

    /// Claims a transaction's sender.
    fn transaction(&mut self, place: usize, transaction: &Transaction<'_>, row: Row, collector: &mut Collector<'_>) {
        let other = self.chain_id.is_some_and(|own| transaction.chain_id.is_some_and(|id| id != own));
        let asked = match transaction.signature {
            _ if other => Err("the transaction is for another chain"),
            None => Err("v says no recovery id"),
            Some(signature) => Ok(collector.push(
                row,
                &Parameters { output: Output::Address, ..Parameters::hashed(Hash::Keccak256) },
                0,
                &[],
                &signature,
                &transaction.signed,
            )),
        };
        self.pending.push(Pending { source: self.sources.len() - 1, place, asked });
    }
}

/// What a header must satisfy alone.
fn check_header(fields: &[Item<'_>]) -> Result<(), String> {
    let number = |at: usize, name: &str| fields[at].u64().map_err(|_| format!("{name} is not a number of 64 bits"));
    let (limit, used) = (number(GAS_LIMIT, "the gas limit")?, number(GAS_USED, "the gas used")?);
    // go-ethereum consensus/misc/gaslimit.go and params/protocol_params.go: MaxGasLimit, MinGasLimit.
    if !(5_000..1 << 63).contains(&limit) {
        return Err("the gas limit is out of range".into());
    }
    if used > limit {
        return Err("more gas is used than the limit".into());
    }
    // Yellow paper, section 4.4.4; consensus/beacon: at most 32 bytes.
    if fields[EXTRA].payload.len() > 32 {
        return Err("the extra data is longer than 32 bytes".into());
    }
    // EIP-3675: from the merge on there is no difficulty, no nonce and no uncle.
    let proof_of_stake = fields[DIFFICULTY].payload.is_empty();
    if proof_of_stake && (fields[NONCE].payload != [0; 8] || fields[UNCLES].payload != NO_UNCLES) {
        return Err("a nonce or uncles where the difficulty is zero".into());
    }
    // EIP-4895: the withdrawals' root came after the merge.
    if !proof_of_stake && fields.len() > WITHDRAWALS {
        return Err("a difficulty in a header from after the merge".into());
    }
    Ok(())
}

impl Profile for Ethereum {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        if era1::is_era1(bytes) {
            return self.era1(name, bytes, collector, report);
        }
        let decoded = unhexed(bytes);
        let bytes = decoded.as_deref().unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(InputError::new(0, "the file is empty"));
        }
        let mut rest = bytes;
        let mut loose = None;
        let mut place = 0;
        while !rest.is_empty() {
            let base = bytes.len() - rest.len();
            let mut ahead = rest;
            // A block begins with a list, its header; a transaction with a number or its type.
            if rest[0] >= 0xc0 && rlp::take(&mut ahead, base)?.first().is_some_and(|first| first.list) {
                let block = rlp::take(&mut rest, base)?;
                self.block(name, &block, collector, report)?;
                loose = None;
                continue;
            }
            let transaction = Transaction::take(&mut rest, base)?;
            if loose.is_none() {
                loose = Some(());
                self.sources.push(name.to_owned());
            }
            self.transaction(place, &transaction, Row::RecoverSecp256k1LowS, collector);
            place += 1;
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for root in self.roots.drain(..) {
            let outcome = match collector.verdict(root.claim) {
                Verdict::Valid if collector.value(root.claim, 32) == Some(&root.expected) => Ok(()),
                Verdict::NotEvaluated(_) => continue,
                _ => Err("the list has another root than the header says".to_owned()),
            };
            report.check(root.check, || self.sources[root.source].clone(), outcome);
        }
        for pending in self.pending.drain(..) {
            let subject = || format!("{} transaction {}", self.sources[pending.source], pending.place);
            let outcome = match pending.asked {
                Err(why) => Outcome::invalid(why),
                Ok(claim) => {
                    if let Some(sender) = collector.value(claim, 20) {
                        report.note(|| format!("{}: sender {}", subject(), hex::encode(sender)));
                    }
                    collector.verdict(claim).into()
                }
            };
            report.item(subject, outcome);
        }
        self.sources.clear();
    }
}
