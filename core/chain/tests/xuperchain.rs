//! XuperChain's profile on real transactions and a real block, on made ones of every version and curve, and on spoilt copies.

mod common;

use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A JSON text as it stands, so that long integers are not rounded on the way.
fn real() -> String {
    String::from_utf8(vector("xuperchain/docs_txs_and_block.json")).expect("text")
}

fn made() -> Value {
    serde_json::from_slice(&vector("xuperchain/made.json")).expect("JSON")
}

fn validators(set: usize) -> Options {
    let list = serde_json::to_vec(&made()["validators"][set]).expect("JSON");
    Options { validators: vec![("validators".into(), list)], ..Options::default() }
}

fn run_text(options: &Options, text: impl Into<Vec<u8>>) -> Report {
    run("xuperchain", options, &[("file", text.into())])
}

fn run_json(options: &Options, value: &Value) -> Report {
    run_text(options, serde_json::to_vec(value).expect("JSON"))
}

#[test]
fn three_real_transactions_and_a_block() {
    let file = [("docs", real().into_bytes())];
    let report = run_with("xuperchain", &Options::default(), &file, Detail::Items);
    assert_eq!((report.items, report.valid), (7, 7), "{:?}", report.findings);
    for (check, times) in [("txid", 3), ("merkle-tree", 1)] {
        assert_eq!((report.checks[check].ok, report.checks[check].failed), (times, 0), "{check}");
    }
    assert_eq!(report.ending(true), Ending::AsExpected);
    assert_eq!(report.notes.len(), 1, "what the block's id covers is not all there");
}

#[test]
fn made_transactions_of_every_version_and_curve() {
    for (place, transaction) in made()["transactions"].as_array().expect("a list").iter().enumerate() {
        let signatures = 1 + transaction["authRequire"].as_array().expect("a list").len();
        for value in [transaction.clone(), json!([transaction]), json!({"transactions": [{"tx": transaction}]})] {
            let report = run_json(&Options::default(), &value);
            assert_eq!((report.items, report.valid), (signatures, signatures), "{place}: {:?}", report.findings);
            assert_eq!((report.checks["txid"].ok, report.checks["txid"].failed), (1, 0), "{place}");
        }
    }
    // An account's signature is good, and whether it may sign for the account is not known here.
    let report = run_json(&Options::default(), &made()["by_account"]);
    assert_eq!((report.valid, report.not_evaluated), (1, 1), "{:?}", report.findings);
    let mut spoilt = made()["by_account"].clone();
    spoilt["initiatorSigns"][0]["sign"] = spoilt["authRequireSigns"][0]["publickey"].as_str().map(hex::encode).into();
    assert_eq!(run_json(&Options::default(), &spoilt).invalid, 1, "though a bad one is refused");
}

#[test]
fn whole_blocks_with_their_certificates() {
    for (set, transactions) in [(0, 5), (1, 3)] {
        let block = &made()["blocks"][set];
        let report = run_json(&validators(set), block);
        // The block's signature, two a transaction that is no reward, three votes.
        let items = 1 + 2 * (transactions - 1) + 3;
        assert_eq!((report.items, report.valid), (items, items), "{:?}", report.findings);
        for (check, times) in
            [("blockid", 1), ("merkle", 1), ("merkle-tree", 1), ("tx-count", 1), ("qc", 1), ("txid", transactions)]
        {
            assert_eq!((report.checks[check].ok, report.checks[check].failed), (times, 0), "{check}");
        }
        // Who the validators are is not in the block.
        let report = run_json(&Options::default(), block);
        assert_eq!((report.valid, report.not_evaluated), (items, 1));
        assert!(!report.checks.contains_key("qc"));
        // Another set's votes do not count.
        let report = run_json(&validators(1 - set), block);
        assert_eq!((report.not_evaluated, report.checks["qc"].failed), (3, 1), "{:?}", report.findings);
        assert!(report.findings.last().expect("the certificate").why.contains("0 votes, 2 of 4"));
    }
}

#[test]
fn a_validator_counted_twice_is_named() {
    for set in 0..2 {
        let mut block = made()["blocks"][set].clone();
        let votes = block["justify"]["signInfos"]["QCSignInfos"].as_array_mut().expect("votes");
        votes[2] = votes[0].clone();
        let twice = votes[0]["address"].as_str().expect("text").to_owned();
        let report = run_json(&validators(set), &block);
        assert_eq!((report.invalid, report.checks["qc"].failed), (1, 1), "{:?}", report.findings);
        // The block's id covers the votes, so that it is another's now.
        assert_eq!(report.checks["blockid"].failed, 1);
        let named = report.findings.iter().filter(|finding| finding.why.contains("one signer counts once"));
        let named: Vec<_> =
            named.map(|finding| (finding.what.clone(), format!("{} {}", finding.subject, finding.why))).collect();
        assert_eq!(named.len(), 2, "the vote and the certificate");
        assert!(named.iter().all(|(_, text)| text.contains(&twice)), "{named:?}");
        assert!(named.iter().any(|(what, _)| *what == What::Check("qc")));
    }
}

#[test]
fn too_few_votes_and_strangers_keys_are_refused() {
    let mut block = made()["blocks"][0].clone();
    let votes = block["justify"]["signInfos"]["QCSignInfos"].as_array_mut().expect("votes");
    votes.truncate(1);
    let report = run_json(&validators(0), &block);
    assert!(report.findings.iter().any(|finding| finding.why.contains("1 votes, 2 of 4")), "{:?}", report.findings);
    // A key that is not the address's.
    let mut transaction = made()["transactions"][2].clone();
    transaction["authRequireSigns"][1] = transaction["authRequireSigns"][0].clone();
    let report = run_json(&Options::default(), &transaction);
    assert_eq!((report.invalid, report.checks["txid"].failed), (1, 1), "{:?}", report.findings);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.why.contains("the key is ") && finding.subject.ends_with("signature 1"))
    );
    // A miner who is not the proposer.
    let mut block = made()["blocks"][0].clone();
    block["proposer"] = made()["validators"][0][1].clone();
    let report = run_json(&validators(0), &block);
    assert!(report.findings.iter().any(|finding| finding.why.contains("not the proposer's")), "{:?}", report.findings);
}

#[test]
fn a_tree_that_does_not_follow_is_named() {
    let block = made()["blocks"][0].clone();
    for place in 0..15 {
        let mut spoilt = block.clone();
        let node = spoilt["merkleTree"][place].as_str().expect("text").to_owned();
        let other = if node.is_empty() { "11".repeat(32) } else { String::new() };
        spoilt["merkleTree"][place] = other.into();
        let report = run_json(&validators(0), &spoilt);
        assert_eq!(report.checks["merkle-tree"].failed, 1, "node {place}: {:?}", report.findings);
        assert_eq!(report.findings.len(), 1);
    }
    // A doubled tail has the same root, and is found.
    let mut doubled = block;
    let last = doubled["transactions"][4].clone();
    doubled["transactions"].as_array_mut().expect("a list").push(last);
    let report = run_json(&validators(0), &doubled);
    assert_eq!((report.checks["merkle"].failed, report.checks["tx-count"].failed), (1, 1));
    assert!(report.findings.iter().any(|finding| finding.why.contains("stands twice")), "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A digit of a signature or an id in the real file.
    #[test]
    fn a_spoilt_digit_is_found(which in any::<usize>(), by in 1_u8..16) {
        let mut text = real().into_bytes();
        let names = ["\"sign\": \"", "\"txid\": \"", "\"refTxid\": \"", "\"blockid\": \"e83e"];
        let places: Vec<usize> = names.iter().flat_map(|name| {
            let whole = String::from_utf8_lossy(&text).into_owned();
            whole.match_indices(name).map(|(at, _)| at + name.len()).collect::<Vec<_>>()
        }).collect();
        let start = places[which % places.len()];
        let len = text[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        prop_assume!(len > 0);
        let at = start + (which / places.len()) % len;
        let digit = u8::from_str_radix(std::str::from_utf8(&text[at..=at]).expect("hex"), 16).expect("hex");
        text[at] = b"0123456789abcdef"[usize::from(digit ^ by)];
        let report = run_text(&Options::default(), text);
        prop_assert!(report.ending(false) != Ending::AsExpected, "byte {at}");
        prop_assert!(report.findings.iter().all(|finding| !finding.subject.is_empty() && !finding.why.is_empty()));
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<usize>()) {
        for start in ["{", "[", "{\"txid\":", "{\"blockid\":\"\",\"merkleTree\":["] {
            let report = run_text(&Options::default(), [start.as_bytes(), &bytes].concat());
            prop_assert_eq!(report.valid, 0);
        }
        let mut text = real().into_bytes();
        text.truncate(cut % text.len());
        prop_assert_eq!(run_text(&Options::default(), text).unreadable, 1);
    }
}
