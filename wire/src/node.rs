//! What the status operation answers: a JSON document in the reply's trailer.

use serde::{Deserialize, Serialize};

/// A node's capabilities and how busy it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node's version.
    pub version: String,
    /// `starting`, `ready`, `degraded` or `draining`.
    pub state: String,
    /// Where the node stands, as its operator named it; clients prefer their own.
    pub zone: String,
    /// Items a second the node expects to compute, by operation; empty while unknown.
    pub capacity: std::collections::BTreeMap<String, f64>,
    /// The operations served, by name.
    pub operations: Vec<String>,
    /// The backends.
    pub backends: Vec<BackendReport>,
    /// Requests waiting, by priority's name.
    pub queues: std::collections::BTreeMap<String, QueueReport>,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// Items one request may hold.
    pub items_max: u32,
    /// Bytes of body one request may hold.
    pub body_bytes_max: u32,
}

/// One backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackendReport {
    /// Its name.
    pub name: String,
    /// Whether it serves now.
    pub serving: bool,
    /// Items computed since the start.
    pub items: u64,
    /// What it is, or why it does not serve.
    pub note: String,
}

/// One priority's queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Items waiting or being computed.
    pub items: u64,
    /// The most it holds.
    pub limit: u64,
}
