//! The rows over secp256k1 against the reference: every size, every lane, and items made to go wrong.

use assay_scheme::{Output, Parameters, Reason, Row};
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use super::super::keys::Table;
use super::super::testing::{self, Odd, agree_on_odd_items};
use super::super::weierstrass::adversary::{Plain, bytes, check_ecdsa, item, pair};
use super::super::weierstrass::comb::KeyTable;
use super::point::Secp256k1;
use super::scalar::EIGENVALUE;

#[test]
fn verdicts_agree_at_every_size_and_in_every_lane() {
    for row in [
        Row::EcdsaSecp256k1,
        Row::EcdsaSecp256k1LowS,
        Row::SchnorrBip340,
        Row::RecoverSecp256k1,
        Row::RecoverSecp256k1LowS,
    ] {
        testing::agree_at_every_size(row);
        testing::agree_in_every_lane(row);
    }
}

#[test]
fn verdicts_do_not_depend_on_known_keys() {
    for row in [Row::EcdsaSecp256k1, Row::EcdsaSecp256k1LowS, Row::SchnorrBip340] {
        testing::agree_with_known_keys(row, KeyTable::<Secp256k1>::BYTES, |lanes| lanes.keys.secp256k1.counts());
    }
}

#[test]
fn odd_ecdsa_items_have_their_reasons_in_every_lane() {
    check_ecdsa::<Secp256k1>(Row::EcdsaSecp256k1, Row::EcdsaSecp256k1LowS, true, EIGENVALUE);
}

/// The challenge of BIP-340, as a number.
fn challenge(r: &BigUint, key: &BigUint, message: &[u8]) -> BigUint {
    let tag = Sha256::digest("BIP0340/challenge");
    let parts = [&tag[..], &tag, &bytes(r), &bytes(key), message].concat();
    BigUint::from_bytes_be(&Sha256::digest(parts))
}

#[test]
fn odd_bip340_items_have_their_reasons_in_every_lane() {
    let curve = Plain::of::<Secp256k1>();
    let (p, n) = (&curve.p, &curve.n);
    let max: BigUint = (BigUint::from(1u8) << 256) - 1u8;
    // Of a secret and a nonce, those of an even y.
    let even = |k: u32| {
        let k = BigUint::from(k);
        let (x, y) = curve.times(&k, &curve.g).expect("a point");
        if y.bit(0) { (curve.minus(&k), x) } else { (k, x) }
    };
    let mut odd = Vec::new();
    for (secret, nonce) in [(1, 2), (1, 1), (2, 1), (77, 1_000_001)] {
        let ((d, key), (k, r)) = (even(secret), even(nonce));
        for len in [0, 1, 32, 33, 200] {
            let message = vec![len as u8; len];
            let e = challenge(&r, &key, &message);
            let with = |what, r: &BigUint, s: &BigUint| Odd {
                key: bytes(&key),
                ..item(what, 0, vec![], pair(r, s), message.clone())
            };
            let s = (&k + &e * &d) % n;
            odd.push(with("as it is", &r, &s));
            odd.push(with("R of odd y", &r, &((curve.minus(&k) + &e * &d) % n)).fails(Reason::Equation));
            odd.push(with("R at infinity", &r, &(&e * &d % n)).fails(Reason::Equation));
            odd.push(with("s of zero", &r, &BigUint::ZERO).fails(Reason::Equation));
            odd.push(with("s below n", &r, &(n - 1u8)).fails(Reason::Equation));
            for high in [n.clone(), n + 1u8, max.clone()] {
                odd.push(with("s of n and more", &r, &high).fails(Reason::Signature));
            }
            for inside in [BigUint::ZERO, n.clone(), n + 1u8, p - 1u8] {
                odd.push(with("r below p", &inside, &s).fails(Reason::Equation));
            }
            for high in [p.clone(), p + 1u8, max.clone()] {
                odd.push(with("r of p and more", &high, &s).fails(Reason::Signature));
            }
            for no_key in [curve.next_x(&key, false), p.clone(), p + 1u8, max.clone()] {
                odd.push(Odd { key: bytes(&no_key), ..with("no key", p, &s).fails(Reason::Key) });
            }
        }
    }
    agree_on_odd_items(Row::SchnorrBip340, &Parameters::default(), &odd);
    testing::agree_on_odd_items_with_known_keys(Row::SchnorrBip340, &Parameters::default(), &odd);
}

fn recovered(what: &'static str, r: &BigUint, s: &BigUint, v: u8, message: Vec<u8>) -> Odd {
    Odd { key: vec![], ..item(what, 0, vec![], [pair(r, s), vec![v]].concat(), message) }
}

/// Signatures to recover from: with chosen u and v, Q = v R + u G, s = v r and e = -u r.
fn recoverable(curve: &Plain) -> Vec<Odd> {
    let eigenvalue = BigUint::parse_bytes(EIGENVALUE.as_bytes(), 16).expect("hex");
    let scalars = curve.scalars(&eigenvalue);
    let mut odd = Vec::new();
    for nonce in [BigUint::from(1u8), eigenvalue] {
        let (r, y) = curve.times(&nonce, &curve.g).expect("a point");
        for (j, v) in scalars.iter().enumerate().skip(1) {
            let small = (0..3u32).map(|k| (curve.minus(&(v * &nonce)) + k) % &curve.n);
            for u in small.chain([scalars[(j + 5) % scalars.len()].clone()]) {
                let (s, e) = (v * &r % &curve.n, curve.minus(&(&u * &r)));
                let item = recovered("chosen scalars", &r, &s, u8::from(y.bit(0)), bytes(&e));
                let is_infinity = (v * &nonce + &u) % &curve.n == BigUint::ZERO;
                odd.push(if is_infinity { item.fails(Reason::Equation) } else { item });
            }
        }
    }
    let (s, digest) = (BigUint::from(5u8), vec![7; 32]);
    let r = curve.next_x(&BigUint::from(1u8), true);
    let none = curve.next_x(&BigUint::from(1u8), false);
    let wraps = curve.next_x(&(&curve.n + 1u8), true) - &curve.n;
    let wraps_to_none = curve.next_x(&(&curve.n + 1u8), false) - &curve.n;
    let (most, least_over) = (&curve.p - &curve.n - 1u8, &curve.p - &curve.n);
    let with = |what, r: &BigUint, v| recovered(what, r, &s, v, digest.clone());
    for v in 0..=255 {
        let item = with("every v", &r, v);
        odd.push(match v {
            0 | 1 => item,
            2 | 3 if curve.lift(&(&r + &curve.n)).is_some() => item,
            _ => item.fails(Reason::Signature),
        });
    }
    for v in [0, 1] {
        odd.push(with("no point's x", &none, v).fails(Reason::Signature));
        odd.push(with("r + n", &wraps, 2 + v));
        odd.push(with("r + n is no point's x", &wraps_to_none, 2 + v).fails(Reason::Signature));
        let item = with("r + n just below p", &most, 2 + v);
        odd.push(if curve.lift(&(&curve.p - 1u8)).is_some() { item } else { item.fails(Reason::Signature) });
        odd.push(with("r + n is p", &least_over, 2 + v).fails(Reason::Signature));
        odd.push(with("r + n is more than 2^256", &(&curve.n - 1u8), 2 + v).fails(Reason::Signature));
        odd.push(recovered("no digest", &r, &s, v, vec![7; 31]).fails(Reason::Message));
        odd.push(recovered("neither", &none, &s, v, vec![7; 31]).fails(Reason::Signature));
        for out in [BigUint::ZERO, curve.n.clone(), &curve.n + 1u8, curve.p.clone()] {
            odd.push(with("r out of range", &out, v).fails(Reason::Signature));
            odd.push(recovered("s out of range", &r, &out, v, digest.clone()).fails(Reason::Signature));
        }
    }
    odd
}

#[test]
fn odd_items_to_recover_from_have_their_reasons_in_every_lane() {
    let curve = Plain::of::<Secp256k1>();
    let mut odd = recoverable(&curve);
    let address = Parameters { output: Output::Address, ..Parameters::default() };
    agree_on_odd_items(Row::RecoverSecp256k1, &Parameters::default(), &odd);
    agree_on_odd_items(Row::RecoverSecp256k1, &address, &odd);
    for item in &mut odd {
        if BigUint::from_bytes_be(&item.signature[32..64]) > &curve.n >> 1 {
            item.verdict = Err(Reason::Signature);
        }
    }
    agree_on_odd_items(Row::RecoverSecp256k1LowS, &address, &odd);
}
