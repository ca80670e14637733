//! `assay merkle verify`: proofs, one JSON line each, to verdicts.

use std::io::{self, Write};

use assay_chain::{Claim, Collector};
use assay_scheme::Verdict;
use serde::Serialize;

use super::proof::Line;
use crate::cli::chain::verifier::SourceVerifier;
use crate::cli::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, complain};
use crate::cli::input::{Line as TextLine, Lines};
use crate::cli::source::{Source, SourceArgs};
use crate::cli::table::commas;

const EXAMPLES: &str = "\
A line is what `assay merkle prove` prints:
  {\"rule\":\"merkle-rfc6962-proof\",\"hash\":\"sha256\",\"root\":\"…\",\"index\":3,\"leaves\":8,\"leaf\":\"…\",\"path\":[\"…\"]}
- a trie's has `key` in place of `index` and `leaves`, and an empty `leaf` says that the trie holds nothing there;
- growth (merkle-rfc6962-consistency) has `older_root` and `older_leaves`, and no `leaf`.

Exit codes: 0 every proof holds, 1 one does not or has no answer, 2 usage or a line that is no proof.

Examples:
  assay merkle verify proofs.jsonl
  assay merkle verify --json --connect node-1:4464 --ca ca.pem --cert cert.pem --key key.pem -";

/// Lines that are listed for people.
const LISTED_MAX: u64 = 20;

/// Arguments of `assay merkle verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each proof, and one for all of them
    #[arg(long)]
    json: bool,
    /// The proofs; - is the standard input
    #[arg(value_name = "FILE")]
    file: String,
}

#[derive(Serialize)]
struct ItemLine<'a> {
    index: u64,
    line: u64,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Summary {
    items: u64,
    valid: u64,
    invalid: u64,
    not_evaluated: u64,
    malformed: u64,
}

/// A line that waits for its verdict, or what is wrong with it.
struct Waiting {
    line: u64,
    asked: Result<Claim, String>,
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let mut lines = Lines::open(&args.file)?;
    let source = Source::open_any(&args.source)?;
    let verifier = SourceVerifier::new(&source, |_| {});
    let mut collector = Collector::new(&verifier);
    let mut printer = Printer { json: args.json, summary: Summary::default(), index: 0, listed: 0 };
    let mut waiting = Vec::new();
    while let Some(line) = lines.next_line()? {
        let (line, asked) = match line {
            TextLine::Text(number, text) => (number, Line::parse(text).and_then(|proof| proof.claim(&mut collector))),
            TextLine::TooLong(number) => (number, Err("longer than a line may be".to_owned())),
        };
        waiting.push(Waiting { line, asked });
        if collector.is_full() {
            printer.settle(&mut collector, &mut waiting)?;
        }
    }
    printer.settle(&mut collector, &mut waiting)?;
    if let Some(fault) = collector.fault() {
        complain(&format!("some proofs have no answer: {fault}"));
    }
    drop(collector);
    drop(verifier);
    source.close();
    printer.finish(&lines.name)
}

struct Printer {
    json: bool,
    summary: Summary,
    index: u64,
    listed: u64,
}

impl Printer {
    fn settle(&mut self, collector: &mut Collector<'_>, waiting: &mut Vec<Waiting>) -> Result<(), CliError> {
        collector.settle();
        let mut text = String::new();
        for Waiting { line, asked } in waiting.drain(..) {
            match asked {
                Ok(claim) => self.item(line, collector.verdict(claim), &mut text),
                Err(why) => {
                    self.summary.malformed += 1;
                    complain(&format!("line {line}: {why}"));
                    self.write(line, "malformed", Some(&why), &mut text);
                }
            }
            self.index += 1;
        }
        collector.clear();
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    fn item(&mut self, line: u64, verdict: Verdict, text: &mut String) {
        self.summary.items += 1;
        match verdict {
            Verdict::Valid => self.summary.valid += 1,
            Verdict::Invalid(_) => self.summary.invalid += 1,
            Verdict::NotEvaluated(_) => self.summary.not_evaluated += 1,
        }
        if !self.json && !verdict.is_valid() {
            self.listed += 1;
            if self.listed <= LISTED_MAX {
                let why = verdict.detail().unwrap_or("no reason");
                text.push_str(&format!("line {line}: {} ({why})\n", verdict.name()));
            }
        }
        self.write(line, verdict.name(), verdict.detail(), text);
    }

    fn write(&self, line: u64, verdict: &str, reason: Option<&str>, text: &mut String) {
        if self.json {
            let line = ItemLine { index: self.index, line, verdict, reason };
            text.push_str(&serde_json::to_string(&line).expect("text and numbers"));
            text.push('\n');
        }
    }

    fn finish(self, name: &str) -> Result<u8, CliError> {
        let Summary { items, valid, invalid, not_evaluated, malformed } = self.summary;
        if items + malformed == 0 {
            return Err(CliError::NoItems { path: name.to_owned(), command: "merkle verify" });
        }
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&self.summary).expect("numbers"))?;
        } else {
            if self.listed > LISTED_MAX {
                writeln!(out, "{} more do not hold; --json lists every one", commas(self.listed - LISTED_MAX))?;
            }
            let counts = [items, valid, invalid, not_evaluated].map(commas);
            writeln!(
                out,
                "{} proofs: {} valid, {} invalid, {} not evaluated",
                counts[0], counts[1], counts[2], counts[3]
            )?;
        }
        Ok(match (malformed, invalid + not_evaluated) {
            (0, 0) => EXIT_OK,
            (0, _) => EXIT_UNEXPECTED,
            _ => EXIT_USAGE,
        })
    }
}
