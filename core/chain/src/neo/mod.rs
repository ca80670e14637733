//! Neo N3 and Neo 2: headers under dBFT's witness, transactions under their signers' witnesses, and the transactions' root.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `block` | N3's bytes into headers, transactions and what they sign |
//! | `legacy` | the same of Neo 2's transactions |
//! | `script` | a witness's two scripts into keys and signatures |
//! | `address` | a committee as text into the account that must witness the next header |
//!
//! A header is witnessed by the account that the header before it names (`nextConsensus`), so that one is wanted: in the run,
//! or with `--validators` for the first.

pub mod address;
pub mod block;
mod chain;
mod legacy;
pub mod script;

use std::collections::HashMap;
use std::num::ParseIntError;
use std::str::FromStr;

use assay_scheme::encoding::sec1;
use assay_scheme::{Parameters, Reason, Row, Verdict};

pub use self::chain::CHAIN;

use self::block::{Accounts, Block, Transaction, Witness};
use self::script::Dialect;
use crate::bitcoin::merkle;
use crate::claims::{Claim, Collector};
use crate::hash::{hash160, sha256};
use crate::input::{InputError, Reader, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// Claims that one witness may make: each signature against each key it may be of. Smaller: large committees are not
/// evaluated (11 of 21 make 121). Larger: a few bytes of script cost more work than they are worth.
const PAIRS_MAX: usize = 1_024;

/// A network: N3 signs its magic number, Neo 2 does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// N3 with this magic number.
    N3(u32),
    /// Neo 2, any network.
    Legacy,
}

/// Networks by name, the default first (neo `config.mainnet.json`, `config.testnet.json`).
pub static NETWORKS: [(&str, Network); 3] =
    [("mainnet", Network::N3(860_833_102)), ("testnet", Network::N3(894_710_606)), ("neo2", Network::Legacy)];

impl FromStr for Network {
    type Err = ParseIntError;

    /// A network of N3 by its magic number.
    fn from_str(magic: &str) -> Result<Self, ParseIntError> {
        magic.parse().map(Self::N3)
    }
}

impl Network {
    const fn dialect(self) -> Dialect {
        match self {
            Self::N3(_) => Dialect::N3,
            Self::Legacy => Dialect::Legacy,
        }
    }

    /// What is signed, hashed: N3 the magic number and the object's hash (`IVerifiable`, `GetSignData`), Neo 2 the unsigned
    /// bytes (`Helper.cs`, `GetHashData`).
    fn digest(self, hash: &[u8; 32], unsigned: &[u8]) -> [u8; 32] {
        match self {
            Self::N3(magic) => {
                let mut signed = [0; 36];
                signed[..4].copy_from_slice(&magic.to_le_bytes());
                signed[4..].copy_from_slice(hash);
                sha256(&signed)
            }
            Self::Legacy => sha256(unsigned),
        }
    }
}

/// What was asked about one witness: each of `needed` signatures against the `slack + 1` keys it may be of, in order.
#[derive(Clone, Copy)]
struct Asked {
    needed: usize,
    slack: usize,
    first: Claim,
    /// Signatures at these places are the same bytes.
    repeated: Option<(usize, usize)>,
}

/// What waits for its verdict.
struct Pending {
    subject: String,
    asked: Result<Asked, Outcome>,
}

/// Neo's profile over one run of files.
pub struct Neo {
    network: Network,
    /// Who witnesses a header whose predecessor is not in the run.
    committee: Option<[u8; 20]>,
    /// Whom each header read names for the next one, and its height.
    named: HashMap<[u8; 32], ([u8; 20], u32)>,
    /// Neo 2: the owner of each output read.
    outputs: HashMap<([u8; 32], u16), [u8; 20]>,
    pending: Vec<Pending>,
}

/// A hash as Neo shows it: last byte first.
fn shown(hash: &[u8; 32]) -> String {
    let mut reversed = *hash;
    reversed.reverse();
    format!("0x{}", hex::encode(reversed))
}

impl Neo {
    /// For a network; `committee` witnesses headers whose predecessor is not in the run.
    #[must_use]
    pub fn new(network: Network, committee: Option<[u8; 20]>) -> Self {
        Self { network, committee, named: HashMap::new(), outputs: HashMap::new(), pending: Vec::new() }
    }

    fn block(&mut self, name: &str, block: &Block<'_>, collector: &mut Collector<'_>, report: &mut Report) {
        let header = &block.header;
        let subject = format!("{name}: block {}", header.index);
        let tree = merkle::root(block.transactions.iter().map(|transaction| transaction.hash).collect());
        report.check("merkle", || subject.clone(), matches(&tree.root, &header.merkle_root));
        let unique = if tree.mutated { Err("a transaction stands twice".to_owned()) } else { Ok(()) };
        report.check("merkle-unique", || subject.clone(), unique);
        // The genesis header is the network's by definition; nobody signed it.
        if header.index != 0 || header.previous != [0; 32] {
            let before = self.named.get(&header.previous).copied();
            if let Some((_, height)) = before {
                let follows = height.checked_add(1) == Some(header.index);
                let why = || Err(format!("the header before is block {height}"));
                report.check("height", || subject.clone(), if follows { Ok(()) } else { why() });
            }
            let account = before.map(|(account, _)| account).or(self.committee);
            let asked = account
                .ok_or_else(|| Outcome::not_evaluated("the header before is not given, nor the validators"))
                .and_then(|account| {
                    let digest = self.network.digest(&header.hash, header.unsigned);
                    self.witness(&header.witness, &account, &digest, collector)
                });
            self.pending.push(Pending { subject: format!("{subject} {} witness", shown(&header.hash)), asked });
        }
        self.named.insert(header.hash, (header.next_consensus, header.index));
        for transaction in &block.transactions {
            self.transaction(&subject, transaction, collector);
        }
    }

    fn transaction(&mut self, subject: &str, transaction: &Transaction<'_>, collector: &mut Collector<'_>) {
        let accounts = self.accounts(&transaction.accounts);
        let digest = self.network.digest(&transaction.hash, transaction.unsigned);
        let named = |place: usize| format!("{subject} transaction {} witness {place}", shown(&transaction.hash));
        match &accounts {
            Ok(accounts) if accounts.len() != transaction.witnesses.len() => {
                let why = format!("{} witnesses of {} accounts", transaction.witnesses.len(), accounts.len());
                self.pending.push(Pending { subject: named(0), asked: Err(Outcome::Invalid(why)) });
            }
            _ => {
                for (place, witness) in transaction.witnesses.iter().enumerate() {
                    let asked = match &accounts {
                        Ok(accounts) => self.witness(witness, &accounts[place], &digest, collector),
                        Err(why) => Err(Outcome::not_evaluated(*why)),
                    };
                    self.pending.push(Pending { subject: named(place), asked });
                }
            }
        }
        if let Accounts::Spends { makes, .. } = &transaction.accounts {
            let places =
                makes.iter().enumerate().map_while(|(place, owner)| Some((u16::try_from(place).ok()?, *owner)));
            self.outputs.extend(places.map(|(place, owner)| ((transaction.hash, place), owner)));
        }
    }

    /// Whose witnesses a transaction must have, in their order.
    fn accounts(&self, accounts: &Accounts) -> Result<Vec<[u8; 20]>, &'static str> {
        match accounts {
            Accounts::Signers(signers) => Ok(signers.clone()),
            Accounts::Spends { beyond: Some(why), .. } => Err(why),
            Accounts::Spends { outputs, named, .. } => {
                let owners = outputs.iter().map(|output| self.outputs.get(output).copied());
                let owners: Option<Vec<_>> = owners.chain(named.iter().copied().map(Some)).collect();
                let mut owners = owners.ok_or("an output it spends is not in an earlier transaction of the run")?;
                // neo v2.9.4 `Transaction.cs`: distinct, ordered as numbers whose last byte is the highest.
                owners.sort_unstable_by(|a, b| a.iter().rev().cmp(b.iter().rev()));
                owners.dedup();
                Ok(owners)
            }
        }
    }

    /// Claims a witness of an account. The verification script's hash must be the account (`Helper.cs`, `VerifyWitness`).
    fn witness(
        &self,
        witness: &Witness<'_>,
        account: &[u8; 20],
        digest: &[u8; 32],
        collector: &mut Collector<'_>,
    ) -> Result<Asked, Outcome> {
        let dialect = self.network.dialect();
        if witness.verification.is_empty() {
            return Err(Outcome::not_evaluated("the account is a contract, whose verify method decides"));
        }
        if hash160(witness.verification) != *account {
            return Err(Outcome::invalid("the verification script is another account's"));
        }
        let contract = script::contract(witness.verification, dialect)
            .ok_or_else(|| Outcome::not_evaluated("the verification script is neither of one key nor of several"))?;
        let signatures = script::pushes(witness.invocation, dialect)
            .ok_or_else(|| Outcome::not_evaluated("the invocation script is more than signatures"))?;
        if signatures.len() != contract.needed {
            // One more or fewer stays on the stack, which must hold one value at the end.
            return Err(Outcome::Invalid(format!("{} signatures, {} needed", signatures.len(), contract.needed)));
        }
        let slack = contract.keys.len() - contract.needed;
        if contract.needed * (slack + 1) > PAIRS_MAX {
            return Err(Outcome::not_evaluated(format!("more than {PAIRS_MAX} pairs of signature and key")));
        }
        let keys: Vec<_> = contract.keys.iter().map(|key| sec1::read(key)).collect();
        let mut first = None;
        for (place, signature) in signatures.iter().enumerate() {
            for key in &keys[place..=place + slack] {
                let parts = match key {
                    None => Err(Reason::Key),
                    Some(_) if signature.len() != 64 => Err(Reason::Signature),
                    Some((form, point)) => Ok((*form, &point[..], *signature)),
                };
                let claim = collector.push_or_refuse(Row::EcdsaP256, &Parameters::default(), parts, digest);
                first.get_or_insert(claim);
            }
        }
        let repeated = repeated(&signatures);
        Ok(Asked { needed: contract.needed, slack, first: first.expect("at least one is needed"), repeated })
    }
}

/// The first two equal signatures, by their places.
fn repeated(signatures: &[&[u8]]) -> Option<(usize, usize)> {
    let mut seen = HashMap::new();
    signatures.iter().enumerate().find_map(|(place, signature)| Some((seen.insert(*signature, place)?, place)))
}

fn matches(found: &[u8; 32], stated: &[u8; 32]) -> Result<(), String> {
    if found == stated { Ok(()) } else { Err(format!("the transactions' root is {}", shown(found))) }
}

impl Asked {
    /// `CheckMultisig` takes keys in order until each signature has found its own; a key serves one signature, so that a
    /// signer counted twice finds no second key (`ApplicationEngine.Crypto.cs`). The virtual machine starts from the last
    /// of both; whether such an order-keeping match exists is the same from either end.
    fn outcome(&self, verdict: impl Fn(Claim) -> Verdict) -> Outcome {
        let mut key = 0;
        for place in 0..self.needed {
            let mut last = Verdict::Invalid(Reason::Equation);
            loop {
                if key > place + self.slack {
                    return self.refused(place, last);
                }
                last = verdict(self.first.plus(place * (self.slack + 1) + key - place));
                key += 1;
                match last {
                    Verdict::Valid => break,
                    Verdict::Invalid(_) => {}
                    Verdict::NotEvaluated(_) => return last.into(),
                }
            }
        }
        Outcome::Valid
    }

    fn refused(&self, place: usize, last: Verdict) -> Outcome {
        match self.repeated {
            _ if self.needed + self.slack == 1 => last.into(),
            Some((first, second)) if second >= place => {
                Outcome::Invalid(format!("signature {second} is signature {first} again: one signer counts once"))
            }
            _ => Outcome::Invalid(format!("signature {place} of {} is of none of the keys left in order", self.needed)),
        }
    }
}

/// The blocks of a dump: a count, or the first height and a count, then each block with its length (neo-go
/// `pkg/rpcsrv`, `db dump`; neo `chain.acc`).
fn dump(bytes: &[u8]) -> Result<Vec<(usize, &[u8])>, InputError> {
    let read = |skip: usize| {
        let mut reader = Reader::new(bytes);
        reader.take(skip)?;
        let count = reader.u32_le()? as usize;
        let mut blocks = Vec::new();
        while !reader.is_empty() {
            let at = reader.offset() + 4;
            blocks.push((at, reader.u32_le_prefixed()?));
        }
        if blocks.len() == count {
            Ok(blocks)
        } else {
            Err(reader.error(format!("{} blocks where the dump says {count}", blocks.len())))
        }
    };
    read(0).or_else(|error| read(4).map_err(|_| error))
}

/// A file's bytes, from hex (Neo 2's RPC) or base64 (N3's).
fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    unhexed(bytes).or_else(|| {
        let text = bytes.trim_ascii();
        let plain = !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
        plain.then(|| base64::engine::general_purpose::STANDARD.decode(text).ok()).flatten()
    })
}

impl Profile for Neo {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let text = decoded(bytes);
        let bytes = text.as_deref().unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(InputError::new(0, "the file is empty"));
        }
        let dialect = self.network.dialect();
        // A block begins with its version, which is 0; a dump with how many there are.
        if bytes.len() >= 4 && bytes[..4] != [0; 4] {
            for (at, raw) in dump(bytes)? {
                let mut reader = Reader::new(raw);
                let block = block::block(raw, &mut reader, dialect).map_err(|error| error.shifted(at))?;
                if !reader.is_empty() {
                    return Err(reader.error("bytes after a block").shifted(at));
                }
                self.block(name, &block, collector, report);
            }
            return Ok(());
        }
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let block = block::block(bytes, &mut reader, dialect)?;
            self.block(name, &block, collector, report);
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for Pending { subject, asked } in self.pending.drain(..) {
            let outcome = match asked {
                Err(outcome) => outcome,
                Ok(asked) => asked.outcome(|claim| collector.verdict(claim)),
            };
            report.item(|| subject, outcome);
        }
    }
}
