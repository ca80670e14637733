//! Neo 2's transactions (neo v2.9.4 `Network/P2P/Payloads`): their hash, whom their witnesses must be of, and their witnesses.

use super::block::{Accounts, Transaction, bytes, length, point, since, witness};
use super::script::Dialect;
use crate::hash::sha256d;
use crate::input::{InputError, Reader};

/// Attributes of a transaction (`Transaction.cs`, `MaxTransactionAttributes`).
const ATTRIBUTES_MAX: usize = 16;
/// Inputs, claims, outputs and witnesses (`ReadSerializableArray`, a u16 of outputs; the rest is bounded by the input itself).
const PARTS_MAX: usize = 65_536;
/// Bytes of a script and of a descriptor's value (`InvocationTransaction.cs`, `StateDescriptor.cs`).
const SCRIPT_BYTES: usize = 65_536;

/// The two assets whose receivers need not sign; a share's must (`Transaction.cs`, `GetScriptHashesForVerifying`, `DutyFlag`).
const NEO: [u8; 32] = reversed("c56f33fc6ecfcd0c225c4ab356fee59390af8560be0e930faebe74a6daff7c9b");
const GAS: [u8; 32] = reversed("602c79718b16e442de58778e148d0b1084e3b2dffd5de6b7b16cee7969282de7");

/// Bytes of hex digits, last first: hashes are shown that way round.
const fn reversed(hex: &str) -> [u8; 32] {
    const fn digit(byte: u8) -> u8 {
        if byte <= b'9' { byte - b'0' } else { byte - b'a' + 10 }
    }
    let hex = hex.as_bytes();
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[31 - i] = digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]);
        i += 1;
    }
    out
}

/// What a transaction asks of witnesses, gathered while it is read.
#[derive(Default)]
struct Asks {
    outputs: Vec<([u8; 32], u16)>,
    named: Vec<[u8; 20]>,
    beyond: Option<&'static str>,
    makes: Vec<[u8; 20]>,
}

/// Takes a transaction off the reader, which stands somewhere in `whole`.
///
/// # Errors
/// Where and why the bytes are none.
pub(super) fn transaction<'a>(whole: &'a [u8], reader: &mut Reader<'a>) -> Result<Transaction<'a>, InputError> {
    let start = reader.offset();
    let mut asks = Asks::default();
    let kind = reader.u8()?;
    let version = reader.u8()?;
    if version > 1 {
        return Err(InputError::new(start + 1, "a transaction's version is 0 or 1"));
    }
    exclusive(reader, kind, version, &mut asks)?;
    for _ in 0..length(reader, ATTRIBUTES_MAX)? {
        attribute(reader, &mut asks)?;
    }
    references(reader, &mut asks)?;
    let count = length(reader, PARTS_MAX)?;
    for _ in 0..count {
        let asset: [u8; 32] = reader.array()?;
        reader.take(8)?;
        asks.makes.push(reader.array()?);
        if asset != NEO && asset != GAS {
            asks.beyond = Some("an output is of another asset, whose receivers may have to sign");
        }
    }
    let unsigned = since(whole, start, reader);
    let witnesses =
        (0..length(reader, PARTS_MAX)?).map(|_| witness(reader, Dialect::Legacy)).collect::<Result<_, _>>()?;
    let Asks { outputs, named, beyond, makes } = asks;
    let accounts = Accounts::Spends { outputs, named, beyond, makes };
    Ok(Transaction { hash: sha256d(unsigned), unsigned, accounts, witnesses })
}

/// References to outputs: a transaction and a place.
fn references(reader: &mut Reader<'_>, asks: &mut Asks) -> Result<(), InputError> {
    for _ in 0..length(reader, PARTS_MAX)? {
        asks.outputs.push((reader.array()?, u16::from_le_bytes(reader.array()?)));
    }
    Ok(())
}

/// What only this kind of transaction has.
fn exclusive(reader: &mut Reader<'_>, kind: u8, version: u8, asks: &mut Asks) -> Result<(), InputError> {
    let at = reader.offset();
    match kind {
        // Miner: a nonce. Issue and contract: nothing.
        0x00 => reader.take(4).map(drop)?,
        0x01 => asks.beyond = Some("an issue must be witnessed by the asset's issuer"),
        0x80 => {}
        // Claim: the spent outputs whose gas is claimed, whose owners sign too.
        0x02 => references(reader, asks)?,
        0x20 => {
            point(reader)?;
            asks.beyond = Some("an enrollment must be witnessed by its key");
        }
        // Register: type, name, amount, precision, owner, administrator.
        0x40 => {
            reader.take(1)?;
            bytes(reader, 1_024)?;
            reader.take(9)?;
            point(reader)?;
            reader.take(20)?;
            asks.beyond = Some("a registration must be witnessed by the asset's owner");
        }
        // State: descriptors of type, key, field, value.
        0x90 => {
            for _ in 0..length(reader, 16)? {
                reader.take(1)?;
                bytes(reader, 100)?;
                bytes(reader, 32)?;
                bytes(reader, SCRIPT_BYTES)?;
            }
            asks.beyond = Some("a state change must be witnessed by whom it concerns");
        }
        // Publish: script, parameters, return type, storage, five texts.
        0xd0 => {
            bytes(reader, SCRIPT_BYTES)?;
            bytes(reader, 252)?;
            reader.take(1 + usize::from(version >= 1))?;
            for max in [252, 252, 252, 252, SCRIPT_BYTES] {
                bytes(reader, max)?;
            }
        }
        // Invocation: script, and gas since version 1.
        0xd1 => {
            bytes(reader, SCRIPT_BYTES)?;
            if version >= 1 {
                reader.take(8)?;
            }
        }
        kind => return Err(InputError::new(at, format!("transaction type {kind:#04x}"))),
    }
    Ok(())
}

/// `TransactionAttribute.cs`.
fn attribute(reader: &mut Reader<'_>, asks: &mut Asks) -> Result<(), InputError> {
    let at = reader.offset();
    match reader.u8()? {
        // Contract hash, ECDH, vote, hashes.
        0x00 | 0x02 | 0x03 | 0x30 | 0xa1..=0xaf => reader.take(32).map(drop)?,
        // Script: an account that must sign.
        0x20 => asks.named.push(reader.array()?),
        // Description URL.
        0x81 => {
            let len = reader.u8()?;
            reader.take(len.into())?;
        }
        // Description, remarks.
        0x90 | 0xf0..=0xff => drop(bytes(reader, 65_535)?),
        usage => return Err(InputError::new(at, format!("attribute {usage:#04x}"))),
    }
    Ok(())
}
