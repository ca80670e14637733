//! Keys, and the two ways votes are written.

use assay_scheme::encoding::sec1;
use assay_scheme::{Hash, Parameters, Reason, Row};

use crate::claims::{Claim, Collector};
use crate::hash::{hash160, sha256};

/// How canonical votes are written, and which Ed25519 rules hold with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Protobuf, from Tendermint 0.34 on; Ed25519 under ZIP-215.
    Protobuf,
    /// Amino, before it; Ed25519 as Go checks it.
    Amino,
}

/// Which signatures a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// ECDSA over secp256k1 with SHA-256, low S.
    Secp256k1,
    /// BLS12-381.
    Bls12381,
    /// A kind that no rule is known for here.
    Other,
}

/// A validator's key as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawKey {
    /// Its kind.
    pub kind: KeyKind,
    /// Its bytes, of any length a stranger may write.
    pub bytes: Vec<u8>,
}

impl RawKey {
    /// A key by the name amino's JSON gives its type.
    #[must_use]
    pub fn from_json_name(name: &str, bytes: Vec<u8>) -> Self {
        let kind = match name {
            "tendermint/PubKeyEd25519" | "cometbft/PubKeyEd25519" => KeyKind::Ed25519,
            "tendermint/PubKeySecp256k1" | "cometbft/PubKeySecp256k1" => KeyKind::Secp256k1,
            "cometbft/PubKeyBls12_381" => KeyKind::Bls12381,
            _ => KeyKind::Other,
        };
        Self { kind, bytes }
    }

    /// A key by its field in the PublicKey message.
    #[must_use]
    pub fn from_field(number: u64, bytes: Vec<u8>) -> Self {
        let kind = match number {
            1 => KeyKind::Ed25519,
            2 => KeyKind::Secp256k1,
            3 => KeyKind::Bls12381,
            _ => KeyKind::Other,
        };
        Self { kind, bytes }
    }

    /// Its field in the PublicKey message (CometBFT `proto/cometbft/crypto/v1/keys.proto`), and its bytes.
    #[must_use]
    pub fn field(&self) -> Option<(u32, &[u8])> {
        let number = match self.kind {
            KeyKind::Ed25519 => 1,
            KeyKind::Secp256k1 => 2,
            KeyKind::Bls12381 => 3,
            KeyKind::Other => return None,
        };
        Some((number, &self.bytes))
    }

    /// The address that the key has: 20 bytes (CometBFT `crypto/ed25519`, `crypto/secp256k1`, `Address`).
    #[must_use]
    pub fn address(&self) -> Option<[u8; 20]> {
        match self.kind {
            KeyKind::Ed25519 | KeyKind::Bls12381 => Some(sha256(&self.bytes)[..20].try_into().expect("20 of 32 bytes")),
            KeyKind::Secp256k1 => Some(hash160(&self.bytes)),
            KeyKind::Other => None,
        }
    }

    /// Claims that this key signed this message; `None` for a kind that is not covered.
    pub fn claim(
        &self,
        dialect: Dialect,
        signature: &[u8],
        message: &[u8],
        collector: &mut Collector<'_>,
    ) -> Option<Claim> {
        let (row, parameters) = match (self.kind, dialect) {
            (KeyKind::Ed25519, Dialect::Protobuf) => (Row::Ed25519Zip215, Parameters::default()),
            (KeyKind::Ed25519, Dialect::Amino) => (Row::Ed25519Ref10, Parameters::default()),
            (KeyKind::Secp256k1, _) => (Row::EcdsaSecp256k1LowS, Parameters::hashed(Hash::Sha256)),
            _ => return None,
        };
        let point;
        let key = match self.kind {
            KeyKind::Ed25519 if self.bytes.len() == 32 => Ok((0, &self.bytes[..])),
            // CometBFT writes keys compressed alone (crypto/secp256k1, PubKeySize).
            KeyKind::Secp256k1 if self.bytes.len() == 33 => {
                point = sec1::read(&self.bytes);
                point.as_ref().map(|(form, point)| (*form, &point[..])).ok_or(Reason::Key)
            }
            _ => Err(Reason::Key),
        };
        let parts = key.and_then(|(form, key)| match signature.len() {
            64 => Ok((form, key, signature)),
            _ => Err(Reason::Signature),
        });
        Some(collector.push_or_refuse(row, &parameters, parts, message))
    }
}
