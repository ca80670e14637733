//! Bundles in, results out.

use std::sync::Arc;
use std::time::Duration;

use assay_scheme::{Priority, Row};

use crate::backend::BackendName;
use crate::batch::{Bundle, Results};

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
    pub on_thread_start: Option<Arc<dyn Fn(usize) + Send + Sync>>,
}

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
    /// Items computed since the start.
    pub items: u64,
    /// What it is, or why it does not serve, for people.
    pub note: String,
}

/// The engine.
pub struct Engine {
    _private: (),
}

/// A submitted bundle. Dropping it does not cancel.
#[derive(Clone)]
pub struct Ticket {
    _private: (),
}

impl Ticket {
    /// Gives up the items not yet started: their cause is [`assay_scheme::Cause::Cancelled`].
    pub fn cancel(&self) {
        unimplemented!()
    }
}

impl Engine {
    /// Detects backends, runs each one's known answers, starts the workers.
    ///
    /// # Errors
    /// When a demanded backend is missing, or one gives a wrong known answer.
    pub fn new(_config: Config, _clock: Clock) -> Result<Self, StartError> {
        unimplemented!()
    }

    /// Takes a bundle. The completion is called exactly once.
    pub fn submit(&self, _bundle: Bundle, _order: Order, _completion: Completion) -> Ticket {
        unimplemented!()
    }

    /// Submits and waits.
    #[must_use]
    pub fn run(&self, _bundle: Bundle, _order: Order) -> Outcome {
        unimplemented!()
    }

    /// Whether any backend of this engine computes the row.
    #[must_use]
    pub fn serves(&self, _row: Row) -> bool {
        unimplemented!()
    }

    /// The backends, as the status shows them.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendStatus> {
        unimplemented!()
    }

    /// Items submitted and not yet finished, by [`Priority`].
    #[must_use]
    pub fn backlog(&self) -> [usize; Priority::ALL.len()] {
        unimplemented!()
    }

    /// Runs the known answers of every serving backend through the queue, as a request would go.
    #[must_use]
    pub fn self_test(&self) -> bool {
        unimplemented!()
    }

    /// Worker threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        unimplemented!()
    }
}
