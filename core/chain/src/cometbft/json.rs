//! RPC JSON: `signed_block` (header, commit, validator set together), `/commit`, `/validators`; with or without the
//! JSON-RPC envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::encoding::RawKey;
use super::types::{BlockId, Commit, CommitSig, Flag, Header, SignedHeader, Time, Validator, ValidatorSet};
use crate::input::{InputError, json_error};

/// What a file may be, in any envelope.
#[derive(Deserialize)]
struct Envelope<T> {
    result: T,
}

#[derive(Deserialize)]
struct JsonSigned {
    signed_header: Option<Box<JsonSignedHeader>>,
    header: Option<JsonHeader>,
    commit: Option<JsonCommit>,
    data: Option<JsonData>,
    validator_set: Option<JsonValidators>,
}

#[derive(Deserialize)]
struct JsonSignedHeader {
    header: JsonHeader,
    commit: JsonCommit,
}

/// A block's data. Celestia's has a square size, and another data hash than CometBFT's.
#[derive(Deserialize)]
struct JsonData {
    txs: Option<Vec<String>>,
    square_size: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct JsonVersion {
    block: Option<Number>,
    app: Option<Number>,
}

/// A number, or a number in quotes, as Go's JSON writes 64 bits.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(i64),
    Quoted(String),
}

#[derive(Deserialize)]
struct JsonParts {
    total: Number,
    hash: String,
}

#[derive(Deserialize)]
struct JsonBlockId {
    hash: String,
    #[serde(alias = "part_set_header")]
    parts: JsonParts,
}

#[derive(Deserialize)]
struct JsonHeader {
    version: JsonVersion,
    chain_id: String,
    height: Number,
    time: String,
    last_block_id: Option<JsonBlockId>,
    last_commit_hash: String,
    data_hash: String,
    validators_hash: String,
    next_validators_hash: String,
    consensus_hash: String,
    app_hash: String,
    last_results_hash: String,
    evidence_hash: String,
    proposer_address: String,
}

#[derive(Deserialize)]
struct JsonCommit {
    height: Number,
    round: Number,
    block_id: JsonBlockId,
    signatures: Vec<JsonCommitSig>,
}

#[derive(Deserialize)]
struct JsonCommitSig {
    block_id_flag: u64,
    validator_address: String,
    timestamp: String,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct JsonValidators {
    validators: Vec<JsonValidator>,
}

#[derive(Deserialize)]
struct JsonValidator {
    address: String,
    pub_key: JsonKey,
    voting_power: Number,
}

#[derive(Deserialize)]
struct JsonKey {
    #[serde(rename = "type")]
    name: String,
    value: String,
}

/// What is wrong with a field that is JSON of the right kind; a file's field has no offset of its own once it is parsed,
/// so the error names it.
fn wrong(what: impl std::fmt::Display) -> InputError {
    InputError::new(0, what.to_string())
}

fn hexed(field: &str, text: &str) -> Result<Vec<u8>, InputError> {
    hex::decode(text).map_err(|error| wrong(format!("{field}: {error}")))
}

fn based(field: &str, text: &str) -> Result<Vec<u8>, InputError> {
    STANDARD.decode(text).map_err(|error| wrong(format!("{field}: {error}")))
}

fn time(field: &str, text: &str) -> Result<Time, InputError> {
    Time::parse(text).ok_or_else(|| wrong(format!("{field}: not a time in UTC")))
}

impl Number {
    fn get<N: TryFrom<i64>>(&self, field: &str) -> Result<N, InputError> {
        let value = match self {
            Self::Plain(value) => Some(*value),
            Self::Quoted(text) => text.parse().ok(),
        };
        value.and_then(|value| N::try_from(value).ok()).ok_or_else(|| wrong(format!("{field}: not a number in range")))
    }
}

impl JsonBlockId {
    fn typed(&self, field: &str) -> Result<BlockId, InputError> {
        Ok(BlockId {
            hash: hexed(field, &self.hash)?,
            parts_total: self.parts.total.get(field)?,
            parts_hash: hexed(field, &self.parts.hash)?,
        })
    }
}

impl JsonHeader {
    fn typed(&self) -> Result<Header, InputError> {
        let number = |number: &Option<Number>| number.as_ref().map_or(Ok(0), |number| number.get("version"));
        let hash = |name: &str, text: &str| hexed(&format!("header {name}"), text);
        Ok(Header {
            version: (number(&self.version.block)?, number(&self.version.app)?),
            chain_id: self.chain_id.clone(),
            height: self.height.get("header height")?,
            time: time("header time", &self.time)?,
            last_block_id: self
                .last_block_id
                .as_ref()
                .map_or_else(|| Ok(BlockId::default()), |id| id.typed("header last_block_id"))?,
            hashes: [
                hash("last_commit_hash", &self.last_commit_hash)?,
                hash("data_hash", &self.data_hash)?,
                hash("validators_hash", &self.validators_hash)?,
                hash("next_validators_hash", &self.next_validators_hash)?,
                hash("consensus_hash", &self.consensus_hash)?,
                hash("app_hash", &self.app_hash)?,
                hash("last_results_hash", &self.last_results_hash)?,
                hash("evidence_hash", &self.evidence_hash)?,
            ],
            proposer_address: hash("proposer_address", &self.proposer_address)?,
        })
    }
}

impl JsonCommit {
    fn typed(&self) -> Result<Commit, InputError> {
        let signatures = self.signatures.iter().enumerate().map(|(index, signature)| {
            let field = |name: &str| format!("commit signature {index} {name}");
            let flag = super::types::flag(signature.block_id_flag, 0).map_err(|error| wrong(field(&error.what)))?;
            Ok(CommitSig {
                flag,
                address: hexed(&field("validator_address"), &signature.validator_address)?,
                time: match flag {
                    Flag::Absent => Time::ZERO,
                    _ => time(&field("timestamp"), &signature.timestamp)?,
                },
                signature: based(&field("signature"), signature.signature.as_deref().unwrap_or(""))?,
            })
        });
        Ok(Commit {
            height: self.height.get("commit height")?,
            round: self.round.get("commit round")?,
            block_id: self.block_id.typed("commit block_id")?,
            signatures: signatures.collect::<Result<_, InputError>>()?,
        })
    }
}

impl JsonValidators {
    fn typed(&self) -> Result<ValidatorSet, InputError> {
        let validators = self.validators.iter().enumerate().map(|(index, validator)| {
            let field = |name: &str| format!("validator {index} {name}");
            Ok(Validator {
                address: hexed(&field("address"), &validator.address)?,
                key: RawKey::from_json_name(
                    &validator.pub_key.name,
                    based(&field("pub_key"), &validator.pub_key.value)?,
                ),
                power: validator.voting_power.get(&field("voting_power"))?,
            })
        });
        Ok(ValidatorSet { validators: validators.collect::<Result<_, InputError>>()? })
    }
}

/// Parses an envelope or what stands in one. The envelope is told by its first key, so that an error within is the
/// content's own.
fn unwrapped<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, InputError> {
    serde_json::from_slice::<Envelope<T>>(bytes).map(|envelope| envelope.result).or_else(|enveloped| {
        serde_json::from_slice::<T>(bytes).map_err(|bare| {
            // The reading that came further is likelier to be what was meant.
            let (enveloped, bare) = (json_error(bytes, &enveloped), json_error(bytes, &bare));
            if enveloped.offset > bare.offset { enveloped } else { bare }
        })
    })
}

/// A signed header, with its validators and transactions where the file has them.
///
/// # Errors
/// Where the file is not JSON of this kind, or which field is wrong.
pub fn signed_header(bytes: &[u8]) -> Result<SignedHeader, InputError> {
    let signed: JsonSigned = unwrapped(bytes)?;
    let (header, commit) = match (&signed.signed_header, &signed.header, &signed.commit) {
        (Some(signed), _, _) => (&signed.header, &signed.commit),
        (None, Some(header), Some(commit)) => (header, commit),
        _ => return Err(wrong("neither signed_header nor header and commit")),
    };
    let transactions = match &signed.data {
        Some(JsonData { txs: Some(txs), square_size: None }) => {
            Some(txs.iter().map(|tx| based("data txs", tx)).collect::<Result<_, _>>()?)
        }
        _ => None,
    };
    Ok(SignedHeader {
        header: header.typed()?,
        commit: commit.typed()?,
        validators: signed.validator_set.as_ref().map(JsonValidators::typed).transpose()?,
        transactions,
    })
}

/// A commit as it was before Tendermint 0.33: whole votes, null where one is absent.
#[derive(Deserialize)]
struct JsonAminoCommit {
    block_id: JsonBlockId,
    precommits: Vec<Option<JsonVote>>,
}

#[derive(Deserialize)]
struct JsonVote {
    #[serde(rename = "type")]
    step: u64,
    height: Number,
    round: Number,
    block_id: JsonBlockId,
    timestamp: String,
    validator_address: String,
    signature: String,
}

/// Of a header before Tendermint 0.34, what its votes need.
#[derive(Deserialize)]
struct JsonAminoHeader {
    chain_id: String,
    height: Number,
}

#[derive(Deserialize)]
struct JsonAminoSigned {
    signed_header: JsonAminoSignedHeader,
}

#[derive(Deserialize)]
struct JsonAminoSignedHeader {
    header: JsonAminoHeader,
    commit: JsonAminoCommit,
}

/// `/commit` as Tendermint answered before 0.33. The header has its chain and height alone; the round is the first vote's.
///
/// # Errors
/// Where the file is not JSON of this kind, or which field is wrong.
pub fn amino_signed_header(bytes: &[u8]) -> Result<SignedHeader, InputError> {
    let JsonAminoSigned { signed_header: JsonAminoSignedHeader { header, commit } } = unwrapped(bytes)?;
    let header = Header { chain_id: header.chain_id, height: header.height.get("header height")?, ..Header::default() };
    let block_id = commit.block_id.typed("commit block_id")?;
    let mut step: Option<(i64, i32)> = None;
    let mut signatures = Vec::with_capacity(commit.precommits.len());
    for (index, vote) in commit.precommits.iter().enumerate() {
        let Some(vote) = vote else {
            signatures.push(CommitSig { flag: Flag::Absent, address: vec![], time: Time::ZERO, signature: vec![] });
            continue;
        };
        let field = |name: &str| format!("precommit {index} {name}");
        let own = (vote.height.get(&field("height"))?, vote.round.get(&field("round"))?);
        let voted = vote.block_id.typed(&field("block_id"))?;
        let flag = if vote.step != 2 || *step.get_or_insert(own) != own {
            Flag::OtherStep
        } else if voted == block_id {
            Flag::Commit
        } else if voted == BlockId::default() {
            Flag::Nil
        } else {
            Flag::OtherBlock
        };
        signatures.push(CommitSig {
            flag,
            address: hexed(&field("validator_address"), &vote.validator_address)?,
            time: time(&field("timestamp"), &vote.timestamp)?,
            signature: based(&field("signature"), &vote.signature)?,
        });
    }
    let (height, round) = step.unwrap_or((0, 0));
    let commit = Commit { height, round, block_id, signatures };
    Ok(SignedHeader { header, commit, validators: None, transactions: None })
}

/// A validator set: `/validators`, or any file with a validator set in it.
///
/// # Errors
/// Where the file is not JSON of this kind, or which field is wrong.
pub fn validator_set(bytes: &[u8]) -> Result<ValidatorSet, InputError> {
    #[derive(Deserialize)]
    struct Sets {
        validators: Option<Vec<JsonValidator>>,
        validator_set: Option<JsonValidators>,
    }
    let sets: Sets = unwrapped(bytes)?;
    match (sets.validator_set, sets.validators) {
        (Some(set), _) => set.typed(),
        (None, Some(validators)) => JsonValidators { validators }.typed(),
        _ => Err(wrong("neither validators nor validator_set")),
    }
}
