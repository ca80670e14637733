//! FISCO BCOS v2: sixteen children a node.

use assay_scheme::Reason;

use super::{HashMany, Inputs, Leaves, Trees, rlp};

/// Children of a node (libdevcore/TrieHash2.cpp, `MAX_CHILD_COUNT`).
const WIDTH: usize = 16;

impl Trees {
    /// FISCO BCOS v2 (libdevcore/TrieHash2.cpp, `getHash256`, over libethcore/Block.cpp's leaves): a leaf is RLP(index)
    /// and then the transaction's hash; a node is the hash of up to sixteen children; the top node is hashed once more,
    /// also when it is a lone leaf. No leaves: the hash of nothing.
    pub(super) fn fisco_v2(
        &mut self,
        hash: &impl HashMany,
        leaves: &(impl Leaves + ?Sized),
    ) -> Result<[u8; 32], Reason> {
        let count = leaves.count();
        for i in 0..count {
            let leaf: &[u8; 32] = leaves.leaf(i).try_into().map_err(|_| Reason::Message)?;
            let (index, len) = rlp::index(i);
            self.arena.extend_from_slice(&index[..len]);
            self.arena.extend_from_slice(leaf);
            if i % WIDTH == WIDTH - 1 || i == count - 1 {
                self.ends.push(self.arena.len());
            }
        }
        if count <= 1 {
            return Ok(self.hash_arena(hash));
        }
        hash.hash_many(Inputs::ending(&self.arena, &self.ends), &mut self.nodes);
        while self.nodes.len() > 1 {
            let (full, rest) = self.nodes.as_chunks::<WIDTH>();
            self.parents.clear();
            hash.hash_many(Inputs::strided(full.as_flattened().as_flattened(), 32 * WIDTH), &mut self.parents);
            if !rest.is_empty() {
                hash.hash_many(Inputs::strided(rest.as_flattened(), 32 * rest.len()), &mut self.parents);
            }
            std::mem::swap(&mut self.nodes, &mut self.parents);
        }
        self.parents.clear();
        hash.hash_many(Inputs::strided(self.nodes.as_flattened(), 32), &mut self.parents);
        Ok(self.parents[0])
    }
}
