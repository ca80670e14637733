//! VeChain Thor: transactions, their origin, the delegator who pays for them (VIP-191); blocks, their signer and its VRF
//! proof (VIP-214).
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `transaction` | a transaction's RLP into what its origin signed, and the signatures |
//! | `header` | a header's RLP into what its signer signed, the signature and the proof |
//! | `vrf` | a key, an input and a proof into the output that the proof stands for |
//!
//! A delegator signs over the origin's address, which is known only once the origin has been recovered: its claim is made in
//! a second round. A VRF proof is checked against the key that signed the header, once that has been recovered; no row
//! computes it, so it is checked here.

mod chain;
pub mod header;
pub mod transaction;
pub mod vrf;

use assay_scheme::{Hash, Output, Parameters, Row, Verdict};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use serde::Deserialize;

pub use self::chain::CHAIN;
use self::header::{Header, Seal};
pub use self::transaction::Transaction;
use self::transaction::{SIGNATURE, with_origin};
use crate::claims::{Claim, Collector};
use crate::hash::keccak256;
use crate::input::{InputError, hex_array, json_error, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};
use crate::rlp::{self, Item};

/// Networks by name, with their chain tags: the last byte of the first block's id.
pub static NETWORKS: [(&str, u8); 2] = [("mainnet", 0x4a), ("testnet", 0x27)];

/// What a file says of a transaction or a block besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    id: Option<[u8; 32]>,
    origin: Option<[u8; 20]>,
    delegator: Option<[u8; 20]>,
    signer: Option<[u8; 20]>,
}

/// A transaction that waits for its verdicts.
struct Pending {
    subject: String,
    transaction: Transaction,
    stated: Stated,
    origin: Option<Claim>,
    delegator: Option<Claim>,
}

/// A header that waits for its verdict.
struct PendingHeader {
    subject: String,
    header: Header,
    stated: Stated,
    signer: Option<Claim>,
}

/// A root that waits to be compared.
struct Root {
    subject: String,
    claim: Claim,
    expected: [u8; 32],
}

/// VeChain's profile over one run of files.
pub struct VeChain {
    chain_tag: Option<u8>,
    pending: Vec<Pending>,
    headers: Vec<PendingHeader>,
    roots: Vec<Root>,
    curve: Secp256k1<VerifyOnly>,
}

#[derive(Deserialize)]
struct JsonEntry {
    raw: String,
    id: Option<String>,
    origin: Option<String>,
    delegator: Option<String>,
    signer: Option<String>,
}

impl JsonEntry {
    fn stated(&self) -> Option<Stated> {
        fn hexed<const N: usize>(text: Option<&String>) -> Option<Option<[u8; N]>> {
            text.map_or(Some(None), |text| hex_array(text).map(Some))
        }
        Some(Stated {
            id: hexed(self.id.as_ref())?,
            origin: hexed(self.origin.as_ref())?,
            delegator: hexed(self.delegator.as_ref())?,
            signer: hexed(self.signer.as_ref())?,
        })
    }
}

impl VeChain {
    /// For transactions of this chain tag, or any.
    #[must_use]
    pub fn new(chain_tag: Option<u8>) -> Self {
        let curve = Secp256k1::verification_only();
        Self { chain_tag, pending: Vec::new(), headers: Vec::new(), roots: Vec::new(), curve }
    }

    fn transaction(
        &mut self,
        subject: String,
        transaction: Transaction,
        stated: Stated,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        if let Some(tag) = self.chain_tag {
            let same = transaction.chain_tag == tag;
            let why = || Err(format!("the transaction's chain tag is {}", transaction.chain_tag));
            report.check("chain-tag", || subject.clone(), if same { Ok(()) } else { why() });
        }
        let origin = transaction.signatures.map(|(origin, _)| recover(collector, &origin, &transaction.signing_hash));
        self.pending.push(Pending { subject, transaction, stated, origin, delegator: None });
    }

    /// Claims a header's signer.
    fn header(&mut self, subject: String, header: Header, stated: Stated, collector: &mut Collector<'_>) {
        // The first block is signed by nobody (thor `block/header.go`, Signer).
        let signed = header.number != 0 && !header.extended;
        let signer = match &header.seal {
            Seal::Plain(signature) | Seal::WithProof(signature, _) if signed => Some(collector.push(
                Row::RecoverSecp256k1,
                &Parameters::default(),
                0,
                &[],
                signature,
                &header.signing_hash,
            )),
            _ => None,
        };
        self.headers.push(PendingHeader { subject, header, stated, signer });
    }

    /// Takes entry `index` off a file's bytes: a block (a header and its transactions), a header, or a transaction.
    fn entry(
        &mut self,
        name: &str,
        index: usize,
        (bytes, base): (&mut &[u8], usize),
        stated: Stated,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let first = if bytes.first().is_some_and(|byte| *byte >= 0xc0) {
            rlp::take(&mut { *bytes }, base)?.first()
        } else {
            None
        };
        match first {
            Some(Item { list: true, .. }) => {
                let block = rlp::take(bytes, base)?;
                let parts = block.items()?;
                let [header, transactions] = &parts[..] else {
                    return Err(block.error("a block is a header and transactions"));
                };
                self.block(name, header, transactions, stated, collector, report)
            }
            Some(Item { payload, .. }) if payload.len() == 32 => {
                let header = Header::read(&rlp::take(bytes, base)?)?;
                self.header(format!("{name}: block {}", header.number), header, stated, collector);
                Ok(())
            }
            _ => {
                let transaction = Transaction::take(bytes, base)?;
                self.transaction(format!("{name}: transaction {index}"), transaction, stated, collector, report);
                Ok(())
            }
        }
    }

    fn block(
        &mut self,
        name: &str,
        header: &Item<'_>,
        transactions: &Item<'_>,
        stated: Stated,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let header = Header::read(header)?;
        // Everything is read before anything is reported, so that a broken block leaves no half of itself.
        let mut envelopes = Vec::new();
        let mut read = Vec::new();
        for entry in transactions.entries()? {
            // A typed transaction is a string that holds its type and its list (thor `tx/transaction.go`, EncodeRLP).
            let envelope = if entry.list { entry.raw } else { entry.payload };
            let base = entry.offset + entry.raw.len() - envelope.len();
            let mut rest = envelope;
            read.push(Transaction::take(&mut rest, base)?);
            if !rest.is_empty() {
                return Err(entry.error("bytes after the transaction"));
            }
            envelopes.push(envelope);
        }
        let subject = format!("{name}: block {}", header.number);
        let parameters = Parameters::hashed(Hash::Blake2b256);
        let claim = collector.push_group(Row::MerklePatricia, &parameters, &[], &[], &envelopes);
        self.roots.push(Root { subject: subject.clone(), claim, expected: header.transactions_root });
        self.header(subject.clone(), header, stated, collector);
        for (place, transaction) in read.into_iter().enumerate() {
            self.transaction(
                format!("{subject} transaction {place}"),
                transaction,
                Stated::default(),
                collector,
                report,
            );
        }
        Ok(())
    }
}

/// Claims the address behind a signature over a 32-byte hash; blocks take a high S.
fn recover(collector: &mut Collector<'_>, signature: &[u8; SIGNATURE], hash: &[u8; 32]) -> Claim {
    let address = Parameters { output: Output::Address, ..Parameters::default() };
    collector.push(Row::RecoverSecp256k1, &address, 0, &[], signature, hash)
}

impl Profile for VeChain {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        if bytes.trim_ascii_start().starts_with(b"[") {
            let list: Vec<JsonEntry> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
            for (index, entry) in list.iter().enumerate() {
                let at = |error: InputError| InputError::new(error.offset, format!("entry {index}: {}", error.what));
                let digits = entry.raw.strip_prefix("0x").unwrap_or(&entry.raw);
                let raw = hex::decode(digits).map_err(|error| at(InputError::new(0, format!("raw: {error}"))))?;
                let wrong = || at(InputError::new(0, "id, origin, delegator or signer is not hex of its length"));
                let stated = entry.stated().ok_or_else(wrong)?;
                let mut rest = &raw[..];
                self.entry(name, index, (&mut rest, 0), stated, collector, report).map_err(at)?;
                if !rest.is_empty() {
                    return Err(at(InputError::new(raw.len() - rest.len(), "bytes after the entry")));
                }
            }
            return Ok(());
        }
        let decoded = unhexed(bytes);
        let bytes = decoded.as_deref().unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(InputError::new(0, "the file is empty"));
        }
        let mut rest = bytes;
        let mut index = 0;
        while !rest.is_empty() {
            let base = bytes.len() - rest.len();
            self.entry(name, index, (&mut rest, base), Stated::default(), collector, report)?;
            index += 1;
        }
        Ok(())
    }

    fn follow_up(&mut self, collector: &mut Collector<'_>) {
        for pending in &mut self.pending {
            let Some((_, Some(signature))) = pending.transaction.signatures else { continue };
            let origin = pending.origin.and_then(|claim| collector.value(claim, 20));
            let Some(hash) = origin.map(|origin| with_origin(&pending.transaction.signing_hash, origin)) else {
                continue;
            };
            pending.delegator = Some(recover(collector, &signature, &hash));
        }
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for root in self.roots.drain(..) {
            let outcome = match collector.verdict(root.claim) {
                Verdict::Valid if collector.value(root.claim, 32) == Some(&root.expected) => Ok(()),
                Verdict::NotEvaluated(_) => continue,
                _ => Err("the transactions have another root than the header says".to_owned()),
            };
            report.check("transactions-root", || root.subject.clone(), outcome);
        }
        for header in self.headers.drain(..) {
            header.judge(&self.curve, collector, report);
        }
        for pending in self.pending.drain(..) {
            pending.judge(collector, report);
        }
    }
}

impl PendingHeader {
    fn judge(&self, curve: &Secp256k1<VerifyOnly>, collector: &Collector<'_>, report: &mut Report) {
        let Self { header, stated, .. } = self;
        let named = || self.subject.clone();
        let signed = || format!("{} signer", self.subject);
        let Some(claim) = self.signer else {
            let outcome = match header.seal {
                _ if header.number == 0 => Outcome::not_evaluated("the first block is signed by nobody"),
                Seal::Malformed => Outcome::invalid("the signature is neither 65 nor 146 bytes"),
                _ => Outcome::not_evaluated("a header with a base fee is not covered"),
            };
            report.item(signed, outcome);
            return;
        };
        report.item(signed, collector.verdict(claim).into());
        let Some(key) = collector.value(claim, 64).and_then(|key| <[u8; 64]>::try_from(key).ok()) else { return };
        let signer: [u8; 20] = keccak256(&key)[12..].try_into().expect("20 of 32 bytes");
        let id = header.id(&signer);
        report.note(|| format!("{}: id {} signer {}", self.subject, hex::encode(id), hex::encode(signer)));
        if let Some(stated) = stated.id {
            report.check("id", named, same(stated == id, "the id"));
        }
        if let Some(stated) = stated.signer {
            report.check("stated", named, same(stated == signer, "the signer"));
        }
        match &header.seal {
            Seal::WithProof(_, proof) => {
                let beta = vrf::verify(curve, &key, &header.alpha, proof);
                if let Ok(beta) = beta {
                    report.note(|| format!("{}: beta {}", self.subject, hex::encode(beta)));
                }
                report.check("vrf", named, beta.map(|_| ()).map_err(|error| error.to_string()));
            }
            // thor `consensus/validator.go`: before VIP-214 there is no alpha, from it on there is a proof.
            _ if !header.alpha.is_empty() => {
                report.check("vrf", named, Err("there is an alpha and no proof".to_owned()));
            }
            _ => {}
        }
    }
}

/// A check that something is what the file states.
fn same(is: bool, what: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(format!("{what} is another than stated")) }
}

impl Pending {
    fn judge(&self, collector: &Collector<'_>, report: &mut Report) {
        let named = || self.subject.clone();
        let value = |claim: Option<Claim>| claim.and_then(|claim| collector.value(claim, 20));
        let Some(origin) = self.origin else {
            report.item(named, Outcome::invalid("the signature is not 65 bytes, or 130 where it is delegated"));
            return;
        };
        report.item(|| format!("{} origin", self.subject), collector.verdict(origin).into());
        if self.transaction.signatures.is_some_and(|(_, delegator)| delegator.is_some()) {
            let outcome = match (self.delegator, collector.verdict(origin)) {
                (Some(claim), _) => collector.verdict(claim).into(),
                (None, Verdict::Invalid(_)) => Outcome::invalid("there is no origin that it could be for"),
                (None, _) => Outcome::not_evaluated("the origin was not evaluated"),
            };
            report.item(|| format!("{} delegator", self.subject), outcome);
        }
        let Some(origin) = value(self.origin) else { return };
        let id = with_origin(&self.transaction.signing_hash, origin);
        report.note(|| format!("{}: id {} origin {}", self.subject, hex::encode(id), hex::encode(origin)));
        if let Some(stated) = self.stated.id {
            report.check("id", named, same(stated == id, "the id"));
        }
        if let Some(stated) = self.stated.origin {
            report.check("stated", named, same(stated == origin, "the origin"));
        }
        if let (Some(stated), Some(delegator)) = (self.stated.delegator, value(self.delegator)) {
            report.check("stated", named, same(stated == delegator, "the delegator"));
        }
    }
}
