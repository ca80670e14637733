//! What stops a command, and the exit code that says so.
//!
//! Each error names the culprit and the remedy in one line. What a single input line or item is blamed for is not
//! here: it is reported in its place and the rest still runs (see [`super::input`]).

use std::io::{self, Write};

use assay_core::StartError;
use assay_scheme::parameters::ParameterError;

/// As expected.
pub const EXIT_OK: u8 = 0;
/// Not as expected: an item that should hold does not, or the other way round, or it could not be evaluated.
pub const EXIT_UNEXPECTED: u8 = 1;
/// Usage or input; outranks [`EXIT_UNEXPECTED`].
pub const EXIT_USAGE: u8 = 2;
/// A fault of this program itself.
pub const EXIT_INTERNAL: u8 = 70;
/// Ended by Ctrl-C: 128 and the signal's number, as shells count.
pub const EXIT_INTERRUPTED: u8 = 130;
/// The reader of the output went away: 128 and the number of SIGPIPE.
pub const EXIT_PIPE: u8 = 141;

/// What stops a command.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Arguments that do not go together, or a value nothing can be done with.
    #[error("{what}; {remedy}")]
    Usage {
        /// What is wrong, with the argument's name.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file as the user named it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file as the user named it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An input without a single item.
    #[error("{path} has no items; give one JSON object a line, as `assay {command} --help` shows")]
    NoItems {
        /// The input as the user named it.
        path: String,
        /// The command that read it.
        command: &'static str,
    },
    /// A list of digests without a single line.
    #[error("{path} lists nothing; each line should be a digest, two blanks and a file's name")]
    NoEntries {
        /// The list as the user named it.
        path: String,
    },
    /// The engine did not start: a demanded backend is missing, or an answer it must know came out wrong.
    #[error("{0}; `--backend auto` takes what this machine has")]
    Engine(#[from] StartError),
    /// The demanded backend does not compute this operation.
    #[error("the backend {backend} does not compute {operation}; `--backend auto` takes one that does")]
    NotServed {
        /// The backend.
        backend: &'static str,
        /// The operation's name.
        operation: &'static str,
    },
    /// This process's own engine did not give the answer that an item was made for.
    #[error(
        "this machine's engine says {verdict} of an item of {operation} made to come out otherwise; run `assay bench`"
    )]
    OwnAnswer {
        /// The operation's name.
        operation: &'static str,
        /// What it said.
        verdict: String,
    },
    /// The batch-wide parameters do not fit the operation.
    #[error("{operation}: {source}; {remedy}")]
    Parameters {
        /// The operation's name.
        operation: &'static str,
        /// What does not fit.
        source: ParameterError,
        /// What to do about it.
        remedy: String,
    },
    /// No node answers, or the client's own files are wrong.
    #[error("{0}")]
    Nodes(#[from] assay_client::Error),
    /// The demo's own node or client did not come up or broke off.
    #[error("the demo: {0}")]
    Demo(String),
    /// The output's reader went away or its disk is full.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// A usage error.
    pub fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), remedy: remedy.into() }
    }

    /// The exit code that stands for it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => EXIT_PIPE,
            Self::OwnAnswer { .. } => EXIT_UNEXPECTED,
            _ => EXIT_USAGE,
        }
    }
}

/// Writes one line `assay: error: …` to stderr. When stderr itself is gone there is nobody left to tell.
pub fn complain(message: &str) {
    let line = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let _ = writeln!(io::stderr().lock(), "assay: error: {line}");
}

/// Turns a command's outcome into its exit code, and says on stderr what stopped it. A reader that closed the pipe is
/// not worth a word.
#[must_use]
pub fn finish(outcome: Result<u8, CliError>) -> u8 {
    outcome.unwrap_or_else(|error| {
        let code = error.exit_code();
        if code != EXIT_PIPE {
            complain(&error.to_string());
        }
        code
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_has_its_own_code_and_everything_else_is_usage_or_input() {
        let pipe = CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        let full = CliError::Output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(finish(Err(pipe)), EXIT_PIPE);
        assert_eq!(full.exit_code(), EXIT_USAGE);
        assert_eq!(finish(Ok(EXIT_UNEXPECTED)), EXIT_UNEXPECTED);
    }

    #[test]
    fn every_error_names_its_remedy() {
        let error = CliError::usage("--threads is for this machine's engine", "leave it out with --connect");
        assert_eq!(error.to_string(), "--threads is for this machine's engine; leave it out with --connect");
    }
}
