//! FISCO BCOS v2's signed transactions as they travel (v2.9.1 `libethcore/Transaction.cpp`, `decode`): an RLP list of ten fields
//! and three of the signature.

use super::suite::Suite;
use crate::input::InputError;
use crate::rlp;

/// Fields in front of the signature.
const SIGNED: usize = 10;
/// What v is counted from with secp256k1 (`ECDSASignature.cpp`, `VBase`).
const V_BASE: u8 = 27;

/// A transaction.
pub(super) struct Transaction<'a> {
    /// All of it: its hash is over this.
    pub raw: &'a [u8],
    /// What is hashed and signed.
    pub signed: Vec<u8>,
    /// The signature as RPC writes it: r ‖ s ‖ v, or r ‖ s ‖ key.
    pub signature: Vec<u8>,
    /// The suite that the signature's form is of.
    pub suite: Suite,
}

/// Takes a transaction off bytes that begin `base` bytes into the file.
pub(super) fn transaction<'a>(bytes: &mut &'a [u8], base: usize) -> Result<Transaction<'a>, InputError> {
    let item = rlp::take(bytes, base)?;
    let fields = item.items()?;
    let [_, _, _, _, to, _, _, _, _, _, v, r, s] = &fields[..] else {
        return Err(item.error(format!("{} fields where a transaction has 13", fields.len())));
    };
    if !matches!(to.bytes()?.len(), 0 | 20) {
        return Err(to.error("an address or nothing is wanted"));
    }
    let mut signature = Vec::with_capacity(128);
    signature.extend(r.number::<32>()?);
    signature.extend(s.number::<32>()?);
    // With SM2, v is the key.
    let suite = match v.bytes()? {
        key if key.len() == 64 => {
            signature.extend_from_slice(key);
            Suite::Sm
        }
        _ => {
            let [v] = v.number::<1>()?;
            // What is below wraps far above 1, which is refused.
            signature.push(v.wrapping_sub(V_BASE));
            Suite::Keccak
        }
    };
    let signed = rlp::list(&[rlp::run(&item, &fields[..SIGNED])]);
    Ok(Transaction { raw: item.raw, signed, signature, suite })
}

/// The whole transaction again, from its fields as RLP items and its signature as RPC writes it.
pub(super) fn whole(fields: &[u8], signature: &[u8], suite: Suite) -> Vec<u8> {
    let mut items = Vec::new();
    let (pair, rest) = signature.split_at(signature.len().min(64));
    match (suite, rest) {
        (Suite::Keccak, [v]) => alloy_rlp::Encodable::encode(&v.wrapping_add(V_BASE), &mut items),
        _ => alloy_rlp::Encodable::encode(rest, &mut items),
    }
    for half in pair.chunks(32) {
        let zeros = half.iter().take_while(|byte| **byte == 0).count();
        alloy_rlp::Encodable::encode(&half[zeros..], &mut items);
    }
    rlp::list(&[fields, &items])
}
