//! BNB Beacon Chain's row in the table of systems.

use super::BnbBeacon;
use crate::chains::{Chain, Check};
use crate::cometbft::validator_sets;

/// BNB Beacon Chain.
pub const CHAIN: Chain = Chain {
    name: "bnb-beacon",
    about: "BNB Beacon Chain transactions' sign documents, and commits of Tendermint before 0.33",
    formats: &[
        "JSON list of {sign_bytes, pubkey, sig, std_tx_amino}, all hex",
        "RPC JSON: /commit with precommits; its validator set beside it",
    ],
    networks: Vec::new,
    item: "a transaction's signature, or a vote that is not absent",
    checks: &[
        Check {
            name: "signature",
            rule: "secp256k1 over the document's SHA-256, r and s in range, low S; tendermint crypto/secp256k1",
        },
        Check { name: "sign-document", rule: "sorted JSON without spaces; bnc-cosmos-sdk types/utils.go, SortJSON" },
        Check { name: "std-tx", rule: "the amino transaction carries this key and signature and repeats the document" },
        Check {
            name: "vote",
            rule: "the canonical vote in amino, Ed25519 as Go checks it; tendermint types/canonical.go",
        },
        Check {
            name: "commit",
            rule: "every vote valid, power for the block > 2/3; tendermint types/validator_set.go",
        },
        Check { name: "commit-light", rule: "in order until power > 2/3" },
        Check { name: "commit-height", rule: "the votes are for the header's height" },
        Check { name: "commit-size", rule: "as many entries as validators" },
        Check { name: "validators", rule: "addresses are the keys', none twice, total power within its limit" },
        Check { name: "chain-id", rule: "the document or header is of the chain asked for with --network" },
    ],
    leaves_out: &[
        "the messages' own fields: that the signer is whom they name, that the transaction's messages are the document's",
        "hashes of headers and validator sets in amino",
        "votes for another block than the commit's: not evaluated",
    ],
    open: |options| {
        options.refuse_certificates("bnb-beacon")?;
        options.refuse_previous_outputs("bnb-beacon")?;
        Ok(Box::new(BnbBeacon::new(options.network.clone(), validator_sets(options)?)))
    },
};
