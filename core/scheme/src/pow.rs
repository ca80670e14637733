//! Proof of work as numbers: compact targets, and hashes against a target or a difficulty. Hashing is done elsewhere.

/// A 256-bit number, most significant byte first.
pub type U256 = [u8; 32];

/// Bytes of a Bitcoin block's header.
pub const HEADER_BYTES: usize = 80;

/// Why a header's work is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// nBits has its sign bit set (Core `arith_uint256::SetCompact`, `pfNegative`).
    Negative,
    /// nBits says zero.
    Zero,
    /// nBits says more than 256 bits.
    Overflow,
    /// The target is easier than the network allows.
    AboveLimit,
    /// The hash is above the target.
    Insufficient,
}

impl std::fmt::Display for WorkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Negative => "nBits says a negative target",
            Self::Zero => "nBits says the target zero",
            Self::Overflow => "nBits says a target of more than 256 bits",
            Self::AboveLimit => "the target is easier than the network's limit",
            Self::Insufficient => "the header's hash is above its target",
        })
    }
}

impl std::error::Error for WorkError {}

/// The nBits field of a header.
#[must_use]
pub fn bits_of(header: &[u8; HEADER_BYTES]) -> u32 {
    u32::from_le_bytes([header[72], header[73], header[74], header[75]])
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

/// Whether a hash is work enough for this nBits, and the target one that the network allows: at most `limit`. Whether nBits
/// is what the chain's retargeting asks for at that height is for who holds the chain to say.
///
/// # Errors
/// Why the work is refused.
pub fn check(hash: &U256, bits: u32, limit: &U256) -> Result<(), WorkError> {
    let target = target(bits)?;
    if target > *limit {
        return Err(WorkError::AboveLimit);
    }
    if *hash > target { Err(WorkError::Insufficient) } else { Ok(()) }
}

/// The highest value of a hash's top 64 bits that is a share of this difficulty, at least 1: the top word of difficulty 1's
/// target, `0xffff0000`, over the difficulty (cgminer `set_target`'s upper half).
#[must_use]
pub fn share_limit(difficulty: u64) -> u64 {
    // Difficulty 1's target is ffff << 208; its top 64 bits are 0x0000_0000_ffff_0000.
    0xffff_0000 / difficulty.max(1)
}

/// Whether a hash is a share of this difficulty: its top 64 bits are at most `0xffff0000 / difficulty`.
#[must_use]
pub fn is_share(hash: &U256, difficulty: u64) -> bool {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) <= share_limit(difficulty)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(target(0x2012_3456).expect("in range")[..4], [0x12, 0x34, 0x56, 0]);
        assert_eq!(target(0xff12_3456), Err(WorkError::Overflow));
        assert!(target(0x2100_ffff).is_ok(), "33 bytes, the highest zero");
        assert_eq!(target(0x2101_0000), Err(WorkError::Overflow));
        assert_eq!(target(0x2200_00ff).map(|t| t[0]), Ok(0xff));
        assert_eq!(target(0x2300_0001), Err(WorkError::Overflow));
    }

    #[test]
    fn a_hash_meets_its_target_and_not_one_less() {
        let target = target(0x1d00_ffff).expect("difficulty 1");
        let mut above = target;
        above[31] = 1;
        assert_eq!(check(&target, 0x1d00_ffff, &[0xff; 32]), Ok(()));
        assert_eq!(check(&above, 0x1d00_ffff, &[0xff; 32]), Err(WorkError::Insufficient));
        assert_eq!(check(&target, 0x1d00_ffff, &target), Ok(()));
        assert_eq!(check(&[0; 32], 0x207f_ffff, &target), Err(WorkError::AboveLimit));
        assert_eq!(check(&[0; 32], 0, &target), Err(WorkError::Zero));
    }

    #[test]
    fn shares_are_counted_by_the_top_word() {
        let hash = |top: u64| {
            let mut hash = [0xff; 32];
            hash[..8].copy_from_slice(&top.to_be_bytes());
            hash
        };
        assert!(is_share(&hash(0xffff_0000), 1) && !is_share(&hash(0xffff_0001), 1));
        assert!(is_share(&hash(0xffff_0000 / 3), 3) && !is_share(&hash(0xffff_0000 / 3 + 1), 3));
        assert!(is_share(&hash(0), u64::MAX) && !is_share(&hash(1), u64::MAX));
    }
}
