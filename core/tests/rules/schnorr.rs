//! BIP-340.

use assay_scheme::Row;
use secp256k1::Keypair;

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID, unhex, verdict};
use crate::vectors;

/// The BIP's nineteen vectors, messages of 0, 1, 17 and 100 bytes among them.
#[test]
fn published_vectors() {
    let text = vectors::BIP340.text();
    let mut batch = Batch::new(Row::SchnorrBip340);
    let mut listed = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        batch.push(&unhex(fields[2]), &unhex(fields[5]), &unhex(fields[4]));
        listed.push((fields[6] == "TRUE", fields[7].to_owned()));
    }
    assert_eq!(listed.len(), 19);
    for (verdict, (valid, comment)) in batch.verdicts().into_iter().zip(listed) {
        assert_eq!(verdict.is_valid(), valid, "{comment}");
        let reason = match comment.as_str() {
            comment if comment.contains("public key not on the curve") => Some(KEY),
            comment if comment.contains("public key is not a valid X coordinate") => Some(KEY),
            comment if comment.contains("equal to field size") => Some(SIGNATURE),
            comment if comment.contains("equal to curve order") => Some(SIGNATURE),
            _ if valid => Some(VALID),
            _ => Some(EQUATION),
        };
        assert_eq!(Some(verdict), reason, "{comment}");
    }
}

#[test]
fn ranges() {
    let pair = Keypair::from_secret_bytes([3; 32]).expect("below the order");
    let key = pair.x_only_public_key().0.to_byte_array();
    let signature = pair.sign_schnorr_no_aux_rand(b"message").to_byte_array();
    let check = |signature: &[u8]| verdict(Row::SchnorrBip340, &key, signature, b"message");
    let (r, s) = signature.split_at(32);
    assert_eq!(check(&signature), VALID);
    let p = unhex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");
    let n = unhex(crate::ecdsa::N);
    assert_eq!(check(&[&p, s].concat()), SIGNATURE, "r = p");
    assert_eq!(check(&[&n, s].concat()), EQUATION, "r between n and p is an x like others");
    assert_eq!(check(&[r, &n].concat()), SIGNATURE, "s = n");
    assert_eq!(check(&[r, &[0; 32]].concat()), EQUATION, "s = 0 is in range");
    assert_eq!(verdict(Row::SchnorrBip340, &p, &[0xff; 64], b""), KEY, "the key comes first");
    assert_eq!(verdict(Row::SchnorrBip340, &key, &signature, b""), EQUATION);
}
