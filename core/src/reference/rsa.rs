//! RSASSA-PKCS1-v1_5 with SHA-256 over 2,048-bit keys, by AWS-LC.

use assay_scheme::Reason;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;

use super::job::Job;

/// Bytes of the modulus; the exponent's 8 bytes follow.
const MODULUS_LEN: usize = 256;

/// Bits of the largest exponent taken: AWS-LC's limit, which keeps a key from making its verification dear.
const EXPONENT_BITS_MAX: u32 = 33;

/// RFC 8017, section 8.2.2. The column holds modulus and exponent, so no encoding is left to be read two ways.
pub(super) fn pkcs1_sha256(job: Job<'_>) {
    let columns = job.columns;
    job.each_verdict(|item, _| {
        let (modulus, exponent) = read_key(columns.key(item))?;
        let signature = columns.signature(item);
        // RSAVP1, step 1: the representative is below the modulus.
        if signature >= modulus {
            return Err(Reason::Signature);
        }
        PublicKeyComponents { n: modulus, e: exponent }
            .verify(&RSA_PKCS1_2048_8192_SHA256, columns.message(item), signature)
            .map_err(|_| Reason::Equation)
    });
}

/// An odd modulus of exactly 2,048 bits and an odd exponent of 3 to 2^33 - 1, without leading zeros.
fn read_key(key: &[u8]) -> Result<(&[u8], &[u8]), Reason> {
    let (modulus, exponent) = key.split_at(MODULUS_LEN);
    let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let modulus_fits = modulus[0] & 0x80 != 0 && modulus[MODULUS_LEN - 1] & 1 == 1;
    let exponent_fits = value & 1 == 1 && value >= 3 && u64::BITS - value.leading_zeros() <= EXPONENT_BITS_MAX;
    if modulus_fits && exponent_fits {
        Ok((modulus, &exponent[value.leading_zeros() as usize / 8..]))
    } else {
        Err(Reason::Key)
    }
}
