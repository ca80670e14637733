//! The field of p = 2^256 - 2^32 - 977: what lies above 2^260, and then above 2^256, is folded back.

use super::super::weierstrass::field::{Element, Modulus, chain, scale};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs, MASK};
use super::super::word::Word52;

/// The field's prime.
#[derive(Clone, Copy)]
pub(in super::super) struct P;

/// 2^256 mod p.
const FOLD: u64 = (1 << 32) + 977;

impl Modulus for P {
    const P: Limbs = limbs::from_hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");
    const ONE: Limbs = [1, 0, 0, 0, 0];
    const ENTER: Limbs = Self::ONE;
    const MONTGOMERY: bool = false;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(mut c: [W; 2 * LIMBS]) -> [W; LIMBS] {
        // The upper half: its products below read 52 bits of each limb, so what was carried need not be taken off. Products
        // of numbers below 2^259, two at most, leave the last limb below 2^52.
        for i in LIMBS..2 * LIMBS - 1 {
            c[i + 1] = c[i + 1].add(c[i].shr::<52>());
        }
        let fold = W::splat(FOLD << 4);
        let mut low = [c[0], c[1], c[2], c[3], c[4], W::splat(0)];
        for i in 0..LIMBS {
            low[i] = low[i].mul_add_low(c[LIMBS + i], fold);
            low[i + 1] = low[i + 1].mul_add_high(c[LIMBS + i], fold);
        }
        if TIMES != 1 {
            for limb in &mut low {
                *limb = scale::<W, TIMES>(*limb);
            }
        }
        // What lies above 2^256, below 2^43: the last limb keeps 48 bits, so that it holds the carries to come.
        let fold = W::splat(FOLD);
        let top = low[4].shr::<48>().add(low[5].shl::<4>());
        let limbs = [
            low[0].mul_add_low(top, fold),
            low[1].mul_add_high(top, fold),
            low[2],
            low[3],
            low[4].and(W::splat(MASK >> 4)),
        ];
        limbs::carry(limbs)
    }
}

/// x^((p + 1) / 4): (p + 1) / 4 in binary is 223 ones, a zero, 22 ones, four zeros, two ones, two zeros.
#[inline(always)]
pub(super) fn square_roots<W: Word52>(x: &[Element<W, P>]) -> Vec<Element<W, P>> {
    let x2 = chain(x, 1, x);
    let x3 = chain(&x2, 1, x);
    let x6 = chain(&x3, 3, &x3);
    let x9 = chain(&x6, 3, &x3);
    let x11 = chain(&x9, 2, &x2);
    let x22 = chain(&x11, 11, &x11);
    let x44 = chain(&x22, 22, &x22);
    let x88 = chain(&x44, 44, &x44);
    let x176 = chain(&x88, 88, &x88);
    let x220 = chain(&x176, 44, &x44);
    let x223 = chain(&x220, 3, &x3);
    let most = chain(&x223, 23, &x22);
    chain(&chain(&most, 6, &x2), 2, &[])
}
