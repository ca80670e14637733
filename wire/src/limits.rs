//! How large the parts of a frame may be that the columns' own limits do not bound. Each says what breaks if it shrinks
//! or grows.

use assay_scheme::limits::{BODY_BYTES_MAX, COLUMN_ALIGN, CONTEXT_BYTES_MAX, ITEMS_MAX, USER_ID_BYTES_MAX};

/// Bytes of a request's parameters. Smaller: the longest user id does not fit. Larger: a peer makes the node read more
/// before its columns begin.
pub const PARAMETERS_BYTES_MAX: u32 = 16 * 1024;

/// Bytes of one value in a reply. Smaller: a public key or a SHA-512 digest does not fit. Larger: a hostile node makes its
/// clients buffer more.
pub const VALUE_BYTES_MAX: u32 = 64;

/// Bytes of a reply's message. Smaller: a refusal cannot say what is wrong. Larger: it becomes a document.
pub const MESSAGE_BYTES_MAX: usize = 1_024;

/// Backends counted in a reply. Smaller: a node with many devices cannot say which computed what. Larger: every reply may
/// bear a longer trailer.
pub const BACKENDS_MAX: usize = 64;

/// Bytes of the node's status document: the most one tagged value can hold.
pub const NODE_BYTES_MAX: usize = u16::MAX as usize;

/// Bytes of a reply's trailer. Smaller: the node's status does not fit beside a message, the counts and what is reserved.
/// Larger: a hostile node makes its clients buffer more.
pub const TRAILER_BYTES_MAX: u32 = 96 * 1024;

/// Bytes that one call can hand to the system for sending: what fits a UDP datagram over IPv4.
pub const UDP_SEND_BYTES_MAX: usize = 65_507;

/// Datagrams that the QUIC library hands over in one call at most, to be cut apart by the system or the network card.
pub const UDP_SEGMENTS_MAX: usize = 10;

/// Whether datagrams of this many bytes may be handed over several at a time. The library drops without a word what exceeds
/// [`UDP_SEND_BYTES_MAX`], and takes it for a path that carries less.
#[must_use]
pub const fn may_segment(mtu_bytes: u16) -> bool {
    mtu_bytes as usize * UDP_SEGMENTS_MAX <= UDP_SEND_BYTES_MAX
}

/// Bytes of the longest request: what a node's stream window must admit.
pub const REQUEST_BYTES_MAX: usize =
    crate::REQUEST_HEADER_LEN + PARAMETERS_BYTES_MAX as usize + BODY_BYTES_MAX as usize;

/// Bytes of the longest reply: what a client's stream window must admit.
pub const REPLY_BYTES_MAX: usize = crate::REPLY_HEADER_LEN
    + ITEMS_MAX as usize * (1 + VALUE_BYTES_MAX as usize)
    + 2 * COLUMN_ALIGN
    + TRAILER_BYTES_MAX as usize;

// What Ethernet carries, and what is advised for a node on the same machine, go several at a time.
const _: () = assert!(may_segment(1_452) && may_segment(6_500) && !may_segment(8_952));
const _: () = assert!((PARAMETERS_BYTES_MAX as usize).is_multiple_of(COLUMN_ALIGN));
const _: () =
    assert!(4 + USER_ID_BYTES_MAX + 4 + CONTEXT_BYTES_MAX + 5 + COLUMN_ALIGN <= PARAMETERS_BYTES_MAX as usize);
const _: () = assert!(PARAMETERS_BYTES_MAX <= u16::MAX as u32);
const _: () = assert!(
    4 + MESSAGE_BYTES_MAX + 4 + 4 * BACKENDS_MAX + 4 + NODE_BYTES_MAX + COLUMN_ALIGN <= TRAILER_BYTES_MAX as usize
);
const _: () = assert!((TRAILER_BYTES_MAX as usize).is_multiple_of(COLUMN_ALIGN));
