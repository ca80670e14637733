//! ChainMaker's messages (pb-go v2: common/block.proto, common/request.proto, common/transaction.proto, common/result.proto,
//! accesscontrol/member.proto, consensus/tbft/tbft.proto), and the bytes that are hashed and signed of them: each message
//! written again in its fields' order, as gogoproto does.
//!
//! The same types are read from the JSON that ChainMaker's own clients write: Go's names, bytes in base64, zeros left out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::proto::Writer;

/// Bytes, in JSON as base64.
pub type Bytes = Vec<u8>;

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

fn base64_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Bytes>, D::Error> {
    let map = BTreeMap::<String, String>::deserialize(deserializer)?;
    let decoded =
        map.into_iter().map(|(key, text)| Ok((key, STANDARD.decode(text).map_err(serde::de::Error::custom)?)));
    decoded.collect()
}

/// Who signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Member {
    /// Its organisation.
    pub org_id: String,
    /// How `member_info` says it: 0 a certificate, 1 a certificate's hash, 2 a public key, 3 a DID, 4 an alias, 5 an address.
    pub member_type: u64,
    /// The certificate, the hash, the key.
    #[serde(deserialize_with = "base64")]
    pub member_info: Bytes,
}

/// A signature with its signer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Who signed.
    pub signer: Option<Member>,
    /// The signature.
    #[serde(deserialize_with = "base64")]
    pub signature: Bytes,
}

/// A parameter of a contract's call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct KeyValue {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(deserialize_with = "base64")]
    pub value: Bytes,
}

/// What a transaction may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limit {
    /// In gas.
    pub gas_limit: u64,
}

/// What a transaction's sender signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "common/request.proto says what each field is")]
pub struct Payload {
    pub chain_id: String,
    pub tx_type: u64,
    pub tx_id: String,
    pub timestamp: i64,
    pub expiration_time: i64,
    pub contract_name: String,
    pub method: String,
    pub parameters: Vec<KeyValue>,
    pub sequence: u64,
    pub limit: Option<Limit>,
}

/// What a contract said had happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "common/result.proto says what each field is")]
pub struct ContractEvent {
    pub topic: String,
    pub tx_id: String,
    pub contract_name: String,
    pub contract_version: String,
    pub event_data: Vec<String>,
}

/// What a contract answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "common/result.proto says what each field is")]
pub struct ContractResult {
    pub code: u64,
    #[serde(deserialize_with = "base64")]
    pub result: Bytes,
    pub message: String,
    pub gas_used: u64,
    pub contract_event: Vec<ContractEvent>,
}

/// What became of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "common/result.proto says what each field is")]
pub struct TxResult {
    pub code: u64,
    pub contract_result: Option<ContractResult>,
    #[serde(deserialize_with = "base64")]
    pub rw_set_hash: Bytes,
    pub message: String,
}

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Transaction {
    /// What is signed.
    pub payload: Option<Payload>,
    /// Who sent it.
    pub sender: Option<Entry>,
    /// Who endorsed it.
    pub endorsers: Vec<Entry>,
    /// What became of it.
    pub result: Option<TxResult>,
    /// Who pays for it.
    pub payer: Option<Entry>,
}

/// A block's header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "common/block.proto says what each field is")]
pub struct Header {
    pub block_version: u64,
    pub block_type: u64,
    pub chain_id: String,
    pub block_height: u64,
    #[serde(deserialize_with = "base64")]
    pub block_hash: Bytes,
    #[serde(deserialize_with = "base64")]
    pub pre_block_hash: Bytes,
    pub pre_conf_height: u64,
    pub tx_count: u64,
    #[serde(deserialize_with = "base64")]
    pub tx_root: Bytes,
    #[serde(deserialize_with = "base64")]
    pub dag_hash: Bytes,
    #[serde(deserialize_with = "base64")]
    pub rw_set_root: Bytes,
    pub block_timestamp: i64,
    #[serde(deserialize_with = "base64")]
    pub consensus_args: Bytes,
    pub proposer: Option<Member>,
    #[serde(deserialize_with = "base64")]
    pub signature: Bytes,
}

/// A transaction's place in the order of execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Neighbor {
    /// Those before it.
    pub neighbors: Vec<u32>,
}

/// The order of execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Dag {
    /// One for each transaction.
    pub vertexes: Vec<Neighbor>,
}

/// What is stored beside a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AdditionalData {
    /// By name.
    #[serde(deserialize_with = "base64_map")]
    pub extra_data: BTreeMap<String, Bytes>,
}

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Block {
    /// Its header.
    pub header: Option<Header>,
    /// The order of execution.
    pub dag: Option<Dag>,
    /// Its transactions.
    pub txs: Vec<Transaction>,
    /// What is stored beside it.
    pub additional_data: Option<AdditionalData>,
}

/// A vote for a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "consensus/tbft/tbft.proto says what each field is")]
pub struct Vote {
    pub kind: u64,
    pub voter: String,
    pub height: u64,
    pub round: i64,
    pub hash: Bytes,
    pub endorsement: Option<Entry>,
    pub invalid_txs: Vec<String>,
}

/// The votes that a block was committed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "consensus/tbft/tbft.proto says what each field is")]
pub struct VoteSet {
    pub kind: u64,
    pub height: u64,
    pub round: i64,
    pub maj23: Bytes,
    pub votes: Vec<Vote>,
}

/// A message where there is one.
fn optional<T>(writer: Writer, number: u32, value: Option<&T>, write: impl Fn(&T) -> Vec<u8>) -> Writer {
    match value {
        Some(value) => writer.message(number, &write(value)),
        None => writer,
    }
}

/// Every message, empty ones too.
fn repeated<T>(writer: Writer, number: u32, values: &[T], write: impl Fn(&T) -> Vec<u8>) -> Writer {
    values.iter().fold(writer, |writer, value| writer.message(number, &write(value)))
}

impl Member {
    fn bytes(&self) -> Vec<u8> {
        let writer = Writer::new().bytes(1, self.org_id.as_bytes()).varint(2, self.member_type);
        writer.bytes(3, &self.member_info).finish()
    }
}

impl Entry {
    fn bytes(&self) -> Vec<u8> {
        optional(Writer::new(), 1, self.signer.as_ref(), Member::bytes).bytes(2, &self.signature).finish()
    }
}

impl Payload {
    /// What sender, endorsers and payer sign (chainmaker utils/transaction.go, CalcUnsignedTxBytes).
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let writer = Writer::new()
            .bytes(1, self.chain_id.as_bytes())
            .varint(2, self.tx_type)
            .bytes(3, self.tx_id.as_bytes())
            .int64(4, self.timestamp)
            .int64(5, self.expiration_time)
            .bytes(6, self.contract_name.as_bytes())
            .bytes(7, self.method.as_bytes());
        let pair = |pair: &KeyValue| Writer::new().bytes(1, pair.key.as_bytes()).bytes(2, &pair.value).finish();
        let writer = repeated(writer, 8, &self.parameters, pair).varint(9, self.sequence);
        optional(writer, 10, self.limit.as_ref(), |limit| Writer::new().varint(1, limit.gas_limit).finish()).finish()
    }
}

impl ContractEvent {
    fn bytes(&self) -> Vec<u8> {
        let writer = Writer::new()
            .bytes(1, self.topic.as_bytes())
            .bytes(2, self.tx_id.as_bytes())
            .bytes(3, self.contract_name.as_bytes())
            .bytes(4, self.contract_version.as_bytes());
        repeated(writer, 5, &self.event_data, |data| data.as_bytes().to_vec()).finish()
    }
}

impl ContractResult {
    fn bytes(&self, gas: bool) -> Vec<u8> {
        let writer = Writer::new().varint(1, self.code).bytes(2, &self.result).bytes(3, self.message.as_bytes());
        let writer = writer.varint(4, if gas { self.gas_used } else { 0 });
        repeated(writer, 5, &self.contract_event, ContractEvent::bytes).finish()
    }
}

impl Transaction {
    /// What the tree of transactions has as its leaf, before it is hashed; since version 2300 without the gas that was used
    /// (chainmaker utils/transaction.go, CalcTxHashWithVersion).
    #[must_use]
    pub fn bytes(&self, gas: bool) -> Vec<u8> {
        let writer = optional(Writer::new(), 1, self.payload.as_ref(), Payload::bytes);
        let writer = optional(writer, 2, self.sender.as_ref(), Entry::bytes);
        let writer = repeated(writer, 3, &self.endorsers, Entry::bytes);
        let writer = optional(writer, 4, self.result.as_ref(), |result| {
            let writer = Writer::new().varint(1, result.code);
            let writer = optional(writer, 2, result.contract_result.as_ref(), |result| result.bytes(gas));
            writer.bytes(3, &result.rw_set_hash).bytes(4, result.message.as_bytes()).finish()
        });
        optional(writer, 5, self.payer.as_ref(), Entry::bytes).finish()
    }
}

impl Header {
    /// What is hashed: the header without its own hash and signature (chainmaker utils/block.go, calcUnsignedBlockBytes).
    #[must_use]
    pub fn unsigned_bytes(&self) -> Vec<u8> {
        let writer = Writer::new()
            .varint(1, self.block_version)
            .varint(2, self.block_type)
            .bytes(3, self.chain_id.as_bytes())
            .varint(4, self.block_height)
            .bytes(6, &self.pre_block_hash)
            .varint(7, self.pre_conf_height)
            .varint(8, self.tx_count)
            .bytes(9, &self.tx_root)
            .bytes(10, &self.dag_hash)
            .bytes(11, &self.rw_set_root)
            .int64(12, self.block_timestamp)
            .bytes(13, &self.consensus_args);
        optional(writer, 14, self.proposer.as_ref(), Member::bytes).finish()
    }
}

impl Dag {
    /// What the DAG's hash covers.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        repeated(Writer::new(), 2, &self.vertexes, |vertex| Writer::new().packed(1, &vertex.neighbors).finish())
            .finish()
    }
}

impl Vote {
    /// What the voter signed: the vote without its endorsement (chainmaker module/consensus/tbft, verifyVotes).
    #[must_use]
    pub fn unsigned_bytes(&self) -> Vec<u8> {
        let writer = Writer::new()
            .varint(1, self.kind)
            .bytes(2, self.voter.as_bytes())
            .varint(3, self.height)
            .int64(4, self.round)
            .bytes(5, &self.hash);
        repeated(writer, 7, &self.invalid_txs, |id| id.as_bytes().to_vec()).finish()
    }
}
