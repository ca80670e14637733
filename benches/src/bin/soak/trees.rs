//! Trees of any number of leaves, of any length where the rule hashes them.

use assay_core::Bundle;
use assay_scheme::registry::Messages;
use assay_scheme::{ColumnsBuilder, Hash, Kind, Operation, Parameters, Row};

use crate::mutate::{Random, lengths};

/// Whether a row's items are trees of leaves.
pub fn is_of(operation: &Operation) -> bool {
    operation.kind == Kind::Merkle && operation.key_len == 0
}

/// The hashes of a row of trees.
fn hashes(operation: &Operation) -> &'static [Hash] {
    let Messages::Leaves(hashes) = operation.messages else { unreachable!("a row of trees has leaves") };
    hashes
}

/// Trees with at least this many leaves between them, under one of the row's hashes.
pub fn random(operation: &'static Operation, leaves_min: usize, random: &mut Random) -> Bundle {
    let mut builder = ColumnsBuilder::new(operation);
    let mut leaves = 0;
    while leaves < leaves_min {
        let tree: Vec<Vec<u8>> = (0..count(random)).map(|_| leaf(operation.row, random)).collect();
        leaves += tree.len();
        builder.push_group(0, &[], &[], &tree.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    let hashes = hashes(operation);
    let parameters = Parameters { hash: Some(hashes[random.below(hashes.len())]), ..Parameters::default() };
    Bundle::new(parameters, vec![builder.build().expect("fits a request")]).expect("one of the row's hashes")
}

/// Leaves of a tree: few, around a power of two (2^12 is where a device begins), or many.
fn count(random: &mut Random) -> usize {
    match random.below(4) {
        0 => random.below(40),
        1 => (1 << random.below(14)) + random.below(3),
        2 => 4_094 + random.below(6),
        _ => random.below(20_000),
    }
}

/// A leaf; rarely one that is no node, which its rule refuses.
fn leaf(row: Row, random: &mut Random) -> Vec<u8> {
    let hashes_leaves = matches!(row, Row::MerkleRfc6962 | Row::MerkleFlat | Row::MerklePatricia);
    let len = if hashes_leaves || random.one_in(30_000) { lengths(random) } else { 32 };
    let mut leaf = vec![0; len];
    random.fill(&mut leaf);
    leaf
}
