//! The demo's data: real signatures bundled with the program (their sources stand in vectors/demo/MANIFEST.json), and
//! messages to hash.

use assay_core::reference::Reference;
use assay_core::{Backend, Bundle, Results, backend};
use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::{Columns, ColumnsBuilder, Operation, Parameters, Row};

use crate::cli::error::CliError;
use crate::cli::input::Fields;
use crate::cli::items::{Item, ItemForm};

/// Messages hashed per algorithm.
const DIGEST_ITEMS: u32 = 65_536;

/// One bundled file.
struct File {
    what: &'static str,
    row: Row,
    format: SignatureFormat,
    spoil_every: usize,
    text: &'static str,
}

macro_rules! bundled {
    ($name:literal) => {
        include_str!(concat!("../../../../vectors/demo/", $name))
    };
}

const FILES: &[File] = &[
    File {
        what: "Bitcoin block 277647",
        row: Row::EcdsaSecp256k1,
        format: SignatureFormat::Der,
        spoil_every: 61,
        text: bundled!("bitcoin-277647.jsonl"),
    },
    File {
        what: "five CometBFT commits",
        row: Row::Ed25519Zip215,
        format: SignatureFormat::Raw,
        spoil_every: 9,
        text: bundled!("cometbft-commits.jsonl"),
    },
    File {
        what: "BIP-340's vectors",
        row: Row::SchnorrBip340,
        format: SignatureFormat::Raw,
        spoil_every: 0,
        text: bundled!("bip340.jsonl"),
    },
    File {
        what: "SM2 known answers",
        row: Row::Sm2Za,
        format: SignatureFormat::Der,
        spoil_every: 0,
        text: bundled!("sm2-gmsm.jsonl"),
    },
    File {
        what: "FISCO BCOS guomi votes",
        row: Row::Sm2Za,
        format: SignatureFormat::Raw,
        spoil_every: 3,
        text: bundled!("sm2-fisco.jsonl"),
    },
];

/// Signatures with what is expected of each.
pub(super) struct Set {
    pub(super) what: &'static str,
    pub(super) items: Vec<Item>,
    /// Every n-th signature is spoilt in the second round; 0 for none.
    pub(super) spoil_every: usize,
    encoder: Encoder,
}

impl Set {
    /// Every bundled set.
    pub(super) fn all() -> Result<Vec<Self>, CliError> {
        FILES.iter().map(Self::read).collect()
    }

    fn read(file: &File) -> Result<Self, CliError> {
        let operation = file.row.operation();
        let form = ItemForm::new(operation, &Parameters::default());
        let item = |(number, line): (usize, &str)| {
            let number = number as u64 + 1;
            let mut fields = Fields::parse(number, line.as_bytes())?;
            form.read(number, &mut fields)
        };
        let items = file.text.lines().enumerate().map(item).collect::<Result<_, _>>();
        let items = items.map_err(|why| CliError::Demo(format!("{}: {why}", file.what)))?;
        let encoder =
            Encoder::new(operation, file.format).map_err(|why| CliError::Demo(format!("{}: {why}", file.what)))?;
        Ok(Self { what: file.what, items, spoil_every: file.spoil_every, encoder })
    }

    /// The items as columns, one bit of the signature turned over where `spoilt` says so.
    pub(super) fn columns(&self, spoilt: impl Fn(usize) -> bool) -> Result<Columns, CliError> {
        let mut builder = ColumnsBuilder::new(self.encoder.operation());
        for (i, item) in self.items.iter().enumerate() {
            let mut item = item.clone();
            if let Some(byte) = item.signature.last_mut().filter(|_| spoilt(i)) {
                *byte ^= 1;
            }
            item.push(self.encoder, &mut builder);
        }
        builder.build().map_err(|why| CliError::Demo(format!("{}: {why}", self.what)))
    }
}

/// Messages to hash.
pub(super) struct Digests {
    pub(super) what: &'static str,
    pub(super) columns: Columns,
}

impl Digests {
    /// 32-byte messages for a few algorithms.
    pub(super) fn all() -> Vec<Self> {
        let digests = |(what, row): (&'static str, Row)| {
            let operation: &Operation = row.operation();
            let mut builder = ColumnsBuilder::new(operation);
            for i in 0..DIGEST_ITEMS {
                let mut message = [0; 32];
                message[..4].copy_from_slice(&i.to_le_bytes());
                builder.push(0, &[], &[], &message);
            }
            Self { what, columns: builder.build().expect("65,536 short messages fit a request") }
        };
        let rows =
            [("32-byte messages", Row::Sha256), ("32-byte messages", Row::Keccak256), ("32-byte messages", Row::Sm3)];
        rows.map(digests).into()
    }

    /// What the well-kept libraries say, asked directly.
    pub(super) fn expected(&self) -> Vec<u8> {
        let bundle =
            Bundle::new(Parameters::default(), vec![self.columns.clone()]).expect("digests take no parameters");
        let mut results = Results::unwritten(bundle.items(), bundle.value_width());
        let Results { verdicts, values, width } = &mut results;
        let out = backend::Output { verdicts, values, width: *width };
        // A fault leaves zeros, which no digest equals.
        let _ = Reference::new().compute(&bundle, 0..bundle.items(), out);
        results.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_line_is_an_item() {
        let sets = Set::all().expect("bundled data reads");
        let items: Vec<_> = sets.iter().map(|set| set.items.len()).collect();
        assert_eq!(items, [732, 81, 19, 2, 6]);
        for set in sets {
            assert_eq!(set.columns(|_| true).expect("fits a request").items(), set.items.len());
        }
    }
}
