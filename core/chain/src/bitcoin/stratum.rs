//! Miners' shares: what a pool sent and what a miner answered, into the header whose hash is the share.
//!
//! The fields are stratum's (mining.notify, mining.submit, mining.set_difficulty), as cgminer assembles them: `cgminer.c`,
//! `gen_stratum_work` and `parse_notify` in `util.c`. Numbers are big-endian hex; the previous hash's eight words have their bytes turned
//! over; branches and coinbase parts are bytes as they are hashed.

use serde::Deserialize;

use super::{merkle, pow};
use crate::hash::sha256d;
use crate::input::{InputError, hex_array, json_error};

/// Bytes of a coinbase's four parts together. Larger than any block holds: the rest is a stranger's.
const COINBASE_BYTES_MAX: usize = 1_000_000;
/// Levels of a branch: a block has fewer than 2^32 transactions.
const BRANCH_MAX: usize = 32;

/// A share, put together. Nothing about it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The header as it is hashed.
    pub header: [u8; 80],
    /// The difficulty that the pool had set.
    pub difficulty: u64,
}

#[derive(Deserialize)]
struct JsonShare {
    version: String,
    prev_hash: String,
    coinb1: String,
    coinb2: String,
    extranonce1: String,
    extranonce2: String,
    merkle_branch: Vec<String>,
    nbits: String,
    ntime: String,
    nonce: String,
    difficulty: u64,
}

/// A file: a JSON list of shares.
///
/// # Errors
/// Where the file is not that, or which field of which share is wrong.
pub fn shares(bytes: &[u8]) -> Result<Vec<Share>, InputError> {
    let list: Vec<JsonShare> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
    if list.is_empty() {
        return Err(InputError::new(0, "no shares"));
    }
    list.iter()
        .enumerate()
        .map(|(index, share)| share.assemble().map_err(|what| InputError::new(0, format!("share {index}: {what}"))))
        .collect()
}

fn word(name: &str, text: &str) -> Result<[u8; 4], String> {
    let number: [u8; 4] = hex_array(text).ok_or_else(|| format!("{name} is not eight digits of hex"))?;
    Ok(u32::from_be_bytes(number).to_le_bytes())
}

impl JsonShare {
    fn assemble(&self) -> Result<Share, String> {
        let coinbase = [&self.coinb1, &self.extranonce1, &self.extranonce2, &self.coinb2]
            .map(|part| hex::decode(part).map_err(|error| format!("the coinbase's parts: {error}")));
        let [first, nonce1, nonce2, last] = coinbase;
        let coinbase = [first?, nonce1?, nonce2?, last?].concat();
        if coinbase.len() > COINBASE_BYTES_MAX {
            return Err("the coinbase is larger than a block".into());
        }
        if self.merkle_branch.len() > BRANCH_MAX {
            return Err(format!("a branch of more than {BRANCH_MAX} hashes"));
        }
        let branch = self
            .merkle_branch
            .iter()
            .map(|text| hex_array(text).ok_or("the branch is not hashes of 32 bytes in hex"))
            .collect::<Result<Vec<[u8; 32]>, _>>()?;
        if self.difficulty == 0 {
            return Err("a difficulty of zero".into());
        }
        let mut previous: [u8; 32] = hex_array(&self.prev_hash).ok_or("prev_hash is not 32 bytes of hex")?;
        previous.chunks_exact_mut(4).for_each(<[u8]>::reverse);
        // The coinbase is the first leaf, so every sibling stands to its right.
        let root = merkle::branch_root(sha256d(&coinbase), &branch, 0).ok_or("the branch is too long")?;
        let header = [
            &word("version", &self.version)?[..],
            &previous,
            &root,
            &word("ntime", &self.ntime)?,
            &word("nbits", &self.nbits)?,
            &word("nonce", &self.nonce)?,
        ]
        .concat();
        Ok(Share { header: header.try_into().expect("4 + 32 + 32 + 4 + 4 + 4 bytes"), difficulty: self.difficulty })
    }
}

impl Share {
    /// The share's hash is low enough for its difficulty.
    ///
    /// # Errors
    /// That it is not, with the hash.
    pub fn check(&self) -> Result<(), String> {
        if pow::is_share(&self.header, self.difficulty) {
            return Ok(());
        }
        let hash = hex::encode(pow::header_hash(&self.header));
        Err(format!("the hash {hash} is above the target of difficulty {}", self.difficulty))
    }
}
