//! Every row's rule set against the published vectors, on every backend of this build.
//!
//! One binary, so that a vector of [`vectors`] that no test here reads is dead code and fails the build.
#![deny(dead_code)]

mod bls;
mod crafted;
mod demo;
mod digest;
mod ecdsa;
mod ed25519;
mod harness;
mod merkle;
mod ml_dsa;
mod p256;
mod proofs;
mod properties;
mod recover;
mod rsa;
mod schnorr;
mod sm2;
mod vectors;
mod wycheproof;
