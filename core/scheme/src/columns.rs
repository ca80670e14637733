//! Many items side by side: the one memory layout shared by the wire, the engine and every client.
//!
//! A body is these columns in this order, each starting at a multiple of 8 and padded with zeros to the next; what a row
//! has no use for is absent and takes no bytes. All integers are little-endian u32.
//!
//! | column | bytes | present |
//! | :-- | :-- | :-- |
//! | forms | items | always |
//! | groups | 4 × (items + 1) | grouped rows: item i owns entries `groups[i]..groups[i + 1]` |
//! | keys | key_len × keys | rows with keys |
//! | signatures | signature_len × items | rows with signatures |
//! | offsets | 4 × (messages + 1) | when the message stride is 0 |
//! | messages | stride × messages, or `offsets[messages]` | always |
//!
//! `keys` is the number of entries where the row groups keys, else of items; `messages` likewise. A form byte is a SEC1
//! tag (or 0 where the row has no forms), or `0x80 | reason` for an item refused while it was put into canonical form:
//! it keeps its place, its bytes are zero, and its verdict is that reason. Offsets are relative, so the same bytes can
//! lie in shared memory.

mod bulk;
mod select;

use std::ops::Range;
use std::sync::Arc;

use crate::limits::{BODY_BYTES_MAX, COLUMN_ALIGN, ITEMS_MAX};
use crate::registry::{Grouping, Operation};
use crate::verdict::Reason;

/// The bit of a form byte that says: refused in encoding, the low bits are the reason.
pub const FORM_REFUSED: u8 = 0x80;

/// What a header says of a body, before a byte of the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Items, 1 to [`ITEMS_MAX`].
    pub items: u32,
    /// Bytes of each message, or 0 when messages have offsets.
    pub message_stride: u32,
}

/// Why bytes are not a body of this operation and shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayoutError {
    /// No items.
    NoItems,
    /// More than [`ITEMS_MAX`] items.
    TooManyItems,
    /// More than [`BODY_BYTES_MAX`] bytes.
    TooLarge,
    /// The body ends before its columns do.
    Truncated,
    /// The body goes on after its columns.
    TrailingBytes,
    /// A padding byte is not zero.
    Padding,
    /// Offsets do not start at 0 or do not ascend.
    Offsets,
    /// A form byte that is neither offered by the row nor a refusal.
    Form,
}

impl LayoutError {
    /// The error's word in kebab-case, as a metric label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoItems => "no-items",
            Self::TooManyItems => "too-many-items",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing-bytes",
            Self::Padding => "padding",
            Self::Offsets => "offsets",
            Self::Form => "form",
        }
    }
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoItems => "the request has no items",
            Self::TooManyItems => "the request has more items than one request may hold",
            Self::TooLarge => "the columns are larger than one request may be",
            Self::Truncated => "the body ends before its columns do",
            Self::TrailingBytes => "the body goes on after its columns",
            Self::Padding => "a padding byte is not zero",
            Self::Offsets => "offsets do not start at zero or do not ascend",
            Self::Form => "a form byte is not one that the row has",
        })
    }
}

impl std::error::Error for LayoutError {}

/// Checked columns over shared bytes. Made by [`Columns::parse`] or [`ColumnsBuilder::build`] alone, so an index below
/// [`Columns::items`] never panics.
#[derive(Clone, Debug)]
pub struct Columns {
    operation: &'static Operation,
    items: usize,
    body: Arc<Vec<u8>>,
    layout: Layout,
}

#[derive(Clone, Debug)]
struct Layout {
    forms: usize,
    groups: Option<usize>,
    keys: usize,
    signatures: usize,
    offsets: Option<usize>,
    messages: usize,
    stride: usize,
    entries: usize,
    end: usize,
}

/// Takes column after column off a body's length, aligned and without overflow.
pub(crate) struct Cursor<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    /// The next column's start, `count * width` bytes; its padding must be zero.
    pub(crate) fn column(&mut self, count: usize, width: usize) -> Result<usize, LayoutError> {
        let start = self.at;
        let end = count
            .checked_mul(width)
            .and_then(|len| start.checked_add(len))
            .filter(|end| *end <= self.body.len())
            .ok_or(LayoutError::Truncated)?;
        let next = end.next_multiple_of(COLUMN_ALIGN);
        let padding = self.body.get(end..next).ok_or(LayoutError::Truncated)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(LayoutError::Padding);
        }
        self.at = next;
        Ok(start)
    }

    /// A column of `count + 1` offsets: its start and its last offset.
    fn offsets(&mut self, count: usize) -> Result<(usize, usize), LayoutError> {
        let start = self.column(count + 1, 4)?;
        let (offsets, _) = self.body[start..start + 4 * (count + 1)].as_chunks::<4>();
        let ascend = |pair: &[[u8; 4]]| u32::from_le_bytes(pair[0]) <= u32::from_le_bytes(pair[1]);
        if offsets[0] != [0; 4] || !offsets.windows(2).all(ascend) {
            return Err(LayoutError::Offsets);
        }
        let last = u32::from_le_bytes(offsets[count]);
        Ok((start, last as usize))
    }
}

/// Whether each form byte is one that the row has, or a refusal.
pub(crate) fn forms_are_known(operation: &Operation, forms: &[u8]) -> bool {
    let mut known = [false; 256];
    for form in operation.forms {
        known[usize::from(*form)] = true;
    }
    for reason in [Reason::Key, Reason::Signature, Reason::Message] {
        known[usize::from(FORM_REFUSED | reason as u8)] = true;
    }
    // Without an early exit, which would cost more than it saves: nearly every body is right.
    forms.iter().fold(true, |all, form| all & known[usize::from(*form)])
}

/// What a known form byte says: a form, or the reason it was refused with in encoding.
pub(crate) fn form_of(form: u8) -> Result<u8, Reason> {
    match Reason::from_byte(form & !FORM_REFUSED) {
        Some(reason) if form & FORM_REFUSED != 0 => Err(reason),
        _ => Ok(form),
    }
}

impl Layout {
    fn read(operation: &Operation, shape: Shape, body: &[u8], start: usize) -> Result<Self, LayoutError> {
        let items = shape.items as usize;
        let stride = shape.message_stride as usize;
        let mut cursor = Cursor { body, at: start };
        let forms = cursor.column(items, 1)?;
        let (groups, entries) = match operation.grouping {
            Grouping::Single => (None, items),
            _ => cursor.offsets(items).map(|(start, entries)| (Some(start), entries))?,
        };
        let (keys_count, messages_count) = match operation.grouping {
            Grouping::Single => (items, items),
            Grouping::Keys => (entries, items),
            Grouping::KeysAndMessages => (entries, entries),
            Grouping::Messages => (items, entries),
        };
        let keys = cursor.column(keys_count, operation.key_len)?;
        let signatures = cursor.column(items, operation.signature_len)?;
        let (offsets, messages) = if stride == 0 {
            let (start, bytes) = cursor.offsets(messages_count)?;
            (Some(start), cursor.column(bytes, 1)?)
        } else {
            (None, cursor.column(messages_count, stride)?)
        };
        if cursor.at != body.len() {
            return Err(LayoutError::TrailingBytes);
        }
        if !forms_are_known(operation, &body[forms..forms + items]) {
            return Err(LayoutError::Form);
        }
        Ok(Self { forms, groups, keys, signatures, offsets, messages, stride, entries, end: body.len() })
    }
}

impl Columns {
    /// Checks that `body[start..]` is exactly a body of this operation and shape, and keeps it without copying.
    /// `start` is a multiple of [`COLUMN_ALIGN`]: where the columns begin in a frame.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn parse(
        operation: &'static Operation,
        shape: Shape,
        body: Arc<Vec<u8>>,
        start: usize,
    ) -> Result<Self, LayoutError> {
        debug_assert!(start.is_multiple_of(COLUMN_ALIGN) && start <= body.len());
        if shape.items == 0 {
            return Err(LayoutError::NoItems);
        }
        if shape.items > ITEMS_MAX {
            return Err(LayoutError::TooManyItems);
        }
        if body.len() - start > BODY_BYTES_MAX as usize {
            return Err(LayoutError::TooLarge);
        }
        let layout = Layout::read(operation, shape, &body, start)?;
        Ok(Self { operation, items: shape.items as usize, body, layout })
    }

    /// The operation these columns are for.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Items, 1 to [`ITEMS_MAX`].
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// What a header says of these columns.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape { items: self.items as u32, message_stride: self.layout.stride as u32 }
    }

    /// The columns as they travel: a multiple of 8 bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body[self.layout.forms..self.layout.end]
    }

    /// Item `item`'s form byte, or the reason it was refused with in encoding.
    ///
    /// # Errors
    /// The reason an encoder gave: it is the item's verdict.
    pub fn form(&self, item: usize) -> Result<u8, Reason> {
        assert!(item < self.items, "item {item} of {}", self.items);
        form_of(self.body[self.layout.forms + item])
    }

    /// Item `item`'s key, `key_len` bytes. For rows that group keys see [`Columns::entry_key`].
    #[must_use]
    pub fn key(&self, item: usize) -> &[u8] {
        debug_assert!(matches!(self.operation.grouping, Grouping::Single | Grouping::Messages));
        self.fixed(self.layout.keys, item, self.operation.key_len)
    }

    /// Item `item`'s signature, `signature_len` bytes.
    #[must_use]
    pub fn signature(&self, item: usize) -> &[u8] {
        self.fixed(self.layout.signatures, item, self.operation.signature_len)
    }

    /// Item `item`'s message. For rows that group messages see [`Columns::entry_message`].
    #[must_use]
    pub fn message(&self, item: usize) -> &[u8] {
        debug_assert!(matches!(self.operation.grouping, Grouping::Single | Grouping::Keys));
        self.message_at(item)
    }

    /// The entries that belong to item `item`: `item..item + 1` for rows that do not group.
    #[must_use]
    pub fn entries(&self, item: usize) -> Range<usize> {
        assert!(item < self.items, "item {item} of {}", self.items);
        match self.layout.groups {
            None => item..item + 1,
            Some(groups) => self.u32_at(groups, item)..self.u32_at(groups, item + 1),
        }
    }

    /// Entry `entry`'s key, of a row that groups keys.
    #[must_use]
    pub fn entry_key(&self, entry: usize) -> &[u8] {
        assert!(entry < self.layout.entries, "entry {entry} of {}", self.layout.entries);
        self.fixed(self.layout.keys, entry, self.operation.key_len)
    }

    /// Entry `entry`'s message, of a row that groups messages.
    #[must_use]
    pub fn entry_message(&self, entry: usize) -> &[u8] {
        assert!(entry < self.layout.entries, "entry {entry} of {}", self.layout.entries);
        self.message_at(entry)
    }

    /// Bytes of all the messages of items `items`: what hashing them costs.
    #[must_use]
    pub fn message_bytes(&self, items: Range<usize>) -> usize {
        if items.is_empty() {
            return 0;
        }
        let range = match self.operation.grouping {
            Grouping::Single | Grouping::Keys => items,
            _ => self.entries(items.start).start..self.entries(items.end - 1).end,
        };
        match self.layout.offsets {
            None => range.len() * self.layout.stride,
            Some(offsets) => self.u32_at(offsets, range.end) - self.u32_at(offsets, range.start),
        }
    }

    fn fixed(&self, column: usize, index: usize, width: usize) -> &[u8] {
        let start = column + index * width;
        &self.body[start..start + width]
    }

    fn message_at(&self, index: usize) -> &[u8] {
        match self.layout.offsets {
            None => self.fixed(self.layout.messages, index, self.layout.stride),
            Some(offsets) => {
                let range = self.u32_at(offsets, index)..self.u32_at(offsets, index + 1);
                &self.body[self.layout.messages..][range]
            }
        }
    }

    fn u32_at(&self, column: usize, index: usize) -> usize {
        let at = column + 4 * index;
        u32::from_le_bytes(self.body[at..at + 4].try_into().expect("four bytes")) as usize
    }
}

/// Collects items into columns. Keys and signatures come in canonical form (see [`crate::encoding`]).
#[derive(Debug)]
pub struct ColumnsBuilder {
    operation: &'static Operation,
    forms: Vec<u8>,
    groups: Vec<u32>,
    keys: Vec<u8>,
    signatures: Vec<u8>,
    offsets: Vec<u32>,
    messages: Vec<u8>,
    /// Every message so far has this length.
    common_len: Option<usize>,
    uniform: bool,
}

impl ColumnsBuilder {
    /// Empty columns for this operation.
    #[must_use]
    pub fn new(operation: &'static Operation) -> Self {
        Self {
            operation,
            forms: Vec::new(),
            groups: vec![0],
            keys: Vec::new(),
            signatures: Vec::new(),
            offsets: vec![0],
            messages: Vec::new(),
            common_len: None,
            uniform: true,
        }
    }

    /// Items so far.
    #[must_use]
    pub fn items(&self) -> usize {
        self.forms.len()
    }

    /// Bytes the body will have at most, padding included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns = self.forms.len() + self.keys.len() + self.signatures.len() + self.messages.len();
        columns + 4 * (self.groups.len() + self.offsets.len()) + 6 * COLUMN_ALIGN
    }

    /// Whether an item with this many bytes of keys, signature and messages in this many entries still fits a request.
    #[must_use]
    pub fn fits(&self, bytes: usize, entries: usize) -> bool {
        let more = bytes.saturating_add(entries.saturating_mul(4)).saturating_add(16);
        self.items() < ITEMS_MAX as usize && self.bytes().saturating_add(more) <= BODY_BYTES_MAX as usize
    }

    /// Adds an item of a row that does not group. `key` and `signature` have the row's lengths.
    ///
    /// # Panics
    /// When a length is not the row's: the caller's bug, never the input's.
    pub fn push(&mut self, form: u8, key: &[u8], signature: &[u8], message: &[u8]) {
        assert!(self.operation.grouping == Grouping::Single, "{} groups", self.operation.name);
        self.push_parts(form, std::iter::once(key), signature, std::iter::once(message));
    }

    /// Adds an item of a row that groups: its keys, its signature, its messages. How many of each there must be is the
    /// row's [`Grouping`]; a row without keys or signature takes none, and one that groups messages alone a key at most.
    ///
    /// # Panics
    /// When a length or count is not the row's.
    pub fn push_group(&mut self, form: u8, keys: &[&[u8]], signature: &[u8], messages: &[&[u8]]) {
        let entries = match self.operation.grouping {
            Grouping::Single => panic!("{} does not group", self.operation.name),
            Grouping::Keys => {
                assert_eq!(messages.len(), 1, "one message an item");
                keys.len()
            }
            Grouping::KeysAndMessages => {
                assert_eq!(keys.len(), messages.len(), "as many messages as keys");
                keys.len()
            }
            Grouping::Messages => {
                assert_eq!(
                    keys.len(),
                    usize::from(self.operation.key_len > 0),
                    "one key an item, where the row has keys"
                );
                messages.len()
            }
        };
        let end = self.groups[self.groups.len() - 1] as usize + entries;
        self.groups.push(u32::try_from(end).expect("entries fit a request"));
        self.push_parts(form, keys.iter().copied(), signature, messages.iter().copied());
    }

    /// Adds an item that was refused while it was put into canonical form; it keeps its place.
    pub fn refuse(&mut self, reason: Reason) {
        let form = FORM_REFUSED | reason as u8;
        let signature = vec![0; self.operation.signature_len];
        // A refused message of the usual length keeps the messages at a fixed stride.
        let message = vec![0; self.common_len.filter(|_| self.uniform).unwrap_or(0)];
        match self.operation.grouping {
            Grouping::Single => self.push(form, &vec![0; self.operation.key_len], &signature, &message),
            Grouping::Keys => self.push_group(form, &[], &signature, &[&message]),
            Grouping::Messages if self.operation.key_len > 0 => {
                self.push_group(form, &[&vec![0; self.operation.key_len]], &signature, &[]);
            }
            Grouping::KeysAndMessages | Grouping::Messages => self.push_group(form, &[], &signature, &[]),
        }
    }

    fn push_parts<'a>(
        &mut self,
        form: u8,
        keys: impl Iterator<Item = &'a [u8]>,
        signature: &[u8],
        messages: impl Iterator<Item = &'a [u8]>,
    ) {
        self.forms.push(form);
        for key in keys {
            assert_eq!(key.len(), self.operation.key_len, "key length of {}", self.operation.name);
            self.keys.extend_from_slice(key);
        }
        assert_eq!(signature.len(), self.operation.signature_len, "signature length of {}", self.operation.name);
        self.signatures.extend_from_slice(signature);
        for message in messages {
            self.uniform &= *self.common_len.get_or_insert(message.len()) == message.len();
            self.messages.extend_from_slice(message);
            self.offsets.push(u32::try_from(self.messages.len()).expect("messages fit a request"));
        }
    }

    /// The columns, their messages at a fixed stride where they all have one length.
    ///
    /// # Errors
    /// [`LayoutError::NoItems`], [`LayoutError::TooManyItems`] or [`LayoutError::TooLarge`].
    pub fn build(self) -> Result<Columns, LayoutError> {
        let stride = self.common_len.filter(|_| self.uniform).unwrap_or(0);
        let shape = Shape {
            items: u32::try_from(self.forms.len()).map_err(|_| LayoutError::TooManyItems)?,
            message_stride: u32::try_from(stride).map_err(|_| LayoutError::TooLarge)?,
        };
        let mut body = Vec::with_capacity(self.bytes());
        let mut column = |bytes: &[u8]| {
            body.extend_from_slice(bytes);
            body.resize(body.len().next_multiple_of(COLUMN_ALIGN), 0);
        };
        let le_bytes =
            |offsets: &[u32]| -> Vec<u8> { offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect() };
        column(&self.forms);
        if self.operation.grouping != Grouping::Single {
            column(&le_bytes(&self.groups));
        }
        column(&self.keys);
        column(&self.signatures);
        if stride == 0 {
            column(&le_bytes(&self.offsets));
        }
        column(&self.messages);
        Columns::parse(self.operation, shape, Arc::new(body), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Row;

    fn operation(row: Row) -> &'static Operation {
        row.operation()
    }

    #[test]
    fn items_come_back_as_they_went_in() {
        let mut builder = ColumnsBuilder::new(operation(Row::EcdsaSecp256k1));
        builder.push(2, &[7; 64], &[8; 64], b"one");
        builder.refuse(Reason::Signature);
        builder.push(4, &[9; 64], &[10; 64], b"three!");
        let columns = builder.build().expect("three items");
        assert_eq!(columns.items(), 3);
        assert_eq!(columns.shape(), Shape { items: 3, message_stride: 0 });
        assert_eq!(columns.form(0), Ok(2));
        assert_eq!(columns.form(1), Err(Reason::Signature));
        assert_eq!(columns.key(2), [9; 64]);
        assert_eq!(columns.signature(0), [8; 64]);
        assert_eq!(columns.message(0), b"one");
        assert_eq!(columns.message(2), b"three!");
        assert_eq!(columns.message_bytes(0..3), 12);
    }

    #[test]
    fn equal_lengths_take_a_stride_and_no_offsets() {
        let mut builder = ColumnsBuilder::new(operation(Row::Sha256));
        for i in 0..5_u8 {
            builder.push(0, &[], &[], &[i; 32]);
        }
        let columns = builder.build().expect("five items");
        assert_eq!(columns.shape().message_stride, 32);
        assert_eq!(columns.body().len(), 8 + 5 * 32);
        assert_eq!(columns.message(4), [4; 32]);
    }

    #[test]
    fn groups_own_their_entries() {
        let mut builder = ColumnsBuilder::new(operation(Row::BlsMinPkPopAggregate));
        builder.push_group(0, &[&[1; 48], &[2; 48]], &[3; 96], &[b"a", b"bc"]);
        builder.push_group(0, &[], &[4; 96], &[]);
        builder.push_group(0, &[&[5; 48]], &[6; 96], &[b"def"]);
        let columns = builder.build().expect("three items");
        assert_eq!([columns.entries(0), columns.entries(1), columns.entries(2)], [0..2, 2..2, 2..3]);
        assert_eq!(columns.entry_key(2), [5; 48]);
        assert_eq!(columns.entry_message(1), b"bc");
        assert_eq!(columns.message_bytes(1..3), 3);
    }

    #[test]
    fn each_defect_has_its_error() {
        let mut builder = ColumnsBuilder::new(operation(Row::Ed25519Zip215));
        builder.push(0, &[1; 32], &[2; 64], b"abc");
        builder.push(0, &[1; 32], &[2; 64], b"defgh");
        let columns = builder.build().expect("two items");
        let parse = |body: Vec<u8>, items| {
            Columns::parse(columns.operation(), Shape { items, message_stride: 0 }, Arc::new(body), 0).map(|_| ())
        };
        let good = columns.body().to_vec();
        assert_eq!(parse(good.clone(), 2), Ok(()));
        assert_eq!(parse(good.clone(), 0), Err(LayoutError::NoItems));
        assert_eq!(parse(good.clone(), ITEMS_MAX + 1), Err(LayoutError::TooManyItems));
        assert_eq!(parse(vec![0; BODY_BYTES_MAX as usize + 8], 2), Err(LayoutError::TooLarge));
        for len in 0..good.len() {
            assert!(parse(good[..len].to_vec(), 2).is_err(), "cut at {len}");
        }
        let spoil = |at: usize, byte: u8| {
            let mut body = good.clone();
            body[at] = byte;
            parse(body, 2)
        };
        assert_eq!(spoil(2, 1), Err(LayoutError::Padding), "behind the forms");
        assert_eq!(spoil(0, 9), Err(LayoutError::Form));
        assert_eq!(spoil(0, FORM_REFUSED | 2), Err(LayoutError::Form), "an encoder cannot refuse the equation");
        let offsets = 8 + 64 + 128;
        assert_eq!(spoil(offsets, 1), Err(LayoutError::Offsets));
        assert_eq!(spoil(offsets + 4, 200), Err(LayoutError::Offsets), "descends");
        let mut long = good.clone();
        long.extend_from_slice(&[0; 8]);
        assert_eq!(parse(long, 2), Err(LayoutError::TrailingBytes));
    }
}
