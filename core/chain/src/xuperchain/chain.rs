//! XuperChain's row in the table of systems.

use super::XuperChain;
use crate::chains::{Chain, Check, OptionError};

/// XuperChain.
pub const CHAIN: Chain = Chain {
    name: "xuperchain",
    about: "XuperChain transactions and blocks, P-256 and the gm plugin's SM2",
    formats: &[
        "what xchain-cli prints of a transaction or a block, as JSON",
        "JSON list of transactions, or {transactions: [{tx}], block}",
        "validators as a JSON list of addresses",
    ],
    networks: Vec::new,
    item: "a transaction's signature, a block's, or a vote in a certificate",
    checks: &[
        Check {
            name: "signature",
            rule: "over the digest without signatures, by the key of the address; P-256 with any S or SM2 with the digest as e; DER as \
                   Go reads it; xupercore state/tx_verification.go, verifySignatures",
        },
        Check {
            name: "block-signature",
            rule: "over the block's id, by the proposer's key; xupercore ledger/ledger.go, VerifyBlock",
        },
        Check {
            name: "vote",
            rule: "over the certified block's id, by a validator, once; chained-bft/crypto/crypto.go",
        },
        Check {
            name: "txid",
            rule: "double SHA-256: versions 1 and 2 of Go's JSON lines, 3 of fields with lengths; txhash",
        },
        Check { name: "blockid", rule: "double SHA-256 of the header; ledger/ledger_hash.go, MakeBlockID" },
        Check { name: "merkle", rule: "the header's root is the transactions'; ledger_hash.go, VerifyMerkle" },
        Check { name: "merkle-tree", rule: "the listed tree's nodes follow from its leaves; MakeMerkleTree" },
        Check { name: "tx-count", rule: "as many transactions as the header says" },
        Check {
            name: "qc",
            rule: "validators' votes + 1 >= n - (n - 1) / 3, none twice, none invalid; chained-bft/saftyrules.go, CheckProposal",
        },
    ],
    leaves_out: &[
        "accounts: their signatures are checked, their access lists are state: not evaluated",
        "unified signatures (multi, ring), transactions a supervisor changed: not evaluated",
        "certificates' quorum without --validators: not evaluated",
        "protobuf files; contracts, outputs spent, work, whose turn it was",
    ],
    open: |options| {
        options.refuse_previous_outputs("xuperchain")?;
        options.refuse_certificates("xuperchain")?;
        if let Some(name) = &options.network {
            let known = "none: keys name their curve".into();
            return Err(OptionError::Network { chain: "xuperchain", name: name.clone(), known });
        }
        let sets = options
            .validators
            .iter()
            .map(|(name, bytes)| XuperChain::validators(bytes).map_err(|error| OptionError::file(name, error)));
        let validators = sets.collect::<Result<Vec<_>, _>>()?.pop();
        Ok(Box::new(XuperChain::new(validators)))
    },
};
