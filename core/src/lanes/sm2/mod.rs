//! The SM2 curve (GB/T 32918.5-2017) over lanes: signatures of GB/T 32918.2-2016.

mod field;
mod point;
mod verify;

pub(super) use point::Sm2;
pub(super) use verify::{with_e, with_za};
