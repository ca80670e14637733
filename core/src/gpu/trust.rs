//! Why a device's answer is believed: every verdict bears its batch's stamp, items with known answers ride along, and a
//! share is computed again on the CPU. Anything else is a lie, and a lie is a fault.

use std::ops::Range;

use assay_scheme::{Kind, Reason, Row};

use super::stage::{Stage, VERDICT_BYTES};
use crate::backend::{Backend, Fault, Output};
use crate::batch::{Bundle, Results};
use crate::lanes::{CurveLevel, Lanes, Level};
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
        // Quick ones alone: a batch takes as long as its slowest item.
        known.iter().filter(fits).find_map(KnownAnswer::quick).map(|known| Self { known })
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
    pub(super) fn new(stage: &Stage<'_>, items: usize, stamp: u32) -> Self {
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
        let results = Results { verdicts: self.canary_verdicts.clone(), values: self.canary_values.clone(), width };
        if canaries.known.is_right(&results) { Ok(()) } else { Err(Fault::Wrong("a canary")) }
    }
}

/// The last verdict byte that a kernel may write.
const LAST_VERDICT: u32 = Reason::Message as u32;

/// Who computes a share of each batch again, on the CPU: the lanes where they have the row, since one thread waits for it,
/// else the reference.
pub(super) struct Checker {
    lanes: Option<Lanes>,
    reference: Reference,
}

impl Checker {
    pub(super) fn new() -> Self {
        let lanes = Level::detect().map(|hashes| Lanes::new(hashes, CurveLevel::detect(), 0));
        Self { lanes, reference: Reference::new() }
    }

    /// Whether a share of a batch's answers comes out again; which items is nothing that a device could guess from the batch
    /// before.
    pub(super) fn check(
        &self,
        bundle: &Bundle,
        range: Range<usize>,
        out: &Output<'_>,
        seed: u32,
        has_canaries: bool,
    ) -> Result<(), Fault> {
        let picked = picked(range.len(), if has_canaries { SAMPLE_EVERY } else { SAMPLE_EVERY_ALONE }, seed);
        let (mut left, mut before, mut segments) = (&picked[..], 0, Vec::new());
        for (columns, items) in bundle.slices(range) {
            let (own, after) = left.split_at(left.partition_point(|at| at - before < items.len()));
            if !own.is_empty() {
                let own = own.iter().map(|at| items.start + at - before);
                segments.push(columns.select(own).expect("some of a request's items fit a request"));
            }
            (left, before) = (after, before + items.len());
        }
        let sample = Bundle::new(bundle.parameters().clone(), segments).expect("the bundle's own parameters");
        let width = out.width;
        let mut again = Results::unwritten(picked.len(), width);
        let Results { verdicts, values, .. } = &mut again;
        let output = Output { verdicts, values, width };
        match &self.lanes {
            Some(lanes) if lanes.serves(bundle.operation().row) => lanes.compute(&sample, 0..picked.len(), output)?,
            _ => self.reference.compute(&sample, 0..picked.len(), output)?,
        }
        let is_same = |(i, at): (usize, &usize)| {
            again.verdicts[i] == out.verdicts[*at] && again.value(i) == &out.values[at * width..(at + 1) * width]
        };
        if picked.iter().enumerate().all(is_same) {
            Ok(())
        } else {
            Err(Fault::Wrong("an item that was computed again"))
        }
    }
}

/// One of every stretch of `every` items, and of what is left over.
fn picked(items: usize, every: usize, seed: u32) -> Vec<usize> {
    let mut state = seed;
    let pick = |start: usize| {
        state = state.wrapping_mul(0x9e37_79b1).rotate_left(13) ^ start as u32;
        start + state as usize % every.min(items - start)
    };
    (0..items).step_by(every).map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{self, Spec};

    #[test]
    fn one_of_every_stretch_is_picked() {
        for (items, every) in [(1, 256), (256, 256), (1_000, 256), (5, 2)] {
            let picks: Vec<_> = (0..64).map(|seed| picked(items, every, seed << 8)).collect();
            for picked in &picks {
                assert_eq!(picked.len(), items.div_ceil(every));
                assert!(picked.iter().enumerate().all(|(at, item)| item / every == at && *item < items));
            }
            assert_eq!(picks.iter().any(|other| *other != picks[0]), items > 1, "another seed, other items");
        }
    }

    #[test]
    fn a_picked_item_with_another_answer_is_found_whoever_computes_it() {
        let checker = Checker::new();
        for row in [Row::Ed25519Strict, Row::RecoverSecp256k1, Row::Sha256, Row::PowBitcoinHeader] {
            let samples = samples::samples(row.operation(), &Spec { items: 600, spoil_every: 7, ..Spec::default() });
            // Three requests.
            let segments = samples.chunks(250).flat_map(|some| samples::columns(row.operation(), some)).collect();
            let bundle = Bundle::new(samples::parameters(row.operation()), segments).expect("the row's parameters");
            let right = crate::selftest::compute(&Reference::new(), &bundle).expect("computes");
            let range = 10..590;
            let (seed, width) = (77 << 8, right.width);
            let check = |results: &mut Results| {
                let Results { verdicts, values, .. } = results;
                let (verdicts, values) = (&mut verdicts[range.clone()], &mut values[10 * width..590 * width]);
                checker.check(&bundle, range.clone(), &Output { verdicts, values, width }, seed, false)
            };
            assert_eq!(check(&mut right.clone()), Ok(()), "{}", row.name());
            for at in picked(range.len(), SAMPLE_EVERY_ALONE, seed) {
                let mut wrong = right.clone();
                wrong.verdicts[range.start + at] ^= 3;
                assert!(matches!(check(&mut wrong), Err(Fault::Wrong(_))), "{}, item {at}", row.name());
            }
        }
    }
}
