//! Bundles in, results out.

mod preload;
mod start;
mod types;

use std::num::NonZeroUsize;
use std::sync::{Arc, Weak, mpsc};
use std::thread::{self, JoinHandle};

use assay_scheme::{Priority, Row};

use crate::backend::{Backend, BackendName, Detected, DeviceTimes, GpuChoice, detect_with};
use crate::batch::Bundle;
use crate::job::Job;
use crate::pool::Pool;
use crate::quarantine::Standing;
use crate::selftest;

pub use crate::router::RowStatistics;
pub use types::{BackendStatus, Choice, Clock, Completion, Config, Order, Outcome, StartError, ThreadHook};

/// The engine. Dropping it finishes what runs, answers the rest with [`assay_scheme::Cause::Stopped`], and waits for that.
pub struct Engine {
    pool: Arc<Pool>,
    /// CPU workers, then the backends' own threads.
    workers: Vec<JoinHandle<()>>,
    /// Everything that was looked for; where the slot is `None` it is not there or not wanted.
    detected: Vec<(Detected, Option<usize>)>,
}

/// A submitted bundle. Dropping it does not cancel.
#[derive(Clone)]
pub struct Ticket {
    pool: Weak<Pool>,
    job: Weak<Job>,
}

impl Ticket {
    /// Gives up the items not yet started: their cause is [`assay_scheme::Cause::Cancelled`]. Does nothing when none are
    /// left. The completion is still called on a worker's thread.
    pub fn cancel(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.cancel(&self.job);
        }
    }
}

impl Engine {
    /// Detects backends, runs each one's known answers, starts the workers.
    ///
    /// # Errors
    /// When a demanded backend is missing, or one gives a wrong known answer.
    pub fn new(config: Config, clock: Clock) -> Result<Self, StartError> {
        let gpu = match config.choice {
            // A demand for the GPU is one for hardware where nothing else is said.
            Choice::Only(BackendName::Gpu) if config.gpu == GpuChoice::Off => GpuChoice::Hardware,
            Choice::Only(BackendName::Gpu) | Choice::Auto => config.gpu,
            Choice::Only(_) => GpuChoice::Off,
        };
        Self::with_backends(detect_with(config.key_table_bytes, gpu), config, clock)
    }

    /// The same with what `detect` found.
    pub(crate) fn with_backends(found: Vec<Detected>, config: Config, clock: Clock) -> Result<Self, StartError> {
        let known = selftest::known_answers();
        let mut backends: Vec<Arc<dyn Backend>> = Vec::new();
        let mut standings = Vec::new();
        let mut detected = Vec::new();
        for found in found {
            let demanded = config.choice == Choice::Only(found.name());
            let wanted = demanded || config.choice == Choice::Auto;
            let slot = match found.backend() {
                Ok(backend) if wanted => {
                    let name = backend.name();
                    let last_resort = name == BackendName::Reference;
                    standings.push(match selftest::check(&**backend, &known) {
                        Ok(()) => Standing::new(last_resort),
                        Err(row) if demanded || last_resort => {
                            return Err(StartError::SelfTest { name, row: row.name() });
                        }
                        Err(_) => Standing::failed(clock()),
                    });
                    backends.push(Arc::clone(backend));
                    Some(backends.len() - 1)
                }
                Err(reason) if demanded => return Err(StartError::Unavailable { name: found.name(), reason }),
                _ => None,
            };
            detected.push((found, slot));
        }
        if backends.is_empty() {
            let (name, reason) = (BackendName::Reference, "this build has no backend");
            return Err(StartError::Unavailable { name, reason });
        }
        let threads = match config.threads {
            0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        };
        let pool = Arc::new(Pool::new(backends, standings, known, clock, threads));
        pool.calibrate();
        let mut engine = Self { pool, workers: Vec::with_capacity(threads), detected };
        engine.start(config.on_thread_start)?;
        engine.start_own(matches!(config.choice, Choice::Only(_)), &config.rows)?;
        Ok(engine)
    }

    /// What the devices of all backends took for a row since the start, by their own clocks; `None` where none has any.
    #[must_use]
    pub fn device_times(&self, row: Row) -> Option<DeviceTimes> {
        let times = self.pool.backends.iter().filter_map(|backend| backend.device_times(row));
        times.reduce(DeviceTimes::plus)
    }

    /// Takes a bundle. The completion is called exactly once. Items of a row that no backend serves have no verdict, for
    /// the cause [`assay_scheme::Cause::BackendFault`]: ask [`Engine::serves`] before.
    pub fn submit(&self, bundle: Bundle, order: Order, completion: Completion) -> Ticket {
        let job = self.pool.submit(bundle, order, None, completion);
        Ticket { pool: Arc::downgrade(&self.pool), job }
    }

    /// Submits and waits. Not to be called by a completion: it would wait for its own thread.
    ///
    /// # Panics
    /// Never while the engine keeps its word that a completion is called.
    #[must_use]
    pub fn run(&self, bundle: Bundle, order: Order) -> Outcome {
        let (outcome, arrived) = mpsc::sync_channel(1);
        let completion = move |done| outcome.send(done).expect("the receiver waits below");
        let _ = self.submit(bundle, order, Box::new(completion));
        arrived.recv().expect("a completion is called exactly once")
    }

    /// Whether any backend of this engine computes the row, be it in quarantine now.
    #[must_use]
    pub fn serves(&self, row: Row) -> bool {
        self.pool.backends.iter().any(|backend| backend.serves(row))
    }

    /// The backends, as the status shows them: also those that are missing here or not wanted, which do not serve.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendStatus> {
        let queue = self.pool.queue();
        let status = |(found, slot): &(Detected, Option<usize>)| {
            let name = found.name();
            let Some(slot) = *slot else {
                let note =
                    if found.backend().is_ok() { "not wanted: another backend is demanded" } else { found.note() };
                return BackendStatus { name, serving: false, items: 0, faults: 0, note: note.to_owned(), amiss: None };
            };
            let standing = &queue.standings[slot];
            let note = self.pool.backends[slot].note().unwrap_or_else(|| found.note().to_owned());
            let amiss = standing.note().map(str::to_owned).or_else(|| self.pool.backends[slot].amiss());
            let note = match standing.note() {
                None => note,
                Some(why) => format!("{note} ({why})"),
            };
            let items = queue.router.items(slot);
            BackendStatus { name, serving: standing.serves(), items, faults: standing.faults(), note, amiss }
        };
        self.detected.iter().map(status).collect()
    }

    /// What was measured of each row on each backend since the start.
    #[must_use]
    pub fn statistics(&self) -> Vec<RowStatistics> {
        let queue = self.pool.queue();
        let slots = self.pool.backends.iter().enumerate();
        slots.flat_map(|(slot, backend)| queue.router.statistics(slot, backend.name())).collect()
    }

    /// How many items with 32-byte messages a batch must have for a device to be given any of them, as the router now expects:
    /// of each row that both a device and the CPU serve.
    #[must_use]
    pub fn crossovers(&self) -> Vec<(Row, u64)> {
        let queue = self.pool.queue();
        let of_row = |row| Some((row, queue.router.crossover(row, queue.serving(row), self.pool.threads)?));
        Row::ALL.into_iter().filter_map(of_row).collect()
    }

    /// Items submitted and not yet finished, by [`Priority`]; known answers being computed are among them.
    #[must_use]
    pub fn backlog(&self) -> [usize; Priority::ALL.len()] {
        self.pool.backlog()
    }

    /// Runs the known answers of every serving backend through the queue, as a request of the highest priority would go,
    /// and waits. A backend that fails goes into quarantine. Not to be called by a completion.
    #[must_use]
    pub fn self_test(&self) -> bool {
        let (sender, verdicts) = mpsc::channel();
        let serving: Vec<_> = {
            let queue = self.pool.queue();
            (0..self.pool.backends.len()).filter(|slot| queue.standings[*slot].serves()).collect()
        };
        for slot in &serving {
            let (sender, slot) = (sender.clone(), *slot);
            self.pool.ask_known(slot, Priority::Consensus, move |right| {
                // The receiver waits below.
                let _ = sender.send((slot, right));
            });
        }
        drop(sender);
        let mut passed = !serving.is_empty();
        for (slot, right) in verdicts.iter() {
            if !right {
                passed = false;
                self.pool.queue().standings[slot].fault((self.pool.clock)());
            }
        }
        passed
    }

    /// Worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.threads
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.pool.stop();
        for worker in self.workers.drain(..) {
            // A completion may hold the last handle on the engine: its own thread goes when the completion returns.
            if worker.thread().id() != thread::current().id() {
                // A worker never panics: backends and completions are caught.
                let _ = worker.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use assay_scheme::{Cause, Verdict};
    use proptest::prelude::*;

    use super::*;
    use crate::backend::detect;
    use crate::router::Router;
    use crate::testing::{Gate, HeldClock, MadeUp, bundle, engine, expected, order, real_clock};

    const SECOND: Duration = Duration::from_secs(1);

    /// Submits and gives where the outcome will arrive; a second call of the completion would fail the test.
    fn submit(engine: &Engine, bundle: &Bundle, order: Order) -> (Ticket, mpsc::Receiver<Outcome>) {
        let (outcome, arrived) = mpsc::channel();
        let completion = move |done| outcome.send(done).expect("the test waits");
        (engine.submit(bundle.clone(), order, Box::new(completion)), arrived)
    }

    fn arrives(arrived: &mpsc::Receiver<Outcome>) -> Outcome {
        let outcome = arrived.recv_timeout(60 * SECOND).expect("a completion is called");
        assert!(arrived.recv().is_err(), "a completion is called once");
        outcome
    }

    /// The causes of the items without a verdict, and how many have each.
    fn causes(outcome: &Outcome) -> Vec<(Cause, usize)> {
        let mut causes: Vec<(Cause, usize)> = Vec::new();
        for item in 0..outcome.results.items() {
            if let Verdict::NotEvaluated(cause) = outcome.results.verdict(item) {
                match causes.iter_mut().find(|(known, _)| *known == cause) {
                    Some((_, count)) => *count += 1,
                    None => causes.push((cause, 1)),
                }
            }
        }
        causes
    }

    /// Items of a bundle that one worker takes at a time while nothing is measured.
    fn quantum(bundle: &Bundle) -> usize {
        let whole = 0..bundle.items();
        Router::new(1).quantum(std::iter::once(0), bundle, whole, 1).expect("a candidate").1.len()
    }

    #[test]
    fn results_are_the_backends_own_at_every_size_about_a_quantum() {
        let reference = MadeUp::new(BackendName::Reference);
        let at_once = quantum(&bundle(&[65_536]));
        assert!(at_once > 1 && at_once < 65_536 / 2);
        for threads in [1, 3] {
            let engine = engine(&[&reference], threads, HeldClock::default().clock());
            for items in [1, 2, at_once - 1, at_once, at_once + 1, 2 * at_once + 1] {
                for sizes in [vec![items], vec![1, items, 3]] {
                    let bundle = bundle(&sizes);
                    let outcome = engine.run(bundle.clone(), order(Priority::Bulk));
                    assert!(outcome.results == expected(&bundle), "{sizes:?}");
                    assert_eq!(outcome.backends, [bundle.items(), 0, 0]);
                }
            }
            assert_eq!(engine.backlog(), [0; 4]);
            assert_eq!(engine.threads(), threads);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn results_do_not_depend_on_how_items_are_split(sizes in prop::collection::vec(1_usize..2_000, 1..12), threads in 1_usize..4) {
            let reference = MadeUp::new(BackendName::Reference);
            let engine = engine(&[&reference], threads, HeldClock::default().clock());
            let bundle = bundle(&sizes);
            let outcome = engine.run(bundle.clone(), order(Priority::Mempool));
            prop_assert!(outcome.results == expected(&bundle));
            let mut ranges: Vec<_> = reference.calls().into_iter().map(|(_, range)| range).collect();
            ranges.sort_by_key(|range| range.start);
            let ends = ranges.iter().scan(0, |end, range| Some(std::mem::replace(end, range.end)));
            prop_assert!(ranges.iter().map(|range| range.start).eq(ends), "each item is computed once: {ranges:?}");
        }
    }

    #[test]
    fn a_large_bundle_is_on_all_workers_at_once() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 3, HeldClock::default().clock());
        let gate = Gate::closed();
        reference.wait_at(&gate);
        let (_, arrived) = submit(&engine, &bundle(&[65_536]), order(Priority::Bulk));
        gate.await_arrivals(3);
        assert_eq!(engine.backlog(), [0, 0, 0, 65_536]);
        gate.open();
        assert_eq!(causes(&arrives(&arrived)), []);
    }

    #[test]
    fn cancelling_gives_up_what_has_not_started() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 1, HeldClock::default().clock());
        let gate = Gate::closed();
        reference.wait_at(&gate);
        let (large, small) = (bundle(&[65_536]), bundle(&[10]));
        let (running, running_arrived) = submit(&engine, &large, order(Priority::Bulk));
        gate.await_arrivals(1);
        let (waiting, waiting_arrived) = submit(&engine, &small, order(Priority::Consensus));
        running.cancel();
        waiting.cancel();
        waiting.cancel();
        gate.open();
        let started = quantum(&large);
        let outcome = arrives(&running_arrived);
        assert_eq!(causes(&outcome), [(Cause::Cancelled, 65_536 - started)]);
        assert_eq!(outcome.results.verdicts[..started], expected(&large).verdicts[..started]);
        assert_eq!(outcome.backends, [started, 0, 0]);
        assert_eq!(causes(&arrives(&waiting_arrived)), [(Cause::Cancelled, 10)]);
        let (finished, arrived) = submit(&engine, &small, order(Priority::Consensus));
        assert!(arrives(&arrived).results == expected(&small));
        finished.cancel();
        assert_eq!(engine.backlog(), [0; 4]);
    }

    #[test]
    fn what_has_not_started_by_its_deadline_is_given_up() {
        let (reference, clock) = (MadeUp::new(BackendName::Reference), HeldClock::default());
        let engine = engine(&[&reference], 1, clock.clock());
        let gate = Gate::closed();
        reference.wait_at(&gate);
        let until = |seconds| Order { priority: Priority::Mempool, deadline: Some(seconds * SECOND) };
        let large = bundle(&[65_536]);
        let (_, running) = submit(&engine, &large, until(10));
        gate.await_arrivals(1);
        let (_, late) = submit(&engine, &bundle(&[7]), until(5));
        let (_, in_time) = submit(&engine, &bundle(&[8]), until(20));
        clock.advance(10 * SECOND);
        gate.open();
        let outcome = arrives(&running);
        assert_eq!(causes(&outcome), [(Cause::DeadlineExceeded, 65_536 - quantum(&large))]);
        assert_eq!((outcome.queued, outcome.computed), (Duration::ZERO, 10 * SECOND));
        let outcome = arrives(&late);
        assert_eq!(causes(&outcome), [(Cause::DeadlineExceeded, 7)]);
        assert_eq!((outcome.queued, outcome.computed), (10 * SECOND, Duration::ZERO));
        assert_eq!(causes(&arrives(&in_time)), []);
        let (_, past) = submit(&engine, &bundle(&[9]), until(10));
        assert_eq!(causes(&arrives(&past)), [(Cause::DeadlineExceeded, 9)], "already past when submitted");
    }

    #[test]
    fn dropping_the_engine_finishes_what_runs_and_answers_the_rest() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 1, HeldClock::default().clock());
        let gate = Gate::closed();
        reference.wait_at(&gate);
        let large = bundle(&[65_536]);
        let (ticket, running) = submit(&engine, &large, order(Priority::Bulk));
        gate.await_arrivals(1);
        let (_, waiting) = submit(&engine, &bundle(&[10]), order(Priority::Consensus));
        let pool = Arc::clone(&engine.pool);
        let opener = thread::spawn(move || {
            while !pool.queue().is_stopping() {
                thread::yield_now();
            }
            gate.open();
        });
        drop(engine);
        opener.join().expect("opens the gate");
        assert_eq!(causes(&arrives(&running)), [(Cause::Stopped, 65_536 - quantum(&large))]);
        assert_eq!(causes(&arrives(&waiting)), [(Cause::Stopped, 10)]);
        ticket.cancel();
    }

    #[test]
    fn a_fault_while_stopping_is_answered_too() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = engine(&[&reference], 1, HeldClock::default().clock());
        let pool = Arc::clone(&engine.pool);
        let gate = Gate::closed();
        let at_gate = Arc::clone(&gate);
        reference.behave(move |_, _, _| {
            at_gate.arrive();
            while !pool.queue().is_stopping() {
                thread::yield_now();
            }
            Some(Err(crate::backend::Fault::Broken))
        });
        let (_, arrived) = submit(&engine, &bundle(&[10]), order(Priority::Bulk));
        gate.await_arrivals(1);
        drop(engine);
        assert_eq!(causes(&arrives(&arrived)), [(Cause::Stopped, 10)]);
    }

    #[test]
    fn a_completion_may_hold_the_last_handle_and_may_panic() {
        let reference = MadeUp::new(BackendName::Reference);
        let engine = Arc::new(engine(&[&reference], 2, real_clock()));
        let panicking = engine.submit(bundle(&[1]), order(Priority::Bulk), Box::new(|_| panic!("the caller's own")));
        for _ in 0..8 {
            assert_eq!(causes(&engine.run(bundle(&[100]), order(Priority::Bulk))), []);
        }
        panicking.cancel();
        let (gate, (done, dropped)) = (Gate::closed(), mpsc::channel());
        reference.wait_at(&gate);
        let last = Arc::clone(&engine);
        let completion = move |outcome| {
            drop(last);
            done.send(causes(&outcome)).expect("the test waits");
        };
        let _ = engine.submit(bundle(&[1]), order(Priority::Bulk), Box::new(completion));
        drop(engine);
        gate.open();
        assert_eq!(dropped.recv_timeout(60 * SECOND), Ok(Vec::new()));
    }

    #[test]
    fn each_worker_bears_its_name_and_calls_the_hook_first() {
        let names = Arc::new(Mutex::new(Vec::new()));
        let (hook_names, reference) = (Arc::clone(&names), MadeUp::new(BackendName::Reference));
        let hook: ThreadHook = Arc::new(move |index| {
            let name = thread::current().name().map(str::to_owned);
            hook_names.lock().expect("no test panics here").push((index, name.expect("a name")));
        });
        let config = Config { threads: 3, on_thread_start: Some(hook), ..Config::default() };
        let found = || vec![Detected::for_test(Arc::clone(&reference) as Arc<dyn Backend>)];
        let _engine = Engine::with_backends(found(), config, real_clock()).expect("starts");
        let mut names = names.lock().expect("no test panics here").clone();
        names.sort();
        assert_eq!(names, (0..3).map(|index| (index, format!("assay-cpu-{index}"))).collect::<Vec<_>>());
        let hook: ThreadHook = Arc::new(|index| assert_ne!(index, 1, "the hook's own"));
        let config = Config { threads: 2, on_thread_start: Some(hook), ..Config::default() };
        let refused = Engine::with_backends(found(), config, real_clock()).err();
        assert!(matches!(refused, Some(StartError::Thread(_))), "{refused:?}");
    }

    #[test]
    fn a_demanded_backend_that_is_missing_or_wrong_is_no_engine() {
        for missing in detect(GpuChoice::Off).iter().filter(|found| found.backend().is_err()) {
            let name = missing.name();
            let config = Config { choice: Choice::Only(name), ..Config::default() };
            let refused = Engine::new(config, real_clock()).err().expect("not in this build");
            assert!(matches!(refused, StartError::Unavailable { name: missing, .. } if missing == name));
            assert!(refused.to_string().contains(name.name()), "{refused}");
        }
        let wrong = |name| {
            let backend = MadeUp::new(name);
            backend.behave(|_, _, out| {
                out.verdicts.fill(1);
                Some(Ok(()))
            });
            Detected::for_test(backend)
        };
        for (name, choice) in
            [(BackendName::Reference, Choice::Auto), (BackendName::Gpu, Choice::Only(BackendName::Gpu))]
        {
            let config = Config { choice, threads: 1, ..Config::default() };
            let refused = Engine::with_backends(vec![wrong(name)], config, real_clock()).err();
            assert_eq!(refused, Some(StartError::SelfTest { name, row: "sha256" }));
        }
        let reference = Detected::for_test(MadeUp::new(BackendName::Reference));
        let found = vec![reference, wrong(BackendName::Gpu)];
        let engine = Engine::with_backends(found, Config::default(), real_clock()).expect("starts without the other");
        let serving =
            engine.backends().iter().map(|status| (status.name, status.serving, status.faults)).collect::<Vec<_>>();
        assert_eq!(serving, [(BackendName::Reference, true, 0), (BackendName::Gpu, false, 1)]);
        assert!(engine.self_test(), "those that serve");
    }

    #[test]
    fn this_machine_serves_every_row_and_passes_its_own_test() {
        let engine = Engine::new(Config { threads: 2, ..Config::default() }, real_clock()).expect("starts");
        assert!(Row::ALL.into_iter().all(|row| engine.serves(row)));
        assert!(engine.self_test());
        let status: Vec<_> = engine.backends().iter().map(|status| (status.name, status.serving)).collect();
        let found: Vec<_> =
            detect(GpuChoice::Off).iter().map(|found| (found.name(), found.backend().is_ok())).collect();
        assert_eq!(status, found);
        assert_eq!(status[0], (BackendName::Reference, true));
        assert_eq!(engine.statistics(), [], "known answers are nobody's items");
        for known in selftest::known_answers().iter() {
            let outcome = engine.run(known.bundle().clone(), order(Priority::Block));
            assert!(known.is_right(&outcome.results), "{}", known.row().name());
        }
        let statistics = engine.statistics();
        let computed: u64 = engine.backends().iter().map(|status| status.items).sum();
        assert_eq!(computed, statistics.iter().map(|row| row.items).sum::<u64>());
        assert!(Row::ALL.into_iter().all(|row| statistics.iter().any(|statistics| statistics.row == row)));
        assert!(statistics.iter().all(|row| row.items > 0 && row.seconds > 0.0 && row.seconds_per_item > 0.0));
    }

    #[test]
    fn a_row_that_nobody_serves_has_no_verdict() {
        let engine = engine(&[&MadeUp::new(BackendName::Reference)], 1, real_clock());
        let known = selftest::known_answers();
        let other = known.iter().find(|known| known.row() == Row::Sha512).expect("every row").bundle();
        assert!(!engine.serves(Row::Sha512) && engine.serves(Row::Sha256));
        assert_eq!(causes(&engine.run(other.clone(), order(Priority::Bulk))), [(Cause::BackendFault, other.items())]);
    }
}
