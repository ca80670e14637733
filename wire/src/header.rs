//! The two fixed headers. All integers are little-endian; offsets are asserted at compile time.

use bytemuck::{Pod, Zeroable};

/// Bytes of a request's header.
pub const REQUEST_HEADER_LEN: usize = 64;
/// Bytes of a reply's header.
pub const REPLY_HEADER_LEN: usize = 64;
/// "ASAY" as bytes on the wire: a request.
pub const REQUEST_MAGIC: u32 = u32::from_le_bytes(*b"ASAY");
/// "ASAR" as bytes on the wire: a reply.
pub const REPLY_MAGIC: u32 = u32::from_le_bytes(*b"ASAR");

/// The first 64 bytes of a request, as they travel. On a big-endian machine the fields are swapped when it is read
/// and when it is written: [`RawRequestHeader::read`] and [`RawRequestHeader::write`] are the only ways in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RawRequestHeader {
    /// [`REQUEST_MAGIC`].
    pub magic: u32,
    /// [`REQUEST_HEADER_LEN`].
    pub header_len: u16,
    /// [`assay_scheme::Kind`].
    pub kind: u16,
    /// [`assay_scheme::Row`]; 0 for the status operation.
    pub row: u16,
    /// [`assay_scheme::Hash`], 0 for none.
    pub hash: u8,
    /// [`assay_scheme::Priority`].
    pub priority: u8,
    /// No bit is assigned yet; an unknown bit is an error.
    pub flags: u32,
    /// Items, 1 to the limit; 0 for the status operation.
    pub items: u32,
    /// Bytes of parameters, a multiple of 8.
    pub params_len: u32,
    /// Microseconds from receipt until the answer is of no use; 0 for no deadline.
    pub deadline_us: u32,
    /// Bytes of each message, 0 when messages have offsets.
    pub message_stride: u32,
    /// Bytes of columns behind the parameters, a multiple of 8.
    pub body_len: u64,
    /// Chosen by the client, echoed in the reply.
    pub nonce: [u8; 16],
    /// Zero: for a trace parent.
    pub reserved: [u8; 8],
}

/// The first 64 bytes of a reply, as they travel; read and written like [`RawRequestHeader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RawReplyHeader {
    /// [`REPLY_MAGIC`].
    pub magic: u32,
    /// [`REPLY_HEADER_LEN`].
    pub header_len: u16,
    /// [`crate::Status`].
    pub status: u16,
    /// The request's kind.
    pub kind: u16,
    /// The request's row.
    pub row: u16,
    /// Bytes of a value, 0 where the verdict is the answer.
    pub value_width: u32,
    /// Items answered; 0 unless the status is ok.
    pub items: u32,
    /// Microseconds after which a refused request may be sent again; 0 for no hint.
    pub retry_after_us: u32,
    /// Microseconds the request waited before its first item was computed; clients balance by it.
    pub queue_us: u32,
    /// Microseconds from the first item's start to the last one's end.
    pub compute_us: u32,
    /// Bytes of verdicts and values, a multiple of 8.
    pub body_len: u64,
    /// The request's nonce.
    pub nonce: [u8; 16],
    /// Bytes of tagged values behind the body, a multiple of 8.
    pub trailer_len: u32,
    /// Zero.
    pub reserved: [u8; 4],
}

const _: () = {
    assert!(size_of::<RawRequestHeader>() == REQUEST_HEADER_LEN);
    assert!(size_of::<RawReplyHeader>() == REPLY_HEADER_LEN);
    assert!(core::mem::offset_of!(RawRequestHeader, body_len) == 32);
    assert!(core::mem::offset_of!(RawReplyHeader, body_len) == 32);
};

/// `read` and `write` of a header: a copy of 64 bytes, and a byte swap of each field on a big-endian machine alone.
macro_rules! little_endian {
    ($header:ident, $len:ident, $($field:ident),*) => {
        impl $header {
            /// The header these bytes are, unchecked.
            #[must_use]
            pub fn read(bytes: &[u8; $len]) -> Self {
                let mut header: Self = bytemuck::pod_read_unaligned(bytes);
                $(header.$field = header.$field.to_le();)*
                header
            }

            /// The bytes of this header.
            #[must_use]
            pub fn write(mut self) -> [u8; $len] {
                $(self.$field = self.$field.to_le();)*
                bytemuck::cast(self)
            }
        }
    };
}

little_endian!(
    RawRequestHeader,
    REQUEST_HEADER_LEN,
    magic,
    header_len,
    kind,
    row,
    flags,
    items,
    params_len,
    deadline_us,
    message_stride,
    body_len
);
little_endian!(
    RawReplyHeader,
    REPLY_HEADER_LEN,
    magic,
    header_len,
    status,
    kind,
    row,
    value_width,
    items,
    retry_after_us,
    queue_us,
    compute_us,
    body_len,
    trailer_len
);
