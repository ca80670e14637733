//! The two crypto suites: how they hash, and how a signature becomes a claim.
//!
//! | suite | hash | signature of a vote | of a transaction | address |
//! | :-- | :-- | :-- | :-- | :-- |
//! | `secp256k1-keccak256` | keccak256 | r ‖ s ‖ v | r ‖ s ‖ v | right160(keccak256(key)), the key recovered |
//! | `sm2-sm3` | SM3 | r ‖ s (v3), r ‖ s ‖ key (v2) | r ‖ s ‖ key | right160(SM3(key)) |
//!
//! SM2 signs the 32 bytes of the hash as a message, under Z_A with the default user id (FISCO-BCOS
//! `bcos-crypto/signature/sm2/SM2Crypto.cpp`; v2 `libdevcrypto/SM2Signature.cpp`).

use assay_scheme::{Hash, Parameters, Reason, Row};

use crate::claims::{Claim, Collector};
use crate::hash::{keccak256, sm3};

/// A crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// ECDSA over secp256k1 with recovery, keccak256.
    Keccak,
    /// SM2 and SM3.
    Sm,
}

/// Which FISCO BCOS, where the rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 2.x.
    V2,
    /// 3.x.
    V3,
}

/// Suites by name, the default first.
pub static SUITES: [(&str, Suite); 2] = [("secp256k1-keccak256", Suite::Keccak), ("sm2-sm3", Suite::Sm)];

/// The order of secp256k1, which v2 holds r and s of an SM2 signature against.
const SECP256K1_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
    0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// Who signed, once the claim is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The claim's value is the key, x ‖ y.
    Recovered,
    /// The key was given.
    Given([u8; 64]),
}

impl Suite {
    /// The suite's hash.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Self::Keccak => keccak256(bytes),
            Self::Sm => sm3(bytes),
        }
    }

    /// The suite's hash by name, for trees.
    #[must_use]
    pub const fn row_hash(self) -> Hash {
        match self {
            Self::Keccak => Hash::Keccak256,
            Self::Sm => Hash::Sm3,
        }
    }

    /// An account: the last 20 bytes of the key's hash (`CryptoSuite.h`, `calculateAddress`).
    #[must_use]
    pub fn address(self, key: &[u8]) -> [u8; 20] {
        self.hash(key)[12..].try_into().expect("32 bytes")
    }

    /// The suite whose signatures have this length; `None` where none has.
    #[must_use]
    pub const fn of_signature(len: usize) -> Option<Self> {
        match len {
            65 => Some(Self::Keccak),
            64 | 128 => Some(Self::Sm),
            _ => None,
        }
    }

    /// A sealer's vote for a block's hash, by the key that is its node id. secp256k1: the recovered key must be it (v2
    /// `ecdsaVerify`, v3 `wedpr_secp256k1_verify`); any S. A key that v2 writes behind r and s must be it too.
    pub(super) fn vote(
        self,
        digest: &[u8; 32],
        signature: &[u8],
        key: &[u8; 64],
        collector: &mut Collector<'_>,
    ) -> Claim {
        match self {
            Self::Keccak => recover(Row::RecoverSecp256k1, digest, signature, collector),
            Self::Sm => {
                let pair = match signature {
                    pair if pair.len() == 64 => Some(pair),
                    _ if signature.len() == 128 && signature[64..] == *key => Some(&signature[..64]),
                    _ => None,
                };
                let parts = pair.map_or(Err(Reason::Signature), |pair| Ok((0x04, &key[..], pair)));
                collector.push_or_refuse(Row::Sm2Za, &Parameters::default(), parts, digest)
            }
        }
    }

    /// A transaction's signature. v2 asks for low S and v <= 1 (`ECDSASignature.cpp`, `isValid`), and of an SM2 signature that
    /// r and s are below secp256k1's order (`SM2Signature.cpp`, `isValid`: a quirk that refuses nothing which SM2's own
    /// order, the smaller one, lets through).
    pub(super) fn sender(
        self,
        generation: Generation,
        digest: &[u8; 32],
        signature: &[u8],
        collector: &mut Collector<'_>,
    ) -> (Claim, Signer) {
        match (self, generation) {
            (Self::Keccak, Generation::V3) => {
                (recover(Row::RecoverSecp256k1, digest, signature, collector), Signer::Recovered)
            }
            (Self::Keccak, Generation::V2) => {
                let row = Row::RecoverSecp256k1LowS;
                let claim = match signature {
                    [.., 0 | 1] => recover(row, digest, signature, collector),
                    _ => collector.refuse(row, &Parameters::default(), Reason::Signature),
                };
                (claim, Signer::Recovered)
            }
            (Self::Sm, _) => {
                let Some((pair, key)) = signature.split_at_checked(64) else {
                    let claim = collector.refuse(Row::Sm2Za, &Parameters::default(), Reason::Signature);
                    return (claim, Signer::Given([0; 64]));
                };
                let within =
                    generation == Generation::V3 || pair.chunks_exact(32).all(|half| half < &SECP256K1_ORDER[..]);
                let parts = match <&[u8; 64]>::try_from(key) {
                    Err(_) => Err(Reason::Signature),
                    Ok(_) if !within => Err(Reason::Signature),
                    Ok(key) => Ok((0x04, &key[..], pair)),
                };
                let claim = collector.push_or_refuse(Row::Sm2Za, &Parameters::default(), parts, digest);
                (claim, Signer::Given(key.try_into().unwrap_or([0; 64])))
            }
        }
    }
}

fn recover(row: Row, digest: &[u8; 32], signature: &[u8], collector: &mut Collector<'_>) -> Claim {
    let parameters = Parameters::default();
    let parts = if signature.len() == 65 { Ok((0, &[][..], signature)) } else { Err(Reason::Signature) };
    collector.push_or_refuse(row, &parameters, parts, digest)
}
