//! The commands: one file each, one shape: `Args` and `run`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod bench;
pub mod cert;
pub mod config;
pub mod demo;
pub mod digest;
pub mod load;
pub mod recover;
pub mod serve;
pub mod status;
pub mod verify;

/// As expected.
pub const EXIT_OK: u8 = 0;
/// Not as expected: an item that should hold does not, or the other way round.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Usage or input; outranks [`EXIT_UNEXPECTED`].
pub const EXIT_USAGE: u8 = 2;

/// Verification and hashing for chains: batches in, a verdict or digest per item out.
#[derive(Debug, Parser)]
#[command(name = "assay", version, propagate_version = true)]
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
    /// Measure items per second in this process.
    Bench(bench::Args),
    /// Send load to a node and measure latency and throughput.
    Load(load::Args),
}

/// Parses the arguments, runs the command, turns its outcome into an exit code.
pub fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Cert(args) => cert::run(args),
        Command::Config(args) => config::run(args),
        Command::Status(args) => status::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Recover(args) => recover::run(args),
        Command::Digest(args) => digest::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Load(args) => load::run(args),
    };
    ExitCode::from(code)
}
