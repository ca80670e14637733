//! `assay chain`: chains' own files to the chains' own outcomes.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `verify` | the arguments into a run of files through a profile, and its report into lines and an exit code |
//! | `files` | files and directories into bytes, one after another |
//! | `verifier` | the source (an engine here, or nodes) into what profiles ask, with several requests under way |
//! | `list` | the table of systems into text or JSON |
//! | `bench`, `generate` | a long chain of signed transactions, and what the chain layer costs beside verification |

use clap::builder::{PossibleValuesParser, TypedValueParser};

use assay_chain::{CHAINS, Chain};

mod bench;
pub(super) mod files;
mod generate;
mod list;
pub(super) mod verifier;
mod verify;

const EXAMPLES: &str = "\
Examples:
  assay chain list
  assay chain verify --chain bitcoin --prevouts 277647.utxostore.bz2 277647.dat.bz2";

/// Arguments of `assay chain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Verify blocks, commits and transactions in a chain's own formats.
    Verify(Box<verify::Args>),
    /// List the chains: what each checks, and what it leaves out.
    List(list::Args),
    /// Measure what reading a chain costs beside verifying it.
    Bench(bench::Args),
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    super::error::finish(match args.command {
        Command::Verify(args) => verify::execute(&args),
        Command::List(args) => list::execute(&args),
        Command::Bench(args) => bench::execute(&args),
    })
}

/// Parses a chain's name.
fn chains() -> impl TypedValueParser<Value = &'static Chain> {
    PossibleValuesParser::new(CHAINS.iter().map(|chain| chain.name))
        .map(|name| Chain::from_name(&name).expect("one of the names just listed"))
}
