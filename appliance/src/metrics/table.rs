//! Every metric there is, once: name, type, unit, labels, buckets, help. docs/metrics.md is generated from it, and a test
//! compares the dashboards and alerts with it.
//!
//! The grammar: `assay_<stage>_<what>_<unit>`. Seconds and bytes; `_total` on counters and on nothing else; a label's values
//! are an enum's words or the names of tenants in the configuration, never free text.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts values under these upper bounds, ascending.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word Prometheus uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What a metric counts, which is the last word of its name (before `_total`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time.
    Seconds,
    /// Size.
    Bytes,
    /// Items of requests.
    Items,
    /// Whole requests.
    Requests,
    /// Other things, named by the word before.
    Things,
}

impl Unit {
    /// The last word of the name, where it is fixed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Items => "items",
            Self::Requests => "requests",
            Self::Things => "",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, as Prometheus sees it.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// The labels each of its series bears.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

/// Where a label's values come from: label, words.
pub const LABELS: &[(&str, &str)] = &[
    ("backend", "`reference`, `lanes`, `gpu`"),
    ("end", "how a connection ended: `peer`, `node`, `idle`, `reset`, `transport-error`, `other`"),
    ("file", "`certificate`, `crls`"),
    ("gone", "`reset`, `stopped`, `connection-lost`, `slow-reader`"),
    ("operation", "the rows of the registry, `status`, and `unknown` for a frame whose header said none"),
    ("outcome", "`ok`, `failed`; of ballots the outcomes of docs/protocol.md"),
    ("priority", "`consensus`, `block`, `mempool`, `bulk`"),
    ("reason", "the words of `Rejected` in `appliance/src/quic.rs`"),
    ("state", "`starting`, `ready`, `degraded`, `draining`"),
    ("status", "the status words of docs/protocol.md"),
    ("tenant", "the tenants named in the configuration"),
    ("verdict", "`valid`, `invalid`, `not-evaluated`"),
    ("version", "the node's version"),
];

// Waiting and answering: the node adds a few microseconds when idle, and 3 ms at p99 is what it promises consensus.
const LATENCY: Kind = Kind::Histogram(&[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
]);
// Powers of two and a half: from one vote to the largest batch a queue may be configured to send.
const BATCH: Kind = Kind::Histogram(&[
    1.0,
    8.0,
    32.0,
    64.0,
    128.0,
    256.0,
    512.0,
    1_024.0,
    2_048.0,
    4_096.0,
    8_192.0,
    16_384.0,
    65_536.0,
    1_048_576.0,
]);

macro_rules! metrics {
    ($($id:ident = $name:literal, $kind:expr, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Metric = Metric {
                name: $name, kind: $kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
            };
        )*

        /// Every metric, in the order of the stages.
        pub const TABLE: &[Metric] = &[$($id),*];
    };
}

metrics! {
    ACCEPT_CONNECTIONS_TOTAL = "assay_accept_connections_total", Kind::Counter, Things, ["tenant"],
        "Connections accepted.";
    ACCEPT_OPEN_CONNECTIONS = "assay_accept_open_connections", Kind::Gauge, Things, ["tenant"],
        "Connections open now.";
    ACCEPT_CLOSES_TOTAL = "assay_accept_closes_total", Kind::Counter, Things, ["tenant", "end"],
        "Accepted connections that ended.";
    ACCEPT_REJECTIONS_TOTAL = "assay_accept_rejections_total", Kind::Counter, Things, ["reason"],
        "Connection attempts that failed or were turned away.";
    ACCEPT_RETRIES_TOTAL = "assay_accept_retries_total", Kind::Counter, Things, [],
        "Addresses asked to prove themselves with a RETRY packet.";
    DECODE_FRAME_BYTES_TOTAL = "assay_decode_frame_bytes_total", Kind::Counter, Bytes, ["tenant", "operation"],
        "Bytes of request frames read: what a tenant sent.";
    DECODE_ERRORS_TOTAL = "assay_decode_errors_total", Kind::Counter, Things, ["status"],
        "Frames their senders are to blame for, by the status they were answered with.";
    ADMIT_QUEUE_ITEMS = "assay_admit_queue_items", Kind::Gauge, Items, ["priority"],
        "Items waiting or being computed.";
    ADMIT_QUEUE_LIMIT_ITEMS = "assay_admit_queue_limit_items", Kind::Gauge, Items, ["priority"],
        "The most items that may wait or be computed.";
    ADMIT_INFLIGHT_REQUESTS = "assay_admit_inflight_requests", Kind::Gauge, Requests, [],
        "Requests admitted and not yet answered.";
    ADMIT_INFLIGHT_BYTES = "assay_admit_inflight_bytes", Kind::Gauge, Bytes, [],
        "Bytes of frames and replies in flight.";
    ADMIT_TABLE_BYTES = "assay_admit_table_bytes", Kind::Gauge, Bytes, ["tenant"],
        "Bytes of tables that a tenant keeps ready for its known keys.";
    BATCH_SIZE_ITEMS = "assay_batch_size_items", BATCH, Items, ["priority"],
        "Items of a batch sent to the engine.";
    BATCH_SIZE_REQUESTS = "assay_batch_size_requests", BATCH, Requests, ["priority"],
        "Requests of a batch sent to the engine.";
    BATCH_WAIT_SECONDS = "assay_batch_wait_seconds", LATENCY, Seconds, ["priority"],
        "From when a batch's oldest request was complete until the batch was sent to the engine.";
    COMPUTE_QUEUE_SECONDS = "assay_compute_queue_seconds", LATENCY, Seconds, ["priority"],
        "From a batch's submission until the engine began its first item.";
    COMPUTE_BATCH_SECONDS = "assay_compute_batch_seconds", LATENCY, Seconds, ["operation"],
        "From the start of a batch's first item to the end of its last.";
    COMPUTE_ITEMS_TOTAL = "assay_compute_items_total", Kind::Counter, Items, ["backend", "operation"],
        "Items computed, self-tests not counted.";
    COMPUTE_CROSSOVER_ITEMS = "assay_compute_crossover_items", Kind::Gauge, Items, ["operation"],
        "Items with 32-byte messages that a batch must have for a graphics device to be given any, as the router now expects; \
         +Inf where none serves the operation.";
    COMPUTE_BACKEND_SERVING = "assay_compute_backend_serving", Kind::Gauge, Things, ["backend"],
        "1 while the backend serves, 0 while it is quarantined; absent where this machine has none.";
    COMPUTE_FAULTS_TOTAL = "assay_compute_faults_total", Kind::Counter, Things, ["backend"],
        "Times a backend broke off, left an answer out or gave a wrong known answer; its work went to another.";
    COMPUTE_BACKLOG_ITEMS = "assay_compute_backlog_items", Kind::Gauge, Items, ["priority"],
        "Items in the engine.";
    REPLY_REQUESTS_TOTAL = "assay_reply_requests_total", Kind::Counter, Requests, ["tenant", "operation", "status"],
        "Requests answered or refused; `ok` is what a tenant used.";
    REPLY_ITEMS_TOTAL = "assay_reply_items_total", Kind::Counter, Items, ["tenant", "operation", "verdict"],
        "Items answered; for recover, digest and merkle `valid` means that a value was computed.";
    REPLY_BALLOTS_TOTAL = "assay_reply_ballots_total", Kind::Counter, Things, ["outcome"],
        "Quorums answered, by what their votes came to.";
    REPLY_SENT_BYTES_TOTAL = "assay_reply_sent_bytes_total", Kind::Counter, Bytes, ["tenant"],
        "Bytes of reply frames.";
    REPLY_SECONDS = "assay_reply_seconds", LATENCY, Seconds, ["priority"],
        "From a request's stream's start to its reply: what a client sees, less the network.";
    REPLY_GONE_TOTAL = "assay_reply_gone_total", Kind::Counter, Things, ["tenant", "gone"],
        "Requests whose peer was gone before it had its reply.";
    TLS_EXPIRY_SECONDS = "assay_tls_expiry_seconds", Kind::Gauge, Seconds, ["file"],
        "Until the node's certificate ends, and until the first revocation list is to be renewed; negative once past, \
         +Inf without lists.";
    NODE_BUILD_INFO = "assay_node_build_info", Kind::Gauge, Things, ["version"],
        "Always 1.";
    NODE_STATE = "assay_node_state", Kind::Gauge, Things, ["state"],
        "1 for the state the node is in, 0 for the others.";
    NODE_SELF_TESTS_TOTAL = "assay_node_self_tests_total", Kind::Counter, Things, ["outcome"],
        "Known-answer batches run through the engine.";
    NODE_SELF_TEST_AGE_SECONDS = "assay_node_self_test_age_seconds", Kind::Gauge, Seconds, [],
        "Since the last known-answer batch; absent before the first.";
    NODE_RELOADS_TOTAL = "assay_node_reloads_total", Kind::Counter, Things, ["outcome"],
        "Reloads of configuration, certificates and revocation lists; a failed one changes nothing.";
    NODE_PANICS_TOTAL = "assay_node_panics_total", Kind::Counter, Things, [],
        "Defects met: each is a line in the log, and worth a report.";
    NODE_UPTIME_SECONDS = "assay_node_uptime_seconds", Kind::Gauge, Seconds, [],
        "Since the metrics began, which is when the node started.";
    PROCESS_RESIDENT_MEMORY_BYTES = "assay_process_resident_memory_bytes", Kind::Gauge, Bytes, [],
        "Memory in use (Linux).";
    PROCESS_CPU_SECONDS = "assay_process_cpu_seconds", Kind::Gauge, Seconds, [],
        "Processor time used, all threads; only rises (Linux).";
    PROCESS_OPEN_FDS = "assay_process_open_fds", Kind::Gauge, Things, [],
        "File descriptors open (Linux).";
    PROCESS_THREADS = "assay_process_threads", Kind::Gauge, Things, [],
        "Threads (Linux).";
}

/// docs/metrics.md.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\nGenerated from `appliance/src/metrics/table.rs`; a test fails when this file is stale, and\n\
         `ASSAY_BLESS=1 cargo test -p assay-appliance --test ops_docs` writes it anew. Served at `/metrics` of the admin\n\
         listener. A series with a label for an operation appears with its first request.\n\n\
         | name | type | labels | meaning |\n| :-- | :-- | :-- | :-- |\n",
    );
    for metric in TABLE {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            metric.name,
            metric.kind.name(),
            labels.join(", "),
            metric.help
        ));
    }
    text.push_str("\n| label | values |\n| :-- | :-- |\n");
    for (label, values) in LABELS {
        text.push_str(&format!("| `{label}` | {values} |\n"));
    }
    for metric in TABLE {
        if let Kind::Histogram(buckets) = metric.kind {
            let bounds: Vec<_> = buckets.iter().map(f64::to_string).collect();
            text.push_str(&format!("\nBuckets of `{}`: {}.\n", metric.name, bounds.join(", ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: &[&str] =
        &["accept", "decode", "admit", "batch", "compute", "reply", "usage", "tls", "node", "process"];

    #[test]
    fn names_follow_the_grammar() {
        for metric in TABLE {
            let name = metric.name;
            let words: Vec<_> = name.split('_').collect();
            assert_eq!(words[0], "assay", "{name}");
            assert!(STAGES.contains(&words[1]), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            let bare = name.strip_suffix("_total").unwrap_or(name);
            assert!(bare.ends_with(metric.unit.name()), "{name} ends with its unit");
            if metric.unit == Unit::Things {
                for unit in ["seconds", "bytes", "items", "requests"] {
                    assert!(!bare.ends_with(unit), "{name} says its unit");
                }
            }
            // The exposition format adds these to a histogram's name.
            for suffix in ["_bucket", "_sum", "_count"] {
                assert!(!name.ends_with(suffix), "{name}");
            }
            assert!(metric.help.ends_with('.'), "{name}");
            for label in metric.labels {
                assert!(LABELS.iter().any(|(known, _)| known == label), "{name}: {label}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_labels_are_used() {
        let mut names: Vec<_> = TABLE.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for (label, _) in LABELS {
            assert!(TABLE.iter().any(|metric| metric.labels.contains(label)), "{label}");
        }
    }

    #[test]
    fn buckets_ascend() {
        for metric in TABLE {
            if let Kind::Histogram(buckets) = metric.kind {
                assert!(buckets.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
            }
        }
    }
}
