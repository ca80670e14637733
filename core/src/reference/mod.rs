//! The oracle: every row of the registry, computed by well-kept libraries. Dull on purpose.
//!
//! What each row accepts, which library meets it and what is closed around that library stands in docs/rules.md. Checks
//! come in the order key, signature, message, equation, so the first one that fails is the reason, the same as on every
//! other backend. All inputs are public: nothing here is constant-time.

mod bls;
mod digest;
mod ed25519;
mod job;
mod merkle;
mod ml_dsa;
mod p256;
mod pow;
mod rsa;
mod sec1;
mod secp256k1;
mod sm2;

use std::ops::Range;

use assay_scheme::Row;

use crate::backend::{Backend, BackendName, Fault, Output};
use crate::batch::Bundle;

pub use digest::hash;
pub(crate) use job::fixed;

/// The reference backend. It keeps nothing between calls and starts no threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Reference {
    /// The reference backend.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Backend for Reference {
    fn name(&self) -> BackendName {
        BackendName::Reference
    }

    fn serves(&self, _row: Row) -> bool {
        true
    }

    fn compute(&self, bundle: &Bundle, range: Range<usize>, out: Output<'_>) -> Result<(), Fault> {
        let row = bundle.operation().row;
        let Output { mut verdicts, mut values, width } = out;
        for (columns, items) in bundle.slices(range) {
            // Each segment takes its items' share off the front.
            let own_verdicts = verdicts.split_off_mut(..items.len()).ok_or(Fault::Broken)?;
            let own_values = values.split_off_mut(..items.len() * width).ok_or(Fault::Broken)?;
            let out = Output { verdicts: own_verdicts, values: own_values, width };
            compute(row, job::Job::new(columns, items, bundle.parameters(), out));
        }
        Ok(())
    }
}

/// One row's items of one request.
fn compute(row: Row, job: job::Job<'_>) {
    match row {
        Row::Ed25519Zip215 => ed25519::zip215(job),
        Row::Ed25519Ref10 => ed25519::ref10(job),
        Row::Ed25519Strict => ed25519::strict(job),
        Row::EcdsaSecp256k1 => secp256k1::ecdsa(job, false),
        Row::EcdsaSecp256k1LowS => secp256k1::ecdsa(job, true),
        Row::SchnorrBip340 => secp256k1::schnorr(job),
        Row::EcdsaP256 => p256::ecdsa(job, false),
        Row::EcdsaP256LowS => p256::ecdsa(job, true),
        Row::Sm2Za => sm2::with_za(job),
        Row::Sm2E => sm2::with_e(job),
        Row::Rsa2048Pkcs1Sha256 => rsa::pkcs1_sha256(job),
        Row::BlsMinPkPop => bls::single(job),
        Row::BlsMinPkPopAggregate => bls::aggregate(job),
        Row::BlsMinPkPopFastAggregate => bls::fast_aggregate(job),
        Row::MlDsa65 => ml_dsa::verify(job),
        Row::RecoverSecp256k1 => secp256k1::recover(job, false),
        Row::RecoverSecp256k1LowS => secp256k1::recover(job, true),
        Row::Sha256 => job.values(digest::sha256),
        Row::Sha256d => job.values(digest::sha256d),
        Row::Sha512 => job.values(digest::sha512),
        Row::Sha3_256 => job.values(digest::sha3_256),
        Row::Keccak256 => job.values(digest::keccak256),
        Row::Blake3 => job.values(digest::blake3),
        Row::Blake2b256 => job.values(digest::blake2b_256),
        Row::Sm3 => job.values(digest::sm3),
        Row::Ripemd160 => job.values(digest::ripemd160),
        Row::Hash160 => job.values(digest::hash160),
        Row::MerkleDuplicateLast
        | Row::MerkleRfc6962
        | Row::MerkleFiscoV3
        | Row::MerkleFiscoV2
        | Row::MerkleFlat
        | Row::MerklePatricia => merkle::root(row, job),
        Row::MerkleDuplicateLastProof
        | Row::MerkleRfc6962Proof
        | Row::MerkleRfc6962Consistency
        | Row::MerkleFiscoV3Proof
        | Row::MerkleFiscoV2Proof
        | Row::MerklePatriciaProof => merkle::proof(row, job),
        Row::PowBitcoinHeader | Row::PowBitcoinShare => pow::headers(row, job),
    }
}
