//! A transaction's RLP into what its origin signed, and the signatures.

use crate::hash::blake2b256;
use crate::input::InputError;
use crate::rlp::{self, Item};

/// The type of a transaction with a dynamic fee (thor `tx/transaction.go`, TypeDynamicFee).
const DYNAMIC_FEE: u8 = 0x51;
/// Bytes of one signature.
pub(super) const SIGNATURE: usize = 65;

/// A transaction, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// BLAKE2b-256 of what was signed.
    pub signing_hash: [u8; 32],
    /// The chain it is for.
    pub chain_tag: u8,
    /// r ‖ s ‖ v of the origin, and of the delegator where the features ask for one; `None` for a signature of another
    /// length.
    pub signatures: Option<([u8; SIGNATURE], Option<[u8; SIGNATURE]>)>,
}

impl Transaction {
    /// The first transaction of some bytes that begin `base` bytes into the file. Legacy: chain tag, block reference,
    /// expiration, clauses, gas price coefficient, gas, depends on, nonce, reserved, signature; one with a dynamic fee
    /// (behind its type) has two fees in place of the coefficient (thor `tx/tx_legacy.go`, `tx/tx_dynamic_fee.go`).
    ///
    /// # Errors
    /// Where and why there is none.
    pub fn take(bytes: &mut &[u8], base: usize) -> Result<Self, InputError> {
        let typed = bytes.first() == Some(&DYNAMIC_FEE);
        let (skip, count) = if typed { (1, 11) } else { (0, 10) };
        let mut rest = &bytes[skip..];
        let item = rlp::take(&mut rest, base + skip)?;
        *bytes = rest;
        let fields = item.items()?;
        if fields.len() != count {
            return Err(item.error(format!("{} fields where a transaction has {count}", fields.len())));
        }
        let (signed, signature) = fields.split_at(count - 1);
        let body = rlp::list(&[rlp::run(&item, signed)]);
        let signing_hash = if typed { blake2b256(&[&[DYNAMIC_FEE][..], &body].concat()) } else { blake2b256(&body) };
        let delegated = features(&fields[count - 2])? & 1 == 1;
        let signature = signature[0].bytes()?;
        let signatures = match (delegated, signature.split_at_checked(SIGNATURE)) {
            (false, Some((origin, []))) => Some((array(origin), None)),
            (true, Some((origin, delegator))) if delegator.len() == SIGNATURE => {
                Some((array(origin), Some(array(delegator))))
            }
            _ => None,
        };
        let [chain_tag] = fields[0].number::<1>()?;
        Ok(Self { signing_hash, chain_tag, signatures })
    }
}

fn array(bytes: &[u8]) -> [u8; SIGNATURE] {
    bytes.try_into().expect("split at 65 bytes")
}

/// The features, first of the reserved fields (thor `tx/reserved.go`); bit 0 says delegated.
fn features(reserved: &Item<'_>) -> Result<u64, InputError> {
    let items = reserved.items()?;
    let features = items.first().map_or(Ok(0), Item::u64)?;
    if items.last().is_some_and(|last| !last.list && last.payload.is_empty()) {
        return Err(reserved.error("the reserved fields end with an empty one"));
    }
    Ok(features)
}

/// What a delegator signs, and what the id is: BLAKE2b-256 of the signing hash and the origin.
pub(super) fn with_origin(signing_hash: &[u8; 32], origin: &[u8]) -> [u8; 32] {
    blake2b256(&[&signing_hash[..], origin].concat())
}
