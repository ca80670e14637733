//! Frames to requests and replies, and back. The protocol is drawn byte by byte in docs/protocol.md.
//!
//! - [`header`]: the two 64-byte headers, as they lie in memory.
//! - [`codec`]: `decode` and `encode` of whole frames; decoding never panics and allocates nothing beyond its limits.
//! - [`parameters`]: the tagged values between header and columns, and behind a reply's body.
//! - [`limits`]: how large the parts of a frame may be.
//! - [`status`]: every status code, who is to blame, and the codes a connection is closed with.
//! - [`node`]: what the status operation answers.
//!
//! No socket, no clock, no engine: bytes in, types out.

pub mod codec;
pub mod header;
pub mod limits;
pub mod node;
pub mod parameters;
pub mod status;

pub use codec::{Echo, Reply, ReplyFrame, Request, RequestFrame};
pub use header::{REPLY_HEADER_LEN, REQUEST_HEADER_LEN};
pub use node::NodeStatus;
pub use status::{Blame, CloseCode, Retry, Status};

/// The application protocol negotiated in TLS (RFC 7301). A change that old peers cannot read is another name.
pub const ALPN: &[u8] = b"assay/1";
