//! u G + v Q for groups of eight, the groups' tables of Q made affine by one inversion.

use super::super::word::Word52;
use super::Curve;
use super::field::invert_all;
use super::limbs::LIMBS;
use super::point::{Affine, Jacobian};
use super::scalar::{Digit, digits};
use super::table::{self, FIXED_WIDTH, FixedTable, KEY_MULTIPLES, KEY_WIDTH, KeyMultiples, Row};

/// Groups of eight that go through together: what they share is one inversion each for scalars, tables and results, and
/// their tables before that inversion are 15 KiB a group, which a core's second cache is to hold.
pub(in super::super) const GROUPS_MAX: usize = 16;

/// One group's scalars below the order and points.
pub(in super::super) struct Terms<W, C: Curve> {
    pub(in super::super) base: [W; LIMBS],
    pub(in super::super) key: [W; LIMBS],
    pub(in super::super) point: Affine<W, C>,
}

/// `base` G + `key` Q of each group.
#[inline(always)]
pub(in super::super) fn combine<W: Word52, C: Curve>(groups: &[Terms<W, C>]) -> Vec<Jacobian<W, C>> {
    let multiples: Vec<_> = groups.iter().map(|terms| KeyMultiples::new(&terms.point)).collect();
    let mut inverses: Vec<_> = multiples.iter().map(|multiples| multiples.z).collect();
    invert_all(&mut inverses);
    let fixed = C::fixed_table::<W>();
    let mut rows = [Row::ZERO; 8 * KEY_MULTIPLES];
    let mut sums = Vec::with_capacity(groups.len());
    for ((terms, multiples), inverse) in groups.iter().zip(&multiples).zip(inverses) {
        multiples.rows(inverse, &mut rows);
        sums.push(ladder(terms, fixed, &rows));
    }
    sums
}

/// One group's sum, both scalars' digits added at their places on one way down the doublings.
#[inline(always)]
fn ladder<W: Word52, C: Curve>(
    terms: &Terms<W, C>,
    fixed: &FixedTable,
    rows: &[Row; 8 * KEY_MULTIPLES],
) -> Jacobian<W, C> {
    const { assert!(C::BITS.is_multiple_of(KEY_WIDTH) && C::BITS.is_multiple_of(FIXED_WIDTH)) };
    let key: [Vec<Digit>; 2] = C::split(terms.key).map(|part| digits::<W, 5, 47>(part, C::BITS / KEY_WIDTH));
    let base: [Vec<Digit>; 2] = C::split(terms.base).map(|part| digits::<W, 13, 39>(part, C::BITS / FIXED_WIDTH));
    let start = Affine::base();
    let mut sum = Jacobian { infinity: 0xff, ..Jacobian::minus(start) };
    // Each addition gives the negated sum: `flip` says in which sense the sum stands, the same in every lane.
    let mut flip = 0;
    let mut bit = C::BITS - KEY_WIDTH;
    loop {
        for part in 0..C::PARTS {
            if bit.is_multiple_of(KEY_WIDTH) {
                let mut point = table::look_up::<W, C>(rows, &key[part][bit / KEY_WIDTH], flip);
                turn::<W, C>(&mut point, part);
                sum.add_negated(&point);
                flip = !flip;
            }
            if bit.is_multiple_of(FIXED_WIDTH) {
                let mut point = fixed.look_up::<W, C>(&base[part][bit / FIXED_WIDTH], flip);
                turn::<W, C>(&mut point, part);
                sum.add_negated(&point);
                flip = !flip;
            }
        }
        if bit == 0 {
            break;
        }
        // To the next place where a digit stands.
        let next = (bit - 1) / KEY_WIDTH * KEY_WIDTH;
        let next = next.max((bit - 1) / FIXED_WIDTH * FIXED_WIDTH);
        sum.double(bit - next);
        bit = next;
    }
    if flip != 0 {
        sum.negate();
    }
    sum
}

/// The endomorphism's image for the second part.
#[inline(always)]
fn turn<W: Word52, C: Curve>(point: &mut Affine<W, C>, part: usize) {
    if part == 1 {
        point.x = point.x.mul_outlined(super::field::Element::splat(C::BETA));
    }
}
