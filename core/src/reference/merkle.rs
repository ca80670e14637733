//! Roots: the rules of [`crate::merkle`] over this backend's hashes.

use assay_scheme::{Hash, Reason, Row};

use super::digest;
use super::job::Job;
use crate::merkle::{Entries, HashMany, Inputs, Trees};

/// The root of each item's leaves.
pub(super) fn root(row: Row, job: Job<'_>) {
    let columns = job.columns;
    // A Merkle row without a hash does not pass the parameters' check.
    let hash = job.parameters.hash.map(OneByOne).ok_or(Reason::Message);
    let mut trees = Trees::new();
    job.each_value(|item| trees.root(row, hash.as_ref().map_err(|reason| *reason)?, &Entries::of(columns, item)));
}

/// A named hash, one input after another.
struct OneByOne(Hash);

impl HashMany for OneByOne {
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
        digests.extend(inputs.iter().map(|input| digest::hash(self.0, input)));
    }
}
