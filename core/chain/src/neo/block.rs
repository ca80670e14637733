//! Neo N3's bytes: blocks, headers and transactions, with what each of them signs.
//!
//! Nothing is taken apart further than a witness needs: a transaction is its signed bytes, its signers' accounts and its
//! witnesses.

use super::script::{Dialect, LEGACY_SCRIPT_BYTES_MAX, SCRIPT_BYTES_MAX};
use crate::hash::{sha256, sha256d};
use crate::input::{InputError, Reader};

/// Signers and attributes of a transaction together (`Transaction.cs`, `MaxTransactionAttributes`).
const SIGNERS_MAX: usize = 16;
/// Contracts, groups or rules of a signer (`Signer.cs`, `MaxSubitems`), and parts of a condition.
const SUBITEMS_MAX: usize = 16;
/// Depth of a rule's condition (`WitnessCondition.cs`, `MaxNestingDepth`).
const NESTING_MAX: usize = 3;
/// Bytes of a transaction's script and of an oracle's result (`Transaction.cs`, `OracleResponse.cs`).
const SCRIPT_BYTES: usize = 65_535;
/// Transactions of a block (`Block.cs`, a u16 of them).
const TRANSACTIONS_MAX: usize = 65_535;

/// A witness: two scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness<'a> {
    /// What brings the signatures.
    pub invocation: &'a [u8],
    /// What asks for them; its hash160 is the account.
    pub verification: &'a [u8],
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// SHA-256 of the unsigned bytes; in Neo 2 that twice.
    pub hash: [u8; 32],
    /// The header before.
    pub previous: [u8; 32],
    /// The transactions' root.
    pub merkle_root: [u8; 32],
    /// Its height.
    pub index: u32,
    /// The account that must witness the next header.
    pub next_consensus: [u8; 20],
    /// What was hashed.
    pub unsigned: &'a [u8],
    /// Who made it.
    pub witness: Witness<'a>,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// Its hash.
    pub hash: [u8; 32],
    /// What was hashed.
    pub unsigned: &'a [u8],
    /// Whom the witnesses must be of, in their order; what is missing is not known from the transaction.
    pub accounts: Accounts,
    /// Its witnesses.
    pub witnesses: Vec<Witness<'a>>,
}

/// Whom a transaction's witnesses must be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// N3: the signers, in their order.
    Signers(Vec<[u8; 20]>),
    /// Neo 2: who owned the outputs it spends, and who it names besides.
    Spends {
        /// The outputs: transaction and place.
        outputs: Vec<([u8; 32], u16)>,
        /// The accounts that its attributes name.
        named: Vec<[u8; 20]>,
        /// Why the rules ask for more than is known here, where they do.
        beyond: Option<&'static str>,
        /// Who owns the outputs it makes.
        makes: Vec<[u8; 20]>,
    },
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its header.
    pub header: Header<'a>,
    /// Its transactions.
    pub transactions: Vec<Transaction<'a>>,
}

/// A length in Neo's variable form. As Neo does, a length in more bytes than needed is read.
pub(super) fn length(reader: &mut Reader<'_>, max: usize) -> Result<usize, InputError> {
    let value = match reader.u8()? {
        0xfd => u64::from(u16::from_le_bytes(reader.array()?)),
        0xfe => u64::from(reader.u32_le()?),
        0xff => u64::from_le_bytes(reader.array()?),
        value => u64::from(value),
    };
    match usize::try_from(value) {
        Ok(len) if len <= max => Ok(len),
        _ => Err(reader.error(format!("{value} where at most {max} are allowed"))),
    }
}

/// Bytes with their length in front.
pub(super) fn bytes<'a>(reader: &mut Reader<'a>, max: usize) -> Result<&'a [u8], InputError> {
    let len = length(reader, max)?;
    reader.take(len)
}

/// What was read since the reader stood at `start`.
pub(super) fn since<'a>(whole: &'a [u8], start: usize, reader: &Reader<'_>) -> &'a [u8] {
    &whole[start..reader.offset()]
}

pub(super) fn witness<'a>(reader: &mut Reader<'a>, dialect: Dialect) -> Result<Witness<'a>, InputError> {
    let max = if dialect == Dialect::N3 { SCRIPT_BYTES_MAX } else { LEGACY_SCRIPT_BYTES_MAX };
    Ok(Witness { invocation: bytes(reader, max)?, verification: bytes(reader, max)? })
}

/// `Header.cs`, `DeserializeUnsigned`, and one witness.
fn header<'a>(whole: &'a [u8], reader: &mut Reader<'a>, dialect: Dialect) -> Result<Header<'a>, InputError> {
    let start = reader.offset();
    if reader.u32_le()? != 0 {
        return Err(InputError::new(start, "a block's version is 0"));
    }
    let (previous, merkle_root) = (reader.array()?, reader.array()?);
    let index = match dialect {
        Dialect::N3 => {
            // Time in milliseconds, the primary's nonce.
            reader.take(16)?;
            let index = reader.u32_le()?;
            // The primary's place.
            reader.u8()?;
            index
        }
        Dialect::Legacy => {
            reader.u32_le()?;
            let index = reader.u32_le()?;
            // Consensus data.
            reader.take(8)?;
            index
        }
    };
    let next_consensus = reader.array()?;
    let unsigned = since(whole, start, reader);
    let at = reader.offset();
    // N3: an array of exactly one; Neo 2: the byte 1.
    if length(reader, usize::MAX)? != 1 {
        return Err(InputError::new(at, "a header has one witness"));
    }
    let witness = witness(reader, dialect)?;
    let hash = match dialect {
        Dialect::N3 => sha256(unsigned),
        Dialect::Legacy => sha256d(unsigned),
    };
    Ok(Header { hash, previous, merkle_root, index, next_consensus, unsigned, witness })
}

/// Takes a block off the reader, which stands somewhere in `whole`.
///
/// # Errors
/// Where and why the bytes are no block.
pub fn block<'a>(whole: &'a [u8], reader: &mut Reader<'a>, dialect: Dialect) -> Result<Block<'a>, InputError> {
    let header = header(whole, reader, dialect)?;
    let count = length(reader, TRANSACTIONS_MAX)?;
    // No transaction has fewer bytes, so that a count claims no more memory than a few times the input.
    let mut transactions = Vec::with_capacity(count.min(reader.rest().len() / 16));
    for _ in 0..count {
        transactions.push(match dialect {
            Dialect::N3 => transaction(whole, reader)?,
            Dialect::Legacy => super::legacy::transaction(whole, reader)?,
        });
    }
    Ok(Block { header, transactions })
}

/// `Transaction.cs`, `DeserializeUnsigned`, and as many witnesses as signers.
fn transaction<'a>(whole: &'a [u8], reader: &mut Reader<'a>) -> Result<Transaction<'a>, InputError> {
    let start = reader.offset();
    if reader.u8()? != 0 {
        return Err(InputError::new(start, "a transaction's version is 0"));
    }
    // Nonce, system fee, network fee, the last height it is valid at.
    reader.take(4 + 8 + 8 + 4)?;
    let at = reader.offset();
    let count = length(reader, SIGNERS_MAX)?;
    if count == 0 {
        return Err(InputError::new(at, "a transaction has a signer"));
    }
    let mut signers = Vec::with_capacity(count);
    for _ in 0..count {
        let at = reader.offset();
        let account = signer(reader)?;
        if signers.contains(&account) {
            return Err(InputError::new(at, "a signer stands twice"));
        }
        signers.push(account);
    }
    for _ in 0..length(reader, SIGNERS_MAX - count)? {
        attribute(reader)?;
    }
    let at = reader.offset();
    if bytes(reader, SCRIPT_BYTES)?.is_empty() {
        return Err(InputError::new(at, "a transaction has a script"));
    }
    let unsigned = since(whole, start, reader);
    let at = reader.offset();
    if length(reader, SIGNERS_MAX)? != count {
        return Err(InputError::new(at, format!("a transaction of {count} signers has as many witnesses")));
    }
    let witnesses = (0..count).map(|_| witness(reader, Dialect::N3)).collect::<Result<_, _>>()?;
    Ok(Transaction { hash: sha256(unsigned), unsigned, accounts: Accounts::Signers(signers), witnesses })
}

/// `Signer.cs`: the account, and what its signature is good for.
fn signer(reader: &mut Reader<'_>) -> Result<[u8; 20], InputError> {
    const CUSTOM_CONTRACTS: u8 = 0x10;
    const CUSTOM_GROUPS: u8 = 0x20;
    const WITNESS_RULES: u8 = 0x40;
    const GLOBAL: u8 = 0x80;
    const CALLED_BY_ENTRY: u8 = 0x01;
    let account = reader.array()?;
    let at = reader.offset();
    let scopes = reader.u8()?;
    let known = CALLED_BY_ENTRY | CUSTOM_CONTRACTS | CUSTOM_GROUPS | WITNESS_RULES | GLOBAL;
    if scopes & !known != 0 || (scopes & GLOBAL != 0 && scopes != GLOBAL) {
        return Err(InputError::new(at, format!("scopes {scopes:#04x}")));
    }
    if scopes & CUSTOM_CONTRACTS != 0 {
        let count = length(reader, SUBITEMS_MAX)?;
        reader.take(count * 20)?;
    }
    if scopes & CUSTOM_GROUPS != 0 {
        for _ in 0..length(reader, SUBITEMS_MAX)? {
            point(reader)?;
        }
    }
    if scopes & WITNESS_RULES != 0 {
        for _ in 0..length(reader, SUBITEMS_MAX)? {
            let at = reader.offset();
            if reader.u8()? > 1 {
                return Err(InputError::new(at, "a rule denies or allows"));
            }
            condition(reader)?;
        }
    }
    Ok(account)
}

/// `ECPoint.cs`: infinity in one byte, or a compressed point.
pub(super) fn point(reader: &mut Reader<'_>) -> Result<(), InputError> {
    let at = reader.offset();
    match reader.u8()? {
        0 => Ok(()),
        2 | 3 => reader.take(32).map(drop),
        form => Err(InputError::new(at, format!("a point that begins with {form:#04x}"))),
    }
}

/// `WitnessCondition.cs`. `open` counts the parts still to be read at each depth, so that nothing recurses.
fn condition(reader: &mut Reader<'_>) -> Result<(), InputError> {
    let mut open = vec![1_usize];
    while let Some(parts) = open.last_mut() {
        if *parts == 0 {
            open.pop();
            continue;
        }
        *parts -= 1;
        let at = reader.offset();
        let inner = match reader.u8()? {
            // A boolean.
            0x00 => reader.take(1).map(|_| None)?,
            // Not.
            0x01 => Some(1),
            // And, or.
            0x02 | 0x03 => match length(reader, SUBITEMS_MAX)? {
                0 => return Err(InputError::new(at, "a condition of no parts")),
                parts => Some(parts),
            },
            // A script hash; called by a contract.
            0x18 | 0x28 => reader.take(20).map(|_| None)?,
            // A group; called by a group.
            0x19 | 0x29 => point(reader).map(|()| None)?,
            // Called by the entry script.
            0x20 => None,
            kind => return Err(InputError::new(at, format!("condition {kind:#04x}"))),
        };
        if let Some(parts) = inner {
            if open.len() >= NESTING_MAX {
                return Err(InputError::new(at, format!("conditions deeper than {NESTING_MAX}")));
            }
            open.push(parts);
        }
    }
    Ok(())
}

/// `TransactionAttribute.cs` and its kinds.
fn attribute(reader: &mut Reader<'_>) -> Result<(), InputError> {
    let at = reader.offset();
    match reader.u8()? {
        // High priority.
        0x01 => Ok(()),
        // Oracle response: request, code, result.
        0x11 => reader.take(9).and_then(|_| bytes(reader, SCRIPT_BYTES)).map(drop),
        // Not valid before a height.
        0x20 => reader.take(4).map(drop),
        // Conflicts with a transaction.
        0x21 => reader.take(32).map(drop),
        // Notary assisted: keys.
        0x22 => reader.take(1).map(drop),
        kind => Err(InputError::new(at, format!("attribute {kind:#04x}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_to_their_depth_and_no_further() {
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            condition(&mut reader).map(|()| reader.offset())
        };
        assert_eq!(read(&[0x20, 9]), Ok(1));
        assert_eq!(read(&[0x00, 1]), Ok(2));
        // And of (not called-by-entry) and a boolean.
        assert_eq!(read(&[0x02, 2, 0x01, 0x20, 0x00, 0]), Ok(6));
        assert_eq!(read(&[0x01, 0x01, 0x20]), Ok(3));
        assert_eq!(read(&[0x01, 0x01, 0x01, 0x20]).expect_err("deep").offset, 2);
        assert!(read(&[0x02, 0]).is_err(), "no parts");
        assert!(read(&[0x03, 17]).is_err(), "too many parts");
        assert!(read(&[0x55]).is_err());
    }

    #[test]
    fn lengths_have_four_widths_and_a_limit() {
        let read = |bytes: &[u8]| length(&mut Reader::new(bytes), 70_000);
        assert_eq!(read(&[0xfc]), Ok(0xfc));
        assert_eq!(read(&[0xfd, 1, 2]), Ok(0x201));
        assert_eq!(read(&[0xfe, 1, 0, 1, 0]), Ok(0x1_0001));
        assert!(read(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1]).is_err());
        assert!(read(&[0xfe, 0, 0, 2, 0]).is_err());
    }
}
