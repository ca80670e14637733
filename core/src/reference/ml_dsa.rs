//! ML-DSA-65 (FIPS 204), by RustCrypto's ml-dsa.

use assay_scheme::Reason;
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa65, Signature, VerifyingKey};

use super::job::{Job, fixed};

/// FIPS 204, algorithm 3, with the batch's context. Every key of the right length is one: t1 has no coefficient out of
/// range.
pub(super) fn verify(job: Job<'_>) {
    let columns = job.columns;
    let context = job.parameters.context.as_deref().unwrap_or_default();
    job.each_verdict(|item, _| {
        let key: EncodedVerifyingKey<MlDsa65> = (*fixed(columns.key(item))).into();
        let signature: EncodedSignature<MlDsa65> = (*fixed(columns.signature(item))).into();
        // Refused here: a hint that sigDecode does not take (algorithm 21), and a z that is not short (algorithm 8,
        // line 13, which needs neither key nor message).
        let signature = Signature::<MlDsa65>::decode(&signature).ok_or(Reason::Signature)?;
        let key = VerifyingKey::<MlDsa65>::decode(&key);
        if key.verify_with_context(columns.message(item), context, &signature) { Ok(()) } else { Err(Reason::Equation) }
    });
}
