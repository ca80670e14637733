//! A line's fields to one item of an operation: which fields it must have, and what they hold.

use assay_scheme::encoding::Encoder;
use assay_scheme::registry::{Grouping, Messages};
use assay_scheme::{ColumnsBuilder, Kind, Operation, Output, Parameters, Verdict};

use super::input::{Fields, LineError, Value, unhex};

/// What the caller expects of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is valid, or it is not.
    Valid(bool),
    /// It is valid and has this value.
    Value(Vec<u8>),
}

/// One item, its bytes as the line gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// No key, one, or as many as the row groups.
    pub keys: Vec<Vec<u8>>,
    /// The signature; empty where there is none.
    pub signature: Vec<u8>,
    /// One message, or as many as the row groups.
    pub messages: Vec<Vec<u8>>,
    /// What is expected of it.
    pub expect: Expect,
}

/// What a line must hold for one operation and its parameters.
#[derive(Clone, Copy, Debug)]
pub struct ItemForm {
    operation: &'static Operation,
    message_field: &'static str,
    output: Output,
}

impl Item {
    /// Whether it still fits columns that hold other items, the longest of whose messages has `longest` bytes: an item
    /// refused in encoding takes the place of one such.
    #[must_use]
    pub fn fits(&self, operation: &Operation, builder: &ColumnsBuilder, longest: usize) -> bool {
        let messages = self.messages.iter().map(Vec::len).sum::<usize>().max(longest);
        let bytes = self.keys.len().max(1) * operation.key_len + operation.signature_len + messages;
        builder.fits(bytes, self.keys.len() + self.messages.len())
    }

    /// Adds it to columns; what cannot be put into canonical form keeps its place with its reason.
    pub fn push(&self, encoder: Encoder, builder: &mut ColumnsBuilder) {
        if encoder.operation().grouping == Grouping::Single {
            let key = self.keys.first().map_or(&[][..], Vec::as_slice);
            let message = self.messages.first().map_or(&[][..], Vec::as_slice);
            encoder.push_item(builder, key, &self.signature, message);
        } else {
            let keys: Vec<_> = self.keys.iter().map(Vec::as_slice).collect();
            let messages: Vec<_> = self.messages.iter().map(Vec::as_slice).collect();
            encoder.push_group(builder, &keys, &self.signature, &messages);
        }
    }
}

impl Expect {
    /// Whether an item's answer is the expected one. What was not evaluated never is.
    #[must_use]
    pub fn met_by(&self, verdict: Verdict, value: &[u8]) -> bool {
        match (self, verdict) {
            (_, Verdict::NotEvaluated(_)) => false,
            (Self::Valid(valid), verdict) => verdict.is_valid() == *valid,
            (Self::Value(expected), verdict) => verdict.is_valid() && same_value(expected, value),
        }
    }

    /// What was expected, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Valid(true) => "valid was expected".to_owned(),
            Self::Valid(false) => "invalid was expected".to_owned(),
            Self::Value(value) => format!("{} was expected", hex::encode(value)),
        }
    }
}

/// Values are equal, or both are one public key, which people write in three forms (SEC 1 v2, section 2.3.3).
fn same_value(expected: &[u8], value: &[u8]) -> bool {
    match (expected.len(), value.len()) {
        (65, 64) => expected[0] == 4 && expected[1..] == *value,
        (33, 64) => expected[0] == 2 + (value[63] & 1) && expected[1..] == value[..32],
        _ => expected == value,
    }
}

impl ItemForm {
    /// The form for an operation and parameters that fit it.
    #[must_use]
    pub fn new(operation: &'static Operation, parameters: &Parameters) -> Self {
        let digest = matches!(operation.messages, Messages::DigestOr(_)) && parameters.hash.is_none();
        Self { operation, message_field: if digest { "digest" } else { "message" }, output: parameters.output }
    }

    /// Reads a line's fields.
    ///
    /// # Errors
    /// The first field that is missing, superfluous or not hex.
    pub fn read(&self, line: u64, fields: &mut Fields<'_>) -> Result<Item, LineError> {
        let (keys, signature) = match self.operation.kind {
            Kind::Digest => (Vec::new(), Vec::new()),
            Kind::Recover => (Vec::new(), text(line, fields, "signature")?),
            _ => (self.keys(line, fields)?, text(line, fields, "signature")?),
        };
        let messages = self.messages(line, fields)?;
        let expect = self.expect(line, fields)?;
        for name in ["public_key", "signature"] {
            if fields.take(name).is_some() {
                return Err(error(line, name, format!("{} takes none", self.operation.name)));
            }
        }
        Ok(Item { keys, signature, messages, expect })
    }

    fn keys(&self, line: u64, fields: &mut Fields<'_>) -> Result<Vec<Vec<u8>>, LineError> {
        match self.operation.grouping {
            Grouping::Keys | Grouping::KeysAndMessages => texts(line, fields, "public_key"),
            _ => Ok(vec![text(line, fields, "public_key")?]),
        }
    }

    fn messages(&self, line: u64, fields: &mut Fields<'_>) -> Result<Vec<Vec<u8>>, LineError> {
        let (wanted, other) =
            if self.message_field == "digest" { ("digest", "message") } else { ("message", "digest") };
        if fields.take(other).is_some() {
            let name = self.operation.name;
            let why = match (self.operation.messages, other) {
                (_, "message") => format!("{name} signs a digest; name the message's hash with --hash, or give digest"),
                (Messages::DigestOr(_), _) => "--hash names how the message is hashed; give message".to_owned(),
                _ => format!("{name} takes the message itself; give it as message"),
            };
            return Err(error(line, other, why));
        }
        match self.operation.grouping {
            Grouping::KeysAndMessages => texts(line, fields, wanted),
            _ => Ok(vec![text(line, fields, wanted)?]),
        }
    }

    fn expect(&self, line: u64, fields: &mut Fields<'_>) -> Result<Expect, LineError> {
        let width = self.operation.value_width(self.output).unwrap_or(0);
        match fields.take("expect") {
            None => Ok(Expect::Valid(true)),
            Some(Value::Bool(valid)) => Ok(Expect::Valid(valid)),
            Some(Value::Text(value)) if width > 0 => {
                let value = unhex(&value).map_err(|why| error(line, "expect", why))?;
                let key = self.operation.kind == Kind::Recover && width == 64 && matches!(value.len(), 33 | 65);
                if value.len() != width && !key {
                    let why = format!("{} bytes; the value has {width}", value.len());
                    return Err(error(line, "expect", why));
                }
                Ok(Expect::Value(value))
            }
            Some(value) => {
                let wanted = if width > 0 { "hex, or true or false" } else { "true or false" };
                Err(error(line, "expect", format!("{} where {wanted} is wanted", value.word())))
            }
        }
    }
}

fn error(line: u64, field: &str, why: impl Into<String>) -> LineError {
    LineError { line, field: Some(field.to_owned()), why: why.into() }
}

/// A field that holds one hex string.
fn text(line: u64, fields: &mut Fields<'_>, name: &str) -> Result<Vec<u8>, LineError> {
    match fields.take(name) {
        Some(Value::Text(digits)) => unhex(&digits).map_err(|why| error(line, name, why)),
        Some(value) => Err(error(line, name, format!("{} where hex is wanted", value.word()))),
        None => Err(error(line, name, "missing")),
    }
}

/// A field that holds an array of hex strings.
fn texts(line: u64, fields: &mut Fields<'_>, name: &str) -> Result<Vec<Vec<u8>>, LineError> {
    match fields.take(name) {
        Some(Value::Texts(texts)) => texts
            .iter()
            .enumerate()
            .map(|(i, digits)| unhex(digits).map_err(|why| error(line, name, format!("entry {i}: {why}"))))
            .collect(),
        Some(value) => Err(error(line, name, format!("{} where an array of hex is wanted", value.word()))),
        None => Err(error(line, name, "missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::{Cause, Hash, Reason, Row};

    fn read(row: Row, parameters: &Parameters, text: &str) -> Result<Item, LineError> {
        let mut fields = Fields::parse(3, text.as_bytes())?;
        ItemForm::new(row.operation(), parameters).read(3, &mut fields)
    }

    fn blamed(row: Row, parameters: &Parameters, text: &str) -> (String, String) {
        let error = read(row, parameters, text).expect_err("an input error");
        assert_eq!(error.line, 3);
        (error.field.expect("a field"), error.why)
    }

    #[test]
    fn an_item_keeps_its_bytes_whatever_their_length() {
        let text = r#"{"public_key":"0x00","signature":"","message":"aabb","expect":false}"#;
        let item = read(Row::Ed25519Strict, &Parameters::default(), text).expect("an item");
        assert_eq!(item.keys, [[0]]);
        assert_eq!(item.signature, [0_u8; 0]);
        assert_eq!(item.messages, [[0xaa, 0xbb]]);
        assert_eq!(item.expect, Expect::Valid(false));
    }

    #[test]
    fn digest_and_message_are_not_mixed_up() {
        let plain = Parameters::default();
        let hashed = Parameters::hashed(Hash::Sha256);
        let message = r#"{"public_key":"00","signature":"00","message":"00"}"#;
        let digest = r#"{"public_key":"00","signature":"00","digest":"00"}"#;
        assert!(read(Row::EcdsaP256, &plain, digest).is_ok());
        assert!(read(Row::EcdsaP256, &hashed, message).is_ok());
        assert!(read(Row::Sm2Za, &plain, message).is_ok());
        let (field, why) = blamed(Row::EcdsaP256, &plain, message);
        assert!(field == "message" && why.contains("--hash"), "{why}");
        let (field, why) = blamed(Row::EcdsaP256, &hashed, digest);
        assert!(field == "digest" && why.contains("--hash"), "{why}");
        let (field, why) = blamed(Row::Sm2Za, &plain, digest);
        assert!(field == "digest" && why.contains("message itself"), "{why}");
        let both = r#"{"public_key":"00","signature":"00","digest":"00","message":"00"}"#;
        assert_eq!(blamed(Row::EcdsaP256, &plain, both).0, "message");
    }

    #[test]
    fn missing_and_superfluous_fields_are_named() {
        let plain = Parameters::default();
        assert_eq!(blamed(Row::Ed25519Ref10, &plain, r#"{"signature":"00","message":"00"}"#).0, "public_key");
        assert_eq!(blamed(Row::Ed25519Ref10, &plain, r#"{"public_key":"00","message":"00"}"#).0, "signature");
        assert_eq!(blamed(Row::Ed25519Ref10, &plain, r#"{"public_key":"00","signature":"00"}"#).0, "message");
        assert_eq!(blamed(Row::Sha256, &plain, r#"{"message":"00","signature":"00"}"#).0, "signature");
        let key = r#"{"public_key":"00","digest":"00","signature":"00"}"#;
        assert_eq!(blamed(Row::RecoverSecp256k1, &plain, key).0, "public_key");
        let number = r#"{"public_key":7,"signature":"00","message":"00"}"#;
        assert_eq!(blamed(Row::Ed25519Ref10, &plain, number).1, "a number where hex is wanted");
        let odd = r#"{"public_key":"00","signature":"000","message":"00"}"#;
        assert_eq!(blamed(Row::Ed25519Ref10, &plain, odd).0, "signature");
    }

    #[test]
    fn groups_are_arrays() {
        let plain = Parameters::default();
        let one = r#"{"public_key":["00","01"],"signature":"00","message":"00"}"#;
        assert_eq!(read(Row::BlsMinPkPopFastAggregate, &plain, one).expect("an item").keys, [[0], [1]]);
        assert_eq!(blamed(Row::BlsMinPkPopAggregate, &plain, one).0, "message");
        let odd = r#"{"public_key":["00","0"],"signature":"00","message":"00"}"#;
        let (field, why) = blamed(Row::BlsMinPkPopFastAggregate, &plain, odd);
        assert!(field == "public_key" && why.starts_with("entry 1"), "{why}");
    }

    #[test]
    fn an_expected_key_may_be_written_in_three_forms() {
        let value: Vec<u8> = (0..64).collect();
        let full = [&[4], value.as_slice()].concat();
        let compressed = [&[3], &value[..32]].concat();
        for expected in [value.clone(), full.clone(), compressed.clone()] {
            assert!(Expect::Value(expected).met_by(Verdict::Valid, &value));
        }
        let even = [&[2], &value[..32]].concat();
        assert!(!Expect::Value(even).met_by(Verdict::Valid, &value));
        assert!(!Expect::Value(full).met_by(Verdict::Invalid(Reason::Key), &[0; 64]));
        let text = r#"{"signature":"00","digest":"00","expect":"0011"}"#;
        let (field, why) = blamed(Row::RecoverSecp256k1, &Parameters::default(), text);
        assert!(field == "expect" && why.contains("64"), "{why}");
    }

    #[test]
    fn what_was_not_evaluated_is_never_as_expected() {
        let verdict = Verdict::NotEvaluated(Cause::Stopped);
        assert!(!Expect::Valid(true).met_by(verdict, &[]));
        assert!(!Expect::Valid(false).met_by(verdict, &[]));
        assert!(!Expect::Value(vec![0; 32]).met_by(verdict, &[0; 32]));
    }
}
