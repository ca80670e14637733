//! Which backend computes a bundle's next items and how many of them at a time: predicted from what similar work cost.
//!
//! It knows costs, not queues: [`crate::pool`] asks it with the queue's lock held, so everything here is a few hundred
//! nanoseconds of arithmetic.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use assay_scheme::registry::Grouping;
use assay_scheme::{Kind, Row};

use crate::backend::BackendName;
use crate::batch::{Bundle, Load};
use crate::engine::Clock;

/// The most a worker takes at a time, predicted. Larger: a vote waits longer behind bulk. Smaller: the queue is asked
/// more often.
pub(crate) const QUANTUM_MAX: Duration = Duration::from_millis(1);

/// The least a bundle is cut into so that all workers share it. Smaller: the queue is asked more often than it is worth.
/// Larger: a vote's few signatures stay on fewer cores.
pub(crate) const QUANTUM_MIN: Duration = Duration::from_micros(100);

const _: () = assert!(QUANTUM_MIN.as_nanos() < QUANTUM_MAX.as_nanos());

/// The most a device is given at a time, predicted: drivers' watchdogs and urgent batches wait for a dispatch to end.
/// Smaller: a batch's fixed cost weighs more.
pub(crate) const DISPATCH_MAX: Duration = Duration::from_millis(50);

/// How far one measurement moves a cost: an eighth of the way, on a logarithmic scale.
const LEARNING_RATE: f64 = 0.125;

/// Measurements of each load at the start, of which the shortest counts. Fewer: a thread that was not scheduled decides.
/// More: the start takes longer.
const CALIBRATION_ROUNDS: usize = 4;

/// The least a call costs, in seconds: more than nothing, so that it can be learnt.
const FIXED_MIN: f64 = 1e-7;

/// Items of the larger load measured at the start, unless they take longer than a quantum.
const CALIBRATION_ITEMS: usize = 512;

/// The same for a device with threads of its own, unless they take longer than a dispatch.
const CALIBRATION_ITEMS_OWN: usize = 8_192;

/// One choice in this many tries a backend that is expected to be slower, for no longer than [`QUANTUM_MIN`], and a device with
/// what takes the CPU no longer than [`QUANTUM_MAX`]: it may have become the faster one. Smaller: more time is spent on the slower one. Larger: it is found out later.
const EXPLORE_EVERY: u32 = 64;

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

    /// Takes the cost of a call from how a small load compares with a large one, and scales the rest.
    fn fit(&mut self, (small, small_taken): (Load, f64), (large, large_taken): (Load, f64)) {
        let [small_parts, large_parts] = [small, large].map(|load| self.seconds(load) - self.fixed);
        if large_taken <= 0.0 || large_parts <= 0.0 {
            return;
        }
        let slope = (large_taken - small_taken) / (large_parts - small_parts);
        // Loads of one size, or times that contradict each other, say only how fast the whole is.
        let scale = if slope.is_finite() && slope > 0.0 { slope } else { large_taken / large_parts };
        self.fixed = (small_taken - scale * small_parts).max(FIXED_MIN);
        for cost in [&mut self.item, &mut self.entry, &mut self.byte] {
            *cost *= scale;
        }
    }

    /// Measures a backend on one row before it serves: its known answers once over, and many times over. A device with
    /// threads of its own is measured on more.
    pub(crate) fn calibrate(&mut self, own: bool, known: &Bundle, clock: &Clock, compute: impl Fn(&Bundle)) {
        let once = self.seconds(known.load(0..known.items()));
        let (items, budget) =
            if own { (CALIBRATION_ITEMS_OWN, DISPATCH_MAX) } else { (CALIBRATION_ITEMS, QUANTUM_MAX) };
        let times = (items / known.items()).min((budget.as_secs_f64() / once) as usize).max(1);
        let many = known.repeat(times);
        let measure = |bundle: &Bundle| {
            let once = || {
                let started = clock();
                compute(bundle);
                clock().saturating_sub(started).as_secs_f64()
            };
            let shortest = (0..CALIBRATION_ROUNDS).map(|_| once()).fold(f64::INFINITY, f64::min);
            (bundle.load(0..bundle.items()), shortest)
        };
        self.fit(measure(known), measure(&many));
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
            Kind::Pow => micros(0.4, 0.0, 2.5),
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
    /// Choices made of each row where there was one.
    choices: [Cell<u32>; Row::ALL.len()],
    /// Which slots have threads of their own.
    own: Vec<bool>,
    /// Seconds that a slot's items under way are expected to take, and how many quanta they are.
    under_way: Vec<(f64, usize)>,
}

impl Router {
    /// Costs for this many backends.
    pub(crate) fn new(slots: usize) -> Self {
        let row = |row| Entry { cost: Cost::initial(row), items: 0, seconds: 0.0 };
        Self {
            rows: vec![Row::ALL.map(row).to_vec(); slots],
            choices: std::array::from_fn(|_| Cell::new(0)),
            own: vec![false; slots],
            under_way: vec![(0.0, 0); slots],
        }
    }

    /// The slot has threads of its own: what it does takes no CPU worker's time.
    pub(crate) fn set_own(&mut self, slot: usize) {
        self.own[slot] = true;
    }

    /// The cost of a row on a slot, to be measured and set again.
    pub(crate) fn cost(&self, slot: usize, row: Row) -> Cost {
        self.rows[slot][row.index()].cost
    }

    /// Takes a measured cost.
    pub(crate) fn set_cost(&mut self, slot: usize, row: Row, cost: Cost) {
        self.rows[slot][row.index()].cost = cost;
    }

    /// How many items of `rest` a device takes: as many as it is expected to be done with when the CPU's workers are done
    /// with what is left, and no more than a dispatch may take. `None`: the CPU alone is expected to be done sooner; of such
    /// answers one in [`EXPLORE_EVERY`], where it `may_explore`, is what the CPU does in a [`QUANTUM_MAX`] instead, so that a
    /// device whose cost was learnt too high is found out. Where there is no other candidate the device takes what a
    /// dispatch may take.
    pub(crate) fn own_quantum(
        &self,
        slot: usize,
        others: impl Iterator<Item = usize>,
        bundle: &Bundle,
        rest: Range<usize>,
        threads: usize,
        may_explore: bool,
    ) -> Option<Range<usize>> {
        let row = bundle.operation().row.index();
        let own = &self.rows[slot][row].cost;
        let whole = bundle.load(rest.clone());
        let others = others.map(|slot| self.rows[slot][row].cost);
        let other = others.min_by(|a, b| a.seconds(whole).total_cmp(&b.seconds(whole)));
        let waits = self.under_way[slot].0;
        let fits = |load: Load| {
            let taken = own.seconds(load);
            taken <= DISPATCH_MAX.as_secs_f64()
                && other
                    .is_none_or(|other| waits + taken <= (other.seconds(whole) - other.seconds(load)) / threads as f64)
        };
        // A single item, a large tree say, is not shared out: one worker would have it.
        let takes_alone =
            |load: Load| load.items == 1 && other.is_some_and(|other| waits + own.seconds(load) <= other.seconds(load));
        let range = bundle.cut(rest.clone(), fits);
        let load = bundle.load(range.clone());
        let Some(other) = other.filter(|_| !fits(load) && !takes_alone(load)) else { return Some(range) };
        // Whoever is idle is asked again and again: what is small anyway is no sign.
        let is_worth_it = other.seconds(whole) >= QUANTUM_MAX.as_secs_f64();
        (may_explore && is_worth_it && waits == 0.0 && self.explores(row))
            .then(|| bundle.cut(rest, |load| other.seconds(load) <= QUANTUM_MAX.as_secs_f64()))
    }

    /// Whether this choice of a row tries what is expected to be slower.
    fn explores(&self, row: usize) -> bool {
        let choices = self.choices[row].get().wrapping_add(1);
        self.choices[row].set(choices);
        choices.is_multiple_of(EXPLORE_EVERY)
    }

    /// How many items with 32-byte messages a bundle must have for a device among the `candidates` to take one: those which
    /// the CPU's workers together do in the time of the device's first. `None` where not both are among them, and for groups
    /// and trees, whose sizes decide.
    pub(crate) fn crossover(&self, row: Row, candidates: impl Iterator<Item = usize>, threads: usize) -> Option<u64> {
        if row.operation().grouping != Grouping::Single {
            return None;
        }
        let load = Load { items: 1, entries: 1, bytes: 32 };
        let (own, workers): (Vec<usize>, Vec<usize>) = candidates.partition(|slot| self.own[*slot]);
        let cost = |slot: usize| self.rows[slot][row.index()].cost;
        let first = own.into_iter().map(|slot| cost(slot).seconds(load)).min_by(f64::total_cmp)?;
        let item = |slot: usize| cost(slot).seconds(load) - cost(slot).fixed;
        let each = workers.into_iter().map(item).min_by(f64::total_cmp)?;
        Some((1.0 + threads as f64 * first / each).ceil() as u64)
    }

    /// A quantum begins on a slot: what it is expected to take, to be handed back when it ends.
    pub(crate) fn begin(&mut self, slot: usize, row: Row, load: Load) -> f64 {
        let expected = self.rows[slot][row.index()].cost.seconds(load);
        self.under_way[slot].0 += expected;
        self.under_way[slot].1 += 1;
        expected
    }

    /// A quantum has ended, rightly or not: how many were under way with it.
    pub(crate) fn end(&mut self, slot: usize, expected: f64) -> usize {
        let (seconds, quanta) = &mut self.under_way[slot];
        let were = *quanta;
        *quanta = were.saturating_sub(1);
        // Sums of floating-point numbers drift; nothing under way is nothing.
        *seconds = if *quanta == 0 { 0.0 } else { (*seconds - expected).max(0.0) };
        were.max(1)
    }

    /// Which of `candidates` computes the first items of `rest`, and how many: the one that is expected to do its quantum
    /// fastest per item, and now and then another one. A quantum is this thread's share of the rest, within
    /// [`QUANTUM_MIN`] and [`QUANTUM_MAX`], and at least an item.
    pub(crate) fn quantum(
        &self,
        candidates: impl Iterator<Item = usize>,
        bundle: &Bundle,
        rest: Range<usize>,
        threads: usize,
    ) -> Option<(usize, Range<usize>)> {
        let load = bundle.load(rest.clone());
        let row = bundle.operation().row.index();
        let cut = |slot: usize, budget: f64| {
            let cost = &self.rows[slot][row].cost;
            let quantum = bundle.cut(rest.clone(), |load| cost.seconds(load) <= budget);
            let pace = cost.seconds(bundle.load(quantum.clone())) / quantum.len() as f64;
            (slot, quantum, pace)
        };
        let (least, most) = (QUANTUM_MIN.as_secs_f64(), QUANTUM_MAX.as_secs_f64());
        let mut best: Option<(usize, Range<usize>, f64)> = None;
        let mut slower = None;
        for slot in candidates {
            let share = self.rows[slot][row].cost.seconds(load) / threads as f64;
            let own = cut(slot, share.clamp(least, most));
            match &best {
                Some((_, _, pace)) if own.2 >= *pace => slower = Some(slot),
                _ => slower = best.replace(own).map(|(slot, _, _)| slot).or(slower),
            }
        }
        if let Some(slot) = slower
            && self.explores(row)
        {
            best = Some(cut(slot, least));
        }
        best.map(|(slot, quantum, _)| (slot, quantum))
    }

    /// Whether one worker is expected to be done with the items in a single quantum.
    pub(crate) fn is_small(&self, bundle: &Bundle) -> bool {
        let load = bundle.load(0..bundle.items());
        let row = bundle.operation().row.index();
        let workers = self.rows.iter().zip(&self.own).filter(|(_, own)| !**own);
        workers.map(|(rows, _)| rows).all(|rows| rows[row].cost.seconds(load) <= QUANTUM_MIN.as_secs_f64())
    }

    /// What a quantum took.
    pub(crate) fn learn(&mut self, slot: usize, row: Row, load: Load, taken: Duration) {
        let entry = &mut self.rows[slot][row.index()];
        entry.cost.learn(load, taken.as_secs_f64());
        entry.items += load.items as u64;
        entry.seconds += taken.as_secs_f64();
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

#[cfg(test)]
mod tests {
    use assay_scheme::{Columns, ColumnsBuilder, Parameters};

    use super::*;
    use crate::testing::HeldClock;

    fn bundle(row: Row, items: usize, message: usize) -> Bundle {
        let operation = row.operation();
        let mut builder = ColumnsBuilder::new(operation);
        for _ in 0..items {
            let (key, signature) = (vec![0; operation.key_len], vec![0; operation.signature_len]);
            builder.push(operation.forms[0], &key, &signature, &vec![1; message]);
        }
        let columns: Columns = builder.build().expect("fits a request");
        Bundle::new(Parameters::default(), vec![columns]).expect("no parameters")
    }

    fn quantum(router: &mut Router, bundle: &Bundle, threads: usize) -> Range<usize> {
        let slots = router.rows.len();
        router.quantum(0..slots, bundle, 0..bundle.items(), threads).expect("candidates").1
    }

    #[test]
    fn a_quantum_is_a_fair_share_and_never_more_than_a_millisecond() {
        let mut router = Router::new(1);
        for (row, message) in [(Row::Sha256, 32), (Row::Blake3, 200), (Row::Ed25519Ref10, 120), (Row::BlsMinPkPop, 32)]
        {
            let bundle = bundle(row, 4_000, message);
            let cost = router.rows[0][row.index()].cost;
            let seconds = |range| cost.seconds(bundle.load(range));
            for threads in [1, 8, 1_000] {
                let taken = quantum(&mut router, &bundle, threads);
                let share = seconds(0..4_000) / threads as f64;
                let budget = share.clamp(QUANTUM_MIN.as_secs_f64(), QUANTUM_MAX.as_secs_f64());
                assert!(taken.len() == 1 || seconds(taken.clone()) <= budget, "{row:?} on {threads}: {taken:?}");
                assert!(taken.end == 4_000 || seconds(0..taken.end + 1) > budget, "{row:?} on {threads}: {taken:?}");
            }
        }
        let dear = bundle(Row::Sha256, 2, 8_000_000);
        assert_eq!(quantum(&mut router, &dear, 1), 0..1, "an item is the least there is");
    }

    #[test]
    fn costs_go_where_measurements_point_and_the_cheaper_backend_is_chosen() {
        let mut router = Router::new(2);
        let (short, long) = (bundle(Row::Sha256, 1_000, 8), bundle(Row::Sha256, 10, 100_000));
        let loads = [short.load(0..1_000), long.load(0..10)];
        let [true_short, true_long] = loads.map(|load| 4e-7 * load.items as f64 + 5e-10 * load.bytes as f64);
        for _ in 0..200 {
            for (load, seconds) in loads.into_iter().zip([true_short, true_long]) {
                router.learn(1, Row::Sha256, load, Duration::from_secs_f64(seconds));
            }
        }
        let learnt = router.rows[1][Row::Sha256.index()].cost;
        assert!((learnt.byte / 5e-10 - 1.0).abs() < 0.1 && (learnt.item / 4e-7 - 1.0).abs() < 0.1, "{learnt:?}");
        let choose = |bundle: &Bundle| router.quantum(0..2, bundle, 0..bundle.items(), 1).expect("candidates").0;
        assert_eq!((choose(&short), choose(&long)), (0, 1), "dear items, cheap bytes");
        assert_eq!(router.quantum(std::iter::once(1), &short, 0..5, 1).expect("a candidate").0, 1);
        assert_eq!(router.quantum(std::iter::empty(), &short, 0..5, 1), None);
        assert_eq!((router.items(0), router.items(1)), (0, 200 * 1_010));
        let [row] = &router.statistics(1, BackendName::Lanes).collect::<Vec<_>>()[..] else { panic!("one row") };
        assert!((row.seconds - 200.0 * (true_short + true_long)).abs() < 1e-6);
        assert!((row.seconds_per_item / (4e-7 + 32.0 * 5e-10) - 1.0).abs() < 0.1, "{row:?}");
    }

    #[test]
    fn the_slower_backend_is_tried_now_and_then_and_briefly() {
        let mut router = Router::new(2);
        let bundle = bundle(Row::Sha256, 60_000, 32);
        router.rows[0][Row::Sha256.index()].cost.item *= 10.0;
        let take = || router.quantum(0..2, &bundle, 0..60_000, 1).expect("candidates");
        let choices: Vec<_> = (0..2 * EXPLORE_EVERY).map(|_| take()).collect();
        let (tried, usual): (Vec<_>, Vec<_>) = choices.into_iter().partition(|(slot, _)| *slot == 0);
        assert_eq!((tried.len(), usual.len()), (2, 2 * EXPLORE_EVERY as usize - 2));
        assert!(tried[0].1.len() * 50 < usual[0].1.len(), "{tried:?} {:?}", usual[0]);
    }

    #[test]
    fn a_single_item_goes_to_a_device_that_is_done_with_it_before_one_worker() {
        let mut router = Router::new(2);
        router.set_own(1);
        let row = Row::Sha256;
        let long = bundle(row, 1, 1_000_000);
        let take = |router: &Router| router.own_quantum(1, std::iter::once(0), &long, 0..1, 8, false);
        router.rows[1][row.index()].cost = Cost { fixed: 1e-3, item: 1e-7, entry: 0.0, byte: 1e-9 };
        assert_eq!(take(&router), Some(0..1), "2 ms instead of 2.5 ms");
        router.rows[1][row.index()].cost.fixed = 2e-3;
        assert_eq!(take(&router), None);
        router.rows[1][row.index()].cost.fixed = 1e-3;
        router.begin(1, row, long.load(0..1));
        assert_eq!(take(&router), None, "it has something to do");
    }

    #[test]
    fn a_device_learnt_too_dear_is_tried_again_with_little_and_gets_its_work_back() {
        let mut router = Router::new(2);
        router.set_own(1);
        let (row, bundle) = (Row::Ed25519Ref10, bundle(Row::Ed25519Ref10, 4_000, 32));
        let device = |router: &mut Router, may_explore| {
            let range = router.own_quantum(1, std::iter::once(0), &bundle, 0..4_000, 2, may_explore)?;
            // A tenth of the CPU's cost an item, and a millisecond a batch.
            let load = bundle.load(range.clone());
            router.learn(1, row, load, Duration::from_secs_f64(1e-3 + 2.5e-6 * load.items as f64));
            Some(range)
        };
        router.rows[1][row.index()].cost = Cost { fixed: 0.5, item: 2.5e-3, entry: 0.0, byte: 0.0 };
        assert_eq!(router.crossover(row, 0..2, 2), Some(40_099), "a device learnt too dear");
        assert!((0..1_000).all(|_| device(&mut router, false).is_none()), "urgent batches are not for trying");
        let taken: Vec<_> = (0..10 * EXPLORE_EVERY).filter_map(|_| device(&mut router, true)).collect();
        assert_eq!(taken.len(), 10, "{taken:?}");
        let cpu = router.rows[0][row.index()].cost;
        let is_little = |range: &Range<usize>| cpu.seconds(bundle.load(range.clone())) <= QUANTUM_MAX.as_secs_f64();
        assert!(taken.iter().all(is_little), "{taken:?}");
        let tries = (0..20_000).take_while(|_| device(&mut router, true).is_none_or(|range| range.len() < 1_000));
        assert!(tries.count() < 20_000, "it never got its work back");
        assert_eq!(router.crossover(row, 0..1, 2), None, "without a device");
        assert_eq!(router.crossover(row, 1..2, 2), None, "without a CPU");
    }

    #[test]
    fn calibration_finds_what_a_call_and_an_item_cost() {
        let router = Router::new(1);
        let known = bundle(Row::Keccak256, 16, 32);
        let held = HeldClock::default();
        let clock = held.clock();
        let mut cost = router.cost(0, Row::Keccak256);
        cost.calibrate(false, &known, &clock, |bundle| {
            held.advance(Duration::from_secs_f64(2e-5 + 1e-7 * bundle.items() as f64));
        });
        for items in [16, 512] {
            let expected = 2e-5 + 1e-7 * items as f64;
            let predicted = cost.seconds(Load { items, entries: 0, bytes: 32 * items });
            assert!((predicted / expected - 1.0).abs() < 1e-3, "{items}: {predicted} for {expected}");
        }
    }

    #[test]
    fn a_clock_that_stood_still_teaches_nothing_and_an_outlier_little() {
        let mut router = Router::new(1);
        let load = bundle(Row::Sha256, 1_000, 32).load(0..1_000);
        let before = router.rows[0][Row::Sha256.index()].cost;
        router.learn(0, Row::Sha256, load, Duration::ZERO);
        assert_eq!(router.rows[0][Row::Sha256.index()].cost, before);
        router.learn(0, Row::Sha256, load, Duration::from_secs(10));
        let after = router.rows[0][Row::Sha256.index()].cost;
        assert!(after.seconds(load) < before.seconds(load) * 1.3, "{after:?}");
    }
}
