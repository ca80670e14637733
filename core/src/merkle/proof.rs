//! Proofs against roots, many at once: that a leaf stands at its place in a tree.
//!
//! Proofs climb side by side: in each round every proof that is not done lays its next input end to end with the others',
//! and a [`HashMany`] is asked for all their digests at once, so a backend with lanes keeps them full however short a
//! proof is.

use assay_scheme::{Reason, Row};

use super::growth::Growth;
use super::{HashMany, Inputs, Leaves, rlp, trie};

/// A proof as the columns of its row have it.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a, E> {
    /// The root, 32 bytes; for consistency the older root and then the newer, 64.
    pub key: &'a [u8],
    /// The leaf's index and the number of leaves, u64 little-endian each; for consistency the two numbers of leaves. Empty
    /// for tries.
    pub signature: &'a [u8],
    /// The leaf and the path's nodes, from the leaf up; for consistency the nodes alone; for tries the key, the value, and
    /// the nodes from the root down.
    pub entries: E,
}

/// Proofs climbed side by side. Smaller: lanes run empty sooner. Larger: their nodes no longer lie in a near cache.
const CLAIMS_AT_ONCE: usize = 1_024;

/// Bytes of an index and a number of leaves.
pub const POSITION_BYTES: usize = 16;

/// The row whose items are proofs against this row's roots; `None` where there is nothing shorter than all leaves.
#[must_use]
pub const fn proof_row(row: Row) -> Option<Row> {
    match row {
        Row::MerkleDuplicateLast => Some(Row::MerkleDuplicateLastProof),
        Row::MerkleRfc6962 => Some(Row::MerkleRfc6962Proof),
        Row::MerkleFiscoV3 => Some(Row::MerkleFiscoV3Proof),
        Row::MerkleFiscoV2 => Some(Row::MerkleFiscoV2Proof),
        Row::MerklePatricia => Some(Row::MerklePatriciaProof),
        _ => None,
    }
}

/// Checks proofs, an outcome each: [`Reason::Signature`] when a proof has no such place or not exactly the nodes that its
/// place needs, [`Reason::Message`] when its leaf does not fit the rule, [`Reason::Equation`] when it leads to another root.
///
/// # Panics
/// When `row` is not a row of proofs, or keys and signatures are not of its lengths: the caller's bug.
pub fn check<E: Leaves>(row: Row, hash: &impl HashMany, claims: &[Claim<'_, E>]) -> Vec<Result<(), Reason>> {
    let climb = |rule: Rule| {
        let round = |claims: &[Claim<'_, E>]| run(claims.iter().map(|claim| Climb::new(rule, claim)), hash);
        claims.chunks(CLAIMS_AT_ONCE).flat_map(round).collect()
    };
    match row {
        Row::MerkleDuplicateLastProof => climb(Rule::DuplicateLast),
        Row::MerkleRfc6962Proof => climb(Rule::Rfc6962),
        Row::MerkleFiscoV3Proof => climb(Rule::FiscoV3),
        Row::MerkleFiscoV2Proof => climb(Rule::FiscoV2),
        Row::MerkleRfc6962Consistency => {
            let round = |claims: &[Claim<'_, E>]| run(claims.iter().map(Growth::new), hash);
            claims.chunks(CLAIMS_AT_ONCE).flat_map(round).collect()
        }
        Row::MerklePatriciaProof => {
            claims.chunks(CLAIMS_AT_ONCE).flat_map(|claims| trie::check(hash, claims)).collect()
        }
        _ => panic!("{} has no proofs", row.name()),
    }
}

/// The two numbers of a claim.
pub(super) fn position(signature: &[u8]) -> (u64, u64) {
    let (numbers, rest) = signature.as_chunks::<8>();
    let [first, second] = numbers else { panic!("{} bytes of position", signature.len()) };
    assert!(rest.is_empty(), "{} bytes of position", signature.len());
    (u64::from_le_bytes(*first), u64::from_le_bytes(*second))
}

/// The inputs of a round.
#[derive(Default)]
pub(super) struct Round {
    arena: Vec<u8>,
    ends: Vec<usize>,
}

impl Round {
    /// Adds an input of these parts.
    pub(super) fn input(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.arena.extend_from_slice(part));
        self.end();
    }

    /// All inputs, laid end to end.
    pub(super) fn arena(&self) -> &[u8] {
        &self.arena
    }

    /// Where each of them ends.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    fn part(&mut self, part: &[u8]) {
        self.arena.extend_from_slice(part);
    }

    fn end(&mut self) {
        self.ends.push(self.arena.len());
    }
}

/// A proof on its way.
pub(super) trait Walk {
    /// Adds the next step's inputs, at least one, or says how the proof ends.
    fn step(&mut self, round: &mut Round) -> Option<Result<(), Reason>>;
    /// Takes the digests of the inputs that it added, off the front; how many those were.
    fn take(&mut self, digests: &[[u8; 32]]) -> usize;
}

/// Walks proofs to their ends, all together.
fn run<W: Walk>(walks: impl Iterator<Item = Result<W, Reason>>, hash: &impl HashMany) -> Vec<Result<(), Reason>> {
    let mut outcomes = Vec::new();
    let mut going: Vec<(usize, W)> = Vec::new();
    for (at, walk) in walks.enumerate() {
        // Overwritten where the walk is still to come.
        outcomes.push(walk.as_ref().map(|_| ()).map_err(|reason| *reason));
        going.extend(walk.ok().map(|walk| (at, walk)));
    }
    let (mut round, mut digests) = (Round::default(), Vec::new());
    loop {
        round.arena.clear();
        round.ends.clear();
        going.retain_mut(|(at, walk)| match walk.step(&mut round) {
            Some(outcome) => {
                outcomes[*at] = outcome;
                false
            }
            None => true,
        });
        if going.is_empty() {
            return outcomes;
        }
        digests.clear();
        hash.hash_many(Inputs::ending(&round.arena, &round.ends), &mut digests);
        let mut taken = 0;
        for (_, walk) in &mut going {
            taken += walk.take(&digests[taken..]);
        }
    }
}

/// The rules whose proofs climb from a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A lone last node is paired with itself, and the path says so.
    DuplicateLast,
    /// Prefixes; a lone last node goes up as it is.
    Rfc6962,
    /// No prefixes; a lone last node is hashed alone.
    FiscoV3,
    /// Sixteen children; leaves bear their index; the top is hashed once more.
    FiscoV2,
}

impl Rule {
    pub(super) const fn arity(self) -> u64 {
        match self {
            Self::FiscoV2 => 16,
            _ => 2,
        }
    }

    /// The nodes that share a parent with the one at `at`, itself among them, on a level of `width`: from which on, and how
    /// many.
    pub(super) fn family(self, at: u64, width: u64) -> (u64, u64) {
        let start = at - at % self.arity();
        (start, self.arity().min(width - start))
    }

    /// Siblings that a path gives for the node at `at` on a level of `width`.
    fn siblings(self, at: u64, width: u64) -> u64 {
        match (self, self.family(at, width).1) {
            (Self::DuplicateLast, _) => 1,
            (_, family) => family - 1,
        }
    }
}

/// A proof that climbs from its leaf.
struct Climb<'a, E> {
    rule: Rule,
    root: &'a [u8],
    entries: &'a E,
    /// The node's place on its level, and how many there are.
    at: u64,
    width: u64,
    /// The node; the leaf's own 32 bytes until `hashed`.
    node: [u8; 32],
    /// Whether the leaf has become a node: under RFC 6962 by a hash of its own, under FISCO v2 as part of its first.
    hashed: bool,
    /// Whether FISCO v2's last hash is done.
    topped: bool,
    /// The next entry.
    next: usize,
}

impl<'a, E: Leaves> Climb<'a, E> {
    fn new(rule: Rule, claim: &'a Claim<'_, E>) -> Result<Self, Reason> {
        let (at, width) = position(claim.signature);
        // RLP's index and the loops below take what a machine word takes.
        if at >= width || usize::try_from(width).is_err() {
            return Err(Reason::Signature);
        }
        let (mut level_at, mut level_width, mut needed) = (at, width, 0);
        while level_width > 1 {
            needed += rule.siblings(level_at, level_width);
            (level_at, level_width) = (level_at / rule.arity(), level_width.div_ceil(rule.arity()));
        }
        let entries = &claim.entries;
        let given = entries.count().saturating_sub(1);
        if given as u64 != needed || (1..entries.count()).any(|entry| entries.leaf(entry).len() != 32) {
            return Err(Reason::Signature);
        }
        if entries.count() == 0 {
            return Err(Reason::Message);
        }
        let node = match rule {
            Rule::Rfc6962 => [0; 32],
            _ => entries.leaf(0).try_into().map_err(|_| Reason::Message)?,
        };
        let root = claim.key;
        Ok(Self { rule, root, entries, at, width, node, hashed: false, topped: false, next: 1 })
    }

    fn sibling(&mut self) -> &'a [u8] {
        let entries = self.entries;
        self.next += 1;
        entries.leaf(self.next - 1)
    }

    fn up(&mut self) {
        self.at /= self.rule.arity();
        self.width = self.width.div_ceil(self.rule.arity());
    }

    /// Lays a family of FISCO v2 end to end: on the lowest level each leaf behind its index.
    fn family(&mut self, round: &mut Round) {
        let (start, count) = self.rule.family(self.at, self.width);
        for place in start..start + count {
            if !self.hashed {
                let (index, len) = rlp::index(place as usize);
                round.part(&index[..len]);
            }
            if place == self.at {
                round.part(&self.node);
            } else {
                round.part(self.sibling());
            }
        }
        round.end();
        self.hashed = true;
    }
}

impl<E: Leaves> Walk for Climb<'_, E> {
    fn step(&mut self, round: &mut Round) -> Option<Result<(), Reason>> {
        if self.rule == Rule::Rfc6962 && !self.hashed {
            self.hashed = true;
            round.input(&[&[super::binary::RFC6962_LEAF], self.entries.leaf(0)]);
            return None;
        }
        while self.width > 1 {
            let lone = self.rule.family(self.at, self.width).1 == 1;
            match self.rule {
                Rule::Rfc6962 if lone => {
                    self.up();
                    continue;
                }
                Rule::FiscoV3 if lone => round.input(&[&self.node]),
                Rule::FiscoV2 => self.family(round),
                _ => {
                    let sibling = self.sibling();
                    if lone && self.rule == Rule::DuplicateLast && *sibling != self.node {
                        // There is a node where the number of leaves leaves no room for one.
                        return Some(Err(Reason::Signature));
                    }
                    let prefix: &[u8] = if self.rule == Rule::Rfc6962 { &[super::binary::RFC6962_NODE] } else { &[] };
                    let node = &self.node[..];
                    let pair = if self.at.is_multiple_of(2) { [node, sibling] } else { [sibling, node] };
                    round.input(&[prefix, pair[0], pair[1]]);
                }
            }
            self.up();
            return None;
        }
        if self.rule == Rule::FiscoV2 && !self.topped {
            self.topped = true;
            // Of one leaf the family is the leaf alone, which is the top.
            if self.hashed {
                round.input(&[&self.node])
            } else {
                self.family(round)
            }
            return None;
        }
        Some(if self.node == *self.root { Ok(()) } else { Err(Reason::Equation) })
    }

    fn take(&mut self, digests: &[[u8; 32]]) -> usize {
        self.node = digests[0];
        1
    }
}
