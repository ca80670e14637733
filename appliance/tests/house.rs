//! The house rules that a machine can keep: who may import whom, how large a file may be, where unsafe may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Our packages each package may depend on, in its product build. docs/ARCHITECTURE.md draws the same.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("assay-scheme", &[]),
    ("assay-wire", &["assay-scheme"]),
    ("assay-chain", &["assay-scheme"]),
    ("assay-shaders", &[]),
    ("assay-core", &["assay-scheme", "assay-shaders"]),
    ("assay-client", &["assay-scheme", "assay-wire", "assay-core"]),
    ("assay-appliance", &["assay-scheme", "assay-wire", "assay-core", "assay-client", "assay-chain"]),
];

/// Packages of others that one of ours must never depend on: sockets, runtimes and clocks live only on top.
const NEVER: &[(&str, &[&str])] = &[
    ("assay-wire", &["tokio", "quinn", "quinn-proto", "rustls"]),
    ("assay-core", &["tokio", "quinn", "metrics", "rustls"]),
    ("assay-chain", &["tokio", "quinn", "rustls"]),
    ("assay-shaders", &["wgpu"]),
    ("assay-appliance", &["wgpu"]),
];

/// Words that may not stand in a package's sources.
const NEVER_SAYS: &[(&str, &[&str])] = &[
    ("core/scheme", &["std::time::Instant", "std::time::SystemTime", "std::net"]),
    ("wire", &["std::time::Instant", "std::time::SystemTime", "std::net"]),
    ("core/src", &["Instant::now", "SystemTime::now", "std::net"]),
    ("core/chain", &["Instant::now", "SystemTime::now", "std::net"]),
    ("appliance/src", &["core::arch", "std::arch"]),
];

/// The only places where `unsafe` may be opened.
const MAY_BE_UNSAFE: &[&str] = &["core/src/lanes/", "core/src/gpu/raw.rs", "appliance/src/scheduling.rs"];

/// Lines a source file may have.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder").to_path_buf()
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Every tracked or new source file with this ending, relative to the root.
fn sources(ending: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    walk(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    found.sort();
    assert!(!found.is_empty());
    found.into_iter().map(|path| path.strip_prefix(root()).expect("below the root").to_path_buf()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).expect("a readable source file")
}

#[test]
fn packages_import_only_what_the_architecture_allows() {
    let metadata = metadata();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        seen.insert(name.to_string());
        let allowed = MAY_IMPORT.iter().find(|(ours, _)| *ours == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} has no row in MAY_IMPORT"));
        let never: BTreeMap<_, _> = NEVER.iter().copied().collect();
        let mut normal = 0;
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            // What tests import does not reach the product.
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            normal += 1;
            let other = dependency["name"].as_str().expect("a name");
            assert!(!other.starts_with("assay-") || allowed.contains(&other), "{name} may not import {other}");
            assert!(!never.get(name).is_some_and(|never| never.contains(&other)), "{name} may not import {other}");
            if name == "assay-client" && other == "assay-core" {
                assert_eq!(dependency["optional"], true, "the client links the engine only behind its feature `local`");
            }
        }
        assert!(name != "assay-scheme" || normal == 0, "assay-scheme has no dependencies");
    }
    assert!(seen.contains("assay-appliance"), "the workspace's own packages were read");
}

#[test]
fn layers_below_know_no_clock_and_no_socket() {
    for path in sources(".rs") {
        let text = read(&path);
        let name = path.to_string_lossy().replace('\\', "/");
        for (below, words) in NEVER_SAYS {
            // What only tests are made of may look at a clock.
            let of_tests = name.contains("/tests/") || name.ends_with("/testing.rs");
            if !name.starts_with(below) || of_tests {
                continue;
            }
            // Unit tests end the file they test.
            let product = text.split("#[cfg(test)]\nmod tests").next().expect("a first part");
            for word in *words {
                assert!(!product.contains(word), "{name} says {word}");
            }
        }
    }
}

#[test]
fn no_source_file_is_past_its_length() {
    for ending in [".rs", ".wgsl", ".py"] {
        for path in sources_or_none(ending) {
            let lines = read(&path).lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines, {LINES_MAX} are the most", path.display());
        }
    }
}

fn sources_or_none(ending: &str) -> Vec<PathBuf> {
    if ending == ".wgsl" && !root().join("shaders/src").exists() { Vec::new() } else { sources(ending) }
}

#[test]
fn unsafe_is_opened_only_where_it_is_fenced() {
    let opens = concat!("allow(", "unsafe_code");
    for path in sources(".rs") {
        let name = path.to_string_lossy().replace('\\', "/");
        if read(&path).contains(opens) {
            assert!(MAY_BE_UNSAFE.iter().any(|fence| name.starts_with(fence)), "{name} opens unsafe code");
        }
    }
}

#[test]
fn every_source_file_begins_with_what_it_is() {
    for path in sources(".rs") {
        let text = read(&path);
        let first = text.lines().find(|line| !line.starts_with("#![")).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} does not begin with a module comment", path.display());
    }
}
