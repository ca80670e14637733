//! Replies. A client reads the 64 header bytes first and learns how much follows, so that a hostile node cannot make it
//! buffer more than [`crate::limits::REPLY_BYTES_MAX`].

use assay_scheme::limits::{COLUMN_ALIGN, ITEMS_MAX};
use assay_scheme::quorum::Tally;

use crate::codec::Echo;
use crate::header::{REPLY_HEADER_LEN, REPLY_MAGIC, RawReplyHeader};
use crate::limits::{BACKENDS_MAX, MESSAGE_BYTES_MAX, NODE_BYTES_MAX, TRAILER_BYTES_MAX, VALUE_BYTES_MAX};
use crate::node::NodeStatus;
use crate::parameters::{ReplyTag, TALLY_LEN, TagReader, put, read_tally, tagged_len, write_tally};
use crate::status::Status;

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
    /// What a quorum's votes add up to.
    pub tally: Option<Tally>,
    /// Bytes of the tables that a preload made ready.
    pub tables: Option<u64>,
}

/// What a reply's header says, checked: how much follows, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyFrame {
    /// The status's code: a client may meet one it does not know.
    pub status: u16,
    /// What the node repeats of the request: a client compares it with what it sent.
    pub echo: Echo,
    /// Items answered, at most [`ITEMS_MAX`]; 0 unless the status is ok.
    pub items: usize,
    /// Bytes of a value, at most [`VALUE_BYTES_MAX`].
    pub value_width: usize,
    /// Microseconds after which to try again.
    pub retry_after_us: u32,
    /// Microseconds waited in the node.
    pub queue_us: u32,
    /// Microseconds computed.
    pub compute_us: u32,
    /// Bytes of verdicts and values: exactly what `items` and `value_width` need.
    pub body_len: usize,
    /// Bytes of trailer, at most [`TRAILER_BYTES_MAX`].
    pub trailer_len: usize,
}

impl ReplyFrame {
    /// Bytes behind the 64 of the header.
    #[must_use]
    pub fn rest_len(&self) -> usize {
        self.body_len + self.trailer_len
    }

    /// Bytes of the verdicts and of the values, padded, and of the trailer: [`ReplyFrame::rest_len`] together.
    #[must_use]
    pub fn part_lens(&self) -> [usize; 3] {
        let verdicts = self.items.next_multiple_of(COLUMN_ALIGN);
        [verdicts, self.body_len - verdicts, self.trailer_len]
    }
}

impl Reply {
    /// The answer to every item: a verdict byte each, and `value_width` bytes of value each.
    #[must_use]
    pub fn answer(echo: Echo, verdicts: Vec<u8>, values: Vec<u8>, value_width: usize) -> Self {
        Self { verdicts, values, value_width, ..Self::to(echo, Status::Ok) }
    }

    /// A request that is not answered: why, in words too, and after how long it may be sent again (0 for no hint).
    #[must_use]
    pub fn refusal(echo: Echo, status: Status, message: impl Into<String>, retry_after_us: u32) -> Self {
        let mut message = message.into();
        message.truncate(message_len(&message));
        Self { message, retry_after_us, ..Self::to(echo, status) }
    }

    /// The answer to the status operation.
    #[must_use]
    pub fn node_status(echo: Echo, node: &NodeStatus) -> Self {
        Self { node: node.to_json(), ..Self::to(echo, Status::Ok) }
    }

    /// The status; `None` for a code this version does not know.
    #[must_use]
    pub fn known_status(&self) -> Option<Status> {
        Status::from_code(self.status)
    }

    /// What the node repeated of the request.
    #[must_use]
    pub fn echo(&self) -> Echo {
        Echo { kind: self.kind, row: self.row, nonce: self.nonce }
    }

    fn to(echo: Echo, status: Status) -> Self {
        Self { status: status.code(), kind: echo.kind, row: echo.row, nonce: echo.nonce, ..Self::default() }
    }
}

/// Bytes of a message that travel: at most [`MESSAGE_BYTES_MAX`], cut between characters.
fn message_len(message: &str) -> usize {
    let mut len = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(len) {
        len -= 1;
    }
    len
}

/// Bytes of verdicts and values, each padded.
fn body_len(items: usize, value_width: usize) -> usize {
    items.next_multiple_of(COLUMN_ALIGN) + (items * value_width).next_multiple_of(COLUMN_ALIGN)
}

fn trailer_len(message: usize, backends: usize, reply: &Reply) -> usize {
    let tally = if reply.tally.is_some() { TALLY_LEN } else { 0 };
    let tables = if reply.tables.is_some() { size_of::<u64>() } else { 0 };
    [message, 4 * backends, reply.node.len(), tally, tables]
        .into_iter()
        .filter(|len| *len > 0)
        .map(tagged_len)
        .sum::<usize>()
        .next_multiple_of(COLUMN_ALIGN)
}

/// A reply's bytes, allocated once: for tools and tests. A node hands [`encode_reply_parts`] on.
///
/// # Panics
/// As there.
#[must_use]
pub fn encode_reply(reply: &Reply) -> Vec<u8> {
    let (head, trailer) = head_and_trailer(reply);
    let mut bytes = Vec::with_capacity(head.len() + body_len(reply.verdicts.len(), reply.value_width) + trailer.len());
    bytes.extend_from_slice(&head);
    for column in [&reply.verdicts, &reply.values] {
        bytes.extend_from_slice(column);
        bytes.resize(bytes.len().next_multiple_of(COLUMN_ALIGN), 0);
    }
    bytes.extend_from_slice(&trailer);
    bytes
}

/// A reply's bytes in the parts that follow each other: header, verdicts, values, trailer; the verdicts and values are the
/// reply's own memory. A message is cut at [`MESSAGE_BYTES_MAX`] and the counts at [`BACKENDS_MAX`].
///
/// # Panics
/// When the reply could not be read by anybody: more than [`ITEMS_MAX`] items, values that are not `value_width` bytes an
/// item, a width above [`VALUE_BYTES_MAX`], a node document above [`NODE_BYTES_MAX`] (the constructors of [`Reply`] and
/// [`NodeStatus::to_json`] make none), or items under a status other than ok.
#[must_use]
pub fn encode_reply_parts(reply: Reply) -> [Vec<u8>; 4] {
    let (head, trailer) = head_and_trailer(&reply);
    let [verdicts, values] = [reply.verdicts, reply.values].map(|mut column| {
        column.resize(column.len().next_multiple_of(COLUMN_ALIGN), 0);
        column
    });
    [head.to_vec(), verdicts, values, trailer]
}

/// What stands before and behind a reply's columns.
fn head_and_trailer(reply: &Reply) -> ([u8; REPLY_HEADER_LEN], Vec<u8>) {
    let items = reply.verdicts.len();
    assert!(items <= ITEMS_MAX as usize && reply.value_width <= VALUE_BYTES_MAX as usize, "a reply within limits");
    assert_eq!(reply.values.len(), items * reply.value_width, "value_width bytes an item");
    assert!(reply.status == 0 || (items == 0 && reply.value_width == 0), "items under status {}", reply.status);
    assert!(reply.node.len() <= NODE_BYTES_MAX, "a node document that fits a tagged value");
    let message = &reply.message.as_bytes()[..message_len(&reply.message)];
    let backends = &reply.backends[..reply.backends.len().min(BACKENDS_MAX)];
    let trailer_len = trailer_len(message.len(), backends.len(), reply);
    let header = RawReplyHeader {
        magic: REPLY_MAGIC,
        header_len: REPLY_HEADER_LEN as u16,
        status: reply.status,
        kind: reply.kind,
        row: reply.row,
        value_width: reply.value_width as u32,
        items: items as u32,
        retry_after_us: reply.retry_after_us,
        queue_us: reply.queue_us,
        compute_us: reply.compute_us,
        body_len: body_len(items, reply.value_width) as u64,
        nonce: reply.nonce,
        trailer_len: trailer_len as u32,
        reserved: [0; 4],
    };
    let mut bytes = Vec::with_capacity(trailer_len);
    if !message.is_empty() {
        put(&mut bytes, ReplyTag::Message as u16, message);
    }
    if !backends.is_empty() {
        let mut counts = [0; 4 * BACKENDS_MAX];
        for (bytes, count) in counts.chunks_exact_mut(4).zip(backends) {
            bytes.copy_from_slice(&count.to_le_bytes());
        }
        put(&mut bytes, ReplyTag::Backends as u16, &counts[..4 * backends.len()]);
    }
    if !reply.node.is_empty() {
        put(&mut bytes, ReplyTag::Node as u16, &reply.node);
    }
    if let Some(tally) = &reply.tally {
        put(&mut bytes, ReplyTag::Tally as u16, &write_tally(tally));
    }
    if let Some(tables) = reply.tables {
        put(&mut bytes, ReplyTag::Tables as u16, &tables.to_le_bytes());
    }
    bytes.resize(trailer_len, 0);
    (header.write(), bytes)
}

/// Reads a reply's 64 header bytes.
///
/// # Errors
/// What is wrong with them, as the status a node would have said it with.
pub fn decode_reply_header(bytes: &[u8; REPLY_HEADER_LEN]) -> Result<ReplyFrame, Status> {
    let raw = RawReplyHeader::read(bytes);
    if raw.magic != REPLY_MAGIC {
        return Err(Status::BadMagic);
    }
    if usize::from(raw.header_len) != REPLY_HEADER_LEN {
        return Err(Status::HeaderLength);
    }
    if raw.reserved != [0; 4] || (raw.status != Status::Ok.code() && (raw.items != 0 || raw.value_width != 0)) {
        return Err(Status::NotZero);
    }
    if raw.items > ITEMS_MAX {
        return Err(Status::TooManyItems);
    }
    if raw.value_width > VALUE_BYTES_MAX || raw.trailer_len > TRAILER_BYTES_MAX {
        return Err(Status::TooLarge);
    }
    if !(raw.trailer_len as usize).is_multiple_of(COLUMN_ALIGN) {
        return Err(Status::Misaligned);
    }
    let items = raw.items as usize;
    let value_width = raw.value_width as usize;
    let body_len = body_len(items, value_width);
    match raw.body_len.cmp(&(body_len as u64)) {
        std::cmp::Ordering::Less => return Err(Status::Truncated),
        std::cmp::Ordering::Greater => return Err(Status::TrailingBytes),
        std::cmp::Ordering::Equal => {}
    }
    Ok(ReplyFrame {
        status: raw.status,
        echo: Echo { kind: raw.kind, row: raw.row, nonce: raw.nonce },
        items,
        value_width,
        retry_after_us: raw.retry_after_us,
        queue_us: raw.queue_us,
        compute_us: raw.compute_us,
        body_len,
        trailer_len: raw.trailer_len as usize,
    })
}

/// Reads what follows a reply's header: exactly `rest_len()` bytes. Verdict bytes are handed on as they are: what a byte
/// that nobody assigned means is for [`assay_scheme::Verdict::from_byte`] to say, and it is never valid.
///
/// # Errors
/// What is wrong with it, as the status a node would have said it with.
pub fn decode_reply_rest(frame: &ReplyFrame, rest: &[u8]) -> Result<Reply, Status> {
    if rest.len() < frame.rest_len() {
        return Err(Status::Truncated);
    }
    if rest.len() > frame.rest_len() {
        return Err(Status::TrailingBytes);
    }
    let [verdicts, _, trailer] = frame.part_lens();
    let (verdicts, tail) = rest.split_at_checked(verdicts).ok_or(Status::Truncated)?;
    let (values, trailer) = tail.split_at_checked(tail.len() - trailer).ok_or(Status::Truncated)?;
    decode_reply_parts(frame, verdicts.to_vec(), values.to_vec(), trailer)
}

/// The same from its three parts, each of [`ReplyFrame::part_lens`]'s length, so that verdicts and values are not copied.
///
/// # Errors
/// As there.
pub fn decode_reply_parts(
    frame: &ReplyFrame,
    verdicts: Vec<u8>,
    values: Vec<u8>,
    trailer: &[u8],
) -> Result<Reply, Status> {
    let mut reply = Reply {
        status: frame.status,
        kind: frame.echo.kind,
        row: frame.echo.row,
        nonce: frame.echo.nonce,
        retry_after_us: frame.retry_after_us,
        queue_us: frame.queue_us,
        compute_us: frame.compute_us,
        value_width: frame.value_width,
        verdicts: column(verdicts, frame.items)?,
        values: column(values, frame.items * frame.value_width)?,
        ..Reply::default()
    };
    if trailer.len() != frame.trailer_len {
        return Err(Status::Truncated);
    }
    read_trailer(trailer, &mut reply)?;
    Ok(reply)
}

/// A column without its padding, which is zero.
fn column(mut padded: Vec<u8>, len: usize) -> Result<Vec<u8>, Status> {
    let padding = padded.get(len..).ok_or(Status::Truncated)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Status::NotZero);
    }
    padded.truncate(len);
    Ok(padded)
}

/// A tag nobody assigned is skipped: what a newer node adds is of no use to this client.
fn read_trailer(trailer: &[u8], reply: &mut Reply) -> Result<(), Status> {
    let mut reader = TagReader::new(trailer);
    while let Some((tag, value)) = reader.next()? {
        match ReplyTag::from_id(tag) {
            Some(ReplyTag::Message) => {
                let message = std::str::from_utf8(value).map_err(|_| Status::BadParameter)?;
                if message.len() > MESSAGE_BYTES_MAX {
                    return Err(Status::BadParameter);
                }
                message.clone_into(&mut reply.message);
            }
            Some(ReplyTag::Backends) => {
                let (counts, odd) = value.as_chunks::<4>();
                if !odd.is_empty() || counts.len() > BACKENDS_MAX {
                    return Err(Status::BadParameter);
                }
                reply.backends = counts.iter().map(|count| u32::from_le_bytes(*count)).collect();
            }
            Some(ReplyTag::Node) => reply.node = value.to_vec(),
            Some(ReplyTag::Tally) => reply.tally = Some(read_tally(value).ok_or(Status::BadParameter)?),
            Some(ReplyTag::Tables) => {
                reply.tables = Some(u64::from_le_bytes(value.try_into().map_err(|_| Status::BadParameter)?));
            }
            Some(ReplyTag::Receipt) | None => {}
        }
    }
    Ok(())
}

/// Reads a whole reply frame.
///
/// # Errors
/// What is wrong with it, as the status a node would have said it with.
pub fn decode_reply(bytes: &[u8]) -> Result<Reply, Status> {
    let (header, rest) = bytes.split_first_chunk().ok_or(Status::Truncated)?;
    decode_reply_rest(&decode_reply_header(header)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Reply {
        let echo = Echo { kind: 3, row: 0x0301, nonce: [9; 16] };
        Reply {
            queue_us: 11,
            compute_us: 12,
            backends: vec![0, 3],
            message: "ok".into(),
            ..Reply::answer(echo, vec![1, 1, 128], vec![5; 96], 32)
        }
    }

    #[test]
    fn a_reply_comes_back_as_it_went_in_and_is_allocated_once() {
        let bytes = encode_reply(&answer());
        assert_eq!(bytes.capacity(), bytes.len());
        assert_eq!(bytes.len(), 64 + 8 + 96 + 24);
        assert_eq!(decode_reply(&bytes), Ok(answer()));
        assert_eq!(encode_reply_parts(answer()).concat(), bytes);
    }

    #[test]
    fn a_frame_is_exactly_its_length() {
        let good = encode_reply(&answer());
        for len in 0..good.len() {
            assert_eq!(decode_reply(&good[..len]), Err(Status::Truncated), "cut at {len}");
        }
        assert_eq!(decode_reply(&[&good[..], &[0]].concat()), Err(Status::TrailingBytes));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let refusal = Reply::refusal(Echo::default(), Status::Busy, "\u{20ac}".repeat(1_000), 7);
        assert_eq!(refusal.message.len(), 1_023);
        let mut long = refusal.clone();
        long.message.push('\u{20ac}');
        assert_eq!(decode_reply(&encode_reply(&long)), Ok(refusal));
    }

    #[test]
    fn each_defect_has_its_status() {
        let good = encode_reply(&answer());
        let spoil = |at: usize, bytes: &[u8]| {
            let mut frame = good.clone();
            frame[at..at + bytes.len()].copy_from_slice(bytes);
            decode_reply(&frame).expect_err("a defect")
        };
        assert_eq!(spoil(0, b"ASAY"), Status::BadMagic);
        assert_eq!(spoil(4, &[65]), Status::HeaderLength);
        assert_eq!(spoil(6, &[100]), Status::NotZero, "items under a refusal");
        assert_eq!(spoil(12, &[65]), Status::TooLarge);
        assert_eq!(spoil(12, &[64]), Status::Truncated, "wider values than the body has");
        assert_eq!(spoil(16, &(ITEMS_MAX + 1).to_le_bytes()), Status::TooManyItems);
        assert_eq!(spoil(16, &[2]), Status::TrailingBytes, "fewer items than the body has");
        assert_eq!(spoil(32, &[0xff; 8]), Status::TrailingBytes);
        assert_eq!(spoil(56, &(TRAILER_BYTES_MAX + 8).to_le_bytes()), Status::TooLarge);
        assert_eq!(spoil(56, &[23]), Status::Misaligned);
        assert_eq!(spoil(60, &[1]), Status::NotZero);
        assert_eq!(spoil(64 + 3, &[1]), Status::NotZero, "behind the verdicts");
        let trailer = 64 + 8 + 96;
        assert_eq!(spoil(trailer + 4, &[0xff]), Status::BadParameter, "not UTF-8");
        assert_eq!(spoil(trailer + 8, &[6, 0]), Status::BadParameter, "not whole counts");
    }

    #[test]
    fn a_tag_nobody_assigned_is_skipped() {
        let refusal = Reply::refusal(Echo::default(), Status::Busy, "full", 7);
        let mut frame = encode_reply(&refusal);
        frame.extend_from_slice(&[0xee, 0xee, 4, 0, 1, 2, 3, 4]);
        frame[56] += 8;
        assert_eq!(decode_reply(&frame), Ok(refusal));
    }
}
