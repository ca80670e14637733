//! The client's bounds. Each says what breaks if it shrinks or grows.

use std::time::Duration;

use assay_wire::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};

/// Requests of one stream in flight, 1 to this many. Smaller: a far node's path is not filled. Larger: the windows below
/// no longer hold them, and answers that arrive out of order pile up.
pub const IN_FLIGHT_MAX: usize = 256;

/// Nodes of one client. Larger: choosing among them, which looks at each, costs more than a request.
pub const NODES_MAX: usize = 64;

/// Bytes that all streams of one connection may hold unread. Smaller: many large replies wait for each other. Larger: a
/// hostile node makes the client hold more.
pub const RECEIVE_WINDOW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes sent on one connection and not yet acknowledged. Smaller: a far node's path is not filled. Larger: more memory is
/// kept for a node that has stopped acknowledging.
pub const SEND_WINDOW_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes asked of the kernel for each direction of the socket; it may grant less. Smaller: bursts are dropped on receipt.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// A connection on which nothing was heard for this long is lost. Shorter: a node starved of CPU for a moment loses its
/// clients. Longer: requests to a machine that lost its power wait longer before another node gets them.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(6);

/// A silent connection is probed this often: two probes may be lost before the idle timeout.
pub const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The first pause before a request that a node was too full for, or broke off, is sent to that node again; it doubles (the
/// protocol's, docs/protocol.md).
pub const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause between two tries of one request.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// A node that asks to wait longer than this is not waited for: the caller hears of it instead.
pub const RETRY_HINT_MAX: Duration = Duration::from_secs(10);

/// Where this machine may compute and no deadline says when, a node that asks to wait longer than this is not waited for.
/// Shorter: this machine takes over what a node would do after a moment. Longer: it idles while its caller waits.
pub const LOCAL_RATHER_THAN_WAIT: Duration = Duration::from_millis(100);

/// The round trip assumed before one was measured: an unanswered handshake is repeated after three of these. RFC 9002
/// starts from 333 ms for paths around the world; a node stands nearer.
pub const INITIAL_RTT: Duration = Duration::from_millis(100);

/// The first pause between two attempts to connect. It doubles; each is shortened by a random share of up to a half, so
/// that many clients do not return to a restarted node at once.
pub const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause between two attempts to connect. Longer: a node that comes back idles longer. Shorter: clients of a
/// node that is gone for good keep knocking.
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(5);

/// A connection that lived this long was good: the next attempt comes at once and the pauses start over.
pub const CONNECTION_GOOD_AFTER: Duration = Duration::from_secs(1);

/// Requests for which a second node is being asked, at once and over the whole client. Larger: when every node is slow,
/// the doubled requests make them slower.
pub const SECOND_NODES_MAX: usize = 16;

/// Bytes of any of the PEM files.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Closing waits this long for the nodes to hear of it.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);

const _: () = assert!(KEEP_ALIVE.as_millis() * 3 <= IDLE_TIMEOUT.as_millis());
const _: () = assert!(REPLY_BYTES_MAX <= RECEIVE_WINDOW_BYTES_MAX);
const _: () = assert!(REQUEST_BYTES_MAX as u64 * 2 <= SEND_WINDOW_BYTES_MAX);
