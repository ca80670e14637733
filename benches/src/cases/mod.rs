//! The cases, by family.

mod bls;
mod ed25519;
mod hash;
mod merkle;
mod p256;
mod secp256k1;
mod sm2;

use assay_core::samples::Spec;

use crate::contest::Case;

/// Items of a batch of signatures.
const SIGNATURES: usize = 1_024;

/// Distinct keys and messages of 32 bytes.
fn signatures() -> Spec {
    Spec { items: SIGNATURES, ..Spec::default() }
}

/// The batches every signature row is measured on: distinct keys, 64 keys that come back, and eight items at a time.
fn batches() -> [(&'static str, Spec); 3] {
    [
        ("", signatures()),
        ("64 keys", Spec { keys: 64, ..signatures() }),
        ("batch of 8", Spec { items: 8, ..Spec::default() }),
    ]
}

/// Every case.
pub fn all() -> Vec<Case> {
    [ed25519::cases(), secp256k1::cases(), p256::cases(), sm2::cases(), bls::cases(), hash::cases(), merkle::cases()]
        .into_iter()
        .flatten()
        .collect()
}
