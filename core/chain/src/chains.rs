//! The table of systems: what `assay chain list` prints, what `--chain` takes, and what docs/chains is held against. Each
//! system's row stands in its module's `chain.rs`.

use std::str::FromStr;

use crate::profile::Profile;
use crate::{
    bitcoin, bnb_beacon, bsc, bsn, chainmaker, cometbft, ethereum, evidence, fabric, fisco, identity, neo, vechain,
    xuperchain,
};

/// What a run is told besides its files.
#[derive(Debug, Default)]
pub struct Options {
    /// The network's name; the chain's first where none is given.
    pub network: Option<String>,
    /// Files of previous outputs, as (name, bytes).
    pub previous_outputs: Vec<(String, Vec<u8>)>,
    /// Files of validator sets, as (name, bytes).
    pub validators: Vec<(String, Vec<u8>)>,
    /// Files of X.509 certificates, as (name, bytes): authorities, and members that are named by their hash.
    pub certificates: Vec<(String, Vec<u8>)>,
    /// When certificates must be valid, in seconds since 1970. Without it their validity is not judged.
    pub time: Option<u64>,
    /// The SM2 user id; the default one where none is given, which is not the empty one.
    pub user_id: Option<Vec<u8>>,
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

impl OptionError {
    /// A file given as an option, and what is wrong with it.
    pub fn file(name: &str, error: impl ToString) -> Self {
        Self::File { name: name.to_owned(), why: error.to_string() }
    }
}

impl Options {
    /// Refuses files of previous outputs, for a chain that has no use for them.
    ///
    /// # Errors
    /// [`OptionError::NotTaken`] when there are some.
    pub fn refuse_previous_outputs(&self, chain: &'static str) -> Result<(), OptionError> {
        let what = "previous outputs";
        if self.previous_outputs.is_empty() { Ok(()) } else { Err(OptionError::NotTaken { chain, what }) }
    }

    /// Refuses files of validator sets, for a chain that has no use for them.
    ///
    /// # Errors
    /// [`OptionError::NotTaken`] when there are some.
    pub fn refuse_validators(&self, chain: &'static str) -> Result<(), OptionError> {
        let what = "validator sets";
        if self.validators.is_empty() { Ok(()) } else { Err(OptionError::NotTaken { chain, what }) }
    }

    /// Refuses certificates and a user id, for a chain that has no use for them.
    ///
    /// # Errors
    /// [`OptionError::NotTaken`] when there is one of them.
    pub fn refuse_certificates(&self, chain: &'static str) -> Result<(), OptionError> {
        let what = "certificates";
        if self.certificates.is_empty() {
            self.refuse_user_id(chain)
        } else {
            Err(OptionError::NotTaken { chain, what })
        }
    }

    /// Refuses a user id, for a chain that has no use for one.
    ///
    /// # Errors
    /// [`OptionError::NotTaken`] when there is one.
    pub fn refuse_user_id(&self, chain: &'static str) -> Result<(), OptionError> {
        let what = "user id";
        if self.user_id.is_none() { Ok(()) } else { Err(OptionError::NotTaken { chain, what }) }
    }

    /// The network, one of these names, the first where none is named.
    ///
    /// # Errors
    /// [`OptionError::Network`] for another name.
    pub fn network_named<N: Copy>(&self, chain: &'static str, networks: &[(&str, N)]) -> Result<N, OptionError> {
        let Some(name) = &self.network else { return Ok(networks[0].1) };
        let named = networks.iter().find(|(network, _)| network == name).map(|(_, network)| *network);
        named.ok_or_else(|| {
            let names: Vec<_> = networks.iter().map(|(network, _)| *network).collect();
            OptionError::Network { chain, name: name.clone(), known: names.join(", ") }
        })
    }

    /// The number that stands for the network: that of its name in the chain's table, or one in decimal; `None` where no
    /// network is named. `number` says what the number is.
    ///
    /// # Errors
    /// [`OptionError::Network`] for a name that is neither.
    pub fn network_number<N: Copy + FromStr>(
        &self,
        chain: &'static str,
        networks: &[(&str, N)],
        number: &str,
    ) -> Result<Option<N>, OptionError> {
        let Some(name) = &self.network else { return Ok(None) };
        let named = networks.iter().find(|(network, _)| network == name).map(|(_, number)| *number);
        named.or_else(|| name.parse().ok()).map(Some).ok_or_else(|| {
            let names: Vec<_> = networks.iter().map(|(network, _)| *network).collect();
            let known = format!("{}, and any {number} in decimal", names.join(", "));
            OptionError::Network { chain, name: name.clone(), known }
        })
    }
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
#[derive(Debug)]
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
pub static CHAINS: &[Chain] = &[
    bitcoin::CHAIN,
    cometbft::CHAIN,
    bnb_beacon::CHAIN,
    ethereum::CHAIN,
    bsc::CHAIN,
    vechain::CHAIN,
    neo::CHAIN,
    fisco::CHAIN,
    xuperchain::CHAIN,
    fabric::CHAIN,
    chainmaker::CHAIN,
    bsn::CHAIN,
    identity::CHAIN,
    evidence::CHAIN,
];

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
