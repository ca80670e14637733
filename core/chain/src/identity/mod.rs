//! Devices that sign with keys in X.509 certificates: their messages in bulk, and the certificates under given authorities.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `pem` | PEM text into its blocks |
//! | `key` | a public key, and a signature by it, into a claim |
//! | `certificate` | DER into what a path and a signature ask of a certificate |
//! | `path` | certificates into a path to an authority, its signatures asked as claims |
//!
//! The first four are of use to every chain whose signers are certificates.

pub mod certificate;
mod chain;
pub mod key;
pub mod path;
pub mod pem;

use std::collections::{BTreeMap, HashMap};

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Parameters, Row};
use serde::Deserialize;

use self::certificate::Certificate;
pub use self::chain::CHAIN;
pub(crate) use self::chain::certificates;
use self::key::{Asked, KeyKind, PublicKey, sm2_parameters};
use self::path::{Links, Path};
use crate::claims::Collector;
use crate::hash::sha256;
use crate::input::{InputError, json_error, label};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// How a file's ECDSA and SM2 signatures are written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Der,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMessage {
    certificate: String,
    message: String,
    signature: String,
    /// When it was signed, in seconds since 1970.
    at: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    #[serde(default)]
    format: Format,
    certificates: BTreeMap<String, String>,
    messages: Vec<JsonMessage>,
}

/// A certificate with those offered beside it, once a run.
struct Device {
    subject: String,
    key: PublicKey,
    /// Whether its key may sign messages, as far as it says.
    signs: bool,
    /// Why it has no path, or is not asked for one.
    path: Result<Path, Outcome>,
    /// Whether its path was reported.
    told: bool,
}

/// A message, or in a PEM file a certificate, that waits for its verdict.
struct Pending {
    subject: String,
    device: usize,
    at: Option<u64>,
    /// The message's signature; a certificate alone has none.
    signature: Option<Asked>,
}

/// The profile of devices over one run of files.
pub struct DeviceIdentity {
    authorities: Vec<Certificate>,
    time: Option<u64>,
    user_id: Option<Vec<u8>>,
    devices: Vec<Device>,
    places: HashMap<[u8; 32], usize>,
    links: Links,
    pending: Vec<Pending>,
}

impl DeviceIdentity {
    /// Under these authorities, at this time where a message does not say its own, with this SM2 user id.
    #[must_use]
    pub fn new(authorities: Vec<Certificate>, time: Option<u64>, user_id: Option<Vec<u8>>) -> Self {
        let (devices, places, links, pending) = (Vec::new(), HashMap::new(), Links::default(), Vec::new());
        Self { authorities, time, user_id, devices, places, links, pending }
    }

    /// The place of the device whose certificate comes first in this PEM or DER, others that lead to an authority behind it.
    fn device(&mut self, bytes: &[u8], collector: &mut Collector<'_>) -> Result<usize, InputError> {
        let digest = sha256(bytes);
        if let Some(place) = self.places.get(&digest) {
            return Ok(*place);
        }
        let certificates = Certificate::read_all(bytes)?;
        let (own, offered) = certificates.split_first().expect("read_all gives one at least");
        let path = if self.authorities.is_empty() {
            Err(Outcome::not_evaluated("no authority is given"))
        } else {
            let offered: Vec<&Certificate> = offered.iter().collect();
            let authorities: Vec<&Certificate> = self.authorities.iter().collect();
            let links = &mut self.links;
            Path::find(own, &offered, &authorities, self.user_id.as_deref(), links, collector).map_err(Outcome::invalid)
        };
        self.devices.push(Device {
            subject: own.subject_text.clone(),
            key: own.key.clone(),
            signs: own.signs_messages != Some(false),
            path,
            told: false,
        });
        self.places.insert(digest, self.devices.len() - 1);
        Ok(self.devices.len() - 1)
    }

    fn messages(&mut self, name: &str, file: &JsonFile, collector: &mut Collector<'_>) -> Result<(), InputError> {
        let mut devices = HashMap::new();
        for (label, pem) in &file.certificates {
            let at =
                |error: InputError| InputError::new(error.offset, format!("certificate {label:?}: {}", error.what));
            devices.insert(label.as_str(), self.device(pem.as_bytes(), collector).map_err(at)?);
        }
        for (index, message) in file.messages.iter().enumerate() {
            let wrong = |what: String| InputError::new(0, format!("message {index}: {what}"));
            let device = *devices
                .get(message.certificate.as_str())
                .ok_or_else(|| wrong(format!("the file has no certificate {:?}", message.certificate)))?;
            let bytes = hex::decode(&message.message).map_err(|error| wrong(format!("message: {error}")))?;
            let signature = hex::decode(&message.signature).map_err(|error| wrong(format!("signature: {error}")))?;
            let Device { key, subject, signs, .. } = &self.devices[device];
            let asked = if *signs {
                claim(key, file.format, self.user_id.as_deref(), &signature, &bytes, collector)
            } else {
                Asked::Known(Outcome::invalid("the certificate's key may not sign messages"))
            };
            let subject = format!("{name}: message {index} of {} ({subject})", label(&message.certificate));
            self.pending.push(Pending { subject, device, at: message.at, signature: Some(asked) });
        }
        Ok(())
    }
}

/// Claims a message's signature by a device's key: ECDSA over SHA-256 with any S, SM2 with Z_A over the message, Ed25519 as
/// RFC 8032, section 5.1.7, without the cofactor (Go, OpenSSL), RSA-2048 PKCS#1 v1.5 over SHA-256.
fn claim(
    key: &PublicKey,
    format: Format,
    user_id: Option<&[u8]>,
    signature: &[u8],
    message: &[u8],
    collector: &mut Collector<'_>,
) -> Asked {
    if let Some(uncovered) = key.uncovered() {
        return uncovered;
    }
    let pair = match format {
        Format::Der => SignatureFormat::Der,
        Format::Raw => SignatureFormat::Raw,
    };
    let (row, parameters, format) = match key.kind {
        KeyKind::P256 => (Row::EcdsaP256, Parameters::hashed(Hash::Sha256), pair),
        KeyKind::Secp256k1 => (Row::EcdsaSecp256k1, Parameters::hashed(Hash::Sha256), pair),
        KeyKind::Sm2 => (Row::Sm2Za, sm2_parameters(user_id), pair),
        KeyKind::Ed25519 => (Row::Ed25519Ref10, Parameters::default(), SignatureFormat::Raw),
        KeyKind::Rsa | KeyKind::Uncovered(_) => (Row::Rsa2048Pkcs1Sha256, Parameters::default(), SignatureFormat::Raw),
    };
    Asked::Claim(key.claim((row, &parameters, format), signature, message, collector))
}

impl Profile for DeviceIdentity {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        _report: &mut Report,
    ) -> Result<(), InputError> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            let file: JsonFile = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
            return self.messages(name, &file, collector);
        }
        let device = self.device(bytes, collector)?;
        let subject = format!("{name}: certificate {}", self.devices[device].subject);
        self.pending.push(Pending { subject, device, at: None, signature: None });
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        self.links.settle(collector);
        for device in self.devices.iter_mut().filter(|device| !device.told) {
            device.told = true;
            match device.path.as_ref().map_or_else(Clone::clone, |path| path.outcome(None, &self.links)) {
                Outcome::Valid => report.check("path", || device.subject.clone(), Ok(())),
                Outcome::Invalid(why) => report.check("path", || device.subject.clone(), Err(why)),
                Outcome::NotEvaluated(_) => {}
            }
        }
        for Pending { subject, device, at, signature } in self.pending.drain(..) {
            let time = at.or(self.time);
            let outcome = match &self.devices[device].path {
                Err(outcome) => outcome.clone(),
                Ok(path) => path.outcome(time, &self.links),
            };
            let outcome = match (outcome, signature, time) {
                (Outcome::Valid, Some(asked), Some(_)) => asked.outcome(collector),
                (Outcome::Valid, Some(asked), None) => match asked.outcome(collector) {
                    Outcome::Valid => Outcome::not_evaluated("no time is given, and certificates are valid for a time"),
                    outcome => outcome,
                },
                (Outcome::Valid, None, None) => {
                    Outcome::not_evaluated("no time is given, and certificates are valid for a time")
                }
                (outcome, ..) => outcome,
            };
            report.item(|| subject, outcome);
        }
    }
}
