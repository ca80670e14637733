//! BNB Beacon Chain: transactions' sign documents with their amino transactions, and amino commits.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `document` | a sign document, and the amino transaction that carries its signature |
//!
//! Commits go the way of [`crate::cometbft`], under amino's votes and Go's Ed25519 rules.

mod chain;
pub mod document;

use assay_scheme::encoding::sec1;
use assay_scheme::{Hash, Parameters, Reason, Row};

pub use self::chain::CHAIN;
use self::document::{Document, StdTx};
use crate::claims::{Claim, Collector};
use crate::cometbft::CometBft;
use crate::cometbft::json::amino_signed_header;
use crate::input::InputError;
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// BNB Beacon's profile over one run of files.
pub struct BnbBeacon {
    chain_id: Option<String>,
    commits: CometBft,
    pending: Vec<(String, Claim)>,
}

impl BnbBeacon {
    /// For a chain of this name, or any; with validator sets for the commits.
    #[must_use]
    pub fn new(chain_id: Option<String>, sets: Vec<(String, crate::cometbft::types::ValidatorSet)>) -> Self {
        let commits = CometBft::amino(chain_id.clone(), sets);
        Self { chain_id, commits, pending: Vec::new() }
    }

    /// Checks a document and claims its signature.
    pub fn document(
        &mut self,
        subject: String,
        document: &Document,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) {
        let named = || subject.clone();
        let doc = document.read();
        report.check("sign-document", named, doc.as_ref().map(|_| ()).map_err(Clone::clone));
        if let (Some(chain_id), Ok(doc)) = (&self.chain_id, &doc) {
            let same = doc.chain_id == *chain_id;
            let why = || Err("the document is another chain's".to_owned());
            report.check("chain-id", named, if same { Ok(()) } else { why() });
        }
        if let Some(amino) = &document.std_tx {
            let agrees = StdTx::parse(amino)
                .map_err(|error| error.to_string())
                .and_then(|tx| tx.agrees(document, doc.as_ref().map_err(Clone::clone)?));
            report.check("std-tx", named, agrees);
        }
        let claim = document.claim(collector);
        self.pending.push((subject, claim));
    }
}

impl Document {
    /// secp256k1 over the document's SHA-256, r ‖ s with low S, r and s below the order (bnc-cosmos-sdk
    /// `x/auth/ante.go`; tendermint `crypto/secp256k1`, `VerifyBytes`).
    fn claim(&self, collector: &mut Collector<'_>) -> Claim {
        let key = if self.key.len() == 33 { sec1::read(&self.key) } else { None };
        let parts = match &key {
            None => Err(Reason::Key),
            Some(_) if self.signature.len() != 64 => Err(Reason::Signature),
            Some((form, point)) => Ok((*form, &point[..], &self.signature[..])),
        };
        let parameters = Parameters::hashed(Hash::Sha256);
        collector.push_or_refuse(Row::EcdsaSecp256k1LowS, &parameters, parts, &self.sign_bytes)
    }
}

impl Profile for BnbBeacon {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            let signed = amino_signed_header(bytes)?;
            self.commits.signed(name, &signed, collector, report);
            return Ok(());
        }
        for (index, document) in document::documents(bytes)?.iter().enumerate() {
            self.document(format!("{name}: transaction {index}"), document, collector, report);
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for (subject, claim) in self.pending.drain(..) {
            report.item(|| subject, Outcome::from(collector.verdict(claim)));
        }
        self.commits.judge(collector, report);
    }
}
