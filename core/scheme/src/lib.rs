//! What every part of Assay agrees on, and nothing else: which operations there are ([`registry`]), what an answer
//! may be ([`verdict`]), how many items ([`columns`]) or keys ([`keys`]) lie side by side in memory, what a batch carries once for all its
//! items ([`parameters`]), how keys and signatures get into their canonical form ([`encoding`]), who answers ([`verifier`]),
//! what votes ([`quorum`]) and hashes ([`pow`]) add up to,
//! and how large any of it may be ([`limits`]).
//!
//! This crate has no dependencies and no unsafe code. It knows no curve, no hash function, no socket and no clock: it
//! moves bytes and names rules; whether a signature holds is for `assay-core` to say.

pub mod columns;
pub mod encoding;
pub mod keys;
pub mod limits;
pub mod parameters;
pub mod pow;
pub mod priority;
pub mod quorum;
pub mod registry;
pub mod verdict;
pub mod verifier;

pub use columns::{Columns, ColumnsBuilder, LayoutError, Shape};
pub use keys::Keys;
pub use parameters::{Hash, Output, Parameters};
pub use priority::Priority;
pub use quorum::Ballot;
pub use registry::{Kind, Operation, Row};
pub use verdict::{Cause, Reason, Verdict};
pub use verifier::{Answers, Asked, Verifier, VerifierFault};
