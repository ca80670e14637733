//! ECDSA over P-256 with SHA-256 of the message, so that libraries without a call for a digest take part.

use assay_core::samples::{Sample, Spec};
use assay_scheme::{Hash, Parameters, Row};
use openssl::bn::BigNum;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::batches;
use crate::contest::{Case, Contestant};

/// The cases.
pub fn cases() -> Vec<Case> {
    [Row::EcdsaP256, Row::EcdsaP256LowS]
        .into_iter()
        .flat_map(|row| {
            batches().map(|(suffix, spec)| Case {
                parameters: Parameters::hashed(Hash::Sha256),
                make: Some(make),
                ..Case::new(row, suffix, spec, peers)
            })
        })
        .collect()
}

/// Items with low S under 65-byte keys; the engine's own samples sign a digest.
fn make(spec: &Spec) -> Vec<Sample> {
    let keys = if spec.keys == 0 { spec.items } else { spec.keys };
    let signers: Vec<_> = (0..keys)
        .map(|index| {
            let secret = Sha256::digest([&b"a bench's key"[..], &index.to_le_bytes()].concat());
            SigningKey::from_slice(&secret).expect("a hash is below the order but for one in 2^32")
        })
        .collect();
    (0..spec.items)
        .map(|index| {
            let signer = &signers[index % keys];
            let message = Sha256::digest(index.to_le_bytes()).to_vec();
            let signature: Signature = signer.sign(&message);
            let key = VerifyingKey::from(signer).to_sec1_point(false).as_bytes().to_vec();
            let signature = signature.normalize_s().to_bytes().to_vec();
            let mut sample = Sample { keys: vec![key], signature, messages: vec![message], valid: true };
            if spec.spoil_every > 0 && index % spec.spoil_every == spec.spoil_every - 1 {
                sample.messages[0][0] ^= 1;
                sample.valid = false;
            }
            sample
        })
        .collect()
}

fn peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    let group = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).expect("openssl has P-256");
    vec![
        Contestant::verifier("aws-lc-rs", samples, |sample| {
            let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED;
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, &sample.keys[0]);
            key.verify(&sample.messages[0], &sample.signature).is_ok()
        }),
        Contestant::verifier("ring", samples, |sample| {
            let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED;
            let key = ring::signature::UnparsedPublicKey::new(algorithm, &sample.keys[0]);
            key.verify(&sample.messages[0], &sample.signature).is_ok()
        }),
        Contestant::verifier("p256", samples, |sample| {
            let (Ok(key), Ok(signature)) =
                (VerifyingKey::from_sec1_bytes(&sample.keys[0]), Signature::from_slice(&sample.signature))
            else {
                return false;
            };
            key.verify(&sample.messages[0], &signature).is_ok()
        }),
        Contestant::verifier("openssl", samples, move |sample| {
            let verify = || {
                let mut context = openssl::bn::BigNumContext::new()?;
                let point = openssl::ec::EcPoint::from_bytes(&group, &sample.keys[0], &mut context)?;
                let key = openssl::ec::EcKey::from_public_key(&group, &point)?;
                let (r, s) = sample.signature.split_at(32);
                let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
                let signature = openssl::ecdsa::EcdsaSig::from_private_components(r, s)?;
                signature.verify(&openssl::sha::sha256(&sample.messages[0]), &key)
            };
            verify().unwrap_or(false)
        }),
    ]
}
