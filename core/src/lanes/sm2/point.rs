//! The curve's parameters.

use super::super::weierstrass::Tables;
use super::super::weierstrass::field::Element;
use super::super::weierstrass::limbs::{LIMBS, Limbs, bytes, from_hex, number};
use super::super::weierstrass::minus_3::{Minus3, Prime};
use super::super::word::Word52;
use super::field;

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

impl Minus3 for Sm2 {
    const P: Limbs = from_hex("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");
    const N: Limbs = from_hex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123");
    const B: Limbs = number(PARAMETERS[1]);
    const G: [Limbs; 2] = [number(PARAMETERS[2]), number(PARAMETERS[3])];

    #[inline(always)]
    fn fold<W: Word52>(limbs: [W; LIMBS], top: W) -> [W; LIMBS] {
        field::fold(limbs, top)
    }

    #[inline(always)]
    fn square_roots<W: Word52>(x: &[Element<W, Prime<Self>>]) -> Vec<Element<W, Prime<Self>>> {
        field::square_roots(x)
    }

    #[inline(always)]
    fn tables() -> &'static Tables {
        static TABLES: Tables = Tables::new();
        &TABLES
    }
}
