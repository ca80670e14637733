//! Fabric's profile on a real ledger and a real SmartBFT genesis block, on ledgers made by an independent implementation
//! (SmartBFT, Ed25519, SM2 in three modes), and on spoilt copies of them.

mod common;

use assay_chain::fabric::block::{self, Block};
use assay_chain::proto::{Fields, Value, Writer};
use assay_chain::report::{Ending, What};
use assay_chain::{Detail, Options, Report};
use common::{run, run_with, vector};
use proptest::prelude::*;

const LEDGER: &str = "fabric/testchannel_blockfile_000000";
const MODES: [&str; 3] = ["e-digest", "za-empty-uid", "za-default-uid"];
/// A ledger of each.
const GUOMI: [&str; 3] =
    ["fabric/guomi-e-digest.ledger", "fabric/guomi-za-empty-uid.ledger", "fabric/guomi-za-default-uid.ledger"];

fn network(name: &str) -> Options {
    Options { network: Some(name.into()), ..Options::default() }
}

fn check(bytes: Vec<u8>) -> Report {
    run("fabric", &Options::default(), &[("ledger", bytes)])
}

fn failed(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|(_, tally)| tally.failed > 0).map(|(name, _)| *name).collect()
}

/// How many findings are of a valid item whose subject has these words.
fn valid(report: &Report, words: &str) -> usize {
    report.findings.iter().filter(|f| f.what == What::Valid && f.subject.contains(words)).count()
}

#[test]
fn a_real_ledger_of_twenty_blocks_has_sixty_valid_signatures() {
    let report = run_with("fabric", &Options::default(), &[("ledger", vector(LEDGER))], Detail::Items);
    assert_eq!((report.items, report.valid), (60, 60), "{:?}", report.findings);
    let roles = [" orderer ", " creator ", " endorser "].map(|role| valid(&report, role));
    assert_eq!(roles, [19, 20, 21]);
    for (name, count) in [
        ("data-hash", 20),
        ("header-chain", 20),
        ("block-signatures", 19),
        ("transaction-id", 15),
        ("proposal-hash", 15),
        ("configuration", 5),
    ] {
        assert_eq!((report.checks[name].ok, report.checks[name].failed), (count, 0), "{name}");
    }
    // Every signer's certificate leads to its MSP's authority.
    assert!(report.checks["identity"].ok >= 3 && report.checks["identity"].failed == 0);
    assert_eq!(report.ending(true), Ending::AsExpected);
}

#[test]
fn a_real_smartbft_genesis_names_four_consenters() {
    let file = vector("fabric/orderer_consensus_smartbft_testdata_mychannel.block");
    let report = check(file.clone());
    // A channel's first block is not signed: what can be checked are its hash and its consenters' certificates.
    assert_eq!(report.items, 0, "{:?}", report.findings);
    assert_eq!(report.checks["consenter"].ok, 4, "{:?}", report.findings);
    for name in ["data-hash", "header-chain", "configuration"] {
        assert_eq!((report.checks[name].ok, report.checks[name].failed), (1, 0), "{name}");
    }
    assert_eq!(report.ending(true), Ending::AsExpected);
    let mut spoilt = file;
    let at = spoilt.len() / 2;
    spoilt[at] ^= 1;
    assert!(failed(&check(spoilt)).contains(&"data-hash"));
}

#[test]
fn smartbft_blocks_reach_their_quorum_of_consenters() {
    let report = run_with("fabric", &Options::default(), &[("bft", vector("fabric/smartbft.ledger"))], Detail::Items);
    assert_eq!((report.items, report.valid), (12, 12), "{:?}", report.findings);
    assert_eq!((report.checks["block-signatures"].ok, report.checks["consenter"].ok), (2, 4));
    assert_eq!(valid(&report, "orderer 2 CN=orderer2 of OrdererMSP"), 2);
    assert_eq!(report.ending(true), Ending::AsExpected);
    // Without the configuration nobody knows who they are.
    let file = vector("fabric/smartbft.ledger");
    let blocks = block::blocks(&file).expect("blocks");
    let report = check(serialized(&blocks[1]));
    assert_eq!((report.valid, report.not_evaluated), (3, 3));
    assert!(!report.checks.contains_key("block-signatures"));
}

#[test]
fn an_msp_says_what_its_members_hash_with() {
    let file = vector("fabric/sha3.ledger");
    let report = check(file.clone());
    assert_eq!((report.items, report.valid), (8, 8), "{:?}", report.findings);
    // Without the configuration the network's name says it.
    let blocks = block::blocks(&file).expect("blocks");
    for (name, valid) in [("sha2", 0), ("sha3", 4)] {
        assert_eq!(run("fabric", &network(name), &[("block", serialized(&blocks[1]))]).valid, valid, "{name}");
    }
}

#[test]
fn ed25519_members_sign_the_message_itself() {
    let report = check(vector("fabric/ed25519.ledger"));
    assert_eq!((report.items, report.valid), (8, 8), "{:?}", report.findings);
    assert_eq!(report.ending(true), Ending::AsExpected);
}

#[test]
fn guomi_ledgers_are_valid_in_their_own_mode_alone() {
    for (mode, file) in MODES.into_iter().zip(GUOMI) {
        let file = vector(file);
        for other in MODES {
            let report = run("fabric", &network(other), &[("guomi", file.clone())]);
            assert_eq!(report.items, 8);
            if mode == other {
                assert_eq!(report.valid, 8, "{mode}: {:?}", report.findings);
                assert_eq!(report.ending(true), Ending::AsExpected);
            } else {
                assert_eq!((report.invalid, failed(&report)), (8, vec!["block-signatures"]), "{mode} as {other}");
            }
            // The certificates and the hashes do not depend on it.
            assert_eq!((report.checks["identity"].failed, report.checks["data-hash"].ok), (0, 3));
        }
        let report = check(file);
        assert_eq!((report.valid, report.not_evaluated), (0, 8));
        assert!(report.not_evaluated_why.keys().all(|why| why.starts_with("an SM2 key")));
        assert!(failed(&report).contains(&"data-hash"), "SM3 is not SHA-256");
    }
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A block as a ledger writes it.
fn serialized(block: &Block<'_>) -> Vec<u8> {
    let prefixed = |bytes: &[u8]| [varint(bytes.len()), bytes.to_vec()].concat();
    let list = |list: &[(&[u8], usize)]| {
        [varint(list.len()), list.iter().flat_map(|(bytes, _)| prefixed(bytes)).collect()].concat()
    };
    let body = [
        varint(block.number as usize),
        prefixed(block.data_hash),
        prefixed(block.previous_hash),
        list(&block.data),
        list(&block.metadata),
    ];
    prefixed(&body.concat())
}

/// A block as one protobuf message.
fn protobuf(block: &Block<'_>) -> Vec<u8> {
    let header = Writer::new().varint(1, block.number).bytes(2, block.previous_hash).bytes(3, block.data_hash).finish();
    let list =
        |list: &[(&[u8], usize)]| list.iter().fold(Writer::new(), |out, (bytes, _)| out.message(1, bytes)).finish();
    Writer::new().message(1, &header).message(2, &list(&block.data)).message(3, &list(&block.metadata)).finish()
}

#[test]
fn protobuf_says_the_same_as_the_ledger() {
    let file = vector(LEDGER);
    let blocks = block::blocks(&file).expect("blocks");
    let files: Vec<(String, Vec<u8>)> =
        blocks.iter().map(|block| (block.number.to_string(), protobuf(block))).collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let report = run_with("fabric", &Options::default(), &files, Detail::Findings);
    assert_eq!((report.files, report.items, report.valid), (20, 60, 60));
    assert_eq!(report.checks["header-chain"].ok, 20, "from file to file too");
}

/// Rewrites the last field along a path of nested messages.
fn edit(message: &[u8], path: &[u64], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else { return change(message) };
    let mut fields = Vec::new();
    let mut walk = Fields::new(message, 0);
    while let Some(field) = walk.next().expect("fields") {
        fields.push(field);
    }
    let last = fields.iter().rposition(|field| field.number == *first).expect("a field of the path");
    fields
        .iter()
        .enumerate()
        .fold(Writer::new(), |out, (at, field)| match field.value {
            Value::Varint(value) => out.varint(field.number as u32, value),
            Value::Bytes(bytes, _) if at == last => out.message(field.number as u32, &edit(bytes, rest, change)),
            Value::Bytes(bytes, _) => out.message(field.number as u32, bytes),
            other => panic!("{other:?}"),
        })
        .finish()
}

/// Every field of a message with this number, once more at its end.
fn doubled(message: &[u8], number: u64) -> Vec<u8> {
    let mut walk = Fields::new(message, 0);
    let mut again = Writer::new();
    while let Some(field) = walk.next().expect("fields") {
        if let (true, Value::Bytes(bytes, _)) = (field.number == number, field.value) {
            again = again.message(number as u32, bytes);
        }
    }
    [message, &again.finish()].concat()
}

/// The ledger with one block's metadata or envelope changed.
fn with(file: &str, number: usize, metadata: Option<Vec<u8>>, envelope: Option<Vec<u8>>) -> Vec<u8> {
    let bytes = vector(file);
    let mut blocks = block::blocks(&bytes).expect("blocks");
    if let Some(metadata) = &metadata {
        blocks[number].metadata[0].0 = metadata;
    }
    if let Some(envelope) = &envelope {
        blocks[number].data[0].0 = envelope;
    }
    blocks.iter().flat_map(serialized).collect()
}

fn metadata(file: &str, number: usize) -> Vec<u8> {
    block::blocks(&vector(file)).expect("blocks")[number].metadata[0].0.to_vec()
}

fn envelope(file: &str, number: usize) -> Vec<u8> {
    block::blocks(&vector(file)).expect("blocks")[number].data[0].0.to_vec()
}

#[test]
fn an_orderer_counted_twice_is_refused_and_named() {
    for (file, number, orderer) in [(LEDGER, 7, 1), ("fabric/smartbft.ledger", 2, 5)] {
        let spoilt = doubled(&metadata(file, number), 2);
        let report = check(with(file, number, Some(spoilt), None));
        assert_eq!(failed(&report), ["block-signatures"]);
        let twice = report.findings.iter().find(|f| f.what == What::Check("block-signatures")).expect("it failed");
        assert!(twice.why.starts_with(&format!("orderer {orderer} ")), "{twice:?}");
        assert!(twice.why.ends_with("this signer's signature stands twice in the list"), "{twice:?}");
    }
}

#[test]
fn an_endorser_counted_twice_is_refused_and_named() {
    // Envelope, payload, data, action, its payload, its endorsed action.
    let spoilt = edit(&envelope(LEDGER, 8), &[1, 2, 1, 2, 2], &|action| doubled(action, 2));
    let report = check(with(LEDGER, 8, None, Some(spoilt)));
    let twice: Vec<_> =
        report.findings.iter().filter(|f| f.why == "this signer's signature stands twice in the list").collect();
    assert!(
        !twice.is_empty() && twice.iter().all(|f| f.subject.contains("block 8 transaction 0 endorser ")),
        "{:?}",
        report.findings
    );
}

#[test]
fn too_few_consenters_and_strangers_are_told() {
    // The third signature made another's: no consenter has the identifier 9.
    let spoilt =
        edit(&metadata("fabric/smartbft.ledger", 1), &[2, 3], &|header| [&[0x08, 9][..], &header[2..]].concat());
    let report = check(with("fabric/smartbft.ledger", 1, Some(spoilt), None));
    assert_eq!((report.invalid, failed(&report)), (1, vec!["block-signatures"]));
    assert!(report.findings.iter().any(|finding| finding.why == "no consenter has the identifier 9"));
    assert!(report.findings.iter().any(|finding| finding.why == "2 orderers signed it, 3 must have"));
}

/// A DER signature with n - s in place of s.
fn high(signature: &[u8]) -> Vec<u8> {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").expect("hex");
    let pair = assay_scheme::encoding::der::strict(signature).expect("DER");
    let mut s = [0; 32];
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(pair[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        s[at] = difference.rem_euclid(256) as u8;
    }
    let integer = |bytes: &[u8]| {
        let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        let sign: &[u8] = if bytes[0] < 0x80 { &[] } else { &[0] };
        [&[2, (sign.len() + bytes.len()) as u8][..], sign, bytes].concat()
    };
    let body = [integer(&pair[..32]), integer(&s)].concat();
    [&[0x30, body.len() as u8][..], &body].concat()
}

#[test]
fn a_high_s_is_refused_and_bytes_behind_der_are_not_read() {
    let longer = edit(&metadata(LEDGER, 3), &[2, 2], &|signature| [signature, &[1, 2, 3]].concat());
    let report = check(with(LEDGER, 3, Some(longer), None));
    assert_eq!((report.valid, failed(&report).len()), (60, 0), "{:?}", report.findings);
    let report = check(with(LEDGER, 3, Some(edit(&metadata(LEDGER, 3), &[2, 2], &high)), None));
    assert_eq!((report.valid, report.invalid, failed(&report)), (59, 1, vec!["block-signatures"]));
    let found = report.findings.iter().find(|finding| finding.what == What::Invalid).expect("one");
    assert!(found.subject.contains("block 3 orderer 0") && found.why == "signature refused: signature", "{found:?}");
}

#[test]
fn a_member_of_another_authority_is_named() {
    // The block's creator under a name its MSP's authority never signed: the MSP's name in its identity changed.
    let spoilt = edit(&envelope(LEDGER, 6), &[1, 1, 2, 1, 1], &|msp| [msp, b"x"].concat());
    let report = check(with(LEDGER, 6, None, Some(spoilt)));
    assert!(failed(&report).contains(&"identity"));
    let found = report.findings.iter().find(|finding| finding.what == What::Check("identity")).expect("it failed");
    assert!(found.why.contains("the channel has no MSP"), "{found:?}");
}

#[test]
fn broken_files_are_told_with_their_byte() {
    let file = vector("fabric/ed25519.ledger");
    for cut in 1..file.len() {
        let error = block::blocks(&file[..cut]);
        assert!(
            error.is_err_and(|error| error.offset <= cut) || [1, 2, 3].contains(&blocks_in(&file[..cut])),
            "cut at {cut}"
        );
    }
    let report = check(Vec::new());
    assert_eq!((report.unreadable, report.ending(false)), (1, Ending::Input));
}

fn blocks_in(bytes: &[u8]) -> usize {
    block::blocks(bytes).map_or(0, |blocks| blocks.len())
}

/// Where a slice stands in the file that it is of.
fn place(file: &[u8], slice: &[u8]) -> std::ops::Range<usize> {
    let start = slice.as_ptr() as usize - file.as_ptr() as usize;
    start..start + slice.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A bit of a header, an envelope or an orderer's signature: the check or the item that must tell it.
    #[test]
    fn a_spoilt_block_is_refused_and_the_culprit_named(number in 1_usize..20, what in 0_usize..4, byte in 0_usize..65_536, bit in 0_u8..8) {
        let mut file = vector(LEDGER);
        let (range, check_name, item) = {
            let blocks = block::blocks(&file).expect("blocks");
            let block = &blocks[number];
            let signatures = block.signatures().expect("signatures");
            match what {
                0 => (place(&file, block.data_hash), "data-hash", "orderer 0"),
                1 => (place(&file, block.previous_hash), "header-chain", "orderer 0"),
                2 => (place(&file, signatures.signatures[0].signature), "block-signatures", "orderer 0"),
                _ => (place(&file, block.data[0].0), "data-hash", ""),
            }
        };
        let at = range.start + byte % range.len();
        file[at] ^= 1 << bit;
        let report = check(file);
        prop_assert!(failed(&report).contains(&check_name), "{} {:?}", check_name, report.findings);
        let named = format!("block {number}");
        let finding = report.findings.iter().find(|f| f.what == What::Check(check_name)).expect("it failed");
        prop_assert!(finding.subject.ends_with(&named), "{:?}", finding);
        if !item.is_empty() {
            let named = format!("block {number} {item}");
            let invalid = report.findings.iter().any(|f| f.what == What::Invalid && f.subject.contains(&named));
            prop_assert!(invalid, "{} is not in {:?}", named, report.findings);
        }
        prop_assert_eq!(report.ending(false), Ending::NotAsExpected);
    }

    /// Two orderers' signatures swapped, or one block's put on another.
    #[test]
    fn a_moved_signature_is_refused(a in 1_usize..20, b in 1_usize..20) {
        prop_assume!(a != b);
        let report = check(with(LEDGER, a, Some(metadata(LEDGER, b)), None));
        prop_assert_eq!((report.invalid, failed(&report)), (1, vec!["block-signatures"]));
        let named = format!("block {a} orderer 0");
        let invalid = report.findings.iter().any(|f| f.what == What::Invalid && f.subject.contains(&named));
        prop_assert!(invalid, "{:?}", report.findings);
    }

    #[test]
    fn strangers_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..65_536, flip in 1_u8..=255) {
        let _ = check(bytes);
        let mut file = vector("fabric/smartbft.ledger");
        let at = at % file.len();
        file[at] ^= flip;
        let _ = check(file);
    }
}
