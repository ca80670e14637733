//! BNB Smart Chain's row in the table of systems.

use super::{Bsc, NETWORKS};
use crate::chains::{Chain, Check, OptionError};

/// BNB Smart Chain.
pub const CHAIN: Chain = Chain {
    name: "bsc",
    about: "BNB Smart Chain headers: Parlia seals and fast finality's attestations",
    formats: &[
        "headers or blocks in RLP, one after another, as bytes or hex",
        "JSON list of {header_rlp, chain_id, attestation: {validators}}; validators as a JSON list of {address, bls}",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a header's seal, or its attestation",
    checks: &[
        Check {
            name: "seal",
            rule: "the key recovered from the extra data's last 65 bytes is the coinbase's, which is a validator's where the \
                   set is known; bsc core/types/block.go, EncodeSigHeader",
        },
        Check {
            name: "attestation",
            rule: "votes for the parent by two thirds of the validators or more, BLS fast aggregate; bsc \
                   consensus/parlia/parlia.go, verifyVoteAttestation",
        },
    ],
    leaves_out: &[
        "whose turn it was to seal, and the difficulty that follows from it",
        "the attestation's source: that it is the highest justified block",
        "transactions: see ethereum with --network 56",
    ],
    open: |options| {
        options.refuse_certificates("bsc")?;
        options.refuse_previous_outputs("bsc")?;
        let chain_id = options.network_number("bsc", &NETWORKS, "chain id")?.unwrap_or(NETWORKS[0].1);
        let validators = options
            .validators
            .iter()
            .map(|(name, bytes)| Bsc::validators(bytes).map_err(|error| OptionError::file(name, error)));
        let validators = validators.collect::<Result<Vec<_>, _>>()?.pop();
        Ok(Box::new(Bsc::new(chain_id, validators)))
    },
};
