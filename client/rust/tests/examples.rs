//! The examples, run against a node as a person would run them.
#![allow(clippy::duplicate_mod, reason = "each example brings its own copy of what the examples share")]

mod common;

use common::{Act, Pki, Server, honest, script, truth};

#[allow(dead_code)]
#[path = "../examples/consensus_votes.rs"]
mod consensus_votes;
#[allow(dead_code)]
#[path = "../examples/digest_stream.rs"]
mod digest_stream;
#[allow(dead_code)]
#[path = "../examples/verify_batch.rs"]
mod verify_batch;

fn arguments(pki: &Pki, nodes: &[&Server], more: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    for node in nodes {
        words.extend(["--connect".to_owned(), node.address.to_string()]);
    }
    for (option, file) in [("--ca", "ca.pem"), ("--cert", "client.pem"), ("--key", "client.key")] {
        words.extend([option.to_owned(), pki.path(file).display().to_string()]);
    }
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("words")
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_batch_finds_the_spoilt_signatures() {
    let pki = Pki::new();
    let server = Server::start(&pki, honest()).await;
    let mut out = Vec::new();
    verify_batch::run(arguments(&pki, &[&server], &[]), &mut out).await.expect("runs");
    assert_eq!(text(out), "line 18: invalid (equation)\nline 614: invalid (equation)\n998 of 1000 are valid\n");

    // RFC 8032, section 7.1, test 2; and its signature cut to nothing but zeros.
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let file = pki.path("items.txt");
    std::fs::write(&file, format!("{key} {signature} 72\n{key} {} 72\n", "00".repeat(64))).expect("a file");
    let mut out = Vec::new();
    let file = file.display().to_string();
    verify_batch::run(arguments(&pki, &[&server], &[&file]), &mut out).await.expect("runs");
    assert_eq!(text(out), "line 2: invalid (equation)\n1 of 2 are valid\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn digest_stream_prints_each_lines_digest_in_order() {
    let pki = Pki::new();
    let server = Server::start(&pki, honest()).await;
    let lines: Vec<String> = (0..100).map(|line| format!("line {line}")).collect();
    let file = pki.path("lines.txt");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let file = file.display().to_string();
    let words = arguments(&pki, &[&server], &["--algorithm", "sm3", "--batch", "7", "--in-flight", "3", &file]);
    let mut out = Vec::new();
    digest_stream::run(words, &mut out).await.expect("runs");
    let mut builder = assay_scheme::ColumnsBuilder::new(assay_scheme::Row::Sm3.operation());
    lines.iter().for_each(|line| builder.push(0, &[], &[], line.as_bytes()));
    let truth = truth(&builder.build().expect("lines"), &assay_scheme::Parameters::default());
    let expected: Vec<String> = (0..100).map(|line| hex::encode(truth.value(line))).collect();
    assert_eq!(text(out).lines().collect::<Vec<_>>(), expected);
    assert_eq!(server.requests(), 15);

    let mut out = Vec::new();
    let words = arguments(&pki, &[&server], &["--items", "1000", "--batch", "100"]);
    digest_stream::run(words, &mut out).await.expect("runs");
    assert!(text(out).starts_with("1000 items in "));
}

#[tokio::test(flavor = "multi_thread")]
async fn consensus_votes_are_counted_by_a_node_or_this_machine() {
    let pki = Pki::new();
    let server = Server::start(&pki, honest()).await;
    // Generous: where tests run, a node may need longer than a validator would grant it.
    let patient = ["--deadline-ms", "60000"];
    let mut out = Vec::new();
    consensus_votes::run(arguments(&pki, &[&server], &patient), &mut out).await.expect("runs");
    assert_eq!(text(out), "149 valid, 1 invalid, 0 not evaluated\nquorum: yes\ncomputed by a node\n");

    let hanging = Server::start(&pki, script(|_, _| Act::Hang)).await;
    let mut out = Vec::new();
    let hurried = ["--deadline-ms", "4000"];
    consensus_votes::run(arguments(&pki, &[&hanging], &hurried), &mut out).await.expect("runs");
    assert_eq!(text(out), "149 valid, 1 invalid, 0 not evaluated\nquorum: yes\ncomputed on this machine\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_with_the_usage() {
    for words in [vec![], vec!["--connect".to_owned()], vec!["--connect".to_owned(), "a:1".to_owned()]] {
        let error = verify_batch::run(words, &mut Vec::new()).await.expect_err("no certificates are named");
        assert!(error.to_string().contains("--ca FILE"), "{error}");
    }
}
