//! ECDSA over P-256: key forms, both sides of n/2, ranges.

use assay_scheme::{Hash, Row};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::harness::{Batch, EQUATION, KEY, MESSAGE, SIGNATURE, VALID, minus, unhex, verdict};

const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const ROWS: [Row; 2] = [Row::EcdsaP256, Row::EcdsaP256LowS];

/// An uncompressed key, a signature with low S and one with high S, of `message` under SHA-256.
pub(crate) fn signed(message: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key pair");
    let signature = pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec();
    let other = [&signature[..32], &minus(&unhex(N), &signature[32..])].concat();
    let (low, high) = if signature[32..] < other[32..] { (signature, other) } else { (other, signature) };
    (pair.public_key().as_ref().to_vec(), low, high)
}

#[test]
fn both_sides_of_half_the_order_and_the_ranges() {
    let digest = assay_core::reference::hash(Hash::Sha256, b"message");
    let (key, low, high) = signed(b"message");
    assert_eq!(ROWS.map(|row| verdict(row, &key, &low, &digest)), [VALID, VALID]);
    assert_eq!(ROWS.map(|row| verdict(row, &key, &high, &digest)), [VALID, SIGNATURE]);
    let half = unhex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8");
    let mut above = half.clone();
    above[31] += 1;
    let with_s = |s: &[u8]| [&low[..32], s].concat();
    assert_eq!(ROWS.map(|row| verdict(row, &key, &with_s(&half), &digest)), [EQUATION, EQUATION]);
    assert_eq!(ROWS.map(|row| verdict(row, &key, &with_s(&above), &digest)), [EQUATION, SIGNATURE]);
    for row in ROWS {
        for out in [&unhex(N)[..], &[0xff; 32], &[0; 32]] {
            assert_eq!(verdict(row, &key, &with_s(out), &digest), SIGNATURE);
            assert_eq!(verdict(row, &key, &[out, &low[32..]].concat(), &digest), SIGNATURE);
        }
        assert_eq!(verdict(row, &key, &low, &digest[1..]), MESSAGE);
        assert_eq!(verdict(row, &key, &low, &[digest, digest].concat()), MESSAGE, "not cut to 32 bytes");
    }
}

#[test]
fn keys_in_each_form() {
    let digest = assay_core::reference::hash(Hash::Sha256, b"message");
    let (key, signature, _) = signed(b"message");
    let parity = key[64] & 1;
    let with_tag = |key: &[u8], tag: u8| [&[tag], &key[1..]].concat();
    for row in ROWS {
        let check = |key: &[u8]| verdict(row, key, &signature, &digest);
        assert_eq!(check(&key), VALID);
        assert_eq!(check(&with_tag(&key[..33], 2 + parity)), VALID);
        assert_eq!(check(&with_tag(&key[..33], 3 - parity)), EQUATION, "the other y");
        for tag in [0, 1, 2, 3, 5, 6, 7, 0x30] {
            assert_eq!(check(&with_tag(&key, tag)), KEY, "{tag} and 64 bytes");
        }
        for tag in [0, 1, 4, 5, 6, 7] {
            assert_eq!(check(&with_tag(&key[..33], tag)), KEY, "{tag} and 32 bytes");
        }
        let mut off_curve = key.clone();
        off_curve[64] ^= 1;
        assert_eq!(check(&off_curve), KEY);
        assert_eq!(check(&[0; 65]), KEY);
        assert_eq!(check(&[0]), KEY, "infinity");
        // SubjectPublicKeyInfo of the same key, which the library itself would take.
        let spki = unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
        assert_eq!(check(&[&spki, &key[..]].concat()), KEY);
    }
}

/// Fabric signs SHA-256 or SHA3-256 of the message.
#[test]
fn a_message_under_its_hash() {
    let (key, signature, _) = signed(b"message");
    for (hash, expected) in [(Hash::Sha256, VALID), (Hash::Sha3_256, EQUATION)] {
        let mut batch = Batch::new(Row::EcdsaP256LowS).hash(hash);
        batch.push(&key, &signature, b"message");
        assert_eq!(batch.verdicts(), [expected]);
    }
}
