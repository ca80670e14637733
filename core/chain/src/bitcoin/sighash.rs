//! What an input's signature covers: the legacy hash, BIP-143's and BIP-341's.
//!
//! Parts that all inputs of a transaction share are hashed once. The legacy hash covers the whole transaction for every
//! input; its part before the input is kept as a midstate, the part behind it and the outputs as bytes.

use bitcoin::hashes::Hash as _;
use bitcoin::{Transaction, TxIn, TxOut};
use sha2::{Digest, Sha256};

use super::script::without_code_separators;
use crate::hash::{sha256, sha256d};

const NONE: u8 = 2;
const SINGLE: u8 = 3;
const ANYONE_CAN_PAY: u8 = 0x80;

/// What the legacy hash is when SIGHASH_SINGLE has no output to sign: the number one, in the byte order of hashes (Core
/// `interpreter.cpp`, `SignatureHash`).
const ONE: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

/// A blank input: where its output stands (36), an empty script (1), its sequence (4).
const BLANK_INPUT: usize = 41;

/// SHA-256 of what segregated witness signs of all inputs and outputs.
#[derive(Clone, Copy)]
struct Segwit {
    prevouts: [u8; 32],
    sequences: [u8; 32],
    outputs: [u8; 32],
}

/// SHA-256 of what taproot signs of all spent outputs besides.
#[derive(Clone, Copy)]
struct Taproot {
    amounts: [u8; 32],
    scripts: [u8; 32],
}

/// The signature hashes of one transaction's inputs.
pub struct Sighasher<'t> {
    transaction: &'t Transaction,
    /// Every input with an empty script.
    blanks: Vec<u8>,
    outputs: Vec<u8>,
    /// Version, count, and the blank inputs before `prefix_inputs`.
    prefix: Sha256,
    prefix_inputs: usize,
    segwit: Option<Segwit>,
    taproot: Option<Taproot>,
}

/// A taproot leaf that a signature is bound to (BIP-342, ext_flag 1).
pub struct Leaf {
    /// tapleaf_hash of its version and script.
    pub hash: [u8; 32],
}

/// Why a taproot signature hash does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaprootError {
    /// The hash type is none of BIP-341's seven.
    HashType,
    /// SIGHASH_SINGLE without an output at the input's place.
    NoOutput,
    /// Not all spent outputs are known.
    UnknownOutputs,
}

/// Bitcoin's CompactSize.
fn compact_size(n: usize, out: &mut Vec<u8>) {
    let n = n as u64;
    let bytes = n.to_le_bytes();
    match n {
        0..=0xfc => out.push(bytes[0]),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xfe);
            out.extend_from_slice(&bytes[..4]);
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&bytes);
        }
    }
}

fn sized(n: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(9);
    compact_size(n, &mut out);
    out
}

fn point(input: &TxIn) -> [u8; 36] {
    let mut out = [0; 36];
    out[..32].copy_from_slice(&input.previous_output.txid.to_byte_array());
    out[32..].copy_from_slice(&input.previous_output.vout.to_le_bytes());
    out
}

fn write_output(output: &TxOut, out: &mut Vec<u8>) {
    out.extend_from_slice(&output.value.to_sat().to_le_bytes());
    compact_size(output.script_pubkey.len(), out);
    out.extend_from_slice(output.script_pubkey.as_bytes());
}

fn output_bytes(output: &TxOut) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + 8 + output.script_pubkey.len());
    write_output(output, &mut out);
    out
}

fn twice(hasher: Sha256) -> [u8; 32] {
    sha256(&hasher.finalize())
}

impl<'t> Sighasher<'t> {
    /// For this transaction.
    #[must_use]
    pub fn new(transaction: &'t Transaction) -> Self {
        let mut blanks = Vec::with_capacity(transaction.input.len() * BLANK_INPUT);
        for input in &transaction.input {
            blanks.extend_from_slice(&point(input));
            blanks.push(0);
            blanks.extend_from_slice(&input.sequence.0.to_le_bytes());
        }
        let mut outputs = Vec::new();
        for output in &transaction.output {
            write_output(output, &mut outputs);
        }
        let prefix = Self::start(transaction, transaction.input.len());
        Self { transaction, blanks, outputs, prefix, prefix_inputs: 0, segwit: None, taproot: None }
    }

    fn start(transaction: &Transaction, inputs: usize) -> Sha256 {
        let mut hasher = Sha256::new();
        hasher.update(transaction.version.0.to_le_bytes());
        hasher.update(sized(inputs));
        hasher
    }

    /// The legacy hash of input `index` (below the transaction's count) for a script code and a hash type as it is
    /// written, all 32 bits of it. The script code comes without the signature itself (see
    /// [`super::script::find_and_delete`]); OP_CODESEPARATORs are taken out here.
    pub fn legacy(&mut self, index: usize, script_code: &[u8], hash_type: u32) -> [u8; 32] {
        let kind = hash_type.to_le_bytes()[0] & 0x1f;
        if kind == SINGLE && index >= self.transaction.output.len() {
            return ONE;
        }
        let script_code = without_code_separators(script_code);
        let anyone = hash_type.to_le_bytes()[0] & ANYONE_CAN_PAY != 0;
        let mut hasher = if anyone {
            Self::start(self.transaction, 1)
        } else if matches!(kind, NONE | SINGLE) {
            let mut hasher = Self::start(self.transaction, self.transaction.input.len());
            self.unsequenced(0..index, &mut hasher);
            hasher
        } else {
            self.prefix(index)
        };
        let input = &self.transaction.input[index];
        hasher.update(point(input));
        hasher.update(sized(script_code.len()));
        hasher.update(&*script_code);
        hasher.update(input.sequence.0.to_le_bytes());
        if !anyone {
            if matches!(kind, NONE | SINGLE) {
                self.unsequenced(index + 1..self.transaction.input.len(), &mut hasher);
            } else {
                hasher.update(&self.blanks[(index + 1) * BLANK_INPUT..]);
            }
        }
        match kind {
            NONE => hasher.update([0]),
            SINGLE => {
                hasher.update(sized(index + 1));
                for _ in 0..index {
                    // An output of value -1 with an empty script.
                    hasher.update([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
                }
                hasher.update(output_bytes(&self.transaction.output[index]));
            }
            _ => {
                hasher.update(sized(self.transaction.output.len()));
                hasher.update(&self.outputs);
            }
        }
        hasher.update(self.transaction.lock_time.to_consensus_u32().to_le_bytes());
        hasher.update(hash_type.to_le_bytes());
        twice(hasher)
    }

    /// Blank inputs whose sequence is zero, as NONE and SINGLE write the other inputs.
    fn unsequenced(&self, inputs: std::ops::Range<usize>, hasher: &mut Sha256) {
        for input in self.blanks[inputs.start * BLANK_INPUT..inputs.end * BLANK_INPUT].chunks_exact(BLANK_INPUT) {
            hasher.update(&input[..37]);
            hasher.update([0; 4]);
        }
    }

    /// The midstate before input `index`. Inputs come in order, so each blank input is hashed into it once.
    fn prefix(&mut self, index: usize) -> Sha256 {
        if index < self.prefix_inputs {
            self.prefix = Self::start(self.transaction, self.transaction.input.len());
            self.prefix_inputs = 0;
        }
        self.prefix.update(&self.blanks[self.prefix_inputs * BLANK_INPUT..index * BLANK_INPUT]);
        self.prefix_inputs = index;
        self.prefix.clone()
    }

    fn segwit(&mut self) -> Segwit {
        *self.segwit.get_or_insert_with(|| {
            let mut prevouts = Sha256::new();
            let mut sequences = Sha256::new();
            for input in self.blanks.chunks_exact(BLANK_INPUT) {
                prevouts.update(&input[..36]);
                sequences.update(&input[37..]);
            }
            Segwit {
                prevouts: prevouts.finalize().into(),
                sequences: sequences.finalize().into(),
                outputs: sha256(&self.outputs),
            }
        })
    }

    /// BIP-143's hash of input `index` (below the transaction's count), which spends `value` satoshis.
    pub fn segwit_v0(&mut self, index: usize, script_code: &[u8], value: u64, hash_type: u8) -> [u8; 32] {
        let kind = hash_type & 0x1f;
        let anyone = hash_type & ANYONE_CAN_PAY != 0;
        let shared = self.segwit();
        let input = &self.transaction.input[index];
        let mut hasher = Sha256::new();
        hasher.update(self.transaction.version.0.to_le_bytes());
        hasher.update(if anyone { [0; 32] } else { sha256(&shared.prevouts) });
        let no_sequences = anyone || matches!(kind, NONE | SINGLE);
        hasher.update(if no_sequences { [0; 32] } else { sha256(&shared.sequences) });
        hasher.update(point(input));
        hasher.update(sized(script_code.len()));
        hasher.update(script_code);
        hasher.update(value.to_le_bytes());
        hasher.update(input.sequence.0.to_le_bytes());
        hasher.update(match (kind, self.transaction.output.get(index)) {
            (SINGLE, Some(output)) => sha256d(&output_bytes(output)),
            (SINGLE, None) | (NONE, _) => [0; 32],
            _ => sha256(&shared.outputs),
        });
        hasher.update(self.transaction.lock_time.to_consensus_u32().to_le_bytes());
        hasher.update(u32::from(hash_type).to_le_bytes());
        twice(hasher)
    }

    /// BIP-341's hash of input `index` (below the transaction's count). `spent` are the outputs that the inputs spend, in
    /// order, as far as they are known; `annex` is the witness's last element where it has one, its 0x50 included.
    ///
    /// # Errors
    /// Why there is no such hash.
    pub fn taproot(
        &mut self,
        index: usize,
        spent: &[Option<&TxOut>],
        annex: Option<&[u8]>,
        leaf: Option<&Leaf>,
        hash_type: u8,
    ) -> Result<[u8; 32], TaprootError> {
        if !matches!(hash_type, 0..=3 | 0x81..=0x83) {
            return Err(TaprootError::HashType);
        }
        let anyone = hash_type & ANYONE_CAN_PAY != 0;
        let kind = hash_type & 3;
        let own = spent.get(index).copied().flatten().ok_or(TaprootError::UnknownOutputs)?;
        let input = &self.transaction.input[index];
        let mut hasher = tagged("TapSighash");
        hasher.update([0, hash_type]);
        hasher.update(self.transaction.version.0.to_le_bytes());
        hasher.update(self.transaction.lock_time.to_consensus_u32().to_le_bytes());
        let shared = self.segwit();
        if !anyone {
            let all = self.taproot_shared(spent)?;
            hasher.update(shared.prevouts);
            hasher.update(all.amounts);
            hasher.update(all.scripts);
            hasher.update(shared.sequences);
        }
        if !matches!(kind, NONE | SINGLE) {
            hasher.update(shared.outputs);
        }
        hasher.update([u8::from(leaf.is_some()) * 2 + u8::from(annex.is_some())]);
        if anyone {
            hasher.update(point(input));
            hasher.update(output_bytes(own));
            hasher.update(input.sequence.0.to_le_bytes());
        } else {
            hasher.update(u32::try_from(index).expect("a block's inputs").to_le_bytes());
        }
        if let Some(annex) = annex {
            hasher.update(sha256(&[&sized(annex.len())[..], annex].concat()));
        }
        if kind == SINGLE {
            let output = self.transaction.output.get(index).ok_or(TaprootError::NoOutput)?;
            hasher.update(sha256(&output_bytes(output)));
        }
        if let Some(leaf) = leaf {
            hasher.update(leaf.hash);
            // key_version 0; no OP_CODESEPARATOR was executed.
            hasher.update([0, 0xff, 0xff, 0xff, 0xff]);
        }
        Ok(hasher.finalize().into())
    }

    fn taproot_shared(&mut self, spent: &[Option<&TxOut>]) -> Result<Taproot, TaprootError> {
        if let Some(shared) = self.taproot {
            return Ok(shared);
        }
        if spent.len() != self.transaction.input.len() {
            return Err(TaprootError::UnknownOutputs);
        }
        let mut amounts = Sha256::new();
        let mut scripts = Sha256::new();
        for output in spent {
            let output = output.ok_or(TaprootError::UnknownOutputs)?;
            amounts.update(output.value.to_sat().to_le_bytes());
            scripts.update(sized(output.script_pubkey.len()));
            scripts.update(output.script_pubkey.as_bytes());
        }
        let shared = Taproot { amounts: amounts.finalize().into(), scripts: scripts.finalize().into() };
        Ok(*self.taproot.insert(shared))
    }
}

/// A hasher that has taken BIP-340's tag.
fn tagged(tag: &str) -> Sha256 {
    let tag = sha256(tag.as_bytes());
    let mut hasher = Sha256::new();
    hasher.update(tag);
    hasher.update(tag);
    hasher
}

/// BIP-341's tapleaf_hash.
#[must_use]
pub fn leaf_hash(version: u8, script: &[u8]) -> [u8; 32] {
    let mut hasher = tagged("TapLeaf");
    hasher.update([version]);
    hasher.update(sized(script.len()));
    hasher.update(script);
    hasher.finalize().into()
}
