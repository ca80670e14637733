//! Batches to one or several Assay nodes over QUIC, verdicts back.
//!
//! A [`Client`] keeps a connection to each configured node, sends every request to the one that answers soonest, and sends
//! it to another when a node is full or gone. With the feature `local` it finishes on this machine's CPU when no node
//! answers before the deadline.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use assay_scheme::{Columns, Parameters, Priority, Verdict};

/// Where a node listens, and the name its certificate bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// Its socket.
    pub addr: SocketAddr,
    /// The DNS name or address in its certificate.
    pub server_name: String,
}

/// How a client is built.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The nodes, at least one.
    pub nodes: Vec<NodeAddress>,
    /// PEM file of the authority that signed the nodes' certificates.
    pub ca: PathBuf,
    /// PEM file of this client's certificate chain.
    pub cert: PathBuf,
    /// PEM file of this client's key.
    pub key: PathBuf,
    /// Requests in flight at once when a large batch is streamed.
    pub in_flight: usize,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// Finish on this machine's CPU when no node answers in time; needs the feature `local`.
    pub local_fallback: bool,
}

/// What is asked for a batch.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How urgent.
    pub priority: Priority,
    /// How long the answer is of use; `None` for as long as it takes.
    pub deadline: Option<Duration>,
}

/// The answer to a batch: one verdict (and value) per item, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// A byte an item.
    pub verdicts: Vec<u8>,
    /// `value_width` bytes an item.
    pub values: Vec<u8>,
    /// Bytes of a value.
    pub value_width: usize,
    /// Items computed by each backend, by its number.
    pub backends: Vec<u32>,
    /// Microseconds the batch (its slowest request) waited in a node.
    pub queue_us: u32,
    /// Microseconds its slowest request was computed.
    pub compute_us: u32,
    /// Items that were finished on this machine because no node answered in time.
    pub local_items: usize,
}

/// Why a request has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The client's own configuration or files.
    #[error("{what}: {why}")]
    Setup {
        /// Which file or setting.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// No node could be reached.
    #[error("no node could be reached; the last one, {node}, said: {why}")]
    Unreachable {
        /// The last node tried.
        node: String,
        /// What went wrong.
        why: String,
    },
    /// A node answered with a status other than ok, and no other node took the request.
    #[error("the node answered {status}: {message}", status = .status.name())]
    Refused {
        /// The status.
        status: assay_wire::Status,
        /// The node's words.
        message: String,
        /// How long it asks to wait.
        retry_after: Duration,
    },
    /// No answer came before the deadline.
    #[error("no answer came before the deadline")]
    DeadlineExceeded,
    /// A node's reply is not one.
    #[error("the node's reply is not understood: {0}")]
    BadReply(String),
    /// The batch is empty or does not fit its parameters.
    #[error("{0}")]
    Usage(String),
}

/// A client of one or several nodes. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Client {
    _private: (),
}

impl Client {
    /// Reads the certificates and connects to the nodes; one that answers is enough.
    ///
    /// # Errors
    /// [`Error::Setup`] or [`Error::Unreachable`].
    pub async fn connect(_config: ClientConfig) -> Result<Self, Error> {
        unimplemented!()
    }

    /// One request, one reply: verify, recover, digest or merkle, as the columns' operation says.
    ///
    /// # Errors
    /// When no node (and not this machine either) gave an answer.
    pub async fn request(
        &self,
        _columns: &Columns,
        _parameters: &Parameters,
        _options: Options,
    ) -> Result<Answer, Error> {
        unimplemented!()
    }

    /// A large batch as several requests, [`ClientConfig::in_flight`] at a time; `progress` hears of the items done so far.
    ///
    /// # Errors
    /// The first request's that got no answer.
    pub async fn stream<I>(
        &self,
        _batches: I,
        _parameters: &Parameters,
        _options: Options,
        _progress: impl FnMut(usize) + Send,
    ) -> Result<Answer, Error>
    where
        I: IntoIterator<Item = Columns> + Send,
        I::IntoIter: Send,
    {
        unimplemented!()
    }

    /// What the nodes offer and how busy they are; one entry per node, in the configuration's order.
    pub async fn status(&self) -> Vec<(NodeAddress, Result<assay_wire::NodeStatus, Error>)> {
        unimplemented!()
    }

    /// Finishes what is in flight and closes the connections.
    pub async fn close(self) {
        unimplemented!()
    }
}

impl Answer {
    /// Items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.verdicts.len()
    }

    /// Item `item`'s verdict.
    #[must_use]
    pub fn verdict(&self, item: usize) -> Verdict {
        Verdict::from_byte(self.verdicts[item]).unwrap_or(Verdict::NotEvaluated(assay_scheme::Cause::BackendFault))
    }

    /// Item `item`'s value.
    #[must_use]
    pub fn value(&self, item: usize) -> &[u8] {
        &self.values[item * self.value_width..(item + 1) * self.value_width]
    }
}
