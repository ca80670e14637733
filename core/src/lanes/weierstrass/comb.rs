//! Multiples of points that are known beforehand, the base point and keys that keep coming: tables of the point's doubles
//! too, so that few doublings or none are left to do.

use std::marker::PhantomData;
use std::sync::OnceLock;

use super::super::items::fill;
use super::super::keys::Table;
use super::super::level::{CurveLevel, CurveWork};
use super::super::word::Word52;
use super::Curve;
use super::combine::{Terms, turn};
use super::field::{Element, invert_all};
use super::limbs;
use super::point::{Affine, Jacobian, affine};
use super::scalar::{Digit, digits};
use super::table::{Multiples, Row, look_up, prefetch};

/// Bits of a digit over a known key, and its odd multiples in a table. One less: 10 to 14 more additions, half the bytes.
const WIDTH: usize = 7;
const MULTIPLES: usize = 1 << (WIDTH - 1);
/// Bits of a digit over the base point beside known keys, and its odd multiples: a table for each digit, no doublings.
const BASE_WIDTH: usize = 10;
const BASE_MULTIPLES: usize = 1 << (BASE_WIDTH - 1);

/// Digits of a part over a known key.
const fn key_digits<C: Curve>() -> usize {
    C::BITS.div_ceil(WIDTH)
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
            let count = C::BITS.div_ceil(BASE_WIDTH);
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
            let mut table = vec![Row::ZERO; points.len() * 8 * BASE_MULTIPLES];
            let mut first = 0;
            each_table(&points, BASE_MULTIPLES, |rows| {
                for (j, row) in rows.iter().enumerate() {
                    row.iter().enumerate().for_each(|(lane, row)| table[(first + lane) * BASE_MULTIPLES + j] = *row);
                }
                first += 8;
            });
            Self(table)
        })
    }
}

/// `base` G + `key` Q of some groups, whose keys' tables are at hand.
#[inline(always)]
pub(super) fn combine_known<W: Word52, C: Curve, const N: usize>(
    groups: &[Terms<W, C>; N],
    tables: &[[&KeyTable<C>; 8]; N],
) -> [Jacobian<W, C>; N] {
    let comb = C::base_comb::<W>();
    let mut key: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    let mut base: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    for terms in groups {
        key.extend(C::split(terms.key).map(|part| digits::<W, 7, 45>(part, key_digits::<C>())));
        base.extend(C::split(terms.base).map(|part| digits::<W, 10, 42>(part, C::BITS.div_ceil(BASE_WIDTH))));
    }
    let start = Affine::base();
    let mut sums = [Jacobian { infinity: 0xff, ..Jacobian::minus(start) }; N];
    let mut points = [start; N];
    let mut flip = 0;
    for step in 0..steps::<C>() {
        let at = Step::at::<C>(step);
        if at.doubles {
            Jacobian::double(&mut sums, WIDTH);
        }
        for part in 0..C::PARTS {
            // The rows after these, which lie anywhere in what may be more than a core's own cache.
            let (next, next_part) = if part + 1 < C::PARTS { (step, part + 1) } else { (step + 1, 0) };
            if next < steps::<C>() {
                let next = Step::at::<C>(next);
                for i in 0..N {
                    let digit = next.digit(&key[2 * i + next_part], &base[2 * i + next_part]);
                    prefetch::<W>(|lane, j| next.row(comb, tables[i][lane], j), digit);
                }
            }
            for i in 0..N {
                let digit = at.digit(&key[2 * i + part], &base[2 * i + part]);
                points[i] = look_up::<W, C>(|lane, j| at.row(comb, tables[i][lane], j), digit, flip);
                turn::<W, C>(&mut points[i], part);
            }
            Jacobian::add_negated(&mut sums, &points);
            flip = !flip;
        }
    }
    if flip != 0 {
        sums.iter_mut().for_each(Jacobian::negate);
    }
    sums
}

/// Steps of [`combine_known`]: a digit of the key or of the base point in each.
const fn steps<C: Curve>() -> usize {
    key_digits::<C>() + C::BITS.div_ceil(BASE_WIDTH)
}

/// Where a step's digit and rows are.
#[derive(Clone, Copy)]
struct Step {
    is_base: bool,
    /// Whether a pass begins that is not the first.
    doubles: bool,
    /// Which digit.
    place: usize,
    table: usize,
}

impl Step {
    /// Pass by pass, the key's digits that share a place within their tables; then the base point's.
    #[inline(always)]
    fn at<C: Curve>(step: usize) -> Self {
        let Some(place) = step.checked_sub(key_digits::<C>()) else {
            // The last passes lack a digit where the tables hold more than there are.
            let mut before = 0;
            for pass in (0..passes::<C>()).rev() {
                let digits = (key_digits::<C>() - pass).div_ceil(passes::<C>());
                if step < before + digits {
                    let table = step - before;
                    let place = pass + passes::<C>() * table;
                    return Self { is_base: false, doubles: table == 0 && before > 0, place, table };
                }
                before += digits;
            }
            unreachable!("every digit is in a pass");
        };
        Self { is_base: true, doubles: false, place, table: place }
    }

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
