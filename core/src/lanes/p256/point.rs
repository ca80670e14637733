//! The curve's parameters.

use std::sync::OnceLock;

use super::super::weierstrass::Curve;
use super::super::weierstrass::comb::BaseComb;
use super::super::weierstrass::field::{Element, Modulus, form};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::weierstrass::scalar::Part;
use super::super::weierstrass::table::FixedTable;
use super::super::word::Word52;
use super::field::{self, P};
use super::scalar::N;

/// y² = x³ - 3x + b (SP 800-186, section 3.2.1.3).
#[derive(Clone, Copy)]
pub(in super::super) struct P256;

impl Curve for P256 {
    type Field = P;
    type Order = N;
    const A_IS_MINUS_3: bool = true;
    const B: Limbs = form::<P>(limbs::from_hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"));
    const G: [Limbs; 2] = [
        form::<P>(limbs::from_hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")),
        form::<P>(limbs::from_hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")),
    ];
    const PARTS: usize = 1;
    const IN_PAIRS: bool = false;
    const BITS: usize = 260;
    const BETA: Limbs = P::ONE;

    #[inline(always)]
    fn square_roots<W: Word52>(squares: &[Element<W, P>]) -> Vec<Element<W, P>> {
        field::square_roots(squares)
    }

    #[inline(always)]
    fn split<W: Word52>(scalar: [W; LIMBS]) -> [Part<W>; 2] {
        let part = Part::of_scalar::<N>(scalar);
        [part; 2]
    }

    #[inline(always)]
    fn fixed_table<W: Word52>() -> &'static FixedTable {
        static TABLE: OnceLock<FixedTable> = OnceLock::new();
        FixedTable::get::<W, Self>(&TABLE)
    }

    #[inline(always)]
    fn base_comb<W: Word52>() -> &'static BaseComb {
        static COMB: OnceLock<BaseComb> = OnceLock::new();
        BaseComb::get::<W, Self>(&COMB)
    }
}
