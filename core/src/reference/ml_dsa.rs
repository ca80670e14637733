//! ML-DSA-65 (FIPS 204), by the fips204 crate.

use assay_scheme::Reason;
use fips204::ml_dsa_65::PublicKey;
use fips204::traits::{SerDes, Verifier};

use super::job::{Job, fixed};

/// FIPS 204, table 1 (ML-DSA-65): the bytes of c~, polynomials of z, of h, and the most ones in h.
const CHALLENGE_LEN: usize = 48;
const L: usize = 5;
const K: usize = 6;
const OMEGA: usize = 55;
/// gamma_1 and beta = tau * eta.
const GAMMA1: u32 = 1 << 19;
const BETA: u32 = 49 * 4;
/// Coefficients of a polynomial, and bits of one of z's.
const COEFFICIENTS: usize = 256;
const Z_BITS: usize = 20;
const Z_LEN: usize = L * COEFFICIENTS * Z_BITS / 8;
const _: () = assert!(CHALLENGE_LEN + Z_LEN + OMEGA + K == 3_309);

/// FIPS 204, algorithm 3, with the batch's context.
pub(super) fn verify(job: Job<'_>) {
    let columns = job.columns;
    let context = job.parameters.context.as_deref().unwrap_or_default();
    job.each_verdict(|item, _| {
        let key = PublicKey::try_from_bytes(*fixed(columns.key(item))).map_err(|_| Reason::Key)?;
        let signature = fixed(columns.signature(item));
        if key.verify(columns.message(item), signature, context) {
            Ok(())
        } else {
            // The library says no in one word; only then is it asked which check it was.
            Err(if well_formed(signature) { Reason::Equation } else { Reason::Signature })
        }
    });
}

/// Whether sigDecode gives a hint (algorithm 27) and z is short (algorithm 8, line 13): what does not need the key.
fn well_formed(signature: &[u8; 3_309]) -> bool {
    let (z, hint) = signature[CHALLENGE_LEN..].split_at(Z_LEN);
    hint_decodes(hint) && z.chunks_exact(5).all(z_pair_is_short)
}

/// Two coefficients of z, 20 bits each, little-endian, stored as gamma_1 - z: both |z| < gamma_1 - beta.
fn z_pair_is_short(bytes: &[u8]) -> bool {
    let low = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2] & 15) << 16;
    let high = u32::from(bytes[2] >> 4) | u32::from(bytes[3]) << 4 | u32::from(bytes[4]) << 12;
    [low, high].into_iter().all(|stored| GAMMA1.abs_diff(stored) < GAMMA1 - BETA)
}

/// HintBitUnpack (algorithm 21): positions ascend within each polynomial, counts do not descend, and what is left over
/// is zero.
fn hint_decodes(hint: &[u8]) -> bool {
    let (positions, ends) = hint.split_at(OMEGA);
    let mut start = 0;
    for end in ends {
        let end = usize::from(*end);
        if end < start || end > OMEGA || !positions[start..end].is_sorted_by(|a, b| a < b) {
            return false;
        }
        start = end;
    }
    positions[start..].iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_have_one_encoding() {
        let mut hint = [0; OMEGA + K];
        assert!(hint_decodes(&hint), "no ones at all");
        hint[..3].copy_from_slice(&[1, 5, 2]);
        hint[OMEGA..].copy_from_slice(&[2, 2, 3, 3, 3, 3]);
        assert!(hint_decodes(&hint));
        let spoilt = |at: usize, byte: u8| {
            let mut spoilt = hint;
            spoilt[at] = byte;
            !hint_decodes(&spoilt)
        };
        assert!(spoilt(1, 1), "a position twice");
        assert!(spoilt(0, 9), "positions descend");
        assert!(spoilt(OMEGA + 1, 1), "counts descend");
        assert!(spoilt(OMEGA + K - 1, 56), "more ones than omega");
        assert!(spoilt(OMEGA - 1, 1), "left over");
    }

    #[test]
    fn z_is_short_to_the_coefficient() {
        let pair = |low: u32, high: u32| {
            let both = u64::from(low) | u64::from(high) << 20;
            z_pair_is_short(&both.to_le_bytes()[..5])
        };
        let (least, most) = (BETA + 1, 2 * GAMMA1 - BETA - 1);
        assert!(pair(least, most) && pair(most, least) && pair(GAMMA1, GAMMA1));
        assert!(!pair(least - 1, GAMMA1) && !pair(GAMMA1, least - 1));
        assert!(!pair(most + 1, GAMMA1) && !pair(GAMMA1, most + 1));
    }
}
