//! Which backend computes a bundle's next items and how many of them at a time: predicted from what similar work cost.
//!
//! It knows costs, not queues: [`crate::pool`] asks it with the queue's lock held, so everything here is a few hundred
//! nanoseconds of arithmetic.

use std::ops::Range;
use std::time::Duration;

use assay_scheme::{Kind, Row};

use crate::backend::BackendName;
use crate::batch::{Bundle, Load};

/// The most a worker takes at a time, predicted. Larger: a vote waits longer behind bulk. Smaller: the queue is asked
/// more often.
pub(crate) const QUANTUM_MAX: Duration = Duration::from_millis(1);

/// The least a bundle is cut into so that all workers share it. Smaller: the queue is asked more often than it is worth.
/// Larger: a vote's few signatures stay on fewer cores.
pub(crate) const QUANTUM_MIN: Duration = Duration::from_micros(100);

const _: () = assert!(QUANTUM_MIN.as_nanos() < QUANTUM_MAX.as_nanos());

/// How far one measurement moves a cost: an eighth of the way, on a logarithmic scale.
const LEARNING_RATE: f64 = 0.125;

/// A measurement further than this factor from the prediction counts as this far: a thread that was not scheduled says
/// nothing about the work.
const RATIO_MAX: f64 = 4.0;

/// What a call costs, in seconds: the sum of its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Once a call.
    fixed: f64,
    /// Per item.
    item: f64,
    /// Per key or message of a group.
    entry: f64,
    /// Per message byte.
    byte: f64,
}

impl Cost {
    fn parts(&self, load: Load) -> [f64; 4] {
        [self.fixed, self.item * load.items as f64, self.entry * load.entries as f64, self.byte * load.bytes as f64]
    }

    fn seconds(&self, load: Load) -> f64 {
        self.parts(load).iter().sum()
    }

    /// Moves each part towards the measurement as far as it shared in the prediction, so that short messages teach the
    /// cost of an item and long ones the cost of a byte.
    fn learn(&mut self, load: Load, measured: f64) {
        let parts = self.parts(load);
        let predicted: f64 = parts.iter().sum();
        // A clock that stood still measured nothing.
        if measured <= 0.0 || predicted <= 0.0 {
            return;
        }
        let ratio = (measured / predicted).clamp(RATIO_MAX.recip(), RATIO_MAX);
        for (cost, part) in [&mut self.fixed, &mut self.item, &mut self.entry, &mut self.byte].into_iter().zip(parts) {
            if part > 0.0 {
                *cost *= ratio.powf(LEARNING_RATE * part / predicted);
            }
        }
    }

    /// What a library costs on one core before anything was measured; only the first few quanta are cut by it.
    fn initial(row: Row) -> Self {
        let operation = row.operation();
        let micros = |item: f64, entry: f64, nanos_a_byte: f64| Self {
            fixed: 1e-6,
            item: item * 1e-6,
            entry: entry * 1e-6,
            byte: nanos_a_byte * 1e-9,
        };
        match operation.kind {
            Kind::Digest => micros(0.15, 0.0, if row == Row::Blake3 { 0.5 } else { 2.5 }),
            Kind::Merkle => micros(1.0, 0.3, 2.5),
            _ => match row {
                Row::Ed25519Zip215 | Row::Ed25519Ref10 | Row::Ed25519Strict => micros(25.0, 0.0, 2.0),
                Row::EcdsaP256 | Row::EcdsaP256LowS => micros(40.0, 0.0, 2.5),
                Row::Sm2Za | Row::Sm2E => micros(150.0, 0.0, 5.0),
                Row::Rsa2048Pkcs1Sha256 => micros(20.0, 0.0, 1.0),
                Row::BlsMinPkPop => micros(900.0, 0.0, 2.5),
                Row::BlsMinPkPopAggregate => micros(700.0, 500.0, 2.5),
                Row::BlsMinPkPopFastAggregate => micros(900.0, 80.0, 2.5),
                Row::MlDsa65 => micros(120.0, 0.0, 3.0),
                _ => micros(30.0, 0.0, 2.5),
            },
        }
    }
}

/// What one backend did of one row since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowStatistics {
    /// The backend.
    pub backend: BackendName,
    /// The row.
    pub row: Row,
    /// Items computed; known answers are not counted.
    pub items: u64,
    /// Seconds of one thread they took together.
    pub seconds: f64,
    /// Seconds that the router now expects an item with a 32-byte message to take.
    pub seconds_per_item: f64,
}

#[derive(Clone, Debug)]
struct Entry {
    cost: Cost,
    items: u64,
    seconds: f64,
}

/// The costs of every row on every backend, and what was measured.
#[derive(Debug)]
pub(crate) struct Router {
    /// `rows[slot][row.index()]`.
    rows: Vec<Vec<Entry>>,
}

impl Router {
    /// Costs for this many backends.
    pub(crate) fn new(slots: usize) -> Self {
        let row = |row| Entry { cost: Cost::initial(row), items: 0, seconds: 0.0 };
        Self { rows: vec![Row::ALL.map(row).to_vec(); slots] }
    }

    /// Which of `candidates` computes the first items of `rest`, and how many: the one that is expected to do its quantum
    /// fastest per item. A quantum is this thread's share of the rest, within [`QUANTUM_MIN`] and [`QUANTUM_MAX`], and at
    /// least an item.
    pub(crate) fn quantum(
        &self,
        candidates: impl Iterator<Item = usize>,
        bundle: &Bundle,
        rest: Range<usize>,
        threads: usize,
    ) -> Option<(usize, Range<usize>)> {
        let load = bundle.load(rest.clone());
        let row = bundle.operation().row.index();
        let mut best: Option<(usize, Range<usize>, f64)> = None;
        for slot in candidates {
            let cost = &self.rows[slot][row].cost;
            let share = cost.seconds(load) / threads as f64;
            let budget = share.clamp(QUANTUM_MIN.as_secs_f64(), QUANTUM_MAX.as_secs_f64());
            let quantum = bundle.cut(rest.clone(), |load| cost.seconds(load) <= budget);
            let pace = cost.seconds(bundle.load(quantum.clone())) / quantum.len() as f64;
            if best.as_ref().is_none_or(|(_, _, other)| pace < *other) {
                best = Some((slot, quantum, pace));
            }
        }
        best.map(|(slot, quantum, _)| (slot, quantum))
    }

    /// Whether one worker is expected to be done with the items in a single quantum.
    pub(crate) fn is_small(&self, bundle: &Bundle) -> bool {
        let load = bundle.load(0..bundle.items());
        let row = bundle.operation().row.index();
        self.rows.iter().all(|rows| rows[row].cost.seconds(load) <= QUANTUM_MIN.as_secs_f64())
    }

    /// What a quantum took. `counted` is false for known answers, which are nobody's items.
    pub(crate) fn learn(&mut self, slot: usize, row: Row, load: Load, taken: Duration, counted: bool) {
        let entry = &mut self.rows[slot][row.index()];
        entry.cost.learn(load, taken.as_secs_f64());
        if counted {
            entry.items += load.items as u64;
            entry.seconds += taken.as_secs_f64();
        }
    }

    /// Items that a backend computed.
    pub(crate) fn items(&self, slot: usize) -> u64 {
        self.rows[slot].iter().map(|entry| entry.items).sum()
    }

    /// The rows that a backend computed any item of.
    pub(crate) fn statistics(&self, slot: usize, backend: BackendName) -> impl Iterator<Item = RowStatistics> {
        Row::ALL.into_iter().zip(&self.rows[slot]).filter(|(_, entry)| entry.items > 0).map(move |(row, entry)| {
            let seconds_per_item = entry.cost.seconds(Load { items: 1, entries: 1, bytes: 32 }) - entry.cost.fixed;
            RowStatistics { backend, row, items: entry.items, seconds: entry.seconds, seconds_per_item }
        })
    }
}
