//! VeChain's row in the table of systems.

use super::{NETWORKS, VeChain};
use crate::chains::{Chain, Check};

/// VeChain.
pub const CHAIN: Chain = Chain {
    name: "vechain",
    about: "VeChain Thor blocks and transactions",
    formats: &[
        "blocks, headers and signed transactions in RLP, one after another, as bytes or hex",
        "JSON list of {raw, id, origin, delegator, signer}; raw as the node's API gives it with ?raw=true",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a transaction's origin, or its delegator, or a header's signer",
    checks: &[
        Check {
            name: "origin",
            rule: "recovered from the first 65 bytes over BLAKE2b-256 of the body; v 0 to 3; thor tx/transaction.go, Origin",
        },
        Check {
            name: "delegator",
            rule: "recovered from the next 65 bytes over BLAKE2b-256 of signing hash and origin; thor Delegator (VIP-191)",
        },
        Check {
            name: "signer",
            rule: "recovered from the first 65 bytes over BLAKE2b-256 of the header's first nine fields; thor block/header.go, Signer",
        },
        Check {
            name: "vrf",
            rule: "the 81 bytes behind it prove alpha under the signer's key, ECVRF-SECP256K1-SHA256-TAI (VIP-214); thor \
                   block/header.go, Beta; draft-irtf-cfrg-vrf-06, section 5.3",
        },
        Check {
            name: "transactions-root",
            rule: "the header's root is the transactions', Merkle-Patricia with BLAKE2b-256; thor tx/transactions.go, RootHash",
        },
        Check {
            name: "id",
            rule: "BLAKE2b-256 of signing hash and origin or signer (a block's with its number in front) is what the file states; thor ID",
        },
        Check { name: "stated", rule: "origin, delegator and signer are what the file states" },
        Check { name: "chain-tag", rule: "with --network, the transaction is for it" },
    ],
    leaves_out: &[
        "headers with a base fee, since the Galactica fork: their signers are not evaluated",
        "what needs the parent or the state: that alpha is the parent's output, whose turn it was, the total score, the other roots",
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
