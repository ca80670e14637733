//! Notarised documents: receipts over a tree of digests, proofs of one document, signed by a notary with RSA or SM2.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `receipt` | JSON into a receipt or a proof, and that into the bytes that are signed |
//! | `tree` | digests into a root, a path, and a path into a root |
//! | `key` | a notary's public key or certificate into claims |
//! | `page` | a receipt and what became of its documents into a page for people |
//!
//! A receipt carries its notary's key, which proves nothing by itself: the key is the one that is given, or nothing is
//! evaluated.

mod chain;
pub mod key;
pub mod page;
pub mod receipt;
pub mod tree;

pub use self::chain::CHAIN;

use assay_scheme::{Parameters, Row};

use self::key::NotaryKey;
use self::receipt::Receipt;
use crate::claims::{Claim, Collector};
use crate::input::InputError;
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// What waits for its verdict.
enum Pending {
    Signature { subject: String, asked: Result<Claim, Outcome> },
    Root { subject: String, claim: Claim, stated: [u8; 32] },
}

/// Receipts' and proofs' profile over one run of files.
pub struct Evidence {
    notaries: Vec<NotaryKey>,
    pending: Vec<Pending>,
}

impl Evidence {
    /// With the notaries that are believed.
    #[must_use]
    pub fn new(notaries: Vec<NotaryKey>) -> Self {
        Self { notaries, pending: Vec::new() }
    }

    /// Checks a receipt's own parts and claims its signatures.
    pub fn receipt(&mut self, name: &str, receipt: &Receipt, collector: &mut Collector<'_>, report: &mut Report) {
        let root = |found: Option<[u8; 32]>| match found {
            Some(found) if found == receipt.root.0 => Ok(()),
            Some(found) => Err(format!("the documents' root is {}", hex::encode(found))),
            None => Err("the path is not of its place in the tree".to_owned()),
        };
        match &receipt.documents {
            // The whole tree is hashed by whoever verifies; a path is a handful of hashes.
            Some(documents) if documents.len() <= TREE_LEAVES_MAX => {
                let leaves: Vec<&[u8]> = documents.iter().map(|document| &document.digest.0[..]).collect();
                let parameters = Parameters::hashed(receipt.hash.hash());
                let claim = collector.push_group(Row::MerkleRfc6962, &parameters, &[], &[], &leaves);
                self.pending.push(Pending::Root { subject: name.to_owned(), claim, stated: receipt.root.0 });
            }
            Some(_) => report.check("root", || name.to_owned(), root(receipt.computed_root())),
            None => report.check("inclusion", || name.to_owned(), root(receipt.computed_root())),
        }
        let notary = &receipt.notary;
        let user_id = notary.user_id.as_ref().map(|bytes| &bytes.0[..]);
        let key = self.notaries.iter().find(|known| known.spki == notary.public_key.0);
        for (role, message, signature) in [
            ("signature", receipt.statement(), &notary.signature),
            ("authorisation", receipt.authorisation_message(), &notary.authorisation),
        ] {
            let asked = match key {
                _ if self.notaries.is_empty() => Err(Outcome::not_evaluated("the notary's key is not given")),
                None => Err(Outcome::invalid("the receipt is signed by another key than the notary's")),
                Some(key) if key.scheme != notary.scheme => Err(Outcome::invalid("the key is of another scheme")),
                Some(key) => Ok(key.claim(&message, &signature.0, user_id, collector)),
            };
            self.pending.push(Pending::Signature { subject: format!("{name}: {role}"), asked });
        }
    }
}

/// Leaves of a tree that is asked for as one item: a request's worth. A larger one is hashed here.
const TREE_LEAVES_MAX: usize = 65_536;

impl Profile for Evidence {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        self.receipt(name, &Receipt::read(bytes)?, collector, report);
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Signature { subject, asked } => {
                    let outcome = asked.map_or_else(|outcome| outcome, |claim| collector.verdict(claim).into());
                    report.item(|| subject, outcome);
                }
                Pending::Root { subject, claim, stated } => match collector.value(claim, 32) {
                    Some(root) if root == stated => report.check("root", || subject, Ok(())),
                    Some(root) => {
                        let why = format!("the documents' root is {}", hex::encode(root));
                        report.check("root", || subject, Err(why));
                    }
                    None => {
                        report.item(|| format!("{subject}: root"), Outcome::not_evaluated("the root has no answer"))
                    }
                },
            }
        }
    }
}
