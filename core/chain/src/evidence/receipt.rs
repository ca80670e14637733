//! Receipts and proofs: what a notary states about documents, as self-describing JSON.
//!
//! A receipt lists every document; a proof carries one with its path to the root. Both repeat the notary's statement field by
//! field, so that whoever has the notary's public key needs nothing else.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::key::Scheme;
use super::tree::DocumentHash;
use crate::input::{InputError, json_error};

/// What the files begin with.
pub const FORMAT: &str = "assay-evidence/1";
/// The tree's rule.
pub const TREE: &str = "rfc6962";
/// Documents of a receipt. Smaller: an archive needs several receipts. Larger: a receipt is too large to look at.
pub const DOCUMENTS_MAX: usize = 1 << 20;
/// Bytes of an account, a business id or a document's name.
const TEXT_BYTES_MAX: usize = 1_024;
/// Nodes of a path: a tree of [`DOCUMENTS_MAX`] leaves has 20.
const PATH_MAX: usize = 64;

/// A digest or a root, in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(serde::de::Error::custom)?;
        Ok(Self(digest))
    }
}

/// Bytes in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A document.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Its name, with / between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub digest: Digest,
}

/// What the notary signs, and the two signatures.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Notary {
    /// How it signs.
    pub scheme: Scheme,
    /// Its SubjectPublicKeyInfo, DER.
    pub public_key: Bytes,
    /// SM2's user id where it is not the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Bytes>,
    /// Whose account.
    pub account: String,
    /// Which matter.
    pub business_id: String,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// Over the statement.
    pub signature: Bytes,
    /// Over account ‖ business id ‖ time, as court evidence services ask for it.
    pub authorisation: Bytes,
}

/// A document's place in the tree.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Inclusion {
    /// The document.
    pub document: Document,
    /// Its place.
    pub index: u64,
    /// Its path to the root, lowest node first.
    pub path: Vec<Digest>,
}

/// A receipt, or a proof.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// [`FORMAT`].
    pub format: String,
    /// What documents and the tree are hashed with.
    pub hash: DocumentHash,
    /// [`TREE`].
    pub tree: String,
    /// How many documents.
    pub count: u64,
    /// The tree's root.
    pub root: Digest,
    /// The notary.
    pub notary: Notary,
    /// A receipt's documents, in the tree's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<Document>>,
    /// A proof's one document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Inclusion>,
}

/// A text that can stand on a line of the statement.
///
/// # Errors
/// When it is empty, too long or has a control character.
pub fn line(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("{what} {text:?} is not a line of 1 to {TEXT_BYTES_MAX} bytes"));
    }
    Ok(())
}

impl Receipt {
    /// Reads a receipt or a proof, and holds its parts to one another as far as no hash is needed.
    ///
    /// # Errors
    /// Where the JSON is broken, or what does not fit.
    pub fn read(bytes: &[u8]) -> Result<Self, InputError> {
        let receipt: Self = serde_json::from_slice(bytes).map_err(|error| json_error(bytes, &error))?;
        receipt.check().map_err(|why| InputError::new(0, why))?;
        Ok(receipt)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT || self.tree != TREE {
            return Err(format!(
                "format {:?} and tree {:?} where {FORMAT} and {TREE} are known",
                self.format, self.tree
            ));
        }
        line("the account", &self.notary.account)?;
        line("the business id", &self.notary.business_id)?;
        match (&self.documents, &self.inclusion) {
            (Some(documents), None) => {
                if documents.is_empty() || documents.len() > DOCUMENTS_MAX || documents.len() as u64 != self.count {
                    return Err(format!("{} documents where the receipt counts {}", documents.len(), self.count));
                }
                let mut names = HashSet::new();
                documents.iter().try_for_each(|document| {
                    line("the name", &document.name)?;
                    let first = names.insert(&document.name);
                    if first { Ok(()) } else { Err(format!("{} stands twice", document.name)) }
                })
            }
            (None, Some(inclusion)) if inclusion.path.len() > PATH_MAX => Err("the path is too long".to_owned()),
            (None, Some(inclusion)) => line("the name", &inclusion.document.name),
            _ => Err("documents (a receipt) or inclusion (a proof) is wanted, not both".to_owned()),
        }
    }

    /// The documents listed: all of a receipt, the one of a proof.
    #[must_use]
    pub fn listed(&self) -> &[Document] {
        match (&self.documents, &self.inclusion) {
            (Some(documents), _) => documents,
            (None, Some(inclusion)) => std::slice::from_ref(&inclusion.document),
            (None, None) => &[],
        }
    }

    /// The root that the documents listed lead to; `None` when a proof's path is not of its place.
    #[must_use]
    pub fn computed_root(&self) -> Option<[u8; 32]> {
        match (&self.documents, &self.inclusion) {
            (Some(documents), _) => {
                let digests: Vec<_> = documents.iter().map(|document| document.digest.0).collect();
                self.hash.root(&digests)
            }
            (None, Some(inclusion)) => {
                let path: Vec<_> = inclusion.path.iter().map(|node| node.0).collect();
                self.hash.path_root(&inclusion.document.digest.0, &path, inclusion.index, self.count)
            }
            (None, None) => None,
        }
    }

    /// What the notary signs: one line a field, so that it can be read by people and made again by any program.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        format!(
            "{}\nhash {}\ntree {}\ncount {}\nroot {}\naccount {}\nbusiness-id {}\ntime-ms {}\n",
            self.format,
            self.hash.name(),
            self.tree,
            self.count,
            hex::encode(self.root.0),
            self.notary.account,
            self.notary.business_id,
            self.notary.time_ms
        )
        .into_bytes()
    }

    /// What a court evidence service's request signs: UTF-8 of account, business id and time in milliseconds, one after
    /// another.
    #[must_use]
    pub fn authorisation_message(&self) -> Vec<u8> {
        let Notary { account, business_id, time_ms, .. } = &self.notary;
        format!("{account}{business_id}{time_ms}").into_bytes()
    }

    /// The proof of one document of a receipt, by its name.
    #[must_use]
    pub fn proof(&self, name: &str) -> Option<Self> {
        let documents = self.documents.as_ref()?;
        let index = documents.iter().position(|document| document.name == name)?;
        let digests: Vec<_> = documents.iter().map(|document| document.digest.0).collect();
        let path = self.hash.path(&digests, index)?.into_iter().map(Digest).collect();
        let inclusion = Inclusion { document: documents[index].clone(), index: index as u64, path };
        Some(Self { documents: None, inclusion: Some(inclusion), ..self.clone() })
    }

    /// The receipt as JSON for a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("text and numbers");
        text.push('\n');
        text
    }
}
