//! What differs between Bitcoin's networks and between heights: magics, proof-of-work limits, and from when a rule holds.
//!
//! Source of every number: Bitcoin Core, `src/kernel/chainparams.cpp`.

/// One network.
#[derive(Debug)]
pub struct Network {
    /// The name `--network` takes.
    pub name: &'static str,
    /// The four bytes in front of each block of a `blk` file.
    pub magic: [u8; 4],
    /// The easiest target as nBits says it; an easier one is refused (`consensus.powLimit`).
    pub pow_limit_bits: u32,
    /// From this height a coinbase states its height (BIP-34).
    pub bip34_height: u32,
    /// From this height signatures are strict DER (BIP-66).
    pub bip66_height: u32,
    /// From this height a multisig's dummy is empty (BIP-147, with segregated witness).
    pub segwit_height: u32,
    /// The block, by its hash in display order, that BIP-16 does not hold for.
    pub p2sh_exception: Option<&'static str>,
    /// The block that BIP-341 does not hold for.
    pub taproot_exception: Option<&'static str>,
}

/// Every network, the default first.
pub static NETWORKS: &[Network] = &[
    Network {
        name: "mainnet",
        magic: [0xf9, 0xbe, 0xb4, 0xd9],
        pow_limit_bits: 0x1d00_ffff,
        bip34_height: 227_931,
        bip66_height: 363_725,
        segwit_height: 481_824,
        p2sh_exception: Some("00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22"),
        taproot_exception: Some("0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad"),
    },
    Network {
        name: "testnet3",
        magic: [0x0b, 0x11, 0x09, 0x07],
        pow_limit_bits: 0x1d00_ffff,
        bip34_height: 21_111,
        bip66_height: 330_776,
        segwit_height: 834_624,
        p2sh_exception: Some("00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105"),
        taproot_exception: None,
    },
    Network { name: "testnet4", magic: [0x1c, 0x16, 0x3f, 0x28], ..YOUNG },
    Network { name: "signet", magic: [0x0a, 0x03, 0xcf, 0x40], pow_limit_bits: 0x1e03_77ae, ..YOUNG },
    Network { name: "regtest", magic: [0xfa, 0xbf, 0xb5, 0xda], pow_limit_bits: 0x207f_ffff, ..YOUNG },
];

/// A network whose rules all hold from its first block.
const YOUNG: Network = Network {
    name: "",
    magic: [0; 4],
    pow_limit_bits: 0x1d00_ffff,
    bip34_height: 1,
    bip66_height: 1,
    segwit_height: 1,
    p2sh_exception: None,
    taproot_exception: None,
};

/// Which rules hold for a block's inputs (Core `GetBlockScriptFlags`): P2SH, witness and taproot hold for every block but
/// the named exceptions; strict DER and the empty dummy from their heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Pay to script hash (BIP-16).
    pub p2sh: bool,
    /// Segregated witness (BIP-141).
    pub witness: bool,
    /// Taproot (BIP-341).
    pub taproot: bool,
    /// Strict DER (BIP-66).
    pub strict_der: bool,
    /// A multisig's dummy is empty (BIP-147).
    pub null_dummy: bool,
}

impl Rules {
    /// What holds at the chain's tip: for transactions that stand in no block.
    pub const NEWEST: Self = Self { p2sh: true, witness: true, taproot: true, strict_der: true, null_dummy: true };
}

impl Network {
    /// The network with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        NETWORKS.iter().find(|network| network.name == name)
    }

    /// The network whose `blk` files bear this magic.
    #[must_use]
    pub fn from_magic(magic: &[u8]) -> Option<&'static Self> {
        NETWORKS.iter().find(|network| network.magic == magic)
    }

    /// What holds for the block with this hash (display order) at this height. A block that cannot say its height stands
    /// below BIP-34's: from there on each states it.
    #[must_use]
    pub fn rules(&self, hash: &str, height: Option<u32>) -> Rules {
        let height = height.unwrap_or(0);
        let p2sh = self.p2sh_exception != Some(hash);
        Rules {
            p2sh,
            witness: p2sh,
            taproot: p2sh && self.taproot_exception != Some(hash),
            strict_der: height >= self.bip66_height,
            null_dummy: height >= self.segwit_height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_begin_at_their_heights() {
        let mainnet = &NETWORKS[0];
        let at = |height| mainnet.rules("", Some(height));
        assert!(!at(363_724).strict_der && at(363_725).strict_der);
        assert!(!at(481_823).null_dummy && at(481_824).null_dummy);
        assert!(at(1).p2sh && at(1).taproot);
        let exception = mainnet.rules(mainnet.p2sh_exception.expect("mainnet has one"), Some(170_060));
        assert!(!exception.p2sh && !exception.witness && !exception.taproot);
        assert_eq!(Network::from_name("signet").map(|n| n.magic), Some([0x0a, 0x03, 0xcf, 0x40]));
        assert_eq!(Network::from_magic(&[0xf9, 0xbe, 0xb4, 0xd9]).map(|n| n.name), Some("mainnet"));
    }
}
