//! secp256k1 (SEC 2 v2, section 2.4.1) over lanes: ECDSA, recovery and BIP-340.

mod field;
#[cfg(test)]
mod odd;
mod point;
mod scalar;
mod verify;

pub(super) use point::Secp256k1;
#[cfg(test)]
pub(super) use scalar::EIGENVALUE;
pub(super) use verify::{ecdsa, ecdsa_low_s, recover, recover_low_s, schnorr};
