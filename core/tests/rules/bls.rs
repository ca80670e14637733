//! BLS12-381 with proofs of possession: published vectors, and the negatives that none of them holds.

use assay_scheme::Row;
use blst::BLST_ERROR;
use blst::min_pk::{AggregateSignature, PublicKey, SecretKey, Signature};

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID, unhex};
use crate::vectors::{self, Vector};

const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

fn secret(number: u8) -> SecretKey {
    SecretKey::key_gen(&[number; 32], &[]).expect("key material of 32 bytes")
}

fn key(number: u8) -> [u8; 48] {
    secret(number).sk_to_pk().compress()
}

fn sign(number: u8, message: &[u8]) -> [u8; 96] {
    secret(number).sign(message, DST, &[]).compress()
}

fn infinity<const N: usize>() -> [u8; N] {
    let mut point = [0; N];
    point[0] = 0xc0;
    point
}

/// A point of the curve, of order 11 and so no key; a pairing cannot tell it from infinity. Made from the point with x = 4
/// by multiplying it with the subgroup's order and with the cofactor without its factor 11 squared.
fn outside_the_subgroup() -> [u8; 48] {
    let hex = "b9b3e2c8c6bbf59d3c326b531fc1e639d29200c28624ac604f251a12908c9b7f735318617f625954cc71cdf03229b1ef";
    unhex(hex).try_into().expect("48 bytes")
}

/// A point of G2's curve outside its subgroup.
fn signature_outside_the_subgroup() -> [u8; 96] {
    let mut point = [0; 96];
    point[0] = 0x80;
    while !Signature::uncompress(&point).is_ok_and(|point| point.validate(false).is_err()) {
        point[95] += 1;
    }
    point
}

/// -P of a compressed point.
fn negated<const N: usize>(mut point: [u8; N]) -> [u8; N] {
    point[0] ^= 0x20;
    point
}

/// Keys, message, signature, and whether it is valid.
type Case = (Vec<Vec<u8>>, Vec<u8>, Vec<u8>, bool);

/// Reads the text form: `pub` lines, then `msg`, `sig` and `out`.
fn cases(vector: &Vector) -> Vec<Case> {
    let (mut cases, mut keys, mut message, mut signature) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for line in vector.text().lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        match name {
            "pub" => keys.push(unhex(value)),
            "msg" => message = unhex(value),
            "sig" => signature = unhex(value),
            "out" => cases.push((std::mem::take(&mut keys), message.clone(), signature.clone(), value == "true")),
            other => panic!("{other}"),
        }
    }
    cases
}

#[test]
fn ethereum_verify() {
    let cases = cases(&vectors::BLS_VERIFY);
    let mut batch = Batch::new(Row::BlsMinPkPop);
    cases.iter().for_each(|(keys, message, signature, _)| batch.push(&keys[0], signature, message));
    for (number, (verdict, case)) in batch.verdicts().into_iter().zip(&cases).enumerate() {
        assert_eq!(verdict.is_valid(), case.3, "case {number}: {verdict}");
    }
    assert_eq!(cases.len(), 28);
}

#[test]
fn ethereum_fast_aggregate_verify() {
    let cases = cases(&vectors::BLS_FAST_AGGREGATE);
    let mut batch = Batch::new(Row::BlsMinPkPopFastAggregate);
    for (keys, message, signature, _) in &cases {
        let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
        batch.push_group(&keys, signature, &[message]);
    }
    for (number, (verdict, case)) in batch.verdicts().into_iter().zip(&cases).enumerate() {
        assert_eq!(verdict.is_valid(), case.3, "case {number}: {verdict}");
        if case.0.is_empty() {
            assert_eq!(verdict, KEY, "case {number} has no keys");
        }
    }
    assert_eq!(cases.len(), 11);
}

/// Both keys leave the equation as it is, so a verifier that does not validate every key calls the signature valid. The
/// library's own call is asked too: if it refused them, this test would show nothing.
#[test]
fn keys_that_change_nothing_are_refused() {
    let (mine, signature) = (key(1), sign(1, b"vote"));
    let parsed = Signature::uncompress(&signature).expect("a signature");
    for stranger in [infinity::<48>(), outside_the_subgroup()] {
        let points = [mine, stranger].map(|key| PublicKey::uncompress(&key).expect("a point of the curve"));
        let unvalidated = parsed.fast_aggregate_verify(true, b"vote", DST, &[&points[0], &points[1]]);
        assert_eq!(unvalidated, BLST_ERROR::BLST_SUCCESS, "the trap is set");
        let mut batch = Batch::new(Row::BlsMinPkPopFastAggregate);
        batch.push_group(&[&mine], &signature, &[b"vote"]);
        batch.push_group(&[&mine, &stranger], &signature, &[b"vote"]);
        batch.push_group(&[&stranger, &mine], &signature, &[b"vote"]);
        batch.push_group(&[&stranger], &signature, &[b"vote"]);
        assert_eq!(batch.verdicts(), [VALID, KEY, KEY, KEY]);
        let mut batch = Batch::new(Row::BlsMinPkPopAggregate);
        batch.push_group(&[&mine], &signature, &[b"vote"]);
        batch.push_group(&[&mine, &stranger], &signature, &[b"vote", b"other"]);
        batch.push_group(&[&stranger, &mine], &signature, &[b"other", b"vote"]);
        assert_eq!(batch.verdicts(), [VALID, KEY, KEY]);
        let mut batch = Batch::new(Row::BlsMinPkPop);
        batch.push(&stranger, &signature, b"vote");
        batch.push(&stranger, &infinity::<96>(), b"vote");
        assert_eq!(batch.verdicts(), [KEY, KEY]);
    }
}

#[test]
fn signatures_outside_the_subgroup_and_at_infinity() {
    let mine = key(1);
    let mut batch = Batch::new(Row::BlsMinPkPop);
    let other_encoding = |point: [u8; 96], flags: u8| [&[point[0] ^ flags], &point[1..]].concat();
    batch.push(&mine, &sign(1, b"vote"), b"vote");
    batch.push(&mine, &signature_outside_the_subgroup(), b"vote");
    batch.push(&mine, &infinity::<96>(), b"vote");
    batch.push(&mine, &negated(sign(1, b"vote")), b"vote");
    batch.push(&mine, &other_encoding(sign(1, b"vote"), 0x80), b"vote");
    batch.push(&mine, &other_encoding(infinity(), 0x20), b"vote");
    batch.push(&mine, &[0xff; 96], b"vote");
    batch.push(&mine, &sign(1, b"vote")[1..], b"vote");
    batch.push(&mine, &sign(1, b"other"), b"vote");
    batch.push(&key(2), &sign(1, b"vote"), b"vote");
    let expected =
        [VALID, SIGNATURE, EQUATION, EQUATION, SIGNATURE, SIGNATURE, SIGNATURE, SIGNATURE, EQUATION, EQUATION];
    assert_eq!(batch.verdicts(), expected);
    let mut batch = Batch::new(Row::BlsMinPkPop);
    batch.push(&[0xff; 48], &[0xff; 96], b"vote");
    batch.push(&[&[mine[0] ^ 0x80], &mine[1..]].concat(), &sign(1, b"vote"), b"vote");
    batch.push(&[&[0xe0][..], &[0; 47]].concat(), &sign(1, b"vote"), b"vote");
    // (0, 2), of order 3.
    batch.push(&[&[0x80][..], &[0; 47]].concat(), &sign(1, b"vote"), b"vote");
    batch.push(&mine[1..], &sign(1, b"vote"), b"vote");
    assert_eq!(batch.verdicts(), [KEY; 5], "encodings");
}

#[test]
fn aggregates() {
    let messages: [&[u8]; 3] = [b"one", b"two", b""];
    let aggregate = |signatures: &[[u8; 96]]| {
        let points: Vec<_> =
            signatures.iter().map(|point| Signature::uncompress(point).expect("a signature")).collect();
        AggregateSignature::aggregate(&points.iter().collect::<Vec<_>>(), true)
            .expect("points")
            .to_signature()
            .compress()
    };
    let keys = [key(1), key(2), key(3)];
    let keys: [&[u8]; 3] = [&keys[0], &keys[1], &keys[2]];
    let signature = aggregate(&[sign(1, b"one"), sign(2, b"two"), sign(3, b"")]);
    let mut batch = Batch::new(Row::BlsMinPkPopAggregate);
    batch.push_group(&keys, &signature, &messages);
    batch.push_group(&[keys[1], keys[0], keys[2]], &signature, &messages);
    batch.push_group(&keys[..2], &signature, &messages[..2]);
    batch.push_group(&[], &signature, &[]);
    batch.push_group(&[], &infinity::<96>(), &[]);
    // Equal messages are allowed: proofs of possession are what keeps rogue keys out.
    let same = aggregate(&[sign(1, b"one"), sign(2, b"one")]);
    batch.push_group(&keys[..2], &same, &[b"one", b"one"]);
    // Keys that cancel out under one message: the product is one, and infinity its signature.
    let opposite = negated(key(1));
    batch.push_group(&[keys[0], &opposite], &infinity::<96>(), &[b"one", b"one"]);
    assert_eq!(batch.verdicts(), [VALID, EQUATION, EQUATION, KEY, KEY, VALID, VALID]);

    // More pairs than the library multiplies at once, twice in one call, and with one of the messages changed.
    let texts: Vec<[u8; 1]> = (1..=20).map(|number| [number]).collect();
    let many = aggregate(&texts.iter().map(|text| sign(text[0], text)).collect::<Vec<_>>());
    let points: Vec<_> = texts.iter().map(|text| key(text[0])).collect();
    let points: Vec<&[u8]> = points.iter().map(|point| &point[..]).collect();
    let mut messages: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
    let mut batch = Batch::new(Row::BlsMinPkPopAggregate);
    batch.push_group(&points, &many, &messages);
    batch.push_group(&points, &many, &messages);
    messages[13] = b"another";
    batch.push_group(&points, &many, &messages);
    assert_eq!(batch.verdicts(), [VALID, VALID, EQUATION]);

    let mut batch = Batch::new(Row::BlsMinPkPopFastAggregate);
    batch.push_group(&keys[..2], &same, &[b"one"]);
    batch.push_group(&keys, &same, &[b"one"]);
    batch.push_group(&[keys[0], keys[0]], &aggregate(&[sign(1, b"one"), sign(1, b"one")]), &[b"one"]);
    batch.push_group(&[], &infinity::<96>(), &[b"one"]);
    // Their sum is infinity, which CoreVerify refuses as a key.
    batch.push_group(&[keys[0], &opposite], &infinity::<96>(), &[b"one"]);
    batch.push_group(&[keys[0], &opposite], &signature_outside_the_subgroup(), &[b"one"]);
    assert_eq!(batch.verdicts(), [VALID, EQUATION, VALID, KEY, KEY, KEY]);
}
