//! ECDSA, BIP-340 and recovery over secp256k1, by Bitcoin's own library.

use assay_scheme::{Output, Reason};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use secp256k1::{Message, PublicKey, XOnlyPublicKey, ecdsa, schnorr};

use super::digest::keccak256;
use super::job::{Job, fixed, signed_digest};
use super::sec1::{Order, Sec1, hex32};

/// SEC 2 v2, section 2.4.1.
const ORDER: Order = Order {
    n: hex32("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
    half: hex32("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"),
};

/// The field's prime (SEC 2 v2, section 2.4.1).
const P: [u8; 32] = hex32("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");

/// SEC 1 v2, section 4.1.4. The library refuses high S, so it is handed the normalised signature, which holds exactly
/// when the given one does; the row with `low_s` refuses it beforehand.
pub(super) fn ecdsa(job: Job<'_>, low_s: bool) {
    let (columns, parameters) = (job.columns, job.parameters);
    job.each_verdict(|item, form| {
        // Hybrid keys (06, 07) are parsed with the parity of y checked.
        let key = Sec1::read(form, columns.key(item))?;
        let key = PublicKey::from_slice(key.as_slice()).map_err(|_| Reason::Key)?;
        let signature = columns.signature(item);
        ORDER.check(signature, low_s)?;
        let mut signature = Signature::from_compact(signature).map_err(|_| Reason::Signature)?;
        signature.normalize_s();
        let digest = Message::from_digest(signed_digest(parameters, columns.message(item))?);
        ecdsa::verify(&signature, digest, &key).map_err(|_| Reason::Equation)
    });
}

/// BIP-340, Verification. Messages have any length.
pub(super) fn schnorr(job: Job<'_>) {
    let columns = job.columns;
    job.each_verdict(|item, _| {
        let key = XOnlyPublicKey::from_byte_array(*fixed(columns.key(item))).map_err(|_| Reason::Key)?;
        let signature = fixed::<64>(columns.signature(item));
        // r is an x, so its bound is the prime; s is a scalar and may be zero.
        if signature[..32] >= P[..] || signature[32..] >= ORDER.n[..] {
            return Err(Reason::Signature);
        }
        let signature = schnorr::Signature::from_byte_array(*signature);
        schnorr::verify(&signature, columns.message(item), &key).map_err(|_| Reason::Equation)
    });
}

/// SEC 1 v2, section 4.1.6, with v naming the candidate: bit 0 is the parity of y, bit 1 says x = r + n.
pub(super) fn recover(job: Job<'_>, low_s: bool) {
    let (columns, parameters) = (job.columns, job.parameters);
    let public_key = |item: usize| -> Result<[u8; 64], Reason> {
        let (signature, v) = columns.signature(item).split_at(64);
        // The whole byte: the crate's masking conversion would read v = 4 as 0.
        let id = RecoveryId::try_from(i32::from(v[0])).map_err(|_| Reason::Signature)?;
        ORDER.check(signature, low_s)?;
        // The library says no in one word. Which of its reasons it was matters only then.
        let refused = |otherwise: Reason| if x_on_curve(signature, id) { otherwise } else { Reason::Signature };
        let digest = signed_digest(parameters, columns.message(item)).map_err(refused)?;
        let signature = RecoverableSignature::from_compact(signature, id).map_err(|_| Reason::Signature)?;
        let key = signature.recover(Message::from_digest(digest)).map_err(|_| refused(Reason::Equation))?;
        Ok(*fixed(&key.serialize_uncompressed()[1..]))
    };
    match parameters.output {
        Output::Default => job.each_value(public_key),
        Output::Address => job.each_value(|item| {
            let digest = keccak256(&public_key(item)?);
            Ok(*fixed::<20>(&digest[12..]))
        }),
    }
}

/// Whether the candidate x that `id` names is a point's: r, or r + n when that is below p.
fn x_on_curve(signature: &[u8], id: RecoveryId) -> bool {
    let mut point = [0; 33];
    point[0] = 0x02;
    point[1..].copy_from_slice(&signature[..32]);
    if id.to_u8() & 2 != 0 {
        let mut carry = 0;
        for (byte, n) in point[1..].iter_mut().zip(ORDER.n).rev() {
            let sum = u16::from(*byte) + u16::from(n) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        if carry != 0 {
            return false;
        }
    }
    // An x at or above p is refused in parsing.
    PublicKey::from_byte_array_compressed(point).is_ok()
}
