//! A transaction: what its sender signed, and the signature.

use crate::input::InputError;
use crate::rlp::{self, Item};

/// A transaction as it stands in a block, ready to be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// The bytes whose hash names it and which the transactions' tree holds.
    pub envelope: &'a [u8],
    /// What is hashed with keccak256 and signed.
    pub signed: Vec<u8>,
    /// r ‖ s ‖ recovery id; `None` when v says no recovery id.
    pub signature: Option<[u8; 65]>,
    /// The chain it is for; `None` for one from before EIP-155.
    pub chain_id: Option<u64>,
}

/// Where the fields of a type stand.
struct Shape {
    fields: usize,
    /// Fields that are signed: those before the three of the signature.
    to: usize,
    /// Bytes of each number field, by its place.
    numbers: &'static [(usize, usize)],
    lists: &'static [usize],
    /// Whether the recipient may be empty, which makes a contract.
    creates: bool,
}

/// EIP-2930, EIP-1559, EIP-4844, EIP-7702, in the order of their types from 1.
static TYPED: [Shape; 4] = [
    Shape { fields: 11, to: 4, numbers: &[(0, 8), (1, 8), (2, 32), (3, 8), (5, 32)], lists: &[7], creates: true },
    Shape {
        fields: 12,
        to: 5,
        numbers: &[(0, 8), (1, 8), (2, 32), (3, 32), (4, 8), (6, 32)],
        lists: &[8],
        creates: true,
    },
    Shape {
        fields: 14,
        to: 5,
        numbers: &[(0, 8), (1, 8), (2, 32), (3, 32), (4, 8), (6, 32), (9, 32)],
        lists: &[8, 10],
        creates: false,
    },
    Shape {
        fields: 13,
        to: 5,
        numbers: &[(0, 8), (1, 8), (2, 32), (3, 32), (4, 8), (6, 32)],
        lists: &[8, 9],
        creates: false,
    },
];

/// Yellow paper, section 4.2: nonce, price, gas, to, value, data, v, r, s.
static LEGACY: Shape =
    Shape { fields: 9, to: 3, numbers: &[(0, 8), (1, 32), (2, 8), (4, 32)], lists: &[], creates: true };

impl Shape {
    fn check(&self, whole: &Item<'_>, fields: &[Item<'_>]) -> Result<(), InputError> {
        if fields.len() != self.fields {
            return Err(whole.error(format!("{} fields where a transaction has {}", fields.len(), self.fields)));
        }
        for (at, width) in self.numbers {
            match width {
                8 => drop(fields[*at].number::<8>()?),
                _ => drop(fields[*at].number::<32>()?),
            }
        }
        if let Some(at) = self.lists.iter().find(|at| !fields[**at].list) {
            return Err(fields[*at].error("a list is wanted"));
        }
        fields[self.to + 2].bytes()?;
        match fields[self.to].bytes()?.len() {
            20 => Ok(()),
            0 if self.creates => Ok(()),
            len => Err(fields[self.to].error(format!("a recipient of {len} bytes"))),
        }
    }
}

impl<'a> Transaction<'a> {
    /// A transaction as a block's list holds it: a list, or the bytes of a typed one (EIP-2718).
    ///
    /// # Errors
    /// Where and why it is none.
    pub fn in_block(item: &Item<'a>) -> Result<Self, InputError> {
        if item.list {
            return Self::legacy(item);
        }
        let start = item.offset + item.raw.len() - item.payload.len();
        let mut rest = item.payload;
        let transaction = Self::typed(&mut rest, start)?;
        if rest.is_empty() { Ok(transaction) } else { Err(item.error("bytes after the transaction")) }
    }

    /// The first transaction of some bytes that begin `base` bytes into the file, in its network form.
    ///
    /// # Errors
    /// Where and why there is none.
    pub fn take(bytes: &mut &'a [u8], base: usize) -> Result<Self, InputError> {
        match bytes.first() {
            Some(0xc0..) => Self::legacy(&rlp::take(bytes, base)?),
            _ => Self::typed(bytes, base),
        }
    }

    fn typed(bytes: &mut &'a [u8], base: usize) -> Result<Self, InputError> {
        let whole = *bytes;
        let (kind, mut rest) = whole.split_first().ok_or_else(|| InputError::new(base, "an empty transaction"))?;
        let shape = usize::from(*kind)
            .checked_sub(1)
            .and_then(|index| TYPED.get(index))
            .ok_or_else(|| InputError::new(base, format!("a transaction of type {kind}, which is not known")))?;
        let body = rlp::take(&mut rest, base + 1)?;
        *bytes = rest;
        let fields = body.items()?;
        shape.check(&body, &fields)?;
        let (signed, signature) = fields.split_at(fields.len() - 3);
        let parity = signature[0].u64()?;
        Ok(Self {
            envelope: &whole[..=body.raw.len()],
            signed: [&[*kind][..], &rlp::list(&[rlp::run(&body, signed)])].concat(),
            signature: pack(signature, (parity <= 1).then_some(parity))?,
            chain_id: Some(fields[0].u64()?),
        })
    }

    fn legacy(item: &Item<'a>) -> Result<Self, InputError> {
        let fields = item.items()?;
        LEGACY.check(item, &fields)?;
        let (signed, signature) = fields.split_at(6);
        let run = rlp::run(item, signed);
        // EIP-155: v is 27 or 28, or 35 and 36 plus twice the chain's id, which is then signed too.
        let v = signature[0].u64()?;
        let (signed, recovery, chain_id) = match v {
            27 | 28 => (rlp::list(&[run]), Some(v - 27), None),
            35.. => {
                let chain_id = (v - 35) / 2;
                (rlp::list(&[run, &rlp::number(chain_id), &[0x80], &[0x80]]), Some((v - 35) % 2), Some(chain_id))
            }
            _ => (rlp::list(&[run]), None, None),
        };
        Ok(Self { envelope: item.raw, signed, signature: pack(signature, recovery)?, chain_id })
    }
}

/// r ‖ s ‖ recovery id of the three signature fields.
fn pack(fields: &[Item<'_>], recovery: Option<u64>) -> Result<Option<[u8; 65]>, InputError> {
    let mut out = [0; 65];
    out[..32].copy_from_slice(&fields[1].number::<32>()?);
    out[32..64].copy_from_slice(&fields[2].number::<32>()?);
    Ok(recovery.map(|recovery| {
        out[64] = u8::from(recovery == 1);
        out
    }))
}
