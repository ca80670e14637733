//! BNB Beacon's profile on the SDK's signed transactions, and on a commit made here: no public one with its validator set
//! was found.

mod common;

use assay_chain::report::{Ending, What};
use assay_chain::{Options, Report};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{run, vector};
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixtures() -> Vec<Value> {
    serde_json::from_slice(&vector("bnb_beacon/extracted_signatures.json")).expect("a list")
}

fn run_documents(documents: &[Value]) -> Report {
    run("bnb-beacon", &Options::default(), &[("documents", serde_json::to_vec(documents).expect("JSON"))])
}

#[test]
fn the_sdks_transactions_are_valid() {
    let report = run_documents(&fixtures());
    assert_eq!((report.items, report.valid), (4, 4), "{:?}", report.findings);
    assert_eq!(report.checks["sign-document"].ok, 4, "{:?}", report.findings);
    assert_eq!(report.checks["std-tx"].ok, 3, "{:?}", report.findings);
    assert_eq!(report.ending(true), Ending::AsExpected);
    let options = Options { network: Some("Binance-Chain-Nile".into()), ..Options::default() };
    let report = run("bnb-beacon", &options, &[("all", vector("bnb_beacon/extracted_signatures.json"))]);
    assert_eq!((report.checks["chain-id"].ok, report.checks["chain-id"].failed), (3, 1), "the fourth is mainnet's");
}

/// Changes a byte of a hex field.
fn changed(document: &mut Value, field: &str, at: usize, bit: u32) {
    let mut bytes = hex::decode(document[field].as_str().expect("hex")).expect("hex");
    let at = at % bytes.len();
    bytes[at] ^= 1 << bit;
    document[field] = hex::encode(bytes).into();
}

#[test]
fn high_s_is_refused() {
    let mut documents = fixtures();
    let order = bitcoin::secp256k1::constants::CURVE_ORDER;
    let mut signature = hex::decode(documents[3]["sig"].as_str().expect("hex")).expect("hex");
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    documents[3]["sig"] = hex::encode(signature).into();
    let report = run_documents(&documents);
    assert_eq!((report.valid, report.invalid), (3, 1));
    assert_eq!(report.findings[0].why, "signature refused: signature");
}

#[test]
fn a_document_in_another_order_is_told() {
    let mut documents = fixtures();
    let text = String::from_utf8(hex::decode(documents[0]["sign_bytes"].as_str().expect("hex")).expect("hex"));
    let spaced = text.expect("text").replace("\":", "\": ");
    documents[0]["sign_bytes"] = hex::encode(spaced).into();
    let report = run_documents(&documents);
    assert!(report.findings.iter().any(|f| f.what == What::Check("sign-document") && f.why.contains("sorted")));
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).expect("7 bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("7 bits"));
}

/// An amino vote written out by hand: the parts' hash comes before their count.
fn vote_bytes(height: i64, hash: &[u8; 32], parts: &[u8; 32], seconds: u64, chain: &str) -> Vec<u8> {
    let mut out = vec![0x08, 2, 0x11];
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(&[0x22, 72, 0x0a, 32]);
    out.extend_from_slice(hash);
    out.extend_from_slice(&[0x12, 36, 0x0a, 32]);
    out.extend_from_slice(parts);
    out.extend_from_slice(&[0x10, 1]);
    let mut time = vec![0x08];
    varint(seconds, &mut time);
    out.extend_from_slice(&[0x2a, u8::try_from(time.len()).expect("short")]);
    out.extend_from_slice(&time);
    out.extend_from_slice(&[0x32, u8::try_from(chain.len()).expect("short")]);
    out.extend_from_slice(chain.as_bytes());
    let mut delimited = Vec::new();
    varint(out.len() as u64, &mut delimited);
    delimited.extend_from_slice(&out);
    delimited
}

/// Four validators of power 10, all but the last have voted; and their set.
fn commit() -> (Value, Value) {
    let keys: Vec<SigningKey> = (1..5_u8).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
    let address =
        |key: &SigningKey| hex::encode_upper(&assay_chain::hash::sha256(key.verifying_key().as_bytes())[..20]);
    // 2019-04-23T12:00:00Z, round 0.
    let bytes = vote_bytes(77, &[1; 32], &[2; 32], 1_556_020_800, "Binance-Chain-Tigris");
    let block_id = json!({"hash": "01".repeat(32), "parts": {"total": "1", "hash": "02".repeat(32)}});
    let mut precommits: Vec<Value> = keys[..3]
        .iter()
        .enumerate()
        .map(|(index, key)| {
            json!({
                "type": 2, "height": "77", "round": "0", "block_id": block_id, "timestamp": "2019-04-23T12:00:00Z",
                "validator_address": address(key), "validator_index": index.to_string(),
                "signature": STANDARD.encode(key.sign(&bytes).to_bytes()),
            })
        })
        .collect();
    precommits.push(Value::Null);
    let header = json!({"chain_id": "Binance-Chain-Tigris", "height": "77"});
    let commit = json!({"block_id": block_id, "precommits": precommits});
    let validators: Vec<Value> = keys
        .iter()
        .map(|key| {
            let value = STANDARD.encode(key.verifying_key().as_bytes());
            json!({"address": address(key), "pub_key": {"type": "tendermint/PubKeyEd25519", "value": value}, "voting_power": "10"})
        })
        .collect();
    let signed = json!({"jsonrpc": "2.0", "result": {"signed_header": {"header": header, "commit": commit}}});
    (signed, json!({"result": {"validators": validators}}))
}

fn run_commit(signed: &Value, set: &Value) -> Report {
    let validators = vec![("set".to_owned(), serde_json::to_vec(set).expect("JSON"))];
    let options = Options { validators, ..Options::default() };
    run("bnb-beacon", &options, &[("commit", serde_json::to_vec(signed).expect("JSON"))])
}

#[test]
fn an_amino_commit_reaches_its_quorum_and_spoilt_ones_do_not() {
    let (signed, set) = commit();
    let report = run_commit(&signed, &set);
    assert_eq!((report.items, report.valid), (3, 3), "{:?}", report.findings);
    for check in ["commit", "commit-light", "commit-height", "commit-size", "validators"] {
        assert_eq!((report.checks[check].ok, report.checks[check].failed), (1, 0), "{check}: {:?}", report.findings);
    }
    let votes = "/result/signed_header/commit/precommits";
    let spoilt = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut signed = signed.clone();
        change(signed.pointer_mut(votes).and_then(Value::as_array_mut).expect("a list"));
        run_commit(&signed, &set)
    };
    let fewer = spoilt(&|votes| votes[1] = Value::Null);
    assert!(fewer.findings[0].why.contains("power 20 of 40"), "{:?}", fewer.findings);
    let twice = spoilt(&|votes| votes[1] = votes[0].clone());
    assert!(twice.findings[0].why.contains("twice"), "{:?}", twice.findings);
    let later = spoilt(&|votes| votes[2]["round"] = "1".into());
    assert!(later.findings[0].why.contains("another height, round"), "{:?}", later.findings);
    let other = spoilt(&|votes| votes[2]["block_id"]["hash"] = "03".repeat(32).into());
    assert_eq!((other.not_evaluated, other.checks.contains_key("commit")), (1, false));
    let swapped = spoilt(&|votes| votes.swap(0, 1));
    assert_eq!(swapped.invalid, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_transaction_is_named(which in 0_usize..4, field in 0_usize..3, at in any::<usize>(), bit in 0_u32..8) {
        let mut documents = fixtures();
        let field = ["sign_bytes", "sig", "pubkey"][field];
        changed(&mut documents[which], field, at, bit);
        let report = run_documents(&documents);
        prop_assert_eq!((report.valid, report.invalid), (3, 1), "{:?}", report.findings);
        let culprit = report.findings.iter().find(|f| f.what == What::Invalid).expect("one");
        prop_assert_eq!(&culprit.subject, &format!("documents: transaction {which}"));
    }

    #[test]
    fn a_spoilt_amino_transaction_never_panics(which in 0_usize..3, at in any::<usize>(), bit in 0_u32..8) {
        let mut documents = fixtures();
        changed(&mut documents[which], "std_tx_amino", at, bit);
        let report = run_documents(&documents);
        // The signature over the document still holds; the messages' bytes are not looked at.
        prop_assert_eq!(report.valid, 4);
    }
}
