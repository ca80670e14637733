//! SM2 signatures, by RustCrypto's sm2, with Z_A computed here: the crate takes user ids of valid UTF-8 alone.

use assay_scheme::Reason;
use sm2::PublicKey;
use sm2::dsa::signature::hazmat::PrehashVerifier;
use sm2::dsa::{Signature, VerifyingKey};
use sm2::elliptic_curve::sec1::ToSec1Point;
use sm3::{Digest, Sm3};

use super::job::{Job, signed_digest};
use super::sec1::{Sec1, hex32};

/// a, b and the base point's coordinates (GB/T 32918.5-2017), as Z_A takes them.
const CURVE: [[u8; 32]; 4] = [
    hex32("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
    hex32("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
    hex32("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
    hex32("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
];

/// GB/T 32918.2-2016, section 7, with Z_A of section 5.5 over the batch's user id.
pub(super) fn with_za(job: Job<'_>) {
    let columns = job.columns;
    let user_id = job.parameters.user_id_or_default();
    // ENTL, in bits, fits 16 bits: parameters hold no longer user id.
    let entl = u16::try_from(8 * user_id.len()).expect("a user id of at most 8,191 bytes");
    let prefix = Sm3::new().chain_update(entl.to_be_bytes()).chain_update(user_id).chain_update(CURVE.as_flattened());
    job.each_verdict(|item, form| {
        let key = read_key(form, columns.key(item))?;
        let signature = read_signature(columns.signature(item))?;
        let point = key.to_sec1_point(false);
        let za = prefix.clone().chain_update(&point.as_bytes()[1..]).finalize();
        let e = Sm3::new().chain_update(za).chain_update(columns.message(item)).finalize();
        verify(key, &e.into(), &signature)
    });
}

/// The same from step B5 on, e being the message or its named hash.
pub(super) fn with_e(job: Job<'_>) {
    let (columns, parameters) = (job.columns, job.parameters);
    job.each_verdict(|item, form| {
        let key = read_key(form, columns.key(item))?;
        let signature = read_signature(columns.signature(item))?;
        let e = signed_digest(parameters, columns.message(item))?;
        verify(key, &e, &signature)
    });
}

fn read_key(form: u8, key: &[u8]) -> Result<PublicKey, Reason> {
    PublicKey::from_sec1_bytes(Sec1::read(form, key)?.as_slice()).map_err(|_| Reason::Key)
}

/// r and s in 1..n-1 (steps B1, B2), and r + s other than 0 mod n (step B5), which needs neither key nor message.
fn read_signature(signature: &[u8]) -> Result<Signature, Reason> {
    let signature = Signature::from_slice(signature).map_err(|_| Reason::Signature)?;
    let t = *signature.r() + *signature.s();
    if bool::from(t.is_zero()) { Err(Reason::Signature) } else { Ok(signature) }
}

fn verify(key: PublicKey, e: &[u8; 32], signature: &Signature) -> Result<(), Reason> {
    // The crate's own user id goes unused below: e is complete.
    let key = VerifyingKey::new("", key).map_err(|_| Reason::Key)?;
    key.verify_prehash(e, signature).map_err(|_| Reason::Equation)
}
