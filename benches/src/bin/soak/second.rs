//! An independent library's verdict of an item, under the same rule set.

use assay_scheme::Row;
use k256::ecdsa::signature::hazmat::PrehashVerifier as _;

use crate::mutate::Item;

/// Who is asked for a row; `None` where no library here has its rule set, or is not independent of the reference.
pub fn name(row: Row) -> Option<&'static str> {
    Some(match row {
        Row::Ed25519Ref10 => "ring",
        Row::EcdsaSecp256k1 | Row::EcdsaSecp256k1LowS | Row::SchnorrBip340 => "k256",
        Row::RecoverSecp256k1 | Row::RecoverSecp256k1LowS => "k256",
        Row::EcdsaP256 | Row::EcdsaP256LowS => "p256",
        _ => return None,
    })
}

/// Whether the second library finds the item valid; `None` where it is not asked.
pub fn is_valid(row: Row, item: &Item) -> Option<bool> {
    match row {
        Row::Ed25519Ref10 => {
            let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &item.key);
            Some(key.verify(&item.message, &item.signature).is_ok())
        }
        Row::EcdsaSecp256k1 => secp256k1(item, false),
        Row::EcdsaSecp256k1LowS => secp256k1(item, true),
        Row::SchnorrBip340 => Some(schnorr(item).is_some()),
        Row::RecoverSecp256k1 => Some(recovered(item, false).is_some()),
        Row::RecoverSecp256k1LowS => Some(recovered(item, true).is_some()),
        Row::EcdsaP256 => p256(item, false),
        Row::EcdsaP256LowS => p256(item, true),
        _ => None,
    }
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
    let verify = || {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&key).ok()?;
        let signature = p256::ecdsa::Signature::from_slice(&item.signature).ok()?;
        (!low_s || signature.normalize_s() == signature).then_some(())?;
        key.verify_prehash(&item.message, &signature).ok()
    };
    Some(verify().is_some())
}
