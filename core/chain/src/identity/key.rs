//! A public key as certificates and chains hand it in, into claims.

use assay_scheme::encoding::{Encoder, SignatureFormat, spki};
use assay_scheme::{Parameters, Row};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::claims::{Claim, Collector};
use crate::input::InputError;
use crate::report::Outcome;

/// id-ecPublicKey (RFC 5480, section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410, section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// rsaEncryption (RFC 3279, section 2.3.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The named curves that are known here: RFC 5480, section 2.1.1.1; SEC 2, appendix A.2; GM/T 0006-2012, section 5.
const CURVES: [(&str, KeyKind); 6] = [
    ("1.2.840.10045.3.1.7", KeyKind::P256),
    ("1.3.132.0.10", KeyKind::Secp256k1),
    ("1.2.156.10197.1.301", KeyKind::Sm2),
    ("1.3.132.0.33", KeyKind::Uncovered("P-224")),
    ("1.3.132.0.34", KeyKind::Uncovered("P-384")),
    ("1.3.132.0.35", KeyKind::Uncovered("P-521")),
];

/// Which signatures a key makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA over P-256.
    P256,
    /// ECDSA over secp256k1.
    Secp256k1,
    /// SM2.
    Sm2,
    /// Ed25519.
    Ed25519,
    /// RSA.
    Rsa,
    /// A kind that has no row, by its name.
    Uncovered(&'static str),
}

impl KeyKind {
    /// The kind's name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::Secp256k1 => "secp256k1",
            Self::Sm2 => "SM2",
            Self::Ed25519 => "Ed25519",
            Self::Rsa => "RSA",
            Self::Uncovered(name) => name,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// Its kind.
    pub kind: KeyKind,
    /// A SEC 1 point, an Ed25519 key's 32 bytes, or for RSA the whole SubjectPublicKeyInfo, of any length a stranger may
    /// write: the row's encoder says whether it is one.
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// From a DER SubjectPublicKeyInfo (RFC 5280, section 4.1).
    ///
    /// # Errors
    /// Where the bytes are not one.
    pub fn from_spki(der: &[u8]) -> Result<Self, InputError> {
        let wrong = |error: x509_cert::der::Error| {
            let at = error.position().map_or(0, |position| u32::from(position) as usize);
            InputError::new(at, format!("a public key: {}", error.kind()))
        };
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(wrong)?;
        let kind = match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters_oid().map(|oid| oid.to_string()).unwrap_or_default();
                let known = CURVES.iter().find(|(oid, _)| *oid == curve).map(|(_, kind)| *kind);
                known.unwrap_or(KeyKind::Uncovered("an unknown curve"))
            }
            ED25519 => KeyKind::Ed25519,
            RSA => KeyKind::Rsa,
            _ => KeyKind::Uncovered("an unknown algorithm"),
        };
        let bytes = match kind {
            KeyKind::Rsa => info.to_der().map_err(wrong)?,
            _ => {
                let whole = info.subject_public_key.as_bytes();
                whole.ok_or_else(|| InputError::new(0, "a public key that is not whole bytes"))?.to_vec()
            }
        };
        Ok(Self { kind, bytes })
    }

    /// Why no signature by this key can be asked for, where no row has keys like it.
    #[must_use]
    pub fn uncovered(&self) -> Option<Asked> {
        let why = match self.kind {
            KeyKind::Uncovered(name) => format!("a key of {name}, which no row covers"),
            KeyKind::Rsa if spki::rsa2048(&self.bytes).is_none() => "an RSA key of other than 2,048 bits".to_owned(),
            _ => return None,
        };
        Some(Asked::Known(Outcome::NotEvaluated(why)))
    }

    /// Claims that this key signed a message under a row, its signature written in this format.
    ///
    /// # Panics
    /// When the row's signatures have no such format: the caller's bug.
    pub fn claim(
        &self,
        (row, parameters, format): (Row, &Parameters, SignatureFormat),
        signature: &[u8],
        message: &[u8],
        collector: &mut Collector<'_>,
    ) -> Claim {
        let encoder = Encoder::new(row.operation(), format).expect("a format of the row");
        match encoder.key(&self.bytes).and_then(|key| Ok((key, encoder.signature(signature)?))) {
            Ok(((form, key), signature)) => {
                collector.push(row, parameters, form, key.as_ref(), signature.as_ref(), message)
            }
            Err(reason) => collector.refuse(row, parameters, reason),
        }
    }
}

/// What became of a signature: asked, or known without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Its verdict will say.
    Claim(Claim),
    /// It was not asked.
    Known(Outcome),
}

impl Asked {
    /// The outcome, once the claims are settled.
    #[must_use]
    pub fn outcome(&self, collector: &Collector<'_>) -> Outcome {
        match self {
            Self::Claim(claim) => collector.verdict(*claim).into(),
            Self::Known(outcome) => outcome.clone(),
        }
    }
}

/// Parameters of a SM2 row with this user id, the default one where none is given.
#[must_use]
pub fn sm2_parameters(user_id: Option<&[u8]>) -> Parameters {
    Parameters { user_id: user_id.map(Into::into), ..Parameters::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_algorithm_and_curve() {
        let spki = |head: &str, key: &[u8]| [hex::decode(head).expect("hex"), key.to_vec()].concat();
        let point = [4; 65];
        let p256 = spki("3059301306072a8648ce3d020106082a8648ce3d030107034200", &point);
        let sm2 = spki("3059301306072a8648ce3d020106082a811ccf5501822d034200", &point);
        let secp256k1 = spki("3056301006072a8648ce3d020106052b8104000a034200", &point);
        let ed25519 = spki("302a300506032b6570032100", &[7; 32]);
        for (der, kind, bytes) in [
            (&p256, KeyKind::P256, &point[..]),
            (&sm2, KeyKind::Sm2, &point[..]),
            (&secp256k1, KeyKind::Secp256k1, &point[..]),
            (&ed25519, KeyKind::Ed25519, &[7; 32][..]),
        ] {
            assert_eq!(PublicKey::from_spki(der), Ok(PublicKey { kind, bytes: bytes.to_vec() }));
            let mut unused = der.clone();
            let at = der.len() - bytes.len() - 1;
            unused[at] = 1;
            assert!(PublicKey::from_spki(&unused).is_err(), "{} with a bit unused", kind.name());
            for cut in 0..der.len() {
                assert!(PublicKey::from_spki(&der[..cut]).is_err(), "{} cut at {cut}", kind.name());
            }
        }
        let p384 = spki("3019301006072a8648ce3d020106052b81040022030500", &[4; 4]);
        assert_eq!(PublicKey::from_spki(&p384).expect("a key").kind, KeyKind::Uncovered("P-384"));
    }
}
