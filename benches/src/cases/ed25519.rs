//! Ed25519: the three rule sets; on honest signatures all libraries agree.

use assay_core::samples::{Sample, Spec};
use assay_scheme::Row;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use super::{batches, signatures};
use crate::contest::{Case, Contestant};

/// The cases.
pub fn cases() -> Vec<Case> {
    let rows = [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict];
    let mut cases: Vec<_> =
        rows.into_iter().flat_map(|row| batches().map(|(suffix, spec)| Case::new(row, suffix, spec, peers))).collect();
    let votes = Spec { items: 150, keys: 150, message_bytes: 120, ..signatures() };
    cases.push(Case::new(Row::Ed25519Zip215, "150 votes of 120 B", votes, peers));
    cases
}

fn array<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.try_into().expect("a row's length")
}

fn peers(samples: &[Sample]) -> Vec<Contestant<'_>> {
    let dalek = |sample: &Sample| {
        (VerifyingKey::from_bytes(array(&sample.keys[0])), Signature::from_bytes(array(&sample.signature)))
    };
    vec![
        Contestant::verifier("ed25519-dalek verify", samples, move |sample| {
            let (key, signature) = dalek(sample);
            key.is_ok_and(|key| key.verify(&sample.messages[0], &signature).is_ok())
        }),
        Contestant::verifier("ed25519-dalek verify_strict", samples, move |sample| {
            let (key, signature) = dalek(sample);
            key.is_ok_and(|key| key.verify_strict(&sample.messages[0], &signature).is_ok())
        }),
        Contestant {
            whole_batch: true,
            ..Contestant::peer("ed25519-dalek verify_batch", move || {
                let keys: Option<Vec<_>> = samples.iter().map(|sample| dalek(sample).0.ok()).collect();
                let signatures: Vec<_> = samples.iter().map(|sample| dalek(sample).1).collect();
                let messages: Vec<_> = samples.iter().map(|sample| &sample.messages[0][..]).collect();
                let verify = |keys: Vec<_>| ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok();
                vec![u8::from(keys.is_some_and(verify))]
            })
        },
        Contestant::verifier("ed25519-zebra", samples, |sample| {
            let signature = ed25519_zebra::Signature::from_bytes(array(&sample.signature));
            ed25519_zebra::VerificationKey::try_from(&sample.keys[0][..])
                .is_ok_and(|key| key.verify(&signature, &sample.messages[0]).is_ok())
        }),
        Contestant::verifier("aws-lc-rs", samples, |sample| {
            let algorithm = &aws_lc_rs::signature::ED25519;
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, &sample.keys[0]);
            key.verify(&sample.messages[0], &sample.signature).is_ok()
        }),
        Contestant::verifier("ring", samples, |sample| {
            let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &sample.keys[0]);
            key.verify(&sample.messages[0], &sample.signature).is_ok()
        }),
        Contestant::verifier("openssl", samples, |sample| {
            let id = openssl::pkey::Id::ED25519;
            openssl::pkey::PKey::public_key_from_raw_bytes(&sample.keys[0], id).is_ok_and(|key| {
                openssl::sign::Verifier::new_without_digest(&key)
                    .and_then(|mut verifier| verifier.verify_oneshot(&sample.signature, &sample.messages[0]))
                    .unwrap_or(false)
            })
        }),
    ]
}
