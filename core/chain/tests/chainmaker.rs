//! ChainMaker's profile on a real block, on one of SM2 made by an independent implementation, and on spoilt copies of them.

mod common;

use assay_chain::chainmaker::{protobuf, types};
use assay_chain::proto::{Fields, Writer};
use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::Value;

/// The three voters of the real block, and a fourth node that did not vote.
const NODES: [&str; 4] = [
    "QmUjC29VEBtRcD2jQv8kZLmJnqNeEjwjSJKe17zKuysUsJ",
    "QmTKwyspT55Jcq8ien1JMyxckN6AmqgBpCz2vUZyp4NRdX",
    "QmZGKPwu3K9uCdo3x4EsR5N4nmR4qpk7Q56RLzsNdHbKw8",
    "QmTheFourth",
];

fn nodes(count: usize) -> Vec<(String, Vec<u8>)> {
    vec![("nodes".into(), serde_json::to_vec(&NODES[..count]).expect("JSON"))]
}

fn real() -> Options {
    let certificate = vector("chainmaker/client1.sign.wx-org1.crt");
    Options { certificates: vec![("client".into(), certificate)], validators: nodes(4), ..Options::default() }
}

fn guomi() -> Options {
    let validators = vec![("nodes".into(), vector("chainmaker/sm2-nodes.json"))];
    Options { network: Some("sm3".into()), validators, ..Options::default() }
}

fn value(file: &str) -> Value {
    serde_json::from_slice(&vector(&format!("chainmaker/{file}"))).expect("JSON")
}

fn run_json(file: &Value, options: &Options) -> Report {
    run("chainmaker", options, &[("block", serde_json::to_vec(file).expect("JSON"))])
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|(_, tally)| tally.failed > 0).map(|(name, _)| *name).collect()
}

const CHECKS: [&str; 6] =
    ["block-hash", "transaction-count", "transactions-root", "dag-hash", "read-write-root", "block-votes"];

#[test]
fn a_real_block_is_valid() {
    let report = run_json(&value("block30.json"), &real());
    // Sender by the hash of its certificate, three endorsers, the proposer, three votes.
    assert_eq!((report.items, report.valid), (8, 8), "{:?}", report.findings);
    for check in CHECKS {
        assert_eq!((report.checks[check].ok, report.checks[check].failed), (1, 0), "{check}");
    }
    assert_eq!(report.ending(true), Ending::AsExpected);
    // The block without what the client wraps it in, and its transaction alone.
    let block = value("block30.json")["block"].clone();
    assert_eq!(run_json(&block, &real()).valid, 8);
    let transaction = block["txs"][0].clone();
    assert_eq!(run_json(&transaction, &real()).valid, 4);
    assert_eq!(run_json(&serde_json::json!({ "transaction": transaction }), &real()).valid, 4);
}

#[test]
fn a_certificate_or_nodes_not_given_are_not_guessed() {
    let report = run_json(&value("block30.json"), &Options::default());
    assert_eq!((report.valid, report.not_evaluated), (7, 1));
    let why = report.not_evaluated_why.keys().next().expect("one");
    assert!(why.starts_with("the certificate with the hash 2cae3f2a9958b107"), "{why}");
    assert!(!report.checks.contains_key("block-votes"), "no quorum is claimed");
}

#[test]
fn an_sm2_block_is_valid_in_both_its_writings() {
    let json = vector("chainmaker/sm2-block.json");
    let bytes = vector("chainmaker/sm2-block.pb");
    let typed: Value = value("sm2-block.json");
    let typed: types::Block = serde_json::from_value(typed["block"].clone()).expect("a block");
    assert_eq!(protobuf::block_or_transaction(&bytes), Ok(Ok(typed)));
    for file in [json, bytes] {
        let report = run_with("chainmaker", &guomi(), &[("block", file)], Detail::Items);
        assert_eq!((report.items, report.valid, report.not_evaluated), (11, 10, 1), "{:?}", report.findings);
        let other = report.findings.iter().find(|finding| finding.what == What::NotEvaluated).expect("one");
        assert!(other.subject.contains("endorser 1") && other.why.contains("P-384"), "{other:?}");
        for check in CHECKS {
            assert_eq!((report.checks[check].ok, report.checks[check].failed), (1, 0), "{check}");
        }
        assert_eq!(report.ending(false), Ending::AsExpected);
    }
}

#[test]
fn another_hash_is_told() {
    let report = run_json(&value("sm2-block.json"), &Options { network: Some("sha256".into()), ..guomi() });
    assert_eq!(failed(&report), ["block-hash", "block-votes", "dag-hash", "read-write-root", "transactions-root"]);
}

/// The votes, each as its map's entry.
fn votes(file: &Value) -> (Vec<u8>, Vec<Vec<u8>>) {
    let text = file["block"]["additional_data"]["extra_data"]["TBFTAddtionalDataKey"].as_str().expect("base64");
    let bytes = STANDARD.decode(text).expect("base64");
    let (mut head, mut votes) = (Writer::new(), Vec::new());
    let mut fields = Fields::new(&bytes, 0);
    while let Some(field) = fields.next().expect("fields") {
        match field.number {
            6 => votes.push(field.bytes().expect("a vote").to_vec()),
            number @ 1..=4 => head = head.varint(number as u32, field.varint().expect("a number")),
            5 => head = head.bytes(5, field.bytes().expect("a hash")),
            _ => {}
        }
    }
    (head.finish(), votes)
}

fn with_votes(file: &mut Value, (head, votes): &(Vec<u8>, Vec<Vec<u8>>)) {
    let tail = votes.iter().fold(Writer::new(), |out, vote| out.message(6, vote)).finish();
    let text = STANDARD.encode([&head[..], &tail].concat());
    file["block"]["additional_data"]["extra_data"]["TBFTAddtionalDataKey"] = text.into();
}

#[test]
fn a_vote_counted_twice_is_refused_and_named() {
    for (file, options, voter) in [("block30.json", real(), NODES[1]), ("sm2-block.json", guomi(), "QmNode2")] {
        let mut block = value(file);
        let (head, mut list) = votes(&block);
        list[0] = list[1].clone();
        with_votes(&mut block, &(head, list));
        let report = run_json(&block, &options);
        assert_eq!((report.invalid, failed(&report)), (1, vec!["block-votes"]));
        let check = report.findings.iter().find(|f| f.what == What::Check("block-votes")).expect("it failed");
        assert_eq!(check.why, format!("the vote of {voter}: this signer's signature stands twice in the list"));
        // Without the nodes known, it is refused all the same.
        let unknown = Options { validators: Vec::new(), ..options };
        assert_eq!(failed(&run_json(&block, &unknown)), ["block-votes"]);
    }
}

#[test]
fn votes_that_are_too_few_or_strangers_are_told() {
    let mut block = value("block30.json");
    let (head, mut list) = votes(&block);
    list.pop();
    with_votes(&mut block, &(head, list));
    let report = run_json(&block, &real());
    assert_eq!(failed(&report), ["block-votes"]);
    assert_eq!(report.findings[0].why, "2 of 4 nodes voted for it, 3 must have");
    let report = run_json(&value("block30.json"), &Options { validators: nodes(2), ..real() });
    assert_eq!((report.invalid, failed(&report)), (1, vec!["block-votes"]));
    assert!(report.findings.iter().any(|finding| finding.why == "the voter is none of the consensus nodes"));
}

#[test]
fn an_endorser_that_stands_twice_is_refused_and_named() {
    let mut block = value("block30.json");
    block["block"]["txs"][0]["endorsers"][2] = block["block"]["txs"][0]["endorsers"][0].clone();
    let report = run_json(&block, &real());
    let twice = report.findings.iter().find(|finding| finding.what == What::Invalid).expect("one");
    assert!(twice.subject.ends_with("endorser 2 of wx-org1.chainmaker.org"), "{twice:?}");
    assert_eq!(twice.why, "this signer's signature stands twice in the list");
}

#[test]
fn bytes_behind_a_signature_are_not_read_and_a_high_s_is_valid() {
    let mut block = value("block30.json");
    let text = &mut block["block"]["header"]["signature"];
    let mut signature = STANDARD.decode(text.as_str().expect("base64")).expect("base64");
    signature.push(9);
    *text = STANDARD.encode(signature).into();
    assert_eq!(run_json(&block, &real()).valid, 8);
    // The third endorser's s is above half the order: 02 21 00 e5… in the file.
    let third =
        STANDARD.decode(block["block"]["txs"][0]["endorsers"][2]["signature"].as_str().expect("text")).expect("base64");
    assert!(third.windows(4).any(|four| four == [0x02, 0x21, 0x00, 0xe5]));
}

#[test]
fn broken_files_are_told_with_their_byte() {
    let bytes = vector("chainmaker/sm2-block.pb");
    for cut in 0..bytes.len() {
        if let Err(error) = protobuf::block_or_transaction(&bytes[..cut]) {
            assert!(error.offset <= cut, "cut at {cut}");
        }
    }
    for (text, why) in
        [("{", "EOF"), ("{\"block\":7}", "did not match"), ("{\"header\":{\"block_hash\":\"?\"}}", "nvalid")]
    {
        let report = run("chainmaker", &Options::default(), &[("broken", text.as_bytes().to_vec())]);
        assert!(
            report.findings[0].why.starts_with("at byte ") && report.findings[0].why.contains(why),
            "{:?}",
            report.findings
        );
    }
}

/// Places in a block that hold base64, and what must be refused when one of their bits changes: an item's name, and a check.
const PLACES: [(&str, &str, Option<&str>); 10] = [
    ("/block/header/signature", "proposer", None),
    ("/block/header/tx_root", "proposer", Some("transactions-root")),
    ("/block/header/dag_hash", "proposer", Some("dag-hash")),
    ("/block/header/rw_set_root", "proposer", Some("read-write-root")),
    ("/block/header/pre_block_hash", "proposer", Some("block-hash")),
    ("/block/header/block_hash", "", Some("block-hash")),
    ("/block/txs/0/sender/signature", "sender", Some("transactions-root")),
    ("/block/txs/0/endorsers/1/signature", "endorser 1", Some("transactions-root")),
    ("/block/txs/0/payload/parameters/0/value", "sender", Some("transactions-root")),
    ("/block/txs/0/result/rw_set_hash", "", Some("read-write-root")),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_block_is_refused_and_the_culprit_named(sm2 in any::<bool>(), place in 0_usize..10, byte in 0_usize..512, bit in 0_u8..8) {
        let (file, options, parameter) = if sm2 { ("sm2-block.json", guomi(), 0) } else { ("block30.json", real(), 4) };
        let mut block = value(file);
        let (pointer, item, check) = PLACES[place];
        let pointer = pointer.replace("parameters/0", &format!("parameters/{parameter}"));
        let text = block.pointer_mut(&pointer).expect("a place");
        let mut bytes = STANDARD.decode(text.as_str().expect("base64")).expect("base64");
        let byte = byte % bytes.len();
        bytes[byte] ^= 1 << bit;
        *text = STANDARD.encode(bytes).into();
        let report = run_json(&block, &options);
        let expected = format!("transaction 0 {}", block["block"]["txs"][0]["payload"]["tx_id"].as_str().expect("an id"));
        if let Some(check) = check {
            prop_assert!(failed(&report).contains(&check), "{:?}", report.findings);
        }
        if !item.is_empty() {
            let named = report.findings.iter().any(|finding| finding.what == What::Invalid && finding.subject.contains(item));
            prop_assert!(named, "{} is not in {:?}", item, report.findings);
            prop_assert!(item == "proposer" || report.findings.iter().any(|finding| finding.subject.contains(&expected)));
        }
        prop_assert_eq!(report.ending(false), Ending::NotAsExpected);
    }

    #[test]
    fn a_spoilt_vote_is_refused_and_named(which in 0_usize..3, byte in 0_usize..4_096, bit in 0_u8..8) {
        let mut block = value("sm2-block.json");
        let (head, mut list) = votes(&block);
        // The last 71 bytes or so of an entry are the signature.
        let at = list[which].len() - 1 - byte % 64;
        list[which][at] ^= 1 << bit;
        with_votes(&mut block, &(head, list));
        let report = run_json(&block, &guomi());
        prop_assert_eq!((report.invalid, failed(&report)), (1, vec!["block-votes"]), "{:?}", report.findings);
        let named = format!("vote {which} of {}", ["QmNode0", "QmNode2", "QmNode3"][which]);
        prop_assert!(report.findings[0].subject.contains(&named), "{:?}", report.findings);
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..7_000, flip in 1_u8..=255) {
        let _ = run("chainmaker", &Options::default(), &[("any", bytes)]);
        let mut block = vector("chainmaker/sm2-block.pb");
        let at = at % block.len();
        block[at] ^= flip;
        let _ = run("chainmaker", &guomi(), &[("any", block)]);
    }
}
