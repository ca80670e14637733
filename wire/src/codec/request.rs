//! Requests. A header is checked in this order, and the first thing wrong is the answer: magic, header length, kind,
//! flags, reserved bytes, priority, row, hash, items, alignment, size. Then the parameters, then the body.

use std::sync::Arc;

use assay_scheme::limits::{BODY_BYTES_MAX, COLUMN_ALIGN, ITEMS_MAX};
use assay_scheme::parameters::ParameterError;
use assay_scheme::quorum::{Terms, is_votable};
use assay_scheme::{Ballot, Columns, Hash, Keys, Kind, Operation, Parameters, Priority, Row, Shape};

use crate::header::{REQUEST_HEADER_LEN, REQUEST_MAGIC, RawRequestHeader};
use crate::limits::PARAMETERS_BYTES_MAX;
use crate::parameters;
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
    pub hash: Option<Hash>,
}

/// A decoded request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its header.
    pub frame: RequestFrame,
    /// Its parameters, which fit the operation.
    pub parameters: Parameters,
    /// What it carries.
    pub body: Body,
}

/// What a request carries behind its parameters.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing: the status operation.
    Nothing,
    /// Items to verify, recover, digest, or prove.
    Items(Columns),
    /// Votes to count.
    Votes(Ballot),
    /// Keys to keep ready.
    Keys(Keys),
}

/// What a reply repeats of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// The request's kind, as it came.
    pub kind: u16,
    /// The request's row, as it came.
    pub row: u16,
    /// The request's nonce.
    pub nonce: [u8; 16],
}

impl Echo {
    /// What there is to repeat of bytes that may not be a request at all: the fields at their places when 64 bytes are
    /// there, zeros otherwise.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        bytes.first_chunk::<REQUEST_HEADER_LEN>().map_or_else(Self::default, |header| {
            let raw = RawRequestHeader::read(header);
            Self { kind: raw.kind, row: raw.row, nonce: raw.nonce }
        })
    }
}

impl RequestFrame {
    /// Bytes behind the 64 of the header: at most [`PARAMETERS_BYTES_MAX`] and [`BODY_BYTES_MAX`] together.
    #[must_use]
    pub fn rest_len(&self) -> usize {
        self.params_len + self.body_len
    }

    /// What the reply repeats.
    #[must_use]
    pub fn echo(&self) -> Echo {
        Echo {
            kind: self.kind as u16,
            row: self.operation.map_or(0, |operation| operation.row.id()),
            nonce: self.nonce,
        }
    }
}

impl Request {
    /// The whole frame, its body copied: for tools and tests. A client writes [`encode_request_head`] and the columns'
    /// `body()` one behind the other.
    ///
    /// # Errors
    /// When the parameters do not fit the columns' operation.
    pub fn encode(&self) -> Result<Vec<u8>, ParameterError> {
        let RequestFrame { priority, deadline_us, nonce, .. } = self.frame;
        let (mut bytes, body) = match &self.body {
            Body::Nothing => (status_header(priority as u8, nonce).write().to_vec(), &[][..]),
            Body::Items(columns) => {
                (encode_request_head(columns, &self.parameters, priority, deadline_us, nonce)?, columns.body())
            }
            Body::Votes(ballot) => {
                (encode_quorum_head(ballot, &self.parameters, priority, deadline_us, nonce)?, ballot.votes().body())
            }
            Body::Keys(keys) => (encode_preload_head(keys, priority, deadline_us, nonce), keys.body()),
        };
        bytes.extend_from_slice(body);
        Ok(bytes)
    }

    /// The items, or the votes.
    #[must_use]
    pub fn columns(&self) -> Option<&Columns> {
        match &self.body {
            Body::Items(columns) => Some(columns),
            Body::Votes(ballot) => Some(ballot.votes()),
            Body::Nothing | Body::Keys(_) => None,
        }
    }
}

/// Reads a request's 64 header bytes.
///
/// # Errors
/// The status to answer with.
pub fn decode_request_header(bytes: &[u8; REQUEST_HEADER_LEN]) -> Result<RequestFrame, Status> {
    let raw = RawRequestHeader::read(bytes);
    if raw.magic != REQUEST_MAGIC {
        return Err(Status::BadMagic);
    }
    if usize::from(raw.header_len) != REQUEST_HEADER_LEN {
        return Err(Status::HeaderLength);
    }
    let kind = Kind::from_id(raw.kind).ok_or(Status::UnknownKind)?;
    if raw.flags != 0 {
        return Err(Status::UnknownFlag);
    }
    if raw.reserved != [0; 8] {
        return Err(Status::NotZero);
    }
    let priority = Priority::from_byte(raw.priority).ok_or(Status::BadPriority)?;
    if kind == Kind::Status {
        return status_frame(&raw, priority);
    }
    let operation = Row::from_id(raw.row)
        .map(Row::operation)
        .filter(|operation| operation.kind == kind.of_rows() && (kind != Kind::Quorum || is_votable(operation)))
        .ok_or(Status::UnknownRow)?;
    let hash = match raw.hash {
        0 => None,
        byte => Some(Hash::from_byte(byte).ok_or(Status::UnknownHash)?),
    };
    // The hash is all of the parameters that the header has: one that the row lacks or does not take ends it here. Keys alone
    // are not hashed.
    if kind == Kind::Preload && hash.is_some() {
        return Err(Status::UnknownHash);
    }
    Parameters { hash, ..Parameters::default() }.check(operation)?;
    if kind == Kind::Preload && raw.message_stride != 0 {
        return Err(Status::NotZero);
    }
    // No keys: none are to be kept ready any more.
    if raw.items == 0 && kind != Kind::Preload {
        return Err(Status::NoItems);
    }
    if raw.items > ITEMS_MAX {
        return Err(Status::TooManyItems);
    }
    if !(raw.params_len as usize).is_multiple_of(COLUMN_ALIGN) || !raw.body_len.is_multiple_of(COLUMN_ALIGN as u64) {
        return Err(Status::Misaligned);
    }
    if raw.params_len > PARAMETERS_BYTES_MAX || raw.body_len > u64::from(BODY_BYTES_MAX) {
        return Err(Status::TooLarge);
    }
    Ok(RequestFrame {
        kind,
        operation: Some(operation),
        priority,
        shape: Shape { items: raw.items, message_stride: raw.message_stride },
        deadline_us: raw.deadline_us,
        params_len: raw.params_len as usize,
        body_len: usize::try_from(raw.body_len).map_err(|_| Status::TooLarge)?,
        nonce: raw.nonce,
        hash,
    })
}

/// A status request says nothing but its priority and its nonce.
fn status_frame(raw: &RawRequestHeader, priority: Priority) -> Result<RequestFrame, Status> {
    let said = status_header(raw.priority, raw.nonce);
    if *raw != said {
        return Err(Status::NotZero);
    }
    Ok(RequestFrame {
        kind: Kind::Status,
        operation: None,
        priority,
        shape: Shape { items: 0, message_stride: 0 },
        deadline_us: 0,
        params_len: 0,
        body_len: 0,
        nonce: raw.nonce,
        hash: None,
    })
}

fn status_header(priority: u8, nonce: [u8; 16]) -> RawRequestHeader {
    RawRequestHeader {
        magic: REQUEST_MAGIC,
        header_len: REQUEST_HEADER_LEN as u16,
        kind: Kind::Status as u16,
        priority,
        nonce,
        ..bytemuck::Zeroable::zeroed()
    }
}

/// Reads what follows the header: `rest` is exactly parameters and columns (`rest_len()` bytes) and is kept, not copied.
///
/// # Errors
/// The status to answer with.
pub fn decode_request_rest(frame: RequestFrame, rest: Arc<Vec<u8>>) -> Result<Request, Status> {
    if rest.len() < frame.rest_len() {
        return Err(Status::Truncated);
    }
    if rest.len() > frame.rest_len() {
        return Err(Status::TrailingBytes);
    }
    let (parameters, terms) = parameters::decode(&rest[..frame.params_len], frame.hash)?;
    let Some(operation) = frame.operation else { return Ok(Request { frame, parameters, body: Body::Nothing }) };
    parameters.check(operation)?;
    let start = frame.params_len;
    let body = match (frame.kind, terms) {
        (Kind::Quorum, None) => return Err(Status::BadParameter),
        (Kind::Quorum, Some(terms)) => Body::Votes(decode_votes(operation, &frame, terms, rest)?),
        (_, Some(_)) => return Err(Status::UnknownParameter),
        (Kind::Preload, None) if parameters != Parameters::default() => return Err(Status::UnknownParameter),
        (Kind::Preload, None) => Body::Keys(Keys::parse(operation, frame.shape.items, rest, start)?),
        (_, None) => Body::Items(Columns::parse(operation, frame.shape, rest, start)?),
    };
    Ok(Request { frame, parameters, body })
}

/// Powers, a u64 a vote, and then the votes' columns.
fn decode_votes(
    operation: &'static Operation,
    frame: &RequestFrame,
    terms: Terms,
    rest: Arc<Vec<u8>>,
) -> Result<Ballot, Status> {
    let votes_at = frame.params_len + POWER_LEN * frame.shape.items as usize;
    let powers = rest.get(frame.params_len..votes_at).ok_or(Status::Truncated)?;
    let powers = powers.as_chunks::<POWER_LEN>().0.iter().map(|power| u64::from_le_bytes(*power)).collect();
    let votes = Columns::parse(operation, frame.shape, rest, votes_at)?;
    Ok(Ballot::new(votes, powers, terms)?)
}

/// Reads a whole request frame, copying what follows its header: for tools and tests. A node reads the header first and
/// keeps the rest.
///
/// # Errors
/// The status to answer with.
pub fn decode_request(bytes: &[u8]) -> Result<Request, Status> {
    let (header, rest) = bytes.split_first_chunk().ok_or(Status::Truncated)?;
    let frame = decode_request_header(header)?;
    if rest.len() < frame.rest_len() {
        return Err(Status::Truncated);
    }
    if rest.len() > frame.rest_len() {
        return Err(Status::TrailingBytes);
    }
    decode_request_rest(frame, Arc::new(rest.to_vec()))
}

/// A request's bytes before its columns: header and parameters. The columns' own `body()` follows, so that it is not
/// copied. A context that is empty is left out, which says the same.
///
/// # Errors
/// When the parameters do not fit the columns' operation.
pub fn encode_request_head(
    columns: &Columns,
    parameters: &Parameters,
    priority: Priority,
    deadline_us: u32,
    nonce: [u8; 16],
) -> Result<Vec<u8>, ParameterError> {
    let operation = columns.operation();
    parameters.check(operation)?;
    let header = RawRequestHeader {
        kind: operation.kind as u16,
        body_len: columns.body().len() as u64,
        ..header(operation, columns.shape(), priority, deadline_us, nonce)
    };
    Ok(head(header, parameters, None))
}

/// A quorum's bytes before its votes' columns: header, parameters and powers. The votes' own `body()` follows.
///
/// # Errors
/// When the parameters do not fit the votes' operation.
pub fn encode_quorum_head(
    ballot: &Ballot,
    parameters: &Parameters,
    priority: Priority,
    deadline_us: u32,
    nonce: [u8; 16],
) -> Result<Vec<u8>, ParameterError> {
    let votes = ballot.votes();
    parameters.check(votes.operation())?;
    let header = RawRequestHeader {
        kind: Kind::Quorum as u16,
        body_len: (POWER_LEN * ballot.powers().len() + votes.body().len()) as u64,
        ..header(votes.operation(), votes.shape(), priority, deadline_us, nonce)
    };
    let mut bytes = head(header, parameters, Some(ballot.terms()));
    ballot.powers().iter().for_each(|power| bytes.extend_from_slice(&power.to_le_bytes()));
    Ok(bytes)
}

/// A preload's bytes before its keys: the header. The keys' own `body()` follows.
#[must_use]
pub fn encode_preload_head(keys: &Keys, priority: Priority, deadline_us: u32, nonce: [u8; 16]) -> Vec<u8> {
    // At most the items of a request.
    let shape = Shape { items: keys.count() as u32, message_stride: 0 };
    let header = RawRequestHeader {
        kind: Kind::Preload as u16,
        body_len: keys.body().len() as u64,
        ..header(keys.operation(), shape, priority, deadline_us, nonce)
    };
    head(header, &Parameters::default(), None)
}

/// Bytes of a vote's power.
const POWER_LEN: usize = 8;

fn header(
    operation: &Operation,
    shape: Shape,
    priority: Priority,
    deadline_us: u32,
    nonce: [u8; 16],
) -> RawRequestHeader {
    RawRequestHeader {
        magic: REQUEST_MAGIC,
        header_len: REQUEST_HEADER_LEN as u16,
        row: operation.row.id(),
        priority: priority as u8,
        items: shape.items,
        deadline_us,
        message_stride: shape.message_stride,
        nonce,
        ..bytemuck::Zeroable::zeroed()
    }
}

/// A header that still lacks the hash and the length of its parameters, with both, and the parameters.
fn head(header: RawRequestHeader, parameters: &Parameters, terms: Option<&Terms>) -> Vec<u8> {
    let mut bytes = vec![0; REQUEST_HEADER_LEN];
    parameters::encode(parameters, terms, &mut bytes);
    let header = RawRequestHeader {
        hash: parameters.hash.map_or(0, |hash| hash as u8),
        params_len: (bytes.len() - REQUEST_HEADER_LEN) as u32,
        ..header
    };
    bytes[..REQUEST_HEADER_LEN].copy_from_slice(&header.write());
    bytes
}

/// The whole frame of a status request: 64 bytes.
#[must_use]
pub fn encode_status_request(nonce: [u8; 16]) -> Vec<u8> {
    status_header(Priority::Consensus as u8, nonce).write().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::ColumnsBuilder;

    fn digest_request() -> Vec<u8> {
        let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
        builder.push(0, &[], &[], b"abc");
        let columns = builder.build().expect("one item");
        let mut bytes =
            encode_request_head(&columns, &Parameters::default(), Priority::Bulk, 5, [7; 16]).expect("fits");
        bytes.extend_from_slice(columns.body());
        bytes
    }

    #[test]
    fn the_rest_is_kept_not_copied() {
        let bytes = digest_request();
        let frame = decode_request_header(bytes.first_chunk().expect("a header")).expect("decodes");
        assert_eq!(frame.rest_len(), 16);
        let rest = Arc::new(bytes[64..].to_vec());
        let request = decode_request_rest(frame, Arc::clone(&rest)).expect("decodes");
        let columns = request.columns().expect("columns");
        assert!(std::ptr::eq(columns.body(), &rest[..]));
        assert_eq!(columns.message(0), b"abc");
        assert_eq!(request.frame.echo(), Echo { kind: 3, row: 0x0301, nonce: [7; 16] });
        assert_eq!(Echo::read(&bytes), request.frame.echo());
        assert_eq!(Echo::read(&bytes[..63]), Echo::default());
    }

    #[test]
    fn a_frame_is_exactly_its_length() {
        let good = digest_request();
        assert!(decode_request(&good).is_ok());
        for len in 0..good.len() {
            assert_eq!(decode_request(&good[..len]).map(|_| ()), Err(Status::Truncated), "cut at {len}");
        }
        let long = [&good[..], &[0]].concat();
        assert_eq!(decode_request(&long).map(|_| ()), Err(Status::TrailingBytes));
    }

    #[test]
    fn a_status_request_says_nothing_else() {
        let good = encode_status_request([3; 16]);
        let request = decode_request(&good).expect("decodes");
        assert_eq!(request.frame.kind, Kind::Status);
        assert!(request.columns().is_none() && request.frame.operation.is_none());
        for at in [8, 10, 16, 20, 24, 28, 32, 56] {
            let mut bytes = good.clone();
            bytes[at] = 1;
            assert_eq!(decode_request(&bytes).map(|_| ()), Err(Status::NotZero), "byte {at}");
        }
    }

    #[test]
    fn parameters_that_do_not_fit_are_not_encoded() {
        let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
        builder.push(0, &[], &[], b"abc");
        let columns = builder.build().expect("one item");
        let head = encode_request_head(&columns, &Parameters::hashed(Hash::Sm3), Priority::Bulk, 0, [0; 16]);
        assert_eq!(head, Err(ParameterError::HashNotTaken));
    }
}
