//! Ed25519 under its three rule sets, eight signatures at a time.
#![allow(
    clippy::needless_range_loop,
    reason = "array::map and its like are functions of their own that may be left standing, without the instructions"
)]

#[cfg(test)]
mod adversary;
mod algebra;
mod comb;
mod curve;
mod field;
mod point;
mod scalar;
mod table;
mod verify;

use super::items::Call;
use crate::backend::Output;
pub(super) use comb::KeyTable;
use verify::{Rule, verify};

/// ZIP-215.
pub(super) fn zip215(call: &Call<'_>, out: &mut Output<'_>) {
    verify(call, Rule::Zip215, out);
}

/// SUPERCOP ref10 and Go.
pub(super) fn ref10(call: &Call<'_>, out: &mut Output<'_>) {
    verify(call, Rule::Ref10, out);
}

/// ed25519-dalek's `verify_strict`.
pub(super) fn strict(call: &Call<'_>, out: &mut Output<'_>) {
    verify(call, Rule::Strict, out);
}
