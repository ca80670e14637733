//! Fabric's row in the table of systems.

use super::{Fabric, NETWORKS};
use crate::chains::{Chain, Check, OptionError};

/// Hyperledger Fabric.
pub const CHAIN: Chain = Chain {
    name: "fabric",
    about: "Hyperledger Fabric blocks: hashes, creators, endorsers, orderers and SmartBFT consenters; guomi variants",
    formats: &["one common.Block in protobuf", "a ledger's file of blocks (chains/CHANNEL/blockfile_000000)"],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a creator's, an endorser's or an orderer's signature",
    checks: &[
        Check {
            name: "signature",
            rule: "creator: the payload; endorser: the response payload and itself; orderer: metadata value, its header, the \
                   block's header. ECDSA P-256 with low S over SHA-256 or SHA3-256, Ed25519 as Go, SM2 by the network's mode; \
                   fabric bccsp/sw/ecdsa.go, protoutil/blockutils.go",
        },
        Check { name: "data-hash", rule: "one hash over the envelopes; protoutil/blockutils.go, BlockDataHash" },
        Check { name: "header-chain", rule: "the block before has the hash that is named; BlockHeaderHash" },
        Check { name: "transaction-id", rule: "SHA-256 of nonce and creator; protoutil/proputils.go, ComputeTxID" },
        Check { name: "proposal-hash", rule: "the endorsers signed for this proposal; GetProposalHash2" },
        Check {
            name: "block-signatures",
            rule: "enough orderers signed, none twice: with SmartBFT ceil((n + f + 1) / 2) consenters; common/policies/util.go",
        },
        Check {
            name: "identity",
            rule: "a member's certificate leads to its MSP's authorities; msp/mspimplvalidate.go",
        },
        Check { name: "consenter", rule: "the same for each consenter that a configuration names" },
        Check { name: "configuration", rule: "its certificates can be read, no two consenters have one identifier" },
    ],
    leaves_out: &[
        "policies: endorsement policies, changed block validation policies, the signatures inside a configuration update",
        "revocation, organisational units, expiry (Fabric does not look at it either when it validates a member)",
        "the world state, read-write sets, private data, validation codes",
        "P-224, P-384 and P-521 keys, Idemix: not evaluated; in guomi networks transaction ids and proposal hashes",
    ],
    open: |options| {
        options.refuse_previous_outputs("fabric")?;
        options.refuse_validators("fabric")?;
        if !options.certificates.is_empty() {
            return Err(OptionError::NotTaken { chain: "fabric", what: "certificates" });
        }
        let network = options.network_named("fabric", &NETWORKS)?;
        Ok(Box::new(Fabric::new(network, options.user_id.clone())))
    },
};
