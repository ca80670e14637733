//! JSON lines to items, one line at a time.
//!
//! A line that cannot be read as an item is an input error, reported with its number and field while the rest still
//! runs. A key or signature of the wrong length is not: those bytes are what the question is about, and the answer is
//! *invalid*. Lines are read into one buffer of bounded size, so memory does not grow with the file.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use assay_scheme::limits::BODY_BYTES_MAX;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::CliError;

/// Bytes of one line: an item of the largest request in hex, and room for its names. A longer line is skipped, unread.
pub const LINE_BYTES_MAX: usize = 2 * BODY_BYTES_MAX as usize + 64 * 1024;

/// Strings in one array: more keys than fit a request even at the shortest key there is.
const ENTRIES_MAX: usize = BODY_BYTES_MAX as usize / 32;

/// The field names an item may have; which of them it must have is the command's.
pub const FIELDS: [&str; 5] = ["public_key", "signature", "message", "digest", "expect"];

/// Why a line is not an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The line's number, from 1.
    pub line: u64,
    /// The field at fault; `None` when the line as a whole is.
    pub field: Option<String>,
    /// What is wrong, and what was wanted.
    pub why: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(field) = &self.field {
            write!(f, "field {field}: ")?;
        }
        f.write_str(&self.why)
    }
}

/// A file or the standard input, line by line.
pub struct Lines {
    reader: Box<dyn BufRead>,
    /// The input as messages name it.
    pub name: String,
    /// Its size, where it is a file.
    pub bytes: Option<u64>,
    /// Bytes read so far.
    pub bytes_read: u64,
    line: u64,
    buffer: Vec<u8>,
}

/// One line that is not blank.
pub enum Line<'a> {
    /// Its number from 1, and its bytes without the line's end.
    Text(u64, &'a [u8]),
    /// It is longer than [`LINE_BYTES_MAX`] and was skipped.
    TooLong(u64),
}

impl Lines {
    /// Opens a file, or the standard input for `-`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &str) -> Result<Self, CliError> {
        let (reader, name, bytes): (Box<dyn BufRead>, _, _) = if path == "-" {
            (Box::new(io::stdin().lock()), "standard input".to_owned(), None)
        } else {
            let error = |source| CliError::Read { path: path.to_owned(), source };
            let file = File::open(path).map_err(error)?;
            let metadata = file.metadata().map_err(error)?;
            if metadata.is_dir() {
                return Err(error(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            let bytes = metadata.is_file().then_some(metadata.len());
            (Box::new(BufReader::with_capacity(256 * 1024, file)), path.to_owned(), bytes)
        };
        Ok(Self::new(reader, name, bytes))
    }

    /// Lines of any reader.
    #[must_use]
    pub fn new(reader: Box<dyn BufRead>, name: String, bytes: Option<u64>) -> Self {
        Self { reader, name, bytes, bytes_read: 0, line: 0, buffer: Vec::new() }
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// When the input cannot be read further.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, CliError> {
        loop {
            self.buffer.clear();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = self.read(limit)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if read as u64 == limit && self.buffer.last() != Some(&b'\n') {
                self.skip_line()?;
                return Ok(Some(Line::TooLong(self.line)));
            }
            if !self.buffer.trim_ascii().is_empty() {
                let text = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
                return Ok(Some(Line::Text(self.line, text.strip_suffix(b"\r").unwrap_or(text))));
            }
        }
    }

    /// At most `limit` bytes of one line into the buffer; how many.
    fn read(&mut self, limit: u64) -> Result<usize, CliError> {
        let read = self
            .reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| CliError::Read { path: self.name.clone(), source })?;
        self.bytes_read += read as u64;
        Ok(read)
    }

    /// Reads past the rest of a line without keeping it.
    fn skip_line(&mut self) -> Result<(), CliError> {
        loop {
            self.buffer.clear();
            let read = self.read(256 * 1024)?;
            if read == 0 || self.buffer.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }
}

/// A field's value, before anybody asks what the field should hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// An array of strings.
    Texts(Vec<Cow<'a, str>>),
    /// True or false.
    Bool(bool),
    /// `null`: as if the field were absent.
    Null,
    /// Anything else, by the word a person would use for it.
    Other(&'static str),
}

impl Value<'_> {
    /// What it is, for messages.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Texts(_) => "an array",
            Self::Bool(_) => "true or false",
            Self::Null => "null",
            Self::Other(word) => word,
        }
    }
}

/// A line's fields, in the order of [`FIELDS`].
#[derive(Debug, Default)]
pub struct Fields<'a> {
    values: [Option<Value<'a>>; FIELDS.len()],
    /// The first name that is not one of [`FIELDS`], or that comes twice.
    defect: Option<(String, &'static str)>,
}

impl<'a> Fields<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is not a JSON object, or has a field that is unknown or comes twice.
    pub fn parse(line: u64, text: &'a [u8]) -> Result<Self, LineError> {
        let fields: Self = serde_json::from_slice(text).map_err(|error| {
            let at = if error.column() > 0 { format!(" at column {}", error.column()) } else { String::new() };
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or(&why);
            LineError { line, field: None, why: format!("not a JSON object: {why}{at}") }
        })?;
        match fields.defect {
            None => Ok(fields),
            Some((field, why)) => Err(LineError { line, field: Some(field), why: why.to_owned() }),
        }
    }

    /// Takes a field's value out; `None` when it is absent or null.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let index = FIELDS.iter().position(|field| *field == name)?;
        self.values[index].take().filter(|value| *value != Value::Null)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(Text(name)) = map.next_key()? {
                    let value: Value<'de> = map.next_value()?;
                    match FIELDS.iter().position(|field| *field == name) {
                        Some(index) if fields.values[index].is_none() => fields.values[index] = Some(value),
                        Some(_) => fields.note(&name, "given twice"),
                        None => {
                            fields.note(&name, "unknown; known are public_key, signature, message, digest and expect");
                        }
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl Fields<'_> {
    fn note(&mut self, name: &str, why: &'static str) {
        // The name comes from outside and goes to a terminal: control characters are escaped, and its length is
        // bounded.
        self.defect.get_or_insert_with(|| (name.escape_debug().take(64).collect(), why));
    }
}

/// A string borrowed from the line where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(de::Error::custom("a name is not a string")),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other("a number"))
    }

    // The parser itself bounds how deep arrays may nest.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        let mut other = None;
        while let Some(value) = seq.next_element::<Value<'de>>()? {
            match value {
                Value::Text(text) if texts.len() < ENTRIES_MAX => texts.push(text),
                Value::Text(_) => other = Some("an array of more strings than a request can hold"),
                _ => other = Some("an array of something other than strings"),
            }
        }
        Ok(other.map_or(Value::Texts(texts), Value::Other))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object"))
    }
}

/// Bytes from hex in either case, with or without `0x`.
///
/// # Errors
/// What is wrong with the digits, in words.
pub fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    hex::decode(digits).map_err(|error| match error {
        hex::FromHexError::OddLength => format!("an odd number of hex digits ({})", digits.chars().count()),
        hex::FromHexError::InvalidHexCharacter { c, index } => {
            format!("{:?} at {} is not a hex digit", c, index + (text.len() - digits.len()))
        }
        hex::FromHexError::InvalidStringLength => "not hex".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        Lines::new(Box::new(io::Cursor::new(text.to_owned())), "a test".to_owned(), None)
    }

    fn field_error(text: &str) -> LineError {
        Fields::parse(7, text.as_bytes()).expect_err("a defect")
    }

    #[test]
    fn blank_lines_count_but_are_no_items() {
        let mut lines = lines("\n a \r\n\n\nb");
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().expect("reads") {
            match line {
                Line::Text(number, text) => seen.push((number, text.to_vec())),
                Line::TooLong(_) => panic!("short"),
            }
        }
        assert_eq!(seen, [(2, b" a ".to_vec()), (5, b"b".to_vec())]);
        assert_eq!(lines.bytes_read, 9);
    }

    #[test]
    fn a_line_too_long_is_skipped_and_the_next_is_read() {
        let long = "x".repeat(LINE_BYTES_MAX + 700_000);
        let mut lines = lines(&format!("{long}\nshort\n"));
        assert!(matches!(lines.next_line(), Ok(Some(Line::TooLong(1)))));
        assert!(matches!(lines.next_line(), Ok(Some(Line::Text(2, b"short")))));
        assert!(matches!(lines.next_line(), Ok(None)));
    }

    #[test]
    fn fields_come_out_once_and_null_is_absent() {
        let text = br#"{"public_key":["aa","bb"],"signature":"c\u0063","message":null,"expect":false}"#;
        let mut fields = Fields::parse(1, text).expect("an object");
        assert_eq!(fields.take("public_key"), Some(Value::Texts(vec!["aa".into(), "bb".into()])));
        assert_eq!(fields.take("signature"), Some(Value::Text("cc".into())));
        assert_eq!(fields.take("message"), None);
        assert_eq!(fields.take("digest"), None);
        assert_eq!(fields.take("expect"), Some(Value::Bool(false)));
        assert_eq!(fields.take("expect"), None);
    }

    #[test]
    fn each_defect_names_its_field() {
        assert_eq!(field_error(r#"{"pubkey":"00"}"#).field.as_deref(), Some("pubkey"));
        assert_eq!(field_error(r#"{"message":"00","message":"01"}"#).why, "given twice");
        assert_eq!(field_error(r#"{"message":"00""#).field, None);
        assert_eq!(field_error("[1]").field, None);
        assert_eq!(field_error(r#"{"\u001b[2J":1}"#).field.as_deref(), Some("\\u{1b}[2J"));
        let mut fields =
            Fields::parse(1, br#"{"message":[["00"]],"digest":{"a":[1]},"expect":1.5}"#).expect("an object");
        for name in ["message", "digest", "expect"] {
            assert!(matches!(fields.take(name), Some(Value::Other(_))), "{name}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = format!("{{\"message\":{}", "[".repeat(100_000));
        assert!(field_error(&text).why.starts_with("not a JSON object"));
    }

    #[test]
    fn hex_takes_either_case_and_a_prefix() {
        assert_eq!(unhex("0xAbcd"), Ok(vec![0xab, 0xcd]));
        assert_eq!(unhex(""), Ok(vec![]));
        assert_eq!(unhex("0x"), Ok(vec![]));
        assert_eq!(unhex("abc"), Err("an odd number of hex digits (3)".to_owned()));
        assert_eq!(unhex("0xag"), Err("'g' at 3 is not a hex digit".to_owned()));
    }
}
