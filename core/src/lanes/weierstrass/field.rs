//! Elements of a prime field, one in each of 8 lanes, radix 2^52.
//!
//! The products of [`Word52`] read the low 52 bits of a word, so what is multiplied has *strict* limbs: each below 2^52.
//! How far above p a number may lie is its magnitude: magnitude m means a value below m * p.
//!
//! - An [`Element`] has strict limbs. What a reduction gives has magnitude 2 (*reduced*); what [`Element::minus`] gives has
//!   magnitude 6, [`Element::plus`] 4, [`Element::negate`] 4.
//! - Products may be formed of elements whose magnitudes multiply to at most 16 (added up over a sum of products), or to 64
//!   where the reduction is a wide one: every p here is below 2^256, and what is divided by or folded at is 2^260.
//! - A [`Sum`] has limbs of less than 2^58 and is only added to a product, before it is reduced: there it costs no carries.

use std::marker::PhantomData;

use super::super::word::Word52;
use super::limbs::{self, LIMBS, Limbs, MASK};

/// A prime below 2^256 and above 2^255, and how numbers are reduced by it.
pub(in super::super) trait Modulus: Copy + 'static {
    /// The prime.
    const P: Limbs;
    /// What stands for one.
    const ONE: Limbs;
    /// What [`Element::enter`] multiplies by.
    const ENTER: Limbs;
    /// Whether elements are held in Montgomery's form, x * 2^260: then a sum is added to the upper five columns.
    const MONTGOMERY: bool;
    /// x to this is 1/x.
    const TO_INVERSE: Limbs = limbs::minus(Self::P, [2, 0, 0, 0, 0]);

    /// The ten columns of a product, each below 2^60 (a sum's among them), as a reduced number times `TIMES`: 1, 2, 3, 4 or 8. `WIDE`
    /// is set where a sum was added or `TIMES` is not 1.
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS];
}

/// One element of the field in each lane: strict limbs.
pub(in super::super) struct Element<W, M> {
    limbs: [W; LIMBS],
    modulus: PhantomData<M>,
}

impl<W: Copy, M> Clone for Element<W, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Copy, M> Copy for Element<W, M> {}

/// What is added to a product before it is reduced: limbs below 2^58, none below zero.
pub(in super::super) struct Sum<W, M> {
    limbs: [W; LIMBS],
    modulus: PhantomData<M>,
}

/// One or two products that were not reduced.
pub(in super::super) struct Product<W, M> {
    columns: [W; 2 * LIMBS],
    modulus: PhantomData<M>,
}

/// Asserts that limbs are at most so large: a test's way to see that what is said of magnitudes holds.
#[inline(never)]
fn check<W: Word52>(limbs: &[W; LIMBS], lower: u64, top: u64) {
    W::outlined(
        #[inline(always)]
        || {
            for (i, limb) in limbs.iter().enumerate() {
                let bound = if i < LIMBS - 1 { lower } else { top };
                assert_eq!(W::splat(bound).less(*limb), 0, "limb {i} is above {bound:x}");
            }
        },
    );
}

impl<W: Word52, M: Modulus> Element<W, M> {
    /// An element from limbs.
    #[inline(always)]
    fn of(limbs: [W; LIMBS]) -> Self {
        if cfg!(debug_assertions) {
            check(&limbs, MASK, MASK);
        }
        Self { limbs, modulus: PhantomData }
    }

    /// What a reduction gave.
    #[inline(always)]
    fn reduced(limbs: [W; LIMBS]) -> Self {
        if cfg!(debug_assertions) {
            check(&limbs, MASK, 2 * M::P[LIMBS - 1] + 1);
        }
        Self { limbs, modulus: PhantomData }
    }

    /// A number below 2^256 that is in the field's form already.
    #[inline(always)]
    pub(in super::super) fn from_form(limbs: [W; LIMBS]) -> Self {
        Self::reduced(limbs)
    }

    /// The same element in every lane, given in the field's form.
    #[inline(always)]
    pub(in super::super) fn splat(limbs: Limbs) -> Self {
        Self::of(limbs::splat(limbs))
    }

    /// One.
    #[inline(always)]
    pub(in super::super) fn one() -> Self {
        Self::splat(M::ONE)
    }

    /// The strict limbs, in the field's form.
    #[inline(always)]
    pub(in super::super) fn limbs(self) -> [W; LIMBS] {
        self.limbs
    }

    /// A plain number below 2^256 as an element. Reduced.
    #[inline(always)]
    pub(in super::super) fn enter(number: [W; LIMBS]) -> Self {
        let number = Self::of(number);
        if M::MONTGOMERY { number.mul(Self::splat(M::ENTER)) } else { number }
    }

    /// The plain number that the element is, below p. Takes any magnitude up to 16.
    #[inline(always)]
    pub(in super::super) fn leave(self) -> [W; LIMBS] {
        if M::MONTGOMERY { self.mul(Self::splat([1, 0, 0, 0, 0])).canonical() } else { self.canonical() }
    }

    /// The one number below p that is the same, in the field's form. Takes a reduced element.
    #[inline(always)]
    pub(in super::super) fn canonical(self) -> [W; LIMBS] {
        let (less, not_below) = limbs::difference(self.limbs, limbs::splat(M::P));
        limbs::select(self.limbs, not_below, less)
    }

    /// The lanes that are zero. Takes a reduced element, which is zero as 0 or as p.
    #[inline(always)]
    pub(in super::super) fn is_zero(self) -> u8 {
        limbs::equal(self.limbs, [0; LIMBS]) | limbs::equal(self.limbs, M::P)
    }

    /// Lanes that may be zero: all that are, and few others. Takes a reduced element.
    #[inline(always)]
    pub(in super::super) fn may_be_zero(self) -> u8 {
        self.limbs[0].equal(W::splat(0)) | self.limbs[0].equal(W::splat(M::P[0]))
    }

    /// Lanes of `other` where the mask is set.
    #[inline(always)]
    pub(in super::super) fn select(self, mask: u8, other: Self) -> Self {
        Self::of(limbs::select(self.limbs, mask, other.limbs))
    }

    /// Difference, both reduced; magnitude 6.
    #[inline(always)]
    pub(in super::super) fn minus(self, other: Self) -> Self {
        let lent = limbs::splat::<W>(const { limbs::lent(4, 0, M::P) });
        let mut limbs = self.limbs;
        for (i, limb) in limbs.iter_mut().enumerate() {
            *limb = limb.add(lent[i].sub(other.limbs[i]));
        }
        Self::of(limbs::carry(limbs))
    }

    /// Sum, both reduced; magnitude 4.
    #[inline(always)]
    pub(in super::super) fn plus(self, other: Self) -> Self {
        let mut limbs = self.limbs;
        for (limb, other) in limbs.iter_mut().zip(other.limbs) {
            *limb = limb.add(other);
        }
        Self::of(limbs::carry(limbs))
    }

    /// Minus the element, which is reduced; magnitude 4.
    #[inline(always)]
    pub(in super::super) fn negate(self) -> Self {
        let mut limbs = limbs::splat::<W>(const { limbs::lent(4, 0, M::P) });
        for (limb, own) in limbs.iter_mut().zip(self.limbs) {
            *limb = limb.sub(own);
        }
        Self::of(limbs::carry(limbs))
    }

    /// Minus the element in the lanes of the mask. Takes a canonical element and gives one of at most p.
    #[inline(always)]
    pub(in super::super) fn negate_canonical(self, mask: u8) -> Self {
        let mut limbs = self.limbs;
        for (limb, p) in limbs.iter_mut().zip(M::P) {
            *limb = limb.select(mask, W::splat(p).sub(*limb));
        }
        Self::of(limbs::carry(limbs))
    }

    /// Minus the element, which is reduced: at most p.
    #[inline(always)]
    pub(in super::super) fn negated(self) -> Self {
        Self::of(self.canonical()).negate_canonical(0xff)
    }

    /// Product, reduced.
    #[inline(always)]
    pub(in super::super) fn mul(self, other: Self) -> Self {
        self.product(other).reduce()
    }

    /// Square, reduced.
    #[inline(always)]
    pub(in super::super) fn square(self) -> Self {
        self.squared().reduce()
    }

    /// Product plus a sum, reduced.
    #[inline(always)]
    pub(in super::super) fn mul_plus(self, other: Self, sum: Sum<W, M>) -> Self {
        Product::from(sum).plus(self, other).reduce_times::<1>()
    }

    /// Square plus a sum, reduced.
    #[inline(always)]
    pub(in super::super) fn square_plus(self, sum: Sum<W, M>) -> Self {
        self.squared().plus_sum(sum).reduce_times::<1>()
    }

    /// The product, not reduced.
    #[inline(always)]
    pub(in super::super) fn product(self, other: Self) -> Product<W, M> {
        Product { columns: [W::splat(0); 2 * LIMBS], modulus: PhantomData }.plus(self, other)
    }

    /// The square, not reduced.
    #[inline(always)]
    pub(in super::super) fn squared(self) -> Product<W, M> {
        let a = self.limbs;
        let mut columns = [W::splat(0); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                columns[i + j] = columns[i + j].mul_add_low(a[i], a[j]);
                columns[i + j + 1] = columns[i + j + 1].mul_add_high(a[i], a[j]);
            }
        }
        for column in &mut columns[1..2 * LIMBS - 1] {
            *column = column.add(*column);
        }
        for i in 0..LIMBS {
            columns[2 * i] = columns[2 * i].mul_add_low(a[i], a[i]);
            columns[2 * i + 1] = columns[2 * i + 1].mul_add_high(a[i], a[i]);
        }
        Product { columns, modulus: PhantomData }
    }

    /// The element squared `times` times, in a function of its own.
    #[inline(always)]
    pub(in super::super) fn squarings(self, times: usize) -> Self {
        W::outlined(
            #[inline(always)]
            || {
                let mut element = self;
                for _ in 0..times {
                    element = element.square();
                }
                element
            },
        )
    }

    /// Product in a function of its own, for code that is rarely run or must stay small.
    #[inline(always)]
    pub(in super::super) fn mul_outlined(self, other: Self) -> Self {
        W::outlined(
            #[inline(always)]
            || self.mul(other),
        )
    }

    /// 1/self, and zero for zero: self^(p - 2), four bits at a time.
    #[inline(always)]
    pub(in super::super) fn invert(self) -> Self {
        self.power(M::TO_INVERSE)
    }

    /// self^exponent, four bits at a time.
    #[inline(always)]
    pub(in super::super) fn power(self, exponent: Limbs) -> Self {
        let mut powers = [Self::one(); 16];
        for i in 1..16 {
            powers[i] = powers[i - 1].mul_outlined(self);
        }
        let mut result = Self::one();
        for digit in (0..64).rev() {
            let nibble = (exponent[digit / 13] >> (4 * (digit % 13)) & 15) as usize;
            result = result.squarings(4).mul_outlined(powers[nibble]);
        }
        result
    }
}

impl<W: Word52, M: Modulus> Sum<W, M> {
    /// An element.
    #[inline(always)]
    pub(in super::super) fn of(element: Element<W, M>) -> Self {
        Self { limbs: element.limbs, modulus: PhantomData }
    }

    /// Minus a reduced element.
    #[inline(always)]
    pub(in super::super) fn minus(element: Element<W, M>) -> Self {
        Self { limbs: limbs::splat(const { limbs::lent(4, 0, M::P) }), modulus: PhantomData }.less(element.limbs)
    }

    /// Minus two reduced elements.
    #[inline(always)]
    pub(in super::super) fn minus_both(a: Element<W, M>, b: Element<W, M>) -> Self {
        let mut both = a.limbs;
        for (limb, b) in both.iter_mut().zip(b.limbs) {
            *limb = limb.add(b);
        }
        Self { limbs: limbs::splat(const { limbs::lent(8, 1, M::P) }), modulus: PhantomData }.less(both)
    }

    /// Minus eight times a reduced element.
    #[inline(always)]
    pub(in super::super) fn minus_8(element: Element<W, M>) -> Self {
        let mut eightfold = element.limbs;
        for limb in &mut eightfold {
            *limb = limb.shl::<3>();
        }
        Self { limbs: limbs::splat(const { limbs::lent(20, 3, M::P) }), modulus: PhantomData }.less(eightfold)
    }

    #[inline(always)]
    fn less(mut self, other: [W; LIMBS]) -> Self {
        for (limb, other) in self.limbs.iter_mut().zip(other) {
            *limb = limb.sub(other);
        }
        if cfg!(debug_assertions) {
            check(&self.limbs, MASK << 6, MASK << 6);
        }
        self
    }

    /// And a reduced element.
    #[inline(always)]
    pub(in super::super) fn plus(self, element: Element<W, M>) -> Self {
        self.plus_sum(Self::of(element))
    }

    /// And another sum.
    #[inline(always)]
    pub(in super::super) fn plus_sum(mut self, sum: Self) -> Self {
        for (limb, other) in self.limbs.iter_mut().zip(sum.limbs) {
            *limb = limb.add(other);
        }
        self
    }
}

impl<W: Word52, M: Modulus> Product<W, M> {
    /// A product's beginning.
    #[inline(always)]
    fn from(sum: Sum<W, M>) -> Self {
        let mut columns = [W::splat(0); 2 * LIMBS];
        let at = if M::MONTGOMERY { LIMBS } else { 0 };
        columns[at..at + LIMBS].copy_from_slice(&sum.limbs);
        Self { columns, modulus: PhantomData }
    }

    /// And one more product.
    #[inline(always)]
    pub(in super::super) fn plus(mut self, a: Element<W, M>, b: Element<W, M>) -> Self {
        let (a, b, c) = (a.limbs, b.limbs, &mut self.columns);
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                c[i + j] = c[i + j].mul_add_low(a[i], b[j]);
            }
            for j in 0..LIMBS {
                c[i + j + 1] = c[i + j + 1].mul_add_high(a[i], b[j]);
            }
        }
        self
    }

    /// And a sum.
    #[inline(always)]
    pub(in super::super) fn plus_sum(mut self, sum: Sum<W, M>) -> Self {
        let at = if M::MONTGOMERY { LIMBS } else { 0 };
        for (i, limb) in sum.limbs.into_iter().enumerate() {
            self.columns[at + i] = self.columns[at + i].add(limb);
        }
        self
    }

    /// Reduced.
    #[inline(always)]
    pub(in super::super) fn reduce(self) -> Element<W, M> {
        Element::reduced(M::reduce::<W, 1, false>(self.columns))
    }

    /// `TIMES` as much, reduced: the wide reduction.
    #[inline(always)]
    pub(in super::super) fn reduce_times<const TIMES: u32>(self) -> Element<W, M> {
        Element::reduced(M::reduce::<W, TIMES, true>(self.columns))
    }
}

/// A column times 1, 2, 3, 4 or 8.
#[inline(always)]
pub(in super::super) fn scale<W: Word52, const TIMES: u32>(column: W) -> W {
    match TIMES {
        1 => column,
        2 => column.add(column),
        3 => column.add(column.add(column)),
        4 => column.shl::<2>(),
        8 => column.shl::<3>(),
        _ => unreachable!("no formula scales by another factor"),
    }
}

/// Montgomery's reduction of columns by 2^260 for a prime with this -1/p, and of what is left above 2^256 where the
/// reduction is wide. `fold` adds a word of at most 2^14, times 2^256, to five limbs.
#[inline(always)]
pub(in super::super) fn montgomery<W: Word52, M: Modulus, const TIMES: u32, const WIDE: bool>(
    mut c: [W; 2 * LIMBS],
    fold: impl FnOnce([W; LIMBS], W) -> [W; LIMBS],
) -> [W; LIMBS] {
    let n0 = const { limbs::minus_inverse(M::P) };
    // With -1/p = 1 the quotient's limb is the column itself, and p's lowest limb only clears it: what is left to add is
    // (p + 1) without its lowest limb, which is zero.
    let p = const { if limbs::minus_inverse(M::P) == 1 { limbs::plus(M::P, [1, 0, 0, 0, 0]) } else { M::P } };
    for i in 0..LIMBS {
        let quotient = if n0 == 1 { c[i] } else { W::splat(0).mul_add_low(c[i], W::splat(n0)) };
        if p[0] != 0 {
            c[i] = c[i].mul_add_low(quotient, W::splat(p[0]));
            c[i + 1] = c[i + 1].mul_add_high(quotient, W::splat(p[0]));
        }
        c[i + 1] = c[i + 1].add(c[i].shr::<52>());
        for j in 1..LIMBS {
            if p[j] != 0 {
                c[i + j] = c[i + j].mul_add_low(quotient, W::splat(p[j]));
                c[i + j + 1] = c[i + j + 1].mul_add_high(quotient, W::splat(p[j]));
            }
        }
    }
    let mut limbs = [c[5], c[6], c[7], c[8], c[9]];
    if WIDE {
        for limb in &mut limbs {
            *limb = scale::<W, TIMES>(*limb);
        }
        let top = limbs[LIMBS - 1].shr::<48>();
        limbs[LIMBS - 1] = limbs[LIMBS - 1].and(W::splat(MASK >> 4));
        limbs = fold(limbs, top);
    }
    limbs::carry(limbs)
}

/// The fold of [`montgomery`] for any prime.
#[inline(always)]
pub(in super::super) fn fold_any<W: Word52, M: Modulus>(mut limbs: [W; LIMBS], top: W) -> [W; LIMBS] {
    let power = const { limbs::power_of_two(256, M::P) };
    for i in 0..LIMBS {
        limbs[i] = limbs[i].mul_add_low(top, W::splat(power[i]));
        if i + 1 < LIMBS {
            limbs[i + 1] = limbs[i + 1].mul_add_high(top, W::splat(power[i]));
        }
    }
    limbs
}

/// A plain number below p in the field's form.
pub(in super::super) const fn form<M: Modulus>(mut number: Limbs) -> Limbs {
    let mut i = 0;
    while M::MONTGOMERY && i < 52 * LIMBS {
        number = limbs::plus(number, number);
        if !limbs::is_less(number, M::P) {
            number = limbs::minus(number, M::P);
        }
        i += 1;
    }
    number
}

/// Each of `a` squared `times` times, and times its own of `b`: a step of an addition chain. Side by side, so that none waits
/// for its own products.
#[inline(always)]
pub(in super::super) fn chain<W: Word52, M: Modulus>(
    a: &[Element<W, M>],
    times: usize,
    b: &[Element<W, M>],
) -> Vec<Element<W, M>> {
    let mut elements = a.to_vec();
    W::outlined(
        #[inline(always)]
        || {
            for _ in 0..times {
                for element in &mut elements {
                    *element = element.square();
                }
            }
            for (element, b) in elements.iter_mut().zip(b) {
                *element = element.mul(*b);
            }
        },
    );
    elements
}

/// 1/x of each, one inversion for all (Montgomery's trick): three products an element. A lane of zeros must not be among
/// them, or all of that lane's inverses are zero.
#[inline(always)]
pub(in super::super) fn invert_all<W: Word52, M: Modulus>(elements: &mut [Element<W, M>]) {
    let mut products = Vec::with_capacity(elements.len());
    let mut product = Element::<W, M>::one();
    for element in elements.iter() {
        products.push(product);
        product = product.mul_outlined(*element);
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(products).rev() {
        let own = inverse.mul_outlined(before);
        inverse = inverse.mul_outlined(*element);
        *element = own;
    }
}
