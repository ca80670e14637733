//! Block headers and their hashes to verdicts: the rules of [`assay_scheme::pow`] as the rows of the registry put them.

use assay_scheme::pow::{self, HEADER_BYTES, WorkError};
use assay_scheme::{Reason, Row};

use crate::reference::fixed;

/// A header's hash, as its double SHA-256 gives it, against the header's own nBits; `limit` is the easiest target that the
/// network allows, most significant byte first.
///
/// # Errors
/// [`Reason::Signature`] when nBits is negative, zero, overflowing or easier than the limit; [`Reason::Equation`] when the
/// hash is above the target.
pub fn header(limit: &[u8; 32], header: &[u8; HEADER_BYTES], hash: &[u8; 32]) -> Result<(), Reason> {
    pow::check(&displayed(hash), pow::bits_of(header), limit).map_err(|error| match error {
        WorkError::Negative | WorkError::Zero | WorkError::Overflow | WorkError::AboveLimit => Reason::Signature,
        WorkError::Insufficient => Reason::Equation,
    })
}

/// A header's hash against a share's difficulty (u64, little-endian).
///
/// # Errors
/// [`Reason::Key`] for a difficulty of 0, [`Reason::Equation`] when the hash is no share of it.
pub fn share(difficulty: [u8; 8], hash: &[u8; 32]) -> Result<(), Reason> {
    match u64::from_le_bytes(difficulty) {
        0 => Err(Reason::Key),
        difficulty if pow::is_share(&displayed(hash), difficulty) => Ok(()),
        _ => Err(Reason::Equation),
    }
}

/// An item of a row of headers: `key` says what is asked of the work, and `hash` is asked once for the header's hash. The hash
/// is the item's value.
///
/// # Errors
/// As [`header`] and [`share`]; [`Reason::Message`] for what is no header.
pub(crate) fn item(row: Row, key: &[u8], message: &[u8], hash: impl FnOnce() -> [u8; 32]) -> Result<[u8; 32], Reason> {
    let (is_share, own) = (row == Row::PowBitcoinShare, message.try_into().map_err(|_| Reason::Message));
    if is_share && key == [0; 8] {
        return Err(Reason::Key);
    }
    let (own, hash): (&[u8; HEADER_BYTES], _) = (own?, hash());
    if is_share {
        share(*fixed(key), &hash)?
    } else {
        header(fixed(key), own, &hash)?
    }
    Ok(hash)
}

/// A hash as numbers are compared: most significant byte first.
fn displayed(hash: &[u8; 32]) -> [u8; 32] {
    let mut hash = *hash;
    hash.reverse();
    hash
}
