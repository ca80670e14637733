//! `assay digest`: files, or messages in JSON lines, to digests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};

use assay_core::stream::Hasher;
use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::limits::BODY_BYTES_MAX;
use assay_scheme::{Kind, Operation, Parameters, Verdict};
use serde::Serialize;

use super::checklist::{self, escape};
use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, complain, finish};
use super::input::{Line, Lines};
use super::items::{Expect, Item};
use super::progress::Progress;
use super::report::{Judged, Style};
use super::source::{Source, SourceArgs, backend_name, operations};
use super::stream::{Job, Landed, Pipeline, Sink};
use super::verify::execute_lines;

const EXAMPLE: &str = "\
Files up to 16 MB go through the engine or the nodes, many in one request. A larger file does not fit a request: \
it is hashed here piece by piece, by the same libraries as the backend `reference`; with --connect, or a demand \
for another backend, it is an error.

With --lines the file holds one JSON object a line, bytes in hex:
  {\"message\":\"…\",\"expect\":\"…\"}

Exit codes: 0 every file read (and as listed), 1 one is not as listed, 2 usage or a file that cannot be read.

Examples:
  assay digest --algorithm sm3 block-*.bin > SM3SUMS
  assay digest --algorithm sm3 --check SM3SUMS
  assay digest --algorithm keccak256 --lines --json leaves.jsonl";

/// Bytes of a file that is one item: what a request may hold, less its offsets and padding.
const FILE_BYTES_MAX: usize = BODY_BYTES_MAX as usize - 4_096;

/// Arguments of `assay digest`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The hash function
    #[arg(long, short, value_name = "ALGORITHM", value_parser = operations(&[Kind::Digest]))]
    algorithm: &'static Operation,
    /// The files are lists of digests and names, as this command prints them: check each
    #[arg(long, conflicts_with = "lines")]
    check: bool,
    /// The file holds JSON lines, one message each
    #[arg(long)]
    lines: bool,
    /// With --check, name only the files that are not as listed
    #[arg(long, requires = "check")]
    quiet: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// Print a JSON object for each item, and one for all of them
    #[arg(long)]
    json: bool,
    /// With --lines, list every unexpected item and malformed line, not only the first of them
    #[arg(long, requires = "lines")]
    all: bool,
    /// The files; - is the standard input, and also what is read where none is named
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<OsString>,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let encoder = Encoder::new(args.algorithm, SignatureFormat::Raw).expect("every row takes the column's own form");
    let parameters = Parameters::default();
    let job = Job { encoder, parameters: &parameters };
    if args.lines {
        let [file] = args.files.as_slice() else {
            return Err(CliError::usage("--lines reads one file", "give one, or - for the standard input"));
        };
        let style = if args.json { Style::Json } else { Style::Values };
        return execute_lines(job, &file.to_string_lossy(), &args.source, style, args.all, "digest");
    }
    let source = Source::open(&args.source, args.algorithm)?;
    let mut files = Files::new(args, job, &source);
    if args.check {
        args.files.iter().try_for_each(|list| files.check(list))?;
    } else {
        args.files.iter().try_for_each(|file| files.add(file.as_encoded_bytes().to_vec(), None))?;
    }
    let code = files.finish()?;
    source.close();
    Ok(code)
}

/// A file's name, and the digest it should have.
struct FileTag {
    name: Vec<u8>,
    expect: Option<Vec<u8>>,
    /// Why it was not read.
    unread: Option<String>,
}

#[derive(Serialize)]
struct FileLine<'a> {
    name: &'a str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    items: u64,
    mismatches: u64,
    not_evaluated: u64,
    unreadable: u64,
    seconds: f64,
    backends: BTreeMap<String, u64>,
}

/// Files on their way to digests, in order.
struct Files<'a> {
    pipeline: Pipeline<'a, FileTag>,
    printer: Printer,
    /// Whether a file too large for an item may be hashed here.
    here: bool,
    operation: &'static Operation,
}

impl<'a> Files<'a> {
    fn new(args: &Args, job: Job<'a>, source: &'a Source) -> Self {
        use assay_core::{BackendName, Choice};
        let reference = matches!(args.source.backend, Choice::Auto | Choice::Only(BackendName::Reference));
        Self {
            pipeline: Pipeline::new(job, source),
            printer: Printer {
                json: args.json,
                check: args.check,
                quiet: args.quiet,
                summary: Summary {
                    items: 0,
                    mismatches: 0,
                    not_evaluated: 0,
                    unreadable: 0,
                    seconds: 0.0,
                    backends: BTreeMap::new(),
                },
                progress: Progress::new(None, true),
                start: std::time::Instant::now(),
            },
            here: reference && args.source.nodes.connect.is_empty(),
            operation: args.algorithm,
        }
    }

    /// Reads a list of digests and names, and adds each file in it.
    fn check(&mut self, list: &OsString) -> Result<(), CliError> {
        let mut lines = Lines::open(&list.to_string_lossy())?;
        let width = self.operation.value_width(self.pipeline.parameters().output).unwrap_or(0);
        let mut entries = 0_u64;
        loop {
            let entry = match lines.next_line()? {
                None => break,
                Some(Line::TooLong(number)) => Err(format!("line {number}: too long")),
                Some(Line::Text(number, text)) => {
                    checklist::parse(text, width).map_err(|why| format!("line {number}: {why}"))
                }
            };
            entries += 1;
            match entry {
                Ok((digest, name)) => self.add(name, Some(digest))?,
                Err(why) => {
                    self.printer.summary.unreadable += 1;
                    complain(&format!("{}: {why}", lines.name));
                }
            }
        }
        if entries == 0 {
            return Err(CliError::NoEntries { path: lines.name });
        }
        Ok(())
    }

    /// Adds a file.
    fn add(&mut self, name: Vec<u8>, expect: Option<Vec<u8>>) -> Result<(), CliError> {
        let tag = FileTag { name, expect, unread: None };
        let opened = open(&tag.name).and_then(|mut file| {
            let mut bytes = Vec::new();
            file.by_ref().take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
            Ok((file, bytes))
        });
        match opened {
            Err(error) => self.unread(tag, format!("cannot read it: {error}")),
            Ok((file, bytes)) if bytes.len() > FILE_BYTES_MAX => self.large(tag, bytes, file),
            Ok((_, bytes)) => {
                let item = Item {
                    keys: Vec::new(),
                    signature: Vec::new(),
                    messages: vec![bytes],
                    expect: Expect::Valid(true),
                };
                match self.pipeline.item(tag, &item, &mut self.printer)? {
                    None => Ok(()),
                    Some(tag) => self.unread(tag, "larger than a request may be".to_owned()),
                }
            }
        }
    }

    /// A file that is no item: hashed here, after everything before it.
    fn large(&mut self, tag: FileTag, mut bytes: Vec<u8>, mut rest: impl Read) -> Result<(), CliError> {
        let Some(mut hasher) = Hasher::new(self.operation.row).filter(|_| self.here) else {
            let why = format!("larger than the {FILE_BYTES_MAX} bytes of an item; leave out --connect and --backend");
            return self.unread(tag, why);
        };
        self.pipeline.drain(&mut self.printer)?;
        let mut done = 0_u64;
        while !bytes.is_empty() {
            hasher.update(&bytes);
            done += bytes.len() as u64;
            self.printer.progress.set(done, || format!("{} ({} MB)", escape(&tag.name).0, done / 1_000_000));
            bytes.clear();
            if let Err(error) = rest.by_ref().take(1 << 20).read_to_end(&mut bytes) {
                return self.unread(tag, format!("cannot read it: {error}"));
            }
        }
        *self.printer.summary.backends.entry(backend_name(0)).or_default() += 1;
        self.printer.print(tag, Verdict::Valid.into(), &hasher.finish())
    }

    fn unread(&mut self, tag: FileTag, why: String) -> Result<(), CliError> {
        self.pipeline.note(FileTag { unread: Some(why), ..tag }, &mut self.printer)
    }

    fn finish(mut self) -> Result<u8, CliError> {
        self.pipeline.drain(&mut self.printer)?;
        self.printer.finish()
    }
}

/// The standard input for `-`, else the file of that name.
fn open(name: &[u8]) -> io::Result<Box<dyn Read>> {
    if name == b"-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let path = checklist::path(name)?;
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(Box::new(File::open(path)?))
}

/// Digests to lines.
struct Printer {
    json: bool,
    check: bool,
    quiet: bool,
    summary: Summary,
    progress: Progress,
    start: std::time::Instant,
}

impl Sink<FileTag> for Printer {
    fn land(&mut self, chunk: Landed<FileTag>) -> Result<(), CliError> {
        if let Some(Ok(answer)) = &chunk.answer {
            for (number, items) in answer.backends.iter().enumerate().filter(|(_, items)| **items > 0) {
                *self.summary.backends.entry(backend_name(number)).or_default() += u64::from(*items);
            }
        }
        for (tag, place) in chunk.slots {
            match (place, &chunk.answer) {
                (Some(place), Some(Ok(answer))) => {
                    self.print(tag, answer.verdict(place).into(), answer.value(place))?;
                }
                (Some(_), Some(Err(error))) => {
                    let tag = FileTag { unread: Some(error.to_string()), ..tag };
                    self.print(tag, Judged::unanswered(error), &[])?;
                }
                _ => self.print_unread(&tag)?,
            }
        }
        Ok(())
    }
}

impl Printer {
    /// A file's digest, or how it compares.
    fn print(&mut self, tag: FileTag, judged: Judged, value: &[u8]) -> Result<(), CliError> {
        self.summary.items += 1;
        let (name, escaped) = escape(&tag.name);
        let mark = if escaped { "\\" } else { "" };
        if !judged.verdict.is_valid() {
            self.summary.not_evaluated += 1;
            let why = tag.unread.clone().unwrap_or_else(|| judged.detail.unwrap_or("no answer").to_owned());
            complain(&format!("{name}: not evaluated: {why}"));
            return self.line(&tag.name, "not-evaluated", None, Some(&why), "");
        }
        let value = hex::encode(value);
        let Some(expect) = &tag.expect else {
            return self.line(&tag.name, "valid", Some(value.clone()), None, &format!("{mark}{value}  {name}\n"));
        };
        if hex::encode(expect) == value {
            let words = if self.quiet { String::new() } else { format!("{mark}{name}: OK\n") };
            return self.line(&tag.name, "ok", Some(value), None, &words);
        }
        self.summary.mismatches += 1;
        self.line(&tag.name, "failed", Some(value), None, &format!("{mark}{name}: FAILED\n"))
    }

    fn print_unread(&mut self, tag: &FileTag) -> Result<(), CliError> {
        self.summary.unreadable += 1;
        let (name, escaped) = escape(&tag.name);
        let why = tag.unread.as_deref().unwrap_or("not read");
        complain(&format!("{name}: {why}"));
        let mark = if escaped { "\\" } else { "" };
        let words = if self.check { format!("{mark}{name}: FAILED open or read\n") } else { String::new() };
        self.line(&tag.name, "unreadable", None, Some(why), &words)
    }

    fn line(
        &mut self,
        name: &[u8],
        verdict: &'static str,
        value: Option<String>,
        error: Option<&str>,
        words: &str,
    ) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        if self.json {
            // JSON is text: bytes of a name that are not become replacement marks.
            let name = &String::from_utf8_lossy(name);
            let mut text = serde_json::to_vec(&FileLine { name, verdict, value, error }).expect("strings are JSON");
            text.push(b'\n');
            out.write_all(&text)?;
        } else {
            out.write_all(words.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<u8, CliError> {
        self.progress.finish();
        self.summary.seconds = self.start.elapsed().as_secs_f64();
        let mut out = io::stdout().lock();
        if self.json {
            let mut text = serde_json::to_vec(&self.summary).expect("numbers and string keys are JSON");
            text.push(b'\n');
            out.write_all(&text)?;
        } else if self.check && self.summary.mismatches > 0 {
            complain(&format!("{} of {} digests do not match", self.summary.mismatches, self.summary.items));
        }
        out.flush()?;
        Ok(match (self.summary.unreadable, self.summary.mismatches + self.summary.not_evaluated) {
            (0, 0) => EXIT_OK,
            (0, _) => EXIT_UNEXPECTED,
            _ => EXIT_USAGE,
        })
    }
}
