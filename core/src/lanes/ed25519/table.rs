//! Tables of multiples: rows of 64 bytes, an entry's limbs one after another, so that each lane takes the entry it
//! wants with whole rows and one transposition puts the limbs of eight lanes side by side.

use std::sync::OnceLock;

use super::super::level::{CurveLevel, CurveWork};
use super::super::word::{LANES_64, Word52};
use super::curve::{TWICE_D, base_point};
use super::field::{Field, LIMBS};
use super::point::{Affine, Cached, Completed, Projective};
use super::scalar::digits_count;

/// Bits of a digit of the scalar that multiplies an item's own point. 4: 13 additions more, a table of half the length.
pub(super) const OWN_BITS: usize = 5;
/// Digits of that scalar.
pub(super) const OWN_DIGITS: usize = digits_count(OWN_BITS);
/// Bits of a digit of the scalar that multiplies the base point. 13: an addition and a half less, a table of half a megabyte.
pub(super) const BASE_BITS: usize = 12;
/// Digits of that scalar.
pub(super) const BASE_DIGITS: usize = digits_count(BASE_BITS);

/// Entries of an item's own table: 0 to 2^(bits - 1) times the point.
const OWN_ENTRIES: usize = (1 << (OWN_BITS - 1)) + 1;
/// Entries of the base point's table.
const BASE_ENTRIES: usize = (1 << (BASE_BITS - 1)) + 1;

/// Rows of an entry with four coordinates, and with three.
const CACHED_ROWS: usize = (4 * LIMBS).div_ceil(8);
pub(super) const AFFINE_ROWS: usize = (3 * LIMBS).div_ceil(8);

/// Eight words of an entry, in a cache line of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Row(pub(super) [u64; 8]);

/// One digit of each lane as an entry's number, and the lanes where it is negative.
#[inline(always)]
pub(super) fn entries(digits: &[i16; LANES_64]) -> ([usize; LANES_64], u8) {
    let (mut entries, mut negative) = ([0; LANES_64], 0);
    for lane in 0..LANES_64 {
        entries[lane] = usize::from(digits[lane].unsigned_abs());
        negative |= u8::from(digits[lane] < 0) << lane;
    }
    (entries, negative)
}

/// The limbs of the entries that these rows begin with.
#[inline(always)]
fn load<W: Word52, const ROWS: usize>(rows: [&[Row]; LANES_64]) -> [[W; 8]; ROWS] {
    let mut limbs = [[W::splat(0); 8]; ROWS];
    for lane in 0..LANES_64 {
        let entry: &[Row; ROWS] = rows[lane].first_chunk().expect("an entry of the table");
        for row in 0..ROWS {
            limbs[row][lane] = W::load(&entry[row].0);
        }
    }
    for row in 0..ROWS {
        limbs[row] = W::transpose(limbs[row]);
    }
    limbs
}

/// Writes an entry of each lane.
#[inline(always)]
pub(super) fn store<W: Word52, const ROWS: usize>(limbs: [[W; 8]; ROWS], mut write: impl FnMut(usize, usize, Row)) {
    for row in 0..ROWS {
        let lanes = W::transpose(limbs[row]);
        for lane in 0..LANES_64 {
            write(lane, row, Row(lanes[lane].store()));
        }
    }
}

#[inline(always)]
fn field<W: Word52>(rows: &[[W; 8]], coordinate: usize) -> Field<W> {
    let mut limbs = [W::splat(0); LIMBS];
    for i in 0..LIMBS {
        let at = coordinate * LIMBS + i;
        limbs[i] = rows[at / 8][at % 8];
    }
    Field::new(limbs)
}

#[inline(always)]
pub(super) fn rows<W: Word52, const COORDINATES: usize, const ROWS: usize>(
    of: [Field<W>; COORDINATES],
) -> [[W; 8]; ROWS] {
    let mut rows = [[W::splat(0); 8]; ROWS];
    for coordinate in 0..COORDINATES {
        let limbs = of[coordinate].limbs();
        for i in 0..LIMBS {
            let at = coordinate * LIMBS + i;
            rows[at / 8][at % 8] = limbs[i];
        }
    }
    rows
}

/// Multiples of eight points, one a lane: 26 KiB.
#[derive(Debug)]
pub(super) struct Own {
    /// Entry e of lane l starts at `(e * 8 + l) * CACHED_ROWS`.
    rows: Vec<Row>,
}

impl Own {
    /// Room for a table, all of it 0.
    pub(super) fn new() -> Self {
        Self { rows: vec![Row::default(); OWN_ENTRIES * LANES_64 * CACHED_ROWS] }
    }

    /// Fills it with the multiples of these points.
    #[inline(always)]
    pub(super) fn fill<W: Word52>(&mut self, point: Completed<Field<W>>) {
        let twice_d = Field::splat(&TWICE_D);
        let (zero, one) = (Field::<W>::zero(), Field::one());
        self.set(0, Cached { sum: one, difference: one, z: one, t2d: zero });
        let first = W::outlined(
            #[inline(always)]
            || point.extended().cached(twice_d),
        );
        self.set(1, first);
        let mut point = point;
        for entry in 2..OWN_ENTRIES {
            point = W::outlined(
                #[inline(always)]
                || {
                    let next = point.extended().add(first, 0);
                    self.set(entry, next.extended().cached(twice_d));
                    next
                },
            );
        }
    }

    #[inline(always)]
    fn set<W: Word52>(&mut self, entry: usize, point: Cached<Field<W>>) {
        let limbs: [[W; 8]; CACHED_ROWS] = rows([point.sum, point.difference, point.z, point.t2d]);
        store(
            limbs,
            #[inline(always)]
            |lane, row, words| self.rows[(entry * LANES_64 + lane) * CACHED_ROWS + row] = words,
        );
    }

    /// Adds each lane's digit times its point.
    #[inline(always)]
    pub(super) fn add<W: Word52>(&self, to: &mut Completed<Field<W>>, digits: &[i16; LANES_64]) {
        W::outlined(
            #[inline(always)]
            || {
                let (entries, negative) = entries(digits);
                let mut rows = [&self.rows[..]; LANES_64];
                for lane in 0..LANES_64 {
                    rows[lane] = &self.rows[(entries[lane] * LANES_64 + lane) * CACHED_ROWS..];
                }
                let limbs: [[W; 8]; CACHED_ROWS] = load(rows);
                let (sum, difference) = (field(&limbs, 0), field(&limbs, 1));
                let (z, t2d) = (field(&limbs, 2), field(&limbs, 3));
                *to = to.extended().add(Cached { sum, difference, z, t2d }, negative);
            },
        )
    }
}

/// Multiples of the base point: 256 KiB, made once a process.
#[derive(Debug)]
pub(super) struct Base {
    rows: Vec<Row>,
}

impl Base {
    /// The table.
    pub(super) fn get(level: CurveLevel) -> &'static Self {
        static BASE: OnceLock<Base> = OnceLock::new();
        BASE.get_or_init(|| level.run(BuildBase))
    }

    /// Adds each lane's digit times the base point.
    #[inline(always)]
    pub(super) fn add<W: Word52>(&self, to: &mut Completed<Field<W>>, digits: &[i16; LANES_64]) {
        W::outlined(
            #[inline(always)]
            || {
                let (entries, negative) = entries(digits);
                let mut rows = [&self.rows[..]; LANES_64];
                for lane in 0..LANES_64 {
                    rows[lane] = &self.rows[entries[lane] * AFFINE_ROWS..];
                }
                *to = to.extended().add_affine(affine(rows), negative);
            },
        )
    }
}

/// Doubles the point so many times.
#[inline(always)]
pub(super) fn double<W: Word52>(point: &mut Completed<Field<W>>, times: usize) {
    W::outlined(
        #[inline(always)]
        || {
            let mut own = *point;
            for _ in 0..times {
                own = own.double();
            }
            *point = own;
        },
    );
}

/// The first entry of three coordinates of each lane's rows.
#[inline(always)]
pub(super) fn affine<W: Word52>(rows: [&[Row]; LANES_64]) -> Affine<Field<W>> {
    let limbs: [[W; 8]; AFFINE_ROWS] = load(rows);
    Affine { sum: field(&limbs, 0), difference: field(&limbs, 1), t2d: field(&limbs, 2) }
}

/// x and y of each point, by one inversion for all: three products a point. No Z may be 0, and none is: the formulas are
/// complete.
#[inline(always)]
pub(super) fn normalise<W: Word52>(points: &[Projective<Field<W>>]) -> Vec<(Field<W>, Field<W>)> {
    let mut product = Field::one();
    let mut before = Vec::with_capacity(points.len());
    for point in points {
        before.push(product);
        product = product.times(point.z);
    }
    let mut inverse = product.inverse();
    let mut affine = Vec::with_capacity(points.len());
    for (point, before) in points.iter().zip(before).rev() {
        let z = inverse.times(before);
        inverse = inverse.times(point.z);
        affine.push((point.x.times(z), point.y.times(z)));
    }
    affine.reverse();
    affine
}

/// Makes the base point's table: lane l holds entries l + 1, l + 9, and so on.
struct BuildBase;

impl CurveWork for BuildBase {
    type Answer = Base;

    #[inline(always)]
    fn run<W: Word52>(self) -> Base {
        let twice_d = Field::splat(&TWICE_D);
        let (x, y) = base_point::<W>();
        let one = Field::one();
        let base = Completed::affine(x, y, one);
        // 1 to 8 times the base point, a lane each: an item's table holds them all in every lane.
        let mut own = Own::new();
        own.fill(base);
        let neutral = Completed::neutral(Field::zero(), one);
        let (mut first, mut eight) = (neutral, neutral);
        own.add(&mut first, &std::array::from_fn(|lane| lane as i16 + 1));
        own.add(&mut eight, &[LANES_64 as i16; LANES_64]);
        let step = W::outlined(
            #[inline(always)]
            || eight.extended().cached(twice_d),
        );
        let mut points = Vec::with_capacity(BASE_ENTRIES / LANES_64);
        let mut point = first;
        for _ in 0..BASE_ENTRIES / LANES_64 {
            points.push(W::outlined(
                #[inline(always)]
                || point.projective(),
            ));
            point = W::outlined(
                #[inline(always)]
                || point.extended().add(step, 0),
            );
        }
        let mut table = vec![Row::default(); BASE_ENTRIES * AFFINE_ROWS];
        // Entry 0 is the neutral point: y + x = y - x = 1.
        table[0].0[0] = 1;
        table[0].0[LIMBS] = 1;
        for (group, (x, y)) in normalise(&points).into_iter().enumerate() {
            let Affine { sum, difference, t2d } = W::outlined(
                #[inline(always)]
                || Affine::new(x, y, twice_d),
            );
            let limbs: [[W; 8]; AFFINE_ROWS] = rows([sum, difference, t2d].map(Field::frozen));
            store(
                limbs,
                #[inline(always)]
                |lane, row, words| {
                    table[(1 + group * LANES_64 + lane) * AFFINE_ROWS + row] = words;
                },
            );
        }
        Base { rows: table }
    }
}

const _: () = assert!(OWN_ENTRIES > LANES_64 && (BASE_ENTRIES - 1).is_multiple_of(LANES_64));
