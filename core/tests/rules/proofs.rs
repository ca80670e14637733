//! Proofs under each rule: each one made from all leaves is accepted at its place and nowhere else, real and published ones
//! among them; and headers with their work.

use assay_core::merkle::{Proof, ProveError, proof_row, prove, prove_consistency};
use assay_core::reference::hash;
use assay_scheme::registry::{Kind, Messages};
use assay_scheme::{ColumnsBuilder, Hash, Operation, Parameters, Reason, Row, Verdict};
use proptest::prelude::*;

use crate::harness::{Batch, EQUATION, KEY, MESSAGE, SIGNATURE, VALID, run, unhex};
use crate::vectors;

const RULES: [Row; 5] =
    [Row::MerkleDuplicateLast, Row::MerkleRfc6962, Row::MerkleFiscoV3, Row::MerkleFiscoV2, Row::MerklePatricia];

fn hashes(row: Row) -> &'static [Hash] {
    let Messages::Leaves(hashes) = row.operation().messages else { panic!("{} has leaves", row.name()) };
    hashes
}

/// Leaves of 32 bytes that differ, as every rule takes them.
fn leaves(count: usize) -> Vec<[u8; 32]> {
    (0..count).map(|i| hash(Hash::Sha256, &i.to_le_bytes())).collect()
}

fn push(batch: &mut Batch, proof: &Proof) {
    let entries: Vec<&[u8]> = proof.entries.iter().map(Vec::as_slice).collect();
    batch.push_group(&[&proof.key], &proof.signature, &entries);
}

fn verdicts(with: Hash, proofs: &[Proof]) -> Vec<Verdict> {
    let mut batch = Batch::new(proofs[0].row).hash(with);
    proofs.iter().for_each(|proof| push(&mut batch, proof));
    batch.verdicts()
}

fn made(row: Row, with: Hash, leaves: &[[u8; 32]], index: usize) -> Proof {
    prove(row, &|input: &[u8]| hash(with, input), leaves, index).expect("a leaf of the tree")
}

/// The root that the row of roots computes.
fn root(row: Row, with: Hash, leaves: &[[u8; 32]]) -> Vec<u8> {
    let mut batch = Batch::new(row).hash(with);
    batch.push_group(&[], &[], &leaves.iter().map(|leaf| &leaf[..]).collect::<Vec<_>>());
    batch.values().remove(0).expect("a root")
}

#[test]
fn every_leaf_proves_itself_and_no_other() {
    for row in RULES {
        let with = hashes(row)[0];
        for count in (1..35).chain([127, 128, 129, 130, 256, 257, 273]) {
            let tree = leaves(count);
            let root = root(row, with, &tree);
            let proofs: Vec<Proof> = (0..count).map(|index| made(row, with, &tree, index)).collect();
            assert!(proofs.iter().all(|proof| proof.key == root), "{} of {count}", row.name());
            let found = verdicts(with, &proofs);
            assert!(found.iter().all(|verdict| *verdict == VALID), "{} of {count}: {found:?}", row.name());
            // The next leaf's value at this one's place: entry 0, or 1 in a trie.
            let at = usize::from(row == Row::MerklePatricia);
            let mut moved = proofs.clone();
            for (index, proof) in moved.iter_mut().enumerate() {
                proof.entries[at] = tree[(index + 1) % count].to_vec();
            }
            let found = verdicts(with, &moved);
            let refused = |verdict: &Verdict| match verdict {
                // A lone node of duplicate-last says on its own that its sibling is another.
                Verdict::Invalid(Reason::Signature) => row == Row::MerkleDuplicateLast && !count.is_power_of_two(),
                verdict => *verdict == if count == 1 { VALID } else { EQUATION },
            };
            assert!(found.iter().all(refused), "{} of {count}: {found:?}", row.name());
        }
    }
}

#[test]
fn a_place_and_a_path_go_together() {
    for row in RULES.into_iter().filter(|row| *row != Row::MerklePatricia) {
        let with = hashes(row)[0];
        let tree = leaves(23);
        let proofs: Vec<Proof> = (0..23).map(|index| made(row, with, &tree, index)).collect();
        for (index, proof) in proofs.iter().enumerate() {
            let others: Vec<Proof> = (0..23_u64)
                .filter(|other| *other != index as u64)
                .map(|other| {
                    let mut elsewhere = proof.clone();
                    elsewhere.signature[..8].copy_from_slice(&other.to_le_bytes());
                    elsewhere
                })
                .collect();
            assert!(verdicts(with, &others).iter().all(|verdict| *verdict != VALID), "{} {index}", row.name());
            let spoilt = |change: &dyn Fn(&mut Proof)| {
                let mut proof = proof.clone();
                change(&mut proof);
                proof
            };
            let last = proof.entries.len() - 1;
            let wrong = [
                spoilt(&|proof| proof.entries.truncate(last)),
                spoilt(&|proof| proof.entries.push(vec![0; 32])),
                spoilt(&|proof| proof.entries[last].truncate(31)),
                spoilt(&|proof| proof.signature[..8].copy_from_slice(&23_u64.to_le_bytes())),
                spoilt(&|proof| proof.signature.fill(0)),
                spoilt(&|proof| proof.signature[8..].fill(0xff)),
            ];
            assert_eq!(verdicts(with, &wrong), [SIGNATURE; 6], "{} {index}", row.name());
            for entry in 0..=last {
                let found = verdicts(with, &[spoilt(&|proof| proof.entries[entry][7] ^= 1)])[0];
                assert!(matches!(found, EQUATION | SIGNATURE), "{} {index} {entry}: {found}", row.name());
            }
        }
    }
}

/// certificate-transparency, merkle_tree_test.cc: paths and consistency proofs of its eight leaves.
#[test]
fn certificate_transparency() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves = leaves.map(unhex);
    let with = |input: &[u8]| hash(Hash::Sha256, input);
    let paths: [(usize, usize, &[&str]); 3] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ];
    for (index, count, path) in paths {
        let proof = prove(Row::MerkleRfc6962, &with, &leaves[..count], index).expect("a leaf");
        assert_eq!(proof.entries[1..], path.iter().map(|node| unhex(node)).collect::<Vec<_>>(), "{index} of {count}");
        assert_eq!(verdicts(Hash::Sha256, &[proof]), [VALID]);
    }
    let growths: [(usize, usize, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (older, newer, path) in growths {
        let proof = prove_consistency(&with, &leaves[..newer], older).expect("older is not larger");
        assert_eq!(proof.entries, path.iter().map(|node| unhex(node)).collect::<Vec<_>>(), "{older} to {newer}");
        assert_eq!(verdicts(Hash::Sha256, &[proof]), [VALID]);
    }
}

#[test]
fn every_tree_grew_out_of_every_smaller_one() {
    let all = leaves(40);
    let with = |input: &[u8]| hash(Hash::Sm3, input);
    for newer in 0..=all.len() {
        let proofs: Vec<Proof> =
            (0..=newer).map(|older| prove_consistency(&with, &all[..newer], older).expect("not larger")).collect();
        assert_eq!(verdicts(Hash::Sm3, &proofs), vec![VALID; newer + 1], "to {newer}");
        for (older, proof) in proofs.iter().enumerate() {
            for at in 0..proof.key.len() {
                // A tree that grew out of nothing may have any root.
                if at % 32 != 0 || (at == 32 && older == 0 && newer > 0) {
                    continue;
                }
                let mut other = proof.clone();
                other.key[at] ^= 1;
                assert_eq!(verdicts(Hash::Sm3, &[other]), [EQUATION], "{older} to {newer}: root {at}");
            }
            for entry in 0..proof.entries.len() {
                let mut other = proof.clone();
                other.entries[entry][0] ^= 1;
                assert_eq!(verdicts(Hash::Sm3, &[other]), [EQUATION], "{older} to {newer}: node {entry}");
            }
            let mut other = proof.clone();
            other.entries.push(vec![0; 32]);
            assert_eq!(verdicts(Hash::Sm3, &[other]), [SIGNATURE], "{older} to {newer}: a node more");
        }
    }
}

/// Bitcoin block 227835's coinbase branch, and the block's root in its header.
#[test]
fn a_real_branch() {
    let block = vectors::BITCOIN_BLOCK_227835.bytes();
    let (root, ids) = crate::merkle::block_tree(&block);
    let proofs: Vec<Proof> =
        (0..ids.len()).map(|index| made(Row::MerkleDuplicateLast, Hash::Sha256d, &ids, index)).collect();
    assert!(proofs.iter().all(|proof| proof.key == root && proof.entries.len() == 1 + 7), "122 transactions, 7 levels");
    assert_eq!(verdicts(Hash::Sha256d, &proofs), vec![VALID; 122]);
}

/// A real path of FISCO BCOS v3, whose levels give whole families: the same as siblings alone.
#[test]
fn a_real_fisco_path() {
    let vector = vectors::FISCO_V3_PROOF.json();
    let hex32 = |value: &serde_json::Value| unhex(value.as_str().expect("hex"));
    let (leaf, root) = (hex32(&vector["transaction"]), hex32(&vector["root"]));
    let (mut node, mut entries, mut places) = (leaf.clone(), vec![leaf], Vec::new());
    for level in vector["levels"].as_array().expect("levels") {
        let children: Vec<Vec<u8>> = level.as_array().expect("children").iter().map(hex32).collect();
        let own = children.iter().position(|child| *child == node).expect("among them");
        places.push((own, children.len()));
        entries.extend(children.iter().enumerate().filter(|(at, _)| *at != own).map(|(_, child)| child.clone()));
        node = hash(Hash::Keccak256, &children.concat()).to_vec();
    }
    // From the top down: a lone child is the last of an odd level.
    let (mut index, mut width) = (0_u64, 1_u64);
    for (own, family) in places.into_iter().rev() {
        (index, width) = (2 * index + own as u64, 2 * width - u64::from(family == 1));
    }
    let signature = [index.to_le_bytes(), width.to_le_bytes()].concat();
    let proof = Proof { row: Row::MerkleFiscoV3Proof, key: root, signature, entries };
    assert_eq!(verdicts(Hash::Keccak256, std::slice::from_ref(&proof)), [VALID]);
    let mut other = proof;
    other.entries[0][0] ^= 1;
    assert_eq!(verdicts(Hash::Keccak256, &[other]), [EQUATION]);
}

#[test]
fn tries_show_what_they_do_not_hold() {
    for count in [1, 2, 17, 130, 300] {
        let tree = leaves(count);
        let proof = made(Row::MerklePatricia, Hash::Keccak256, &tree, count - 1);
        let claim = |key: &[u8], value: &[u8], nodes: &[Vec<u8>]| {
            let entries = [key.to_vec(), value.to_vec()].into_iter().chain(nodes.iter().cloned()).collect();
            verdicts(Hash::Keccak256, &[Proof { entries, ..proof.clone() }])[0]
        };
        let (key, nodes) = (&proof.entries[0], &proof.entries[2..]);
        let absent = [&key[..], &[0]].concat();
        assert_eq!(claim(&absent, b"", nodes), VALID, "{count}: no key is the beginning of another");
        assert_eq!(claim(&absent, b"something", nodes), EQUATION, "{count}");
        assert_eq!(claim(key, b"", nodes), EQUATION, "{count}: it is there");
        assert_eq!(claim(key, &tree[count - 1], &nodes[..nodes.len() - 1]), SIGNATURE, "{count}: cut");
    }
}

#[test]
fn what_has_no_proof_says_why() {
    let with = |input: &[u8]| hash(Hash::Sha256, input);
    let flat = prove(Row::MerkleFlat, &with, &leaves(3)[..], 0);
    assert_eq!(flat, Err(ProveError::NoProofs(Row::MerkleFlat)));
    assert!(flat.expect_err("none").to_string().contains("one hash over all leaves"));
    assert_eq!(proof_row(Row::MerkleFlat), None);
    let beyond = prove(Row::MerkleRfc6962, &with, &leaves(3)[..], 3);
    assert_eq!(beyond, Err(ProveError::NoSuchLeaf { index: 3, leaves: 3 }));
    let short = prove(Row::MerkleFiscoV3, &with, &[b"short"][..], 0);
    assert_eq!(short, Err(ProveError::Leaves(Reason::Message)));
    assert!(prove_consistency(&with, &leaves(3)[..], 4).is_err());
}

/// Bitcoin's first headers: each one's work, its hash in the next one, and what spoils it.
#[test]
fn bitcoin_headers() {
    let headers = crate::merkle::first_headers();
    assert_eq!(headers.len(), 439);
    let limit = [&[0; 4][..], &[0xff; 28]].concat();
    let mut batch = Batch::new(Row::PowBitcoinHeader);
    headers.iter().for_each(|header| batch.push(&limit, &[], header));
    let values: Vec<_> = batch.values().into_iter().collect::<Result<_, _>>().expect("every one was mined");
    for (header, hash) in headers[1..].iter().zip(&values) {
        assert_eq!(header[4..36], hash[..], "the next header names it");
    }
    let mut shares = Batch::new(Row::PowBitcoinShare);
    let tops: Vec<u64> =
        values.iter().map(|hash| u64::from_be_bytes(std::array::from_fn(|at| hash[31 - at]))).collect();
    for (header, top) in headers.iter().zip(&tops) {
        let most = 0xffff_0000_u64.checked_div(*top).unwrap_or(u64::MAX);
        shares.push(&most.to_le_bytes(), &[], header);
        shares.push(&most.saturating_add(1).to_le_bytes(), &[], header);
        shares.push(&0_u64.to_le_bytes(), &[], header);
    }
    for (at, three) in shares.verdicts().chunks(3).enumerate() {
        assert_eq!(three, [VALID, if tops[at] == 0 { VALID } else { EQUATION }, KEY], "block {at}");
    }
    let mut wrong = Batch::new(Row::PowBitcoinHeader);
    wrong.push(&[0; 32], &[], &headers[0]);
    wrong.push(&limit, &[], &headers[0][..79]);
    let mut other = headers[0].clone();
    other[40] ^= 1;
    wrong.push(&limit, &[], &other);
    wrong.push(&limit[..31], &[], &headers[0]);
    assert_eq!(wrong.verdicts(), [SIGNATURE, MESSAGE, EQUATION, KEY]);
}

fn operations() -> Vec<&'static Operation> {
    Operation::of_kind(Kind::Merkle).chain(Operation::of_kind(Kind::Pow)).filter(|row| row.key_len > 0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes get a verdict, the same however a bundle is cut, and none of them is valid.
    #[test]
    fn any_columns_get_verdicts(
        operation in proptest::sample::select(operations()),
        items in prop::collection::vec(
            (any::<u8>(), prop::collection::vec(any::<u8>(), 16), prop::collection::vec(
                prop_oneof![prop::collection::vec(any::<u8>(), 32), prop::collection::vec(any::<u8>(), 0..40)], 0..6)),
            1..6),
    ) {
        let mut columns = ColumnsBuilder::new(operation);
        for (key, signature, messages) in &items {
            let key = vec![*key; operation.key_len];
            if operation.kind == Kind::Pow {
                columns.push(0, &key, &[], &messages.concat());
                continue;
            }
            // Half of them with small numbers, which may have a path.
            let mut signature = signature.clone();
            if signature[0] & 1 == 0 {
                signature[1..8].fill(0);
                signature[9..].fill(0);
            }
            signature.truncate(operation.signature_len);
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            columns.push_group(0, &[&key], &signature, &messages);
        }
        let hash = match operation.messages {
            Messages::Leaves(hashes) => Some(hashes[0]),
            _ => None,
        };
        let parameters = Parameters { hash, ..Parameters::default() };
        let results = run(parameters, vec![columns.build().expect("items")]);
        for item in 0..results.items() {
            // A key of all ones is no limit and a difficulty of nothing but one.
            prop_assert!(results.verdict(item) != VALID || operation.kind == Kind::Pow);
        }
    }
}
