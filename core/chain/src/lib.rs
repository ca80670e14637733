//! Chain profiles: a system's own bytes in, batches for a [`Verifier`](assay_scheme::Verifier) out, the system's own
//! outcome back.
//!
//! A chain does not hold (key, signature, message) triples: it holds blocks, commits and proofs. Each profile goes one way:
//!
//! ```text
//! file ── read ──> typed ── collect ──> claims ──┐
//!                    │                           │  Collector: many files, large columns per (row, parameters)
//!                    │ local checks              v
//!                    │ (hashes, roots, work)   Verifier (the engine, or a node through the client)
//!                    v                           │
//!                  Report <── judge ── verdicts ─┘
//! ```
//!
//! | file | what it holds |
//! | :-- | :-- |
//! | [`input`] | bounded reading of strangers' bytes: every error has an offset |
//! | [`claims`] | [`Collector`]: claims in, [`Columns`](assay_scheme::Columns) to the verifier, verdicts back to their claims |
//! | [`report`] | what was found: items, checks, findings that name the culprit |
//! | [`profile`] | the trait each system implements, and the way of many files through it |
//! | [`chains`] | the table of systems: names, formats, what each checks and leaves out |
//! | [`hash`], [`merkle`], [`quorum`], [`proto`], [`rlp`] | what several systems share: hashes, RFC 6962's tree, votes against a threshold, protocol buffers, RLP |
//! | [`bitcoin`] and the others | one module a system, each rule cited beside its check |
//!
//! What a profile does not cover is not evaluated, with a reason, and never valid. This crate knows no backend and no
//! socket; the node never links it.

pub mod base58;
pub mod bitcoin;
pub mod bnb_beacon;
pub mod bsc;
pub mod bsn;
pub mod chainmaker;
pub mod chains;
pub mod claims;
pub mod cometbft;
pub mod ethereum;
pub mod evidence;
pub mod fabric;
pub mod fisco;
pub mod hash;
pub mod identity;
pub mod input;
pub mod merkle;
pub mod neo;
pub mod profile;
pub mod proto;
pub mod quorum;
pub mod report;
pub mod rlp;
pub mod vechain;
pub mod xuperchain;

pub use chains::{CHAINS, Chain, Options};
pub use claims::{Claim, Collector};
pub use input::InputError;
pub use profile::{Profile, verify_files, verify_files_with};
pub use report::{Detail, Finding, Report};
