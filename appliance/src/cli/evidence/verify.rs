//! `assay evidence verify`: a receipt or proof, the notary's key and the documents into an outcome.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use assay_chain::evidence::Evidence;
use assay_chain::evidence::key::{FILE_BYTES_MAX, NotaryKey};
use assay_chain::evidence::page::{Headline, Row, Standing, page, time};
use assay_chain::evidence::receipt::Receipt;
use assay_chain::report::What;
use assay_chain::{Detail, Report, verify_files};
use serde::Serialize;

use super::documents::{self, Document, Learnt};
use super::{read_file, read_receipt, write_file};
use crate::cli::chain::verifier::SourceVerifier;
use crate::cli::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, complain};
use crate::cli::source::{Source, SourceArgs};
use crate::cli::table::commas;

const EXAMPLES: &str = "\
Three things are checked: each document is the one that was notarised, the documents make the root (of a proof: the document \
leads to it), and the notary signed. The notary's key is the one given with --notary; the receipt's own would prove nothing.

With a receipt, documents are found by their names; those listed and not there are missing, those there and not listed are \
unlisted, and both are not as expected. With a proof, one file is given, whatever its name.

Exit codes: 0 all of it holds, 1 something does not or has no answer, 2 usage or a file that cannot be read.

Examples:
  openssl pkey -in notary.pem -pubout -out notary-public.pem
  assay evidence verify --notary notary-public.pem --receipt case.json --report checked.html archive/
  assay evidence verify --notary notary-cert.pem --receipt contract.proof.json contract.pdf";

/// Documents that are named unless every one is asked for.
const LISTED_MAX: usize = 20;

/// Arguments of `assay evidence verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The notary's public key or certificate, PEM or DER; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    notary: Vec<PathBuf>,
    /// The receipt or proof
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// Where a page for people goes, HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each document that is not as notarised (with --all for each), and one for all of them
    #[arg(long)]
    json: bool,
    /// Name every document, also those that are as notarised
    #[arg(long)]
    all: bool,
    /// Documents and directories
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    standing: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
}

#[derive(Serialize)]
struct FailureLine<'a> {
    failed: &'a str,
}

#[derive(Serialize)]
struct Summary {
    documents: usize,
    same: usize,
    changed: usize,
    missing: usize,
    unlisted: usize,
    not_read: usize,
    root: &'static str,
    signatures_valid: usize,
    signatures_invalid: usize,
    signatures_not_evaluated: usize,
    requests: u64,
    seconds: f64,
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let start = Instant::now();
    let receipt = read_receipt(&args.receipt)?;
    let mut notaries = Vec::new();
    for path in &args.notary {
        let key = NotaryKey::read(&read_file(path, FILE_BYTES_MAX as u64)?);
        notaries.push(key.map_err(|why| {
            CliError::usage(
                format!("--notary {}: {why}", path.display()),
                "give a PEM file of an RSA-2048 or SM2 public key",
            )
        })?);
    }
    let but: Vec<_> = std::iter::once(&args.receipt).chain(&args.report).map(PathBuf::as_path).collect();
    let found = documents::find(&args.files, &but)?;
    if receipt.inclusion.is_some() && found.len() != 1 {
        return Err(CliError::usage(
            format!("a proof is of one document, and {} were named", found.len()),
            "name one file",
        ));
    }
    let source = Source::open_any(&args.source)?;
    let (learnt, requests) = documents::hash(&found, receipt.hash, &args.source, &source)?;
    let verifier = SourceVerifier::new(&source, |_| {});
    let mut profile = Evidence::new(notaries);
    let name = args.receipt.display().to_string();
    let json = receipt.to_json().into_bytes();
    let report = verify_files(&mut profile, [(name, Ok(json))], &verifier, Detail::Items);
    let requests = requests + verifier.tally().requests;
    drop(verifier);
    source.close();
    let rows = compared(&receipt, &found, &learnt);
    let failures = failures(&report, &rows);
    if let Some(path) = &args.report {
        write_file(path, &page(&receipt, &headline(&report, &rows, failures.clone()), &rows))?;
    }
    let summary = summary(&report, &rows, requests, start);
    say(args, &receipt, &rows, &failures, &summary)?;
    if let Some(fault) = &report.fault {
        complain(&format!("some questions have no answer: {fault}"));
    }
    Ok(if summary.not_read > 0 {
        EXIT_USAGE
    } else if failures.is_empty() {
        EXIT_OK
    } else {
        EXIT_UNEXPECTED
    })
}

/// Each document listed or found, in the order of names.
fn compared(receipt: &Receipt, found: &[Document], learnt: &[Learnt]) -> Vec<Row> {
    let found = found.iter().zip(learnt);
    // A proof's document is the one file that was named.
    let proven = receipt.inclusion.as_ref().map(|inclusion| &inclusion.document.name[..]);
    let mut by_name: HashMap<&str, _> =
        found.map(|(document, learnt)| (proven.unwrap_or(&document.name), learnt)).collect();
    let mut rows: Vec<Row> = Vec::new();
    for listed in receipt.listed() {
        let standing = match by_name.remove(&listed.name[..]) {
            None => Standing::Missing,
            Some(Err(why)) => Standing::NotRead(why.clone()),
            Some(Ok((_, digest))) if *digest != listed.digest.0 => {
                Standing::Changed(format!("its digest is {}", hex::encode(digest)))
            }
            Some(Ok((bytes, _))) if *bytes != listed.bytes => {
                Standing::Changed(format!("it has {bytes} bytes, and the receipt says {}", listed.bytes))
            }
            Some(Ok(_)) => Standing::Same,
        };
        rows.push(Row { name: listed.name.clone(), known: Some((listed.bytes, listed.digest.0)), standing });
    }
    rows.extend(by_name.into_iter().map(|(name, learnt)| Row {
        name: name.to_owned(),
        known: learnt.as_ref().ok().copied(),
        standing: learnt.as_ref().map_or_else(|why| Standing::NotRead(why.clone()), |_| Standing::Unlisted),
    }));
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// What does not hold or has no answer, one sentence each.
fn failures(report: &Report, rows: &[Row]) -> Vec<String> {
    let mut failures: Vec<String> = Vec::new();
    for (standing, one) in [
        ("changed", "is not the one that was notarised"),
        ("missing", "is missing"),
        ("unlisted", "is not in the receipt"),
        ("not-read", "could not be read"),
    ] {
        let names: Vec<&str> =
            rows.iter().filter(|row| row.standing.name() == standing).map(|row| &row.name[..]).collect();
        match names[..] {
            [] => {}
            [name] => failures.push(format!("{name} {one}")),
            [name, ..] => failures.push(format!("{name} {one}, and {} more", commas(names.len() as u64 - 1))),
        }
    }
    for finding in &report.findings {
        match finding.what {
            What::Valid => {}
            What::Check(name) => failures.push(format!("{name}: {}", finding.why)),
            _ => failures.push(format!("{}: {}", finding.subject, finding.why)),
        }
    }
    failures
}

fn headline(report: &Report, rows: &[Row], failures: Vec<String>) -> Headline {
    let refused = report.invalid > 0 || report.checks_failed();
    let wrong = rows.iter().any(|row| row.standing.is_wrong() && !matches!(row.standing, Standing::NotRead(_)));
    match failures.is_empty() {
        true => Headline::Holds,
        false if refused || wrong => Headline::Fails(failures),
        false => Headline::Open(failures),
    }
}

fn summary(report: &Report, rows: &[Row], requests: u64, start: Instant) -> Summary {
    let count = |name: &str| rows.iter().filter(|row| row.standing.name() == name).count();
    let tree = report.checks.iter().find(|(name, _)| ["root", "inclusion"].contains(*name));
    Summary {
        documents: rows.len(),
        same: count("same"),
        changed: count("changed"),
        missing: count("missing"),
        unlisted: count("unlisted"),
        not_read: count("not-read"),
        root: match tree {
            Some((_, tally)) if tally.failed == 0 => "holds",
            Some(_) => "fails",
            None => "not-evaluated",
        },
        signatures_valid: report.valid,
        signatures_invalid: report.invalid,
        signatures_not_evaluated: report.not_evaluated,
        requests,
        seconds: start.elapsed().as_secs_f64(),
    }
}

fn say(args: &Args, receipt: &Receipt, rows: &[Row], failures: &[String], summary: &Summary) -> Result<(), CliError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let wanted: Vec<_> = rows.iter().filter(|row| args.all || row.standing.is_wrong()).collect();
    if args.json {
        for row in &wanted {
            let line = Line { name: &row.name, standing: row.standing.name(), why: row.standing.why() };
            writeln!(out, "{}", serde_json::to_string(&line).expect("text"))?;
        }
        for failed in failures {
            writeln!(out, "{}", serde_json::to_string(&FailureLine { failed }).expect("text"))?;
        }
        writeln!(out, "{}", serde_json::to_string(summary).expect("numbers"))?;
        return Ok(out.flush()?);
    }
    let listed = if args.all { wanted.len() } else { LISTED_MAX };
    for row in wanted.iter().take(listed) {
        let why = row.standing.why();
        let colon = if why.is_empty() { "" } else { ": " };
        writeln!(out, "{:>9}  {}{colon}{why}", row.standing.name(), row.name)?;
    }
    if wanted.len() > listed {
        writeln!(out, "{} more like these; --all names every one", commas((wanted.len() - listed) as u64))?;
    }
    let notary = &receipt.notary;
    writeln!(out, "documents: {} of {} as notarised", commas(summary.same as u64), commas(summary.documents as u64))?;
    writeln!(out, "tree:      {} ({}, root {})", summary.root, receipt.hash.name(), hex::encode(receipt.root.0))?;
    writeln!(
        out,
        "signed:    {} by {} for {}, {}; {} of 2 signatures valid",
        time(notary.time_ms),
        notary.scheme.name(),
        notary.account,
        notary.business_id,
        summary.signatures_valid
    )?;
    match failures {
        [] => writeln!(out, "the evidence holds")?,
        _ => {
            writeln!(out, "the evidence does not hold:")?;
            failures.iter().try_for_each(|failure| writeln!(out, "  {failure}"))?;
        }
    }
    writeln!(out, "{:.3} s, {} requests", summary.seconds, commas(summary.requests))?;
    Ok(out.flush()?)
}
