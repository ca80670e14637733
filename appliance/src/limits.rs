//! What may not be configured: each limit says what breaks if it shrinks or grows, and relations between them are asserted
//! here. What may be configured stands in config/default.toml.

use std::time::Duration;

/// The shortest retry hint. Shorter: a refused peer comes back before one worker quantum (1 ms) has freed anything.
/// Longer: a peer that met a momentary burst waits for nothing.
pub const RETRY_AFTER_MIN: Duration = Duration::from_millis(1);

/// The longest retry hint. Shorter: peers of a saturated node ask in vain. Longer: they stay away after it has recovered.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// Busy time over which the pace of answering is measured. Shorter: one large request sways the hints. Longer: they lag
/// behind a change of load.
pub const RATE_WINDOW: Duration = Duration::from_millis(50);

/// The QUIC version served: 1 (RFC 9000). More: drafts that nobody tests.
pub const QUIC_VERSION: u32 = 1;

/// Bytes asked of the system for each direction of a socket. Smaller: a burst of large datagrams is lost before it is
/// read, and congestion control slows everyone down. Larger: packets grow old in the buffer instead of being lost.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Bytes kept of a connection attempt until its handshake begins, beyond its first packet. Smaller: a client's second
/// packet is lost and sent again. Larger: strangers make the node keep more.
pub const INCOMING_BYTES_MAX: u64 = 8 * 1024;

/// The least UDP payload an endpoint receives. Smaller than an Ethernet frame's: peers that send more are unheard.
pub const UDP_PAYLOAD_BYTES_MIN: u16 = 1472;

/// Times the age at which a known-answer batch no longer makes the node ready, after which the process no longer counts as
/// live. Smaller: a supervisor restarts a node that is only overloaded. Larger: a hung one stays longer.
pub const HUNG_AGES: u32 = 6;

/// How long requests that a drain cut off may take to be told so. Shorter: they hear nothing. Longer: the process outlives
/// its drain by as much.
pub const CUT_TIME_MAX: Duration = Duration::from_millis(500);

/// How long connections may take to be closed in order at the end. Shorter: peers learn of the end by their idle timeout.
/// Longer: an unreachable peer keeps the process.
pub const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// How often a draining node looks whether everything is answered. Shorter: nothing is gained. Longer: it exits later.
pub const DRAIN_POLL: Duration = Duration::from_millis(5);

const _: () = assert!(RETRY_AFTER_MIN.as_nanos() < RETRY_AFTER_MAX.as_nanos());
// The hint travels as a u32 of microseconds.
const _: () = assert!(RETRY_AFTER_MAX.as_micros() <= u32::MAX as u128);
