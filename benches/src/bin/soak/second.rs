//! An independent library's verdict of an item, under the same rule set.
//!
//! A library whose rule differs from the row's is asked only where they are the same, or the difference is closed here:
//!
//! - strict: ring's verdict is ref10's; points of small order are refused by the list of their encodings.
//! - ZIP-215: ed25519-consensus left the reference's library years ago and stands on another curve library,
//!   curve25519-dalek-ng; no other one has this rule set.
//! - SM2: OpenSSL, and by turns efficient-sm2, which looks neither whether the key is on the curve nor where r, s and r + s
//!   lie, so it is asked where OpenSSL has read the key and they are in range.

use std::sync::LazyLock;

use assay_scheme::Row;
use k256::ecdsa::signature::hazmat::PrehashVerifier as _;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;

use crate::edges;
use crate::mutate::Item;

/// Who is asked for a row; `None` where no library here has its rule set, or is not independent of the reference.
pub fn name(row: Row) -> Option<&'static str> {
    Some(match row {
        Row::Ed25519Zip215 => "ed25519-consensus",
        Row::Ed25519Ref10 | Row::Ed25519Strict => "ring",
        Row::EcdsaSecp256k1 | Row::EcdsaSecp256k1LowS | Row::SchnorrBip340 => "k256",
        Row::RecoverSecp256k1 | Row::RecoverSecp256k1LowS => "k256",
        Row::EcdsaP256 | Row::EcdsaP256LowS => "p256 and openssl, by turns",
        Row::Sm2Za | Row::Sm2E => "openssl and efficient-sm2, by turns",
        _ => return None,
    })
}

/// Whether the second library finds the item valid; `None` where it is not asked.
pub fn is_valid(row: Row, item: &Item) -> Option<bool> {
    match row {
        Row::Ed25519Zip215 => Some(zip215(item).is_ok()),
        Row::Ed25519Ref10 => Some(ref10(item)),
        Row::Ed25519Strict => {
            let is_small = |point: &[u8]| edges::is_of_small_order(point);
            Some(!is_small(&item.key) && !is_small(&item.signature[..32]) && ref10(item))
        }
        Row::EcdsaSecp256k1 => secp256k1(item, false),
        Row::EcdsaSecp256k1LowS => secp256k1(item, true),
        Row::SchnorrBip340 => Some(schnorr(item).is_some()),
        Row::RecoverSecp256k1 => Some(recovered(item, false).is_some()),
        Row::RecoverSecp256k1LowS => Some(recovered(item, true).is_some()),
        Row::EcdsaP256 => p256(item, false),
        Row::EcdsaP256LowS => p256(item, true),
        Row::Sm2Za => sm2(item, true),
        Row::Sm2E => sm2(item, false),
        _ => None,
    }
}

/// Whose turn an item is, where two libraries are asked.
fn is_first(item: &Item) -> bool {
    item.signature.iter().chain(&item.message).fold(0, |bits, byte| bits ^ byte) & 1 == 0
}

fn ref10(item: &Item) -> bool {
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &item.key);
    key.verify(&item.message, &item.signature).is_ok()
}

fn zip215(item: &Item) -> Result<(), ed25519_consensus::Error> {
    let key = ed25519_consensus::VerificationKey::try_from(&item.key[..])?;
    key.verify(&ed25519_consensus::Signature::try_from(&item.signature[..])?, &item.message)
}

/// The key as SEC1 bytes; `None` for hybrid keys, which these libraries do not read, and for bytes behind a compressed x,
/// which only the columns have.
fn sec1(item: &Item) -> Option<Vec<u8>> {
    match item.form {
        4 => Some([&[4], &item.key[..]].concat()),
        2 | 3 if item.key[32..].iter().all(|byte| *byte == 0) => Some([&[item.form], &item.key[..32]].concat()),
        _ => None,
    }
}

fn secp256k1(item: &Item, low_s: bool) -> Option<bool> {
    let key = sec1(item)?;
    let verify = || {
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&key).ok()?;
        let signature = k256::ecdsa::Signature::from_slice(&item.signature).ok()?;
        let normal = signature.normalize_s();
        (!low_s || normal == signature).then_some(())?;
        key.verify_prehash(&item.message, &normal).ok()
    };
    Some(verify().is_some())
}

fn schnorr(item: &Item) -> Option<()> {
    let key = k256::schnorr::VerifyingKey::from_bytes(item.key[..].try_into().ok()?).ok()?;
    let signature = k256::schnorr::Signature::try_from(&item.signature[..]).ok()?;
    key.verify_raw(&item.message, &signature).ok()
}

fn recovered(item: &Item, low_s: bool) -> Option<()> {
    let id = k256::ecdsa::RecoveryId::from_byte(item.signature[64])?;
    let signature = k256::ecdsa::Signature::from_slice(&item.signature[..64]).ok()?;
    (!low_s || signature.normalize_s() == signature).then_some(())?;
    k256::ecdsa::VerifyingKey::recover_from_prehash(&item.message, &signature, id).ok().map(drop)
}

fn p256(item: &Item, low_s: bool) -> Option<bool> {
    let key = sec1(item)?;
    // Which s is low is p256's to say for both.
    let signature = p256::ecdsa::Signature::from_slice(&item.signature).ok();
    if low_s && signature.is_some_and(|signature| signature.normalize_s() != signature) {
        return Some(false);
    }
    if is_first(item) {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&key).ok();
        let valid = key.zip(signature).is_some_and(|(key, sig)| key.verify_prehash(&item.message, &sig).is_ok());
        return Some(valid);
    }
    let verify = || halves(&item.signature)?.verify(&item.message, &*openssl_key(&P256, &key)?);
    Some(verify().unwrap_or(false))
}

static P256: LazyLock<EcGroup> = LazyLock::new(|| group(Nid::X9_62_PRIME256V1));
static SM2: LazyLock<EcGroup> = LazyLock::new(|| group(Nid::SM2));

fn group(name: Nid) -> EcGroup {
    EcGroup::from_curve_name(name).expect("a curve that openssl has")
}

/// A key that openssl reads: on the curve, coordinates below p.
fn openssl_key(group: &EcGroup, sec1: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let point = EcPoint::from_bytes(group, sec1, &mut *BigNumContext::new()?)?;
    EcKey::from_public_key(group, &point)
}

fn halves(signature: &[u8]) -> Result<EcdsaSig, ErrorStack> {
    EcdsaSig::from_private_components(BigNum::from_slice(&signature[..32])?, BigNum::from_slice(&signature[32..64])?)
}

fn sm2(item: &Item, with_za: bool) -> Option<bool> {
    let Ok(key) = openssl_key(&SM2, &sec1(item)?) else { return Some(false) };
    let verify = || {
        let mut context = BigNumContext::new()?;
        let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
        let point = key.public_key().to_bytes(&SM2, form, &mut context)?;
        let signature = halves(&item.signature)?;
        if is_first(item) && are_in_range(&signature)? {
            let key = efficient_sm2::PublicKey::from_slice(&point[1..]);
            let signature = efficient_sm2::Signature::from_slice(&item.signature).expect("two numbers of 32 bytes");
            let answer = match with_za {
                true => signature.verify(&key, &item.message),
                false => signature.verify_digest(&key, &item.message),
            };
            return Ok(answer.is_ok());
        }
        let e = if with_za { e(&point[1..], &item.message)?.to_vec() } else { item.message.clone() };
        let key = PKey::from_ec_key(key.clone())?;
        let mut verifier = PkeyCtx::new(&key)?;
        verifier.verify_init()?;
        verifier.verify(&e, &signature.to_der()?)
    };
    Some(verify().unwrap_or_else(|_: ErrorStack| false))
}

/// Whether r and s lie in 1..n-1 and r + s is not n.
fn are_in_range(signature: &EcdsaSig) -> Result<bool, ErrorStack> {
    let (mut n, mut sum) = (BigNum::new()?, BigNum::new()?);
    SM2.order(&mut n, &mut *BigNumContext::new()?)?;
    let (r, s) = (signature.r(), signature.s());
    sum.checked_add(r, s)?;
    let is_in_range = |x: &openssl::bn::BigNumRef| x.num_bits() > 0 && *x < *n;
    Ok(is_in_range(r) && is_in_range(s) && sum != n)
}

/// SM3 of Z_A and the message, by openssl, for the user id that is taken where none is given (GM/T 0009-2012).
fn e(point: &[u8], message: &[u8]) -> Result<openssl::hash::DigestBytes, ErrorStack> {
    const USER_ID: &[u8] = b"1234567812345678";
    let mut context = BigNumContext::new()?;
    let [mut p, mut a, mut b] = [BigNum::new()?, BigNum::new()?, BigNum::new()?];
    SM2.components_gfp(&mut p, &mut a, &mut b, &mut context)?;
    let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
    let base = SM2.generator_opt().expect("a curve with a base point").to_bytes(&SM2, form, &mut context)?;
    let mut za = Hasher::new(MessageDigest::sm3())?;
    let entl = (8 * USER_ID.len() as u16).to_be_bytes();
    let (a, b) = (a.to_vec_padded(32)?, b.to_vec_padded(32)?);
    for part in [&entl[..], USER_ID, &a, &b, &base[1..], point] {
        za.update(part)?;
    }
    let mut hasher = Hasher::new(MessageDigest::sm3())?;
    hasher.update(&za.finish()?)?;
    hasher.update(message)?;
    hasher.finish()
}
