//! Leaves in, a root out, under each rule of the registry; and proofs that a root holds a leaf, made ([`prove`]) and checked
//! ([`proof`]).
//!
//! A tree is computed level by level: every rule lays a level's inputs end to end and asks a [`HashMany`] for all their
//! digests at once, so a backend with lanes hashes whole levels and shares every rule. Nothing here knows a hash
//! function or a thread.

mod binary;
mod fisco_v2;
mod growth;
mod patricia;
pub mod proof;
pub mod prove;
mod rlp;
mod trie;

use std::ops::Range;

use assay_scheme::{Columns, Reason, Row};

pub use proof::{Claim, check, proof_row};
pub use prove::{Proof, ProveError, prove, prove_consistency};

/// A hash of 32 bytes, over many inputs at once.
pub trait HashMany {
    /// Appends one digest per input to `digests`, in order.
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>);
}

impl<F: Fn(&[u8]) -> [u8; 32]> HashMany for F {
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
        digests.extend(inputs.iter().map(self));
    }
}

/// Inputs of a hash, laid end to end.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    arena: &'a [u8],
    cuts: Cuts<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Cuts<'a> {
    Stride(usize),
    Ends(&'a [usize]),
}

impl<'a> Inputs<'a> {
    /// `arena` cut into pieces of `stride` bytes.
    ///
    /// # Panics
    /// When `stride` is 0 or does not divide the arena's length.
    #[must_use]
    pub fn strided(arena: &'a [u8], stride: usize) -> Self {
        assert!(arena.len().is_multiple_of(stride), "{} bytes in pieces of {stride}", arena.len());
        Self { arena, cuts: Cuts::Stride(stride) }
    }

    /// `arena` cut where each input ends. `ends` ascends and its last is the arena's length.
    #[must_use]
    pub fn ending(arena: &'a [u8], ends: &'a [usize]) -> Self {
        debug_assert!(ends.is_sorted() && ends.last().copied().unwrap_or(0) == arena.len());
        Self { arena, cuts: Cuts::Ends(ends) }
    }

    /// How many inputs there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.cuts {
            Cuts::Stride(stride) => self.arena.len() / stride,
            Cuts::Ends(ends) => ends.len(),
        }
    }

    /// The inputs end to end.
    #[must_use]
    pub fn arena(&self) -> &'a [u8] {
        self.arena
    }

    /// Bytes of each input, where they all have one length by construction.
    #[must_use]
    pub fn stride(&self) -> Option<usize> {
        match self.cuts {
            Cuts::Stride(stride) => Some(stride),
            Cuts::Ends(_) => None,
        }
    }

    /// Input `index`.
    ///
    /// # Panics
    /// When there is no such input.
    #[must_use]
    pub fn get(&self, index: usize) -> &'a [u8] {
        match self.cuts {
            Cuts::Stride(stride) => &self.arena[index * stride..(index + 1) * stride],
            Cuts::Ends(ends) => &self.arena[index.checked_sub(1).map_or(0, |before| ends[before])..ends[index]],
        }
    }

    /// The inputs in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.count()).map(move |index| self.get(index))
    }
}

/// Computes roots one after another and keeps its memory between them: a small multiple of the bytes of the largest
/// tree's leaves, also where leaves are a byte each (a tree of a million one-byte leaves is computed block by block).
#[derive(Debug, Default)]
pub struct Trees {
    /// A level's inputs, laid end to end.
    arena: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// A level's digests.
    nodes: Vec<[u8; 32]>,
    /// The next level's digests, or scratch.
    parents: Vec<[u8; 32]>,
    /// Roots of the blocks done so far.
    blocks: Vec<[u8; 32]>,
    /// What is kept of a trie's nodes while a proof is made.
    trail: Option<patricia::Trail>,
}

/// The leaves of one tree: how many, and each by its index.
pub trait Leaves {
    /// How many there are.
    fn count(&self) -> usize;
    /// Leaf `index`, below [`Leaves::count`].
    fn leaf(&self, index: usize) -> &[u8];
}

impl<T: AsRef<[u8]>> Leaves for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn leaf(&self, index: usize) -> &[u8] {
        self[index].as_ref()
    }
}

/// The leaves of one item of a request's columns.
pub(crate) struct Entries<'a> {
    columns: &'a Columns,
    range: Range<usize>,
}

impl<'a> Entries<'a> {
    /// Item `item`'s leaves.
    pub(crate) fn of(columns: &'a Columns, item: usize) -> Self {
        Self { columns, range: columns.entries(item) }
    }
}

impl Leaves for Entries<'_> {
    fn count(&self) -> usize {
        self.range.len()
    }

    fn leaf(&self, index: usize) -> &[u8] {
        self.columns.entry_message(self.range.start + index)
    }
}

impl Trees {
    /// Without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The root of these leaves under the rule of `row`, in O(leaves) hashes.
    ///
    /// # Errors
    /// [`Reason::Message`] when the rule has no root for these leaves: none at all where the rule's source has no empty
    /// tree, a leaf that is not 32 bytes where leaves are hashes, an empty value in a trie.
    ///
    /// # Panics
    /// When `row` is not a Merkle row: the caller's bug.
    pub fn root(
        &mut self,
        row: Row,
        hash: &impl HashMany,
        leaves: &(impl Leaves + ?Sized),
    ) -> Result<[u8; 32], Reason> {
        self.arena.clear();
        self.ends.clear();
        self.nodes.clear();
        self.parents.clear();
        self.blocks.clear();
        match row {
            Row::MerkleDuplicateLast => self.duplicate_last(hash, leaves),
            Row::MerkleRfc6962 => Ok(self.rfc6962(hash, leaves)),
            Row::MerkleFiscoV3 => self.fisco_v3(hash, leaves),
            Row::MerkleFiscoV2 => self.fisco_v2(hash, leaves),
            Row::MerkleFlat => Ok(self.flat(hash, leaves)),
            Row::MerklePatricia => self.patricia(hash, leaves),
            _ => panic!("{} has no root", row.name()),
        }
    }

    /// One hash over the leaves laid end to end (Fabric protoutil/blockutils.go, `ComputeBlockDataHash`). No leaves: the
    /// hash of nothing.
    fn flat(&mut self, hash: &impl HashMany, leaves: &(impl Leaves + ?Sized)) -> [u8; 32] {
        for index in 0..leaves.count() {
            self.arena.extend_from_slice(leaves.leaf(index));
        }
        self.hash_arena(hash)
    }

    /// The digest of the whole arena.
    fn hash_arena(&mut self, hash: &impl HashMany) -> [u8; 32] {
        self.parents.clear();
        hash.hash_many(Inputs::ending(&self.arena, &[self.arena.len()]), &mut self.parents);
        self.parents[0]
    }

    /// Takes leaves that are hashes themselves as the lowest level.
    fn take_hashes(&mut self, leaves: &(impl Leaves + ?Sized)) -> Result<(), Reason> {
        for index in 0..leaves.count() {
            self.nodes.push(leaves.leaf(index).try_into().map_err(|_| Reason::Message)?);
        }
        Ok(())
    }
}
