//! From eight items' columns to points and numbers, and ECDSA, which is the same on every curve.
//!
//! What fails in a lane is noted in its mask and replaced by something harmless, so that no lane waits for another and every
//! inversion is of what can be inverted.

use std::sync::Arc;

use super::super::items::{Call, Failed, Item, fill};
use super::super::keys::Cache;
use super::super::level::CurveWork;
use super::super::message::signed_digests;
use super::super::word::Word52;
use super::Curve;
use super::comb::KeyTable;
use super::combine::{GROUPS_MAX, Terms, combine};
use super::field::{Element, Modulus, Sum};
use super::limbs::{self, LIMBS, Limbs};
use super::point::{Affine, Jacobian};
use super::scalar::{inverses, quotient, reduced};
use crate::backend::Output;

/// Items that go through together.
pub(in super::super) const ITEMS_MAX: usize = 8 * GROUPS_MAX;

/// The lanes for which something holds.
#[inline(always)]
pub(in super::super) fn lanes<T>(group: &[T; 8], holds: impl Fn(&T) -> bool) -> u8 {
    group.iter().enumerate().fold(0, |mask, (lane, item)| mask | u8::from(holds(item)) << lane)
}

/// The lanes below a number.
#[inline(always)]
pub(in super::super) fn below<W: Word52>(number: [W; LIMBS], bound: Limbs) -> u8 {
    !limbs::difference(number, limbs::splat(bound)).1
}

/// y of the points with these x, odd in the lanes of `odd`, and the lanes whose x is no point's. x in the field's form.
#[inline(always)]
pub(in super::super) fn lift<W: Word52, C: Curve>(
    x: &[Element<W, C::Field>],
    odd: &[u8],
) -> Vec<(Element<W, C::Field>, u8)> {
    let mut squares = Vec::with_capacity(x.len());
    for x in x {
        squares.push(W::outlined(
            #[inline(always)]
            || Affine::<W, C>::right_side(*x),
        ));
    }
    let roots = C::square_roots(&squares);
    let mut lifted = Vec::with_capacity(x.len());
    for ((y, square), odd) in roots.into_iter().zip(squares).zip(odd) {
        lifted.push(W::outlined(
            #[inline(always)]
            || {
                let failed = !y.square_plus(Sum::minus(square)).is_zero();
                (y.select(parity(y.leave()) ^ odd, y.negated()), failed)
            },
        ));
    }
    lifted
}

/// The lanes of odd numbers.
#[inline(always)]
pub(in super::super) fn parity<W: Word52>(number: [W; LIMBS]) -> u8 {
    !number[0].and(W::splat(1)).equal(W::splat(0))
}

/// The groups' keys as SEC 1 (section 2.3.4) and X9.62 (section 4.3.6) read them, the base point for those refused, and the
/// lanes that are. Which forms a row has its columns have seen to.
#[inline(always)]
pub(in super::super) fn keys<W: Word52, C: Curve>(groups: &[[(u8, &[u8]); 8]]) -> Vec<(Affine<W, C>, u8)> {
    let mut keys = Vec::with_capacity(groups.len());
    // Those with compressed keys: which group, x, the wanted parity.
    let (mut places, mut x, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    for (g, group) in groups.iter().enumerate() {
        let (point, failed) = read_keys::<W, C>(group);
        if lanes(group, |(form, _)| is_compressed(*form)) != 0 {
            places.push(g);
            x.push(point.x);
            odd.push(lanes(group, |(form, _)| form & 1 == 1));
        }
        keys.push((point, failed));
    }
    for (g, (y, no_point)) in places.into_iter().zip(lift::<W, C>(&x, &odd)) {
        let compressed = lanes(&groups[g], |(form, _)| is_compressed(*form));
        let (point, failed) = &mut keys[g];
        point.y = point.y.select(compressed, y);
        *failed |= compressed & no_point;
    }
    for (point, failed) in &mut keys {
        *point = point.select(*failed, Affine::base());
    }
    keys
}

fn is_compressed(form: u8) -> bool {
    matches!(form, 2 | 3)
}

/// A group's keys as far as they can be read without a square root.
#[inline(always)]
fn read_keys<W: Word52, C: Curve>(group: &[(u8, &[u8]); 8]) -> (Affine<W, C>, u8) {
    let mut blocks = [&[0; 64]; 8];
    for (block, (_, key)) in blocks.iter_mut().zip(group) {
        *block = (*key).try_into().expect("a key column of 64 bytes");
    }
    let compressed = lanes(group, |(form, _)| is_compressed(*form));
    let hybrid = lanes(group, |(form, _)| matches!(form, 6 | 7));
    let odd = lanes(group, |(form, _)| form & 1 == 1);
    W::outlined(
        #[inline(always)]
        || {
            let [x, y] = limbs::from_bytes::<W>(&blocks);
            // Bytes behind a compressed x would be a second name for the same key.
            let mut failed =
                !below(x, C::Field::P) | !below(y, C::Field::P) | compressed & !limbs::equal(y, [0; LIMBS]);
            failed |= hybrid & (parity(y) ^ odd);
            let point = Affine { x: Element::enter(x), y: Element::enter(y) };
            if compressed != 0xff {
                failed |= !compressed & !point.is_on_curve();
            }
            (point, failed)
        },
    )
}

/// A group's r and s where both lie in 1..n-1 and s is at most `most`, else ones, and the lanes where they do not.
#[inline(always)]
pub(in super::super) fn signatures<W: Word52, C: Curve>(group: &[&Item<'_>; 8], most: Limbs) -> ([[W; LIMBS]; 2], u8) {
    let mut blocks = [&[0; 64]; 8];
    for (block, item) in blocks.iter_mut().zip(group) {
        *block = item.signature.first_chunk().expect("a signature column of 64 bytes at least");
    }
    W::outlined(
        #[inline(always)]
        || {
            let [r, s] = limbs::from_bytes::<W>(&blocks);
            let fits = below(r, C::Order::P)
                & below(s, limbs::plus(most, [1, 0, 0, 0, 0]))
                & !limbs::equal(r, [0; LIMBS])
                & !limbs::equal(s, [0; LIMBS]);
            let one = limbs::splat([1, 0, 0, 0, 0]);
            ([limbs::select(one, fits, r), limbs::select(one, fits, s)], !fits)
        },
    )
}

/// The largest s of a row.
pub(in super::super) const fn s_max<C: Curve>(low_s: bool) -> Limbs {
    let mut most = limbs::minus(C::Order::P, [1, 0, 0, 0, 0]);
    if low_s {
        // n is odd: n/2 rounded down.
        let mut i = 0;
        while i < LIMBS {
            let above = if i + 1 < LIMBS { most[i + 1] & 1 } else { 0 };
            most[i] = most[i] >> 1 | above << 51;
            i += 1;
        }
    }
    most
}

/// A group's digests as numbers below the order, zeros where there is none, and the lanes without one.
#[inline(always)]
pub(in super::super) fn numbers<W: Word52, C: Curve>(digests: &[&Option<[u8; 32]>; 8]) -> ([W; LIMBS], u8) {
    let mut blocks = [[0; 64]; 8];
    for (block, digest) in blocks.iter_mut().zip(digests) {
        block[..32].copy_from_slice(&digest.unwrap_or_default());
    }
    let missing = lanes(digests, |digest| digest.is_none());
    W::outlined(
        #[inline(always)]
        || {
            let [e, _] = limbs::from_bytes::<W>(&blocks.each_ref());
            (reduced::<W, C::Order>(e), missing)
        },
    )
}

/// The lanes where a point's x is r modulo the order, r below it: X = r Z² or, where that is below p, (r + n) Z².
#[inline(always)]
pub(in super::super) fn has_x<W: Word52, C: Curve>(point: &Jacobian<W, C>, r: [W; LIMBS]) -> u8 {
    W::outlined(
        #[inline(always)]
        || {
            let zz = point.z.square();
            let mut equal = is_ratio(point, zz, r);
            let second = below(r, const { limbs::minus(C::Field::P, C::Order::P) });
            if second != 0 {
                let mut more = r;
                for (limb, n) in more.iter_mut().zip(C::Order::P) {
                    *limb = limb.select(second, limb.add(W::splat(n)));
                }
                equal |= second
                    & W::outlined(
                        #[inline(always)]
                        || is_ratio(point, zz, limbs::carry(more)),
                    );
            }
            equal & !point.infinity
        },
    )
}

/// The lanes where X = x Z², x below 2^256.
#[inline(always)]
fn is_ratio<W: Word52, C: Curve>(point: &Jacobian<W, C>, zz: Element<W, C::Field>, x: [W; LIMBS]) -> u8 {
    Element::enter(x).mul_plus(zz, Sum::minus(point.x)).is_zero()
}

/// A call's items with what is signed, and their keys' tables: of every item or of none.
pub(in super::super) struct Share<'a, C> {
    pub(in super::super) items: Vec<Item<'a>>,
    pub(in super::super) digests: Vec<Option<[u8; 32]>>,
    pub(in super::super) tables: Vec<&'a KeyTable<C>>,
}

/// Items whose keys have tables, and those without. What is left over of the former after whole groups goes with the latter
/// where their last group has room: a group less.
pub(in super::super) fn shares<'a, C>(
    items: &[Item<'a>],
    digests: Vec<Option<[u8; 32]>>,
    tables: &'a [Option<Arc<KeyTable<C>>>],
) -> [Share<'a, C>; 2] {
    let (mut with, mut without): (Vec<_>, Vec<_>) = (0..tables.len()).partition(|i| tables[*i].is_some());
    let (over, last) = (with.len() % 8, without.len() % 8);
    if last > 0 && over + last <= 8 {
        without.extend(with.drain(with.len() - over..));
    }
    let share = |indices: Vec<usize>, tables: &'a [Option<Arc<KeyTable<C>>>]| Share {
        items: indices.iter().map(|i| items[*i]).collect(),
        digests: indices.iter().map(|i| digests[*i]).collect(),
        tables: indices.iter().filter_map(|i| tables.get(*i)?.as_deref()).collect(),
    };
    [share(with, tables), share(without, &[])]
}

/// Items that go through together.
pub(in super::super) struct Lot<'a, C> {
    pub(in super::super) items: &'a [Item<'a>],
    pub(in super::super) digests: &'a [Option<[u8; 32]>],
    pub(in super::super) tables: &'a [&'a KeyTable<C>],
}

impl<'a, C: Curve> Share<'a, C> {
    /// In lots of [`ITEMS_MAX`].
    pub(in super::super) fn lots(&'a self) -> impl Iterator<Item = Lot<'a, C>> {
        (0..self.items.len()).step_by(ITEMS_MAX).map(|start| {
            let range = start..self.items.len().min(start + ITEMS_MAX);
            let tables = self.tables.get(range.clone()).unwrap_or_default();
            Lot { items: &self.items[range.clone()], digests: &self.digests[range], tables }
        })
    }
}

impl<'a, C: Curve> Lot<'a, C> {
    /// The groups' keys and the lanes refused; with tables, none is refused and there is nothing to read.
    #[inline(always)]
    pub(in super::super) fn keys<W: Word52>(&self) -> Vec<(Affine<W, C>, u8)> {
        let groups: Vec<_> = self.items.chunks(8).map(|group| fill(group).map(|item| (item.form, item.key))).collect();
        if self.tables.is_empty() { C::keys(&groups) } else { vec![(Affine::base(), 0); groups.len()] }
    }

    /// The groups' tables.
    pub(in super::super) fn tables(&self) -> Vec<[&'a KeyTable<C>; 8]> {
        self.tables.chunks(8).map(|group| fill(group).map(|table| *table)).collect()
    }
}

/// ECDSA (SEC 1 v2, section 4.1.4; FIPS 186-5, section 6.4.2) over some groups.
struct Ecdsa<'a, C> {
    lot: Lot<'a, C>,
    s_max: Limbs,
}

impl<C: Curve> CurveWork for Ecdsa<'_, C> {
    type Answer = Vec<Failed>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Vec<Failed> {
        let Lot { items, digests, .. } = self.lot;
        let groups = items.len().div_ceil(8);
        let (mut failed, mut terms) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        let (mut r, mut s) = (Vec::with_capacity(groups), Vec::with_capacity(groups));
        for ((group, digests), (point, key)) in items.chunks(8).zip(digests.chunks(8)).zip(self.lot.keys::<W>()) {
            let ([own_r, own_s], signature) = signatures::<W, C>(&fill(group), self.s_max);
            let (e, message) = numbers::<W, C>(&fill(digests));
            failed.push(Failed { key, signature, message, equation: 0 });
            terms.push(Terms { base: e, key: own_r, point });
            r.push(own_r);
            s.push(own_s);
        }
        for (terms, inverse) in terms.iter_mut().zip(inverses::<W, C::Order>(&s)) {
            terms.base = quotient(terms.base, inverse);
            terms.key = quotient(terms.key, inverse);
        }
        let sums = combine(&terms, &self.lot.tables());
        for ((failed, sum), r) in failed.iter_mut().zip(&sums).zip(r) {
            failed.equation = !has_x(sum, r);
        }
        failed
    }
}

/// An ECDSA row's verdicts.
pub(in super::super) fn ecdsa<C: Curve>(
    call: &Call<'_>,
    cache: &Cache<KeyTable<C>>,
    out: &mut Output<'_>,
    low_s: bool,
) {
    let s_max = if low_s { const { s_max::<C>(true) } } else { const { s_max::<C>(false) } };
    let found = cache.find(call.items.iter().map(|item| (item.form, item.key)));
    for share in shares(&call.items, signed_digests(call), &found.tables) {
        for lot in share.lots() {
            let items = lot.items;
            write(items, call.curves.run(Ecdsa { lot, s_max }), out);
        }
    }
    call.keys.ask(cache, &found);
}

/// Writes the verdicts of items in groups.
pub(in super::super) fn write(items: &[Item<'_>], failed: Vec<Failed>, out: &mut Output<'_>) {
    for (group, failed) in items.chunks(8).zip(failed) {
        failed.write(group, out);
    }
}
