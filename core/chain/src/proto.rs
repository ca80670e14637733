//! Protocol buffers, field by field: reading with the offset of every error, and writing exactly what gogoproto and amino
//! write (fields in order, zeros left out, some empty messages kept), because signatures cover those bytes.

use crate::input::{InputError, Reader};

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64([u8; 8]),
    /// Wire type 2: bytes, and where they begin.
    Bytes(&'a [u8], usize),
    /// Wire type 5.
    Fixed32([u8; 4]),
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u64,
    /// Its value.
    pub value: Value<'a>,
    /// Where its tag begins.
    pub offset: usize,
}

/// The fields of one message, in order; nested messages are read by another walk, so nothing recurses on input.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    reader: Reader<'a>,
    base: usize,
}

impl<'a> Fields<'a> {
    /// The fields of a message that begins `base` bytes into the file.
    #[must_use]
    pub fn new(message: &'a [u8], base: usize) -> Self {
        Self { reader: Reader::new(message), base }
    }

    /// The next field, `None` at the message's end.
    ///
    /// # Errors
    /// Where the message is not fields.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, InputError> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let base = self.base;
        self.field().map(Some).map_err(|error| error.shifted(base))
    }

    fn field(&mut self) -> Result<Field<'a>, InputError> {
        let offset = self.base + self.reader.offset();
        let tag = varint(&mut self.reader)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.reader)?),
            1 => Value::Fixed64(self.reader.array()?),
            2 => {
                let len = usize::try_from(varint(&mut self.reader)?)
                    .map_err(|_| self.reader.error("a length beyond memory"))?;
                let start = self.base + self.reader.offset();
                Value::Bytes(self.reader.take(len)?, start)
            }
            5 => Value::Fixed32(self.reader.array()?),
            wire => return Err(self.reader.error(format!("wire type {wire}"))),
        };
        Ok(Field { number: tag >> 3, value, offset })
    }
}

impl<'a> Field<'a> {
    fn wrong(&self, wanted: &str) -> InputError {
        InputError::new(self.offset, format!("field {} is not {wanted}", self.number))
    }

    /// A varint's value.
    ///
    /// # Errors
    /// For another wire type.
    pub fn varint(&self) -> Result<u64, InputError> {
        if let Value::Varint(value) = self.value { Ok(value) } else { Err(self.wrong("a number")) }
    }

    /// A varint's value as int64.
    ///
    /// # Errors
    /// For another wire type.
    pub fn int64(&self) -> Result<i64, InputError> {
        self.varint().map(u64::cast_signed)
    }

    /// Bytes.
    ///
    /// # Errors
    /// For another wire type.
    pub fn bytes(&self) -> Result<&'a [u8], InputError> {
        if let Value::Bytes(bytes, _) = self.value { Ok(bytes) } else { Err(self.wrong("bytes")) }
    }

    /// Bytes, and where they begin.
    ///
    /// # Errors
    /// For another wire type.
    pub fn bytes_at(&self) -> Result<(&'a [u8], usize), InputError> {
        if let Value::Bytes(bytes, start) = self.value { Ok((bytes, start)) } else { Err(self.wrong("bytes")) }
    }

    /// Text.
    ///
    /// # Errors
    /// For another wire type, or bytes that are not UTF-8.
    pub fn text(&self) -> Result<&'a str, InputError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.wrong("text"))
    }

    /// A nested message's fields.
    ///
    /// # Errors
    /// For another wire type.
    pub fn message(&self) -> Result<Fields<'a>, InputError> {
        if let Value::Bytes(bytes, start) = self.value {
            Ok(Fields::new(bytes, start))
        } else {
            Err(self.wrong("a message"))
        }
    }
}

/// A varint of at most ten bytes and 64 bits.
///
/// # Errors
/// When it ends early or says more.
pub fn varint(reader: &mut Reader<'_>) -> Result<u64, InputError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = reader.u8()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(reader.error("a number beyond 64 bits"))
}

/// Writes a message.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The message.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// The message with its length in front.
    #[must_use]
    pub fn finish_delimited(self) -> Vec<u8> {
        let mut out = Self { out: Vec::with_capacity(self.out.len() + 3) };
        out.raw_varint(self.out.len() as u64);
        out.out.extend_from_slice(&self.out);
        out.out
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.out.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.out.push(value.to_le_bytes()[0]);
    }

    /// A number, left out when zero.
    #[must_use]
    pub fn varint(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.raw_varint(u64::from(number) << 3);
            self.raw_varint(value);
        }
        self
    }

    /// Numbers in one field (packed), left out when there are none.
    #[must_use]
    pub fn packed(self, number: u32, values: &[u32]) -> Self {
        let mut packed = Self::new();
        values.iter().for_each(|value| packed.raw_varint((*value).into()));
        self.bytes(number, &packed.out)
    }

    /// A signed number as int64, left out when zero.
    #[must_use]
    pub fn int64(self, number: u32, value: i64) -> Self {
        self.varint(number, value.cast_unsigned())
    }

    /// A signed number in eight bytes, left out when zero.
    #[must_use]
    pub fn sfixed64(mut self, number: u32, value: i64) -> Self {
        if value != 0 {
            self.raw_varint(u64::from(number) << 3 | 1);
            self.out.extend_from_slice(&value.to_le_bytes());
        }
        self
    }

    /// Bytes or text, left out when empty.
    #[must_use]
    pub fn bytes(self, number: u32, bytes: &[u8]) -> Self {
        if bytes.is_empty() { self } else { self.message(number, bytes) }
    }

    /// A message, kept when empty.
    #[must_use]
    pub fn message(mut self, number: u32, message: &[u8]) -> Self {
        self.raw_varint(u64::from(number) << 3 | 2);
        self.raw_varint(message.len() as u64);
        self.out.extend_from_slice(message);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = Writer::new()
            .varint(1, 300)
            .varint(2, 0)
            .int64(3, -1)
            .sfixed64(4, 5)
            .bytes(5, b"ab")
            .bytes(6, b"")
            .message(7, b"")
            .finish();
        let mut fields = Fields::new(&message, 100);
        let mut next = || fields.next().expect("fields").expect("another");
        assert_eq!(next().varint(), Ok(300));
        assert_eq!(next().int64(), Ok(-1));
        assert_eq!(next().value, Value::Fixed64(5_u64.to_le_bytes()));
        assert_eq!(next().bytes(), Ok(&b"ab"[..]));
        assert_eq!(next().number, 7);
        assert_eq!(fields.next(), Ok(None));
    }

    #[test]
    fn errors_have_their_place_in_the_file() {
        let long = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert!(Fields::new(&long, 0).next().expect_err("65 bits").what.contains("64 bits"));
        let cut = [0x0a, 0x05, 1];
        assert_eq!(Fields::new(&cut, 10).next().expect_err("cut").offset, 12);
        let field = Fields::new(&[0x08, 1], 40).next().expect("a field").expect("one");
        assert_eq!(field.bytes().expect_err("a number").offset, 40);
        assert!(Fields::new(&[0x0b], 0).next().is_err(), "a group");
    }
}
