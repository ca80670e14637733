//! VeChain's profile on signed transactions, legacy and delegated, on blocks made here, on published VRF proofs, and on
//! spoilt copies of them.

mod common;

use assay_chain::hash::{blake2b256, keccak256, sha256};
use assay_chain::report::{Ending, Tally};
use assay_chain::vechain::Transaction;
use assay_chain::vechain::vrf::{self, VrfError};
use assay_chain::{Detail, Options, Report, rlp};
use assay_core::merkle::Trees;
use assay_scheme::Row;
use bitcoin::secp256k1::{Message, PublicKey, Scalar, Secp256k1, SecretKey, VerifyOnly};
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

/// A key's proof for an input (draft-irtf-cfrg-vrf-06, section 5.1), with the nonce given: any that is not told serves.
fn prove(secret: &SecretKey, alpha: &[u8], nonce: [u8; 32]) -> [u8; 81] {
    let curve = Secp256k1::new();
    let hash = |parts: &[&[u8]]| sha256(&parts.concat());
    let key = secret.public_key(&curve).serialize();
    let h = (0..=u8::MAX)
        .find_map(|counter| {
            let x = hash(&[&[0xfe, 1], &key, alpha, &[counter]]);
            PublicKey::from_slice(&[&[2][..], &x].concat()).ok()
        })
        .expect("one of 256");
    let times =
        |point: &PublicKey, scalar: &SecretKey| point.mul_tweak(&curve, &Scalar::from(*scalar)).expect("not zero");
    let k = SecretKey::from_slice(&nonce).expect("in range");
    let gamma = times(&h, secret).serialize();
    let points = [h.serialize(), gamma, k.public_key(&curve).serialize(), times(&h, &k).serialize()];
    let c = hash(&[&[0xfe, 2], &points[0], &points[1], &points[2], &points[3]]);
    let mut wide = [0; 32];
    wide[16..].copy_from_slice(&c[..16]);
    let cx = secret.mul_tweak(&Scalar::from_be_bytes(wide).expect("128 bits")).expect("not zero");
    let s = k.add_tweak(&Scalar::from(cx)).expect("not zero");
    [&gamma[..], &c[..16], &s.secret_bytes()].concat().try_into().expect("81 bytes")
}

fn curve() -> Secp256k1<VerifyOnly> {
    Secp256k1::verification_only()
}

#[test]
fn published_vrf_proofs_come_out_as_published() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("vechain/ecvrf.json")).expect("a list");
    let (mut valid, mut invalid) = (0, 0);
    for case in &cases {
        let hexed = |field: &str| hex::decode(case[field].as_str().expect("hex")).expect("hex");
        let key = PublicKey::from_slice(&hexed("public_key")).expect("a key").serialize_uncompressed();
        let proof: [u8; 81] = hexed("pi").try_into().expect("81 bytes");
        let beta = vrf::verify(&curve(), key[1..].try_into().expect("64 bytes"), &hexed("alpha"), &proof);
        match case["beta"].as_str() {
            Some(expected) => {
                assert_eq!(beta.map(hex::encode).as_deref(), Ok(expected), "{case}");
                valid += 1;
            }
            None => {
                assert_eq!(beta, Err(VrfError::Equation), "{case}");
                invalid += 1;
            }
        }
    }
    assert_eq!((valid, invalid), (13, 4));
}

/// A header that this key signed, and its body of these transactions; `alpha` with a proof where it is given.
fn block(secret: &SecretKey, parent: [u8; 32], alpha: Option<&[u8]>, transactions: &[Vec<u8>]) -> Vec<u8> {
    let string = |bytes: &[u8]| {
        let mut out = Vec::new();
        alloy_rlp::Encodable::encode(bytes, &mut out);
        out
    };
    let root = Trees::new().root(Row::MerklePatricia, &blake2b256, transactions).expect("no transaction is empty");
    let mut fields = vec![
        string(&parent),
        rlp::number(1_700_000_000),
        rlp::number(40_000_000),
        string(&[7; 20]),
        rlp::number(21_000),
        rlp::number(99),
        rlp::list(&[&string(&root), &rlp::number(1)]),
        string(&[8; 32]),
        string(&[9; 32]),
    ];
    let list = |fields: &[Vec<u8>]| rlp::list(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let signing_hash = blake2b256(&list(&fields));
    let message = Message::from_digest(signing_hash);
    let (v, r_s) = Secp256k1::new().sign_ecdsa_recoverable(&message, secret).serialize_compact();
    let mut signature = [&r_s[..], &[u8::try_from(v.to_i32()).expect("0 to 3")]].concat();
    if let Some(alpha) = alpha {
        signature.extend(prove(secret, alpha, sha256(&signing_hash)));
    }
    fields.push(string(&signature));
    if let Some(alpha) = alpha {
        fields.push(list(&[string(alpha), rlp::number(1)]));
    }
    list(&[list(&fields), list(transactions)])
}

fn secret() -> SecretKey {
    SecretKey::from_slice(&sha256(b"a block's signer")).expect("in range")
}

fn raw_transactions() -> Vec<Vec<u8>> {
    transactions().iter().map(|entry| hex::decode(entry["raw"].as_str().expect("hex")).expect("hex")).collect()
}

/// No public header with a proof was found; these are made here, by the prover above and libsecp256k1.
#[test]
fn blocks_have_their_signer_their_proof_and_their_root() {
    let parent = [0, 0, 0, 41, 5, 5, 5, 5].repeat(4).try_into().expect("32 bytes");
    let key = secret().public_key(&Secp256k1::new()).serialize_uncompressed();
    let signer = hex::encode(&keccak256(&key[1..])[12..]);
    for alpha in [None, Some(&[3_u8; 32][..])] {
        let block = block(&secret(), parent, alpha, &raw_transactions());
        let report = run_with("vechain", &Options::default(), &[("block", block.clone())], Detail::Items);
        assert_eq!((report.items, report.valid), (7, 7), "{:?}", report.findings);
        assert_eq!(report.checks["transactions-root"], Tally { ok: 1, failed: 0 }, "{:?}", report.findings);
        assert_eq!(report.checks.get("vrf").map(|tally| tally.ok), alpha.map(|_| 1));
        let note = report.notes.iter().find(|note| note.contains("signer")).expect("a note");
        assert!(note.contains("block: block 42: id 0000002a") && note.ends_with(&signer), "{note}");
        // Its header alone, as the node's API gives it, with what the file states of it.
        let header = rlp::take(&mut &block[..], 0).expect("a block").items().expect("two parts")[0].raw;
        let id = note.split_whitespace().nth(4).expect("the id");
        let entry = serde_json::json!([{"raw": format!("0x{}", hex::encode(header)), "id": id, "signer": signer}]);
        let report = run("vechain", &Options::default(), &[("header", entry.to_string().into_bytes())]);
        assert_eq!((report.items, report.valid), (1, 1), "{:?}", report.findings);
        assert_eq!((report.checks["id"].ok, report.checks["stated"].ok), (1, 1), "{:?}", report.findings);
    }
    let first = block(&secret(), [0xff; 32], None, &[]);
    let report = run("vechain", &Options::default(), &[("first", first)]);
    assert_eq!(report.not_evaluated_why.keys().collect::<Vec<_>>(), ["the first block is signed by nobody"]);
    assert_eq!(report.checks["transactions-root"].ok, 1, "no transactions have a root too");
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
            prop_assert!(report.findings[0].why.contains(&format!("entry {which}")), "{:?}", report.findings);
        }
    }

    /// A bit of a block: its proof no longer holds, or another signed it, or its transactions are others.
    #[test]
    fn a_spoilt_block_is_told_from_an_honest_one(at in any::<usize>(), bit in 0_u32..8) {
        let honest = block(&secret(), [1; 32], Some(&[3; 32]), &raw_transactions());
        let key = secret().public_key(&Secp256k1::new()).serialize_uncompressed();
        let signer = hex::encode(&keccak256(&key[1..])[12..]);
        let mut spoilt = honest.clone();
        let at = at % spoilt.len();
        spoilt[at] ^= 1 << bit;
        let report = run_with("vechain", &Options::default(), &[("block", spoilt)], Detail::Items);
        let same = report.ending(true) == Ending::AsExpected
            && report.notes.iter().any(|note| note.ends_with(&format!("signer {signer}")));
        // The vote for finality stands in the extension, which the signature does not cover.
        let vote = honest.windows(2).position(|two| two == [3, 1]).map(|place| place + 1);
        prop_assert!(!same || Some(at) == vote, "byte {} bit {} changes nothing", at, bit);
    }

    #[test]
    fn any_key_and_input_prove_themselves_and_nothing_else(
        seed in any::<[u8; 16]>(), alpha in proptest::collection::vec(any::<u8>(), 0..80), at in 0_usize..81, bit in 0_u32..8,
    ) {
        let secret = SecretKey::from_slice(&sha256(&seed)).expect("in range");
        let key = secret.public_key(&Secp256k1::new()).serialize_uncompressed();
        let key: &[u8; 64] = key[1..].try_into().expect("64 bytes");
        let mut proof = prove(&secret, &alpha, sha256(&alpha));
        let again = prove(&secret, &alpha, sha256(&seed));
        let beta = vrf::verify(&curve(), key, &alpha, &proof);
        prop_assert!(beta.is_ok());
        prop_assert_eq!(vrf::verify(&curve(), key, &alpha, &again), beta, "the nonce changes the proof alone");
        proof[at] ^= 1 << bit;
        prop_assert!(vrf::verify(&curve(), key, &alpha, &proof).is_err());
        prop_assert!(vrf::verify(&curve(), key, &[&alpha[..], &[0]].concat(), &again).is_err());
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..3) {
        if kind > 0 {
            bytes.insert(0, [0xf9, 0x51][kind - 1]);
        }
        let report = run("vechain", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.valid + report.invalid + report.not_evaluated, report.items);
    }
}
