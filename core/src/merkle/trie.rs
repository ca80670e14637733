//! Proofs against a Merkle-Patricia trie: what it holds at a key, or that it holds nothing there.

use assay_scheme::Reason;

use super::proof::{Claim, Round};
use super::rlp::{self, Item};
use super::{HashMany, Inputs, Leaves};

/// Entries before the path's nodes: the key and the value.
const NODES_AT: usize = 2;

/// Where a walk goes next.
enum Next<'a> {
    /// To the node of this hash.
    Hash(&'a [u8]),
    /// To the node whose items these are, which stands in its parent.
    Inline(&'a [u8]),
}

/// What a trie holds at the key.
enum Held<'a> {
    Value(&'a [u8]),
    Nothing,
}

/// Checks EIP-1186 proofs: the key's nibbles lead from the root through the nodes, each named by its hash in the one before
/// (nodes shorter than 32 bytes stand in their parents and are not given), to the value; an empty value says that they lead
/// to nothing. No node may be left over. All nodes are hashed at once.
pub(super) fn check<E: Leaves>(hash: &impl HashMany, claims: &[Claim<'_, E>]) -> Vec<Result<(), Reason>> {
    let mut round = Round::default();
    // The root of the trie that holds nothing, which has no nodes to show.
    round.input(&[&[0x80]]);
    for claim in claims {
        (NODES_AT..claim.entries.count()).for_each(|node| round.input(&[claim.entries.leaf(node)]));
    }
    let mut digests = Vec::new();
    hash.hash_many(Inputs::ending(round.arena(), round.ends()), &mut digests);
    let (empty, mut digests) = digests.split_first().expect("one was asked for at least");
    let mut outcomes = Vec::with_capacity(claims.len());
    for claim in claims {
        let own;
        (own, digests) = digests.split_at(claim.entries.count().saturating_sub(NODES_AT));
        outcomes.push(one(claim, own, empty));
    }
    outcomes
}

fn one<E: Leaves>(claim: &Claim<'_, E>, digests: &[[u8; 32]], empty: &[u8; 32]) -> Result<(), Reason> {
    let entries = &claim.entries;
    if entries.count() < NODES_AT {
        return Err(Reason::Message);
    }
    let (key, claimed) = (entries.leaf(0), entries.leaf(1));
    if digests.is_empty() && claimed.is_empty() {
        return if *claim.key == *empty { Ok(()) } else { Err(Reason::Signature) };
    }
    let (held, used) = walk(claim.key, key, entries, digests)?;
    if used != digests.len() {
        return Err(Reason::Signature);
    }
    let agrees = match held {
        Held::Value(value) => value == claimed,
        Held::Nothing => claimed.is_empty(),
    };
    if agrees { Ok(()) } else { Err(Reason::Equation) }
}

/// Nibble `at` of a key.
fn nibble(key: &[u8], at: usize) -> u8 {
    let byte = key[at / 2];
    if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// What the nodes say the trie holds, and how many of them were met. A node that is missing or is none gives
/// [`Reason::Signature`], one of another hash than its parent names [`Reason::Equation`].
fn walk<'a, E: Leaves>(
    root: &'a [u8],
    key: &[u8],
    entries: &'a E,
    digests: &[[u8; 32]],
) -> Result<(Held<'a>, usize), Reason> {
    let (mut next, mut met, mut depth) = (Next::Hash(root), 0, 0);
    let nibbles = 2 * key.len();
    loop {
        let payload = match next {
            Next::Inline(payload) => payload,
            Next::Hash(expected) => {
                let digest = digests.get(met).ok_or(Reason::Signature)?;
                if digest[..] != *expected {
                    return Err(Reason::Equation);
                }
                met += 1;
                whole_list(entries.leaf(NODES_AT + met - 1)).ok_or(Reason::Signature)?
            }
        };
        let Node { items, count } = Node::read(payload).ok_or(Reason::Signature)?;
        if count == BRANCH_ITEMS {
            if depth == nibbles {
                let Item::String(value) = items[16] else { return Err(Reason::Signature) };
                return Ok((if value.is_empty() { Held::Nothing } else { Held::Value(value) }, met));
            }
            let child = items[usize::from(nibble(key, depth))];
            depth += 1;
            match reference(child).ok_or(Reason::Signature)? {
                Some(child) => next = child,
                None => return Ok((Held::Nothing, met)),
            }
            continue;
        }
        let Item::String(packed) = items[0] else { return Err(Reason::Signature) };
        let (is_leaf, odd) = flags(packed).ok_or(Reason::Signature)?;
        // The packed path as nibbles: behind its flag, or behind the flag and a zero.
        let (from, until) = (if odd { 1 } else { 2 }, 2 * packed.len());
        let along = until - from <= nibbles - depth
            && (from..until).all(|at| nibble(packed, at) == nibble(key, depth + at - from));
        if is_leaf {
            let Item::String(value) = items[1] else { return Err(Reason::Signature) };
            if value.is_empty() {
                return Err(Reason::Signature);
            }
            let ends = along && until - from == nibbles - depth;
            return Ok((if ends { Held::Value(value) } else { Held::Nothing }, met));
        }
        if from == until {
            return Err(Reason::Signature);
        }
        let child = reference(items[1]).flatten().ok_or(Reason::Signature)?;
        if !along {
            return Ok((Held::Nothing, met));
        }
        depth += until - from;
        next = child;
    }
}

/// Items of a branch: sixteen children and a value.
const BRANCH_ITEMS: usize = 17;

/// A node's items.
struct Node<'a> {
    items: [Item<'a>; BRANCH_ITEMS],
    count: usize,
}

impl<'a> Node<'a> {
    /// A list of 17 items or of 2.
    fn read(mut payload: &'a [u8]) -> Option<Self> {
        let mut items = [Item::String(&[]); BRANCH_ITEMS];
        let mut count = 0;
        while !payload.is_empty() {
            (*items.get_mut(count)?, payload) = rlp::item(payload)?;
            count += 1;
        }
        matches!(count, 2 | BRANCH_ITEMS).then_some(Self { items, count })
    }
}

/// The items of a node that is exactly these bytes.
fn whole_list(bytes: &[u8]) -> Option<&[u8]> {
    match rlp::item(bytes)? {
        (Item::List { payload, .. }, []) => Some(payload),
        _ => None,
    }
}

/// Where a child leads: to nothing (the inner `None`), to a hash, or to a node of fewer than 32 bytes in its place.
fn reference(child: Item<'_>) -> Option<Option<Next<'_>>> {
    match child {
        Item::String([]) => Some(None),
        Item::String(hash) if hash.len() == 32 => Some(Some(Next::Hash(hash))),
        Item::List { payload, whole_len } if whole_len < 32 => Some(Some(Next::Inline(payload))),
        _ => None,
    }
}

/// A packed path's flags (appendix C): whether its node is a leaf, and whether it has an odd number of nibbles.
fn flags(packed: &[u8]) -> Option<(bool, bool)> {
    let first = *packed.first()?;
    let (flag, odd) = (first >> 4, first & 0x10 != 0);
    (flag < 4 && (odd || first & 15 == 0)).then_some((flag & 2 != 0, odd))
}
