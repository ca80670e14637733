//! The curve's constants, and points from bytes (RFC 8032, section 5.1).

use super::super::word::Word52;
use super::algebra::{Element, Sum};
use super::field::{Field, LIMBS, P};

/// d = -121665 / 121666.
const D: [u64; LIMBS] =
    [0x3_4dca_1359_78a3, 0x1_a828_3b15_6ebd, 0x5_e7a2_6001_c029, 0x7_39c6_63a0_3cbb, 0x5_2036_cee2_b6ff];
/// 2 d.
pub(super) const TWICE_D: [u64; LIMBS] =
    [0x6_9b94_26b2_f159, 0x3_5050_762a_dd7a, 0x3_cf44_c003_8052, 0x6_738c_c740_7977, 0x2_406d_9dc5_6dff];
/// A square root of -1.
const ROOT: [u64; LIMBS] =
    [0x6_1b27_4a0e_a0b0, 0x0_d5a5_fc8f_189d, 0x7_ef5e_9cbd_0c60, 0x7_8595_a680_4c9e, 0x2_b832_4804_fc1d];
/// The base point's coordinates.
const BASE_X: [u64; LIMBS] =
    [0x6_2d60_8f25_d51a, 0x4_12a4_b4f6_592a, 0x7_5b71_71a4_b31d, 0x1_ff60_5271_18fe, 0x2_1693_6d3c_d6e5];
const BASE_Y: [u64; LIMBS] =
    [0x6_6666_6666_6658, 0x4_cccc_cccc_cccc, 0x1_9999_9999_9999, 0x3_3333_3333_3333, 0x6_6666_6666_6666];
/// The y of the points of the torsion subgroup: of order 8 (twice), 4, 1 and 2. A point of the curve with one of these
/// is one of them, whichever its x.
const SMALL_ORDER_Y: [[u64; LIMBS]; 5] = [
    [0x7_b2c2_8f95_e826, 0x6_513e_9868_b604, 0x6_b37f_57c2_63bf, 0x4_589c_99e3_6982, 0x5fc5_36d8_8023],
    [0x0_4d3d_706a_17c7, 0x1_aec1_6797_49fb, 0x1_4c80_a83d_9c40, 0x3_a763_661c_967d, 0x7_a03a_c927_7fdc],
    [0; LIMBS],
    [1, 0, 0, 0, 0],
    [P[0] - 1, P[1], P[2], P[3], P[4]],
];

/// The base point.
#[inline(always)]
pub(super) fn base_point<W: Word52>() -> (Field<W>, Field<W>) {
    (Field::splat(&BASE_X), Field::splat(&BASE_Y))
}

/// The lanes where a point with this y has an order of 1, 2, 4 or 8.
#[inline(always)]
pub(super) fn has_small_order<W: Word52>(y: Field<W>) -> u8 {
    let y = y.frozen().limbs();
    let mut found = 0;
    for small in &SMALL_ORDER_Y {
        let mut same = u8::MAX;
        for i in 0..LIMBS {
            same &= y[i].equal(W::splat(small[i]));
        }
        found |= same;
    }
    found
}

/// A point of order 8: twice it is y = 0, x = a root of -1, which is so where y² + x² = 0 (RFC 8032, section 5.1.4).
#[inline(always)]
pub(super) fn order_8_point<W: Word52>() -> (Field<W>, Field<W>) {
    let y = Field::splat(&SMALL_ORDER_Y[0]);
    (y.mul(Field::splat(&ROOT)).carry(), y)
}

/// The lanes where these words are an encoding, as [`decode`] reads them, of the point plus one of order 1, 2 or 4. Those
/// are (0, 1), (0, -1) and (±i, 0), i a root of -1, and the sums (x, y), (-x, -y) and ±(i y, i x).
#[inline(always)]
pub(super) fn encodes_up_to_order_4<W: Word52>(words: &[W; 4], x: Field<W>, y: Field<W>) -> u8 {
    // A y of p or more counts as what it is modulo p.
    let encoded = Field::from_words(*words);
    let sign = words[3].shr::<63>().equal(W::splat(1));
    let root = Field::splat(&ROOT);
    let turned = (root.mul(y).carry(), root.mul(x).carry());
    let mut found = 0;
    for (x, y) in [(x, y), turned] {
        // -x is odd where x is even, and where x is 0 either sign is taken.
        let (zero, differs) = (x.is_zero(), x.is_odd() ^ sign);
        found |= encoded.equals(y) & (zero | !differs);
        found |= encoded.plus(y).is_zero() & (zero | differs);
    }
    found
}

/// A point read from its encoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded<W> {
    pub(super) x: Field<W>,
    pub(super) y: Field<W>,
    /// The lanes that are no point's encoding; (0, 1) stands there instead.
    pub(super) refused: u8,
}

/// Reads points (section 5.1.3) from four little-endian words. What that section refuses and all three rule sets take:
/// a y of p or more, which is reduced, and the sign bit on x = 0, which is then 0.
#[inline(always)]
pub(super) fn decode<W: Word52>(words: [W; 4]) -> Decoded<W> {
    let one = Field::one();
    let y = Field::from_words(words);
    let sign = words[3].shr::<63>().equal(W::splat(1));
    // x^2 = u / v; the root is u v^3 (u v^7)^((p - 5) / 8), or that times a root of -1.
    let (u, v) = W::outlined(
        #[inline(always)]
        || {
            let yy = y.square().carry();
            (yy.minus(one), yy.mul(Field::splat(&D)).carry().plus(one))
        },
    );
    let (base, uv3) = W::outlined(
        #[inline(always)]
        || {
            let v3 = v.square().carry().mul(v).carry();
            let v7 = v3.square().carry().mul(v).carry();
            (u.mul(v7).carry(), u.mul(v3).carry())
        },
    );
    let power = base.pow_p58();
    W::outlined(
        #[inline(always)]
        || {
            let x = uv3.mul(power).carry();
            let vxx = v.mul(x.square().carry()).carry();
            let is_root = vxx.equals(u);
            let is_other = vxx.plus(u).is_zero();
            let x = x.select(!is_root, x.mul(Field::splat(&ROOT)).carry());
            let x = x.select(x.is_odd() ^ sign, Field::zero().minus(x));
            let refused = !(is_root | is_other);
            Decoded { x: x.select(refused, Field::zero()), y: y.select(refused, one), refused }
        },
    )
}
