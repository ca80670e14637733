//! The demo's chains: real blocks, commits and transactions in their chains' own formats, through the chains' profiles and the
//! demo's node. A chain is one row of [`BUNDLED`].

use assay_chain::{Chain, Detail, Options, verify_files};
use assay_client::Client;
use assay_scheme::{Priority, Verifier};
use tokio::runtime::Handle;

use crate::cli::chain::verifier::SourceVerifier;
use crate::cli::error::CliError;
use crate::cli::source::Source;
use crate::cli::table::{commas, table};

/// Files, as (name, bytes).
type Files = Vec<(String, Vec<u8>)>;

/// One chain's real data.
struct Bundled {
    chain: &'static str,
    what: &'static str,
    files: fn() -> Files,
    options: fn() -> Options,
    /// Items, every one of which is valid.
    items: usize,
}

macro_rules! vector {
    ($name:literal) => {
        ($name.to_owned(), include_bytes!(concat!("../../../../vectors/", $name)).to_vec())
    };
}

const BUNDLED: &[Bundled] = &[
    Bundled {
        chain: "bitcoin",
        what: "block 277647 and the outputs it spends",
        files: || vec![vector!("bitcoin/277647.dat.bz2")],
        options: || Options { previous_outputs: vec![vector!("bitcoin/277647.utxostore.bz2")], ..Options::default() },
        items: 732,
    },
    Bundled {
        chain: "cometbft",
        what: "five Celestia commits",
        files: || {
            vec![
                vector!("cometbft/celestia_mocha4_10000_signed_block.json"),
                vector!("cometbft/celestia_mocha4_10500_signed_block.json"),
                vector!("cometbft/celestia_mocha4_11000_signed_block.json"),
                vector!("cometbft/celestia_mocha4_15000_signed_block.json"),
                vector!("cometbft/celestia_mocha4_50000_signed_block.json"),
            ]
        },
        options: Options::default,
        items: 81,
    },
    Bundled {
        chain: "bnb-beacon",
        what: "the SDK's signed transactions",
        files: || vec![vector!("bnb_beacon/extracted_signatures.json")],
        options: Options::default,
        items: 4,
    },
    Bundled {
        chain: "ethereum",
        what: "blocks of every transaction type",
        files: ethereum_blocks,
        options: Options::default,
        items: 47,
    },
    Bundled {
        chain: "bsc",
        what: "Parlia seals and attestations",
        files: || vec![vector!("bsc/parlia_headers.json")],
        options: Options::default,
        items: 18,
    },
    Bundled {
        chain: "vechain",
        what: "transactions, some delegated",
        files: || vec![vector!("vechain/extracted_txs.json")],
        options: Options::default,
        items: 6,
    },
    Bundled {
        chain: "neo",
        what: "a dump of 50 blocks under dBFT",
        files: || vec![vector!("neo/chain50x2.acc")],
        options: || Options { network: Some("42".to_owned()), ..Options::default() },
        items: 149,
    },
    Bundled {
        chain: "fisco-bcos",
        what: "sealers' votes, SM2 among them",
        files: fisco_blocks,
        options: Options::default,
        items: 17,
    },
    Bundled {
        chain: "xuperchain",
        what: "transactions and a block",
        files: || vec![vector!("xuperchain/docs_txs_and_block.json")],
        options: Options::default,
        items: 7,
    },
    Bundled {
        chain: "fabric",
        what: "a ledger of 20 blocks",
        files: || vec![vector!("fabric/testchannel_blockfile_000000")],
        options: Options::default,
        items: 60,
    },
    Bundled {
        chain: "chainmaker",
        what: "a block with its votes",
        files: || vec![vector!("chainmaker/block30.json")],
        options: || Options {
            certificates: vec![vector!("chainmaker/client1.sign.wx-org1.crt")],
            ..Options::default()
        },
        items: 8,
    },
    Bundled {
        chain: "bsn",
        what: "five forms (made)",
        files: || vec![vector!("bsn/gateway.json")],
        options: Options::default,
        items: 5,
    },
    Bundled {
        chain: "device-identity",
        what: "SM2 certificates (made)",
        files: || vec![vector!("identity/sm2-default.json")],
        options: || Options {
            certificates: vec![vector!("identity/sm2-default-root.pem")],
            time: Some(DEVICES_AT),
            ..Options::default()
        },
        items: 6,
    },
    Bundled {
        chain: "evidence",
        what: "a notary's receipt (made)",
        files: || vec![("receipt".to_owned(), evidence().0)],
        options: || Options { validators: vec![("notary".to_owned(), evidence().1)], ..Options::default() },
        items: 2,
    },
];

/// A notary's receipt and public key, which another program made.
fn evidence() -> (Vec<u8>, Vec<u8>) {
    let made: serde_json::Value =
        serde_json::from_slice(include_bytes!("../../../../vectors/evidence/made.json")).expect("read by a test");
    let entry = &made["receipts"][0];
    let key = entry["notary"].as_str().expect("PEM").as_bytes().to_vec();
    (serde_json::to_vec(&entry["receipt"]).expect("it was JSON"), key)
}

/// A time at which the demo's certificates are valid: 2027-01-15.
const DEVICES_AT: u64 = 1_800_000_000;

/// The valid blocks of ethereum/tests, a file each.
fn ethereum_blocks() -> Files {
    #[derive(serde::Deserialize)]
    struct Block {
        rlp: String,
        exception: Option<String>,
    }
    let list = include_bytes!("../../../../vectors/ethereum/blocks.json");
    let blocks: Vec<Block> = serde_json::from_slice(list).expect("bundled, and read by a test");
    let valid = blocks.into_iter().filter(|block| block.exception.is_none());
    valid.enumerate().map(|(at, block)| (format!("block {at}"), block.rlp.into_bytes())).collect()
}

/// The signature lists of FISCO BCOS 2.x blocks and of the 3.x documents, a file each: of the others one is edited, and one
/// has a release candidate's transaction.
fn fisco_blocks() -> Files {
    #[derive(serde::Deserialize)]
    struct List<'a> {
        source: [String; 3],
        #[serde(flatten, borrow)]
        rest: std::collections::BTreeMap<&'a str, serde_json::Value>,
    }
    let lists: Vec<List<'_>> =
        serde_json::from_slice(include_bytes!("../../../../vectors/fisco/pbft_signature_lists.json"))
            .expect("bundled, and read by a test");
    let whole = lists.into_iter().filter(|list| !list.source[2].contains("/v3/"));
    let json = |list: List<'_>| serde_json::to_vec(&list.rest).expect("it was JSON");
    whole.enumerate().map(|(at, list)| (format!("block {at}"), json(list))).collect()
}

/// One line of the table.
#[derive(Debug, serde::Serialize)]
pub(super) struct Line {
    pub(super) chain: &'static str,
    what: &'static str,
    files: usize,
    items: usize,
    valid: usize,
    invalid: usize,
    not_evaluated: usize,
    checks_held: usize,
    checks_failed: usize,
    /// Every item is valid, as many as there should be, and no check failed.
    pub(super) as_expected: bool,
}

/// Runs every chain's data through the node. Blocks: for a thread that may.
fn lines(verifier: &dyn Verifier) -> Result<Vec<Line>, CliError> {
    BUNDLED.iter().map(|bundled| bundled.line(verifier)).collect()
}

/// Runs every chain's data through the client's node.
pub(super) async fn through(client: &Client) -> Result<Vec<Line>, CliError> {
    let source = Source::over(client.clone(), Handle::current(), Priority::Block);
    let ran = tokio::task::spawn_blocking(move || lines(&SourceVerifier::new(&source, |_| {}))).await;
    ran.unwrap_or_else(|error| Err(CliError::Demo(error.to_string())))
}

impl Bundled {
    fn line(&self, verifier: &dyn Verifier) -> Result<Line, CliError> {
        let chain = Chain::from_name(self.chain).expect("a chain of the table");
        let opened = chain.profile(&(self.options)());
        let mut profile = opened.map_err(|error| CliError::Demo(format!("{}: {error}", self.chain)))?;
        let files = (self.files)().into_iter().map(|(name, bytes)| (name, Ok(bytes)));
        let report = verify_files(&mut *profile, files, verifier, Detail::Findings);
        let (held, failed) =
            report.checks.values().fold((0, 0), |(held, failed), tally| (held + tally.ok, failed + tally.failed));
        Ok(Line {
            chain: self.chain,
            what: self.what,
            files: report.files,
            items: report.items,
            valid: report.valid,
            invalid: report.invalid,
            not_evaluated: report.not_evaluated,
            checks_held: held,
            checks_failed: failed,
            as_expected: report.items == self.items
                && report.valid == self.items
                && failed == 0
                && report.unreadable == 0,
        })
    }
}

/// The table for people.
pub(super) fn chains_table(lines: &[Line]) -> String {
    let cells = |line: &Line| {
        let count = |count: usize| commas(count as u64);
        vec![
            line.chain.to_owned(),
            line.what.to_owned(),
            count(line.items),
            count(line.valid),
            count(line.invalid),
            count(line.not_evaluated),
            count(line.checks_held),
            count(line.checks_failed),
            if line.as_expected { "yes".to_owned() } else { "NO".to_owned() },
        ]
    };
    let head = ["chain", "what", "items", "valid", "invalid", "not evaluated", "checks held", "failed", "as expected"];
    table(&head, &lines.iter().map(cells).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use assay_core::reference::Reference;
    use assay_core::{Backend as _, Bundle, Results, backend};
    use assay_scheme::{Answers, Columns, Parameters, VerifierFault};

    use super::*;

    struct Here;

    impl Verifier for Here {
        fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
            let bundle = Bundle::new(parameters.clone(), vec![columns.clone()]).map_err(VerifierFault::Parameters)?;
            let Results { mut verdicts, mut values, width } = Results::unwritten(bundle.items(), bundle.value_width());
            let out = backend::Output { verdicts: &mut verdicts, values: &mut values, width };
            let computed = Reference::new().compute(&bundle, 0..bundle.items(), out);
            computed.map_err(|fault| VerifierFault::Unavailable(fault.to_string()))?;
            Ok(Answers { verdicts, values, width })
        }
    }

    #[test]
    fn every_bundled_chain_is_as_expected() {
        for line in lines(&Here).expect("bundled data reads") {
            assert!(line.as_expected, "{line:?}");
        }
    }
}
