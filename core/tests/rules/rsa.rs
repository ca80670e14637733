//! RSA-2048: what the library would also take, and ranges.

use assay_scheme::Row;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID, verdict};

const ROW: Row = Row::Rsa2048Pkcs1Sha256;

/// A SubjectPublicKeyInfo and a signature of `message`.
pub(crate) fn signed(size: KeySize, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let pair = KeyPair::generate(size).expect("a key pair");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("a signature");
    (pair.public_key().as_der().expect("DER").as_ref().to_vec(), signature)
}

#[test]
fn keys_have_one_encoding_and_2048_bits() {
    let (key, signature) = signed(KeySize::Rsa2048, b"message");
    assert_eq!(verdict(ROW, &key, &signature, b"message"), VALID);
    assert_eq!(verdict(ROW, &key, &signature, b"another"), EQUATION);
    assert_eq!(verdict(ROW, &[&key[..], &[0]].concat(), &signature, b"message"), KEY, "a trailing byte");
    assert_eq!(verdict(ROW, &key[24..], &signature, b"message"), KEY, "a bare RSAPublicKey");
    assert_eq!(verdict(ROW, &[], &signature, b"message"), KEY);
    let (key, signature) = signed(KeySize::Rsa3072, b"message");
    assert_eq!(verdict(ROW, &key, &signature[..256], b"message"), KEY, "3,072 bits");
}

#[test]
fn signatures_have_256_bytes_and_lie_below_the_modulus() {
    let (key, signature) = signed(KeySize::Rsa2048, b"message");
    assert_eq!(verdict(ROW, &key, &signature[1..], b"message"), SIGNATURE);
    assert_eq!(verdict(ROW, &key, &[&[0], &signature[..]].concat(), b"message"), SIGNATURE);
    assert_eq!(verdict(ROW, &key, &[0xff; 256], b"message"), SIGNATURE);
    assert_eq!(verdict(ROW, &key, &[0; 256], b"message"), EQUATION);
    let modulus = &key[key.len() - 5 - 256..key.len() - 5];
    assert_eq!(verdict(ROW, &key, modulus, b"message"), SIGNATURE, "the modulus itself");
}

#[test]
fn columns_hold_keys_that_no_encoding_gives() {
    let (key, signature) = signed(KeySize::Rsa2048, b"message");
    let mut column = [0; 264];
    column[..256].copy_from_slice(&key[key.len() - 5 - 256..key.len() - 5]);
    let with_exponent = |exponent: u64| {
        let mut column = column;
        column[256..].copy_from_slice(&exponent.to_be_bytes());
        let mut batch = Batch::new(ROW);
        batch.push_column(0, &column, &signature, b"message");
        batch.verdicts()[0]
    };
    assert_eq!(with_exponent(65_537), VALID);
    assert_eq!(with_exponent(3), EQUATION);
    assert_eq!(with_exponent((1 << 33) - 1), EQUATION, "the largest exponent taken");
    for exponent in [0, 1, 2, 65_536, 1 << 33, (1 << 33) + 1, u64::MAX] {
        assert_eq!(with_exponent(exponent), KEY, "{exponent}");
    }
    for spoil in [|column: &mut [u8; 264]| column[0] &= 0x7f, |column: &mut [u8; 264]| column[255] &= 0xfe] {
        let mut column = column;
        column[263] = 1;
        column[261] = 1;
        spoil(&mut column);
        let mut batch = Batch::new(ROW);
        batch.push_column(0, &column, &signature, b"message");
        assert_eq!(batch.verdicts(), [KEY], "2,047 bits, or even");
    }
}
