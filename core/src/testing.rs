//! What the engine's tests are made of: backends that behave as they are told, bundles, and a clock held in the hand.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assay_scheme::{Columns, ColumnsBuilder, Parameters, Priority, Reason, Row, Verdict};
use sha2::{Digest, Sha256};

use crate::backend::{Backend, BackendName, Fault, Output};
use crate::batch::{Bundle, Results};
use crate::engine::{Clock, Order};

/// What a made-up backend does before it computes.
pub(crate) type Behaviour = dyn Fn(&Bundle, Range<usize>, &mut Output<'_>) -> Result<Then, Fault> + Send + Sync;

/// What a made-up backend does next.
pub(crate) enum Then {
    /// Computes as it should.
    Compute,
    /// Returns as if it had.
    Return,
}

/// Serves `sha256`, rightly unless its behaviour says otherwise, and refuses as the columns say.
pub(crate) struct MadeUp {
    pub(crate) name: BackendName,
    pub(crate) behaviour: Box<Behaviour>,
    pub(crate) calls: AtomicUsize,
}

impl MadeUp {
    pub(crate) fn new(
        name: BackendName,
        behaviour: impl Fn(&Bundle, Range<usize>, &mut Output<'_>) -> Result<Then, Fault> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { name, behaviour: Box::new(behaviour), calls: AtomicUsize::new(0) })
    }

    pub(crate) fn right(name: BackendName) -> Arc<Self> {
        Self::new(name, |_, _, _| Ok(Then::Compute))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
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
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert_eq!(out.verdicts.len(), range.len(), "an output holds exactly the items");
        assert_eq!(out.values.len(), range.len() * out.width);
        assert!(out.verdicts.iter().chain(&*out.values).all(|byte| *byte == 0), "an output starts at zero");
        match (self.behaviour)(bundle, range.clone(), &mut out)? {
            Then::Compute => sha256(bundle, range, &mut out),
            Then::Return => {}
        }
        Ok(())
    }
}

fn sha256(bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) {
    let mut at = 0;
    for (columns, items) in bundle.slices(range) {
        for item in items {
            match columns.form(item) {
                Ok(_) => out.value(at, &Sha256::digest(columns.message(item))),
                Err(reason) => out.verdict(at, Verdict::Invalid(reason)),
            }
            at += 1;
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

/// Columns of this many items to hash: short messages, some of another length, some refused.
pub(crate) fn columns(items: usize, seed: u8) -> Columns {
    let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
    for item in 0..items {
        match (item + usize::from(seed)) % 7 {
            3 => builder.refuse(Reason::Message),
            5 => builder.push(0, &[], &[], &[seed; 100]),
            _ => builder.push(0, &[], &[], &(item as u64).to_le_bytes()),
        }
    }
    builder.build().expect("fits a request")
}

/// A bundle with a segment of each of these sizes.
pub(crate) fn bundle(sizes: &[usize]) -> Bundle {
    let segments = sizes.iter().enumerate().map(|(seed, items)| columns(*items, seed as u8)).collect();
    Bundle::new(Parameters::default(), segments).expect("no parameters")
}

pub(crate) fn order(priority: Priority) -> Order {
    Order { priority, deadline: None }
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
        let micros = Arc::clone(&self.0);
        Arc::new(move || Duration::from_micros(micros.load(Ordering::SeqCst)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as u64, Ordering::SeqCst);
    }
}

/// Things that happened, in order.
pub(crate) type Log<T> = Arc<Mutex<Vec<T>>>;
