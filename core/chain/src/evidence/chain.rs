//! Evidence's row in the table of systems.

use super::Evidence;
use super::key::NotaryKey;
use crate::chains::{Chain, Check, OptionError};

/// Notarised documents' receipts.
pub const CHAIN: Chain = Chain {
    name: "evidence",
    about: "receipts and proofs of notarised documents; `assay evidence verify` checks the documents too",
    formats: &[
        "receipts and proofs as `assay evidence` writes them, JSON",
        "validators: the notary's public key or certificate, PEM or DER",
    ],
    networks: Vec::new,
    item: "one of a receipt's two signatures",
    checks: &[
        Check {
            name: "signature",
            rule: "the notary's, over the receipt's statement; RSA-2048 PKCS#1 v1.5 SHA-256 (RFC 8017), or SM2 with Z_A",
        },
        Check {
            name: "authorisation",
            rule: "the same, over account, business id and time in ms, as court evidence services ask",
        },
        Check {
            name: "root",
            rule: "the listed documents' digests make the root; RFC 6962 section 2.1 with SHA-256 or SM3",
        },
        Check { name: "inclusion", rule: "a proof's document leads to the root; RFC 9162 section 2.1.3.2" },
    ],
    leaves_out: &[
        "the documents themselves: see `assay evidence verify`",
        "whether the notary's certificate is valid, and whether the time is true",
        "receipts without the notary's key: not evaluated",
    ],
    open: |options| {
        options.refuse_previous_outputs("evidence")?;
        options.refuse_certificates("evidence")?;
        if let Some(name) = &options.network {
            let known = "none".into();
            return Err(OptionError::Network { chain: "evidence", name: name.clone(), known });
        }
        let keys = options
            .validators
            .iter()
            .map(|(name, bytes)| NotaryKey::read(bytes).map_err(|why| OptionError::file(name, why)));
        Ok(Box::new(Evidence::new(keys.collect::<Result<_, _>>()?)))
    },
};
