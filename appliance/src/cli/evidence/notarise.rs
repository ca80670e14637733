//! `assay evidence notarise`: documents into a signed receipt, and a page for people.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use assay_chain::evidence::key::Scheme;
use assay_chain::evidence::page::{Headline, Row, Standing, page, time};
use assay_chain::evidence::receipt::{Bytes, Digest, Document, FORMAT, Notary, Receipt, TREE, line};
use assay_chain::evidence::tree::DocumentHash;
use assay_scheme::Parameters;
use serde::Serialize;

use super::sign::Signatory;
use super::{documents, write_file};
use crate::cli::error::{CliError, EXIT_OK, EXIT_USAGE, complain};
use crate::cli::source::{Source, SourceArgs};
use crate::cli::table::commas;

const EXAMPLES: &str = "\
A directory stands for every file below it, hidden ones too; a document's name in the receipt is its way from there. Digests are \
the leaves of an RFC 6962 tree; the notary signs the root with count, hash, account, business id and time, and beside that \
account, business id and time alone, as court evidence services ask for it.

Documents up to 16 MB go through the engine or the nodes, many in one request; a larger one is hashed here, and with \
--connect is an error. Nothing is written unless every document was hashed.

Exit codes: 0 the receipt is written, 2 usage or a document that cannot be read.

Examples:
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out notary.pem && chmod 600 notary.pem
  assay evidence notarise --notary-key notary.pem --account court-7 --business-id case-2041 \\
    --receipt case.json --report case.html archive/
  assay evidence notarise --notary-key sm2.pem --hash sm3 --account a --business-id b --receipt r.json contract.pdf";

/// Arguments of `assay evidence notarise`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// PEM file of the notary's private key, RSA-2048 or SM2, which its owner alone may read
    #[arg(long, value_name = "FILE")]
    notary_key: PathBuf,
    /// The hash of documents and tree
    #[arg(long, value_name = "HASH", default_value = "sha256", value_parser = hashes())]
    hash: DocumentHash,
    /// Whose account
    #[arg(long, value_name = "TEXT")]
    account: String,
    /// Which matter
    #[arg(long, value_name = "TEXT")]
    business_id: String,
    /// When, in milliseconds since 1970; now, where it is not given
    #[arg(long, value_name = "MS")]
    time_ms: Option<u64>,
    /// SM2's user id
    #[arg(long, value_name = "TEXT")]
    user_id: Option<String>,
    /// Where the receipt goes
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// Where a page for people goes, HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object in place of words
    #[arg(long)]
    json: bool,
    /// Documents and directories
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

fn hashes() -> impl clap::builder::TypedValueParser<Value = DocumentHash> {
    use clap::builder::TypedValueParser;
    let known = [DocumentHash::Sha256, DocumentHash::Sm3];
    clap::builder::PossibleValuesParser::new(known.map(DocumentHash::name))
        .map(move |name| known.into_iter().find(|hash| hash.name() == name).expect("one of the names just listed"))
}

#[derive(Serialize)]
struct Summary<'a> {
    documents: u64,
    bytes: u64,
    root: Digest,
    receipt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
    requests: u64,
    seconds: f64,
}

/// Runs the command.
pub(super) fn execute(args: &Args) -> Result<u8, CliError> {
    let start = Instant::now();
    let usage = |why: String| CliError::usage(why, "give a line of text");
    line("--account", &args.account).map_err(usage)?;
    line("--business-id", &args.business_id).map_err(usage)?;
    let signatory = Signatory::read(&args.notary_key)?;
    let default_id = std::str::from_utf8(Parameters::USER_ID_DEFAULT).expect("digits");
    let user_id = args.user_id.as_deref().unwrap_or(default_id);
    if args.user_id.is_some() && signatory.scheme() == Scheme::Rsa {
        return Err(CliError::usage("--user-id is SM2's, and the key is RSA's", "leave it out"));
    }
    let but: Vec<_> = std::iter::once(&args.receipt).chain(&args.report).map(PathBuf::as_path).collect();
    let found = documents::find(&args.files, &but)?;
    let source = Source::open_any(&args.source)?;
    let (learnt, requests) = documents::hash(&found, args.hash, &args.source, &source)?;
    source.close();
    let mut listed = Vec::with_capacity(found.len());
    let mut failed = 0_usize;
    for (document, learnt) in found.into_iter().zip(learnt) {
        match learnt {
            Ok((bytes, digest)) => listed.push(Document { name: document.name, bytes, digest: Digest(digest) }),
            Err(why) => {
                failed += 1;
                complain(&format!("{}: {why}", document.name));
            }
        }
    }
    if failed > 0 {
        complain(&format!("{} documents have no digest, so that nothing was signed", commas(failed as u64)));
        return Ok(EXIT_USAGE);
    }
    let receipt = signed(args, &signatory, user_id, listed)?;
    write_file(&args.receipt, &receipt.to_json())?;
    if let Some(report) = &args.report {
        let rows: Vec<_> = receipt.listed().iter().map(listed_row).collect();
        write_file(report, &page(&receipt, &Headline::Notarised, &rows))?;
    }
    say(args, &receipt, requests, start)?;
    Ok(EXIT_OK)
}

fn listed_row(document: &Document) -> Row {
    let known = Some((document.bytes, document.digest.0));
    Row { name: document.name.clone(), known, standing: Standing::Listed }
}

fn signed(args: &Args, signatory: &Signatory, user_id: &str, listed: Vec<Document>) -> Result<Receipt, CliError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let digests: Vec<_> = listed.iter().map(|document| document.digest.0).collect();
    let mut receipt = Receipt {
        format: FORMAT.to_owned(),
        hash: args.hash,
        tree: TREE.to_owned(),
        count: listed.len() as u64,
        root: Digest(args.hash.root(&digests).expect("find gives a document at least")),
        notary: Notary {
            scheme: signatory.scheme(),
            public_key: Bytes(signatory.public.spki.clone()),
            user_id: args.user_id.as_ref().map(|id| Bytes(id.clone().into_bytes())),
            account: args.account.clone(),
            business_id: args.business_id.clone(),
            time_ms: args.time_ms.unwrap_or(now),
            signature: Bytes::default(),
            authorisation: Bytes::default(),
        },
        documents: Some(listed),
        inclusion: None,
    };
    receipt.notary.signature = Bytes(signatory.sign(&receipt.statement(), user_id)?);
    receipt.notary.authorisation = Bytes(signatory.sign(&receipt.authorisation_message(), user_id)?);
    Ok(receipt)
}

fn say(args: &Args, receipt: &Receipt, requests: u64, start: Instant) -> Result<(), CliError> {
    let bytes = receipt.listed().iter().map(|document| document.bytes).sum();
    let seconds = start.elapsed().as_secs_f64();
    let mut out = io::stdout().lock();
    if args.json {
        let path = args.receipt.display().to_string();
        let report = args.report.as_ref().map(|report| report.display().to_string());
        let report = report.as_deref();
        let summary =
            Summary { documents: receipt.count, bytes, root: receipt.root, receipt: &path, report, requests, seconds };
        writeln!(out, "{}", serde_json::to_string(&summary).expect("text and numbers"))?;
        return Ok(());
    }
    writeln!(out, "notarised: {} documents, {} bytes", commas(receipt.count), commas(bytes))?;
    writeln!(out, "root:      {} ({}, RFC 6962)", hex::encode(receipt.root.0), receipt.hash.name())?;
    writeln!(out, "signed:    {} by {}", time(receipt.notary.time_ms), receipt.notary.scheme.name())?;
    writeln!(out, "receipt:   {}", args.receipt.display())?;
    if let Some(report) = &args.report {
        writeln!(out, "report:    {}", report.display())?;
    }
    writeln!(out, "{seconds:.3} s, {} requests", commas(requests))?;
    Ok(())
}
