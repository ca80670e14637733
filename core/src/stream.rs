//! Bytes of any length to a digest, piece by piece: for what is too large to be an item.
//!
//! A request is bounded; a file is not. The same libraries as the reference backend's compute here, so a digest is
//! the same either way.

use assay_scheme::Row;
use blake2::Blake2b256;
use ripemd::Ripemd160;
use sha2::{Digest, Sha256, Sha512};
use sha3::{Keccak256, Sha3_256};
use sm3::Sm3;

/// A digest under way.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha256d(Sha256),
    Sha512(Sha512),
    Sha3_256(Sha3_256),
    Keccak256(Keccak256),
    Blake3(Box<blake3::Hasher>),
    Blake2b256(Blake2b256),
    Sm3(Sm3),
    Ripemd160(Ripemd160),
    Hash160(Sha256),
}

impl Hasher {
    /// A digest of nothing yet; `None` for a row that is not a digest.
    #[must_use]
    pub fn new(row: Row) -> Option<Self> {
        Some(Self(match row {
            Row::Sha256 => State::Sha256(Sha256::new()),
            Row::Sha256d => State::Sha256d(Sha256::new()),
            Row::Sha512 => State::Sha512(Sha512::new()),
            Row::Sha3_256 => State::Sha3_256(Sha3_256::new()),
            Row::Keccak256 => State::Keccak256(Keccak256::new()),
            Row::Blake3 => State::Blake3(Box::default()),
            Row::Blake2b256 => State::Blake2b256(Blake2b256::new()),
            Row::Sm3 => State::Sm3(Sm3::new()),
            Row::Ripemd160 => State::Ripemd160(Ripemd160::new()),
            Row::Hash160 => State::Hash160(Sha256::new()),
            _ => return None,
        }))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) | State::Sha256d(state) | State::Hash160(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Sha3_256(state) => state.update(bytes),
            State::Keccak256(state) => state.update(bytes),
            State::Blake3(state) => drop(state.update(bytes)),
            State::Blake2b256(state) => state.update(bytes),
            State::Sm3(state) => state.update(bytes),
            State::Ripemd160(state) => state.update(bytes),
        }
    }

    /// The digest, as many bytes as its row's values have.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha256d(state) => Sha256::digest(state.finalize()).to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
            State::Sha3_256(state) => state.finalize().to_vec(),
            State::Keccak256(state) => state.finalize().to_vec(),
            State::Blake3(state) => state.finalize().as_bytes().to_vec(),
            State::Blake2b256(state) => state.finalize().to_vec(),
            State::Sm3(state) => state.finalize().to_vec(),
            State::Ripemd160(state) => state.finalize().to_vec(),
            State::Hash160(state) => Ripemd160::digest(state.finalize()).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::Kind;

    /// The digests of "abc": FIPS 180-4 and 202, the Keccak, BLAKE3, RFC 7693, GB/T 32905-2016 and RIPEMD-160
    /// documents.
    const ABC: [(Row, &str); 10] = [
        (Row::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (Row::Sha256d, "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358"),
        (
            Row::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Row::Sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (Row::Keccak256, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (Row::Blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        (Row::Blake2b256, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
        (Row::Sm3, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (Row::Ripemd160, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (Row::Hash160, "bb1be98c142444d7a56aa3981c3942a978e4dc33"),
    ];

    #[test]
    fn pieces_make_the_whole() {
        for (row, expected) in ABC {
            for cut in 0..=3 {
                let mut hasher = Hasher::new(row).expect("a digest");
                hasher.update(&b"abc"[..cut]);
                hasher.update(&b"abc"[cut..]);
                assert_eq!(hex::encode(hasher.finish()), expected, "{} cut at {cut}", row.name());
            }
        }
    }

    #[test]
    fn digest_rows_and_no_others_can_be_streamed() {
        for row in Row::ALL {
            assert_eq!(Hasher::new(row).is_some(), row.operation().kind == Kind::Digest, "{}", row.name());
        }
    }
}
