//! Certificate transparency's tree (RFC 6962, section 2.1), as CometBFT hashes headers, validator sets and data.

use sha2::{Digest, Sha256};

/// The root over these leaves: SHA-256 with 00 in front of a leaf, 01 in front of two nodes; a lone last node goes up as it
/// is; no leaves hash as the empty text.
#[must_use]
pub fn rfc6962_root<L: AsRef<[u8]>>(leaves: &[L]) -> [u8; 32] {
    let hash = |prefix: u8, parts: [&[u8]; 2]| -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update([prefix]);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize().into()
    };
    let mut level: Vec<[u8; 32]> = leaves.iter().map(|leaf| hash(0, [leaf.as_ref(), &[]])).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|two| if let [a, b] = two { hash(1, [a, b]) } else { two[0] }).collect();
    }
    level.first().copied().unwrap_or_else(|| Sha256::digest([]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The roots of certificate-transparency's own test, `merkletree/merkle_tree_test.cc`.
    #[test]
    fn known_roots() {
        let leaves: Vec<Vec<u8>> =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
                .iter()
                .map(|leaf| hex::decode(leaf).expect("hex"))
                .collect();
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex::encode(rfc6962_root(&leaves[..count])), root, "{count} leaves");
        }
    }
}
