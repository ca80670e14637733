//! Files and directories to bytes, one file after another.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;

/// Bytes of one file. Larger: a file that is no chain's fills the memory. Smaller: files of a whole era are refused.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Directories inside one another that are walked into. Larger: a tree that closes on itself is walked for longer.
const DEPTH_MAX: usize = 32;
/// Files of one run. Larger: their names alone fill the memory.
const FILES_MAX: usize = 1 << 22;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As the user named it, or as its directory was named with its own name behind.
    pub(super) name: String,
    /// `None` is the standard input.
    path: Option<PathBuf>,
    /// Its size, as far as it is known.
    pub(super) bytes: u64,
}

/// The files behind these names: files as they are, directories as the files below them in the order of their names. What a
/// directory hides with a dot in front, and symbolic links to directories inside one, are passed over.
///
/// # Errors
/// When a directory cannot be listed, or there are too many files. A file that is not there is not an error here: it is
/// one when it is read.
pub(super) fn find(names: &[PathBuf]) -> Result<Vec<Found>, CliError> {
    let mut found = Vec::new();
    for name in names {
        if name.as_os_str() == "-" {
            found.push(Found { name: "the standard input".to_owned(), path: None, bytes: 0 });
        } else if name.is_dir() {
            walk(name, 0, &mut found)?;
        } else {
            found.push(Found::of(name.clone()));
        }
    }
    Ok(found)
}

fn walk(directory: &Path, depth: usize, found: &mut Vec<Found>) -> Result<(), CliError> {
    let unread = |source| CliError::Read { path: directory.display().to_string(), source };
    if depth == DEPTH_MAX {
        return Err(unread(io::Error::other(format!("more than {DEPTH_MAX} directories inside one another"))));
    }
    let mut entries = fs::read_dir(directory).map_err(unread)?.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        let kind = entry.file_type().map_err(unread)?;
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() || entry.path().is_file() {
            if found.len() == FILES_MAX {
                return Err(CliError::usage(format!("more than {FILES_MAX} files"), "name fewer at once"));
            }
            found.push(Found::of(entry.path()));
        }
    }
    Ok(())
}

impl Found {
    fn of(path: PathBuf) -> Self {
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Self { name: path.display().to_string(), path: Some(path), bytes }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// Why they cannot be had, in words.
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        let read = match &self.path {
            None => bounded(io::stdin().lock(), 0),
            Some(path) => File::open(path).and_then(|file| bounded(file, self.bytes)),
        };
        read.map_err(|error| error.to_string())
    }
}

/// A whole file, given as an option or as all there is; `-` is the standard input.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn option_file(path: &Path) -> Result<(String, Vec<u8>), CliError> {
    let name = path.display().to_string();
    let bytes = if path.as_os_str() == "-" {
        bounded(io::stdin().lock(), 0)
    } else {
        File::open(path).and_then(|file| bounded(file, 0))
    };
    bytes.map(|bytes| (name.clone(), bytes)).map_err(|source| CliError::Read { path: name, source })
}

fn bounded(from: impl Read, expected: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(expected.min(FILE_BYTES_MAX) as usize);
    from.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("larger than the {FILE_BYTES_MAX} bytes a file may have")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_their_files_in_order_and_hidden_ones_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("b")).expect("a folder");
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        for file in ["c", "b/2", "b/10", "a", ".hidden", ".git/x"] {
            fs::write(folder.path().join(file), file).expect("a file");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).expect("a link");
        let missing = folder.path().join("missing");
        let found = find(&[folder.path().to_owned(), missing, "-".into()]).expect("found");
        let base = format!("{}/", folder.path().display());
        let names: Vec<_> = found.iter().map(|file| file.name.replace(&base, "")).collect();
        assert_eq!(names, ["a", "b/10", "b/2", "c", "missing", "the standard input"]);
        assert_eq!(found[1].read(), Ok(b"b/10".to_vec()));
        assert_eq!(found[1].bytes, 4);
        assert!(found[4].read().is_err());
    }
}
