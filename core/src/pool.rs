//! The queue and its workers: a worker always takes the most urgent quantum there is, computes it, and brings the answers
//! home. Bundles of one priority take turns, a quantum each, in the order they came.
//!
//! A fault is not a verdict: what a backend fails on goes back into the queue for the next one, and the backend into
//! quarantine. One lock holds the queue, the costs and the standings; it is held for a microsecond or so, at most once
//! before and once after a quantum.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use assay_scheme::{Cause, Priority, Reason, Verdict};

use crate::backend::{Backend, Fault, Output};
use crate::batch::Bundle;
use crate::engine::{Clock, Completion, Order, Outcome};
use crate::job::{Answer, Job};
use crate::quarantine::Standing;
use crate::router::Router;
use crate::selftest::KnownAnswer;

/// Locks, also after a panic elsewhere: nothing here panics between two states that belong together.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The backends that failed on some items: a bit per slot.
type Tried = u8;

/// Items of a job that no worker has taken yet.
struct Entry {
    job: Arc<Job>,
    rest: Range<usize>,
    tried: Tried,
    /// One item at a time: the last backend failed on them together, and one bad item must not take its neighbours along.
    alone: bool,
}

/// Items that a worker computes in one go.
struct Quantum {
    job: Arc<Job>,
    slot: usize,
    range: Range<usize>,
    tried: Tried,
    alone: bool,
}

/// Items that nobody will compute.
struct Dropped {
    job: Arc<Job>,
    range: Range<usize>,
    cause: Cause,
}

enum Next {
    Compute(Quantum),
    Drop(Dropped),
    /// A backend's pause is over: its known answers are to be queued.
    Probe(usize),
    Stop,
}

/// What the pool's lock holds.
pub(crate) struct Queue {
    classes: [VecDeque<Entry>; Priority::ALL.len()],
    dropped: Vec<Dropped>,
    /// No waiting item's deadline is before this.
    deadline_min: Option<Duration>,
    idle: usize,
    stopping: bool,
    pub(crate) router: Router,
    pub(crate) standings: Vec<Standing>,
}

/// What the engine, its workers and its tickets share.
pub(crate) struct Pool {
    pub(crate) clock: Clock,
    pub(crate) backends: Vec<Arc<dyn Backend>>,
    pub(crate) threads: usize,
    known: Arc<[KnownAnswer]>,
    queue: Mutex<Queue>,
    wake: Condvar,
    backlog: [AtomicUsize; Priority::ALL.len()],
}

/// A worker's memory, reused from quantum to quantum.
#[derive(Default)]
struct Scratch {
    verdicts: Vec<u8>,
    values: Vec<u8>,
}

impl Queue {
    /// Puts the waiting entries that `cause` names a cause for among the dropped.
    fn drop_where(&mut self, cause: impl Fn(&Job) -> Option<Cause>) {
        for class in &mut self.classes {
            let dropped = &mut self.dropped;
            class.retain(|entry| match cause(&entry.job) {
                None => true,
                Some(cause) => {
                    dropped.push(Dropped { job: Arc::clone(&entry.job), range: entry.rest.clone(), cause });
                    false
                }
            });
        }
    }

    /// Drops what is past its deadline; looks at the queue only when the earliest deadline has come.
    fn drop_expired(&mut self, now: Duration) {
        if self.deadline_min.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.drop_where(|job| job.is_past_deadline(now).then_some(Cause::DeadlineExceeded));
        self.deadline_min = self.classes.iter().flatten().filter_map(|entry| entry.job.order.deadline).min();
    }

    fn push_back(&mut self, entry: Entry) {
        self.mind_deadline(&entry);
        self.classes[entry.job.priority() as usize].push_back(entry);
    }

    fn push_front(&mut self, entry: Entry) {
        self.mind_deadline(&entry);
        self.classes[entry.job.priority() as usize].push_front(entry);
    }

    fn mind_deadline(&mut self, entry: &Entry) {
        if let Some(deadline) = entry.job.order.deadline {
            self.deadline_min = Some(self.deadline_min.map_or(deadline, |earliest| earliest.min(deadline)));
        }
    }
}

impl Pool {
    pub(crate) fn new(
        backends: Vec<Arc<dyn Backend>>,
        standings: Vec<Standing>,
        known: Arc<[KnownAnswer]>,
        clock: Clock,
        threads: usize,
    ) -> Self {
        debug_assert!(backends.len() <= Tried::BITS as usize && backends.len() == standings.len());
        let queue = Queue {
            classes: Default::default(),
            dropped: Vec::new(),
            deadline_min: None,
            idle: 0,
            stopping: false,
            router: Router::new(backends.len()),
            standings,
        };
        Self {
            clock,
            backends,
            threads,
            known,
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            backlog: Default::default(),
        }
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub(crate) fn backlog(&self) -> [usize; Priority::ALL.len()] {
        std::array::from_fn(|class| self.backlog[class].load(Ordering::Relaxed))
    }

    pub(crate) fn submit(
        &self,
        bundle: Bundle,
        order: Order,
        only: Option<usize>,
        completion: Completion,
    ) -> Weak<Job> {
        let items = bundle.items();
        let job = Arc::new(Job::new(bundle, order, only, (self.clock)(), completion));
        self.backlog[order.priority as usize].fetch_add(items, Ordering::Relaxed);
        let ticket = Arc::downgrade(&job);
        let mut queue = self.queue();
        let idle = queue.idle;
        let small = idle <= 1 || queue.router.is_small(&job.bundle);
        queue.push_back(Entry { job, rest: 0..items, tried: 0, alone: false });
        drop(queue);
        match (idle, small) {
            (0, _) => {}
            (_, true) => self.wake.notify_one(),
            (_, false) => self.wake.notify_all(),
        }
        ticket
    }

    /// Gives up a job's waiting items; a worker answers them.
    pub(crate) fn cancel(&self, job: &Weak<Job>) {
        let mut queue = self.queue();
        queue.drop_where(|waiting| std::ptr::eq(waiting, job.as_ptr()).then_some(Cause::Cancelled));
        let woken = !queue.dropped.is_empty();
        drop(queue);
        if woken {
            self.wake.notify_one();
        }
    }

    /// Gives up all waiting items and lets the workers go when they have answered them.
    pub(crate) fn stop(&self) {
        let mut queue = self.queue();
        queue.stopping = true;
        queue.drop_where(|_| Some(Cause::Stopped));
        drop(queue);
        self.wake.notify_all();
    }

    /// A worker's life: until the engine is dropped.
    pub(crate) fn work(self: &Arc<Self>) {
        let mut scratch = Scratch::default();
        loop {
            match self.next() {
                Next::Compute(quantum) => self.compute(quantum, &mut scratch),
                Next::Drop(Dropped { job, range, cause }) => self.give_up(&job, range, cause),
                Next::Probe(slot) => self.probe(slot),
                Next::Stop => return,
            }
        }
    }

    /// Waits for the most urgent thing to do.
    fn next(&self) -> Next {
        let mut queue = self.queue();
        loop {
            let now = (self.clock)();
            queue.drop_expired(now);
            if queue.stopping {
                // Also what a backend failed on since: nobody is left to compute it.
                queue.drop_where(|_| Some(Cause::Stopped));
            }
            if let Some(dropped) = queue.dropped.pop() {
                return Next::Drop(dropped);
            }
            if queue.stopping {
                return Next::Stop;
            }
            if let Some(slot) = queue.standings.iter_mut().position(|standing| standing.try_probation(now)) {
                return Next::Probe(slot);
            }
            if let Some(next) = self.take(&mut queue) {
                return next;
            }
            queue.idle += 1;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Takes a quantum off the first of the most urgent entries, which then goes behind its peers.
    fn take(&self, queue: &mut Queue) -> Option<Next> {
        let Queue { classes, router, standings, .. } = queue;
        let class = classes.iter_mut().find(|class| !class.is_empty())?;
        let mut entry = class.pop_front()?;
        let job = Arc::clone(&entry.job);
        let row = job.bundle.operation().row;
        let candidates = (0..self.backends.len()).filter(|slot| {
            let asked = match job.only {
                Some(only) => only == *slot,
                None => standings[*slot].serves(),
            };
            asked && entry.tried & (1 << slot) == 0 && self.backends[*slot].serves(row)
        });
        let Some((slot, mut range)) = router.quantum(candidates, &job.bundle, entry.rest.clone(), self.threads) else {
            return Some(Next::Drop(Dropped { job, range: entry.rest, cause: Cause::BackendFault }));
        };
        if entry.alone {
            range.end = range.start + 1;
        }
        let (tried, alone) = (entry.tried, entry.alone);
        entry.rest.start = range.end;
        if !entry.rest.is_empty() {
            class.push_back(entry);
        }
        Some(Next::Compute(Quantum { job, slot, range, tried, alone }))
    }

    fn compute(&self, quantum: Quantum, scratch: &mut Scratch) {
        let Quantum { job, slot, range, .. } = &quantum;
        let (backend, bundle) = (&self.backends[*slot], &job.bundle);
        let width = bundle.value_width();
        let Scratch { verdicts, values } = scratch;
        zero(verdicts, range.len());
        zero(values, range.len() * width);
        let started = (self.clock)();
        let computed = catch_unwind(AssertUnwindSafe(|| {
            backend.compute(bundle, range.clone(), Output { verdicts, values, width })
        }));
        let ended = (self.clock)();
        let fault = match computed {
            Ok(Ok(())) => !are_answers(verdicts, values, width),
            Ok(Err(Fault::NotServed(_) | Fault::Broken)) | Err(_) => true,
        };
        if fault {
            return self.fail(quantum, ended);
        }
        let (load, taken) = (bundle.load(range.clone()), ended.saturating_sub(started));
        self.queue().router.learn(*slot, bundle.operation().row, load, taken, job.only.is_none());
        self.backlog[job.priority() as usize].fetch_sub(range.len(), Ordering::Relaxed);
        let range = range.clone();
        job.answer(&Answer { range, verdicts, values, backend: backend.name(), started, ended });
    }

    /// A backend failed on a quantum: the next one computes it again, all of it, since a backend that is wrong about one
    /// item is not believed about its neighbours. When none is left, each item is tried once more on its own by the last
    /// resort, and only those that fail again have no verdict.
    fn fail(&self, quantum: Quantum, now: Duration) {
        let Quantum { job, slot, range, tried, alone } = quantum;
        let row = job.bundle.operation().row;
        let mut queue = self.queue();
        queue.standings[slot].fault(now);
        let tried = tried | 1 << slot;
        let mut serving =
            (0..self.backends.len()).filter(|slot| queue.standings[*slot].serves() && self.backends[*slot].serves(row));
        let entry = if job.only.is_some() {
            None
        } else if serving.clone().any(|slot| tried & (1 << slot) == 0) {
            Some((tried, alone))
        } else {
            let last_resort = serving.find(|slot| queue.standings[*slot].is_last_resort());
            last_resort.filter(|_| !alone).map(|slot| (!(1 << slot), true))
        };
        let Some((tried, alone)) = entry else {
            drop(queue);
            return self.give_up(&job, range, Cause::BackendFault);
        };
        queue.push_front(Entry { job, rest: range, tried, alone });
        drop(queue);
        self.wake.notify_one();
    }

    fn give_up(&self, job: &Job, range: Range<usize>, cause: Cause) {
        self.backlog[job.priority() as usize].fetch_sub(range.len(), Ordering::Relaxed);
        job.give_up(range, cause, (self.clock)());
    }

    /// A backend's pause is over: it serves again when its known answers come out right.
    fn probe(self: &Arc<Self>, slot: usize) {
        let pool = Arc::clone(self);
        self.ask_known(slot, Priority::Mempool, move |right| {
            let now = (pool.clock)();
            let standing = &mut pool.queue().standings[slot];
            if right { standing.readmit(now) } else { standing.fault(now) }
        });
    }

    /// Has a backend compute its known answers through the queue; `done` hears whether all came out right.
    pub(crate) fn ask_known(
        self: &Arc<Self>,
        slot: usize,
        priority: Priority,
        done: impl FnOnce(bool) + Send + 'static,
    ) {
        let asked: Vec<usize> =
            (0..self.known.len()).filter(|at| self.backends[slot].serves(self.known[*at].row())).collect();
        if asked.is_empty() {
            return done(true);
        }
        let tally = Arc::new(Mutex::new((asked.len(), true, Some(done))));
        for at in asked {
            let (pool, tally) = (Arc::clone(self), Arc::clone(&tally));
            let completion = move |outcome: Outcome| {
                let mut tally = lock(&tally);
                tally.0 -= 1;
                tally.1 &= pool.known[at].is_right(&outcome.results);
                let (left, right) = (tally.0, tally.1);
                let done = if left == 0 { tally.2.take() } else { None };
                drop(tally);
                if let Some(done) = done {
                    done(right);
                }
            };
            let bundle = self.known[at].bundle().clone();
            let _ = self.submit(bundle, Order { priority, deadline: None }, Some(slot), Box::new(completion));
        }
    }
}

/// Makes `bytes` this many zeros: what nobody writes reads as not evaluated.
fn zero(bytes: &mut Vec<u8>, len: usize) {
    bytes.clear();
    bytes.resize(len, 0);
}

/// Whether each byte is valid or invalid with a reason, and no value goes with an invalid one. Anything else a backend left
/// is its fault.
fn are_answers(verdicts: &[u8], values: &[u8], width: usize) -> bool {
    const VALID: u8 = Verdict::Valid.to_byte();
    // Without an early exit, so that it is done many bytes at a time.
    let (min, max) = verdicts.iter().fold((u8::MAX, 0), |(min, max), byte| (min.min(*byte), max.max(*byte)));
    if min < VALID || max > Reason::Message as u8 {
        return false;
    }
    max == VALID
        || width == 0
        || verdicts
            .iter()
            .zip(values.chunks_exact(width))
            .all(|(verdict, value)| *verdict == VALID || value.iter().all(|byte| *byte == 0))
}
