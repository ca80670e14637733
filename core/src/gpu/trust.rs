//! Why a device's answer is believed: every verdict bears its batch's stamp, items with known answers ride along, and a
//! share is computed again by the reference. Anything else is a lie, and a lie is a fault.

use std::ops::Range;

use assay_scheme::{Kind, Reason, Row};

use super::stage::{Stage, VERDICT_BYTES};
use crate::backend::{Backend, Fault, Output};
use crate::batch::Bundle;
use crate::reference::Reference;
use crate::selftest::KnownAnswer;

/// One item in this many is computed again. Fewer: the CPU spends more on it. More: a device that lies rarely lies longer.
const SAMPLE_EVERY: usize = 1_024;

/// The same where no known answer rides along, because none has the batch's parameters.
const SAMPLE_EVERY_ALONE: usize = 256;

/// Items of a row with the batch's own parameters whose answers are known.
pub(super) struct Canaries<'a> {
    known: &'a KnownAnswer,
}

impl<'a> Canaries<'a> {
    pub(super) fn of(known: &'a [KnownAnswer], bundle: &Bundle) -> Option<Self> {
        let operation = bundle.operation();
        // Of a header's work the device computes the hash alone.
        let row = if operation.kind == Kind::Pow { Row::Sha256d } else { operation.row };
        let fits = |known: &&KnownAnswer| known.row() == row && known.bundle().parameters() == bundle.parameters();
        known.iter().find(fits).map(|known| Self { known })
    }

    pub(super) fn bundle(&self) -> &'a Bundle {
        self.known.bundle()
    }
}

/// A batch's answers as they came back.
pub(super) struct Answers {
    stamp: u32,
    values_at: usize,
    canary_verdicts: Vec<u8>,
    canary_values: Vec<u8>,
    /// Whether every verdict word was written by this batch.
    is_whole: bool,
}

impl Answers {
    pub(super) fn new(stage: &Stage, items: usize, stamp: u32) -> Self {
        Self {
            stamp,
            values_at: stage.values.0 as usize,
            canary_verdicts: vec![0; stage.items - items],
            canary_values: Vec::new(),
            is_whole: false,
        }
    }

    /// Reads verdict words and values off the output.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Output<'_>) {
        let (words, _) = bytes.as_chunks::<{ VERDICT_BYTES as usize }>();
        let mut is_whole = true;
        let verdicts = out.verdicts.iter_mut().chain(&mut self.canary_verdicts);
        for (verdict, word) in verdicts.zip(words) {
            let word = u32::from_le_bytes(*word);
            is_whole &= word & !0xff == self.stamp && matches!(word & 0xff, 1..=LAST_VERDICT);
            *verdict = word as u8;
        }
        self.is_whole = is_whole;
        if out.width > 0 {
            let values = &bytes[self.values_at..];
            let own = out.values.len();
            out.values.copy_from_slice(&values[..own]);
            self.canary_values = values[own..own + self.canary_verdicts.len() * out.width].to_vec();
        }
    }

    /// Flips what a device answered.
    #[cfg(any(test, feature = "inject-faults"))]
    pub(super) fn spoil(&mut self, out: &mut Output<'_>) {
        for verdict in out.verdicts.iter_mut().chain(&mut self.canary_verdicts) {
            *verdict = if *verdict == 1 { 2 } else { 1 };
        }
        for value in out.values.iter_mut().chain(&mut self.canary_values) {
            *value ^= 1;
        }
    }

    /// Whether this batch wrote every verdict, and the known answers came out right.
    pub(super) fn check(&self, canaries: Option<&Canaries<'_>>) -> Result<(), Fault> {
        if !self.is_whole {
            return Err(Fault::Wrong("a verdict that no kernel wrote"));
        }
        let Some(canaries) = canaries else { return Ok(()) };
        let width = canaries.bundle().value_width();
        let results =
            crate::batch::Results { verdicts: self.canary_verdicts.clone(), values: self.canary_values.clone(), width };
        if canaries.known.is_right(&results) { Ok(()) } else { Err(Fault::Wrong("a canary")) }
    }
}

/// The last verdict byte that a kernel may write.
const LAST_VERDICT: u32 = Reason::Message as u32;

/// Computes a share of a batch again on the reference.
pub(super) fn check_sample(
    reference: &Reference,
    bundle: &Bundle,
    range: Range<usize>,
    out: &Output<'_>,
    seed: u32,
    has_canaries: bool,
) -> Result<(), Fault> {
    let every = if has_canaries { SAMPLE_EVERY } else { SAMPLE_EVERY_ALONE };
    let width = out.width;
    let mut state = seed;
    for start in (0..range.len()).step_by(every) {
        // Which item of each stretch is nothing that a device could guess from the items before.
        state = state.wrapping_mul(0x9e37_79b1).rotate_left(13) ^ start as u32;
        let at = start + state as usize % every.min(range.len() - start);
        let (mut verdict, mut value) = ([0], vec![0; width]);
        let again = Output { verdicts: &mut verdict, values: &mut value, width };
        reference.compute(bundle, range.start + at..range.start + at + 1, again)?;
        if verdict[0] != out.verdicts[at] || value != out.values[at * width..(at + 1) * width] {
            return Err(Fault::Wrong("an item that was computed again"));
        }
    }
    Ok(())
}
