//! Runs of a column's bytes, for a backend that copies many items at a time into its own staging.

use std::ops::Range;

use super::Columns;
use crate::registry::Grouping;

impl Columns {
    /// The form bytes of items `items`, refusals included (see [`super::FORM_REFUSED`]).
    #[must_use]
    pub fn forms_of(&self, items: Range<usize>) -> &[u8] {
        self.run(self.layout.forms, items, 1)
    }

    /// The keys of items `items`, one after another, of a row that does not group.
    #[must_use]
    pub fn keys_of(&self, items: Range<usize>) -> &[u8] {
        debug_assert!(self.operation.grouping == Grouping::Single);
        self.run(self.layout.keys, items, self.operation.key_len)
    }

    /// The signatures of items `items`, one after another.
    #[must_use]
    pub fn signatures_of(&self, items: Range<usize>) -> &[u8] {
        self.run(self.layout.signatures, items, self.operation.signature_len)
    }

    /// The messages of messages `messages` (items, or entries where the row groups messages), one after another.
    #[must_use]
    pub fn messages_of(&self, messages: Range<usize>) -> &[u8] {
        let Some(offsets) = self.layout.offsets else {
            return self.run(self.layout.messages, messages, self.layout.stride);
        };
        let bytes = self.u32_at(offsets, messages.start)..self.u32_at(offsets, messages.end);
        &self.body[self.layout.messages..][bytes]
    }

    /// Bytes of message `message`.
    #[must_use]
    pub fn message_len(&self, message: usize) -> usize {
        match self.layout.offsets {
            None => self.layout.stride,
            Some(offsets) => self.u32_at(offsets, message + 1) - self.u32_at(offsets, message),
        }
    }

    fn run(&self, column: usize, items: Range<usize>, width: usize) -> &[u8] {
        &self.body[column + items.start * width..column + items.end * width]
    }
}

#[cfg(test)]
mod tests {
    use crate::columns::ColumnsBuilder;
    use crate::registry::Row;

    #[test]
    fn a_run_is_its_items_one_after_another() {
        for lengths in [[5, 5, 5, 5], [3, 0, 9, 1]] {
            let mut builder = ColumnsBuilder::new(Row::Ed25519Zip215.operation());
            for (item, len) in lengths.into_iter().enumerate() {
                let item = item as u8;
                builder.push(0, &[item; 32], &[item + 10; 64], &vec![item + 20; len]);
            }
            let columns = builder.build().expect("fits");
            assert_eq!(columns.forms_of(1..3), [0, 0]);
            assert_eq!(columns.keys_of(1..3), [columns.key(1), columns.key(2)].concat());
            assert_eq!(columns.signatures_of(0..4).len(), 4 * 64);
            assert_eq!(columns.signatures_of(2..4), [columns.signature(2), columns.signature(3)].concat());
            assert_eq!(columns.messages_of(1..4), [1, 2, 3].map(|item| columns.message(item)).concat());
            assert_eq!((0..4).map(|item| columns.message_len(item)).collect::<Vec<_>>(), lengths);
            assert!(columns.messages_of(2..2).is_empty());
        }
    }
}
