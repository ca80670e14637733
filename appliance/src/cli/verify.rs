//! `assay verify`: signatures in JSON lines to verdicts.

use std::io;
use std::sync::Arc;

use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::limits::{CONTEXT_BYTES_MAX, USER_ID_BYTES_MAX};
use assay_scheme::parameters::ParameterError;
use assay_scheme::{Hash, Kind, Operation, Parameters};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::error::{CliError, finish};
use super::input::{Lines, unhex};
use super::progress::Progress;
use super::report::{LineSink, Report, Style};
use super::source::{Source, SourceArgs, hashes, operations};
use super::stream::{self, Job};

const EXAMPLE: &str = "\
Input: one JSON object a line, bytes in hex, with or without 0x:
  {\"public_key\":\"04…\",\"signature\":\"30…\",\"message\":\"…\",\"expect\":true}
- `digest` stands in place of `message` where the scheme signs a digest and --hash is not given.
- `public_key` is an array for BLS aggregates, and so is `message` where each key has its own.
- `expect` may be left out: then valid is expected.

Exit codes: 0 every item as expected, 1 not, 2 usage or a line that is no item.

Examples:
  assay verify --scheme ed25519-zip215 votes.jsonl
  assay verify --scheme ecdsa-p256 --hash sha256 --signature-format der --json -
  assay verify --scheme sm2-za --connect node-1:4464 \\
    --ca ca.pem --cert cert.pem --key key.pem blocks.jsonl";

/// Arguments of `assay verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The rule set
    #[arg(long, value_name = "SCHEME", value_parser = operations(&[Kind::Verify]))]
    scheme: &'static Operation,
    /// The hash that turns a message into what is signed
    #[arg(long, value_name = "HASH", value_parser = hashes())]
    hash: Option<Hash>,
    /// The SM2 user id, as text; 1234567812345678 where it is not given
    #[arg(long, value_name = "ID", conflicts_with = "user_id_hex")]
    user_id: Option<String>,
    /// The SM2 user id, as hex
    #[arg(long, value_name = "HEX", value_parser = unhex)]
    user_id_hex: Option<Bytes>,
    /// The ML-DSA context, as hex
    #[arg(long, value_name = "HEX", value_parser = unhex)]
    context_hex: Option<Bytes>,
    /// How signatures are written: r and s side by side, or DER in one of its readings
    #[arg(long, value_name = "FORMAT", default_value = "raw", value_parser = formats())]
    signature_format: SignatureFormat,
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

/// A name that keeps the parser from reading it as "several values".
type Bytes = Vec<u8>;

fn formats() -> impl TypedValueParser<Value = SignatureFormat> {
    PossibleValuesParser::new(SignatureFormat::ALL.map(SignatureFormat::name))
        .map(|name| SignatureFormat::from_name(&name).expect("one of the names just listed"))
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let user_id = args.user_id.as_ref().map(|id| id.clone().into_bytes()).or_else(|| args.user_id_hex.clone());
    let parameters = Parameters {
        hash: args.hash,
        user_id: user_id.map(Arc::from),
        context: args.context_hex.clone().map(Arc::from),
        ..Parameters::default()
    };
    check(args.scheme, &parameters)?;
    let encoder = Encoder::new(args.scheme, args.signature_format)
        .map_err(|error| CliError::usage(error.to_string(), "leave out --signature-format"))?;
    let job = Job { encoder, parameters: &parameters };
    let style = if args.json { Style::Json } else { Style::Verdicts };
    execute_lines(job, &args.file, &args.source, style, args.all, "verify")
}

/// The whole of a command that reads items from lines: open, run, report.
///
/// # Errors
/// What stops the command.
pub fn execute_lines(
    job: Job<'_>,
    file: &str,
    source: &SourceArgs,
    style: Style,
    all: bool,
    command: &'static str,
) -> Result<u8, CliError> {
    let mut lines = Lines::open(file)?;
    let source = Source::open(source, job.encoder.operation())?;
    let report = Report::new(io::stdout().lock(), style, all);
    let progress = Progress::new(lines.bytes, style != Style::Verdicts);
    let mut sink = LineSink { report, progress };
    stream::run_lines(job, &mut lines, &source, &mut sink)?;
    sink.progress.finish();
    source.close();
    sink.report.finish(&lines.name, command)
}

/// Refuses parameters that do not fit the operation, naming the argument at fault.
///
/// # Errors
/// [`CliError::Parameters`].
pub fn check(operation: &'static Operation, parameters: &Parameters) -> Result<(), CliError> {
    parameters.check(operation).map_err(|source| {
        let remedy = match source {
            ParameterError::HashNotTaken => "leave out --hash".to_owned(),
            ParameterError::HashMissing => "give --hash".to_owned(),
            ParameterError::HashNotAllowed(_) => "name another --hash".to_owned(),
            ParameterError::UserIdNotTaken => "leave out --user-id; sm2-za takes one".to_owned(),
            ParameterError::UserIdTooLong => format!("give at most {USER_ID_BYTES_MAX} bytes"),
            ParameterError::ContextNotTaken => "leave out --context-hex; ml-dsa-65 takes one".to_owned(),
            ParameterError::ContextTooLong => format!("give at most {CONTEXT_BYTES_MAX} bytes"),
            ParameterError::OutputNotTaken => "leave out --output".to_owned(),
        };
        CliError::Parameters { operation: operation.name, source, remedy }
    })
}
