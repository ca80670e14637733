//! The one table of operations: wire id, name, lengths, rule set and kernel. The codec, the command line, the metric
//! labels, the clients' constants and the table in docs/operations.md come from it. A new scheme is one row here, then
//! compiler errors to fix.
//!
//! A rule that differs is another row, never a flag; an id that has landed is never reused or given another meaning
//! (`vectors/wire/registry.json` is append-only and compared by a test).

use crate::parameters::{Hash, Output};

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
    /// A root per tree of leaves.
    Merkle = 4,
    /// Proof of work of block headers. Reserved.
    Pow = 5,
    /// Votes with powers against a threshold. Reserved.
    Quorum = 6,
    /// Keys whose tables a tenant wants ready. Reserved.
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
    /// No key and several messages an item.
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

/// SEC1 tags of an uncompressed and the two compressed forms.
const SEC1: &[u8] = &[0x02, 0x03, 0x04];
/// The same and the hybrid forms (X9.62, section 4.3.6), which Bitcoin's consensus accepts.
const SEC1_HYBRID: &[u8] = &[0x02, 0x03, 0x04, 0x06, 0x07];
/// Keys of one form, or none.
const PLAIN: &[u8] = &[0];

const DIGEST_32: &[(Output, usize)] = &[(Output::Default, 32)];
const MESSAGE_HASHES: &[Hash] = &Hash::ALL;

/// A verify row of one key and one message an item; what differs is said with struct update syntax.
const VERIFY: Operation = Operation {
    row: Row::Ed25519Zip215,
    kind: Kind::Verify,
    name: "",
    rule: "",
    key_len: 32,
    signature_len: 64,
    forms: PLAIN,
    messages: Messages::Raw,
    grouping: Grouping::Single,
    values: &[],
    takes_user_id: false,
    takes_context: false,
    kernel: None,
};

/// An ECDSA or SM2 row.
const WEIERSTRASS: Operation =
    Operation { key_len: 64, forms: SEC1, messages: Messages::DigestOr(MESSAGE_HASHES), ..VERIFY };

/// A BLS row.
const BLS: Operation = Operation { key_len: 48, signature_len: 96, ..VERIFY };

/// A recover row.
const RECOVER: Operation = Operation {
    kind: Kind::Recover,
    key_len: 0,
    signature_len: 65,
    messages: Messages::DigestOr(MESSAGE_HASHES),
    values: &[(Output::Default, 64), (Output::Address, 20)],
    ..VERIFY
};

/// A digest row.
const DIGEST: Operation = Operation { kind: Kind::Digest, key_len: 0, signature_len: 0, values: DIGEST_32, ..VERIFY };

/// A Merkle row.
const MERKLE: Operation = Operation { kind: Kind::Merkle, grouping: Grouping::Messages, ..DIGEST };

/// Every operation, in the order of its id.
pub static OPERATIONS: &[Operation] = &[
    Operation {
        row: Row::Ed25519Zip215,
        name: "ed25519-zip215",
        rule: "ZIP-215: canonical S; A and R any encoding of a curve point; cofactored equation",
        kernel: Some("ed25519_verify"),
        ..VERIFY
    },
    Operation {
        row: Row::Ed25519Ref10,
        name: "ed25519-ref10",
        rule: "Go crypto/ed25519 and ref10: canonical S; A any encoding; cofactorless, R compared as bytes",
        kernel: Some("ed25519_verify"),
        ..VERIFY
    },
    Operation {
        row: Row::Ed25519Strict,
        name: "ed25519-strict",
        rule: "ed25519-dalek verify_strict: as ref10, and small-order A and R refused",
        kernel: Some("ed25519_verify"),
        ..VERIFY
    },
    Operation {
        row: Row::EcdsaSecp256k1,
        name: "ecdsa-secp256k1",
        rule: "SEC 1 v2 section 4.1.4 over secp256k1; r and S in 1..n-1, high S valid; hybrid keys (X9.62) with the right parity",
        forms: SEC1_HYBRID,
        kernel: Some("secp256k1_ecdsa_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::EcdsaSecp256k1LowS,
        name: "ecdsa-secp256k1-low-s",
        rule: "as ecdsa-secp256k1, and S <= n/2 (BIP-146; EIP-2)",
        forms: SEC1_HYBRID,
        kernel: Some("secp256k1_ecdsa_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::SchnorrBip340,
        name: "schnorr-bip340",
        rule: "BIP-340, Verification; messages of any length",
        kernel: Some("secp256k1_schnorr_verify"),
        ..VERIFY
    },
    Operation {
        row: Row::EcdsaP256,
        name: "ecdsa-p256",
        rule: "FIPS 186-5 section 6.4.2 over P-256; r and S in 1..n-1, high S valid",
        kernel: Some("p256_ecdsa_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::EcdsaP256LowS,
        name: "ecdsa-p256-low-s",
        rule: "as ecdsa-p256, and S <= n/2 (Fabric bccsp/utils/ecdsa.go, IsLowS)",
        kernel: Some("p256_ecdsa_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::Sm2Za,
        name: "sm2-za",
        rule: "GB/T 32918.2-2016 section 7 with Z_A of section 5.5 over the user id",
        messages: Messages::Raw,
        takes_user_id: true,
        kernel: Some("sm2_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::Sm2E,
        name: "sm2-e",
        rule: "GB/T 32918.2-2016 section 7.1 from step B5, e given or the named hash of the message",
        kernel: Some("sm2_verify"),
        ..WEIERSTRASS
    },
    Operation {
        row: Row::Rsa2048Pkcs1Sha256,
        name: "rsa2048-pkcs1-sha256",
        rule: "RFC 8017 section 8.2.2 with SHA-256; a modulus of exactly 2,048 bits",
        key_len: 264,
        signature_len: 256,
        ..VERIFY
    },
    Operation {
        row: Row::BlsMinPkPop,
        name: "bls12381-minpk-pop",
        rule: "draft-irtf-cfrg-bls-signature-05 CoreVerify, suite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_",
        ..BLS
    },
    Operation {
        row: Row::BlsMinPkPopAggregate,
        name: "bls12381-minpk-pop-aggregate",
        rule: "the same draft, CoreAggregateVerify; KeyValidate on every key",
        grouping: Grouping::KeysAndMessages,
        ..BLS
    },
    Operation {
        row: Row::BlsMinPkPopFastAggregate,
        name: "bls12381-minpk-pop-fast-aggregate",
        rule: "the same draft, FastAggregateVerify; KeyValidate on every key",
        grouping: Grouping::Keys,
        ..BLS
    },
    Operation {
        row: Row::MlDsa65,
        name: "ml-dsa-65",
        rule: "FIPS 204 algorithm 3 (ML-DSA.Verify), parameter set ML-DSA-65",
        key_len: 1_952,
        signature_len: 3_309,
        takes_context: true,
        ..VERIFY
    },
    Operation {
        row: Row::RecoverSecp256k1,
        name: "recover-secp256k1",
        rule: "SEC 1 v2 section 4.1.6; r and S in 1..n-1, high S valid, v in 0..=3",
        kernel: Some("secp256k1_recover"),
        ..RECOVER
    },
    Operation {
        row: Row::RecoverSecp256k1LowS,
        name: "recover-secp256k1-low-s",
        rule: "as recover-secp256k1, and S <= n/2 (EIP-2)",
        kernel: Some("secp256k1_recover"),
        ..RECOVER
    },
    Operation { row: Row::Sha256, name: "sha256", rule: "FIPS 180-4", kernel: Some("sha256"), ..DIGEST },
    Operation {
        row: Row::Sha256d,
        name: "sha256d",
        rule: "SHA-256 of SHA-256 (Bitcoin)",
        kernel: Some("sha256d"),
        ..DIGEST
    },
    Operation {
        row: Row::Sha512,
        name: "sha512",
        rule: "FIPS 180-4",
        values: &[(Output::Default, 64)],
        kernel: Some("sha512"),
        ..DIGEST
    },
    Operation { row: Row::Sha3_256, name: "sha3-256", rule: "FIPS 202", kernel: Some("sha3_256"), ..DIGEST },
    Operation {
        row: Row::Keccak256,
        name: "keccak256",
        rule: "Keccak submission, round 3: pad10*1 without a domain suffix (Ethereum)",
        kernel: Some("keccak256"),
        ..DIGEST
    },
    Operation {
        row: Row::Blake3,
        name: "blake3",
        rule: "BLAKE3 specification, hash mode",
        kernel: Some("blake3"),
        ..DIGEST
    },
    Operation {
        row: Row::Blake2b256,
        name: "blake2b-256",
        rule: "RFC 7693, nn = 32, unkeyed",
        kernel: Some("blake2b_256"),
        ..DIGEST
    },
    Operation { row: Row::Sm3, name: "sm3", rule: "GB/T 32905-2016", kernel: Some("sm3"), ..DIGEST },
    Operation {
        row: Row::Ripemd160,
        name: "ripemd160",
        rule: "ISO/IEC 10118-3 (RIPEMD-160)",
        values: &[(Output::Default, 20)],
        kernel: Some("ripemd160"),
        ..DIGEST
    },
    Operation {
        row: Row::Hash160,
        name: "hash160",
        rule: "RIPEMD-160 of SHA-256 (Bitcoin)",
        values: &[(Output::Default, 20)],
        kernel: Some("hash160"),
        ..DIGEST
    },
    Operation {
        row: Row::MerkleDuplicateLast,
        name: "merkle-duplicate-last",
        rule: "Bitcoin, Neo, XuperChain, ChainMaker: 32-byte leaves, an odd level's last node paired with itself",
        messages: Messages::Leaves(&Hash::ALL),
        kernel: Some("merkle_duplicate_last"),
        ..MERKLE
    },
    Operation {
        row: Row::MerkleRfc6962,
        name: "merkle-rfc6962",
        rule: "RFC 6962 section 2.1: prefixes 00 and 01; the empty tree is the hash of nothing",
        messages: Messages::Leaves(&Hash::ALL),
        kernel: Some("merkle_rfc6962"),
        ..MERKLE
    },
    Operation {
        row: Row::MerkleFiscoV3,
        name: "merkle-fisco-v3",
        rule: "FISCO BCOS v3 bcos-crypto merkle, width 2: no prefix, a lone child hashed alone, one leaf is the root",
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Sm3, Hash::Sha256]),
        kernel: Some("merkle_fisco_v3"),
        ..MERKLE
    },
    Operation {
        row: Row::MerkleFiscoV2,
        name: "merkle-fisco-v2",
        rule: "FISCO BCOS v2 libethcore getHash256: width 16, leaf RLP(index) then the hash, one more hash at the root",
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Sm3, Hash::Sha256]),
        kernel: Some("merkle_fisco_v2"),
        ..MERKLE
    },
    Operation {
        row: Row::MerkleFlat,
        name: "merkle-flat",
        rule: "Fabric protoutil BlockDataHash: one hash over the concatenated leaves",
        messages: Messages::Leaves(&[Hash::Sha256, Hash::Sm3]),
        ..MERKLE
    },
    Operation {
        row: Row::MerklePatricia,
        name: "merkle-patricia",
        rule: "Ethereum yellow paper, appendix D, keys RLP(index); keccak256 (Ethereum, BSC) or blake2b-256 (VeChain)",
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Blake2b256]),
        ..MERKLE
    },
];

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
