//! Every metric of the node: one table, one grammar, one function per event.
//!
//! `assay_<stage>_<what>_<unit>`; seconds and bytes; `_total` on counters only. Labels are enums of this crate, names of
//! the registry, or tenants of the configuration: never free text.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use assay_core::engine::BackendStatus;
use assay_scheme::Priority;
use assay_wire::Status;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::admission::Admission;
use crate::health::{Health, State};
use crate::quic::Rejected;
use crate::session::Gone;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often a value fell below each of these bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub help: &'static str,
}

/// Bounds for times, in seconds: three a decade, from a vote's wait to a request's timeout.
const SECONDS: &[f64] =
    &[5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds for items of a batch.
const ITEMS: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];
/// Bounds for requests of a batch.
const REQUESTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

macro_rules! metrics_table {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Every metric there is.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help },)*];
    };
}

metrics_table! {
    ACCEPT_OPENED = "assay_accept_connections_total", Kind::Counter, ["tenant"],
        "Connections accepted.";
    ACCEPT_CLOSED = "assay_accept_closes_total", Kind::Counter, ["tenant", "end"],
        "Accepted connections that ended, by how.";
    ACCEPT_OPEN = "assay_accept_connections", Kind::Gauge, ["tenant"],
        "Connections open now.";
    ACCEPT_REJECTED = "assay_accept_rejections_total", Kind::Counter, ["reason"],
        "Connection attempts that failed or were turned away, by why.";
    ACCEPT_RETRIED = "assay_accept_retries_total", Kind::Counter, [],
        "Addresses asked to prove themselves with a RETRY packet.";
    DECODE_BYTES = "assay_decode_frame_bytes_total", Kind::Counter, ["tenant", "operation"],
        "Bytes of request frames read.";
    ADMIT_QUEUE_ITEMS = "assay_admit_queue_items", Kind::Gauge, ["priority"],
        "Items waiting or being computed.";
    ADMIT_QUEUE_LIMIT = "assay_admit_queue_limit_items", Kind::Gauge, ["priority"],
        "The most items that may wait or be computed.";
    ADMIT_REQUESTS = "assay_admit_inflight_requests", Kind::Gauge, [],
        "Requests admitted and not yet answered.";
    ADMIT_BYTES = "assay_admit_inflight_bytes", Kind::Gauge, [],
        "Bytes of frames and replies in flight.";
    BATCH_ITEMS = "assay_batch_size_items", Kind::Histogram(ITEMS), ["priority"],
        "Items of a batch sent to the engine.";
    BATCH_REQUESTS = "assay_batch_size_requests", Kind::Histogram(REQUESTS), ["priority"],
        "Requests of a batch sent to the engine.";
    COMPUTE_QUEUE = "assay_compute_queue_seconds", Kind::Histogram(SECONDS), ["priority"],
        "Time from admission to a request's first item's start.";
    COMPUTE_TIME = "assay_compute_time_seconds", Kind::Histogram(SECONDS), ["operation"],
        "Time from a request's batch's start to its end.";
    COMPUTE_ITEMS = "assay_compute_items_total", Kind::Counter, ["backend"],
        "Items computed, by the backend that did.";
    COMPUTE_SERVING = "assay_compute_backend_serving", Kind::Gauge, ["backend"],
        "1 while the backend serves, 0 while it does not.";
    COMPUTE_BACKLOG = "assay_compute_backlog_items", Kind::Gauge, ["priority"],
        "Items in the engine.";
    REPLY_REQUESTS = "assay_reply_requests_total", Kind::Counter, ["tenant", "operation", "status"],
        "Requests answered or refused, by status.";
    REPLY_ITEMS = "assay_reply_items_total", Kind::Counter, ["tenant", "operation", "verdict"],
        "Items answered, by verdict.";
    REPLY_GONE = "assay_reply_gone_total", Kind::Counter, ["tenant", "operation", "gone"],
        "Requests whose peer was gone before it had its reply, by how.";
    REPLY_TIME = "assay_reply_time_seconds", Kind::Histogram(SECONDS), ["operation", "priority"],
        "Time from a stream's start to its reply.";
    NODE_STATE = "assay_node_state", Kind::Gauge, ["state"],
        "1 for the state the node is in, 0 for the others.";
    NODE_SELF_TESTS = "assay_node_self_tests_total", Kind::Counter, ["outcome"],
        "Known-answer batches run through the engine.";
    NODE_SELF_TEST_AGE = "assay_node_self_test_age_seconds", Kind::Gauge, [],
        "Time since the last known-answer batch.";
    NODE_RELOADS = "assay_node_reloads_total", Kind::Counter, ["outcome"],
        "Reloads of configuration, certificates and revocation lists.";
}

/// Installs the recorder of this process, once; every later call returns the same handle.
///
/// # Panics
/// When another recorder was installed in this process: two exporters would each see half.
#[must_use]
pub fn install() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let Kind::Histogram(bounds) = metric.kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                    .expect("every histogram of the table has bounds");
            }
        }
        let handle = builder.install_recorder().expect("the process has one recorder, this one");
        for metric in METRICS {
            match metric.kind {
                Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
                Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
                Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
            }
        }
        handle
    })
}

/// A connection was accepted.
pub fn connection_opened(tenant: &Arc<str>) {
    counter!(ACCEPT_OPENED, "tenant" => Arc::clone(tenant)).increment(1);
    gauge!(ACCEPT_OPEN, "tenant" => Arc::clone(tenant)).increment(1.0);
}

/// An accepted connection ended.
pub fn connection_closed(tenant: &Arc<str>, end: &'static str) {
    counter!(ACCEPT_CLOSED, "tenant" => Arc::clone(tenant), "end" => end).increment(1);
    gauge!(ACCEPT_OPEN, "tenant" => Arc::clone(tenant)).decrement(1.0);
}

/// A connection attempt failed or was turned away.
pub fn connection_rejected(reason: Rejected) {
    counter!(ACCEPT_REJECTED, "reason" => reason.name()).increment(1);
}

/// An address was asked to prove itself.
pub fn connection_retried() {
    counter!(ACCEPT_RETRIED).increment(1);
}

/// A batch went to the engine.
pub fn batch_sent(priority: Priority, requests: usize, items: usize) {
    histogram!(BATCH_REQUESTS, "priority" => priority.name()).record(requests as f64);
    histogram!(BATCH_ITEMS, "priority" => priority.name()).record(items as f64);
}

/// A request that was answered or refused.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// Whose it was.
    pub tenant: &'a Arc<str>,
    /// The row's name, `status`, or `unknown` where the header said none.
    pub operation: &'static str,
    /// How urgent; `None` where the header did not say.
    pub priority: Option<Priority>,
    /// With what status.
    pub status: Status,
    /// Bytes of its frame that were read.
    pub bytes: usize,
    /// Items valid, invalid and not evaluated.
    pub verdicts: [usize; 3],
    /// From admission to its first item's start.
    pub queued: Duration,
    /// From its batch's start to its end.
    pub computed: Duration,
    /// From its stream's start.
    pub total: Duration,
}

/// A request was answered or refused.
pub fn request_done(done: &Done<'_>) {
    let Done { tenant, operation, .. } = *done;
    let status = done.status.name();
    counter!(REPLY_REQUESTS, "tenant" => Arc::clone(tenant), "operation" => operation, "status" => status).increment(1);
    counter!(DECODE_BYTES, "tenant" => Arc::clone(tenant), "operation" => operation).increment(done.bytes as u64);
    for (count, verdict) in done.verdicts.into_iter().zip(["valid", "invalid", "not-evaluated"]) {
        if count > 0 {
            counter!(REPLY_ITEMS, "tenant" => Arc::clone(tenant), "operation" => operation, "verdict" => verdict)
                .increment(count as u64);
        }
    }
    let Some(priority) = done.priority.map(Priority::name) else { return };
    histogram!(REPLY_TIME, "operation" => operation, "priority" => priority).record(done.total);
    if done.status == Status::Ok {
        histogram!(COMPUTE_QUEUE, "priority" => priority).record(done.queued);
        histogram!(COMPUTE_TIME, "operation" => operation).record(done.computed);
    }
}

/// A request's peer was gone before it had its reply.
pub fn request_gone(tenant: &Arc<str>, operation: &'static str, gone: Gone) {
    counter!(REPLY_GONE, "tenant" => Arc::clone(tenant), "operation" => operation, "gone" => gone.name()).increment(1);
}

/// A known-answer batch has run.
pub fn self_tested(passed: bool) {
    counter!(NODE_SELF_TESTS, "outcome" => if passed { "passed" } else { "failed" }).increment(1);
}

/// A reload was done, or kept what there was.
pub fn reloaded(done: bool) {
    counter!(NODE_RELOADS, "outcome" => if done { "done" } else { "kept" }).increment(1);
}

/// What is read rather than counted: called before each scrape.
pub fn sample(admission: &Admission, health: &Health, backends: &[BackendStatus], backlog: [usize; 4]) {
    for ((depth, backlog), priority) in admission.queues().into_iter().zip(backlog).zip(Priority::ALL) {
        gauge!(ADMIT_QUEUE_ITEMS, "priority" => priority.name()).set(depth.items as f64);
        gauge!(ADMIT_QUEUE_LIMIT, "priority" => priority.name()).set(depth.limit as f64);
        gauge!(COMPUTE_BACKLOG, "priority" => priority.name()).set(backlog as f64);
    }
    gauge!(ADMIT_REQUESTS).set(admission.requests() as f64);
    gauge!(ADMIT_BYTES).set(admission.bytes() as f64);
    for backend in backends {
        counter!(COMPUTE_ITEMS, "backend" => backend.name.name()).absolute(backend.items);
        gauge!(COMPUTE_SERVING, "backend" => backend.name.name()).set(f64::from(u8::from(backend.serving)));
    }
    let state = health.state();
    for other in State::ALL {
        gauge!(NODE_STATE, "state" => other.name()).set(f64::from(u8::from(other == state)));
    }
    if let Some(age) = health.self_test_age() {
        gauge!(NODE_SELF_TEST_AGE).set(age.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_follows_the_grammar() {
        for metric in METRICS {
            let words: Vec<_> = metric.name.split('_').collect();
            assert_eq!(words[0], "assay", "{}", metric.name);
            assert!(words.len() >= 3, "{}: a stage and a what", metric.name);
            assert!(metric.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }
}
