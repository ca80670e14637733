//! What is special about the prime p = 2^256 - 2^224 - 2^96 + 2^64 - 1; -1/p = 1 mod 2^52.

use super::super::weierstrass::field::{Element, chain};
use super::super::weierstrass::limbs::LIMBS;
use super::super::weierstrass::minus_3::{Prime, ones_32};
use super::super::word::Word52;
use super::Sm2;

/// 2^256 = 2^224 + 2^96 - 2^64 + 1.
#[inline(always)]
pub(super) fn fold<W: Word52>(limbs: [W; LIMBS], top: W) -> [W; LIMBS] {
    [
        limbs[0].add(top),
        limbs[1].add(top.shl::<44>().sub(top.shl::<12>())),
        limbs[2],
        limbs[3],
        limbs[4].add(top.shl::<16>()),
    ]
}

/// (p + 1) / 4 = 2^62 (2^32 - 1) (2^160 - 1).
#[inline(always)]
pub(super) fn square_roots<W: Word52>(x: &[Element<W, Prime<Sm2>>]) -> Vec<Element<W, Prime<Sm2>>> {
    let y = ones_32(x);
    let y2 = chain(&y, 1, &y);
    let y5 = chain(&chain(&y2, 2, &y2), 1, &y);
    let y10 = chain(&y5, 5, &y5);
    let y20 = chain(&y10, 10, &y10);
    let y40 = chain(&y20, 20, &y20);
    let y80 = chain(&y40, 40, &y40);
    chain(&chain(&y80, 80, &y80), 62, &[])
}
