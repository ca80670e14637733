//! What `xchain-cli` prints, into the types: `tx query`, `block`, and lists of them.
//!
//! Amounts are decimal there and big-endian bytes in the encoding; ids and signatures are hexadecimal; keys, values and
//! arguments are text. Bytes that are no UTF-8 do not survive the printing, so such a transaction's id does not come out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::key::{JsonKey, with_quoted_integers};
use super::types::{Block, Header, Input, InputExt, Justify, Output, OutputExt, QcVote, Request, Signed, Transaction};
use crate::input::{InputError, json_error};

/// Digits of an amount: no supply has more.
const AMOUNT_DIGITS_MAX: usize = 78;

/// What a file is, by the fields that it has.
#[derive(Deserialize)]
struct Shape {
    txid: Option<IgnoredAny>,
    blockid: Option<IgnoredAny>,
}

/// Transactions and a block in one document.
#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    transactions: Vec<Entry>,
    block: Option<Block>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Wrapped { tx: Transaction },
    Bare(Transaction),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(i64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonInput {
    ref_txid: String,
    #[serde(default)]
    ref_offset: i32,
    from_addr: String,
    amount: String,
    #[serde(default)]
    frozen_height: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonOutput {
    amount: String,
    to_addr: String,
    #[serde(default)]
    frozen_height: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonInputExt {
    bucket: String,
    key: String,
    ref_txid: String,
    #[serde(default)]
    ref_offset: i32,
}

#[derive(Deserialize)]
struct JsonOutputExt {
    bucket: String,
    key: String,
    value: String,
}

#[derive(Deserialize)]
struct JsonLimit {
    #[serde(rename = "type")]
    kind: String,
    limit: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRequest {
    #[serde(default)]
    module_name: String,
    contract_name: String,
    method_name: String,
    #[serde(default)]
    args: BTreeMap<String, String>,
    #[serde(rename = "resource_limits", alias = "resourceLimits")]
    limits: Option<Vec<JsonLimit>>,
    #[serde(default)]
    amount: String,
}

#[derive(Deserialize)]
struct JsonSigned {
    publickey: String,
    sign: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonModify {
    marked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonTransaction {
    txid: String,
    #[serde(default)]
    tx_inputs: Option<Vec<JsonInput>>,
    #[serde(default)]
    tx_outputs: Option<Vec<JsonOutput>>,
    #[serde(default)]
    desc: String,
    #[serde(default)]
    nonce: String,
    timestamp: i64,
    version: i32,
    #[serde(default)]
    autogen: bool,
    #[serde(default)]
    coinbase: bool,
    tx_inputs_ext: Option<Vec<JsonInputExt>>,
    tx_outputs_ext: Option<Vec<JsonOutputExt>>,
    contract_requests: Option<Vec<JsonRequest>>,
    #[serde(default)]
    initiator: String,
    auth_require: Option<Vec<String>>,
    initiator_signs: Option<Vec<JsonSigned>>,
    auth_require_signs: Option<Vec<JsonSigned>>,
    modify_block: Option<JsonModify>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonPublicKey {
    Text(String),
    Object(JsonKey),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonVote {
    #[serde(alias = "Address")]
    address: String,
    #[serde(alias = "PublicKey", alias = "publickey")]
    public_key: String,
    #[serde(alias = "Sign")]
    sign: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonVotes {
    #[serde(rename = "QCSignInfos", alias = "qcSignInfos")]
    votes: Option<Vec<JsonVote>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonJustify {
    #[serde(alias = "ProposalId")]
    proposal_id: String,
    #[serde(alias = "ProposalMsg")]
    proposal_msg: Option<String>,
    #[serde(rename = "type", alias = "Type")]
    kind: Option<Number>,
    #[serde(alias = "ViewNumber")]
    view_number: i64,
    #[serde(alias = "SignInfos")]
    sign_infos: Option<JsonVotes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonBlock {
    blockid: String,
    pubkey: JsonPublicKey,
    sign: String,
    proposer: Option<String>,
    version: Option<i32>,
    #[serde(default)]
    nonce: i32,
    pre_hash: Option<String>,
    merkle_root: Option<String>,
    #[serde(default)]
    height: i64,
    timestamp: Option<i64>,
    transactions: Option<Vec<Transaction>>,
    tx_count: Option<i32>,
    merkle_tree: Option<Vec<String>>,
    #[serde(default)]
    cur_term: i64,
    #[serde(default)]
    cur_block_num: i64,
    failed_txs: Option<BTreeMap<String, String>>,
    #[serde(default)]
    target_bits: i32,
    #[serde(alias = "Justify")]
    justify: Option<JsonJustify>,
}

type Result<T> = std::result::Result<T, String>;

/// Transactions and blocks of a file.
///
/// # Errors
/// Where the JSON is broken, or what a transaction or block lacks. The byte counts the quotes that were put around long
/// integers.
pub fn read(text: &[u8]) -> std::result::Result<(Vec<Transaction>, Vec<Block>), InputError> {
    let text = &with_quoted_integers(text)[..];
    let error = |error| json_error(text, &error);
    if text.trim_ascii_start().starts_with(b"[") {
        let entries: Vec<Entry> = serde_json::from_slice(text).map_err(error)?;
        return Ok((bare(entries), Vec::new()));
    }
    let shape: Shape = serde_json::from_slice(text).map_err(error)?;
    if shape.txid.is_some() {
        return Ok((vec![serde_json::from_slice(text).map_err(error)?], Vec::new()));
    }
    if shape.blockid.is_some() {
        return Ok((Vec::new(), vec![serde_json::from_slice(text).map_err(error)?]));
    }
    let bundle: Bundle = serde_json::from_slice(text).map_err(error)?;
    if bundle.transactions.is_empty() && bundle.block.is_none() {
        return Err(InputError::new(0, "neither a transaction (txid) nor a block (blockid)"));
    }
    Ok((bare(bundle.transactions), bundle.block.into_iter().collect()))
}

fn bare(entries: Vec<Entry>) -> Vec<Transaction> {
    let bare = entries.into_iter().map(|entry| match entry {
        Entry::Wrapped { tx } | Entry::Bare(tx) => tx,
    });
    bare.collect()
}

fn hexed(text: &str, what: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|error| format!("{what}: {error}"))
}

/// A decimal amount as Go's `big.Int` gives its bytes; nothing and 0 are no bytes.
fn amount(text: &str) -> Result<Vec<u8>> {
    if text.len() > AMOUNT_DIGITS_MAX || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("amount {text:?} is not a decimal number of at most {AMOUNT_DIGITS_MAX} digits"));
    }
    // Digits into bytes, last byte first.
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes.reverse();
    Ok(bytes)
}

fn each<T, U>(entries: Option<Vec<T>>, typed: impl Fn(T) -> Result<U>) -> Result<Vec<U>> {
    entries.unwrap_or_default().into_iter().map(typed).collect()
}

fn signed(signature: JsonSigned) -> Result<Signed> {
    Ok(Signed { public_key: signature.publickey, sign: hexed(&signature.sign, "sign")? })
}

/// `protos/contract.proto`, `ResourceType`.
fn limit(limit: JsonLimit) -> Result<(i32, i64)> {
    let kinds = ["CPU", "MEMORY", "DISK", "XFEE"];
    let kind = kinds.iter().zip(0_i32..).find(|(name, _)| **name == limit.kind).map(|(_, number)| number);
    Ok((kind.ok_or_else(|| format!("resource {:?}", limit.kind))?, limit.limit))
}

fn request(request: JsonRequest) -> Result<Request> {
    Ok(Request {
        module_name: request.module_name,
        contract_name: request.contract_name,
        method_name: request.method_name,
        args: request.args.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
        limits: each(request.limits, limit)?,
        amount: request.amount,
    })
}

impl TryFrom<JsonTransaction> for Transaction {
    type Error = String;

    fn try_from(tx: JsonTransaction) -> Result<Self> {
        Ok(Self {
            txid: hexed(&tx.txid, "txid")?,
            inputs: each(tx.tx_inputs, |input| {
                Ok(Input {
                    ref_txid: hexed(&input.ref_txid, "refTxid")?,
                    ref_offset: input.ref_offset,
                    from_addr: input.from_addr.into_bytes(),
                    amount: amount(&input.amount)?,
                    frozen_height: input.frozen_height,
                })
            })?,
            outputs: each(tx.tx_outputs, |output| {
                let (amount, to_addr) = (amount(&output.amount)?, output.to_addr.into_bytes());
                Ok(Output { amount, to_addr, frozen_height: output.frozen_height })
            })?,
            desc: tx.desc.into_bytes(),
            coinbase: tx.coinbase,
            nonce: tx.nonce,
            timestamp: tx.timestamp,
            version: tx.version,
            autogen: tx.autogen,
            inputs_ext: each(tx.tx_inputs_ext, |input| {
                let (key, ref_txid) = (input.key.into_bytes(), hexed(&input.ref_txid, "refTxid")?);
                Ok(InputExt { bucket: input.bucket, key, ref_txid, ref_offset: input.ref_offset })
            })?,
            outputs_ext: each(tx.tx_outputs_ext, |output| {
                let (key, value) = (output.key.into_bytes(), output.value.into_bytes());
                Ok(OutputExt { bucket: output.bucket, key, value })
            })?,
            requests: each(tx.contract_requests, request)?,
            initiator: tx.initiator,
            auth_require: tx.auth_require.unwrap_or_default(),
            initiator_signs: each(tx.initiator_signs, signed)?,
            auth_require_signs: each(tx.auth_require_signs, signed)?,
            xuper_sign: None,
            hd_info: None,
            modified: tx.modify_block.is_some_and(|modify| modify.marked),
        })
    }
}

/// `xledger.proto`, `QCState`.
fn phase(kind: Option<Number>) -> Result<i32> {
    let names = ["NEW_VIEW", "PREPARE", "PRE_COMMIT", "COMMIT", "DECIDE"];
    match kind {
        None => Ok(0),
        Some(Number::Plain(kind)) => i32::try_from(kind).map_err(|_| format!("phase {kind}")),
        Some(Number::Text(name)) => {
            let found = names.iter().zip(0_i32..).find(|(known, _)| **known == name).map(|(_, number)| number);
            found.ok_or_else(|| format!("phase {name:?}"))
        }
    }
}

impl TryFrom<JsonJustify> for Justify {
    type Error = String;

    fn try_from(justify: JsonJustify) -> Result<Self> {
        Ok(Self {
            proposal_id: hexed(&justify.proposal_id, "proposalId")?,
            proposal_msg: hexed(&justify.proposal_msg.unwrap_or_default(), "proposalMsg")?,
            kind: phase(justify.kind)?,
            view_number: justify.view_number,
            votes: each(justify.sign_infos.and_then(|infos| infos.votes), |vote| {
                let sign = hexed(&vote.sign, "a vote's sign")?;
                Ok(QcVote { address: vote.address, public_key: vote.public_key, sign })
            })?,
        })
    }
}

impl TryFrom<JsonBlock> for Block {
    type Error = String;

    fn try_from(block: JsonBlock) -> Result<Self> {
        let root = block.merkle_root.as_deref().map(|root| hexed(root, "merkleRoot")).transpose()?;
        let pre_hash = block.pre_hash.as_deref().map(|hash| hexed(hash, "preHash")).transpose()?;
        let all = block.version.zip(block.tx_count).zip(block.timestamp).zip(root).zip(pre_hash);
        let header = all.map(|((((version, tx_count), timestamp), merkle_root), pre_hash)| Header {
            version,
            nonce: block.nonce,
            tx_count,
            timestamp,
            pre_hash,
            merkle_root,
            failed_txs: block.failed_txs.unwrap_or_default(),
            cur_term: block.cur_term,
            cur_block_num: block.cur_block_num,
            target_bits: block.target_bits,
        });
        // A key given as an object is put back into the text that miners write, Go's.
        let pubkey = match block.pubkey {
            JsonPublicKey::Text(text) => text.into_bytes(),
            JsonPublicKey::Object(key) => key.text().into_bytes(),
        };
        Ok(Self {
            blockid: hexed(&block.blockid, "blockid")?,
            header,
            pubkey,
            sign: hexed(&block.sign, "sign")?,
            proposer: block.proposer.unwrap_or_default().into_bytes(),
            height: block.height,
            merkle_tree: each(block.merkle_tree, |node| hexed(&node, "a node of merkleTree"))?,
            transactions: block.transactions.unwrap_or_default(),
            justify: block.justify.map(TryInto::try_into).transpose()?,
        })
    }
}

impl<'de> Deserialize<'de> for Transaction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        JsonTransaction::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        JsonBlock::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_bytes() {
        for (text, bytes) in [("", &[][..]), ("0", &[]), ("255", &[255]), ("100000", &[1, 0x86, 0xa0])] {
            assert_eq!(amount(text), Ok(bytes.to_vec()), "{text}");
        }
        assert!(amount("-1").is_err() && amount("1e3").is_err() && amount(&"9".repeat(79)).is_err());
    }
}
