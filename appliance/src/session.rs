//! One stream: a request's bytes in, a reply's bytes out.
//!
//! The header is read and decoded, the request admitted by it alone, and only then is a buffer of exactly the right size
//! taken for the rest. Whatever goes wrong becomes a reply with a status, or, when nobody is there to read one, a way of
//! being gone; both are counted. Knows no certificate and no backend.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assay_core::engine::Clock;
use assay_core::{Engine, Results};
use assay_scheme::limits::{BODY_BYTES_MAX, ITEMS_MAX};
use assay_scheme::registry::OPERATIONS;
use assay_scheme::{Columns, Keys, Kind, Parameters, Priority, Row, Verdict};
use assay_wire::codec::{Body, decode_request_header, decode_request_rest, encode_reply_parts};
use assay_wire::limits::NODE_BYTES_MAX;
use assay_wire::node::{BackendReport, QueueReport};
use assay_wire::{CloseCode, Echo, NodeStatus, Reply, Request, RequestFrame, Status};
use bytes::{BufMut, Bytes};
use quinn::{Connection, ReadError, ReadExactError, RecvStream, SendStream, VarInt, WriteError};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, field};

use crate::admission::{Admission, Admitted, Ask, Refusal, Tenant};
use crate::dispatch::{Answer, Dispatch};
use crate::health::Health;
use crate::metrics;
use crate::preload::{Preloads, Ready};

/// What every session needs of its node.
pub struct Service {
    /// Who is let in.
    pub admission: Arc<Admission>,
    /// The way to the engine.
    pub dispatch: Dispatch,
    /// What tenants keep ready in it.
    pub preloads: Preloads,
    /// For what it serves and how it is; requests go through `dispatch`.
    pub engine: Arc<Engine>,
    /// The node's knowledge of itself.
    pub health: Arc<Health>,
    /// The node's clock.
    pub clock: Clock,
    /// Where the node stands.
    pub zone: String,
    /// In what time a frame must arrive.
    pub request_timeout: Duration,
    /// In what time a reply must be taken.
    pub reply_timeout: Duration,
    /// Sessions that owe a reply, or whose reply the peer has not acknowledged yet.
    pub replying: AtomicU64,
    /// Told when a drain's time is over: what is still waited for is answered [`Status::Draining`].
    pub cut: Notify,
}

/// Whose connection a stream belongs to.
pub struct Peer {
    /// The tenant its certificate names.
    pub tenant: Tenant,
    /// The connection.
    pub connection: Connection,
    /// Its number on this node, from 1: the first half of a request's id.
    pub number: u64,
}

/// Nobody is there to read a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// The peer reset its half of the stream before the frame was complete.
    Reset,
    /// The peer stopped reading before the reply was out.
    Stopped,
    /// The connection ended.
    Connection,
    /// The peer did not take the reply in time.
    SlowReader,
}

impl Gone {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Reset, Self::Stopped, Self::Connection, Self::SlowReader];

    /// The word used as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Stopped => "stopped",
            Self::Connection => "connection-lost",
            Self::SlowReader => "slow-reader",
        }
    }
}

/// Why a request ends without being answered.
enum End {
    Refused { status: Status, message: String, retry_after: Duration },
    Gone(Gone),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Refused { status, message: status.meaning().to_owned(), retry_after: Duration::ZERO }
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { status: refusal.status, message: refusal.message.to_owned(), retry_after: refusal.retry_after }
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(_) => Self::Gone(Gone::Reset),
            _ => Self::Gone(Gone::Connection),
        }
    }
}

impl From<WriteError> for Gone {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(_) => Self::Stopped,
            _ => Self::Connection,
        }
    }
}

/// Counts one session that owes a reply, as long as it lives.
struct Replying<'a>(&'a AtomicU64);

impl<'a> Replying<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Replying<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves one stream to its end. Never fails: what goes wrong is answered and counted.
pub async fn serve(service: Arc<Service>, peer: Arc<Peer>, send: SendStream, recv: RecvStream) {
    let span = tracing::info_span!(
        "request",
        id = %format_args!("{}-{}", peer.number, recv.id().index()),
        tenant = &**peer.tenant.name(),
        operation = field::Empty,
    );
    let session = Session {
        service: &service,
        peer: &peer,
        began: (service.clock)(),
        echo: Echo::default(),
        operation: "unknown",
        priority: None,
        items: 0,
        bytes: 0,
        _replying: None,
    };
    session.run(send, recv).instrument(span).await;
}

struct Session<'a> {
    service: &'a Service,
    peer: &'a Peer,
    began: Duration,
    echo: Echo,
    operation: &'static str,
    priority: Option<Priority>,
    items: usize,
    /// Bytes of the frame that were read.
    bytes: usize,
    _replying: Option<Replying<'a>>,
}

/// A reply, what it holds until it is out, and what the metrics say of it.
struct Outgoing {
    reply: Reply,
    status: Status,
    admitted: Option<Admitted>,
}

impl<'a> Session<'a> {
    async fn run(mut self, mut send: SendStream, mut recv: RecvStream) {
        let mut gone = pin!(send.stopped());
        let cut = self.service.cut.notified();
        let work = async {
            let (admitted, request) = self.receive(&mut recv).await?;
            self.answer(admitted, request).await
        };
        // A peer that gives up while its request waits or is computed takes it along.
        let ended = tokio::select! {
            biased;
            ended = work => ended,
            () = cut => Err(Status::Draining.into()),
            stopped = &mut gone => Err(End::Gone(if stopped.is_ok() { Gone::Stopped } else { Gone::Connection })),
        };
        let outgoing = match ended {
            Ok(outgoing) => outgoing,
            Err(End::Refused { status, message, retry_after }) => {
                self._replying.get_or_insert_with(|| Replying::new(&self.service.replying));
                let retry_after_us = u32::try_from(retry_after.as_micros()).unwrap_or(u32::MAX);
                // What has not been read is not read any more, and the peer is told to send no more of it.
                let _ = recv.stop(VarInt::from(status.code()));
                let reply = Reply::refusal(self.echo, status, message, retry_after_us);
                Outgoing { reply, status, admitted: None }
            }
            Err(End::Gone(gone)) => return self.gone(gone, &mut send, &mut recv),
        };
        let status = outgoing.status;
        self.count(&outgoing);
        if let Err(gone) = self.reply(&mut send, outgoing).await {
            return self.gone(gone, &mut send, &mut recv);
        }
        // The stream is finished; what is awaited is the peer's word that it has everything.
        let acknowledged = tokio::time::timeout(self.service.reply_timeout, gone).await;
        if acknowledged.is_err() {
            self.gone(Gone::SlowReader, &mut send, &mut recv);
        }
        if status.closes_connection() {
            close(&self.peer.connection, CloseCode::ProtocolViolation);
        }
    }

    /// Reads a frame, and admits it as soon as its header is there.
    async fn receive(&mut self, recv: &mut RecvStream) -> Result<(Admitted, Request), End> {
        let until = Instant::now() + self.service.request_timeout;
        let mut header = [0; assay_wire::REQUEST_HEADER_LEN];
        match timeout_at(until, recv.read_exact(&mut header)).await {
            Ok(Ok(())) => {}
            Ok(Err(ReadExactError::FinishedEarly(_))) => return Err(Status::Truncated.into()),
            Ok(Err(ReadExactError::ReadError(error))) => return Err(error.into()),
            Err(_) => return Err(Status::Slow.into()),
        }
        self.bytes = header.len();
        self.echo = Echo::read(&header);
        let frame = decode_request_header(&header)?;
        let admitted = self.admit(&frame)?;
        self._replying = Some(Replying::new(&self.service.replying));
        let rest = match timeout_at(until, read_rest(recv, frame.rest_len())).await {
            Ok(rest) => rest?,
            Err(_) => return Err(Status::Slow.into()),
        };
        self.bytes += rest.len();
        let request = decode_request_rest(frame, Arc::new(rest))?;
        Ok((admitted, request))
    }

    /// Lets the request in by its header alone.
    fn admit(&mut self, frame: &RequestFrame) -> Result<Admitted, End> {
        self.operation = frame.operation.map_or(Kind::Status.name(), |operation| operation.name);
        self.priority = Some(frame.priority);
        self.items = frame.shape.items as usize;
        tracing::Span::current().record("operation", self.operation);
        let widest = match frame.operation {
            // The status document, and the largest verdict and value of each item.
            None => NODE_BYTES_MAX,
            Some(operation) if !self.serves(frame.kind, operation.row) => return Err(Status::NotServed.into()),
            Some(operation) => {
                let value = operation.values.iter().map(|(_, width)| *width).max().unwrap_or(0);
                self.items * (1 + value)
            }
        };
        let ask = Ask {
            priority: frame.priority,
            items: u64::from(frame.shape.items),
            bytes: (assay_wire::REQUEST_HEADER_LEN + frame.rest_len() + widest) as u64,
            deadline: (frame.deadline_us > 0).then(|| Duration::from_micros(u64::from(frame.deadline_us))),
        };
        Ok(self.service.admission.admit(&self.peer.tenant, ask)?)
    }

    /// Has a request computed, or the node describe itself.
    async fn answer(&mut self, admitted: Admitted, request: Request) -> Result<Outgoing, End> {
        match request.body {
            Body::Nothing => {
                let reply = Reply::node_status(self.echo, &self.service.node_status());
                Ok(Outgoing { reply, status: Status::Ok, admitted: Some(admitted) })
            }
            Body::Items(columns) => self.compute(admitted, request.parameters, columns).await,
            Body::Votes(ballot) => {
                // A part of a request fits one.
                let asked = ballot.asked().map_err(Status::from)?;
                let mut outgoing = self.compute(admitted, request.parameters, asked).await?;
                if outgoing.status == Status::Ok {
                    let tally = ballot.tally(&outgoing.reply.verdicts);
                    metrics::ballot_counted(tally.outcome);
                    outgoing.reply.verdicts = ballot.all_verdicts(outgoing.reply.verdicts);
                    outgoing.reply.tally = Some(tally);
                }
                Ok(outgoing)
            }
            Body::Keys(keys) => self.preload(admitted, keys).await,
        }
    }

    /// Whether this node has an answer for such a request.
    fn serves(&self, kind: Kind, row: Row) -> bool {
        match kind {
            Kind::Preload => self.service.preloads.serves(row),
            _ => self.service.engine.serves(row),
        }
    }

    /// Has keys' tables made.
    async fn preload(&mut self, mut admitted: Admitted, keys: Keys) -> Result<Outgoing, End> {
        let limit = self.service.admission.table_bytes(&self.peer.tenant);
        let Ready { verdicts, bytes } = self.service.preloads.keep(self.peer.tenant.name(), keys, limit).await?;
        admitted.leave_queue();
        let reply = Reply { tables: Some(bytes), ..Reply::answer(self.echo, verdicts, Vec::new(), 0) };
        Ok(Outgoing { reply, status: Status::Ok, admitted: Some(admitted) })
    }

    /// Has items computed.
    async fn compute(&mut self, admitted: Admitted, parameters: Parameters, columns: Columns) -> Result<Outgoing, End> {
        let mut pending = self.service.dispatch.submit(admitted, parameters, columns);
        let Some(answer) = pending.answer().await else {
            tracing::error!("the engine dropped a request without answering it");
            return Err(Status::NotEvaluated.into());
        };
        let Answer { mut admitted, results, backends, queued, computed } = answer;
        // Here rather than where the answer was made: a worker, which steps back behind the network threads, would step
        // back with the ledger's lock in its hands.
        admitted.leave_queue();
        let (status, reply) = match results {
            Ok(Results { verdicts, values, width }) => (Status::Ok, Reply::answer(self.echo, verdicts, values, width)),
            Err(status) => (status, Reply::refusal(self.echo, status, status.meaning(), 0)),
        };
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let backends = if status == Status::Ok { backends.to_vec() } else { Vec::new() };
        let reply = Reply { queue_us: micros(queued), compute_us: micros(computed), backends, ..reply };
        Ok(Outgoing { reply, status, admitted: Some(admitted) })
    }

    /// Writes a reply. What the request holds is returned once all of it lies in the connection's bounded send window.
    async fn reply(&mut self, send: &mut SendStream, outgoing: Outgoing) -> Result<(), Gone> {
        if let Some(priority) = self.priority {
            // More urgent replies overtake on the same connection.
            let _ = send.set_priority(Priority::ALL.len() as i32 - priority as i32);
        }
        let mut parts = encode_reply_parts(outgoing.reply).map(Bytes::from);
        metrics::reply_sent(self.peer.tenant.name(), parts.iter().map(Bytes::len).sum());
        let until = Instant::now() + self.service.reply_timeout;
        timeout_at(until, send.write_all_chunks(&mut parts)).await.map_err(|_| Gone::SlowReader)??;
        // Fails only when the peer stopped the stream, which the wait for its acknowledgement tells.
        let _ = send.finish();
        drop(outgoing.admitted);
        Ok(())
    }

    fn count(&self, outgoing: &Outgoing) {
        let total = (self.service.clock)().saturating_sub(self.began);
        let Outgoing { reply, status, .. } = outgoing;
        metrics::request_done(&metrics::Done {
            tenant: self.peer.tenant.name(),
            operation: self.operation,
            priority: self.priority,
            status: *status,
            bytes: self.bytes,
            verdicts: tally(&reply.verdicts),
            total,
        });
        tracing::debug!(
            status = status.name(),
            items = self.items,
            bytes = self.bytes,
            queue_us = reply.queue_us,
            compute_us = reply.compute_us,
            total_us = total.as_micros() as u64,
            "answered"
        );
    }

    /// Nobody reads a reply: both halves of the stream end, and what the request held has been returned.
    fn gone(&self, gone: Gone, send: &mut SendStream, recv: &mut RecvStream) {
        // Either may be closed already, which is what is wanted.
        let _ = send.reset(VarInt::from_u32(CloseCode::Done.code()));
        let _ = recv.stop(VarInt::from_u32(CloseCode::Done.code()));
        metrics::request_gone(self.peer.tenant.name(), gone);
        tracing::debug!(gone = gone.name(), items = self.items, "not answered");
    }
}

/// Reads exactly `len` bytes and the stream's end behind them, into one buffer of that size.
async fn read_rest(recv: &mut RecvStream, len: usize) -> Result<Vec<u8>, End> {
    let mut rest = Vec::with_capacity(len);
    while rest.len() < len {
        let missing = len - rest.len();
        let mut room = (&mut rest).limit(missing);
        match recv.read_buf(&mut room).await {
            Ok(0) => return Err(Status::Truncated.into()),
            Ok(_) => {}
            Err(error) => return Err(read_error(error)),
        }
    }
    match recv.read(&mut [0]).await? {
        None => Ok(rest),
        Some(_) => Err(Status::TrailingBytes.into()),
    }
}

/// The stream's own error, out of the one that tokio's reading wraps it in.
fn read_error(error: std::io::Error) -> End {
    match error.downcast::<ReadError>() {
        Ok(error) => error.into(),
        Err(_) => End::Gone(Gone::Connection),
    }
}

/// Closes a connection with a code and its word.
pub fn close(connection: &Connection, code: CloseCode) {
    connection.close(VarInt::from_u32(code.code()), code.name().as_bytes());
}

/// How many of these verdicts are valid, invalid and not evaluated.
#[must_use]
pub fn tally(verdicts: &[u8]) -> [usize; 3] {
    let count = |byte: u8| verdicts.iter().filter(|verdict| **verdict == byte).count();
    let valid = count(Verdict::Valid.to_byte());
    let invalid = verdicts.iter().filter(|verdict| (2..=5).contains(*verdict)).count();
    [valid, invalid, verdicts.len() - valid - invalid]
}

impl Service {
    /// Sessions that owe a reply, or whose reply the peer has not acknowledged yet.
    #[must_use]
    pub fn replying(&self) -> u64 {
        self.replying.load(Ordering::Acquire)
    }

    /// What the status operation answers.
    #[must_use]
    pub fn node_status(&self) -> NodeStatus {
        let queues = self.admission.queues().into_iter().zip(Priority::ALL);
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: self.health.state().name().to_owned(),
            zone: self.zone.clone(),
            kinds: Kind::ALL
                .into_iter()
                .filter(|kind| *kind != Kind::Preload || OPERATIONS.iter().any(|row| self.preloads.serves(row.row)))
                .map(|kind| kind.name().to_owned())
                .collect(),
            operations: OPERATIONS
                .iter()
                .filter(|operation| self.engine.serves(operation.row))
                .map(|operation| operation.name.to_owned())
                .collect(),
            backends: self
                .engine
                .backends()
                .into_iter()
                .map(|backend| BackendReport {
                    name: backend.name.name().to_owned(),
                    serving: backend.serving,
                    items: backend.items,
                    note: backend.note,
                })
                .collect(),
            queues: queues
                .map(|(depth, priority)| {
                    (priority.name().to_owned(), QueueReport { items: depth.items, limit: depth.limit })
                })
                .collect(),
            uptime_s: self.health.uptime().as_secs_f64(),
            items_max: ITEMS_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            ..NodeStatus::default()
        }
    }
}
