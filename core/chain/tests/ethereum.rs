//! Ethereum's profile on ethereum/tests' blocks and transactions, and on spoilt copies of them.

mod common;

use std::io::Write;

use assay_chain::hash::{keccak256, sha256};
use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report, rlp};
use assay_core::merkle::Trees;
use assay_scheme::Row;
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize, Clone)]
struct Block {
    test: String,
    rlp: String,
    hash: Option<String>,
    senders: Option<Vec<Option<String>>>,
    exception: Option<String>,
}

fn blocks() -> Vec<Block> {
    serde_json::from_slice(&vector("ethereum/blocks.json")).expect("a list")
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|(_, tally)| tally.failed > 0).map(|(name, _)| *name).collect()
}

#[test]
fn valid_blocks_have_their_hashes_roots_and_senders() {
    let (mut transactions, mut known) = (0, 0);
    for block in blocks().into_iter().filter(|block| block.exception.is_none()) {
        let files = [("block", block.rlp.clone().into_bytes())];
        let report = run_with("ethereum", &Options::default(), &files, Detail::Items);
        let senders = block.senders.expect("a valid block's");
        assert_eq!((report.items, report.valid), (senders.len(), senders.len()), "{}", block.test);
        assert!(failed(&report).is_empty(), "{}: {:?}", block.test, report.findings);
        for check in ["header", "transactions-root", "withdrawals-root", "uncles-hash"] {
            assert_eq!(report.checks[check].ok, 1, "{}: {check}", block.test);
        }
        let hash = block.hash.expect("a valid block's");
        for (at, sender) in senders.iter().enumerate() {
            assert!(report.notes[at].contains(&hash), "{} is not in {}", hash, report.notes[at]);
            if let Some(sender) = sender {
                assert!(report.notes[at].ends_with(&format!("transaction {at}: sender {sender}")), "{}", block.test);
                known += 1;
            }
        }
        transactions += senders.len();
    }
    assert!(transactions > 40 && known > 20, "{transactions} {known}");
}

/// What of an invalid block shows without its parent and state.
#[test]
fn invalid_blocks_are_refused_where_the_block_alone_shows_it() {
    let mut seen = 0;
    for block in blocks().into_iter().filter(|block| block.exception.is_some()) {
        let report = run("ethereum", &Options::default(), &[("block", block.rlp.clone().into_bytes())]);
        let expected: &[&str] = match block.exception.as_deref().expect("filtered") {
            "BlockException.EXTRA_DATA_TOO_BIG" | "BlockException.GASLIMIT_TOO_BIG" => &["header"],
            "BlockException.INVALID_TRANSACTIONS_ROOT" => &["transactions-root"],
            "BlockException.IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS" => &["header", "uncles-hash"],
            "BlockException.IMPORT_IMPOSSIBLE_DIFFICULTY_OVER_PARIS" => &["header"],
            _ => continue,
        };
        assert_eq!(failed(&report), expected, "{}: {:?}", block.test, report.findings);
        assert_eq!(report.ending(false), Ending::NotAsExpected);
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn signed_transactions_have_the_senders_of_their_keys() {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&vector("ethereum/txtest.json")).expect("a list");
    let mut file = Vec::new();
    let mut senders = Vec::new();
    for case in &list {
        file.extend_from_slice(&hex::decode(case["signed"].as_str().expect("hex")).expect("hex"));
        let key = hex::decode(case["key"].as_str().expect("hex")).expect("hex");
        let secret = bitcoin::secp256k1::SecretKey::from_slice(&key).expect("a key");
        let public = secret.public_key(&bitcoin::secp256k1::Secp256k1::new()).serialize_uncompressed();
        senders.push(hex::encode(&keccak256(&public[1..])[12..]));
    }
    let report = run_with("ethereum", &Options::default(), &[("transactions", file)], Detail::Items);
    // The second was signed before EIP-2, with a high S that no transaction outside a Frontier block may have now.
    assert_eq!((report.items, report.valid), (2, 1), "{:?}", report.findings);
    assert!(report.notes[0].ends_with(&senders[0]), "{:?} {senders:?}", report.notes);
    assert_eq!(report.findings[1].why, "signature refused: signature");
}

/// A block of these transactions with this number, its root as the profile itself is made to say it.
fn frontier_block(number: u64, transaction: &[u8]) -> Vec<u8> {
    let bytes = hex::decode(&blocks()[0].rlp).expect("hex");
    let all = parts(&bytes);
    let header = rlp::take(&mut &all[0][..], 0).expect("a header");
    let mut fields: Vec<Vec<u8>> = header.items().expect("fields").iter().map(|field| field.raw.to_vec()).collect();
    fields[8] = rlp::number(number);
    block_with(&[block_with(&fields), rlp::list(&[transaction]), all[2].clone()])
}

#[test]
fn a_high_s_holds_in_frontier_blocks_of_mainnet_alone() {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&vector("ethereum/txtest.json")).expect("a list");
    let high = hex::decode(list[1]["signed"].as_str().expect("hex")).expect("hex");
    let valid = |network: Option<&str>, number| {
        let options = Options { network: network.map(str::to_owned), ..Options::default() };
        run("ethereum", &options, &[("block", frontier_block(number, &high))]).valid
    };
    assert_eq!(valid(Some("mainnet"), 1_149_999), 1);
    assert_eq!(valid(Some("mainnet"), 1_150_000), 0);
    assert_eq!(valid(Some("sepolia"), 1), 0);
    assert_eq!(valid(None, 1), 0);
}

#[test]
fn other_chains_high_s_and_bad_v_are_told() {
    let mainnet = Options { network: Some("mainnet".into()), ..Options::default() };
    let all = blocks().into_iter().find(|block| block.test.contains("AllTransactionTypes")).expect("it is there");
    let report = run("ethereum", &mainnet, &[("block", all.rlp.clone().into_bytes())]);
    assert_eq!((report.items, report.valid), (4, 4), "{:?}", report.findings);
    let sepolia = Options { network: Some("sepolia".into()), ..Options::default() };
    let report = run("ethereum", &sepolia, &[("block", all.rlp.into_bytes())]);
    // The legacy transaction says no chain.
    assert_eq!((report.valid, report.invalid), (1, 3));
    assert!(report.findings[0].why.contains("another chain"));
    let signed = "f86b8085e8d4a510008227109413978aee95f38490e9769c39b2773ed763d9cd5f872386f26fc10000801ba0eab47c1a49bf2fe5d40e01d313900e19ca485867d462fe06e139e3a536c6d4f4a014a569d327dcda4b29f74f93c0e9729d2f49ad726e703f9cd90dbb0fbf6649f1";
    let spoilt =
        |from: &str, to: &str| run("ethereum", &Options::default(), &[("tx", signed.replace(from, to).into_bytes())]);
    assert_eq!(spoilt("1ba0eab4", "1aa0eab4").findings[0].why, "v says no recovery id");
    // n - s, and the other parity: the same key, and no longer low.
    let high = "1ca0eab47c1a49bf2fe5d40e01d313900e19ca485867d462fe06e139e3a536c6d4f4a0eb5a962cd82325b4d608b06c3f168d618b652f7440d8609ee6c4a37d10cff750";
    let low = &signed[signed.len() - high.len()..];
    assert_eq!(spoilt(low, high).findings[0].why, "signature refused: signature");
}

#[test]
fn cut_blocks_are_told_with_their_byte() {
    let bytes = hex::decode(&blocks()[0].rlp).expect("hex");
    for cut in [0, 1, 2, 3, 100, 500, bytes.len() - 1] {
        let report = run("ethereum", &Options::default(), &[("cut", bytes[..cut].to_vec())]);
        assert_eq!((report.items, report.unreadable), (0, 1), "cut at {cut}");
        assert!(report.findings[0].why.starts_with("at byte "), "{:?}", report.findings);
    }
}

/// A block's parts, for putting them together anew.
fn parts(block: &[u8]) -> Vec<Vec<u8>> {
    let item = rlp::take(&mut &block[..], 0).expect("a block");
    item.items().expect("its parts").iter().map(|part| part.raw.to_vec()).collect()
}

fn block_with(parts: &[Vec<u8>]) -> Vec<u8> {
    rlp::list(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The entries of an era1 file, uncompressed, of `count` blocks from before London, the first of them the chain's own, each but it with a transaction.
/// No file of a whole era is small enough to keep here; the format is go-ethereum's `internal/era`.
fn era(count: usize) -> Vec<([u8; 2], Vec<u8>)> {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&vector("ethereum/txtest.json")).expect("a list");
    let transaction = hex::decode(list[0]["signed"].as_str().expect("hex")).expect("hex");
    let string = |bytes: &[u8]| {
        let mut out = Vec::new();
        alloy_rlp::Encodable::encode(bytes, &mut out);
        out
    };
    let root = |leaves: &[Vec<u8>]| Trees::new().root(Row::MerklePatricia, &keccak256, leaves).expect("not empty");
    let mut entries = vec![(*b"e2", vec![])];
    let (mut parent, mut total, mut records) = ([0; 32], 0_u64, Vec::new());
    for number in 0..count as u64 {
        let transactions = if number == 0 { vec![] } else { vec![transaction.clone()] };
        // A receipt: status, gas, bloom, logs; and one of a typed transaction.
        let receipt = rlp::list(&[&rlp::number(1), &rlp::number(21_000), &string(&[0; 256]), &rlp::list(&[])]);
        let typed = [&[2][..], &receipt].concat();
        let leaves = vec![receipt.clone(), typed.clone()];
        let difficulty = 131_072 + number;
        let header = block_with(&[
            string(&parent),
            string(&keccak256(&rlp::list(&[]))),
            string(&[1; 20]),
            string(&[2; 32]),
            string(&root(&transactions)),
            string(&root(&leaves)),
            string(&[0; 256]),
            rlp::number(difficulty),
            rlp::number(number),
            rlp::number(5_000_000),
            rlp::number(21_000),
            rlp::number(1_500_000_000 + number),
            string(b"era"),
            string(&[3; 32]),
            string(&[4; 8]),
        ]);
        let body = block_with(&[block_with(&transactions), rlp::list(&[])]);
        let receipts = block_with(&[receipt, string(&typed)]);
        parent = keccak256(&header);
        total += difficulty;
        let mut wide = [0; 32];
        wide[..8].copy_from_slice(&total.to_le_bytes());
        records.push(sha256(&[parent, wide].concat()));
        entries.extend([([3, 0], header), ([4, 0], body), ([5, 0], receipts), ([6, 0], wide.to_vec())]);
    }
    let mut empty = [0; 32];
    let count_bytes = (count as u64).to_le_bytes();
    for _ in 0..13 {
        records = records.chunks(2).map(|two| sha256(&[two[0], *two.get(1).unwrap_or(&empty)].concat())).collect();
        empty = sha256(&[empty, empty].concat());
    }
    let accumulator = sha256(&[&records[0][..], &count_bytes, &[0; 24]].concat());
    entries.extend([([7, 0], accumulator.to_vec()), ([0x66, 0x32], vec![0; 16])]);
    entries
}

/// The file itself: headers, bodies and receipts compressed.
fn packed(entries: &[([u8; 2], Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for (kind, value) in entries {
        let value = if (3..=5).contains(&kind[0]) {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            encoder.write_all(value).expect("memory");
            encoder.into_inner().expect("memory")
        } else {
            value.clone()
        };
        let len = u32::try_from(value.len()).expect("small").to_le_bytes();
        file.extend([&kind[..], &len, &[0, 0], &value].concat());
    }
    file
}

fn run_era(entries: &[([u8; 2], Vec<u8>)]) -> Report {
    run("ethereum", &Options::default(), &[("era", packed(entries))])
}

#[test]
fn an_eras_blocks_are_a_chain() {
    let whole = era(5);
    let report = run_era(&whole);
    assert_eq!((report.items, report.valid), (4, 4), "{:?}", report.findings);
    assert!(failed(&report).is_empty(), "{:?}", report.findings);
    for (check, held) in [
        ("header", 5),
        ("transactions-root", 5),
        ("receipts-root", 5),
        ("uncles-hash", 5),
        ("parent", 4),
        ("total-difficulty", 5),
        ("accumulator", 1),
    ] {
        assert_eq!(report.checks[check].ok, held, "{check}");
    }
    // Cut behind the last block: what is there holds, and the missing end is told.
    assert_eq!(failed(&run_era(&whole[..1 + 4 * 5])), ["accumulator"]);
    // A block left out.
    let without = [&whole[..1 + 4 * 2], &whole[1 + 4 * 3..]].concat();
    assert_eq!(failed(&run_era(&without)), ["accumulator", "parent", "total-difficulty"]);
    // A body that does not follow its header, and a file that ends within an entry.
    let report = run_era(&[&whole[..1], &whole[2..]].concat());
    assert!(report.findings[0].why.contains("does not follow its header"), "{:?}", report.findings);
    let file = packed(&whole);
    let report = run("ethereum", &Options::default(), &[("era", file[..file.len() - 3].to_vec())]);
    assert!(report.findings[0].why.contains("16 bytes are wanted and 13 are left"), "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_transaction_breaks_the_root_and_loses_its_sender(which in any::<usize>(), at in any::<usize>(), bit in 0_u32..8) {
        let valid: Vec<Block> = blocks().into_iter().filter(|b| b.senders.as_ref().is_some_and(|s| !s.is_empty())).collect();
        let block = hex::decode(&valid[which % valid.len()].rlp).expect("hex");
        let mut all = parts(&block);
        let at = at % all[1].len();
        all[1][at] ^= 1 << bit;
        let spoilt = block_with(&all);
        let before = run_with("ethereum", &Options::default(), &[("block", block)], Detail::Items);
        let report = run_with("ethereum", &Options::default(), &[("block", spoilt)], Detail::Items);
        // It is no list of transactions any more, or another list than the header names.
        if report.unreadable == 0 {
            prop_assert!(failed(&report).contains(&"transactions-root"), "{:?}", report.findings);
            prop_assert!(report.findings.iter().any(|f| f.what == What::Check("transactions-root")));
            prop_assert!(report.notes != before.notes, "a sender is another, or none");
        }
    }

    #[test]
    fn a_swapped_or_doubled_transaction_breaks_the_root(which in any::<usize>(), doubled in any::<bool>()) {
        let valid: Vec<Block> = blocks().into_iter().filter(|b| b.senders.as_ref().is_some_and(|s| s.len() > 1)).collect();
        let block = hex::decode(&valid[which % valid.len()].rlp).expect("hex");
        let mut all = parts(&block);
        let item = rlp::take(&mut &all[1][..], 0).expect("a list");
        let mut transactions: Vec<&[u8]> = item.entries().expect("items").iter().map(|item| item.raw).collect();
        if doubled { transactions.push(transactions[0]) } else { transactions.swap(0, 1) }
        let list = rlp::list(&transactions);
        let changed = list != all[1];
        all[1] = list;
        let report = run("ethereum", &Options::default(), &[("block", block_with(&all))]);
        prop_assert_eq!(report.invalid, 0);
        prop_assert_eq!(failed(&report).is_empty(), !changed);
    }

    /// Every byte of an era stands under a hash, a sum or the accumulator, but for the index at its end. (The compressed form may
    /// say the same in several ways.)
    #[test]
    fn a_spoilt_era_is_told(which in any::<usize>(), at in any::<usize>(), bit in 0_u32..8) {
        let mut entries = era(3);
        let which = 1 + which % (entries.len() - 2);
        let value = &mut entries[which].1;
        let at = at % value.len();
        value[at] ^= 1 << bit;
        prop_assert_ne!(run_era(&entries).ending(true), Ending::AsExpected, "entry {} byte {} bit {}", which, at, bit);
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), block in any::<bool>()) {
        if block {
            bytes.insert(0, 0xf9);
        }
        let report = run("ethereum", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.invalid + report.valid, report.items);
    }
}
