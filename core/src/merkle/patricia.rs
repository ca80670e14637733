//! The Merkle-Patricia trie over a list, as block headers commit to it.

use assay_scheme::Reason;

use super::{HashMany, Leaves, Trees, rlp};

/// Nibbles of a key, RLP(index), at most.
const PATH_MAX: usize = 2 * rlp::INDEX_BYTES_MAX;

/// A key as nibbles.
#[derive(Clone, Copy, Default)]
struct Path {
    nibbles: [u8; PATH_MAX],
    len: usize,
}

impl Path {
    fn of_index(index: usize) -> Self {
        let (bytes, len) = rlp::index(index);
        let mut path = Self { len: 2 * len, ..Self::default() };
        for (pair, byte) in path.nibbles.chunks_exact_mut(2).zip(&bytes[..len]) {
            pair.copy_from_slice(&[byte >> 4, byte & 15]);
        }
        path
    }

    /// How many nibbles both begin with. No key is the beginning of another: RLP is prefix-free.
    fn common(&self, other: &Self) -> usize {
        self.nibbles[..self.len].iter().zip(&other.nibbles[..other.len]).take_while(|(a, b)| a == b).count()
    }
}

/// How a node stands in its parent: itself where it is shorter than 32 bytes, else its hash as a string.
#[derive(Clone, Copy)]
struct NodeRef {
    bytes: [u8; 33],
    len: usize,
}

impl NodeRef {
    /// The empty string: no child.
    const NONE: Self = {
        let mut bytes = [0; 33];
        bytes[0] = 0x80;
        Self { bytes, len: 1 }
    };

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The nodes between a leaf and the root, from the leaf up, as a proof gives them: without those that stand in their parents.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) index: usize,
    pub(super) nodes: Vec<Vec<u8>>,
}

/// A branch whose children are not all known yet. It stands `depth` nibbles below the root.
struct Branch {
    depth: usize,
    children: [NodeRef; 16],
}

impl Branch {
    const fn new(depth: usize) -> Self {
        Self { depth, children: [NodeRef::NONE; 16] }
    }
}

/// The index whose key comes `order`-th: RLP sorts 1..=127 before 0 (0x80), and 0 before 128 (0x81 0x80).
fn index_at(order: usize, count: usize) -> usize {
    let zero_at = (count - 1).min(127);
    match order {
        _ if order < zero_at => order + 1,
        _ if order == zero_at => 0,
        _ => order,
    }
}

impl Trees {
    /// Ethereum yellow paper, appendix D, of the values keyed by RLP(index) (go-ethereum `types.DeriveSha`); VeChain
    /// takes blake2b-256 for keccak256. The empty trie is the hash of the empty string's RLP; an empty value says
    /// "absent" in a trie, so a list holding one has no root.
    ///
    /// Keys are met in ascending order, so a branch is complete once a key leaves it: the memory is one path of branches
    /// and one node's bytes.
    pub(super) fn patricia(
        &mut self,
        hash: &impl HashMany,
        leaves: &(impl Leaves + ?Sized),
    ) -> Result<[u8; 32], Reason> {
        let count = leaves.count();
        if (0..count).any(|index| leaves.leaf(index).is_empty()) {
            return Err(Reason::Message);
        }
        if count == 0 {
            self.arena.push(0x80);
            return Ok(self.hash_arena(hash));
        }
        let mut open: Vec<Branch> = Vec::with_capacity(PATH_MAX);
        let mut path = Path::of_index(index_at(0, count));
        for order in 0..count {
            let next = (order + 1 < count).then(|| Path::of_index(index_at(order + 1, count)));
            // How far the next key goes along with this one; nothing once there is no next key.
            let shared = next.map(|next| path.common(&next));
            if let Some(depth) = shared.filter(|depth| open.last().is_none_or(|top| top.depth < *depth)) {
                open.push(Branch::new(depth));
            }
            let at = open.last().map_or(0, |branch| branch.depth + 1);
            self.leaf(&path.nibbles[at..path.len], leaves.leaf(index_at(order, count)));
            self.keep(&path, path.len, open.is_empty());
            let Some(branch) = open.last_mut() else { return Ok(self.hash_arena(hash)) };
            branch.children[path.nibbles[branch.depth] as usize] = self.node_ref(hash);

            while let Some(done) = open.pop_if(|top| shared.is_none_or(|shared| top.depth > shared)) {
                if let Some(depth) = shared.filter(|depth| open.last().is_none_or(|top| top.depth < *depth)) {
                    open.push(Branch::new(depth));
                }
                let from = open.last().map_or(0, |parent| parent.depth + 1);
                self.branch(&done);
                self.keep(&path, done.depth, open.is_empty() && from == done.depth);
                if from < done.depth {
                    let child = self.node_ref(hash);
                    self.extension(&path.nibbles[from..done.depth], &child);
                    self.keep(&path, done.depth, open.is_empty());
                }
                let Some(parent) = open.last_mut() else { return Ok(self.hash_arena(hash)) };
                parent.children[path.nibbles[parent.depth] as usize] = self.node_ref(hash);
            }
            path = next.unwrap_or_default();
        }
        unreachable!("the last key closes every branch, the topmost of which is the root")
    }

    /// Keeps the node in the arena where a proof is being made whose leaf's path begins like `path` for `depth` nibbles.
    fn keep(&mut self, path: &Path, depth: usize, is_root: bool) {
        if let Some(trail) = &mut self.trail
            && (is_root || self.arena.len() >= 32)
            && path.common(&Path::of_index(trail.index)) >= depth
        {
            trail.nodes.push(self.arena.clone());
        }
    }

    /// Puts a leaf's RLP into the arena.
    fn leaf(&mut self, path: &[u8], value: &[u8]) {
        let (packed, len) = hex_prefix(path, true);
        let packed = &packed[..len];
        self.arena.clear();
        rlp::list_header(&mut self.arena, rlp::string_len(packed) + rlp::string_len(value));
        rlp::string(&mut self.arena, packed);
        rlp::string(&mut self.arena, value);
    }

    /// Puts an extension's RLP into the arena.
    fn extension(&mut self, path: &[u8], child: &NodeRef) {
        let (packed, len) = hex_prefix(path, false);
        let packed = &packed[..len];
        self.arena.clear();
        rlp::list_header(&mut self.arena, rlp::string_len(packed) + child.len);
        rlp::string(&mut self.arena, packed);
        self.arena.extend_from_slice(child.as_slice());
    }

    /// Puts a branch's RLP into the arena: sixteen children and no value, since no key ends at one.
    fn branch(&mut self, branch: &Branch) {
        self.arena.clear();
        rlp::list_header(&mut self.arena, branch.children.iter().map(|child| child.len).sum::<usize>() + 1);
        for child in &branch.children {
            self.arena.extend_from_slice(child.as_slice());
        }
        self.arena.push(0x80);
    }

    /// How the node in the arena stands in its parent.
    fn node_ref(&mut self, hash: &impl HashMany) -> NodeRef {
        let mut bytes = [0; 33];
        if self.arena.len() < 32 {
            bytes[..self.arena.len()].copy_from_slice(&self.arena);
            return NodeRef { bytes, len: self.arena.len() };
        }
        bytes[0] = 0xa0;
        bytes[1..].copy_from_slice(&self.hash_arena(hash));
        NodeRef { bytes, len: 33 }
    }
}

/// The hex-prefix encoding of nibbles (appendix C), and its length.
fn hex_prefix(path: &[u8], leaf: bool) -> ([u8; PATH_MAX / 2 + 1], usize) {
    let mut packed = [0; PATH_MAX / 2 + 1];
    let flag = if leaf { 0x20 } else { 0 };
    let (odd, pairs) = path.split_at(path.len() % 2);
    packed[0] = odd.first().map_or(flag, |nibble| flag | 0x10 | nibble);
    for (byte, pair) in packed[1..].iter_mut().zip(pairs.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    (packed, 1 + pairs.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_come_in_the_order_of_their_keys() {
        for count in [1, 2, 127, 128, 129, 300, 70_000] {
            let keys: Vec<_> = (0..count)
                .map(|order| {
                    let (bytes, len) = rlp::index(index_at(order, count));
                    bytes[..len].to_vec()
                })
                .collect();
            assert!(keys.is_sorted_by(|a, b| a < b), "{count}");
        }
    }

    #[test]
    fn nibbles_are_packed_with_their_parity() {
        let packed = |path: &[u8], leaf| {
            let (bytes, len) = hex_prefix(path, leaf);
            bytes[..len].to_vec()
        };
        // Yellow paper, appendix C.
        assert_eq!(packed(&[], true), [0x20]);
        assert_eq!(packed(&[1, 2, 3, 4, 5], false), [0x11, 0x23, 0x45]);
        assert_eq!(packed(&[0, 1, 2, 3, 4, 5], false), [0x00, 0x01, 0x23, 0x45]);
        assert_eq!(packed(&[15, 1, 12, 11, 8], true), [0x3f, 0x1c, 0xb8]);
    }
}
