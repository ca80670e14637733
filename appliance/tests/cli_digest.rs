//! `assay digest`: files to digests and back, as sha256sum and b3sum do it.

mod command;

use std::path::Path;

use assay_scheme::{Kind, Operation};
use command::{Ran, assay, assay_in, vector_json};
use serde_json::json;

/// A file larger than one request may be.
const LARGE: usize = 16 * 1024 * 1024 + 12_345;

fn digest(folder: &Path, args: &[&str]) -> Ran {
    let args: Vec<_> = ["digest", "--algorithm", "sha256"].iter().chain(args).copied().collect();
    assay_in(folder, &args, b"abc")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}

/// A folder with a few files, one of them too large for a request.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [("empty", Vec::new()), ("abc", b"abc".to_vec()), ("large", vec![0xa5; LARGE])] {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    }
    folder
}

#[test]
fn files_come_out_in_order_under_their_names() {
    let folder = folder();
    let ran = digest(folder.path(), &["empty", "large", "-", "abc"]).code(0);
    let expected = format!(
        "{}  empty\n{}  large\n{}  -\n{}  abc\n",
        sha256(b""),
        sha256(&vec![0xa5; LARGE]),
        sha256(b"abc"),
        sha256(b"abc")
    );
    assert_eq!((ran.out, ran.err.as_str()), (expected, ""));
    assert_eq!(digest(folder.path(), &[]).code(0).out, format!("{}  -\n", sha256(b"abc")));
}

#[test]
fn a_list_is_checked() {
    let folder = folder();
    let list = digest(folder.path(), &["empty", "large", "abc"]).code(0).out;
    std::fs::write(folder.path().join("SUMS"), &list).expect("a file");
    assert_eq!(digest(folder.path(), &["--check", "SUMS"]).code(0).out, "empty: OK\nlarge: OK\nabc: OK\n");
    assert_eq!(digest(folder.path(), &["--check", "--quiet", "SUMS"]).code(0).out, "");
    std::fs::write(folder.path().join("abc"), b"abd").expect("a file");
    let ran = digest(folder.path(), &["--check", "--quiet", "SUMS"]).code(1).says(&["1 of 3 digests do not match"]);
    assert_eq!(ran.out, "abc: FAILED\n");
    std::fs::remove_file(folder.path().join("empty")).expect("a file");
    let ran = digest(folder.path(), &["--check", "SUMS"]).code(2);
    assert_eq!(ran.out, "empty: FAILED open or read\nlarge: OK\nabc: FAILED\n");
    assert!(ran.err.contains("assay: error: empty: cannot read it"), "{}", ran.err);
    let (items, summary) = digest(folder.path(), &["--check", "--json", "SUMS"]).code(2).items();
    let verdicts: Vec<_> = items.iter().map(|item| item["verdict"].as_str().expect("text")).collect();
    assert_eq!(verdicts, ["unreadable", "ok", "failed"]);
    assert_eq!((&summary["unreadable"], &summary["mismatches"]), (&json!(1), &json!(1)));
}

#[test]
fn a_list_that_is_none_is_an_input_error() {
    let folder = folder();
    for (list, words) in [
        ("", "lists nothing"),
        ("nothing like it\n", "line 1: the digest is not hex"),
        ("abcd  abc\n", "line 1: the digest has 2 bytes where 32 are wanted"),
    ] {
        std::fs::write(folder.path().join("SUMS"), list).expect("a file");
        let ran = digest(folder.path(), &["--check", "SUMS"]).code(2);
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    digest(folder.path(), &["--check", "absent"]).code(2).says(&["absent"]);
}

#[cfg(unix)]
#[test]
fn names_of_any_bytes_survive_the_list() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    for name in [&b"line\nbreak"[..], b"back\\slash", b" blank ", b"star*"] {
        std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), name).expect("a file");
    }
    let files = ["line\nbreak", "back\\slash", " blank ", "star*"];
    let list = digest(folder.path(), &files).code(0).out;
    assert!(list.contains("\\") && list.lines().count() == 4, "{list}");
    std::fs::write(folder.path().join("SUMS"), &list).expect("a file");
    let checked = digest(folder.path(), &["--check", "SUMS"]).code(0).out;
    assert_eq!(checked, "\\line\\nbreak: OK\n\\back\\\\slash: OK\n blank : OK\nstar*: OK\n");
    let (items, _) = digest(folder.path(), &["--json", "line\nbreak"]).code(0).items();
    assert_eq!(items[0], json!({"name": "line\nbreak", "verdict": "valid", "value": sha256(b"line\nbreak")}));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_still_hashed() {
    let folder = folder();
    let ran = digest(folder.path(), &["absent", ".", "abc"]).code(2);
    assert_eq!(ran.out, format!("{}  abc\n", sha256(b"abc")));
    let told: Vec<_> = ran.err.lines().collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("absent: cannot read it") && told[1].contains(".: cannot read it"), "{told:?}");
}

/// A demand that this build or a request's limit cannot meet is refused, not met by somebody else.
#[test]
fn a_demanded_backend_is_not_replaced() {
    let folder = folder();
    for backend in ["lanes", "gpu"] {
        let ran = digest(folder.path(), &["--backend", backend, "--json", "abc", "large"]).code(2);
        if ran.out.is_empty() {
            ran.says(&[backend]);
            continue;
        }
        let (items, summary) = ran.items();
        assert_eq!((&items[0]["verdict"], &items[1]["verdict"]), (&json!("valid"), &json!("unreadable")));
        assert_eq!(summary["backends"], json!({ backend: 1 }));
    }
    let (_, summary) = digest(folder.path(), &["--backend", "reference", "--json", "abc", "large"]).code(0).items();
    assert_eq!(summary["backends"], json!({"reference": 2}));
}

/// The BLAKE3 team's vectors: bytes 0, 1, …, 250 over and over, of each length.
#[test]
fn blake3_vectors_as_lines() {
    let vectors = vector_json("hash/blake3_test_vectors.json");
    let cases = vectors["cases"].as_array().expect("cases");
    let lines: String = cases
        .iter()
        .map(|case| {
            let len = case["input_len"].as_u64().expect("a length") as usize;
            let message: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let expect = &case["hash"].as_str().expect("hex")[..64];
            format!("{}\n", json!({"message": hex::encode(message), "expect": expect}))
        })
        .collect();
    let (_, summary) = assay(&["digest", "-a", "blake3", "--lines", "--json", "-"], &lines).code(0).items();
    assert_eq!(summary["valid"], json!(cases.len()));
    let wrong = lines.replacen("\"expect\":\"", "\"expect\":\"0x", 1).replacen("af13", "af14", 1);
    assay(&["digest", "-a", "blake3", "--lines", "-"], &wrong).code(1);
}

#[test]
fn every_algorithm_hashes_a_file_and_a_line_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("abc"), b"abc").expect("a file");
    for operation in Operation::of_kind(Kind::Digest) {
        let file = assay_in(folder.path(), &["digest", "-a", operation.name, "abc"], b"").code(0).out;
        let line = assay(&["digest", "-a", operation.name, "--lines", "-"], "{\"message\":\"616263\"}").code(0).out;
        assert_eq!(file, format!("{}  abc\n", line.trim()), "{}", operation.name);
    }
}
