//! Receipts and proofs that another program made, and spoilt copies of them.

mod common;

use assay_chain::evidence::page::{Headline, Row, Standing, page};
use assay_chain::evidence::receipt::Receipt;
use assay_chain::report::{Ending, What};
use assay_chain::{Options, Report};
use common::{run, vector};
use proptest::prelude::*;
use serde_json::{Value, json};

fn made() -> Value {
    serde_json::from_slice(&vector("evidence/made.json")).expect("JSON")
}

fn receipts() -> Vec<Value> {
    made()["receipts"].as_array().expect("a list").clone()
}

fn notary(pem: &Value) -> Options {
    let pem = pem.as_str().expect("PEM").as_bytes().to_vec();
    Options { validators: vec![("notary.pem".into(), pem)], ..Options::default() }
}

fn run_json(options: &Options, value: &Value) -> Report {
    run("evidence", options, &[("receipt", serde_json::to_vec(value).expect("JSON"))])
}

#[test]
fn receipts_and_proofs_of_another_program_hold() {
    for entry in receipts() {
        let report = run_json(&notary(&entry["notary"]), &entry["receipt"]);
        assert_eq!((report.items, report.valid), (2, 2), "{:?}", report.findings);
        assert_eq!((report.checks["root"].ok, report.checks["root"].failed), (1, 0));
        assert_eq!(report.ending(true), Ending::AsExpected);
        for proof in entry["proofs"].as_array().expect("a list") {
            let report = run_json(&notary(&entry["notary"]), proof);
            assert_eq!((report.valid, report.checks["inclusion"].ok), (2, 1), "{:?}", report.findings);
        }
        if !entry["certificate"].is_null() {
            assert_eq!(run_json(&notary(&entry["certificate"]), &entry["receipt"]).valid, 2, "a certificate");
        }
    }
}

#[test]
fn proofs_are_those_that_a_receipt_gives() {
    for entry in receipts() {
        let receipt = Receipt::read(&serde_json::to_vec(&entry["receipt"]).expect("JSON")).expect("a receipt");
        for proof in entry["proofs"].as_array().expect("a list") {
            let name = proof["inclusion"]["document"]["name"].as_str().expect("a name");
            let ours: Value = serde_json::from_str(&receipt.proof(name).expect("listed").to_json()).expect("JSON");
            assert_eq!(&ours, proof);
        }
        assert!(receipt.proof("2024/contract-9.txt").is_none());
    }
}

#[test]
fn the_receipts_own_key_proves_nothing() {
    let [rsa, sm2, other] = &receipts()[..] else { panic!("three") };
    let report = run_json(&Options::default(), &rsa["receipt"]);
    assert_eq!((report.valid, report.not_evaluated), (0, 2), "without a notary's key");
    let report = run_json(&notary(&sm2["notary"]), &rsa["receipt"]);
    assert_eq!(report.invalid, 2);
    assert!(report.findings[0].why.contains("another key than the notary's"), "{:?}", report.findings);
    // The right key among several.
    let mut both = notary(&sm2["notary"]);
    both.validators.extend(notary(&rsa["notary"]).validators);
    assert_eq!(run_json(&both, &rsa["receipt"]).valid, 2);
    // The user id is part of what is signed.
    let mut plain = other["receipt"].clone();
    plain["notary"].as_object_mut().expect("an object").remove("user_id");
    assert_eq!(run_json(&notary(&other["notary"]), &plain).invalid, 2);
}

#[test]
fn each_changed_field_is_refused_by_name() {
    type Change = fn(&mut Value);
    let changes: [(&str, usize, usize, Change); 6] = [
        ("account", 2, 0, |receipt| receipt["notary"]["account"] = json!("court-8")),
        ("time", 2, 0, |receipt| receipt["notary"]["time_ms"] = json!(1_700_000_000_124_u64)),
        ("root", 1, 1, |receipt| receipt["root"] = json!("11".repeat(32))),
        ("a digest", 0, 1, |receipt| receipt["documents"][3]["digest"] = json!("11".repeat(32))),
        ("the order", 0, 1, |receipt| receipt["documents"].as_array_mut().expect("a list").swap(1, 2)),
        ("a document fewer", 1, 1, |receipt| {
            receipt["documents"].as_array_mut().expect("a list").pop();
            receipt["count"] = json!(6);
        }),
    ];
    for entry in receipts() {
        for (what, invalid, roots, change) in changes {
            let mut receipt = entry["receipt"].clone();
            change(&mut receipt);
            let report = run_json(&notary(&entry["notary"]), &receipt);
            let failed = report.checks["root"].failed;
            assert_eq!((report.invalid, failed), (invalid, roots), "{what}: {:?}", report.findings);
            assert!(report.findings.iter().all(|finding| finding.subject.contains("receipt")));
        }
        let mut proof = entry["proofs"][2].clone();
        proof["inclusion"]["index"] = json!(3);
        let report = run_json(&notary(&entry["notary"]), &proof);
        assert_eq!(report.checks["inclusion"].failed, 1);
        proof["inclusion"]["index"] = json!(7);
        let report = run_json(&notary(&entry["notary"]), &proof);
        assert!(
            report.findings.iter().any(|f| f.what == What::Check("inclusion") && f.why.contains("not of its place"))
        );
    }
}

#[test]
fn what_is_no_receipt_is_unreadable() {
    let entry = receipts().swap_remove(0);
    for change in [
        (|receipt: &mut Value| receipt["format"] = json!("assay-evidence/2")) as fn(&mut Value),
        |receipt| receipt["tree"] = json!("flat"),
        |receipt| receipt["count"] = json!(8),
        |receipt| receipt["documents"] = json!([]),
        |receipt| receipt["documents"][1]["name"] = receipt["documents"][0]["name"].clone(),
        |receipt| receipt["documents"][1]["name"] = json!("a\nroot 00"),
        |receipt| receipt["notary"]["account"] = json!(""),
        |receipt| receipt["notary"]["signature"] = json!("0"),
        |receipt| receipt["hash"] = json!("md5"),
        |receipt| drop(receipt.as_object_mut().expect("an object").remove("documents")),
    ] {
        let mut receipt = entry["receipt"].clone();
        change(&mut receipt);
        let report = run_json(&notary(&entry["notary"]), &receipt);
        assert_eq!((report.unreadable, report.valid), (1, 0), "{receipt}");
    }
}

#[test]
fn the_page_shows_what_is_wrong_and_keeps_names_as_text() {
    let entry = receipts().swap_remove(0);
    let receipt = Receipt::read(&serde_json::to_vec(&entry["receipt"]).expect("JSON")).expect("a receipt");
    let row = |name: &str, standing| Row { name: name.to_owned(), known: Some((3, [7; 32])), standing };
    let rows =
        [row("<script>alert(1)</script>", Standing::Same), row("b", Standing::Changed("its digest is 00".into()))];
    let page_of = |headline: &Headline| page(&receipt, headline, &rows);
    let text = page_of(&Headline::Fails(vec!["b is not the one that was notarised".into()]));
    assert!(text.contains("The evidence does not hold") && text.contains("b is not the one that was notarised"));
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"), "names are text");
    assert!(text.contains("case-2041 &amp; more") && text.contains("2023-11-14 22:13:20 UTC"));
    assert!(
        text.find("changed: its digest is 00").expect("listed") < text.rfind("same").expect("listed"),
        "wrong ones first"
    );
    assert!(page_of(&Headline::Holds).contains("7 documents, signed 2023-11-14"));
    for outside in ["http", "src=", "@import", "url("] {
        assert!(!text.contains(outside), "{outside}: a page of its own");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_digit_is_found(which in 0_usize..3, of_proof in any::<bool>(), at in any::<usize>(), by in 1_u8..16) {
        let entry = receipts().swap_remove(which);
        let value = if of_proof { &entry["proofs"][4] } else { &entry["receipt"] };
        let mut text = serde_json::to_vec(value).expect("JSON");
        // Only digits that stand in a run of 64 or more: digests, roots, signatures, keys.
        let digits: Vec<usize> = (0..text.len()).filter(|at| {
            let run = |range: &mut dyn Iterator<Item = usize>| range.take_while(|at| text[*at].is_ascii_hexdigit()).count();
            text[*at].is_ascii_hexdigit() && run(&mut (*at..text.len())) + run(&mut (0..*at).rev()) >= 64
        }).collect();
        let at = digits[at % digits.len()];
        let digit = u8::from_str_radix(std::str::from_utf8(&text[at..=at]).expect("hex"), 16).expect("hex");
        text[at] = b"0123456789abcdef"[usize::from(digit ^ by)];
        let report = run("evidence", &notary(&entry["notary"]), &[("spoilt", text)]);
        prop_assert!(report.ending(false) != Ending::AsExpected, "byte {at}: {:?}", report.findings);
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in any::<usize>()) {
        let report = run("evidence", &Options::default(), &[("any", bytes.clone())]);
        prop_assert_eq!(report.unreadable, 1);
        let mut text = serde_json::to_vec(&receipts()[0]["receipt"]).expect("JSON");
        text.truncate(cut % text.len());
        text.extend(bytes);
        let report = run("evidence", &Options::default(), &[("cut", text)]);
        prop_assert_eq!(report.valid, 0);
    }
}
