//! A Parlia header: its seal, and what its extra data carries.

use crate::hash::keccak256;
use crate::input::InputError;
use crate::rlp::{self, Item};

/// Bytes of vanity in front of the extra data, and of the seal at its end (bsc `consensus/parlia/parlia.go`).
const VANITY: usize = 32;
const SEAL: usize = 65;
/// An address and a BLS key.
const VALIDATOR: usize = 20 + 48;
/// The first fields of a header, which are always sealed.
const OLD_FIELDS: usize = 15;
/// Where the parent's beacon root stands (EIP-4788): zeros on BSC.
const BEACON_ROOT: usize = 19;
/// Fields up to the requests' hash (EIP-7685).
const FIELDS_MAX: usize = 21;
const EXTRA: usize = 12;

/// A validator as an epoch's header names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validator {
    /// Its address: the order of the bitset.
    pub address: [u8; 20],
    /// Its BLS key, compressed.
    pub key: [u8; 48],
}

/// A vote attestation (bsc `core/types/vote.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Who voted, by place in the set ordered by address.
    pub bitset: u64,
    /// The aggregate signature.
    pub signature: [u8; 96],
    /// keccak256 of the vote data, which is what each of them signed.
    pub vote_hash: [u8; 32],
    /// The block voted for: number and hash.
    pub target: (u64, [u8; 32]),
}

/// A header, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The header's hash.
    pub hash: [u8; 32],
    /// Its number.
    pub number: u64,
    /// Its parent's hash.
    pub parent: [u8; 32],
    /// Who says to have sealed it.
    pub coinbase: [u8; 20],
    /// What was sealed (its keccak256 is signed).
    pub sealed: Vec<u8>,
    /// r ‖ s ‖ recovery id.
    pub seal: [u8; 65],
    /// The set that an epoch's header names, in address order, and how many blocks each seals in turn.
    pub epoch: Option<(Vec<Validator>, u8)>,
    /// The votes for an earlier block, where it carries them.
    pub attestation: Option<Attestation>,
}

/// Bytes of a field, exactly this many.
fn exactly<const N: usize>(item: &Item<'_>) -> Result<[u8; N], InputError> {
    item.bytes()?.try_into().map_err(|_| item.error(format!("{N} bytes are wanted")))
}

impl Header {
    /// Reads a header's list.
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn read(item: &Item<'_>, chain_id: u64) -> Result<Self, InputError> {
        let fields = item.items()?;
        if !(OLD_FIELDS..=FIELDS_MAX).contains(&fields.len()) {
            return Err(item.error(format!("{} fields where a header has 15 to 21", fields.len())));
        }
        let extra = &fields[EXTRA];
        let bytes = extra.bytes()?;
        let Some(body_len) = bytes.len().checked_sub(VANITY + SEAL) else {
            return Err(extra.error("the extra data is shorter than vanity and seal"));
        };
        let (unsealed, seal) = bytes.split_at(VANITY + body_len);
        let (epoch, attestation) = carried(&unsealed[VANITY..], extra)?;
        Ok(Self {
            hash: keccak256(item.raw),
            number: fields[8].u64()?,
            parent: exactly(&fields[0])?,
            coinbase: exactly(&fields[2])?,
            sealed: sealed(item, &fields, unsealed, chain_id),
            seal: seal.try_into().expect("split there"),
            epoch,
            attestation,
        })
    }
}

/// bsc `core/types/block.go`, `EncodeSigHeader`: the chain's id, the header's first 15 fields with the seal taken off the
/// extra data, and the later ones too once there is a beacon root, which then is zeros.
fn sealed(header: &Item<'_>, fields: &[Item<'_>], unsealed: &[u8], chain_id: u64) -> Vec<u8> {
    let mut extra = Vec::with_capacity(unsealed.len() + 4);
    alloy_rlp::Encodable::encode(unsealed, &mut extra);
    let end = match fields.get(BEACON_ROOT) {
        Some(root) if root.payload == [0; 32] => fields.len(),
        _ => OLD_FIELDS,
    };
    rlp::list(&[
        &rlp::number(chain_id),
        rlp::run(header, &fields[..EXTRA]),
        &extra,
        rlp::run(header, &fields[EXTRA + 1..end]),
    ])
}

/// What stands between vanity and seal: in an epoch's header the count of validators, they, and since Bohr how many blocks
/// each seals in turn; then the attestation (bsc `consensus/parlia/parlia.go`, `parseValidators`,
/// `getVoteAttestationFromHeader`). A count is never so large that it looks like the attestation's list.
#[expect(clippy::type_complexity, reason = "two optional parts of one run of bytes")]
fn carried(body: &[u8], extra: &Item<'_>) -> Result<(Option<(Vec<Validator>, u8)>, Option<Attestation>), InputError> {
    let mut rest = body;
    let mut epoch = None;
    if let [count @ 1..0xc0, after @ ..] = rest {
        let len = usize::from(*count) * VALIDATOR;
        let (named, after) = after.split_at_checked(len).ok_or_else(|| extra.error("fewer validators than counted"))?;
        let mut validators: Vec<Validator> = named
            .chunks_exact(VALIDATOR)
            .map(|entry| Validator {
                address: entry[..20].try_into().expect("68 bytes"),
                key: entry[20..].try_into().expect("68 bytes"),
            })
            .collect();
        validators.sort_unstable();
        let (turn, after) = match after {
            [turn @ 1..0xc0, after @ ..] => (*turn, after),
            after => (1, after),
        };
        epoch = Some((validators, turn));
        rest = after;
    }
    if rest.is_empty() {
        return Ok((epoch, None));
    }
    let attestation = rlp::take(&mut rest, extra.offset)?;
    if !rest.is_empty() {
        return Err(extra.error("bytes after the attestation"));
    }
    let parts = attestation.items()?;
    let [bitset, signature, data, ..] = &parts[..] else {
        return Err(extra.error("an attestation has a bitset, a signature and vote data"));
    };
    let votes = data.items()?;
    let [_, _, number, hash] = &votes[..] else {
        return Err(extra.error("vote data has a source and a target"));
    };
    let attestation = Attestation {
        bitset: bitset.u64()?,
        signature: exactly(signature)?,
        vote_hash: keccak256(data.raw),
        target: (number.u64()?, exactly(hash)?),
    };
    Ok((epoch, Some(attestation)))
}
