//! Bitcoin's row in the table of systems.

use super::{Bitcoin, network::NETWORKS, outputs::Outputs};
use crate::chains::{Chain, Check, OptionError};

/// Bitcoin.
pub const CHAIN: Chain = Chain {
    name: "bitcoin",
    about: "Bitcoin blocks and transactions",
    formats: &[
        "one block, as bytes or hex",
        "transactions back to back, as bytes or hex",
        "Core's blk files (magic, length, block)*",
        "miners' shares: JSON list of {version, prev_hash, coinb1, extranonce1, extranonce2, coinb2, merkle_branch, nbits, ntime, \
         nonce, difficulty}, as stratum writes them",
        "any of them in bzip2",
    ],
    networks: || NETWORKS.iter().map(|network| network.name).collect(),
    item: "an input that is not a coinbase's, or a miner's share",
    checks: &[
        Check {
            name: "input",
            rule: "P2PK, P2PKH, P2SH, P2WPKH, P2WSH (alone and in P2SH), multisig bare, in P2SH and P2WSH, P2TR by key \
                   and by a tapscript of one key and OP_CHECKSIG; legacy, BIP-143 and BIP-341 hashes; Core interpreter.cpp",
        },
        Check {
            name: "share",
            rule: "the top 64 bits of the header's hash <= 0xffff0000 / difficulty, the root from coinbase and branch; cgminer \
                   gen_stratum_work, set_target",
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
        "blk files that Core 28 and later obfuscate (xor.dat); shares of difficulties below one; version rolling",
        "retargeting and the chain of headers: nBits is taken from the header itself",
    ],
    open: |options| {
        options.refuse_certificates("bitcoin")?;
        options.refuse_validators("bitcoin")?;
        let network = super::network(options.network.as_deref()).ok_or_else(|| OptionError::Network {
            chain: "bitcoin",
            name: options.network.clone().unwrap_or_default(),
            known: NETWORKS.iter().map(|network| network.name).collect::<Vec<_>>().join(", "),
        })?;
        let mut outputs = Outputs::default();
        for (name, bytes) in &options.previous_outputs {
            outputs.read(bytes).map_err(|error| OptionError::file(name, error))?;
        }
        Ok(Box::new(Bitcoin::new(network, outputs)))
    },
};
