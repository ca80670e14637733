//! BSN's row in the table of systems.

use super::Bsn;
use crate::chains::{Chain, Check};

/// The Blockchain-based Service Network.
pub const CHAIN: Chain = Chain {
    name: "bsn",
    about: "BSN gateway messages: P-256, SM2 and secp256k1 by the framework behind the gateway",
    formats: &[
        "JSON {form, key, fields, mac} or {form, digest, address, mac}, or a list of them; mac in base64, digest in hex",
    ],
    networks: Vec::new,
    item: "a message",
    checks: &[Check {
        name: "message",
        rule: "p256, secp256k1: SHA-256 of the fields, low S; sm2: Z_A over their SM3 digest; fisco-secp256k1: the key recovered \
               from a digest has the address; fisco-sm2: the key in the signature does; bsn-sdk-crypto crypto/, key/",
    }],
    leaves_out: &[
        "which fields a request puts together, and in which order: they are given as they were signed",
        "whether the transaction's digest is the transaction's: see fisco-bcos",
        "certificates' paths: see device-identity",
    ],
    open: |options| {
        options.refuse_previous_outputs("bsn")?;
        options.refuse_validators("bsn")?;
        options.refuse_certificates("bsn")?;
        Ok(Box::new(Bsn::default()))
    },
};
