//! What waits for a worker, by urgency; what nobody will compute; and which backend may compute what. It holds no lock and
//! starts nothing: [`crate::pool`] does both.
//!
//! The most urgent class goes first, always. Bundles of one class take turns, a quantum each, in the order they came.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use assay_scheme::{Cause, Priority, Row};

use crate::backend::Backend;
use crate::job::Job;
use crate::quarantine::Standing;
use crate::router::Router;

/// The backends that failed on some items: a bit per slot.
type Tried = u8;

/// The most backends an engine can have.
pub(crate) const SLOTS_MAX: usize = Tried::BITS as usize;

/// Items of a job that no worker has taken yet.
struct Entry {
    job: Arc<Job>,
    rest: Range<usize>,
    tried: Tried,
    /// One item at a time: the last resort failed on them together, and one bad item must not take its neighbours along.
    alone: bool,
}

/// Items that a worker computes in one go.
pub(crate) struct Quantum {
    pub(crate) job: Arc<Job>,
    /// The backend that computes them.
    pub(crate) slot: usize,
    pub(crate) range: Range<usize>,
    tried: Tried,
    alone: bool,
}

/// Items that nobody will compute.
pub(crate) struct Dropped {
    pub(crate) job: Arc<Job>,
    pub(crate) range: Range<usize>,
    pub(crate) cause: Cause,
}

/// What a worker does next.
pub(crate) enum Next {
    Compute(Quantum),
    Drop(Dropped),
    /// A backend's pause is over: its known answers are to be computed.
    Probe(usize),
    Stop,
}

/// What waits, and what is known about who may compute it.
pub(crate) struct Queue {
    backends: Arc<[Arc<dyn Backend>]>,
    /// Workers that share a bundle.
    threads: usize,
    classes: [VecDeque<Entry>; Priority::ALL.len()],
    dropped: Vec<Dropped>,
    /// No waiting item's deadline is before this.
    deadline_min: Option<Duration>,
    stopping: bool,
    /// Workers that wait for something to do.
    pub(crate) idle: usize,
    pub(crate) router: Router,
    /// By slot.
    pub(crate) standings: Vec<Standing>,
}

impl Queue {
    pub(crate) fn new(backends: Arc<[Arc<dyn Backend>]>, standings: Vec<Standing>, threads: usize) -> Self {
        assert!(backends.len() <= SLOTS_MAX && backends.len() == standings.len());
        Self {
            router: Router::new(backends.len()),
            backends,
            threads,
            classes: Default::default(),
            dropped: Vec::new(),
            deadline_min: None,
            stopping: false,
            idle: 0,
            standings,
        }
    }

    /// Puts a job behind its peers.
    pub(crate) fn push(&mut self, job: Arc<Job>) {
        let rest = 0..job.bundle.items();
        self.mind_deadline(&job);
        self.classes[job.priority() as usize].push_back(Entry { job, rest, tried: 0, alone: false });
    }

    fn mind_deadline(&mut self, job: &Job) {
        if let Some(deadline) = job.order.deadline {
            self.deadline_min = Some(self.deadline_min.map_or(deadline, |earliest| earliest.min(deadline)));
        }
    }

    /// The most urgent thing to do, if there is any.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Next> {
        self.drop_expired(now);
        if self.stopping {
            // Also what a backend failed on since: nobody is left to compute it.
            self.drop_where(|_| Some(Cause::Stopped));
        }
        if let Some(dropped) = self.dropped.pop() {
            return Some(Next::Drop(dropped));
        }
        if self.stopping {
            return Some(Next::Stop);
        }
        if let Some(slot) = self.standings.iter_mut().position(|standing| standing.try_probation(now)) {
            return Some(Next::Probe(slot));
        }
        self.take()
    }

    /// Takes a quantum off the first of the most urgent entries, which then goes behind its peers.
    fn take(&mut self) -> Option<Next> {
        let class = self.classes.iter_mut().find(|class| !class.is_empty())?;
        let mut entry = class.pop_front()?;
        let job = Arc::clone(&entry.job);
        let row = job.bundle.operation().row;
        let candidates = (0..self.backends.len()).filter(|slot| {
            let asked = job.only.map_or(self.standings[*slot].serves(), |only| only == *slot);
            asked && entry.tried & (1 << slot) == 0 && self.backends[*slot].serves(row)
        });
        let chosen = self.router.quantum(candidates, &job.bundle, entry.rest.clone(), self.threads);
        let Some((slot, mut range)) = chosen else {
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

    /// A backend failed on a quantum: it leaves service, and the next one computes the quantum again, all of it, since a
    /// backend that is wrong about one item is not believed about its neighbours. When none is left, the last resort
    /// tries each item once more on its own. `Err`: that has been done too.
    pub(crate) fn fail(&mut self, quantum: Quantum, now: Duration) -> Result<(), Dropped> {
        let Quantum { job, slot, range, tried, alone } = quantum;
        self.standings[slot].fault(now);
        let tried = tried | 1 << slot;
        let row = job.bundle.operation().row;
        let again = if job.only.is_some() {
            None
        } else if self.serving(row).any(|slot| tried & (1 << slot) == 0) {
            Some((tried, alone))
        } else {
            let last_resort = self.serving(row).find(|slot| self.standings[*slot].is_last_resort());
            last_resort.filter(|_| !alone).map(|slot| (!(1 << slot), true))
        };
        let Some((tried, alone)) = again else {
            return Err(Dropped { job, range, cause: Cause::BackendFault });
        };
        self.mind_deadline(&job);
        self.classes[job.priority() as usize].push_front(Entry { job, rest: range, tried, alone });
        Ok(())
    }

    /// The backends that may compute the row now.
    pub(crate) fn serving(&self, row: Row) -> impl Iterator<Item = usize> {
        (0..self.backends.len()).filter(move |slot| self.standings[*slot].serves() && self.backends[*slot].serves(row))
    }

    /// Gives up a job's waiting items; whether there are any.
    pub(crate) fn cancel(&mut self, job: *const Job) -> bool {
        let before = self.dropped.len();
        self.drop_where(|waiting| std::ptr::eq(waiting, job).then_some(Cause::Cancelled));
        self.dropped.len() > before
    }

    /// From now on nothing is computed any more.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether the engine is being dropped.
    #[cfg(test)]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Drops what is past its deadline; looks at the queue only when the earliest deadline has come.
    fn drop_expired(&mut self, now: Duration) {
        if self.deadline_min.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.drop_where(|job| job.is_past_deadline(now).then_some(Cause::DeadlineExceeded));
        self.deadline_min = self.classes.iter().flatten().filter_map(|entry| entry.job.order.deadline).min();
    }

    /// Puts the waiting entries that `cause` names a cause for among the dropped.
    fn drop_where(&mut self, cause: impl Fn(&Job) -> Option<Cause>) {
        let Self { classes, dropped, .. } = self;
        for class in classes {
            class.retain(|entry| match cause(&entry.job) {
                None => true,
                Some(cause) => {
                    dropped.push(Dropped { job: Arc::clone(&entry.job), range: entry.rest.clone(), cause });
                    false
                }
            });
        }
    }
}
