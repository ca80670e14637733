//! Files of chains whose signers have certificates: any bytes through each profile, under the properties that
//! [`crate::chains`] holds.

use assay_chain::Options;

use crate::chains::{bounded, read, vector};

/// Fabric's blocks and ledgers, under SHA-2 and in a guomi mode.
///
/// # Panics
/// When a property does not hold; so each of these.
pub fn fabric(data: &[u8]) -> u64 {
    bounded(data, || {
        let guomi = Options { network: Some("za-empty-uid".into()), ..Options::default() };
        read("fabric", &Options::default(), data).rotate_left(1) ^ read("fabric", &guomi, data)
    })
}

/// ChainMaker's blocks and transactions, JSON and protocol buffers.
pub fn chainmaker(data: &[u8]) -> u64 {
    bounded(data, || read("chainmaker", &Options::default(), data))
}

/// BSN's messages.
pub fn bsn(data: &[u8]) -> u64 {
    bounded(data, || read("bsn", &Options::default(), data))
}

/// Devices' messages and certificates. The authority is another's: a path is looked for and not found, or found by chance.
pub fn device_identity(data: &[u8]) -> u64 {
    let certificates = vec![("root".to_owned(), vector("identity/mixed-root.pem"))];
    let options = Options { certificates, time: Some(1_800_000_000), ..Options::default() };
    bounded(data, || read("device-identity", &options, data))
}

/// What names authorities.
pub fn authorities(data: &[u8]) -> u64 {
    bounded(data, || {
        let certificates = vec![("authorities".to_owned(), data.to_vec())];
        let options = Options { certificates, time: Some(1_800_000_000), ..Options::default() };
        let opened = assay_chain::Chain::from_name("device-identity").expect("a chain of the table").profile(&options);
        opened.map_or_else(|error| error.to_string().len() as u64, |_| 0)
    })
}

pub(crate) fn fabric_seeds() -> Vec<Vec<u8>> {
    let names = ["smartbft.ledger", "ed25519.ledger", "guomi-za-empty-uid.ledger"];
    names.iter().map(|name| vector(&format!("fabric/{name}"))).collect()
}

pub(crate) fn chainmaker_seeds() -> Vec<Vec<u8>> {
    ["sm2-block.pb", "sm2-block.json"].iter().map(|name| vector(&format!("chainmaker/{name}"))).collect()
}

pub(crate) fn bsn_seeds() -> Vec<Vec<u8>> {
    vec![vector("bsn/gateway.json")]
}

pub(crate) fn device_identity_seeds() -> Vec<Vec<u8>> {
    ["mixed.json", "sm2-empty.json", "sm2-default-chain.pem"]
        .iter()
        .map(|name| vector(&format!("identity/{name}")))
        .collect()
}

pub(crate) fn authorities_seeds() -> Vec<Vec<u8>> {
    ["mixed-root.pem", "sm2-default-root.pem", "sm2-default-chain.pem"]
        .iter()
        .map(|name| vector(&format!("identity/{name}")))
        .collect()
}
