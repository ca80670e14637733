//! The same in protocol buffers: `LightBlock` (signed header and validator set) or `SignedHeader` (CometBFT
//! `proto/cometbft/types/v1/types.proto`, `validator.proto`).

use super::encoding::{KeyKind, RawKey};
use super::types::{BlockId, Commit, CommitSig, Flag, Header, SignedHeader, Time, Validator, ValidatorSet, flag};
use crate::input::InputError;
use crate::proto::{Field, Fields};

/// Calls `read` with each field of a message.
fn each<'a>(
    mut fields: Fields<'a>,
    mut read: impl FnMut(Field<'a>) -> Result<(), InputError>,
) -> Result<(), InputError> {
    while let Some(field) = fields.next()? {
        read(field)?;
    }
    Ok(())
}

fn number<N: TryFrom<i64>>(field: &Field<'_>) -> Result<N, InputError> {
    N::try_from(field.int64()?)
        .map_err(|_| InputError::new(field.offset, format!("field {}: a number out of range", field.number)))
}

fn text(field: &Field<'_>) -> Result<String, InputError> {
    String::from_utf8(field.bytes()?.to_vec())
        .map_err(|_| InputError::new(field.offset, format!("field {}: text that is not UTF-8", field.number)))
}

fn time(field: &Field<'_>) -> Result<Time, InputError> {
    let mut out = Time::default();
    each(field.message()?, |field| {
        match field.number {
            1 => out.seconds = field.int64()?,
            2 => out.nanos = number(&field)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn block_id(field: &Field<'_>) -> Result<BlockId, InputError> {
    let mut out = BlockId::default();
    each(field.message()?, |field| {
        match field.number {
            1 => out.hash = field.bytes()?.to_vec(),
            2 => each(field.message()?, |field| {
                match field.number {
                    1 => out.parts_total = number(&field)?,
                    2 => out.parts_hash = field.bytes()?.to_vec(),
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn header(fields: Fields<'_>) -> Result<Header, InputError> {
    let mut out = Header::default();
    each(fields, |field| {
        match field.number {
            1 => each(field.message()?, |field| {
                match field.number {
                    1 => out.version.0 = field.varint()?,
                    2 => out.version.1 = field.varint()?,
                    _ => {}
                }
                Ok(())
            })?,
            2 => out.chain_id = text(&field)?,
            3 => out.height = field.int64()?,
            4 => out.time = time(&field)?,
            5 => out.last_block_id = block_id(&field)?,
            at @ 6..=13 => out.hashes[usize::try_from(at - 6).expect("below 8")] = field.bytes()?.to_vec(),
            14 => out.proposer_address = field.bytes()?.to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn commit(fields: Fields<'_>) -> Result<Commit, InputError> {
    let mut out = Commit::default();
    each(fields, |field| {
        match field.number {
            1 => out.height = field.int64()?,
            2 => out.round = number(&field)?,
            3 => out.block_id = block_id(&field)?,
            4 => out.signatures.push(commit_sig(&field)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

fn commit_sig(field: &Field<'_>) -> Result<CommitSig, InputError> {
    let mut said = None;
    let mut out = CommitSig { flag: Flag::Absent, address: Vec::new(), time: Time::ZERO, signature: Vec::new() };
    each(field.message()?, |field| {
        match field.number {
            1 => said = Some(flag(field.varint()?, field.offset)?),
            2 => out.address = field.bytes()?.to_vec(),
            3 => out.time = time(&field)?,
            4 => out.signature = field.bytes()?.to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    out.flag = said.ok_or_else(|| InputError::new(field.offset, "a signature without its flag"))?;
    Ok(out)
}

fn validator_set(fields: Fields<'_>) -> Result<ValidatorSet, InputError> {
    let mut out = ValidatorSet::default();
    each(fields, |field| {
        if field.number == 1 {
            out.validators.push(validator(&field)?);
        }
        Ok(())
    })?;
    Ok(out)
}

fn validator(field: &Field<'_>) -> Result<Validator, InputError> {
    let key = RawKey { kind: KeyKind::Other, bytes: Vec::new() };
    let mut out = Validator { address: Vec::new(), key, power: 0 };
    each(field.message()?, |field| {
        match field.number {
            1 => out.address = field.bytes()?.to_vec(),
            2 => each(field.message()?, |field| {
                out.key = RawKey::from_field(field.number, field.bytes()?.to_vec());
                Ok(())
            })?,
            3 => out.power = field.int64()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

/// The two messages of a `SignedHeader`; `None` when one is missing.
fn signed(fields: Fields<'_>) -> Result<Option<(Header, Commit)>, InputError> {
    let (mut header_read, mut commit_read) = (None, None);
    each(fields, |field| {
        match field.number {
            1 => header_read = Some(header(field.message()?)?),
            2 => commit_read = Some(commit(field.message()?)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(header_read.zip(commit_read))
}

fn light_block(bytes: &[u8]) -> Result<Option<SignedHeader>, InputError> {
    let (mut both, mut validators) = (None, None);
    each(Fields::new(bytes, 0), |field| {
        match field.number {
            1 => both = signed(field.message()?)?,
            2 => validators = Some(validator_set(field.message()?)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(both.zip(validators).map(|((header, commit), set)| SignedHeader {
        header,
        commit,
        validators: Some(set),
        transactions: None,
    }))
}

/// A `LightBlock` or a `SignedHeader`. The one is told from the other by what their first field holds: a header begins
/// with its version's message, which is no header.
///
/// # Errors
/// Where the bytes are neither.
pub fn signed_header(bytes: &[u8]) -> Result<SignedHeader, InputError> {
    if let Ok(Some(light)) = light_block(bytes) {
        return Ok(light);
    }
    match signed(Fields::new(bytes, 0))? {
        Some((header, commit)) => Ok(SignedHeader { header, commit, validators: None, transactions: None }),
        None => Err(InputError::new(bytes.len(), "neither a LightBlock nor a SignedHeader")),
    }
}

/// A `ValidatorSet`.
///
/// # Errors
/// Where the bytes are not one.
pub fn validators(bytes: &[u8]) -> Result<ValidatorSet, InputError> {
    let set = validator_set(Fields::new(bytes, 0))?;
    if set.validators.is_empty() { Err(InputError::new(bytes.len(), "a set without validators")) } else { Ok(set) }
}
