//! Ethereum's row in the table of systems.

use super::{Ethereum, NETWORKS};
use crate::chains::{Chain, Check};

/// Ethereum.
pub const CHAIN: Chain = Chain {
    name: "ethereum",
    about: "Ethereum blocks and transactions",
    formats: &[
        "blocks in RLP, one after another, as bytes or hex",
        "signed transactions in their network form, the same",
        "era1 files: blocks from before the merge",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a transaction",
    checks: &[
        Check {
            name: "sender",
            rule: "the key is recovered from r, s and v, low S (EIP-2); legacy, EIP-155, EIP-2930, EIP-1559, EIP-4844, EIP-7702; \
                   with --network, for that chain",
        },
        Check { name: "header", rule: "gas within limits, extra data <= 32 bytes, no nonce or uncles since EIP-3675" },
        Check {
            name: "transactions-root",
            rule: "the header's root is the transactions'; yellow paper, section 4.4.3",
        },
        Check { name: "withdrawals-root", rule: "the header's root is the withdrawals'; EIP-4895" },
        Check {
            name: "receipts-root",
            rule: "in era1 files: the header's root is the receipts'; yellow paper, section 4.4.3",
        },
        Check { name: "parent", rule: "in era1 files: each block's parent is the one before it" },
        Check { name: "total-difficulty", rule: "in era1 files: the difficulties add up to what the file says" },
        Check {
            name: "accumulator",
            rule: "in era1 files: the SSZ root over the blocks' hashes and difficulties is the file's; go-ethereum internal/era",
        },
        Check { name: "uncles-hash", rule: "the header's hash is the uncles'; yellow paper, section 4.4.3" },
    ],
    leaves_out: &[
        "whatever needs the parent or the state: number, time, base fee, balances, receipts, the state root",
        "blob proofs, the authorisations inside EIP-7702 transactions, the consensus layer's signatures, proof of work",
    ],
    open: |options| {
        options.refuse_certificates("ethereum")?;
        options.refuse_previous_outputs("ethereum")?;
        options.refuse_validators("ethereum")?;
        let chain_id = options.network_number("ethereum", &NETWORKS, "chain id")?;
        Ok(Box::new(Ethereum::new(chain_id)))
    },
};
