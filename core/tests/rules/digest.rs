//! The hash functions.

use assay_scheme::{Hash, Kind, Operation, Reason, Row};

use crate::harness::{Batch, MESSAGE, unhex};
use crate::vectors;

fn digest(row: Row, message: &[u8]) -> Vec<u8> {
    let mut batch = Batch::new(row);
    batch.push(&[], &[], message);
    batch.values().remove(0).expect("every message has a digest")
}

/// The answers their standards, or the systems that use them, print.
#[test]
fn known_answers() {
    let generator = unhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    let cases: [(Row, &[u8], &str); 14] = [
        // FIPS 180-4's examples.
        (Row::Sha256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (Row::Sha256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            Row::Sha512,
            b"abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Row::Sha256d, b"hello", "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"),
        // FIPS 202's, and Keccak's as Ethereum knows it.
        (Row::Sha3_256, b"", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        (Row::Sha3_256, b"abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (Row::Keccak256, b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (Row::Keccak256, b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (Row::Blake2b256, b"", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
        (Row::Blake2b256, b"abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        // GB/T 32905-2016, appendix A.
        (Row::Sm3, b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (Row::Ripemd160, b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (Row::Ripemd160, b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        // BIP-173's key.
        (Row::Hash160, &generator, "751e76e8199196d454941c45d1b3a323f1433bd6"),
    ];
    for (row, message, expected) in cases {
        assert_eq!(hex::encode(digest(row, message)), expected, "{}", row.name());
    }
}

/// BLAKE3's own vectors; the mode used here is the first, at 32 bytes.
#[test]
fn blake3_vectors() {
    let vectors = vectors::BLAKE3.json();
    let cases = vectors["cases"].as_array().expect("a list");
    let mut batch = Batch::new(Row::Blake3);
    for case in cases {
        let len = case["input_len"].as_u64().expect("a length") as usize;
        let message: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        batch.push(&[], &[], &message);
    }
    for (value, case) in batch.values().into_iter().zip(cases) {
        let expected = &case["hash"].as_str().expect("hex")[..64];
        assert_eq!(value.map(hex::encode).as_deref(), Ok(expected));
    }
    assert_eq!(cases.len(), 35);
}

/// Against a second library, over every length around two blocks of either family.
#[test]
fn a_second_library_agrees() {
    use aws_lc_rs::digest::{SHA3_256, SHA256, SHA512, digest as second};
    let bytes: Vec<u8> = (0..400).map(|i: u32| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    for len in 0..=bytes.len() {
        let message = &bytes[..len];
        assert_eq!(digest(Row::Sha256, message), second(&SHA256, message).as_ref());
        assert_eq!(digest(Row::Sha512, message), second(&SHA512, message).as_ref());
        assert_eq!(digest(Row::Sha3_256, message), second(&SHA3_256, message).as_ref());
        let once = second(&SHA256, message);
        assert_eq!(digest(Row::Sha256d, message), second(&SHA256, once.as_ref()).as_ref());
    }
}

#[test]
fn a_named_hash_is_its_row() {
    for hash in Hash::ALL {
        let row = Operation::from_name(hash.name()).expect("a row of that name").row;
        for message in [&b""[..], b"message", &[0x80; 300]] {
            assert_eq!(digest(row, message), assay_core::reference::hash(hash, message));
        }
    }
}

#[test]
fn a_refused_message_has_no_digest() {
    for operation in Operation::of_kind(Kind::Digest) {
        let mut batch = Batch::new(operation.row);
        batch.push(&[], &[], b"abc");
        batch.refuse(Reason::Message);
        batch.push(&[], &[], b"abc");
        let values = batch.values();
        assert_eq!(values[1], Err(MESSAGE));
        assert!(values[0].is_ok() && values[0] == values[2]);
    }
}
