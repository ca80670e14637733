//! The one table of operations: wire id, name, lengths, rule set and kernel. The codec, the command line, the metric
//! labels, the clients' constants and the table in docs/operations.md come from it. A new scheme is one row here, then
//! compiler errors to fix.
//!
//! A rule that differs is another row, never a flag; an id that has landed is never reused or given another meaning
//! (`vectors/wire/registry.json` is append-only and compared by a test).

mod table;

use crate::parameters::{Hash, Output};

pub use table::OPERATIONS;

/// What is asked of the appliance. The discriminant is the `kind` of a request's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// A verdict per (key, signature, message).
    Verify = 1,
    /// A public key or address per (signature, message).
    Recover = 2,
    /// A digest per message.
    Digest = 3,
    /// A root per tree of leaves, or a verdict per proof against a root.
    Merkle = 4,
    /// A verdict and the hash per block header.
    Pow = 5,
    /// A verdict per vote, their tally, and whether it is enough. Its rows are those of [`Kind::Verify`].
    Quorum = 6,
    /// Keys whose tables a tenant wants ready. Its rows are those of [`Kind::Verify`].
    Preload = 7,
    /// What the node offers and how busy it is.
    Status = 8,
}

impl Kind {
    /// Every kind, in the order of its id.
    pub const ALL: [Self; 8] =
        [Self::Verify, Self::Recover, Self::Digest, Self::Merkle, Self::Pow, Self::Quorum, Self::Preload, Self::Status];

    /// The kind a header field stands for.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == id)
    }

    /// The kind that the rows of a request of this kind have: a quorum's votes and a preload's keys are of a verify row.
    #[must_use]
    pub const fn of_rows(self) -> Self {
        match self {
            Self::Quorum | Self::Preload => Self::Verify,
            kind => kind,
        }
    }

    /// The word used on the command line and as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Recover => "recover",
            Self::Digest => "digest",
            Self::Merkle => "merkle",
            Self::Pow => "pow",
            Self::Quorum => "quorum",
            Self::Preload => "preload",
            Self::Status => "status",
        }
    }
}

macro_rules! rows {
    ($($(#[$doc:meta])* $row:ident = $id:literal,)*) => {
        /// One rule set. The discriminant is the `row` of a request's header; it is unique over all kinds, and its high
        /// byte is the kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Row { $($(#[$doc])* $row = $id,)* }

        impl Row {
            /// Every row, in the order of [`OPERATIONS`].
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$row),*];
        }
    };
}

rows! {
    /// Ed25519 under ZIP-215.
    Ed25519Zip215 = 0x0101,
    /// Ed25519 as ref10 and Go check it.
    Ed25519Ref10 = 0x0102,
    /// Ed25519 with small-order keys and R refused.
    Ed25519Strict = 0x0103,
    /// ECDSA over secp256k1, any S.
    EcdsaSecp256k1 = 0x0104,
    /// ECDSA over secp256k1, low S only.
    EcdsaSecp256k1LowS = 0x0105,
    /// Schnorr over secp256k1 (BIP-340).
    SchnorrBip340 = 0x0106,
    /// ECDSA over P-256, any S.
    EcdsaP256 = 0x0107,
    /// ECDSA over P-256, low S only.
    EcdsaP256LowS = 0x0108,
    /// SM2 over the message, with Z_A.
    Sm2Za = 0x0109,
    /// SM2 over e itself, without Z_A.
    Sm2E = 0x010a,
    /// RSA-2048, PKCS#1 v1.5, SHA-256.
    Rsa2048Pkcs1Sha256 = 0x010b,
    /// BLS12-381, keys in G1, proof-of-possession suite: one key, one message.
    BlsMinPkPop = 0x010c,
    /// The same suite: n keys, n messages, one signature.
    BlsMinPkPopAggregate = 0x010d,
    /// The same suite: n keys, one message, one signature.
    BlsMinPkPopFastAggregate = 0x010e,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65 = 0x010f,
    /// ECDSA public key recovery over secp256k1, any S, v 0..=3.
    RecoverSecp256k1 = 0x0201,
    /// The same, low S only.
    RecoverSecp256k1LowS = 0x0202,
    /// SHA-256.
    Sha256 = 0x0301,
    /// SHA-256 twice.
    Sha256d = 0x0302,
    /// SHA-512.
    Sha512 = 0x0303,
    /// SHA3-256.
    Sha3_256 = 0x0304,
    /// Keccak-256.
    Keccak256 = 0x0305,
    /// BLAKE3, 32 bytes.
    Blake3 = 0x0306,
    /// BLAKE2b, 32 bytes.
    Blake2b256 = 0x0307,
    /// SM3.
    Sm3 = 0x0308,
    /// RIPEMD-160.
    Ripemd160 = 0x0309,
    /// RIPEMD-160 of SHA-256.
    Hash160 = 0x030a,
    /// Binary tree, a lone node paired with itself.
    MerkleDuplicateLast = 0x0401,
    /// Certificate transparency's tree.
    MerkleRfc6962 = 0x0402,
    /// FISCO BCOS v3: width 2, no prefix, a lone child hashed alone.
    MerkleFiscoV3 = 0x0403,
    /// FISCO BCOS v2: width 16, indexed leaves, one more hash at the root.
    MerkleFiscoV2 = 0x0404,
    /// One hash over the concatenated leaves.
    MerkleFlat = 0x0405,
    /// Merkle-Patricia trie keyed by the RLP of the index.
    MerklePatricia = 0x0406,
    /// A leaf's place in a tree of [`Row::MerkleDuplicateLast`].
    MerkleDuplicateLastProof = 0x0407,
    /// A leaf's place in a tree of [`Row::MerkleRfc6962`].
    MerkleRfc6962Proof = 0x0408,
    /// That one tree of [`Row::MerkleRfc6962`] grew out of another.
    MerkleRfc6962Consistency = 0x0409,
    /// A leaf's place in a tree of [`Row::MerkleFiscoV3`].
    MerkleFiscoV3Proof = 0x040a,
    /// A leaf's place in a tree of [`Row::MerkleFiscoV2`].
    MerkleFiscoV2Proof = 0x040b,
    /// What a Merkle-Patricia trie holds at a key, or that it holds nothing there.
    MerklePatriciaProof = 0x040c,
    /// A Bitcoin header's hash against its own nBits and the easiest target allowed.
    PowBitcoinHeader = 0x0501,
    /// A Bitcoin header's hash against a share's difficulty.
    PowBitcoinShare = 0x0502,
}

/// What an operation's messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// Bytes of any length; the row itself says how they are hashed.
    Raw,
    /// Without a message hash: the 32-byte digest itself. With one of these: bytes of any length.
    DigestOr(&'static [Hash]),
    /// The leaves of trees, under one of these hashes, which must be named.
    Leaves(&'static [Hash]),
}

/// How keys and messages belong to items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One key and one message an item.
    Single,
    /// Several keys and one message an item.
    Keys,
    /// Several keys and as many messages an item.
    KeysAndMessages,
    /// Several messages an item, and one key where the row has keys.
    Messages,
}

/// One row of the registry.
#[derive(Debug)]
pub struct Operation {
    /// The row's id.
    pub row: Row,
    /// What is asked.
    pub kind: Kind,
    /// The name used everywhere a person meets the row.
    pub name: &'static str,
    /// The rule set's source: standard and section.
    pub rule: &'static str,
    /// Bytes of a key column's entry; 0 where there is no key.
    pub key_len: usize,
    /// Bytes of a signature column's entry; 0 where there is no signature.
    pub signature_len: usize,
    /// The `form` bytes a key may bear (SEC1 tags); `[0]` where keys have one form or there are none.
    pub forms: &'static [u8],
    /// What the messages are.
    pub messages: Messages,
    /// How keys and messages belong to items.
    pub grouping: Grouping,
    /// Bytes of a value for each output form offered, the default first; empty where the verdict is the answer.
    pub values: &'static [(Output, usize)],
    /// Whether a batch may name a user id.
    pub takes_user_id: bool,
    /// Whether a batch may name a context.
    pub takes_context: bool,
    /// The name shared by the row's lanes twin and its shader; `None` where the row stays on the reference backend.
    pub kernel: Option<&'static str>,
}

impl Operation {
    /// Bytes of a value in this form: 0 where the verdict is the answer, `None` where the form is not offered.
    #[must_use]
    pub fn value_width(&self, output: Output) -> Option<usize> {
        if self.values.is_empty() {
            return (output == Output::Default).then_some(0);
        }
        self.values.iter().find(|(form, _)| *form == output).map(|(_, width)| *width)
    }

    /// The operation with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// The operations of a kind, in the order of their ids.
    pub fn of_kind(kind: Kind) -> impl Iterator<Item = &'static Self> {
        OPERATIONS.iter().filter(move |operation| operation.kind == kind)
    }
}

impl Row {
    /// The row's description.
    #[must_use]
    pub fn operation(self) -> &'static Operation {
        // A test holds that the two tables have the same order.
        &OPERATIONS[self.index()]
    }

    /// The row's place in [`OPERATIONS`]: 0 to `Row::ALL.len() - 1`, for tables with an entry per row.
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.binary_search(&self).expect("every row is in ALL, which ascends")
    }

    /// The row a header field stands for.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|row| *row as u16 == id)
    }

    /// The row's id.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The row's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.operation().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_tables_have_one_order_and_ids_name_their_kind() {
        assert_eq!(OPERATIONS.len(), Row::ALL.len());
        assert!(Row::ALL.is_sorted(), "ids ascend");
        for (operation, row) in OPERATIONS.iter().zip(Row::ALL) {
            assert_eq!(operation.row, row);
            assert_eq!(row.id() >> 8, operation.kind as u16, "{}", operation.name);
            assert_eq!(Row::from_id(row.id()), Some(row));
            assert!(std::ptr::eq(row.operation(), operation));
            assert!(std::ptr::eq(Operation::from_name(operation.name).expect("by name"), operation));
            assert!(!operation.rule.is_empty());
        }
    }

    #[test]
    fn names_are_kebab_case_and_unique() {
        let mut names: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        for name in &names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len());
    }

    #[test]
    fn a_message_hash_is_named_like_its_digest_row() {
        for hash in Hash::ALL {
            let row = Operation::from_name(hash.name()).expect("a digest row of that name");
            assert_eq!(row.kind, Kind::Digest);
            assert_eq!(Hash::from_byte(hash as u8), Some(hash));
            assert_eq!(Hash::from_name(hash.name()), Some(hash));
        }
    }
}
