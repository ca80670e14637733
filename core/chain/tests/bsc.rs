//! BNB Smart Chain's profile on nine Parlia headers, and on spoilt copies of them.

mod common;

use assay_chain::bsc::header::Header;
use assay_chain::hash::keccak256;
use assay_chain::report::{Ending, What};
use assay_chain::{Options, Report, rlp};
use common::{run, vector};
use proptest::prelude::*;
use serde_json::Value;

fn headers() -> Vec<Value> {
    serde_json::from_slice(&vector("bsc/parlia_headers.json")).expect("a list")
}

fn run_json(list: &[Value]) -> Report {
    run("bsc", &Options::default(), &[("headers", serde_json::to_vec(list).expect("JSON"))])
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("text")
}

#[test]
fn nine_seals_and_attestations_are_valid() {
    let report = run_json(&headers());
    assert_eq!((report.items, report.valid), (18, 18), "{:?}", report.findings);
    assert_eq!(report.ending(true), Ending::AsExpected);
}

#[test]
fn hashes_are_those_that_the_fixture_states() {
    for entry in headers() {
        let raw = hex::decode(text(&entry, "header_rlp")).expect("hex");
        let header = Header::read(&rlp::take(&mut &raw[..], 0).expect("an item"), 9999).expect("a header");
        assert_eq!(hex::encode(header.hash), text(&entry, "hash"));
        assert_eq!(hex::encode(keccak256(&header.sealed)), text(&entry, "seal_hash"));
        assert_eq!(hex::encode(header.seal), text(&entry, "seal_sig"));
        let attestation = header.attestation.expect("each carries one");
        assert_eq!(hex::encode(attestation.vote_hash), text(&entry["attestation"], "vote_hash"));
        assert_eq!(header.epoch.is_some(), header.number.is_multiple_of(500));
    }
}

/// The nine headers as RLP, one after another.
fn raw() -> Vec<u8> {
    headers().iter().flat_map(|entry| hex::decode(text(entry, "header_rlp")).expect("hex")).collect()
}

#[test]
fn in_rlp_the_set_comes_from_beside_or_from_an_epochs_header() {
    let network = Some("9999".to_owned());
    let alone = Options { network: network.clone(), ..Options::default() };
    let report = run("bsc", &alone, &[("headers", raw())]);
    // The set that block 500 names counts for block 1000 and after.
    assert_eq!((report.valid, report.not_evaluated), (17, 1), "{:?}", report.findings);
    let set = serde_json::to_vec(&headers()[0]["attestation"]["validators"]).expect("JSON");
    let given = Options { network, validators: vec![("set".into(), set)], ..Options::default() };
    let report = run("bsc", &given, &[("headers", hex::encode(raw()).into_bytes())]);
    assert_eq!((report.valid, report.not_evaluated), (18, 0), "{:?}", report.findings);
    // Under another chain's id no seal is the coinbase's; the votes say no chain.
    let report = run("bsc", &Options { network: None, ..given }, &[("headers", raw())]);
    assert_eq!((report.valid, report.invalid), (9, 9));
    assert!(report.findings[0].why.contains("another's"), "{:?}", report.findings);
}

/// A header with its extra data changed.
fn with_extra(entry: &Value, change: impl FnOnce(&mut Vec<u8>)) -> Value {
    let bytes = hex::decode(text(entry, "header_rlp")).expect("hex");
    let item = rlp::take(&mut &bytes[..], 0).expect("a header");
    let mut fields: Vec<Vec<u8>> = item.items().expect("fields").iter().map(|field| field.raw.to_vec()).collect();
    let mut extra = rlp::take(&mut &fields[12][..], 0).expect("bytes").payload.to_vec();
    change(&mut extra);
    fields[12].clear();
    alloy_rlp::Encodable::encode(&extra[..], &mut fields[12]);
    let mut entry = entry.clone();
    let parts: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    entry["header_rlp"] = hex::encode(rlp::list(&parts)).into();
    entry
}

#[test]
fn votes_that_are_too_few_or_beyond_the_set_are_told() {
    let all = headers();
    // Block 1001 is no epoch's: the attestation begins behind the vanity, its bitset two bytes on.
    let why = |bitset: u8| {
        let report = run_json(&[with_extra(&all[2], |extra| extra[32 + 2] = bitset)]);
        let finding = report.findings.iter().find(|f| f.subject.ends_with("attestation")).cloned().expect("spoilt");
        assert_eq!(finding.what, What::Invalid);
        finding.why
    };
    assert!(why(0b0011).contains("2 votes, 3 of 4 needed"));
    assert!(why(0b1_0111).contains("beyond"));
    assert!(why(0b0111).contains("equation"), "three of four are enough, and the signature is all four's");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_header_is_named(which in 0_usize..9, at in any::<usize>(), bit in 0_u32..8) {
        let mut all = headers();
        all[which] = with_extra(&all[which], |extra| {
            let at = at % extra.len();
            extra[at] ^= 1 << bit;
        });
        let report = run_json(&all);
        if report.unreadable == 0 {
            let number = all[which]["number"].as_u64().expect("a number");
            prop_assert!(report.invalid >= 1, "{:?}", report.findings);
            for finding in &report.findings {
                prop_assert!(finding.subject.contains(&format!("block {number} ")), "{:?}", finding);
            }
            prop_assert!(report.findings.iter().any(|finding| finding.subject.ends_with("seal")));
        }
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), list in any::<bool>()) {
        if list {
            bytes.insert(0, 0xf9);
        }
        let report = run("bsc", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.valid, 0);
        let mut real = raw();
        real.truncate(1_200);
        let _ = run("bsc", &Options::default(), &[("cut", real)]);
    }
}
