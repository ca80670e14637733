//! SM2 with and without Z_A, and its user ids.

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::limits::USER_ID_BYTES_MAX;
use assay_scheme::{Hash, Row, Verdict};
use sm2::dsa::SigningKey;
use sm2::dsa::signature::Signer as _;
use sm2::dsa::signature::hazmat::PrehashSigner as _;
use sm3::{Digest as _, Sm3};

use crate::harness::{Batch, EQUATION, KEY, MESSAGE, SIGNATURE, VALID, from_base64, minus, unhex, verdict};
use crate::vectors;

const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
const ROWS: [Row; 2] = [Row::Sm2Za, Row::Sm2E];

fn signing_key(user_id: &str) -> SigningKey {
    SigningKey::from_slice(user_id, &[0x5a; 32]).expect("a secret key")
}

/// The key of [`signing_key`], uncompressed.
fn public_key() -> Vec<u8> {
    signing_key("").verifying_key().to_sec1_bytes().to_vec()
}

fn with_user_id(user_id: Option<&[u8]>, signature: &[u8], message: &[u8]) -> Verdict {
    let mut batch = Batch::new(Row::Sm2Za);
    if let Some(user_id) = user_id {
        batch = batch.user_id(user_id);
    }
    batch.push(&public_key(), signature, message);
    batch.verdicts()[0]
}

/// gmsm's known answer, its DER in every reading, and its key off the curve.
#[test]
fn known_answer_with_the_default_user_id() {
    let cases = vectors::SM2_GMSM.json();
    let (known, off_curve) = (&cases[0], &cases[1]);
    let field = |name: &str| known[name].as_str().expect("text");
    let (key, signature, message) = (unhex(field("pubkey")), unhex(field("sig_der")), unhex(field("message")));
    for format in [SignatureFormat::Der, SignatureFormat::DerLax, SignatureFormat::DerTrailing] {
        let mut batch = Batch::written(Row::Sm2Za, format);
        batch.push(&key, &signature, &message);
        batch.push(&key[1..], &signature, &message);
        batch.push(&[&[2 + (key[64] & 1)], &key[1..33]].concat(), &signature, &message);
        batch.push(&unhex(off_curve["pubkey_not_on_curve"].as_str().expect("hex")), &signature, &message);
        batch.push(&key, &signature, b"another");
        assert_eq!(batch.verdicts(), [VALID, VALID, VALID, KEY, EQUATION]);
    }
    for (user_id, expected) in [(field("uid").as_bytes(), VALID), (b"", EQUATION), (b"ALICE123@YAHOO.COM", EQUATION)] {
        let mut batch = Batch::written(Row::Sm2Za, SignatureFormat::Der).user_id(user_id);
        batch.push(&key, &signature, &message);
        assert_eq!(batch.verdicts(), [expected]);
    }
    let mut batch = Batch::written(Row::Sm2E, SignatureFormat::Der).hash(Hash::Sm3);
    batch.push(&key, &signature, &message);
    assert_eq!(batch.verdicts(), [EQUATION], "the hash of the message alone");
}

/// FISCO BCOS signs with Z_A over a 32-byte hash of the message. The two readings it is mistaken for fail.
#[test]
fn fisco_signs_the_hash_with_za() {
    for case in vectors::FISCO_SM2.json().as_array().expect("a list") {
        let field = |name: &str| unhex(case[name].as_str().expect("hex"));
        let (key, signature, hash) = (field("pubkey"), field("signature_r_s"), field("hash"));
        assert_eq!(verdict(Row::Sm2Za, &key, &signature, &hash), VALID);
        assert_eq!(verdict(Row::Sm2E, &key, &signature, &hash), EQUATION, "e is the hash");
        assert_eq!(verdict(Row::Sm2Za, &key, &signature, b"abcd"), EQUATION, "Z_A over the message");
    }
}

/// OpenSSL's and Tongsuo's EVP tests hand in e itself.
#[test]
fn evp_tests_sign_e() {
    let text = vectors::SM2_OPENSSL.text();
    let pem: String = text
        .lines()
        .skip_while(|line| *line != "-----BEGIN PRIVATE KEY-----")
        .skip(1)
        .take_while(|line| !line.starts_with('-'))
        .collect();
    let der = from_base64(&pem);
    // PKCS#8's ECPrivateKey ends with the public key.
    let key = &der[der.len() - 65..];
    let mut checked = 0;
    for paragraph in text.split("\n\n").filter(|paragraph| paragraph.contains("Verify = SM2_key1")) {
        let field = |name: &str| {
            let line = paragraph.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            unhex(&line.trim_start_matches([' ', '=']).to_lowercase())
        };
        let mut batch = Batch::written(Row::Sm2E, SignatureFormat::Der);
        batch.push(key, &field("Output"), &field("Input"));
        // The third is refused there for its digest's length, as here.
        let expected = if paragraph.contains("Result = ") { MESSAGE } else { VALID };
        assert_eq!(batch.verdicts(), [expected], "{paragraph}");
        checked += 1;
    }
    assert_eq!(checked, 3);
}

/// Signed by the library over its own Z_A, verified over ours.
#[test]
fn user_ids() {
    let longest = "u".repeat(USER_ID_BYTES_MAX);
    let ids = ["", "1234567812345678", "ALICE123@YAHOO.COM", "北京", longest.as_str()];
    for signer in ids {
        let signature = signing_key(signer).sign(b"message").to_bytes();
        for user_id in ids {
            let expected = if user_id == signer { VALID } else { EQUATION };
            assert_eq!(with_user_id(Some(user_id.as_bytes()), &signature, b"message"), expected);
        }
        let default = if signer == "1234567812345678" { VALID } else { EQUATION };
        assert_eq!(with_user_id(None, &signature, b"message"), default, "no user id is the default one");
    }
}

/// A user id is bytes, which the library's own signing cannot say.
#[test]
fn a_user_id_that_is_not_text() {
    let (user_id, key) = ([0xff, 0x00, 0xfe], public_key());
    let za = Sm3::new()
        .chain_update([0, 24])
        .chain_update(user_id)
        .chain_update(unhex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"))
        .chain_update(unhex("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"))
        .chain_update(unhex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"))
        .chain_update(unhex("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"))
        .chain_update(&key[1..])
        .finalize();
    let e = Sm3::new().chain_update(za).chain_update(b"message").finalize();
    let signature = signing_key("").sign_prehash(&e).expect("a signature").to_bytes();
    assert_eq!(with_user_id(Some(&user_id), &signature, b"message"), VALID);
    assert_eq!(with_user_id(Some(&user_id[..2]), &signature, b"message"), EQUATION);
    // The same e, given as it is.
    assert_eq!(verdict(Row::Sm2E, &key, &signature, &e), VALID);
}

#[test]
fn ranges_and_forms() {
    let key = public_key();
    let signature = signing_key("1234567812345678").sign(b"message").to_bytes();
    let (r, s) = signature.split_at(32);
    let n = unhex(N);
    let message = [0x77; 32];
    for row in ROWS {
        let check = |signature: &[u8]| verdict(row, &key, signature, &message);
        for out in [&n[..], &[0; 32], &[0xff; 32]] {
            assert_eq!(check(&[out, s].concat()), SIGNATURE);
            assert_eq!(check(&[r, out].concat()), SIGNATURE);
        }
        // r + s = n: t is zero.
        assert_eq!(check(&[r, &minus(&n, r)].concat()), SIGNATURE);
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(check(&[&one[..], &minus(&n, &one)].concat()), SIGNATURE);
        assert_eq!(check(&[&one[..], &one].concat()), EQUATION);
        assert_eq!(verdict(row, &[0; 65], &[0; 64], &message), KEY, "the key comes first");
        for tag in [0, 2, 3, 5, 6, 7] {
            assert_eq!(verdict(row, &[&[tag], &key[1..]].concat(), &signature, &message), KEY, "{tag} and 64 bytes");
        }
        assert_eq!(verdict(row, &[&[5], &key[1..33]].concat(), &signature, &message), KEY, "05 and x");
    }
    assert_eq!(verdict(Row::Sm2E, &key, &signature, &message[1..]), MESSAGE);
    assert_eq!(verdict(Row::Sm2E, &key, &[0; 64], &message[1..]), SIGNATURE, "before the message");
    assert_eq!(verdict(Row::Sm2Za, &key, &signature, b"message"), VALID);
}
