//! Proof of work: block headers against nBits, miners' shares against a difficulty.

use crate::hash::sha256d;

use assay_scheme::pow::{self, U256};
pub use assay_scheme::pow::{WorkError, share_limit, target};

/// A header's hash as it is displayed and compared: most significant byte first.
#[must_use]
pub fn header_hash(header: &[u8; 80]) -> U256 {
    let mut hash = sha256d(header);
    hash.reverse();
    hash
}

/// Checks a header against its own nBits and the network's easiest target; gives the hash in display order.
/// Whether nBits is what the chain's retargeting asks for at that height is for who holds the chain to say.
///
/// # Errors
/// Why the work is refused.
pub fn check_header(header: &[u8; 80], limit_bits: u32) -> Result<U256, WorkError> {
    let hash = header_hash(header);
    // The limits' low bytes are all ones, and a compact target's are zeros: comparing with the compact limit refuses the
    // same targets.
    pow::check(&hash, pow::bits_of(header), &target(limit_bits)?)?;
    Ok(hash)
}

/// Whether a header's hash is a share of this difficulty: its top 64 bits are at most `0xffff0000 / difficulty`.
#[must_use]
pub fn is_share(header: &[u8; 80], difficulty: u64) -> bool {
    pow::is_share(&header_hash(header), difficulty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> [u8; 80] {
        crate::input::hex_array(text).expect("80 bytes")
    }

    /// Bitcoin's first block.
    const GENESIS: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

    #[test]
    fn the_first_header_has_its_work() {
        let hash = check_header(&header(GENESIS), 0x1d00_ffff).expect("mined in 2009");
        assert_eq!(hex::encode(hash), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
        assert!(is_share(&header(GENESIS), 1));
        // Its hash's top 64 bits are 0x19d6689c, about 2,536 times below difficulty 1.
        assert!(is_share(&header(GENESIS), 0xffff_0000 / 0x0019_d668));
        let mut spoilt = header(GENESIS);
        spoilt[76] ^= 1;
        assert_eq!(check_header(&spoilt, 0x1d00_ffff), Err(WorkError::Insufficient));
        assert!(!is_share(&spoilt, 1));
    }

    #[test]
    fn an_easier_target_than_the_limit_is_refused() {
        let mut easy = header(GENESIS);
        easy[72..76].copy_from_slice(&0x207f_ffff_u32.to_le_bytes());
        assert_eq!(check_header(&easy, 0x1d00_ffff), Err(WorkError::AboveLimit));
    }
}
