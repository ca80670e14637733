//! Votes with powers against a threshold: how a chain's own code walks through them. The node's quorum operation counts by
//! the same module of assay-scheme.

pub use assay_scheme::quorum::{Quorum, Vote, power_to_exceed, walk};
