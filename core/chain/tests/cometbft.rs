//! CometBFT's profile on five real commits, the same as protobuf, and spoilt copies of them.

mod common;

use assay_chain::cometbft::types::{CommitSig, Flag, Header, SignedHeader, ValidatorSet, time_bytes};
use assay_chain::cometbft::{json, protobuf};
use assay_chain::proto::Writer;
use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;
use serde_json::Value;

/// Height, votes for the block, and the whole set's power, as tendermintx' fixtures have them.
const BLOCKS: [(u64, usize, u64); 5] = [
    (10_000, 2, 50_000_000),
    (10_500, 3, 75_100_000),
    (11_000, 8, 103_106_249),
    (15_000, 21, 163_885_819),
    (50_000, 47, 359_226_659),
];

fn file(height: u64) -> Vec<u8> {
    vector(&format!("cometbft/celestia_mocha4_{height}_signed_block.json"))
}

fn signed(height: u64) -> SignedHeader {
    json::signed_header(&file(height)).expect("a signed block")
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|(_, tally)| tally.failed > 0).map(|(name, _)| *name).collect()
}

#[test]
fn five_commits_reach_their_quorum() {
    let named: Vec<(String, Vec<u8>)> = BLOCKS.iter().map(|(height, ..)| (height.to_string(), file(*height))).collect();
    let files: Vec<(&str, Vec<u8>)> = named.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let report = run_with("cometbft", &Options::default(), &files, Detail::Items);
    assert_eq!((report.items, report.valid), (81, 81), "{:?}", report.findings);
    assert!(failed(&report).is_empty(), "{:?}", report.findings);
    for check in [
        "commit",
        "commit-light",
        "commit-height",
        "commit-size",
        "header-hash",
        "validators-hash",
        "validators",
        "proposer",
    ] {
        assert_eq!(report.checks[check].ok, 5, "{check}");
    }
    for (height, _, total) in BLOCKS {
        // Every vote in these commits is for the block, so the power counted is that of the validators who voted.
        let block = signed(height);
        let set = block.validators.expect("the file has it");
        let power: i64 = set
            .validators
            .iter()
            .zip(&block.commit.signatures)
            .filter(|(_, s)| s.flag == Flag::Commit)
            .map(|(v, _)| v.power)
            .sum();
        let needed = total * 2 / 3;
        let note =
            format!("{height}: mocha-4 height {height}: commit: power {power} of {total}, more than {needed} needed");
        assert!(report.notes.contains(&note), "{note} is not in {:?}", report.notes);
    }
    assert_eq!(report.ending(true), Ending::AsExpected);
}

#[test]
fn hashes_are_the_headers_own() {
    for (height, votes, _) in BLOCKS {
        let block = signed(height);
        assert_eq!(block.header.hash()[..], block.commit.block_id.hash[..]);
        let set = block.validators.expect("the file has it");
        assert_eq!(set.hash().expect("Ed25519 keys")[..], block.header.hashes[Header::VALIDATORS][..]);
        assert_eq!(block.commit.signatures.iter().filter(|s| s.flag == Flag::Commit).count(), votes);
    }
}

/// The votes' bytes as another program, vectors/demo/make.py, writes them.
#[test]
fn votes_are_the_demos() {
    use assay_chain::cometbft::encoding::Dialect;
    let lines = String::from_utf8(vector("demo/cometbft-commits.jsonl")).expect("text");
    let mut messages = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["message"].as_str().expect("hex").to_owned()
    });
    for (height, ..) in BLOCKS {
        let block = signed(height);
        for signature in block.commit.signatures.iter().filter(|s| s.flag != Flag::Absent) {
            let bytes = block.commit.vote_bytes(Dialect::Protobuf, &block.header.chain_id, signature);
            assert_eq!(Some(hex::encode(bytes)), messages.next());
        }
    }
    assert_eq!(messages.next(), None);
}

fn block_id(id: &assay_chain::cometbft::types::BlockId) -> Vec<u8> {
    let parts = Writer::new().varint(1, id.parts_total.into()).bytes(2, &id.parts_hash).finish();
    Writer::new().bytes(1, &id.hash).message(2, &parts).finish()
}

/// A LightBlock, or without its validators a SignedHeader.
fn as_protobuf(block: &SignedHeader) -> Vec<u8> {
    let SignedHeader { header, commit, validators, .. } = block;
    let version = Writer::new().varint(1, header.version.0).varint(2, header.version.1).finish();
    let mut head = Writer::new()
        .message(1, &version)
        .bytes(2, header.chain_id.as_bytes())
        .int64(3, header.height)
        .message(4, &time_bytes(header.time))
        .message(5, &block_id(&header.last_block_id));
    for (number, hash) in (6..).zip(&header.hashes) {
        head = head.bytes(number, hash);
    }
    let head = head.bytes(14, &header.proposer_address).finish();
    let mut body = Writer::new().int64(1, commit.height).int64(2, commit.round.into());
    body = body.message(3, &block_id(&commit.block_id));
    for CommitSig { flag, address, time, signature } in &commit.signatures {
        let flag = match flag {
            Flag::Absent => 1,
            Flag::Commit => 2,
            Flag::Nil => 3,
            Flag::OtherBlock | Flag::OtherStep => unreachable!("amino's alone"),
        };
        let entry = Writer::new().varint(1, flag).bytes(2, address).message(3, &time_bytes(*time)).bytes(4, signature);
        body = body.message(4, &entry.finish());
    }
    let signed = Writer::new().message(1, &head).message(2, &body.finish()).finish();
    match validators {
        None => signed,
        Some(set) => Writer::new().message(1, &signed).message(2, &set_bytes(set)).finish(),
    }
}

fn set_bytes(set: &ValidatorSet) -> Vec<u8> {
    set.validators
        .iter()
        .fold(Writer::new(), |out, validator| {
            let key = Writer::new().bytes(1, &validator.key.bytes).finish();
            let entry = Writer::new().bytes(1, &validator.address).message(2, &key).int64(3, validator.power);
            out.message(1, &entry.finish())
        })
        .finish()
}

#[test]
fn protobuf_says_the_same_as_json() {
    for (height, ..) in BLOCKS {
        let block = signed(height);
        let bytes = as_protobuf(&block);
        assert_eq!(protobuf::signed_header(&bytes), Ok(block.clone()));
        let report = run("cometbft", &Options::default(), &[("light", bytes)]);
        assert_eq!((report.valid, report.invalid), (report.items, 0));
        let bare = SignedHeader { validators: None, ..block };
        assert_eq!(protobuf::signed_header(&as_protobuf(&bare)), Ok(bare));
    }
}

#[test]
fn a_commit_without_its_set_takes_it_from_the_files_beside_it() {
    let block = signed(11_000);
    let set = block.validators.clone().expect("the file has it");
    let bare = as_protobuf(&SignedHeader { validators: None, ..block });
    let report = run("cometbft", &Options::default(), &[("bare", bare.clone())]);
    assert_eq!((report.valid, report.not_evaluated), (0, 8));
    assert_eq!(report.not_evaluated_why["the validator set is not given"], 8);
    assert!(!report.checks.contains_key("commit"), "no quorum is claimed");
    let options = Options { validators: vec![("set".into(), set_bytes(&set))], ..Options::default() };
    let report = run("cometbft", &options, &[("bare", bare)]);
    assert_eq!((report.valid, report.checks["commit"].ok), (8, 1));
}

#[test]
fn an_earlier_set_is_trusted_by_address_and_a_stranger_is_not() {
    // The set of height 11,000 still holds more than a third of its power at 15,000.
    let trusted = |height| Options { validators: vec![("trusted".into(), file(height))], ..Options::default() };
    let report = run("cometbft", &trusted(11_000), &[("15000", file(15_000))]);
    assert_eq!(report.checks["commit-light-trusting"].ok, 1, "{:?}", report.findings);
    let mut stranger = signed(11_000).validators.expect("the file has it");
    stranger.validators.iter_mut().for_each(|validator| {
        validator.key.bytes[0] ^= 1;
        validator.address = validator.key.address().expect("Ed25519").to_vec();
    });
    let options = Options { validators: vec![("stranger".into(), set_bytes(&stranger))], ..Options::default() };
    let report = run("cometbft", &options, &[("15000", file(15_000))]);
    assert_eq!(failed(&report), ["commit-light-trusting"]);
    assert!(report.findings[0].subject.ends_with("under stranger"));
}

#[test]
fn another_chain_is_told() {
    let options = Options { network: Some("celestia".into()), ..Options::default() };
    let report = run("cometbft", &options, &[("10000", file(10_000))]);
    assert_eq!(failed(&report), ["chain-id"]);
    assert_eq!(report.ending(false), Ending::NotAsExpected);
}

#[test]
fn broken_files_are_told_with_their_byte() {
    for cut in [0, 1, 100, 2_000] {
        let report = run("cometbft", &Options::default(), &[("cut", file(10_000)[..cut].to_vec())]);
        assert_eq!((report.items, report.unreadable), (0, 1));
        assert!(report.findings[0].why.starts_with("at byte "), "{:?}", report.findings);
    }
    let bytes = as_protobuf(&signed(10_000));
    for cut in 0..bytes.len() {
        let error = protobuf::signed_header(&bytes[..cut]);
        // A cut between two fields of the LightBlock leaves a SignedHeader's bytes, which is none either.
        assert!(error.is_err_and(|error| error.offset <= cut), "cut at {cut}");
    }
    let text = String::from_utf8(file(10_000)).expect("text").replace("\"block_id_flag\":2", "\"block_id_flag\":9");
    let report = run("cometbft", &Options::default(), &[("flag", text.into_bytes())]);
    assert!(report.findings[0].why.contains("commit signature 0"), "{:?}", report.findings);
}

/// Spoils a block in one way; gives what must fail, and the text that names the culprit.
fn spoil(block: &mut SignedHeader, how: usize, at: usize, bit: usize) -> (&'static str, String) {
    let signers: Vec<usize> =
        (0..block.commit.signatures.len()).filter(|at| block.commit.signatures[*at].flag == Flag::Commit).collect();
    let (one, other) = (signers[at % signers.len()], signers[(at + 1) % signers.len()]);
    let address = |block: &SignedHeader, at: usize| hex::encode_upper(&block.commit.signatures[at].address);
    let named = format!("vote {one} of validator {}", address(block, one));
    match how {
        0 => {
            block.commit.signatures[one].signature[bit / 8 % 64] ^= 1 << (bit % 8);
            ("commit", named)
        }
        1 => {
            let (a, b) = (block.commit.signatures[one].clone(), block.commit.signatures[other].clone());
            block.commit.signatures[one].signature = b.signature;
            block.commit.signatures[other].signature = a.signature;
            ("commit", format!("vote {} of", one.min(other)))
        }
        2 => {
            block.commit.signatures[other] = block.commit.signatures[one].clone();
            ("commit", format!("vote {other} of validator {}", address(block, one)))
        }
        3 => {
            block.commit.signatures[one].time.nanos ^= 1 << (bit % 20);
            ("commit", named)
        }
        4 => {
            let set = block.validators.as_mut().expect("the file has it");
            set.validators[one].power += 1;
            ("validators-hash", "another root".into())
        }
        5 => {
            block.header.hashes[1][bit / 8 % 32] ^= 1 << (bit % 8);
            ("header-hash", "another header".into())
        }
        _ => {
            // Only one vote is left.
            for at in signers.into_iter().filter(|at| *at != one) {
                let absent = CommitSig {
                    flag: Flag::Absent,
                    address: vec![],
                    time: assay_chain::cometbft::types::Time::ZERO,
                    signature: vec![],
                };
                block.commit.signatures[at] = absent;
            }
            ("commit", "needed".into())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_commit_is_refused_and_the_culprit_named(which in 0_usize..5, how in 0_usize..7, at in 0_usize..100, bit in 0_usize..512) {
        let mut block = signed(BLOCKS[which].0);
        let (check, named) = spoil(&mut block, how, at, bit);
        let report = run("cometbft", &Options::default(), &[("spoilt", as_protobuf(&block))]);
        prop_assert!(failed(&report).contains(&check), "{} {:?}", check, report.findings);
        let finding = report.findings.iter().find(|finding| finding.what == What::Check(check)).expect("it failed");
        prop_assert!(finding.why.contains(&named), "{} is not in {:?}", named, report.findings);
        prop_assert_eq!(report.ending(false), Ending::NotAsExpected);
        // How many votes are invalid: one for a bit, two for a swap, one for a doubled signer.
        let invalid = match how { 0 | 3 => 1, 1 => 2, 2 => 1, _ => 0 };
        prop_assert_eq!(report.invalid, invalid, "{:?}", report.findings);
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), brace in any::<bool>(), at in 0_usize..2_400) {
        let mut text = file(10_000);
        text[at] = bytes.first().copied().unwrap_or(b'0');
        let _ = run("cometbft", &Options::default(), &[("any", text)]);
        let bytes = if brace { [b"{", &bytes[..]].concat() } else { bytes };
        let report = run("cometbft", &Options::default(), &[("any", bytes)]);
        prop_assert_eq!(report.valid, 0);
    }
}
