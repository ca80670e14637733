//! The built `assay` command, run as a person or a script runs it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The output's lines as JSON, the summary among them.
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// The lines of the items, and the summary.
    pub fn items(&self) -> (Vec<Value>, Value) {
        let mut lines = self.json();
        let summary = lines.pop().unwrap_or_else(|| panic!("no summary: {}", self.err));
        (lines, summary)
    }

    /// Fails unless the run ended so, showing what it said.
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Fails unless all that was said on stderr is one line `assay: error: …` with these words in it.
    pub fn says(self, words: &[&str]) -> Self {
        let lines: Vec<_> = self.err.lines().collect();
        assert_eq!(lines.len(), 1, "one line:\n{}", self.err);
        assert!(lines[0].starts_with("assay: error: "), "{}", self.err);
        for word in words {
            assert!(lines[0].contains(word), "{word} in: {}", self.err);
        }
        self
    }
}

/// Runs `assay` with these arguments and this standard input.
pub fn assay(args: &[&str], stdin: &str) -> Ran {
    assay_in(Path::new("."), args, stdin.as_bytes())
}

/// The same in a folder, with any bytes as standard input.
pub fn assay_in(folder: &Path, args: &[&str], stdin: &[u8]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_assay"))
        .current_dir(folder)
        .args(args)
        .env_remove("ASSAY_CA")
        .env_remove("ASSAY_CERT")
        .env_remove("ASSAY_KEY")
        .env("RUST_BACKTRACE", "1")
        .write_stdin(stdin)
        .timeout(std::time::Duration::from_secs(120))
        .output()
        .expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let ran = Ran {
        code: output.status.code().expect("not ended by a signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    assert!(!ran.err.contains("panicked") && !ran.err.contains("stack backtrace"), "{}", ran.err);
    ran
}

/// A file below `vectors/`.
pub fn vector(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(path)
}

/// Its text.
pub fn vector_text(path: &str) -> String {
    std::fs::read_to_string(vector(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Its JSON.
pub fn vector_json(path: &str) -> Value {
    serde_json::from_str(&vector_text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
