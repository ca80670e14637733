//! The configuration: `config/default.toml` read first, an operator's file laid over it, every mistake named.
//!
//! - `rules`: what each key may hold, and which keys must agree with each other.
//! - `read`: text to a checked table: unknown keys, types, ranges, with their lines.
//! - [`error`]: what is wrong with a file, for its author.
//!
//! This module opens no other file and no socket: whether a certificate exists is [`crate::tls`]'s business.

pub mod error;
mod read;
mod rules;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assay_core::{BackendName, Choice, GpuChoice};
use assay_scheme::Priority;
use serde::{Deserialize, Serialize};

pub use error::{ConfigError, Problem};

/// The built-in configuration: the base of every other one, and the documentation of each key.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// A checked configuration. The sections and keys are documented in [`DEFAULT`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This node's place.
    pub node: NodeConfig,
    /// The QUIC endpoints.
    pub listen: ListenConfig,
    /// Certificates and revocation.
    pub tls: TlsConfig,
    /// The engine.
    pub engine: EngineConfig,
    /// Graphics devices.
    pub gpu: GpuConfig,
    /// One queue per priority.
    pub queues: QueuesConfig,
    /// What a tenant may do unless its own section says otherwise.
    pub tenant_defaults: TenantConfig,
    /// The tenants served, by name; each complete, with the defaults already laid under.
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantConfig>,
    /// The HTTP listener of operators.
    pub admin: AdminConfig,
    /// The log.
    pub log: LogConfig,
    /// The end.
    pub drain: DrainConfig,
}

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Where the node stands; empty for unsaid.
    pub zone: String,
}

/// `[listen]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// UDP addresses, at least one; one endpoint each.
    pub sockets: Vec<SocketAddr>,
    /// Threads that read sockets; 0 to let the node choose ([`ListenConfig::network_threads`]).
    pub network_threads: usize,
    /// Open connections over all tenants.
    pub connections_max: usize,
    /// Open connections of one tenant.
    pub connections_per_tenant_max: usize,
    /// Handshakes under way.
    pub handshakes_max: usize,
    /// Handshakes under way from which on a new address must prove itself by RETRY; 0 for always.
    pub retry_handshakes_min: usize,
    /// Milliseconds a handshake may take.
    pub handshake_timeout_ms: u64,
    /// Milliseconds without a packet after which a connection is closed.
    pub idle_timeout_ms: u64,
    /// Bidirectional streams of one connection at the same time.
    pub streams_per_connection_max: u32,
    /// Milliseconds in which a frame must arrive.
    pub request_timeout_ms: u64,
    /// Milliseconds in which a reply must be taken.
    pub reply_timeout_ms: u64,
    /// Bytes of frames in flight over all tenants.
    pub bytes_in_flight_max: u64,
    /// QUIC connection window, in bytes.
    pub receive_window_bytes: u32,
    /// QUIC stream window, in bytes.
    pub stream_receive_window_bytes: u32,
    /// Bytes sent and not yet acknowledged on one connection.
    pub send_window_bytes: u64,
    /// Upper bound of path MTU discovery, in bytes of UDP payload.
    pub mtu_bytes_max: u16,
}

impl ListenConfig {
    /// Threads that read sockets on a machine with so many cores: as configured, or one per four cores, at least one.
    #[must_use]
    pub fn network_threads(&self, cores: usize) -> usize {
        if self.network_threads == 0 { (cores / 4).max(1) } else { self.network_threads }
    }
}

/// `[tls]`. Paths are as written, made absolute against the folder of the file that named them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file of the clients' authorities.
    pub ca: PathBuf,
    /// PEM file of the node's certificate chain.
    pub cert: PathBuf,
    /// PEM file of the node's private key.
    pub key: PathBuf,
    /// Revocation lists, PEM or DER.
    pub crls: Vec<PathBuf>,
    /// What happens once a list is past its next update.
    pub crls_expired: CrlsExpired,
}

/// What happens to handshakes once a revocation list is past its next update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CrlsExpired {
    /// They are refused.
    Refuse,
    /// Those of certificates that the stale list does not name go on.
    Accept,
}

/// `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// Which backends may compute.
    #[serde(with = "backend")]
    pub backend: Choice,
    /// CPU worker threads; 0 is one per core.
    pub threads: usize,
    /// Unix niceness of the workers, 0 to 19.
    pub nice: u8,
    /// Where workers run.
    pub affinity: Affinity,
    /// Bytes of the tables of keys that keep coming.
    pub key_table_bytes: usize,
    /// Milliseconds between known-answer batches.
    pub self_test_interval_ms: u64,
}

/// Where the engine's workers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Affinity {
    /// Where the system puts them.
    System,
    /// Each on a core of its own, the NUMA nodes in turns.
    Core,
    /// Each on the cores of one NUMA node, the nodes in turns.
    Node,
}

/// `[gpu]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GpuConfig {
    /// Which devices may compute.
    #[serde(with = "gpu_devices")]
    pub devices: GpuChoice,
}

/// `[queues]`: one per priority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QueuesConfig {
    /// Votes and quorum certificates.
    pub consensus: QueueConfig,
    /// Blocks.
    pub block: QueueConfig,
    /// Transactions.
    pub mempool: QueueConfig,
    /// History.
    pub bulk: QueueConfig,
}

impl QueuesConfig {
    /// The queue of a priority.
    #[must_use]
    pub fn of(&self, priority: Priority) -> &QueueConfig {
        match priority {
            Priority::Consensus => &self.consensus,
            Priority::Block => &self.block,
            Priority::Mempool => &self.mempool,
            Priority::Bulk => &self.bulk,
        }
    }
}

/// `[queues.PRIORITY]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    /// Items waiting or being computed.
    pub items_max: usize,
    /// Items at which a batch is sent.
    pub batch_items_max: usize,
    /// Microseconds after which a batch is sent.
    pub batch_age_us_max: u64,
}

/// `[tenant_defaults]` and `[tenants.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TenantConfig {
    /// Items a second; 0 for no limit.
    pub items_per_second: u64,
    /// Items that may come at once.
    pub burst_items: u64,
    /// Requests at the same time.
    pub requests_in_flight_max: usize,
    /// Bytes of requests at the same time.
    pub bytes_in_flight_max: u64,
    /// Bytes of tables of known keys kept ready.
    pub table_bytes_max: u64,
    /// The priorities the tenant may ask for, at least one.
    #[serde(with = "priorities")]
    pub priorities: Vec<Priority>,
}

impl TenantConfig {
    /// Whether the tenant may ask for this priority.
    #[must_use]
    pub fn permits(&self, priority: Priority) -> bool {
        self.priorities.contains(&priority)
    }
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// TCP address of the HTTP listener.
    pub listen: SocketAddr,
    /// Open connections.
    pub connections_max: usize,
    /// Milliseconds for a request's head to arrive and for its answer to be taken.
    pub request_timeout_ms: u64,
    /// Milliseconds after which the last known-answer batch no longer makes the node ready.
    pub ready_age_ms_max: u64,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least severe event that is written.
    pub level: LogLevel,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The least severe event that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// The node is broken.
    Error,
    /// Something an operator should look at.
    Warn,
    /// What happened, a few lines an hour.
    Info,
    /// Each request.
    Debug,
    /// Each step.
    Trace,
}

/// `[drain]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DrainConfig {
    /// Milliseconds to finish what is under way.
    pub timeout_ms: u64,
}

impl DrainConfig {
    /// Time to finish what is under way.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Config {
    /// The built-in configuration, with the file's keys over it where one is given.
    ///
    /// # Errors
    /// When the file cannot be read or is not TOML, or with every key of it that is wrong.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Self::parse("", Path::new("default.toml")) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), why: source.to_string() })?;
        Self::parse(&text, path)
    }

    /// The built-in configuration with this text's keys over it. `path` names the text in errors, and relative paths in the
    /// text are relative to its folder.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let table = read::checked(text, path)?;
        let mut config: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Shape { path: path.to_owned(), why: error.to_string() })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = &mut config.tls;
        for file in [&mut tls.ca, &mut tls.cert, &mut tls.key].into_iter().chain(&mut tls.crls) {
            // An absolute path replaces the folder.
            *file = folder.join(&*file);
        }
        let problems = rules::relations(&config);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { path: path.to_owned(), problems }) }
    }
}

/// `"auto"` or a backend's name.
mod backend {
    use super::{BackendName, Choice};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(choice: &Choice, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match choice {
            Choice::Auto => "auto",
            Choice::Only(name) => name.name(),
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Choice, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "auto" {
            return Ok(Choice::Auto);
        }
        BackendName::from_name(&word).map(Choice::Only).ok_or_else(|| D::Error::custom(format!("no backend {word}")))
    }
}

/// Which graphics devices, by name.
mod gpu_devices {
    use super::GpuChoice;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(choice: &GpuChoice, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(choice.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<GpuChoice, D::Error> {
        let word = String::deserialize(deserializer)?;
        GpuChoice::from_name(&word).ok_or_else(|| D::Error::custom(format!("no graphics devices are {word}")))
    }
}

/// A list of priorities' names.
mod priorities {
    use super::Priority;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(list: &[Priority], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|priority| priority.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Priority>, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        words
            .iter()
            .map(|word| Priority::from_name(word).ok_or_else(|| D::Error::custom(format!("no priority {word}"))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_configuration_loads() {
        let config = Config::load(None).expect("the built-in configuration holds");
        assert_eq!(config.admin.listen.port(), 9464);
        assert!(config.tenants.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_an_answer(text in ".{0,200}") {
            let _ = Config::parse(&text, Path::new("any"));
        }

        #[test]
        fn the_reference_with_a_piece_exchanged_has_an_answer(at in 0..DEFAULT.len(), len in 0_usize..40, text in ".{0,8}") {
            let end = (at + len).min(DEFAULT.len());
            if DEFAULT.is_char_boundary(at) && DEFAULT.is_char_boundary(end) {
                let changed = [&DEFAULT[..at], &text, &DEFAULT[end..]].concat();
                if let Err(error) = Config::parse(&changed, Path::new("any")) {
                    proptest::prop_assert!(error.to_string().starts_with("any"), "{}", error);
                    proptest::prop_assert!(!matches!(error, ConfigError::Shape { .. }), "{}", error);
                }
            }
        }
    }
}
