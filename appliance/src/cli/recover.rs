//! `assay recover`: signatures in JSON lines to public keys or addresses.

use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::{Hash, Kind, Operation, Output, Parameters};

use super::error::{CliError, finish};
use super::report::Style;
use super::source::{SourceArgs, hashes, operations};
use super::stream::Job;
use super::verify::{check, execute_lines};

const EXAMPLE: &str = "\
Input: one JSON object a line, bytes in hex; the signature is r, s and v (0 to 3), 65 bytes:
  {\"signature\":\"…\",\"message\":\"…\",\"expect\":\"cd2a3d9f938e13cd947ec05abc7fe734df8dd826\"}
- `digest` stands in place of `message` where --hash is not given.
- `expect` is the value in hex, or false where none is expected; left out, any value will do.

Output: a value a line, or what stands in its way.
Exit codes: 0 every item as expected, 1 not, 2 usage or a line that is no item.

Example:
  assay recover --scheme recover-secp256k1-low-s --hash keccak256 \\
    --output address senders.jsonl";

/// Arguments of `assay recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The rule set
    #[arg(long, value_name = "SCHEME", value_parser = operations(&[Kind::Recover]))]
    scheme: &'static Operation,
    /// The hash that turns a message into what is signed
    #[arg(long, value_name = "HASH", value_parser = hashes())]
    hash: Option<Hash>,
    /// What to print: the key's 64 bytes x and y, or the last 20 bytes of their keccak256
    #[arg(long, value_name = "FORM", default_value = "public-key")]
    output: OutputForm,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each item, and one for all of them
    #[arg(long)]
    json: bool,
    /// List every unexpected item and malformed line, not only the first of them
    #[arg(long)]
    all: bool,
    /// The items; - is the standard input
    #[arg(value_name = "FILE")]
    file: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OutputForm {
    PublicKey,
    Address,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let output = match args.output {
        OutputForm::PublicKey => Output::Default,
        OutputForm::Address => Output::Address,
    };
    let parameters = Parameters { hash: args.hash, output, ..Parameters::default() };
    check(args.scheme, &parameters)?;
    let encoder = Encoder::new(args.scheme, SignatureFormat::Raw).expect("every row takes the column's own form");
    let job = Job { encoder, parameters: &parameters };
    let style = if args.json { Style::Json } else { Style::Values };
    execute_lines(job, &args.file, &args.source, style, args.all, "recover")
}
