//! Proof of work: the rules of [`crate::pow`] over the double SHA-256 of each header.

use assay_scheme::Reason;
use assay_scheme::pow::HEADER_BYTES;

use super::digest;
use super::job::{Job, fixed};
use crate::pow;

/// Headers against their own nBits. The hash is the value.
pub(super) fn bitcoin_header(job: Job<'_>) {
    let columns = job.columns;
    job.each_value(|item| {
        let (header, hash) = hashed(columns.message(item))?;
        pow::header(fixed(columns.key(item)), header, &hash)?;
        Ok(hash)
    });
}

/// Headers against a share's difficulty. The hash is the value.
pub(super) fn bitcoin_share(job: Job<'_>) {
    let columns = job.columns;
    job.each_value(|item| {
        let difficulty: [u8; 8] = *fixed(columns.key(item));
        if difficulty == [0; 8] {
            return Err(Reason::Key);
        }
        let (_, hash) = hashed(columns.message(item))?;
        pow::share(difficulty, &hash)?;
        Ok(hash)
    });
}

fn hashed(message: &[u8]) -> Result<(&[u8; HEADER_BYTES], [u8; 32]), Reason> {
    let header = message.try_into().map_err(|_| Reason::Message)?;
    Ok((header, digest::sha256d(message)))
}
