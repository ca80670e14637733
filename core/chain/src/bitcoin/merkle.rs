//! Bitcoin's Merkle tree: double SHA-256, a level's lone last node paired with itself.

use crate::hash::sha256d;

/// A tree's root and whether the tree is ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// The root in the byte order of headers; zeros for no leaves.
    pub root: [u8; 32],
    /// Two neighbours at some level are equal, so that another list of leaves has the same root (CVE-2012-2459; Core
    /// `ComputeMerkleRoot`, `mutated`).
    pub mutated: bool,
}

fn pair(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    sha256d(&both)
}

/// The root over these leaves (Core `consensus/merkle.cpp`).
#[must_use]
pub fn root(mut level: Vec<[u8; 32]>) -> Root {
    let mut mutated = false;
    while level.len() > 1 {
        mutated |= level.chunks_exact(2).any(|two| two[0] == two[1]);
        level = level.chunks(2).map(|two| pair(&two[0], two.last().expect("chunks are not empty"))).collect();
    }
    Root { root: level.first().copied().unwrap_or_default(), mutated }
}

/// The root that a leaf and its branch lead to; bit i of `index` says on which side the leaf's side stands at level i.
/// Miners' branches (the coinbase's, index 0) and inclusion proofs alike. `None` when the index is outside the tree that a
/// branch of this length belongs to, which would let one leaf prove itself at several places.
#[must_use]
pub fn branch_root(leaf: [u8; 32], branch: &[[u8; 32]], index: u32) -> Option<[u8; 32]> {
    if branch.len() > 32 || u64::from(index) >> branch.len() != 0 {
        return None;
    }
    let mut node = leaf;
    for (level, sibling) in branch.iter().enumerate() {
        node = if index >> level & 1 == 0 { pair(&node, sibling) } else { pair(sibling, &node) };
    }
    Some(node)
}

/// The branch of leaf `index`: what [`branch_root`] takes. `None` when there is no such leaf.
#[must_use]
pub fn branch(mut level: Vec<[u8; 32]>, mut index: usize) -> Option<Vec<[u8; 32]>> {
    level.get(index)?;
    let mut siblings = Vec::new();
    while level.len() > 1 {
        siblings.push(*level.get(index ^ 1).unwrap_or(&level[index]));
        level = level.chunks(2).map(|two| pair(&two[0], two.last().expect("chunks are not empty"))).collect();
        index /= 2;
    }
    Some(siblings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u8) -> Vec<[u8; 32]> {
        (0..n).map(|i| [i; 32]).collect()
    }

    #[test]
    fn every_leaf_proves_itself_and_nothing_else() {
        for n in 1..20_u8 {
            let tree = root(leaves(n));
            assert!(!tree.mutated);
            for i in 0..n {
                let branch = branch(leaves(n), i.into()).expect("a leaf");
                assert_eq!(branch_root([i; 32], &branch, i.into()), Some(tree.root), "{i} of {n}");
                assert_ne!(branch_root([i ^ 0x80; 32], &branch, i.into()), Some(tree.root));
                assert_eq!(branch_root([i; 32], &branch, u32::from(i) + (1 << branch.len())), None);
            }
            assert_eq!(branch(leaves(n), n.into()), None);
        }
    }

    #[test]
    fn a_list_with_its_end_repeated_has_the_same_root_and_is_found() {
        let honest = root(leaves(6));
        let mut doubled = leaves(6);
        doubled.extend([[4; 32], [5; 32]]);
        let forged = root(doubled);
        assert_eq!(forged.root, honest.root, "the ambiguity itself");
        assert!(forged.mutated && !honest.mutated);
        let mut odd = leaves(3);
        odd.push([2; 32]);
        assert!(root(odd).mutated);
        assert_eq!(root(Vec::new()), Root { root: [0; 32], mutated: false });
    }
}
