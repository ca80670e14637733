//! era1 files: up to 8,192 blocks from before the merge, in entries that Snappy compressed, and the accumulator over them.
//!
//! Source: go-ethereum `internal/era` (the format stands in `internal/era/builder.go`), and e2store-format-specs `formats/era1.md`:
//!
//! ```text
//! era1 := Version | block-tuple* | other-entries* | Accumulator | BlockIndex
//! block-tuple := CompressedHeader | CompressedBody | CompressedReceipts | TotalDifficulty
//! entry := type (2) | length u32le | reserved (2, zeros) | value
//! ```

use std::io::Read;

use super::{DIFFICULTY, Ethereum, NUMBER, RECEIPTS};
use crate::claims::Collector;
use crate::hash::{keccak256, sha256};
use crate::input::{InputError, Reader};
use crate::report::Report;
use crate::rlp::{self, Item};

const VERSION: [u8; 2] = *b"e2";
const HEADER: [u8; 2] = [0x03, 0];
const BODY: [u8; 2] = [0x04, 0];
const RECEIPT_LIST: [u8; 2] = [0x05, 0];
const TOTAL_DIFFICULTY: [u8; 2] = [0x06, 0];
const ACCUMULATOR: [u8; 2] = [0x07, 0];
const BLOCK_INDEX: [u8; 2] = [0x66, 0x32];

/// Blocks of one file, and the depth of the accumulator's tree (go-ethereum `internal/era/builder.go`, MaxEra1Size).
const BLOCKS_MAX: usize = 8_192;
/// Snappy writes at most 64 bytes for each three: a larger growth is no honest stream's. Larger: a small file could fill memory.
const GROWTH_MAX: usize = 32;

/// A 256-bit number, little-endian.
type U256 = [u8; 32];

/// Whether a file begins with an era file's first entry: the version, which is empty.
pub(super) fn is_era1(bytes: &[u8]) -> bool {
    bytes.starts_with(&[VERSION[0], VERSION[1], 0, 0, 0, 0, 0, 0])
}

/// What a block's neighbours and the accumulator need of it.
struct Link {
    hash: [u8; 32],
    total_difficulty: U256,
}

/// One entry's value and where it begins.
struct Entry<'a> {
    kind: [u8; 2],
    value: &'a [u8],
    offset: usize,
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, InputError> {
    let kind = reader.array()?;
    let len = reader.u32_le()? as usize;
    if reader.array()? != [0, 0] {
        return Err(reader.error("an entry's reserved bytes are not zero"));
    }
    let offset = reader.offset();
    Ok(Entry { kind, value: reader.take(len)?, offset })
}

impl Entry<'_> {
    fn inflated(&self) -> Result<Vec<u8>, InputError> {
        let limit = self.value.len().saturating_mul(GROWTH_MAX);
        let mut out = Vec::new();
        snap::read::FrameDecoder::new(self.value)
            .take(limit as u64 + 1)
            .read_to_end(&mut out)
            .map_err(|error| InputError::new(self.offset, format!("Snappy: {error}")))?;
        if out.len() > limit {
            return Err(InputError::new(self.offset, format!("Snappy grows beyond {GROWTH_MAX} times the entry")));
        }
        Ok(out)
    }

    fn error(&self, what: impl Into<String>) -> InputError {
        InputError::new(self.offset, what)
    }
}

/// The one item that some inflated bytes are. Its errors say where the entry stands that it came from.
fn item<'a>(bytes: &'a [u8], entry: &Entry<'_>) -> Result<Item<'a>, InputError> {
    let mut rest = bytes;
    let item = rlp::take(&mut rest, entry.offset)?;
    if rest.is_empty() { Ok(item) } else { Err(entry.error("bytes after the entry's item")) }
}

impl Ethereum {
    pub(super) fn era1(
        &mut self,
        name: &str,
        bytes: &[u8],
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<(), InputError> {
        let mut reader = Reader::new(bytes);
        entry(&mut reader)?;
        let mut links: Vec<Link> = Vec::new();
        let mut accumulated = false;
        while !reader.is_empty() {
            let first = entry(&mut reader)?;
            match first.kind {
                HEADER if links.len() == BLOCKS_MAX => return Err(first.error("more than 8,192 blocks in an era")),
                HEADER => {
                    let link = self.tuple(name, &first, &mut reader, links.last(), collector, report)?;
                    links.push(link);
                }
                ACCUMULATOR => {
                    let expected: [u8; 32] =
                        first.value.try_into().map_err(|_| first.error("an accumulator has 32 bytes"))?;
                    let same = accumulator(&links) == expected;
                    let why = || Err("the blocks have another accumulator than the file says".to_owned());
                    report.check("accumulator", || name.to_owned(), if same { Ok(()) } else { why() });
                    accumulated = true;
                }
                BLOCK_INDEX => {}
                VERSION | BODY | RECEIPT_LIST | TOTAL_DIFFICULTY => {
                    return Err(first.error("an entry that does not follow its header"));
                }
                // Other entries are passed over, as the format says.
                _ => {}
            }
        }
        if !accumulated && !links.is_empty() {
            let why = Err("the file has none: it is cut, or no era1 file".to_owned());
            report.check("accumulator", || name.to_owned(), why);
        }
        Ok(())
    }

    /// A block's four entries, of which the header's is read.
    fn tuple(
        &mut self,
        name: &str,
        first: &Entry<'_>,
        reader: &mut Reader<'_>,
        before: Option<&Link>,
        collector: &mut Collector<'_>,
        report: &mut Report,
    ) -> Result<Link, InputError> {
        let mut next = |kind, what: &str| {
            let entry = entry(reader)?;
            if entry.kind == kind { Ok(entry) } else { Err(entry.error(format!("{what} is wanted"))) }
        };
        let body_entry = next(BODY, "a body")?;
        let receipts_entry = next(RECEIPT_LIST, "the receipts")?;
        let total_entry = next(TOTAL_DIFFICULTY, "the total difficulty")?;
        let (header, body, receipts) = (first.inflated()?, body_entry.inflated()?, receipts_entry.inflated()?);
        let header = item(&header, first)?;
        let body = item(&body, &body_entry)?;
        let receipts = item(&receipts, &receipts_entry)?;
        let total: U256 = total_entry.value.try_into().map_err(|_| total_entry.error("32 bytes are wanted"))?;
        self.header_and_body(name, &header, &body.items()?, &body, collector, report)?;
        let subject = self.sources.last().expect("the block's").clone();
        let fields = header.items()?;
        let receipts_root = <[u8; 32]>::try_from(fields[RECEIPTS].payload).ok();
        let list = receipts.entries()?;
        // A typed receipt is a string that holds its type and its list (EIP-2718).
        let leaves: Vec<&[u8]> = list.iter().map(|entry| if entry.list { entry.raw } else { entry.payload }).collect();
        self.root("receipts-root", &leaves, receipts_root, collector, report);
        if let Some(before) = before {
            let same = fields[0].payload == before.hash;
            let why = || Err("the parent is another than the block before".to_owned());
            report.check("parent", || subject.clone(), if same { Ok(()) } else { why() });
        }
        let difficulty = fields[DIFFICULTY].number::<32>()?;
        let sum = before.map_or_else(
            // An era's first block but the chain's own has its sum from the era before.
            || (fields[NUMBER].payload.is_empty()).then(|| reversed(difficulty)),
            |before| added(before.total_difficulty, reversed(difficulty)),
        );
        if before.is_some() || sum.is_some() {
            let same = sum == Some(total);
            let why = || Err("the difficulties add up to another total than the file says".to_owned());
            report.check("total-difficulty", || subject.clone(), if same { Ok(()) } else { why() });
        }
        Ok(Link { hash: keccak256(header.raw), total_difficulty: total })
    }
}

fn reversed(mut number: [u8; 32]) -> [u8; 32] {
    number.reverse();
    number
}

/// The sum of two little-endian numbers; `None` beyond 256 bits.
fn added(a: U256, b: U256) -> Option<U256> {
    let mut out = [0; 32];
    let mut carry = 0_u16;
    for (at, byte) in out.iter_mut().enumerate() {
        let sum = u16::from(a[at]) + u16::from(b[at]) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    (carry == 0).then_some(out)
}

fn pair(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&left[..], right].concat())
}

/// The SSZ root of a list of (block hash, total difficulty), at most 8,192 long (go-ethereum `internal/era/accumulator.go`).
fn accumulator(links: &[Link]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = links.iter().map(|link| pair(&link.hash, &link.total_difficulty)).collect();
    let mut empty = [0; 32];
    for _ in 0..BLOCKS_MAX.ilog2() {
        level = level.chunks(2).map(|two| pair(&two[0], two.get(1).unwrap_or(&empty))).collect();
        empty = pair(&empty, &empty);
    }
    let mut length = [0; 32];
    length[..8].copy_from_slice(&(links.len() as u64).to_le_bytes());
    pair(level.first().unwrap_or(&empty), &length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_carry_and_end_at_256_bits() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut low = [0; 32];
        low[..3].fill(0xff);
        let mut sum = [0; 32];
        sum[3] = 1;
        assert_eq!(added(low, one), Some(sum));
        assert_eq!(added([0xff; 32], one), None);
    }

    /// SSZ: the tree over no records of 8,192 is that of zeros, with the length zero mixed in.
    #[test]
    fn an_empty_list_is_the_tree_of_zeros() {
        let zeros = (0..13).fold([0; 32], |node, _| pair(&node, &node));
        assert_eq!(accumulator(&[]), pair(&zeros, &[0; 32]));
        let link = |byte| Link { hash: [byte; 32], total_difficulty: [byte; 32] };
        let (a, b) = (pair(&[1; 32], &[1; 32]), pair(&[2; 32], &[2; 32]));
        let mut node = pair(&a, &b);
        let mut empty = pair(&[0; 32], &[0; 32]);
        for _ in 1..13 {
            node = pair(&node, &empty);
            empty = pair(&empty, &empty);
        }
        let mut two = [0; 32];
        two[0] = 2;
        assert_eq!(accumulator(&[link(1), link(2)]), pair(&node, &two));
    }

    #[test]
    fn what_swells_is_refused() {
        use std::io::Write;
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(&vec![0; 1 << 20]).expect("memory");
        let value = encoder.into_inner().expect("memory");
        let entry = Entry { kind: HEADER, value: &value, offset: 8 };
        // Snappy itself cannot grow so far.
        assert_eq!(entry.inflated().expect("honest").len(), 1 << 20);
        let cut = Entry { kind: HEADER, value: &value[..value.len() - 9], offset: 8 };
        assert_eq!(cut.inflated().expect_err("cut").offset, 8);
    }
}
