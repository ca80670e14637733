//! Items of the rows whose keys are no keys: proofs against roots, and headers with their work.

use assay_scheme::registry::Messages;
use assay_scheme::{Hash, Row};

use super::{Sample, sign};
use crate::merkle::{self, Proof};
use crate::reference;

/// Bitcoin's first block's header, whose hash is a share of every difficulty up to 2,536.
const GENESIS: [u8; 80] = {
    let mut header = [0; 80];
    header[0] = 1;
    let root = *b"\x3b\xa3\xed\xfd\x7a\x7b\x12\xb2\x7a\xc7\x2c\x3e\x67\x76\x8f\x61\x7f\xc8\x1b\xc3\x88\x8a\x51\x32\x3a\x9f\xb8\xaa\x4b\x1e\x5e\x4a";
    let tail = *b"\x29\xab\x5f\x49\xff\xff\x00\x1d\x1d\xac\x2b\x7c";
    let mut at = 0;
    while at < 32 {
        header[36 + at] = root[at];
        at += 1;
    }
    at = 0;
    while at < 12 {
        header[68 + at] = tail[at];
        at += 1;
    }
    header
};
const GENESIS_DIFFICULTY_MAX: u64 = 2_536;

/// The easiest target that nBits can say with a positive sign: half of all hashes meet it (Bitcoin's regtest).
const EASIEST_BITS: u32 = 0x207f_ffff;
const NO_LIMIT: [u8; 32] = [0xff; 32];

/// The row of roots that a row of proofs is against.
fn root_row(row: Row) -> Option<Row> {
    Row::ALL.into_iter().find(|root| merkle::proof_row(*root) == Some(row))
}

/// An item of such a row; `None` for any other row. `group` is the number of leaves.
pub(super) fn sample(row: Row, seed: u64, group: usize, index: usize) -> Option<Sample> {
    let mut bytes = sign::stream(seed, row, "message", index as u64);
    match row {
        Row::PowBitcoinHeader => {
            let mut header = [0; 80];
            bytes.fill(&mut header[..68]);
            header[72..76].copy_from_slice(&EASIEST_BITS.to_le_bytes());
            let mined = (0_u32..).find_map(|nonce| {
                header[76..].copy_from_slice(&nonce.to_le_bytes());
                let hash = reference::hash(Hash::Sha256d, &header);
                crate::pow::header(&NO_LIMIT, &header, &hash).is_ok().then_some(header)
            });
            let header = mined.expect("every second hash meets the easiest target");
            Some(Sample {
                keys: vec![NO_LIMIT.to_vec()],
                signature: Vec::new(),
                messages: vec![header.to_vec()],
                valid: true,
            })
        }
        Row::PowBitcoinShare => {
            let difficulty = index as u64 % GENESIS_DIFFICULTY_MAX + 1;
            let keys = vec![difficulty.to_le_bytes().to_vec()];
            Some(Sample { keys, signature: Vec::new(), messages: vec![GENESIS.to_vec()], valid: true })
        }
        _ => {
            let Messages::Leaves(hashes) = row.operation().messages else { return None };
            let hash = |input: &[u8]| reference::hash(hashes[0], input);
            let leaves: Vec<[u8; 32]> = (0..group.max(1))
                .map(|_| {
                    let mut leaf = [0; 32];
                    bytes.fill(&mut leaf);
                    leaf
                })
                .collect();
            let place = index % leaves.len();
            let proof = match root_row(row) {
                Some(root) => merkle::prove(root, &hash, &leaves[..], place),
                None if row == Row::MerkleRfc6962Consistency => {
                    merkle::prove_consistency(&hash, &leaves[..], place + 1)
                }
                None => return None,
            };
            let Proof { key, signature, entries, .. } = proof.expect("the place is one of the tree's");
            Some(Sample { keys: vec![key], signature, messages: entries, valid: true })
        }
    }
}
