//! Bounded reading of strangers' bytes. Every error says at which byte it arose; nothing here allocates more than a small
//! constant times what it was given, and nothing recurses.

use std::borrow::Cow;
use std::io::Read;

/// A compressed file may grow to this many times its size. Larger: a small file could fill memory. Smaller: honest files of
/// repeated content are refused (blocks shrink to about three quarters).
const INFLATE_RATIO_MAX: usize = 64;

/// Why bytes are not what a profile reads, and where that became clear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct InputError {
    /// Bytes from the start of the file (of its decompressed or decoded form, where it has one).
    pub offset: usize,
    /// What was expected or what is wrong, for people.
    pub what: String,
}

impl InputError {
    /// An error at a byte.
    #[must_use]
    pub fn new(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }

    /// The same error of a part that began `base` bytes into the file.
    #[must_use]
    pub fn shifted(self, base: usize) -> Self {
        Self { offset: self.offset + base, ..self }
    }
}

/// Takes fields off the front of a slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the slice's start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What is left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], InputError> {
        let rest = self.rest();
        let taken = rest
            .get(..len)
            .ok_or_else(|| InputError::new(self.at, format!("{len} bytes are wanted and {} are left", rest.len())))?;
        self.at += len;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], InputError> {
        Ok(self.take(N)?.try_into().expect("take gives as many as were asked"))
    }

    /// The next byte.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn u8(&mut self) -> Result<u8, InputError> {
        Ok(self.array::<1>()?[0])
    }

    /// A little-endian u32.
    ///
    /// # Errors
    /// When fewer than four bytes are left.
    pub fn u32_le(&mut self) -> Result<u32, InputError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A length in this many little-endian bytes, and as many bytes as it says.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn u32_le_prefixed(&mut self) -> Result<&'a [u8], InputError> {
        let len = self.u32_le()? as usize;
        self.take(len)
    }

    /// An error where the reader stands.
    #[must_use]
    pub fn error(&self, what: impl Into<String>) -> InputError {
        InputError::new(self.at, what)
    }
}

/// Takes bzip2 off a file that has it (by its magic `BZh`), else gives the bytes as they are.
///
/// # Errors
/// When the compressed stream is broken or grows beyond `INFLATE_RATIO_MAX` times its size.
pub fn decompressed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, InputError> {
    if !(bytes.starts_with(b"BZh") && bytes.get(4..10) == Some(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])) {
        return Ok(Cow::Borrowed(bytes));
    }
    let limit = bytes.len().saturating_mul(INFLATE_RATIO_MAX);
    let mut inflated = Vec::new();
    bzip2::read::MultiBzDecoder::new(bytes)
        .take(limit as u64 + 1)
        .read_to_end(&mut inflated)
        .map_err(|error| InputError::new(inflated.len(), format!("bzip2: {error}")))?;
    if inflated.len() > limit {
        return Err(InputError::new(limit, format!("bzip2 grows beyond {INFLATE_RATIO_MAX} times the file")));
    }
    Ok(Cow::Owned(inflated))
}

/// Decodes a file that is hex text (whitespace anywhere, `0x` in front allowed); `None` when it is not text of that kind.
#[must_use]
pub fn unhexed(bytes: &[u8]) -> Option<Vec<u8>> {
    let body = bytes.trim_ascii_start();
    let body = body.strip_prefix(b"0x").unwrap_or(body);
    if body.is_empty() || !body.iter().all(|byte| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace()) {
        return None;
    }
    let digits: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    hex::decode(digits).ok()
}

/// Hex of exactly `N` bytes, `0x` in front allowed.
#[must_use]
pub fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

/// Bytes of a stranger's name that are repeated in what is said of each of its parts. Larger: a long name said once in a file
/// is written down as often as the file has parts.
const LABEL_BYTES_MAX: usize = 96;

/// A stranger's name, cut to what may be repeated.
#[must_use]
pub fn label(name: &str) -> &str {
    let mut end = name.len().min(LABEL_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Where a JSON error arose, in bytes.
#[must_use]
pub fn json_error(text: &[u8], error: &serde_json::Error) -> InputError {
    let before: usize =
        text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    InputError::new(before + error.column().saturating_sub(1), format!("JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_names_the_byte_where_it_stopped() {
        let mut reader = Reader::new(&[1, 0, 0, 0, 7]);
        assert_eq!(reader.u32_le_prefixed().expect("one byte"), [7]);
        assert!(reader.is_empty());
        assert_eq!(reader.u8().expect_err("nothing left").offset, 5);
        let mut reader = Reader::new(&[255, 255, 255, 255, 7]);
        assert_eq!(reader.u32_le_prefixed().expect_err("4 GiB").offset, 4);
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        assert_eq!(label("short"), "short");
        assert_eq!(label(&"é".repeat(100)).len(), 96);
        assert_eq!(label(&format!("a{}", "é".repeat(100))).len(), 95);
    }

    #[test]
    fn hex_text_is_told_from_bytes() {
        assert_eq!(unhexed(b" 0x00ff\n 10"), Some(vec![0, 255, 16]));
        assert_eq!(unhexed(b"0"), None, "half a byte");
        assert_eq!(unhexed(&[0xf9, 0xbe]), None);
        assert_eq!(unhexed(b"\n"), None);
    }

    #[test]
    fn a_broken_or_swelling_bzip2_is_refused() {
        use std::io::Write;
        let compress = |bytes: &[u8]| {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        };
        let honest = compress(b"some bytes that do not repeat");
        assert_eq!(*decompressed(&honest).expect("whole"), *b"some bytes that do not repeat");
        assert!(decompressed(&honest[..honest.len() - 3]).is_err(), "cut");
        let bomb = compress(&vec![0; 1 << 20]);
        assert!(decompressed(&bomb).expect_err("swells").what.contains("grows"));
        assert_eq!(*decompressed(b"BZ").expect("plain"), *b"BZ");
    }

    #[test]
    fn a_json_error_has_its_byte() {
        let text = b"{\n \"a\": 1,\n x}";
        let error = serde_json::from_slice::<serde_json::Value>(text).expect_err("x");
        assert_eq!(json_error(text, &error).offset, 12);
    }
}
