//! P-256 (SP 800-186, section 3.2.1.3) over lanes: ECDSA.

mod field;
mod point;
mod verify;

pub(super) use point::P256;
pub(super) use verify::{ecdsa, ecdsa_low_s};
