//! XuperChain's transactions and blocks, whatever they were read from (xupercore `bcs/ledger/xledger/xldgpb/xledger.proto`,
//! `protos/ledger.proto`, `protos/contract.proto`).

use std::collections::BTreeMap;

/// An output that is spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The transaction that made it.
    pub ref_txid: Vec<u8>,
    /// Its place there.
    pub ref_offset: i32,
    /// Its owner.
    pub from_addr: Vec<u8>,
    /// How much, big-endian.
    pub amount: Vec<u8>,
    /// Until when it is frozen.
    pub frozen_height: i64,
}

/// An output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// How much, big-endian.
    pub amount: Vec<u8>,
    /// Its owner.
    pub to_addr: Vec<u8>,
    /// Until when it is frozen.
    pub frozen_height: i64,
}

/// A key that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputExt {
    /// Its bucket.
    pub bucket: String,
    /// The key.
    pub key: Vec<u8>,
    /// The transaction that wrote it.
    pub ref_txid: Vec<u8>,
    /// Its place there.
    pub ref_offset: i32,
}

/// A key that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputExt {
    /// Its bucket.
    pub bucket: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// A contract's call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The module.
    pub module_name: String,
    /// The contract.
    pub contract_name: String,
    /// The method.
    pub method_name: String,
    /// Its arguments.
    pub args: BTreeMap<String, Vec<u8>>,
    /// Resources, as (type, limit).
    pub limits: Vec<(i32, i64)>,
    /// What is paid to the contract, decimal.
    pub amount: String,
}

/// A signature with its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The key's JSON, as it stands.
    pub public_key: String,
    /// The signature, DER.
    pub sign: Vec<u8>,
}

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The id stated.
    pub txid: Vec<u8>,
    /// What it spends.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<Output>,
    /// A description.
    pub desc: Vec<u8>,
    /// Whether it is a block's reward.
    pub coinbase: bool,
    /// What makes it unique.
    pub nonce: String,
    /// Nanoseconds.
    pub timestamp: i64,
    /// Which encoding: 1 and 2 are lines of JSON, 3 is binary.
    pub version: i32,
    /// Whether the chain made it.
    pub autogen: bool,
    /// What contracts read.
    pub inputs_ext: Vec<InputExt>,
    /// What contracts wrote.
    pub outputs_ext: Vec<OutputExt>,
    /// Contracts' calls.
    pub requests: Vec<Request>,
    /// Who asks: an address or an account.
    pub initiator: String,
    /// Who else must sign, as account/address or address.
    pub auth_require: Vec<String>,
    /// The initiator's signatures.
    pub initiator_signs: Vec<Signed>,
    /// The others' signatures, one each.
    pub auth_require_signs: Vec<Signed>,
    /// A unified signature: keys and signature.
    pub xuper_sign: Option<(Vec<Vec<u8>>, Vec<u8>)>,
    /// Key and hash of hierarchical encryption.
    pub hd_info: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether a supervisor changed it after it was signed.
    pub modified: bool,
}

/// A vote in a quorum certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QcVote {
    /// Who votes.
    pub address: String,
    /// The key's JSON.
    pub public_key: String,
    /// The signature, DER, over the proposal's id.
    pub sign: Vec<u8>,
}

/// A chained-HotStuff quorum certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Justify {
    /// The block it certifies.
    pub proposal_id: Vec<u8>,
    /// Its message.
    pub proposal_msg: Vec<u8>,
    /// The phase.
    pub kind: i32,
    /// The view.
    pub view_number: i64,
    /// The votes.
    pub votes: Vec<QcVote>,
}

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The id stated.
    pub blockid: Vec<u8>,
    /// The header's fields, where the file has them all.
    pub header: Option<Header>,
    /// The miner's key, JSON.
    pub pubkey: Vec<u8>,
    /// The miner's signature, DER, over the id.
    pub sign: Vec<u8>,
    /// The miner's address.
    pub proposer: Vec<u8>,
    /// The block's height.
    pub height: i64,
    /// The transactions' tree, leaves first, where the file has it; absent nodes are empty.
    pub merkle_tree: Vec<Vec<u8>>,
    /// Its transactions, where the file has them.
    pub transactions: Vec<Transaction>,
    /// The certificate of the block before.
    pub justify: Option<Justify>,
}

/// What a block's id covers besides key, proposer and certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The format's version.
    pub version: i32,
    /// The work's nonce.
    pub nonce: i32,
    /// How many transactions.
    pub tx_count: i32,
    /// Nanoseconds.
    pub timestamp: i64,
    /// The block before.
    pub pre_hash: Vec<u8>,
    /// The transactions' root.
    pub merkle_root: Vec<u8>,
    /// Why transactions failed, by their id.
    pub failed_txs: BTreeMap<String, String>,
    /// The term.
    pub cur_term: i64,
    /// The block's number in the term.
    pub cur_block_num: i64,
    /// The work's target.
    pub target_bits: i32,
}
