//! The tree over documents' digests: RFC 6962 section 2.1 with the receipt's hash, a leaf being a digest of 32 bytes.

use assay_scheme::Hash;

use crate::hash::{sha256, sm3};

/// What a receipt may hash with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentHash {
    /// SHA-256.
    Sha256,
    /// SM3.
    Sm3,
}

impl DocumentHash {
    /// The hash's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sm3 => "sm3",
        }
    }

    /// The hash as parameters name it.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::Sha256 => Hash::Sha256,
            Self::Sm3 => Hash::Sm3,
        }
    }

    fn of(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Self::Sha256 => sha256(bytes),
            Self::Sm3 => sm3(bytes),
        }
    }

    fn leaf(self, digest: &[u8; 32]) -> [u8; 32] {
        self.of(&[&[0], &digest[..]].concat())
    }

    fn node(self, left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
        self.of(&[&[1], &left[..], right].concat())
    }

    /// The root over these digests, one leaf at least.
    #[must_use]
    pub fn root(self, digests: &[[u8; 32]]) -> Option<[u8; 32]> {
        let mut level: Vec<_> = digests.iter().map(|digest| self.leaf(digest)).collect();
        while level.len() > 1 {
            level = self.above(&level);
        }
        level.first().copied()
    }

    fn above(self, level: &[[u8; 32]]) -> Vec<[u8; 32]> {
        level.chunks(2).map(|two| if let [left, right] = two { self.node(left, right) } else { two[0] }).collect()
    }

    /// The audit path of leaf `index`, lowest first (section 2.1.1); `None` when there is no such leaf.
    #[must_use]
    pub fn path(self, digests: &[[u8; 32]], mut index: usize) -> Option<Vec<[u8; 32]>> {
        digests.get(index)?;
        let mut level: Vec<_> = digests.iter().map(|digest| self.leaf(digest)).collect();
        let mut path = Vec::new();
        while level.len() > 1 {
            path.extend(level.get(index ^ 1));
            level = self.above(&level);
            index /= 2;
        }
        Some(path)
    }

    /// The root that a digest's audit path leads to in a tree of `count` leaves (RFC 9162 section 2.1.3.2); `None` when the
    /// path is not of the length that this place has.
    #[must_use]
    pub fn path_root(self, digest: &[u8; 32], path: &[[u8; 32]], index: u64, count: u64) -> Option<[u8; 32]> {
        if index >= count {
            return None;
        }
        let (mut place, mut last) = (index, count - 1);
        let mut node = self.leaf(digest);
        for sibling in path {
            if last == 0 {
                return None;
            }
            if place & 1 == 1 || place == last {
                node = self.node(sibling, &node);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                node = self.node(&node, sibling);
            }
            place >>= 1;
            last >>= 1;
        }
        (last == 0).then_some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(count: u8) -> Vec<[u8; 32]> {
        (0..count).map(|i| [i; 32]).collect()
    }

    #[test]
    fn every_document_proves_itself_and_nothing_else() {
        for hash in [DocumentHash::Sha256, DocumentHash::Sm3] {
            for count in 1..20_u8 {
                let all = digests(count);
                let root = hash.root(&all).expect("leaves");
                for index in 0..count {
                    let path = hash.path(&all, index.into()).expect("a leaf");
                    let lead = |digest: u8, index: u8, count: u8, path: &[_]| {
                        hash.path_root(&[digest; 32], path, index.into(), count.into())
                    };
                    assert_eq!(lead(index, index, count, &path), Some(root), "{index} of {count}");
                    assert_ne!(lead(index ^ 0x80, index, count, &path), Some(root));
                    for other in (0..count).filter(|other| *other != index) {
                        assert_ne!(lead(index, other, count, &path), Some(root), "{index} as {other} of {count}");
                    }
                    assert_eq!(lead(index, count, count, &path), None);
                    let longer = [&path[..], &[[7; 32]]].concat();
                    assert_ne!(lead(index, index, count, &longer), Some(root));
                    if let Some(shorter) = path.len().checked_sub(1) {
                        assert_ne!(lead(index, index, count, &path[..shorter]), Some(root));
                    }
                }
                assert_eq!(hash.path(&all, count.into()), None);
            }
            assert_eq!(hash.root(&[]), None);
        }
    }

    #[test]
    fn the_root_is_certificate_transparencys() {
        let leaves = digests(7);
        assert_eq!(DocumentHash::Sha256.root(&leaves), Some(crate::merkle::rfc6962_root(&leaves)));
    }
}
