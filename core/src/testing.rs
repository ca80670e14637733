//! What the engine's tests are made of: backends that behave as they are told, bundles, and a clock held in the hand.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use assay_scheme::{Columns, ColumnsBuilder, Parameters, Priority, Reason, Row, Verdict};
use sha2::{Digest, Sha256};

use crate::backend::{Backend, BackendName, Detected, Fault, Output};
use crate::batch::{Bundle, Results};
use crate::engine::{Clock, Config, Engine, Order};

/// What a made-up backend does instead of computing; `None`: it computes as it should.
pub(crate) type Behaviour = dyn Fn(&Bundle, Range<usize>, &mut Output<'_>) -> Option<Result<(), Fault>> + Send + Sync;

/// Serves `sha256`, rightly until it is told to behave otherwise.
pub(crate) struct MadeUp {
    name: BackendName,
    behaviour: Mutex<Arc<Behaviour>>,
    /// The items of each call's bundle, and the range.
    calls: Mutex<Vec<(usize, Range<usize>)>>,
}

impl MadeUp {
    pub(crate) fn new(name: BackendName) -> Arc<Self> {
        Arc::new(Self { name, behaviour: Mutex::new(Arc::new(|_, _, _| None)), calls: Mutex::default() })
    }

    pub(crate) fn behave(
        &self,
        behaviour: impl Fn(&Bundle, Range<usize>, &mut Output<'_>) -> Option<Result<(), Fault>> + Send + Sync + 'static,
    ) {
        *self.behaviour.lock().expect("no test panics here") = Arc::new(behaviour);
    }

    /// Waits at the gate in every call from now on.
    pub(crate) fn wait_at(&self, gate: &Arc<Gate>) {
        let gate = Arc::clone(gate);
        self.behave(move |_, _, _| {
            gate.pass();
            None
        });
    }

    /// The calls since this was last asked.
    pub(crate) fn calls(&self) -> Vec<(usize, Range<usize>)> {
        std::mem::take(&mut self.calls.lock().expect("no test panics here"))
    }
}

impl Backend for MadeUp {
    fn name(&self) -> BackendName {
        self.name
    }

    fn serves(&self, row: Row) -> bool {
        row == Row::Sha256
    }

    fn compute(&self, bundle: &Bundle, range: Range<usize>, mut out: Output<'_>) -> Result<(), Fault> {
        assert_eq!(out.verdicts.len(), range.len(), "an output holds exactly the items");
        assert_eq!(out.values.len(), range.len() * out.width);
        assert!(out.verdicts.iter().chain(&*out.values).all(|byte| *byte == 0), "an output starts at zero");
        self.calls.lock().expect("no test panics here").push((bundle.items(), range.clone()));
        let behaviour = Arc::clone(&self.behaviour.lock().expect("no test panics here"));
        behaviour(bundle, range.clone(), &mut out).unwrap_or_else(|| {
            sha256(bundle, range, &mut out);
            Ok(())
        })
    }
}

/// Computes a range of a bundle as it should be.
pub(crate) fn sha256(bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) {
    let items = bundle.slices(range).flat_map(|(columns, items)| items.map(move |item| (columns, item)));
    for (at, (columns, item)) in items.enumerate() {
        match columns.form(item) {
            Ok(_) => out.value(at, &Sha256::digest(columns.message(item))),
            Err(reason) => out.verdict(at, Verdict::Invalid(reason)),
        }
    }
}

/// What a right backend makes of a bundle, without an engine.
pub(crate) fn expected(bundle: &Bundle) -> Results {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    sha256(bundle, 0..bundle.items(), &mut Output { verdicts, values, width: *width });
    results
}

/// Columns of this many items to hash: short messages, some longer, some refused.
fn columns(items: usize, seed: usize) -> Columns {
    let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
    for item in 0..items {
        match (item + seed) % 7 {
            3 => builder.refuse(Reason::Message),
            5 => builder.push(0, &[], &[], &[seed as u8; 100]),
            _ => builder.push(0, &[], &[], &(item as u64).to_le_bytes()),
        }
    }
    builder.build().expect("fits a request")
}

/// A bundle with a segment of each of these sizes.
pub(crate) fn bundle(sizes: &[usize]) -> Bundle {
    let segments = sizes.iter().enumerate().map(|(seed, items)| columns(*items, seed)).collect();
    Bundle::new(Parameters::default(), segments).expect("no parameters")
}

pub(crate) fn order(priority: Priority) -> Order {
    Order { priority, deadline: None }
}

/// An engine over these backends, in this order of preference while nothing is measured.
pub(crate) fn engine(backends: &[&Arc<MadeUp>], threads: usize, clock: Clock) -> Engine {
    let found = backends.iter().map(|backend| Detected::for_test(Arc::clone(*backend) as Arc<dyn Backend>));
    let config = Config { threads, urgent_threads: false, ..Config::default() };
    let engine = Engine::with_backends(found.collect(), config, clock).expect("starts");
    for backend in backends {
        // The known answers of the start.
        assert!(!backend.calls().is_empty());
    }
    engine
}

/// The time it is.
pub(crate) fn real_clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}

/// A clock that moves when told.
#[derive(Clone, Default)]
pub(crate) struct HeldClock(Arc<AtomicU64>);

impl HeldClock {
    pub(crate) fn clock(&self) -> Clock {
        let nanos = Arc::clone(&self.0);
        Arc::new(move || Duration::from_nanos(nanos.load(Ordering::SeqCst)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

/// Holds whoever comes until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    /// Who came so far, and whether it is open.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn closed() -> Arc<Self> {
        Arc::default()
    }

    fn wait_until(&self, met: impl Fn(&(usize, bool)) -> bool) {
        let state = self.state.lock().expect("no test panics here");
        let waited = self.changed.wait_timeout_while(state, Duration::from_secs(60), |state| !met(state));
        assert!(!waited.expect("no test panics here").1.timed_out(), "nobody came to the gate, or opened it");
    }

    /// Comes, and does not wait.
    pub(crate) fn arrive(&self) {
        self.state.lock().expect("no test panics here").0 += 1;
        self.changed.notify_all();
    }

    pub(crate) fn pass(&self) {
        self.arrive();
        self.wait_until(|state| state.1);
    }

    /// Waits until this many have come.
    pub(crate) fn await_arrivals(&self, count: usize) {
        self.wait_until(|state| state.0 >= count);
    }

    pub(crate) fn open(&self) {
        self.state.lock().expect("no test panics here").1 = true;
        self.changed.notify_all();
    }
}
