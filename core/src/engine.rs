//! Bundles in, results out.

mod preload;
mod start;
#[cfg(test)]
mod tests;
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
pub use types::{
    BackendStatus, Choice, ChoresHook, Clock, Completion, Config, Order, Outcome, StartError, ThreadHook, Worker,
};

/// The engine. Dropping it finishes what runs, answers the rest with [`assay_scheme::Cause::Stopped`], and waits for that.
pub struct Engine {
    pool: Arc<Pool>,
    /// CPU workers, then the backends' own threads and those that do their chores.
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
        engine.start(config.urgent_threads, config.on_thread_start.as_ref())?;
        engine.start_own(matches!(config.choice, Choice::Only(_)), &config.rows)?;
        engine.start_chores(config.on_chores_start.as_ref())?;
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

    /// Runs the known answers of every serving backend through the queue, as a block's request would go, so that no vote
    /// waits for them, and waits. A backend that fails goes into quarantine. Not to be called by a completion.
    #[must_use]
    pub fn self_test(&self) -> bool {
        let (sender, verdicts) = mpsc::channel();
        let serving: Vec<_> = {
            let queue = self.pool.queue();
            (0..self.pool.backends.len()).filter(|slot| queue.standings[*slot].serves()).collect()
        };
        for slot in &serving {
            let (sender, slot) = (sender.clone(), *slot);
            self.pool.ask_known(slot, Priority::Block, move |right| {
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
        self.pool.backends.iter().filter_map(|backend| backend.chores()).for_each(|chores| chores.wake());
        for worker in self.workers.drain(..) {
            // A completion may hold the last handle on the engine: its own thread goes when the completion returns.
            if worker.thread().id() != thread::current().id() {
                // A worker never panics: backends and completions are caught.
                let _ = worker.join();
            }
        }
    }
}
