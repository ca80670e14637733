//! The hash functions: RustCrypto's for all but BLAKE3, which comes from its authors.

use assay_scheme::Hash;
use blake2::digest::consts::U32;
use sha2::{Digest, Sha256, Sha512};

/// The named hash of these bytes.
#[must_use]
pub fn hash(hash: Hash, bytes: &[u8]) -> [u8; 32] {
    match hash {
        Hash::Sha256 => sha256(bytes),
        Hash::Sha256d => sha256d(bytes),
        Hash::Sha3_256 => sha3_256(bytes),
        Hash::Keccak256 => keccak256(bytes),
        Hash::Blake2b256 => blake2b_256(bytes),
        Hash::Sm3 => sm3(bytes),
    }
}

/// FIPS 180-4.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of SHA-256.
pub(super) fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

/// FIPS 180-4.
pub(super) fn sha512(bytes: &[u8]) -> [u8; 64] {
    Sha512::digest(bytes).into()
}

/// FIPS 202.
pub(super) fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    sha3::Sha3_256::digest(bytes).into()
}

/// Keccak as submitted, without the domain suffix that FIPS 202 added.
pub(super) fn keccak256(bytes: &[u8]) -> [u8; 32] {
    sha3::Keccak256::digest(bytes).into()
}

/// BLAKE3's hash mode, 32 bytes of output.
pub(super) fn blake3(bytes: &[u8]) -> [u8; 32] {
    ::blake3::hash(bytes).into()
}

/// RFC 7693 with nn = 32: not a prefix of the 64-byte digest, the length is part of the parameter block.
pub(super) fn blake2b_256(bytes: &[u8]) -> [u8; 32] {
    blake2::Blake2b::<U32>::digest(bytes).into()
}

/// GB/T 32905-2016.
pub(super) fn sm3(bytes: &[u8]) -> [u8; 32] {
    ::sm3::Sm3::digest(bytes).into()
}

/// ISO/IEC 10118-3.
pub(super) fn ripemd160(bytes: &[u8]) -> [u8; 20] {
    ripemd::Ripemd160::digest(bytes).into()
}

/// RIPEMD-160 of SHA-256.
pub(super) fn hash160(bytes: &[u8]) -> [u8; 20] {
    ripemd160(&sha256(bytes))
}
