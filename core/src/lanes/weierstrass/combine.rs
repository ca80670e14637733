//! u G + v Q for groups of eight, the groups' tables of Q made affine by one inversion.

use super::super::word::Word52;
use super::Curve;
use super::comb::{KeyTable, combine_known, steps};
use super::field::invert_all;
use super::limbs::LIMBS;
use super::point::{Affine, Jacobian};
use super::scalar::{Digit, digits};
use super::table::{FIXED_WIDTH, KEY_MULTIPLES, KEY_WIDTH, Multiples, Row, look_up};

/// Groups of eight that go through together: what they share is one inversion each for scalars, tables and results, and
/// their tables before that inversion are 15 KiB a group, which a core's second cache is to hold.
pub(in super::super) const GROUPS_MAX: usize = 16;

/// One group's scalars below the order and points.
pub(in super::super) struct Terms<W, C: Curve> {
    pub(in super::super) base: [W; LIMBS],
    pub(in super::super) key: [W; LIMBS],
    pub(in super::super) point: Affine<W, C>,
}

/// `base` G + `key` Q of each group, from the keys' tables where there are any: then there are all, a group's lanes each its
/// own, and the groups' points are not looked at.
#[inline(always)]
pub(in super::super) fn combine<W: Word52, C: Curve>(
    groups: &[Terms<W, C>],
    tables: &[[&KeyTable<C>; 8]],
) -> Vec<Jacobian<W, C>> {
    let mut sums = Vec::with_capacity(groups.len());
    if tables.is_empty() {
        combine_unknown(groups, &mut sums);
        return sums;
    }
    let ((pairs, rest), (table_pairs, _)) = if C::IN_PAIRS {
        (groups.as_chunks::<2>(), tables.as_chunks::<2>())
    } else {
        ((&[][..], groups), (&[][..], tables))
    };
    let steps = steps::<C>();
    for (pair, tables) in pairs.iter().zip(table_pairs) {
        sums.extend(combine_known(&steps, pair, tables));
    }
    for (terms, tables) in rest.iter().zip(&tables[2 * pairs.len()..]) {
        sums.extend(combine_known(&steps, std::array::from_ref(terms), std::array::from_ref(tables)));
    }
    sums
}

#[inline(always)]
fn combine_unknown<W: Word52, C: Curve>(groups: &[Terms<W, C>], sums: &mut Vec<Jacobian<W, C>>) {
    let mut multiples = Vec::with_capacity(groups.len());
    let mut inverses = Vec::with_capacity(groups.len());
    for terms in groups {
        let own = Multiples::new(&terms.point, KEY_MULTIPLES);
        inverses.push(own.z);
        multiples.push(own);
    }
    invert_all(&mut inverses);
    let mut rows = [[[Row::ZERO; 8]; KEY_MULTIPLES]; 2];
    let (pairs, rest) = if C::IN_PAIRS { groups.as_chunks::<2>() } else { (&[][..], groups) };
    for (g, pair) in pairs.iter().enumerate() {
        for (i, rows) in rows.iter_mut().enumerate() {
            multiples[2 * g + i].rows(inverses[2 * g + i], rows);
        }
        sums.extend(ladder(pair, &rows));
    }
    for (g, terms) in rest.iter().enumerate() {
        let g = 2 * pairs.len() + g;
        multiples[g].rows(inverses[g], &mut rows[0]);
        sums.extend(ladder(std::array::from_ref(terms), std::array::from_ref(&rows[0])));
    }
}

/// Some groups' sums, both scalars' digits added at their places on one way down the doublings.
#[inline(always)]
fn ladder<W: Word52, C: Curve, const N: usize>(
    groups: &[Terms<W, C>; N],
    rows: &[[[Row; 8]; KEY_MULTIPLES]; N],
) -> [Jacobian<W, C>; N] {
    const { assert!(C::BITS.is_multiple_of(KEY_WIDTH) && C::BITS.is_multiple_of(FIXED_WIDTH)) };
    let fixed = C::fixed_table::<W>();
    let mut key: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    let mut base: Vec<Vec<Digit>> = Vec::with_capacity(2 * N);
    for terms in groups {
        key.extend(C::split(terms.key).map(|part| digits::<W, 5, 47>(part, C::BITS / KEY_WIDTH)));
        base.extend(C::split(terms.base).map(|part| digits::<W, 13, 39>(part, C::BITS / FIXED_WIDTH)));
    }
    let mut points = [Affine::base(); N];
    let mut sums = Jacobian::begin_negated(&points);
    let mut is_first = true;
    // Each addition gives the negated sum: `flip` says in which sense the sums stand, the same in every lane.
    let mut flip = 0;
    let mut bit = C::BITS - KEY_WIDTH;
    loop {
        for part in 0..C::PARTS {
            if bit.is_multiple_of(KEY_WIDTH) {
                for i in 0..N {
                    let digit = &key[2 * i + part][bit / KEY_WIDTH];
                    points[i] = look_up::<W, C>(|lane, j| &rows[i][j % KEY_MULTIPLES][lane], digit, flip);
                    turn::<W, C>(&mut points[i], part);
                }
                if is_first {
                    sums = Jacobian::begin_negated(&points);
                    is_first = false;
                } else {
                    Jacobian::add_negated(&mut sums, &points);
                }
                flip = !flip;
            }
            if bit.is_multiple_of(FIXED_WIDTH) {
                for i in 0..N {
                    let digit = &base[2 * i + part][bit / FIXED_WIDTH];
                    points[i] = look_up::<W, C>(|_, j| fixed.row(j), digit, flip);
                    turn::<W, C>(&mut points[i], part);
                }
                Jacobian::add_negated(&mut sums, &points);
                flip = !flip;
            }
        }
        if bit == 0 {
            break;
        }
        // To the next place where a digit stands.
        let next = (bit - 1) / KEY_WIDTH * KEY_WIDTH;
        let next = next.max((bit - 1) / FIXED_WIDTH * FIXED_WIDTH);
        Jacobian::double(&mut sums, bit - next);
        bit = next;
    }
    if flip != 0 {
        for sum in &mut sums {
            sum.negate();
        }
    }
    sums
}

/// The endomorphism's image for the second part.
#[inline(always)]
fn turn<W: Word52, C: Curve>(point: &mut Affine<W, C>, part: usize) {
    if part == 1 {
        point.x = point.x.mul_outlined(super::field::Element::splat(C::BETA));
    }
}
