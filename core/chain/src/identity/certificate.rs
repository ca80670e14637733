//! An X.509 certificate (RFC 5280), PEM or DER, into what a path and a signature ask of it.

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Parameters, Row};
use x509_cert::Certificate as Parsed;
use x509_cert::TbsCertificate;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};

use super::key::{Asked, KeyKind, PublicKey, sm2_parameters};
use super::pem;
use crate::claims::Collector;
use crate::input::{InputError, label};
use crate::report::Outcome;

/// Critical extensions that may be there without being looked at: names other than the subject's, and what a key is meant
/// for beyond signing (RFC 5280, sections 4.2.1.6, 4.2.1.12). A path with any other critical extension is refused.
const PASSED_OVER: [&str; 2] = ["2.5.29.17", "2.5.29.37"];

/// A certificate, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its bytes.
    pub der: Vec<u8>,
    /// The length of the outer header, and where the signed part ends.
    tbs: (usize, usize),
    /// The subject's name in DER.
    pub subject: Vec<u8>,
    /// The issuer's name in DER.
    pub issuer: Vec<u8>,
    /// The subject's name for people (RFC 4514), cut to what may be repeated.
    pub subject_text: String,
    /// The issuer's.
    pub issuer_text: String,
    /// Valid from, in seconds since 1970.
    pub not_before: u64,
    /// Valid to, in seconds since 1970.
    pub not_after: u64,
    /// Whether the subject may issue certificates, and how many may stand between its own and the last.
    pub authority: Option<Option<u8>>,
    /// Whether the key may sign certificates; `None` where nothing is said.
    pub signs_certificates: Option<bool>,
    /// Whether the key may sign messages; `None` where nothing is said.
    pub signs_messages: Option<bool>,
    /// The subject key's identifier.
    pub key_id: Option<Vec<u8>>,
    /// The issuer key's identifier.
    pub issuer_key_id: Option<Vec<u8>>,
    /// Why a path through this certificate is refused: an extension that is critical and not understood, or cannot be read.
    pub refused: Option<String>,
    /// The subject's key.
    pub key: PublicKey,
    /// The object identifier of the algorithm it is signed with.
    pub algorithm: String,
    signature: Vec<u8>,
}

fn wrong(error: x509_cert::der::Error) -> InputError {
    let at = error.position().map_or(0, |position| u32::from(position) as usize);
    InputError::new(at, format!("a certificate: {}", error.kind()))
}

/// How long the element's header is, and how long it is with its contents. The bytes were decoded as DER before.
fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some((2, 2 + first));
    }
    let header = 2 + (first & 0x7f);
    let length = bytes
        .get(2..header)?
        .iter()
        .try_fold(0_usize, |length, byte| length.checked_mul(256).map(|length| length + usize::from(*byte)))?;
    Some((header, header.checked_add(length)?))
}

impl Certificate {
    /// From DER.
    ///
    /// # Errors
    /// Where the bytes are not a certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, InputError> {
        let parsed = Parsed::from_der(der).map_err(wrong)?;
        let tbs = parsed.tbs_certificate();
        let extents = extent(der).and_then(|(outer, _)| Some((outer, outer + extent(der.get(outer..)?)?.1)));
        let extents =
            extents.filter(|(_, end)| *end <= der.len()).ok_or_else(|| InputError::new(0, "a certificate: length"))?;
        let mut refused = None;
        if parsed.signature_algorithm() != tbs.signature() {
            refused = Some("it names two signature algorithms".to_owned());
        }
        // Bits behind the signature's bytes are covered by nothing.
        if parsed.signature().as_bytes().is_none() {
            refused = Some("its signature is not whole bytes".to_owned());
        }
        let constraints = extension::<BasicConstraints>(tbs, &mut refused);
        let usage = extension::<KeyUsage>(tbs, &mut refused);
        let key_id = extension::<SubjectKeyIdentifier>(tbs, &mut refused).map(|id| id.0.as_bytes().to_vec());
        let issuer_key_id = extension::<AuthorityKeyIdentifier>(tbs, &mut refused);
        for unknown in tbs.extensions().into_iter().flatten().filter(|extension| extension.critical) {
            let id = unknown.extn_id.to_string();
            let known = [BasicConstraints::OID, KeyUsage::OID].contains(&unknown.extn_id);
            if !known && !PASSED_OVER.contains(&id.as_str()) {
                refused = Some(format!("its critical extension {id} is not understood here"));
            }
        }
        let info = tbs.subject_public_key_info().to_der().map_err(wrong)?;
        Ok(Self {
            tbs: extents,
            subject: tbs.subject().to_der().map_err(wrong)?,
            issuer: tbs.issuer().to_der().map_err(wrong)?,
            subject_text: label(&tbs.subject().to_string()).to_owned(),
            issuer_text: label(&tbs.issuer().to_string()).to_owned(),
            not_before: tbs.validity().not_before.to_unix_duration().as_secs(),
            not_after: tbs.validity().not_after.to_unix_duration().as_secs(),
            authority: constraints.filter(|c| c.ca).map(|c| c.path_len_constraint),
            signs_certificates: usage.map(|usage| usage.key_cert_sign()),
            signs_messages: usage.map(|usage| usage.digital_signature() || usage.non_repudiation()),
            key_id,
            issuer_key_id: issuer_key_id.and_then(|id| id.key_identifier).map(|id| id.as_bytes().to_vec()),
            refused,
            key: PublicKey::from_spki(&info)?,
            algorithm: parsed.signature_algorithm().oid.to_string(),
            signature: parsed.signature().raw_bytes().to_vec(),
            der: der.to_vec(),
        })
    }

    /// Every certificate of a PEM file, or the one of a DER file.
    ///
    /// # Errors
    /// Where there is none, or one cannot be read.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, InputError> {
        if !pem::is_pem(bytes) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let blocks = pem::blocks(bytes)?;
        let certificates = blocks.iter().filter(|block| block.label == "CERTIFICATE");
        let certificates = certificates.map(|block| Self::from_der(&block.bytes)).collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() { Err(InputError::new(0, "PEM without a certificate")) } else { Ok(certificates) }
    }

    /// The first certificate of a PEM text, as Fabric and ChainMaker write identities.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, InputError> {
        if !pem::is_pem(text) {
            return Err(InputError::new(0, "no PEM"));
        }
        Self::read_all(text).map(|mut certificates| certificates.swap_remove(0))
    }

    /// Whether this certificate's subject may be the other's issuer, by name and where both say it by key.
    #[must_use]
    pub fn may_have_issued(&self, other: &Self) -> bool {
        let ids = self.key_id.as_ref().zip(other.issuer_key_id.as_ref());
        self.subject == other.issuer && ids.is_none_or(|(own, named)| own == named)
    }

    /// The hash of the algorithm it is signed with, where that names one of those that messages may be hashed with.
    #[must_use]
    pub fn hash(&self) -> Option<Hash> {
        match self.algorithm.as_str() {
            ECDSA_SHA256 | RSA_SHA256 => Some(Hash::Sha256),
            ECDSA_SHA3_256 => Some(Hash::Sha3_256),
            SM2_SM3 => Some(Hash::Sm3),
            _ => None,
        }
    }

    /// Claims that this key signed the certificate (RFC 5280, section 6.1.3 (a)(1)). High S is valid: RFC 3279, section
    /// 2.2.3, knows no other rule. Z_A of an SM2 signature is over `user_id` (GM/T 0015-2012 has the default one).
    #[must_use]
    pub fn signed_by(&self, issuer: &PublicKey, user_id: Option<&[u8]>, collector: &mut Collector<'_>) -> Asked {
        if let Some(uncovered) = issuer.uncovered() {
            return uncovered;
        }
        let (row, parameters, format) = match (self.algorithm.as_str(), issuer.kind) {
            (ECDSA_SHA256, KeyKind::P256) => (Row::EcdsaP256, Parameters::hashed(Hash::Sha256), SignatureFormat::Der),
            (ECDSA_SHA3_256, KeyKind::P256) => {
                (Row::EcdsaP256, Parameters::hashed(Hash::Sha3_256), SignatureFormat::Der)
            }
            (ECDSA_SHA256, KeyKind::Secp256k1) => {
                (Row::EcdsaSecp256k1, Parameters::hashed(Hash::Sha256), SignatureFormat::Der)
            }
            (SM2_SM3, KeyKind::Sm2) => (Row::Sm2Za, sm2_parameters(user_id), SignatureFormat::Der),
            (ED25519, KeyKind::Ed25519) => (Row::Ed25519Ref10, Parameters::default(), SignatureFormat::Raw),
            (RSA_SHA256, KeyKind::Rsa) => (Row::Rsa2048Pkcs1Sha256, Parameters::default(), SignatureFormat::Raw),
            (ECDSA_SHA256 | ECDSA_SHA3_256 | SM2_SM3 | ED25519 | RSA_SHA256, kind) => {
                let why = format!("signed with algorithm {}, and the issuer's key is {}", self.algorithm, kind.name());
                return Asked::Known(Outcome::invalid(why));
            }
            (algorithm, _) => {
                return Asked::Known(Outcome::not_evaluated(format!("signed with algorithm {algorithm}")));
            }
        };
        let message = &self.der[self.tbs.0..self.tbs.1];
        Asked::Claim(issuer.claim((row, &parameters, format), &self.signature, message, collector))
    }
}

/// ecdsa-with-SHA256 (RFC 5758, section 3.2).
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
/// id-ecdsa-with-sha3-256 (NIST, computer security objects register).
const ECDSA_SHA3_256: &str = "2.16.840.1.101.3.4.3.10";
/// SM2 signature with SM3 (GM/T 0006-2012, section 5).
const SM2_SM3: &str = "1.2.156.10197.1.501";
/// id-Ed25519 (RFC 8410, section 3).
const ED25519: &str = "1.3.101.112";
/// sha256WithRSAEncryption (RFC 4055, section 5).
const RSA_SHA256: &str = "1.2.840.113549.1.1.11";

/// An extension, where it is there once and can be read; else nothing, with the reason why the path is refused.
fn extension<'a, T>(tbs: &'a TbsCertificate, refused: &mut Option<String>) -> Option<T>
where
    T: Decode<'a, Error = x509_cert::der::Error> + AssociatedOid,
{
    match tbs.get_extension::<T>() {
        Ok(found) => found.map(|(_, extension)| extension),
        Err(_) => {
            *refused = Some(format!("its extension {} cannot be read, or stands twice", T::OID));
            None
        }
    }
}
