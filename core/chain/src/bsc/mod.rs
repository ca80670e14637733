//! BNB Smart Chain: Parlia seals, and the BLS attestations of fast finality.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `header` | a header's RLP into what was sealed, the validators it names and the votes it carries |

mod chain;
pub mod header;

use assay_scheme::{Hash, Output, Parameters, Row, Verdict};
use serde::Deserialize;

pub use self::chain::CHAIN;
use self::header::{Attestation, Header, Validator};
use crate::claims::{Claim, Collector};
use crate::input::{InputError, hex_array, json_error, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};
use crate::rlp;

/// Networks by name, with their chain ids, the default first.
pub static NETWORKS: [(&str, u64); 2] = [("mainnet", 56), ("chapel", 97)];

/// A set of validators, ordered by address, and the first block whose votes are counted by it.
#[derive(Clone, Debug)]
struct Set {
    from: u64,
    validators: Vec<Validator>,
}

/// What waits for its verdict.
enum Pending {
    Seal { subject: String, claim: Claim, coinbase: [u8; 20], outsider: bool },
    Attestation { subject: String, asked: Result<Claim, Outcome> },
}

/// BNB Smart Chain's profile over one run of files.
pub struct Bsc {
    chain_id: u64,
    sets: Vec<Set>,
    pending: Vec<Pending>,
}

#[derive(Deserialize)]
struct JsonValidator {
    address: String,
    bls: String,
}

#[derive(Deserialize)]
struct JsonAttestation {
    validators: Option<Vec<JsonValidator>>,
}

#[derive(Deserialize)]
struct JsonHeader {
    header_rlp: String,
    chain_id: Option<u64>,
    attestation: Option<JsonAttestation>,
}

/// Validators from JSON, ordered by address.
fn typed(list: &[JsonValidator]) -> Result<Vec<Validator>, InputError> {
    let mut validators: Vec<Validator> = list
        .iter()
        .enumerate()
        .map(|(index, validator)| {
            let both = hex_array(&validator.address).zip(hex_array(&validator.bls));
            let (address, key) = both
                .ok_or_else(|| InputError::new(0, format!("validator {index}: not an address and a BLS key in hex")))?;
            Ok(Validator { address, key })
        })
        .collect::<Result<_, InputError>>()?;
    validators.sort_unstable();
    Ok(validators)
}

impl Bsc {
    /// For a chain id, with the validators that count from the start, where they are known.
    #[must_use]
    pub fn new(chain_id: u64, validators: Option<Vec<Validator>>) -> Self {
        let sets = validators.map(|validators| Set { from: 0, validators }).into_iter().collect();
        Self { chain_id, sets, pending: Vec::new() }
    }

    /// Validators from a JSON list of `{"address","bls"}`.
    ///
    /// # Errors
    /// Where and why the file is not one.
    pub fn validators(bytes: &[u8]) -> Result<Vec<Validator>, InputError> {
        let list: Vec<JsonValidator> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
        typed(&list)
    }

    /// Claims a header's seal and its attestation. `given` are the validators that the file itself says.
    fn header(&mut self, name: &str, header: &Header, given: Option<&[Validator]>, collector: &mut Collector<'_>) {
        let subject = format!("{name}: block {} {}", header.number, hex::encode(header.hash));
        let known = self.sets.iter().rev().find(|set| set.from <= header.number);
        let validators = given.or(known.map(|set| &set.validators[..]));
        let address = Parameters { output: Output::Address, ..Parameters::hashed(Hash::Keccak256) };
        let claim = collector.push(Row::RecoverSecp256k1, &address, 0, &[], &header.seal, &header.sealed);
        let outsider = validators.is_some_and(|set| !set.iter().any(|v| v.address == header.coinbase));
        self.pending.push(Pending::Seal { subject: subject.clone(), claim, coinbase: header.coinbase, outsider });
        if let Some(attestation) = &header.attestation {
            let asked = attested(header, attestation, validators, collector);
            self.pending.push(Pending::Attestation { subject, asked });
        }
        if let Some((validators, turn)) = &header.epoch {
            // A set seals once more than half of the one before have sealed after the epoch's header; votes are counted by
            // the set two blocks before (bsc consensus/parlia/snapshot.go, minerHistoryCheckLen; verifyVoteAttestation).
            let before = known.map_or(validators.len(), |set| set.validators.len()) as u64;
            let from = header.number.saturating_add((before / 2 + 1) * u64::from(*turn) + 2);
            self.sets.push(Set { from, validators: validators.clone() });
        }
    }
}

/// bsc `consensus/parlia/parlia.go`, `verifyVoteAttestation`: the target is the parent; at least two thirds of the set, rounded
/// up; no bit beyond the set; and their keys' fast aggregate over the vote data's hash.
fn attested(
    header: &Header,
    attestation: &Attestation,
    validators: Option<&[Validator]>,
    collector: &mut Collector<'_>,
) -> Result<Claim, Outcome> {
    if (attestation.target.0.checked_add(1), attestation.target.1) != (Some(header.number), header.parent) {
        return Err(Outcome::invalid("the votes are not for the parent"));
    }
    let validators = validators.ok_or_else(|| Outcome::not_evaluated("the validator set is not given"))?;
    let voted = |place: usize| place < 64 && attestation.bitset >> place & 1 == 1;
    let keys: Vec<&[u8]> =
        validators.iter().enumerate().filter(|(place, _)| voted(*place)).map(|(_, v)| &v.key[..]).collect();
    if attestation.bitset.count_ones() as usize != keys.len() {
        return Err(Outcome::invalid("a bit is set beyond the validators"));
    }
    let needed = (validators.len() * 2).div_ceil(3);
    if keys.len() < needed {
        return Err(Outcome::invalid(format!("{} votes, {needed} of {} needed", keys.len(), validators.len())));
    }
    let row = Row::BlsMinPkPopFastAggregate;
    Ok(collector.push_group(row, &Parameters::default(), &keys, &attestation.signature, &[&attestation.vote_hash]))
}

impl Profile for Bsc {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        _report: &mut Report,
    ) -> Result<(), InputError> {
        if bytes.trim_ascii_start().starts_with(b"[") {
            let list: Vec<JsonHeader> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
            for (index, entry) in list.iter().enumerate() {
                let at = |error: InputError| InputError::new(error.offset, format!("header {index}: {}", error.what));
                let raw = hex::decode(&entry.header_rlp)
                    .map_err(|error| at(InputError::new(0, format!("header_rlp: {error}"))))?;
                let item = rlp::take(&mut &raw[..], 0).map_err(at)?;
                let header = Header::read(&item, entry.chain_id.unwrap_or(self.chain_id)).map_err(at)?;
                let given = entry.attestation.as_ref().and_then(|attestation| attestation.validators.as_ref());
                let given = given.map(|list| typed(list)).transpose().map_err(at)?;
                self.header(name, &header, given.as_deref(), collector);
            }
            return Ok(());
        }
        let decoded = unhexed(bytes);
        let bytes = decoded.as_deref().unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(InputError::new(0, "the file is empty"));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let base = bytes.len() - rest.len();
            let item = rlp::take(&mut rest, base)?;
            // A block begins with its header's list.
            let item = item.first().filter(|first| first.list).unwrap_or(item);
            let header = Header::read(&item, self.chain_id)?;
            self.header(name, &header, None, collector);
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Seal { subject, claim, coinbase, outsider } => {
                    let outcome = match collector.verdict(claim) {
                        Verdict::Valid if collector.value(claim, 20) != Some(&coinbase) => {
                            Outcome::invalid("the seal is another's than the coinbase's")
                        }
                        Verdict::Valid if outsider => Outcome::invalid("the sealer is none of the validators"),
                        verdict => verdict.into(),
                    };
                    report.item(|| format!("{subject} seal"), outcome);
                }
                Pending::Attestation { subject, asked } => {
                    let outcome = asked.map_or_else(|outcome| outcome, |claim| collector.verdict(claim).into());
                    report.item(|| format!("{subject} attestation"), outcome);
                }
            }
        }
    }
}
