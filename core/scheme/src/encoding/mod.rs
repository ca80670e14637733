//! Keys and signatures as chains write them, into the canonical columns.
//!
//! One [`Encoder`] per operation and signature format turns what a user or a chain hands in into what
//! [`ColumnsBuilder`] takes: SEC 1 points ([`sec1`]), DER signatures in their three readings ([`der`]), RSA keys
//! ([`spki`]); everything else is taken as it is, at exactly its length. Nothing here computes: whether a point is on its
//! curve or a scalar in its range is for the row to say. Any bytes give an answer, none a panic.

pub mod der;
pub mod sec1;
pub mod spki;

use std::fmt;

use crate::columns::ColumnsBuilder;
use crate::registry::{Grouping, Kind, Operation, Row};
use crate::verdict::Reason;

/// How signatures are written before they become columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureFormat {
    /// The column's bytes themselves: r ‖ s for ECDSA and SM2.
    #[default]
    Raw,
    /// DER as BIP66 demands it.
    Der,
    /// DER as Bitcoin read it before BIP66.
    DerLax,
    /// DER as Go's `encoding/asn1` reads it when what is left over is ignored.
    DerTrailing,
}

impl SignatureFormat {
    /// Every format, the default first.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Der, Self::DerLax, Self::DerTrailing];

    /// The word used on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Der => "der",
            Self::DerLax => "der-lax",
            Self::DerTrailing => "der-trailing",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A signature format that an operation has no use for: a usage error, never an item's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatNotTaken {
    /// The operation's name.
    pub operation: &'static str,
    /// The format asked for.
    pub format: SignatureFormat,
}

impl fmt::Display for FormatNotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no signatures in the format {}", self.operation, self.format.name())
    }
}

impl std::error::Error for FormatNotTaken {}

/// A key or signature in canonical form: a column's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical<'a> {
    /// The bytes that were handed in.
    Same(&'a [u8]),
    /// Two numbers of 32 bytes.
    Pair([u8; 64]),
    /// A modulus and an exponent.
    Rsa(Box<[u8; spki::COLUMN_LEN]>),
}

impl AsRef<[u8]> for Canonical<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Same(bytes) => bytes,
            Self::Pair(pair) => pair,
            Self::Rsa(key) => &key[..],
        }
    }
}

/// Puts an operation's keys and signatures into canonical form.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    operation: &'static Operation,
    format: SignatureFormat,
}

impl Encoder {
    /// For this operation, its signatures written in this format.
    ///
    /// # Errors
    /// A DER format for an operation whose signature is not (r, s) alone.
    pub fn new(operation: &'static Operation, format: SignatureFormat) -> Result<Self, FormatNotTaken> {
        if format != SignatureFormat::Raw && !(operation.kind == Kind::Verify && has_points(operation)) {
            return Err(FormatNotTaken { operation: operation.name, format });
        }
        Ok(Self { operation, format })
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// A key's form byte and column entry. Takes SEC 1 points where the row has them (and a bare x ‖ y for SM2, as FISCO
    /// BCOS writes it), a DER SubjectPublicKeyInfo for RSA, else exactly the row's bytes; a row without keys takes none.
    ///
    /// # Errors
    /// [`Reason::Key`].
    pub fn key<'a>(&self, key: &'a [u8]) -> Result<(u8, Canonical<'a>), Reason> {
        if self.operation.row == Row::Rsa2048Pkcs1Sha256 {
            return spki::rsa2048(key).map(|column| (0, Canonical::Rsa(Box::new(column)))).ok_or(Reason::Key);
        }
        if !has_points(self.operation) {
            return self.exact(key, self.operation.key_len).map(|key| (0, key)).ok_or(Reason::Key);
        }
        let bare = matches!(self.operation.row, Row::Sm2Za | Row::Sm2E);
        let point = sec1::read(key).or_else(|| sec1::read_bare(key).filter(|_| bare));
        point
            .filter(|(form, _)| self.operation.forms.contains(form))
            .map(|(form, point)| (form, Canonical::Pair(point)))
            .ok_or(Reason::Key)
    }

    /// A signature's column entry; a row without signatures takes none.
    ///
    /// # Errors
    /// [`Reason::Signature`].
    pub fn signature<'a>(&self, signature: &'a [u8]) -> Result<Canonical<'a>, Reason> {
        let entry = match self.format {
            SignatureFormat::Raw => self.exact(signature, self.operation.signature_len),
            SignatureFormat::Der => der::strict(signature).map(Canonical::Pair),
            SignatureFormat::DerLax => der::lax(signature).map(Canonical::Pair),
            SignatureFormat::DerTrailing => der::trailing(signature).map(Canonical::Pair),
        };
        entry.ok_or(Reason::Signature)
    }

    /// Adds an item of a row that does not group. An item whose key, else signature, cannot be put into canonical form
    /// keeps its place with that reason.
    ///
    /// # Panics
    /// When the row groups, or the builder is another operation's: the caller's bug.
    pub fn push_item(&self, builder: &mut ColumnsBuilder, key: &[u8], signature: &[u8], message: &[u8]) {
        let entry = self.key(key).and_then(|key| Ok((key, self.signature(signature)?)));
        match entry {
            Ok(((form, key), signature)) => builder.push(form, key.as_ref(), signature.as_ref(), message),
            Err(reason) => builder.refuse(reason),
        }
    }

    /// Adds an item of a row that groups. Besides what [`Encoder::push_item`] refuses, an item with another number of
    /// messages than its row's grouping asks for is refused as [`Reason::Message`].
    ///
    /// # Panics
    /// When the row does not group, or the builder is another operation's: the caller's bug.
    pub fn push_group(&self, builder: &mut ColumnsBuilder, keys: &[&[u8]], signature: &[u8], messages: &[&[u8]]) {
        let messages_fit = match self.operation.grouping {
            Grouping::Keys => messages.len() == 1,
            Grouping::KeysAndMessages => messages.len() == keys.len(),
            Grouping::Single | Grouping::Messages => true,
        };
        let keys_fit =
            self.operation.grouping != Grouping::Messages || keys.len() == usize::from(self.operation.key_len > 0);
        // Keys of rows that group are taken as they are, so they need no new bytes.
        let refused = keys.iter().find_map(|key| self.key(key).err()).or((!keys_fit).then_some(Reason::Key));
        let entry = refused.map_or(Ok(()), Err).and_then(|()| self.signature(signature));
        match entry {
            Ok(signature) if messages_fit => builder.push_group(0, keys, signature.as_ref(), messages),
            Ok(_) => builder.refuse(Reason::Message),
            Err(reason) => builder.refuse(reason),
        }
    }

    fn exact<'a>(&self, bytes: &'a [u8], len: usize) -> Option<Canonical<'a>> {
        (bytes.len() == len).then_some(Canonical::Same(bytes))
    }
}

/// Whether a row's keys are points of a Weierstrass curve with SEC 1 tags, and so its signatures pairs (r, s).
fn has_points(operation: &Operation) -> bool {
    operation.forms != [0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::OPERATIONS;

    fn encoder(row: Row, format: SignatureFormat) -> Encoder {
        Encoder::new(row.operation(), format).expect("a format of the row")
    }

    #[test]
    fn der_is_for_pairs_alone() {
        for operation in OPERATIONS {
            let pair = matches!(
                operation.row,
                Row::EcdsaSecp256k1
                    | Row::EcdsaSecp256k1LowS
                    | Row::EcdsaP256
                    | Row::EcdsaP256LowS
                    | Row::Sm2Za
                    | Row::Sm2E
            );
            for format in SignatureFormat::ALL {
                let taken = format == SignatureFormat::Raw || pair;
                assert_eq!(Encoder::new(operation, format).is_ok(), taken, "{} {}", operation.name, format.name());
            }
        }
    }

    #[test]
    fn every_row_takes_exactly_its_bytes() {
        for operation in OPERATIONS.iter().filter(|operation| !has_points(operation)) {
            let encoder = encoder(operation.row, SignatureFormat::Raw);
            for len in [0, 1, 32, 48, 64, 65, 96, 256, 264, 1_952, 3_309] {
                let bytes = vec![7; len];
                let key_fits = len == operation.key_len && operation.row != Row::Rsa2048Pkcs1Sha256;
                assert_eq!(encoder.key(&bytes).is_ok(), key_fits, "{} key of {len}", operation.name);
                let signature_fits = len == operation.signature_len;
                assert_eq!(encoder.signature(&bytes).is_ok(), signature_fits, "{} of {len}", operation.name);
            }
        }
    }

    #[test]
    fn points_are_told_by_length_and_tag() {
        let forms_of = |row: Row| {
            let encoder = encoder(row, SignatureFormat::Raw);
            let mut forms = Vec::new();
            for len in 0..=66 {
                for tag in 0..=u8::MAX {
                    let mut key = vec![1; len];
                    key.iter_mut().take(1).for_each(|byte| *byte = tag);
                    if let Ok((form, column)) = encoder.key(&key) {
                        assert_eq!(column.as_ref().len(), 64);
                        forms.push((len, tag, form));
                    }
                }
            }
            forms.retain(|(len, tag, _)| *len != 64 || *tag == 9);
            forms
        };
        let sec1 = [(33, 2, 2), (33, 3, 3), (65, 4, 4)];
        assert_eq!(forms_of(Row::EcdsaP256), sec1);
        assert_eq!(forms_of(Row::EcdsaSecp256k1), [sec1.as_slice(), &[(65, 6, 6), (65, 7, 7)]].concat());
        assert_eq!(forms_of(Row::Sm2E), [&sec1[..2], &[(64, 9, 4)], &sec1[2..]].concat(), "a bare key has no tag");
    }

    #[test]
    fn the_key_is_refused_before_the_signature_and_the_place_is_kept() {
        let encoder = encoder(Row::EcdsaSecp256k1, SignatureFormat::Der);
        let mut builder = ColumnsBuilder::new(encoder.operation());
        let key = [2; 33];
        let signature = [0x30, 6, 2, 1, 1, 2, 1, 1];
        encoder.push_item(&mut builder, &key, &signature, b"a");
        encoder.push_item(&mut builder, b"", b"", b"b");
        encoder.push_item(&mut builder, &key, b"", b"c");
        encoder.push_item(&mut builder, &key, &signature, b"d");
        let columns = builder.build().expect("four items");
        let forms: Vec<_> = (0..4).map(|item| columns.form(item)).collect();
        assert_eq!(forms, [Ok(2), Err(Reason::Key), Err(Reason::Signature), Ok(2)]);
        assert_eq!(columns.message(3), b"d");
    }

    #[test]
    fn groups_have_as_many_messages_as_their_row_says() {
        let key: &[u8] = &[1; 48];
        let of = |row: Row, keys: &[&[u8]], signature: &[u8], messages: &[&[u8]]| {
            let encoder = encoder(row, SignatureFormat::Raw);
            let mut builder = ColumnsBuilder::new(encoder.operation());
            encoder.push_group(&mut builder, keys, signature, messages);
            builder.build().expect("one item").form(0)
        };
        let signature = [3; 96];
        assert_eq!(of(Row::BlsMinPkPopAggregate, &[key, key], &signature, &[b"a", b"b"]), Ok(0));
        assert_eq!(of(Row::BlsMinPkPopAggregate, &[key, key], &signature, &[b"a"]), Err(Reason::Message));
        assert_eq!(of(Row::BlsMinPkPopFastAggregate, &[key, key], &signature, &[b"a"]), Ok(0));
        assert_eq!(of(Row::BlsMinPkPopFastAggregate, &[key], &signature, &[]), Err(Reason::Message));
        assert_eq!(of(Row::BlsMinPkPopFastAggregate, &[key, b"short"], &[], &[]), Err(Reason::Key));
        assert_eq!(of(Row::BlsMinPkPopFastAggregate, &[key], &[], &[]), Err(Reason::Signature));
        assert_eq!(of(Row::MerkleRfc6962, &[], &[], &[b"leaf", b""]), Ok(0));
        assert_eq!(of(Row::MerkleRfc6962Proof, &[&[7; 32]], &[0; 16], &[b"leaf", &[1; 32]]), Ok(0));
        assert_eq!(of(Row::MerkleRfc6962Proof, &[], &[0; 16], &[b"leaf"]), Err(Reason::Key));
        assert_eq!(of(Row::MerkleRfc6962Proof, &[&[7; 32]], &[0; 15], &[b"leaf"]), Err(Reason::Signature));
    }

    #[test]
    fn formats_go_by_their_names() {
        for format in SignatureFormat::ALL {
            assert_eq!(SignatureFormat::from_name(format.name()), Some(format));
        }
        assert_eq!(SignatureFormat::from_name("DER"), None);
    }
}
