//! A sign document, and the amino transaction that carries its signature.

use serde::Deserialize;
use serde_json::Value;

use crate::input::{InputError, Reader, json_error};
use crate::proto::{Fields, varint};

/// Amino's prefix of StdTx (bnb-chain/javascript-sdk `src/types/tx`, `TxAminoPrefix`).
const STD_TX: [u8; 4] = [0xf0, 0x62, 0x5d, 0xee];
/// Amino's prefix of a secp256k1 key, and the key's length.
const KEY: [u8; 5] = [0xeb, 0x5a, 0xe9, 0x87, 33];

/// What a file says of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The bytes that are signed: a JSON document.
    pub sign_bytes: Vec<u8>,
    /// The key, 33 bytes.
    pub key: Vec<u8>,
    /// r ‖ s.
    pub signature: Vec<u8>,
    /// The transaction in amino, where the file has it.
    pub std_tx: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct JsonDocument {
    sign_bytes: String,
    pubkey: String,
    sig: String,
    std_tx_amino: Option<String>,
}

/// A file: a JSON list of `{"sign_bytes","pubkey","sig","std_tx_amino"?}`, all in hex.
///
/// # Errors
/// Where the file is not that, or which field is wrong.
pub fn documents(bytes: &[u8]) -> Result<Vec<Document>, InputError> {
    let list: Vec<JsonDocument> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
    if list.is_empty() {
        return Err(InputError::new(0, "no transactions"));
    }
    list.iter()
        .enumerate()
        .map(|(index, entry)| {
            let hexed = |field: &str, text: &str| {
                hex::decode(text).map_err(|error| InputError::new(0, format!("transaction {index} {field}: {error}")))
            };
            Ok(Document {
                sign_bytes: hexed("sign_bytes", &entry.sign_bytes)?,
                key: hexed("pubkey", &entry.pubkey)?,
                signature: hexed("sig", &entry.sig)?,
                std_tx: entry.std_tx_amino.as_ref().map(|text| hexed("std_tx_amino", text)).transpose()?,
            })
        })
        .collect()
}

/// What the document says besides its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignDocument {
    /// The chain's name.
    pub chain_id: String,
    account_number: String,
    sequence: String,
    memo: String,
    /// Older documents have none.
    source: Option<String>,
    messages: usize,
}

impl Document {
    /// Reads the document. Nodes make it themselves, sorted and without spaces (bnc-cosmos-sdk `types/utils.go`,
    /// `SortJSON`; `x/auth/stdtx.go`, `StdSignBytes`), so a document of another form is one that no node would check.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self) -> Result<SignDocument, String> {
        let value: Value = serde_json::from_slice(&self.sign_bytes)
            .map_err(|error| json_error(&self.sign_bytes, &error).to_string())?;
        if sorted(&value).as_bytes() != self.sign_bytes {
            return Err("the document is not sorted JSON without spaces".into());
        }
        let text = |field: &str| {
            value[field].as_str().map(str::to_owned).ok_or_else(|| format!("the document has no text {field}"))
        };
        Ok(SignDocument {
            chain_id: text("chain_id")?,
            account_number: text("account_number")?,
            sequence: text("sequence")?,
            memo: text("memo")?,
            source: value["source"].as_str().map(str::to_owned),
            messages: value["msgs"].as_array().ok_or("the document has no list msgs")?.len(),
        })
    }
}

/// JSON as Go writes a sorted document: keys in order, no spaces, `<`, `>`, `&` and the two line separators escaped.
/// Recursion is bounded: the parser refuses more than 128 levels.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}:{}", escaped(key), sorted(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(",")),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    Value::from(text)
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A transaction in amino, as far as the document repeats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StdTx {
    messages: usize,
    key: Vec<u8>,
    signature: Vec<u8>,
    account_number: i64,
    sequence: i64,
    memo: String,
    source: i64,
}

impl StdTx {
    /// Length, prefix, and the fields of StdTx with one signature (bnb-chain/javascript-sdk `src/types/tx/stdTx.ts`).
    ///
    /// # Errors
    /// Where the bytes are not that.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let mut reader = Reader::new(bytes);
        let length = varint(&mut reader)?;
        if usize::try_from(length) != Ok(reader.rest().len()) {
            return Err(reader.error("the length is not the transaction's"));
        }
        if reader.array::<4>()? != STD_TX {
            return Err(reader.error("not a StdTx"));
        }
        let mut out = Self::default();
        let mut signatures = 0;
        let mut fields = Fields::new(reader.rest(), reader.offset());
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    field.bytes()?;
                    out.messages += 1;
                }
                2 => {
                    signatures += 1;
                    let mut fields = field.message()?;
                    while let Some(field) = fields.next()? {
                        match field.number {
                            1 => {
                                let key = field.bytes()?.strip_prefix(&KEY);
                                let wrong = || InputError::new(field.offset, "not a secp256k1 key");
                                out.key = key.ok_or_else(wrong)?.to_vec();
                            }
                            2 => out.signature = field.bytes()?.to_vec(),
                            3 => out.account_number = field.int64()?,
                            4 => out.sequence = field.int64()?,
                            _ => {}
                        }
                    }
                }
                3 => out.memo = String::from_utf8_lossy(field.bytes()?).into_owned(),
                4 => out.source = field.int64()?,
                _ => {}
            }
        }
        if signatures == 1 { Ok(out) } else { Err(reader.error(format!("{signatures} signatures"))) }
    }

    /// Whether the transaction carries this document's signature and repeats what it says.
    ///
    /// # Errors
    /// Which part differs.
    pub fn agrees(&self, document: &Document, doc: &SignDocument) -> Result<(), String> {
        let parts = [
            ("key", self.key == document.key),
            ("signature", self.signature == document.signature),
            ("account number", self.account_number.to_string() == doc.account_number),
            ("sequence", self.sequence.to_string() == doc.sequence),
            ("memo", self.memo == doc.memo),
            ("source", doc.source.as_ref().is_none_or(|source| self.source.to_string() == *source)),
            ("number of messages", self.messages == doc.messages),
        ];
        match parts.iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((part, _)) => Err(format!("the transaction has another {part} than the document")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_json_is_gos() {
        let value: Value = serde_json::from_str(r#"{"b":[1,"<&>"],"a":{"d":null,"c":true}}"#).expect("JSON");
        assert_eq!(sorted(&value), r#"{"a":{"c":true,"d":null},"b":[1,"\u003c\u0026\u003e"]}"#);
    }

    #[test]
    fn strangers_transactions_have_an_error_and_its_byte() {
        assert!(StdTx::parse(&[]).is_err());
        assert_eq!(StdTx::parse(&[9, 1]).expect_err("length").offset, 1);
        assert!(StdTx::parse(&[4, 1, 2, 3, 4]).expect_err("prefix").what.contains("StdTx"));
        assert!(StdTx::parse(&[4, 0xf0, 0x62, 0x5d, 0xee]).expect_err("empty").what.contains("0 signatures"));
    }
}
