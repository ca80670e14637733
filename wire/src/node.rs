//! What the status operation answers: a JSON document in the reply's trailer. A reader ignores members it does not know
//! and takes absent ones as empty, so that nodes and clients of different versions understand each other.

use serde::{Deserialize, Serialize};

use crate::limits::NODE_BYTES_MAX;
use crate::status::Status;

/// A node's capabilities and how busy it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// The node's version.
    pub version: String,
    /// `starting`, `ready`, `degraded` or `draining`.
    pub state: String,
    /// Where the node stands, as its operator named it; clients prefer their own.
    pub zone: String,
    /// Items a second the node expects to compute, by operation; empty while unknown.
    pub capacity: std::collections::BTreeMap<String, f64>,
    /// The kinds served, by name; empty on nodes from before there was a choice.
    pub kinds: Vec<String>,
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
#[serde(default)]
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
#[serde(default)]
pub struct QueueReport {
    /// Items waiting or being computed.
    pub items: u64,
    /// The most it holds.
    pub limit: u64,
}

impl NodeStatus {
    /// The document, at most [`NODE_BYTES_MAX`] bytes. Should it be longer, the notes of the backends go first, then the
    /// backends, then every list; a number that JSON cannot write (an infinite capacity) is left out.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut node = self.clone();
        node.capacity.retain(|_, items| items.is_finite());
        if !node.uptime_s.is_finite() {
            node.uptime_s = 0.0;
        }
        let shorten: [fn(&mut Self); 3] = [
            |node| node.backends.iter_mut().for_each(|backend| backend.note.clear()),
            |node| node.backends.clear(),
            |node| *node = Self { uptime_s: node.uptime_s, items_max: node.items_max, ..Self::default() },
        ];
        let mut json = node.json();
        for shorten in shorten {
            if json.len() <= NODE_BYTES_MAX {
                break;
            }
            shorten(&mut node);
            json = node.json();
        }
        json
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`Status::BadParameter`] when it is not one.
    pub fn from_json(json: &[u8]) -> Result<Self, Status> {
        serde_json::from_slice(json).map_err(|_| Status::BadParameter)
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, finite numbers and string keys are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_and_unknown_members_are_ignored() {
        let node = NodeStatus {
            version: "1".into(),
            capacity: [("sha256".to_owned(), 1.5e9)].into(),
            queues: [("bulk".to_owned(), QueueReport { items: 1, limit: 2 })].into(),
            backends: vec![BackendReport { name: "reference".into(), serving: true, ..Default::default() }],
            ..Default::default()
        };
        assert_eq!(NodeStatus::from_json(&node.to_json()), Ok(node));
        assert_eq!(NodeStatus::from_json(b"{\"new\":[1]}"), Ok(NodeStatus::default()));
        assert_eq!(NodeStatus::from_json(b"{"), Err(Status::BadParameter));
    }

    #[test]
    fn a_document_always_fits_and_is_always_json() {
        let mut node = NodeStatus { state: "ready".into(), uptime_s: f64::NAN, ..Default::default() };
        node.capacity.insert("sha256".into(), f64::INFINITY);
        node.backends =
            vec![BackendReport { name: "gpu".into(), note: "\u{1}".repeat(1_000), ..Default::default() }; 64];
        let json = node.to_json();
        assert!(json.len() <= NODE_BYTES_MAX);
        let read = NodeStatus::from_json(&json).expect("JSON");
        assert_eq!((read.backends.len(), read.backends[0].note.as_str()), (64, ""), "only the notes are gone");
        node.zone = "z".repeat(70_000);
        assert!(node.to_json().len() <= NODE_BYTES_MAX);
    }
}
