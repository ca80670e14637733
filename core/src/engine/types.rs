//! What the engine's callers say and hear.

use std::sync::Arc;
use std::time::Duration;

use assay_scheme::{Priority, Row};

use crate::backend::{BackendName, GpuChoice, KEY_TABLE_BYTES};
use crate::batch::Results;

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
#[derive(Clone)]
pub struct Config {
    /// Which backends may compute.
    pub choice: Choice,
    /// CPU worker threads; 0 is one per core available to the process.
    pub threads: usize,
    /// Whether there are as many threads again that compute [`Priority::Consensus`] alone and sleep otherwise: a vote then
    /// waits for the system to wake one, not for a worker to be done with a quantum.
    pub urgent_threads: bool,
    /// Which graphics devices may compute, where the choice leaves it open.
    pub gpu: GpuChoice,
    /// The rows that will be asked for, so that nothing else is made ready on a device; none: anything may be.
    pub rows: Vec<Row>,
    /// Called first on each worker thread: the node sets its scheduling there, or pins it.
    pub on_thread_start: Option<ThreadHook>,
    /// Called first on the thread that does what backends put off: the node has it step back behind all others.
    pub on_chores_start: Option<ChoresHook>,
    /// Bytes that backends may keep of keys that keep coming, so that items which bear them cost less; 0 keeps none.
    pub key_table_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            choice: Choice::default(),
            threads: 0,
            urgent_threads: true,
            gpu: GpuChoice::default(),
            rows: Vec::new(),
            on_thread_start: None,
            on_chores_start: None,
            key_table_bytes: KEY_TABLE_BYTES,
        }
    }
}

/// A CPU worker thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worker {
    /// Which of its kind, from 0.
    pub index: usize,
    /// Whether it computes [`Priority::Consensus`] alone.
    pub urgent: bool,
}

/// Called on a worker's thread before it works.
pub type ThreadHook = Arc<dyn Fn(Worker) + Send + Sync>;

/// Called on the thread that does what backends put off, before it works.
pub type ChoresHook = Arc<dyn Fn() + Send + Sync>;

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
    /// The demanded backend is here and computes nothing.
    #[error("the backend {} computes nothing here: {why}", .name.name())]
    NotReady {
        /// The backend.
        name: BackendName,
        /// What it says of itself.
        why: String,
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
    /// Why it does less than it could, where that is so: it is in quarantine, or still being made ready.
    pub amiss: Option<String>,
}
