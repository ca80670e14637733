//! The curve's parameters.

use super::super::weierstrass::Tables;
use super::super::weierstrass::field::Element;
use super::super::weierstrass::limbs::{LIMBS, Limbs, from_hex};
use super::super::weierstrass::minus_3::{Minus3, Prime};
use super::super::word::Word52;
use super::field;

/// y² = x³ - 3x + b (SP 800-186, section 3.2.1.3).
#[derive(Clone, Copy)]
pub(in super::super) struct P256;

impl Minus3 for P256 {
    const P: Limbs = from_hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    const N: Limbs = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const B: Limbs = from_hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
    const G: [Limbs; 2] = [
        from_hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        from_hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    ];

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
