//! Leaves in, a proof out: what the rows of proofs take, made from all the leaves.

use assay_scheme::{Reason, Row};

use super::patricia::Trail;
use super::proof::{POSITION_BYTES, Rule, proof_row};
use super::{HashMany, Inputs, Leaves, Trees, rlp};

/// A proof as its row's columns take it, with the root that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The row of proofs that it is for.
    pub row: Row,
    /// The root; for consistency the older root and then the newer.
    pub key: Vec<u8>,
    /// Index and number of leaves; for consistency the two numbers of leaves; empty for tries.
    pub signature: Vec<u8>,
    /// The leaf and the path; for consistency the path; for tries key, value and nodes.
    pub entries: Vec<Vec<u8>>,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The rule hashes all leaves in one go: nothing shorter than all of them shows that one is among them.
    #[error("{} has no proofs: its root is one hash over all leaves", .0.name())]
    NoProofs(Row),
    /// The tree has fewer leaves.
    #[error("the tree has {leaves} leaves, and none with the index {index}")]
    NoSuchLeaf {
        /// The index asked for.
        index: usize,
        /// The leaves there are.
        leaves: usize,
    },
    /// The rule has no root for these leaves.
    #[error("the rule has no root for these leaves: a leaf's length does not fit it")]
    Leaves(Reason),
}

/// Proves that leaf `index` stands at its place under the rule of `row`, a row of roots.
///
/// # Errors
/// Why there is no proof.
///
/// # Panics
/// When `row` is not a row of roots: the caller's bug.
pub fn prove(
    row: Row,
    hash: &impl HashMany,
    leaves: &(impl Leaves + ?Sized),
    index: usize,
) -> Result<Proof, ProveError> {
    let rule = match row {
        Row::MerkleDuplicateLast => Some(Rule::DuplicateLast),
        Row::MerkleRfc6962 => Some(Rule::Rfc6962),
        Row::MerkleFiscoV3 => Some(Rule::FiscoV3),
        Row::MerkleFiscoV2 => Some(Rule::FiscoV2),
        Row::MerklePatricia => None,
        _ => return Err(ProveError::NoProofs(row)),
    };
    let own = proof_row(row).ok_or(ProveError::NoProofs(row))?;
    let count = leaves.count();
    if index >= count {
        return Err(ProveError::NoSuchLeaf { index, leaves: count });
    }
    let mut trees = Trees::new();
    if rule.is_none() {
        trees.trail = Some(Trail { index, nodes: Vec::new() });
    }
    let root = trees.root(row, hash, leaves).map_err(ProveError::Leaves)?;
    let leaf = leaves.leaf(index).to_vec();
    let (signature, entries) = match rule {
        Some(rule) => (position(index, count), [vec![leaf], siblings(rule, hash, leaves, index)].concat()),
        None => {
            let (key, len) = rlp::index(index);
            let nodes = trees.trail.take().map(|trail| trail.nodes).unwrap_or_default();
            let entries = [key[..len].to_vec(), leaf].into_iter().chain(nodes.into_iter().rev()).collect();
            (Vec::new(), entries)
        }
    };
    Ok(Proof { row: own, key: root.to_vec(), signature, entries })
}

/// Proves that the tree of the first `older` leaves grew into the tree of all (RFC 6962, section 2.1.2).
///
/// # Errors
/// When there are fewer leaves than that.
pub fn prove_consistency(
    hash: &impl HashMany,
    leaves: &(impl Leaves + ?Sized),
    older: usize,
) -> Result<Proof, ProveError> {
    let count = leaves.count();
    if older > count {
        return Err(ProveError::NoSuchLeaf { index: older, leaves: count });
    }
    let root = |from: usize, until: usize| {
        let part = Part { leaves, from, until };
        Trees::new().root(Row::MerkleRfc6962, hash, &part).map_err(ProveError::Leaves)
    };
    let key = [root(0, older)?, root(0, count)?].concat();
    // SUBPROOF(m, D[n], b), the innermost node last, which is the path's first.
    let (mut from, mut until, mut rest, mut whole) = (0, count, older, true);
    let mut nodes = Vec::new();
    while 0 < rest && rest < until - from {
        let split = (until - from).next_power_of_two() / 2;
        if rest <= split {
            nodes.push(root(from + split, until)?.to_vec());
            until = from + split;
        } else {
            nodes.push(root(from, from + split)?.to_vec());
            (from, rest, whole) = (from + split, rest - split, false);
        }
    }
    if !whole {
        nodes.push(root(from, until)?.to_vec());
    }
    nodes.reverse();
    Ok(Proof { row: Row::MerkleRfc6962Consistency, key, signature: position(older, count), entries: nodes })
}

fn position(first: usize, second: usize) -> Vec<u8> {
    let mut position = Vec::with_capacity(POSITION_BYTES);
    position.extend_from_slice(&(first as u64).to_le_bytes());
    position.extend_from_slice(&(second as u64).to_le_bytes());
    position
}

/// Some of the leaves.
struct Part<'a, L: ?Sized> {
    leaves: &'a L,
    from: usize,
    until: usize,
}

impl<L: Leaves + ?Sized> Leaves for Part<'_, L> {
    fn count(&self) -> usize {
        self.until - self.from
    }

    fn leaf(&self, index: usize) -> &[u8] {
        self.leaves.leaf(self.from + index)
    }
}

/// The siblings on the way up from a leaf. The leaves fit the rule: they have a root.
fn siblings(rule: Rule, hash: &impl HashMany, leaves: &(impl Leaves + ?Sized), index: usize) -> Vec<Vec<u8>> {
    let mut nodes: Vec<Vec<u8>> = (0..leaves.count()).map(|leaf| leaves.leaf(leaf).to_vec()).collect();
    if rule == Rule::Rfc6962 {
        let inputs = nodes.iter().map(|leaf| [&[super::binary::RFC6962_LEAF], &leaf[..]].concat());
        nodes = digests(hash, &inputs.collect::<Vec<_>>());
    }
    let (mut at, mut path, mut lowest) = (index, Vec::new(), true);
    while nodes.len() > 1 {
        let (start, count) = rule.family(at as u64, nodes.len() as u64);
        let family = start as usize..(start + count) as usize;
        if count == 1 && rule == Rule::DuplicateLast {
            path.push(nodes[at].clone());
        }
        path.extend(family.filter(|place| *place != at).map(|place| nodes[place].clone()));
        let arity = rule.arity() as usize;
        let mut parents: Vec<Vec<u8>> = Vec::with_capacity(nodes.len().div_ceil(arity));
        for (number, children) in nodes.chunks(arity).enumerate() {
            parents.push(match (rule, children) {
                (Rule::DuplicateLast, [lone]) => [&lone[..], lone].concat(),
                (Rule::Rfc6962, _) => [&[super::binary::RFC6962_NODE], &children.concat()[..]].concat(),
                (Rule::FiscoV2, _) if lowest => {
                    let behind_index = |(place, leaf): (usize, &Vec<u8>)| {
                        let (index, len) = rlp::index(number * arity + place);
                        [&index[..len], leaf].concat()
                    };
                    children.iter().enumerate().flat_map(behind_index).collect()
                }
                _ => children.concat(),
            });
        }
        // Under RFC 6962 a lone last node goes up as it is.
        let lifted = (rule == Rule::Rfc6962 && nodes.len() % 2 == 1).then(|| {
            parents.pop();
            nodes[nodes.len() - 1].clone()
        });
        nodes = digests(hash, &parents);
        nodes.extend(lifted);
        (at, lowest) = (at / arity, false);
    }
    path
}

fn digests(hash: &impl HashMany, inputs: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let ends: Vec<usize> = inputs
        .iter()
        .scan(0, |end, input| {
            *end += input.len();
            Some(*end)
        })
        .collect();
    let mut digests = Vec::with_capacity(inputs.len());
    hash.hash_many(Inputs::ending(&inputs.concat(), &ends), &mut digests);
    digests.into_iter().map(|digest| digest.to_vec()).collect()
}
