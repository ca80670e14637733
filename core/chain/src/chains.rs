//! The table of systems: what `assay chain list` prints, what `--chain` takes, and what docs/chains is held against.

use crate::bitcoin::{Bitcoin, network::NETWORKS, outputs::Outputs};
use crate::bnb_beacon::BnbBeacon;
use crate::bsc::{self, Bsc};
use crate::cometbft::{CometBft, types::ValidatorSet};
use crate::ethereum::{self, Ethereum};
use crate::profile::Profile;
use crate::vechain::{self, VeChain};

/// What a run is told besides its files.
#[derive(Debug, Default)]
pub struct Options {
    /// The network's name; the chain's first where none is given.
    pub network: Option<String>,
    /// Files of previous outputs, as (name, bytes).
    pub previous_outputs: Vec<(String, Vec<u8>)>,
    /// Files of validator sets, as (name, bytes).
    pub validators: Vec<(String, Vec<u8>)>,
}

/// Why options do not fit a chain. All are usage errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The chain has no network of this name.
    #[error("{chain} has no network {name:?}; it has {known}")]
    Network {
        /// The chain.
        chain: &'static str,
        /// The name given.
        name: String,
        /// The names it has.
        known: String,
    },
    /// The chain takes no such files.
    #[error("{chain} takes no {what}")]
    NotTaken {
        /// The chain.
        chain: &'static str,
        /// What was given.
        what: &'static str,
    },
    /// A file given as an option could not be read.
    #[error("{name}: {why}")]
    File {
        /// The file.
        name: String,
        /// Where and why.
        why: String,
    },
}

/// A check by its name in a report, and its rule's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The name under `checks`, or what an item is.
    pub name: &'static str,
    /// What is checked, and where the rule stands.
    pub rule: &'static str,
}

/// One system.
pub struct Chain {
    /// The name `--chain` takes.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// What a file may be.
    pub formats: &'static [&'static str],
    /// The names `--network` takes, the default first; none where the input says it.
    pub networks: fn() -> Vec<&'static str>,
    /// What one item is: what is counted as valid, invalid or not evaluated.
    pub item: &'static str,
    /// What is checked, items first.
    pub checks: &'static [Check],
    /// What is left out.
    pub leaves_out: &'static [&'static str],
    /// Makes the chain's profile.
    pub open: fn(&Options) -> Result<Box<dyn Profile>, OptionError>,
}

/// Every system, in the order of the list.
pub static CHAINS: &[Chain] = &[BITCOIN, COMETBFT, BNB_BEACON, ETHEREUM, BSC, VECHAIN];

impl Chain {
    /// The system with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        CHAINS.iter().find(|chain| chain.name == name)
    }

    /// The system's profile under these options.
    ///
    /// # Errors
    /// When an option does not fit the chain, or an option's file cannot be read.
    pub fn profile(&self, options: &Options) -> Result<Box<dyn Profile>, OptionError> {
        (self.open)(options)
    }
}

/// Refuses option files that a chain has no use for.
fn refuse(chain: &'static str, files: &[(String, Vec<u8>)], what: &'static str) -> Result<(), OptionError> {
    if files.is_empty() { Ok(()) } else { Err(OptionError::NotTaken { chain, what }) }
}

const BITCOIN: Chain = Chain {
    name: "bitcoin",
    about: "Bitcoin blocks and transactions",
    formats: &[
        "one block, as bytes or hex",
        "transactions back to back, as bytes or hex",
        "Core's blk files (magic, length, block)*",
        "any of them in bzip2",
    ],
    networks: || NETWORKS.iter().map(|network| network.name).collect(),
    item: "an input that is not a coinbase's",
    checks: &[
        Check {
            name: "input",
            rule: "P2PK, P2PKH, P2SH, P2WPKH, P2WSH (alone and in P2SH), multisig bare, in P2SH and P2WSH, P2TR by key \
                   and by a tapscript of one key and OP_CHECKSIG; legacy, BIP-143 and BIP-341 hashes; Core interpreter.cpp",
        },
        Check { name: "pow", rule: "hash <= target(nBits) <= the network's limit; Core pow.cpp, CheckProofOfWork" },
        Check { name: "merkle", rule: "the header's root is the transactions'; Core consensus/merkle.cpp" },
        Check {
            name: "merkle-unique",
            rule: "no equal neighbours in the tree (CVE-2012-2459); Core ComputeMerkleRoot",
        },
        Check { name: "coinbase", rule: "the first transaction is a coinbase, no other is; Core CheckBlock" },
        Check { name: "witness-commitment", rule: "BIP-141, commitment structure" },
    ],
    leaves_out: &[
        "scripts of other forms, and tapscripts of more than one key: not evaluated",
        "inputs whose previous output is neither given nor in an earlier transaction of the run: not evaluated",
        "lock times, amounts, subsidies, sizes, signature counts, whether an output was spent before",
        "retargeting and the chain of headers: nBits is taken from the header itself",
    ],
    open: |options| {
        refuse("bitcoin", &options.validators, "validator sets")?;
        let network = crate::bitcoin::network(options.network.as_deref()).ok_or_else(|| OptionError::Network {
            chain: "bitcoin",
            name: options.network.clone().unwrap_or_default(),
            known: NETWORKS.iter().map(|network| network.name).collect::<Vec<_>>().join(", "),
        })?;
        let mut outputs = Outputs::default();
        for (name, bytes) in &options.previous_outputs {
            outputs.read(bytes).map_err(|error| OptionError::File { name: name.clone(), why: error.to_string() })?;
        }
        Ok(Box::new(Bitcoin::new(network, outputs)))
    },
};

/// The validator sets among the options.
fn validator_sets(options: &Options) -> Result<Vec<(String, ValidatorSet)>, OptionError> {
    let sets = options.validators.iter().map(|(name, bytes)| {
        let set = CometBft::validator_set(bytes);
        set.map(|set| (name.clone(), set))
            .map_err(|error| OptionError::File { name: name.clone(), why: error.to_string() })
    });
    sets.collect()
}

const COMETBFT: Chain = Chain {
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
        refuse("cometbft", &options.previous_outputs, "previous outputs")?;
        Ok(Box::new(CometBft::new(options.network.clone(), validator_sets(options)?)))
    },
};

const BNB_BEACON: Chain = Chain {
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
        refuse("bnb-beacon", &options.previous_outputs, "previous outputs")?;
        Ok(Box::new(BnbBeacon::new(options.network.clone(), validator_sets(options)?)))
    },
};

const ETHEREUM: Chain = Chain {
    name: "ethereum",
    about: "Ethereum blocks and transactions",
    formats: &[
        "blocks in RLP, one after another, as bytes or hex",
        "signed transactions in their network form, the same",
    ],
    networks: || ethereum::NETWORKS.iter().map(|(name, _)| *name).collect(),
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
        Check { name: "uncles-hash", rule: "the header's hash is the uncles'; yellow paper, section 4.4.3" },
    ],
    leaves_out: &[
        "whatever needs the parent or the state: number, time, base fee, balances, receipts, the state root",
        "blob proofs, the authorisations inside EIP-7702 transactions, the consensus layer's signatures, proof of work",
        "era1 files",
    ],
    open: |options| {
        refuse("ethereum", &options.previous_outputs, "previous outputs")?;
        refuse("ethereum", &options.validators, "validator sets")?;
        let chain_id = options.network.as_ref().map(|name| {
            let known = ethereum::NETWORKS.iter().find(|(network, _)| network == name).map(|(_, id)| *id);
            known.or_else(|| name.parse().ok()).ok_or_else(|| OptionError::Network {
                chain: "ethereum",
                name: name.clone(),
                known: "mainnet, sepolia, holesky, hoodi, and any chain id in decimal".into(),
            })
        });
        Ok(Box::new(Ethereum::new(chain_id.transpose()?)))
    },
};

const BSC: Chain = Chain {
    name: "bsc",
    about: "BNB Smart Chain headers: Parlia seals and fast finality's attestations",
    formats: &[
        "headers or blocks in RLP, one after another, as bytes or hex",
        "JSON list of {header_rlp, chain_id, attestation: {validators}}; validators as a JSON list of {address, bls}",
    ],
    networks: || bsc::NETWORKS.iter().map(|(name, _)| *name).collect(),
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
        refuse("bsc", &options.previous_outputs, "previous outputs")?;
        let chain_id = match &options.network {
            None => bsc::NETWORKS[0].1,
            Some(name) => {
                let known = bsc::NETWORKS.iter().find(|(network, _)| network == name).map(|(_, id)| *id);
                known.or_else(|| name.parse().ok()).ok_or_else(|| OptionError::Network {
                    chain: "bsc",
                    name: name.clone(),
                    known: "mainnet, chapel, and any chain id in decimal".into(),
                })?
            }
        };
        let validators = options.validators.iter().map(|(name, bytes)| {
            Bsc::validators(bytes).map_err(|error| OptionError::File { name: name.clone(), why: error.to_string() })
        });
        let validators = validators.collect::<Result<Vec<_>, _>>()?.pop();
        Ok(Box::new(Bsc::new(chain_id, validators)))
    },
};

const VECHAIN: Chain = Chain {
    name: "vechain",
    about: "VeChain Thor transactions",
    formats: &[
        "signed transactions in RLP, one after another, as bytes or hex",
        "JSON list of {raw, id, origin, delegator}",
    ],
    networks: || vechain::NETWORKS.iter().map(|(name, _)| *name).collect(),
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
        refuse("vechain", &options.previous_outputs, "previous outputs")?;
        refuse("vechain", &options.validators, "validator sets")?;
        let tag = options.network.as_ref().map(|name| {
            let known = vechain::NETWORKS.iter().find(|(network, _)| network == name).map(|(_, tag)| *tag);
            known.or_else(|| name.parse().ok()).ok_or_else(|| OptionError::Network {
                chain: "vechain",
                name: name.clone(),
                known: "mainnet, testnet, and any chain tag in decimal".into(),
            })
        });
        Ok(Box::new(VeChain::new(tag.transpose()?)))
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_options_refused_by_name() {
        for chain in CHAINS {
            assert!(std::ptr::eq(Chain::from_name(chain.name).expect("by name"), chain));
            assert!(!chain.checks.is_empty() && !chain.formats.is_empty() && !chain.leaves_out.is_empty());
        }
        let bitcoin = Chain::from_name("bitcoin").expect("first");
        let network = Options { network: Some("mainet".into()), ..Options::default() };
        assert!(matches!(bitcoin.profile(&network), Err(OptionError::Network { .. })));
        let validators = Options { validators: vec![("v".into(), Vec::new())], ..Options::default() };
        assert!(matches!(bitcoin.profile(&validators), Err(OptionError::NotTaken { .. })));
        let outputs = Options { previous_outputs: vec![("o".into(), vec![1])], ..Options::default() };
        assert!(matches!(bitcoin.profile(&outputs), Err(OptionError::File { .. })));
    }

    /// Each chain's page names every check the table has.
    #[test]
    fn pages_name_every_check() {
        for chain in CHAINS {
            let page = format!("{}/../../docs/chains/{}.md", env!("CARGO_MANIFEST_DIR"), chain.name);
            let text = std::fs::read_to_string(&page).expect("a page for every chain");
            for check in chain.checks {
                assert!(text.contains(&format!("`{}`", check.name)), "{page} does not name {}", check.name);
            }
        }
    }
}
