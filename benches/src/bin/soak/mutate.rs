//! What is done to an item: nothing, a flipped bit, another item's part, or a value from the edges.

use std::fmt;

use assay_core::samples::Sample;
use assay_scheme::encoding::{Encoder, SignatureFormat};
use assay_scheme::{Columns, ColumnsBuilder, Kind, Operation, Row};

use crate::edges;

/// Random numbers that a seed, a row and a round decide.
pub struct Random(blake3::OutputReader);

impl Random {
    /// A stream of its own for each round.
    pub fn new(seed: u64, row: Row, round: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [seed, u64::from(row.id()), round] {
            hasher.update(&part.to_le_bytes());
        }
        Self(hasher.finalize_xof())
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    /// A number below `bound`, which is small against 2^64.
    pub fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % bound as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// One item as it stands in the columns.
pub struct Item {
    /// The key's form byte.
    pub form: u8,
    /// The key column's entry.
    pub key: Vec<u8>,
    /// The signature column's entry.
    pub signature: Vec<u8>,
    /// The message.
    pub message: Vec<u8>,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (key, signature, message) = (hex(&self.key), hex(&self.signature), hex(&self.message));
        write!(f, "form {:02x} key {key} signature {signature} message {message}", self.form)
    }
}

impl Item {
    /// An item of the pool with something done to it, or a message of any length where the row hashes.
    pub fn mutated(operation: &'static Operation, pool: &[Sample], random: &mut Random) -> Self {
        if operation.kind == Kind::Digest {
            let mut message = vec![0; lengths(random)];
            random.fill(&mut message);
            return Self { form: 0, key: Vec::new(), signature: Vec::new(), message };
        }
        let mut item = Self::plain(operation, &pool[random.below(pool.len())]);
        // Some stay as they were signed, some have several things done to them.
        for _ in 0..[0, 0, 1, 1, 1, 2][random.below(6)] {
            item.mutate(operation, pool, random);
        }
        item
    }

    /// The sample in the row's canonical columns.
    fn plain(operation: &'static Operation, sample: &Sample) -> Self {
        let encoder = Encoder::new(operation, SignatureFormat::Raw).expect("every row takes the column's own form");
        let mut builder = ColumnsBuilder::new(operation);
        let key = sample.keys.first().map_or(&[][..], Vec::as_slice);
        encoder.push_item(&mut builder, key, &sample.signature, &sample.messages[0]);
        let columns: Columns = builder.build().expect("one item");
        Self {
            form: columns.form(0).expect("a sample is not refused"),
            key: if operation.key_len == 0 { Vec::new() } else { columns.key(0).to_vec() },
            signature: columns.signature(0).to_vec(),
            message: columns.message(0).to_vec(),
        }
    }

    fn mutate(&mut self, operation: &'static Operation, pool: &[Sample], random: &mut Random) {
        let row = operation.row;
        if operation.kind == Kind::Pow {
            return self.mutate_work(random);
        }
        match random.below(12) {
            0 => flip(&mut self.key, random),
            1 => flip(&mut self.signature, random),
            2 => flip(&mut self.message, random),
            3 => self.key = Self::plain(operation, &pool[random.below(pool.len())]).key,
            4 => self.signature = Self::plain(operation, &pool[random.below(pool.len())]).signature,
            5 => random.fill(&mut self.signature[..32]),
            6 => edge(&mut self.signature[..32], edges::first_half(row), random),
            7 => edge(&mut self.signature[32..64], edges::second_half(row), random),
            8 if self.key.len() >= 32 => edge(&mut self.key[..32], edges::keys(row), random),
            9 if self.key.len() == 64 => edge(&mut self.key[32..], edges::keys(row), random),
            10 => self.form = operation.forms[random.below(operation.forms.len())],
            11 if self.signature.len() == 65 => self.signature[64] = random.below(6) as u8,
            _ => edges::related(row, &mut self.signature, random),
        }
    }

    /// A header, and what is asked of its work.
    fn mutate_work(&mut self, random: &mut Random) {
        match random.below(7) {
            0 => flip(&mut self.key, random),
            1 => self.key.fill([0, 1, 0xff][random.below(3)]),
            2 => random.fill(&mut self.key),
            // nBits: any exponent, and a mantissa at its edges.
            3 if self.message.len() == 80 => {
                let mantissa = [0, 1, 0x00_ffff, 0x7f_ffff, 0x80_0000, 0x80_0001, 0xff_ffff][random.below(7)];
                let bits = mantissa | (random.below(256) as u32) << 24;
                self.message[72..76].copy_from_slice(&bits.to_le_bytes());
            }
            4 => self.message.resize([0, 1, 55, 64, 79, 81, 160][random.below(7)], 0),
            5 => random.fill(&mut self.message),
            _ => flip(&mut self.message, random),
        }
    }
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    if !bytes.is_empty() {
        bytes[random.below(bytes.len())] ^= 1 << random.below(8);
    }
}

fn edge(part: &mut [u8], edges: &[[u8; 32]], random: &mut Random) {
    part.copy_from_slice(&edges[random.below(edges.len())]);
}

/// Message lengths: mostly short, about block edges, sometimes several blocks.
pub fn lengths(random: &mut Random) -> usize {
    match random.below(4) {
        0 => random.below(40),
        1 => [55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 135, 136, 137, 271, 272][random.below(17)],
        2 => random.below(300),
        _ => random.below(1_500),
    }
}
