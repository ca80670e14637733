//! FISCO BCOS' row in the table of systems.

use super::Fisco;
use super::suite::SUITES;
use crate::chains::{Chain, Check, OptionError};

/// FISCO BCOS 2.x and 3.x.
pub const CHAIN: Chain = Chain {
    name: "fisco-bcos",
    about: "FISCO BCOS 2.x and 3.x blocks: sealers' votes, transactions, both crypto suites",
    formats: &[
        "RPC JSON of blocks and headers, one or a list, with or without the envelope",
        "v3: signed transactions in tars, one after another, as bytes or hex",
        "v2: signed transactions in RLP, one after another, as bytes or hex",
    ],
    networks: || SUITES.iter().map(|(name, _)| *name).collect(),
    item: "a sealer's signature, or a transaction",
    checks: &[
        Check {
            name: "signature",
            rule: "over the block's hash, by the key that is the sealer's node id; a sealer signs once; FISCO-BCOS \
                   bcos-pbft/pbft/engine/BlockValidator.cpp",
        },
        Check {
            name: "transaction",
            rule: "the signature over the transaction's hash is the stated sender's; v2: low S and v <= 1; \
                   bcos-tars-protocol/impl/TarsHashable.h; v2 libethcore/Transaction.cpp",
        },
        Check {
            name: "pbft",
            rule: "every signature valid, weight >= total - (total - 1) / 3; BlockValidator.cpp, checkSignatureList",
        },
        Check {
            name: "header-hash",
            rule: "the hash stated is the header's; TarsHashable.h; v2 libethcore/BlockHeader.cpp",
        },
        Check { name: "transaction-hash", rule: "the hash stated is the transaction's" },
        Check {
            name: "transactions-root",
            rule: "v3: binary, a lone child hashed alone; v2: of sixteen, over RLP(index) and hash; bcos-crypto merkle; v2 \
                   libdevcore/TrieHash2.cpp",
        },
    ],
    leaves_out: &[
        "release candidates of 3.0: header hash, root and transactions are not computed; their votes are",
        "Ethereum transactions inside v3: not evaluated",
        "that the sealers are the chain's: who seals is taken from the header itself",
        "receipts and state roots, block limits, nonces, the chain of headers",
    ],
    open: |options| {
        options.refuse_previous_outputs("fisco-bcos")?;
        options.refuse_certificates("fisco-bcos")?;
        options.refuse_validators("fisco-bcos")?;
        let suite = options.network.as_ref().map(|name| {
            let named = SUITES.iter().find(|(suite, _)| suite == name).map(|(_, suite)| *suite);
            named.ok_or_else(|| OptionError::Network {
                chain: "fisco-bcos",
                name: name.clone(),
                known: SUITES.map(|(suite, _)| suite).join(", "),
            })
        });
        Ok(Box::new(Fisco::new(suite.transpose()?)))
    },
};
