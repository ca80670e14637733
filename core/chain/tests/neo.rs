//! Neo's profile on a dump of 50 signed N3 blocks, on two Neo 2 blocks, and on spoilt copies of them.

mod common;

use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;

const DUMP: &str = "neo/chain50x2.acc";
const NEO_2: [&str; 2] = ["neo/neo2_block_1.hex", "neo/neo2_block_343892.hex"];

fn network(name: &str) -> Options {
    Options { network: Some(name.to_owned()), ..Options::default() }
}

fn run_dump(bytes: Vec<u8>) -> Report {
    run("neo", &network("42"), &[("chain.acc", bytes)])
}

/// The dump's blocks, each as (where it begins, its length).
fn blocks(dump: &[u8]) -> Vec<(usize, usize)> {
    let mut at = 4;
    let mut blocks = Vec::new();
    while at < dump.len() {
        let len = u32::from_le_bytes(dump[at..at + 4].try_into().expect("four bytes")) as usize;
        blocks.push((at + 4, len));
        at += 4 + len;
    }
    blocks
}

#[test]
fn fifty_headers_every_witness_and_every_root() {
    let report = run_with("neo", &network("42"), &[("chain.acc", vector(DUMP))], Detail::Items);
    assert_eq!((report.items, report.valid), (149, 149), "{:?}", report.not_evaluated_why);
    let headers = report.findings.iter().filter(|finding| !finding.subject.contains("transaction")).count();
    assert_eq!((headers, report.items - headers), (50, 99), "headers, and witnesses of transactions");
    for (check, times) in [("merkle", 51), ("merkle-unique", 51), ("height", 50)] {
        assert_eq!((report.checks[check].ok, report.checks[check].failed), (times, 0), "{check}");
    }
    assert_eq!(report.ending(true), Ending::AsExpected);
    // Block 1's hash, in the order people see.
    assert!(report.findings.iter().any(|finding| {
        finding.subject.contains("0x7db2598ba6447481cc6ca90809ff7b2951d7b0482b343ab1dbb23937a15a2cae witness")
    }));
}

#[test]
fn a_dump_may_begin_later_and_blocks_may_come_alone() {
    let dump = vector(DUMP);
    let (at, len) = blocks(&dump)[7];
    let later = [&6_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), &dump[blocks(&dump)[6].0 - 4..at + len]].concat();
    let report = run_dump(later);
    assert_eq!((report.valid, report.not_evaluated), (5, 1), "{:?}", report.findings);
    assert_eq!(report.not_evaluated_why["the header before is not given, nor the validators"], 1);
    let raw = &dump[at..at + len];
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(raw).into_bytes();
    let committee = ("committee".to_owned(), dump_committee().into_bytes());
    for bytes in [raw.to_vec(), hex::encode(raw).into_bytes(), base64] {
        let given = Options { validators: vec![committee.clone()], ..network("42") };
        let report = run("neo", &given, &[("block", bytes)]);
        assert_eq!((report.valid, report.items), (3, 3), "{:?}", report.findings);
    }
    let report = run_dump(vec![1, 0, 0, 0]);
    assert_eq!(report.unreadable, 1, "a dump of one block that has none");
}

/// The committee of the dump's network as a script hash, last byte first, as RPC shows it.
fn dump_committee() -> String {
    let dump = vector(DUMP);
    let (at, _) = blocks(&dump)[0];
    let mut hash = dump[at + 89..at + 109].to_vec();
    hash.reverse();
    format!("0x{}", hex::encode(hash))
}

#[test]
fn neo_2_headers_are_witnessed_by_five_of_seven() {
    let committee = ("committee".to_owned(), b"AdyQbbn6ENjqWDa5JNYMwN3ikNcA4JeZdk".to_vec());
    let given = Options { validators: vec![committee], ..network("neo2") };
    for (file, hash) in NEO_2.into_iter().zip([
        "0x0012f8566567a9d7ddf25acb5cf98286c9703297de675d01ba73fbfe6bcb841c",
        "0x922ba0c0d06afbeec4c50b0541a29153feaa46c5d7304e7bf7f40870d9f3aeb0",
    ]) {
        let report = run_with("neo", &given, &[("block", vector(file))], Detail::Items);
        assert_eq!((report.items, report.valid), (1, 1), "{:?}", report.findings);
        assert!(report.findings[0].subject.contains(hash), "{:?}", report.findings);
        assert_eq!((report.checks["merkle"].ok, report.checks["merkle"].failed), (1, 0));
        let report = run("neo", &network("neo2"), &[("block", vector(file))]);
        assert_eq!((report.valid, report.not_evaluated), (0, 1), "without a committee nothing is valid");
    }
}

/// Two Neo 2 blocks made by `vectors/neo/make_neo2.py`: the second spends the first one's outputs.
#[test]
fn neo_2_witnesses_are_of_whom_the_run_knows() {
    let committee = ("committee".to_owned(), b"0xea8f484dcbfa8b780ab664ced3975edcd1bc6004".to_vec());
    let given = Options { validators: vec![committee], ..network("neo2") };
    let file = vector("neo/neo2_spends.hex");
    let report = run("neo", &given, &[("chain", file.clone())]);
    assert_eq!((report.items, report.valid), (5, 5), "{:?} {:?}", report.findings, report.not_evaluated_why);
    assert_eq!((report.checks["height"].ok, report.checks["merkle"].ok), (1, 2));
    // The second block alone does not know who owned what it spends.
    let raw = hex::decode(file.trim_ascii()).expect("hex");
    let second = (1..raw.len()).find(|at| {
        let alone = run("neo", &given, &[("second", raw[*at..].to_vec())]);
        alone.unreadable == 0 && alone.items == 4
    });
    let alone = run("neo", &given, &[("second", raw[second.expect("the second block")..].to_vec())]);
    assert_eq!((alone.valid, alone.not_evaluated), (1, 3), "{:?}", alone.findings);
    // A signature of the spending transaction, then the order of its witnesses.
    let report = run("neo", &given, &[("chain", [&raw[..raw.len() - 60], &[7], &raw[raw.len() - 59..]].concat())]);
    let spend = "transaction 0x5a75c2f2e58bb37301b2268e928c82b5ad28a36b879260cebefc8a23392f6344 witness";
    assert_eq!(report.invalid, 1, "{:?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.subject.contains(spend)), "{:?}", report.findings);
}

#[test]
fn another_network_is_another_signature() {
    let report = run("neo", &Options::default(), &[("chain.acc", vector(DUMP))]);
    assert_eq!((report.valid, report.invalid), (0, 149));
    let none = run("neo", &network("neo2"), &[("chain.acc", vector(DUMP))]);
    assert_eq!((none.valid, none.unreadable), (0, 1), "N3's bytes are not Neo 2's");
}

/// The committee's witness of block 1: where its three signatures stand.
fn signatures_of_block_1(dump: &[u8]) -> usize {
    let (at, _) = blocks(dump)[1];
    // Unsigned header, witness count, invocation length, and the first push.
    at + 109 + 1 + 1 + 2
}

#[test]
fn a_signer_counted_twice_is_named() {
    let mut dump = vector(DUMP);
    let at = signatures_of_block_1(&dump);
    for (from, to, named) in [(0, 1, "signature 1 is signature 0 again"), (1, 2, "signature 2 is signature 1 again")] {
        let spoilt = &mut dump.clone();
        spoilt.copy_within(at + 66 * from..at + 66 * from + 64, at + 66 * to);
        let report = run_dump(spoilt.clone());
        assert_eq!(report.invalid, 1, "{:?}", report.findings);
        assert!(report.findings[0].subject.contains("block 1 0x"), "{:?}", report.findings);
        assert!(report.findings[0].why.contains(named), "{:?}", report.findings);
    }
    // Out of the keys' order.
    let (first, second) = (dump[at..at + 64].to_vec(), dump[at + 66..at + 130].to_vec());
    dump[at..at + 64].copy_from_slice(&second);
    dump[at + 66..at + 130].copy_from_slice(&first);
    let report = run_dump(dump);
    assert_eq!(report.invalid, 1);
    assert!(report.findings[0].why.contains("none of the keys left in order"), "{:?}", report.findings);
}

#[test]
fn another_script_under_the_accounts_name_is_refused() {
    let mut dump = vector(DUMP);
    // The first key of the verification script of block 1's header.
    let at = signatures_of_block_1(&dump) - 2 + 198 + 1 + 3;
    assert_eq!(dump[at - 2..at], [0x0c, 33]);
    dump[at + 5] ^= 1;
    let report = run_dump(dump);
    assert_eq!(report.invalid, 1);
    assert!(report.findings[0].why.contains("another account's"), "{:?}", report.findings);
}

#[test]
fn a_changed_transaction_changes_the_root_and_its_witness() {
    let mut dump = vector(DUMP);
    let (at, _) = blocks(&dump)[1];
    let header = 109 + 1 + 1 + 198 + 1 + 147;
    // The first transaction's nonce.
    dump[at + header + 1 + 1] ^= 0x40;
    let report = run_dump(dump);
    assert_eq!((report.invalid, report.checks["merkle"].failed), (1, 1), "{:?}", report.findings);
    for finding in &report.findings {
        assert!(finding.subject.contains("block 1"), "{finding:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_bit_is_found_in_its_block(which in 0_usize..51, at in any::<usize>(), bit in 0_u32..8) {
        let mut dump = vector(DUMP);
        let (start, len) = blocks(&dump)[which];
        let offset = start + at % len;
        dump[offset] ^= 1 << bit;
        let report = run_dump(dump);
        prop_assert!(report.ending(true) != Ending::AsExpected, "byte {}", offset - start);
        // A changed hash is missed by the successor, whose predecessor is then not in the run.
        let named = [format!("block {which} "), format!("block {}", which + 1), format!("block {which}")];
        for finding in report.findings.iter().filter(|finding| finding.what != What::Unreadable) {
            // A changed height changes the name.
            let renamed = (84..88).contains(&(offset - start));
            prop_assert!(renamed || named.iter().any(|name| finding.subject.contains(name)), "{finding:?}");
        }
    }

    #[test]
    fn strangers_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in any::<usize>()) {
        for name in ["42", "neo2"] {
            let report = run("neo", &network(name), &[("any", bytes.clone())]);
            prop_assert_eq!(report.valid, 0);
        }
        bytes.splice(0..0, [0; 4]);
        let _ = run("neo", &network("neo2"), &[("any", bytes)]);
        let mut dump = vector(DUMP);
        dump.truncate(cut % 4_000);
        let report = run_dump(dump);
        prop_assert_eq!(report.unreadable, 1);
    }
}
