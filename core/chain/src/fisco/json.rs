//! RPC JSON of FISCO BCOS 2.x and 3.x into blocks: `getBlockByNumber`, `getBlockHeaderByNumber` and the like, with or without
//! their envelope, one or a list of them.

use alloy_rlp::Encodable;
use serde::Deserialize;

use super::suite::Generation;
use super::tars::TransactionData;
use crate::input::{InputError, hex_array, json_error};
use crate::rlp;

/// Headers older than this are a release candidate's, whose hash covers other bytes (`BlockVersion::V3_0_VERSION`).
const V3_0_0: u64 = 0x0300_0000;
/// Envelopes around a block: `result`, `header`.
const ENVELOPES_MAX: usize = 3;

/// A number, or one in quotes: hexadecimal with 0x, else decimal.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Text(String),
}

#[derive(Deserialize)]
struct JsonSignature {
    #[serde(alias = "sealerIndex")]
    index: Number,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonParent {
    block_hash: String,
    block_number: Number,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonTransaction {
    Hash(String),
    Full(Box<JsonFull>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonTransactionSignature {
    Text(String),
    Parts { signature: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonFull {
    hash: String,
    from: Option<String>,
    nonce: Number,
    to: Option<String>,
    input: String,
    block_limit: Number,
    signature: JsonTransactionSignature,
    // v2
    gas: Option<Number>,
    value: Option<Number>,
    chain_id: Option<Number>,
    group_id: Option<Number>,
    // v3 and v2
    gas_price: Option<Number>,
    extra_data: Option<String>,
    // v3
    version: Option<Number>,
    #[serde(rename = "chainID")]
    chain: Option<String>,
    #[serde(rename = "groupID")]
    group: Option<String>,
    abi: Option<String>,
    gas_limit: Option<Number>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    extension: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Number>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonBlock {
    result: Option<Box<JsonBlock>>,
    header: Option<Box<JsonBlock>>,
    number: Option<Number>,
    hash: Option<String>,
    sealer: Option<Number>,
    sealer_list: Option<Vec<String>>,
    signature_list: Option<Vec<JsonSignature>>,
    consensus_weights: Option<Vec<Number>>,
    state_root: Option<String>,
    receipts_root: Option<String>,
    timestamp: Option<Number>,
    gas_used: Option<Number>,
    transactions: Option<Vec<JsonTransaction>>,
    // v2
    parent_hash: Option<String>,
    transactions_root: Option<String>,
    db_hash: Option<String>,
    logs_bloom: Option<String>,
    gas_limit: Option<Number>,
    // v3
    version: Option<Number>,
    parent_info: Option<Vec<JsonParent>>,
    txs_root: Option<String>,
    extra_data: Option<ExtraData>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ExtraData {
    Text(String),
    List(Vec<String>),
}

/// A vote: which sealer, by place, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The sealer's place.
    pub sealer: u64,
    /// Its signature.
    pub signature: Vec<u8>,
}

/// A transaction as RPC shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The hash stated.
    pub hash: [u8; 32],
    /// What else is known of it, where more than its hash is given.
    pub full: Option<Full>,
}

/// A transaction's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// The sender stated.
    pub from: Option<[u8; 20]>,
    /// What may have been signed: RPC shows a v3 nonce as it is or in hex.
    pub signed: Vec<Vec<u8>>,
    /// v2: what the transaction's hash covers, as RLP items that the signature's follow.
    pub fields: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Ethereum's own transaction, which is signed otherwise.
    pub foreign: bool,
}

/// A block or a header.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "JsonBlock")]
pub struct Block {
    /// Which rules.
    pub generation: Generation,
    /// Its height.
    pub number: u64,
    /// The hash stated, which is what sealers sign.
    pub hash: [u8; 32],
    /// What the hash covers; `None` for a release candidate of v3.
    pub preimage: Option<Vec<u8>>,
    /// The transactions' root.
    pub root: [u8; 32],
    /// The sealers' keys.
    pub sealers: Vec<[u8; 64]>,
    /// Their weights.
    pub weights: Vec<u64>,
    /// Who signed.
    pub votes: Vec<Vote>,
    /// Its transactions, where the file has them.
    pub transactions: Option<Vec<Transaction>>,
}

type Result<T> = std::result::Result<T, String>;

fn bytes(text: &str) -> Result<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| format!("hex: {error}"))
}

fn array<const N: usize>(text: &str, what: &str) -> Result<[u8; N]> {
    hex_array(text).ok_or_else(|| format!("{what} is not {N} bytes in hex"))
}

fn wanted<T>(value: Option<T>, what: &str) -> Result<T> {
    value.ok_or_else(|| format!("{what} is missing"))
}

impl Number {
    /// 64 bits.
    fn u64(&self, what: &str) -> Result<u64> {
        let parsed = match self {
            Self::Plain(number) => Some(*number),
            Self::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
        };
        parsed.ok_or_else(|| format!("{what} is not a number of 64 bits"))
    }

    /// Up to 256 bits, big-endian without leading zeros, as RLP writes it.
    fn integer(&self, what: &str) -> Result<Vec<u8>> {
        let digits = match self {
            Self::Text(text) if text.starts_with("0x") => &text[2..],
            _ => return Ok(trimmed(&self.u64(what)?.to_be_bytes())),
        };
        if digits.is_empty() || digits.len() > 64 {
            return Err(format!("{what} is not a number of 256 bits"));
        }
        let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
        Ok(trimmed(&hex::decode(even).map_err(|error| format!("{what}: {error}"))?))
    }

    /// As it stands.
    fn text(&self) -> String {
        match self {
            Self::Plain(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes[bytes.iter().take_while(|byte| **byte == 0).count()..].to_vec()
}

/// Bytes as an RLP item behind what is there.
fn item(out: &mut Vec<u8>, bytes: &[u8]) {
    bytes.encode(out);
}

/// The blocks of a file. A block is put into its type as soon as it is parsed, so that a list of nothings takes no memory.
///
/// # Errors
/// Where the JSON is broken or a block lacks something, and what.
pub fn blocks(text: &[u8]) -> std::result::Result<Vec<Block>, InputError> {
    let blocks = if text.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(text)
    } else {
        serde_json::from_slice(text).map(|block| vec![block])
    };
    blocks.map_err(|error| json_error(text, &error))
}

impl TryFrom<JsonBlock> for Block {
    type Error = String;

    fn try_from(block: JsonBlock) -> Result<Self> {
        unwrapped(block)?.typed()
    }
}

fn unwrapped(mut block: JsonBlock) -> Result<JsonBlock> {
    for _ in 0..ENVELOPES_MAX {
        match block.result.take().or(block.header.take()) {
            Some(inner) => block = *inner,
            None => return Ok(block),
        }
    }
    Err("more envelopes than RPC makes".to_owned())
}

impl JsonBlock {
    fn typed(self) -> Result<Block> {
        let generation = match (&self.db_hash, &self.txs_root) {
            (Some(_), _) => Generation::V2,
            (None, Some(_)) => Generation::V3,
            (None, None) => return Err("neither dbHash (v2) nor txsRoot (v3)".to_owned()),
        };
        let sealers = wanted(self.sealer_list.as_ref(), "sealerList")?;
        let sealers: Vec<[u8; 64]> = sealers.iter().map(|key| array(key, "a sealer")).collect::<Result<_>>()?;
        let preimage = match generation {
            Generation::V2 => Some(self.preimage_v2(&sealers)?),
            Generation::V3 => self.preimage_v3(&sealers)?,
        };
        let weights = match &self.consensus_weights {
            // v2 has none: each sealer counts once.
            None => vec![1; sealers.len()],
            Some(weights) => weights.iter().map(|weight| weight.u64("a weight")).collect::<Result<_>>()?,
        };
        if weights.len() != sealers.len() {
            return Err(format!("{} weights of {} sealers", weights.len(), sealers.len()));
        }
        let votes =
            self.signature_list.iter().flatten().map(|vote| {
                Ok(Vote { sealer: vote.index.u64("a sealer's index")?, signature: bytes(&vote.signature)? })
            });
        let votes = votes.collect::<Result<_>>()?;
        let root = self.transactions_root.as_ref().or(self.txs_root.as_ref());
        Ok(Block {
            generation,
            number: wanted(self.number.as_ref(), "number")?.u64("number")?,
            hash: array(wanted(self.hash.as_deref(), "hash")?, "hash")?,
            preimage,
            root: array(wanted(root, "transactionsRoot")?, "the transactions' root")?,
            sealers,
            weights,
            votes,
            transactions: self
                .transactions
                .map(|list| list.into_iter().map(|transaction| transaction.typed(generation)).collect::<Result<_>>())
                .transpose()?,
        })
    }

    /// v2.9.1 `libethcore/BlockHeader.cpp`, `streamRLPFields`.
    fn preimage_v2(&self, sealers: &[[u8; 64]]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for (field, what) in [
            (&self.parent_hash, "parentHash"),
            (&self.state_root, "stateRoot"),
            (&self.transactions_root, "transactionsRoot"),
            (&self.receipts_root, "receiptsRoot"),
            (&self.db_hash, "dbHash"),
        ] {
            item(&mut out, &array::<32>(wanted(field.as_deref(), what)?, what)?);
        }
        item(&mut out, &array::<256>(wanted(self.logs_bloom.as_deref(), "logsBloom")?, "logsBloom")?);
        let numbers = [
            (&self.number, "number"),
            (&self.gas_limit, "gasLimit"),
            (&self.gas_used, "gasUsed"),
            (&self.timestamp, "timestamp"),
        ];
        for (field, what) in numbers {
            item(&mut out, &wanted(field.as_ref(), what)?.integer(what)?);
        }
        let extra: &[String] = match &self.extra_data {
            Some(ExtraData::List(list)) => list,
            _ => &[],
        };
        let extra: Vec<Vec<u8>> = extra.iter().map(|text| bytes(text)).collect::<Result<_>>()?;
        out.extend(list(&extra));
        item(&mut out, &wanted(self.sealer.as_ref(), "sealer")?.integer("sealer")?);
        out.extend(list(sealers));
        Ok(rlp::list(&[&out]))
    }

    /// `bcos-tars-protocol/impl/TarsHashable.h`; `None` for release candidates.
    fn preimage_v3(&self, sealers: &[[u8; 64]]) -> Result<Option<Vec<u8>>> {
        let version = wanted(self.version.as_ref(), "version")?.u64("version")?;
        if version < V3_0_0 {
            return Ok(None);
        }
        let number = |field: &Option<Number>, what: &str| wanted(field.as_ref(), what)?.u64(what);
        let root = |field: &Option<String>, what: &str| array::<32>(wanted(field.as_deref(), what)?, what);
        let version = u32::try_from(version).map_err(|_| "version is not a number of 32 bits".to_owned())?;
        let mut out = version.to_be_bytes().to_vec();
        for parent in wanted(self.parent_info.as_ref(), "parentInfo")? {
            out.extend(parent.block_number.u64("a parent's number")?.to_be_bytes());
            out.extend(array::<32>(&parent.block_hash, "a parent's hash")?);
        }
        out.extend(root(&self.txs_root, "txsRoot")?);
        out.extend(root(&self.receipts_root, "receiptsRoot")?);
        out.extend(root(&self.state_root, "stateRoot")?);
        out.extend(number(&self.number, "number")?.to_be_bytes());
        // The one number that is hashed as it is written.
        out.extend(wanted(self.gas_used.as_ref(), "gasUsed")?.text().as_bytes());
        out.extend(number(&self.timestamp, "timestamp")?.to_be_bytes());
        out.extend(number(&self.sealer, "sealer")?.to_be_bytes());
        sealers.iter().for_each(|sealer| out.extend_from_slice(sealer));
        if let Some(ExtraData::Text(text)) = &self.extra_data {
            out.extend(bytes(text)?);
        }
        for weight in self.consensus_weights.iter().flatten() {
            out.extend(weight.u64("a weight")?.to_be_bytes());
        }
        Ok(Some(out))
    }
}

/// A list of byte strings in RLP.
fn list<B: AsRef<[u8]>>(strings: &[B]) -> Vec<u8> {
    let mut items = Vec::new();
    strings.iter().for_each(|string| item(&mut items, string.as_ref()));
    rlp::list(&[&items])
}

impl JsonTransaction {
    fn typed(self, generation: Generation) -> Result<Transaction> {
        match self {
            Self::Hash(hash) => Ok(Transaction { hash: array(&hash, "a transaction's hash")?, full: None }),
            Self::Full(full) => {
                let hash = array(&full.hash, "a transaction's hash")?;
                let typed = match generation {
                    Generation::V2 => full.typed_v2(),
                    Generation::V3 => full.typed_v3(),
                };
                let typed = typed.map_err(|why| format!("transaction {}: {why}", hex::encode(hash)))?;
                Ok(Transaction { hash, full: Some(typed) })
            }
        }
    }
}

impl JsonFull {
    fn signature(&self) -> Result<Vec<u8>> {
        match &self.signature {
            JsonTransactionSignature::Text(signature) | JsonTransactionSignature::Parts { signature } => {
                bytes(signature)
            }
        }
    }

    fn from(&self) -> Result<Option<[u8; 20]>> {
        self.from.as_deref().map(|from| array(from, "from")).transpose()
    }

    /// v2.9.1 `libethcore/Transaction.cpp`, `encode`.
    fn typed_v2(&self) -> Result<Full> {
        let mut fields = Vec::new();
        let number = |field: &Option<Number>, what: &str| wanted(field.as_ref(), what)?.integer(what);
        item(&mut fields, &self.nonce.integer("nonce")?);
        item(&mut fields, &number(&self.gas_price, "gasPrice")?);
        item(&mut fields, &number(&self.gas, "gas")?);
        item(&mut fields, &self.block_limit.integer("blockLimit")?);
        let to: Option<[u8; 20]> = self.to.as_deref().map(|to| array(to, "to")).transpose()?;
        // RPC shows a contract's creation as a call of the zero address.
        item(&mut fields, to.filter(|to| *to != [0; 20]).as_ref().map_or(&[], |to| &to[..]));
        item(&mut fields, &number(&self.value, "value")?);
        item(&mut fields, &bytes(&self.input)?);
        item(&mut fields, &number(&self.chain_id, "chainId")?);
        item(&mut fields, &number(&self.group_id, "groupId")?);
        item(&mut fields, &bytes(self.extra_data.as_deref().unwrap_or_default())?);
        let signed = vec![rlp::list(&[&fields])];
        Ok(Full { from: self.from()?, signed, fields, signature: self.signature()?, foreign: false })
    }

    fn typed_v3(&self) -> Result<Full> {
        let version = wanted(self.version.as_ref(), "version")?.u64("version")?;
        let limit = |number: &Number, what: &str| {
            number
                .u64(what)
                .and_then(|limit| i64::try_from(limit).map_err(|_| format!("{what} is not a number of 63 bits")))
        };
        let text = |field: &Option<String>| field.clone().unwrap_or_default().into_bytes();
        let data = TransactionData {
            version: i32::try_from(version).map_err(|_| "version is not a number of 31 bits".to_owned())?,
            chain_id: text(&self.chain),
            group_id: text(&self.group),
            block_limit: limit(&self.block_limit, "blockLimit")?,
            nonce: self.nonce.text().into_bytes(),
            to: text(&self.to),
            input: bytes(&self.input)?,
            abi: text(&self.abi),
            value: self.value.as_ref().map(Number::text).unwrap_or_default().into_bytes(),
            gas_price: self.gas_price.as_ref().map(Number::text).unwrap_or_default().into_bytes(),
            gas_limit: self.gas_limit.as_ref().map_or(Ok(0), |number| limit(number, "gasLimit"))?,
            max_fee_per_gas: text(&self.max_fee_per_gas),
            max_priority_fee_per_gas: text(&self.max_priority_fee_per_gas),
            extension: self.extension.as_deref().map_or(Ok(Vec::new()), bytes)?,
        };
        let mut signed = vec![data.preimage()];
        if let Ok(nonce) = bytes(&self.nonce.text()) {
            signed.push(TransactionData { nonce, ..data }.preimage());
        }
        let foreign = self.kind.as_ref().map_or(Ok(0), |kind| kind.u64("type"))? != 0;
        Ok(Full { from: self.from()?, signed, fields: Vec::new(), signature: self.signature()?, foreign })
    }
}
