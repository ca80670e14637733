//! Bytes to blocks and transactions, and what a block must satisfy without any signature.

use bitcoin::consensus::Decodable;
use bitcoin::consensus::encode::Error;
use bitcoin::hashes::Hash;
use bitcoin::{Transaction, Txid};

use super::{merkle, pow};
use crate::hash::sha256d;
use crate::input::{InputError, Reader};

/// A transaction takes at least this many bytes: version, two counts, one input, lock time.
const TRANSACTION_BYTES_MIN: usize = 4 + 1 + 41 + 1 + 4;

/// The marker of the output that commits to the witnesses (BIP-141, commitment structure).
const COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

/// A parsed block. Nothing about it has been checked.
#[derive(Debug)]
pub struct Block {
    /// The header as it is hashed.
    pub header: [u8; 80],
    /// The transactions, the coinbase first.
    pub transactions: Vec<Transaction>,
    /// Their ids.
    pub txids: Vec<Txid>,
}

/// Takes one transaction off the reader.
fn transaction(reader: &mut Reader<'_>) -> Result<Transaction, InputError> {
    let start = reader.offset();
    let mut rest = reader.rest();
    let before = rest.len();
    let transaction = Transaction::consensus_decode_from_finite_reader(&mut rest).map_err(|error| {
        let what = match error {
            // A slice knows no other fault of reading than its end.
            Error::Io(_) => "the bytes end within a transaction".to_owned(),
            error => format!("transaction: {error}"),
        };
        InputError::new(start + before - rest.len(), what)
    })?;
    reader.take(before - rest.len())?;
    Ok(transaction)
}

/// Transactions back to back, as many as the bytes hold.
///
/// # Errors
/// Where and why the bytes are not that.
pub fn transactions(bytes: &[u8]) -> Result<Vec<Transaction>, InputError> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    while !reader.is_empty() {
        out.push(transaction(&mut reader)?);
    }
    Ok(out)
}

/// A number as Bitcoin's CompactSize writes it, in the shortest form alone.
fn compact_size(reader: &mut Reader<'_>) -> Result<u64, InputError> {
    let (value, shortest) = match reader.u8()? {
        0xfd => (u64::from(u16::from_le_bytes(reader.array()?)), 0xfd),
        0xfe => (u64::from(reader.u32_le()?), 0x1_0000),
        0xff => (u64::from_le_bytes(reader.array()?), 0x1_0000_0000),
        byte => (u64::from(byte), 0),
    };
    if value < shortest { Err(reader.error("a count that is not in its shortest form")) } else { Ok(value) }
}

impl Block {
    /// A block that is exactly these bytes.
    ///
    /// # Errors
    /// Where and why they are not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let mut reader = Reader::new(bytes);
        let header = reader.array()?;
        let count = compact_size(&mut reader)?;
        let most = reader.rest().len() / TRANSACTION_BYTES_MIN;
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= most)
            .ok_or_else(|| reader.error(format!("{count} transactions do not fit the bytes that are left")))?;
        let mut transactions = Vec::with_capacity(count);
        for _ in 0..count {
            transactions.push(transaction(&mut reader)?);
        }
        if !reader.is_empty() {
            return Err(reader.error("bytes after the block"));
        }
        let txids = transactions.iter().map(Transaction::compute_txid).collect();
        Ok(Self { header, transactions, txids })
    }

    /// The header's hash in display order.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(pow::header_hash(&self.header))
    }

    /// The height that the coinbase states (BIP-34): a version of 2 or more, and a script that begins with the push of a
    /// number that is not negative, in at most four bytes.
    #[must_use]
    pub fn stated_height(&self) -> Option<u32> {
        let version = i32::from_le_bytes(self.header[..4].try_into().expect("four bytes"));
        let script = self.transactions.first()?.input.first()?.script_sig.as_bytes();
        if version < 2 {
            return None;
        }
        match script {
            [0, ..] => Some(0),
            [op @ 0x51..=0x60, ..] => Some(u32::from(op - 0x50)),
            [len @ 1..=4, rest @ ..] => {
                let bytes = rest.get(..usize::from(*len))?;
                if bytes.last().is_some_and(|last| last & 0x80 != 0) {
                    return None;
                }
                Some(bytes.iter().rev().fold(0, |height, byte| height << 8 | u32::from(*byte)))
            }
            _ => None,
        }
    }

    /// The first transaction is a coinbase and no other is (Core `validation.cpp`, `CheckBlock`).
    ///
    /// # Errors
    /// Which transaction is wrong.
    pub fn check_coinbase(&self) -> Result<(), String> {
        match self.transactions.split_first() {
            None => Err("no transactions".into()),
            Some((first, _)) if !first.is_coinbase() => Err("transaction 0 is not a coinbase".into()),
            Some((_, others)) => match others.iter().position(Transaction::is_coinbase) {
                Some(at) => Err(format!("transaction {} is a second coinbase", at + 1)),
                None => Ok(()),
            },
        }
    }

    /// The header's Merkle root is the transactions', and the transactions are not one of two lists with this root; for
    /// each of the two, why not.
    pub fn check_merkle(&self) -> (Result<(), String>, Result<(), String>) {
        let tree = merkle::root(self.txids.iter().map(|txid| txid.to_byte_array()).collect());
        let root = if tree.root == self.header[36..68] {
            Ok(())
        } else {
            Err("the transactions have another root than the header says".into())
        };
        let unique = if tree.mutated {
            Err("neighbours in the tree are equal: another list has the same root (CVE-2012-2459)".into())
        } else {
            Ok(())
        };
        (root, unique)
    }

    /// The coinbase commits to the witnesses (BIP-141, commitment structure); `None` where there are no witnesses and no
    /// commitment, so that nothing is to be checked.
    #[must_use]
    pub fn check_witnesses(&self) -> Option<Result<(), String>> {
        let coinbase = self.transactions.first()?;
        // Of several outputs of that form the last one counts.
        let commitment = coinbase.output.iter().rev().find_map(|output| {
            let script = output.script_pubkey.as_bytes();
            script.strip_prefix(&COMMITMENT)?.get(..32)
        });
        let Some(commitment) = commitment else {
            let bearer =
                self.transactions.iter().position(|tx| tx.input.iter().any(|input| !input.witness.is_empty()))?;
            return Some(Err(format!("transaction {bearer} has a witness and the coinbase commits to none")));
        };
        let witness = &coinbase.input.first()?.witness;
        let reserved = match (witness.len(), witness.nth(0)) {
            (1, Some(reserved)) if reserved.len() == 32 => reserved,
            // Before segregated witness was active a commitment bound nobody.
            (0, _) if !self.transactions.iter().any(has_witness) => return None,
            _ => return Some(Err("the coinbase's witness is not one element of 32 bytes".into())),
        };
        // The coinbase's own hash counts as zero.
        let mut leaves = vec![[0; 32]];
        leaves.extend(self.transactions[1..].iter().map(|tx| tx.compute_wtxid().to_byte_array()));
        let tree = merkle::root(leaves);
        Some(if sha256d(&[&tree.root[..], reserved].concat()) == commitment {
            Ok(())
        } else {
            Err("the witnesses have another root than the coinbase commits to".into())
        })
    }
}

fn has_witness(transaction: &Transaction) -> bool {
    transaction.input.iter().any(|input| !input.witness.is_empty())
}
