//! FISCO BCOS' profile on real headers with their sealers' votes, on real and made transactions, and on spoilt copies.

mod common;

use assay_chain::claims::Collector;
use assay_chain::fisco::tars;
use assay_chain::input::Reader;
use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report, rlp};
use assay_scheme::{Parameters, Row};
use common::{Reference, run, run_with, vector};
use proptest::prelude::*;
use serde_json::{Value, json};

fn lists() -> Vec<Value> {
    serde_json::from_slice(&vector("fisco/pbft_signature_lists.json")).expect("a list")
}

fn run_json(value: &impl serde::Serialize) -> Report {
    run("fisco-bcos", &Options::default(), &[("blocks", serde_json::to_vec(value).expect("JSON"))])
}

fn hexed(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("text");
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).expect("hex")
}

#[test]
fn twenty_votes_of_which_the_edited_one_is_invalid() {
    let report = run_json(&lists());
    // Votes, one v2 transaction, and one of a release candidate of v3.
    assert_eq!((report.items, report.valid, report.invalid, report.not_evaluated), (22, 20, 1, 1));
    assert_eq!((report.checks["pbft"].ok, report.checks["pbft"].failed), (8, 1));
    let named: Vec<_> = report.findings.iter().map(|finding| (&finding.subject[..], &finding.what)).collect();
    let block = "blocks: block 1 0xaa3fb2b657db63ca437f9b862bab1a5e06bb0be6281cd78bf51373beafc97f5b";
    assert_eq!(named, [(&format!("{block} signature of sealer 0")[..], &What::Invalid), (block, &What::Check("pbft"))]);
    // Every header that is not a release candidate's has the hash it states.
    for (check, times) in [("header-hash", 6), ("transactions-root", 1), ("transaction-hash", 1)] {
        assert_eq!((report.checks[check].ok, report.checks[check].failed), (times, 0), "{check}");
    }
    let honest: Vec<Value> = lists().into_iter().enumerate().filter(|(at, _)| *at != 6).map(|(_, list)| list).collect();
    assert_eq!(run_json(&honest).ending(false), Ending::AsExpected);
}

#[test]
fn envelopes_and_lone_headers_are_read() {
    let header = &lists()[3]["header"];
    for value in [json!({"id": 1, "jsonrpc": "2.0", "result": header}), header.clone(), json!([{"header": header}])] {
        let report = run_json(&value);
        assert_eq!((report.valid, report.checks["pbft"].ok, report.checks["header-hash"].ok), (3, 1, 1));
    }
    let deep = json!({"result": {"result": {"result": {"result": header}}}});
    assert_eq!(run_json(&deep).unreadable, 1);
}

#[test]
fn the_sm2_known_answer_holds_in_its_mode_and_fails_in_the_two_wrong_ones() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("fisco/sm2_kat.json")).expect("a list");
    let case = &cases[0];
    let (key, signature, digest) = (hexed(&case["pubkey"]), hexed(&case["signature_r_s"]), hexed(&case["hash"]));
    let mut collector = Collector::new(&Reference);
    let plain = Parameters::default();
    let right = collector.push(Row::Sm2Za, &plain, 0x04, &key, &signature, &digest);
    let digest_as_e = collector.push(Row::Sm2E, &plain, 0x04, &key, &signature, &digest);
    let message = collector.push(Row::Sm2Za, &plain, 0x04, &key, &signature, b"abcd");
    collector.settle();
    assert!(collector.verdict(right).is_valid());
    assert!(!collector.verdict(digest_as_e).is_valid());
    assert!(!collector.verdict(message).is_valid());
}

#[test]
fn real_transactions_of_v3_have_their_hash_and_sender() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("fisco/v3_transactions.json")).expect("a list");
    let whole: String = cases.iter().map(|case| case["raw"].as_str().expect("text")).collect();
    let file = [("transactions", whole.into_bytes())];
    let report = run_with("fisco-bcos", &Options::default(), &file, Detail::Items);
    assert_eq!((report.items, report.valid), (2, 2), "{:?}", report.findings);
    assert_eq!((report.checks["transaction-hash"].ok, report.checks["transaction-hash"].failed), (2, 0));
    for (case, finding) in cases.iter().zip(&report.findings) {
        assert!(finding.subject.ends_with(case["hash"].as_str().expect("text")), "{finding:?}");
    }
    // The sender that another library recovered, stated in field 7, and another one.
    for (flip, valid) in [(0, 2), (1, 1)] {
        let mut first = hexed(&cases[0]["raw"]);
        let mut sender = hexed(&cases[0]["sender"]);
        sender[3] ^= flip;
        first.extend([0x7d, 0, 0, 20]);
        first.extend(sender);
        first.extend(hexed(&cases[1]["raw"]));
        let report = run("fisco-bcos", &Options::default(), &[("transactions", first)]);
        assert_eq!((report.items, report.valid), (2, valid), "{:?}", report.findings);
    }
}

/// Made by `vectors/fisco/make_transactions.py` with other libraries.
#[test]
fn made_transactions_of_every_kind() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("fisco/made_transactions.json")).expect("a list");
    for case in &cases {
        let raw = case["raw"].as_str().expect("text").as_bytes().to_vec();
        for network in [None, Some(case["suite"].as_str().expect("text").to_owned())] {
            let options = Options { network, ..Options::default() };
            let report = run_with("fisco-bcos", &options, &[("made", raw.clone())], Detail::Items);
            assert_eq!((report.items, report.valid == 1), (1, case["valid"] == true), "{case} {:?}", report.findings);
            assert!(
                report.findings[0].subject.ends_with(case["hash"].as_str().expect("text")),
                "{:?}",
                report.findings
            );
            assert!(!report.checks_failed(), "{:?}", report.findings);
        }
        let other = SUITES.into_iter().find(|suite| case["suite"] != *suite).expect("two");
        let options = Options { network: Some(other.to_owned()), ..Options::default() };
        assert_eq!(run("fisco-bcos", &options, &[("made", raw)]).valid, 0, "{case}");
    }
    assert!(cases.iter().filter(|case| case["valid"] == false).count() == 3);
}

const SUITES: [&str; 2] = ["secp256k1-keccak256", "sm2-sm3"];

#[test]
fn a_v2_transaction_from_rpc_is_the_one_that_travelled() {
    let transaction = &lists()[0]["header"]["transactions"][0];
    let number = |field: &str| {
        let digits = &transaction[field].as_str().expect("text")[2..];
        let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
        let bytes = hex::decode(even).expect("hex");
        bytes[bytes.iter().take_while(|byte| **byte == 0).count()..].to_vec()
    };
    let mut items = Vec::new();
    for field in ["nonce", "gasPrice", "gas", "blockLimit"] {
        alloy_rlp::Encodable::encode(&number(field)[..], &mut items);
    }
    alloy_rlp::Encodable::encode(&hexed(&transaction["to"])[..], &mut items);
    alloy_rlp::Encodable::encode(&number("value")[..], &mut items);
    alloy_rlp::Encodable::encode(&hexed(&transaction["input"])[..], &mut items);
    for field in ["chainId", "groupId"] {
        alloy_rlp::Encodable::encode(&number(field)[..], &mut items);
    }
    alloy_rlp::Encodable::encode(&[][..] as &[u8], &mut items);
    let signature = hexed(&transaction["signature"]["signature"]);
    for field in [&[27 + signature[64]][..], &signature[..32], &signature[32..64]] {
        alloy_rlp::Encodable::encode(field, &mut items);
    }
    let raw = rlp::list(&[&items]);
    let report = run_with("fisco-bcos", &Options::default(), &[("raw", raw)], Detail::Items);
    assert_eq!((report.items, report.valid), (1, 1), "{:?}", report.findings);
    assert!(report.findings[0].subject.ends_with(transaction["hash"].as_str().expect("text")), "{:?}", report.findings);
}

/// A list's header with its votes changed.
fn with_votes(list: usize, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut header = lists()[list]["header"].clone();
    change(header["signatureList"].as_array_mut().expect("votes"));
    header
}

#[test]
fn a_sealer_counted_twice_is_named() {
    for list in [1, 3, 7] {
        let mut twice = 0;
        let header = with_votes(list, |votes| {
            votes[2] = votes[0].clone();
            let index = votes[0].get("index").or(votes[0].get("sealerIndex")).expect("an index");
            twice = index
                .as_str()
                .map_or_else(|| index.as_u64(), |text| u64::from_str_radix(&text[2..], 16).ok())
                .expect("small");
        });
        let report = run_json(&header);
        assert_eq!((report.valid, report.invalid), (2, 1), "{:?}", report.findings);
        assert_eq!(report.checks["pbft"].failed, 1);
        for finding in &report.findings {
            assert!(finding.why.contains("one signer counts once"), "{finding:?}");
            assert!(format!("{} {}", finding.subject, finding.why).contains(&format!("sealer {twice}")), "{finding:?}");
        }
    }
}

#[test]
fn too_little_weight_and_sealers_beyond_the_list_are_named() {
    let report = run_json(&with_votes(3, |votes| drop(votes.pop())));
    assert_eq!((report.valid, report.invalid, report.checks["pbft"].failed), (2, 0, 1));
    assert!(report.findings[0].why.contains("weight 2 signed, 3 of 4 needed"), "{:?}", report.findings);
    // With its weight the third alone is enough, though the header is then another.
    let mut weighted = with_votes(3, |votes| drop(votes.drain(..2)));
    weighted["consensusWeights"] = json!([1, 1, 7, 1]);
    let report = run_json(&weighted);
    assert_eq!((report.valid, report.checks["pbft"].ok, report.checks["header-hash"].failed), (1, 1, 1));
    let report = run_json(&with_votes(3, |votes| votes[0]["sealerIndex"] = json!(4)));
    assert!(report.findings[0].why.contains("there are 4 sealers"), "{:?}", report.findings);
    let report = run_json(&with_votes(1, Vec::clear));
    assert_eq!((report.items, report.checks["pbft"].failed), (0, 1));
    // A vote given out as another sealer's.
    for list in [1, 3, 7] {
        let report = run_json(&with_votes(list, |votes| {
            let other = votes[1]["signature"].clone();
            votes[0]["signature"] = other;
        }));
        assert_eq!((report.invalid, report.checks["pbft"].failed), (1, 1), "{:?}", report.findings);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_digit_is_found(list in 0_usize..4, vote in 0_usize..3, at in 2_usize..130, by in 1_u8..16) {
        let list = [1, 3, 7, 8][list];
        let header = with_votes(list, |votes| {
            let mut text = votes[vote]["signature"].as_str().expect("text").as_bytes().to_vec();
            let digit = u8::from_str_radix(std::str::from_utf8(&text[at..=at]).expect("hex"), 16).expect("hex");
            text[at] = b"0123456789abcdef"[usize::from(digit ^ by)];
            votes[vote]["signature"] = String::from_utf8(text).expect("hex").into();
        });
        let report = run_json(&header);
        prop_assert_eq!((report.valid, report.invalid, report.checks["pbft"].failed), (2, 1, 1), "{:?}", report.findings);
        prop_assert!(report.findings[0].subject.contains("signature of sealer"));
        prop_assert!(report.findings[1].why.contains("sealer "), "the check names the culprit");
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), first in 0_usize..4) {
        bytes.splice(0..0, [&b"{"[..], b"\x1a", b"\xf8", b"["][first].iter().copied());
        let report = run("fisco-bcos", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.valid, 0);
    }

    #[test]
    fn a_cut_or_changed_transaction_never_passes(case in 0_usize..2, at in any::<usize>(), bit in 0_u32..8) {
        let cases: Vec<Value> = serde_json::from_slice(&vector("fisco/v3_transactions.json")).expect("a list");
        let mut raw = hexed(&cases[case]["raw"]);
        let at = at % raw.len();
        raw[at] ^= 1 << bit;
        let report = run("fisco-bcos", &Options::default(), &[("spoilt", raw.clone())]);
        // What is hashed has another hash; what is signed with, another sender, which nothing states here. The last fields
        // are the transaction's import time and attribute, which nobody signs. The hash does not mark where a field ends:
        // bytes that move to a neighbouring field leave it as it was, which is the chain's own rule.
        let hashed = |raw: &[u8]| Some(tars::transaction(&mut Reader::new(raw)).ok()?.data.preimage());
        let same = hashed(&raw) == hashed(&hexed(&cases[case]["raw"]));
        let signed = raw.len() - if case == 1 { 67 } else { 65 };
        prop_assert!(
            at >= signed || same || report.ending(false) != Ending::AsExpected,
            "byte {at}: {:?}", report.findings
        );
        raw.truncate(at);
        let _ = run("fisco-bcos", &Options::default(), &[("cut", raw)]);
    }
}
