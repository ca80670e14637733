//! A committee as text into the account that must witness the next header: an address, a script hash, or the validators' keys.

use super::script::{Dialect, multisig};
use crate::base58;
use crate::hash::{hash160, sha256d};
use crate::input::{InputError, hex_array, json_error};

/// The first byte of an address (neo `config.json`, `AddressVersion`): 0x35 in N3, 0x17 in Neo 2.
const VERSIONS: [u8; 2] = [0x35, 0x17];
/// Validators of a committee (`Contract.cs`, keys of a multisig script).
const VALIDATORS_MAX: usize = 1_024;

/// An address's account: Base58 of version, account and the first four bytes of their double SHA-256.
#[must_use]
pub fn account(address: &str) -> Option<[u8; 20]> {
    let bytes: [u8; 25] = base58::decode::<25>(address)?;
    let (payload, checksum) = bytes.split_at(21);
    (VERSIONS.contains(&payload[0]) && sha256d(payload)[..4] == *checksum)
        .then(|| payload[1..].try_into().expect("20 bytes"))
}

/// The account of a committee: `n - (n-1)/3` of its keys ordered by coordinates (neo `Contract.cs`,
/// `GetBFTAddress`; `CreateMultiSigRedeemScript`).
#[must_use]
pub fn committee(keys: &[[u8; 33]], dialect: Dialect) -> Option<[u8; 20]> {
    let needed = keys.len().checked_sub(keys.len().checked_sub(1)? / 3)?;
    let mut sorted = keys.to_vec();
    // Keys compare by x; two with one x differ in y's parity, which does not order y but suffices where they are distinct.
    sorted.sort_unstable_by_key(|key| (<[u8; 32]>::try_from(&key[1..]).expect("33 bytes"), key[0]));
    Some(hash160(&multisig(needed, &sorted, dialect)))
}

/// Reads a file of validators: an address, `0x` and a script hash last byte first, or a JSON list of keys in hex.
///
/// # Errors
/// Where and why it is none of them.
pub fn read(bytes: &[u8], dialect: Dialect) -> Result<[u8; 20], InputError> {
    let text = std::str::from_utf8(bytes).map_err(|error| InputError::new(error.valid_up_to(), "not text"))?.trim();
    if text.starts_with('[') {
        let list: Vec<String> = serde_json::from_str(text).map_err(|error| json_error(bytes, &error))?;
        if list.len() > VALIDATORS_MAX {
            return Err(InputError::new(0, format!("more than {VALIDATORS_MAX} validators")));
        }
        let keys = list.iter().enumerate().map(|(place, key)| {
            hex_array(key).ok_or_else(|| InputError::new(0, format!("validator {place}: not a key of 33 bytes in hex")))
        });
        let keys: Vec<[u8; 33]> = keys.collect::<Result<_, _>>()?;
        return committee(&keys, dialect).ok_or_else(|| InputError::new(0, "no validators"));
    }
    if let Some(mut hash) = text.strip_prefix("0x").and_then(hex_array::<20>) {
        hash.reverse();
        return Ok(hash);
    }
    account(text)
        .ok_or_else(|| InputError::new(0, "an address, 0x and a script hash, or a JSON list of keys is wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committees_keys_make_its_published_address() {
        // Neo 2's test network, blocks 1 and 343,892: their keys, and the address that neo-python's test states.
        let keys = [
            "0327da12b5c40200e9f65569476bbff2218da4f32548ff43b6387ec1416a231ee8",
            "0209e7fd41dfb5c2f8dc72eb30358ac100ea8c72da18847befe06eade68cebfcb9",
            "034ff5ceeac41acf22cd5ed2da17a6df4dd8358fcb2bfb1a43208ad0feaab2746b",
            "026ce35b29147ad09e4afe4ec4a7319095f08198fa8babbe3c56e970b143528d22",
            "038dddc06ce687677a53d54f096d2591ba2302068cf123c1f2d75c2dddc5425579",
            "039dafd8571a641058ccc832c5e2111ea39b09c0bde36050914384f7a48bce9bf9",
            "02d02b1873a0863cd042cc717da31cea0d7cf9db32b74d4c72c01b0011503e2e22",
        ];
        let json = serde_json::to_vec(&keys).expect("JSON");
        let hash = read(&json, Dialect::Legacy).expect("keys");
        assert_eq!(hex::encode(hash), "f3812db982f3b0089a21a278988efeec6a027b25");
        assert_eq!(read(b"AdyQbbn6ENjqWDa5JNYMwN3ikNcA4JeZdk\n", Dialect::Legacy), Ok(hash));
        assert_eq!(read(b"0x257b026aecfe8e9878a2219a08b0f382b92d81f3", Dialect::Legacy), Ok(hash));
        assert_ne!(read(&json, Dialect::N3), Ok(hash));
    }

    #[test]
    fn what_names_no_account_is_refused() {
        for bad in ["", "[]", "[\"02\"]", "0x00", "AdyQbbn6ENjqWDa5JNYMwN3ikNcA4JeZdj", "0", "\u{e4}"] {
            assert!(read(bad.as_bytes(), Dialect::N3).is_err(), "{bad}");
        }
        assert!(read(&[0xff], Dialect::N3).is_err());
    }
}
