//! ChainMaker's row in the table of systems.

use super::{ChainMaker, NETWORKS};
use crate::chains::{Chain, Check, OptionError};
use crate::identity;

/// ChainMaker.
pub const CHAIN: Chain = Chain {
    name: "chainmaker",
    about: "ChainMaker v2 transactions, blocks and TBFT votes",
    formats: &[
        "a block or a transaction in the JSON of ChainMaker's clients, {block: …} and {transaction: …} too",
        "a block or a transaction in protobuf",
        "consensus nodes' ids as a JSON list of text",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a sender's, an endorser's, a payer's or a proposer's signature, or a vote",
    checks: &[
        Check {
            name: "signature",
            rule: "sender, endorser and payer: the payload; proposer: the block's hash; voter: the vote. SM2 with Z_A over the \
                   message, P-256 and secp256k1 with any S, RSA-2048; utils/transaction.go, utils/block.go",
        },
        Check { name: "block-hash", rule: "the header without hash and signature; utils/block.go, CalcBlockHash" },
        Check { name: "transaction-count", rule: "as many transactions as the header says" },
        Check { name: "transactions-root", rule: "the header's root is the transactions'; CalcTxHashWithVersion" },
        Check { name: "dag-hash", rule: "the header's hash is that of the order of execution; utils/dag.go" },
        Check { name: "read-write-root", rule: "the header's root is that of the results' read-write sets" },
        Check {
            name: "block-votes",
            rule: "the votes are for this block, every one valid, no signer twice, and with the nodes known from 2n/3 + 1 of \
                   them; module/consensus/tbft, VerifyBlockSignatures",
        },
    ],
    leaves_out: &[
        "whether a member may do what it signed for: policies, roles, its certificate's path (see device-identity)",
        "that a voter's id is its certificate's; other consensus than TBFT",
        "P-384 and P-521 keys, RSA of other sizes, members named by DID, alias or address: not evaluated",
        "blocks of version 1, whose transactions have another form",
    ],
    open: |options| {
        options.refuse_previous_outputs("chainmaker")?;
        options.refuse_user_id("chainmaker")?;
        let hash = options.network_named("chainmaker", &NETWORKS)?;
        let certificates = identity::certificates(options)?;
        let validators = options
            .validators
            .iter()
            .map(|(name, bytes)| ChainMaker::validators(bytes).map_err(|error| OptionError::file(name, error)));
        let validators = validators.collect::<Result<Vec<_>, _>>()?;
        let validators = (!validators.is_empty()).then(|| validators.concat());
        Ok(Box::new(ChainMaker::new(hash, certificates, validators)))
    },
};
