//! Proof of work: block headers against nBits, miners' shares against a difficulty.

use crate::hash::sha256d;

/// A 256-bit number, big-endian.
type U256 = [u8; 32];

/// Why a header's work is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// nBits has its sign bit set (Core `arith_uint256::SetCompact`, `pfNegative`).
    #[error("nBits says a negative target")]
    Negative,
    /// nBits says zero.
    #[error("nBits says the target zero")]
    Zero,
    /// nBits says more than 256 bits.
    #[error("nBits says a target of more than 256 bits")]
    Overflow,
    /// The target is easier than the network allows.
    #[error("the target is easier than the network's limit")]
    AboveLimit,
    /// The hash is above the target.
    #[error("the header's hash is above its target")]
    Insufficient,
}

/// A header's hash as it is displayed and compared: most significant byte first.
#[must_use]
pub fn header_hash(header: &[u8; 80]) -> U256 {
    let mut hash = sha256d(header);
    hash.reverse();
    hash
}

/// The target that nBits says (Core `arith_uint256::SetCompact` and its three refusals in `CheckProofOfWork`).
///
/// # Errors
/// [`WorkError::Negative`], [`WorkError::Zero`] or [`WorkError::Overflow`].
pub fn target(bits: u32) -> Result<U256, WorkError> {
    let size = (bits >> 24) as usize;
    let word = bits & 0x007f_ffff;
    let mantissa = if size <= 3 { word >> (8 * (3 - size)) } else { word };
    if mantissa != 0 && bits & 0x0080_0000 != 0 {
        return Err(WorkError::Negative);
    }
    if mantissa == 0 {
        return Err(WorkError::Zero);
    }
    // The mantissa's lowest byte stands at place size - 3, counted from the least significant.
    let shift = size.saturating_sub(3);
    let mut target = [0; 32];
    for (place, byte) in mantissa.to_le_bytes().into_iter().enumerate() {
        if byte == 0 {
            continue;
        }
        let at = 31_usize.checked_sub(place + shift).ok_or(WorkError::Overflow)?;
        target[at] = byte;
    }
    Ok(target)
}

/// Checks a header against its own nBits and the network's easiest target; gives the hash in display order.
/// Whether nBits is what the chain's retargeting asks for at that height is for who holds the chain to say.
///
/// # Errors
/// Why the work is refused.
pub fn check_header(header: &[u8; 80], limit_bits: u32) -> Result<U256, WorkError> {
    let bits = u32::from_le_bytes(header[72..76].try_into().expect("four bytes"));
    let target = target(bits)?;
    // The limits' low bytes are all ones, and a compact target's are zeros: comparing with the compact limit refuses the
    // same targets.
    if target > self::target(limit_bits)? {
        return Err(WorkError::AboveLimit);
    }
    let hash = header_hash(header);
    if hash > target { Err(WorkError::Insufficient) } else { Ok(hash) }
}

/// The highest value of a hash's top 64 bits that is a share of this difficulty, at least 1: the top word of difficulty 1's
/// target, `0xffff0000`, over the difficulty (cgminer `set_target`'s upper half).
#[must_use]
pub fn share_limit(difficulty: u64) -> u64 {
    // Difficulty 1's target is ffff << 208; its top 64 bits are 0x0000_0000_ffff_0000.
    0xffff_0000 / difficulty.max(1)
}

/// Whether a header's hash is a share of this difficulty: its top 64 bits are at most `0xffff0000 / difficulty`.
#[must_use]
pub fn is_share(header: &[u8; 80], difficulty: u64) -> bool {
    let hash = header_hash(header);
    let top = u64::from_be_bytes(hash[..8].try_into().expect("eight bytes"));
    top <= share_limit(difficulty)
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

    /// Core `src/test/arith_uint256_tests.cpp`, `bignum_SetCompact`.
    #[test]
    fn compact_targets_as_core_reads_them() {
        let low = |bits| target(bits).map(|t| u64::from_be_bytes(t[24..].try_into().expect("eight")));
        for zero in [0, 0x0012_3456, 0x0100_3456, 0x0200_0056, 0x0300_0000, 0x0400_0000, 0x0092_3456, 0x0180_3456] {
            assert_eq!(target(zero), Err(WorkError::Zero), "{zero:08x}");
        }
        assert_eq!(target(0x01fe_dcba), Err(WorkError::Negative));
        assert_eq!(low(0x0112_3456), Ok(0x12));
        assert_eq!(low(0x0212_3456), Ok(0x1234));
        assert_eq!(low(0x0312_3456), Ok(0x12_3456));
        assert_eq!(low(0x0412_3456), Ok(0x1234_5600));
        assert_eq!(low(0x0500_9234), Ok(0x9234_0000));
        assert_eq!(target(0x04923456), Err(WorkError::Negative));
        assert_eq!(hex::encode(&target(0x2012_3456).expect("in range")[..4]), "12345600");
        assert_eq!(target(0xff12_3456), Err(WorkError::Overflow));
        assert!(target(0x2100_ffff).is_ok(), "33 bytes, the highest zero");
        assert_eq!(target(0x2101_0000), Err(WorkError::Overflow));
        assert_eq!(target(0x2200_00ff).map(|t| t[0]), Ok(0xff));
        assert_eq!(target(0x2300_0001), Err(WorkError::Overflow));
    }

    #[test]
    fn an_easier_target_than_the_limit_is_refused() {
        let mut easy = header(GENESIS);
        easy[72..76].copy_from_slice(&0x207f_ffff_u32.to_le_bytes());
        assert_eq!(check_header(&easy, 0x1d00_ffff), Err(WorkError::AboveLimit));
    }
}
