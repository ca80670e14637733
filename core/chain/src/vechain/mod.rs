//! VeChain Thor: transactions, their origin, and the delegator who pays for them (VIP-191).
//!
//! A delegator signs over the origin's address, which is known only once the origin has been recovered: its claim is made in
//! a second round.

mod chain;

use assay_scheme::{Output, Parameters, Row, Verdict};
use serde::Deserialize;

pub use self::chain::CHAIN;
use crate::claims::{Claim, Collector};
use crate::hash::blake2b256;
use crate::input::{InputError, hex_array, json_error, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};
use crate::rlp::{self, Item};

/// Networks by name, with their chain tags: the last byte of the first block's id.
pub static NETWORKS: [(&str, u8); 2] = [("mainnet", 0x4a), ("testnet", 0x27)];

/// The type of a transaction with a dynamic fee (thor `tx/transaction.go`, TypeDynamicFee).
const DYNAMIC_FEE: u8 = 0x51;
/// Bytes of one signature.
const SIGNATURE: usize = 65;

/// What a file says of a transaction besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Stated {
    id: Option<[u8; 32]>,
    origin: Option<[u8; 20]>,
    delegator: Option<[u8; 20]>,
}

/// A transaction, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// BLAKE2b-256 of what was signed.
    pub signing_hash: [u8; 32],
    /// The chain it is for.
    pub chain_tag: u8,
    /// r ‖ s ‖ v of the origin, and of the delegator where the features ask for one; `None` for a signature of another
    /// length.
    pub signatures: Option<([u8; SIGNATURE], Option<[u8; SIGNATURE]>)>,
}

impl Transaction {
    /// The first transaction of some bytes that begin `base` bytes into the file. Legacy: chain tag, block reference,
    /// expiration, clauses, gas price coefficient, gas, depends on, nonce, reserved, signature; one with a dynamic fee
    /// (behind its type) has two fees in place of the coefficient (thor `tx/tx_legacy.go`, `tx/tx_dynamic_fee.go`).
    ///
    /// # Errors
    /// Where and why there is none.
    pub fn take(bytes: &mut &[u8], base: usize) -> Result<Self, InputError> {
        let typed = bytes.first() == Some(&DYNAMIC_FEE);
        let (skip, count) = if typed { (1, 11) } else { (0, 10) };
        let mut rest = &bytes[skip..];
        let item = rlp::take(&mut rest, base + skip)?;
        *bytes = rest;
        let fields = item.items()?;
        if fields.len() != count {
            return Err(item.error(format!("{} fields where a transaction has {count}", fields.len())));
        }
        let (signed, signature) = fields.split_at(count - 1);
        let body = rlp::list(&[rlp::run(&item, signed)]);
        let signing_hash = if typed { blake2b256(&[&[DYNAMIC_FEE][..], &body].concat()) } else { blake2b256(&body) };
        let delegated = features(&fields[count - 2])? & 1 == 1;
        let signature = signature[0].bytes()?;
        let signatures = match (delegated, signature.split_at_checked(SIGNATURE)) {
            (false, Some((origin, []))) => Some((array(origin), None)),
            (true, Some((origin, delegator))) if delegator.len() == SIGNATURE => {
                Some((array(origin), Some(array(delegator))))
            }
            _ => None,
        };
        let [chain_tag] = fields[0].number::<1>()?;
        Ok(Self { signing_hash, chain_tag, signatures })
    }
}

fn array(bytes: &[u8]) -> [u8; SIGNATURE] {
    bytes.try_into().expect("split at 65 bytes")
}

/// The features, first of the reserved fields (thor `tx/reserved.go`); bit 0 says delegated.
fn features(reserved: &Item<'_>) -> Result<u64, InputError> {
    let items = reserved.items()?;
    let features = items.first().map_or(Ok(0), Item::u64)?;
    if items.last().is_some_and(|last| !last.list && last.payload.is_empty()) {
        return Err(reserved.error("the reserved fields end with an empty one"));
    }
    Ok(features)
}

/// What a delegator signs, and what the id is: BLAKE2b-256 of the signing hash and the origin.
fn with_origin(signing_hash: &[u8; 32], origin: &[u8]) -> [u8; 32] {
    blake2b256(&[&signing_hash[..], origin].concat())
}

struct Pending {
    subject: String,
    transaction: Transaction,
    stated: Stated,
    origin: Option<Claim>,
    delegator: Option<Claim>,
}

/// VeChain's profile over one run of files.
pub struct VeChain {
    chain_tag: Option<u8>,
    pending: Vec<Pending>,
}

#[derive(Deserialize)]
struct JsonTransaction {
    raw: String,
    id: Option<String>,
    origin: Option<String>,
    delegator: Option<String>,
}

impl VeChain {
    /// For transactions of this chain tag, or any.
    #[must_use]
    pub fn new(chain_tag: Option<u8>) -> Self {
        Self { chain_tag, pending: Vec::new() }
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
            let list: Vec<JsonTransaction> =
                serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
            for (index, entry) in list.iter().enumerate() {
                let at =
                    |error: InputError| InputError::new(error.offset, format!("transaction {index}: {}", error.what));
                let raw = hex::decode(&entry.raw).map_err(|error| at(InputError::new(0, format!("raw: {error}"))))?;
                let transaction = Transaction::take(&mut &raw[..], 0).map_err(at)?;
                let wrong = || at(InputError::new(0, "id, origin or delegator is not hex of its length"));
                let stated = Stated {
                    id: entry.id.as_ref().map(|text| hex_array(text).ok_or_else(wrong)).transpose()?,
                    origin: entry.origin.as_ref().map(|text| hex_array(text).ok_or_else(wrong)).transpose()?,
                    delegator: entry.delegator.as_ref().map(|text| hex_array(text).ok_or_else(wrong)).transpose()?,
                };
                self.transaction(format!("{name}: transaction {index}"), transaction, stated, collector, report);
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
            let transaction = Transaction::take(&mut rest, base)?;
            self.transaction(format!("{name}: transaction {index}"), transaction, Stated::default(), collector, report);
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
        for pending in self.pending.drain(..) {
            pending.judge(collector, report);
        }
    }
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
        let same = |is: bool, what: &str| if is { Ok(()) } else { Err(format!("{what} is another than stated")) };
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
