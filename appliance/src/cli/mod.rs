//! The commands: one file each, one shape: `Args` and `run`.
//!
//! - [`error`]: what stops a command, and the exit codes. [`interrupt`]: Ctrl-C. [`progress`]: the bar.
//! - [`input`], [`items`]: JSON lines to items; [`checklist`]: lists of digests.
//! - [`source`]: an engine here, or nodes; [`stream`]: any number of items through either, in bounded memory.
//! - [`chain`]: chains' own files through their profiles.
//! - [`merkle`], [`pow`]: roots and proofs; headers and shares.
//! - [`report`]: verdicts to lines and a summary; [`table`]: columns for people.

use std::panic;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub mod bench;
pub mod cert;
pub mod chain;
pub mod checklist;
pub mod completions;
pub mod config;
pub mod demo;
pub mod devices;
pub mod digest;
pub mod error;
pub mod evidence;
pub mod input;
pub mod interrupt;
pub mod items;
pub mod load;
pub mod man;
pub mod merkle;
pub mod pow;
pub mod progress;
pub mod recover;
pub mod report;
pub mod serve;
pub mod source;
pub mod status;
pub mod stream;
pub mod table;
pub mod verify;

pub use error::{EXIT_INTERNAL, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE};

/// Verification and hashing for chains: batches in, a verdict or digest per item out.
#[derive(Debug, Parser)]
#[command(
    name = "assay",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 as expected, 1 not as expected, 2 usage or input.\n\nExample:\n  assay demo"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a node on loopback, send it real data, show what came back.
    Demo(demo::Args),
    /// Run a node.
    Serve(serve::Args),
    /// Make certificates: an authority, a node's, a client's.
    Cert(cert::Args),
    /// Check a configuration, or print the default one.
    Config(config::Args),
    /// Ask nodes what they offer and how busy they are.
    Status(status::Args),
    /// Verify signatures, one JSON line each.
    Verify(verify::Args),
    /// Recover public keys or addresses, one JSON line each.
    Recover(recover::Args),
    /// Hash files, or JSON lines.
    Digest(digest::Args),
    /// Notarise documents, and check what was notarised.
    Evidence(evidence::Args),
    /// Verify chains' own blocks, commits and transactions.
    Chain(chain::Args),
    /// Compute Merkle roots, make proofs, check them.
    Merkle(merkle::Args),
    /// Check block headers' and shares' proof of work.
    Pow(pow::Args),
    /// Measure items per second in this process.
    Bench(bench::Args),
    /// List graphics devices, test them and take their pace.
    Devices(devices::Args),
    /// Send load to nodes and measure latency and throughput.
    Load(load::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Print or write manual pages.
    Man(man::Args),
}

/// Parses the arguments, runs the command, turns its outcome into an exit code.
pub fn main() -> ExitCode {
    hide_panics();
    let code = match Cli::try_parse() {
        // A panic was said by the hook; what is left is not to let it look like an answer.
        Ok(cli) => panic::catch_unwind(|| cli.command.run()).unwrap_or(EXIT_INTERNAL),
        Err(error) => refuse(&error),
    };
    ExitCode::from(code)
}

impl Command {
    fn run(self) -> u8 {
        match self {
            Self::Demo(args) => demo::run(args),
            Self::Serve(args) => serve::run(args),
            Self::Cert(args) => cert::run(args),
            Self::Config(args) => config::run(args),
            Self::Status(args) => status::run(args),
            Self::Verify(args) => verify::run(args),
            Self::Recover(args) => recover::run(args),
            Self::Digest(args) => digest::run(args),
            Self::Evidence(args) => evidence::run(args),
            Self::Chain(args) => chain::run(args),
            Self::Merkle(args) => merkle::run(args),
            Self::Pow(args) => pow::run(args),
            Self::Bench(args) => bench::run(args),
            Self::Devices(args) => devices::run(args),
            Self::Load(args) => load::run(args),
            Self::Completions(args) => completions::run(args),
            Self::Man(args) => man::run(args),
        }
    }
}

/// A panic is this program's bug: it is said in one line, without a backtrace.
fn hide_panics() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
        let at = info.location().map_or_else(String::new, |location| format!(" at {location}"));
        error::complain(&format!("internal fault{at}: {what}; please report it with the command that led here"));
    }));
}

/// Help and version go to the output; every other refusal of the arguments is one line on stderr.
fn refuse(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that closes the pipe has seen enough.
            let _ = error.print();
            EXIT_OK
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            EXIT_USAGE
        }
        _ => {
            let command = std::env::args_os().nth(1);
            let command = command.as_deref().and_then(|command| command.to_str());
            error::complain(&one_line(&error.render().to_string(), command));
            EXIT_USAGE
        }
    }
}

/// The parser's own words without its usage block, which `--help` shows in full. `command` is the first argument.
fn one_line(rendered: &str, command: Option<&str>) -> String {
    let text = rendered.split("\n\nUsage: ").next().unwrap_or(rendered);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    let text = text.strip_prefix("error: ").unwrap_or(text).replace("\n\n  tip: ", "; ");
    let text = text.trim_end().trim_end_matches('.');
    match command.filter(|command| Cli::command().find_subcommand(command).is_some()) {
        Some(command) => format!("{text}; see `assay {command} --help`"),
        None => format!("{text}; see `assay --help`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_arguments_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_refusal_keeps_its_words_and_loses_its_usage_block() {
        let error = Cli::try_parse_from(["assay", "completions", "bish"]).expect_err("no such shell");
        let line = one_line(&error.render().to_string(), Some("completions"));
        assert!(line.starts_with("invalid value 'bish' for '<SHELL>'"), "{line}");
        assert!(line.ends_with("; see `assay completions --help`"), "{line}");
        assert!(!line.contains("Usage"), "{line}");
        let error = Cli::try_parse_from(["assay", "benhc"]).expect_err("no such command");
        let line = one_line(&error.render().to_string(), Some("benhc"));
        assert!(line.contains("; a similar subcommand exists: 'bench'; see `assay --help`"), "{line}");
    }
}
