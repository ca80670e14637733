//! Merkle roots of 65,536 leaves of 32 bytes: a batch is one tree, and its rate is trees a second.

use assay_core::samples::{Sample, Spec};
use assay_scheme::{Hash, Parameters, Row};
use bitcoin_hashes::{Hash as _, sha256d};
use sha2::Digest as _;

use crate::contest::{Case, Contestant};

/// Leaves of a tree.
const LEAVES: usize = 65_536;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |row: Row, hash: Hash, peers: for<'a> fn(&'a [Sample]) -> Vec<Contestant<'a>>| Case {
        parameters: Parameters::hashed(hash),
        ..Case::new(row, hash.name(), Spec { group: LEAVES, ..Spec::default() }, peers)
    };
    vec![
        case(Row::MerkleDuplicateLast, Hash::Sha256, sha256),
        case(Row::MerkleDuplicateLast, Hash::Sha256d, bitcoin),
        case(Row::MerkleRfc6962, Hash::Sha256, rfc6962),
        case(Row::MerkleDuplicateLast, Hash::Keccak256, keccak),
    ]
}

fn leaves(samples: &[Sample]) -> impl Iterator<Item = [u8; 32]> + '_ {
    samples[0].messages.iter().map(|leaf| leaf[..].try_into().expect("32 bytes"))
}

#[derive(Clone)]
struct Keccak;

impl rs_merkle::Hasher for Keccak {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        sha3::Keccak256::digest(data).into()
    }
}

fn rs_merkle_root<H: rs_merkle::Hasher<Hash = [u8; 32]>>(samples: &[Sample]) -> Vec<u8> {
    let leaves: Vec<_> = leaves(samples).collect();
    rs_merkle::MerkleTree::<H>::from_leaves(&leaves).root().expect("a tree with leaves").to_vec()
}

fn sha256(samples: &[Sample]) -> Vec<Contestant<'_>> {
    hashtree_rs::init();
    vec![
        Contestant::peer("rs_merkle", move || rs_merkle_root::<rs_merkle::algorithms::Sha256>(samples)),
        Contestant::peer("hashtree-rs", move || {
            let mut level: Vec<u8> = leaves(samples).flatten().collect();
            while level.len() > 32 {
                let mut above = vec![0; level.len() / 2];
                hashtree_rs::hash(&mut above, &level, level.len() / 64);
                level = above;
            }
            level
        }),
    ]
}

fn keccak(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![Contestant::peer("rs_merkle", move || rs_merkle_root::<Keccak>(samples))]
}

/// Level by level with the hash that the bitcoin crate's tree is made of.
fn bitcoin(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![Contestant::peer("bitcoin_hashes", move || {
        let mut level: Vec<_> = leaves(samples).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| sha256d::Hash::hash(&pair.concat()).to_byte_array()).collect();
        }
        level[0].to_vec()
    })]
}

fn rfc6962(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![Contestant::peer("ct-merkle", move || {
        let mut tree = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
        samples[0].messages.iter().for_each(|leaf| tree.push(leaf.clone()));
        tree.root().as_bytes().to_vec()
    })]
}
