//! One submitted bundle on its way: its results as they come in, and its completion, called exactly once.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use assay_scheme::{Cause, Priority, Verdict};

use crate::backend::BackendName;
use crate::batch::{Bundle, Results};
use crate::engine::{Completion, Order, Outcome};
use crate::pool::lock;

/// A bundle, what is asked for it, and what has come of it so far.
pub(crate) struct Job {
    pub(crate) bundle: Bundle,
    pub(crate) order: Order,
    /// The one backend that may compute it: known answers.
    pub(crate) only: Option<usize>,
    submitted: Duration,
    progress: Mutex<Progress>,
}

struct Progress {
    results: Results,
    /// Items without an answer. At 0 the completion is called, and it is gone.
    unanswered: usize,
    backends: [usize; BackendName::ALL.len()],
    /// When the first item was started and the last one ended.
    computed: Option<(Duration, Duration)>,
    completion: Option<Completion>,
}

/// Items that a backend computed.
pub(crate) struct Answer<'a> {
    pub(crate) range: Range<usize>,
    pub(crate) verdicts: &'a [u8],
    pub(crate) values: &'a [u8],
    pub(crate) backend: BackendName,
    pub(crate) started: Duration,
    pub(crate) ended: Duration,
}

impl Job {
    pub(crate) fn new(
        bundle: Bundle,
        order: Order,
        only: Option<usize>,
        submitted: Duration,
        completion: Completion,
    ) -> Self {
        let progress = Progress {
            results: Results::unwritten(bundle.items(), bundle.value_width()),
            unanswered: bundle.items(),
            backends: [0; BackendName::ALL.len()],
            computed: None,
            completion: Some(completion),
        };
        Self { bundle, order, only, submitted, progress: Mutex::new(progress) }
    }

    pub(crate) fn priority(&self) -> Priority {
        self.order.priority
    }

    pub(crate) fn is_past_deadline(&self, now: Duration) -> bool {
        self.order.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Takes in what a backend computed; calls the completion when these were the last items.
    pub(crate) fn answer(&self, answer: &Answer<'_>) {
        let mut progress = lock(&self.progress);
        let Range { start, end } = answer.range.clone();
        let results = &mut progress.results;
        results.verdicts[start..end].copy_from_slice(answer.verdicts);
        let width = results.width;
        results.values[start * width..end * width].copy_from_slice(answer.values);
        progress.backends[answer.backend as usize] += answer.range.len();
        let (started, ended) = progress.computed.unwrap_or((answer.started, answer.ended));
        progress.computed = Some((started.min(answer.started), ended.max(answer.ended)));
        let done = progress.settle(answer.range.len());
        drop(progress);
        self.complete(done, answer.ended);
    }

    /// Leaves the items without a verdict, for this cause.
    pub(crate) fn give_up(&self, range: Range<usize>, cause: Cause, now: Duration) {
        let mut progress = lock(&self.progress);
        progress.results.verdicts[range.clone()].fill(Verdict::NotEvaluated(cause).to_byte());
        let done = progress.settle(range.len());
        drop(progress);
        self.complete(done, now);
    }

    fn complete(&self, done: Option<Done>, now: Duration) {
        let Some(Done { completion, results, backends, computed }) = done else { return };
        let (started, ended) = computed.unwrap_or((now, now));
        let outcome = Outcome {
            results,
            backends,
            queued: started.saturating_sub(self.submitted),
            computed: ended.saturating_sub(started),
        };
        // A caller's panic is the caller's: the worker goes on to the next bundle.
        let _ = catch_unwind(AssertUnwindSafe(|| completion(outcome)));
    }
}

struct Done {
    completion: Completion,
    results: Results,
    backends: [usize; BackendName::ALL.len()],
    computed: Option<(Duration, Duration)>,
}

impl Progress {
    /// Counts items as answered; what the completion is called with when none are left.
    fn settle(&mut self, items: usize) -> Option<Done> {
        self.unanswered -= items;
        if self.unanswered > 0 {
            return None;
        }
        let completion = self.completion.take()?;
        let results = std::mem::take(&mut self.results);
        Some(Done { completion, results, backends: self.backends, computed: self.computed })
    }
}

impl Drop for Job {
    /// A job that is dropped unfinished (its engine never had a worker) is still answered.
    fn drop(&mut self) {
        let unanswered = lock(&self.progress).unanswered;
        if unanswered > 0 {
            let mut progress = lock(&self.progress);
            for verdict in progress.results.verdicts.iter_mut().filter(|verdict| **verdict == 0) {
                *verdict = Verdict::NotEvaluated(Cause::Stopped).to_byte();
            }
            let done = progress.settle(unanswered);
            drop(progress);
            self.complete(done, self.submitted);
        }
    }
}
