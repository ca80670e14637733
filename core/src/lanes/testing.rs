//! The shared test: any lanes against the reference, item for item, reason for reason.

use std::ops::Range;

use assay_scheme::{ColumnsBuilder, Keys, Parameters, Reason, Row};

use super::{CurveLevel, Lanes, Level};
use crate::backend::{Backend, Output};
use crate::batch::{Bundle, Results};
use crate::reference::Reference;
use crate::samples::{self, Sample, Spec};

/// The lanes on plain arrays, and on each level that this processor has.
pub(super) fn backends() -> Vec<Lanes> {
    let mut backends = vec![Lanes::new(Level::PORTABLE, Some(CurveLevel::PORTABLE), 0)];
    let best = Level::detect();
    let curves = |level| CurveLevel::detect().filter(|_| Some(level) == best);
    backends.extend(Level::every().into_iter().map(|level| Lanes::new(level, curves(level), 0)));
    backends
}

/// What a backend makes of a range of a bundle.
pub(super) fn compute(backend: &dyn Backend, bundle: &Bundle, range: Range<usize>) -> Results {
    let mut results = Results::unwritten(range.len(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    backend.compute(bundle, range, Output { verdicts, values, width: *width }).expect("a row it serves");
    results
}

/// Every lanes backend that serves the row, and the portable one at least, gives what the reference gives.
pub(super) fn agree(bundle: &Bundle, range: Range<usize>) {
    let row = bundle.operation().row;
    let expected = compute(&Reference::new(), bundle, range.clone());
    let backends = backends();
    assert!(backends[0].serves(row), "{}", row.name());
    for lanes in backends.iter().filter(|lanes| lanes.serves(row)) {
        let found = compute(lanes, bundle, range.clone());
        let differ = (0..range.len())
            .find(|i| (found.verdict(*i), found.value(*i)) != (expected.verdict(*i), expected.value(*i)));
        if let Some(i) = differ {
            let (found, expected) = (found.verdict(i), expected.verdict(i));
            panic!("{}, {}: item {i} of {range:?} is {found:?}, not {expected:?}", row.name(), lanes.note());
        }
    }
}

/// An item that a curve's lanes may get wrong, as it stands in the columns, and its reason under the row.
#[derive(Clone, Debug)]
pub(super) struct Odd {
    pub(super) what: &'static str,
    pub(super) form: u8,
    pub(super) key: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) message: Vec<u8>,
    pub(super) verdict: Result<(), Reason>,
}

impl Odd {
    fn push(&self, columns: &mut ColumnsBuilder) {
        columns.push(self.form, &self.key, &self.signature, &self.message);
    }
}

/// A bundle of what stands in `columns`.
pub(super) fn bundle(parameters: &Parameters, columns: ColumnsBuilder) -> Bundle {
    Bundle::new(parameters.clone(), vec![columns.build().expect("fits a request")]).expect("the row's parameters")
}

/// Samples of a row as a bundle, as many segments as `cut` says.
fn sampled(row: Row, samples: &[Sample], cut: usize) -> Bundle {
    let segments = samples.chunks(cut).flat_map(|some| samples::columns(row.operation(), some)).collect();
    Bundle::new(samples::parameters(row.operation()), segments).expect("the row's parameters")
}

/// Every size about a group's and a call's edges, good and spoiled items mixed, alone, and none.
pub(super) fn agree_at_every_size(row: Row) {
    for items in [1, 7, 8, 9, 15, 16, 17, 257] {
        for spoil_every in [0, 1, 3] {
            // All good and all bad at the largest size alone say no more than at smaller ones.
            if items == 257 && spoil_every != 3 {
                continue;
            }
            let spec = Spec { items, spoil_every, seed: items as u64, ..Spec::default() };
            let samples = samples::samples(row.operation(), &spec);
            let bundle = sampled(row, &samples, items.div_ceil(2));
            agree(&bundle, 0..items);
            agree(&bundle, items / 3..items);
            agree(&bundle, items / 2..items / 2);
        }
    }
}

/// One bad item among good ones, and one good among bad, in every lane.
pub(super) fn agree_in_every_lane(row: Row) {
    let good = samples::samples(row.operation(), &Spec { items: 8, ..Spec::default() });
    for lane in 0..8 {
        for spoil_this in [true, false] {
            let mut samples = good.clone();
            for (i, sample) in samples.iter_mut().enumerate() {
                if (i == lane) == spoil_this {
                    sample.spoil(row.operation());
                }
            }
            let bundle = sampled(row, &samples, 8);
            agree(&bundle, 0..8);
            let expected: Vec<bool> = (0..8).map(|i| (i == lane) != spoil_this).collect();
            for lanes in backends().iter().filter(|lanes| lanes.serves(row)) {
                let found = compute(lanes, &bundle, 0..8);
                let valid: Vec<bool> = (0..8).map(|i| found.verdict(i).is_valid()).collect();
                assert_eq!(valid, expected, "{}", lanes.note());
            }
        }
    }
}

/// Every odd item has the verdict it says, alone, all together, and in every lane among items that hold.
pub(super) fn agree_on_odd_items(row: Row, parameters: &Parameters, odd: &[Odd]) {
    let mut together = ColumnsBuilder::new(row.operation());
    for item in odd {
        item.push(&mut together);
        together.refuse(Reason::Key);
    }
    let together = bundle(parameters, together);
    let found = compute(&Reference::new(), &together, 0..together.items());
    for (i, item) in odd.iter().enumerate() {
        assert_eq!(found.verdict(2 * i), item.verdict.into(), "{} on the reference: {}", row.name(), item.what);
    }
    agree(&together, 0..together.items());
    let good = odd.iter().find(|item| item.verdict.is_ok()).expect("an odd item that holds");
    for (i, item) in odd.iter().enumerate() {
        let lane = i % 8;
        let mut columns = ColumnsBuilder::new(row.operation());
        (0..8).for_each(|other| if other == lane { item.push(&mut columns) } else { good.push(&mut columns) });
        item.push(&mut columns);
        agree(&bundle(parameters, columns), 0..9);
    }
}

/// The same verdicts whether keys have tables or not: a cache that is cold, warm, full and evicting, none, and preloaded keys.
/// `bytes` are what one key's table takes.
pub(super) fn agree_with_known_keys(row: Row, bytes: usize, counts: impl Fn(&Lanes) -> (usize, usize)) {
    let spec = |keys: usize, items: usize, seed| Spec { items, keys, spoil_every: 5, seed, ..Spec::default() };
    // Few keys that keep coming, in groups with and without others; and more than there is room for.
    let rounds = [spec(3, 21, 1), spec(3, 8, 1), spec(3, 30, 1), spec(20, 40, 2), spec(3, 21, 1), spec(20, 43, 2)];
    let curves = [Some(CurveLevel::PORTABLE), CurveLevel::detect()].into_iter().flatten();
    for (curves, room) in curves.flat_map(|curves| [0, 2, 4, 100].map(|room| (curves, room))) {
        let lanes = Lanes::new(Level::PORTABLE, Some(curves), super::KnownKeys::CURVES * room * bytes);
        for spec in &rounds {
            let samples = samples::samples(row.operation(), spec);
            let bundle = sampled(row, &samples, spec.items);
            let expected = compute(&Reference::new(), &bundle, 0..spec.items);
            for round in 0..2 {
                let found = compute(&lanes, &bundle, 0..spec.items);
                assert_eq!(found, expected, "{} in room for {room}, round {round}: {}", row.name(), lanes.note());
                let chores = lanes.chores().expect("tables are put off");
                while chores.work() {}
                assert!(counts(&lanes).0 <= room);
            }
        }
        assert!(counts(&lanes).0 >= room.min(3), "keys that keep coming have tables");
        // The same with all keys preloaded.
        let samples = samples::samples(row.operation(), &spec(3, 21, 3));
        let bundle = sampled(row, &samples, 21);
        let columns = &bundle.segments()[0];
        let keys = (0..21).map(|i| columns.form(i).map(|form| (form, columns.key(i))));
        let keys = Keys::collect(row.operation(), keys).expect("keys of a request");
        let preloaded = lanes.preload(row, &keys).expect("tables of this row");
        assert!(
            preloaded.verdicts.iter().all(|verdict| *verdict == 1) && preloaded.bytes == 21 * lanes.table_bytes(row)
        );
        assert_eq!(counts(&lanes).1, 3);
        assert_eq!(compute(&lanes, &bundle, 0..21), compute(&Reference::new(), &bundle, 0..21));
        drop(preloaded);
        assert_eq!(counts(&lanes).1, 0);
        assert_eq!(compute(&lanes, &bundle, 0..21), compute(&Reference::new(), &bundle, 0..21));
    }
}

/// Odd items with tables for every key that can have one, each in a group with the others.
pub(super) fn agree_on_odd_items_with_known_keys(row: Row, parameters: &Parameters, odd: &[Odd]) {
    let curves = [Some(CurveLevel::PORTABLE), CurveLevel::detect()].into_iter().flatten();
    for curves in curves {
        let lanes = Lanes::new(Level::PORTABLE, Some(curves), 0);
        let keys = odd.iter().map(|item| Ok((item.form, &item.key[..])));
        let keys = Keys::collect(row.operation(), keys).expect("keys of a request");
        let preloaded = lanes.preload(row, &keys).expect("tables of this row");
        for (verdict, item) in preloaded.verdicts.iter().zip(odd) {
            assert_eq!(
                *verdict == Reason::Key as u8,
                item.verdict == Err(Reason::Key),
                "{}: {}",
                row.name(),
                item.what
            );
        }
        let mut columns = ColumnsBuilder::new(row.operation());
        odd.iter().for_each(|item| item.push(&mut columns));
        let bundle = bundle(parameters, columns);
        let found = compute(&lanes, &bundle, 0..odd.len());
        for (i, item) in odd.iter().enumerate() {
            assert_eq!(found.verdict(i), item.verdict.into(), "{} with tables: {}", row.name(), item.what);
        }
    }
}
