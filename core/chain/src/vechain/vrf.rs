//! ECVRF-SECP256K1-SHA256-TAI: a key, an input and a proof into the output that the proof stands for.
//!
//! The suite is vechain/go-ecvrf's: draft-irtf-cfrg-vrf-06 with the suite byte fe. Points are libsecp256k1's.

use bitcoin::secp256k1::constants::{CURVE_ORDER, GENERATOR_X};
use bitcoin::secp256k1::{PublicKey, Scalar, Secp256k1, VerifyOnly};
use sha2::{Digest, Sha256};

/// Bytes of a proof: Gamma compressed, c in 16 bytes, s in 32.
pub const PROOF: usize = 81;

/// The suite's byte in front of every hash (go-ecvrf `vrf.go`, Secp256k1Sha256Tai).
const SUITE: u8 = 0xfe;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VrfError {
    /// The key is no point of the curve.
    #[error("the key is no point of the curve")]
    Key,
    /// Gamma is no compressed point of the curve.
    #[error("the proof's point is none of the curve")]
    Gamma,
    /// No counter leads from the input to a point: it happens to one input in 2^256.
    #[error("the input leads to no point")]
    NoPoint,
    /// The proof does not hold.
    #[error("the proof does not hold for this key and input")]
    Equation,
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Checks a proof of the key (x ‖ y) for an input; gives the output (draft-irtf-cfrg-vrf-06, section 5.3).
///
/// # Errors
/// Why the proof is refused.
pub fn verify(
    curve: &Secp256k1<VerifyOnly>,
    key: &[u8; 64],
    alpha: &[u8],
    proof: &[u8; PROOF],
) -> Result<[u8; 32], VrfError> {
    let key = PublicKey::from_slice(&[&[4][..], key].concat()).map_err(|_| VrfError::Key)?;
    let gamma = PublicKey::from_slice(&proof[..33]).map_err(|_| VrfError::Gamma)?;
    let c: &[u8] = &proof[33..49];
    let s = reduced(proof[49..].try_into().expect("81 bytes"));
    let h = to_point(&key, alpha)?;
    // U = s*B - c*Y, V = s*H - c*Gamma. Neither can be infinity but for a proof that its maker could not find.
    let minus_c = scalar_negated(c);
    let sum = |a: &PublicKey, b: &PublicKey| -> Option<PublicKey> {
        let b = b.mul_tweak(curve, minus_c.as_ref()?).ok()?;
        match a.mul_tweak(curve, &s) {
            Ok(a) => a.combine(&b).ok(),
            // s is zero: the first part is infinity.
            Err(_) => Some(b),
        }
    };
    let u = sum(&generator(), &key).ok_or(VrfError::Equation)?;
    let v = sum(&h, &gamma).ok_or(VrfError::Equation)?;
    let points = [&h, &gamma, &u, &v].map(PublicKey::serialize);
    let derived = hash(&[&[SUITE, 2], &points[0], &points[1], &points[2], &points[3]]);
    if derived[..16] != *c {
        return Err(VrfError::Equation);
    }
    Ok(hash(&[&[SUITE, 3], &gamma.serialize()]))
}

/// The curve's base point, whose y is even.
fn generator() -> PublicKey {
    PublicKey::from_slice(&[&[2][..], &GENERATOR_X].concat()).expect("SEC 2 v2, section 2.4.1")
}

/// Try and increment (draft-irtf-cfrg-vrf-06, section 5.4.1.1).
fn to_point(key: &PublicKey, alpha: &[u8]) -> Result<PublicKey, VrfError> {
    let key = key.serialize();
    (0..=u8::MAX)
        .find_map(|counter| {
            let x = hash(&[&[SUITE, 1], &key, alpha, &[counter]]);
            PublicKey::from_slice(&[&[2][..], &x].concat()).ok()
        })
        .ok_or(VrfError::NoPoint)
}

/// s modulo the order: go-ecvrf multiplies by whatever the 32 bytes say.
fn reduced(bytes: [u8; 32]) -> Scalar {
    Scalar::from_be_bytes(bytes).unwrap_or_else(|_| {
        Scalar::from_be_bytes(subtract(&bytes, &CURVE_ORDER)).expect("below 2^256 and so below twice the order")
    })
}

/// The order less c; `None` for zero, whose product is infinity.
fn scalar_negated(c: &[u8]) -> Option<Scalar> {
    let mut wide = [0; 32];
    wide[16..].copy_from_slice(c);
    if wide == [0; 32] { None } else { Scalar::from_be_bytes(subtract(&CURVE_ORDER, &wide)).ok() }
}

/// a - b of big-endian numbers, a not below b.
fn subtract(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = false;
    for at in (0..32).rev() {
        let (difference, under) = a[at].overflowing_sub(b[at]);
        let (difference, under_again) = difference.overflowing_sub(u8::from(borrow));
        out[at] = difference;
        borrow = under || under_again;
    }
    debug_assert!(!borrow, "a is not below b");
    out
}
