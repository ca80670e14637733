//! secp256k1: ECDSA over a digest, recovery, BIP-340.

use assay_core::samples::Sample;
use assay_scheme::Row;
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use secp256k1::{Message, PublicKey, XOnlyPublicKey, ecdsa, schnorr};

use super::batches;
use crate::contest::{Case, Contestant};

/// The cases.
pub fn cases() -> Vec<Case> {
    let of = |row: Row, peers: for<'a> fn(&'a [Sample]) -> Vec<Contestant<'a>>| {
        batches().map(|(suffix, spec)| Case::new(row, suffix, spec, peers))
    };
    let mut cases = Vec::new();
    cases.extend(of(Row::EcdsaSecp256k1, ecdsa_peers));
    cases.extend(of(Row::EcdsaSecp256k1LowS, ecdsa_peers));
    cases.extend(of(Row::SchnorrBip340, schnorr_peers));
    let [distinct, _, eight] = of(Row::RecoverSecp256k1, recover_peers);
    cases.extend([distinct, eight]);
    cases
}

fn digest(sample: &Sample) -> Message {
    Message::from_digest(sample.messages[0][..].try_into().expect("a digest"))
}

fn ecdsa_peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::verifier("secp256k1 (libsecp256k1)", samples, |sample| {
            let (Ok(key), Ok(mut signature)) =
                (PublicKey::from_slice(&sample.keys[0]), Signature::from_compact(&sample.signature))
            else {
                return false;
            };
            signature.normalize_s();
            ecdsa::verify(&signature, digest(sample), &key).is_ok()
        }),
        Contestant::verifier("k256", samples, |sample| {
            let (Ok(key), Ok(signature)) = (
                k256::ecdsa::VerifyingKey::from_sec1_bytes(&sample.keys[0]),
                k256::ecdsa::Signature::from_slice(&sample.signature),
            ) else {
                return false;
            };
            key.verify_prehash(&sample.messages[0], &signature.normalize_s()).is_ok()
        }),
    ]
}

fn schnorr_peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::verifier("secp256k1 (libsecp256k1)", samples, |sample| {
            let key = XOnlyPublicKey::from_byte_array(sample.keys[0][..].try_into().expect("32 bytes"));
            let signature = schnorr::Signature::from_byte_array(sample.signature[..].try_into().expect("64 bytes"));
            key.is_ok_and(|key| schnorr::verify(&signature, &sample.messages[0], &key).is_ok())
        }),
        Contestant::verifier("k256", samples, |sample| {
            let (Ok(key), Ok(signature)) = (
                k256::schnorr::VerifyingKey::from_bytes(sample.keys[0][..].try_into().expect("32 bytes")),
                k256::schnorr::Signature::try_from(&sample.signature[..]),
            ) else {
                return false;
            };
            key.verify_raw(&sample.messages[0], &signature).is_ok()
        }),
    ]
}

/// x ‖ y of each key, zeros where none is recovered.
fn keys<'a>(
    name: &str,
    samples: &'a [Sample],
    recover: impl Fn(&'a Sample) -> Option<[u8; 64]> + Sync + 'a,
) -> Contestant<'a> {
    Contestant::peer(name, move || samples.iter().flat_map(|sample| recover(sample).unwrap_or([0; 64])).collect())
}

fn recover_peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        keys("secp256k1 (libsecp256k1)", samples, |sample| {
            let id = RecoveryId::try_from(i32::from(sample.signature[64])).ok()?;
            let signature = RecoverableSignature::from_compact(&sample.signature[..64], id).ok()?;
            let key = signature.recover_ecdsa(digest(sample)).ok()?;
            key.serialize_uncompressed()[1..].try_into().ok()
        }),
        keys("k256", samples, |sample| {
            let id = k256::ecdsa::RecoveryId::from_byte(sample.signature[64])?;
            let signature = k256::ecdsa::Signature::from_slice(&sample.signature[..64]).ok()?;
            let key = k256::ecdsa::VerifyingKey::recover_from_prehash(&sample.messages[0], &signature, id).ok()?;
            key.to_sec1_point(false).as_bytes()[1..].try_into().ok()
        }),
    ]
}
