//! `assay pow`: block headers against their own targets, or against a share's difficulty.

use std::io::{self, Write};
use std::path::PathBuf;

use assay_chain::bitcoin::network::{NETWORKS, Network};
use assay_chain::{Claim, Collector};
use assay_scheme::pow::{HEADER_BYTES, target};
use assay_scheme::{Parameters, Row, Verdict};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::chain::files;
use super::chain::verifier::SourceVerifier;
use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, complain, finish};
use super::source::{Source, SourceArgs};
use super::table::commas;

const EXAMPLES: &str = "\
Headers are 80 bytes each, one after another, as bytes or hex; - is the standard input. Without --difficulty a \
header's hash is held to the target that its own nBits says, and that to the network's easiest one.

Exit codes: 0 every header has its work, 1 one has not or has no answer, 2 usage or input.

Examples:
  assay pow check headers.bin
  assay pow check --network signet --json headers.hex
  assay pow check --difficulty 65536 shares.bin";

/// Headers that are listed for people.
const LISTED_MAX: u64 = 20;

/// Arguments of `assay pow`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check the proof of work of block headers.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct CheckArgs {
    /// The network whose easiest target holds
    #[arg(long, value_name = "NETWORK", default_value = NETWORKS[0].name, value_parser = networks())]
    network: &'static Network,
    /// The headers are shares of this difficulty
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "network")]
    difficulty: Option<u64>,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each header, and one for all of them
    #[arg(long)]
    json: bool,
    /// The headers
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn networks() -> impl TypedValueParser<Value = &'static Network> {
    PossibleValuesParser::new(NETWORKS.iter().map(|network| network.name))
        .map(|name| Network::from_name(&name).expect("one of the names just listed"))
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    let Command::Check(args) = args.command;
    finish(check(&args))
}

#[derive(Serialize)]
struct ItemLine {
    index: u64,
    verdict: &'static str,
    reason: Option<&'static str>,
    /// The hash in the order in which it is displayed; `None` where the work does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

#[derive(Default, Serialize)]
struct Summary {
    items: u64,
    valid: u64,
    invalid: u64,
    not_evaluated: u64,
}

fn check(args: &CheckArgs) -> Result<u8, CliError> {
    let (name, bytes) = files::option_file(&args.file)?;
    let decoded = assay_chain::input::unhexed(&bytes);
    let bytes = decoded.as_deref().unwrap_or(&bytes);
    let (headers, rest) = bytes.as_chunks::<HEADER_BYTES>();
    if headers.is_empty() || !rest.is_empty() {
        let what = format!("{name} has {} bytes, which is no number of headers", bytes.len());
        return Err(CliError::usage(what, format!("give {HEADER_BYTES} bytes a header")));
    }
    let (row, key) = match args.difficulty {
        Some(difficulty) => (Row::PowBitcoinShare, difficulty.to_le_bytes().to_vec()),
        None => {
            let limit = target(args.network.pow_limit_bits).expect("every network's limit is a target");
            (Row::PowBitcoinHeader, limit.to_vec())
        }
    };
    let source = Source::open(&args.source, row.operation())?;
    let verifier = SourceVerifier::new(&source, |_| {});
    let mut collector = Collector::new(&verifier);
    let mut summary = Summary::default();
    let mut claims = Vec::new();
    for header in headers {
        claims.push(collector.push(row, &Parameters::default(), 0, &key, &[], header));
        if collector.is_full() {
            settle(args, &mut collector, &mut claims, &mut summary)?;
        }
    }
    settle(args, &mut collector, &mut claims, &mut summary)?;
    if let Some(fault) = collector.fault() {
        complain(&format!("some headers have no answer: {fault}"));
    }
    drop(collector);
    drop(verifier);
    source.close();
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary).expect("numbers"))?;
    } else {
        let bad = summary.invalid + summary.not_evaluated;
        if bad > LISTED_MAX {
            writeln!(out, "{} more like these; --json lists every header", commas(bad - LISTED_MAX))?;
        }
        let counts = [summary.items, summary.valid, summary.invalid, summary.not_evaluated].map(commas);
        writeln!(
            out,
            "{} headers: {} valid, {} invalid, {} not evaluated",
            counts[0], counts[1], counts[2], counts[3]
        )?;
    }
    Ok(if summary.valid == summary.items { EXIT_OK } else { EXIT_UNEXPECTED })
}

/// Waits for the claims' verdicts and writes them.
fn settle(
    args: &CheckArgs,
    collector: &mut Collector<'_>,
    claims: &mut Vec<Claim>,
    summary: &mut Summary,
) -> Result<(), CliError> {
    collector.settle();
    let mut text = String::new();
    for claim in claims.drain(..) {
        let index = summary.items;
        let verdict = collector.verdict(claim);
        summary.items += 1;
        match verdict {
            Verdict::Valid => summary.valid += 1,
            Verdict::Invalid(_) => summary.invalid += 1,
            Verdict::NotEvaluated(_) => summary.not_evaluated += 1,
        }
        if args.json {
            let hash =
                collector.value(claim, 32).map(|hash| hex::encode(hash.iter().rev().copied().collect::<Vec<_>>()));
            let line = ItemLine { index, verdict: verdict.name(), reason: verdict.detail(), hash };
            text.push_str(&serde_json::to_string(&line).expect("text and numbers"));
            text.push('\n');
        } else if !verdict.is_valid() && summary.invalid + summary.not_evaluated <= LISTED_MAX {
            let why = match (verdict.detail(), args.difficulty) {
                (Some("equation"), Some(_)) => "the hash is above the difficulty's target",
                (Some("equation"), None) => "the hash is above its target",
                (Some("signature"), _) => "nBits is negative, zero, overflowing or easier than the network allows",
                (other, _) => other.unwrap_or("no reason"),
            };
            text.push_str(&format!("header {index}: {}: {why}\n", verdict.name()));
        }
    }
    collector.clear();
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
