//! Ed25519 under its three rule sets.

use assay_scheme::Reason;

use super::job::{Job, fixed};

/// L, the order of the base point, little-endian (RFC 8032, section 5.1).
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// S < L, which all three rule sets demand. Checked here so that it is told apart from a failing equation, and so that no
/// library's feature can lift it.
fn check_s(signature: &[u8; 64]) -> Result<(), Reason> {
    if signature[32..].iter().rev().lt(L.iter().rev()) { Ok(()) } else { Err(Reason::Signature) }
}

/// ZIP-215: A and R any encoding of a curve point, the cofactored equation.
pub(super) fn zip215(job: Job<'_>) {
    let columns = job.columns;
    job.each_verdict(|item, _| {
        let key = *fixed::<32>(columns.key(item));
        let key = ed25519_zebra::VerificationKey::try_from(key).map_err(|_| Reason::Key)?;
        let signature = fixed::<64>(columns.signature(item));
        check_s(signature)?;
        let signature = ed25519_zebra::Signature::from_bytes(signature);
        key.verify(&signature, columns.message(item)).map_err(|_| Reason::Equation)
    });
}

/// ref10 and Go: A any encoding of a curve point, [S]B - [k]A encoded and compared with R's bytes.
pub(super) fn ref10(job: Job<'_>) {
    use ed25519_dalek::Verifier as _;
    let columns = job.columns;
    job.each_verdict(|item, _| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(fixed(columns.key(item))).map_err(|_| Reason::Key)?;
        let signature = fixed::<64>(columns.signature(item));
        check_s(signature)?;
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verify(columns.message(item), &signature).map_err(|_| Reason::Equation)
    });
}

/// As ref10, and A and R of small order refused.
pub(super) fn strict(job: Job<'_>) {
    let columns = job.columns;
    job.each_verdict(|item, _| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(fixed(columns.key(item))).map_err(|_| Reason::Key)?;
        if key.is_weak() {
            return Err(Reason::Key);
        }
        let bytes = fixed::<64>(columns.signature(item));
        check_s(bytes)?;
        let signature = ed25519_dalek::Signature::from_bytes(bytes);
        key.verify_strict(columns.message(item), &signature).map_err(|_| {
            // Only a failure asks why: an R of small order is the signature's fault, one that does not decode matches no
            // point and so fails the equation.
            let r = ed25519_dalek::VerifyingKey::from_bytes(fixed(&bytes[..32]));
            if r.is_ok_and(|r| r.is_weak()) { Reason::Signature } else { Reason::Equation }
        })
    });
}
