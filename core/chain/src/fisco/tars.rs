//! FISCO BCOS v3's signed transactions as they travel: the tars encoding (`bcos-tars-protocol/tars/Transaction.tars`).
//!
//! A field is a head (tag in the high four bits or a byte of its own, type in the low four) and its value. Structures nest to a
//! fixed depth here, so nothing recurses on input.

use crate::input::{InputError, Reader};

/// What is signed of a transaction, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionData {
    /// 0, 1 or 2: which fields are hashed.
    pub version: i32,
    /// The chain's id.
    pub chain_id: Vec<u8>,
    /// The group's id.
    pub group_id: Vec<u8>,
    /// The last block it is valid in.
    pub block_limit: i64,
    /// What makes it unique.
    pub nonce: Vec<u8>,
    /// The contract, in hex or empty.
    pub to: Vec<u8>,
    /// The call.
    pub input: Vec<u8>,
    /// The interface of a contract that is deployed.
    pub abi: Vec<u8>,
    /// Since version 1: value, gas price, gas limit, the two fees, as they are hashed.
    pub value: Vec<u8>,
    /// The price of gas.
    pub gas_price: Vec<u8>,
    /// The limit of gas.
    pub gas_limit: i64,
    /// The fee's cap.
    pub max_fee_per_gas: Vec<u8>,
    /// The priority fee's cap.
    pub max_priority_fee_per_gas: Vec<u8>,
    /// Since version 2.
    pub extension: Vec<u8>,
}

impl TransactionData {
    /// What is hashed and signed: the fields one after another, numbers big-endian, nothing between them
    /// (`bcos-tars-protocol/impl/TarsHashable.h`).
    #[must_use]
    pub fn preimage(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.input.len() + self.abi.len() + 256);
        out.extend(self.version.to_be_bytes());
        out.extend_from_slice(&self.chain_id);
        out.extend_from_slice(&self.group_id);
        out.extend(self.block_limit.to_be_bytes());
        for field in [&self.nonce, &self.to, &self.input, &self.abi] {
            out.extend_from_slice(field);
        }
        // The version is compared as an unsigned number.
        if self.version.cast_unsigned() >= 1 {
            out.extend_from_slice(&self.value);
            out.extend_from_slice(&self.gas_price);
            out.extend(self.gas_limit.to_be_bytes());
            out.extend_from_slice(&self.max_fee_per_gas);
            out.extend_from_slice(&self.max_priority_fee_per_gas);
        }
        if self.version.cast_unsigned() >= 2 {
            out.extend_from_slice(&self.extension);
        }
        out
    }
}

/// A signed transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What is signed.
    pub data: TransactionData,
    /// The hash it states, 32 bytes or none.
    pub hash: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The sender it states, 20 bytes or none.
    pub sender: Vec<u8>,
    /// 0, or 1 for Ethereum's own transactions.
    pub kind: i64,
}

/// A field's value.
enum Value<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    Open,
    Close,
}

/// A field: its tag and its value.
fn field<'a>(reader: &mut Reader<'a>) -> Result<(u8, Value<'a>), InputError> {
    let at = reader.offset();
    let head = reader.u8()?;
    let tag = if head >> 4 == 15 { reader.u8()? } else { head >> 4 };
    let value = match head & 15 {
        0 => Value::Number(i8::from_be_bytes(reader.array()?).into()),
        1 => Value::Number(i16::from_be_bytes(reader.array()?).into()),
        2 => Value::Number(i32::from_be_bytes(reader.array()?).into()),
        3 => Value::Number(i64::from_be_bytes(reader.array()?)),
        6 => {
            let len = reader.u8()?;
            Value::Bytes(reader.take(len.into())?)
        }
        7 => {
            let len = u32::from_be_bytes(reader.array()?);
            Value::Bytes(reader.take(len as usize)?)
        }
        10 => Value::Open,
        11 => Value::Close,
        12 => Value::Number(0),
        // Bytes: the type of an element, their number as a field, they themselves.
        13 => {
            if reader.u8()? != 0 {
                return Err(InputError::new(at, "a list of another type than bytes"));
            }
            let (_, count) = field_number(reader)?;
            let len = usize::try_from(count).map_err(|_| InputError::new(at, "a negative length"))?;
            Value::Bytes(reader.take(len)?)
        }
        kind => return Err(InputError::new(at, format!("tars type {kind}"))),
    };
    Ok((tag, value))
}

/// A field that is a number of at most 64 bits; kept apart so that a list's length cannot be a list.
fn field_number(reader: &mut Reader<'_>) -> Result<(u8, i64), InputError> {
    let at = reader.offset();
    match reader.rest().first().map(|head| head & 15) {
        Some(0..=3 | 12) => match field(reader)? {
            (tag, Value::Number(number)) => Ok((tag, number)),
            _ => Err(InputError::new(at, "a length is wanted")),
        },
        _ => Err(InputError::new(at, "a length is wanted")),
    }
}

/// Takes one transaction off the reader: its fields ascend, and it ends with the input or where the next one's first field
/// begins.
///
/// # Errors
/// Where and why the bytes are none.
pub fn transaction(reader: &mut Reader<'_>) -> Result<Transaction, InputError> {
    let at = reader.offset();
    let mut out = Transaction::default();
    match field(reader)? {
        (1, Value::Open) => out.data = data(reader)?,
        _ => return Err(InputError::new(at, "a transaction begins with its data")),
    }
    let mut last = 1;
    while let Some(head) = reader.rest().first() {
        // Another transaction's data.
        if *head == 0x1a {
            break;
        }
        let at = reader.offset();
        let (tag, value) = field(reader)?;
        if tag <= last {
            return Err(InputError::new(at, "fields do not ascend"));
        }
        last = tag;
        match (tag, value) {
            (2, Value::Bytes(hash)) => out.hash = hash.to_vec(),
            (3, Value::Bytes(signature)) => out.signature = signature.to_vec(),
            (4 | 5, Value::Number(_)) | (8, Value::Bytes(_)) => {}
            (7, Value::Bytes(sender)) => out.sender = sender.to_vec(),
            (9, Value::Number(kind)) => out.kind = kind,
            (10.., Value::Bytes(_) | Value::Number(_)) => {}
            _ => return Err(InputError::new(at, format!("field {tag} of a transaction"))),
        }
    }
    Ok(out)
}

/// The fields up to the structure's end.
fn data(reader: &mut Reader<'_>) -> Result<TransactionData, InputError> {
    let mut out = TransactionData::default();
    let mut last = 0;
    loop {
        let at = reader.offset();
        let (tag, value) = field(reader)?;
        if matches!(value, Value::Close) {
            return Ok(out);
        }
        if tag <= last {
            return Err(InputError::new(at, "fields do not ascend"));
        }
        last = tag;
        match (tag, value) {
            (1, Value::Number(version)) => {
                out.version = i32::try_from(version).map_err(|_| InputError::new(at, "a version of 32 bits"))?;
            }
            (2, Value::Bytes(bytes)) => out.chain_id = bytes.to_vec(),
            (3, Value::Bytes(bytes)) => out.group_id = bytes.to_vec(),
            (4, Value::Number(limit)) => out.block_limit = limit,
            (5, Value::Bytes(bytes)) => out.nonce = bytes.to_vec(),
            (6, Value::Bytes(bytes)) => out.to = bytes.to_vec(),
            (7, Value::Bytes(bytes)) => out.input = bytes.to_vec(),
            (8, Value::Bytes(bytes)) => out.abi = bytes.to_vec(),
            (9, Value::Bytes(bytes)) => out.value = bytes.to_vec(),
            (10, Value::Bytes(bytes)) => out.gas_price = bytes.to_vec(),
            (11, Value::Number(limit)) => out.gas_limit = limit,
            (12, Value::Bytes(bytes)) => out.max_fee_per_gas = bytes.to_vec(),
            (13, Value::Bytes(bytes)) => out.max_priority_fee_per_gas = bytes.to_vec(),
            (14, Value::Bytes(bytes)) => out.extension = bytes.to_vec(),
            _ => return Err(InputError::new(at, format!("field {tag} of a transaction's data"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_every_type_and_in_order() {
        // {1: {1: 0, 2: "c", 4: 500, 7: bytes}, 2: bytes, 5: 1}
        let bytes = [0x1a, 0x1c, 0x26, 1, b'c', 0x41, 1, 0xf4, 0x7d, 0, 0, 2, 8, 9, 0x0b, 0x2d, 0, 0x0c, 0x50, 1];
        let read = transaction(&mut Reader::new(&bytes)).expect("a transaction");
        assert_eq!((read.data.chain_id.as_slice(), read.data.block_limit), (&b"c"[..], 500));
        assert_eq!((read.data.input.as_slice(), read.hash.len()), (&[8, 9][..], 0));
        assert_eq!(read.data.preimage(), [&[0; 4][..], b"c", &500_i64.to_be_bytes(), &[8, 9]].concat());
        for len in 1..15 {
            assert!(transaction(&mut Reader::new(&bytes[..len])).is_err(), "cut at {len}");
        }
        let two = [&bytes[..], &bytes].concat();
        let mut reader = Reader::new(&two);
        assert_eq!(transaction(&mut reader), Ok(read.clone()));
        assert_eq!(transaction(&mut reader), Ok(read));
        assert!(reader.is_empty());
    }

    #[test]
    fn what_is_out_of_order_or_of_another_type_is_refused() {
        for bad in [
            &[0x1a, 0x26, 1, b'c', 0x1c, 0x0b][..],
            &[0x1a, 0x1c, 0x1c, 0x0b],
            &[0x1a, 0x16, 0, 0x0b],
            &[0x1a, 0x7d, 1, 0x0c, 0x0b],
            &[0x1a, 0x7d, 0, 0x7d, 0, 0, 0x0b],
            &[0x1a, 0x7d, 0, 0, 0xff, 0x0b],
            &[0x1a, 0x0b, 0x1c],
            &[0x1c],
        ] {
            assert!(transaction(&mut Reader::new(bad)).is_err(), "{bad:02x?}");
        }
    }
}
