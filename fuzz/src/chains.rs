//! Chains' files: any bytes through each system's profile, and through what reads its option files.
//!
//! Whatever a stranger writes: no panic; every item has an outcome; an error's byte lies in what was read; and no more memory
//! is held at once than a small multiple of the input (see [`ALLOCATED_MAX`]).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use assay_chain::report::What;
use assay_chain::{Chain, Detail, Options, verify_files};
use assay_scheme::{Answers, Columns, Parameters, Verifier, VerifierFault};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes held at once, at most: so many for each byte of the input, and what any run takes (bzip2's tables alone are 4 MB).
/// Most is taken by compressed files, which may grow to 64 times their size before they are read.
const ALLOCATED_MAX: (usize, usize) = (1_024, 8 << 20);

/// Answers by the bytes of the question, so that both outcomes are met and a run can be repeated.
struct Any;

impl Verifier for Any {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        let width = columns.operation().value_width(parameters.output).expect("profiles ask for what is offered");
        let mut answers = Answers { width, ..Answers::default() };
        for item in 0..columns.items() {
            let byte = columns.signature(item).first().copied().unwrap_or(1);
            let valid = columns.form(item).is_ok() && byte % 4 != 3;
            answers.verdicts.push(if valid { 1 } else { 2 });
            answers.values.resize(answers.values.len() + width, if valid { byte } else { 0 });
        }
        Ok(answers)
    }
}

/// Runs a file through a chain's profile; the outcome says which checks were met and what errors.
pub(crate) fn read(chain: &str, options: &Options, data: &[u8]) -> u64 {
    let chain = Chain::from_name(chain).expect("a chain of the table");
    let mut profile = chain.profile(options).expect("these options fit");
    let file = [("file".to_owned(), Ok(data.to_vec()))];
    let report = verify_files(&mut *profile, file, &Any, Detail::Items);
    assert_eq!(report.items, report.valid + report.invalid + report.not_evaluated, "every item has an outcome");
    assert!(report.unanswered == 0 && report.fault.is_none(), "{:?}", report.fault);
    let mut outcome = DefaultHasher::new();
    (report.items.min(3), report.valid.min(2), report.invalid.min(2)).hash(&mut outcome);
    for (check, tally) in &report.checks {
        (check, tally.ok.min(1), tally.failed.min(1)).hash(&mut outcome);
    }
    report.not_evaluated_why.keys().for_each(|why| words(why).hash(&mut outcome));
    for finding in &report.findings {
        let error = finding.what == What::Unreadable;
        assert!(!error || finding.why.starts_with("at byte "), "an error says its byte: {}", finding.why);
        words(&finding.why).hash(&mut outcome);
    }
    outcome.finish()
}

/// A message without its numbers, which would make every input look new.
fn words(text: &str) -> String {
    text.chars().filter(|char| !char.is_ascii_hexdigit()).take(60).collect()
}

/// Runs something and holds what it allocates to [`ALLOCATED_MAX`].
pub(crate) fn bounded(data: &[u8], run: impl FnOnce() -> u64) -> u64 {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let outcome = run();
    let (a_byte, always) = ALLOCATED_MAX;
    let allocated = MEMORY.peak_usage().saturating_sub(before);
    assert!(allocated <= always + a_byte * data.len(), "{allocated} bytes for an input of {}", data.len());
    outcome
}

/// Bitcoin's files: blocks, transactions, blk files, shares, compressed ones.
///
/// # Panics
/// When a property does not hold; so each of these.
pub fn bitcoin(data: &[u8]) -> u64 {
    bounded(data, || read("bitcoin", &Options::default(), data))
}

/// CometBFT's JSON and protocol buffers.
pub fn cometbft(data: &[u8]) -> u64 {
    bounded(data, || read("cometbft", &Options::default(), data))
}

/// BNB Beacon Chain's documents, transactions in amino, and commits.
pub fn bnb_beacon(data: &[u8]) -> u64 {
    bounded(data, || read("bnb-beacon", &Options::default(), data))
}

/// Ethereum's blocks, transactions and era1 files.
pub fn ethereum(data: &[u8]) -> u64 {
    bounded(data, || read("ethereum", &Options::default(), data))
}

/// BNB Smart Chain's headers.
pub fn bsc(data: &[u8]) -> u64 {
    bounded(data, || read("bsc", &Options::default(), data))
}

/// VeChain's blocks, headers and transactions.
pub fn vechain(data: &[u8]) -> u64 {
    bounded(data, || read("vechain", &Options::default(), data))
}

/// What comes beside the files: previous outputs and validator sets. The first byte says whose.
pub fn option_files(data: &[u8]) -> u64 {
    let Some((which, rest)) = data.split_first() else { return 0 };
    bounded(data, || {
        let file = vec![("option".to_owned(), rest.to_vec())];
        let (chain, options) = match which % 4 {
            0 => ("bitcoin", Options { previous_outputs: file, ..Options::default() }),
            1 => ("cometbft", Options { validators: file, ..Options::default() }),
            2 => ("bnb-beacon", Options { validators: file, ..Options::default() }),
            _ => ("bsc", Options { validators: file, ..Options::default() }),
        };
        let chain = Chain::from_name(chain).expect("a chain of the table");
        let mut outcome = DefaultHasher::new();
        match chain.profile(&options) {
            Ok(_) => which.hash(&mut outcome),
            Err(error) => words(&error.to_string()).hash(&mut outcome),
        }
        outcome.finish()
    })
}

pub(crate) fn vector(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first hex string behind this key of a JSON file, and those behind it, as bytes.
pub(crate) fn hex_fields(path: &str, key: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8(vector(path)).expect("JSON is text");
    let quoted = format!("\"{key}\"");
    let values = text.split(&quoted).skip(1).filter_map(|rest| rest.split('"').nth(1));
    values.filter_map(|digits| hex::decode(digits).ok()).collect()
}

pub(crate) fn bitcoin_seeds() -> Vec<Vec<u8>> {
    let blk = vector("bitcoin/first-100k-blocks.dat");
    let block = vector("bitcoin/block227835.dat");
    let magic = [0xf9, 0xbe, 0xb4, 0xd9];
    let starts: Vec<usize> = blk.windows(4).enumerate().filter(|(_, four)| *four == magic).map(|(at, _)| at).collect();
    // Block 170 has the first payment; a header and the first transactions of a later block; transactions alone.
    let payment = blk[starts[170]..starts[172]].to_vec();
    let few = [&block[..80], &[1], &block[83..400]].concat();
    let share = br#"[{"version":"20000000","prev_hash":"0000000000000000000000000000000000000000000000000000000000000000","coinb1":"01","extranonce1":"02","extranonce2":"03","coinb2":"04","merkle_branch":["0000000000000000000000000000000000000000000000000000000000000000"],"nbits":"207fffff","ntime":"00000000","nonce":"00000000","difficulty":1}]"#;
    vec![
        blk[..starts[3]].to_vec(),
        payment.clone(),
        payment[8..].to_vec(),
        few,
        block[83..2_000].to_vec(),
        share.to_vec(),
        vector("bitcoin/277647.utxostore.bz2")[..4_096].to_vec(),
    ]
}

/// A length-delimited field of a protocol buffer, for values below 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, value.len() as u8][..], value].concat()
}

pub(crate) fn cometbft_seeds() -> Vec<Vec<u8>> {
    let id = field(1, &[7; 32]);
    let header = [field(2, b"chain"), vec![3 << 3, 9], field(5, &id), field(8, &[5; 32]), field(14, &[1; 20])].concat();
    let vote = [vec![1 << 3, 2], field(2, &[1; 20]), field(4, &[2; 64])].concat();
    let commit = [vec![1 << 3, 9], field(3, &id), field(4, &vote)].concat();
    let signed = [&[1 << 3 | 2, header.len() as u8][..], &header, &[2 << 3 | 2, commit.len() as u8, 1], &commit];
    let validator = [field(1, &[1; 20]), field(2, &field(1, &[3; 32])), vec![3 << 3, 10]].concat();
    let light = [&signed.concat()[..], &field(2, &field(1, &validator))].concat();
    vec![
        vector("cometbft/celestia_mocha4_10000_signed_block.json"),
        vector("cometbft/celestia_mocha4_11000_signed_block.json"),
        signed.concat(),
        light,
    ]
}

pub(crate) fn bnb_beacon_seeds() -> Vec<Vec<u8>> {
    let commit = br#"{"signed_header":{"header":{"chain_id":"c","height":"9"},"commit":{"block_id":{"hash":"AA","parts":{"total":"1","hash":"BB"}},"precommits":[null,{"type":2,"height":"9","round":"0","block_id":{"hash":"AA","parts":{"total":"1","hash":"BB"}},"timestamp":"2020-01-01T00:00:00Z","validator_address":"CC","signature":"AAAA"}]}}}"#;
    vec![vector("bnb_beacon/extracted_signatures.json"), commit.to_vec()]
}

pub(crate) fn ethereum_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = hex_fields("ethereum/blocks.json", "rlp").into_iter().step_by(6).collect();
    seeds.extend(hex_fields("ethereum/txtest.json", "signed"));
    // A file of one era with one block: version, header, body, receipts, total difficulty, accumulator.
    let compressed = |bytes: &[u8]| {
        let mut out = Vec::new();
        let mut encoder = snap::write::FrameEncoder::new(&mut out);
        std::io::Write::write_all(&mut encoder, bytes).expect("memory");
        drop(encoder);
        out
    };
    let block = seeds[0].clone();
    let header = &block[3..3 + 3 + usize::from(u16::from_be_bytes([block[4], block[5]]))];
    let entries = [
        (*b"e2", vec![]),
        ([3, 0], compressed(header)),
        ([4, 0], compressed(&[0xc2, 0xc0, 0xc0])),
        ([5, 0], compressed(&[0xc0])),
        ([6, 0], vec![0; 32]),
        ([7, 0], vec![0; 32]),
    ];
    let era = entries.iter().flat_map(|(kind, value)| {
        [&kind[..], &u32::try_from(value.len()).expect("small").to_le_bytes(), &[0, 0], value].concat()
    });
    seeds.push(era.collect());
    seeds
}

pub(crate) fn bsc_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = hex_fields("bsc/parlia_headers.json", "header_rlp").into_iter().take(3).collect();
    seeds.push(vector("bsc/parlia_headers.json")[..8_000].to_vec());
    seeds
}

pub(crate) fn vechain_seeds() -> Vec<Vec<u8>> {
    let transactions = hex_fields("vechain/extracted_txs.json", "raw");
    // A header whose signature and proof are of the right length and nothing else: parent, numbers, roots, seal, extension.
    let string =
        |len: u8| [&if len < 56 { vec![0x80 + len] } else { vec![0xb8, len] }[..], &vec![9; len.into()]].concat();
    let fields = [
        string(32),
        vec![1, 2],
        string(20),
        vec![3, 4],
        string(32),
        string(32),
        string(32),
        string(146),
        [&[0xe2][..], &string(32), &[1]].concat(),
    ]
    .concat();
    let list = |payload: &[u8]| {
        let len = u16::try_from(payload.len()).expect("small").to_be_bytes();
        [&[0xf9][..], &len, payload].concat()
    };
    let header = list(&fields);
    let block = list(&[header.clone(), list(&transactions.concat())].concat());
    [transactions, vec![header, block, vector("vechain/extracted_txs.json")]].concat()
}

pub(crate) fn option_seeds() -> Vec<Vec<u8>> {
    let tagged = |which: u8, bytes: &[u8]| [&[which], bytes].concat();
    let outputs = br#"[{"txid":"0000000000000000000000000000000000000000000000000000000000000000","vout":1,"value":5,"script":"51"}]"#;
    let set = br#"{"validators":[{"address":"AA","pub_key":{"type":"tendermint/PubKeyEd25519","value":"AAAA"},"voting_power":"5"}]}"#;
    let bsc = br#"[{"address":"0000000000000000000000000000000000000000","bls":"00"}]"#;
    vec![
        tagged(0, &vector("bitcoin/277647.utxostore.bz2")),
        tagged(0, outputs),
        tagged(1, set),
        tagged(2, set),
        tagged(3, bsc),
    ]
}
