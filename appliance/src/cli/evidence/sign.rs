//! A notary's private key: a PEM file that its owner alone may read, RSA-2048 or SM2.

use std::path::Path;

use assay_chain::evidence::key::{NotaryKey, Scheme};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use sm2::dsa::signature::Signer;
use sm2::pkcs8::{DecodePrivateKey, EncodePublicKey};

use crate::cli::error::CliError;
use crate::tls::files;

enum Key {
    Rsa(RsaKeyPair),
    Sm2(sm2::SecretKey),
}

/// A notary who signs.
pub(super) struct Signatory {
    key: Key,
    /// Its public key.
    pub(super) public: NotaryKey,
}

impl Signatory {
    /// Reads the key's file.
    ///
    /// # Errors
    /// When others may read it too, or it is none of an RSA key of 2,048 bits or an SM2 key.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let remedy = "give a PEM file of an RSA-2048 or SM2 private key that its owner alone may read";
        let der =
            files::private_key_of("--notary-key", path).map_err(|error| CliError::usage(error.to_string(), remedy))?;
        let refused = |why: &str| CliError::usage(format!("--notary-key {}: {why}", path.display()), remedy);
        let key = key(&der).ok_or_else(|| refused("neither an RSA nor an SM2 key"))?;
        let spki = match &key {
            Key::Rsa(pair) => {
                let der: Result<PublicKeyX509Der<'_>, _> = pair.public_key().as_der();
                der.ok().map(|der| der.as_ref().to_vec())
            }
            Key::Sm2(secret) => secret.public_key().to_public_key_der().ok().map(|der| der.as_bytes().to_vec()),
        };
        let spki = spki.ok_or_else(|| refused("its public key cannot be written"))?;
        let public = NotaryKey::of_spki(&spki).map_err(|why| refused(&why))?;
        Ok(Self { key, public })
    }

    /// Signs a message; `user_id` is SM2's, which its library takes as text.
    ///
    /// # Errors
    /// When the library refuses.
    pub(super) fn sign(&self, message: &[u8], user_id: &str) -> Result<Vec<u8>, CliError> {
        let failed =
            |why: String| CliError::usage(format!("the key does not sign: {why}"), "check it with openssl pkey -check");
        match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|error| failed(error.to_string()))?;
                Ok(signature)
            }
            Key::Sm2(secret) => {
                let key = sm2::dsa::SigningKey::new(user_id, secret).map_err(|error| failed(error.to_string()))?;
                let signature: sm2::dsa::Signature =
                    key.try_sign(message).map_err(|error| failed(error.to_string()))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
    }

    /// How it signs.
    pub(super) fn scheme(&self) -> Scheme {
        self.public.scheme
    }
}

/// The key in a PKCS#8, PKCS#1 or SEC 1 structure.
fn key(der: &PrivateKeyDer<'_>) -> Option<Key> {
    match der {
        PrivateKeyDer::Pkcs8(der) => {
            let bytes = der.secret_pkcs8_der();
            let rsa = RsaKeyPair::from_pkcs8(bytes).ok().map(Key::Rsa);
            rsa.or_else(|| sm2::SecretKey::from_pkcs8_der(bytes).ok().map(Key::Sm2))
        }
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Key::Rsa),
        PrivateKeyDer::Sec1(der) => sm2::SecretKey::from_sec1_der(der.secret_sec1_der()).ok().map(Key::Sm2),
        _ => None,
    }
}
