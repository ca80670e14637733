//! What is wrong with a configuration, said to the person who wrote it: file, line, key, and what would be right.

use std::fmt;
use std::path::PathBuf;

/// A configuration that does not hold. Every variant stops the start, and a reload keeps the configuration it had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {why}; name another file with --config, or write one from `assay config default`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser expected.
        why: String,
    },
    /// One or several keys are wrong; one line each.
    #[error("{}", lines(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
    /// The checked table does not fit the types it is read into: a key is missing its rule.
    #[error("{}: {why}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        why: String,
    },
}

fn lines(path: &std::path::Path, problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&path.display().to_string());
        if let Some(line) = problem.line {
            text.push_str(&format!(":{line}"));
        }
        text.push_str(&format!(": {problem}"));
    }
    text
}

/// One key that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line it stands in, from 1; `None` where the default was not overridden.
    pub line: Option<usize>,
    /// The dotted key.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No such key.
    Unknown {
        /// The known key most like it.
        nearest: String,
    },
    /// The value is of another type.
    Type {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The number is too small or too large.
    Range {
        /// The number.
        value: i64,
        /// The smallest permitted.
        min: i64,
        /// The largest permitted.
        max: i64,
    },
    /// Not one of the words permitted.
    Word {
        /// The word.
        value: String,
        /// Those permitted.
        allowed: &'static [&'static str],
    },
    /// Not an address.
    Address {
        /// The text.
        value: String,
    },
    /// A list has too few or too many entries, or one twice.
    List {
        /// What would be right.
        wanted: &'static str,
    },
    /// A text is too long or empty.
    Text {
        /// What would be right.
        wanted: String,
    },
    /// A tenant's name is not one.
    TenantName,
    /// Two keys contradict each other.
    Relation {
        /// The value.
        value: u64,
        /// What it must be, seen from this key: "at most", "at least" or "less than".
        must: &'static str,
        /// The other key.
        other: String,
        /// Its value.
        other_value: u64,
        /// What would go wrong.
        because: &'static str,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.fault {
            Fault::Unknown { nearest } => write!(f, "unknown key {key}; the nearest known one is {nearest}"),
            Fault::Type { expected, found } => write!(f, "{key} must be {expected}, not {found}"),
            Fault::Range { value, min, max } => write!(f, "{key} = {value} is outside of {min} to {max}"),
            Fault::Word { value, allowed } => {
                write!(f, "{key} = \"{value}\" is not one of \"{}\"", allowed.join("\", \""))
            }
            Fault::Address { value } => {
                write!(f, "{key} = \"{value}\" is not an address and port, as \"127.0.0.1:4464\" or \"[::1]:4464\" is")
            }
            Fault::List { wanted } => write!(f, "{key} must have {wanted}"),
            Fault::Text { wanted } => write!(f, "{key} must be {wanted}"),
            Fault::TenantName => write!(f, "{key}: a tenant's name is 1 to 32 of a-z, 0-9 and -"),
            Fault::Relation { value, must, other, other_value, because } => {
                write!(f, "{key} = {value} must be {must} {other} = {other_value}: {because}")
            }
        }
    }
}
