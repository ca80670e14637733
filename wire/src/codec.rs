//! Whole frames, decoded and encoded.

mod reply;
mod request;

pub use reply::{
    Reply, ReplyFrame, decode_reply, decode_reply_header, decode_reply_parts, decode_reply_rest, encode_reply,
    encode_reply_parts,
};
pub use request::{
    Body, Echo, Request, RequestFrame, decode_request, decode_request_header, decode_request_rest, encode_preload_head,
    encode_quorum_head, encode_request_head, encode_status_request,
};
