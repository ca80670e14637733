//! The curve's parameters.

use super::super::weierstrass::field::Element;
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::weierstrass::point::Affine;
use super::super::weierstrass::scalar::Part;
use super::super::weierstrass::{self, Curve, Tables};
use super::super::word::Word52;
use super::field::{self, P};
use super::scalar::{self, N};
use super::verify;

/// y² = x³ + 7 (SEC 2 v2, section 2.4.1).
#[derive(Clone, Copy)]
pub(in super::super) struct Secp256k1;

impl Curve for Secp256k1 {
    type Field = P;
    type Order = N;
    const A_IS_MINUS_3: bool = false;
    const B: Limbs = [7, 0, 0, 0, 0];
    const G: [Limbs; 2] = [
        limbs::from_hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        limbs::from_hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
    ];
    const PARTS: usize = 2;
    const IN_PAIRS: bool = true;
    const BITS: usize = 130;
    /// A cube root of one, whose map (x, y) to (beta x, y) multiplies points by l (see `scalar`).
    const BETA: Limbs = limbs::from_hex("7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee");

    #[inline(always)]
    fn square_roots<W: Word52>(squares: &[Element<W, P>]) -> Vec<Element<W, P>> {
        field::square_roots(squares)
    }

    #[inline(always)]
    fn split<W: Word52>(scalar: [W; LIMBS]) -> [Part<W>; 2] {
        scalar::split(scalar)
    }

    #[inline(always)]
    fn tables() -> &'static Tables {
        static TABLES: Tables = Tables::new();
        &TABLES
    }

    #[inline(always)]
    fn keys<W: Word52>(groups: &[[(u8, &[u8]); 8]]) -> Vec<(Affine<W, Self>, u8)> {
        // BIP-340's are 32 bytes; a call's keys are of one row.
        if groups[0][0].1.len() == 32 { verify::x_only_keys(groups) } else { weierstrass::verify::keys(groups) }
    }
}
