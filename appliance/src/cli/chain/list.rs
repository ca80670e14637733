//! `assay chain list`: the table of systems, as assay-chain has it.

use std::io::{self, Write};

use assay_chain::{CHAINS, Chain};
use serde::Serialize;

use super::chains;
use crate::cli::error::{CliError, EXIT_OK};

/// Columns of text at most.
const WIDTH: usize = 110;

const EXAMPLES: &str = "\
Examples:
  assay chain list
  assay chain list vechain
  assay chain list --json | jq -r .name";

/// Arguments of `assay chain list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Print a JSON object for each chain
    #[arg(long)]
    json: bool,
    /// These chains; every one where none is named
    #[arg(value_name = "NAME", value_parser = chains())]
    names: Vec<&'static Chain>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    about: &'static str,
    formats: &'static [&'static str],
    networks: Vec<&'static str>,
    item: &'static str,
    checks: Vec<CheckLine>,
    leaves_out: &'static [&'static str],
}

#[derive(Serialize)]
struct CheckLine {
    name: &'static str,
    rule: &'static str,
}

/// Prints the table.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let all: Vec<&Chain> = if args.names.is_empty() { CHAINS.iter().collect() } else { args.names.clone() };
    let mut text = String::new();
    for chain in all {
        if args.json {
            text.push_str(&serde_json::to_string(&Line::of(chain)).expect("names and rules are text"));
            text.push('\n');
        } else {
            if !text.is_empty() {
                text.push('\n');
            }
            describe(chain, &mut text);
        }
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(EXIT_OK)
}

impl Line {
    fn of(chain: &Chain) -> Self {
        Self {
            name: chain.name,
            about: chain.about,
            formats: chain.formats,
            networks: (chain.networks)(),
            item: chain.item,
            checks: chain.checks.iter().map(|check| CheckLine { name: check.name, rule: check.rule }).collect(),
            leaves_out: chain.leaves_out,
        }
    }
}

fn describe(chain: &Chain, text: &mut String) {
    wrapped(&format!("{}: ", chain.name), 2, chain.about, text);
    let networks = (chain.networks)();
    if !networks.is_empty() {
        wrapped("  networks: ", 4, &networks.join(", "), text);
    }
    wrapped("  one item: ", 4, chain.item, text);
    for (head, entries) in [("files", chain.formats), ("left out", chain.leaves_out)] {
        if head == "left out" {
            text.push_str("  checked:\n");
            for check in chain.checks {
                wrapped(&format!("    {}: ", check.name), 6, check.rule, text);
            }
        }
        text.push_str(&format!("  {head}:\n"));
        for entry in entries {
            wrapped("    ", 6, entry, text);
        }
    }
}

/// Adds words behind a head, later lines indented.
fn wrapped(head: &str, indent: usize, words: &str, text: &mut String) {
    text.push_str(head);
    let mut column = head.chars().count();
    let mut first = true;
    for word in words.split_whitespace() {
        let width = word.chars().count();
        if !first && column + 1 + width > WIDTH {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if !first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
        first = false;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_is_printed_within_the_width() {
        for chain in CHAINS {
            let mut text = String::new();
            describe(chain, &mut text);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let rules = chain.checks.iter().map(|check| check.rule);
            for words in rules.chain(chain.formats.iter().chain(chain.leaves_out).copied()) {
                let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(&words), "{words} in {text}");
            }
        }
    }
}
