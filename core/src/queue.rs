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

/// Who asks for something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hands {
    /// A CPU worker, for every backend that has no threads of its own.
    Cpu,
    /// A CPU worker that waits for the most urgent class alone.
    Urgent,
    /// A thread of this slot's own.
    Own(usize),
}

/// Items that a worker computes in one go.
pub(crate) struct Quantum {
    pub(crate) job: Arc<Job>,
    /// The backend that computes them.
    pub(crate) slot: usize,
    pub(crate) range: Range<usize>,
    /// Seconds that it is expected to take.
    pub(crate) expected: f64,
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
    /// CPU workers that wait for something to do.
    pub(crate) idle: usize,
    /// Workers for the most urgent class that do.
    pub(crate) urgent_idle: usize,
    /// Threads of the backends' own that do.
    pub(crate) own_idle: usize,
    pub(crate) router: Router,
    /// By slot.
    pub(crate) standings: Vec<Standing>,
}

impl Queue {
    pub(crate) fn new(backends: Arc<[Arc<dyn Backend>]>, standings: Vec<Standing>, threads: usize) -> Self {
        assert!(backends.len() <= SLOTS_MAX && backends.len() == standings.len());
        let mut router = Router::new(backends.len());
        let own = |slot: &usize| backends[*slot].own_threads() > 0;
        (0..backends.len()).filter(own).for_each(|slot| router.set_own(slot));
        Self {
            router,
            backends,
            threads,
            classes: Default::default(),
            dropped: Vec::new(),
            deadline_min: None,
            stopping: false,
            idle: 0,
            urgent_idle: 0,
            own_idle: 0,
            standings,
        }
    }

    /// How many of such hands wait for something to do.
    pub(crate) fn idle_of(&mut self, hands: Hands) -> &mut usize {
        match hands {
            Hands::Cpu => &mut self.idle,
            Hands::Urgent => &mut self.urgent_idle,
            Hands::Own(_) => &mut self.own_idle,
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

    /// The most urgent thing to do for these hands, if there is any.
    pub(crate) fn next(&mut self, now: Duration, hands: Hands) -> Option<Next> {
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
        self.take(hands)
    }

    /// Takes a quantum off the first of the most urgent entries that these hands can do something for; the entry then goes
    /// behind its peers. What nobody can compute is given up.
    fn take(&mut self, hands: Hands) -> Option<Next> {
        let urgent = Priority::Consensus as usize + 1;
        let classes = if hands == Hands::Urgent { urgent } else { self.classes.len() };
        for class in 0..classes {
            for at in 0..self.classes[class].len() {
                let entry = &self.classes[class][at];
                let chosen = self.choose(entry, hands);
                if chosen.is_none() && (matches!(hands, Hands::Own(_)) || self.candidates(entry).next().is_some()) {
                    // For other hands.
                    continue;
                }
                let mut entry = self.classes[class].remove(at)?;
                let job = Arc::clone(&entry.job);
                let Some((slot, mut range)) = chosen else {
                    return Some(Next::Drop(Dropped { job, range: entry.rest, cause: Cause::BackendFault }));
                };
                if entry.alone {
                    range.end = range.start + 1;
                }
                let (tried, alone) = (entry.tried, entry.alone);
                entry.rest.start = range.end;
                if !entry.rest.is_empty() {
                    self.classes[class].push_back(entry);
                }
                let row = job.bundle.operation().row;
                let expected = self.router.begin(slot, row, job.bundle.load(range.clone()));
                return Some(Next::Compute(Quantum { job, slot, range, expected, tried, alone }));
            }
        }
        None
    }

    /// The slots that may compute an entry, on whatever threads.
    fn candidates(&self, entry: &Entry) -> impl Iterator<Item = usize> {
        let (only, tried, row) = (entry.job.only, entry.tried, entry.job.bundle.operation().row);
        (0..self.backends.len()).filter(move |slot| {
            let asked = only.map_or(self.standings[*slot].serves(), |only| only == *slot);
            asked && tried & (1 << slot) == 0 && self.backends[*slot].serves(row)
        })
    }

    /// Which slot these hands compute an entry's next items on, and how many.
    fn choose(&self, entry: &Entry, hands: Hands) -> Option<(usize, Range<usize>)> {
        let (bundle, rest) = (&entry.job.bundle, entry.rest.clone());
        let workers = || self.candidates(entry).filter(|slot| self.backends[*slot].own_threads() == 0);
        match hands {
            Hands::Cpu | Hands::Urgent => self.router.quantum(workers(), bundle, rest, self.threads),
            Hands::Own(slot) => {
                self.candidates(entry).find(|candidate| *candidate == slot)?;
                // What is urgent is tried on nothing.
                let may_explore = entry.job.priority() >= Priority::Mempool;
                let range = self.router.own_quantum(slot, workers(), bundle, rest, self.threads, may_explore)?;
                Some((slot, range))
            }
        }
    }

    /// A backend failed on a quantum: it leaves service, and the next one computes the quantum again, all of it, since a
    /// backend that is wrong about one item is not believed about its neighbours. When none is left, the last resort
    /// tries each item once more on its own. `Err`: that has been done too.
    pub(crate) fn fail(&mut self, quantum: Quantum, now: Duration) -> Result<(), Dropped> {
        let Quantum { job, slot, range, expected, tried, alone } = quantum;
        self.router.end(slot, expected);
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
