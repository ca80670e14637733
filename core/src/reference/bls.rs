//! BLS12-381 with keys in G1 and proofs of possession (draft-irtf-cfrg-bls-signature-05), by blst.
//!
//! Every key is validated (section 2.5: not infinity, in the subgroup), also each key of an aggregate, and so is the
//! signature's subgroup. The library's multi-threaded calls are not used: a pairing runs on the thread it was asked on.

use std::any::Any;

use assay_scheme::{Columns, Reason};
use blst::min_pk::{AggregatePublicKey, PublicKey, Signature};
use blst::{BLST_ERROR, Pairing, blst_p1_affine, blst_p2_affine};

use super::job::Job;

/// The suite's domain separation tag (section 4.2.3).
const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// CoreVerify (section 2.7).
pub(super) fn single(job: Job<'_>) {
    let columns = job.columns;
    let mut verifier = Verifier::new();
    job.each_verdict(|item, _| {
        let key = read_key(columns.key(item))?;
        let signature = read_signature(columns.signature(item))?;
        verifier.verify([(&key, columns.message(item))], &signature)
    });
}

/// CoreAggregateVerify (section 2.9): n >= 1 keys, as many messages. Messages may repeat: proofs of possession are what
/// keeps rogue keys out (section 3.3).
pub(super) fn aggregate(job: Job<'_>) {
    let columns = job.columns;
    let mut verifier = Verifier::new();
    let mut keys = Vec::new();
    job.each_verdict(|item, _| {
        read_keys(columns, item, &mut keys)?;
        let signature = read_signature(columns.signature(item))?;
        let messages = columns.entries(item).map(|entry| columns.entry_message(entry));
        verifier.verify(keys.iter().zip(messages), &signature)
    });
}

/// FastAggregateVerify (section 3.3.4): n >= 1 keys, one message. Keys that add up to infinity are refused like a key at
/// infinity, as CoreVerify does with their sum.
pub(super) fn fast_aggregate(job: Job<'_>) {
    let columns = job.columns;
    let mut verifier = Verifier::new();
    let mut keys = Vec::new();
    job.each_verdict(|item, _| {
        read_keys(columns, item, &mut keys)?;
        let (first, rest) = keys.split_first().ok_or(Reason::Key)?;
        let mut sum = AggregatePublicKey::from_public_key(first);
        for key in rest {
            sum.add_public_key(key, false).map_err(|_| Reason::Key)?;
        }
        let sum = sum.to_public_key();
        sum.validate().map_err(|_| Reason::Key)?;
        let signature = read_signature(columns.signature(item))?;
        verifier.verify([(&sum, columns.message(item))], &signature)
    });
}

/// KeyValidate (section 2.5) of a compressed key.
fn read_key(key: &[u8]) -> Result<PublicKey, Reason> {
    let key = PublicKey::uncompress(key).map_err(|_| Reason::Key)?;
    key.validate().map_err(|_| Reason::Key)?;
    Ok(key)
}

/// Every key of an item, of which there is at least one, into `keys`.
fn read_keys(columns: &Columns, item: usize, keys: &mut Vec<PublicKey>) -> Result<(), Reason> {
    keys.clear();
    for entry in columns.entries(item) {
        keys.push(read_key(columns.entry_key(entry))?);
    }
    if keys.is_empty() { Err(Reason::Key) } else { Ok(()) }
}

/// signature_to_point and signature_subgroup_check. Infinity is a point of the subgroup: it is for the equation to
/// refuse.
fn read_signature(signature: &[u8]) -> Result<Signature, Reason> {
    let signature = Signature::uncompress(signature).map_err(|_| Reason::Signature)?;
    signature.validate(false).map_err(|_| Reason::Signature)?;
    Ok(signature)
}

/// A pairing context, reused from item to item.
struct Verifier(Pairing<'static>);

impl Verifier {
    fn new() -> Self {
        Self(Pairing::new(true, DST))
    }

    /// Whether the product of e(key, H(message)) is e(G, signature), in one Miller loop over all of them. Points were
    /// validated by the caller.
    fn verify<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a PublicKey, &'a [u8])>,
        signature: &Signature,
    ) -> Result<(), Reason> {
        self.0.init(true, DST);
        let signature: &blst_p2_affine = signature.into();
        // The context takes the signature along with the first pair.
        let mut signature: &dyn Any = signature;
        for (key, message) in pairs {
            let key: &blst_p1_affine = key.into();
            if self.0.aggregate(key, false, signature, false, message, &[]) != BLST_ERROR::BLST_SUCCESS {
                return Err(Reason::Equation);
            }
            signature = &();
        }
        self.0.commit();
        if self.0.finalverify(None) { Ok(()) } else { Err(Reason::Equation) }
    }
}
