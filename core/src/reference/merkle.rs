//! Roots and proofs: the rules of [`crate::merkle`] over this backend's hashes.

use assay_scheme::{Hash, Reason, Row};

use super::digest;
use super::job::Job;
use crate::merkle::{self, Claim, Entries, HashMany, Inputs, Trees};

/// The root of each item's leaves.
pub(super) fn root(row: Row, job: Job<'_>) {
    let columns = job.columns;
    // A Merkle row without a hash does not pass the parameters' check.
    let hash = job.parameters.hash.map(OneByOne).ok_or(Reason::Message);
    let mut trees = Trees::new();
    job.each_value(|item| trees.root(row, hash.as_ref().map_err(|reason| *reason)?, &Entries::of(columns, item)));
}

/// Whether each item's proof leads to its root.
pub(super) fn proof(row: Row, job: Job<'_>) {
    let (columns, first) = (job.columns, job.items().start);
    // One that was refused in encoding has no entries and keeps its place among the claims; its outcome is not asked for.
    let claims: Vec<_> = job
        .items()
        .map(|item| Claim {
            key: columns.key(item),
            signature: columns.signature(item),
            entries: Entries::of(columns, item),
        })
        .collect();
    // A Merkle row without a hash does not pass the parameters' check.
    let outcomes = job.parameters.hash.map(|hash| merkle::check(row, &OneByOne(hash), &claims)).unwrap_or_default();
    job.each_verdict(|item, _| outcomes.get(item - first).copied().unwrap_or(Err(Reason::Message)));
}

/// A named hash, one input after another.
struct OneByOne(Hash);

impl HashMany for OneByOne {
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
        digests.extend(inputs.iter().map(|input| digest::hash(self.0, input)));
    }
}
