//! RLP, item by item and without copies: what is signed or hashed is a run of items as they stand in the input, so nothing is
//! taken apart and put together again. Headers are read, and held to the canonical form, by `alloy-rlp`.

use alloy_rlp::Header;

use crate::input::InputError;

/// Items of a list of fields: no header or transaction has more.
pub const FIELDS_MAX: usize = 32;
/// Bytes of a list's entry: a transaction of ten empty fields has eleven.
pub const ENTRY_BYTES_MIN: usize = 8;

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Whether it is a list.
    pub list: bool,
    /// What it holds.
    pub payload: &'a [u8],
    /// The whole item, header included.
    pub raw: &'a [u8],
    /// Where it begins in the file.
    pub offset: usize,
}

/// Takes the first item off some bytes that begin `base` bytes into the file.
///
/// # Errors
/// Where the bytes are no item in canonical form.
pub fn take<'a>(bytes: &mut &'a [u8], base: usize) -> Result<Item<'a>, InputError> {
    let whole = *bytes;
    let mut rest = whole;
    // The header checks that its payload is there.
    let header = Header::decode(&mut rest).map_err(|error| InputError::new(base, format!("RLP: {error}")))?;
    let (payload, rest) = rest
        .split_at_checked(header.payload_length)
        .ok_or_else(|| InputError::new(base, "RLP: the item ends before its length says"))?;
    let raw = &whole[..whole.len() - rest.len()];
    *bytes = rest;
    Ok(Item { list: header.list, payload, raw, offset: base })
}

impl<'a> Item<'a> {
    /// An error at this item.
    #[must_use]
    pub fn error(&self, what: impl Into<String>) -> InputError {
        InputError::new(self.offset, what)
    }

    fn payload_offset(&self) -> usize {
        self.offset + self.raw.len() - self.payload.len()
    }

    /// A list's first item, if it is a list that has one.
    #[must_use]
    pub fn first(&self) -> Option<Item<'a>> {
        if self.list { take(&mut { self.payload }, self.payload_offset()).ok() } else { None }
    }

    /// The fields of a list that has few.
    ///
    /// # Errors
    /// When it is no list, has more than [`FIELDS_MAX`] items, or what it holds are no items.
    pub fn items(&self) -> Result<Vec<Item<'a>>, InputError> {
        self.items_max(FIELDS_MAX)
    }

    /// The entries of a list of any length, each of at least [`ENTRY_BYTES_MIN`] bytes on average, so that they take no
    /// more memory than a few times the input.
    ///
    /// # Errors
    /// When it is no list, or what it holds are no such items.
    pub fn entries(&self) -> Result<Vec<Item<'a>>, InputError> {
        self.items_max(self.payload.len() / ENTRY_BYTES_MIN)
    }

    fn items_max(&self, max: usize) -> Result<Vec<Item<'a>>, InputError> {
        if !self.list {
            return Err(self.error("a list is wanted"));
        }
        let mut rest = self.payload;
        let mut out = Vec::new();
        while !rest.is_empty() {
            let at = self.payload_offset() + self.payload.len() - rest.len();
            if out.len() == max {
                return Err(InputError::new(at, format!("more than {max} items in a list")));
            }
            out.push(take(&mut rest, at)?);
        }
        Ok(out)
    }

    /// A string's bytes.
    ///
    /// # Errors
    /// When it is a list.
    pub fn bytes(&self) -> Result<&'a [u8], InputError> {
        if self.list { Err(self.error("bytes are wanted")) } else { Ok(self.payload) }
    }

    /// A number of at most `width` bytes, big-endian without leading zeros, at the right end of an array.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn number<const WIDTH: usize>(&self) -> Result<[u8; WIDTH], InputError> {
        let bytes = self.bytes()?;
        if bytes.len() > WIDTH || bytes.first() == Some(&0) {
            return Err(self.error(format!("a number of at most {WIDTH} bytes without leading zeros is wanted")));
        }
        let mut out = [0; WIDTH];
        out[WIDTH - bytes.len()..].copy_from_slice(bytes);
        Ok(out)
    }

    /// A number of 64 bits.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn u64(&self) -> Result<u64, InputError> {
        self.number::<8>().map(u64::from_be_bytes)
    }
}

/// A list of items that are already encoded.
#[must_use]
pub fn list(parts: &[&[u8]]) -> Vec<u8> {
    let payload_length = parts.iter().map(|part| part.len()).sum();
    let header = Header { list: true, payload_length };
    let mut out = Vec::with_capacity(payload_length + 9);
    header.encode(&mut out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The run of neighbouring items, as they stand in the input.
#[must_use]
pub fn run<'a>(within: &Item<'a>, items: &[Item<'a>]) -> &'a [u8] {
    match items {
        [] => &[],
        [first, ..] => {
            let start = first.offset - within.payload_offset();
            &within.payload[start..start + items.iter().map(|item| item.raw.len()).sum::<usize>()]
        }
    }
}

/// A number as an item.
#[must_use]
pub fn number(value: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    alloy_rlp::Encodable::encode(&value, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_place_and_their_bytes() {
        // ["cat", ["dog"], 1, 1024]
        let bytes = hex::decode("cd83636174c483646f6701820400").expect("hex");
        let mut rest = &bytes[..];
        let item = take(&mut rest, 10).expect("an item");
        assert!(rest.is_empty() && item.list);
        let items = item.items().expect("four");
        assert_eq!(items.iter().map(|item| item.offset).collect::<Vec<_>>(), [11, 15, 20, 21]);
        assert_eq!(items[0].bytes(), Ok(&b"cat"[..]));
        assert_eq!((items[2].u64(), items[3].u64()), (Ok(1), Ok(1024)));
        assert_eq!(run(&item, &items[1..3]), hex::decode("c483646f6701").expect("hex"));
        assert_eq!(list(&[run(&item, &items)]), bytes);
        assert_eq!(item.first(), Some(items[0]));
        assert!(item.entries().expect_err("13 bytes hold one entry").what.contains("more than 1 items"));
        let many = list(&[&[1; 33]]);
        assert_eq!(take(&mut &many[..], 0).expect("a list").items().expect_err("33").offset, 33);
        assert_eq!(number(1024), hex::decode("820400").expect("hex"));
        assert_eq!(number(0), [0x80]);
    }

    #[test]
    fn what_is_not_canonical_is_refused_with_its_byte() {
        for bad in ["8100", "b800", "b90001", "83ab", "c2", "f800", "ff", "bfffffffffffffffff"] {
            let bytes = hex::decode(bad).expect("hex");
            assert_eq!(take(&mut &bytes[..], 7).expect_err(bad).offset, 7);
        }
        let zero = hex::decode("820001").expect("hex");
        assert!(take(&mut &zero[..], 0).expect("an item").u64().is_err(), "a leading zero");
    }
}
