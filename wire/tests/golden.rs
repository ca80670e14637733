//! The golden frames in vectors/wire: what is encoded is exactly these bytes, what is decoded is exactly these fields,
//! and a decoder written from docs/protocol.md alone agrees.

use std::collections::BTreeSet;
use std::process::Command;

use assay_wire::codec::{decode_reply, decode_request, encode_reply};
use assay_wire::status::{Blame, Status};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{bless, cases, describe, hold, hold_json, malformed, root};

const FOLDER: &str = "vectors/wire";

/// A frame file and its entry in the index.
struct Golden {
    file: String,
    shows: &'static str,
    bytes: Vec<u8>,
    /// `ok` with the frame's fields, or `error` with the status's word.
    outcome: (&'static str, Value),
}

/// Every golden frame, by what its sender means.
fn golden() -> Vec<Golden> {
    let requests = cases::requests().into_iter().map(|case| Golden {
        file: case.file.into(),
        shows: case.shows,
        bytes: case.encode(),
        outcome: ("ok", describe::meant(&case)),
    });
    let others = cases::others().into_iter().map(|case| Golden {
        file: case.file.into(),
        shows: case.shows,
        bytes: case.bytes,
        outcome: ("ok", case.meant),
    });
    let (file, shows, bytes) = cases::status_request();
    let status = Golden { file: file.into(), shows, bytes, outcome: ("ok", describe::status("consensus")) };
    let replies = cases::replies().into_iter().map(|case| Golden {
        file: case.file.into(),
        shows: case.shows,
        bytes: encode_reply(&case.reply),
        outcome: ("ok", describe::reply(&case.reply)),
    });
    let bad = malformed::all().into_iter().map(|case| Golden {
        file: case.file,
        shows: case.shows,
        bytes: case.bytes,
        outcome: ("error", case.status.name().into()),
    });
    requests.chain(others).chain([status]).chain(replies).chain(bad).collect()
}

fn is_reply(file: &str) -> bool {
    file.starts_with("reply") || file.starts_with("bad-reply")
}

/// What this crate's decoder finds in a frame.
fn decode(file: &str, bytes: &[u8]) -> (&'static str, Value) {
    let found = if is_reply(file) {
        decode_reply(bytes).map(|reply| describe::reply(&reply))
    } else {
        decode_request(bytes).map(|request| describe::found(&request))
    };
    match found {
        Ok(fields) => ("ok", fields),
        Err(status) => ("error", status.name().into()),
    }
}

#[test]
fn what_is_encoded_is_exactly_the_files() {
    for frame in golden() {
        hold(&format!("{FOLDER}/{}.bin", frame.file), &frame.bytes);
    }
}

#[test]
fn what_is_decoded_is_exactly_the_index() {
    let mut index = Vec::new();
    for frame in golden() {
        let Golden { file, shows, bytes, outcome } = frame;
        let bytes = if bless() {
            bytes
        } else {
            std::fs::read(root().join(format!("{FOLDER}/{file}.bin"))).unwrap_or_else(|error| panic!("{file}: {error}"))
        };
        assert_eq!(decode(&file, &bytes), outcome, "{file}");
        let (word, value) = outcome;
        let kind = if is_reply(&file) { "reply" } else { "request" };
        index.push(json!({ "file": format!("{file}.bin"), "frame": kind, "shows": shows, word: value }));
    }
    hold_json(&format!("{FOLDER}/index.json"), &index.into());
}

#[test]
fn every_status_a_decoder_can_find_has_a_frame() {
    let found: BTreeSet<_> = malformed::all().iter().map(|case| case.status).collect();
    // That a frame was slow, is more than its tenant may ask for, or asks for what this node lacks is not in its bytes.
    let of_bytes = Status::ALL.iter().filter(|status| {
        matches!(status.blame(), Blame::PeerMisbehaved | Blame::PeerIncompatible)
            && !matches!(status, Status::Slow | Status::NotAllowed | Status::NotServed)
    });
    assert_eq!(found, of_bytes.copied().collect());
}

#[test]
fn every_file_is_a_frame_and_the_manifest_names_it() {
    let mut files: BTreeSet<String> = golden().into_iter().map(|frame| format!("{}.bin", frame.file)).collect();
    let mut shows: Vec<(String, &str)> =
        golden().into_iter().map(|frame| (format!("{}.bin", frame.file), frame.shows)).collect();
    shows.extend([
        ("index.json".to_owned(), "what a decoder must find in each frame"),
        ("registry.json".to_owned(), "every id on the wire; append-only"),
        ("decode.py".to_owned(), "a decoder written from docs/protocol.md alone"),
    ]);
    files.extend(shows[shows.len() - 3..].iter().map(|(file, _)| file.clone()));
    let folder = root().join(FOLDER);
    let present = std::fs::read_dir(&folder)
        .expect("vectors/wire")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"));
    let present: BTreeSet<String> = present.filter(|name| name != "MANIFEST.json" && name != "__pycache__").collect();
    let stray: Vec<_> = present.difference(&files).collect();
    assert!(stray.is_empty(), "{FOLDER} holds files that no test reads: {stray:?}");
    let manifest: Vec<Value> = shows
        .iter()
        .map(|(file, shows)| {
            let bytes = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            json!({
                "file": file,
                "sha256": hex::encode(Sha256::digest(bytes)),
                "source": "this project",
                "licence": "MIT OR Apache-2.0",
                "shows": shows,
            })
        })
        .collect();
    hold_json(&format!("{FOLDER}/MANIFEST.json"), &manifest.into());
}

#[test]
fn a_decoder_written_from_the_document_alone_agrees() {
    let script = root().join(FOLDER).join("decode.py");
    let output = Command::new("python3").arg("-B").arg(&script).output().unwrap_or_else(|error| {
        panic!("python3 cannot be run ({error}): it decodes the golden frames from docs/protocol.md; `make setup` installs it")
    });
    assert!(
        output.status.success(),
        "vectors/wire/decode.py disagrees:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let frames = golden().len();
    assert!(said.contains(&format!("{frames} frames")), "decode.py read {said:?}, and there are {frames} frames");
}
