//! BSN gateway messages in their five forms, made by an independent implementation, and spoilt copies of them.

mod common;

use assay_chain::report::Ending;
use assay_chain::{Options, Report};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{run, vector};
use proptest::prelude::*;
use serde_json::Value;

fn messages() -> Vec<Value> {
    serde_json::from_slice(&vector("bsn/gateway.json")).expect("a list")
}

fn run_json(messages: &[Value]) -> Report {
    run("bsn", &Options::default(), &[("gateway", serde_json::to_vec(messages).expect("JSON"))])
}

fn mac(message: &Value) -> Vec<u8> {
    STANDARD.decode(message["mac"].as_str().expect("text")).expect("base64")
}

#[test]
fn five_forms_are_valid() {
    let report = run_json(&messages());
    assert_eq!((report.items, report.valid), (5, 5), "{:?}", report.findings);
    assert_eq!(report.ending(true), Ending::AsExpected);
    // One alone is a file too.
    for message in messages() {
        let report = run("bsn", &Options::default(), &[("one", message.to_string().into_bytes())]);
        assert_eq!(report.valid, 1);
    }
}

#[test]
fn another_signer_is_named() {
    let mut list = messages();
    for message in &mut list[3..] {
        message["address"] = "00".repeat(20).into();
        message.as_object_mut().expect("an object").remove("key");
    }
    let report = run_json(&list);
    assert_eq!((report.valid, report.invalid), (3, 2));
    assert_eq!(report.findings[0].why, "the signature is another's");
    assert_eq!(report.findings[1].why, "the signature's key is another's");
    // A key and an address that do not agree are the file's mistake.
    let mut list = messages();
    list[3]["address"] = "00".repeat(20).into();
    assert!(run_json(&list).findings[0].why.contains("the address is not the key's"));
}

/// n - s for the order n of the curve.
fn negated(order: &str, s: &[u8]) -> Vec<u8> {
    let order = hex::decode(order).expect("hex");
    let mut out = vec![0; 32];
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        out[at] = difference.rem_euclid(256) as u8;
    }
    out
}

#[test]
fn a_high_s_is_refused_and_bytes_behind_der_are_not_read() {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let mut list = messages();
    let mut recoverable = mac(&list[3]);
    let s = negated(order, &recoverable[32..64]);
    recoverable[32..64].copy_from_slice(&s);
    recoverable[64] ^= 1;
    // 27 and 28 differ in more than their last bit.
    recoverable[64] = 55 - mac(&list[3])[64];
    list[3]["mac"] = STANDARD.encode(recoverable).into();
    for message in &mut list[..3] {
        let longer = [mac(message), vec![7]].concat();
        message["mac"] = STANDARD.encode(longer).into();
    }
    let report = run_json(&list);
    assert_eq!((report.valid, report.invalid), (4, 1), "{:?}", report.findings);
    assert!(report.findings[0].subject.ends_with("message 3"));
    assert_eq!(report.findings[0].why, "signature refused: signature");
}

#[test]
fn a_file_that_says_too_little_is_unreadable() {
    for (field, why) in [("key", "needs a key"), ("mac", "missing field `mac`"), ("form", "missing field `form`")] {
        let mut list = messages();
        list[0].as_object_mut().expect("an object").remove(field);
        let report = run_json(&list);
        assert_eq!(report.unreadable, 1);
        assert!(report.findings[0].why.contains(why), "{:?}", report.findings);
    }
    let mut list = messages();
    list[4].as_object_mut().expect("an object").remove("digest");
    assert!(run_json(&list).findings.iter().any(|finding| finding.why.contains("message 4: this form signs a digest")));
    let mut list = messages();
    list.swap(0, 1);
    let (a, b) = (list[0]["key"].clone(), list[1]["key"].clone());
    (list[0]["key"], list[1]["key"]) = (b, a);
    assert!(run_json(&list).findings[0].why.contains("the key is of P-256, the form's keys are of secp256k1"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_message_is_refused_and_named(at in 0_usize..5, what in 0_usize..2, byte in 0_usize..512, bit in 0_u8..7) {
        let mut list = messages();
        if what == 0 {
            let mut bytes = mac(&list[at]);
            let byte = byte % bytes.len();
            bytes[byte] ^= 1 << bit;
            list[at]["mac"] = STANDARD.encode(bytes).into();
        } else if at < 3 {
            list[at]["fields"][byte % 6] = "another".into();
        } else {
            let mut digest = hex::decode(list[at]["digest"].as_str().expect("hex")).expect("hex");
            digest[byte % 32] ^= 1 << bit;
            list[at]["digest"] = hex::encode(digest).into();
        }
        let report = run_json(&list);
        prop_assert_eq!((report.valid, report.invalid), (4, 1), "{:?}", report.findings);
        let named = format!("message {at}");
        prop_assert!(report.findings[0].subject.ends_with(&named));
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0_usize..4) {
        let bytes = [[&b""[..], b"[", b"{", b"[{\"form\":\"sm2\""][start], &bytes[..]].concat();
        prop_assert_eq!(run("bsn", &Options::default(), &[("any", bytes)]).valid, 0);
    }
}
