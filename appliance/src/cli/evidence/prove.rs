//! `assay evidence prove`: the proof of one document of a receipt.

use std::io::{self, Write};
use std::path::PathBuf;

use super::read_receipt;
use crate::cli::error::{CliError, EXIT_OK};

const EXAMPLES: &str = "\
A proof carries one document, its path to the root, and the notary's statement: whoever gets it learns of the other documents \
nothing but their number.

Example:
  assay evidence prove --receipt case.json 2024/contract.pdf > contract.proof.json";

/// Arguments of `assay evidence prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The receipt
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// The document's name in the receipt
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let receipt = read_receipt(&args.receipt)?;
    let proof = receipt.proof(&args.name).ok_or_else(|| {
        let what = format!("{} lists no document {:?}", args.receipt.display(), args.name);
        CliError::usage(what, "give a name as the receipt has it")
    })?;
    io::stdout().lock().write_all(proof.to_json().as_bytes())?;
    Ok(EXIT_OK)
}
