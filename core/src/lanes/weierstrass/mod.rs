//! Short Weierstrass curves y² = x³ + ax + b of prime order over lanes: one layer for secp256k1, P-256 and SM2, whose
//! parameters stand in their own folders.
//!
//! - `minus_3`: what P-256 and SM2 share besides.
//! - `limbs`: numbers of five limbs; `field`: elements of a prime field; `scalar`: a scalar's digits.
//! - `point`: points and their sums; `table`: multiples of a point to add from.
//! - `comb`: tables of known points.
//! - `combine`: u * G + v * Q for groups of eight; `verify`: keys, signatures and digests from their columns.

#[cfg(test)]
pub(super) mod adversary;
pub(super) mod comb;
pub(super) mod combine;
pub(super) mod field;
pub(super) mod limbs;
pub(super) mod minus_3;
pub(super) mod point;
#[cfg(test)]
pub(super) mod proof;
pub(super) mod scalar;
pub(super) mod table;
#[cfg(test)]
mod toy;
pub(super) mod verify;

use std::sync::OnceLock;

use super::word::Word52;
use comb::BaseComb;
use field::{Element, Modulus};
use limbs::Limbs;
use point::Affine;
use scalar::Part;
use table::FixedTable;

/// A curve's parameters.
pub(super) trait Curve: Copy + Send + Sync + 'static {
    /// The field of coordinates.
    type Field: Modulus;
    /// The field of scalars.
    type Order: Modulus;
    /// Whether a is -3; else it is 0.
    const A_IS_MINUS_3: bool;
    /// b, in the field's form.
    const B: Limbs;
    /// G's coordinates, in the field's form.
    const G: [Limbs; 2];
    /// How many parts a scalar is split into: 1, or 2 where the curve has an endomorphism.
    const PARTS: usize;
    /// Whether groups go down their doublings in pairs. That hides the time a product takes, and costs twice the code in a
    /// core's cache of decoded instructions: measured, it pays with secp256k1's shorter reduction alone.
    const IN_PAIRS: bool;
    /// Bits of a part, a multiple of both widths of windows: digits start at each multiple.
    const BITS: usize;
    /// What the endomorphism multiplies x by, in the field's form; one where there is none.
    const BETA: Limbs;

    /// A square root of each that has one: x^((p + 1) / 4).
    fn square_roots<W: Word52>(squares: &[Element<W, Self::Field>]) -> Vec<Element<W, Self::Field>>;

    /// A scalar below the order as odd parts k, the scalar being their sum with the endomorphism's eigenvalue times the
    /// second: `PARTS` of the two count.
    fn split<W: Word52>(scalar: [W; limbs::LIMBS]) -> [Part<W>; 2];

    /// Where the multiples of G stand.
    fn tables() -> &'static Tables;

    /// The multiples of G, computed once.
    #[inline(always)]
    fn fixed_table<W: Word52>() -> &'static FixedTable {
        FixedTable::get::<W, Self>(&Self::tables().fixed)
    }

    /// The multiples of G and its doubles, computed once.
    #[inline(always)]
    fn base_comb<W: Word52>() -> &'static BaseComb {
        BaseComb::get::<W, Self>(&Self::tables().comb)
    }

    /// Keys from their columns, the base point for those that are refused, and the lanes that are.
    #[inline(always)]
    fn keys<W: Word52>(groups: &[[(u8, &[u8]); 8]]) -> Vec<(Affine<W, Self>, u8)> {
        verify::keys(groups)
    }
}

/// A curve's tables of its base point, computed by whoever asks first.
pub(super) struct Tables {
    fixed: OnceLock<FixedTable>,
    comb: OnceLock<BaseComb>,
}

impl Tables {
    /// Not computed yet.
    pub(super) const fn new() -> Self {
        Self { fixed: OnceLock::new(), comb: OnceLock::new() }
    }
}
