//! ECDSA over P-256, by AWS-LC.

use assay_scheme::Reason;
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

use super::job::{Job, signed_digest};
use super::sec1::{Order, Sec1, hex32};

/// SP 800-186, section 3.2.1.3.
const ORDER: Order = Order {
    n: hex32("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    half: hex32("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"),
};

/// FIPS 186-5, section 6.4.2, over a digest of exactly 32 bytes. The name of the digest the library is told is not used:
/// it only sees 32 bytes.
pub(super) fn ecdsa(job: Job<'_>, low_s: bool) {
    let (columns, parameters) = (job.columns, job.parameters);
    job.each_verdict(|item, form| {
        // Length and tag are checked first: the library would also take a SubjectPublicKeyInfo.
        let key = Sec1::read(form, columns.key(item))?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_slice()).map_err(|_| Reason::Key)?;
        let signature = columns.signature(item);
        ORDER.check(signature, low_s)?;
        let digest = signed_digest(parameters, columns.message(item))?;
        let digest = Digest::import_less_safe(&digest, &SHA256).map_err(|_| Reason::Message)?;
        key.verify_digest_sig(&digest, signature).map_err(|_| Reason::Equation)
    });
}
