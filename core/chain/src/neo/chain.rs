//! Neo's row in the table of systems.

use super::{NETWORKS, Neo, address};
use crate::chains::{Chain, Check, OptionError};

/// Neo N3 and Neo 2.
pub const CHAIN: Chain = Chain {
    name: "neo",
    about: "Neo N3 and Neo 2 blocks: dBFT headers, transactions' witnesses",
    formats: &[
        "dumps (.acc): a count, or first height and count, then (length, block)*",
        "blocks one after another, as bytes, hex or base64",
        "validators as an address, a script hash or a JSON list of keys",
    ],
    networks: || NETWORKS.iter().map(|(name, _)| *name).collect(),
    item: "a transaction's witness, or a header's",
    checks: &[
        Check {
            name: "witness",
            rule: "the verification script is the account's; one key, or m of n in order; P-256 over the network's magic and \
                   the hash (Neo 2: over the unsigned bytes), any S; neo SmartContract/Helper.cs, VerifyWitness",
        },
        Check {
            name: "header-witness",
            rule: "the same, of the account that the header before names; neo Network/P2P/Payloads/Header.cs",
        },
        Check { name: "merkle", rule: "the header's root is the transactions'; neo Cryptography/MerkleTree.cs" },
        Check { name: "merkle-unique", rule: "no transaction stands twice; neo Network/P2P/Payloads/Block.cs" },
        Check { name: "height", rule: "one more than the header before, where that is in the run" },
    ],
    leaves_out: &[
        "witnesses by contracts and by scripts of other forms: not evaluated",
        "headers whose predecessor is not in the run, without --validators: not evaluated",
        "Neo 2: witnesses of transactions that spend outputs from before the run, or are of kinds whose signers the state names: \
         not evaluated",
        "fees, validity heights, scopes, scripts' effects, the consensus messages themselves",
    ],
    open: |options| {
        options.refuse_certificates("neo")?;
        options.refuse_previous_outputs("neo")?;
        let network = options.network_number("neo", &NETWORKS, "N3 magic number")?.unwrap_or(NETWORKS[0].1);
        let committees = options.validators.iter().map(|(name, bytes)| {
            address::read(bytes, network.dialect()).map_err(|error| OptionError::file(name, error))
        });
        let committee = committees.collect::<Result<Vec<_>, _>>()?.pop();
        Ok(Box::new(Neo::new(network, committee)))
    },
};
