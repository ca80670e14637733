//! The rules whose nodes have two children.

use assay_scheme::Reason;

use super::{HashMany, Inputs, Leaves, Trees};

/// RFC 6962 section 2.1: what stands before a leaf, and before two children.
pub(super) const RFC6962_LEAF: u8 = 0x00;
pub(super) const RFC6962_NODE: u8 = 0x01;

/// Leaves hashed at once, a power of two. Smaller: lanes run half empty at each block's top. Larger: short leaves take
/// many times their own bytes.
const RFC6962_BLOCK: usize = 4_096;
const _: () = assert!(RFC6962_BLOCK.is_power_of_two());

impl Trees {
    /// Bitcoin (consensus/merkle.cpp, `ComputeMerkleRoot`), Neo, XuperChain and ChainMaker: a level's odd last node is
    /// paired with itself; a tree of one leaf is the leaf. XuperChain's padding to 2^k with nil nodes gives the same
    /// root. The empty tree has no agreed root (zeros in Bitcoin), so it is refused.
    ///
    /// Two trees that differ by a doubled tail have one root (CVE-2012-2459): whoever hands in leaves must know how many
    /// there are.
    pub(super) fn duplicate_last(
        &mut self,
        hash: &impl HashMany,
        leaves: &(impl Leaves + ?Sized),
    ) -> Result<[u8; 32], Reason> {
        self.take_hashes(leaves)?;
        while self.nodes.len() > 1 {
            if !self.nodes.len().is_multiple_of(2) {
                self.nodes.push(self.nodes[self.nodes.len() - 1]);
            }
            self.parents.clear();
            hash.hash_many(Inputs::strided(self.nodes.as_flattened(), 64), &mut self.parents);
            std::mem::swap(&mut self.nodes, &mut self.parents);
        }
        self.nodes.first().copied().ok_or(Reason::Message)
    }

    /// RFC 6962 section 2.1. Splitting at the largest power of two is the same as pairing each level from the left and
    /// lifting an odd last node as it is, and so is doing that within blocks of 2^k leaves first.
    pub(super) fn rfc6962(&mut self, hash: &impl HashMany, leaves: &(impl Leaves + ?Sized)) -> [u8; 32] {
        let count = leaves.count();
        if count == 0 {
            return self.hash_arena(hash);
        }
        for start in (0..count).step_by(RFC6962_BLOCK) {
            self.arena.clear();
            self.ends.clear();
            self.nodes.clear();
            for index in start..count.min(start + RFC6962_BLOCK) {
                self.arena.push(RFC6962_LEAF);
                self.arena.extend_from_slice(leaves.leaf(index));
                self.ends.push(self.arena.len());
            }
            hash.hash_many(Inputs::ending(&self.arena, &self.ends), &mut self.nodes);
            self.rfc6962_levels(hash);
            self.blocks.push(self.nodes[0]);
        }
        std::mem::swap(&mut self.nodes, &mut self.blocks);
        self.rfc6962_levels(hash);
        self.nodes[0]
    }

    /// Pairs the nodes level by level until one is left.
    fn rfc6962_levels(&mut self, hash: &impl HashMany) {
        while self.nodes.len() > 1 {
            self.arena.clear();
            let (pairs, odd) = self.nodes.as_chunks::<2>();
            for pair in pairs {
                self.arena.push(RFC6962_NODE);
                self.arena.extend_from_slice(pair.as_flattened());
            }
            self.parents.clear();
            hash.hash_many(Inputs::strided(&self.arena, 65), &mut self.parents);
            self.parents.extend_from_slice(odd);
            std::mem::swap(&mut self.nodes, &mut self.parents);
        }
    }

    /// FISCO BCOS v3 (bcos-crypto/merkle/Merkle.h, width 2): no prefixes, an odd last node is hashed alone, one leaf is
    /// the root, and no leaves are an error there.
    pub(super) fn fisco_v3(
        &mut self,
        hash: &impl HashMany,
        leaves: &(impl Leaves + ?Sized),
    ) -> Result<[u8; 32], Reason> {
        self.take_hashes(leaves)?;
        while self.nodes.len() > 1 {
            let (pairs, odd) = self.nodes.as_chunks::<2>();
            self.parents.clear();
            hash.hash_many(Inputs::strided(pairs.as_flattened().as_flattened(), 64), &mut self.parents);
            hash.hash_many(Inputs::strided(odd.as_flattened(), 32), &mut self.parents);
            std::mem::swap(&mut self.nodes, &mut self.parents);
        }
        self.nodes.first().copied().ok_or(Reason::Message)
    }
}
