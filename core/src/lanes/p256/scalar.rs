//! The field of scalars.

use super::super::weierstrass::field::{Modulus, fold_any, form, montgomery};
use super::super::weierstrass::limbs::{self, LIMBS, Limbs};
use super::super::word::Word52;

/// The group's order.
#[derive(Clone, Copy)]
pub(in super::super) struct N;

impl Modulus for N {
    const P: Limbs = limbs::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const ONE: Limbs = limbs::power_of_two(260, Self::P);
    const ENTER: Limbs = form::<Self>(Self::ONE);
    const MONTGOMERY: bool = true;

    #[inline(always)]
    fn reduce<W: Word52, const TIMES: u32, const WIDE: bool>(columns: [W; 2 * LIMBS]) -> [W; LIMBS] {
        montgomery::<W, Self, TIMES, WIDE>(columns, fold_any::<W, Self>)
    }
}
