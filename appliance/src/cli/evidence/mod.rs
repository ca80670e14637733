//! `assay evidence`: documents to a notary's receipt, and a receipt back to the documents.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `documents` | files and directories into names and digests, through the engine or nodes |
//! | `sign` | a private key's file into a notary who signs |
//! | `notarise` | documents into a signed receipt, and a page for people |
//! | `prove` | a receipt into the proof of one document |
//! | `verify` | a receipt or proof, the notary's key and the documents into an outcome |

mod documents;
mod notarise;
mod prove;
mod sign;
mod verify;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use assay_chain::evidence::receipt::Receipt;

use super::error::CliError;

const EXAMPLES: &str = "\
Examples:
  assay evidence notarise --notary-key notary.pem --account court-7 --business-id case-2041 --receipt case.json archive/
  assay evidence verify --notary notary-public.pem --receipt case.json archive/
  assay evidence prove --receipt case.json contract.pdf > contract.proof.json";

/// Bytes of a receipt: a million documents have some 300 MB. Larger: a wrong file fills the memory.
const RECEIPT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Arguments of `assay evidence`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hash documents, sign the root of their tree, write a receipt.
    Notarise(notarise::Args),
    /// Check documents, tree and signatures of a receipt or a proof.
    Verify(verify::Args),
    /// Print the proof of one document of a receipt.
    Prove(prove::Args),
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    super::error::finish(match args.command {
        Command::Notarise(args) => notarise::execute(&args),
        Command::Verify(args) => verify::execute(&args),
        Command::Prove(args) => prove::execute(&args),
    })
}

/// A file of at most this many bytes.
fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, CliError> {
    let failed = |source| CliError::Read { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max {
        return Err(CliError::usage(format!("{} is larger than {max} bytes", path.display()), "name the right file"));
    }
    Ok(bytes)
}

fn read_receipt(path: &Path) -> Result<Receipt, CliError> {
    Receipt::read(&read_file(path, RECEIPT_BYTES_MAX)?).map_err(|error| {
        CliError::usage(format!("{}: {error}", path.display()), "give a receipt or proof that `assay evidence` wrote")
    })
}

/// Writes a file beside its place and puts it there whole, so that an interrupted run leaves no half of one.
fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |source| CliError::Write { path: path.display().to_string(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
