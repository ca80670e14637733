//! What a library signs is valid; with any one bit of key, signature or message flipped it is not.

use assay_scheme::{Columns, ColumnsBuilder, Hash, Parameters, Row, Verdict};
use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Keypair, Message, SecretKey};

use crate::harness::{Batch, run};

/// One signed item of a row, as a user would write it.
struct Signed {
    row: Row,
    hash: Option<Hash>,
    key: Vec<u8>,
    signature: Vec<u8>,
}

/// Signs under every row that one key and one message make an item of. Thirty-two times the seed is a secret key below
/// every curve's order: the seed is neither 0 nor 255.
fn sign(seed: u8, message: &[u8]) -> Vec<Signed> {
    let item = |row, key: &[u8], signature: &[u8]| Signed {
        row,
        hash: None,
        key: key.to_vec(),
        signature: signature.to_vec(),
    };
    let hashed = |row, key: &[u8], signature: &[u8]| Signed { hash: Some(Hash::Sha256), ..item(row, key, signature) };
    let mut items = Vec::new();

    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let signature = ed25519.sign(message).to_bytes();
    for row in [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict] {
        items.push(item(row, ed25519.verifying_key().as_bytes(), &signature));
    }

    let digest = Message::from_digest(assay_core::reference::hash(Hash::Sha256, message));
    let secret = SecretKey::from_secret_bytes([seed; 32]).expect("below the order");
    let signature = secp256k1::ecdsa::sign(digest, &secret).serialize_compact();
    let (compressed, uncompressed) = (secret.public_key().serialize(), secret.public_key().serialize_uncompressed());
    items.push(hashed(Row::EcdsaSecp256k1, &compressed, &signature));
    items.push(hashed(Row::EcdsaSecp256k1LowS, &uncompressed, &signature));
    let pair = Keypair::from_secret_key(&secret);
    let signature = pair.sign_schnorr_no_aux_rand(message).to_byte_array();
    items.push(item(Row::SchnorrBip340, &pair.x_only_public_key().0.to_byte_array(), &signature));

    let (key, low, high) = crate::p256::signed(message);
    items.push(hashed(Row::EcdsaP256, &key, &high));
    items.push(hashed(Row::EcdsaP256LowS, &key, &low));

    let sm2 = sm2::dsa::SigningKey::from_slice("1234567812345678", &[seed; 32]).expect("below the order");
    items.push(item(Row::Sm2Za, &sm2.verifying_key().to_sec1_bytes(), &sm2.sign(message).to_bytes()));

    let bls = blst::min_pk::SecretKey::key_gen(&[seed; 32], &[]).expect("key material of 32 bytes");
    let signature = bls.sign(message, b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_", &[]).compress();
    items.push(item(Row::BlsMinPkPop, &bls.sk_to_pk().compress(), &signature));

    let (key, signature) = crate::ml_dsa::signed(seed, message, b"");
    items.push(item(Row::MlDsa65, &key, &signature));
    items
}

/// The bytes with one bit flipped, named by any number; a byte more where there are none.
fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        bytes.push(0);
    }
    let bit = bit % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Whether the flipped bit gives the same key another name: 04 becomes 06, the hybrid tag of an even y.
fn renamed(item: &Signed, bit: usize) -> bool {
    let hybrids = item.row.operation().forms.contains(&0x06);
    hybrids && item.key.len() == 65 && item.key[64] & 1 == 0 && flipped(&item.key, bit)[0] == 0x06
}

/// A verdict for the item as it is, then with a bit flipped of its key, its signature and its message.
fn verdicts(item: &Signed, message: &[u8], bits: [usize; 3]) -> Vec<Verdict> {
    let mut batch = Batch::new(item.row);
    batch.parameters.hash = item.hash;
    batch.push(&item.key, &item.signature, message);
    batch.push(&flipped(&item.key, bits[0]), &item.signature, message);
    batch.push(&item.key, &flipped(&item.signature, bits[1]), message);
    batch.push(&item.key, &item.signature, &flipped(message, bits[2]));
    batch.verdicts()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_bit_makes_a_signature_invalid(
        seed in 1..u8::MAX,
        message in proptest::collection::vec(any::<u8>(), 0..200),
        bits: [usize; 3],
    ) {
        for item in sign(seed, &message) {
            let verdicts = verdicts(&item, &message, bits);
            prop_assert_eq!(verdicts[0], Verdict::Valid, "{}", item.row.name());
            prop_assert_eq!(verdicts[1].is_valid(), renamed(&item, bits[0]), "{} key", item.row.name());
            for verdict in &verdicts[2..] {
                prop_assert!(matches!(verdict, Verdict::Invalid(_)), "{} {}", item.row.name(), verdict);
            }
        }
    }

    #[test]
    fn one_bit_recovers_another_key_or_none(seed in 1..u8::MAX, message: [u8; 32], bits: [usize; 2]) {
        let secret = SecretKey::from_secret_bytes([seed; 32]).expect("below the order");
        let (v, signature) =
            RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(message), &secret).serialize_compact();
        let signature = [&signature[..], &[v.to_u8()]].concat();
        let (mut other, mut digest) = (signature.clone(), message);
        other[bits[0] % 65] ^= 1 << (bits[0] / 65 % 8);
        digest[bits[1] % 32] ^= 1 << (bits[1] / 32 % 8);
        let mut batch = Batch::new(Row::RecoverSecp256k1LowS);
        batch.push(&[], &signature, &message);
        batch.push(&[], &other, &message);
        batch.push(&[], &signature, &digest);
        let values = batch.values();
        prop_assert_eq!(values[0].as_deref(), Ok(&secret.public_key().serialize_uncompressed()[1..]));
        prop_assert_ne!(&values[1], &values[0]);
        prop_assert_ne!(&values[2], &values[0]);
    }

    /// Any bytes in the columns get a verdict, and in a place of their own: a valid item between them stays valid.
    #[test]
    fn any_columns_get_verdicts(
        row in proptest::sample::select(&Row::ALL[..17]),
        junk in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 0..80_usize), 1..6),
    ) {
        let operation = row.operation();
        let mut columns = ColumnsBuilder::new(operation);
        for (key, signature, form, message) in junk {
            let form = operation.forms[usize::from(form) % operation.forms.len()];
            let (key, message) = (vec![key; operation.key_len], vec![key; message]);
            let signature = vec![signature; operation.signature_len];
            match operation.grouping {
                assay_scheme::registry::Grouping::Single => columns.push(form, &key, &signature, &message),
                _ => columns.push_group(form, &[&key], &signature, &[&message]),
            }
        }
        run(Parameters::default(), vec![columns.build().expect("items")]);
    }
}

/// Every bit of the tag and of both ends of an uncompressed key, over keys of either parity.
#[test]
fn one_bit_of_a_tag() {
    for seed in 1..=6 {
        for item in sign(seed, b"message").into_iter().filter(|item| item.key.len() == 65) {
            for bit in (0..16).chain(504..520) {
                let verdicts = verdicts(&item, b"message", [bit, 0, 0]);
                assert_eq!(verdicts[1].is_valid(), renamed(&item, bit), "{} bit {bit}", item.row.name());
            }
        }
    }
}

/// RSA keys are dear to make, so one is made for all bits.
#[test]
fn one_bit_makes_an_rsa_signature_invalid() {
    let (key, signature) = crate::rsa::signed(aws_lc_rs::rsa::KeySize::Rsa2048, b"message");
    let item = Signed { row: Row::Rsa2048Pkcs1Sha256, hash: None, key, signature };
    for bit in (0..).map(|i| i * 37).take(80) {
        let verdicts = verdicts(&item, b"message", [bit, bit, bit]);
        assert_eq!(verdicts[0], Verdict::Valid);
        assert!(verdicts[1..].iter().all(|verdict| matches!(verdict, Verdict::Invalid(_))), "bit {bit}: {verdicts:?}");
    }
}

/// Segments of several requests in one bundle are computed as one after another.
#[test]
fn a_bundle_of_several_requests() {
    let item = &sign(9, b"message")[0];
    let segment = |items: usize| -> Columns {
        let mut columns = ColumnsBuilder::new(item.row.operation());
        for i in 0..items {
            let message: &[u8] = if i % 2 == 0 { b"message" } else { b"another" };
            columns.push(0, &item.key, &item.signature, message);
        }
        columns.build().expect("items")
    };
    let results = run(Parameters::default(), vec![segment(3), segment(1), segment(4)]);
    let verdicts: Vec<_> = (0..8).map(|item| results.verdict(item).is_valid()).collect();
    assert_eq!(verdicts, [true, false, true, true, true, false, true, false]);
}
