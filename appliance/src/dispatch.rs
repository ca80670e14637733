//! Admitted requests to answers: the one bridge between the async half and the engine.
//!
//! A request joins the [`Batcher`]; a batch that is full goes to the engine on the thread that filled it, one whose time
//! has come goes on the ager's. The engine's completion splits the results and wakes each request's session. Knows no
//! socket and no frame.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use assay_core::engine::Clock;
use assay_core::{BackendName, Bundle, Engine, Order, Outcome, Results, Ticket};
use assay_scheme::{Cause, Columns, Parameters, Priority, Verdict};
use assay_wire::Status;
use tokio::sync::oneshot;

use crate::admission::Admitted;
use crate::batcher::{Batch, BatchLimits, Batcher, Key, Load, Pushed};
use crate::metrics;

const BACKENDS: usize = BackendName::ALL.len();

/// A request's results, or the status that says why there are none.
pub struct Answer {
    /// What the request holds, to be dropped when its reply is out.
    pub admitted: Admitted,
    /// A verdict (and value) an item. An item may still be not evaluated where others are.
    pub results: Result<Results, Status>,
    /// Items each backend computed, by [`BackendName`]. Where requests shared a bundle that several backends computed,
    /// each is given its share, rounded so that they sum up to the bundle's.
    pub backends: [u32; BACKENDS],
    /// From when its frame was complete to its first item's start.
    pub queued: Duration,
    /// From its bundle's first item's start to the last one's end.
    pub computed: Duration,
}

/// A request on its way through the batcher and the engine.
struct Job {
    admitted: Admitted,
    /// When its frame was complete: what its peer took to send it is not the node's doing.
    complete: Duration,
    columns: Columns,
    answer: oneshot::Sender<Answer>,
    bundle: Arc<OnceLock<Arc<Fate>>>,
}

/// A bundle as long as somebody waits for it.
struct Fate {
    waiting: AtomicUsize,
    ticket: OnceLock<Ticket>,
}

impl Fate {
    /// One request less waits; the last one's withdrawal gives the bundle up.
    fn withdraw(&self) {
        if self.waiting.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(ticket) = self.ticket.get()
        {
            ticket.cancel();
        }
    }

    /// The bundle was submitted; it may have been given up in between.
    fn submitted(&self, ticket: Ticket) {
        let ticket = self.ticket.get_or_init(|| ticket);
        if self.waiting.load(Ordering::Acquire) == 0 {
            ticket.cancel();
        }
    }
}

/// A request that was handed over. Dropping it withdraws the request.
pub struct Pending {
    answer: oneshot::Receiver<Answer>,
    bundle: Arc<OnceLock<Arc<Fate>>>,
    answered: bool,
}

impl Pending {
    /// The answer; `None` when the engine broke its word and dropped the request unanswered. Cancel-safe.
    pub async fn answer(&mut self) -> Option<Answer> {
        let answer = (&mut self.answer).await.ok();
        self.answered = true;
        answer
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered
            && let Some(fate) = self.bundle.get()
        {
            fate.withdraw();
        }
    }
}

struct Waiting {
    batcher: Batcher<Job>,
    /// What the ager sleeps until.
    wakes: Duration,
    stopping: bool,
}

struct Shared {
    engine: Arc<Engine>,
    clock: Clock,
    waiting: Mutex<Waiting>,
    ager: Condvar,
}

/// The bridge. Dropping it sends what waits and stops the ager.
pub struct Dispatch {
    shared: Arc<Shared>,
    ager: Option<JoinHandle<()>>,
}

impl Dispatch {
    /// A bridge to this engine, over the clock that the engine has too.
    ///
    /// # Errors
    /// When the ager's thread cannot be started.
    pub fn new(engine: Arc<Engine>, clock: Clock, limits: [BatchLimits; Priority::ALL.len()]) -> std::io::Result<Self> {
        let waiting = Waiting { batcher: Batcher::new(limits), wakes: Duration::MAX, stopping: false };
        let shared = Arc::new(Shared { engine, clock, waiting: Mutex::new(waiting), ager: Condvar::new() });
        let ager = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("assay-ager".into()).spawn(move || {
                crate::scheduling::run_soon();
                shared.age();
            })?
        };
        Ok(Self { shared, ager: Some(ager) })
    }

    /// Takes a request of checked parameters and columns.
    #[must_use]
    pub fn submit(&self, admitted: Admitted, parameters: Parameters, columns: Columns) -> Pending {
        let key = Key { priority: admitted.priority(), row: columns.operation().row, parameters };
        let complete = (self.shared.clock)();
        let load = Load { items: columns.items(), arrived: complete, deadline: admitted.deadline() };
        let (sender, answer) = oneshot::channel();
        let bundle = Arc::new(OnceLock::new());
        let job = Job { admitted, complete, columns, answer: sender, bundle: Arc::clone(&bundle) };
        let pushed = {
            let mut waiting = self.shared.waiting();
            let pushed = waiting.batcher.push(key, load, job);
            if let Pushed::Waits(due) = pushed
                && due < waiting.wakes
            {
                waiting.wakes = due;
                self.shared.ager.notify_one();
            }
            pushed
        };
        if let Pushed::Full(batch) = pushed {
            self.shared.send(batch);
        }
        Pending { answer, bundle, answered: false }
    }

    /// New limits, for requests that come from now on.
    pub fn reload(&self, limits: [BatchLimits; Priority::ALL.len()]) {
        self.shared.waiting().batcher.reload(limits);
    }
}

impl Drop for Dispatch {
    fn drop(&mut self) {
        self.shared.waiting().stopping = true;
        self.shared.ager.notify_one();
        if let Some(ager) = self.ager.take() {
            // A panic there has been printed where it happened; there is nothing to add.
            let _ = ager.join();
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ager's thread: sends each batch when its time has come. A thread rather than a timer of the async runtime,
    /// whose resolution of 1 ms is longer than an urgent request may wait.
    fn age(&self) {
        let mut waiting = self.waiting();
        loop {
            let now = (self.clock)();
            let due = if waiting.stopping { waiting.batcher.flush() } else { waiting.batcher.due(now) };
            if !due.is_empty() {
                drop(waiting);
                due.into_iter().for_each(|batch| self.send(batch));
                waiting = self.waiting();
                continue;
            }
            if waiting.stopping {
                return;
            }
            waiting.wakes = waiting.batcher.next_due().unwrap_or(Duration::MAX);
            waiting = if waiting.wakes == Duration::MAX {
                self.ager.wait(waiting).unwrap_or_else(PoisonError::into_inner)
            } else {
                let pause = waiting.wakes.saturating_sub(now);
                self.ager.wait_timeout(waiting, pause).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }

    /// Sends a batch to the engine, without the requests that nobody waits for or whose time has passed.
    fn send(&self, batch: Batch<Job>) {
        let now = (self.clock)();
        let (key, mut jobs) = batch.into_requests();
        jobs.retain(|job| !job.answer.is_closed());
        let expired = |job: &mut Job| job.admitted.deadline().is_some_and(|deadline| deadline <= now);
        for job in jobs.extract_if(.., expired) {
            job.refuse(Status::DeadlineExceeded, now);
        }
        if jobs.is_empty() {
            return;
        }
        let segments: Vec<Columns> = jobs.iter().map(|job| job.columns.clone()).collect();
        let bundle = match Bundle::new(key.parameters, segments) {
            Ok(bundle) => bundle,
            Err(error) => {
                // The codec checked the same parameters against the same operation.
                tracing::error!(%error, operation = key.row.name(), "a batch's parameters do not fit its operation");
                jobs.into_iter().for_each(|job| job.refuse(Status::NotEvaluated, now));
                return;
            }
        };
        let oldest = jobs.iter().map(|job| job.complete).min().unwrap_or(now);
        metrics::batch_sent(key.priority, jobs.len(), bundle.items(), now.saturating_sub(oldest));
        let fate = Arc::new(Fate { waiting: AtomicUsize::new(jobs.len()), ticket: OnceLock::new() });
        for job in &jobs {
            let _ = job.bundle.set(Arc::clone(&fate));
        }
        // Until the last of them is of no use: an earlier one's items may be computed in vain, but nobody's are dropped.
        let deadline = jobs
            .iter()
            .map(|job| job.admitted.deadline())
            .try_fold(Duration::ZERO, |latest, deadline| deadline.map(|deadline| latest.max(deadline)));
        let order = Order { priority: key.priority, deadline };
        let (row, priority) = (bundle.operation().row, key.priority);
        let completion = move |outcome: Outcome| {
            metrics::batch_computed(row, priority, &outcome);
            deliver(jobs, outcome, now);
        };
        let ticket = self.engine.submit(bundle, order, Box::new(completion));
        fate.submitted(ticket);
    }
}

impl Job {
    fn refuse(self, status: Status, now: Duration) {
        let queued = now.saturating_sub(self.complete);
        self.answer(Err(status), [0; BACKENDS], queued, Duration::ZERO);
    }

    fn answer(self, results: Result<Results, Status>, backends: [u32; BACKENDS], queued: Duration, computed: Duration) {
        // A peer that has gone needs no answer; dropping it returns what the request held.
        let _ = self.answer.send(Answer { admitted: self.admitted, results, backends, queued, computed });
    }
}

/// Splits a bundle's outcome over its requests, on the engine's thread.
fn deliver(jobs: Vec<Job>, outcome: Outcome, sent: Duration) {
    let Outcome { results, backends, queued, computed } = outcome;
    let total = results.items();
    let alone = jobs.len() == 1;
    let mut whole = Some(results);
    let mut start = 0;
    for job in jobs {
        let end = start + job.columns.items();
        // One request alone takes the results as they are; of several, each takes a copy of its own.
        let results = match &whole {
            Some(results) if !alone => Results {
                verdicts: results.verdicts[start..end].to_vec(),
                values: results.values[start * results.width..end * results.width].to_vec(),
                width: results.width,
            },
            _ => whole.take().unwrap_or_default(),
        };
        let status = status_of(&results.verdicts);
        let share = backends.map(|items| share(items, start..end, total));
        let queued = sent.saturating_sub(job.complete) + queued;
        let results = if status == Status::Ok { Ok(results) } else { Err(status) };
        job.answer(results, share, queued, computed);
        start = end;
    }
}

/// Of `items` spread evenly over `total`, those that fall on `range`: shares of adjoining ranges sum up to `items`.
fn share(items: usize, range: std::ops::Range<usize>, total: usize) -> u32 {
    let until = |end: usize| (items as u128 * end as u128 / total.max(1) as u128) as u32;
    until(range.end) - until(range.start)
}

/// Ok when any item was evaluated: the others bear their cause. Where none was, the worst cause is the request's status.
fn status_of(verdicts: &[u8]) -> Status {
    let mut status = Status::DeadlineExceeded;
    for byte in verdicts {
        match Verdict::from_byte(*byte) {
            Some(Verdict::Valid | Verdict::Invalid(_)) => return Status::Ok,
            Some(Verdict::NotEvaluated(Cause::DeadlineExceeded)) => {}
            Some(Verdict::NotEvaluated(Cause::Stopped)) if status != Status::NotEvaluated => status = Status::Draining,
            Some(Verdict::NotEvaluated(Cause::Stopped)) => {}
            _ => status = Status::NotEvaluated,
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_ok_when_any_item_has_its_answer_and_else_bears_the_worst_cause() {
        assert_eq!(status_of(&[1, 1]), Status::Ok);
        assert_eq!(status_of(&[128, 2]), Status::Ok);
        assert_eq!(status_of(&[128, 128]), Status::DeadlineExceeded);
        assert_eq!(status_of(&[128, 131]), Status::Draining);
        assert_eq!(status_of(&[130, 131]), Status::NotEvaluated);
        assert_eq!(status_of(&[131, 130, 128]), Status::NotEvaluated);
        assert_eq!(status_of(&[0]), Status::NotEvaluated, "unwritten is a fault");
        assert_eq!(status_of(&[77]), Status::NotEvaluated, "a byte nobody assigned is a fault");
    }

    #[test]
    fn shares_of_a_bundle_sum_up_to_it() {
        let cuts = [0, 1, 4, 4, 9, 100];
        for items in [0, 1, 7, 99, 100] {
            let sum: u32 = cuts.windows(2).map(|cut| share(items, cut[0]..cut[1], 100)).sum();
            assert_eq!(sum as usize, items);
        }
        assert_eq!(share(100, 20..50, 100), 30, "exact where one backend computed all");
    }
}
