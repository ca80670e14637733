//! Items of any number through an engine or nodes: chunks out, answers back in the order of the items.
//!
//! At any time there are at most [`Source::in_flight`] chunks under way and one being filled, so memory is bounded by
//! the chunks' limits, not by the input.

use std::collections::VecDeque;

use assay_client::{Answer, Error};
use assay_scheme::encoding::Encoder;
use assay_scheme::limits::BODY_BYTES_MAX;
use assay_scheme::{ColumnsBuilder, Parameters};

use super::error::CliError;
use super::input::{Fields, LINE_BYTES_MAX, Line, LineError, Lines};
use super::items::{Item, ItemForm};
use super::source::{Pending, Source};

/// Bytes of columns worth a chunk of their own: larger messages make chunks of fewer items.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// What is asked for every item.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The operation, and how its signatures are written.
    pub encoder: Encoder,
    /// What the items share; fits the operation.
    pub parameters: &'a Parameters,
}

/// What the caller knows of each item or note of a chunk, and an item's place among the chunk's items.
pub type Slots<T> = Vec<(T, Option<usize>)>;

/// A chunk's answer with what the caller knows of its items.
pub struct Landed<T> {
    /// One an item, and one each that [`Pipeline::note`] put between them, in order.
    pub slots: Slots<T>,
    /// The answer, which has a verdict for each item; `None` when the chunk has no items.
    pub answer: Option<Result<Answer, Error>>,
}

/// Takes what comes back, chunk by chunk.
pub trait Sink<T> {
    /// Takes one chunk.
    ///
    /// # Errors
    /// When the output cannot be written: the rest is given up.
    fn land(&mut self, chunk: Landed<T>) -> Result<(), CliError>;
}

/// Items in, chunks to the source, answers to the sink.
pub struct Pipeline<'a, T> {
    job: Job<'a>,
    source: &'a Source,
    builder: ColumnsBuilder,
    /// Bytes of the longest message in the builder.
    longest: usize,
    slots: Slots<T>,
    flights: VecDeque<(Slots<T>, Option<Pending>)>,
}

impl<'a, T> Pipeline<'a, T> {
    /// An empty pipeline.
    #[must_use]
    pub fn new(job: Job<'a>, source: &'a Source) -> Self {
        let builder = ColumnsBuilder::new(job.encoder.operation());
        Self { job, source, builder, longest: 0, slots: Vec::new(), flights: VecDeque::new() }
    }

    /// What the items share.
    #[must_use]
    pub fn parameters(&self) -> &'a Parameters {
        self.job.parameters
    }

    /// Adds an item; gives the tag back when the item is larger than a request may be.
    ///
    /// # Errors
    /// The sink's, for a chunk that had to land first.
    pub fn item(&mut self, tag: T, item: &Item, sink: &mut impl Sink<T>) -> Result<Option<T>, CliError> {
        let operation = self.job.encoder.operation();
        if !item.fits(operation, &self.builder, self.longest) {
            self.send(sink)?;
            if !item.fits(operation, &self.builder, self.longest) {
                return Ok(Some(tag));
            }
        }
        self.longest = item.messages.iter().map(Vec::len).fold(self.longest, usize::max);
        let place = self.builder.items();
        item.push(self.job.encoder, &mut self.builder);
        self.slots.push((tag, Some(place)));
        if self.builder.items() == self.source.chunk_items() || self.builder.bytes() >= CHUNK_BYTES {
            self.send(sink)?;
        }
        Ok(None)
    }

    /// Adds something that is no item but keeps its place among them.
    ///
    /// # Errors
    /// The sink's, for a chunk that had to land first.
    pub fn note(&mut self, tag: T, sink: &mut impl Sink<T>) -> Result<(), CliError> {
        self.slots.push((tag, None));
        if self.slots.len() >= 2 * self.source.chunk_items() { self.send(sink) } else { Ok(()) }
    }

    /// Sends what is gathered, and lets the oldest chunk land when too many are under way.
    fn send(&mut self, sink: &mut impl Sink<T>) -> Result<(), CliError> {
        if self.slots.is_empty() {
            return Ok(());
        }
        if self.flights.len() >= self.source.in_flight() {
            self.land_oldest(sink)?;
        }
        let empty = ColumnsBuilder::new(self.job.encoder.operation());
        let builder = std::mem::replace(&mut self.builder, empty);
        self.longest = 0;
        let pending = (builder.items() > 0).then(|| {
            let columns = builder.build().expect("not empty, and each item was asked whether it fits");
            self.source.submit(columns, self.job.parameters)
        });
        self.flights.push_back((std::mem::take(&mut self.slots), pending));
        Ok(())
    }

    fn land_oldest(&mut self, sink: &mut impl Sink<T>) -> Result<(), CliError> {
        let Some((slots, pending)) = self.flights.pop_front() else { return Ok(()) };
        let items = slots.iter().filter(|(_, place)| place.is_some()).count();
        let answer = pending.map(|pending| match pending.wait() {
            Ok(answer) if answer.items() != items => {
                Err(Error::BadReply(format!("{} verdicts for {items} items", answer.items())))
            }
            answer => answer,
        });
        sink.land(Landed { slots, answer })
    }

    /// Sends and lands everything.
    ///
    /// # Errors
    /// The sink's.
    pub fn drain(&mut self, sink: &mut impl Sink<T>) -> Result<(), CliError> {
        self.send(sink)?;
        while !self.flights.is_empty() {
            self.land_oldest(sink)?;
        }
        Ok(())
    }
}

/// What is known of a line that is not blank: its index among them, and its item's expectation or what is wrong with
/// it.
pub struct LineTag {
    /// Counted from 0 over lines that are not blank.
    pub index: u64,
    /// The line's number, from 1.
    pub line: u64,
    /// What the item is expected to be, or why the line is none.
    pub item: Result<super::items::Expect, LineError>,
    /// Bytes of input up to here.
    pub bytes_read: u64,
}

/// Reads every line, has every item computed, and hands each to the sink in its place.
///
/// # Errors
/// When the input cannot be read, or the sink's; what concerns one line or chunk goes to the sink.
pub fn run_lines(
    job: Job<'_>,
    lines: &mut Lines,
    source: &Source,
    sink: &mut impl Sink<LineTag>,
) -> Result<(), CliError> {
    let form = ItemForm::new(job.encoder.operation(), job.parameters);
    let mut pipeline = Pipeline::new(job, source);
    let mut index = 0;
    while let Some(line) = lines.next_line()? {
        let (number, item) = match line {
            Line::Text(number, text) => {
                (number, Fields::parse(number, text).and_then(|mut fields| form.read(number, &mut fields)))
            }
            Line::TooLong(number) => (number, Err(too_large(number, LINE_BYTES_MAX))),
        };
        let bytes_read = lines.bytes_read;
        let tag = |item| LineTag { index, line: number, item, bytes_read };
        match item {
            Ok(item) => {
                if pipeline.item(tag(Ok(item.expect.clone())), &item, sink)?.is_some() {
                    pipeline.note(tag(Err(too_large(number, BODY_BYTES_MAX as usize))), sink)?;
                }
            }
            Err(error) => pipeline.note(tag(Err(error)), sink)?,
        }
        index += 1;
    }
    pipeline.drain(sink)
}

fn too_large(line: u64, limit: usize) -> LineError {
    LineError { line, field: None, why: format!("larger than the {limit} bytes it may have") }
}
