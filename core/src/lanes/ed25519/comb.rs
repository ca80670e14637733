//! Multiples of points that are known beforehand, the base point and keys that keep coming: tables of the point's doubles
//! too, so that few doublings or none are left to do.

use std::sync::OnceLock;

use super::super::items::fill;
use super::super::keys::Table;
use super::super::level::{CurveLevel, CurveWork};
use super::super::word::{LANES_64, Word52};
use super::algebra::Element;
use super::curve::{Decoded, TWICE_D, base_point, decode, has_small_order};
use super::field::{Field, LIMBS};
use super::point::{Affine, Completed};
use super::scalar::digits_count;
use super::table::{AFFINE_ROWS, OWN_BITS, OWN_DIGITS, Row, affine, double, entries, normalise, rows, store};

/// Bits of a digit, positions from one table's point to the next, tables, and so what a comb costs: how multiples of
/// points that are known beforehand are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    bits: usize,
    step: usize,
    tables: usize,
}

impl Layout {
    /// Of a key that keeps coming: 13 tables of 17 entries, 28 KB; with them 51 additions and 15 doublings. A step of 10: 56
    /// KB and 10 doublings less.
    pub(super) const KEY: Self = Self { bits: OWN_BITS, step: 4 * OWN_BITS, tables: OWN_DIGITS.div_ceil(4) };
    /// Of the base point beside such keys: 32 tables of 129 entries, 528 KB, which a core's own cache holds; 32 additions and
    /// no doublings.
    pub(super) const BASE: Self = Self { bits: 8, step: 8, tables: digits_count(8) };

    /// Bits of a digit.
    pub(super) const fn bits(self) -> usize {
        self.bits
    }

    /// Digits of a scalar.
    pub(super) const fn digits(self) -> usize {
        digits_count(self.bits)
    }

    const fn entries(self) -> usize {
        (1 << (self.bits - 1)) + 1
    }

    /// Bytes of a comb.
    pub(super) const fn bytes(self) -> usize {
        self.tables * self.entries() * AFFINE_ROWS * size_of::<Row>()
    }

    /// Digits that one pass over the tables leaves to the next.
    const fn passes(self) -> usize {
        self.step / self.bits
    }
}

/// Multiples of a point and of its doubles: table t holds 0 to 2^(bits - 1) times 2^(step t) times the point.
#[derive(Debug)]
pub(super) struct Comb {
    rows: Vec<Row>,
}

impl Comb {
    /// The base point's.
    pub(super) fn base(level: CurveLevel) -> &'static Self {
        static BASE: OnceLock<Comb> = OnceLock::new();
        BASE.get_or_init(|| level.run(BuildBaseComb))
    }

    /// Each lane's comb of its point.
    #[inline(always)]
    pub(super) fn make<W: Word52>(point: Completed<Field<W>>, layout: Layout) -> [Self; LANES_64] {
        let twice_d = Field::<W>::splat(&TWICE_D);
        let entries = layout.entries();
        let mut points = Vec::with_capacity(layout.tables * (entries - 1));
        let mut power = point;
        for _ in 0..layout.tables {
            let step = W::outlined(
                #[inline(always)]
                || power.extended().cached(twice_d),
            );
            let mut multiple = power;
            for _ in 1..entries {
                points.push(W::outlined(
                    #[inline(always)]
                    || multiple.projective(),
                ));
                multiple = W::outlined(
                    #[inline(always)]
                    || multiple.extended().add(step, 0),
                );
            }
            double(&mut power, layout.step);
        }
        let mut neutral = [Row::default(); AFFINE_ROWS];
        (neutral[0].0[0], neutral[0].0[LIMBS]) = (1, 1);
        let mut combs: [Self; LANES_64] = std::array::from_fn(|_| Self {
            rows: neutral.iter().copied().cycle().take(layout.tables * entries * AFFINE_ROWS).collect(),
        });
        for (i, (x, y)) in normalise(&points).into_iter().enumerate() {
            let limbs: [[W; 8]; AFFINE_ROWS] = W::outlined(
                #[inline(always)]
                || {
                    let Affine { sum, difference, t2d } = Affine::new(x, y, twice_d);
                    rows([sum.frozen(), difference.frozen(), t2d.frozen()])
                },
            );
            let entry = i / (entries - 1) * entries + 1 + i % (entries - 1);
            store(
                limbs,
                #[inline(always)]
                |lane, row, words| combs[lane].rows[entry * AFFINE_ROWS + row] = words,
            );
        }
        combs
    }
}

/// Adds to a point, lane by lane, its scalar times the point that the lane's comb is of.
#[inline(always)]
pub(super) fn add_combs<W: Word52, const DIGITS: usize>(
    to: &mut Completed<Field<W>>,
    combs: &[&Comb; LANES_64],
    layout: Layout,
    digits: &[[i16; LANES_64]; DIGITS],
) {
    for pass in (0..layout.passes()).rev() {
        for (table, digits) in digits.iter().skip(pass).step_by(layout.passes()).enumerate() {
            let (entries, negative) = entries(digits);
            let first = table * layout.entries();
            W::outlined(
                #[inline(always)]
                || {
                    let mut of = [&combs[0].rows[..]; LANES_64];
                    for lane in 0..LANES_64 {
                        of[lane] = &combs[lane].rows[(first + entries[lane]) * AFFINE_ROWS..];
                    }
                    *to = to.extended().add_affine(affine(of), negative);
                },
            );
        }
        if pass > 0 {
            double(to, layout.bits);
        }
    }
}

/// Makes the base point's comb.
struct BuildBaseComb;

impl CurveWork for BuildBaseComb {
    type Answer = Comb;

    #[inline(always)]
    fn run<W: Word52>(self) -> Comb {
        let (x, y) = base_point::<W>();
        let [comb, ..] = Comb::make(Completed::affine(x, y, Field::one()), Layout::BASE);
        comb
    }
}

/// What is kept of a key: multiples of its negative.
#[derive(Debug)]
pub(in super::super) struct KeyTable {
    pub(super) comb: Comb,
    /// Which the strict rule refuses.
    pub(in super::super) has_small_order: bool,
}

impl Table for KeyTable {
    const BYTES: usize = Layout::KEY.bytes();

    fn make(level: CurveLevel, keys: &[(u8, &[u8])]) -> Vec<Option<Self>> {
        // It is needed beside the first of these.
        Comb::base(level);
        level.run(MakeTables { keys })
    }
}

/// The tables of up to eight keys.
struct MakeTables<'a> {
    keys: &'a [(u8, &'a [u8])],
}

impl CurveWork for MakeTables<'_> {
    type Answer = Vec<Option<KeyTable>>;

    #[inline(always)]
    fn run<W: Word52>(self) -> Self::Answer {
        let Decoded { x, y, refused } = decode(key_words::<W>(&fill(self.keys).map(|(_, key)| *key)));
        let small = W::outlined(
            #[inline(always)]
            || has_small_order(y),
        );
        let combs = Comb::make(Completed::affine(x.negate(), y, Field::one()), Layout::KEY);
        let table = |(lane, comb)| {
            let is_set = |mask: u8| mask >> lane & 1 == 1;
            (!is_set(refused)).then(|| KeyTable { comb, has_small_order: is_set(small) })
        };
        combs.into_iter().enumerate().map(table).take(self.keys.len()).collect()
    }
}

/// Keys of 32 bytes as words.
#[inline(always)]
pub(super) fn key_words<W: Word52>(keys: &[&[u8]; LANES_64]) -> [W; 4] {
    let mut blocks = [[0; 64]; LANES_64];
    for lane in 0..LANES_64 {
        blocks[lane][..32].copy_from_slice(keys[lane]);
    }
    let [a, b, c, d, ..] = W::load_blocks(&[
        &blocks[0], &blocks[1], &blocks[2], &blocks[3], &blocks[4], &blocks[5], &blocks[6], &blocks[7],
    ]);
    [a, b, c, d]
}
