//! The field of p = 2^256 - 2^224 - 2^96 + 2^64 - 1, in Montgomery's form: -1/p = 1 mod 2^52.

use super::super::weierstrass::field::{Element, Modulus, chain, form, montgomery};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::word::Word52;

/// The field's prime.
#[derive(Clone, Copy)]
pub(in super::super) struct P;

impl Modulus for P {
    const P: Limbs = limbs::from_hex("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");
    const ONE: Limbs = limbs::power_of_two(260, Self::P);
    const ENTER: Limbs = form::<Self>(Self::ONE);
    const MONTGOMERY: bool = true;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        montgomery::<W, Self, TIMES, WIDE>(columns, fold)
    }
}

/// Adds what lies above 2^256, at most 2^14, to the limbs, which may go below zero one by one.
#[inline(always)]
fn fold<W: Word52>(limbs: [W; LIMBS], top: W) -> [W; LIMBS] {
    // 2^256 = 2^224 + 2^96 - 2^64 + 1.
    [
        limbs[0].add(top),
        limbs[1].add(top.shl::<44>().sub(top.shl::<12>())),
        limbs[2],
        limbs[3],
        limbs[4].add(top.shl::<16>()),
    ]
}

/// x^(2^32 - 1).
#[inline(always)]
fn ones_32<W: Word52>(x: &[Element<W, P>]) -> Vec<Element<W, P>> {
    let mut ones = x.to_vec();
    for length in [1, 2, 4, 8, 16] {
        ones = chain(&ones, length, &ones);
    }
    ones
}

/// x^((p + 1) / 4): (p + 1) / 4 = 2^62 (2^32 - 1) (2^160 - 1).
#[inline(always)]
pub(super) fn square_roots<W: Word52>(x: &[Element<W, P>]) -> Vec<Element<W, P>> {
    let y = ones_32(x);
    let y2 = chain(&y, 1, &y);
    let y5 = chain(&chain(&y2, 2, &y2), 1, &y);
    let y10 = chain(&y5, 5, &y5);
    let y20 = chain(&y10, 10, &y10);
    let y40 = chain(&y20, 20, &y20);
    let y80 = chain(&y40, 40, &y40);
    chain(&chain(&y80, 80, &y80), 62, &[])
}
