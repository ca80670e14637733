//! Where the three Ed25519 rule sets differ, and the ties that are pinned.

use assay_scheme::Row;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};

use crate::harness::{Batch, EQUATION, KEY, SIGNATURE, VALID, unhex, verdict};
use crate::vectors;

const ROWS: [Row; 3] = [Row::Ed25519Zip215, Row::Ed25519Ref10, Row::Ed25519Strict];

/// The eight points of the torsion subgroup, `TORSION[i]` being i times the first, each with all its encodings: the
/// canonical one first, then those with x = 0 and the sign bit set, and those whose y is p + y.
const TORSION: [&[&str]; 8] = [
    &[
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
    &["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    &[
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
    &["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
    &[
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ],
    &["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"],
    &[
        "0000000000000000000000000000000000000000000000000000000000000000",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
    &["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"],
];

/// L, little-endian.
const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// SHA-512(R ‖ A ‖ M) mod L, its last three bits: what a point of the torsion subgroup is multiplied with.
fn challenge_mod_8(r: &[u8], key: &[u8], message: &[u8]) -> usize {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &[r, key, message].concat());
    let order = unhex(L);
    // Long division, one bit of the quotient after another: the remainder stays below 2L and so in 32 bytes.
    let mut remainder = [0_u8; 32];
    for byte in digest.as_ref().iter().rev() {
        for bit in (0..8).rev() {
            let mut carry = byte >> bit & 1;
            for digit in &mut remainder {
                (*digit, carry) = (*digit << 1 | carry, *digit >> 7);
            }
            if remainder.iter().rev().ge(order.iter().rev()) {
                let mut borrow = 0;
                for (digit, order) in remainder.iter_mut().zip(&order) {
                    let difference = i16::from(*digit) - i16::from(*order) - borrow;
                    *digit = difference.rem_euclid(256) as u8;
                    borrow = i16::from(difference < 0);
                }
            }
        }
    }
    usize::from(remainder[0] & 7)
}

#[test]
fn the_torsion_points_are_all_there_is_of_small_order() {
    for encoding in TORSION.iter().flat_map(|point| point.iter()) {
        let point = VerifyingKey::from_bytes(&unhex(encoding).try_into().expect("32 bytes"));
        assert!(point.is_ok_and(|point| point.is_weak()), "{encoding}");
    }
    assert_eq!(TORSION.iter().map(|point| point.len()).sum::<usize>(), 14);
}

/// ZIP-215's own test: with S = 0 and both points of small order, [8] makes every pair hold. Without the cofactor R must
/// be -[k]A, and in its canonical bytes.
#[test]
fn small_order_keys_and_points() {
    let message = b"Zcash";
    let mut counts = [0; 3];
    for (a, key) in TORSION.iter().enumerate().flat_map(|(a, all)| all.iter().map(move |key| (a, unhex(key)))) {
        for r in TORSION.iter().flat_map(|all| all.iter().map(|r| unhex(r))) {
            let signature = [r.as_slice(), &[0; 32]].concat();
            let answer = (8 - challenge_mod_8(&r, &key, message) * a % 8) % 8;
            let ref10 = if r == unhex(TORSION[answer][0]) { VALID } else { EQUATION };
            for ((row, expected), count) in ROWS.into_iter().zip([VALID, ref10, KEY]).zip(&mut counts) {
                assert_eq!(verdict(row, &key, &signature, message), expected, "{} {key:02x?} {r:02x?}", row.name());
                *count += usize::from(expected == VALID);
            }
        }
    }
    assert_eq!((counts[0], counts[2]), (14 * 14, 0));
    assert!(counts[1] > 0 && counts[1] < counts[0]);
}

/// "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko), table 5: what each of its twelve cases is, and what the
/// three rule sets make of it.
#[test]
fn speccheck() {
    let table = [
        // 0: A and R small; 1: A small; 2: R small; 3: both of mixed order.
        [VALID, VALID, KEY],
        [VALID, VALID, KEY],
        [VALID, VALID, SIGNATURE],
        [VALID, VALID, VALID],
        // 4, 5: only the cofactored equation holds.
        [VALID, EQUATION, EQUATION],
        [VALID, EQUATION, EQUATION],
        // 6, 7: S is L and more.
        [SIGNATURE, SIGNATURE, SIGNATURE],
        [SIGNATURE, SIGNATURE, SIGNATURE],
        // 8, 9: R not canonical (and small), hashed as given or reduced.
        [EQUATION, EQUATION, SIGNATURE],
        [VALID, EQUATION, SIGNATURE],
        // 10, 11: A not canonical (and small), hashed reduced or as given. The cofactor clears A whatever it is
        // multiplied with.
        [VALID, EQUATION, KEY],
        [VALID, VALID, KEY],
    ];
    let cases = vectors::SPECCHECK.json();
    let cases = cases.as_array().expect("a list");
    assert_eq!(cases.len(), table.len());
    for (number, (case, expected)) in cases.iter().zip(table).enumerate() {
        let field = |name: &str| unhex(case[name].as_str().expect("hex"));
        let verdicts = ROWS.map(|row| verdict(row, &field("pub_key"), &field("signature"), &field("message")));
        assert_eq!(verdicts, expected, "case {number}");
    }
}

/// A signature, and what is changed in it.
fn signed() -> (Vec<u8>, Vec<u8>) {
    let key = SigningKey::from_bytes(&[7; 32]);
    (key.verifying_key().to_bytes().to_vec(), key.sign(b"message").to_bytes().to_vec())
}

#[test]
fn ties_are_the_same_under_all_three() {
    let (key, signature) = signed();
    let off_curve = {
        let mut bytes = [0; 32];
        while VerifyingKey::from_bytes(&bytes).is_ok() {
            bytes[0] += 1;
        }
        bytes
    };
    let with_r = |r: &[u8]| [r, &signature[32..]].concat();
    let high_s = [&signature[..32], &unhex(L)].concat();
    for row in ROWS {
        let check = |key: &[u8], signature: &[u8]| verdict(row, key, signature, b"message");
        assert_eq!(check(&key, &signature), VALID);
        assert_eq!(check(&key, &with_r(&off_curve)), EQUATION, "R does not decode");
        assert_eq!(check(&off_curve, &signature), KEY);
        assert_eq!(check(&off_curve, &high_s), KEY, "the key comes first");
        assert_eq!(check(&key, &high_s), SIGNATURE, "S = L");
        assert_eq!(check(&key, &[&off_curve[..], &high_s[32..]].concat()), SIGNATURE, "S before the equation");
        assert_eq!(check(&key, &[0xff; 64]), SIGNATURE);
        assert_eq!(verdict(row, &key, &signature, b"another"), EQUATION);
        assert_eq!(check(&key[1..], &signature), KEY, "31 bytes");
        assert_eq!(check(&key, &signature[1..]), SIGNATURE, "63 bytes");
    }
    let small = with_r(&unhex(TORSION[0][0]));
    let verdicts = ROWS.map(|row| verdict(row, &key, &small, b"message"));
    assert_eq!(verdicts, [EQUATION, EQUATION, SIGNATURE], "R of small order");
}

/// S + L gives the same equation. The rows check S themselves; the libraries must too, so that a build in which some
/// crate turned on ed25519-dalek's `legacy_compatibility` is noticed.
#[test]
fn no_library_of_this_build_takes_s_plus_l() {
    let (key, mut signature) = signed();
    let mut carry = 0;
    for (digit, order) in signature[32..].iter_mut().zip(unhex(L)) {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        (*digit, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(signature[63] & 0xe0, 0, "the old check of three bits alone would let it pass");
    let bytes: [u8; 64] = signature.as_slice().try_into().expect("64 bytes");
    let dalek = VerifyingKey::from_bytes(&key.as_slice().try_into().expect("32 bytes")).expect("a key");
    assert!(dalek.verify(b"message", &ed25519_dalek::Signature::from_bytes(&bytes)).is_err());
    assert!(dalek.verify_strict(b"message", &ed25519_dalek::Signature::from_bytes(&bytes)).is_err());
    let zebra = ed25519_zebra::VerificationKey::try_from(key.as_slice()).expect("a key");
    assert!(zebra.verify(&ed25519_zebra::Signature::from_bytes(&bytes), b"message").is_err());
    for row in ROWS {
        assert_eq!(verdict(row, &key, &signature, b"message"), SIGNATURE);
    }
}

#[test]
fn an_item_refused_in_encoding_keeps_its_place_and_reason() {
    let (key, signature) = signed();
    let mut batch = Batch::new(Row::Ed25519Strict);
    batch.push(&key, &signature, b"message");
    batch.refuse(assay_scheme::Reason::Key);
    batch.refuse(assay_scheme::Reason::Signature);
    batch.refuse(assay_scheme::Reason::Message);
    batch.push(&key, &signature, b"message");
    assert_eq!(batch.verdicts(), [VALID, KEY, SIGNATURE, crate::harness::MESSAGE, VALID]);
}
