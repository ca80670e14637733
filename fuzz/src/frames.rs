//! Requests and replies.

use assay_scheme::registry::Grouping;
use assay_scheme::{Columns, Verdict};
use assay_wire::codec::{Body, decode_reply, decode_request, encode_reply};
use assay_wire::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use assay_wire::node::NodeStatus;

/// A request: what decodes has one encoding, and every item can be read.
///
/// # Panics
/// When a property does not hold.
pub fn request(data: &[u8]) -> u64 {
    let request = match decode_request(data) {
        Err(status) => return u64::from(status.code()),
        Ok(request) => request,
    };
    assert!(data.len() <= REQUEST_BYTES_MAX, "a request within limits");
    assert_eq!(request.encode().expect("decoded parameters fit"), data, "a request has one encoding");
    if let Body::Keys(keys) = &request.body {
        let read =
            (0..keys.count()).map(|key| usize::from(keys.form(key).is_ok()) + keys.key(key).len()).sum::<usize>();
        assert!(read <= data.len(), "a key's bytes lie in the frame");
        return 1 << 17 | u64::from(keys.operation().row.id());
    }
    if let Body::Votes(ballot) = &request.body {
        // Whatever the verdicts, a ballot is counted; the votes that are not looked at are not read.
        let verdicts: Vec<u8> = data.iter().copied().cycle().take(ballot.looked_at()).collect();
        let tally = ballot.tally(&verdicts);
        assert!(tally.power <= ballot.terms().total);
        assert_eq!(ballot.all_verdicts(verdicts).len(), ballot.votes().items());
        assert!(ballot.asked().is_ok());
    }
    let Some(columns) = request.columns() else { return 1 << 16 };
    let read = read_all(columns);
    assert!(read <= data.len(), "an item's bytes lie in the frame");
    let parameters = &request.parameters;
    let said = u64::from(parameters.user_id.is_some()) | u64::from(parameters.context.is_some()) << 1;
    let stride = u64::from(columns.shape().message_stride == 0) << 2;
    u64::from(columns.operation().row.id()) << 32 | parameters.hash.map_or(0, |hash| hash as u64) << 24 | said | stride
}

/// Reads every byte of every item, as a backend would; the bytes read.
fn read_all(columns: &Columns) -> usize {
    let grouping = columns.operation().grouping;
    let mut read = 0;
    let mut messages = 0;
    for item in 0..columns.items() {
        let _form = columns.form(item);
        read += 1 + columns.signature(item).len();
        match grouping {
            Grouping::Single | Grouping::Messages => read += columns.key(item).len(),
            Grouping::Keys | Grouping::KeysAndMessages => {
                read += columns.entries(item).map(|entry| columns.entry_key(entry).len()).sum::<usize>();
            }
        }
        messages += match grouping {
            Grouping::Single | Grouping::Keys => columns.message(item).len(),
            _ => columns.entries(item).map(|entry| columns.entry_message(entry).len()).sum(),
        };
    }
    assert_eq!(messages, columns.message_bytes(0..columns.items()), "what hashing costs is what is hashed");
    read + messages
}

/// A reply: decoding, encoding and decoding again gives the same, and no byte but 1 is valid.
///
/// # Panics
/// When a property does not hold.
pub fn reply(data: &[u8]) -> u64 {
    let reply = match decode_reply(data) {
        Err(status) => return u64::from(status.code()),
        Ok(reply) => reply,
    };
    assert!(data.len() <= REPLY_BYTES_MAX, "a reply within limits");
    let encoded = encode_reply(&reply);
    assert!(encoded.len() <= data.len(), "only unknown tags are dropped");
    assert_eq!(decode_reply(&encoded).as_ref(), Ok(&reply));
    let valid = reply.verdicts.iter().filter(|byte| Verdict::from_byte(**byte).is_some_and(Verdict::is_valid)).count();
    assert_eq!(valid, reply.verdicts.iter().filter(|byte| **byte == 1).count());
    if let Ok(node) = NodeStatus::from_json(&reply.node) {
        assert_eq!(NodeStatus::from_json(&node.to_json()).as_ref(), Ok(&node));
    }
    let trailer = [!reply.message.is_empty(), !reply.backends.is_empty(), !reply.node.is_empty()];
    let trailer = trailer.into_iter().fold(0, |bits, said| bits << 1 | u64::from(said));
    1 << 32 | u64::from(reply.status.min(500) / 100) << 8 | trailer << 4 | u64::from(reply.value_width > 0)
}
