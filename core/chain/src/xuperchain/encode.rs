//! What is hashed of transactions and blocks (xupercore 6c01439 `bcs/ledger/xledger/state/utxo/txhash`, `ledger/ledger_hash.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::types::{Block, Transaction};
use crate::hash::sha256d;

/// The first version whose encoding is binary (`txhash.go`).
const BINARY: i32 = 3;

/// The digest that is signed, or with the signatures the transaction's id.
#[must_use]
pub fn digest(transaction: &Transaction, with_signatures: bool) -> [u8; 32] {
    if transaction.version >= BINARY {
        sha256d(&binary(transaction, with_signatures))
    } else {
        sha256d(lines(transaction, with_signatures).as_bytes())
    }
}

/// Numbers in eight bytes, big-endian; bytes with their length so in front.
#[derive(Default)]
struct Binary(Vec<u8>);

impl Binary {
    fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn count(&mut self, count: usize) -> &mut Self {
        self.number(count.try_into().expect("fewer than there are bytes"))
    }

    fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }
}

/// `encode.go`, `txDigestHashV2`: versions from 3 on.
fn binary(tx: &Transaction, with_signatures: bool) -> Vec<u8> {
    let mut out = Binary::default();
    out.count(tx.inputs.len());
    for input in &tx.inputs {
        out.bytes(&input.ref_txid).number(input.ref_offset.into()).bytes(&input.from_addr).bytes(&input.amount);
        out.number(input.frozen_height);
    }
    out.count(tx.outputs.len());
    for output in &tx.outputs {
        out.bytes(&output.amount).bytes(&output.to_addr).number(output.frozen_height);
    }
    out.bytes(&tx.desc).number(tx.coinbase.into()).bytes(&tx.nonce).number(tx.timestamp).number(tx.version.into());
    out.number(tx.autogen.into());
    out.count(tx.inputs_ext.len());
    for input in &tx.inputs_ext {
        out.bytes(&input.bucket).bytes(&input.key).bytes(&input.ref_txid).number(input.ref_offset.into());
    }
    out.count(tx.outputs_ext.len());
    for output in &tx.outputs_ext {
        out.bytes(&output.bucket).bytes(&output.key).bytes(&output.value);
    }
    out.count(tx.requests.len());
    for request in &tx.requests {
        out.bytes(&request.module_name).bytes(&request.contract_name).bytes(&request.method_name);
        out.count(request.args.len());
        for (name, value) in &request.args {
            out.bytes(name).bytes(value);
        }
        out.count(request.limits.len());
        for (kind, limit) in &request.limits {
            out.number((*kind).into()).number(*limit);
        }
        out.bytes(&request.amount);
    }
    out.bytes(&tx.initiator).count(tx.auth_require.len());
    for address in &tx.auth_require {
        out.bytes(address);
    }
    if with_signatures {
        for signatures in [&tx.initiator_signs, &tx.auth_require_signs] {
            out.count(signatures.len());
            for signature in signatures {
                out.bytes(&signature.public_key).bytes(&signature.sign);
            }
        }
        let (keys, signature) = tx.xuper_sign.as_ref().map_or((&[][..], &[][..]), |(keys, sign)| (keys, sign));
        out.count(keys.len());
        for key in keys {
            out.bytes(key);
        }
        out.bytes(signature);
    }
    let (key, hash) = tx.hd_info.as_ref().map_or((&[][..], &[][..]), |(key, hash)| (key, hash));
    out.bytes(key).bytes(hash);
    out.0
}

/// Values as Go's `json.Encoder` writes them, each with a newline behind it.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, value: impl AsRef<str>) {
        self.0.push_str(value.as_ref());
        self.0.push('\n');
    }

    fn bytes_if_any(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.line(base64(bytes));
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(bytes))
}

/// A string as Go's encoding/json writes it (before Go 1.22): HTML's characters and the two line separators escaped.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            '<' | '>' | '&' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", character as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A list, `null` where it is empty: what protobuf reads of no entries is nil.
fn list(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<_> = entries.collect();
    if entries.is_empty() { "null".to_owned() } else { format!("[{}]", entries.join(",")) }
}

/// A structure without its empty fields, as generated code's `omitempty` leaves them out.
fn object(fields: &[(&str, Option<String>)]) -> String {
    let fields: Vec<_> =
        fields.iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", value.as_ref()?))).collect();
    format!("{{{}}}", fields.join(","))
}

fn bytes_field(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| base64(bytes))
}

fn string_field(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| string(text))
}

fn number_field(number: i64) -> Option<String> {
    (number != 0).then(|| number.to_string())
}

/// `txhash.go`, `encodeTxData`: versions 1 and 2.
fn lines(tx: &Transaction, with_signatures: bool) -> String {
    let mut out = Lines::default();
    for input in &tx.inputs {
        out.bytes_if_any(&input.ref_txid);
        out.line(input.ref_offset.to_string());
        out.bytes_if_any(&input.from_addr);
        out.bytes_if_any(&input.amount);
        out.line(input.frozen_height.to_string());
    }
    out.line(list(tx.outputs.iter().map(|output| {
        object(&[
            ("amount", bytes_field(&output.amount)),
            ("to_addr", bytes_field(&output.to_addr)),
            ("frozen_height", number_field(output.frozen_height)),
        ])
    })));
    out.bytes_if_any(&tx.desc);
    out.line(string(&tx.nonce));
    out.line(tx.timestamp.to_string());
    out.line(tx.version.to_string());
    for input in &tx.inputs_ext {
        out.line(string(&input.bucket));
        out.bytes_if_any(&input.key);
        out.bytes_if_any(&input.ref_txid);
        out.line(input.ref_offset.to_string());
    }
    for output in &tx.outputs_ext {
        out.line(string(&output.bucket));
        out.bytes_if_any(&output.key);
        out.bytes_if_any(&output.value);
    }
    out.line(requests(tx));
    out.line(string(&tx.initiator));
    out.line(list(tx.auth_require.iter().map(|address| string(address))));
    if with_signatures {
        for signatures in [&tx.initiator_signs, &tx.auth_require_signs] {
            out.line(list(signatures.iter().map(|signature| {
                object(&[("PublicKey", string_field(&signature.public_key)), ("Sign", bytes_field(&signature.sign))])
            })));
        }
        if let Some((keys, signature)) = &tx.xuper_sign {
            let keys = (!keys.is_empty()).then(|| list(keys.iter().map(|key| base64(key))));
            out.line(object(&[("public_keys", keys), ("signature", bytes_field(signature))]));
        }
    }
    out.line(tx.coinbase.to_string());
    out.line(tx.autogen.to_string());
    if tx.version >= 2 {
        out.line(tx.hd_info.as_ref().map_or_else(
            || "null".to_owned(),
            |(key, hash)| object(&[("hd_public_key", bytes_field(key)), ("original_hash", bytes_field(hash))]),
        ));
    }
    out.0
}

fn requests(tx: &Transaction) -> String {
    list(tx.requests.iter().map(|request| {
        let args = request.args.iter().map(|(name, value)| format!("{}:{}", string(name), base64(value)));
        let args = (!request.args.is_empty()).then(|| format!("{{{}}}", args.collect::<Vec<_>>().join(",")));
        let limits = request
            .limits
            .iter()
            .map(|(kind, limit)| object(&[("type", number_field((*kind).into())), ("limit", number_field(*limit))]));
        object(&[
            ("module_name", string_field(&request.module_name)),
            ("contract_name", string_field(&request.contract_name)),
            ("method_name", string_field(&request.method_name)),
            ("args", args),
            ("resource_limits", (!request.limits.is_empty()).then(|| list(limits))),
            ("amount", string_field(&request.amount)),
        ])
    }))
}

/// `ledger_hash.go`, `MakeBlockID`: fields one after another, numbers little-endian. `None` where the file lacks some.
#[must_use]
pub fn block_id(block: &Block) -> Option<[u8; 32]> {
    let header = block.header.as_ref()?;
    let mut out = Vec::new();
    out.extend(header.version.to_le_bytes());
    out.extend(header.nonce.to_le_bytes());
    out.extend(header.tx_count.to_le_bytes());
    out.extend_from_slice(&block.proposer);
    out.extend(header.timestamp.to_le_bytes());
    out.extend_from_slice(&block.pubkey);
    out.extend_from_slice(&header.pre_hash);
    out.extend_from_slice(&header.merkle_root);
    // By id, ascending; the ids themselves are not covered.
    header.failed_txs.values().for_each(|why| out.extend_from_slice(why.as_bytes()));
    out.extend(header.cur_term.to_le_bytes());
    out.extend(header.cur_block_num.to_le_bytes());
    if header.target_bits > 0 {
        out.extend(header.target_bits.to_le_bytes());
    }
    if let Some(justify) = &block.justify {
        out.extend_from_slice(&justify.proposal_id);
        out.extend_from_slice(&justify.proposal_msg);
        out.extend(justify.kind.to_le_bytes());
        out.extend(justify.view_number.to_le_bytes());
        for vote in &justify.votes {
            out.extend_from_slice(vote.address.as_bytes());
            out.extend_from_slice(vote.public_key.as_bytes());
            out.extend_from_slice(&vote.sign);
        }
    }
    Some(sha256d(&out))
}

#[cfg(test)]
mod tests {
    use super::super::types::{Input, Output};
    use super::*;

    /// What a Go node wrote for a transfer of version 1, as oblivioned/xuper-sdk-oc states it (Transaction+SDKExtension.h).
    #[test]
    fn version_1_is_the_lines_that_go_writes() {
        let decode = |text: &str| STANDARD.decode(text).expect("base64");
        let from = decode("ZndtWlZQVTIyZ2RiZ0pEZEVqaDV1NmdLRjVDb2h0TmJH");
        let output = |amount: &str, to: &str| Output { amount: decode(amount), to_addr: decode(to), frozen_height: 0 };
        let address = "fwmZVPU22gdbgJDdEjh5u6gKF5CohtNbG".to_owned();
        let tx = Transaction {
            inputs: vec![Input {
                ref_txid: decode("43MLFX5gusBD5e3W157J1JHkU4j8krK4Td64SFVaGUA="),
                from_addr: from,
                amount: decode("AYag"),
                ..Input::default()
            }],
            outputs: vec![
                output("ZA==", "V05XazNla1hlTTVNMjIzMmRZMnVDSm1FcVdoZlFpRFlU"),
                output("AYY8", "ZndtWlZQVTIyZ2RiZ0pEZEVqaDV1NmdLRjVDb2h0TmJH"),
            ],
            desc: b"transfer from console".to_vec(),
            nonce: "157546990298498081".to_owned(),
            timestamp: 1_575_469_902_778_270_000,
            version: 1,
            initiator: address.clone(),
            auth_require: vec![address],
            ..Transaction::default()
        };
        let written = r#""43MLFX5gusBD5e3W157J1JHkU4j8krK4Td64SFVaGUA="
0
"ZndtWlZQVTIyZ2RiZ0pEZEVqaDV1NmdLRjVDb2h0TmJH"
"AYag"
0
[{"amount":"ZA==","to_addr":"V05XazNla1hlTTVNMjIzMmRZMnVDSm1FcVdoZlFpRFlU"},{"amount":"AYY8","to_addr":"ZndtWlZQVTIyZ2RiZ0pEZEVqaDV1NmdLRjVDb2h0TmJH"}]
"dHJhbnNmZXIgZnJvbSBjb25zb2xl"
"157546990298498081"
1575469902778270000
1
null
"fwmZVPU22gdbgJDdEjh5u6gKF5CohtNbG"
["fwmZVPU22gdbgJDdEjh5u6gKF5CohtNbG"]
false
false
"#;
        assert_eq!(lines(&tx, false), written);
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        assert_eq!(
            string("a<b>&\"\\\n\u{1}\u{2028}é\u{7f}"),
            "\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\u0001\\u2028é\u{7f}\""
        );
    }
}
