//! One frame out and one frame in, on one stream of one connection.
//!
//! What the node may make this side hold is counted from the request: as many verdicts and values as it has items, and a
//! trailer of [`assay_wire::limits::TRAILER_BYTES_MAX`] bytes. Nothing is allocated before the reply's header has been held
//! against that.

use assay_scheme::limits::BODY_BYTES_MAX;
use assay_scheme::parameters::ParameterError;
use assay_scheme::{Ballot, Columns, Keys, Kind, Parameters, Priority};
use assay_wire::codec::{
    Echo, Reply, ReplyFrame, decode_reply_header, decode_reply_parts, encode_preload_head, encode_quorum_head,
    encode_request_head,
};
use assay_wire::status::CloseCode;
use assay_wire::{NodeStatus, REPLY_HEADER_LEN, REQUEST_HEADER_LEN, Status};
use bytes::Bytes;
use quinn::{Connection, ReadError, ReadExactError, RecvStream, SendStream, VarInt, WriteError};

use crate::answer::Preload;
use crate::connection::explain;
use crate::error::Error;
use crate::retry::Failure;

/// A stream given up says nothing more than that.
const GIVEN_UP: VarInt = VarInt::from_u32(CloseCode::Done as u32);

/// Chunks taken off a stream at once, so that the connection's lock is not taken for each datagram.
const CHUNKS: usize = 32;

/// One request as it travels, and what a reply to it looks like.
pub(crate) struct Frame {
    parts: [Bytes; 2],
    echo: Echo,
    items: usize,
    value_width: usize,
    priority: Priority,
}

/// The keys' body, likewise.
struct KeysBody(Keys);

impl AsRef<[u8]> for KeysBody {
    fn as_ref(&self) -> &[u8] {
        self.0.body()
    }
}

/// The columns' body, shared with the connection until it is acknowledged: it is not copied.
struct Body(Columns);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.body()
    }
}

impl Frame {
    /// The frame of a batch.
    pub(crate) fn batch(
        columns: &Columns,
        parameters: &Parameters,
        priority: Priority,
        deadline_us: u32,
        nonce: [u8; 16],
    ) -> Result<Self, Error> {
        let head = encode_request_head(columns, parameters, priority, deadline_us, nonce);
        let kind = columns.operation().kind;
        Self::items(kind, head, columns, parameters, priority, nonce)
    }

    /// The frame of a quorum.
    pub(crate) fn votes(
        ballot: &Ballot,
        parameters: &Parameters,
        priority: Priority,
        deadline_us: u32,
        nonce: [u8; 16],
    ) -> Result<Self, Error> {
        let head = encode_quorum_head(ballot, parameters, priority, deadline_us, nonce);
        Self::items(Kind::Quorum, head, ballot.votes(), parameters, priority, nonce)
    }

    fn items(
        kind: Kind,
        head: Result<Vec<u8>, ParameterError>,
        columns: &Columns,
        parameters: &Parameters,
        priority: Priority,
        nonce: [u8; 16],
    ) -> Result<Self, Error> {
        let operation = columns.operation();
        let head = head.map_err(|error| Error::Usage(format!("{}: {error}", operation.name)))?;
        if head.len() - REQUEST_HEADER_LEN + columns.body().len() > BODY_BYTES_MAX as usize {
            return Err(Error::Usage(format!("parameters and columns have more than {BODY_BYTES_MAX} bytes together")));
        }
        Ok(Self {
            parts: [Bytes::from(head), Bytes::from_owner(Body(columns.clone()))],
            echo: Echo { kind: kind as u16, row: operation.row.id(), nonce },
            items: columns.items(),
            value_width: operation.value_width(parameters.output).unwrap_or(0),
            priority,
        })
    }

    /// The frame of a preload.
    pub(crate) fn keys(keys: &Keys, priority: Priority, deadline_us: u32, nonce: [u8; 16]) -> Self {
        Self {
            parts: [
                Bytes::from(encode_preload_head(keys, priority, deadline_us, nonce)),
                Bytes::from_owner(KeysBody(keys.clone())),
            ],
            echo: Echo { kind: Kind::Preload as u16, row: keys.operation().row.id(), nonce },
            items: keys.count(),
            value_width: 0,
            priority,
        }
    }

    /// The frame of the status operation.
    pub(crate) fn status(nonce: [u8; 16]) -> Self {
        Self {
            parts: [Bytes::from(assay_wire::codec::encode_status_request(nonce)), Bytes::new()],
            echo: Echo { kind: Kind::Status as u16, row: 0, nonce },
            items: 0,
            value_width: 0,
            priority: Priority::Consensus,
        }
    }

    /// Whether this header begins a reply to this frame.
    fn check(&self, reply: &ReplyFrame) -> Result<(), Failure> {
        if reply.echo != self.echo {
            return bad("it answers another request");
        }
        if reply.status == Status::Ok.code() && (reply.items, reply.value_width) != (self.items, self.value_width) {
            return bad(format!(
                "{} items of {} bytes for {} of {}",
                reply.items, reply.value_width, self.items, self.value_width
            ));
        }
        Ok(())
    }
}

/// Sends the frame and reads its reply, whose status is ok. Dropping the future gives the stream up on both sides.
pub(crate) async fn exchange(connection: &Connection, frame: &Frame) -> Result<Reply, Failure> {
    let (send, mut recv) = connection.open_bi().await.map_err(|error| Failure::Lost(explain(&error)))?;
    let mut sending = Sending { stream: send, done: false };
    // A vote is not to wait behind bulk in this machine's own send buffer either.
    let _ = sending.stream.set_priority(-i32::from(frame.priority as u8));
    let reply = {
        let reading = read_reply(&mut recv, frame);
        tokio::pin!(reading);
        tokio::select! {
            biased;
            written = sending.write(&frame.parts) => {
                written?;
                reading.await?
            }
            // A node may refuse before it has read everything.
            reply = &mut reading => reply?,
        }
    };
    sending.done = true;
    if reply.status == Status::Ok.code() { Ok(reply) } else { Err(Failure::Refused(Box::new(reply))) }
}

/// Has a node make keys' tables ready.
pub(crate) async fn preload(connection: &Connection, frame: &Frame) -> Result<Preload, Failure> {
    let reply = exchange(connection, frame).await?;
    Ok(Preload { verdicts: reply.verdicts, bytes: reply.tables.unwrap_or(0) })
}

/// Asks a node what it offers and how busy it is.
pub(crate) async fn node_status(connection: &Connection, nonce: [u8; 16]) -> Result<NodeStatus, Failure> {
    let reply = exchange(connection, &Frame::status(nonce)).await?;
    NodeStatus::from_json(&reply.node).or_else(|_| bad("its status is not JSON"))
}

/// The sending half. Dropped before the reply came, it is reset: what is buffered is not worth sending any more.
struct Sending {
    stream: SendStream,
    done: bool,
}

impl Sending {
    /// Writes everything and ends the stream. A node that stops reading has its reason in the reply.
    async fn write(&mut self, parts: &[Bytes; 2]) -> Result<(), Failure> {
        match self.stream.write_all_chunks(&mut parts.clone()).await {
            Ok(()) => {
                let _ = self.stream.finish();
                Ok(())
            }
            Err(WriteError::Stopped(_)) => Ok(()),
            Err(WriteError::ConnectionLost(error)) => Err(Failure::Lost(explain(&error))),
            Err(error @ (WriteError::ClosedStream | WriteError::ZeroRttRejected)) => {
                Err(Failure::Lost(error.to_string()))
            }
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.stream.reset(GIVEN_UP);
        }
    }
}

async fn read_reply(recv: &mut RecvStream, frame: &Frame) -> Result<Reply, Failure> {
    let mut header = [0; REPLY_HEADER_LEN];
    recv.read_exact(&mut header).await.or_else(|error| match error {
        ReadExactError::FinishedEarly(bytes) => bad(format!("it ends after {bytes} bytes")),
        ReadExactError::ReadError(error) => Err(broken(error)),
    })?;
    let reply = decode_reply_header(&header).or_else(|status| bad(format!("its header is wrong: {status}")))?;
    frame.check(&reply)?;
    let [verdicts, values, trailer] = read_to_end(recv, reply.part_lens()).await?;
    // A verdict byte that this version does not know is kept: it says nothing about its item, and reads so.
    decode_reply_parts(&reply, verdicts, values, &trailer).or_else(|status| bad(format!("its body is wrong: {status}")))
}

/// Reads parts of exactly these lengths and the stream's end: each byte is copied once, to where it stays.
async fn read_to_end<const PARTS: usize>(
    recv: &mut RecvStream,
    lens: [usize; PARTS],
) -> Result<[Vec<u8>; PARTS], Failure> {
    let mut parts = lens.map(Vec::with_capacity);
    let mut missing: usize = lens.iter().sum();
    let mut chunks: [Bytes; CHUNKS] = Default::default();
    while let Some(count) = recv.read_chunks(&mut chunks).await.map_err(broken)? {
        for chunk in &mut chunks[..count] {
            let mut chunk = std::mem::take(chunk);
            missing = match missing.checked_sub(chunk.len()) {
                Some(missing) => missing,
                None => return bad("it goes on after its end"),
            };
            for (part, len) in parts.iter_mut().zip(lens) {
                let own = chunk.split_to(chunk.len().min(len - part.len()));
                part.extend_from_slice(&own);
            }
        }
    }
    if missing > 0 {
        return bad(format!("it ends {missing} bytes early"));
    }
    Ok(parts)
}

fn broken(error: ReadError) -> Failure {
    match error {
        ReadError::ConnectionLost(error) => Failure::Lost(explain(&error)),
        ReadError::Reset(code) => Failure::Lost(format!("the node gave the stream up with code {code}")),
        error => Failure::Lost(error.to_string()),
    }
}

fn bad<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::BadReply(why.into()))
}
