//! Files and directories to names and digests: many in one request, through the engine or nodes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use assay_chain::evidence::receipt::{DOCUMENTS_MAX, line};
use assay_chain::evidence::tree::DocumentHash;
use assay_chain::{Claim, Collector};
use assay_core::stream::Hasher;
use assay_scheme::limits::BODY_BYTES_MAX;
use assay_scheme::{Parameters, Row};

use crate::cli::chain::verifier::SourceVerifier;
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::source::{Source, SourceArgs};
use crate::cli::table::commas;

/// Directories inside one another that are walked into.
const DEPTH_MAX: usize = 64;
/// Bytes of a document that is one item: what a request may hold, less its offsets and padding.
const ITEM_BYTES_MAX: usize = BODY_BYTES_MAX as usize - 4_096;

/// A document to be hashed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// Its name in a receipt: below a directory that was named, the way from there; else the file's own name.
    pub(super) name: String,
    path: PathBuf,
    bytes: u64,
}

/// What was learnt of a document: size and digest, or why not.
pub(super) type Learnt = Result<(u64, [u8; 32]), String>;

/// The documents behind these names, ordered by name. `but` are files of ours that are no documents.
///
/// # Errors
/// When a directory cannot be listed, a name cannot stand in a receipt or stands twice, or there are too many.
pub(super) fn find(names: &[PathBuf], but: &[&Path]) -> Result<Vec<Document>, CliError> {
    let but: HashSet<PathBuf> = but.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let mut found = Vec::new();
    for name in names {
        if name.is_dir() {
            walk(name, "", 0, &mut found)?;
        } else {
            let own = name.file_name().map(PathBuf::from).unwrap_or_default();
            add(text(&own)?.to_owned(), name.clone(), &mut found)?;
        }
    }
    if !but.is_empty() {
        found.retain(|document| !fs::canonicalize(&document.path).is_ok_and(|path| but.contains(&path)));
    }
    if found.is_empty() {
        return Err(CliError::usage(
            "there are no documents in what was named",
            "name files, or directories that have some",
        ));
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if let Some(twice) = found.windows(2).find(|two| two[0].name == two[1].name) {
        let [first, second] = [&twice[0], &twice[1]].map(|document| document.path.display());
        let what = format!("{first} and {second} would have one name in the receipt, {}", twice[0].name);
        return Err(CliError::usage(what, "name the directory above them"));
    }
    Ok(found)
}

fn text(path: &Path) -> Result<&str, CliError> {
    let text = path.to_str().filter(|text| line("the name", text).is_ok());
    text.ok_or_else(|| CliError::usage(format!("{path:?} cannot be a name in a receipt"), "rename the file"))
}

fn add(name: String, path: PathBuf, found: &mut Vec<Document>) -> Result<(), CliError> {
    if found.len() == DOCUMENTS_MAX {
        return Err(CliError::usage(
            format!("more than {} documents", commas(DOCUMENTS_MAX as u64)),
            "make several receipts",
        ));
    }
    // A file that is not there has no size, and is said when it is read.
    let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    found.push(Document { name, path, bytes });
    Ok(())
}

/// Symbolic links are followed to files and not to directories, which may close on themselves.
fn walk(directory: &Path, below: &str, depth: usize, found: &mut Vec<Document>) -> Result<(), CliError> {
    let unread = |source| CliError::Read { path: directory.display().to_string(), source };
    if depth == DEPTH_MAX {
        return Err(unread(io::Error::other(format!("more than {DEPTH_MAX} directories inside one another"))));
    }
    for entry in fs::read_dir(directory).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let own = PathBuf::from(entry.file_name());
        let name = if below.is_empty() { text(&own)?.to_owned() } else { format!("{below}/{}", text(&own)?) };
        if entry.file_type().map_err(unread)?.is_dir() {
            walk(&entry.path(), &name, depth + 1, found)?;
        } else if !entry.path().is_dir() {
            text(Path::new(&name))?;
            add(name, entry.path(), found)?;
        }
    }
    Ok(())
}

/// Hashes documents, in their order. A document that fits no request is hashed here, unless nodes were named.
pub(super) fn hash(
    documents: &[Document],
    hash: DocumentHash,
    args: &SourceArgs,
    source: &Source,
) -> Result<(Vec<Learnt>, u64), CliError> {
    let row = match hash {
        DocumentHash::Sha256 => Row::Sha256,
        DocumentHash::Sm3 => Row::Sm3,
    };
    let here = args.nodes.connect.is_empty();
    let mut progress = Progress::new(Some(documents.iter().map(|document| document.bytes).sum()), false);
    let verifier = SourceVerifier::new(source, |_| {});
    let mut collector = Collector::new(&verifier);
    let mut asked: Vec<Result<(u64, Asked), String>> = Vec::with_capacity(documents.len());
    let mut done = 0;
    for (place, document) in documents.iter().enumerate() {
        let one = read(document, row, here).map(|(bytes, read)| match read {
            Content::Whole(message) => {
                let claim = collector.push(row, &Parameters::default(), 0, &[], &[], &message);
                (bytes, Asked::Claim(claim))
            }
            Content::Digest(digest) => (bytes, Asked::Digest(digest)),
        });
        asked.push(one);
        done += document.bytes;
        progress.set(done, || format!("{} of {} documents", commas(place as u64 + 1), commas(documents.len() as u64)));
    }
    collector.settle();
    progress.finish();
    let learnt = asked.into_iter().map(|one| {
        let (bytes, asked) = one?;
        let digest = match asked {
            Asked::Digest(digest) => Some(digest),
            Asked::Claim(claim) => collector.value(claim, 32).and_then(|value| value.try_into().ok()),
        };
        let fault = || collector.fault().map_or_else(|| "no answer".to_owned(), ToString::to_string);
        digest.map(|digest| (bytes, digest)).ok_or_else(fault)
    });
    let learnt = learnt.collect();
    let requests = verifier.tally().requests;
    Ok((learnt, requests))
}

enum Asked {
    Claim(Claim),
    Digest([u8; 32]),
}

enum Content {
    Whole(Vec<u8>),
    Digest([u8; 32]),
}

fn read(document: &Document, row: Row, here: bool) -> Result<(u64, Content), String> {
    let failed = |error: io::Error| format!("cannot read it: {error}");
    let mut file = File::open(&document.path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref().take(ITEM_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() <= ITEM_BYTES_MAX {
        return Ok((bytes.len() as u64, Content::Whole(bytes)));
    }
    let Some(mut hasher) = Hasher::new(row).filter(|_| here) else {
        return Err(format!("larger than the {ITEM_BYTES_MAX} bytes of an item; leave out --connect"));
    };
    let mut len = 0;
    while !bytes.is_empty() {
        hasher.update(&bytes);
        len += bytes.len() as u64;
        bytes.clear();
        file.by_ref().take(ITEM_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
    }
    let digest = hasher.finish();
    Ok((len, Content::Digest(digest.as_slice().try_into().map_err(|_| "a digest of another length".to_owned())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_way_from_the_directory_that_was_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("archive/b")).expect("folders");
        for file in ["archive/z", "archive/b/y", "archive/receipt.json", "x"] {
            fs::write(at(file), file).expect("written");
        }
        let found = find(&[at("archive"), at("x")], &[&at("archive/receipt.json")]).expect("three");
        let names: Vec<_> = found.iter().map(|document| (&document.name[..], document.bytes)).collect();
        assert_eq!(names, [("b/y", 11), ("x", 1), ("z", 9)]);
        let error = find(&[at("archive"), at("archive/z")], &[]).expect_err("z twice").to_string();
        assert!(error.contains("one name"), "{error}");
        fs::create_dir(at("empty")).expect("a folder");
        assert!(find(&[at("empty")], &[]).is_err());
    }
}
