//! What meets strangers, as functions of any bytes: each returns, and panics only when a property does not hold. The
//! libFuzzer programs in fuzz_targets/ and the runner in src/bin/brief.rs call the same functions:
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --release --bin brief -- --seconds 60
//! cargo fuzz run -s none --features libfuzzer request fuzz/corpus/request vectors/wire -- -max_total_time=60 -malloc_limit_mb=64
//! ```
//!
//! The first runs anywhere. The second needs cargo-fuzz and a C++ compiler, works on a stable compiler with `-s none`, finds
//! its way by coverage, and holds each allocation to 64 MiB.
//!
//! A function answers with an *outcome*: a number that says which way the input went. An input with a new outcome is worth
//! keeping, so that a runner without coverage still finds its way past the first check.

use std::path::Path;

mod chains;
mod encodings;
mod frames;
mod ledgers;
mod members;

pub use chains::{bitcoin, bnb_beacon, bsc, cometbft, ethereum, option_files, vechain};
pub use encodings::{der, item, sec1, spki};
pub use frames::{reply, request};
pub use ledgers::{evidence, fisco_bcos, neo, neo2, xuperchain};
pub use members::{authorities, bsn, chainmaker, device_identity, fabric};

/// Something to fuzz.
pub struct Target {
    /// Its name: the libFuzzer program's, too.
    pub name: &'static str,
    /// What is run on an input.
    pub run: fn(&[u8]) -> u64,
    /// Good inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Everything to fuzz.
pub const TARGETS: &[Target] = &[
    Target { name: "request", run: request, seeds: golden_frames },
    Target { name: "reply", run: reply, seeds: golden_frames },
    Target { name: "der", run: der, seeds: encodings::der_seeds },
    Target { name: "spki", run: spki, seeds: encodings::spki_seeds },
    Target { name: "sec1", run: sec1, seeds: encodings::sec1_seeds },
    Target { name: "item", run: item, seeds: encodings::item_seeds },
    Target { name: "bitcoin", run: bitcoin, seeds: chains::bitcoin_seeds },
    Target { name: "cometbft", run: cometbft, seeds: chains::cometbft_seeds },
    Target { name: "bnb_beacon", run: bnb_beacon, seeds: chains::bnb_beacon_seeds },
    Target { name: "ethereum", run: ethereum, seeds: chains::ethereum_seeds },
    Target { name: "bsc", run: bsc, seeds: chains::bsc_seeds },
    Target { name: "vechain", run: vechain, seeds: chains::vechain_seeds },
    Target { name: "fisco_bcos", run: fisco_bcos, seeds: ledgers::fisco_bcos_seeds },
    Target { name: "xuperchain", run: xuperchain, seeds: ledgers::xuperchain_seeds },
    Target { name: "neo", run: neo, seeds: ledgers::neo_seeds },
    Target { name: "neo2", run: neo2, seeds: ledgers::neo2_seeds },
    Target { name: "evidence", run: evidence, seeds: ledgers::evidence_seeds },
    Target { name: "option_files", run: option_files, seeds: chains::option_seeds },
    Target { name: "fabric", run: fabric, seeds: members::fabric_seeds },
    Target { name: "chainmaker", run: chainmaker, seeds: members::chainmaker_seeds },
    Target { name: "bsn", run: bsn, seeds: members::bsn_seeds },
    Target { name: "device_identity", run: device_identity, seeds: members::device_identity_seeds },
    Target { name: "authorities", run: authorities, seeds: members::authorities_seeds },
];

/// The golden frames, the malformed ones included, in the order of their names.
fn golden_frames() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/wire");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "bin"));
    files.sort();
    assert!(!files.is_empty(), "{} holds the golden frames", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))).collect()
}
