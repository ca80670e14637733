//! `assay merkle`: roots, proofs and their checks under each chain's rule.
//!
//! | file | turns what into what |
//! | :-- | :-- |
//! | `leaves` | lines of hex into leaves |
//! | `proof` | a proof into a JSON line and back, and into a claim |
//! | `verify` | lines of proofs into verdicts |

use std::io::{self, Write};

use assay_core::merkle::prove::{Proof, ProveError, prove, prove_consistency};
use assay_core::merkle::{HashMany, Inputs, Trees};
use assay_core::stream::Hasher;
use assay_scheme::limits::{BODY_BYTES_MAX, ITEMS_MAX};
use assay_scheme::registry::Messages;
use assay_scheme::{ColumnsBuilder, Hash, Kind, Operation, Parameters, Row, Verdict};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, complain, finish};
use super::source::{Source, SourceArgs, hashes};

mod leaves;
mod proof;
mod verify;

const EXAMPLES: &str = "\
Leaves are lines of hex, with or without 0x; - is the standard input.

Examples:
  assay merkle root --rule duplicate-last txids.txt
  assay merkle prove --rule rfc6962 --index 3 leaves.txt > proof.json
  assay merkle verify proof.json";

const ROOT_EXAMPLES: &str = "\
Bitcoin shows ids with their bytes turned over; leaves are bytes as they are hashed.

Examples:
  assay merkle root --rule rfc6962 leaves.txt
  assay merkle root --rule patricia --hash keccak256 --json transactions.txt";

const PROVE_EXAMPLES: &str = "\
The proof is one JSON object, as `assay merkle verify` reads it. --older proves, under rfc6962, that the tree of \
the first N leaves grew into the tree of all.

Examples:
  assay merkle prove --rule fisco-v3 --hash sm3 --index 0 leaves.txt
  assay merkle prove --rule rfc6962 --older 100 leaves.txt";

/// Arguments of `assay merkle`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compute the root over leaves.
    Root(RootArgs),
    /// Prove that a leaf stands at its place, or that a tree grew out of another.
    Prove(ProveArgs),
    /// Check proofs, one JSON line each.
    Verify(verify::Args),
}

/// Which tree.
#[derive(Debug, clap::Args)]
struct TreeArgs {
    /// How the tree is built
    #[arg(long, value_name = "RULE", value_parser = rules())]
    rule: &'static Operation,
    /// The tree's hash; the rule's own where it is not named
    #[arg(long, value_name = "HASH", value_parser = hashes())]
    hash: Option<Hash>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ROOT_EXAMPLES)]
struct RootArgs {
    #[command(flatten)]
    tree: TreeArgs,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The leaves
    #[arg(value_name = "FILE")]
    file: String,
}

#[derive(Debug, clap::Args)]
#[command(after_help = PROVE_EXAMPLES)]
struct ProveArgs {
    #[command(flatten)]
    tree: TreeArgs,
    /// The leaf's index, from 0
    #[arg(long, value_name = "N", required_unless_present = "older", conflicts_with = "older")]
    index: Option<usize>,
    /// The number of leaves of the older tree
    #[arg(long, value_name = "N")]
    older: Option<usize>,
    /// A proof is JSON either way; for scripts that ask every command for it
    #[arg(long)]
    json: bool,
    /// The leaves
    #[arg(value_name = "FILE")]
    file: String,
}

/// What stands in front of every Merkle row's name.
const PREFIX: &str = "merkle-";

/// Parses the name of a rule that has roots.
fn rules() -> impl TypedValueParser<Value = &'static Operation> {
    let rows = || Operation::of_kind(Kind::Merkle).filter(|operation| !operation.values.is_empty());
    let short = |operation: &&'static Operation| operation.name.strip_prefix(PREFIX).unwrap_or(operation.name);
    PossibleValuesParser::new(rows().map(move |operation| short(&operation)).collect::<Vec<_>>())
        .map(move |name| rows().find(|operation| short(operation) == name).expect("one of the names just listed"))
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(match args.command {
        Command::Root(args) => root(&args),
        Command::Prove(args) => make_proof(&args),
        Command::Verify(args) => verify::execute(&args),
    })
}

/// A named hash, one input after another.
struct Named(Row);

impl Named {
    fn new(hash: Hash) -> Self {
        let row = match hash {
            Hash::Sha256 => Row::Sha256,
            Hash::Sha256d => Row::Sha256d,
            Hash::Sha3_256 => Row::Sha3_256,
            Hash::Keccak256 => Row::Keccak256,
            Hash::Blake2b256 => Row::Blake2b256,
            Hash::Sm3 => Row::Sm3,
        };
        Self(row)
    }
}

impl HashMany for Named {
    fn hash_many(&self, inputs: Inputs<'_>, digests: &mut Vec<[u8; 32]>) {
        digests.extend(inputs.iter().map(|input| {
            let mut hasher = Hasher::new(self.0).expect("a digest row");
            hasher.update(input);
            <[u8; 32]>::try_from(hasher.finish()).expect("each of these hashes has 32 bytes")
        }));
    }
}

impl TreeArgs {
    /// The rule's parameters: the hash that was named, or its own first.
    fn parameters(&self) -> Result<Parameters, CliError> {
        let Messages::Leaves(allowed) = self.rule.messages else {
            return Err(CliError::usage("this rule has no leaves", "name another --rule"));
        };
        // Bitcoin's tree is the one whose own hash is not the first that the rule takes.
        let own = if self.rule.row == Row::MerkleDuplicateLast { Some(&Hash::Sha256d) } else { allowed.first() };
        let hash = self.hash.or(own.copied());
        let parameters = Parameters { hash, ..Parameters::default() };
        super::verify::check(self.rule, &parameters)?;
        Ok(parameters)
    }
}

#[derive(Serialize)]
struct RootLine {
    rule: &'static str,
    hash: &'static str,
    leaves: usize,
    root: String,
}

fn root(args: &RootArgs) -> Result<u8, CliError> {
    let parameters = args.tree.parameters()?;
    let hash = parameters.hash.expect("a Merkle rule's hash");
    let leaves = leaves::read(&args.file)?;
    let operation = args.tree.rule;
    let bytes = leaves.iter().map(Vec::len).sum::<usize>();
    // A tree that does not fit a request is computed here, by the same libraries as the backend `reference`.
    let fits = leaves.len() <= ITEMS_MAX as usize && bytes + 8 * leaves.len() + 4_096 <= BODY_BYTES_MAX as usize;
    let root = if fits {
        let source = Source::open(&args.source, operation)?;
        let mut builder = ColumnsBuilder::new(operation);
        builder.push_group(0, &[], &[], &leaves.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let columns = builder.build().map_err(|error| CliError::usage(error.to_string(), "give fewer leaves"))?;
        let answer = source.submit(columns, &parameters).wait()?;
        source.close();
        match answer.verdict(0) {
            Verdict::Valid => Ok(answer.value(0).to_vec()),
            verdict => Err(verdict),
        }
    } else if args.source.nodes.connect.is_empty() {
        Trees::new()
            .root(operation.row, &Named::new(hash), leaves.as_slice())
            .map(|root| root.to_vec())
            .map_err(Verdict::Invalid)
    } else {
        return Err(CliError::usage(
            format!("{} leaves of {bytes} bytes do not fit a request", leaves.len()),
            "leave out --connect to compute the root here",
        ));
    };
    match root {
        Ok(root) => {
            let root = hex::encode(root);
            let line = RootLine { rule: operation.name, hash: hash.name(), leaves: leaves.len(), root: root.clone() };
            let text = if args.json { serde_json::to_string(&line).expect("text and numbers") } else { root };
            writeln!(io::stdout().lock(), "{text}")?;
            Ok(EXIT_OK)
        }
        Err(verdict) => {
            let why = verdict.detail().unwrap_or("no reason");
            complain(&format!("{}: {} has no root for these leaves: {why}", args.file, operation.name));
            Ok(EXIT_UNEXPECTED)
        }
    }
}

fn make_proof(args: &ProveArgs) -> Result<u8, CliError> {
    let parameters = args.tree.parameters()?;
    let hash = parameters.hash.expect("a Merkle rule's hash");
    let leaves = leaves::read(&args.file)?;
    let named = Named::new(hash);
    let row = args.tree.rule.row;
    let made = match (args.index, args.older) {
        (Some(index), _) => prove(row, &named, leaves.as_slice(), index),
        (None, Some(older)) if row == Row::MerkleRfc6962 => prove_consistency(&named, leaves.as_slice(), older),
        (None, _) => {
            return Err(CliError::usage("--older is for --rule rfc6962", "give --index"));
        }
    };
    let made: Proof = made.map_err(|error| {
        let remedy = match error {
            ProveError::NoProofs(_) => "name another --rule".to_owned(),
            ProveError::NoSuchLeaf { leaves, .. } => format!("the file has {leaves} leaves, counted from 0"),
            ProveError::Leaves(_) => "leaves of this rule are 32 bytes, and no value of a trie is empty".to_owned(),
        };
        CliError::usage(error.to_string(), remedy)
    })?;
    writeln!(io::stdout().lock(), "{}", proof::Line::of(&made, hash).json())?;
    Ok(EXIT_OK)
}
