//! The rows over secp256k1: ECDSA, BIP-340 and recovery, from columns to verdicts and keys.

use assay_scheme::Output as Form;
use assay_scheme::Verdict;

use super::super::hash::{self, Keccak256, Sha256};
use super::super::items::{Call, Failed, Item, fill};
use super::super::level::CurveWork;
use super::super::message::{joined, signed_digests};
use super::super::weierstrass::Curve;
use super::super::weierstrass::combine::{Terms, combine};
use super::super::weierstrass::field::{Element, Modulus};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::weierstrass::point::{Affine, affine};
use super::super::weierstrass::scalar::{inverses, negated, quotient};
use super::super::weierstrass::verify::{
    self, ITEMS_MAX, Lot, below, lanes, lift, numbers, parity, s_max, shares, signatures,
};
use super::super::word::Word52;
use super::point::Secp256k1;
use crate::backend::Output;

type Order = <Secp256k1 as Curve>::Order;
type Field = <Secp256k1 as Curve>::Field;

/// SEC 1 v2, section 4.1.4, with high S too; hybrid keys with the right parity.
pub(in super::super) fn ecdsa(call: &Call<'_>, out: &mut Output<'_>) {
    verify::ecdsa::<Secp256k1>(call, &call.keys.secp256k1, out, false);
}

/// The same with s at most n/2 (BIP-146; EIP-2).
pub(in super::super) fn ecdsa_low_s(call: &Call<'_>, out: &mut Output<'_>) {
    verify::ecdsa::<Secp256k1>(call, &call.keys.secp256k1, out, true);
}

/// SHA-256 of "BIP0340/challenge", twice: what the tagged hash begins with (BIP-340, Design).
const CHALLENGE: [u8; 64] = [
    0x7b, 0xb5, 0x2d, 0x7a, 0x9f, 0xef, 0x58, 0x32, 0x3e, 0xb1, 0xbf, 0x7a, 0x40, 0x7d, 0xb3, 0x82, 0xd2, 0xf3, 0xf2,
    0xd8, 0x1b, 0xb1, 0x22, 0x4f, 0x49, 0xfe, 0x51, 0x8f, 0x6d, 0x48, 0xd3, 0x7c, 0x7b, 0xb5, 0x2d, 0x7a, 0x9f, 0xef,
    0x58, 0x32, 0x3e, 0xb1, 0xbf, 0x7a, 0x40, 0x7d, 0xb3, 0x82, 0xd2, 0xf3, 0xf2, 0xd8, 0x1b, 0xb1, 0x22, 0x4f, 0x49,
    0xfe, 0x51, 0x8f, 0x6d, 0x48, 0xd3, 0x7c,
];

/// BIP-340, Verification. Messages have any length.
pub(in super::super) fn schnorr(call: &Call<'_>, out: &mut Output<'_>) {
    let items = &call.items;
    let mut challenges = vec![None; items.len()];
    let parts = |i: usize| [&CHALLENGE[..], &items[i].signature[..32], items[i].key, items[i].message];
    joined::<Sha256, 4>(call.hashes, items.len(), parts, &mut |i, digest| challenges[i] = digest.try_into().ok());
    let found = call.keys.secp256k1.find(items.iter().map(|item| (item.form, item.key)));
    for share in shares(items, challenges, &found.tables) {
        for lot in share.lots() {
            let items = lot.items;
            verify::write(items, call.curves.run(Schnorr(lot)), out);
        }
    }
    call.keys.ask(&call.keys.secp256k1, &found);
}

/// BIP-340 over some groups.
struct Schnorr<'a>(Lot<'a, Secp256k1>);

impl CurveWork for Schnorr<'_> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let Lot { items, digests, .. } = self.0;
        let groups = items.len().div_ceil(8);
        let (mut failed, mut terms) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let mut r = Vec::with_capacity(groups);
        for ((group, challenges), (point, key)) in items.chunks(8).zip(digests.chunks(8)).zip(self.0.keys::<W>()) {
            let (own_r, s, signature) = read_signatures::<W>(&fill(group));
            let (e, _) = numbers::<W, Secp256k1>(&fill(challenges));
            failed.push(Failed { key, signature, message: 0, equation: 0 });
            // R = s G - e P.
            terms.push(Terms { base: s, key: negated::<W, Order>(e), point });
            r.push(own_r);
        }
        let sums = combine::<W, Secp256k1>(&terms, &self.0.tables());
        for ((failed, (sum, infinity)), r) in failed.iter_mut().zip(affine(&sums)).zip(r) {
            let (x, y) = W::outlined(
                #[inline(always)]
                || (sum.x.leave(), sum.y.leave()),
            );
            // Fail if R is infinite, if y is odd, if x is not r.
            failed.equation = infinity | parity(y) | !limbs::same(x, r);
        }
        failed
    }
}

/// The groups' keys, lift_x of 32 bytes (BIP-340, Specification), the base point for those that fail, and the lanes that do.
#[inline(always)]
pub(super) fn x_only_keys<W: Word52>(groups: &[[(u8, &[u8]); 8]]) -> Vec<(Affine<W, Secp256k1>, u8)> {
    let (mut x, mut failed) = (Vec::with_capacity(groups.len()), Vec::with_capacity(groups.len()));
    for group in groups {
        let mut blocks = [[0; 64]; 8];
        for (block, (_, key)) in blocks.iter_mut().zip(group) {
            block[..32].copy_from_slice(key);
        }
        let (own, out_of_range) = W::outlined(
            #[inline(always)]
            || {
                let [x, _] = limbs::from_bytes::<W>(&blocks.each_ref());
                (Element::enter(x), !below(x, Field::P))
            },
        );
        x.push(own);
        failed.push(out_of_range);
    }
    lifted(x, &vec![0; groups.len()], failed)
}

/// The points with these x and parities, the base point for those that fail or are none, and the lanes that are so.
#[inline(always)]
fn lifted<W: Word52>(x: Vec<Element<W, Field>>, odd: &[u8], failed: Vec<u8>) -> Vec<(Affine<W, Secp256k1>, u8)> {
    let y = lift::<W, Secp256k1>(&x, odd);
    let mut points = Vec::with_capacity(x.len());
    for ((x, (y, no_point)), failed) in x.into_iter().zip(y).zip(failed) {
        let failed = failed | no_point;
        points.push((Affine { x, y }.select(failed, Affine::base()), failed));
    }
    points
}

/// A group's r below p and s below n, and the lanes where one is not. Both may be zero.
#[inline(always)]
fn read_signatures<W: Word52>(group: &[&Item<'_>; 8]) -> ([W; LIMBS], [W; LIMBS], u8) {
    let mut blocks = [&[0; 64]; 8];
    for (block, item) in blocks.iter_mut().zip(group) {
        *block = item.signature.first_chunk().expect("a signature column of 64 bytes");
    }
    W::outlined(
        #[inline(always)]
        || {
            let [r, s] = limbs::from_bytes::<W>(&blocks);
            let fits = below(r, Field::P) & below(s, Order::P);
            (r, limbs::select(limbs::splat([0; LIMBS]), fits, s), !fits)
        },
    )
}

/// SEC 1 v2, section 4.1.6, v naming the candidate: bit 0 is the parity of y, bit 1 says x = r + n. With high S too.
pub(in super::super) fn recover(call: &Call<'_>, out: &mut Output<'_>) {
    recover_any(call, out, const { s_max::<Secp256k1>(false) });
}

/// The same with s at most n/2 (EIP-2).
pub(in super::super) fn recover_low_s(call: &Call<'_>, out: &mut Output<'_>) {
    recover_any(call, out, const { s_max::<Secp256k1>(true) });
}

fn recover_any(call: &Call<'_>, out: &mut Output<'_>, s_max: Limbs) {
    let digests = signed_digests(call);
    let mut keys = Vec::with_capacity(call.items.len());
    for (items, digests) in call.items.chunks(ITEMS_MAX).zip(digests.chunks(ITEMS_MAX)) {
        let recovered = call.curves.run(Recover { items, digests, s_max });
        for (group, (failed, own)) in items.chunks(8).zip(recovered) {
            for (lane, item) in group.iter().enumerate() {
                match failed.reason(lane) {
                    Ok(()) => keys.push((item.at, own[lane])),
                    Err(reason) => out.verdict(item.at, Verdict::Invalid(reason)),
                }
            }
        }
    }
    match call.parameters.output {
        Form::Default => keys.iter().for_each(|(at, key)| out.value(*at, key)),
        // The last 20 bytes of the key's Keccak-256 (Ethereum yellow paper, appendix F).
        Form::Address => {
            let messages: Vec<&[u8]> = keys.iter().map(|(_, key)| &key[..]).collect();
            let mut write = |i: usize, digest: &[u8]| out.value(keys[i].0, &digest[12..]);
            hash::digests::<Keccak256>(call.hashes, &messages, &mut write);
        }
    }
}

/// Recovery over some groups.
struct Recover<'a> {
    items: &'a [Item<'a>],
    digests: &'a [Option<[u8; 32]>],
    s_max: Limbs,
}

impl CurveWork for Recover<'_> {
    type Answer = Vec<(Failed, [[u8; 64]; 8])>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Self::Answer {
        let groups = self.items.len().div_ceil(8);
        let (mut failed, mut terms) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let (mut r, mut s) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let (mut x, mut odd, mut refused) =
            (Vec::with_capacity(groups), Vec::with_capacity(groups), Vec::with_capacity(groups));
        for group in self.items.chunks(8) {
            let group = fill(group);
            let ([own_r, own_s], out_of_range) = signatures::<W, Secp256k1>(&group, self.s_max);
            let (own_x, no_x) = candidates::<W>(&group, own_r);
            r.push(own_r);
            s.push(own_s);
            x.push(own_x);
            odd.push(lanes(&group, |item| item.signature[64] & 1 != 0));
            refused.push(out_of_range | no_x);
        }
        let points = lifted(x, &odd, refused);
        for (((point, signature), digests), s) in points.into_iter().zip(self.digests.chunks(8)).zip(s) {
            let (e, message) = numbers::<W, Secp256k1>(&fill(digests));
            failed.push(Failed { key: 0, signature, message, equation: 0 });
            // Q = (s R - e G) / r.
            terms.push(Terms { base: negated::<W, Order>(e), key: s, point });
        }
        for (terms, inverse) in terms.iter_mut().zip(inverses::<W, Order>(&r)) {
            terms.base = quotient(terms.base, inverse);
            terms.key = quotient(terms.key, inverse);
        }
        let sums = combine::<W, Secp256k1>(&terms, &[]);
        let keys = failed.into_iter().zip(affine(&sums)).map(|(failed, (key, infinity))| {
            let key = W::outlined(
                #[inline(always)]
                || limbs::to_bytes([key.x.leave(), key.y.leave()]),
            );
            (Failed { equation: infinity, ..failed }, key)
        });
        keys.collect()
    }
}

/// r or r + n, as v says, where that is below p and v is at most 3, and the lanes where it is not so.
#[inline(always)]
fn candidates<W: Word52>(group: &[&Item<'_>; 8], r: [W; LIMBS]) -> (Element<W, Field>, u8) {
    let v = |bits: u8| lanes(group, |item| item.signature[64] & bits != 0);
    let (second, no_v) = (v(2), v(!3));
    W::outlined(
        #[inline(always)]
        || {
            let mut x = r;
            for (limb, n) in x.iter_mut().zip(Order::P) {
                *limb = limb.select(second, limb.add(W::splat(n)));
            }
            let x = limbs::carry(x);
            let fits = below(x, Field::P);
            (Element::enter(limbs::select(limbs::splat([0; LIMBS]), fits, x)), no_v | !fits)
        },
    )
}
