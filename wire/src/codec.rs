//! Whole frames, decoded and encoded.

use std::sync::Arc;

use assay_scheme::{Columns, Kind, Operation, Parameters, Priority, Shape};

use crate::status::Status;

/// What a request's header says, checked: everything needed to admit it before its body is read.
#[derive(Clone, Debug)]
pub struct RequestFrame {
    /// What is asked. [`Kind::Status`] has no operation.
    pub kind: Kind,
    /// The row; `None` for the status operation alone.
    pub operation: Option<&'static Operation>,
    /// How urgent.
    pub priority: Priority,
    /// Items and message stride.
    pub shape: Shape,
    /// Microseconds from receipt until the answer is of no use; 0 for none.
    pub deadline_us: u32,
    /// Bytes of parameters.
    pub params_len: usize,
    /// Bytes of columns.
    pub body_len: usize,
    /// Echoed in the reply.
    pub nonce: [u8; 16],
    /// The header's hash byte, resolved.
    pub hash: Option<assay_scheme::Hash>,
}

/// A decoded request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its header.
    pub frame: RequestFrame,
    /// Its parameters, which fit the operation.
    pub parameters: Parameters,
    /// Its columns; `None` for the status operation.
    pub columns: Option<Columns>,
}

/// A decoded or not yet encoded reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status's code: a client may meet one it does not know.
    pub status: u16,
    /// The request's kind.
    pub kind: u16,
    /// The request's row.
    pub row: u16,
    /// The request's nonce.
    pub nonce: [u8; 16],
    /// Microseconds after which to try again.
    pub retry_after_us: u32,
    /// Microseconds waited in the node.
    pub queue_us: u32,
    /// Microseconds computed.
    pub compute_us: u32,
    /// Bytes of a value.
    pub value_width: usize,
    /// A byte an item.
    pub verdicts: Vec<u8>,
    /// `value_width` bytes an item.
    pub values: Vec<u8>,
    /// Words for people; empty for none.
    pub message: String,
    /// Items computed by each backend, by its number; empty for none.
    pub backends: Vec<u32>,
    /// The status operation's JSON; empty for none.
    pub node: Vec<u8>,
}

impl RequestFrame {
    /// Bytes behind the 64 of the header.
    #[must_use]
    pub fn rest_len(&self) -> usize {
        self.params_len + self.body_len
    }
}

/// Reads a request's 64 header bytes.
///
/// # Errors
/// The status to answer with.
pub fn decode_request_header(_bytes: &[u8; crate::REQUEST_HEADER_LEN]) -> Result<RequestFrame, Status> {
    unimplemented!()
}

/// Reads what follows the header: `rest` is exactly parameters and columns (`rest_len()` bytes) and is kept, not copied.
///
/// # Errors
/// The status to answer with.
pub fn decode_request_rest(_frame: RequestFrame, _rest: Arc<Vec<u8>>) -> Result<Request, Status> {
    unimplemented!()
}

/// A request's bytes before its columns: header and parameters. The columns' own `body()` follows, so that it is not
/// copied.
#[must_use]
pub fn encode_request_head(
    _columns: &Columns,
    _parameters: &Parameters,
    _priority: Priority,
    _deadline_us: u32,
    _nonce: [u8; 16],
) -> Vec<u8> {
    unimplemented!()
}

/// The whole frame of a status request: 64 bytes.
#[must_use]
pub fn encode_status_request(_nonce: [u8; 16]) -> Vec<u8> {
    unimplemented!()
}

/// A reply's bytes.
#[must_use]
pub fn encode_reply(_reply: &Reply) -> Vec<u8> {
    unimplemented!()
}

/// Reads a whole reply frame.
///
/// # Errors
/// What is wrong with it, as the status a node would have said it with.
pub fn decode_reply(_bytes: &[u8]) -> Result<Reply, Status> {
    unimplemented!()
}
