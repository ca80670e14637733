//! [`Client`]: one request raced over the nodes and this machine, until its deadline.

mod each;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_scheme::{Ballot, Columns, Parameters, Priority};
use assay_wire::codec::Reply;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::Answer;
use crate::balance::choose;
use crate::config::{ClientConfig, Options};
use crate::connection::{Dialer, Flight, Node, NodeHealth, keep};
use crate::error::Error;
use crate::exchange::{Frame, exchange};
use crate::limits::{LOCAL_RATHER_THAN_WAIT, SECOND_NODES_MAX};
use crate::local::Local;
use crate::retry::{Failure, Next, others_may_finish};
use crate::tls::{self, Random};

/// A client of one or several nodes. Cheap to clone; all clones share the connections, and many tasks may ask at once. When
/// the last clone is dropped the connections are closed.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
    nodes: Vec<Arc<Node>>,
    dialer: Arc<Dialer>,
    keepers: Vec<AbortHandle>,
    /// Counts every connection made or lost.
    changed: watch::Receiver<u64>,
    random: Random,
    local: Option<Local>,
    turn: AtomicUsize,
    seconds: Semaphore,
    requests: AtomicUsize,
    idle: Notify,
    closed: AtomicBool,
}

/// One call of [`Client::request`] or [`Client::quorum`].
struct Job<'a> {
    columns: &'a Columns,
    /// Whose votes the columns are, where they are to be counted.
    ballot: Option<&'a Ballot>,
    parameters: &'a Parameters,
    priority: Priority,
    started: Instant,
    deadline: Option<Instant>,
    marks: Mutex<Vec<Mark>>,
}

/// What this request has met on one node.
#[derive(Clone, Copy, Default)]
struct Mark {
    asking: bool,
    failures: u32,
    until: Option<Instant>,
    /// The connection on which the node is not asked again.
    barred: Option<u64>,
}

/// Where a request may go now.
enum Found {
    Flight(usize, Flight),
    /// A node that is up asked to wait until then.
    Later(Instant),
    /// Nodes are up, and none may be asked again.
    Barred,
    NoneUp,
}

/// Counts one call, so that closing can wait for it.
struct Call<'a>(&'a Inner);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keepers.iter().for_each(AbortHandle::abort);
        self.dialer.close();
    }
}

impl Client {
    /// Reads the certificates and connects to the nodes; one that answers is enough, and the others are tried on in the
    /// background with growing pauses. With `local_fallback` no node need answer at all.
    ///
    /// # Errors
    /// [`Error::Setup`] for a setting or file, [`Error::Usage`] for what this build lacks, [`Error::Unreachable`] when no
    /// node answered.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        config.check()?;
        let tls = tls::load(&config)?;
        let local = Local::start(&config).await?;
        let dialer = Arc::new(Dialer::new(&config, &tls)?);
        let nodes: Vec<_> =
            config.nodes.iter().map(|address| Arc::new(Node::new(address.clone(), config.zone.clone()))).collect();
        let (change, changed) = watch::channel(0);
        let keepers = nodes
            .iter()
            .map(|node| tokio::spawn(keep(Arc::clone(node), Arc::clone(&dialer), change.clone())).abort_handle())
            .collect();
        let inner = Inner {
            nodes,
            dialer,
            keepers,
            changed,
            random: tls.random,
            local,
            turn: AtomicUsize::new(0),
            seconds: Semaphore::new(SECOND_NODES_MAX),
            requests: AtomicUsize::new(0),
            idle: Notify::new(),
            closed: AtomicBool::new(false),
            config,
        };
        inner.first_connection().await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// One request, one reply: verify, recover, digest, merkle or pow, as the columns' operation says. Sent again, to another
    /// node or after a pause, as docs/client.md says; what is asked for longer than the deadline is given up.
    ///
    /// # Errors
    /// When no node (and not this machine either) gave an answer.
    pub async fn request(&self, columns: &Columns, parameters: &Parameters, options: Options) -> Result<Answer, Error> {
        self.inner.request(columns, None, parameters, options).await
    }

    /// Votes with powers: a verdict each, and in [`Answer::tally`] what they add up to and whether it is enough. Sent again as
    /// [`Client::request`] is. What a node says they add up to is held against its own verdicts.
    ///
    /// # Errors
    /// When no node (and not this machine either) gave an answer.
    pub async fn quorum(&self, ballot: &Ballot, parameters: &Parameters, options: Options) -> Result<Answer, Error> {
        self.inner.request(ballot.votes(), Some(ballot), parameters, options).await
    }

    /// What this client has seen of its nodes, in the configuration's order. Asks nobody.
    #[must_use]
    pub fn health(&self) -> Vec<NodeHealth> {
        self.inner.nodes.iter().map(|node| node.health()).collect()
    }

    /// The settings this client was built with.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// Takes no new request, waits for those of every clone, and closes the connections.
    pub async fn close(self) {
        self.inner.closed.store(true, Ordering::Release);
        loop {
            let idle = self.inner.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.inner.requests.load(Ordering::Acquire) == 0 {
                break;
            }
            idle.await;
        }
        self.inner.keepers.iter().for_each(AbortHandle::abort);
        self.inner.dialer.close();
        self.inner.dialer.wait_idle().await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("nodes", &self.health()).finish_non_exhaustive()
    }
}

fn no_randomness() -> Error {
    Error::Setup { what: "nonce".into(), why: "the system gives no random bytes".into() }
}

impl Inner {
    /// Waits for the first node that is up; gives up when each has failed once or the time is over.
    async fn first_connection(&self) -> Result<(), Error> {
        let mut changed = self.changed.clone();
        let until = Instant::now() + self.config.connect_timeout;
        let settled = async {
            while !self.nodes.iter().any(|node| node.connected()) && !self.nodes.iter().all(|node| node.tried()) {
                if changed.changed().await.is_err() {
                    break;
                }
            }
        };
        let _ = timeout_at(until, settled).await;
        if self.config.local_fallback || self.nodes.iter().any(|node| node.connected()) {
            return Ok(());
        }
        Err(self.unreachable())
    }

    fn unreachable(&self) -> Error {
        let waited = || format!("no answer to the handshake within {:?}", self.config.connect_timeout);
        let last = self.nodes.iter().rev().find(|node| node.last_error().is_some()).or(self.nodes.last());
        let (node, why) = last.map(|node| (node.name.clone(), node.last_error())).unwrap_or_default();
        Error::Unreachable { node, why: why.unwrap_or_else(waited) }
    }

    /// This machine, where it may finish what no node answers.
    fn fallback(&self) -> Option<&Local> {
        self.local.as_ref().filter(|_| self.config.local_fallback)
    }

    async fn request(
        &self,
        columns: &Columns,
        ballot: Option<&Ballot>,
        parameters: &Parameters,
        options: Options,
    ) -> Result<Answer, Error> {
        self.requests.fetch_add(1, Ordering::AcqRel);
        let _call = Call(self);
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Usage("this client is closed".into()));
        }
        let started = Instant::now();
        let job = Job {
            columns,
            ballot,
            parameters,
            priority: options.priority,
            started,
            // A deadline beyond what the clock can say is none.
            deadline: options.deadline.and_then(|deadline| started.checked_add(deadline)),
            marks: Mutex::new(vec![Mark::default(); self.nodes.len()]),
        };
        // What does not fit its parameters is told before any node is asked.
        job.frame(0, [0; 16])?;
        if options.deadline == Some(Duration::ZERO) {
            return Err(Error::DeadlineExceeded);
        }
        match job.deadline {
            None => self.race(&job).await,
            Some(at) => timeout_at(at, self.race(&job)).await.unwrap_or(Err(Error::DeadlineExceeded)),
        }
    }

    /// The nodes, and this machine once it is time or the nodes have given up: whoever answers first.
    async fn race(&self, job: &Job<'_>) -> Result<Answer, Error> {
        let nodes = self.nodes(job);
        let Some(local) = self.fallback() else { return nodes.await };
        tokio::pin!(nodes);
        let here = job.compute(local);
        let early = match job.deadline {
            None => Some(nodes.as_mut().await),
            Some(at) => {
                let begin = local.begin_at(job.columns, job.started, at, self.config.local_after);
                timeout_at(begin, nodes.as_mut()).await.ok()
            }
        };
        match early {
            Some(Err(error)) if others_may_finish(&error) => {
                tracing::debug!(%error, "finished on this machine");
                here.await.ok_or(error)
            }
            Some(outcome) => outcome,
            None => {
                tokio::pin!(here);
                tokio::select! {
                    outcome = nodes.as_mut() => match outcome {
                        Err(error) if others_may_finish(&error) => here.await.ok_or(error),
                        outcome => outcome,
                    },
                    answer = here.as_mut() => match answer {
                        Some(answer) => Ok(answer),
                        None => nodes.await,
                    },
                }
            }
        }
    }

    /// One line of tries, and a second one on another node when the first is slow.
    async fn nodes(&self, job: &Job<'_>) -> Result<Answer, Error> {
        let first = self.line(job);
        tokio::pin!(first);
        if let Some(deadline) = job.deadline.filter(|_| self.nodes.len() > 1 && self.config.second_node_after < 1.0) {
            let patience = deadline.saturating_duration_since(job.started).mul_f64(self.config.second_node_after);
            if let Ok(outcome) = timeout_at(job.started + patience, first.as_mut()).await {
                return outcome;
            }
            if let Ok(_permit) = self.seconds.try_acquire()
                && let Found::Flight(at, flight) = self.find(job)
            {
                let second = self.line_from(job, Some((at, flight)));
                tokio::pin!(second);
                return tokio::select! {
                    outcome = first.as_mut() => match outcome {
                        Err(error) if others_may_finish(&error) => second.await.or(Err(error)),
                        outcome => outcome,
                    },
                    outcome = second.as_mut() => match outcome {
                        Err(error) if others_may_finish(&error) => first.await.or(Err(error)),
                        outcome => outcome,
                    },
                };
            }
        }
        first.await
    }

    async fn line(&self, job: &Job<'_>) -> Result<Answer, Error> {
        self.line_from(job, None).await
    }

    /// Tries one node after the other until an answer comes, a refusal is final, or the tries are spent.
    async fn line_from(&self, job: &Job<'_>, mut flight: Option<(usize, Flight)>) -> Result<Answer, Error> {
        let mut last: Option<(String, Failure)> = None;
        for _ in 0..self.config.tries_max {
            let (at, flight) = match flight.take() {
                Some(flight) => flight,
                None => match self.await_node(job, last.as_ref().map(|(_, failure)| failure)).await {
                    Some(flight) => flight,
                    None => break,
                },
            };
            let name = flight.node.name.clone();
            let failure = match self.attempt(job, flight).await? {
                Ok(answer) => return Ok(answer),
                Err((failure, generation)) => {
                    let next = job.failed(at, &failure, generation);
                    if next == Next::Stop {
                        return Err(failure.into_error(&name));
                    }
                    failure
                }
            };
            last = Some((name, failure));
        }
        Err(last.map_or_else(|| self.unreachable(), |(name, failure)| failure.into_error(&name)))
    }

    /// One try on one node. The outer error ends the call, the inner one the try.
    async fn attempt(&self, job: &Job<'_>, flight: Flight) -> Result<Result<Answer, (Failure, u64)>, Error> {
        let nonce = self.random.nonce().ok_or_else(no_randomness)?;
        let frame = job.frame(job.left_us(&flight.connection), nonce)?;
        let generation = flight.generation;
        let reply = match exchange(&flight.connection, &frame).await.and_then(|reply| job.adds_up(reply)) {
            Ok(reply) => reply,
            Err(failure) => {
                flight.failed(&failure);
                return Ok(Err((failure, generation)));
            }
        };
        let node = Arc::clone(&flight.node);
        flight.answered(reply.queue_us);
        self.complete(job, &node, reply).await.map(Ok)
    }

    /// A node's answer, checked again and finished here where the settings ask for it.
    async fn complete(&self, job: &Job<'_>, node: &Node, reply: Reply) -> Result<Answer, Error> {
        let mut answer = Answer {
            verdicts: reply.verdicts,
            values: reply.values,
            value_width: reply.value_width,
            backends: reply.backends,
            queue_us: reply.queue_us,
            compute_us: reply.compute_us,
            local_items: 0,
            tally: reply.tally,
        };
        let (columns, parameters) = (job.columns, job.parameters);
        let share = self.config.recheck_share;
        // The answer is there: what is done to it here leaves time to hand it over.
        let until = job.deadline.map(|at| {
            let now = Instant::now();
            now + at.saturating_duration_since(now).mul_f64(0.75)
        });
        if let Some(local) = self.local.as_ref().filter(|_| share > 0.0) {
            let differing = local.recheck(&answer, columns, parameters, until, share, self.random).await;
            if let Some(item) = differing {
                tracing::error!(node = %node.name, item, operation = columns.operation().name, "a wrong answer");
                return Err(Error::Disagreement { item, node: node.name.clone() });
            }
        }
        if let Some(local) = self.fallback() {
            // Votes that are not needed need no verdict here either.
            let needed = job.ballot.map_or(columns.items(), Ballot::looked_at);
            local.finish(&mut answer, needed, columns, parameters, job.priority, until).await;
        }
        answer.tally = job.ballot.map(|ballot| ballot.tally(&answer.verdicts));
        Ok(answer)
    }

    /// The next node to ask, waiting where that may help; `None` when it does not.
    async fn await_node(&self, job: &Job<'_>, last: Option<&Failure>) -> Option<(usize, Flight)> {
        let mut changed = self.changed.clone();
        let patience = Instant::now() + self.config.connect_timeout;
        loop {
            changed.borrow_and_update();
            let pause = match self.find(job) {
                Found::Flight(at, flight) => return Some((at, flight)),
                Found::Later(until) if self.too_late(job, until) => return None,
                Found::Later(until) => Some(until),
                // This machine need not wait for a node to come back.
                Found::NoneUp if self.config.local_fallback => return None,
                Found::Barred | Found::NoneUp if last.is_some_and(|failure| !failure.worth_waiting()) => return None,
                Found::Barred | Found::NoneUp => None,
            };
            tokio::select! {
                () = sleep_until(pause.unwrap_or(patience)) => {
                    pause?;
                }
                change = changed.changed() => change.ok()?,
            }
        }
    }

    /// Whether a node that may be asked again then is not worth the wait.
    fn too_late(&self, job: &Job<'_>, until: Instant) -> bool {
        match job.deadline {
            Some(deadline) => deadline <= until,
            // Nothing presses, but this machine can do it by then.
            None => self.config.local_fallback && until > Instant::now() + LOCAL_RATHER_THAN_WAIT,
        }
    }

    /// Where the request may go now.
    fn find(&self, job: &Job<'_>) -> Found {
        let now = Instant::now();
        let row = job.columns.operation().row;
        let mut marks = job.marks();
        let up: Vec<_> = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(at, node)| node.candidate(row, now).map(|candidate| (at, candidate)))
            .collect();
        if up.is_empty() {
            return Found::NoneUp;
        }
        // A row that no node claims to serve is asked of all: the refusal says so in the node's words.
        let nobody_serves = !up.iter().any(|(_, candidate)| candidate.serves);
        let mut earliest: Option<Instant> = None;
        let mut open = Vec::with_capacity(up.len());
        for (at, candidate) in up {
            let mark = marks[at];
            if mark.asking || mark.barred == Some(candidate.generation) || !(candidate.serves || nobody_serves) {
                continue;
            }
            match mark.until.filter(|until| *until > now) {
                Some(until) => earliest = Some(earliest.map_or(until, |other| other.min(until))),
                None => open.push((at, candidate.load)),
            }
        }
        let chosen = choose(&open, self.turn.fetch_add(1, Ordering::Relaxed));
        match chosen.and_then(|at| self.nodes[at].begin(now).map(|flight| (at, flight))) {
            Some((at, flight)) => {
                marks[at].asking = true;
                Found::Flight(at, flight)
            }
            None => earliest.map_or(Found::Barred, Found::Later),
        }
    }
}

impl Job<'_> {
    /// The request as it travels.
    fn frame(&self, left_us: u32, nonce: [u8; 16]) -> Result<Frame, Error> {
        match self.ballot {
            None => Frame::batch(self.columns, self.parameters, self.priority, left_us, nonce),
            Some(ballot) => Frame::votes(ballot, self.parameters, self.priority, left_us, nonce),
        }
    }

    /// The whole of it on this machine.
    async fn compute(&self, local: &Local) -> Option<Answer> {
        let Some(ballot) = self.ballot else {
            return local.compute(self.columns, self.parameters, self.priority, self.deadline).await;
        };
        let asked = ballot.asked().ok()?;
        let answer = local.compute(&asked, self.parameters, self.priority, self.deadline).await?;
        let tally = Some(ballot.tally(&answer.verdicts));
        Some(Answer { verdicts: ballot.all_verdicts(answer.verdicts.clone()), tally, ..answer })
    }

    /// The reply, where what it says the votes add up to is what its verdicts say.
    fn adds_up(&self, reply: Reply) -> Result<Reply, Failure> {
        match self.ballot {
            Some(ballot) if reply.tally != Some(ballot.tally(&reply.verdicts)) => {
                Err(Failure::BadReply("its tally is not what its verdicts add up to".into()))
            }
            _ => Ok(reply),
        }
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Vec<Mark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds until the deadline as a header says them, less the way there and back, which the node cannot know: 0
    /// for none, so never 0 when there is one.
    fn left_us(&self, connection: &quinn::Connection) -> u32 {
        self.deadline.map_or(0, |at| {
            let left = at.saturating_duration_since(Instant::now());
            let left = left - connection.min_rtt().min(left / 2);
            u32::try_from(left.as_micros()).unwrap_or(u32::MAX).max(1)
        })
    }

    fn failed(&self, at: usize, failure: &Failure, generation: u64) -> Next {
        let mark = &mut self.marks()[at];
        mark.asking = false;
        mark.failures += 1;
        let next = failure.next(mark.failures);
        match next {
            Next::Again(pause) => mark.until = Some(Instant::now() + pause),
            Next::Elsewhere => mark.barred = Some(generation),
            Next::Stop => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_and_its_calls_go_between_threads() {
        fn send_sync<T: Send + Sync + 'static>() {}
        fn sent<T: Send>(_: impl FnOnce(Client) -> T) {}
        send_sync::<Client>();
        sent(|client| async move {
            let columns = assay_scheme::ColumnsBuilder::new(assay_scheme::Row::Sha256.operation()).build();
            let _ = client.request(&columns.expect("never run"), &Parameters::default(), Options::default()).await;
        });
    }
}
