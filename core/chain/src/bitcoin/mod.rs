//! Bitcoin: blocks and transactions, their signatures, their trees and their work.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `chain` | its row in the table of systems |
//! | `block` | bytes into blocks and transactions; checks that need no signature |
//! | `outputs` | previous outputs from btcd's utxostore, JSON, and the transactions read |
//! | `script` | locking scripts into the forms that are covered |
//! | `sighash` | an input into the 32 bytes its signature covers: legacy, BIP-143, BIP-341 |
//! | `inputs` | an input into claims, and their verdicts into consensus' outcome |
//! | `merkle`, `pow` | trees and branches; headers and miners' shares |
//! | `stratum` | miners' shares into the headers whose hashes they are |
//! | `network` | what differs between networks and heights |
//!
//! Parsing is the `bitcoin` crate's. Files: a block or transactions back to back, as bytes or hex; Core's `blk` files
//! (magic, length, block)*; miners' shares as JSON; any of them in bzip2. An input's previous output is looked for among those given and those
//! of the transactions read before it; an input without one is not evaluated.

pub mod block;
mod chain;
mod inputs;
pub mod merkle;
pub mod network;
pub mod outputs;
pub mod pow;
pub mod script;
pub mod sighash;
pub mod stratum;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use bitcoin::{Transaction, TxOut, Txid};

use self::block::Block;
pub use self::chain::CHAIN;
use self::inputs::{Plan, Planner, outcome};
use self::network::{NETWORKS, Network, Rules};
use self::outputs::Outputs;
use self::stratum::Share;
use crate::claims::Collector;
use crate::input::{InputError, Reader, decompressed, unhexed};
use crate::profile::Profile;
use crate::report::{Outcome, Report};

/// Bytes of a transaction without its witnesses (Core `consensus/tx_check.cpp`, bad-txns-oversize). It also bounds the legacy
/// hash, which covers the whole transaction for every input.
const BASE_BYTES_MAX: usize = 1_000_000;

/// A transaction whose inputs wait for their verdicts.
struct Pending {
    source: usize,
    /// Its place in its block or file.
    place: usize,
    txid: Txid,
    /// A plan an input, in order.
    plans: Vec<Plan>,
}

/// Bitcoin's profile over one run of files.
pub struct Bitcoin {
    network: &'static Network,
    outputs: Outputs,
    /// What a pending transaction's `source` names: a block or a file.
    sources: Vec<String>,
    pending: Vec<Pending>,
    curve: Secp256k1<VerifyOnly>,
}

impl Bitcoin {
    /// For a network, knowing these previous outputs from the start.
    #[must_use]
    pub fn new(network: &'static Network, outputs: Outputs) -> Self {
        Self { network, outputs, sources: Vec::new(), pending: Vec::new(), curve: Secp256k1::verification_only() }
    }

    /// Checks a block and claims its inputs' signatures. `name` is the file's.
    pub fn block(&mut self, name: &str, block: &Block, collector: &mut Collector<'_>, report: &mut Report) {
        let hash = block.hash();
        let source = format!("{name}: block {hash}");
        let subject = || source.clone();
        let work = pow::check_header(&block.header, self.network.pow_limit_bits);
        report.check("pow", subject, work.map(|_| ()).map_err(|error| error.to_string()));
        let (merkle, unique) = block.check_merkle();
        report.check("merkle", subject, merkle);
        report.check("merkle-unique", subject, unique);
        report.check("coinbase", subject, block.check_coinbase());
        if let Some(witnesses) = block.check_witnesses() {
            report.check("witness-commitment", subject, witnesses);
        }
        let rules = self.network.rules(&hash, block.stated_height());
        self.sources.push(source);
        for (place, (transaction, txid)) in block.transactions.iter().zip(&block.txids).enumerate() {
            self.transaction(place, transaction, *txid, rules, collector);
        }
    }

    /// Claims the signatures of a transaction of the newest source, and remembers its outputs.
    fn transaction(
        &mut self,
        place: usize,
        transaction: &Transaction,
        txid: Txid,
        rules: Rules,
        collector: &mut Collector<'_>,
    ) {
        if !transaction.is_coinbase() {
            let spent: Vec<Option<&TxOut>> =
                transaction.input.iter().map(|input| self.outputs.get(&input.previous_output)).collect();
            let plans = if transaction.base_size() > BASE_BYTES_MAX {
                vec![Plan::Invalid("the transaction is larger than a block may be"); transaction.input.len()]
            } else {
                let mut planner = Planner::new(transaction, &spent, rules, &self.curve, collector);
                (0..transaction.input.len()).map(|index| planner.plan(index)).collect()
            };
            self.pending.push(Pending { source: self.sources.len() - 1, place, txid, plans });
        }
        self.outputs.remember(txid, transaction);
    }

    /// Checks a miner's share, which needs no signature.
    fn share(&self, name: &str, place: usize, share: &Share, report: &mut Report) {
        let subject = || format!("{name}: share {place}");
        report.item(subject, share.check().map_or_else(Outcome::Invalid, |()| Outcome::Valid));
        if let Ok(hash) = pow::check_header(&share.header, self.network.pow_limit_bits) {
            report.note(|| format!("{}: it is a block, {}", subject(), hex::encode(hash)));
        }
    }

    /// Core's `blk` files: (magic, length u32le, block)*, zeros to the end.
    fn blocks(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            if reader.rest().iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            let at = reader.offset();
            if reader.take(4)? != self.network.magic {
                return Err(InputError::new(at, format!("not the magic of {}", self.network.name)));
            }
            let start = reader.offset() + 4;
            let block = Block::parse(reader.u32_le_prefixed()?).map_err(|error| error.shifted(start))?;
            self.block(name, &block, collector, report);
        }
        Ok(())
    }
}

impl Profile for Bitcoin {
    fn read(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let bytes = decompressed(bytes)?;
        if bytes.trim_ascii_start().starts_with(b"[") {
            for (place, share) in stratum::shares(&bytes)?.iter().enumerate() {
                self.share(name, place, share, report);
            }
            return Ok(());
        }
        let decoded = unhexed(&bytes);
        let bytes = decoded.as_deref().unwrap_or(&bytes);
        if let Some(network) = bytes.get(..4).and_then(Network::from_magic) {
            if network.name != self.network.name {
                let what = format!("blocks of {}, and {} is asked for", network.name, self.network.name);
                return Err(InputError::new(0, what));
            }
            return self.blocks(name, bytes, collector, report);
        }
        let no_block = match Block::parse(bytes) {
            Ok(block) => {
                self.block(name, &block, collector, report);
                return Ok(());
            }
            Err(error) => error,
        };
        let transactions = block::transactions(bytes).map_err(|error| {
            // The reading that came further is likelier to be what was meant.
            let (error, what) =
                if error.offset > no_block.offset { (error, "as transactions") } else { (no_block, "as a block") };
            InputError::new(error.offset, format!("{what}: {}", error.what))
        })?;
        if transactions.is_empty() {
            return Err(InputError::new(0, "the file is empty"));
        }
        self.sources.push(name.to_owned());
        for (place, transaction) in transactions.iter().enumerate() {
            self.transaction(place, transaction, transaction.compute_txid(), Rules::NEWEST, collector);
        }
        Ok(())
    }

    fn judge(&mut self, collector: &Collector<'_>, report: &mut Report) {
        for pending in self.pending.drain(..) {
            for (index, plan) in pending.plans.iter().enumerate() {
                let subject = || {
                    format!("{} tx {} ({}) input {index}", self.sources[pending.source], pending.place, pending.txid)
                };
                report.item(subject, outcome(plan, |claim| collector.verdict(claim)));
            }
        }
        self.sources.clear();
    }
}

/// The profile for a network by its name, `None` for an unknown one; mainnet where none is named.
#[must_use]
pub fn network(name: Option<&str>) -> Option<&'static Network> {
    name.map_or(Some(&NETWORKS[0]), Network::from_name)
}
