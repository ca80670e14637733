//! Integers modulo p = 2^255 - 19, eight at a time: five limbs of radix 2^51.
//!
//! Two ranges, a type each:
//!
//! - **reduced** ([`Field`]): every limb below 2^51 + 2^17. The 52-bit multiply-adds take nothing that has 2^52 or more in a
//!   limb, so a sum of two reduced numbers is not an operand.
//! - **wide** ([`Wide`]): every limb below 2^63. What products are before their carries. Sums and differences are made
//!   here, so that one carry serves a product and the sum it goes into.
//!
//! A product's limbs are below 267 · 2^52 < 2^60.1: with operands below 2^52 every half product is below 2^52; limb 0
//! has 1 low and, folded with 19, 4 low and twice 5 high ones (1 + 76 + 190), the other limbs have less. Differences
//! add a multiple of p whose limbs are at least the subtrahend's bound. Which sums stay below 2^63 is said at each.

use super::super::word::Word52;
use super::algebra::{Element, Sum};

/// Limbs.
pub(super) const LIMBS: usize = 5;
/// Bits of a limb.
const RADIX: u32 = 51;
/// The lowest 51 bits.
pub(super) const MASK: u64 = (1 << RADIX) - 1;
/// What every limb of a reduced number is below.
const REDUCED: u64 = (1 << RADIX) + (1 << 17);
/// What every limb of a product is below before its carries.
const PRODUCT: u64 = 267 << 52;
/// What every limb of a wide number is below.
const WIDE: u64 = 1 << 63;

/// p's limbs.
pub(super) const P: [u64; LIMBS] = [MASK - 18, MASK, MASK, MASK, MASK];

/// A multiple of p whose limbs are at least `bound`: what a number with limbs up to that is subtracted from.
const fn multiple_of_p(bound: u64) -> [u64; LIMBS] {
    // Two more than the quotient make up for limb 0, which lacks 18 in each p.
    let times = bound / MASK + 2;
    let mut limbs = P;
    let mut i = 0;
    while i < LIMBS {
        limbs[i] *= times;
        assert!(limbs[i] >= bound && limbs[i] < WIDE);
        i += 1;
    }
    limbs
}

/// To subtract a product from.
const OVER_PRODUCT: [u64; LIMBS] = multiple_of_p(PRODUCT);
/// What every limb of a difference of two products is below.
const DIFFERENCE: u64 = 2 * PRODUCT + (1 << 53);
/// To subtract such a difference from. With two products more it is below 4 * PRODUCT + 2^54 < 2^62.1.
const OVER_DIFFERENCE: [u64; LIMBS] = multiple_of_p(DIFFERENCE);
/// To subtract a reduced number from: twice p, so that the difference is below 2^52 and an operand.
const TWO_P: [u64; LIMBS] = [2 * P[0], 2 * P[1], 2 * P[2], 2 * P[3], 2 * P[4]];

/// A number in each lane, reduced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<W>([W; LIMBS]);

/// A number in each lane, wide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide<W>([W; LIMBS]);

/// Whether each limb is below the bound in every lane; asked in debug builds, in a function of its own lest every kernel hold
/// it many times over.
#[inline(never)]
fn below<W: Word52>(limbs: &[W; LIMBS], bound: u64) -> bool {
    W::outlined(
        #[inline(always)]
        || {
            let bound = W::splat(bound);
            let mut all = u8::MAX;
            for limb in limbs {
                all &= limb.less(bound);
            }
            all == u8::MAX
        },
    )
}

// Loops throughout rather than `array::map` and its like: those are functions of their own that the compiler may leave
// standing, without the instructions.

#[inline(always)]
fn splat<W: Word52>(limbs: &[u64; LIMBS]) -> [W; LIMBS] {
    let mut words = [W::splat(limbs[0]); LIMBS];
    for i in 1..LIMBS {
        words[i] = W::splat(limbs[i]);
    }
    words
}

#[inline(always)]
fn add<W: Word52>(mut a: [W; LIMBS], b: [W; LIMBS]) -> [W; LIMBS] {
    for i in 0..LIMBS {
        a[i] = a[i].add(b[i]);
    }
    a
}

#[inline(always)]
fn sub<W: Word52>(mut a: [W; LIMBS], b: [W; LIMBS]) -> [W; LIMBS] {
    for i in 0..LIMBS {
        a[i] = a[i].sub(b[i]);
    }
    a
}

#[inline(always)]
fn select<W: Word52>(mut a: [W; LIMBS], mask: u8, b: [W; LIMBS]) -> [W; LIMBS] {
    for i in 0..LIMBS {
        a[i] = a[i].select(mask, b[i]);
    }
    a
}

/// Carries from limb to limb; what is over 2^255 comes back.
#[inline(always)]
fn carry<W: Word52>(limbs: &mut [W; LIMBS]) -> W {
    let mask = W::splat(MASK);
    for i in 0..LIMBS - 1 {
        limbs[i + 1] = limbs[i + 1].add(limbs[i].shr::<RADIX>());
        limbs[i] = limbs[i].and(mask);
    }
    let over = limbs[LIMBS - 1].shr::<RADIX>();
    limbs[LIMBS - 1] = limbs[LIMBS - 1].and(mask);
    over
}

impl<W: Word52> Field<W> {
    /// The same number in each lane. Limbs below 2^51.
    #[inline(always)]
    pub(super) fn splat(limbs: &[u64; LIMBS]) -> Self {
        Self::new(splat(limbs))
    }

    /// 0 in each lane.
    #[inline(always)]
    pub(super) fn zero() -> Self {
        Self::splat(&[0; LIMBS])
    }

    /// 1 in each lane.
    #[inline(always)]
    pub(super) fn one() -> Self {
        Self::splat(&[1, 0, 0, 0, 0])
    }

    /// Reduced limbs as they are.
    #[inline(always)]
    pub(super) fn new(limbs: [W; LIMBS]) -> Self {
        debug_assert!(below(&limbs, REDUCED), "limbs of a reduced number");
        Self(limbs)
    }

    /// The limbs.
    #[inline(always)]
    pub(super) fn limbs(self) -> [W; LIMBS] {
        self.0
    }

    /// The number whose 256 bits are these little-endian words, without the highest bit: below 2^255, reduced.
    #[inline(always)]
    pub(super) fn from_words(words: [W; 4]) -> Self {
        let mask = W::splat(MASK);
        let [a, b, c, d] = words;
        Self::new([
            a.and(mask),
            a.shr::<51>().or(b.shl::<13>()).and(mask),
            b.shr::<38>().or(c.shl::<26>()).and(mask),
            c.shr::<25>().or(d.shl::<39>()).and(mask),
            d.shr::<12>().and(mask),
        ])
    }

    /// The number below p as little-endian words of 64 bits; the highest bit is 0.
    #[inline(always)]
    pub(super) fn to_words(self) -> [W; 4] {
        let [a, b, c, d, e] = self.frozen().0;
        [
            a.or(b.shl::<51>()),
            b.shr::<13>().or(c.shl::<38>()),
            c.shr::<26>().or(d.shl::<25>()),
            d.shr::<39>().or(e.shl::<12>()),
        ]
    }

    /// The same number, below p, each limb below 2^51.
    #[inline(always)]
    pub(super) fn frozen(self) -> Self {
        let mut limbs = self.0;
        // Below 2^256 at first; what is over 2^255 is at most 2, folded as 19 each, and what is left is below 2^255 then.
        let over = carry(&mut limbs);
        limbs[0] = limbs[0].mul_add_low(over, W::splat(19));
        let over = carry(&mut limbs);
        limbs[0] = limbs[0].mul_add_low(over, W::splat(19));
        // The number is p or more exactly when 19 more reach 2^255; then those 19 without the 2^255 are it less p.
        let mut more = limbs;
        more[0] = more[0].add(W::splat(19));
        let is_over = carry(&mut more).equal(W::splat(1));
        Self(select(limbs, is_over, more))
    }

    /// The lanes where the number is 0.
    #[inline(always)]
    pub(super) fn is_zero(self) -> u8 {
        let limbs = self.frozen().0;
        let mut all = limbs[0];
        for limb in &limbs[1..] {
            all = all.or(*limb);
        }
        all.equal(W::splat(0))
    }

    /// The lanes where both are the same number.
    #[inline(always)]
    pub(super) fn equals(self, other: Self) -> u8 {
        Element::minus(self, other).is_zero()
    }

    /// The lanes where the number below p is odd: the sign bit of an encoding (RFC 8032, section 5.1.2).
    #[inline(always)]
    pub(super) fn is_odd(self) -> u8 {
        self.frozen().0[0].and(W::splat(1)).equal(W::splat(1))
    }

    /// `self^(2^times)`.
    #[inline(always)]
    pub(super) fn square_times(self, times: u32) -> Self {
        W::outlined(
            #[inline(always)]
            || {
                let mut number = self;
                for _ in 0..times {
                    number = number.square().carry();
                }
                number
            },
        )
    }

    /// The product, in a function of its own: where code size counts more than a call.
    #[inline(always)]
    pub(super) fn times(self, other: Self) -> Self {
        W::outlined(
            #[inline(always)]
            || self.mul(other).carry(),
        )
    }

    /// `self^(2^250 - 1)` and `self^11`, which both exponents below begin with.
    #[inline(always)]
    fn chain(self) -> (Self, Self) {
        let two = self.square_times(1);
        let nine = two.square_times(2).times(self);
        let eleven = nine.times(two);
        // e_n = 2^n - 1.
        let e5 = eleven.square_times(1).times(nine);
        let e10 = e5.square_times(5).times(e5);
        let e20 = e10.square_times(10).times(e10);
        let e40 = e20.square_times(20).times(e20);
        let e50 = e40.square_times(10).times(e10);
        let e100 = e50.square_times(50).times(e50);
        let e200 = e100.square_times(100).times(e100);
        (e200.square_times(50).times(e50), eleven)
    }

    /// `self^(p - 2)`: the inverse, and 0 of 0.
    #[inline(always)]
    pub(super) fn inverse(self) -> Self {
        let (e250, eleven) = self.chain();
        e250.square_times(5).times(eleven)
    }

    /// `self^((p - 5) / 8)`, p - 5 over 8 being 2^252 - 3.
    #[inline(always)]
    pub(super) fn pow_p58(self) -> Self {
        self.chain().0.square_times(2).times(self)
    }
}

/// Ten columns of radix 2^51 folded to five: 2^255 is 19.
#[inline(always)]
fn fold<W: Word52>(columns: [W; 2 * LIMBS]) -> Wide<W> {
    let nineteen = W::splat(19);
    let mut limbs = [columns[0]; LIMBS];
    for k in 0..LIMBS {
        limbs[k] = columns[k].add(columns[k + LIMBS].mul(nineteen));
    }
    Wide::new(limbs)
}

/// Twice these columns.
#[inline(always)]
fn double<W: Word52>(columns: &mut [W]) {
    for column in columns {
        *column = column.add(*column);
    }
}

impl<W: Word52> Element for Field<W> {
    type Sum = Wide<W>;

    /// The high half of a product at 2^(51 k) is worth 2^(51 k + 52), twice the next column: the high halves come first,
    /// then their double is what the low ones are added to.
    #[inline(always)]
    fn mul(self, other: Self) -> Wide<W> {
        let (a, b) = (self.0, other.0);
        let mut columns = [W::splat(0); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                columns[i + j + 1] = columns[i + j + 1].mul_add_high(a[i], b[j]);
            }
        }
        double(&mut columns[1..]);
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                columns[i + j] = columns[i + j].mul_add_low(a[i], b[j]);
            }
        }
        fold(columns)
    }

    /// The same with each product of two different limbs made once: their high halves count four times, their low ones and
    /// the squares' high ones twice.
    #[inline(always)]
    fn square(self) -> Wide<W> {
        let a = self.0;
        let mut columns = [W::splat(0); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                columns[i + j + 1] = columns[i + j + 1].mul_add_high(a[i], a[j]);
            }
        }
        double(&mut columns[2..=8]);
        for i in 0..LIMBS {
            columns[2 * i + 1] = columns[2 * i + 1].mul_add_high(a[i], a[i]);
            for j in i + 1..LIMBS {
                columns[i + j] = columns[i + j].mul_add_low(a[i], a[j]);
            }
        }
        double(&mut columns[1..]);
        for i in 0..LIMBS {
            columns[2 * i] = columns[2 * i].mul_add_low(a[i], a[i]);
        }
        fold(columns)
    }

    #[inline(always)]
    fn widen(self) -> Wide<W> {
        Wide(self.0)
    }

    #[inline(always)]
    fn negate(self) -> Self {
        // At least 2^52 - 38 - 2^51 - 2^17, so positive; below 2^52, so an operand, though not reduced.
        let limbs = sub(splat(&TWO_P), self.0);
        debug_assert!(below(&limbs, 1 << 52), "operands are below 2^52");
        Self(limbs)
    }

    #[inline(always)]
    fn select(self, mask: u8, other: Self) -> Self {
        Self(select(self.0, mask, other.0))
    }
}

impl<W: Word52> Wide<W> {
    #[inline(always)]
    fn new(limbs: [W; LIMBS]) -> Self {
        debug_assert!(below(&limbs, WIDE), "limbs of a wide number");
        Self(limbs)
    }
}

impl<W: Word52> Sum for Wide<W> {
    type Element = Field<W>;

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self::new(add(self.0, other.0))
    }

    #[inline(always)]
    fn less_product(self, product: Self) -> Self {
        debug_assert!(below(&product.0, PRODUCT), "limbs of a product");
        Self::new(sub(add(self.0, splat(&OVER_PRODUCT)), product.0))
    }

    #[inline(always)]
    fn less_difference(self, difference: Self) -> Self {
        debug_assert!(below(&difference.0, DIFFERENCE), "limbs of a difference");
        Self::new(sub(add(self.0, splat(&OVER_DIFFERENCE)), difference.0))
    }

    /// One pass: each limb gives what is over 51 bits to the next, below 2^12; limb 4's comes back into limb 0 as 19 times
    /// itself, below 2^17.
    #[inline(always)]
    fn carry(self) -> Field<W> {
        let mask = W::splat(MASK);
        let limbs = self.0;
        let mut carried = limbs;
        carried[0] = limbs[0].and(mask).mul_add_low(limbs[LIMBS - 1].shr::<RADIX>(), W::splat(19));
        for i in 1..LIMBS {
            carried[i] = limbs[i].and(mask).add(limbs[i - 1].shr::<RADIX>());
        }
        Field::new(carried)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::super::super::level::{CurveLevel, CurveWork};
    use super::*;

    type Limbs = [[u64; 8]; LIMBS];

    /// What two numbers a lane come to: words of each number, masks of each question.
    struct Operations(Limbs, Limbs);

    impl CurveWork for Operations {
        type Answer = (Vec<[[u64; 8]; 4]>, [u8; 4]);

        fn run<W: Word52>(self) -> Self::Answer {
            let [a, b]: [Field<W>; 2] = [self.0, self.1].map(|limbs| Field::new(limbs.map(|limb| W::load(&limb))));
            let (aa, bb, ab) = (a.square(), b.square(), a.mul(b));
            let difference = bb.less_product(aa);
            let numbers = [
                a,
                ab.carry(),
                aa.carry(),
                a.plus(b),
                a.minus(b),
                a.negate().mul(b.negate()).carry(),
                a.negate().square().carry(),
                ab.plus(ab).carry(),
                aa.plus(bb).carry(),
                difference.carry(),
                ab.plus(ab).less_difference(difference).carry(),
                a.widen().plus(a.widen()).less_product(ab).carry(),
                a.select(0b1010_0101, b),
                a.inverse(),
                a.pow_p58(),
                Field::from_words(a.to_words()),
            ];
            let masks = [a.is_zero(), a.is_odd(), a.equals(b), a.minus(a).is_zero()];
            (numbers.map(|number| number.to_words().map(W::store)).to_vec(), masks)
        }
    }

    fn number(limbs: [u64; LIMBS]) -> BigUint {
        limbs.iter().rev().fold(BigUint::ZERO, |number, limb| (number << RADIX) + *limb)
    }

    fn check(a: Limbs, b: Limbs) {
        let p = number(P);
        for level in [Some(CurveLevel::PORTABLE), CurveLevel::detect()].into_iter().flatten() {
            let (found, masks) = level.run(Operations(a, b));
            for lane in 0..8 {
                let [a, b] = [a, b].map(|limbs| number(limbs.map(|limb| limb[lane])) % &p);
                let minus = |a: &BigUint, b: &BigUint| (a + &p - b) % &p;
                let (aa, bb, ab) = (&a * &a % &p, &b * &b % &p, &a * &b % &p);
                let expected = [
                    a.clone(),
                    ab.clone(),
                    aa.clone(),
                    &a + &b,
                    minus(&a, &b),
                    ab.clone(),
                    aa.clone(),
                    &ab << 1,
                    &aa + &bb,
                    minus(&bb, &aa),
                    (&ab << 1) + minus(&aa, &bb),
                    (&a << 1) + minus(&BigUint::ZERO, &ab),
                    if 0b1010_0101 >> lane & 1 == 1 { b.clone() } else { a.clone() },
                    a.modpow(&(&p - 2_u8), &p),
                    a.modpow(&((&p - 5_u8) >> 3), &p),
                    a.clone(),
                ];
                for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                    let words: Vec<u8> = found.iter().flat_map(|word| word[lane].to_le_bytes()).collect();
                    assert_eq!(BigUint::from_bytes_le(&words), expected % &p, "number {i} on {}", level.name());
                }
                let expected = [a == BigUint::ZERO, a.bit(0), a == b, true];
                for (i, (mask, expected)) in masks.iter().zip(expected).enumerate() {
                    assert_eq!(mask >> lane & 1 == 1, expected, "question {i} on {}", level.name());
                }
            }
        }
    }

    /// Limbs at the edges of what a reduced number may have, and p's own.
    fn limb() -> impl Strategy<Value = u64> {
        prop_oneof![
            prop::sample::select(vec![0, 1, 18, 19, MASK - 19, MASK - 18, MASK - 1, MASK, MASK + 1, REDUCED - 1]),
            0..REDUCED,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arithmetic_is_that_of_whole_numbers(
            a in prop::array::uniform5(prop::array::uniform8(limb())),
            b in prop::array::uniform5(prop::array::uniform8(limb())),
        ) {
            check(a, b);
        }
    }

    #[test]
    fn the_largest_limbs_and_the_multiples_of_p_are_right() {
        let all = |limb: u64| [[limb; 8]; LIMBS];
        for a in [all(REDUCED - 1), all(0), P.map(|limb| [limb; 8]), all(MASK)] {
            for b in [all(REDUCED - 1), all(0), P.map(|limb| [limb; 8]), all(1)] {
                check(a, b);
            }
        }
        // p - 1, p + 1, 2^255 - 1.
        for first in [MASK - 19, MASK - 17, MASK] {
            let mut a = P.map(|limb| [limb; 8]);
            a[0] = [first; 8];
            check(a, a);
        }
    }
}
