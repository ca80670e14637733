//! FISCO BCOS', XuperChain's and Neo's files, and receipts: any bytes through each profile, as [`crate::chains`] does it.

use assay_chain::Options;

use crate::chains::{bounded, hex_fields, read, vector};

fn run(chain: &str, network: Option<&str>, data: &[u8]) -> u64 {
    let options = Options { network: network.map(str::to_owned), ..Options::default() };
    bounded(data, || read(chain, &options, data))
}

/// FISCO BCOS' JSON, transactions in tars and in RLP.
///
/// # Panics
/// When a property does not hold; so each of these.
pub fn fisco_bcos(data: &[u8]) -> u64 {
    run("fisco-bcos", None, data)
}

/// XuperChain's JSON.
pub fn xuperchain(data: &[u8]) -> u64 {
    run("xuperchain", None, data)
}

/// Neo N3's dumps and blocks.
pub fn neo(data: &[u8]) -> u64 {
    run("neo", Some("42"), data)
}

/// Neo 2's blocks.
pub fn neo2(data: &[u8]) -> u64 {
    run("neo", Some("neo2"), data)
}

/// Receipts and proofs of notarised documents.
pub fn evidence(data: &[u8]) -> u64 {
    run("evidence", None, data)
}

pub(crate) fn fisco_bcos_seeds() -> Vec<Vec<u8>> {
    let mut seeds = hex_fields("fisco/v3_transactions.json", "raw");
    seeds.extend(hex_fields("fisco/made_transactions.json", "raw"));
    seeds.push(vector("fisco/pbft_signature_lists.json"));
    seeds
}

pub(crate) fn xuperchain_seeds() -> Vec<Vec<u8>> {
    vec![vector("xuperchain/docs_txs_and_block.json")]
}

pub(crate) fn neo_seeds() -> Vec<Vec<u8>> {
    let dump = vector("neo/chain50x2.acc");
    let len = |at: usize| u32::from_le_bytes(dump[at..at + 4].try_into().expect("four bytes")) as usize;
    let second = 8 + len(4);
    let third = second + 4 + len(second);
    // A dump of the first two blocks, and the second alone.
    vec![[&2_u32.to_le_bytes()[..], &dump[4..third]].concat(), dump[second + 4..third].to_vec()]
}

pub(crate) fn neo2_seeds() -> Vec<Vec<u8>> {
    let files = ["neo/neo2_block_1.hex", "neo/neo2_spends.hex"];
    files.map(|file| hex::decode(vector(file).trim_ascii()).expect("hex")).to_vec()
}

pub(crate) fn evidence_seeds() -> Vec<Vec<u8>> {
    let made = String::from_utf8(vector("evidence/made.json")).expect("JSON is text");
    // The first receipt: an object from its key to where its keys' indentation ends.
    let receipt = made.split("\"receipt\": ").nth(1).and_then(|rest| rest.split(",\n   \"proofs\"").next());
    vec![receipt.expect("a receipt").as_bytes().to_vec()]
}
