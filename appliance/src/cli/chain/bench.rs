//! `assay chain bench`: what the chain layer (reading, hashing, assembling, judging) costs beside verification, on one core.
//!
//! One thread does both: the reference backend answers each request where it is asked, so what is not verification is the
//! chain layer.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use assay_chain::report::Ending;
use assay_chain::{Chain, Detail, Options, Report, verify_files};
use assay_core::backend::Output;
use assay_core::reference::Reference;
use assay_core::{Backend, Bundle, Results};
use assay_scheme::{Answers, Columns, Parameters, Verifier, VerifierFault};
use clap::ValueEnum;
use serde::Serialize;

use super::generate::{self, CHAIN_ID, Files};
use crate::cli::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, complain};
use crate::cli::table::{commas, table};

const EXAMPLES: &str = "\
A chain of signed transactions is generated in memory, and its blocks go through the chain's profile to the reference \
backend on the same thread. Making the chain is not timed.

Exit codes: 0 everything valid, 1 not, 2 usage.

Examples:
  assay chain bench
  assay chain bench --chain ethereum --transactions 100000 --json";

/// Chains that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Generated {
    /// P2PKH payments in regtest's blocks
    Bitcoin,
    /// EIP-1559 transfers in blocks from after the merge
    Ethereum,
}

/// Arguments of `assay chain bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The chain to generate; each of them where none is named
    #[arg(long, value_name = "NAME")]
    chain: Option<Generated>,
    /// Signed transactions
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    transactions: u32,
    /// Print a JSON object for each chain
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Measured {
    chain: &'static str,
    transactions: usize,
    bytes: usize,
    layer_seconds: f64,
    verification_seconds: f64,
    /// The chain layer's time over verification's.
    ratio: f64,
    valid: bool,
}

/// The reference backend on this thread, and how long it took.
struct Timed {
    backend: Reference,
    took: Cell<Duration>,
}

impl Verifier for Timed {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        let start = Instant::now();
        let bundle = Bundle::new(parameters.clone(), vec![columns.clone()]).map_err(VerifierFault::Parameters)?;
        let Results { mut verdicts, mut values, width } = Results::unwritten(bundle.items(), bundle.value_width());
        let out = Output { verdicts: &mut verdicts, values: &mut values, width };
        let computed = self.backend.compute(&bundle, 0..bundle.items(), out);
        self.took.set(self.took.get() + start.elapsed());
        computed.map_err(|fault| VerifierFault::Unavailable(fault.to_string()))?;
        Ok(Answers { verdicts, values, width })
    }
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let chosen = args.chain.map_or_else(|| Generated::value_variants().to_vec(), |chain| vec![chain]);
    let mut measured = Vec::new();
    for chain in chosen {
        measured.push(chain.measure(args.transactions as usize)?);
    }
    let mut text = String::new();
    if args.json {
        for row in &measured {
            text.push_str(&serde_json::to_string(row).expect("text and numbers"));
            text.push('\n');
        }
    } else {
        let cells = |row: &Measured| {
            vec![
                row.chain.to_owned(),
                commas(row.transactions as u64),
                format!("{:.1} MB", row.bytes as f64 / 1e6),
                format!("{:.3} s", row.layer_seconds),
                format!("{:.3} s", row.verification_seconds),
                format!("{:.1}%", row.ratio * 100.0),
            ]
        };
        let head = ["chain", "transactions", "size", "chain layer", "verification", "layer/verification"];
        text = table(&head, &measured.iter().map(cells).collect::<Vec<_>>());
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if measured.iter().all(|row| row.valid) { EXIT_OK } else { EXIT_UNEXPECTED })
}

impl Generated {
    fn make(self, transactions: usize) -> (&'static str, Option<String>, Files) {
        match self {
            Self::Bitcoin => ("bitcoin", Some("regtest".to_owned()), generate::bitcoin(transactions)),
            Self::Ethereum => ("ethereum", Some(CHAIN_ID.to_string()), generate::ethereum(transactions)),
        }
    }

    fn measure(self, transactions: usize) -> Result<Measured, CliError> {
        let (name, network, files) = self.make(transactions);
        let bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let verifier = Timed { backend: Reference::new(), took: Cell::default() };
        let start = Instant::now();
        let report = run(name, network, files, &verifier)?;
        let all = start.elapsed();
        let valid = report.ending(true) == Ending::AsExpected && report.valid == transactions;
        if let Some(finding) = report.findings.first().filter(|_| !valid) {
            complain(&format!("{}: {}: {}", finding.what.name(), finding.subject, finding.why));
        }
        let (layer, verification) = ((all - verifier.took.get()).as_secs_f64(), verifier.took.get().as_secs_f64());
        Ok(Measured {
            chain: name,
            transactions,
            bytes,
            layer_seconds: layer,
            verification_seconds: verification,
            ratio: layer / verification.max(1e-9),
            valid,
        })
    }
}

fn run(name: &str, network: Option<String>, files: Files, verifier: &dyn Verifier) -> Result<Report, CliError> {
    let chain = Chain::from_name(name).expect("a chain of the table");
    let options = Options { network, ..Options::default() };
    let mut profile = chain
        .profile(&options)
        .map_err(|error| CliError::usage(error.to_string(), "this is a fault of the program; please report it"))?;
    let files = files.into_iter().map(|(name, bytes)| (name, Ok(bytes)));
    Ok(verify_files(&mut *profile, files, verifier, Detail::Findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_generated_is_valid_and_a_bit_turned_over_is_found() {
        let verifier = Timed { backend: Reference::new(), took: Cell::default() };
        for chain in Generated::value_variants() {
            let (name, network, files) = chain.make(2_100);
            let report = run(name, network.clone(), files.clone(), &verifier).expect("options that fit");
            assert_eq!((report.items, report.valid), (2_100, 2_100), "{:?}", report.findings.first());
            assert_eq!(report.ending(true), Ending::AsExpected, "{:?}", report.findings);
            let mut spoilt = files;
            let (_, bytes) = spoilt.last_mut().expect("several blocks");
            let at = bytes.len() - 40;
            bytes[at] ^= 1;
            let report = run(name, network, spoilt, &verifier).expect("options that fit");
            assert_ne!(report.ending(false), Ending::AsExpected, "{name}");
        }
    }
}
