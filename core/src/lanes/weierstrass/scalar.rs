//! Scalars as odd signed digits of a fixed width, so that every lane adds at the same steps and never adds infinity.
//!
//! An odd k below 2^(w m) is the sum of dᵢ 2^(w i), i < m, with dᵢ = ((⌊k / 2^(w i)⌋ mod 2^(w + 1)) | 1) - 2^w, and in the last
//! place without the subtraction: digits are odd and lie between -2^w and 2^w (Joye and Tunstall, "Exponent recoding and
//! regular exponentiation algorithms", 2009).

use super::super::word::Word52;
use super::field::{Element, Modulus};
use super::limbs::{self, LIMBS};

/// An odd number in each lane, and the lanes where it is meant negative.
#[derive(Clone, Copy)]
pub(in super::super) struct Part<W> {
    pub(in super::super) number: [W; LIMBS],
    pub(in super::super) negative: u8,
}

impl<W: Word52> Part<W> {
    /// A scalar below an odd order as an odd number: itself, or minus what it lacks to the order.
    #[inline(always)]
    pub(in super::super) fn of_scalar<M: Modulus>(scalar: [W; LIMBS]) -> Self {
        let one = W::splat(1);
        let odd = scalar[0].and(one).equal(one);
        let (rest, _) = limbs::difference(limbs::splat(M::P), scalar);
        Self { number: limbs::select(rest, odd, scalar), negative: !odd }
    }
}

/// One digit in each lane: which odd multiple, and the lanes that subtract it.
#[derive(Clone, Copy)]
pub(in super::super) struct Digit {
    /// (|d| - 1) / 2.
    pub(in super::super) index: [u64; 8],
    /// The lanes where the digit is negative.
    pub(in super::super) negative: u8,
}

/// The digits of a part, the lowest first. `REST` is 52 - `WIDTH`.
#[inline(always)]
pub(in super::super) fn digits<W: Word52, const WIDTH: u32, const REST: u32>(
    part: Part<W>,
    count: usize,
) -> Vec<Digit> {
    let mut digits = Vec::with_capacity(count);
    W::outlined(
        #[inline(always)]
        || {
            let (bit, below) = (W::splat(1 << WIDTH), W::splat((1 << (WIDTH - 1)) - 1));
            let mut number = part.number;
            for i in 0..count {
                let mut negative = number[0].and(bit).equal(W::splat(0));
                if i == count - 1 {
                    negative = 0;
                    debug_assert_eq!(number[0].less(bit), 0xff, "a part is too long");
                }
                let index = number[0].shr::<1>();
                let index = index.select(negative, index.xor(below)).and(below);
                digits.push(Digit { index: index.store(), negative: negative ^ part.negative });
                for limb in 0..LIMBS - 1 {
                    number[limb] =
                        number[limb].shr::<WIDTH>().or(number[limb + 1].shl::<REST>()).and(W::splat(limbs::MASK));
                }
                number[LIMBS - 1] = number[LIMBS - 1].shr::<WIDTH>();
            }
        },
    );
    digits
}

/// e / s and r / s from plain numbers below 2^256, given 1 / s as [`inverses`] makes it: below the order.
#[inline(always)]
pub(in super::super) fn quotient<W: Word52, M: Modulus>(number: [W; LIMBS], inverse: Element<W, M>) -> [W; LIMBS] {
    // A plain number times one in Montgomery's form is plain.
    Element::<W, M>::from_form(number).mul_outlined(inverse).canonical()
}

/// 1 / s in Montgomery's form from plain numbers in 1..n-1, one inversion for all.
#[inline(always)]
pub(in super::super) fn inverses<W: Word52, M: Modulus>(numbers: &[[W; LIMBS]]) -> Vec<Element<W, M>> {
    let mut elements = Vec::with_capacity(numbers.len());
    for number in numbers {
        elements.push(W::outlined(
            #[inline(always)]
            || Element::enter(*number),
        ));
    }
    super::field::invert_all(&mut elements);
    elements
}

/// A plain number below twice the order, as every one below 2^256 is, reduced by it.
#[inline(always)]
pub(in super::super) fn reduced<W: Word52, M: Modulus>(number: [W; LIMBS]) -> [W; LIMBS] {
    Element::<W, M>::from_form(number).canonical()
}

/// Minus a scalar below the order, below it.
#[inline(always)]
pub(in super::super) fn negated<W: Word52, M: Modulus>(scalar: [W; LIMBS]) -> [W; LIMBS] {
    let (negated, _) = limbs::difference(limbs::splat(M::P), scalar);
    // n - 0 is n.
    let zero = limbs::equal(scalar, [0; LIMBS]);
    limbs::select(negated, zero, scalar)
}

/// The sum of two scalars below the order, below it.
#[inline(always)]
pub(in super::super) fn sum<W: Word52, M: Modulus>(a: [W; LIMBS], b: [W; LIMBS]) -> [W; LIMBS] {
    let mut sum = a;
    for i in 0..LIMBS {
        sum[i] = sum[i].add(b[i]);
    }
    reduced::<W, M>(limbs::carry(sum))
}
