//! A notary's public key: PEM or DER of a SubjectPublicKeyInfo or of a certificate, RSA-2048 or SM2.

use assay_scheme::encoding::{der, sec1, spki};
use assay_scheme::{Parameters, Reason, Row};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::claims::{Claim, Collector};

/// Bytes of a key's file. Larger: a wrong file is read whole before it is refused.
pub const FILE_BYTES_MAX: usize = 64 * 1024;
/// id-ecPublicKey (RFC 5480, section 2.1.1) and SM2's curve (GM/T 0006-2012).
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const SM2_CURVE: &str = "1.2.156.10197.1.301";

/// How a notary signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum Scheme {
    /// RSA PKCS#1 v1.5 with SHA-256, a modulus of 2,048 bits; the signature's 256 bytes.
    #[serde(rename = "rsa2048-pkcs1-sha256")]
    Rsa,
    /// SM2 with SM3 and Z_A over the user id; DER.
    #[serde(rename = "sm2-za")]
    Sm2,
}

impl Scheme {
    /// The row's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name()
    }

    const fn row(self) -> Row {
        match self {
            Self::Rsa => Row::Rsa2048Pkcs1Sha256,
            Self::Sm2 => Row::Sm2Za,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotaryKey {
    /// How it signs.
    pub scheme: Scheme,
    /// Its SubjectPublicKeyInfo in DER.
    pub spki: Vec<u8>,
    form: u8,
    column: Vec<u8>,
}

impl NotaryKey {
    /// Reads a file: PEM or DER, a certificate or a key.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(format!("larger than the {FILE_BYTES_MAX} bytes of a key or certificate"));
        }
        let der = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") { unarmoured(bytes)? } else { bytes.to_vec() };
        if let Ok(key) = Self::of_spki(&der) {
            return Ok(key);
        }
        let certificate =
            Certificate::from_der(&der).map_err(|_| "neither a public key nor a certificate".to_owned())?;
        let spki = certificate.tbs_certificate().subject_public_key_info().to_der();
        Self::of_spki(&spki.map_err(|error| error.to_string())?)
    }

    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When it is none of an RSA key of 2,048 bits or an SM2 key.
    pub fn of_spki(der: &[u8]) -> Result<Self, String> {
        if let Some(column) = spki::rsa2048(der) {
            return Ok(Self { scheme: Scheme::Rsa, spki: der.to_vec(), form: 0, column: column.to_vec() });
        }
        let info = SubjectPublicKeyInfoOwned::from_der(der).map_err(|error| error.to_string())?;
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
        let curve = curve.map(|oid: x509_cert::der::asn1::ObjectIdentifier| oid.to_string());
        let sm2 = info.algorithm.oid.to_string() == EC_PUBLIC_KEY && curve.as_deref() == Some(SM2_CURVE);
        let point = info.subject_public_key.as_bytes().and_then(sec1::read).filter(|_| sm2);
        match point {
            // The row has no hybrid keys.
            Some((form @ (0x02..=0x04), point)) => {
                Ok(Self { scheme: Scheme::Sm2, spki: der.to_vec(), form, column: point.to_vec() })
            }
            _ => Err("neither an RSA key of 2,048 bits nor an SM2 key".to_owned()),
        }
    }

    /// Claims a signature over a message; `user_id` is SM2's.
    pub fn claim(
        &self,
        message: &[u8],
        signature: &[u8],
        user_id: Option<&[u8]>,
        collector: &mut Collector<'_>,
    ) -> Claim {
        let user_id = user_id.filter(|_| self.scheme == Scheme::Sm2).map(Into::into);
        let parameters = Parameters { user_id, ..Parameters::default() };
        let pair;
        let signature = match self.scheme {
            Scheme::Rsa => Some(signature).filter(|signature| signature.len() == 256),
            Scheme::Sm2 => {
                pair = der::strict(signature);
                pair.as_ref().map(|pair| &pair[..])
            }
        };
        let parts = signature.map_or(Err(Reason::Signature), |signature| Ok((self.form, &self.column[..], signature)));
        collector.push_or_refuse(self.scheme.row(), &parameters, parts, message)
    }
}

/// The first PEM block's bytes.
fn unarmoured(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "PEM that is no text".to_owned())?;
    let mut lines = text.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let body: String = lines.by_ref().take_while(|line| !line.starts_with("-----END")).map(str::trim).collect();
    STANDARD.decode(body).map_err(|error| format!("PEM: {error}"))
}
