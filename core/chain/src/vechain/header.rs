//! A block header's RLP into what its signer signed, the signature, and the VRF proof behind it.

use super::transaction::SIGNATURE;
use super::vrf::PROOF;
use crate::hash::blake2b256;
use crate::input::InputError;
use crate::rlp::{self, Item};

/// A header's fields in front of the signature: what is signed (thor `block/header.go`, SigningHash).
const SIGNED_FIELDS: usize = 9;
/// Fields without and with the extension.
const FIELDS: std::ops::RangeInclusive<usize> = 10..=11;
/// The transactions' root and features.
const ROOT: usize = 6;

/// The signature of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// r ‖ s ‖ v alone, before VIP-214.
    Plain([u8; SIGNATURE]),
    /// With a VRF proof behind it.
    WithProof([u8; SIGNATURE], Box<[u8; PROOF]>),
    /// Of another length than 65 and 146 bytes.
    Malformed,
}

/// A header, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number: one more than the parent's, which is the first four bytes of the parent's id.
    pub number: u32,
    /// BLAKE2b-256 of what was signed.
    pub signing_hash: [u8; 32],
    /// The signature.
    pub seal: Seal,
    /// What the VRF proof is for; empty before VIP-214.
    pub alpha: Vec<u8>,
    /// The transactions' root.
    pub transactions_root: [u8; 32],
    /// Whether the extension says more than alpha and the finality vote: from the Galactica fork on, a base fee.
    pub extended: bool,
}

fn array<const N: usize>(item: &Item<'_>) -> Result<[u8; N], InputError> {
    item.bytes()?.try_into().map_err(|_| item.error(format!("{N} bytes are wanted")))
}

impl Header {
    /// Reads a header's list: parent, timestamp, gas limit, beneficiary, gas used, total score, transactions' root (with
    /// features in a list of two), state root, receipts' root, signature, extension.
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn read(item: &Item<'_>) -> Result<Self, InputError> {
        let fields = item.items()?;
        if !FIELDS.contains(&fields.len()) {
            return Err(item.error(format!("{} fields where a header has 10 or 11", fields.len())));
        }
        let parent: [u8; 32] = array(&fields[0])?;
        for number in [1, 2, 4, 5] {
            fields[number].u64()?;
        }
        array::<20>(&fields[3])?;
        let transactions_root = if fields[ROOT].list {
            let both = fields[ROOT].items()?;
            let [root, features] = &both[..] else {
                return Err(fields[ROOT].error("a root and features are wanted"));
            };
            features.u64()?;
            array(root)?
        } else {
            array(&fields[ROOT])?
        };
        array::<32>(&fields[7])?;
        array::<32>(&fields[8])?;
        let signature = fields[SIGNED_FIELDS].bytes()?;
        let seal = match signature.split_at_checked(SIGNATURE) {
            Some((plain, [])) => Seal::Plain(plain.try_into().expect("split there")),
            Some((plain, proof)) if proof.len() == PROOF => Seal::WithProof(
                plain.try_into().expect("split there"),
                Box::new(proof.try_into().expect("of that length")),
            ),
            _ => Seal::Malformed,
        };
        let (alpha, extended) = match fields.get(SIGNED_FIELDS + 1) {
            None => (Vec::new(), false),
            Some(extension) => extension_of(extension)?,
        };
        Ok(Self {
            number: u32::from_be_bytes(parent[..4].try_into().expect("four bytes")).wrapping_add(1),
            signing_hash: blake2b256(&rlp::list(&[rlp::run(item, &fields[..SIGNED_FIELDS])])),
            seal,
            alpha,
            transactions_root,
            extended,
        })
    }

    /// The block's id: its number, and BLAKE2b-256 of signing hash and signer from its fifth byte on (thor `block/header.go`,
    /// ID).
    #[must_use]
    pub fn id(&self, signer: &[u8]) -> [u8; 32] {
        let mut id = blake2b256(&[&self.signing_hash[..], signer].concat());
        id[..4].copy_from_slice(&self.number.to_be_bytes());
        id
    }
}

/// Alpha, and whether there is more than it and the finality vote (thor `block/extension.go`): what is at its initial value at the
/// end is not written.
fn extension_of(extension: &Item<'_>) -> Result<(Vec<u8>, bool), InputError> {
    let parts = extension.items()?;
    let [alpha, rest @ ..] = &parts[..] else {
        return Err(extension.error("an extension begins with alpha"));
    };
    let alpha = alpha.bytes()?;
    match rest {
        [] if alpha.is_empty() => Err(extension.error("an extension that should not be there")),
        [com] if com.u64()? != 1 => Err(com.error("a vote that should not be written")),
        _ => Ok((alpha.to_vec(), rest.len() > 1)),
    }
}
