//! BSN (Blockchain-based Service Network): messages between applications and its gateway, in the five forms that the gateway's
//! SDK signs in, by the framework behind it (bsn-sdk-crypto `crypto/`, `key/`).
//!
//! | form | signed | signature, in base64 |
//! | :-- | :-- | :-- |
//! | `p256` | SHA-256 of the fields | DER, low S |
//! | `sm2` | the SM3 digest of the fields, with Z_A over the default user id | DER |
//! | `secp256k1` | SHA-256 of the fields | DER, low S |
//! | `fisco-secp256k1` | a transaction's digest | r ‖ s ‖ v + 27, low S |
//! | `fisco-sm2` | a transaction's digest, with Z_A over the default user id | r ‖ s ‖ public key |

mod chain;

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Output, Parameters, Row, Verdict};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

pub use self::chain::CHAIN;
use crate::claims::{Claim, Collector};
use crate::hash::{keccak256, sm3};
use crate::identity::certificate::Certificate;
use crate::identity::key::{KeyKind, PublicKey};
use crate::identity::pem;
use crate::input::{InputError, hex_array, json_error};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    P256,
    Sm2,
    Secp256k1,
    FiscoSecp256k1,
    FiscoSm2,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMessage {
    form: Form,
    /// A certificate or a public key in PEM. The forms of FISCO BCOS say their key themselves.
    key: Option<String>,
    /// Who must have signed, for the forms of FISCO BCOS.
    address: Option<String>,
    /// What was signed, as the fields that the request puts together.
    #[serde(default)]
    fields: Vec<String>,
    /// What was signed, as a transaction's digest.
    digest: Option<String>,
    mac: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonFile {
    List(Vec<JsonMessage>),
    One(Box<JsonMessage>),
}

/// A message's signature, or why none was asked for; and the address that a recovered key must have.
type Claimed = (Result<Claim, Outcome>, Option<[u8; 20]>);

/// A message that waits for its verdict.
struct Pending {
    subject: String,
    asked: Result<Claim, Outcome>,
    /// The address that a recovered key must have.
    address: Option<[u8; 20]>,
}

/// BSN's profile over one run of files.
#[derive(Default)]
pub struct Bsn {
    pending: Vec<Pending>,
}

/// The key of a certificate or a public key in PEM.
fn read_key(text: &str) -> Result<PublicKey, InputError> {
    let blocks = pem::blocks(text.as_bytes())?;
    match blocks.first() {
        Some(block) if block.label == "CERTIFICATE" => Ok(Certificate::from_der(&block.bytes)?.key),
        Some(block) => PublicKey::from_spki(&block.bytes),
        None => Err(InputError::new(0, "no PEM")),
    }
}

/// FISCO BCOS' address under the national algorithms: the last 20 bytes of SM3 of x ‖ y.
fn sm2_address(point: &[u8]) -> [u8; 20] {
    sm3(point)[12..].try_into().expect("20 of 32 bytes")
}

/// Ethereum's: the last 20 bytes of keccak256 of x ‖ y.
fn address_of(point: &[u8]) -> [u8; 20] {
    keccak256(point)[12..].try_into().expect("20 of 32 bytes")
}

impl JsonMessage {
    /// The key that the message says, which must be of the form's kind.
    fn key_of(&self, kind: KeyKind) -> Result<Option<PublicKey>, String> {
        let Some(text) = &self.key else { return Ok(None) };
        let key = read_key(text).map_err(|error| format!("key: {error}"))?;
        if key.kind == kind {
            Ok(Some(key))
        } else {
            Err(format!("the key is of {}, the form's keys are of {}", key.kind.name(), kind.name()))
        }
    }

    /// The digest that the message says.
    fn digest_of(&self) -> Result<[u8; 32], String> {
        let digest = self.digest.as_deref().ok_or("this form signs a digest, and none is given")?;
        hex_array(digest).ok_or_else(|| "digest: not 32 bytes in hex".to_owned())
    }

    /// Who must have signed: the address given, or that of the key given.
    fn address_of_signer(&self, kind: KeyKind, address: fn(&[u8]) -> [u8; 20]) -> Result<Option<[u8; 20]>, String> {
        let own = self.key_of(kind)?.and_then(|key| key.bytes.get(1..65).map(address));
        let given = self.address.as_deref();
        let given = given.map(|text| hex_array(text).ok_or("address: not 20 bytes in hex")).transpose()?;
        match (own, given) {
            (Some(own), Some(given)) if own != given => Err("the address is not the key's".to_owned()),
            (own, given) => Ok(own.or(given)),
        }
    }

    /// Claims the signature.
    fn claim(&self, collector: &mut Collector<'_>) -> Result<Claimed, String> {
        let mac = STANDARD.decode(&self.mac).map_err(|error| format!("mac: {error}"))?;
        let fields = self.fields.concat();
        let plain = |row, parameters: &Parameters, kind, message: &[u8], collector: &mut Collector<'_>| {
            let key = self.key_of(kind)?.ok_or("this form needs a key, and none is given")?;
            let scheme = (row, parameters, SignatureFormat::DerTrailing);
            Ok::<_, String>((Ok(key.claim(scheme, &mac, message, collector)), None))
        };
        match self.form {
            // bsn-sdk-crypto crypto/ecdsa/ecdsa.go, VerifyECDSA.
            Form::P256 => {
                let sha256 = Parameters::hashed(Hash::Sha256);
                plain(Row::EcdsaP256LowS, &sha256, KeyKind::P256, fields.as_bytes(), collector)
            }
            Form::Secp256k1 => {
                let sha256 = Parameters::hashed(Hash::Sha256);
                plain(Row::EcdsaSecp256k1LowS, &sha256, KeyKind::Secp256k1, fields.as_bytes(), collector)
            }
            // crypto/sm/smHandle.go: the digest is the message.
            Form::Sm2 => plain(Row::Sm2Za, &Parameters::default(), KeyKind::Sm2, &sm3(fields.as_bytes()), collector),
            // crypto/eth/sign.go.
            Form::FiscoSecp256k1 => {
                let digest = self.digest_of()?;
                let expected = self.address_of_signer(KeyKind::Secp256k1, address_of)?;
                let recoverable = mac.split_last().and_then(|(v, pair)| {
                    let v = v.checked_sub(27).filter(|v| *v < 4)?;
                    (pair.len() == 64).then(|| [pair, &[v]].concat())
                });
                let Some(signature) = recoverable else {
                    return Ok((Err(Outcome::invalid("signature refused: not r, s and v + 27")), expected));
                };
                let address = Parameters { output: Output::Address, ..Parameters::default() };
                Ok((Ok(collector.push(Row::RecoverSecp256k1LowS, &address, 0, &[], &signature, &digest)), expected))
            }
            // key/smprivatekey.go, SignTx.
            Form::FiscoSm2 => {
                let digest = self.digest_of()?;
                let expected = self.address_of_signer(KeyKind::Sm2, sm2_address)?;
                let Some((pair, point)) = mac.split_at_checked(64).filter(|(_, point)| point.len() == 64) else {
                    return Ok((Err(Outcome::invalid("signature refused: not r, s and a public key")), None));
                };
                if expected.is_some_and(|expected| expected != sm2_address(point)) {
                    return Ok((Err(Outcome::invalid("the signature's key is another's")), None));
                }
                let key = PublicKey { kind: KeyKind::Sm2, bytes: point.to_vec() };
                let scheme = (Row::Sm2Za, &Parameters::default(), SignatureFormat::Raw);
                Ok((Ok(key.claim(scheme, pair, &digest, collector)), None))
            }
        }
    }
}

impl Profile for Bsn {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        _report: &mut Report,
    ) -> Result<(), InputError> {
        // A list and a message are told apart first, so that an error says what is wrong with the one or the other.
        let list = if bytes.trim_ascii_start().starts_with(b"[") {
            serde_json::from_slice(bytes).map(JsonFile::List)
        } else {
            serde_json::from_slice(bytes).map(JsonFile::One)
        };
        let messages = match list.map_err(|error| json_error(bytes, &error))? {
            JsonFile::List(messages) => messages,
            JsonFile::One(message) => vec![*message],
        };
        for (index, message) in messages.iter().enumerate() {
            let wrong = |what: String| InputError::new(0, format!("message {index}: {what}"));
            let (asked, address) = message.claim(collector).map_err(wrong)?;
            self.pending.push(Pending { subject: format!("{name}: message {index}"), asked, address });
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for Pending { subject, asked, address } in self.pending.drain(..) {
            let outcome = match asked {
                Err(outcome) => outcome,
                Ok(claim) => match (collector.verdict(claim), address) {
                    (Verdict::Valid, Some(address)) if collector.value(claim, 20) != Some(&address) => {
                        Outcome::invalid("the signature is another's")
                    }
                    (verdict, _) => verdict.into(),
                },
            };
            report.item(|| subject, outcome);
        }
    }
}
