//! The whole way through the wire: golden frames, ids on file, documents, properties.

use std::path::PathBuf;

mod cases;
mod describe;
mod docs;
mod golden;
mod malformed;
mod properties;
mod registry;
mod tables;

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether a generated file that is stale is to be written anew: `ASSAY_BLESS=1`. Tests run side by side, so a test that
/// reads what another one writes may need a second run.
fn bless() -> bool {
    std::env::var_os("ASSAY_BLESS").is_some_and(|value| value == "1")
}

/// Holds that the file at `path`, from the root, is this JSON, whatever the order of its members.
fn hold_json(path: &str, content: &serde_json::Value) {
    let found = std::fs::read(root().join(path)).ok().and_then(|found| serde_json::from_slice(&found).ok());
    if found.as_ref() != Some(content) {
        let text = serde_json::to_string_pretty(content).expect("JSON") + "\n";
        hold(path, text.as_bytes());
    }
}

/// Holds that the file at `path`, from the root, is exactly `content`, or makes it so when blessing.
fn hold(path: &str, content: &[u8]) {
    let file = root().join(path);
    let found = std::fs::read(&file);
    if found.as_ref().is_ok_and(|found| found == content) {
        return;
    }
    assert!(
        bless(),
        "{path} is stale ({}); ASSAY_BLESS=1 renews it",
        found.err().map_or("other bytes".into(), |e| e.to_string())
    );
    std::fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("the folder can be made");
    std::fs::write(&file, content).unwrap_or_else(|error| panic!("{path}: {error}"));
}
