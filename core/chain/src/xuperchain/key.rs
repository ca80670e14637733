//! XuperChain's public keys, `{"Curvname":"P-256","X":…,"Y":…}` with decimal coordinates, and the addresses they make.

use std::borrow::Cow;

use assay_scheme::{Parameters, Reason, Row};
use serde::Deserialize;

use crate::base58;
use crate::claims::{Claim, Collector};
use crate::hash::{hash160, sha256d, sm3};

/// Digits of a 256-bit number: 2^256 has 78.
const DIGITS_MAX: usize = 78;
/// Integers of more digits are put in quotes before a JSON text is parsed, which would round them.
const DIGITS_EXACT: usize = 19;
/// Bytes of a key's text that are parsed.
const KEY_BYTES_MAX: usize = 1_024;

/// The curves there are (crypto `gm/config/cryptography.go`, `core/config`), and their number in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `P-256`, 1.
    P256,
    /// `SM2-P-256`, 2: the gm plugin.
    Sm2,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its curve.
    pub curve: Curve,
    /// x ‖ y.
    pub point: [u8; 64],
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Coordinate {
    Small(u64),
    Text(String),
}

#[derive(Deserialize)]
pub(super) struct JsonKey {
    #[serde(rename = "Curvname")]
    curve: String,
    #[serde(rename = "X")]
    x: Coordinate,
    #[serde(rename = "Y")]
    y: Coordinate,
}

/// A decimal number in 32 bytes; `None` when it is none or larger.
fn decimal(digits: &str) -> Option<[u8; 32]> {
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut out = [0; 32];
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in out.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(out)
}

impl JsonKey {
    /// The text that Go writes of it.
    pub(super) fn text(&self) -> String {
        let digits = |coordinate: &Coordinate| match coordinate {
            Coordinate::Small(number) => number.to_string(),
            Coordinate::Text(digits) => digits.chars().filter(char::is_ascii_digit).collect(),
        };
        let curve: String = self.curve.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        format!("{{\"Curvname\":\"{curve}\",\"X\":{},\"Y\":{}}}", digits(&self.x), digits(&self.y))
    }

    fn typed(&self) -> Option<Key> {
        let curve = match &self.curve[..] {
            "P-256" => Curve::P256,
            "SM2-P-256" => Curve::Sm2,
            _ => return None,
        };
        let coordinate = |coordinate: &Coordinate| match coordinate {
            Coordinate::Small(number) => decimal(&number.to_string()),
            Coordinate::Text(digits) => decimal(digits),
        };
        let mut point = [0; 64];
        point[..32].copy_from_slice(&coordinate(&self.x)?);
        point[32..].copy_from_slice(&coordinate(&self.y)?);
        Some(Key { curve, point })
    }
}

/// A JSON text whose long integers are in quotes. Other texts come back as they are.
#[must_use]
pub fn with_quoted_integers(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut copied, mut at) = (0, 0);
    let mut within = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if within => at += 1,
            b'"' => within = !within,
            b'0'..=b'9' if !within => {
                let len = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if len > DIGITS_EXACT {
                    out.extend_from_slice(&text[copied..at]);
                    out.push(b'"');
                    out.extend_from_slice(&text[at..at + len]);
                    out.push(b'"');
                    copied = at + len;
                }
                at += len - 1;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

impl Key {
    /// Reads a key's JSON.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > KEY_BYTES_MAX {
            return None;
        }
        serde_json::from_slice::<JsonKey>(&with_quoted_integers(text.as_bytes())).ok()?.typed()
    }

    /// Base58 of the curve's number, RIPEMD-160 of the point's hash, and four bytes of a checksum; SHA-256 (twice for the
    /// checksum), or SM3 in the gm plugin (crypto `core/account/address.go`, `gm/account/address.go`).
    #[must_use]
    pub fn address(&self) -> String {
        use ripemd::Digest as _;
        let mut marshalled = [4; 65];
        marshalled[1..].copy_from_slice(&self.point);
        let mut bytes = Vec::with_capacity(25);
        match self.curve {
            Curve::P256 => {
                bytes.push(1);
                bytes.extend(hash160(&marshalled));
                bytes.extend_from_slice(&sha256d(&bytes)[..4]);
            }
            Curve::Sm2 => {
                bytes.push(2);
                bytes.extend_from_slice(&ripemd::Ripemd160::digest(sm3(&marshalled)));
                bytes.extend_from_slice(&sm3(&bytes)[..4]);
            }
        }
        base58::encode(&bytes)
    }

    /// Claims a signature over a 32-byte digest: ECDSA with any S, or SM2 with the digest as e; DER as Go reads it (crypto
    /// `core/sign/ecdsa.go`, `gm/sign/ecdsa.go`).
    pub fn claim(&self, digest: &[u8], signature: &[u8], collector: &mut Collector<'_>) -> Claim {
        let row = match self.curve {
            Curve::P256 => Row::EcdsaP256,
            Curve::Sm2 => Row::Sm2E,
        };
        let pair = assay_scheme::encoding::der::trailing(signature);
        let parts = match &pair {
            Some(pair) => Ok((0x04, &self.point[..], &pair[..])),
            None => Err(Reason::Signature),
        };
        collector.push_or_refuse(row, &Parameters::default(), parts, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_integers_alone_are_put_in_quotes() {
        let quoted = |text: &str| String::from_utf8(with_quoted_integers(text.as_bytes()).into_owned()).expect("text");
        let long = "12345678901234567890123";
        assert_eq!(
            quoted(&format!("{{\"X\":{long},\"y\": [{long},1]}}")),
            format!("{{\"X\":\"{long}\",\"y\": [\"{long}\",1]}}")
        );
        for same in [format!("\"{long}\""), format!("\"\\\"{long}\""), "1663223954004887000".to_owned(), String::new()]
        {
            assert_eq!(quoted(&same), same);
        }
        assert_eq!(quoted("\"\\"), "\"\\");
    }

    #[test]
    fn a_key_makes_the_address_that_its_transactions_state() {
        let key = r#"{"Curvname":"P-256","X":23382601204102541715374124844953012608593295267747539900959924016134547431406,"Y":24224141399742517661144006914182151613904450740565807059057602081995839331020}"#;
        let key = Key::read(key).expect("a key");
        assert_eq!(key.address(), "cAz2Q356CkuxUNbrNX4yYimnTZuXqC5S2");
    }

    #[test]
    fn other_keys_are_refused() {
        let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(decimal(most), Some([0xff; 32]));
        assert_eq!(decimal("115792089237316195423570985008687907853269984665640564039457584007913129639936"), None);
        assert!(Key::read(&format!("{{\"Curvname\":\"P-256\",\"X\":{most},\"Y\":1}}")).is_some());
        for bad in [
            "",
            "{}",
            r#"{"Curvname":"P-384","X":1,"Y":1}"#,
            r#"{"Curvname":"P-256","X":-1,"Y":1}"#,
            r#"{"Curvname":"P-256","X":"","Y":1}"#,
            r#"{"Curvname":"P-256","X":1.5,"Y":1}"#,
        ] {
            assert_eq!(Key::read(bad), None, "{bad}");
        }
        assert_eq!(Key::read(&" ".repeat(2_000)), None);
    }
}
