//! Roots of trees whose levels are hashed in lanes: the rules of [`crate::merkle`] over the hashes' kernels.

use std::ops::Range;

use assay_scheme::{Hash, Row, Verdict};

use super::hash;
use super::level::Level;
use crate::backend::Output;
use crate::batch::Bundle;
use crate::merkle::{Entries, HashMany, Inputs, Trees};

/// Whether a row is a root that is computed here.
pub(super) const fn serves(row: Row) -> bool {
    matches!(
        row,
        Row::MerkleDuplicateLast
            | Row::MerkleRfc6962
            | Row::MerkleFiscoV3
            | Row::MerkleFiscoV2
            | Row::MerkleFlat
            | Row::MerklePatricia
    )
}

/// The root of each item's leaves.
pub(super) fn roots(level: Level, bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) {
    let row = bundle.operation().row;
    let hash = bundle.parameters().hash.expect("a Merkle row without a hash does not pass the parameters' check");
    let (hash, mut trees) = (InLanes(level, hash), Trees::new());
    let items = bundle.slices(range).flat_map(|(columns, own)| own.map(move |item| (columns, item)));
    for (at, (columns, item)) in items.enumerate() {
        let root = columns.form(item).and_then(|_| trees.root(row, &hash, &Entries::of(columns, item)));
        match root {
            Ok(root) => out.value(at, &root),
            Err(reason) => out.verdict(at, Verdict::Invalid(reason)),
        }
    }
}

/// A named hash over a level at once.
struct InLanes(Level, Hash);

impl HashMany for InLanes {
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
        let Self(level, hash) = *self;
        let start = digests.len();
        digests.resize(start + inputs.count(), [0; 32]);
        let digests = &mut digests[start..];
        if let Some(stride) = inputs.stride() {
            return hash::named_rows(level, hash, inputs.arena(), stride, digests.as_flattened_mut());
        }
        let messages: Vec<&[u8]> = inputs.iter().collect();
        hash::named(level, hash, &messages, &mut |first, run| {
            digests[first..].as_flattened_mut()[..run.len()].copy_from_slice(run);
        });
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::registry::Messages;
    use assay_scheme::{Columns, ColumnsBuilder, Kind, Operation, Parameters};
    use proptest::prelude::*;

    use super::super::testing::agree;
    use super::*;

    fn trees(operation: &'static Operation, trees: &[Vec<Vec<u8>>]) -> Columns {
        let mut columns = ColumnsBuilder::new(operation);
        for leaves in trees {
            columns.push_group(0, &[], &[], &leaves.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        columns.build().expect("fits a request")
    }

    fn agree_on_trees(trees_of: &[Vec<Vec<u8>>]) {
        for operation in Operation::of_kind(Kind::Merkle).filter(|operation| serves(operation.row)) {
            let Messages::Leaves(hashes) = operation.messages else { panic!("{} has leaves", operation.name) };
            let columns = trees(operation, trees_of);
            for hash in hashes {
                let bundle = Bundle::new(Parameters::hashed(*hash), vec![columns.clone()]).expect("its hash");
                agree(&bundle, 0..trees_of.len());
            }
        }
    }

    #[test]
    fn trees_of_every_small_size_have_the_libraries_roots() {
        let leaf = |i: usize| (0..32).map(|byte| (byte * 7 + i * 31) as u8).collect();
        agree_on_trees(&(0..40).map(|size| (0..size).map(leaf).collect()).collect::<Vec<_>>());
        agree_on_trees(&[(0..1_500).map(leaf).collect()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn leaves_of_any_length_have_the_libraries_roots_and_reasons(
            of in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..40), 1..6),
        ) {
            agree_on_trees(&of);
        }
    }
}
