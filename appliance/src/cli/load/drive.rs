//! Sends streams of requests and takes their times.
//!
//! A closed loop keeps so many requests in flight and sends the next when one is answered. An open loop sends each
//! request at its time, whatever the answers do, from a thread of its own (a runtime's timer is a millisecond
//! coarse); a request is timed from when it was due, so that one the generator could not send in time counts with its
//! wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use assay_client::{Answer, Client, Error, Options};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::plan::{Plan, Prepared, Random};
use super::stats::{Stats, Times};

/// Requests of an open loop that may be without an answer; past these the next wait, and their wait counts.
const OPEN_IN_FLIGHT_MAX: usize = 4_096;
/// How long answers are waited for after the last request was due.
const GRACE: Duration = Duration::from_secs(10);
/// How long a connection may take to say goodbye.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// The shortest and longest pause after a refusal in a closed loop.
const REFUSED_PAUSE: (Duration, Duration) = (Duration::from_micros(100), Duration::from_secs(1));

/// When a run measures.
#[derive(Clone, Copy)]
pub struct Window {
    /// The first request is due.
    pub begin: Instant,
    /// Requests before it warm caches and connections up.
    pub start: Instant,
    /// None is sent after it.
    pub end: Instant,
}

/// One stream under way.
pub struct Stream {
    /// What it sends.
    pub plan: Plan,
    requests: Vec<Vec<Prepared>>,
    clients: Vec<Client>,
    stats: Mutex<Stats>,
}

impl Stream {
    /// A stream with a client for each of its connections.
    #[must_use]
    pub fn new(plan: Plan, requests: Vec<Vec<Prepared>>, clients: Vec<Client>) -> Arc<Self> {
        Arc::new(Self { plan, requests, clients, stats: Mutex::new(Stats::default()) })
    }

    /// What it met so far.
    pub fn with_stats<T>(&self, read: impl FnOnce(&mut Stats) -> T) -> T {
        read(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes the connections, so that the nodes need not find out by themselves.
    pub async fn close(&self) {
        for client in &self.clients {
            // A request given up may still hold the client.
            let _ = tokio::time::timeout(CLOSE_WAIT, client.clone().close()).await;
        }
    }

    /// A request by chance, and how urgent it is.
    fn draw(&self, random: &mut Random) -> (&Prepared, Options) {
        let requests = &self.requests[self.plan.schemes.draw(random.share())];
        let request = &requests[((random.share() * requests.len() as f64) as usize).min(requests.len() - 1)];
        let priority = self.plan.priorities.at(self.plan.priorities.draw(random.share()));
        (request, Options { priority, deadline: self.plan.deadline })
    }

    /// Sends one request and records its outcome; `due` is when it should have been sent.
    async fn send(
        &self,
        client: &Client,
        random: &mut Random,
        due: Instant,
        window: Window,
        stop: &AtomicBool,
    ) -> Result<Answer, Error> {
        let (request, options) = self.draw(random);
        let sent = Instant::now();
        let outcome = client.request(&request.columns, &request.parameters, options).await;
        let now = Instant::now();
        let measured = match self.plan.rate {
            Some(_) => due >= window.start && due < window.end,
            // What arrives after the end was sent before it, but is no part of the measured time.
            None => now >= window.start && now < window.end && !stop.load(Ordering::Relaxed),
        };
        let times = Times { since_due: now - due, late: sent - due };
        self.with_stats(|stats| stats.record(times, &outcome, &request.expected, measured));
        outcome
    }
}

/// Runs every stream to the window's end, or until `stop` is set, and waits for the answers under way.
pub async fn run(streams: &[Arc<Stream>], window: Window, stop: &Arc<AtomicBool>) {
    let mut loops = JoinSet::new();
    for (seed, stream) in streams.iter().enumerate() {
        match stream.plan.rate {
            Some(rate) => {
                let (stream, stop) = (Arc::clone(stream), Arc::clone(stop));
                loops.spawn(async move { open(stream, rate, seed as u64, window, stop).await });
            }
            None => {
                for (number, client) in stream.clients.iter().enumerate() {
                    for turn in 0..stream.plan.in_flight {
                        let (stream, client, stop) = (Arc::clone(stream), client.clone(), Arc::clone(stop));
                        let seed = (seed << 40 | number << 20 | turn) as u64;
                        loops.spawn(async move { closed(&stream, &client, seed, window, &stop).await });
                    }
                }
            }
        }
    }
    let patience = (window.end + GRACE).saturating_duration_since(Instant::now());
    let all = async { while loops.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, all).await.is_err() {
        // What is left of a closed loop is one request a loop; an open loop counts its own.
        loops.abort_all();
    }
}

/// One of a closed loop's places in flight.
async fn closed(stream: &Stream, client: &Client, seed: u64, window: Window, stop: &AtomicBool) {
    let mut random = Random(seed);
    while Instant::now() < window.end && !stop.load(Ordering::Relaxed) {
        let unanswered = GiveUp::new(stream);
        let outcome = stream.send(client, &mut random, Instant::now(), window, stop).await;
        unanswered.answered();
        let pause = match outcome {
            Ok(_) => continue,
            Err(Error::Refused { retry_after, .. }) => retry_after,
            Err(_) => REFUSED_PAUSE.0 * 10,
        };
        tokio::time::sleep(pause.clamp(REFUSED_PAUSE.0, REFUSED_PAUSE.1)).await;
    }
}

/// Counts a request as unanswered when its loop is ended before its answer.
struct GiveUp<'a>(Option<&'a Stream>);

impl<'a> GiveUp<'a> {
    fn new(stream: &'a Stream) -> Self {
        Self(Some(stream))
    }

    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.0 {
            stream.with_stats(|stats| stats.give_up(1));
        }
    }
}

/// An open loop: one thread that keeps the times, one task a request.
async fn open(stream: Arc<Stream>, rate: f64, seed: u64, window: Window, stop: Arc<AtomicBool>) {
    let permits = Arc::new(Semaphore::new(OPEN_IN_FLIGHT_MAX));
    let runtime = tokio::runtime::Handle::current();
    let pacer = {
        let permits = Arc::clone(&permits);
        move || {
            let mut number = 0_u32;
            loop {
                let due = window.begin + Duration::from_secs_f64(f64::from(number) / rate);
                if due >= window.end || stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let permit = tokio::time::timeout(GRACE, Arc::clone(&permits).acquire_owned());
                let Ok(Ok(permit)) = runtime.block_on(permit) else { return };
                let (stream, stop) = (Arc::clone(&stream), Arc::clone(&stop));
                runtime.spawn(async move {
                    let client = &stream.clients[number as usize % stream.clients.len()];
                    let mut random = Random(seed << 32 | u64::from(number));
                    let unanswered = GiveUp::new(&stream);
                    // A refusal is recorded; there is nothing to make up for in an open loop.
                    let _ = stream.send(client, &mut random, due, window, &stop).await;
                    unanswered.answered();
                    drop(permit);
                });
                number += 1;
            }
        }
    };
    if tokio::task::spawn_blocking(pacer).await.is_ok() {
        // Every answer returned its permit.
        let _ = permits.acquire_many(OPEN_IN_FLIGHT_MAX as u32).await;
    }
}
