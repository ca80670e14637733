//! The curve's parameters.

use std::sync::OnceLock;

use super::super::weierstrass::Curve;
use super::super::weierstrass::comb::BaseComb;
use super::super::weierstrass::field::{Element, Modulus, form};
use super::super::weierstrass::limbs::{LIMBS, Limbs, bytes, number};
use super::super::weierstrass::scalar::Part;
use super::super::weierstrass::table::FixedTable;
use super::super::word::Word52;
use super::field::{self, P};
use super::scalar::N;

/// a, b and the base point's coordinates, as Z_A takes them.
pub(super) const PARAMETERS: [[u8; 32]; 4] = [
    bytes("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
    bytes("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
    bytes("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
    bytes("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
];

/// y² = x³ - 3x + b (GB/T 32918.5-2017).
#[derive(Clone, Copy)]
pub(in super::super) struct Sm2;

impl Curve for Sm2 {
    type Field = P;
    type Order = N;
    const A_IS_MINUS_3: bool = true;
    const B: Limbs = form::<P>(number(PARAMETERS[1]));
    const G: [Limbs; 2] = [form::<P>(number(PARAMETERS[2])), form::<P>(number(PARAMETERS[3]))];
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
