//! Curves y² = x³ - 3x + b without an endomorphism, both of whose moduli are in Montgomery's form, and whose primes are sums of a
//! few powers of two: one module for P-256 and SM2, which hand in their numbers, their prime's fold and its root's chain.

use std::marker::PhantomData;

use super::super::word::Word52;
use super::field::{Element, Modulus, chain, fold_any, form, montgomery};
use super::limbs::{self, LIMBS, Limbs};
use super::scalar::Part;
use super::{Curve, Tables};

/// Such a curve's parameters, as its standard gives them.
pub(in super::super) trait Minus3: Copy + Send + Sync + 'static {
    /// The field's prime.
    const P: Limbs;
    /// The group's order.
    const N: Limbs;
    /// b.
    const B: Limbs;
    /// The base point's coordinates.
    const G: [Limbs; 2];

    /// Adds what lies above 2^256, at most 2^14, to the limbs, which may go below zero one by one: 2^256 mod p in shifts.
    fn fold<W: Word52>(limbs: [W; LIMBS], top: W) -> [W; LIMBS];

    /// x^((p + 1) / 4) of each.
    fn square_roots<W: Word52>(x: &[Element<W, Prime<Self>>]) -> Vec<Element<W, Prime<Self>>>;

    /// Where the tables of the base point stand.
    fn tables() -> &'static Tables;
}

/// The field of a curve's coordinates.
#[derive(Clone, Copy)]
pub(in super::super) struct Prime<C>(PhantomData<C>);

/// The field of a curve's scalars.
#[derive(Clone, Copy)]
pub(in super::super) struct Order<C>(PhantomData<C>);

impl<C: Minus3> Modulus for Prime<C> {
    const P: Limbs = C::P;
    const ONE: Limbs = limbs::power_of_two(260, Self::P);
    const ENTER: Limbs = form::<Self>(Self::ONE);
    const MONTGOMERY: bool = true;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        montgomery::<W, Self, TIMES, WIDE>(columns, C::fold::<W>)
    }
}

impl<C: Minus3> Modulus for Order<C> {
    const P: Limbs = C::N;
    const ONE: Limbs = limbs::power_of_two(260, Self::P);
    const ENTER: Limbs = form::<Self>(Self::ONE);
    const MONTGOMERY: bool = true;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        montgomery::<W, Self, TIMES, WIDE>(columns, fold_any::<W, Self>)
    }
}

impl<C: Minus3> Curve for C {
    type Field = Prime<C>;
    type Order = Order<C>;
    const A_IS_MINUS_3: bool = true;
    const B: Limbs = form::<Prime<C>>(<C as Minus3>::B);
    const G: [Limbs; 2] = [form::<Prime<C>>(<C as Minus3>::G[0]), form::<Prime<C>>(<C as Minus3>::G[1])];
    const PARTS: usize = 1;
    const IN_PAIRS: bool = false;
    const BITS: usize = 260;
    const BETA: Limbs = <Prime<C> as Modulus>::ONE;

    #[inline(always)]
    fn square_roots<W: Word52>(squares: &[Element<W, Prime<C>>]) -> Vec<Element<W, Prime<C>>> {
        <C as Minus3>::square_roots(squares)
    }

    #[inline(always)]
    fn split<W: Word52>(scalar: [W; LIMBS]) -> [Part<W>; 2] {
        let part = Part::of_scalar::<Order<C>>(scalar);
        [part; 2]
    }

    #[inline(always)]
    fn tables() -> &'static Tables {
        <C as Minus3>::tables()
    }
}

/// x^(2^32 - 1) of each.
#[inline(always)]
pub(in super::super) fn ones_32<W: Word52, M: Modulus>(x: &[Element<W, M>]) -> Vec<Element<W, M>> {
    let mut ones = x.to_vec();
    for length in [1, 2, 4, 8, 16] {
        ones = chain(&ones, length, &ones);
    }
    ones
}
