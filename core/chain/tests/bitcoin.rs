//! Bitcoin's profile on real blocks and published vectors, and on spoilt copies of them.

mod common;

use assay_chain::bitcoin::block::Block;
use assay_chain::bitcoin::outputs::Outputs;
use assay_chain::bitcoin::script::{find_and_delete, pushes};
use assay_chain::bitcoin::sighash::{Sighasher, leaf_hash};
use assay_chain::input::decompressed;
use assay_chain::report::{Ending, Tally, What};
use assay_chain::{Detail, Options, Report};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Transaction, TxOut, Txid};
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::Value;

const BLOCK_277647: &str = "bitcoin/277647.dat.bz2";

fn with_outputs() -> Options {
    let outputs = ("277647.utxostore.bz2".to_owned(), vector("bitcoin/277647.utxostore.bz2"));
    Options { previous_outputs: vec![outputs], ..Options::default() }
}

fn held(report: &Report, check: &str) -> usize {
    let Tally { ok, failed } = report.checks[check];
    assert_eq!(failed, 0, "{check}: {:?}", report.findings);
    ok
}

#[test]
fn all_inputs_of_block_277647_are_valid() {
    let report = run("bitcoin", &with_outputs(), &[("277647", vector(BLOCK_277647))]);
    assert_eq!((report.items, report.valid), (732, 732), "{:?}", report.not_evaluated_why);
    for check in ["pow", "merkle", "merkle-unique", "coinbase"] {
        assert_eq!(held(&report, check), 1);
    }
    assert!(report.findings.is_empty());
    assert_eq!(report.ending(true), Ending::AsExpected);
    assert_eq!(
        report.summary_json(),
        r#"{"files":1,"items":732,"valid":732,"invalid":0,"not_evaluated":0,"checks":{"coinbase":{"ok":1,"failed":0},"merkle":{"ok":1,"failed":0},"merkle-unique":{"ok":1,"failed":0},"pow":{"ok":1,"failed":0}}}"#
    );
}

#[test]
fn without_previous_outputs_nothing_is_called_valid() {
    let report = run("bitcoin", &Options::default(), &[("277647", vector(BLOCK_277647))]);
    assert_eq!(report.items, 732);
    assert_eq!(report.valid + report.invalid + report.not_evaluated, 732);
    assert_eq!(report.invalid, 0);
    // Some of its transactions spend one another's outputs, which the run then knows.
    assert!(report.valid < 200, "{}", report.valid);
    assert_eq!(report.not_evaluated_why["the previous output is not given"], report.not_evaluated);
    assert_eq!(report.ending(true), Ending::NotAsExpected);
}

#[test]
fn raw_blocks_have_their_work_their_roots_and_their_counts() {
    for (file, items, transactions, hash) in [
        ("block227835.dat", 262, 122, "00000000000001aa077d7aa84c532a4d69bdbff519609d1da0835261b7a74eb6"),
        ("block413567.raw", 4886, 1557, "0000000000000000025aff8be8a55df8f89c77296db6198f272d6577325d4069"),
    ] {
        let bytes = vector(&format!("bitcoin/{file}"));
        let block = Block::parse(&bytes).expect("a block");
        assert_eq!((block.hash().as_str(), block.transactions.len()), (hash, transactions));
        for bytes in [bytes.clone(), hex::encode(&bytes).into_bytes()] {
            let report = run("bitcoin", &Options::default(), &[(file, bytes)]);
            assert_eq!((report.items, report.invalid), (items, 0), "{:?}", report.findings);
            assert_eq!(held(&report, "pow") + held(&report, "merkle") + held(&report, "merkle-unique"), 3);
        }
    }
    // Its transactions spend one another's outputs, which the run then knows.
    let report = run("bitcoin", &Options::default(), &[("413567", vector("bitcoin/block413567.raw"))]);
    assert!(report.valid > 100, "{} valid, {:?}", report.valid, report.not_evaluated_why);
}

#[test]
fn the_first_blocks_of_a_blk_file() {
    let report = run("bitcoin", &Options::default(), &[("blk00000.dat", vector("bitcoin/first-100k-blocks.dat"))]);
    assert_eq!((held(&report, "pow"), held(&report, "merkle"), held(&report, "coinbase")), (439, 439, 439));
    // The first payments, whose outputs stand in blocks of the same file: block 170 spends block 9's coinbase.
    assert!(report.items > 0);
    assert_eq!((report.valid, report.not_evaluated), (report.items, 0), "{:?}", report.findings);
}

/// Block 227835 as a pool and a miner would have said it: the coinbase cut around eight bytes of its script.
fn share(difficulty: u64) -> Value {
    let block = Block::parse(&vector("bitcoin/block227835.dat")).expect("a block");
    let coinbase = serialize(&block.transactions[0]);
    let leaves = block.txids.iter().map(|txid| txid.to_byte_array()).collect();
    let branch = assay_chain::bitcoin::merkle::branch(leaves, 0).expect("the first leaf");
    let mut previous = block.header[4..36].to_vec();
    previous.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let word = |at: usize| hex::encode(block.header[at..at + 4].iter().rev().copied().collect::<Vec<u8>>());
    serde_json::json!({
        "version": word(0), "prev_hash": hex::encode(previous), "ntime": word(68), "nbits": word(72), "nonce": word(76),
        "coinb1": hex::encode(&coinbase[..50]), "extranonce1": hex::encode(&coinbase[50..54]),
        "extranonce2": hex::encode(&coinbase[54..58]), "coinb2": hex::encode(&coinbase[58..]),
        "merkle_branch": branch.iter().map(hex::encode).collect::<Vec<_>>(), "difficulty": difficulty,
    })
}

fn run_shares(list: &[Value]) -> Report {
    run_with(
        "bitcoin",
        &Options::default(),
        &[("shares", Value::from(list.to_vec()).to_string().into_bytes())],
        Detail::Items,
    )
}

/// The block's hash begins with 00000000000001aa: its top 64 bits are 426, and 0xffff0000 / 426 is 10,081,929.
#[test]
fn a_real_blocks_work_is_a_share_up_to_its_difficulty() {
    let report = run_shares(&[share(1), share(10_081_929), share(10_081_930)]);
    assert_eq!((report.items, report.valid, report.invalid), (3, 2, 1), "{:?}", report.findings);
    assert!(report.findings[2].why.contains("00000000000001aa"), "{:?}", report.findings[2]);
    assert_eq!(report.findings[2].subject, "shares: share 2");
    assert_eq!(report.notes.len(), 3, "each of them is a block, too: {:?}", report.notes);
    for (field, spoilt) in [("extranonce2", "00000000"), ("nonce", "00000001"), ("ntime", "00000001")] {
        let mut changed = share(1);
        changed[field] = spoilt.into();
        let report = run_shares(&[share(1), changed]);
        assert_eq!((report.valid, report.invalid), (1, 1), "{field}: {:?}", report.findings);
    }
    let mut turned = share(1);
    turned["merkle_branch"][3] = "00".repeat(32).into();
    assert_eq!(run_shares(&[turned]).invalid, 1);
    let mut short = share(1);
    short["nonce"] = "0001".into();
    assert!(run_shares(&[short]).findings[0].why.contains("share 0: nonce"), "named");
}

/// Bitcoin Core's sighash.json: [transaction, script, input, hash type, hash].
#[test]
fn the_legacy_hash_as_core_knows_it() {
    let cases: Vec<Value> = serde_json::from_slice(&vector("bitcoin/sighash.json")).expect("JSON");
    let mut checked = 0;
    for case in cases.iter().filter(|case| case.as_array().is_some_and(|parts| parts.len() == 5)) {
        let bytes = |at: usize| hex::decode(case[at].as_str().expect("text")).expect("hex");
        let transaction: Transaction = deserialize(&bytes(0)).expect("a transaction");
        let index = usize::try_from(case[2].as_u64().expect("a number")).expect("small");
        let hash_type =
            u32::from_le_bytes(i32::try_from(case[3].as_i64().expect("a number")).expect("32 bits").to_le_bytes());
        let mut expected = bytes(4);
        expected.reverse();
        let mut hasher = Sighasher::new(&transaction);
        // In this order the midstate is met empty, forwards and backwards.
        for other in [transaction.input.len() - 1, index, 0, index] {
            let hash = hasher.legacy(other, &bytes(1), hash_type);
            assert!(other != index || hash[..] == expected[..], "{case}");
        }
        checked += 1;
    }
    assert_eq!(checked, 500);
}

struct WalletVector {
    transaction: Transaction,
    spent: Vec<TxOut>,
    inputs: Vec<Value>,
    auxiliary: String,
}

/// BIP-341's wallet vectors: the transaction that spends by key.
fn wallet_vector() -> (Value, WalletVector) {
    let all: Value = serde_json::from_slice(&vector("bitcoin/bip341_wallet-test-vectors.json")).expect("JSON");
    let case = &all["keyPathSpending"][0];
    let hexed = |value: &Value| hex::decode(value.as_str().expect("text")).expect("hex");
    let spent = case["given"]["utxosSpent"].as_array().expect("a list").iter().map(|output| TxOut {
        value: bitcoin::Amount::from_sat(output["amountSats"].as_u64().expect("a number")),
        script_pubkey: bitcoin::ScriptBuf::from_bytes(hexed(&output["scriptPubKey"])),
    });
    let vector = WalletVector {
        transaction: deserialize(&hexed(&case["given"]["rawUnsignedTx"])).expect("a transaction"),
        spent: spent.collect(),
        inputs: case["inputSpending"].as_array().expect("a list").clone(),
        auxiliary: case["auxiliary"]["fullySignedTx"].as_str().expect("hex").to_owned(),
    };
    (all.clone(), vector)
}

#[test]
fn bip341_signature_hashes_and_leaves() {
    let (all, wallet) = wallet_vector();
    let spent: Vec<Option<&TxOut>> = wallet.spent.iter().map(Some).collect();
    let mut hasher = Sighasher::new(&wallet.transaction);
    assert_eq!(wallet.inputs.len(), 7);
    for input in &wallet.inputs {
        let index = usize::try_from(input["given"]["txinIndex"].as_u64().expect("a number")).expect("small");
        let hash_type = u8::try_from(input["given"]["hashType"].as_u64().expect("a number")).expect("a byte");
        let hash = hasher.taproot(index, &spent, None, None, hash_type).expect("all outputs are known");
        assert_eq!(hex::encode(hash), input["intermediary"]["sigHash"].as_str().expect("hex"));
    }
    let mut leaves = 0;
    for case in all["scriptPubKey"].as_array().expect("a list") {
        let mut trees = vec![&case["given"]["scriptTree"]];
        let mut hashes = Vec::new();
        while let Some(tree) = trees.pop() {
            match tree {
                Value::Array(pair) => trees.extend(pair.iter().rev()),
                Value::Object(leaf) => {
                    let version = u8::try_from(leaf["leafVersion"].as_u64().expect("a number")).expect("a byte");
                    let script = hex::decode(leaf["script"].as_str().expect("text")).expect("hex");
                    hashes.push(Value::from(hex::encode(leaf_hash(version, &script))));
                }
                _ => {}
            }
        }
        leaves += hashes.len();
        if !hashes.is_empty() {
            assert_eq!(Value::Array(hashes), case["intermediary"]["leafHashes"]);
        }
    }
    assert_eq!(leaves, 12);
}

/// Previous outputs as the JSON form says them.
fn outputs_json(transaction: &Transaction, spent: &[TxOut]) -> Vec<u8> {
    let list: Vec<Value> = transaction
        .input
        .iter()
        .zip(spent)
        .map(|(input, output)| {
            serde_json::json!({
                "txid": input.previous_output.txid.to_string(),
                "vout": input.previous_output.vout,
                "value": output.value.to_sat(),
                "script": hex::encode(output.script_pubkey.as_bytes()),
            })
        })
        .collect();
    serde_json::to_vec(&list).expect("JSON")
}

fn run_wallet(transaction: &[u8], wallet: &WalletVector) -> Report {
    let outputs = ("outputs.json".to_owned(), outputs_json(&wallet.transaction, &wallet.spent));
    let options = Options { previous_outputs: vec![outputs], ..Options::default() };
    run("bitcoin", &options, &[("wallet", transaction.to_vec())])
}

#[test]
fn bip341s_signed_transaction_is_valid_and_each_spoilt_input_is_named() {
    let (_, wallet) = wallet_vector();
    let report = run_wallet(wallet.auxiliary.as_bytes(), &wallet);
    assert_eq!((report.items, report.valid), (9, 9), "{:?} {:?}", report.findings, report.not_evaluated_why);
    let signed: Transaction = deserialize(&hex::decode(&wallet.auxiliary).expect("hex")).expect("a transaction");
    for index in 0..signed.input.len() {
        let mut spoilt = signed.clone();
        let input = &mut spoilt.input[index];
        if input.witness.is_empty() {
            let mut script = input.script_sig.to_bytes();
            script[20] ^= 1;
            input.script_sig = script.into();
        } else {
            let mut elements = input.witness.to_vec();
            elements[0][20] ^= 1;
            input.witness = bitcoin::Witness::from_slice(&elements);
        }
        let report = run_wallet(&serialize(&spoilt), &wallet);
        assert_eq!((report.valid, report.invalid), (8, 1));
        assert!(report.findings[0].subject.ends_with(&format!("input {index}")), "{:?}", report.findings);
    }
}

/// The block's file with its header's magic and length.
fn spoilt_file(block: &Block) -> Vec<u8> {
    let mut body = block.header.to_vec();
    let count = u8::try_from(block.transactions.len()).expect("below 253");
    body.push(count);
    block.transactions.iter().for_each(|transaction| body.extend_from_slice(&serialize(transaction)));
    let len = u32::try_from(body.len()).expect("a block");
    [&[0xf9, 0xbe, 0xb4, 0xd9], &len.to_le_bytes()[..], &body].concat()
}

fn block_277647() -> Block {
    let file = vector(BLOCK_277647);
    let bytes = decompressed(&file).expect("bzip2");
    Block::parse(&bytes[8..]).expect("a block")
}

#[test]
fn a_mutated_tree_is_refused_though_its_root_is_right() {
    let mut block = block_277647();
    // 213 leaves: the last is paired with itself, so that repeating it changes no root.
    let last = block.transactions.last().expect("213").clone();
    block.transactions.push(last);
    let report = run("bitcoin", &with_outputs(), &[("mutated", spoilt_file(&block))]);
    assert_eq!(held(&report, "merkle"), 1);
    assert_eq!(report.checks["merkle-unique"].failed, 1);
    assert!(report.findings.iter().any(|f| f.what == What::Check("merkle-unique") && f.why.contains("CVE-2012-2459")));
    assert_eq!(report.ending(false), Ending::NotAsExpected);
}

#[test]
fn another_networks_blocks_and_cut_files_are_told_with_their_byte() {
    let file = decompressed(&vector(BLOCK_277647)).expect("bzip2").into_owned();
    let testnet = Options { network: Some("testnet3".into()), ..Options::default() };
    let report = run("bitcoin", &testnet, &[("277647", file.clone())]);
    assert!(report.findings[0].why.contains("blocks of mainnet"), "{:?}", report.findings);
    for cut in [0, 3, 7, 50, 88, 89, 90, 1000, file.len() - 1] {
        let report = run("bitcoin", &Options::default(), &[("cut", file[..cut].to_vec())]);
        assert_eq!((report.items, report.unreadable), (0, 1), "cut at {cut}");
        assert_eq!(report.findings[0].what, What::Unreadable);
        assert!(report.findings[0].why.starts_with("at byte "), "{:?}", report.findings);
        assert_eq!(report.ending(false), Ending::Input);
    }
    // What came before a broken block is still evaluated.
    let mut two = file.clone();
    two.extend_from_slice(&file[..500]);
    let report = run("bitcoin", &with_outputs(), &[("two", two)]);
    assert_eq!((report.valid, report.unreadable), (732, 1));
}

/// A funded script, and the transaction that spends it with this unlocking script and witness.
fn spend(script: Vec<u8>, unlocking: Vec<u8>, witness: &[Vec<u8>]) -> Report {
    let point = OutPoint { txid: Txid::from_byte_array([7; 32]), vout: 0 };
    let output = TxOut { value: bitcoin::Amount::from_sat(1), script_pubkey: script.into() };
    let transaction = Transaction {
        version: bitcoin::transaction::Version(1),
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![bitcoin::TxIn {
            previous_output: point,
            script_sig: unlocking.into(),
            sequence: bitcoin::Sequence(0),
            witness: bitcoin::Witness::from_slice(witness),
        }],
        output: vec![TxOut { value: bitcoin::Amount::ZERO, script_pubkey: bitcoin::ScriptBuf::new() }],
    };
    let options =
        Options { previous_outputs: vec![("o".into(), outputs_json(&transaction, &[output]))], ..Options::default() };
    run("bitcoin", &options, &[("spend", serialize(&transaction))])
}

#[test]
fn what_is_not_covered_is_not_evaluated_and_what_cannot_hold_is_invalid() {
    let not_evaluated = |script: &str, unlocking: &str| {
        let report = spend(hex::decode(script).expect("hex"), hex::decode(unlocking).expect("hex"), &[]);
        assert_eq!((report.valid, report.invalid, report.not_evaluated), (0, 0, 1), "{script}: {:?}", report.findings);
    };
    not_evaluated("51", "");
    not_evaluated("a91400000000000000000000000000000000000000008763", "51");
    not_evaluated(&format!("5214{}", "00".repeat(20)), "");
    let invalid = |script: &str, unlocking: &str, why: &str| {
        let report = spend(hex::decode(script).expect("hex"), hex::decode(unlocking).expect("hex"), &[]);
        assert_eq!((report.valid, report.invalid), (0, 1), "{script}: {:?}", report.not_evaluated_why);
        assert!(report.findings[0].why.contains(why), "{:?}", report.findings);
    };
    let key = format!("02{}", "11".repeat(32));
    let hash = "00".repeat(20);
    invalid(&format!("21{key}ac"), "", "too little");
    invalid(&format!("21{key}ac"), "00", "signature");
    invalid(&format!("21{key}ac"), "0101", "strict DER");
    invalid(&format!("76a914{hash}88ac"), "0000", "another hash");
    invalid(&format!("a914{hash}87"), "51", "another hash");
    invalid(&format!("0014{hash}"), "", "not a signature and a key");
    invalid(&format!("0014{hash}"), "51", "not empty");
    invalid(&format!("0020{}", "00".repeat(32)), "", "empty");
    invalid(&format!("5120{}", "00".repeat(32)), "", "empty");
    invalid(&format!("5121{key}51ae"), "5100", "dummy");
}

/// bitcoinjs' lists of canonical and non-canonical signatures, each as the only signature of a P2PK input.
#[test]
fn strict_der_is_bip66s() {
    let lock = hex::decode(format!("21{}ac", "02".repeat(33))).expect("hex");
    let refused = |signature: &[u8]| {
        let unlocking = [&[u8::try_from(signature.len()).expect("a push")], signature].concat();
        let report = spend(lock.clone(), unlocking, &[]);
        assert_eq!(report.valid, 0);
        report.findings.iter().any(|finding| finding.why.contains("strict DER"))
    };
    let list = |file: &str| -> Vec<String> { serde_json::from_slice(&vector(file)).expect("a list of text") };
    for signature in list("bitcoin/sig_canonical.json") {
        assert!(!refused(&hex::decode(&signature).expect("hex")), "{signature}");
    }
    let (mut label, mut seen) = (String::new(), 0);
    for entry in list("bitcoin/sig_noncanonical.json") {
        let Ok(signature) = hex::decode(&entry) else {
            label = entry;
            continue;
        };
        seen += 1;
        // An undefined hash type is refused by policy (STRICTENC), not by BIP-66.
        assert_eq!(refused(&signature), label != "hashtype:", "{label} {entry}");
    }
    assert_eq!(seen, 15);
}

#[test]
fn scripts_pushes_and_deletions_survive_any_bytes() {
    proptest!(|(script in proptest::collection::vec(any::<u8>(), 0..200), signature in proptest::collection::vec(any::<u8>(), 0..4))| {
        let kept = find_and_delete(&script, &signature);
        prop_assert!(kept.len() <= script.len());
        if let Some(stack) = pushes(&script) {
            prop_assert!(stack.iter().map(|element| element.len()).sum::<usize>() <= script.len());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
        let bytes = if magic { [&[0xf9, 0xbe, 0xb4, 0xd9], &bytes[..]].concat() } else { bytes };
        let report = run("bitcoin", &Options::default(), &[("any", bytes.clone())]);
        prop_assert_eq!(report.valid, 0);
        let _ = Outputs::default().read(&bytes);
    }

    #[test]
    fn spoilt_blocks_never_panic(at in 8_usize..149_000, byte in any::<u8>(), cut in any::<bool>()) {
        let mut file = decompressed(&vector(BLOCK_277647)).expect("bzip2").into_owned();
        if cut { file.truncate(at) } else { file[at] = byte }
        let _ = Block::parse(&file[8.min(file.len())..]);
    }
}

proptest! {
    // Each case verifies a block of 732 signatures.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_signature_is_named(which in 0_usize..732, at in 10_usize..60, bit in 0_u8..8) {
        let mut block = block_277647();
        let mut left = which;
        let mut named = String::new();
        for (place, transaction) in block.transactions.iter_mut().enumerate().skip(1) {
            if let Some(input) = transaction.input.get_mut(left) {
                let mut script = input.script_sig.to_bytes();
                // The script begins with the push of the signature; its integers begin at byte 5.
                script[at] ^= 1 << bit;
                input.script_sig = script.into();
                named = format!("tx {place} ({}) input {left}", transaction.compute_txid());
                break;
            }
            left -= transaction.input.len();
        }
        let report = run("bitcoin", &with_outputs(), &[("spoilt", spoilt_file(&block))]);
        prop_assert_eq!((report.items, report.invalid), (732, 1), "{:?}", report.findings);
        let culprit = report.findings.iter().find(|f| f.what == What::Invalid).expect("one");
        prop_assert!(culprit.subject.ends_with(&named), "{} is not {}", culprit.subject, named);
        prop_assert_eq!(report.checks["merkle"].failed, 1);
        prop_assert_eq!(report.ending(false), Ending::NotAsExpected);
    }

    #[test]
    fn a_changed_output_invalidates_what_signs_it(place in 1_usize..213) {
        let mut block = block_277647();
        let transaction = &mut block.transactions[place];
        let first = &mut transaction.output[0];
        first.value = bitcoin::Amount::from_sat(first.value.to_sat() ^ 1);
        let inputs = transaction.input.len();
        let report = run("bitcoin", &with_outputs(), &[("changed", spoilt_file(&block))]);
        let named = report.findings.iter().filter(|f| f.subject.contains(&format!(" tx {place} ("))).count();
        prop_assert_eq!(named, inputs, "{:?}", report.findings);
        prop_assert_eq!(report.checks["merkle"].failed, 1);
    }
}
