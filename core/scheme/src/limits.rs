//! The limits that both ends of the wire and the engine share. Each says what breaks if it shrinks or grows.

/// Items in one request, 1 to this many. Smaller: bulk senders pay a header and a stream more often. Larger: one request
/// holds a worker's memory longer, and a verdict column no longer fits a UDP send burst.
pub const ITEMS_MAX: u32 = 65_536;

/// Bytes of one request's columns. Smaller: long messages must be hashed by the sender. Larger:
/// every connection may make the node buffer more before anything is checked.
pub const BODY_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// Bytes of an SM2 user id: its length in bits is a 16-bit field (GB/T 32918.2-2016, section 5.5), so 8,191 is the most
/// that can be said.
pub const USER_ID_BYTES_MAX: usize = 8_191;

/// Bytes of an ML-DSA context string (FIPS 204, section 5.2).
pub const CONTEXT_BYTES_MAX: usize = 255;

/// Every column starts at a multiple of this many bytes, and the body's length is one.
pub const COLUMN_ALIGN: usize = 8;

const _: () = assert!((BODY_BYTES_MAX as usize).is_multiple_of(COLUMN_ALIGN));
const _: () = assert!(USER_ID_BYTES_MAX * 8 <= u16::MAX as usize);
// The heaviest fixed row (ML-DSA-65: 5,261 bytes an item) still gets batches worth sending.
const _: () = assert!(BODY_BYTES_MAX / 5_261 > 1_024);
