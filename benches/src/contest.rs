//! A case and who computes it.

use assay_core::backend::{Backend, Detected, GpuChoice, KEY_TABLE_BYTES, Output, detect_with};
use assay_core::samples::{self, Sample, Spec};
use assay_core::{BackendName, Bundle, Results};
use assay_scheme::{Kind, Parameters, Row, Verdict};

/// What a contestant answers: a byte an item (1 valid, 0 not), digests end to end, or one byte for the whole batch.
pub type Answers = Vec<u8>;

/// Computes every item once.
pub type Run<'a> = Box<dyn Fn() -> Answers + Sync + 'a>;

/// One who computes a case.
pub struct Contestant<'a> {
    /// Crate and call.
    pub name: String,
    /// One of Assay's backends.
    pub ours: bool,
    /// Answers for the batch alone: one byte.
    pub whole_batch: bool,
    /// Computes.
    pub run: Run<'a>,
}

impl<'a> Contestant<'a> {
    /// A library's call, item by item.
    pub fn peer(name: &str, run: impl Fn() -> Answers + Sync + 'a) -> Self {
        Self { name: name.to_owned(), ours: false, whole_batch: false, run: Box::new(run) }
    }

    /// A library's verdict of each item.
    pub fn verifier(name: &str, samples: &'a [Sample], verify: impl Fn(&'a Sample) -> bool + Sync + 'a) -> Self {
        Self::peer(name, move || samples.iter().map(|sample| u8::from(verify(sample))).collect())
    }

    /// A library's digest of each item.
    pub fn hasher<D: AsRef<[u8]>>(name: &str, samples: &'a [Sample], hash: impl Fn(&'a [u8]) -> D + Sync + 'a) -> Self {
        Self::peer(name, move || {
            let mut digests = Vec::with_capacity(samples.len() * 32);
            samples.iter().for_each(|sample| digests.extend_from_slice(hash(&sample.messages[0]).as_ref()));
            digests
        })
    }
}

/// One operation over one kind of batch.
pub struct Case {
    /// `operation/what is special`.
    pub name: String,
    /// The operation.
    pub row: Row,
    /// Its parameters.
    pub parameters: Parameters,
    /// What the items are like.
    pub spec: Spec,
    /// Makes the items, where the engine's own samples are not these.
    pub make: Option<fn(&Spec) -> Vec<Sample>>,
    /// The libraries.
    pub peers: for<'a> fn(&'a [Sample]) -> Vec<Contestant<'a>>,
}

impl Case {
    /// A case over the engine's own samples.
    pub fn new(row: Row, suffix: &str, spec: Spec, peers: for<'a> fn(&'a [Sample]) -> Vec<Contestant<'a>>) -> Self {
        let name = if suffix.is_empty() { row.name().to_owned() } else { format!("{}/{suffix}", row.name()) };
        Self { name, row, parameters: samples::parameters(row.operation()), spec, make: None, peers }
    }

    /// The items, one in `spoil_every` of them spoiled, none where it is 0.
    pub fn samples(&self, spoil_every: usize) -> Vec<Sample> {
        let spec = Spec { spoil_every, ..self.spec };
        match self.make {
            Some(make) => make(&spec),
            None => samples::samples(self.row.operation(), &spec),
        }
    }

    /// Ours first, then the peers.
    pub fn contestants<'a>(&self, samples: &'a [Sample]) -> Vec<Contestant<'a>> {
        // Passes over the same keys would make each a known one: tables are kept only where a case says how many keys there are.
        let key_table_bytes = if self.spec.keys > 0 { KEY_TABLE_BYTES } else { 0 };
        let found = detect_with(key_table_bytes, GpuChoice::Off);
        let mut all: Vec<_> = found.iter().filter_map(|found| self.ours(found, samples)).collect();
        all.extend((self.peers)(samples));
        all
    }

    /// One of our CPU backends, where it is here and serves the row.
    fn ours<'a>(&self, found: &Detected, samples: &'a [Sample]) -> Option<Contestant<'a>> {
        let backend = found.backend().ok()?.clone();
        if found.name() == BackendName::Gpu || !backend.serves(self.row) {
            return None;
        }
        let operation = self.row.operation();
        let bundle = Bundle::new(self.parameters.clone(), samples::columns(operation, samples))
            .expect("the case's parameters fit its operation");
        let values =
            operation.kind == Kind::Digest || operation.kind == Kind::Merkle || operation.kind == Kind::Recover;
        let run = move || {
            let results = compute(&*backend, &bundle);
            // What is left for a thread of the lowest priority is done here, so that every pass after a few finds the tables.
            if let Some(chores) = backend.chores() {
                while chores.work() {}
            }
            if values { results.values } else { verdicts(&results) }
        };
        Some(Contestant {
            name: format!("assay {}", found.name().name()),
            ours: true,
            whole_batch: false,
            run: Box::new(run),
        })
    }

    /// Has every contestant answer a batch with spoiled items and the batch that is timed.
    pub fn check(&self) -> Result<(), String> {
        for spoil_every in [7, 0] {
            let samples = self.samples(spoil_every);
            let contestants = self.contestants(&samples);
            let expected = match self.row.operation().kind {
                // A value's check is that everybody has the same; spoiled items of recover have none.
                Kind::Digest | Kind::Merkle | Kind::Recover => (contestants[0].run)(),
                _ => samples.iter().map(|sample| u8::from(sample.valid)).collect(),
            };
            for contestant in &contestants {
                let whole = [u8::from(samples.iter().all(|sample| sample.valid))];
                let expected = if contestant.whole_batch { &whole[..] } else { &expected };
                let answers = (contestant.run)();
                if answers != expected {
                    let at = answers.iter().zip(expected).position(|(a, b)| a != b);
                    return Err(format!(
                        "{}: {} answers otherwise than expected (byte {at:?}, {} of {} bytes)",
                        self.name,
                        contestant.name,
                        answers.len(),
                        expected.len()
                    ));
                }
            }
        }
        Ok(())
    }
}

fn compute(backend: &dyn Backend, bundle: &Bundle) -> Results {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    backend.compute(bundle, 0..bundle.items(), Output { verdicts, values, width: *width }).expect("a row it serves");
    results
}

fn verdicts(results: &Results) -> Answers {
    (0..results.items()).map(|item| u8::from(results.verdict(item) == Verdict::Valid)).collect()
}
