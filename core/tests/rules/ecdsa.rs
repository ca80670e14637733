//! ECDSA over secp256k1: real signatures, both sides of n/2, key forms, and DER on the same bytes.

use assay_scheme::encoding::{SignatureFormat, der};
use assay_scheme::{Hash, Row};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa};

use crate::harness::{Batch, EQUATION, KEY, MESSAGE, SIGNATURE, VALID, minus, unhex, verdict};
use crate::vectors;

pub(crate) const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const ROWS: [Row; 2] = [Row::EcdsaSecp256k1, Row::EcdsaSecp256k1LowS];

/// A key, a signature with low S and the digest it signs.
pub(crate) fn signed() -> (PublicKey, [u8; 64], [u8; 32]) {
    let secret = SecretKey::from_secret_bytes([0x11; 32]).expect("below the order");
    let digest = [0x22; 32];
    (secret.public_key(), ecdsa::sign(Message::from_digest(digest), &secret).serialize_compact(), digest)
}

/// The other S of a signature: n - S.
pub(crate) fn other_s(signature: &[u8]) -> Vec<u8> {
    [&signature[..32], &minus(&unhex(N), &signature[32..64])].concat()
}

/// Block 277647: 732 signatures that the network accepted, half of them with high S.
#[test]
fn every_signature_of_a_bitcoin_block() {
    let text = String::from_utf8(vectors::BITCOIN_TRIPLES.gunzip()).expect("text");
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().expect("a header").split(',').collect();
    let column = |name: &str| header.iter().position(|title| *title == name).expect("a column");
    let (sighash, pubkey, signature, s) = (column("sighash"), column("pubkey"), column("sig_der"), column("s"));
    let rows: Vec<Vec<_>> = lines.map(|line| line.split(',').collect()).collect();
    for format in [SignatureFormat::Der, SignatureFormat::DerLax, SignatureFormat::DerTrailing] {
        let [any_s, low_s] = ROWS.map(|row| {
            let mut batch = Batch::written(row, format);
            rows.iter().for_each(|row| batch.push(&unhex(row[pubkey]), &unhex(row[signature]), &unhex(row[sighash])));
            batch.verdicts()
        });
        assert!(any_s.iter().all(|verdict| *verdict == VALID));
        for (row, verdict) in rows.iter().zip(low_s) {
            assert_eq!(verdict, if row[s] == "high" { SIGNATURE } else { VALID });
        }
    }
    assert_eq!(rows.len(), 732);
    assert_eq!(rows.iter().filter(|row| row[s] == "high").count(), 366);
}

/// bitcoinjs-lib's canonical and non-canonical signatures, which end with a hash type byte.
#[test]
fn canonical_der_is_what_bip66_says() {
    for signature in vectors::SIG_CANONICAL.json().as_array().expect("a list") {
        let bytes = unhex(signature.as_str().expect("hex"));
        assert!(der::strict(&bytes[..bytes.len() - 1]).is_some(), "{signature}");
    }
    let list = vectors::SIG_NONCANONICAL.json();
    let list: Vec<_> = list.as_array().expect("a list").iter().map(|entry| entry.as_str().expect("text")).collect();
    let mut checked = 0;
    for (what, signature) in list.iter().zip(&list[1..]).filter(|(what, _)| what.ends_with(':')) {
        let Ok(bytes) = hex::decode(signature) else { continue };
        let Some((_, body)) = bytes.split_last() else { continue };
        // A bad hash type is the script's affair: what stands before it is canonical.
        assert_eq!(der::strict(body).is_some(), *what == "hashtype:", "{what} {signature}");
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn both_sides_of_half_the_order() {
    let (key, low, digest) = signed();
    let high = other_s(&low);
    let key = key.serialize();
    assert_eq!(ROWS.map(|row| verdict(row, &key, &low, &digest)), [VALID, VALID]);
    assert_eq!(ROWS.map(|row| verdict(row, &key, &high, &digest)), [VALID, SIGNATURE]);
    // n/2 rounded down is the largest low S.
    let half = unhex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    let mut above = half.clone();
    above[31] += 1;
    let with_s = |s: &[u8]| [&low[..32], s].concat();
    assert_eq!(ROWS.map(|row| verdict(row, &key, &with_s(&half), &digest)), [EQUATION, EQUATION]);
    assert_eq!(ROWS.map(|row| verdict(row, &key, &with_s(&above), &digest)), [EQUATION, SIGNATURE]);
}

#[test]
fn r_and_s_lie_below_the_order_and_above_zero() {
    let (key, signature, digest) = signed();
    let (r, s) = signature.split_at(32);
    let mut most = unhex(N);
    most[31] -= 1;
    for row in ROWS {
        let check = |r: &[u8], s: &[u8]| verdict(row, &key.serialize(), &[r, s].concat(), &digest);
        assert_eq!(check(r, s), VALID);
        for out in [&unhex(N)[..], &[0xff; 32], &[0; 32]] {
            assert_eq!(check(out, s), SIGNATURE);
            assert_eq!(check(r, out), SIGNATURE);
        }
        assert_eq!(check(&most, s), EQUATION, "r = n - 1 is in range");
        assert_eq!(verdict(row, &key.serialize(), &signature, &digest[1..]), MESSAGE);
        assert_eq!(verdict(row, &key.serialize(), &signature, &[0x22; 64]), MESSAGE, "not cut to 32 bytes");
        assert_eq!(verdict(row, &key.serialize(), &[0; 64], &digest[1..]), SIGNATURE, "before the message");
        assert_eq!(verdict(row, &[2; 32], &[0; 64], &digest[1..]), KEY, "before the signature");
    }
}

#[test]
fn keys_in_each_form() {
    let (key, signature, digest) = signed();
    let (compressed, uncompressed) = (key.serialize(), key.serialize_uncompressed());
    let with_tag = |key: &[u8], tag: u8| [&[tag], &key[1..]].concat();
    let parity = uncompressed[64] & 1;
    for row in ROWS {
        let check = |key: &[u8]| verdict(row, key, &signature, &digest);
        assert_eq!(check(&compressed), VALID);
        assert_eq!(check(&uncompressed), VALID);
        assert_eq!(check(&with_tag(&uncompressed, 6 + parity)), VALID, "hybrid");
        assert_eq!(check(&with_tag(&uncompressed, 7 - parity)), KEY, "hybrid of the wrong parity");
        assert_eq!(check(&with_tag(&compressed, 3 - parity)), EQUATION, "the other y");
        assert_eq!(check(&with_tag(&compressed, 5)), KEY);
        assert_eq!(check(&with_tag(&uncompressed, 5)), KEY);
        assert_eq!(check(&uncompressed[1..]), KEY, "64 bytes have no tag here");
        assert_eq!(check(&[0]), KEY, "infinity");
        assert_eq!(check(&[]), KEY);
        assert_eq!(check(&[&compressed[..], &[0]].concat()), KEY, "a trailing byte");
        let mut off_curve = uncompressed;
        off_curve[64] ^= 1;
        assert_eq!(check(&off_curve), KEY);
        assert_eq!(check(&[&[2], &[0xff; 32][..]].concat()), KEY, "x is not below p");

        let mut batch = Batch::new(row);
        let mut column = [0; 64];
        column[..32].copy_from_slice(&compressed[1..]);
        batch.push_column(compressed[0], &column, &signature, &digest);
        column[63] = 1;
        batch.push_column(compressed[0], &column, &signature, &digest);
        assert_eq!(batch.verdicts(), [VALID, KEY], "bytes behind a compressed x");
    }
}

#[test]
fn a_message_is_hashed_by_the_named_hash_alone() {
    let secret = SecretKey::from_secret_bytes([0x11; 32]).expect("below the order");
    let key = secret.public_key().serialize();
    for hash in Hash::ALL {
        let digest = assay_core::reference::hash(hash, b"message");
        let signature = ecdsa::sign(Message::from_digest(digest), &secret).serialize_compact();
        for other in Hash::ALL {
            let mut batch = Batch::new(Row::EcdsaSecp256k1).hash(other);
            batch.push(&key, &signature, b"message");
            assert_eq!(batch.verdicts(), [if other == hash { VALID } else { EQUATION }]);
        }
        assert_eq!(verdict(Row::EcdsaSecp256k1, &key, &signature, &digest), VALID);
    }
}

/// The same (r, s) in four encodings, under the three readings.
#[test]
fn der_readings_of_one_signature() {
    let (key, signature, digest) = signed();
    let integer = |scalar: &[u8]| {
        let mut bytes: Vec<u8> = scalar.iter().copied().skip_while(|byte| *byte == 0).collect();
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        [&[2, bytes.len() as u8], &bytes[..]].concat()
    };
    let sequence = |body: &[u8]| [&[0x30, body.len() as u8], body].concat();
    let (r, s) = (integer(&signature[..32]), integer(&signature[32..]));
    let mut padded = r.clone();
    padded.insert(2, 0);
    padded[1] += 1;
    let strict = sequence(&[r.clone(), s.clone()].concat());
    let after = [&strict[..], &[0]].concat();
    let inside = sequence(&[&r[..], &s[..], &[5, 0]].concat());
    let ber = sequence(&[padded, s].concat());
    let formats = [SignatureFormat::Der, SignatureFormat::DerTrailing, SignatureFormat::DerLax];
    let check = |der: &[u8]| {
        formats.map(|format| {
            let mut batch = Batch::written(Row::EcdsaSecp256k1, format);
            batch.push(&key.serialize(), der, &digest);
            batch.verdicts()[0]
        })
    };
    assert_eq!(check(&strict), [VALID, VALID, VALID]);
    assert_eq!(check(&after), [SIGNATURE, VALID, VALID]);
    assert_eq!(check(&inside), [SIGNATURE, VALID, VALID]);
    assert_eq!(check(&ber), [SIGNATURE, SIGNATURE, VALID]);
    // An integer of 33 bytes and more: r = s = 0 in Bitcoin, and no verdict but this one anywhere.
    let overflow = sequence(&[&[2, 33, 1][..], &[0; 32], &[2, 1, 1]].concat());
    assert_eq!(check(&overflow), [SIGNATURE; 3]);
}
