//! Bundles in, results out.

use std::num::NonZeroUsize;
use std::sync::{Arc, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use assay_scheme::{Priority, Row};

use crate::backend::{Backend, BackendName, Detected, detect};
use crate::batch::{Bundle, Results};
use crate::job::Job;
use crate::pool::Pool;
use crate::quarantine::Standing;
pub use crate::router::RowStatistics;
use crate::selftest;

/// Monotonic time since a start the caller chose. Handed in, so that tests hold time in their hands.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Which backends may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// All that this machine has; the router decides.
    #[default]
    Auto,
    /// This one alone: a demand, never a preference.
    Only(BackendName),
}

/// How an engine is built.
#[derive(Clone, Default)]
pub struct Config {
    /// Which backends may compute.
    pub choice: Choice,
    /// CPU worker threads; 0 is one per core available to the process.
    pub threads: usize,
    /// Called first on each worker thread: the node lowers its scheduling priority or pins it there.
    pub on_thread_start: Option<ThreadHook>,
}

/// Called with a worker's index, on its thread, before it works.
pub type ThreadHook = Arc<dyn Fn(usize) + Send + Sync>;

/// What is asked for one bundle.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How urgent it is: a worker takes the most urgent quantum there is.
    pub priority: Priority,
    /// The engine clock's time after which the items not yet computed are dropped as
    /// [`assay_scheme::Cause::DeadlineExceeded`].
    pub deadline: Option<Duration>,
}

/// What became of a bundle.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A verdict (and value) for each item.
    pub results: Results,
    /// How many items each backend computed, indexed by [`BackendName`] as usize.
    pub backends: [usize; BackendName::ALL.len()],
    /// From submission to the first item's start.
    pub queued: Duration,
    /// From the first item's start to the last one's end.
    pub computed: Duration,
}

/// Called exactly once with the outcome, on a worker's thread, also when the engine is dropped; it must not block.
pub type Completion = Box<dyn FnOnce(Outcome) + Send>;

/// Why an engine did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The demanded backend is not in this build or not on this machine.
    #[error("the backend {} is not available here: {reason}", .name.name())]
    Unavailable {
        /// The backend asked for.
        name: BackendName,
        /// What is missing.
        reason: &'static str,
    },
    /// A backend's known answers came out wrong.
    #[error("the backend {} gave a wrong known answer for {row}", .name.name())]
    SelfTest {
        /// The backend.
        name: BackendName,
        /// The row's name.
        row: &'static str,
    },
    /// A worker thread could not be started.
    #[error("a worker thread could not be started: {0}")]
    Thread(String),
}

/// One backend as the status shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendStatus {
    /// Its name.
    pub name: BackendName,
    /// Whether it serves now.
    pub serving: bool,
    /// Items computed since the start; known answers are not counted.
    pub items: u64,
    /// Times it broke off, left an answer out or gave a wrong known answer since the start.
    pub faults: u64,
    /// What it is, or why it does not serve, for people.
    pub note: String,
}

/// The engine. Dropping it finishes what runs, answers the rest with [`assay_scheme::Cause::Stopped`], and waits for that.
pub struct Engine {
    pool: Arc<Pool>,
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
        Self::with_backends(detect(), config, clock)
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
        let mut engine = Self { pool, workers: Vec::with_capacity(threads), detected };
        engine.start(config.on_thread_start)?;
        Ok(engine)
    }

    /// Starts the workers and waits until each one's hook has returned.
    fn start(&mut self, hook: Option<ThreadHook>) -> Result<(), StartError> {
        let (started, all_started) = mpsc::channel();
        for index in 0..self.pool.threads {
            let (pool, hook, started) = (Arc::clone(&self.pool), hook.clone(), started.clone());
            let work = move || {
                if let Some(hook) = hook {
                    hook(index);
                }
                // The engine waits for it, or was dropped before this thread got here.
                let _ = started.send(());
                drop(started);
                pool.work();
            };
            let worker = thread::Builder::new().name(format!("assay-cpu-{index}")).spawn(work);
            self.workers.push(worker.map_err(|error| StartError::Thread(error.to_string()))?);
        }
        drop(started);
        match all_started.iter().count() {
            count if count == self.pool.threads => Ok(()),
            _ => Err(StartError::Thread("its start hook panicked".to_owned())),
        }
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
                return BackendStatus { name, serving: false, items: 0, faults: 0, note: note.to_owned() };
            };
            let standing = &queue.standings[slot];
            let note = match standing.note() {
                None => found.note().to_owned(),
                Some(why) => format!("{} ({why})", found.note()),
            };
            let items = queue.router.items(slot);
            BackendStatus { name, serving: standing.serves(), items, faults: standing.faults(), note }
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
    use super::*;
    use crate::testing::{MadeUp, bundle, expected, order, real_clock};

    fn engine(backends: &[&Arc<MadeUp>], threads: usize) -> Engine {
        let found = backends.iter().map(|backend| Detected::for_test(Arc::clone(*backend) as Arc<dyn Backend>));
        let config = Config { threads, ..Config::default() };
        Engine::with_backends(found.collect(), config, real_clock()).expect("starts")
    }

    #[test]
    fn results_are_the_backends_own() {
        let reference = MadeUp::right(BackendName::Reference);
        let engine = engine(&[&reference], 3);
        for sizes in [vec![1], vec![2, 1], vec![65_536], vec![1, 40_000, 3, 1, 20_000]] {
            let bundle = bundle(&sizes);
            let outcome = engine.run(bundle.clone(), order(Priority::Bulk));
            assert!(outcome.results == expected(&bundle), "{sizes:?}");
            assert_eq!(outcome.backends, [bundle.items(), 0, 0]);
        }
        assert_eq!(engine.backlog(), [0; 4]);
    }
}
