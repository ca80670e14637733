//! What profiles ask: the source, with as many requests under way as suit it, and a count of what came of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use assay_client::{Answer, Error};
use assay_scheme::{Answers, Asked, Cause, Columns, Operation, Parameters, Verdict, Verifier, VerifierFault};
use assay_wire::Status;

use crate::cli::source::{Source, backend_name};

/// A source that profiles can ask, and what it did for them.
pub(crate) struct SourceVerifier<'s> {
    source: &'s Source,
    tally: RefCell<Tally>,
    waited: Cell<Duration>,
    /// Called with the items sent so far each time some are.
    sent: Box<dyn Fn(u64) + 's>,
}

/// What was asked, and who answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Items sent.
    pub(crate) items: u64,
    /// Requests sent.
    pub(crate) requests: u64,
    /// Items by the backend that computed them.
    pub(crate) backends: BTreeMap<String, u64>,
    /// How long the asker stood still for answers.
    pub(crate) waited: Duration,
}

impl<'s> SourceVerifier<'s> {
    /// For a source; `sent` hears how many items were sent.
    pub(crate) fn new(source: &'s Source, sent: impl Fn(u64) + 's) -> Self {
        Self { source, tally: RefCell::default(), waited: Cell::default(), sent: Box::new(sent) }
    }

    /// What was asked so far.
    pub(crate) fn tally(&self) -> Tally {
        Tally { waited: self.waited.get(), ..self.tally.borrow().clone() }
    }

    fn land(
        &self,
        operation: &'static Operation,
        answer: Result<Answer, Error>,
        items: usize,
        width: usize,
    ) -> Result<Answers, VerifierFault> {
        match answer {
            Ok(answer) => {
                let mut tally = self.tally.borrow_mut();
                for (number, items) in answer.backends.iter().enumerate().filter(|(_, items)| **items > 0) {
                    *tally.backends.entry(backend_name(number)).or_default() += u64::from(*items);
                }
                Ok(Answers { verdicts: answer.verdicts, values: answer.values, width: answer.value_width })
            }
            // A deadline is the items' own: the next ones may meet theirs.
            Err(Error::DeadlineExceeded) => {
                let late = Verdict::NotEvaluated(Cause::DeadlineExceeded).to_byte();
                Ok(Answers { verdicts: vec![late; items], values: vec![0; items * width], width })
            }
            Err(Error::Refused { status: Status::NotServed, .. }) => Err(VerifierFault::NotServed(operation.name)),
            Err(error) => Err(VerifierFault::Unavailable(error.to_string())),
        }
    }

    /// Nodes say themselves what they do not serve.
    fn serves(&self, operation: &'static Operation) -> bool {
        match self.source {
            Source::Local { engine, .. } => engine.serves(operation.row),
            Source::Nodes { .. } => true,
        }
    }
}

impl Verifier for SourceVerifier<'_> {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        self.ask(columns.clone(), parameters).wait()
    }

    fn ask<'v>(&'v self, columns: Columns, parameters: &Parameters) -> Asked<'v> {
        let operation = columns.operation();
        if let Err(error) = parameters.check(operation) {
            return Asked::new(move || Err(VerifierFault::Parameters(error)));
        }
        if !self.serves(operation) {
            return Asked::new(move || Err(VerifierFault::NotServed(operation.name)));
        }
        let items = columns.items();
        let width = operation.value_width(parameters.output).unwrap_or(0);
        let sent = {
            let mut tally = self.tally.borrow_mut();
            tally.requests += 1;
            tally.items += items as u64;
            tally.items
        };
        (self.sent)(sent);
        let pending = self.source.submit(columns, parameters);
        Asked::new(move || {
            let start = Instant::now();
            let answer = pending.wait();
            self.waited.set(self.waited.get() + start.elapsed());
            self.land(operation, answer, items, width)
        })
    }

    fn request_items(&self) -> usize {
        self.source.chunk_items()
    }

    fn requests_in_flight(&self) -> usize {
        self.source.in_flight()
    }
}
