//! What the node counts: one function per event, and handles found once, so that a request costs additions.
//!
//! - [`table`]: every metric, its grammar and docs/metrics.md.
//! - [`process`]: what the system says about the process.
//!
//! The metrics are the process's: two nodes in one process (only tests have them) count together. Tenants' names become
//! labels, so no function here may be given a name that the configuration does not have.

pub mod process;
pub mod table;
mod tenant;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use assay_core::engine::BackendStatus;
use assay_core::{BackendName, Engine, Outcome};
use assay_scheme::quorum::Outcome as BallotOutcome;
use assay_scheme::registry::Grouping;
use assay_scheme::{Kind as RequestKind, Priority, Row};
use assay_wire::{Blame, Status};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::admission::Admission;
use crate::health::{Health, State};
use crate::quic::Rejected;
use crate::session::Gone;
use crate::tls::Expiry;
use table::{Kind, Metric, TABLE};
use tenant::Tenant;

/// The label `operation` of a frame whose header did not say one.
pub const OPERATION_UNKNOWN: &str = "unknown";

/// The label `verdict`, in the order of [`Done::verdicts`].
const VERDICTS: [&str; 3] = ["valid", "invalid", "not-evaluated"];

/// How a connection may end: the label `end`.
const ENDS: [&str; 6] = ["peer", "node", "idle", "reset", "transport-error", "other"];

/// Makes handles that all go to one recorder.
#[derive(Clone)]
struct Registrar(Arc<PrometheusRecorder>);

impl Registrar {
    fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for metric in TABLE {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                    .expect("every histogram of the table has buckets, which a test shows");
            }
        }
        let recorder = builder.build_recorder();
        for metric in TABLE {
            let (name, help) = (KeyName::from_const_str(metric.name), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
            }
        }
        Self(Arc::new(recorder))
    }

    fn key(metric: &Metric, values: &[&str]) -> Key {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let labels = metric.labels.iter().zip(values).map(|(label, value)| Label::new(*label, (*value).to_owned()));
        Key::from_parts(metric.name, labels.collect::<Vec<_>>())
    }

    fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        self.0.register_counter(&Self::key(metric, values), &METADATA)
    }

    fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        self.0.register_gauge(&Self::key(metric, values), &METADATA)
    }

    fn histogram(&self, metric: &Metric, values: &[&str]) -> Histogram {
        debug_assert!(matches!(metric.kind, Kind::Histogram(_)), "{}", metric.name);
        self.0.register_histogram(&Self::key(metric, values), &METADATA)
    }
}

const METADATA: metrics::Metadata<'static> = metrics::Metadata::new("assay", metrics::Level::INFO, None);

/// One priority's way through the node.
struct Queue {
    items: Gauge,
    limit: Gauge,
    backlog: Gauge,
    batch_items: Histogram,
    batch_requests: Histogram,
    batch_wait: Histogram,
    compute_queue: Histogram,
    reply: Histogram,
}

/// One operation in the engine.
struct Computed {
    seconds: Histogram,
    items: [Counter; BackendName::ALL.len()],
}

/// Everything, found once.
struct Metrics {
    registrar: Registrar,
    handle: PrometheusHandle,
    started: Instant,
    rejected: Vec<Counter>,
    retried: Counter,
    decode_errors: Vec<Counter>,
    inflight_requests: Gauge,
    inflight_bytes: Gauge,
    queues: Vec<Queue>,
    computed: Vec<OnceLock<Computed>>,
    ballots: Vec<Counter>,
    self_tests: [Counter; 2],
    reloads: [Counter; 2],
    states: Vec<Gauge>,
    panics: Counter,
    expiry: Mutex<Option<Expiry>>,
    tenants: RwLock<HashMap<Arc<str>, Arc<Tenant>>>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    /// Series whose labels are enums are there from the start, at zero: a rate over a series that appears with its first
    /// event does not see that event.
    fn new() -> Self {
        let registrar = Registrar::new();
        let counter = |metric: &Metric, word: &str| registrar.counter(metric, &[word]);
        let outcomes = |metric: &Metric| ["failed", "ok"].map(|outcome| registrar.counter(metric, &[outcome]));
        registrar.gauge(&table::NODE_BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            handle: registrar.0.handle(),
            started: Instant::now(),
            rejected: Rejected::ALL
                .iter()
                .map(|reason| counter(&table::ACCEPT_REJECTIONS_TOTAL, reason.name()))
                .collect(),
            retried: registrar.counter(&table::ACCEPT_RETRIES_TOTAL, &[]),
            decode_errors: Status::ALL
                .iter()
                .filter(|status| is_decode_error(**status))
                .map(|status| counter(&table::DECODE_ERRORS_TOTAL, status.name()))
                .collect(),
            inflight_requests: registrar.gauge(&table::ADMIT_INFLIGHT_REQUESTS, &[]),
            inflight_bytes: registrar.gauge(&table::ADMIT_INFLIGHT_BYTES, &[]),
            queues: Priority::ALL.iter().map(|priority| Queue::new(&registrar, priority.name())).collect(),
            computed: Row::ALL.iter().map(|_| OnceLock::new()).collect(),
            ballots: BallotOutcome::NAMES.iter().map(|outcome| counter(&table::REPLY_BALLOTS_TOTAL, outcome)).collect(),
            self_tests: outcomes(&table::NODE_SELF_TESTS_TOTAL),
            reloads: outcomes(&table::NODE_RELOADS_TOTAL),
            states: State::ALL.iter().map(|state| registrar.gauge(&table::NODE_STATE, &[state.name()])).collect(),
            panics: registrar.counter(&table::NODE_PANICS_TOTAL, &[]),
            expiry: Mutex::new(None),
            tenants: RwLock::default(),
            registrar,
        }
    }

    fn queue(&self, priority: Priority) -> &Queue {
        &self.queues[priority as usize]
    }

    fn tenant(&self, name: &Arc<str>) -> Arc<Tenant> {
        if let Some(tenant) = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(tenant);
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Tenant::new(self.registrar.clone(), name));
        Arc::clone(tenants.entry(Arc::clone(name)).or_insert_with(new))
    }

    /// Sets what is a matter of the moment it is asked for.
    fn refresh(&self, now: SystemTime) {
        let gauge = |metric: &Metric, value: f64| self.registrar.gauge(metric, &[]).set(value);
        gauge(&table::NODE_UPTIME_SECONDS, self.started.elapsed().as_secs_f64());
        self.panics.absolute(crate::logs::panics());
        if let Some(expiry) = *self.expiry.lock().unwrap_or_else(PoisonError::into_inner) {
            for (file, end) in [("certificate", Some(expiry.certificate)), ("crls", expiry.crls)] {
                let gauge = self.registrar.gauge(&table::TLS_EXPIRY_SECONDS, &[file]);
                gauge.set(end.map_or(f64::INFINITY, |end| seconds_until(end, now)));
            }
        }
        if let Some(usage) = process::usage() {
            gauge(&table::PROCESS_RESIDENT_MEMORY_BYTES, usage.resident_bytes as f64);
            gauge(&table::PROCESS_CPU_SECONDS, usage.cpu_seconds);
            gauge(&table::PROCESS_OPEN_FDS, usage.open_fds as f64);
            gauge(&table::PROCESS_THREADS, usage.threads as f64);
        }
    }
}

impl Queue {
    fn new(registrar: &Registrar, priority: &str) -> Self {
        let own = &[priority];
        Self {
            items: registrar.gauge(&table::ADMIT_QUEUE_ITEMS, own),
            limit: registrar.gauge(&table::ADMIT_QUEUE_LIMIT_ITEMS, own),
            backlog: registrar.gauge(&table::COMPUTE_BACKLOG_ITEMS, own),
            batch_items: registrar.histogram(&table::BATCH_SIZE_ITEMS, own),
            batch_requests: registrar.histogram(&table::BATCH_SIZE_REQUESTS, own),
            batch_wait: registrar.histogram(&table::BATCH_WAIT_SECONDS, own),
            compute_queue: registrar.histogram(&table::COMPUTE_QUEUE_SECONDS, own),
            reply: registrar.histogram(&table::REPLY_SECONDS, own),
        }
    }
}

impl Computed {
    fn new(registrar: &Registrar, row: Row) -> Self {
        let name = row.operation().name;
        let items = |backend: BackendName| registrar.counter(&table::COMPUTE_ITEMS_TOTAL, &[backend.name(), name]);
        Self {
            seconds: registrar.histogram(&table::COMPUTE_BATCH_SECONDS, &[name]),
            items: BackendName::ALL.map(items),
        }
    }
}

fn is_decode_error(status: Status) -> bool {
    matches!(status.blame(), Blame::PeerMisbehaved | Blame::PeerIncompatible)
}

fn seconds_until(end: SystemTime, now: SystemTime) -> f64 {
    match end.duration_since(now) {
        Ok(left) => left.as_secs_f64(),
        Err(past) => -past.duration().as_secs_f64(),
    }
}

/// Makes a configured tenant's series, so that they are there, at zero, before its first connection.
pub fn tenant_configured(tenant: &Arc<str>) {
    METRICS.tenant(tenant);
}

/// A connection was accepted.
pub fn connection_opened(tenant: &Arc<str>) {
    let tenant = METRICS.tenant(tenant);
    tenant.opened.increment(1);
    tenant.open.increment(1);
}

/// An accepted connection ended.
pub fn connection_closed(tenant: &Arc<str>, end: &'static str) {
    let tenant = METRICS.tenant(tenant);
    tenant.open.decrement(1);
    tenant.closed(end);
}

/// A connection attempt failed or was turned away.
pub fn connection_rejected(reason: Rejected) {
    let place = Rejected::ALL.iter().position(|known| *known == reason).expect("ALL has every reason");
    METRICS.rejected[place].increment(1);
}

/// An address was asked to prove itself.
pub fn connection_retried() {
    METRICS.retried.increment(1);
}

/// A batch went to the engine; `waited` since its oldest request was complete.
pub fn batch_sent(priority: Priority, requests: usize, items: usize, waited: Duration) {
    let queue = METRICS.queue(priority);
    queue.batch_requests.record(requests as f64);
    queue.batch_items.record(items as f64);
    queue.batch_wait.record(waited);
}

/// A batch came back from the engine.
pub fn batch_computed(row: Row, priority: Priority, outcome: &Outcome) {
    METRICS.queue(priority).compute_queue.record(outcome.queued);
    let place = Row::ALL.binary_search(&row).expect("ALL has every row, in order");
    let computed = METRICS.computed[place].get_or_init(|| Computed::new(&METRICS.registrar, row));
    computed.seconds.record(outcome.computed);
    for (items, counter) in outcome.backends.iter().zip(&computed.items) {
        counter.increment(*items as u64);
    }
}

/// A request that was answered or refused.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// Whose it was.
    pub tenant: &'a Arc<str>,
    /// The row's name, `status`, or [`OPERATION_UNKNOWN`] where the header said none.
    pub operation: &'static str,
    /// How urgent; `None` where the header did not say.
    pub priority: Option<Priority>,
    /// With what status.
    pub status: Status,
    /// Bytes of its frame that were read.
    pub bytes: usize,
    /// Items valid, invalid and not evaluated.
    pub verdicts: [usize; 3],
    /// From its stream's start.
    pub total: Duration,
}

/// A request was answered or refused.
pub fn request_done(done: &Done<'_>) {
    let tenant = METRICS.tenant(done.tenant);
    let operation = tenant.operation(done.operation);
    operation.replied(done.status);
    operation.frame_bytes.increment(done.bytes as u64);
    for (items, counter) in done.verdicts.iter().zip(&operation.items) {
        counter.increment(*items as u64);
    }
    if let Some(place) = decode_error_place(done.status) {
        METRICS.decode_errors[place].increment(1);
    }
    if let Some(priority) = done.priority {
        METRICS.queue(priority).reply.record(done.total);
    }
}

fn decode_error_place(status: Status) -> Option<usize> {
    is_decode_error(status).then_some(())?;
    Status::ALL.iter().filter(|known| is_decode_error(**known)).position(|known| *known == status)
}

/// A quorum's votes were counted.
pub fn ballot_counted(outcome: BallotOutcome) {
    METRICS.ballots[usize::from(outcome.byte()) - 1].increment(1);
}

/// A tenant keeps so many bytes of tables.
pub fn tables_kept(tenant: &Arc<str>, bytes: u64) {
    METRICS.tenant(tenant).tables.set(bytes as f64);
}

/// A reply's bytes were handed to the transport.
pub fn reply_sent(tenant: &Arc<str>, bytes: usize) {
    METRICS.tenant(tenant).sent_bytes.increment(bytes as u64);
}

/// A request's peer was gone before it had its reply.
pub fn request_gone(tenant: &Arc<str>, gone: Gone) {
    METRICS.tenant(tenant).gone(gone);
}

/// A known-answer batch has run.
pub fn self_tested(passed: bool) {
    METRICS.self_tests[usize::from(passed)].increment(1);
}

/// A reload was done, or kept what there was.
pub fn reloaded(done: bool) {
    METRICS.reloads[usize::from(done)].increment(1);
}

/// The certificate and the revocation lists now in use end then. Called at the start and after each reload.
pub fn tls_expiry(expiry: Expiry) {
    *METRICS.expiry.lock().unwrap_or_else(PoisonError::into_inner) = Some(expiry);
}

/// What is read rather than counted: called before each scrape.
pub fn sample(admission: &Admission, health: &Health, engine: &Engine) {
    for ((depth, backlog), queue) in admission.queues().into_iter().zip(engine.backlog()).zip(&METRICS.queues) {
        queue.items.set(depth.items as f64);
        queue.limit.set(depth.limit as f64);
        queue.backlog.set(backlog as f64);
    }
    METRICS.inflight_requests.set(admission.requests() as f64);
    METRICS.inflight_bytes.set(admission.bytes() as f64);
    sample_backends(&engine.backends());
    sample_crossovers(&engine.crossovers());
    let state = health.state();
    for (other, gauge) in State::ALL.iter().zip(&METRICS.states) {
        gauge.set(u8::from(*other == state));
    }
    if let Some(age) = health.self_test_age() {
        METRICS.registrar.gauge(&table::NODE_SELF_TEST_AGE_SECONDS, &[]).set(age.as_secs_f64());
    }
}

/// A backend that this build or machine lacks has no series: one that once served and does not is what alarms.
fn sample_backends(backends: &[BackendStatus]) {
    for name in BackendName::ALL {
        // Several graphics devices bear one name: it serves when all that ever did do.
        let is_seen = |backend: &&BackendStatus| backend.serving || backend.items > 0 || backend.faults > 0;
        let own: Vec<_> = backends.iter().filter(|backend| backend.name == name).filter(is_seen).collect();
        if own.is_empty() {
            continue;
        }
        let serving = own.iter().all(|backend| backend.serving);
        METRICS.registrar.gauge(&table::COMPUTE_BACKEND_SERVING, &[name.name()]).set(u8::from(serving));
        let faults = own.iter().map(|backend| backend.faults).sum();
        METRICS.registrar.counter(&table::COMPUTE_FAULTS_TOTAL, &[name.name()]).absolute(faults);
    }
}

/// Of groups and trees the sizes decide, not how many there are: they have no series.
fn sample_crossovers(crossovers: &[(Row, u64)]) {
    for row in Row::ALL.into_iter().filter(|row| row.operation().grouping == Grouping::Single) {
        let items = crossovers.iter().find(|(own, _)| *own == row).map_or(f64::INFINITY, |(_, items)| *items as f64);
        METRICS.registrar.gauge(&table::COMPUTE_CROSSOVER_ITEMS, &[row.name()]).set(items);
    }
}

/// Everything, in Prometheus's text format.
#[must_use]
pub fn render() -> String {
    METRICS.refresh(SystemTime::now());
    METRICS.handle.render()
}

/// Folds what histograms were given since the last time into buckets. Until then it is kept value by value, so this must
/// be called every second or so; the admin listener does.
pub fn upkeep() {
    METRICS.handle.run_upkeep();
}

#[cfg(test)]
mod tests {
    use assay_core::Results;

    use super::*;

    fn assert_line(line: &str) {
        let page = render();
        assert!(page.lines().any(|known| known == line), "{line} is not among:\n{page}");
    }

    #[test]
    fn a_tenants_series_are_there_before_its_first_connection() {
        let tenant: Arc<str> = "idle".into();
        tenant_configured(&tenant);
        assert_line("assay_accept_connections_total{tenant=\"idle\"} 0");
        assert_line("assay_accept_open_connections{tenant=\"idle\"} 0");
        assert_line("assay_reply_gone_total{tenant=\"idle\",gone=\"slow-reader\"} 0");
    }

    #[test]
    fn connections_open_and_close() {
        let tenant: Arc<str> = "visitor".into();
        connection_opened(&tenant);
        connection_opened(&tenant);
        connection_closed(&tenant, "idle");
        assert_line("assay_accept_connections_total{tenant=\"visitor\"} 2");
        assert_line("assay_accept_open_connections{tenant=\"visitor\"} 1");
        assert_line("assay_accept_closes_total{tenant=\"visitor\",end=\"idle\"} 1");
        connection_closed(&tenant, "a way nobody knows");
        assert_line("assay_accept_closes_total{tenant=\"visitor\",end=\"other\"} 1");
    }

    #[test]
    fn a_request_counts_for_its_tenant_operation_and_status() {
        let tenant: Arc<str> = "exchange".into();
        let done = Done {
            tenant: &tenant,
            operation: "sm2-za",
            priority: Some(Priority::Bulk),
            status: Status::Ok,
            bytes: 1_000,
            verdicts: [7, 2, 1],
            total: Duration::from_millis(3),
        };
        request_done(&done);
        request_done(&Done { status: Status::BadForm, verdicts: [0; 3], ..done });
        request_done(&Done {
            operation: "no such row",
            priority: None,
            status: Status::BadMagic,
            verdicts: [0; 3],
            ..done
        });
        reply_sent(&tenant, 64);
        request_gone(&tenant, Gone::SlowReader);
        assert_line("assay_reply_requests_total{tenant=\"exchange\",operation=\"sm2-za\",status=\"ok\"} 1");
        assert_line("assay_reply_requests_total{tenant=\"exchange\",operation=\"sm2-za\",status=\"bad-form\"} 1");
        assert_line("assay_reply_requests_total{tenant=\"exchange\",operation=\"unknown\",status=\"bad-magic\"} 1");
        assert_line("assay_reply_items_total{tenant=\"exchange\",operation=\"sm2-za\",verdict=\"invalid\"} 2");
        assert_line("assay_decode_frame_bytes_total{tenant=\"exchange\",operation=\"sm2-za\"} 2000");
        assert_line("assay_decode_errors_total{status=\"bad-form\"} 1");
        assert_line("assay_reply_sent_bytes_total{tenant=\"exchange\"} 64");
        assert_line("assay_reply_gone_total{tenant=\"exchange\",gone=\"slow-reader\"} 1");
    }

    #[test]
    fn a_batch_counts_for_its_priority_operation_and_backend() {
        batch_sent(Priority::Mempool, 3, 100, Duration::from_micros(600));
        let outcome = Outcome {
            results: Results::unwritten(100, 0),
            backends: [60, 40, 0],
            queued: Duration::from_micros(10),
            computed: Duration::from_millis(2),
        };
        batch_computed(Row::MlDsa65, Priority::Mempool, &outcome);
        assert_line("assay_batch_size_items_bucket{priority=\"mempool\",le=\"64\"} 0");
        assert_line("assay_batch_size_items_bucket{priority=\"mempool\",le=\"128\"} 1");
        assert_line("assay_batch_wait_seconds_bucket{priority=\"mempool\",le=\"0.0005\"} 0");
        assert_line("assay_batch_wait_seconds_bucket{priority=\"mempool\",le=\"0.001\"} 1");
        assert_line("assay_compute_items_total{backend=\"reference\",operation=\"ml-dsa-65\"} 60");
        assert_line("assay_compute_items_total{backend=\"lanes\",operation=\"ml-dsa-65\"} 40");
        assert_line("assay_compute_batch_seconds_count{operation=\"ml-dsa-65\"} 1");
    }

    #[test]
    fn a_backend_that_this_machine_lacks_is_not_one_that_fails() {
        let status =
            |name, serving, faults| BackendStatus { name, serving, items: 0, faults, note: String::new(), amiss: None };
        let (reference, lanes, gpu) = (BackendName::Reference, BackendName::Lanes, BackendName::Gpu);
        sample_backends(&[status(reference, true, 0), status(lanes, false, 2), status(gpu, false, 0)]);
        assert_line("assay_compute_backend_serving{backend=\"reference\"} 1");
        assert_line("assay_compute_backend_serving{backend=\"lanes\"} 0");
        assert_line("assay_compute_faults_total{backend=\"lanes\"} 2");
        assert!(!render().contains("assay_compute_backend_serving{backend=\"gpu\"}"));
    }

    #[test]
    fn an_operation_without_a_device_is_never_large_enough_for_one() {
        sample_crossovers(&[(Row::Sha3_256, 700)]);
        assert_line("assay_compute_crossover_items{operation=\"sha3-256\"} 700");
        assert_line("assay_compute_crossover_items{operation=\"ml-dsa-65\"} inf");
        assert!(!render().contains("assay_compute_crossover_items{operation=\"merkle-flat\"}"));
        sample_crossovers(&[]);
        assert_line("assay_compute_crossover_items{operation=\"sha3-256\"} inf");
    }

    #[test]
    fn upkeep_keeps_what_histograms_were_given() {
        for _ in 0..3 {
            batch_sent(Priority::Block, 1, 1, Duration::ZERO);
            upkeep();
        }
        assert_line("assay_batch_size_requests_count{priority=\"block\"} 3");
    }

    #[test]
    fn dates_count_down_and_go_below_zero() {
        let now = SystemTime::now();
        let hour = Duration::from_secs(3_600);
        assert_eq!(seconds_until(now + hour, now), 3_600.0);
        assert_eq!(seconds_until(now - hour, now), -3_600.0);
        tls_expiry(Expiry { certificate: now + hour, crls: None });
        assert_line("assay_tls_expiry_seconds{file=\"crls\"} inf");
        let page = render();
        let left = page.lines().find_map(|line| line.strip_prefix("assay_tls_expiry_seconds{file=\"certificate\"} "));
        let left: f64 = left.expect("it is there").parse().expect("a number");
        assert!((3_000.0..=3_600.0).contains(&left), "{left}");
    }

    #[test]
    fn reasons_and_statuses_are_there_from_the_start() {
        for reason in Rejected::ALL {
            let wanted = format!("assay_accept_rejections_total{{reason=\"{}\"}} ", reason.name());
            assert!(render().contains(&wanted), "{wanted}");
        }
        for status in Status::ALL {
            let wanted = format!("assay_decode_errors_total{{status=\"{}\"}} ", status.name());
            assert_eq!(render().contains(&wanted), is_decode_error(*status), "{wanted}");
        }
    }
}
