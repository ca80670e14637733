//! The wiring: every queue once, and the node's life from start to drain.
//!
//! A configuration goes in; sockets, an engine and an admin listener come out, and one way to stop them in order. Knows
//! no command line and no signal: [`crate::cli::serve`] does.

mod cores;
mod settings;
mod watch;
mod workers;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assay_core::engine::{BackendStatus, Clock};
use assay_core::{Engine, StartError as EngineError};
use assay_scheme::Priority;
use assay_wire::{CloseCode, NodeStatus};
use quinn::{Endpoint, VarInt};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::admin::{self, Admin, AdminError};
use crate::admission::Admission;
use crate::config::Config;
use crate::dispatch::Dispatch;
use crate::health::{Health, State};
use crate::limits::{CLOSE_TIME_MAX, CUT_TIME_MAX, DRAIN_POLL};
use crate::metrics;
use crate::preload::Preloads;
use crate::quic::{self, BindError, Gate, GateLimits};
use crate::session::Service;
use crate::tls::{ServerTls, TlsError};
use settings::{batch_limits, fixed_changes, limits};
use watch::Watch;
use workers::start_engine;

/// One queue of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// Who fills it.
    pub from: &'static str,
    /// Who empties it.
    pub to: &'static str,
    /// What lies in it.
    pub item: &'static str,
    /// How many at most.
    pub depth: u64,
    /// What happens when it is full.
    pub when_full: &'static str,
}

/// Every queue of a node with this configuration, in the order of a request's way.
#[must_use]
pub fn wiring(config: &Config) -> Vec<Queue> {
    let queue = |name, from, to, item, depth: u64, when_full| Queue { name, from, to, item, depth, when_full };
    let listen = &config.listen;
    let mut queues = vec![
        queue("handshakes", "network", "quic", "connection attempt", listen.handshakes_max as u64, "refused"),
        queue("connections", "quic", "session", "connection", listen.connections_max as u64, "refused"),
        queue("streams", "peer", "session", "request", u64::from(listen.streams_per_connection_max), "the peer waits"),
        queue(
            "received",
            "peer",
            "session",
            "byte of a connection",
            u64::from(listen.receive_window_bytes),
            "the peer waits",
        ),
        queue("in flight", "session", "session", "byte of all requests", listen.bytes_in_flight_max, "busy"),
    ];
    for priority in Priority::ALL {
        let own = config.queues.of(priority);
        let items = own.items_max as u64;
        queues.push(queue(priority.name(), "session", "dispatch", "item waiting or being computed", items, "busy"));
        let batch = own.batch_items_max as u64;
        queues.push(queue(batch_name(priority), "dispatch", "engine", "item of a batch", batch, "the batch is sent"));
    }
    queues.push(queue("answer", "engine", "session", "results of a request", 1, "never: one answer a request"));
    queues.push(queue(
        "sent",
        "session",
        "peer",
        "byte of a connection",
        listen.send_window_bytes,
        "the session waits",
    ));
    queues
}

fn batch_name(priority: Priority) -> &'static str {
    match priority {
        Priority::Consensus => "consensus batch",
        Priority::Block => "block batch",
        Priority::Mempool => "mempool batch",
        Priority::Bulk => "bulk batch",
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Sockets.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The admin listener.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The engine.
    #[error("engine: {0}")]
    Engine(#[from] EngineError),
    /// A known-answer batch came out wrong through the queue.
    #[error("engine: the known answers came out wrong; the log names the backend")]
    SelfTest,
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The start was interrupted.
    #[error("the start was interrupted")]
    Interrupted,
}

/// Why a reload kept what there was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The TLS configuration does not fit QUIC.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were cut off because the time was over; each was answered `draining` where its peer still listened.
    pub cut: u64,
}

/// A running node. Dropping it stops at once; [`Node::drain`] stops in order.
pub struct Node {
    shared: Arc<Shared>,
    addrs: Vec<SocketAddr>,
    admin_addr: SocketAddr,
    tasks: JoinSet<()>,
    admin: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    config: Mutex<Config>,
    service: Arc<Service>,
    gate: Arc<Gate>,
    endpoints: Vec<Endpoint>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // After a drain they are closed already; a node that was only dropped must not go on through its connections.
        for endpoint in &self.endpoints {
            endpoint.close(VarInt::from_u32(CloseCode::Done.code()), CloseCode::Done.name().as_bytes());
        }
    }
}

impl Node {
    /// Starts a node: reads certificates, binds every socket, starts the engine and has it give its known answers, and
    /// only then accepts. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Whatever does not hold; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let began = Instant::now();
        let clock: Clock = Arc::new(move || began.elapsed());
        let tls = ServerTls::read(&config.tls)?;
        let server = quic::server_config(&config.listen, tls.config.clone())?;
        let endpoints = config
            .listen
            .sockets
            .iter()
            .map(|addr| quic::bind(*addr, &config.listen, server.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let addrs = endpoints.iter().filter_map(|endpoint| endpoint.local_addr().ok()).collect();
        let admin = Admin::bind(&config.admin).await?;
        let admin_addr = admin.local_addr();
        metrics::tls_expiry(tls.expiry);

        let engine = start_engine(&config, Arc::clone(&clock)).await?;
        let health = Arc::new(Health::new(Arc::clone(&clock), Duration::from_millis(config.admin.ready_age_ms_max)));
        let dispatch = Dispatch::new(Arc::clone(&engine), Arc::clone(&clock), batch_limits(&config))
            .map_err(StartError::Thread)?;
        let admission = Admission::new(limits(&config), Arc::clone(&clock));
        make_series(&config, &admission);
        let service = Arc::new(Service {
            admission,
            preloads: Preloads::new(Arc::clone(&engine), config.engine.nice),
            dispatch,
            engine,
            health,
            clock,
            zone: config.node.zone.clone(),
            request_timeout: Duration::from_millis(config.listen.request_timeout_ms),
            reply_timeout: Duration::from_millis(config.listen.reply_timeout_ms),
            replying: Default::default(),
            cut: Notify::new(),
        });
        if !self_test(&service).await {
            return Err(StartError::SelfTest);
        }
        let gate = Arc::new(Gate::new(GateLimits::of(&config.listen), tls));
        let mut tasks = JoinSet::new();
        for endpoint in &endpoints {
            tasks.spawn(quic::accept(endpoint.clone(), Arc::clone(&gate), Arc::clone(&service)));
        }
        tasks.spawn(keep_testing(Arc::clone(&service), Duration::from_millis(config.engine.self_test_interval_ms)));
        let (stop, stopped) = oneshot::channel::<()>();
        let admin = tokio::spawn(admin.serve(service.clone(), async {
            // Dropping the sender stops it as well.
            let _ = stopped.await;
        }));
        for queue in wiring(&config) {
            tracing::debug!(
                name = queue.name,
                from = queue.from,
                to = queue.to,
                item = queue.item,
                depth = queue.depth,
                when_full = queue.when_full,
                "queue"
            );
        }
        let shared = Arc::new(Shared { config: Mutex::new(config), service, gate, endpoints });
        Ok(Self { shared, addrs, admin_addr, tasks, admin: Some((stop, admin)) })
    }

    /// Where it serves QUIC, in the order of `listen.sockets`, with the ports the system chose.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Where the admin listener is.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// What it knows of itself.
    #[must_use]
    pub fn health(&self) -> &Arc<Health> {
        &self.shared.service.health
    }

    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.service.engine
    }

    /// What the status operation answers.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        self.shared.service.node_status()
    }

    /// Whether it is stopping.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.health().is_draining()
    }

    /// Takes over certificates, revocation lists, tenants, queue and batch limits, or nothing at all. Open connections
    /// whose certificate or tenant no longer holds are closed. Keys that need a restart are named in the log and ignored.
    ///
    /// # Errors
    /// What does not hold; the node goes on as it was.
    pub fn reload(&self, config: Config) -> Result<(), ReloadError> {
        let outcome = self.shared.reload(config);
        metrics::reloaded(outcome.is_ok());
        outcome
    }

    /// Stops in order: not ready, no new connection, no new request; what was admitted is answered, within the configured
    /// time; then every connection is closed and the engine stops.
    pub async fn drain(mut self) -> Drained {
        let service = Arc::clone(&self.shared.service);
        let timeout = self.shared.config().drain.timeout();
        service.health.drain();
        service.admission.drain();
        self.shared.gate.drain();
        let mut cut = 0;
        if !all_answered(&service, timeout).await {
            cut = service.admission.requests();
            tracing::warn!(requests = cut, "the time to drain is over; what is left is answered draining");
            service.cut.notify_waiters();
            all_answered(&service, CUT_TIME_MAX).await;
        }
        for endpoint in &self.shared.endpoints {
            endpoint.close(VarInt::from_u32(CloseCode::Done.code()), CloseCode::Done.name().as_bytes());
        }
        // The accept loops end with their endpoints; the others have no end of their own.
        let idle = async {
            for endpoint in &self.shared.endpoints {
                endpoint.wait_idle().await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIME_MAX, idle).await;
        self.tasks.shutdown().await;
        if let Some((stop, admin)) = self.admin.take() {
            let _ = stop.send(());
            let _ = tokio::time::timeout(CLOSE_TIME_MAX, admin).await;
        }
        drop(service);
        // The engine's threads are joined where nobody waits for a packet.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
        Drained { cut }
    }
}

impl Shared {
    fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload(&self, wanted: Config) -> Result<(), ReloadError> {
        let mut current = self.config();
        let tls = ServerTls::read(&wanted.tls)?;
        let server = quic::server_config(&current.listen, tls.config.clone())?;
        // From here on nothing fails.
        for key in fixed_changes(&current, &wanted) {
            tracing::warn!(key, "this change needs a restart and is ignored");
        }
        let Config { tls: files, queues, tenant_defaults, tenants, .. } = wanted;
        *current = Config { tls: files, queues, tenant_defaults, tenants, ..current.clone() };
        let service = &self.service;
        service.admission.reload(limits(&current));
        make_series(&current, &service.admission);
        service.dispatch.reload(batch_limits(&current));
        for endpoint in &self.endpoints {
            endpoint.set_server_config(Some(server.clone()));
        }
        metrics::tls_expiry(tls.expiry);
        service.preloads.keep_only(|tenant| service.admission.tenant(tenant).is_some());
        let closed = self.gate.reload(tls, |tenant| service.admission.tenant(tenant.name()).is_some());
        tracing::info!(tenants = current.tenants.len(), closed_connections = closed, "reloaded");
        Ok(())
    }
}

/// Makes every tenant's series before its first connection.
fn make_series(config: &Config, admission: &Admission) {
    for tenant in config.tenants.keys().filter_map(|name| admission.tenant(name)) {
        metrics::tenant_configured(tenant.name());
    }
}

/// Runs the known answers once; they go through the queue as a request would.
async fn self_test(service: &Arc<Service>) -> bool {
    let engine = Arc::clone(&service.engine);
    let passed = tokio::task::spawn_blocking(move || engine.self_test()).await.unwrap_or(false);
    service.health.record(passed);
    metrics::self_tested(passed);
    if !passed {
        tracing::error!("a known-answer batch came out wrong");
    }
    passed
}

async fn keep_testing(service: Arc<Service>, interval: Duration) {
    let watch = Watch::default();
    watch.look(&service.engine.backends());
    loop {
        tokio::time::sleep(interval).await;
        self_test(&service).await;
        watch.look(&service.engine.backends());
    }
}

/// Whether every admitted request was answered, and its peer has the answer, within this time.
async fn all_answered(service: &Service, timeout: Duration) -> bool {
    let until = tokio::time::Instant::now() + timeout;
    loop {
        if service.replying() == 0 && service.admission.requests() == 0 {
            return true;
        }
        if tokio::time::Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
}

impl admin::Health for Service {
    fn live(&self) -> bool {
        self.health.is_live()
    }

    fn ready(&self) -> admin::Ready {
        let mut reasons = Vec::new();
        match self.health.state() {
            State::Ready => {}
            State::Starting => reasons.push("no known-answer batch has run yet".to_owned()),
            State::Draining => reasons.push("the node is draining".to_owned()),
            State::Degraded => reasons.push(match self.health.self_test() {
                Some(test) if !test.passed => "the last known-answer batch came out wrong".to_owned(),
                _ => "the last known-answer batch is too long ago".to_owned(),
            }),
        }
        let amiss = |backend: BackendStatus| Some(format!("backend {}: {}", backend.name.name(), backend.amiss?));
        reasons.extend(self.engine.backends().into_iter().filter_map(amiss));
        admin::Ready { ok: self.health.is_ready(), reasons, self_test_age: self.health.passed_age() }
    }

    fn status(&self) -> NodeStatus {
        self.node_status()
    }

    fn sample(&self) {
        metrics::sample(&self.admission, &self.health, &self.engine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_is_bounded_and_says_what_happens_when_full() {
        let config = Config::load(None).expect("the built-in configuration");
        let queues = wiring(&config);
        for queue in &queues {
            assert!(queue.depth > 0 && !queue.when_full.is_empty(), "{}", queue.name);
        }
        let mut names: Vec<_> = queues.iter().map(|queue| queue.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), queues.len());
        for priority in Priority::ALL {
            assert!(names.contains(&priority.name()));
        }
    }
}
