//! The table itself: a row for each rule set, what differs from its family said with struct update syntax.

use super::{Grouping, Kind, Messages, Operation, Row};
use crate::parameters::{Hash, Output};

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

/// A row of proofs against a root: the root is the key, index and number of leaves are the signature (u64 little-endian
/// each), the leaf and the path's nodes are the messages.
const MERKLE_PROOF: Operation = Operation { key_len: 32, signature_len: 16, values: &[], ..MERKLE };

/// A proof-of-work row: what is asked of the work is the key, the header is the message, its hash the value.
const POW: Operation = Operation { kind: Kind::Pow, kernel: Some("sha256d"), ..DIGEST };

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
    Operation {
        row: Row::MerkleDuplicateLastProof,
        name: "merkle-duplicate-last-proof",
        rule: "Bitcoin merkle branch: a sibling a level; index below the number of leaves; a lone node's sibling is itself",
        messages: Messages::Leaves(&Hash::ALL),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::MerkleRfc6962Proof,
        name: "merkle-rfc6962-proof",
        rule: "RFC 6962 section 2.1.1, checked as RFC 9162 section 2.1.3.2",
        messages: Messages::Leaves(&Hash::ALL),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::MerkleRfc6962Consistency,
        name: "merkle-rfc6962-consistency",
        rule: "RFC 6962 section 2.1.2, checked as RFC 9162 section 2.1.4.2",
        key_len: 64,
        messages: Messages::Leaves(&Hash::ALL),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::MerkleFiscoV3Proof,
        name: "merkle-fisco-v3-proof",
        rule: "FISCO BCOS v3 bcos-crypto merkle, width 2: a sibling a level, none for a lone child",
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Sm3, Hash::Sha256]),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::MerkleFiscoV2Proof,
        name: "merkle-fisco-v2-proof",
        rule: "FISCO BCOS v2 libethcore, width 16: the up to 15 siblings of each level, left to right",
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Sm3, Hash::Sha256]),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::MerklePatriciaProof,
        name: "merkle-patricia-proof",
        rule: "Ethereum yellow paper, appendix D; EIP-1186: key, value (empty: absent), nodes from the root down",
        signature_len: 0,
        messages: Messages::Leaves(&[Hash::Keccak256, Hash::Blake2b256]),
        ..MERKLE_PROOF
    },
    Operation {
        row: Row::PowBitcoinHeader,
        name: "pow-bitcoin-header",
        rule: "Bitcoin pow.cpp CheckProofOfWork: nBits not negative, zero or overflowing, within the limit, and met",
        key_len: 32,
        ..POW
    },
    Operation {
        row: Row::PowBitcoinShare,
        name: "pow-bitcoin-share",
        rule: "cgminer: the hash's top 64 bits at most 0xffff0000 / difficulty",
        key_len: 8,
        ..POW
    },
];
