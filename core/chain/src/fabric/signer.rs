//! Serialized identities, each read once a run, and their signatures as claims.

use std::collections::HashMap;

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Parameters, Row};

use super::config::{Config, Consenter, Msp};
use super::{Network, Sm2Mode};
use crate::claims::Collector;
use crate::hash::{sha256, sm3};
use crate::identity::certificate::Certificate;
use crate::identity::key::{Asked, KeyKind, sm2_parameters};
use crate::identity::path::{Links, Path};
use crate::input::label;
use crate::proto::{Fields, Writer};
use crate::report::{Outcome, Report};

/// A member, as its serialized identity says.
struct Signer {
    msp: String,
    certificate: Result<Certificate, String>,
    /// What stands for it where duplicates are looked for: its MSP and its certificate (fabric msp/identities.go,
    /// IdentityIdentifier).
    id: [u8; 32],
    /// Whether its path was asked for.
    asked: bool,
}

/// The members met in a run.
pub(super) struct Signers {
    network: Network,
    user_id: Option<Vec<u8>>,
    signers: Vec<Signer>,
    places: HashMap<Vec<u8>, usize>,
    links: Links,
    /// Paths that wait for their verdicts: check, subject, path.
    paths: Vec<(&'static str, String, Result<Path, String>)>,
}

/// SerializedIdentity (fabric-protos msp/identities.proto): the MSP and the certificate in PEM.
fn read(identity: &[u8]) -> Result<(&str, &[u8]), String> {
    let (mut msp, mut pem): (&str, &[u8]) = ("", &[]);
    let mut fields = Fields::new(identity, 0);
    while let Some(field) = fields.next().map_err(|error| error.to_string())? {
        match field.number {
            1 => msp = field.text().map_err(|error| error.to_string())?,
            2 => pem = field.bytes().map_err(|error| error.to_string())?,
            _ => {}
        }
    }
    Ok((msp, pem))
}

impl Signers {
    pub(super) fn new(network: Network, user_id: Option<Vec<u8>>) -> Self {
        let (signers, places, links, paths) = (Vec::new(), HashMap::new(), Links::default(), Vec::new());
        Self { network, user_id, signers, places, links, paths }
    }

    /// The signer's place.
    pub(super) fn place(&mut self, identity: &[u8]) -> usize {
        if let Some(place) = self.places.get(identity) {
            return *place;
        }
        let (msp, certificate) = match read(identity) {
            Ok((msp, pem)) => (msp, Certificate::from_pem(pem).map_err(|error| error.to_string())),
            Err(why) => ("", Err(why)),
        };
        let own = certificate.as_ref().map_or(identity, |certificate| &certificate.der);
        let id = sha256(&[&sha256(msp.as_bytes())[..], own].concat());
        self.signers.push(Signer { msp: msp.to_owned(), certificate, id, asked: false });
        self.places.insert(identity.to_vec(), self.signers.len() - 1);
        self.signers.len() - 1
    }

    /// A consenter's place.
    pub(super) fn consenter(&mut self, consenter: &Consenter) -> usize {
        let identity = Writer::new().bytes(1, consenter.msp.as_bytes()).bytes(2, &consenter.certificate).finish();
        self.place(&identity)
    }

    /// What stands for the signer where duplicates are looked for.
    pub(super) fn id(&self, signer: usize) -> [u8; 32] {
        self.signers[signer].id
    }

    /// Who the signer is, for people.
    pub(super) fn label(&self, signer: usize) -> String {
        let Signer { msp, certificate, .. } = &self.signers[signer];
        let subject = certificate.as_ref().map_or("?", |certificate| &certificate.subject_text);
        format!(" {subject} of {}", label(msp))
    }

    /// Claims a signature, and the signer's path to its MSP's authorities where a configuration names them.
    pub(super) fn claim(
        &mut self,
        signer: usize,
        signature: &[u8],
        message: &[u8],
        config: Option<&Config>,
        collector: &mut Collector<'_>,
    ) -> Asked {
        let msp = config.and_then(|config| config.msps.get(&self.signers[signer].msp));
        if let Some(config) = config.filter(|_| !self.signers[signer].asked) {
            let subject = format!("member{}", self.label(signer));
            self.ask("identity", subject, signer, config, collector);
        }
        let certificate = match &self.signers[signer].certificate {
            Ok(certificate) => certificate,
            Err(why) => {
                return Asked::Known(Outcome::Invalid(format!("the signer's certificate cannot be read: {why}")));
            }
        };
        let hash = self.hash(msp);
        let digest;
        let key = &certificate.key;
        let (row, parameters, message) = match (key.kind, self.network.sm2) {
            // fabric bccsp/sw/ecdsa.go: low S is demanded; the DER is Go's.
            (KeyKind::P256, _) => (Row::EcdsaP256LowS, Parameters::hashed(hash), message),
            (KeyKind::Ed25519, _) => {
                let scheme = (Row::Ed25519Ref10, &Parameters::default(), SignatureFormat::Raw);
                return Asked::Claim(key.claim(scheme, signature, message, collector));
            }
            (KeyKind::Sm2, Some(Sm2Mode::EDigest)) => (Row::Sm2E, Parameters::hashed(Hash::Sm3), message),
            (KeyKind::Sm2, Some(mode)) => {
                digest = sm3(message);
                let user_id = (mode == Sm2Mode::ZaEmptyUid).then_some(&[][..]);
                (Row::Sm2Za, sm2_parameters(user_id), &digest[..])
            }
            (KeyKind::Sm2, None) => {
                let why = "an SM2 key: the network's name says what it signs (e-digest, za-empty-uid, za-default-uid)";
                return Asked::Known(Outcome::not_evaluated(why));
            }
            (KeyKind::Secp256k1 | KeyKind::Rsa | KeyKind::Uncovered(_), _) => {
                let why = format!("Fabric has no {} keys", key.kind.name());
                return key.uncovered().unwrap_or(Asked::Known(Outcome::Invalid(why)));
            }
        };
        Asked::Claim(key.claim((row, &parameters, SignatureFormat::DerTrailing), signature, message, collector))
    }

    /// What a member of this MSP hashes its messages with.
    fn hash(&self, msp: Option<&Msp>) -> Hash {
        match self.network.sm2 {
            Some(_) => Hash::Sm3,
            None => msp.and_then(|msp| msp.hash).unwrap_or(self.network.hash),
        }
    }

    /// Asks for a consenter's path to its MSP's authorities.
    pub(super) fn ask_consenter(
        &mut self,
        subject: String,
        signer: usize,
        config: &Config,
        collector: &mut Collector<'_>,
    ) {
        self.ask("consenter", subject, signer, config, collector);
    }

    /// Fabric judges a path at a second after the certificate's own beginning, so that it never expires here (msp/cert.go and
    /// msp/mspimpl.go, getValidityOptsForCert).
    fn ask(
        &mut self,
        check: &'static str,
        subject: String,
        signer: usize,
        config: &Config,
        collector: &mut Collector<'_>,
    ) {
        let Signer { msp, certificate, asked, .. } = &mut self.signers[signer];
        *asked = true;
        let path = match (certificate, config.msps.get(msp)) {
            (Err(why), _) => Err(format!("the certificate cannot be read: {why}")),
            (_, None) => Err(format!("the channel has no MSP {:?}", label(msp))),
            (Ok(certificate), Some(msp)) => {
                let roots: Vec<&Certificate> = msp.roots.iter().collect();
                let intermediates: Vec<&Certificate> = msp.intermediates.iter().collect();
                let user_id = self.user_id.as_deref();
                Path::find(certificate, &intermediates, &roots, user_id, &mut self.links, collector)
            }
        };
        self.paths.push((check, subject, path));
    }

    /// Reports the paths that waited.
    pub(super) fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        self.links.settle(collector);
        for (check, subject, path) in self.paths.drain(..) {
            let outcome = match path {
                Err(why) => Err(why),
                Ok(path) => match path.outcome(None, &self.links) {
                    Outcome::Valid => Ok(()),
                    Outcome::Invalid(why) => Err(why),
                    Outcome::NotEvaluated(_) => continue,
                },
            };
            report.check(check, || subject, outcome);
        }
    }
}
