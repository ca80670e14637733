//! The few hashes that parsing itself needs: what a signature covers and what a tree is built of.

use assay_scheme::Hash;
use blake2::Blake2b;
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};
use sha3::{Keccak256, Sha3_256};
use sm3::Sm3;

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 twice (Bitcoin).
#[must_use]
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

/// RIPEMD-160 of SHA-256 (Bitcoin).
#[must_use]
pub fn hash160(bytes: &[u8]) -> [u8; 20] {
    Ripemd160::digest(sha256(bytes)).into()
}

/// Keccak-256 with the padding from before FIPS 202 (Ethereum).
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// BLAKE2b with 32 bytes of output, unkeyed (RFC 7693; VeChain).
#[must_use]
pub fn blake2b256(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<sha2::digest::consts::U32>::digest(bytes).into()
}

/// SHA3-256 (FIPS 202).
#[must_use]
pub fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

/// SM3 (GB/T 32905-2016).
#[must_use]
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

/// A message hash by its name in a batch's parameters.
#[must_use]
pub fn named(hash: Hash, bytes: &[u8]) -> [u8; 32] {
    match hash {
        Hash::Sha256 => sha256(bytes),
        Hash::Sha256d => sha256d(bytes),
        Hash::Sha3_256 => sha3_256(bytes),
        Hash::Keccak256 => keccak256(bytes),
        Hash::Blake2b256 => blake2b256(bytes),
        Hash::Sm3 => sm3(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(hex::encode(sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hex::encode(sha256d(b"hello")), "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50");
        assert_eq!(hex::encode(keccak256(b"")), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
        assert_eq!(hex::encode(blake2b256(b"")), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
        assert_eq!(hex::encode(sha3_256(b"")), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
        assert_eq!(hex::encode(sm3(b"abc")), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(hex::encode(hash160(b"hello")), "b6a9c8c230722b7c748331a8b450f05566dc7d0f");
    }
}
