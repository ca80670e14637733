//! Multiples of points that are known beforehand, the base point and keys that keep coming: tables of the point's doubles
//! too, so that few doublings or none are left to do.

use std::marker::PhantomData;
use std::sync::OnceLock;

use super::super::items::fill;
use super::super::keys::Table;
use super::super::level::{CurveLevel, CurveWork};
use super::super::word::Word52;
use super::Curve;
use super::combine::Terms;
use super::field::{Element, Modulus, invert_all};
use super::limbs;
use super::point::{Affine, Jacobian, affine};
use super::scalar::{Digit, digits};
use super::table::{Multiples, Row, look_up, prefetch};

/// Bits of a digit over a known key, and its odd multiples in a table. One less: 10 to 14 more additions, half the bytes.
const WIDTH: usize = 7;
const MULTIPLES: usize = 1 << (WIDTH - 1);
/// Bits of a digit over the base point beside known keys, and its odd multiples: a table of 64 KiB for each digit, no doublings;
/// with an endomorphism 12 tables, 768 KiB, else 24. One less: two additions more, half the bytes.
const BASE_WIDTH: usize = 11;
const BASE_MULTIPLES: usize = 1 << (BASE_WIDTH - 1);

/// Digits of a part over a known key.
const fn key_digits<C: Curve>() -> usize {
    C::BITS.div_ceil(WIDTH)
}

/// Digits of a part over the base point.
const fn base_digits<C: Curve>() -> usize {
    C::BITS.div_ceil(BASE_WIDTH)
}

/// Digits that share a table, each in a pass of its own with `WIDTH` doublings before the next.
const fn passes<C: Curve>() -> usize {
    4 / C::PARTS
}

/// Tables of a known key: 10 of 4 KiB on every curve.
const fn key_tables<C: Curve>() -> usize {
    key_digits::<C>().div_ceil(passes::<C>())
}

/// What is kept of a known key: table t holds the odd multiples of 2^(`WIDTH` passes t) times the point.
pub(in super::super) struct KeyTable<C> {
    rows: Vec<Row>,
    /// x ‖ y.
    pub(in super::super) key: [u8; 64],
    curve: PhantomData<C>,
}

impl<C> std::fmt::Debug for KeyTable<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTable").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<C: Curve> Table for KeyTable<C> {
    const BYTES: usize = size_of::<Self>() + key_tables::<C>() * MULTIPLES * size_of::<Row>();

    fn make(level: CurveLevel, keys: &[(u8, &[u8])]) -> Vec<Option<Self>> {
        let mut tables = level.run(Make::<C> { keys: fill(keys).map(|key| *key), curve: PhantomData });
        tables.truncate(keys.len());
        tables
    }
}

/// The tables of eight keys.
struct Make<'a, C> {
    keys: [(u8, &'a [u8]); 8],
    curve: PhantomData<C>,
}

impl<C: Curve> CurveWork for Make<'_, C> {
    type Answer = Vec<Option<KeyTable<C>>>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Self::Answer {
        let (point, failed) = C::keys::<W>(&[self.keys]).remove(0);
        let keys = W::outlined(
            #[inline(always)]
            || limbs::to_bytes([point.x.leave(), point.y.leave()]),
        );
        let powers = doubles(point, key_tables::<C>(), WIDTH * passes::<C>());
        let mut tables: Vec<_> = keys
            .into_iter()
            .map(|key| KeyTable { rows: Vec::with_capacity(key_tables::<C>() * MULTIPLES), key, curve: PhantomData })
            .collect();
        each_table(&powers, MULTIPLES, |rows| {
            for row in rows {
                tables.iter_mut().zip(row).for_each(|(table, row)| table.rows.push(*row));
            }
        });
        tables.into_iter().enumerate().map(|(lane, table)| (failed >> lane & 1 == 0).then_some(table)).collect()
    }
}

/// A point and what becomes of it after each `step` doublings, `count` in all.
#[inline(always)]
fn doubles<W: Word52, C: Curve>(point: Affine<W, C>, count: usize, step: usize) -> Vec<Affine<W, C>> {
    let mut power = [Jacobian { x: point.x, y: point.y, z: Element::one(), infinity: 0 }];
    let mut powers = Vec::with_capacity(count);
    for _ in 0..count {
        powers.extend(power);
        Jacobian::double(&mut power, step);
    }
    affine(&powers).into_iter().map(|(point, _)| point).collect()
}

/// The rows of each point's first `count` odd multiples, one inversion for all.
#[inline(always)]
fn each_table<W: Word52, C: Curve>(points: &[Affine<W, C>], count: usize, mut take: impl FnMut(&[[Row; 8]])) {
    let multiples: Vec<_> = points.iter().map(|point| Multiples::new(point, count)).collect();
    let mut inverses: Vec<_> = multiples.iter().map(|multiples| multiples.z).collect();
    invert_all(&mut inverses);
    let mut rows = vec![[Row::ZERO; 8]; count];
    for (multiples, inverse) in multiples.iter().zip(inverses) {
        multiples.rows(inverse, &mut rows);
        take(&rows);
    }
}

/// The base point's: table t holds the odd multiples of 2^(`BASE_WIDTH` t) G.
pub(in super::super) struct BaseComb(Vec<Row>);

impl BaseComb {
    /// The tables in their place, computed by whoever comes first.
    #[inline(always)]
    pub(in super::super) fn get<W: Word52, C: Curve>(place: &'static OnceLock<Self>) -> &'static Self {
        place.get_or_init(|| {
            let count = base_digits::<C>();
            let powers = doubles(Affine::<W, C>::base(), count, BASE_WIDTH);
            // Eight tables at once, one a lane.
            let mut points = Vec::with_capacity(count.div_ceil(8));
            for eight in powers.chunks(8) {
                let mut point = eight[0];
                for (lane, power) in eight.iter().enumerate() {
                    point = point.select(1 << lane, *power);
                }
                points.push(point);
            }
            let mut table = vec![Row::ZERO; count * BASE_MULTIPLES];
            let mut eights = table.chunks_mut(8 * BASE_MULTIPLES);
            each_table(&points, BASE_MULTIPLES, |rows| {
                // The last eight may be fewer.
                let Some(eight) = eights.next() else { return };
                for (lane, table) in eight.chunks_mut(BASE_MULTIPLES).enumerate() {
                    for (own, row) in table.iter_mut().zip(rows) {
                        *own = row[lane];
                    }
                }
            });
            Self(table)
        })
    }
}

/// `base` G + `key` Q of some groups, whose keys' tables are at hand, by the steps of [`steps`].
///
/// The tables are of points, not of their images under the endomorphism, by which the second part's multiples are turned. It
/// is a map of the group: what is added to the sum can stay as it is if the sum is turned back before, and forth after.
#[inline(always)]
pub(super) fn combine_known<W: Word52, C: Curve, const N: usize>(
    steps: &[Step],
    groups: &[Terms<W, C>; N],
    tables: &[[&KeyTable<C>; 8]; N],
) -> [Jacobian<W, C>; N] {
    let comb = C::base_comb::<W>();
    let mut key: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    let mut base: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    for terms in groups {
        key.extend(C::split(terms.key).map(|part| digits::<W, 7, 45>(part, key_digits::<C>())));
        base.extend(C::split(terms.base).map(|part| digits::<W, 11, 41>(part, base_digits::<C>())));
    }
    let mut points = [Affine::base(); N];
    let mut sums = Jacobian::begin_negated(&points);
    let mut flip = 0;
    for (s, step) in steps.iter().enumerate() {
        if step.doubles {
            Jacobian::double(&mut sums, WIDTH);
        }
        if step.turns {
            let by = Element::splat(if step.part == 0 { C::BETA } else { const { beta_inverse::<C>() } });
            for sum in &mut sums {
                sum.x = sum.x.mul_outlined(by);
            }
        }
        // The rows after these, which lie anywhere in what may be more than a core's own cache.
        if let Some(next) = steps.get(s + 1) {
            for i in 0..N {
                let digit = next.digit(&key[2 * i + next.part], &base[2 * i + next.part]);
                prefetch::<W>(|lane, j| next.row(comb, tables[i][lane], j), digit);
            }
        }
        for i in 0..N {
            let digit = step.digit(&key[2 * i + step.part], &base[2 * i + step.part]);
            points[i] = look_up::<W, C>(|lane, j| step.row(comb, tables[i][lane], j), digit, flip);
        }
        if s == 0 {
            sums = Jacobian::begin_negated(&points);
        } else {
            Jacobian::add_negated(&mut sums, &points);
        }
        flip = !flip;
    }
    if flip != 0 {
        for sum in &mut sums {
            sum.negate();
        }
    }
    sums
}

/// 1 / beta = beta² = -1 - beta, for a cube root of one that is not one; in the field's form.
const fn beta_inverse<C: Curve>() -> limbs::Limbs {
    limbs::minus(limbs::minus(C::Field::P, C::Field::ONE), C::BETA)
}

/// An addition of [`combine_known`]: a digit of the key or of the base point, and what is done before.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Whether a pass begins that is not the first.
    doubles: bool,
    /// Whether the step before was of the other part.
    turns: bool,
    part: usize,
    is_base: bool,
    /// Which of the part's digits.
    place: usize,
    table: usize,
}

/// The steps, pass by pass: a part's digits of the key that share a place within their tables, and in the last pass its digits of
/// the base point. A pass begins with the part that the one before ended with, and the last ends with the first part, whose
/// multiples are what they are: with two parts and two passes the sum is turned twice.
pub(super) fn steps<C: Curve>() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(C::PARTS * (key_digits::<C>() + base_digits::<C>()));
    for pass in (0..passes::<C>()).rev() {
        let begin = steps.len();
        for i in 0..C::PARTS {
            let part = if pass.is_multiple_of(2) { C::PARTS - 1 - i } else { i };
            let turns = steps.last().is_some_and(|last| last.part != part);
            let first = Step { doubles: false, turns, part, is_base: false, place: pass, table: 0 };
            // The last passes lack a digit where the tables hold more than there are.
            let places = (pass..key_digits::<C>()).step_by(passes::<C>());
            let key =
                places.enumerate().map(|(table, place)| Step { turns: turns && table == 0, place, table, ..first });
            steps.extend(key);
            if pass == 0 {
                let base = |place| Step { turns: false, is_base: true, place, table: place, ..first };
                steps.extend((0..base_digits::<C>()).map(base));
            }
        }
        steps[begin].doubles = begin > 0;
    }
    steps
}

impl Step {
    #[inline(always)]
    fn digit<'d>(&self, key: &'d [Digit], base: &'d [Digit]) -> &'d Digit {
        if self.is_base { &base[self.place] } else { &key[self.place] }
    }

    #[inline(always)]
    fn row<'t, C>(&self, comb: &'t BaseComb, key: &'t KeyTable<C>, index: usize) -> &'t Row {
        if self.is_base {
            &comb.0[self.table * BASE_MULTIPLES + index]
        } else {
            &key.rows[self.table * MULTIPLES + index]
        }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::super::super::p256::P256;
    use super::super::super::secp256k1::{self, Secp256k1};
    use super::super::super::sm2::Sm2;
    use super::super::adversary::{Plain, column};
    use super::super::combine::combine;
    use super::super::proof::{Eight, big, levels, load, small, store};
    use super::*;

    /// What each step adds for these scalars in every lane: whether of the base point, the part, the sign and the multiple.
    struct Added<C>([Eight; 2], PhantomData<C>);

    impl<C: Curve> CurveWork for Added<C> {
        type Answer = Vec<(bool, usize, bool, BigUint)>;

        fn run<W: Word52>(self) -> Self::Answer {
            let [base, key] = self.0.map(|scalar| C::split(load::<W>(&scalar)));
            let base = base.map(|part| digits::<W, 11, 41>(part, base_digits::<C>()));
            let key = key.map(|part| digits::<W, 7, 45>(part, key_digits::<C>()));
            let added = |step: Step| {
                let digit = step.digit(&key[step.part], &base[step.part]);
                let width = if step.is_base { BASE_WIDTH } else { WIDTH };
                let multiple = BigUint::from(2 * digit.index[0] + 1) << (width * step.place);
                (step.is_base, step.part, digit.negative & 1 == 1, multiple)
            };
            steps::<C>().into_iter().map(added).collect()
        }
    }

    /// u G + v Q for Q of these tables, in groups, and the lanes at infinity.
    struct Combined<'a, C>([Eight; 2], Vec<[&'a KeyTable<C>; 8]>);

    impl<C: Curve> CurveWork for Combined<'_, C> {
        type Answer = Vec<([Eight; 2], u8)>;

        fn run<W: Word52>(self) -> Self::Answer {
            let [base, key] = self.0.map(|scalar| load(&scalar));
            let terms: Vec<_> = self.1.iter().map(|_| Terms::<W, C> { base, key, point: Affine::base() }).collect();
            let sums = affine(&combine(&terms, &self.1)).into_iter();
            sums.map(|(sum, infinity)| ([store(sum.x.leave()), store(sum.y.leave())], infinity)).collect()
        }
    }

    /// For u and v, the keys k G with which a step adds the sum before it once more, or takes it away: as the sum before is
    /// a k + b, and what is added c k or c, k is solved for.
    fn check<C: Curve>(eigenvalue: &str, cases: usize) {
        let curve = Plain::of::<C>();
        let n = &curve.n;
        let eigenvalue = BigUint::parse_bytes(eigenvalue.as_bytes(), 16).expect("hex");
        let [u, v] = [n / 3u8, n / 5u8 * 2u8 + 1u8];
        let scalars = [&u, &v].map(|scalar| [small(scalar); 8]);
        let (mut a, mut b, mut keys) = (BigUint::ZERO, BigUint::ZERO, Vec::new());
        for (is_base, part, negative, multiple) in CurveLevel::PORTABLE.run(Added::<C>(scalars, PhantomData)) {
            let multiple = if part == 1 { multiple * &eigenvalue } else { multiple } % n;
            let added = if negative { curve.minus(&multiple) } else { multiple };
            let (of_key, of_base) = if is_base { (BigUint::ZERO, added) } else { (added, BigUint::ZERO) };
            for (of_key, of_base) in [(curve.minus(&of_key), curve.minus(&of_base)), (of_key.clone(), of_base.clone())]
            {
                let (of_key, of_base) = ((&a + of_key) % n, (&b + of_base) % n);
                if of_key != BigUint::ZERO && of_base != BigUint::ZERO {
                    keys.push(curve.over(&curve.minus(&of_base), &of_key));
                }
            }
            (a, b) = ((a + of_key) % n, (b + of_base) % n);
        }
        assert_eq!((&a, &b), (&v, &u), "what the steps add up to");
        assert_eq!(keys.len(), cases, "every step that has something of both points before or in it");
        let expected: Vec<_> = keys.iter().map(|k| curve.times(&(k * &v + &u), &curve.g)).collect();
        let columns: Vec<_> = keys.iter().map(|k| column(&curve.times(k, &curve.g))).collect();
        for level in levels() {
            let made = columns.chunks(8).flat_map(|eight| {
                let eight: Vec<_> = eight.iter().map(|key| (4, &key[..])).collect();
                KeyTable::<C>::make(level, &eight)
            });
            let made: Vec<_> = made.map(|table| table.expect("a key")).collect();
            let of = |rotated: usize| -> Vec<&KeyTable<C>> {
                (0..made.len()).map(|i| &made[(i + rotated) % made.len()]).collect()
            };
            for rotated in [0, 3] {
                let tables: Vec<_> = of(rotated).chunks(8).map(|group| fill(group).map(|table| *table)).collect();
                for (i, (sums, infinity)) in level.run(Combined(scalars, tables)).into_iter().enumerate() {
                    for (lane, at) in (8 * i..keys.len().min(8 * i + 8)).enumerate() {
                        let at = (at + rotated) % keys.len();
                        let found = (infinity >> lane & 1 == 0).then(|| {
                            let [x, y] = sums.map(|sum| big(sum[lane]));
                            (x, y)
                        });
                        assert_eq!(found, expected[at], "{:x} in lane {lane}", keys[at]);
                    }
                }
            }
        }
    }

    #[test]
    fn every_step_adds_equal_and_opposite_points_right() {
        // secp256k1's first pass, and the first part of its second pass's key digits, have only the key in them.
        check::<Secp256k1>(secp256k1::EIGENVALUE, 2 * (12 + 10 + 12));
        check::<P256>("1", 2 * 24);
        check::<Sm2>("1", 2 * 24);
    }
}
