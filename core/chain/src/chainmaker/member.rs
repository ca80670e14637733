//! Members into their keys, each read once a run, and their signatures into claims.

use std::collections::HashMap;

use assay_scheme::encoding::SignatureFormat;
use assay_scheme::{Hash, Parameters, Row};

use super::types::Member;
use crate::claims::Collector;
use crate::hash::named;
use crate::identity::certificate::Certificate;
use crate::identity::key::{Asked, KeyKind, PublicKey};
use crate::identity::pem;
use crate::input::label;
use crate::report::Outcome;

/// accesscontrol/member.proto, MemberType.
const CERTIFICATE: u64 = 0;
const CERTIFICATE_HASH: u64 = 1;
const PUBLIC_KEY: u64 = 2;
const OTHERS: [(u64, &str); 3] = [(3, "a DID"), (4, "an alias"), (5, "an address")];

/// A member's key, and what it hashes messages with.
type Key = (PublicKey, Hash);

/// The members met in a run.
pub(super) struct Members {
    hash: Hash,
    /// Certificates given, by their hash.
    given: HashMap<Vec<u8>, Certificate>,
    keys: HashMap<(u64, Vec<u8>), Result<Key, Outcome>>,
}

impl Members {
    pub(super) fn new(hash: Hash, certificates: Vec<Certificate>) -> Self {
        let given = certificates.into_iter().map(|certificate| (named(hash, &certificate.der).to_vec(), certificate));
        Self { hash, given: given.collect(), keys: HashMap::new() }
    }

    /// Who the member is, for people.
    pub(super) fn label(member: Option<&Member>) -> String {
        member.map_or_else(String::new, |member| format!(" of {}", label(&member.org_id)))
    }

    /// chainmaker module/accesscontrol/member.go, Verify: a certificate says by its own signature's algorithm what messages
    /// are hashed with, a key leaves it to the chain.
    fn key(&self, member: &Member) -> Result<Key, Outcome> {
        let unreadable = |error| Outcome::Invalid(format!("the signer cannot be read: {error}"));
        let certified = |certificate: &Certificate| {
            let hash = certificate.hash().ok_or_else(|| {
                Outcome::NotEvaluated(format!("a certificate signed with algorithm {}", certificate.algorithm))
            })?;
            Ok((certificate.key.clone(), hash))
        };
        match member.member_type {
            CERTIFICATE => {
                let certificates = Certificate::read_all(&member.member_info).map_err(unreadable)?;
                certified(&certificates[0])
            }
            CERTIFICATE_HASH => match self.given.get(&member.member_info) {
                Some(certificate) => certified(certificate),
                None => {
                    let hash = hex::encode(&member.member_info);
                    Err(Outcome::NotEvaluated(format!("the certificate with the hash {hash} is not given")))
                }
            },
            PUBLIC_KEY => {
                let blocks = pem::blocks(&member.member_info).map_err(unreadable)?;
                let der = blocks.first().map_or(&member.member_info[..], |block| &block.bytes);
                Ok((PublicKey::from_spki(der).map_err(unreadable)?, self.hash))
            }
            other => {
                let name =
                    OTHERS.iter().find(|(number, _)| *number == other).map_or("another kind of name", |(_, name)| name);
                Err(Outcome::NotEvaluated(format!("the signer is named by {name}")))
            }
        }
    }

    /// Claims a member's signature (chainmaker common/crypto/asym, VerifyWithOpts): DER as Go reads it, any S; SM2 with Z_A
    /// over the default user id and the message itself; else the message's hash.
    pub(super) fn claim(
        &mut self,
        member: Option<&Member>,
        signature: &[u8],
        message: &[u8],
        collector: &mut Collector<'_>,
    ) -> Asked {
        let Some(member) = member else { return Asked::Known(Outcome::invalid("no signer")) };
        let place = (member.member_type, member.member_info.clone());
        if !self.keys.contains_key(&place) {
            self.keys.insert(place.clone(), self.key(member));
        }
        let (key, hash) = match &self.keys[&place] {
            Ok(key) => key,
            Err(outcome) => return Asked::Known(outcome.clone()),
        };
        if let Some(uncovered) = key.uncovered() {
            return uncovered;
        }
        let (row, parameters, format) = match (key.kind, hash) {
            (KeyKind::Sm2, Hash::Sm3) => (Row::Sm2Za, Parameters::default(), SignatureFormat::DerTrailing),
            // What is signed then differs between the SM2 libraries that a node may be built with.
            (KeyKind::Sm2, hash) => {
                return Asked::Known(Outcome::NotEvaluated(format!("an SM2 key with the hash {}", hash.name())));
            }
            (KeyKind::P256, hash) => (Row::EcdsaP256, Parameters::hashed(*hash), SignatureFormat::DerTrailing),
            (KeyKind::Secp256k1, hash) => {
                (Row::EcdsaSecp256k1, Parameters::hashed(*hash), SignatureFormat::DerTrailing)
            }
            // An RSA key ignores SM3 and takes SHA-256.
            (KeyKind::Rsa, Hash::Sha256 | Hash::Sm3) => {
                (Row::Rsa2048Pkcs1Sha256, Parameters::default(), SignatureFormat::Raw)
            }
            (kind, hash) => {
                let why = format!("a key of {} with the hash {}", kind.name(), hash.name());
                return Asked::Known(Outcome::NotEvaluated(why));
            }
        };
        Asked::Claim(key.claim((row, &parameters, format), signature, message, collector))
    }
}
