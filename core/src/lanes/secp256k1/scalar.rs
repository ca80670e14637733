//! The field of scalars, and the split of a scalar by the curve's endomorphism (Gallant, Lambert and Vanstone, 2001).

use super::super::weierstrass::field::{Modulus, fold_any, form, montgomery};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs, MASK};
use super::super::weierstrass::scalar::Part;
use super::super::word::Word52;

/// The group's order.
#[derive(Clone, Copy)]
pub(in super::super) struct N;

impl Modulus for N {
    const P: Limbs = limbs::from_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    const ONE: Limbs = limbs::power_of_two(260, Self::P);
    const ENTER: Limbs = form::<Self>(Self::ONE);
    const MONTGOMERY: bool = true;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        montgomery::<W, Self, TIMES, WIDE>(columns, fold_any::<W, Self>)
    }
}

/// Limbs of what is worked out modulo 2^156: numbers below 2^130 with a sign.
const SHORT: usize = 3;

/// The shortest pairs (a, b) with a + b l = 0 mod n, l being the endomorphism's eigenvalue: (A1, -B1) and (A2, A1). A1 and B1
/// are odd, A2 is even.
const A1: Limbs = limbs::from_hex("000000000000000000000000000000003086d221a7d46bcde86c90e49284eb15");
const B1: Limbs = limbs::from_hex("00000000000000000000000000000000e4437ed6010e88286f547fa90abfe4c3");
const A2: Limbs = limbs::from_hex("0000000000000000000000000000000114ca50f7a8e2f3f657c1108d9d44cfd8");
/// 2^384 A1 / n and 2^384 B1 / n, rounded.
const G1: Limbs = limbs::from_hex("3086d221a7d46bcde86c90e49284eb153daa8a1471e8ca7fe893209a45dbb031");
const G2: Limbs = limbs::from_hex("e4437ed6010e88286f547fa90abfe4c4221208ac9df506c61571b4ae8ac47f71");

/// l.
#[cfg(test)]
pub(in super::super) const EIGENVALUE: &str = "5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72";

/// k = k1 + k2 l mod n, both odd and below 2^130 in size.
#[inline(always)]
pub(super) fn split<W: Word52>(k: [W; LIMBS]) -> [Part<W>; 2] {
    W::outlined(
        #[inline(always)]
        || {
            let (c1, c2) = (above_384(k, G1), above_384(k, G2));
            // k1 = k - c1 A1 - c2 A2 and k2 = c1 B1 - c2 A1: whatever c1 and c2 are, k1 + k2 l = k. With those nearest below k1
            // lies in 0..A1 + A2 and k2 in -A1..B1.
            let mut k1 = [k[0], k[1], k[2]];
            let mut k2 = product(c1, B1);
            for (limb, (x, y)) in k1.iter_mut().zip(product(c1, A1).into_iter().zip(product(c2, A2))) {
                *limb = limb.sub(x.add(y));
            }
            for (limb, x) in k2.iter_mut().zip(product(c2, A1)) {
                *limb = limb.sub(x);
            }
            // One pair flips both parities, the other only k2's.
            let one = W::splat(1);
            let even = k1[0].and(one).equal(W::splat(0));
            for i in 0..SHORT {
                k1[i] = k1[i].select(even, k1[i].sub(W::splat(A1[i])));
                k2[i] = k2[i].select(even, k2[i].add(W::splat(B1[i])));
            }
            let even = k2[0].and(one).equal(W::splat(0));
            for i in 0..SHORT {
                k1[i] = k1[i].select(even, k1[i].sub(W::splat(A2[i])));
                k2[i] = k2[i].select(even, k2[i].sub(W::splat(A1[i])));
            }
            [size(k1), size(k2)]
        },
    )
}

/// k g / 2^384, rounded down.
#[inline(always)]
fn above_384<W: Word52>(k: [W; LIMBS], g: Limbs) -> [W; SHORT] {
    let mut c = [W::splat(0); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            c[i + j] = c[i + j].mul_add_low(k[i], W::splat(g[j]));
            c[i + j + 1] = c[i + j + 1].mul_add_high(k[i], W::splat(g[j]));
        }
    }
    let mask = W::splat(MASK);
    for i in 0..2 * LIMBS - 1 {
        c[i + 1] = c[i + 1].add(c[i].shr::<52>());
        c[i] = c[i].and(mask);
    }
    // 384 = 7 * 52 + 20.
    [c[7].shr::<20>().or(c[8].shl::<32>()).and(mask), c[8].shr::<20>().or(c[9].shl::<32>()).and(mask), c[9].shr::<20>()]
}

/// c x modulo 2^156, not carried.
#[inline(always)]
fn product<W: Word52>(c: [W; SHORT], x: Limbs) -> [W; SHORT] {
    let mut columns = [W::splat(0); SHORT];
    for i in 0..SHORT {
        for j in 0..SHORT - i {
            columns[i + j] = columns[i + j].mul_add_low(c[i], W::splat(x[j]));
            if i + j + 1 < SHORT {
                columns[i + j + 1] = columns[i + j + 1].mul_add_high(c[i], W::splat(x[j]));
            }
        }
    }
    columns
}

/// A number modulo 2^156, limbs not carried and of either sign, as its size and sign.
#[inline(always)]
fn size<W: Word52>(k: [W; SHORT]) -> Part<W> {
    let mask = W::splat(MASK);
    let strict = |k: [W; SHORT]| {
        let b = k[1].add(k[0].shr_signed::<52>());
        [k[0].and(mask), b.and(mask), k[2].add(b.shr_signed::<52>()).and(mask)]
    };
    let zero = W::splat(0);
    let k = strict(k);
    let negative = W::splat(MASK >> 1).less(k[2]);
    let minus = strict([zero.sub(k[0]), zero.sub(k[1]), zero.sub(k[2])]);
    let mut number = [zero; LIMBS];
    for i in 0..SHORT {
        number[i] = k[i].select(negative, minus[i]);
    }
    Part { number, negative }
}
