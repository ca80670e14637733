//! Proof of work: the rules of [`crate::pow`] over the double SHA-256 of each header.

use assay_scheme::Row;

use super::digest;
use super::job::Job;
use crate::pow;

/// Headers against what their row asks of them. The hash is the value.
pub(super) fn headers(row: Row, job: Job<'_>) {
    let columns = job.columns;
    job.each_value(|item| {
        let message = columns.message(item);
        pow::item(row, columns.key(item), message, || digest::sha256d(message))
    });
}
