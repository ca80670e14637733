//! What each key may hold, and which keys must agree. One row a key; a key without a row cannot be read.

use assay_scheme::Priority;
use assay_scheme::limits::{BODY_BYTES_MAX, ITEMS_MAX};

use super::error::{Fault, Problem};
use super::{Config, TenantConfig};

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// An integer from the first to the second, both included.
    Integer(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, at least one, each once.
    Words(&'static [&'static str]),
    /// An address with a port.
    Socket,
    /// 1 to [`SOCKETS_MAX`] addresses, each once (port 0 may repeat).
    Sockets,
    /// A file's name.
    Path,
    /// 0 to [`PATHS_MAX`] files' names.
    Paths,
    /// At most so many bytes of text without control characters.
    Text(usize),
}

/// Endpoints of one node. More: each has threads' wakeups and buffers of its own, and nobody has so many interfaces.
pub(super) const SOCKETS_MAX: usize = 64;
/// Revocation lists. More: every handshake searches them all.
pub(super) const PATHS_MAX: usize = 64;
/// Tenants. More: the metrics, which bear each tenant's name, outgrow what a scrape can carry.
pub(super) const TENANTS_MAX: usize = 1024;

const MEBIBYTE: i64 = 1 << 20;
const GIBIBYTE: i64 = 1 << 30;
const MILLISECONDS: Rule = Rule::Integer(1, 3_600_000);

/// Every key. `queues.*` stands for each priority's section, `tenants.*` for `tenant_defaults` and each tenant's.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("node.zone", Rule::Text(64)),
    ("listen.sockets", Rule::Sockets),
    ("listen.network_threads", Rule::Integer(0, 1_024)),
    ("listen.connections_max", Rule::Integer(1, 1_000_000)),
    ("listen.connections_per_tenant_max", Rule::Integer(1, 1_000_000)),
    ("listen.handshakes_max", Rule::Integer(1, 65_536)),
    ("listen.retry_handshakes_min", Rule::Integer(0, 65_536)),
    ("listen.handshake_timeout_ms", Rule::Integer(100, 60_000)),
    ("listen.idle_timeout_ms", Rule::Integer(100, 3_600_000)),
    ("listen.streams_per_connection_max", Rule::Integer(1, 65_536)),
    ("listen.request_timeout_ms", Rule::Integer(10, 600_000)),
    ("listen.reply_timeout_ms", Rule::Integer(10, 600_000)),
    // One largest frame, header included, must fit.
    ("listen.bytes_in_flight_max", Rule::Integer(32 * MEBIBYTE, 1024 * GIBIBYTE)),
    ("listen.receive_window_bytes", Rule::Integer(65_536, GIBIBYTE)),
    ("listen.stream_receive_window_bytes", Rule::Integer(65_536, GIBIBYTE)),
    ("listen.send_window_bytes", Rule::Integer(65_536, GIBIBYTE)),
    // RFC 9000, section 14: 1200 is the least a path must carry; 65527 is the most UDP can.
    ("listen.mtu_bytes_max", Rule::Integer(1_200, 65_527)),
    ("tls.ca", Rule::Path),
    ("tls.cert", Rule::Path),
    ("tls.key", Rule::Path),
    ("tls.crls", Rule::Paths),
    ("tls.crls_expired", Rule::Word(&["refuse", "accept"])),
    ("engine.backend", Rule::Word(&["auto", "reference", "lanes", "gpu"])),
    ("engine.threads", Rule::Integer(0, 1_024)),
    ("engine.nice", Rule::Integer(0, 19)),
    ("engine.affinity", Rule::Word(&["system", "core", "node"])),
    ("engine.key_table_bytes", Rule::Integer(0, 64 * GIBIBYTE)),
    ("engine.self_test_interval_ms", Rule::Integer(10, 3_600_000)),
    ("gpu.devices", Rule::Word(&["hardware", "off", "software"])),
    ("queues.*.items_max", Rule::Integer(ITEMS_MAX as i64, 1 << 30)),
    ("queues.*.batch_items_max", Rule::Integer(1, 1 << 20)),
    ("queues.*.batch_age_us_max", Rule::Integer(0, 1_000_000)),
    ("tenants.*.items_per_second", Rule::Integer(0, 1_000_000_000_000)),
    ("tenants.*.burst_items", Rule::Integer(1, 1_000_000_000_000)),
    ("tenants.*.requests_in_flight_max", Rule::Integer(1, 1_000_000)),
    ("tenants.*.bytes_in_flight_max", Rule::Integer(1, 1024 * GIBIBYTE)),
    ("tenants.*.table_bytes_max", Rule::Integer(0, 1024 * GIBIBYTE)),
    ("tenants.*.priorities", Rule::Words(&["consensus", "block", "mempool", "bulk"])),
    ("admin.listen", Rule::Socket),
    ("admin.connections_max", Rule::Integer(1, 65_536)),
    ("admin.request_timeout_ms", Rule::Integer(10, 600_000)),
    ("admin.ready_age_ms_max", MILLISECONDS),
    ("log.format", Rule::Word(&["text", "json"])),
    ("log.level", Rule::Word(&["error", "warn", "info", "debug", "trace"])),
    ("drain.timeout_ms", Rule::Integer(0, 3_600_000)),
];

const _: () = assert!(32 * MEBIBYTE > BODY_BYTES_MAX as i64 + 64);

/// The rule of a dotted key.
pub(super) fn rule(key: &str) -> Option<Rule> {
    let general = match key.split('.').collect::<Vec<_>>()[..] {
        ["queues", _, last] => format!("queues.*.{last}"),
        ["tenant_defaults", last] | ["tenants", _, last] => format!("tenants.*.{last}"),
        _ => key.to_owned(),
    };
    RULES.iter().find(|(pattern, _)| *pattern == general).map(|(_, rule)| *rule)
}

/// One demand: a key with its value must be at most, or less than, another key with its value, or something goes wrong.
type Demand = (String, u64, &'static str, String, u64, &'static str);

const AT_MOST: &str = "at most";
const LESS_THAN: &str = "less than";

/// The keys that contradict each other.
pub(super) fn relations(config: &Config) -> Vec<Problem> {
    let demands = [of_the_node(config), of_queues(config), of_tenants(config)].concat();
    let broken = demands.into_iter().filter(|(_, value, must, _, other_value, _)| match *must {
        AT_MOST => value > other_value,
        _ => value >= other_value,
    });
    broken
        .map(|(key, value, must, other, other_value, because)| {
            let fault = Fault::Relation { value, must, other, other_value, because };
            Problem { line: None, key, fault }
        })
        .collect()
}

fn of_the_node(config: &Config) -> Vec<Demand> {
    let listen = &config.listen;
    let demand = |key: &str, value, must, other: &str, other_value, because| {
        (key.to_owned(), value, must, other.to_owned(), other_value, because)
    };
    vec![
        demand(
            "listen.connections_per_tenant_max",
            listen.connections_per_tenant_max as u64,
            AT_MOST,
            "listen.connections_max",
            listen.connections_max as u64,
            "the rest could never be used",
        ),
        demand(
            "listen.retry_handshakes_min",
            listen.retry_handshakes_min as u64,
            LESS_THAN,
            "listen.handshakes_max",
            listen.handshakes_max as u64,
            "handshakes would be refused before any address was asked to prove itself",
        ),
        demand(
            "listen.stream_receive_window_bytes",
            u64::from(listen.stream_receive_window_bytes),
            AT_MOST,
            "listen.receive_window_bytes",
            u64::from(listen.receive_window_bytes),
            "a stream cannot be given more than its connection has",
        ),
        demand(
            "engine.self_test_interval_ms",
            config.engine.self_test_interval_ms,
            LESS_THAN,
            "admin.ready_age_ms_max",
            config.admin.ready_age_ms_max,
            "the node would be not ready between two self-tests",
        ),
    ]
}

fn of_queues(config: &Config) -> Vec<Demand> {
    let of = |priority: Priority| {
        let (section, queue) = (format!("queues.{}", priority.name()), config.queues.of(priority));
        (
            format!("{section}.batch_items_max"),
            queue.batch_items_max as u64,
            AT_MOST,
            format!("{section}.items_max"),
            queue.items_max as u64,
            "a batch would never fill",
        )
    };
    Priority::ALL.map(of).into()
}

fn of_tenants(config: &Config) -> Vec<Demand> {
    let defaults = std::iter::once(("tenant_defaults".to_owned(), &config.tenant_defaults));
    let tenants = config.tenants.iter().map(|(name, tenant)| (format!("tenants.{name}"), tenant));
    let of = |(section, tenant): (String, &TenantConfig)| {
        (
            format!("{section}.bytes_in_flight_max"),
            tenant.bytes_in_flight_max,
            AT_MOST,
            "listen.bytes_in_flight_max".to_owned(),
            config.listen.bytes_in_flight_max,
            "the rest could never be used",
        )
    };
    defaults.chain(tenants).map(of).collect()
}
