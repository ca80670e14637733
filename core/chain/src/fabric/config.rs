//! A channel's configuration into its members' authorities and its consenters.

use std::collections::BTreeMap;

use assay_scheme::Hash;

use crate::identity::certificate::Certificate;
use crate::input::InputError;
use crate::proto::Fields;

/// How deep groups may stand in one another: a channel's are at most three (Channel, Consortiums, a consortium, an
/// organisation). Larger: a stranger's file costs more.
const DEPTH_MAX: usize = 8;

/// A membership service provider: an organisation's authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Msp {
    /// Its authorities.
    pub roots: Vec<Certificate>,
    /// Those between them and the members.
    pub intermediates: Vec<Certificate>,
    /// What its members hash their messages with, where the configuration says it.
    pub hash: Option<Hash>,
    /// Certificates of it that could not be read, and why.
    pub unreadable: Vec<String>,
}

/// One consenter of an ordering service that runs SmartBFT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consenter {
    /// The number that stands for it in signatures.
    pub id: u64,
    /// Where it listens, for people.
    pub host: String,
    /// Its organisation.
    pub msp: String,
    /// Its certificate in PEM.
    pub certificate: Vec<u8>,
}

/// A channel's configuration, as far as signatures ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Its organisations, by the name of their MSP.
    pub msps: BTreeMap<String, Msp>,
    /// What the ordering service runs: `etcdraft`, `BFT`, `kafka`, `solo`.
    pub consensus: String,
    /// Its consenters, where the configuration names them.
    pub consenters: Vec<Consenter>,
}

impl Config {
    /// Reads what a configuration transaction holds: ConfigEnvelope, Config, ConfigGroup (fabric-protos
    /// common/configtx.proto). Groups are walked without recursion.
    ///
    /// # Errors
    /// Where the bytes are not a configuration, or groups stand too deep in one another.
    pub fn read((bytes, at): (&[u8], usize)) -> Result<Self, InputError> {
        let mut config = Self::default();
        let mut groups = Vec::new();
        let mut envelope = Fields::new(bytes, at);
        while let Some(field) = envelope.next()? {
            if field.number == 1 {
                let mut parts = field.message()?;
                while let Some(part) = parts.next()? {
                    if part.number == 2 {
                        groups.push((part.message()?, 0, part.offset));
                    }
                }
            }
        }
        while let Some((mut group, depth, offset)) = groups.pop() {
            if depth == DEPTH_MAX {
                return Err(InputError::new(offset, format!("groups more than {DEPTH_MAX} deep")));
            }
            while let Some(field) = group.next()? {
                match field.number {
                    // A map's entry has its key first and its value second.
                    2 => {
                        let mut entry = field.message()?;
                        while let Some(part) = entry.next()? {
                            if part.number == 2 {
                                groups.push((part.message()?, depth + 1, part.offset));
                            }
                        }
                    }
                    3 => config.value(field.message()?)?,
                    _ => {}
                }
            }
        }
        Ok(config)
    }

    fn value(&mut self, mut entry: Fields<'_>) -> Result<(), InputError> {
        let (mut name, mut value): (_, (&[u8], usize)) = ("", (&[], 0));
        while let Some(field) = entry.next()? {
            match field.number {
                1 => name = field.text()?,
                2 => {
                    let mut parts = field.message()?;
                    while let Some(part) = parts.next()? {
                        if part.number == 2 {
                            value = part.bytes_at()?;
                        }
                    }
                }
                _ => {}
            }
        }
        let fields = Fields::new(value.0, value.1);
        match name {
            "MSP" => self.msp(fields),
            "ConsensusType" => self.consensus(fields),
            "Orderers" => self.orderers(fields),
            _ => Ok(()),
        }
    }

    /// MSPConfig and FabricMSPConfig (fabric-protos msp/msp_config.proto). Other kinds of MSP than Fabric's are passed over.
    fn msp(&mut self, mut fields: Fields<'_>) -> Result<(), InputError> {
        let (mut kind, mut config): (_, (&[u8], usize)) = (0, (&[], 0));
        while let Some(field) = fields.next()? {
            match field.number {
                1 => kind = field.varint()?,
                2 => config = field.bytes_at()?,
                _ => {}
            }
        }
        if kind != 0 {
            return Ok(());
        }
        let (mut name, mut msp) = ("", Msp::default());
        let mut fields = Fields::new(config.0, config.1);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => name = field.text()?,
                number @ (2 | 3) => match Certificate::from_pem(field.bytes()?) {
                    Ok(certificate) if number == 2 => msp.roots.push(certificate),
                    Ok(certificate) => msp.intermediates.push(certificate),
                    Err(error) => msp.unreadable.push(error.to_string()),
                },
                8 => {
                    let mut crypto = field.message()?;
                    while let Some(part) = crypto.next()? {
                        if part.number == 1 {
                            // bccsp/opts.go: the families a MSP may name.
                            msp.hash = match part.text()? {
                                "SHA2" => Some(Hash::Sha256),
                                "SHA3" => Some(Hash::Sha3_256),
                                "SM3" => Some(Hash::Sm3),
                                _ => None,
                            };
                        }
                    }
                }
                _ => {}
            }
        }
        self.msps.insert(name.to_owned(), msp);
        Ok(())
    }

    /// ConsensusType (fabric-protos orderer/configuration.proto).
    fn consensus(&mut self, mut fields: Fields<'_>) -> Result<(), InputError> {
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                field.text()?.clone_into(&mut self.consensus);
            }
        }
        Ok(())
    }

    /// Orderers, Consenter (fabric-protos common/configuration.proto).
    fn orderers(&mut self, mut fields: Fields<'_>) -> Result<(), InputError> {
        while let Some(field) = fields.next()? {
            if field.number != 1 {
                continue;
            }
            let mut consenter = Consenter::default();
            let mut port = 0;
            let mut parts = field.message()?;
            while let Some(part) = parts.next()? {
                match part.number {
                    1 => consenter.id = part.varint()?,
                    2 => part.text()?.clone_into(&mut consenter.host),
                    3 => port = part.varint()?,
                    4 => part.text()?.clone_into(&mut consenter.msp),
                    5 => consenter.certificate = part.bytes()?.to_vec(),
                    _ => {}
                }
            }
            consenter.host = format!("{}:{port}", consenter.host);
            self.consenters.push(consenter);
        }
        Ok(())
    }

    /// How many consenters must have signed a block: with SmartBFT enough that any two such sets share one who is honest,
    /// ceil((n + f + 1) / 2) with f = (n - 1) / 3 (fabric common/policies/util.go, EncodeBFTBlockVerificationPolicy); else
    /// one, as the policy BlockValidation is where nobody changed it (ANY Writers).
    #[must_use]
    pub fn quorum(&self) -> usize {
        let n = self.consenters.len();
        if self.is_bft() && n > 0 { (n + (n - 1) / 3 + 1).div_ceil(2) } else { 1 }
    }

    /// Whether the ordering service runs SmartBFT.
    #[must_use]
    pub fn is_bft(&self) -> bool {
        self.consensus == "BFT"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Writer;

    #[test]
    fn quorums_are_fabrics() {
        let config =
            |n| Config { consensus: "BFT".into(), consenters: vec![Consenter::default(); n], ..Config::default() };
        let quorums: Vec<usize> = (1..=10).map(|n| config(n).quorum()).collect();
        assert_eq!(quorums, [1, 2, 2, 3, 4, 4, 5, 6, 6, 7]);
        assert_eq!(Config::default().quorum(), 1);
    }

    #[test]
    fn groups_too_deep_are_refused() {
        let nested = |depth: usize| {
            let group = (0..depth).fold(Vec::new(), |group, _| {
                Writer::new().message(2, &Writer::new().bytes(1, b"g").message(2, &group).finish()).finish()
            });
            Writer::new().message(1, &Writer::new().message(2, &group).finish()).finish()
        };
        assert!(Config::read((&nested(DEPTH_MAX - 1), 0)).is_ok());
        assert!(Config::read((&nested(DEPTH_MAX), 0)).expect_err("too deep").what.contains("deep"));
    }
}
