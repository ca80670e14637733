//! What is special about the prime p = 2^256 - 2^224 + 2^192 + 2^96 - 1; -1/p = 1 mod 2^52.

use super::super::weierstrass::field::{Element, chain};
use super::super::weierstrass::limbs::LIMBS;
use super::super::weierstrass::minus_3::{Prime, ones_32};
use super::super::word::Word52;
use super::P256;

/// 2^256 = 2^224 - 2^192 - 2^96 + 1.
#[inline(always)]
pub(super) fn fold<W: Word52>(limbs: [W; LIMBS], top: W) -> [W; LIMBS] {
    [
        limbs[0].add(top),
        limbs[1].sub(top.shl::<44>()),
        limbs[2],
        limbs[3].sub(top.shl::<36>()),
        limbs[4].add(top.shl::<16>()),
    ]
}

/// (p + 1) / 4 = 2^94 (2^96 (2^32 (2^32 - 1) + 1) + 1).
#[inline(always)]
pub(super) fn square_roots<W: Word52>(x: &[Element<W, Prime<P256>>]) -> Vec<Element<W, Prime<P256>>> {
    let high = chain(&ones_32(x), 32, x);
    chain(&chain(&high, 96, x), 94, &[])
}
