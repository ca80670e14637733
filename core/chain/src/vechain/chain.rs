//! VeChain's row in the table of systems.

use super::{NETWORKS, VeChain};
use crate::chains::{Chain, Check};

/// VeChain.
pub const CHAIN: Chain = Chain {
    name: "vechain",
    about: "VeChain Thor transactions",
    formats: &[
        "signed transactions in RLP, one after another, as bytes or hex",
        "JSON list of {raw, id, origin, delegator}",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a transaction's origin, or its delegator",
    checks: &[
        Check {
            name: "origin",
            rule: "recovered from the first 65 bytes over BLAKE2b-256 of the body; v 0 to 3; thor tx/transaction.go, Origin",
        },
        Check {
            name: "delegator",
            rule: "recovered from the next 65 bytes over BLAKE2b-256 of signing hash and origin; thor Delegator (VIP-191)",
        },
        Check { name: "id", rule: "BLAKE2b-256 of signing hash and origin is what the file states; thor ID" },
        Check { name: "stated", rule: "origin and delegator are what the file states" },
        Check { name: "chain-tag", rule: "with --network, the transaction is for it" },
    ],
    leaves_out: &[
        "blocks: header signers, their VRF proofs, transactions' roots",
        "the pool's refusal of a high S, which blocks do not have",
        "clauses, gas, expiration and what a transaction depends on",
    ],
    open: |options| {
        options.refuse_certificates("vechain")?;
        options.refuse_previous_outputs("vechain")?;
        options.refuse_validators("vechain")?;
        let tag = options.network_number("vechain", &NETWORKS, "chain tag")?;
        Ok(Box::new(VeChain::new(tag)))
    },
};
