//! Tables of odd multiples to add from, a row of 64 bytes a point: eight rows, one a lane, become words in one transposition.
//!
//! A row holds -x and -y, each at most p, in the field's form as four 64-bit words: what an addition takes.

use std::sync::OnceLock;

use super::super::word::Word52;
use super::Curve;
use super::field::Element;
use super::limbs;
use super::point::{Affine, CoZ, Coordinate, Jacobian, affine};
use super::scalar::Digit;

/// Bits of a window over the keys: 16 odd multiples, 8 KiB for eight keys.
pub(in super::super) const KEY_WIDTH: usize = 5;
/// Odd multiples of a key: 1, 3, .. 31.
pub(in super::super) const KEY_MULTIPLES: usize = 1 << (KEY_WIDTH - 1);
/// Bits of a window over the base point: 4,096 odd multiples, 256 KiB, which a core's second cache holds beside the rest.
pub(in super::super) const FIXED_WIDTH: usize = 13;
/// Odd multiples of the base point.
const FIXED_MULTIPLES: usize = 1 << (FIXED_WIDTH - 1);

/// A point's coordinates.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(in super::super) struct Row([u8; 64]);

impl Row {
    /// A row nobody has written.
    pub(in super::super) const ZERO: Self = Self([0; 64]);
}

/// The odd multiples of the base point: row j holds (2j + 1) G.
pub(in super::super) struct FixedTable(Vec<Row>);

/// Eight points' rows, one a lane, from coordinates of at most p.
#[inline(always)]
fn rows<W: Word52, C: Curve>(negated: &Affine<W, C>) -> [Row; 8] {
    let words = [limbs::to_words(negated.x.limbs()), limbs::to_words(negated.y.limbs())];
    let mut bytes = [[0_u8; 64]; 8];
    for (bytes, word) in bytes.iter_mut().zip(words.as_flattened()) {
        for (bytes, lane) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(word.store()) {
            *bytes = lane.to_le_bytes();
        }
    }
    let lanes = W::load_blocks(&bytes.each_ref());
    let mut rows = [Row::ZERO; 8];
    for (row, lane) in rows.iter_mut().zip(lanes) {
        for (bytes, word) in row.0.as_chunks_mut::<8>().0.iter_mut().zip(lane.store()) {
            *bytes = word.to_le_bytes();
        }
    }
    rows
}

/// The negated coordinates in eight rows.
#[inline(always)]
fn read<W: Word52, C: Curve>(rows: &[&Row; 8]) -> Affine<W, C> {
    let mut blocks = [&Row::ZERO.0; 8];
    for (block, row) in blocks.iter_mut().zip(rows) {
        *block = &row.0;
    }
    let [a, b, c, d, e, f, g, h] = W::load_blocks(&blocks);
    let x = limbs::from_words([a, b, c, d]);
    let y = limbs::from_words([e, f, g, h]);
    Affine { x: Element::from_form(x), y: Element::from_form(y) }
}

impl FixedTable {
    /// The multiple 2 index + 1.
    #[inline(always)]
    pub(in super::super) fn row(&self, index: usize) -> &Row {
        &self.0[index]
    }

    /// The table in its place, computed by whoever comes first.
    #[inline(always)]
    pub(in super::super) fn get<W: Word52, C: Curve>(place: &'static OnceLock<Self>) -> &'static Self {
        place.get_or_init(Self::new::<W, C>)
    }

    /// Lane l computes the multiples from number 512 l on, each from the one before by adding 2 G.
    #[inline(always)]
    fn new<W: Word52, C: Curve>() -> Self {
        const RUN: usize = FIXED_MULTIPLES / 8;
        let base = Affine::<W, C>::base();
        let start = [Jacobian::<W, C> { x: base.x, y: base.y, z: Element::one(), infinity: 0 }];
        let mut double = start;
        Jacobian::double(&mut double, 1);
        let step = [normalised(&double).remove(0)];
        let negated_base = [Affine { x: base.x.negated(), y: base.y.negated() }];
        // (1024 l + 1) G: bit after bit of l, then ten doublings and one more G.
        let mut sum = [Jacobian { infinity: 0xff, ..start[0] }];
        for bit in (0..3).rev() {
            Jacobian::double(&mut sum, 1);
            let mut more = sum;
            Jacobian::add_negated(&mut more, &negated_base);
            more[0].negate();
            let lanes = (0..8).filter(|lane| lane >> bit & 1 == 1).fold(0, |mask, lane| mask | 1 << lane);
            sum[0].replace(lanes, &more[0]);
        }
        Jacobian::double(&mut sum, RUN.ilog2() as usize + 1);
        Jacobian::add_negated(&mut sum, &negated_base);
        sum[0].negate();
        let mut sums = Vec::with_capacity(RUN);
        sums.extend(sum);
        for _ in 1..RUN {
            Jacobian::add_negated(&mut sum, &step);
            sum[0].negate();
            sums.extend(sum);
        }
        let mut table = vec![Row::ZERO; FIXED_MULTIPLES];
        for (i, point) in normalised(&sums).iter().enumerate() {
            for (lane, row) in rows(point).into_iter().enumerate() {
                table[RUN * lane + i] = row;
            }
        }
        Self(table)
    }
}

/// The negated coordinates of points that are not at infinity, at most p each.
#[inline(always)]
fn normalised<W: Word52, C: Curve>(points: &[Jacobian<W, C>]) -> Vec<Affine<W, C>> {
    let mut negated = Vec::with_capacity(points.len());
    for (Affine { x, y }, _) in affine(points) {
        negated.push(Affine { x: x.negated(), y: y.negated() });
    }
    negated
}

/// The odd multiples of eight points, before the one inversion that makes them affine.
pub(in super::super) struct Multiples<W, C: Curve> {
    /// The multiples 3, 5, .. of each point, each at its own Z, and that Z by the one before.
    sums: Vec<(Affine<W, C>, Coordinate<W, C>)>,
    point: Affine<W, C>,
    /// The last multiple's Z.
    pub(in super::super) z: Coordinate<W, C>,
}

impl<W: Word52, C: Curve> Multiples<W, C> {
    /// The first `count` odd multiples of points that are not at infinity; of a point of large prime order, they are apart.
    #[inline(always)]
    pub(in super::super) fn new(point: &Affine<W, C>, count: usize) -> Self {
        let mut co_z = CoZ::new(point);
        let mut z = co_z.ratio;
        let mut sums = Vec::with_capacity(count - 1);
        for _ in 1..count {
            co_z.add();
            z = z.mul_outlined(co_z.ratio);
            sums.push((co_z.sum, co_z.ratio));
        }
        Self { sums, point: *point, z }
    }

    /// The rows, given 1/Z of the last multiple: lane l's multiple 2j + 1 is `table[j][l]`.
    #[inline(always)]
    pub(in super::super) fn rows(&self, mut inverse: Coordinate<W, C>, table: &mut [[Row; 8]]) {
        W::outlined(
            #[inline(always)]
            || {
                for (j, (sum, ratio)) in self.sums.iter().enumerate().rev() {
                    let square = inverse.square().negate();
                    let x = sum.x.mul(square);
                    let y = sum.y.mul(square.mul(inverse));
                    let negated = Affine { x: Element::from_form(x.canonical()), y: Element::from_form(y.canonical()) };
                    table[j + 1] = rows::<W, C>(&negated);
                    inverse = inverse.mul(*ratio);
                }
                table[0] = rows::<W, C>(&Affine { x: self.point.x.negated(), y: self.point.y.negated() });
            },
        );
    }
}

/// Asks for the rows that a digit names.
#[inline(always)]
pub(in super::super) fn prefetch<'t, W: Word52>(row: impl Fn(usize, usize) -> &'t Row, digit: &Digit) {
    for (lane, index) in digit.index.into_iter().enumerate() {
        W::prefetch(&row(lane, index as usize).0);
    }
}

/// The multiples that a digit names, lane l's from `row(l, index)`, negated once more where the digit is negative or
/// `flip` says so.
#[inline(always)]
pub(in super::super) fn look_up<'t, W: Word52, C: Curve>(
    row: impl Fn(usize, usize) -> &'t Row,
    digit: &Digit,
    flip: u8,
) -> Affine<W, C> {
    let mut lanes = [&Row::ZERO; 8];
    for (lane, (own, index)) in lanes.iter_mut().zip(digit.index).enumerate() {
        *own = row(lane, index as usize);
    }
    let Affine { x, y } = read::<W, C>(&lanes);
    Affine { x, y: y.negate_canonical(digit.negative ^ flip) }
}
