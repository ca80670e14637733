//! The workers: each takes the most urgent quantum there is, computes it, and brings the answers home.
//!
//! A fault is not a verdict: what a backend fails on goes back into the queue for the next one, and the backend into
//! quarantine. One lock holds the queue, the costs and the standings; it is held for a microsecond or so, once before and
//! once after a quantum.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use assay_scheme::{Priority, Reason, Row, Verdict};

use crate::backend::{Backend, Output};
use crate::batch::Bundle;
use crate::engine::{Clock, Completion, Order, Outcome};
use crate::job::{Answer, Job};
use crate::quarantine::Standing;
use crate::queue::{Dropped, Hands, Next, Quantum, Queue};
use crate::selftest::{self, KnownAnswer};

/// How long a thread that waits for a time sleeps before it looks at the clock again.
const WAIT_TURN: Duration = Duration::from_millis(100);

/// Locks, also after a panic elsewhere: nothing here panics between two states that belong together.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the engine, its workers and its tickets share.
pub(crate) struct Pool {
    pub(crate) clock: Clock,
    /// By slot.
    pub(crate) backends: Arc<[Arc<dyn Backend>]>,
    pub(crate) threads: usize,
    known: Arc<[KnownAnswer]>,
    queue: Mutex<Queue>,
    /// For CPU workers, for those of the most urgent class, and for the backends' own threads.
    wake: Condvar,
    wake_urgent: Condvar,
    wake_own: Condvar,
    backlog: [AtomicUsize; Priority::ALL.len()],
    /// Backends that have not tried all their rows yet.
    pub(crate) preparing: AtomicUsize,
}

/// A worker's memory, reused from quantum to quantum.
#[derive(Default)]
struct Scratch {
    verdicts: Vec<u8>,
    values: Vec<u8>,
}

impl Pool {
    pub(crate) fn new(
        backends: Vec<Arc<dyn Backend>>,
        standings: Vec<Standing>,
        known: Arc<[KnownAnswer]>,
        clock: Clock,
        threads: usize,
    ) -> Self {
        let backends: Arc<[_]> = backends.into();
        let queue = Mutex::new(Queue::new(Arc::clone(&backends), standings, threads));
        Self {
            clock,
            backends,
            threads,
            known,
            queue,
            wake: Condvar::new(),
            wake_urgent: Condvar::new(),
            wake_own: Condvar::new(),
            backlog: Default::default(),
            preparing: AtomicUsize::new(0),
        }
    }

    /// Measures the backends on the rows that several of them serve, before the workers start.
    pub(crate) fn calibrate(&self) {
        for row in Row::ALL {
            let serving: Vec<_> = self.queue().serving(row).collect();
            if serving.len() > 1 {
                serving.into_iter().for_each(|slot| self.measure(slot, row));
            }
        }
    }

    /// A backend serves a row from now on: it is measured, and so are those that had no rival before.
    pub(crate) fn ready(&self, slot: usize, row: Row) {
        let serving: Vec<_> = self.queue().serving(row).filter(|other| *other != slot).collect();
        if let [alone] = serving[..] {
            self.measure(alone, row);
        }
        if !serving.is_empty() {
            self.measure(slot, row);
        }
        self.wake_own.notify_all();
    }

    /// Has a backend make rows ready; those that it could not.
    pub(crate) fn prepare(&self, slot: usize, rows: &[Row]) -> Vec<Row> {
        let ready = |row| {
            self.ready(slot, row);
            if self.is_stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let prepared = catch_unwind(AssertUnwindSafe(|| self.backends[slot].prepare(rows, &ready)));
        prepared.unwrap_or_else(|_| rows.to_vec())
    }

    /// Sleeps a little.
    pub(crate) fn wait_turn(&self) {
        drop(self.wake_own.wait_timeout(self.queue(), WAIT_TURN));
    }

    /// Waits until then by the engine's clock; false where the engine is dropped before.
    pub(crate) fn wait_until(&self, due: Duration) -> bool {
        let mut queue = self.queue();
        while !queue.is_stopping() {
            let left = due.saturating_sub((self.clock)());
            if left.is_zero() {
                return true;
            }
            // The clock is not this one's: it may be held.
            let waited = self.wake_own.wait_timeout(queue, left.min(WAIT_TURN));
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn measure(&self, slot: usize, row: Row) {
        let Some(known) = self.known.iter().find(|known| known.row() == row) else { return };
        let mut cost = self.queue().router.cost(slot, row);
        let backend = &*self.backends[slot];
        cost.calibrate(backend.own_threads() > 0, known.bundle(), &self.clock, |bundle| {
            // It just gave these answers; what they cost is asked here.
            let _ = selftest::compute(backend, bundle);
        });
        self.queue().router.set_cost(slot, row, cost);
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
        // The most urgent class has workers of its own, where there are any: each is on its way sooner than a worker that is
        // in the middle of something.
        let urgent = order.priority == Priority::Consensus && queue.urgent_idle > 0;
        let (idle, wake) = if urgent { (queue.urgent_idle, &self.wake_urgent) } else { (queue.idle, &self.wake) };
        let small = idle <= 1 || queue.router.is_small(&job.bundle);
        let own_idle = queue.own_idle;
        queue.push(job);
        drop(queue);
        if own_idle > 0 {
            self.wake_own.notify_all();
        }
        match (idle, small) {
            (0, _) => {}
            (_, true) => wake.notify_one(),
            (_, false) => wake.notify_all(),
        }
        ticket
    }

    /// Gives up a job's waiting items; a worker answers them.
    pub(crate) fn cancel(&self, job: &Weak<Job>) {
        let woken = self.queue().cancel(job.as_ptr());
        if woken {
            self.wake.notify_one();
        }
    }

    /// Gives up all waiting items and lets the workers go when they have answered them.
    pub(crate) fn stop(&self) {
        self.queue().stop();
        self.wake.notify_all();
        self.wake_urgent.notify_all();
        self.wake_own.notify_all();
    }

    /// Whether the engine is being dropped.
    pub(crate) fn is_stopping(&self) -> bool {
        self.queue().is_stopping()
    }

    /// A worker's life: until the engine is dropped.
    pub(crate) fn work(self: &Arc<Self>, hands: Hands) {
        let mut scratch = Scratch::default();
        loop {
            match self.next(hands) {
                Next::Compute(quantum) => self.compute(quantum, &mut scratch),
                Next::Drop(dropped) => self.give_up(&dropped),
                Next::Probe(slot) => self.probe(slot),
                Next::Stop => return,
            }
        }
    }

    /// Waits for the most urgent thing to do.
    fn next(&self, hands: Hands) -> Next {
        let mut queue = self.queue();
        loop {
            if let Some(next) = queue.next((self.clock)(), hands) {
                return next;
            }
            *queue.idle_of(hands) += 1;
            let wake = match hands {
                Hands::Cpu => &self.wake,
                Hands::Urgent => &self.wake_urgent,
                Hands::Own(_) => &self.wake_own,
            };
            queue = wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            *queue.idle_of(hands) -= 1;
        }
    }

    fn compute(&self, quantum: Quantum, scratch: &mut Scratch) {
        let Quantum { job, slot, range, expected, .. } = &quantum;
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
        // A panic is a fault like any other.
        if !matches!(computed, Ok(Ok(()))) || !are_answers(verdicts, values, width) {
            let failed = self.queue().fail(quantum, ended);
            return match failed {
                Ok(()) => {
                    self.wake.notify_one();
                    self.wake_urgent.notify_one();
                    self.wake_own.notify_all();
                }
                Err(dropped) => self.give_up(&dropped),
            };
        }
        let (load, taken) = (bundle.load(range.clone()), ended.saturating_sub(started));
        let mut queue = self.queue();
        let under_way = queue.router.end(*slot, *expected) as u32;
        // Known answers are nobody's items, and too odd a mixture to learn from.
        if job.only.is_none() {
            // Batches of one device share it, and each waits for the others; CPU workers share nothing.
            let taken = if backend.own_threads() > 0 { taken / under_way } else { taken };
            queue.router.learn(*slot, bundle.operation().row, load, taken);
        }
        drop(queue);
        self.backlog[job.priority() as usize].fetch_sub(range.len(), Ordering::Relaxed);
        let range = range.clone();
        job.answer(&Answer { range, verdicts, values, backend: backend.name(), started, ended });
    }

    fn give_up(&self, dropped: &Dropped) {
        let Dropped { job, range, cause } = dropped;
        self.backlog[job.priority() as usize].fetch_sub(range.len(), Ordering::Relaxed);
        job.give_up(range.clone(), *cause, (self.clock)());
    }

    /// A backend's pause is over: it serves again when its known answers come out right.
    fn probe(self: &Arc<Self>, slot: usize) {
        let pool = Arc::clone(self);
        self.ask_known(slot, Priority::Mempool, move |right| {
            let now = (pool.clock)();
            let standing = &mut pool.queue().standings[slot];
            if right { standing.readmit(now) } else { standing.fault(now) }
        });
        self.wake_own.notify_all();
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

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::mpsc;
    use std::time::Duration;

    use assay_scheme::Cause;

    use super::*;
    use crate::backend::{BackendName, Fault};
    use crate::batch::Results;
    use crate::engine::Engine;
    use crate::testing::{Gate, HeldClock, MadeUp, bundle, engine, expected, order, sha256};

    const SECOND: Duration = Duration::from_secs(1);

    /// Has one worker wait with a first bundle while `orders` (items, priority) are submitted; the items of the calls that
    /// follow, and of the bundles in the order they were finished.
    fn order_of_work(orders: &[(usize, Priority)]) -> (Vec<usize>, Vec<usize>) {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 1, HeldClock::default().clock());
        let gate = Gate::closed();
        reference.wait_at(&gate);
        let (sender, finished) = mpsc::channel();
        let submit = |items: usize, priority| {
            let sender = sender.clone();
            let completion = move |outcome: Outcome| sender.send(outcome.results.items()).expect("the test waits");
            let _ = engine.submit(bundle(&[items]), order(priority), Box::new(completion));
        };
        submit(orders[0].0, orders[0].1);
        gate.await_arrivals(1);
        for (items, priority) in &orders[1..] {
            submit(*items, *priority);
        }
        gate.open();
        let finished = orders.iter().map(|_| finished.recv_timeout(60 * SECOND).expect("finishes")).collect();
        (reference.calls().into_iter().map(|(items, _)| items).collect(), finished)
    }

    #[test]
    fn a_vote_never_waits_behind_bulk() {
        let bulk = [(65_536, Priority::Bulk), (60_000, Priority::Bulk)];
        let urgent = [(9, Priority::Mempool), (8, Priority::Block), (7, Priority::Consensus)];
        let (calls, finished) = order_of_work(&[&bulk[..], &urgent[..]].concat());
        assert_eq!(calls[..4], [65_536, 7, 8, 9], "after the quantum under way, the most urgent first");
        assert_eq!(finished[..3], [7, 8, 9]);
        assert!(calls.len() > 8, "bulk is several quanta: {calls:?}");
    }

    #[test]
    fn bundles_of_one_priority_take_turns_in_the_order_they_came() {
        let (calls, _) = order_of_work(&[30_000, 30_001, 30_002].map(|items| (items, Priority::Bulk)));
        // The first of them went behind its peers before they came.
        let turns: Vec<_> = calls[1..].chunks(3).take(3).collect();
        assert!(turns.iter().all(|turn| *turn == [30_000, 30_001, 30_002]), "{calls:?}");
        let (_, finished) = order_of_work(&[1, 2, 3, 4, 5].map(|items| (items, Priority::Mempool)));
        assert_eq!(finished, [1, 2, 3, 4, 5]);
    }

    /// The ways to lie.
    type Lie = fn(&Bundle, Range<usize>, &mut Output<'_>) -> Option<Result<(), Fault>>;

    const LIES: [(&str, Lie); 8] = [
        ("breaks off", |_, _, _| Some(Err(Fault::Broken))),
        ("does not serve it after all", |_, _, _| Some(Err(Fault::NotServed("sha256")))),
        ("writes nothing", |_, _, _| Some(Ok(()))),
        ("leaves its last item out", |bundle, range, out| {
            let last = range.len() - 1;
            sha256(bundle, range, out);
            out.verdicts[last] = 0;
            Some(Ok(()))
        }),
        ("writes a byte nobody assigned", |bundle, range, out| {
            sha256(bundle, range, out);
            out.verdicts[0] = 77;
            Some(Ok(()))
        }),
        ("writes a cause, which is not a backend's to say", |bundle, range, out| {
            sha256(bundle, range, out);
            out.verdicts[0] = Cause::DeadlineExceeded as u8;
            Some(Ok(()))
        }),
        ("gives an invalid item a value", |bundle, range, out| {
            sha256(bundle, range, out);
            let invalid = out.verdicts.iter().position(|verdict| *verdict != 1).expect("some are refused");
            out.values[invalid * out.width] = 1;
            Some(Ok(()))
        }),
        ("writes more items than it was given", |_, range, out| {
            out.verdict(range.len(), Verdict::Valid);
            Some(Ok(()))
        }),
    ];

    #[test]
    fn what_one_backend_fails_on_the_next_one_computes() {
        for (what, lie) in LIES {
            let (liar, reference) = (MadeUp::new(BackendName::Lanes), MadeUp::new(BackendName::Reference));
            let engine = engine(&[&liar, &reference], 1, HeldClock::default().clock());
            liar.behave(lie);
            let bundle = bundle(&[40_000, 1, 20_000]);
            let outcome = engine.run(bundle.clone(), order(Priority::Block));
            assert!(outcome.results == expected(&bundle), "{what}");
            assert_eq!(outcome.backends, [bundle.items(), 0, 0], "{what}");
            assert_eq!(liar.calls().len(), 1, "{what}: out at its first fault");
            let [lanes, reference] = &engine.backends()[..] else { panic!("two backends") };
            assert_eq!((lanes.serving, lanes.faults, lanes.items), (false, 1, 0), "{what}");
            assert!(lanes.note.contains("quarantine"), "{}", lanes.note);
            assert_eq!((reference.serving, reference.faults, reference.items), (true, 0, 60_001), "{what}");
        }
    }

    #[test]
    fn a_panicking_backend_is_a_fault_and_its_worker_lives() {
        let (liar, reference) = (MadeUp::new(BackendName::Gpu), MadeUp::new(BackendName::Reference));
        let engine = engine(&[&liar, &reference], 1, HeldClock::default().clock());
        liar.behave(|_, _, _| panic!("the backend's own"));
        let bundle = bundle(&[100]);
        assert!(engine.run(bundle.clone(), order(Priority::Bulk)).results == expected(&bundle));
        assert!(engine.run(bundle.clone(), order(Priority::Bulk)).results == expected(&bundle));
        assert_eq!(engine.backends()[0].faults, 1);
    }

    #[test]
    fn an_item_that_breaks_the_last_resort_is_alone_without_a_verdict() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 2, HeldClock::default().clock());
        reference.behave(|_, range, _| range.contains(&4_321).then_some(Err(Fault::Broken)));
        let bundle = bundle(&[10_000]);
        let outcome = engine.run(bundle.clone(), order(Priority::Bulk));
        let mut right = expected(&bundle);
        right.verdicts[4_321] = Cause::BackendFault as u8;
        right.values[4_321 * 32..4_322 * 32].fill(0);
        assert!(outcome.results == right);
        assert_eq!(outcome.backends, [9_999, 0, 0]);
        let status = &engine.backends()[0];
        assert_eq!((status.serving, status.faults, status.items), (true, 2, 9_999), "together and alone");
        assert_eq!(engine.backlog(), [0; 4]);
    }

    #[test]
    fn without_a_last_resort_a_fault_is_no_verdict() {
        let lanes = MadeUp::new(BackendName::Lanes);
        let engine = engine(&[&lanes], 1, HeldClock::default().clock());
        lanes.behave(|_, _, _| Some(Err(Fault::Broken)));
        let bundle = bundle(&[65_536]);
        let outcome = engine.run(bundle.clone(), order(Priority::Bulk));
        assert!(outcome.results.verdicts.iter().all(|verdict| *verdict == Cause::BackendFault as u8));
        assert_eq!(lanes.calls().len(), 1, "what is quarantined is not asked again");
    }

    /// Submits nothing and waits until the workers have nothing to do.
    fn settle(engine: &Engine) -> Results {
        engine.run(bundle(&[1]), order(Priority::Bulk)).results
    }

    #[test]
    fn a_quarantined_backend_comes_back_with_right_known_answers() {
        let (lanes, reference) = (MadeUp::new(BackendName::Lanes), MadeUp::new(BackendName::Reference));
        let clock = HeldClock::default();
        let engine = engine(&[&lanes, &reference], 1, clock.clock());
        let serving = || engine.backends()[0].serving;
        lanes.behave(|_, _, _| Some(Ok(())));
        settle(&engine);
        lanes.calls();
        settle(&engine);
        assert_eq!((serving(), lanes.calls().len()), (false, 0), "not before its pause is over");
        clock.advance(SECOND);
        settle(&engine);
        assert_eq!((serving(), lanes.calls().len()), (false, 1), "its known answers are wrong");
        lanes.behave(|_, _, _| None);
        clock.advance(SECOND);
        settle(&engine);
        assert_eq!((serving(), lanes.calls().len()), (false, 0), "the second pause is longer");
        clock.advance(SECOND);
        settle(&engine);
        assert_eq!((serving(), lanes.calls().len()), (true, 2), "and what it was readmitted for");
        assert_eq!(engine.run(bundle(&[10]), order(Priority::Bulk)).backends, [0, 10, 0]);
        assert!(engine.self_test());
    }

    #[test]
    fn the_self_test_goes_through_the_queue_and_finds_a_backend_gone_bad() {
        let (lanes, reference) = (MadeUp::new(BackendName::Lanes), MadeUp::new(BackendName::Reference));
        let engine = engine(&[&lanes, &reference], 2, HeldClock::default().clock());
        assert!(engine.self_test());
        assert!(!lanes.calls().is_empty() && !reference.calls().is_empty());
        lanes.behave(|bundle, range, out| {
            sha256(bundle, range, out);
            out.values[0] ^= 1;
            Some(Ok(()))
        });
        assert!(!engine.self_test(), "a wrong value");
        assert!(!engine.backends()[0].serving);
        assert!(engine.self_test(), "of those that serve");
        reference.behave(|_, _, _| Some(Err(Fault::Broken)));
        assert!(!engine.self_test(), "also of the last resort");
        assert!(engine.backends()[1].serving);
        assert!(engine.serves(Row::Sha256));
    }

    #[test]
    fn exactly_the_assigned_verdict_bytes_are_answers() {
        for byte in 0..=u8::MAX {
            let is_answer = matches!(Verdict::from_byte(byte), Some(Verdict::Valid | Verdict::Invalid(_)));
            assert_eq!(are_answers(&[1, byte, 1], &[], 0), is_answer, "{byte}");
        }
        assert!(are_answers(&[1, 2], &[7, 7, 0, 0], 2));
        assert!(!are_answers(&[1, 2], &[7, 7, 0, 1], 2));
    }
}
