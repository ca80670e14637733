//! Previous outputs: given as btcd's utxostore or as JSON, and remembered from the transactions read.

use std::collections::HashMap;

use bitcoin::hashes::Hash;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};

use crate::input::{InputError, Reader, decompressed, hex_array, json_error};

/// Outputs by where they stand.
#[derive(Debug, Default)]
pub struct Outputs {
    outputs: HashMap<OutPoint, TxOut>,
}

/// An output as JSON says it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOutput {
    /// In display order, as explorers and Core's RPC write it.
    txid: String,
    vout: u32,
    /// In satoshis.
    value: u64,
    /// The locking script in hex.
    script: String,
}

impl Outputs {
    /// The output an input spends, if it is known.
    #[must_use]
    pub fn get(&self, point: &OutPoint) -> Option<&TxOut> {
        self.outputs.get(point)
    }

    /// Outputs known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Remembers one output.
    pub fn insert(&mut self, point: OutPoint, output: TxOut) {
        self.outputs.insert(point, output);
    }

    /// Remembers a transaction's outputs.
    pub fn remember(&mut self, txid: Txid, transaction: &Transaction) {
        for (vout, output) in (0..).zip(&transaction.output) {
            self.outputs.insert(OutPoint { txid, vout }, output.clone());
        }
    }

    /// Reads a file of previous outputs, bzip2 or not: JSON (a list of `{"txid","vout","value","script"}`, value in
    /// satoshis) when it begins with `[`, else btcd's utxostore.
    ///
    /// # Errors
    /// Where and why it is neither.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        let bytes = decompressed(bytes)?;
        if bytes.trim_ascii_start().starts_with(b"[") { self.read_json(&bytes) } else { self.read_utxostore(&bytes) }
    }

    fn read_json(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        let list: Vec<JsonOutput> = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
        for (index, output) in list.into_iter().enumerate() {
            let at = |what: &str| InputError::new(0, format!("output {index}: {what}"));
            let mut txid = hex_array::<32>(&output.txid).ok_or_else(|| at("txid is not 32 bytes of hex"))?;
            txid.reverse();
            let script = hex::decode(&output.script).map_err(|_| at("script is not hex"))?;
            let point = OutPoint { txid: Txid::from_byte_array(txid), vout: output.vout };
            let value = Amount::from_sat(output.value);
            self.insert(point, TxOut { value, script_pubkey: ScriptBuf::from_bytes(script) });
        }
        Ok(())
    }

    /// btcd `blockchain/common_test.go`, `loadUtxoView`: (transaction hash 32, index u32le, length u32le, entry)*. An entry
    /// is btcd's utxo set form (`blockchain/chainio.go`): VLQ of height and coinbase flag, then the compressed output.
    fn read_utxostore(&mut self, bytes: &[u8]) -> Result<(), InputError> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let txid = Txid::from_byte_array(reader.array()?);
            let vout = reader.u32_le()?;
            let start = reader.offset() + 4;
            let entry = reader.u32_le_prefixed()?;
            let output = entry_output(entry).map_err(|error| error.shifted(start))?;
            self.insert(OutPoint { txid, vout }, output);
        }
        Ok(())
    }
}

/// One utxostore entry.
fn entry_output(entry: &[u8]) -> Result<TxOut, InputError> {
    let mut reader = Reader::new(entry);
    vlq(&mut reader)?;
    let value = Amount::from_sat(amount(vlq(&mut reader)?).ok_or_else(|| reader.error("the amount overflows"))?);
    let script_pubkey = ScriptBuf::from_bytes(script(&mut reader)?);
    if !reader.is_empty() {
        return Err(reader.error("bytes after the output"));
    }
    Ok(TxOut { value, script_pubkey })
}

/// Base 128, most significant first, the high bit says that more follow, one added for each byte that does (Core
/// `serialize.h`, `ReadVarInt`).
fn vlq(reader: &mut Reader<'_>) -> Result<u64, InputError> {
    let mut n = 0_u64;
    loop {
        let byte = reader.u8()?;
        n = n
            .checked_mul(128)
            .and_then(|n| n.checked_add(u64::from(byte & 0x7f)))
            .ok_or_else(|| reader.error("a number beyond 64 bits"))?;
        if byte & 0x80 == 0 {
            return Ok(n);
        }
        n = n.checked_add(1).ok_or_else(|| reader.error("a number beyond 64 bits"))?;
    }
}

/// Core `compressor.cpp`, `DecompressAmount`.
fn amount(compressed: u64) -> Option<u64> {
    let Some(x) = compressed.checked_sub(1) else { return Some(0) };
    let (exponent, x) = (x % 10, x / 10);
    let n = if exponent < 9 { (x / 9).checked_mul(10)?.checked_add(x % 9 + 1)? } else { x.checked_add(1)? };
    n.checked_mul(10_u64.pow(u32::try_from(exponent).expect("a digit")))
}

/// Core `compressor.cpp`, `DecompressScript`: six special forms by number, else the script with 6 added to its length.
fn script(reader: &mut Reader<'_>) -> Result<Vec<u8>, InputError> {
    let form = vlq(reader)?;
    Ok(match form {
        0 => [&[0x76, 0xa9, 20], reader.take(20)?, &[0x88, 0xac]].concat(),
        1 => [&[0xa9, 20], reader.take(20)?, &[0x87]].concat(),
        2 | 3 => [&[33, form.to_le_bytes()[0]], reader.take(32)?, &[0xac]].concat(),
        4 | 5 => {
            let compressed = [&[form.to_le_bytes()[0] - 2], reader.take(32)?].concat();
            let key = PublicKey::from_slice(&compressed).map_err(|_| reader.error("a key that is not on the curve"))?;
            [&[65][..], &key.serialize_uncompressed(), &[0xac]].concat()
        }
        _ => {
            let len = usize::try_from(form - 6).map_err(|_| reader.error("a script beyond memory"))?;
            reader.take(len)?.to_vec()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core `src/test/compress_tests.cpp`: pairs of amount and compressed amount.
    #[test]
    fn amounts_as_core_compresses_them() {
        for (plain, compressed) in
            [(0, 0), (1, 1), (1_000_000, 7), (100_000_000, 9), (5_000_000_000, 50), (2_100_000_000_000_000, 21_000_000)]
        {
            assert_eq!(amount(compressed), Some(plain));
        }
        assert_eq!(amount(u64::MAX), None);
    }

    #[test]
    fn every_script_form_comes_back() {
        let generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let form = |form: u8, data: &str| {
            let bytes = [vec![form], hex::decode(data).expect("hex")].concat();
            script(&mut Reader::new(&bytes)).map(hex::encode)
        };
        let zeros = "00".repeat(20);
        assert_eq!(form(0, &zeros), Ok(format!("76a914{zeros}88ac")));
        assert_eq!(form(1, &zeros), Ok(format!("a914{zeros}87")));
        assert_eq!(form(3, generator), Ok(format!("2103{generator}ac")));
        let y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
        assert_eq!(form(4, generator), Ok(format!("4104{generator}{y}ac")));
        assert!(form(4, &"ff".repeat(32)).is_err(), "x beyond the field");
        assert_eq!(form(8, "51ae"), Ok("51ae".into()));
        assert!(form(9, "51ae").is_err(), "cut");
    }

    #[test]
    fn json_outputs_are_read_and_errors_named() {
        let mut outputs = Outputs::default();
        let txid = format!("{}01", "00".repeat(31));
        let line = format!(r#"[{{"txid":"{txid}","vout":3,"value":7,"script":"51"}}]"#);
        outputs.read(line.as_bytes()).expect("one output");
        let mut bytes = [0; 32];
        bytes[0] = 1;
        let point = OutPoint { txid: Txid::from_byte_array(bytes), vout: 3 };
        assert_eq!(outputs.get(&point).map(|o| o.value.to_sat()), Some(7));
        assert!(outputs.read(b"[{}]").is_err());
        let short = line.replace(&txid, "00");
        assert!(outputs.read(short.as_bytes()).expect_err("short").what.contains("output 0"));
    }

    #[test]
    fn a_cut_utxostore_names_the_byte() {
        let mut outputs = Outputs::default();
        let entry = [&[7; 32][..], &1_u32.to_le_bytes(), &23_u32.to_le_bytes(), &[4, 9, 0], &[5; 20]].concat();
        outputs.read(&entry).expect("one output");
        assert_eq!(outputs.len(), 1);
        for cut in 1..entry.len() {
            let error = outputs.read(&entry[..cut]).expect_err("cut");
            assert!(error.offset <= cut);
        }
        let endless = [&[7; 32][..], &1_u32.to_le_bytes(), &12_u32.to_le_bytes(), &[0xff; 12]].concat();
        assert!(outputs.read(&endless).expect_err("a number without end").what.contains("64 bits"));
    }
}
