//! The rows over SM2: with Z_A, and with e.

use super::super::hash::Sm3;
use super::super::items::{Call, Failed, fill};
use super::super::level::{CurveWork, Level};
use super::super::message::{joined, signed_digests};
use super::super::weierstrass::combine::{Terms, combine};
use super::super::weierstrass::limbs::{self, LIMBS};
use super::super::weierstrass::scalar::{negated, sum};
use super::super::weierstrass::verify::{Lot, has_x, numbers, s_max, shares, signatures, write};
use super::super::weierstrass::{Curve, point::Affine};
use super::super::word::Word52;
use super::point::{PARAMETERS, Sm2};
use crate::backend::Output;

type Order = <Sm2 as Curve>::Order;

/// GB/T 32918.2-2016, section 7, with Z_A of section 5.5 over the batch's user id.
pub(in super::super) fn with_za(call: &Call<'_>, out: &mut Output<'_>) {
    let user_id = call.parameters.user_id_or_default();
    // ENTL, in bits, fits 16 bits: parameters hold no longer user id.
    let entl = u16::try_from(8 * user_id.len()).expect("a user id of at most 8,191 bytes");
    let prefix = [&entl.to_be_bytes()[..], user_id, PARAMETERS.as_flattened()].concat();
    verify(call, vec![None; call.items.len()], Some(&prefix), out);
}

/// The same from step B5 on, e being the message or its named hash.
pub(in super::super) fn with_e(call: &Call<'_>, out: &mut Output<'_>) {
    verify(call, signed_digests(call), None, out);
}

/// e is given, or Z_A is the hash of a prefix and the key.
fn verify(call: &Call<'_>, digests: Vec<Option<[u8; 32]>>, prefix: Option<&[u8]>, out: &mut Output<'_>) {
    let found = call.keys.sm2.find(call.items.iter().map(|item| (item.form, item.key)));
    for share in shares(&call.items, digests, &found.tables) {
        for lot in share.lots() {
            let items = lot.items;
            write(items, call.curves.run(Verify { lot, prefix, hashes: call.hashes }), out);
        }
    }
    call.keys.ask(&call.keys.sm2, &found);
}

/// Verification over some groups.
struct Verify<'a> {
    lot: Lot<'a, Sm2>,
    prefix: Option<&'a [u8]>,
    hashes: Level,
}

impl CurveWork for Verify<'_> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let items = self.lot.items;
        let groups = items.len().div_ceil(8);
        let (mut failed, mut terms) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let mut r = Vec::with_capacity(groups);
        for (group, (point, key)) in items.chunks(8).zip(self.lot.keys::<W>()) {
            let group = fill(group);
            // B1, B2: r and s in 1..n-1.
            let ([own_r, s], out_of_range) = signatures::<W, Sm2>(&group, const { s_max::<Sm2>(false) });
            // B5: t = r + s, which is not zero.
            let t = W::outlined(
                #[inline(always)]
                || sum::<W, Order>(own_r, s),
            );
            let signature = out_of_range | limbs::equal(t, [0; LIMBS]);
            failed.push(Failed { key, signature, message: 0, equation: 0 });
            terms.push(Terms { base: s, key: t, point });
            r.push(own_r);
        }
        // B3, B4.
        let hashed = self.prefix.map(|prefix| with_prefix(self.hashes, prefix, &self.lot, &terms));
        let digests = hashed.as_deref().unwrap_or(self.lot.digests);
        // B6: s G + t P.
        let sums = combine::<W, Sm2>(&terms, &self.lot.tables());
        let groups = failed.iter_mut().zip(digests.chunks(8));
        for ((failed, digests), (sum_point, r)) in groups.zip(sums.iter().zip(r)) {
            let (e, message) = numbers::<W, Sm2>(&fill(digests));
            failed.message = message;
            // B7: e + x = r mod n, so x = r - e.
            let x = W::outlined(
                #[inline(always)]
                || sum::<W, Order>(r, negated::<W, Order>(e)),
            );
            failed.equation = !has_x(sum_point, x);
        }
        failed
    }
}

/// e of each item: SM3 of Z_A and the message, Z_A being SM3 of the prefix and the key.
#[inline(always)]
fn with_prefix<W: Word52>(
    hashes: Level,
    prefix: &[u8],
    lot: &Lot<'_, Sm2>,
    terms: &[Terms<W, Sm2>],
) -> Vec<Option<[u8; 32]>> {
    let items = lot.items;
    let mut keys: Vec<[u8; 64]> = lot.tables.iter().map(|table| table.key).collect();
    if keys.is_empty() {
        for Terms { point: Affine { x, y }, .. } in terms {
            keys.extend(W::outlined(
                #[inline(always)]
                || limbs::to_bytes([x.leave(), y.leave()]),
            ));
        }
    }
    let mut za = vec![[0; 32]; items.len()];
    joined::<Sm3, 2>(hashes, items.len(), |i| [prefix, &keys[i]], &mut |i, digest| za[i].copy_from_slice(digest));
    let mut e = vec![None; items.len()];
    let parts = |i: usize| [&za[i][..], items[i].message];
    joined::<Sm3, 2>(hashes, items.len(), parts, &mut |i, digest| e[i] = digest.try_into().ok());
    e
}

#[cfg(test)]
mod tests {
    use assay_scheme::{Parameters, Reason, Row};
    use num_bigint::BigUint;

    use super::super::super::keys::Table;
    use super::super::super::testing::{self, Odd, agree_on_odd_items};
    use super::super::super::weierstrass::adversary::{Plain, bytes, column, item, pair};
    use super::super::super::weierstrass::comb::KeyTable;
    use super::*;

    #[test]
    fn verdicts_agree_at_every_size_and_in_every_lane() {
        for row in [Row::Sm2Za, Row::Sm2E] {
            testing::agree_at_every_size(row);
            testing::agree_in_every_lane(row);
        }
    }

    #[test]
    fn verdicts_do_not_depend_on_known_keys() {
        for row in [Row::Sm2Za, Row::Sm2E] {
            testing::agree_with_known_keys(row, KeyTable::<Sm2>::BYTES, |lanes| lanes.keys.sm2.counts());
        }
    }

    /// Signatures over chosen s and t: r = t - s, and e = r - x of s G + t Q.
    fn chosen(curve: &Plain) -> Vec<Odd> {
        let n = &curve.n;
        let scalars = curve.scalars(&BigUint::from(7u8));
        let mut odd = Vec::new();
        for key in [BigUint::from(1u8), curve.minus(&BigUint::from(1u8))] {
            let point = curve.times(&key, &curve.g);
            for (j, t) in scalars.iter().enumerate().skip(1) {
                let small = (0..4u32).map(|k| (curve.minus(&(t * &key)) + k) % n);
                for s in small.chain([scalars[(j + 3) % scalars.len()].clone()]) {
                    let r = (t + n - &s) % n;
                    let sum = curve.combination(&s, t, &point);
                    let x = sum.as_ref().map_or(BigUint::ZERO, |(x, _)| x.clone());
                    let e = (&r + curve.minus(&x)) % n;
                    let item = item("chosen scalars", 4, column(&point), pair(&r, &s), bytes(&e));
                    odd.push(if r == BigUint::ZERO || s == BigUint::ZERO {
                        item.fails(Reason::Signature)
                    } else if sum.is_none() {
                        item.fails(Reason::Equation)
                    } else {
                        item
                    });
                }
            }
        }
        odd
    }

    #[test]
    fn odd_items_have_their_reasons_in_every_lane() {
        let curve = Plain::of::<Sm2>();
        let (p, n) = (&curve.p, &curve.n);
        let mut odd = chosen(&curve);
        let key = curve.times(&BigUint::from(77u8), &curve.g);
        let (x, y) = key.clone().expect("a point");
        // x - n is no other point's x, so e + x = r holds modulo n alone.
        let (s, r) = (BigUint::from(1_234_567u32), BigUint::from(7u8));
        let sum = curve.combination(&s, &(&r + &s), &key).expect("a point").0;
        let e = (&r + curve.minus(&sum)) % n;
        let good = pair(&r, &s);
        let with = |what, form, key: Vec<u8>| item(what, form, key, good.clone(), bytes(&e));
        let parity = u8::from(y.bit(0));
        odd.extend([
            with("as it is", 4, column(&key)),
            with("compressed", 2 + parity, pair(&x, &BigUint::ZERO)),
            with("the other y", 3 - parity, pair(&x, &BigUint::ZERO)).fails(Reason::Equation),
            with("bytes behind x", 2 + parity, column(&key)).fails(Reason::Key),
            with("off the curve", 4, pair(&x, &(&y + 1u8))).fails(Reason::Key),
            with("x of p", 2, pair(p, &BigUint::ZERO)).fails(Reason::Key),
            with("no point's x", 2, pair(&curve.next_x(&x, false), &BigUint::ZERO)).fails(Reason::Key),
        ]);
        // e of n and more is reduced.
        if (&e + n).bits() <= 256 {
            odd.push(item("e of n and more", 4, column(&key), good.clone(), bytes(&(&e + n))));
        }
        for (r, s) in [(BigUint::from(1u8), n - 1u8), (n - 1u8, BigUint::from(1u8)), (n - &s, s.clone())] {
            odd.push(item("r + s is n", 4, column(&key), pair(&r, &s), bytes(&e)).fails(Reason::Signature));
        }
        for edge in [BigUint::ZERO, n.clone(), n + 1u8, p.clone(), p + 1u8, p - 1u8] {
            for out in [pair(&edge, &s), pair(&r, &edge)] {
                odd.push(item("out of range", 4, column(&key), out, bytes(&e)).fails(Reason::Signature));
            }
        }
        for edge in [BigUint::from(1u8), n - 2u8, n >> 1] {
            for inside in [pair(&edge, &s), pair(&r, &edge)] {
                odd.push(item("in range", 4, column(&key), inside, bytes(&e)).fails(Reason::Equation));
            }
        }
        odd.push(item("no e", 4, column(&key), good.clone(), vec![1; 31]).fails(Reason::Message));
        agree_on_odd_items(Row::Sm2E, &Parameters::default(), &odd);
        testing::agree_on_odd_items_with_known_keys(Row::Sm2E, &Parameters::default(), &odd);
    }

    #[test]
    fn every_user_id_and_key_form_has_its_z() {
        use assay_scheme::ColumnsBuilder;
        for len in [0, 1, 16, 63, 64, 8_191] {
            let parameters = Parameters { user_id: Some(vec![0xff; len].into()), ..Parameters::default() };
            let mut columns = ColumnsBuilder::new(Row::Sm2Za.operation());
            let curve = Plain::of::<Sm2>();
            for i in 0..20_u32 {
                let d = BigUint::from(i + 1);
                let key = curve.times(&d, &curve.g);
                let (x, y) = key.clone().expect("a point");
                let message = vec![7; i as usize * 11];
                let prefix =
                    [&(8 * len as u16).to_be_bytes()[..], &vec![0xff; len], PARAMETERS.as_flattened()].concat();
                let za = crate::reference::hash(assay_scheme::Hash::Sm3, &[prefix, column(&key)].concat());
                let e = crate::reference::hash(assay_scheme::Hash::Sm3, &[&za[..], &message].concat());
                // GB/T 32918.2-2016, section 6.1, with a nonce of i + 9.
                let k = BigUint::from(i + 9);
                let r = (BigUint::from_bytes_be(&e) + curve.times(&k, &curve.g).expect("a point").0) % &curve.n;
                let s = curve.over(&(&k + curve.minus(&(&r * &d))), &(1u8 + &d));
                let (form, key) =
                    if i % 2 == 0 { (4, column(&key)) } else { (2 + u8::from(y.bit(0)), pair(&x, &BigUint::ZERO)) };
                columns.push(form, &key, &pair(&r, &s), &message);
            }
            let bundle = testing::bundle(&parameters, columns);
            testing::agree(&bundle, 0..20);
            let found = testing::compute(&testing::backends()[0], &bundle, 0..20);
            assert!((0..20).all(|i| found.verdict(i).is_valid()));
        }
    }
}
