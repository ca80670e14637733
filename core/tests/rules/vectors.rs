//! The files of `vectors/`: each is listed with its source, unchanged, and read by a test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assay_core::reference::hash;
use assay_scheme::Hash;

/// A vector file, by its path below `vectors/`.
pub(crate) struct Vector(&'static str);

/// Names the files that the tests of this binary read. A name that nothing reads is dead code, which fails the build.
macro_rules! vectors {
    ($($name:ident = $path:literal,)*) => {
        $(pub(crate) const $name: Vector = Vector($path);)*

        /// The paths of all of them.
        const READ_HERE: &[&str] = &[$($path),*];
    };
}

vectors! {
    BITCOIN_BLOCK_227835 = "bitcoin/block227835.dat",
    BITCOIN_FIRST_BLOCKS = "bitcoin/first-100k-blocks.dat",
    BITCOIN_TRIPLES = "bitcoin/277647_ecdsa_triples.csv.gz",
    BIP340 = "bitcoin/bip340_test-vectors.csv",
    SIG_CANONICAL = "bitcoin/sig_canonical.json",
    SIG_NONCANONICAL = "bitcoin/sig_noncanonical.json",
    BLS_VERIFY = "bls/eth_bls_verify.txt",
    BLS_FAST_AGGREGATE = "bls/eth_bls_fast_aggregate_verify.txt",
    SPECCHECK = "ed25519/speccheck_cases.json",
    COMETBFT_10000 = "cometbft/celestia_mocha4_10000_signed_block.json",
    COMETBFT_10500 = "cometbft/celestia_mocha4_10500_signed_block.json",
    COMETBFT_11000 = "cometbft/celestia_mocha4_11000_signed_block.json",
    COMETBFT_15000 = "cometbft/celestia_mocha4_15000_signed_block.json",
    COMETBFT_50000 = "cometbft/celestia_mocha4_50000_signed_block.json",
    DEMO_BIP340 = "demo/bip340.jsonl",
    DEMO_BITCOIN = "demo/bitcoin-277647.jsonl",
    DEMO_COMETBFT = "demo/cometbft-commits.jsonl",
    DEMO_FISCO = "demo/sm2-fisco.jsonl",
    DEMO_GMSM = "demo/sm2-gmsm.jsonl",
    ETHEREUM_BLOCKS = "ethereum/BlockchainTests_subset.tar.gz",
    ETHEREUM_KEYS = "ethereum/keyaddrtest.json",
    FISCO_SM2 = "fisco/sm2_kat.json",
    FISCO_V3_PROOF = "fisco/v3_transaction_proof.json",
    BLAKE3 = "hash/blake3_test_vectors.json",
    SM2_OPENSSL = "sm/evppkey_sm2.txt",
    SM2_GMSM = "sm/gmsm_kat.json",
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

impl Vector {
    /// The file's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(root().join(self.0)).unwrap_or_else(|error| panic!("{}: {error}", self.0))
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("a text file")
    }

    /// The file's JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes()).expect("a JSON file")
    }

    /// What the gzip file holds.
    pub(crate) fn gunzip(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&self.bytes()[..]), &mut bytes).expect("gzip");
        bytes
    }
}

/// Every file below `folder`, as paths relative to `from`.
fn files(folder: &Path, from: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            // Python leaves compiled files beside the recipes it runs.
            if path.file_name().is_some_and(|name| name != "__pycache__") {
                files(&path, from, found);
            }
        } else {
            found.insert(path.strip_prefix(from).expect("below").to_str().expect("a plain name").to_owned());
        }
    }
}

fn all() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    files(&root(), &root(), &mut found);
    found
}

#[test]
fn each_folder_lists_exactly_its_files_unchanged_and_with_their_source() {
    let mut listed = BTreeSet::new();
    for manifest in all().iter().filter(|path| path.ends_with("/MANIFEST.json")) {
        let folder = manifest.trim_end_matches("MANIFEST.json");
        let text = std::fs::read(root().join(manifest)).expect("a manifest");
        let entries: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        for entry in entries.as_array().expect("a list of files") {
            let field = |name: &str| match entry[name].as_str() {
                Some(text) if !text.is_empty() => text.to_owned(),
                _ => panic!("{manifest}: {entry} says nothing of its {name}"),
            };
            let path = format!("{folder}{}", field("file"));
            let bytes = std::fs::read(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(field("sha256"), hex::encode(hash(Hash::Sha256, &bytes)), "{path}");
            let _ = (field("source"), field("licence"), field("shows"));
            assert!(listed.insert(path), "{manifest} lists {entry} twice");
        }
        listed.insert(manifest.clone());
    }
    // A recipe is no vector: what it makes is.
    let vectors = |of: BTreeSet<String>| of.into_iter().filter(|path| !path.ends_with(".py")).collect::<BTreeSet<_>>();
    assert_eq!(vectors(all()), vectors(listed));
}

/// Where else vectors are read: the folder, and the test that walks it or names its files.
fn read_elsewhere(path: &str, sources: &[String]) -> bool {
    let (folder, name) = path.rsplit_once('/').expect("vectors lie in folders");
    sources.iter().any(|source| source.contains(name) || source.contains(&format!("vectors/{folder}\"")))
}

#[test]
fn every_vector_is_read_by_a_test() {
    let workspace = root().join("..");
    let mut paths = BTreeSet::new();
    for package in ["appliance", "client", "core", "wire"] {
        files(&workspace.join(package), &workspace, &mut paths);
    }
    let sources: Vec<_> = paths
        .iter()
        .filter(|path| path.ends_with(".rs") && !path.starts_with("core/tests/rules/"))
        .map(|path| std::fs::read_to_string(workspace.join(path)).expect("a source"))
        .collect();
    let unread: Vec<_> = all()
        .into_iter()
        // A recipe is no vector: what it makes is.
        .filter(|path| !path.ends_with("/MANIFEST.json") && !path.ends_with(".py"))
        .filter(|path| !READ_HERE.contains(&path.as_str()))
        .filter(|path| !read_elsewhere(path, &sources))
        .collect();
    assert!(unread.is_empty(), "no test reads {unread:?}");
    for path in READ_HERE {
        assert!(root().join(path).is_file(), "{path} is not there");
    }
}
