//! CometBFT's row in the table of systems.

use super::{CometBft, types::ValidatorSet};
use crate::chains::{Chain, Check, OptionError, Options};

/// The validator sets among the options.
pub(crate) fn validator_sets(options: &Options) -> Result<Vec<(String, ValidatorSet)>, OptionError> {
    let sets = options.validators.iter().map(|(name, bytes)| {
        let set = CometBft::validator_set(bytes);
        set.map(|set| (name.clone(), set)).map_err(|error| OptionError::file(name, error))
    });
    sets.collect()
}

/// CometBFT.
pub const CHAIN: Chain = Chain {
    name: "cometbft",
    about: "CometBFT (Tendermint 0.34 and later) commits with their headers and validator sets",
    formats: &[
        "RPC JSON: signed_block, /commit; a validator set as /validators",
        "protobuf: LightBlock or SignedHeader; a validator set as ValidatorSet",
    ],
    networks: Vec::new,
    item: "a vote that is not absent",
    checks: &[
        Check {
            name: "vote",
            rule: "the canonical vote's signature by the key at its place; Ed25519 under ZIP-215, secp256k1 with low S; \
                   CometBFT types/canonical.go",
        },
        Check {
            name: "commit",
            rule: "every vote valid, power for the block > 2/3; types/validation.go, VerifyCommit",
        },
        Check { name: "commit-light", rule: "in order until power > 2/3; VerifyCommitLight" },
        Check {
            name: "commit-light-trusting",
            rule: "by address under each other set given, power > 1/3, double votes refused; VerifyCommitLightTrusting",
        },
        Check { name: "commit-height", rule: "the commit is for the header's height; types/light.go, ValidateBasic" },
        Check { name: "commit-size", rule: "as many entries as validators; types/validation.go" },
        Check { name: "header-hash", rule: "the commit is for this header; types/block.go, Header.Hash" },
        Check { name: "validators-hash", rule: "the header names this set; types/validator_set.go, Hash" },
        Check { name: "validators", rule: "addresses are the keys', none twice, total power within its limit" },
        Check { name: "proposer", rule: "the proposer is one of the validators" },
        Check { name: "data-hash", rule: "the transactions' root, where the file has them; types/tx.go, Hash" },
        Check { name: "chain-id", rule: "the header is of the chain asked for with --network" },
    ],
    leaves_out: &[
        "keys of other kinds (BLS12-381, ML-DSA, secp256k1eth): not evaluated",
        "vote extensions, evidence, and the header chain's trusting period and clock",
        "Celestia's data hash, which is not CometBFT's",
    ],
    open: |options| {
        options.refuse_certificates("cometbft")?;
        options.refuse_previous_outputs("cometbft")?;
        Ok(Box::new(CometBft::new(options.network.clone(), validator_sets(options)?)))
    },
};
