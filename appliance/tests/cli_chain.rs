//! `assay chain`: chains' real files and spoilt copies of them through the built command, in process and through a node.

mod command;
mod peer;

use std::path::Path;

use command::{Ran, assay, vector, vector_json};
use peer::Served;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file's path as an argument.
fn path(path: &Path) -> String {
    path.display().to_string()
}

fn vectors(files: &[&str]) -> Vec<String> {
    files.iter().map(|file| path(&vector(file))).collect()
}

/// What a run of real files must come to.
struct Case {
    chain: &'static str,
    /// Options and files.
    args: Vec<String>,
    items: u64,
    valid: u64,
    /// How often each of these checks held.
    checks: &'static [(&'static str, u64)],
}

impl Case {
    fn args(&self) -> Vec<String> {
        let head = ["chain", "verify", "--chain", self.chain, "--json"].map(str::to_owned);
        head.into_iter().chain(self.args.iter().cloned()).collect()
    }

    /// Fails unless nothing is invalid, and everything counted is there; the code is 0.
    fn check(&self, ran: Ran) -> Ran {
        let ran = ran.code(0);
        let (lines, summary) = ran.items();
        assert!(lines.iter().all(|line| line["subject"].is_null()), "{}: a culprit in {lines:?}", self.chain);
        let counted = (&summary["items"], &summary["valid"], &summary["invalid"]);
        assert_eq!(counted, (&json!(self.items), &json!(self.valid), &json!(0)), "{}: {summary}", self.chain);
        assert_eq!(summary["not_evaluated"], json!(self.items - self.valid), "{}", self.chain);
        for (check, held) in self.checks {
            assert_eq!(summary["checks"][check], json!({"ok": held, "failed": 0}), "{}: {check}", self.chain);
        }
        ran
    }
}

/// ethereum/tests' valid blocks, a file each, in a directory; how many, and their transactions.
fn ethereum_blocks(folder: &Path) -> (u64, u64) {
    let blocks = vector_json("ethereum/blocks.json");
    let valid = blocks.as_array().expect("a list").iter().filter(|block| block["exception"].is_null());
    let (mut count, mut transactions) = (0, 0);
    for (number, block) in valid.enumerate() {
        let rlp = block["rlp"].as_str().expect("hex");
        // Some as hex, some as bytes.
        let bytes = if number % 2 == 0 { rlp.as_bytes().to_vec() } else { hex::decode(rlp).expect("hex") };
        std::fs::write(folder.join(format!("{number:03}")), bytes).expect("written");
        count += 1;
        transactions += block["senders"].as_array().expect("a valid block's").len() as u64;
    }
    (count, transactions)
}

/// The real data of every chain, as its manifest says it must come out.
fn cases(folder: &Path) -> Vec<Case> {
    let blocks = folder.join("ethereum");
    std::fs::create_dir(&blocks).expect("a folder");
    let (_, transactions) = ethereum_blocks(&blocks);
    let case = |chain, args, items, valid, checks| Case { chain, args, items, valid, checks };
    let outputs = vectors(&["bitcoin/277647.utxostore.bz2", "bitcoin/277647.dat.bz2"]);
    let commits = [10_000, 10_500, 11_000, 15_000, 50_000]
        .map(|height| path(&vector(&format!("cometbft/celestia_mocha4_{height}_signed_block.json"))));
    let real = vec![
        case(
            "bitcoin",
            [vec!["--strict".into(), "--prevouts".into()], outputs].concat(),
            732,
            732,
            &[("pow", 1), ("merkle", 1), ("merkle-unique", 1), ("coinbase", 1)],
        ),
        // Blocks whose previous outputs are not here: what they spend of one another is.
        case("bitcoin", vectors(&["bitcoin/block227835.dat"]), 262, 15, &[("pow", 1), ("merkle", 1)]),
        case("bitcoin", vectors(&["bitcoin/block413567.raw"]), 4_886, 287, &[("pow", 1), ("merkle", 1)]),
        case("bitcoin", vectors(&["bitcoin/first-100k-blocks.dat"]), 7, 7, &[("pow", 439), ("merkle", 439)]),
        case("cometbft", commits.to_vec(), 81, 81, &[("commit", 5), ("header-hash", 5), ("validators-hash", 5)]),
        case("bnb-beacon", vectors(&["bnb_beacon/extracted_signatures.json"]), 4, 4, &[("sign-document", 4)]),
        case("ethereum", vec![path(&blocks)], transactions, transactions, &[]),
        case("bsc", vectors(&["bsc/parlia_headers.json"]), 18, 18, &[]),
        case("vechain", vectors(&["vechain/extracted_txs.json"]), 6, 6, &[("id", 4), ("stated", 6)]),
    ];
    real.into_iter().chain(members()).collect()
}

/// The chains whose signers have certificates.
fn members() -> Vec<Case> {
    let case = |chain, options: &[&str], files: &[&str], items, valid, checks| {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Case { chain, args: [options, vectors(files)].concat(), items, valid, checks }
    };
    let file = |name: &str| path(&vector(name));
    let (client, nodes) = (file("chainmaker/client1.sign.wx-org1.crt"), file("chainmaker/sm2-nodes.json"));
    let (mixed, custom) = (file("identity/mixed-root.pem"), file("identity/sm2-custom-root.pem"));
    let device = |root| ["--strict", "--time", "1800000000", "--certificates", root];
    vec![
        case(
            "fabric",
            &["--strict"],
            &["fabric/testchannel_blockfile_000000"],
            60,
            60,
            &[("data-hash", 20), ("header-chain", 20), ("block-signatures", 19)],
        ),
        case(
            "fabric",
            &[],
            &["fabric/orderer_consensus_smartbft_testdata_mychannel.block", "fabric/smartbft.ledger"],
            12,
            12,
            &[("consenter", 8), ("block-signatures", 2)],
        ),
        case("fabric", &["--network", "e-digest"], &["fabric/guomi-e-digest.ledger"], 8, 8, &[("identity", 4)]),
        case(
            "chainmaker",
            &["--strict", "--certificates", &client],
            &["chainmaker/block30.json"],
            8,
            8,
            &[("block-hash", 1), ("transactions-root", 1)],
        ),
        case(
            "chainmaker",
            &["--network", "sm3", "--validators", &nodes],
            &["chainmaker/sm2-block.json", "chainmaker/sm2-block.pb"],
            22,
            20,
            &[("block-votes", 2)],
        ),
        case("bsn", &["--strict"], &["bsn/gateway.json"], 5, 5, &[]),
        case(
            "neo",
            &["--strict", "--network", "42"],
            &["neo/chain50x2.acc"],
            149,
            149,
            &[("merkle", 51), ("merkle-unique", 51), ("height", 50)],
        ),
        case(
            "xuperchain",
            &["--strict"],
            &["xuperchain/docs_txs_and_block.json"],
            7,
            7,
            &[("txid", 3), ("merkle-tree", 1)],
        ),
        case("device-identity", &device(&mixed), &["identity/mixed.json"], 20, 20, &[("path", 4)]),
        case(
            "device-identity",
            &[&device(&custom)[..], &["--user-id", "plant-7@example.org"]].concat(),
            &["identity/sm2-custom.json", "identity/sm2-custom-chain.pem"],
            7,
            7,
            // Two devices' certificates: the chain's is one of them.
            &[("path", 2)],
        ),
    ]
}

/// A spoilt copy: a chain, its options, the copy, and words that must stand in the culprit's line.
struct Spoilt {
    chain: &'static str,
    args: Vec<String>,
    culprit: &'static str,
    why: &'static str,
}

/// A copy of JSON changed by hand.
fn changed(folder: &Path, name: &str, mut value: Value, change: impl FnOnce(&mut Value)) -> String {
    change(&mut value);
    let file = folder.join(name);
    std::fs::write(&file, value.to_string()).expect("written");
    path(&file)
}

fn flip_hex(value: &mut Value, at: usize) {
    let mut bytes = hex::decode(value.as_str().expect("hex")).expect("hex");
    bytes[at] ^= 1;
    *value = hex::encode(bytes).into();
}

fn spoilt(folder: &Path) -> Vec<Spoilt> {
    let spoilt = |chain, args, culprit, why| Spoilt { chain, args, culprit, why };
    let commit = || vector_json("cometbft/celestia_mocha4_11000_signed_block.json");
    let signatures =
        |value: &mut Value| value["result"]["commit"]["signatures"].as_array_mut().expect("a list").clone();
    let swap = |value: &mut Value| {
        let mut list = signatures(value);
        let voted: Vec<usize> = (0..list.len()).filter(|i| list[*i]["block_id_flag"] == 2).collect();
        list.swap(voted[0], voted[1]);
        value["result"]["commit"]["signatures"] = list.into();
    };
    let twice = |value: &mut Value| {
        let mut list = signatures(value);
        let voted: Vec<usize> = (0..list.len()).filter(|i| list[*i]["block_id_flag"] == 2).collect();
        list[voted[1]] = list[voted[0]].clone();
        value["result"]["commit"]["signatures"] = list.into();
    };
    let raw = std::fs::read(vector("bitcoin/block227835.dat")).expect("the vector");
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.join(name);
        std::fs::write(&file, bytes).expect("written");
        path(&file)
    };
    let mut transaction = raw.clone();
    let end = transaction.len() - 20;
    transaction[end] ^= 1;
    let mut work = raw.clone();
    work[76] ^= 1;
    let mut ledger = std::fs::read(vector("fabric/testchannel_blockfile_000000")).expect("the vector");
    // Within the last block's envelope.
    let envelope = ledger.len() - 2_000;
    ledger[envelope] ^= 1;
    let block = vector_json("ethereum/blocks.json");
    let block = block.as_array().expect("a list").iter().find(|block| {
        block["exception"].is_null() && block["senders"].as_array().is_some_and(|senders| !senders.is_empty())
    });
    let mut rlp = hex::decode(block.expect("one with transactions")["rlp"].as_str().expect("hex")).expect("hex");
    // The state's root, which is hashed and not looked at, would change nothing: this is the transactions' root.
    let root = 3 + 3 + 33 + 33 + 21 + 33 + 1 + 5;
    rlp[root] ^= 1;
    vec![
        spoilt("bitcoin", vec![write("transaction", &transaction)], "block 0000", "another root"),
        spoilt("bitcoin", vec![write("work", &work)], "block", "above its target"),
        spoilt(
            "cometbft",
            vec![changed(folder, "swapped", commit(), swap)],
            "vote ",
            "another validator at this place",
        ),
        spoilt("cometbft", vec![changed(folder, "twice", commit(), twice)], "vote ", "twice in the commit"),
        spoilt(
            "bnb-beacon",
            vec![changed(folder, "bnb", vector_json("bnb_beacon/extracted_signatures.json"), |all| {
                flip_hex(&mut all[2]["sig"], 40);
            })],
            "transaction 2",
            "signature refused",
        ),
        spoilt(
            "bsc",
            vec![changed(folder, "bsc", vector_json("bsc/parlia_headers.json"), |all| {
                let mut text = all[3]["header_rlp"].as_str().expect("hex").to_owned();
                let seal = all[3]["seal_sig"].as_str().expect("hex").to_owned();
                let at = text.find(&seal).expect("the seal stands in the header") + 20;
                let digit = if &text[at..=at] == "0" { "1" } else { "0" };
                text.replace_range(at..=at, digit);
                all[3]["header_rlp"] = text.into();
            })],
            "seal",
            "signature refused",
        ),
        spoilt("ethereum", vec![write("ethereum-root", &rlp)], "block", "another root"),
        spoilt(
            "vechain",
            vec![changed(folder, "vechain", vector_json("vechain/extracted_txs.json"), |all| {
                flip_hex(&mut all[1]["raw"], 12);
            })],
            "transaction 1",
            "another than stated",
        ),
        spoilt("fabric", vec![write("fabric", &ledger)], "block 19", "another hash"),
        spoilt(
            "chainmaker",
            vec![changed(folder, "chainmaker", vector_json("chainmaker/block30.json"), |all| {
                let list = all["block"]["txs"][0]["endorsers"].as_array_mut().expect("a list");
                list[1] = list[0].clone();
            })],
            "endorser 1 of wx-org1",
            "stands twice",
        ),
        spoilt(
            "bsn",
            vec![changed(folder, "bsn", vector_json("bsn/gateway.json"), |all| flip_hex(&mut all[4]["digest"], 3))],
            "message 4",
            "signature refused: equation",
        ),
        spoilt(
            "device-identity",
            vec![
                "--certificates".into(),
                path(&vector("identity/mixed-root.pem")),
                path(&vector("identity/refused.json")),
            ],
            "of critical",
            "1.2.3.4 is not understood",
        ),
    ]
}

impl Spoilt {
    fn args(&self) -> Vec<String> {
        let head = ["chain", "verify", "--chain", self.chain, "--json"].map(str::to_owned);
        head.into_iter().chain(self.args.iter().cloned()).collect()
    }

    fn check(&self, ran: Ran) -> Ran {
        let ran = ran.code(1);
        let named = ran.json().iter().any(|line| {
            line["subject"].as_str().is_some_and(|subject| subject.contains(self.culprit))
                && line["why"].as_str().is_some_and(|why| why.contains(self.why))
        });
        assert!(
            named,
            "{} {:?}: no {:?} because of {:?} in\n{}",
            self.chain, self.args, self.culprit, self.why, ran.out
        );
        ran
    }
}

fn run(args: &[String]) -> Ran {
    assay(&args.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

/// Everything in process, then the same through a node: the lines are the same to the letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_files_and_spoilt_ones_come_out_alike_here_and_through_a_node() {
    let served = Served::start(&["chains"], "").await;
    let (cert, key) = served.identity("chains");
    let node = format!("localhost@{}", served.addr());
    let ca = path(&served.pki.node.ca);
    let connect = ["--connect", &node, "--ca", &ca, "--cert", &path(&cert), "--key", &path(&key)].map(str::to_owned);
    let everything = move || {
        let folder = TempDir::new().expect("a folder");
        let both = |args: Vec<String>| {
            let here = run(&[&args[..], &["--backend".into(), "reference".into()]].concat());
            let there = run(&[&args[..], &connect].concat());
            assert_eq!(here.out, there.out, "{args:?}\n{}\n{}", here.err, there.err);
            here
        };
        cases(folder.path()).iter().for_each(|case| drop(case.check(both(case.args()))));
        spoilt(folder.path()).iter().for_each(|spoilt| drop(spoilt.check(both(spoilt.args()))));
    };
    tokio::task::spawn_blocking(everything).await.expect("no panic");
    assert!(served.replied("chains", assay_wire::Status::Ok).await > 20.0, "the node was asked");
    served.node.drain().await;
}

#[test]
fn codes_say_what_was_not_evaluated_and_what_could_not_be_read() {
    let bitcoin = |more: &[&str]| {
        let block = path(&vector("bitcoin/block227835.dat"));
        let head = ["chain", "verify", "--chain", "bitcoin", "--backend", "reference", &block].map(str::to_owned);
        run(&head.into_iter().chain(more.iter().map(|arg| (*arg).to_owned())).collect::<Vec<_>>())
    };
    let text = bitcoin(&[]).code(0).out;
    assert!(text.contains("not evaluated: the previous output is not given"), "{text}");
    bitcoin(&["--strict"]).code(1);
    // Another file that is not there does not keep the first from being verified.
    let ran = bitcoin(&["/nowhere/at/all"]).code(2);
    assert!(
        ran.err.contains("/nowhere/at/all") && ran.out.contains("1 not read to the end"),
        "{}\n{}",
        ran.err,
        ran.out
    );
    let folder = TempDir::new().expect("a folder");
    let verify = |chain: &str, file: &Path| {
        let file = path(file);
        assay(&["chain", "verify", "--chain", chain, "--backend", "reference", &file], "")
    };
    verify("bitcoin", folder.path()).code(2).says(&["no files"]);
    // A commit without its validators: nothing of it is evaluated but its checks.
    let mut commit = vector_json("cometbft/celestia_mocha4_11000_signed_block.json");
    commit["result"]["validator_set"].take();
    let lone = folder.path().join("lone.json");
    std::fs::write(&lone, commit.to_string()).expect("written");
    assert!(verify("cometbft", &lone).code(0).out.contains("the validator set is not given"));
    // Transactions alone, whose outputs nobody knows: nothing at all was evaluated.
    let genesis = std::fs::read(vector("bitcoin/block227835.dat")).expect("the vector");
    let second = folder.path().join("cut");
    std::fs::write(&second, &genesis[..genesis.len() - 7]).expect("written");
    let ran = verify("bitcoin", &second).code(2);
    assert!(ran.err.contains("at byte"), "{}", ran.err);
}

#[test]
fn arguments_are_refused_by_name() {
    let file = path(&vector("vechain/extracted_txs.json"));
    let verify = |more: &[&str]| {
        let args: Vec<&str> =
            ["chain", "verify"].into_iter().chain(more.iter().copied()).chain([file.as_str()]).collect();
        assay(&args, "")
    };
    verify(&["--chain", "dogecoin"]).code(2).says(&["dogecoin", "bitcoin"]);
    verify(&["--chain", "vechain", "--network", "moon"]).code(2).says(&["moon", "mainnet"]);
    verify(&["--chain", "vechain", "--prevouts", &file]).code(2).says(&["previous outputs"]);
    verify(&["--chain", "vechain", "--validators", "/nowhere"]).code(2).says(&["/nowhere"]);
    verify(&["--chain", "bitcoin", "--prevouts", &file]).code(2).says(&["extracted_txs.json", "at byte"]);
    verify(&["--chain", "vechain", "--connect", "127.0.0.1:9"]).code(2).says(&["--ca"]);
    assay(&["chain", "verify", "--chain", "vechain"], "").code(2);
    let help = assay(&["chain", "verify", "--help"], "").code(0).out;
    assert!(help.contains("Examples:") && help.contains("--prevouts") && help.contains("Exit codes"), "{help}");
}

#[test]
fn items_are_listed_on_request_and_the_standard_input_is_a_file() {
    let text = std::fs::read_to_string(vector("vechain/extracted_txs.json")).expect("the vector");
    let ran = assay(&["chain", "verify", "--chain", "vechain", "--json", "--items", "-"], &text).code(0);
    let (lines, summary) = ran.items();
    let valid = lines.iter().filter(|line| line["what"] == "valid").count();
    assert_eq!((valid, &summary["valid"]), (6, &json!(6)), "{}", ran.out);
    assert!(lines.iter().any(|line| line["note"].as_str().is_some_and(|note| note.contains("origin"))), "{}", ran.out);
    assert!(ran.out.contains("the standard input: transaction 0 origin"), "{}", ran.out);
    let ran = assay(&["chain", "verify", "--chain", "vechain", "--items", "-"], &text).code(0);
    assert!(ran.out.starts_with("valid: the standard input: transaction 0 origin\n"), "{}", ran.out);
}

#[test]
fn the_list_is_the_librarys_table() {
    let lines = assay(&["chain", "list", "--json"], "").code(0).json();
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().expect("a name")).collect();
    assert_eq!(names, assay_chain::CHAINS.iter().map(|chain| chain.name).collect::<Vec<_>>());
    for (line, chain) in lines.iter().zip(assay_chain::CHAINS) {
        assert_eq!(line["checks"].as_array().map(Vec::len), Some(chain.checks.len()));
        assert_eq!(line["leaves_out"], json!(chain.leaves_out));
    }
    // Lines are wrapped to the terminal's width.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = words(&assay(&["chain", "list"], "").code(0).out);
    for chain in assay_chain::CHAINS {
        assert!(text.contains(&words(&format!("{}: {}", chain.name, chain.about))), "{}: {text}", chain.name);
    }
    let one = assay(&["chain", "list", "bsc"], "").code(0).out;
    assert!(one.starts_with("bsc: ") && !one.contains("bitcoin: "), "{one}");
}

#[test]
fn the_bench_measures_what_it_generates() {
    let lines = assay(&["chain", "bench", "--transactions", "300", "--json"], "").code(0).json();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!((&line["valid"], &line["transactions"]), (&json!(true), &json!(300)), "{line}");
        assert!(line["layer_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{line}");
        assert!(line["verification_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{line}");
    }
}
