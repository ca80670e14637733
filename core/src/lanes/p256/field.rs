//! The field of p = 2^256 - 2^224 + 2^192 + 2^96 - 1, in Montgomery's form: -1/p = 1 mod 2^52.

use super::super::weierstrass::field::{Element, Modulus, chain, form, montgomery};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::word::Word52;

/// The field's prime.
#[derive(Clone, Copy)]
pub(in super::super) struct P;

impl Modulus for P {
    const P: Limbs = limbs::from_hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
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
    // 2^256 = 2^224 - 2^192 - 2^96 + 1.
    [
        limbs[0].add(top),
        limbs[1].sub(top.shl::<44>()),
        limbs[2],
        limbs[3].sub(top.shl::<36>()),
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

/// x^((p + 1) / 4): (p + 1) / 4 = 2^94 (2^96 (2^32 (2^32 - 1) + 1) + 1).
#[inline(always)]
pub(super) fn square_roots<W: Word52>(x: &[Element<W, P>]) -> Vec<Element<W, P>> {
    let high = chain(&ones_32(x), 32, x);
    chain(&chain(&high, 96, x), 94, &[])
}
