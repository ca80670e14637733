//! VeChain's profile on signed transactions, legacy and delegated, and on spoilt copies of them.

mod common;

use assay_chain::report::Ending;
use assay_chain::vechain::Transaction;
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::Value;

fn transactions() -> Vec<Value> {
    serde_json::from_slice(&vector("vechain/extracted_txs.json")).expect("a list")
}

fn run_json(list: &[Value]) -> Report {
    run("vechain", &Options::default(), &[("transactions", serde_json::to_vec(list).expect("JSON"))])
}

#[test]
fn origins_delegators_and_ids_are_those_stated() {
    let all = transactions();
    let report = run_json(&all);
    assert_eq!((report.items, report.valid), (6, 6), "four origins, two delegators: {:?}", report.findings);
    assert_eq!((report.checks["id"].ok, report.checks["stated"].ok), (4, 6), "{:?}", report.findings);
    assert_eq!(report.ending(true), Ending::AsExpected);
    for entry in &all {
        let raw = hex::decode(entry["raw"].as_str().expect("hex")).expect("hex");
        let transaction = Transaction::take(&mut &raw[..], 0).expect("a transaction");
        assert_eq!(hex::encode(transaction.signing_hash), entry["signing_hash"].as_str().expect("hex"));
        let file = [("raw", hex::encode(&raw).into_bytes())];
        let report = run_with("vechain", &Options::default(), &file, Detail::Items);
        assert!(report.notes[0].contains(entry["id"].as_str().expect("hex")), "{:?}", report.notes);
    }
}

#[test]
fn another_chains_tag_is_told() {
    let options = Options { network: Some("testnet".into()), ..Options::default() };
    let report = run("vechain", &options, &[("all", vector("vechain/extracted_txs.json"))]);
    assert_eq!((report.checks["chain-tag"].ok, report.checks["chain-tag"].failed), (1, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_transaction_is_named(which in 0_usize..4, at in any::<usize>(), bit in 0_u32..8) {
        let mut all = transactions();
        let mut raw = hex::decode(all[which]["raw"].as_str().expect("hex")).expect("hex");
        let at = at % raw.len();
        raw[at] ^= 1 << bit;
        all[which]["raw"] = hex::encode(raw).into();
        let report = run_json(&all);
        if report.unreadable == 0 {
            // Another key is recovered, or none; in a delegator's signature alone the origin stays.
            prop_assert!(!report.findings.is_empty());
            prop_assert_eq!(report.ending(false), Ending::NotAsExpected);
            for finding in &report.findings {
                prop_assert!(finding.subject.starts_with(&format!("transactions: transaction {which}")), "{:?}", finding);
            }
        } else {
            prop_assert!(report.findings[0].why.contains(&format!("transaction {which}")), "{:?}", report.findings);
        }
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..3) {
        if kind > 0 {
            bytes.insert(0, [0xf9, 0x51][kind - 1]);
        }
        let report = run("vechain", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.valid + report.invalid, report.items);
    }
}
