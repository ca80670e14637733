//! SM2 with Z_A over the message and the default user id, and over e itself.

use assay_core::samples::Sample;
use assay_scheme::Row;
use sm2::dsa::signature::Verifier;
use sm2::dsa::signature::hazmat::PrehashVerifier;
use sm2::elliptic_curve::sec1::ToSec1Point;

use super::batches;
use crate::contest::{Case, Contestant};

/// The user id that everybody takes where none is given (GM/T 0009-2012).
const USER_ID: &str = "1234567812345678";

/// The cases.
pub fn cases() -> Vec<Case> {
    let za = batches().map(|(suffix, spec)| Case::new(Row::Sm2Za, suffix, spec, za_peers));
    let e = batches().map(|(suffix, spec)| Case::new(Row::Sm2E, suffix, spec, e_peers));
    za.into_iter().chain(e).collect()
}

fn key(sample: &Sample) -> Option<sm2::dsa::VerifyingKey> {
    sm2::dsa::VerifyingKey::from_sec1_bytes(USER_ID, &sample.keys[0]).ok()
}

/// efficient-sm2 takes x ‖ y alone, and does not look whether it is on the curve; compressed keys are opened for it.
fn uncompressed(sample: &Sample) -> Option<efficient_sm2::PublicKey> {
    let bytes = &sample.keys[0];
    if bytes.len() == 65 {
        return Some(efficient_sm2::PublicKey::from_slice(&bytes[1..]));
    }
    let point = sm2::PublicKey::from_sec1_bytes(bytes).ok()?.to_sec1_point(false);
    Some(efficient_sm2::PublicKey::from_slice(&point.as_bytes()[1..]))
}

fn za_peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::verifier("sm2", samples, |sample| {
            let signature = sm2::dsa::Signature::try_from(&sample.signature[..]);
            let (Some(key), Ok(signature)) = (key(sample), signature) else { return false };
            key.verify(&sample.messages[0], &signature).is_ok()
        }),
        Contestant::verifier("efficient-sm2", samples, |sample| {
            let signature = efficient_sm2::Signature::from_slice(&sample.signature);
            let (Some(key), Ok(signature)) = (uncompressed(sample), signature) else { return false };
            signature.verify(&key, &sample.messages[0]).is_ok()
        }),
    ]
}

fn e_peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::verifier("sm2", samples, |sample| {
            let signature = sm2::dsa::Signature::try_from(&sample.signature[..]);
            let (Some(key), Ok(signature)) = (key(sample), signature) else { return false };
            key.verify_prehash(&sample.messages[0], &signature).is_ok()
        }),
        Contestant::verifier("efficient-sm2", samples, |sample| {
            let signature = efficient_sm2::Signature::from_slice(&sample.signature);
            let (Some(key), Ok(signature)) = (uncompressed(sample), signature) else { return false };
            signature.verify_digest(&key, &sample.messages[0]).is_ok()
        }),
    ]
}
