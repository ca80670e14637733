//! `assay merkle` and `assay pow`: roots, proofs and work through the built command, in process and through a node.

mod command;
mod peer;

use std::path::Path;

use assay_chain::bitcoin::block::Block;
use assay_chain::bitcoin::pow::header_hash;
use command::{Ran, assay, vector};
use peer::Served;
use proptest::prelude::*;
use serde_json::{Value, json};

/// certificate-transparency's leaves (`merkletree/merkle_tree_test.cc`), and the roots over the first n of them.
const LEAVES: [&str; 8] =
    ["0x", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 3] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn lines(leaves: &[&str]) -> String {
    leaves.iter().map(|leaf| format!("{leaf}\n")).collect()
}

fn block() -> Block {
    let bytes = std::fs::read(vector("bitcoin/block227835.dat")).expect("the vector");
    Block::parse(&bytes).expect("a block")
}

/// A real block's leaves, and its root as the header has it.
fn txids() -> (String, String) {
    use bitcoin_hashes::leaf;
    let block = block();
    (block.txids.iter().map(|txid| format!("{}\n", leaf(txid))).collect(), hex::encode(&block.header[36..68]))
}

mod bitcoin_hashes {
    /// A transaction's id as it is hashed: the bytes of its display turned over.
    pub(crate) fn leaf(txid: &impl std::fmt::Display) -> String {
        let mut bytes = hex::decode(txid.to_string()).expect("hex");
        bytes.reverse();
        hex::encode(bytes)
    }
}

#[test]
fn roots_are_the_published_ones() {
    for (count, root) in [1, 2, 8].into_iter().zip(ROOTS) {
        let ran = assay(&["merkle", "root", "--rule", "rfc6962", "-"], &lines(&LEAVES[..count])).code(0);
        assert_eq!(ran.out, format!("{root}\n"));
    }
    let (leaves, root) = txids();
    let line = assay(&["merkle", "root", "--rule", "duplicate-last", "--json", "-"], &leaves).code(0).json().remove(0);
    assert_eq!(line["root"], json!(root), "hashed as Bitcoin does where no hash is named");
    assert_eq!((&line["rule"], &line["leaves"]), (&json!("merkle-duplicate-last"), &json!(122)));
    let empty = assay(&["merkle", "root", "--rule", "rfc6962", "-"], "").code(0).out;
    assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
    // An empty list has no root under the others, a short leaf none either.
    assay(&["merkle", "root", "--rule", "duplicate-last", "-"], "00\n")
        .code(1)
        .says(&["merkle-duplicate-last", "message"]);
    assay(&["merkle", "root", "--rule", "rfc6962", "-"], "0x0\n").code(2).says(&["line 1"]);
    assay(&["merkle", "root", "--rule", "patricia", "--hash", "sm3", "-"], "00\n").code(2).says(&["--hash"]);
    assay(&["merkle", "root", "--rule", "rfc6963", "-"], "").code(2).says(&["rfc6963", "rfc6962"]);
}

fn prove(rule: &str, index: usize, leaves: &str) -> Value {
    let index = index.to_string();
    let ran = assay(&["merkle", "prove", "--rule", rule, "--index", &index, "-"], leaves).code(0);
    serde_json::from_str(&ran.out).expect("a proof is JSON")
}

fn verify(proofs: &[Value]) -> Ran {
    let text: String = proofs.iter().map(|proof| format!("{proof}\n")).collect();
    assay(&["merkle", "verify", "--json", "-"], &text)
}

#[test]
fn every_rules_proofs_hold_and_a_changed_one_does_not() {
    let hashes: String = (0..21_u8).map(|leaf| format!("{}\n", hex::encode([leaf; 32]))).collect();
    for rule in ["duplicate-last", "rfc6962", "fisco-v3", "fisco-v2", "patricia"] {
        for index in [0, 15, 20] {
            let proof = prove(rule, index, &hashes);
            let (items, summary) = verify(std::slice::from_ref(&proof)).code(0).items();
            assert_eq!((items[0]["verdict"].as_str(), &summary["valid"]), (Some("valid"), &json!(1)), "{rule} {index}");
            let mut leaf = proof.clone();
            leaf["leaf"] = json!(hex::encode([77; 32]));
            let mut root = proof.clone();
            root["root"] = json!("00".repeat(32));
            let mut place = proof.clone();
            if rule == "patricia" {
                place["key"] = json!("0c");
            } else {
                place["index"] = json!((index + 1) % 21);
            }
            let mut longer = proof.clone();
            longer["path"].as_array_mut().expect("a list").push(json!("11".repeat(32)));
            let (items, summary) = verify(&[leaf, root, place, longer]).code(1).items();
            assert_eq!(summary["invalid"], json!(4), "{rule} {index}: {items:?}");
        }
    }
    let none = assay(&["merkle", "prove", "--rule", "rfc6962", "--index", "8", "-"], &lines(&LEAVES)).code(2);
    none.says(&["none with the index 8", "8 leaves"]);
    let flat = assay(&["merkle", "prove", "--rule", "flat", "--index", "0", "-"], &lines(&LEAVES)).code(2);
    flat.says(&["no proofs"]);
}

#[test]
fn a_tree_that_grew_is_told_from_one_that_was_rewritten() {
    let all = lines(&LEAVES);
    let ran = assay(&["merkle", "prove", "--rule", "rfc6962", "--older", "2", "-"], &all).code(0);
    let proof: Value = serde_json::from_str(&ran.out).expect("a proof is JSON");
    assert_eq!((&proof["older_root"], &proof["root"]), (&json!(ROOTS[1]), &json!(ROOTS[2])));
    verify(std::slice::from_ref(&proof)).code(0);
    let mut rewritten = proof.clone();
    rewritten["older_root"] = json!(ROOTS[0]);
    let (items, _) = verify(&[rewritten]).code(1).items();
    assert_eq!(items[0]["verdict"], "invalid");
}

#[test]
fn lines_that_are_no_proofs_are_named_and_the_rest_runs() {
    let proof = prove("rfc6962", 3, &lines(&LEAVES));
    let mut incomplete = proof.clone();
    incomplete.as_object_mut().expect("an object").remove("index");
    let mut unknown = proof.clone();
    unknown["rule"] = json!("merkle-rfc6962");
    let text = format!("{proof}\nnot json\n{incomplete}\n{unknown}\n");
    let ran = assay(&["merkle", "verify", "--json", "-"], &text).code(2);
    for words in ["line 2", "line 3: index is missing", "line 4: merkle-rfc6962 is no rule of proofs"] {
        assert!(ran.err.contains(words), "{words} in {}", ran.err);
    }
    let (items, summary) = ran.items();
    assert_eq!((items.len(), &summary["valid"], &summary["malformed"]), (4, &json!(1), &json!(3)));
    assay(&["merkle", "verify", "-"], "").code(2).says(&["no items"]);
    let people = assay(&["merkle", "verify", "-"], &format!("{proof}\n")).code(0).out;
    assert_eq!(people, "1 proofs: 1 valid, 0 invalid, 0 not evaluated\n");
}

/// Bitcoin's first 439 headers, out of a blk file.
fn headers() -> Vec<u8> {
    let bytes = std::fs::read(vector("bitcoin/first-100k-blocks.dat")).expect("the vector");
    let mut at = 0;
    let mut headers = Vec::new();
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().expect("four bytes")) as usize;
        headers.extend_from_slice(&bytes[at + 8..at + 88]);
        at += 8 + len;
    }
    headers
}

#[test]
fn headers_have_their_work_and_shares_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    };
    let all = headers();
    assert_eq!(all.len(), 439 * 80);
    let (items, summary) = assay(&["pow", "check", "--json", &file("all", &all)], "").code(0).items();
    assert_eq!(summary, json!({"items": 439, "valid": 439, "invalid": 0, "not_evaluated": 0}));
    assert_eq!(items[0]["hash"], "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
    let mut spoilt = all.clone();
    spoilt[80 * 7 + 76] ^= 1;
    let text = assay(&["pow", "check", &file("spoilt", hex::encode(&spoilt).as_bytes())], "").code(1).out;
    assert!(text.starts_with("header 7: invalid: the hash is above its target\n"), "{text}");
    // regtest's own easiest target is none for mainnet.
    let mut easy = all[..80].to_vec();
    easy[72..76].copy_from_slice(&0x207f_ffff_u32.to_le_bytes());
    let text = assay(&["pow", "check", &file("easy", &easy)], "").code(1).out;
    assert!(text.contains("easier than the network allows"), "{text}");
    // The top 64 bits of the first block's hash are 0x19d668: a share of up to 0xffff0000 / 0x19d668.
    let most = 0xffff_0000_u64 / 0x19_d668;
    let share = |difficulty: u64| {
        assay(&["pow", "check", "--difficulty", &difficulty.to_string(), &file("first", &all[..80])], "")
    };
    share(most).code(0);
    share(most + 1).code(1);
    assay(&["pow", "check", &file("cut", &all[..79])], "").code(2).says(&["79 bytes", "80 bytes a header"]);
    assay(&["pow", "check", "--difficulty", "0", &file("first", &all[..80])], "").code(2);
    let block = block();
    let line = assay(&["pow", "check", "--json", &file("block", &block.header)], "").code(0).json().remove(0);
    assert_eq!(line["hash"], json!(hex::encode(header_hash(&block.header))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_the_same() {
    let served = Served::start(&["trees"], "").await;
    let (cert, key) = served.identity("trees");
    let node = format!("localhost@{}", served.addr());
    let path = |path: &Path| path.display().to_string();
    let connect =
        ["--connect", &node, "--ca", &path(&served.pki.node.ca), "--cert", &path(&cert), "--key", &path(&key)]
            .map(str::to_owned)
            .to_vec();
    let everything = move || {
        let folder = tempfile::tempdir().expect("a folder");
        let (leaves, _) = txids();
        let proofs: String =
            [0, 60, 121].map(|index| format!("{}\n", prove("duplicate-last", index, &leaves))).concat();
        let all = folder.path().join("headers");
        std::fs::write(&all, headers()).expect("written");
        let all = all.display().to_string();
        for (args, stdin) in [
            (vec!["merkle", "root", "--rule", "duplicate-last", "-"], &leaves),
            (vec!["merkle", "verify", "--json", "-"], &proofs),
            (vec!["pow", "check", "--json", &all], &String::new()),
        ] {
            let here = assay(&args, stdin).code(0);
            let there: Vec<&str> = args.into_iter().chain(connect.iter().map(String::as_str)).collect();
            assert_eq!(assay(&there, stdin).code(0).out, here.out, "{there:?}");
        }
    };
    tokio::task::spawn_blocking(everything).await.expect("no panic");
    served.node.drain().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// A bit of a proof turned over: it does not hold any more, or it is no proof.
    #[test]
    fn a_spoilt_proof_does_not_hold(index in 0_usize..8, which in 0_usize..3, bit in 0_usize..256) {
        let mut proof = prove("rfc6962", index, &lines(&LEAVES));
        let field = match which {
            0 => &mut proof["root"],
            1 => &mut proof["path"][0],
            _ => &mut proof["path"][2],
        };
        let mut bytes = hex::decode(field.as_str().expect("hex")).expect("hex");
        bytes[bit / 8] ^= 1 << (bit % 8);
        *field = json!(hex::encode(bytes));
        verify(&[proof]).code(1);
    }
}
