//! `assay chain verify`: files through a chain's profile, the report to lines, a summary and an exit code.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_chain::report::{Ending, Tally, What};
use assay_chain::{Chain, Detail, Finding, Options, Report, verify_files_with};
use serde::Serialize;

use super::chains;
use super::files::{self, Found};
use super::verifier::{self, SourceVerifier};
use crate::cli::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, complain};
use crate::cli::input::unhex;
use crate::cli::progress::Progress;
use crate::cli::source::{Source, SourceArgs};
use crate::cli::table::{commas, table};

const EXAMPLES: &str = "\
Files are what `assay chain list` says of the chain; a directory stands for the files below it, and all files run as one \
stream of large batches. Each culprit is named. --items lists every item, and what else was learnt (senders, powers). \
What no rule here covers is not evaluated, and never valid.

--json prints an object a line and ends with the summary:
  {\"files\":…,\"items\":…,\"valid\":…,\"invalid\":…,\"not_evaluated\":…,\"checks\":{…}}

Exit codes: 0 nothing that was evaluated is invalid, 1 something is or got no answer, 2 usage, a file that cannot be read, \
or nothing evaluated at all. --strict turns not evaluated into 1.

Examples:
  assay chain verify --chain bitcoin --prevouts 277647.utxostore.bz2 277647.dat.bz2
  assay chain verify --chain cometbft --items --json signed_block.json
  assay chain verify --chain cometbft --validators validators.json commits/
  assay chain verify --chain device-identity --certificates ca.pem --time 1800000000 messages.json
  assay chain verify --chain ethereum --network mainnet --connect node-1:4464 \\
    --ca ca.pem --cert cert.pem --key key.pem era1/";

/// Findings that are listed for people unless every one is asked for.
const LISTED_MAX: usize = 20;

/// Arguments of `assay chain verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Whose rules
    #[arg(long, value_name = "NAME", value_parser = chains())]
    chain: &'static Chain,
    /// Which of the chain's networks; its first where none is named
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// A file of previous outputs (bitcoin); may be repeated
    #[arg(long, value_name = "FILE")]
    prevouts: Vec<PathBuf>,
    /// A file of validators; may be repeated
    #[arg(long, value_name = "FILE")]
    validators: Vec<PathBuf>,
    /// A file of X.509 certificates: authorities (device-identity), members named by a hash (chainmaker); may be repeated
    #[arg(long, value_name = "FILE")]
    certificates: Vec<PathBuf>,
    /// When certificates must be valid (device-identity), in seconds since 1970; now where it is not given
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
    /// The SM2 user id of certificates, and of devices' messages, as text; 1234567812345678 where it is not given
    #[arg(long, value_name = "ID", conflicts_with = "user_id_hex")]
    user_id: Option<String>,
    /// The SM2 user id, as hex
    #[arg(long, value_name = "HEX", value_parser = unhex)]
    user_id_hex: Option<Bytes>,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each culprit (with --items for each item), and one for all of them
    #[arg(long)]
    json: bool,
    /// List every item, valid ones too, and what else was learnt
    #[arg(long)]
    items: bool,
    /// List every culprit, not only the first of them; with --json they all are
    #[arg(long)]
    all: bool,
    /// Not evaluated counts as not as expected
    #[arg(long)]
    strict: bool,
    /// Files and directories; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// A name that keeps the parser from reading it as "several values".
type Bytes = Vec<u8>;

/// Seconds since 1970; `None` for a clock that stands before it.
fn now() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let read = |paths: &[PathBuf]| paths.iter().map(|path| files::option_file(path)).collect::<Result<Vec<_>, _>>();
    let options = Options {
        network: args.network.clone(),
        previous_outputs: read(&args.prevouts)?,
        validators: read(&args.validators)?,
        certificates: read(&args.certificates)?,
        time: args.time.or_else(now),
        user_id: args.user_id.as_ref().map(|id| id.clone().into_bytes()).or_else(|| args.user_id_hex.clone()),
    };
    let mut profile = args.chain.profile(&options).map_err(|error| {
        CliError::usage(error.to_string(), format!("`assay chain list {}` says what it takes", args.chain.name))
    })?;
    drop(options);
    let found = files::find(&args.files)?;
    if found.is_empty() {
        return Err(CliError::usage(
            "there are no files in what was named",
            "name files, or directories that have some",
        ));
    }
    let source = Source::open_any(&args.source)?;
    let start = Instant::now();
    let total = found.iter().map(|file| file.bytes).sum();
    let progress = RefCell::new((Progress::new(Some(total), args.items), 0_u64));
    let verifier = SourceVerifier::new(&source, |items| {
        let mut progress = progress.borrow_mut();
        let done = progress.1;
        progress.0.set(done, || format!("{} signatures and roots sent", commas(items)));
    });
    let stream = found.into_iter().map(|file: Found| {
        let bytes = file.read();
        progress.borrow_mut().1 += file.bytes;
        (file.name, bytes)
    });
    let detail = if args.items { Detail::Items } else { Detail::Findings };
    let mut printer = Printer::new(io::stdout().lock(), args.json, args.all || args.items);
    let report = verify_files_with(&mut *profile, stream, &verifier, detail, |report| printer.show(report));
    progress.borrow_mut().0.finish();
    let ran = verifier.tally();
    let code = printer.finish(args.chain, &report, args.strict, start.elapsed(), &ran)?;
    drop(verifier);
    source.close();
    Ok(code)
}

/// A line of JSON for one finding.
#[derive(Serialize)]
struct FindingLine<'a> {
    subject: &'a str,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    note: &'a str,
}

#[derive(Serialize)]
struct NotEvaluatedLine<'a> {
    not_evaluated: usize,
    why: &'a str,
}

#[derive(Serialize)]
struct FaultLine<'a> {
    fault: &'a str,
}

/// Writes findings as they come, and the summary.
struct Printer<W: Write> {
    out: W,
    json: bool,
    all: bool,
    listed: usize,
    /// The first failure of the output: from then on nothing is written.
    failed: Option<io::Error>,
}

impl<W: Write> Printer<W> {
    fn new(out: W, json: bool, all: bool) -> Self {
        Self { out, json, all, listed: 0, failed: None }
    }

    /// Takes the findings and notes out of a report and writes them.
    fn show(&mut self, report: &mut Report) {
        let (findings, notes) = (std::mem::take(&mut report.findings), std::mem::take(&mut report.notes));
        let mut text = String::new();
        for finding in &findings {
            if finding.what == What::Unreadable {
                complain(&format!("{}: {}", finding.subject, finding.why));
            }
            if self.json {
                json_line(&finding_line(finding), &mut text);
            } else if finding.what != What::Unreadable {
                self.listed += 1;
                if self.all || self.listed <= LISTED_MAX {
                    text.push_str(&finding_words(finding));
                }
            }
        }
        for note in &notes {
            if self.json {
                json_line(&NoteLine { note }, &mut text);
            } else {
                text.push_str(&format!("{note}\n"));
            }
        }
        if self.failed.is_none() {
            self.failed = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).err();
        }
    }

    /// Writes what remains to be said of a run; the exit code.
    fn finish(
        mut self,
        chain: &Chain,
        report: &Report,
        strict: bool,
        took: Duration,
        ran: &verifier::Tally,
    ) -> Result<u8, CliError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        if let Some(fault) = &report.fault {
            complain(&format!("some items have no answer: {fault}"));
        }
        let mut text = String::new();
        if self.json {
            for (why, count) in &report.not_evaluated_why {
                json_line(&NotEvaluatedLine { not_evaluated: *count, why }, &mut text);
            }
            if let Some(fault) = &report.fault {
                json_line(&FaultLine { fault }, &mut text);
            }
            text.push_str(&report.summary_json());
            text.push('\n');
        } else {
            if !self.all && self.listed > LISTED_MAX {
                let more = commas((self.listed - LISTED_MAX) as u64);
                text.push_str(&format!("{more} more like these; --all lists every one\n"));
            }
            text.push_str(&summary(chain, report, took, ran));
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(match report.ending(strict) {
            Ending::AsExpected => EXIT_OK,
            Ending::NotAsExpected => EXIT_UNEXPECTED,
            Ending::Input => EXIT_USAGE,
        })
    }
}

fn json_line(line: &impl Serialize, text: &mut String) {
    text.push_str(&serde_json::to_string(line).expect("text and numbers"));
    text.push('\n');
}

fn finding_line(finding: &Finding) -> FindingLine<'_> {
    let (what, check) = match finding.what {
        What::Check(name) => ("failed", Some(name)),
        ref what => (what.name(), None),
    };
    FindingLine { subject: &finding.subject, what, check, why: &finding.why }
}

fn finding_words(Finding { subject, what, why }: &Finding) -> String {
    match what {
        What::Valid => format!("valid: {subject}\n"),
        What::Check(name) => format!("{name} failed: {subject}: {why}\n"),
        what => format!("{}: {subject}: {why}\n", what.name().replace('-', " ")),
    }
}

fn summary(chain: &Chain, report: &Report, took: Duration, ran: &verifier::Tally) -> String {
    let count = |count: usize| commas(count as u64);
    let plural = |n: usize, word: &str| format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" });
    let mut text = format!("{}: {}", chain.name, plural(report.files, "file"));
    if report.unreadable > 0 {
        text.push_str(&format!(", {} not read to the end", count(report.unreadable)));
    }
    text.push_str(&format!(
        "; {}: {} valid, {} invalid, {} not evaluated\n",
        plural(report.items, "item"),
        count(report.valid),
        count(report.invalid),
        count(report.not_evaluated)
    ));
    for (why, many) in &report.not_evaluated_why {
        text.push_str(&format!("  {} not evaluated: {why}\n", count(*many)));
    }
    if !report.checks.is_empty() {
        let cells =
            |(name, Tally { ok, failed }): (&&str, &Tally)| vec![format!("  {name}"), count(*ok), count(*failed)];
        text.push_str(&table(&["  check", "held", "failed"], &report.checks.iter().map(cells).collect::<Vec<_>>()));
    }
    let seconds = took.as_secs_f64();
    let rate = (ran.items as f64 / seconds.max(1e-9)) as u64;
    let backends: Vec<_> = ran.backends.iter().map(|(name, items)| format!("{name} {}", commas(*items))).collect();
    text.push_str(&format!(
        "{seconds:.3} s, of which {:.3} s waiting for answers; {} signatures and roots in {}, {}/s",
        ran.waited.as_secs_f64(),
        commas(ran.items),
        plural(ran.requests as usize, "request"),
        commas(rate)
    ));
    if !backends.is_empty() {
        text.push_str(&format!(", by {}", backends.join(", ")));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use assay_chain::report::Outcome;

    use super::*;

    fn printed(json: bool, all: bool) -> (String, u8) {
        let mut report = Report::new(Detail::Findings);
        report.files = 1;
        for i in 0..LISTED_MAX + 3 {
            report.item(|| format!("tx {i}"), Outcome::invalid("signature refused: equation"));
        }
        report.item(String::new, Outcome::Valid);
        report.item(String::new, Outcome::not_evaluated("not given"));
        report.check("merkle", || "block 1".into(), Err("another root".into()));
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, json, all);
        printer.show(&mut report);
        assert!(report.findings.is_empty(), "taken");
        let chain = Chain::from_name("bitcoin").expect("first");
        let tally = verifier::Tally::default();
        let code = printer.finish(chain, &report, false, Duration::from_secs(1), &tally).expect("memory");
        (String::from_utf8(out).expect("text"), code)
    }

    #[test]
    fn people_get_the_first_culprits_and_the_counts() {
        let (text, code) = printed(false, false);
        assert_eq!(code, EXIT_UNEXPECTED);
        assert!(text.starts_with("invalid: tx 0: signature refused: equation\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("invalid: ")).count(), LISTED_MAX);
        assert!(text.contains("4 more like these; --all"), "{text}");
        assert!(text.contains("1 file; 25 items: 1 valid, 23 invalid, 1 not evaluated\n"), "{text}");
        assert!(text.contains("  1 not evaluated: not given\n"), "{text}");
        let (text, _) = printed(false, true);
        assert!(text.contains("merkle failed: block 1: another root\n") && !text.contains("more like"), "{text}");
    }

    #[test]
    fn json_ends_with_the_summary() {
        let (text, _) = printed(true, false);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], r#"{"subject":"tx 0","what":"invalid","why":"signature refused: equation"}"#);
        let merkle = r#"{"subject":"block 1","what":"failed","check":"merkle","why":"another root"}"#;
        assert_eq!(lines[LISTED_MAX + 3], merkle);
        assert_eq!(lines[LISTED_MAX + 4], r#"{"not_evaluated":1,"why":"not given"}"#);
        assert!(
            lines[LISTED_MAX + 5]
                .starts_with(r#"{"files":1,"items":25,"valid":1,"invalid":23,"not_evaluated":1,"checks":{"#)
        );
        assert_eq!(lines.len(), LISTED_MAX + 6);
    }
}
