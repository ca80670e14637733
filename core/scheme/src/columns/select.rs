//! Some of a request's items, as a request of their own.

use super::{Columns, ColumnsBuilder, LayoutError};
use crate::registry::Grouping;

impl Columns {
    /// A copy of these items alone, in this order; an item may be named several times.
    ///
    /// # Errors
    /// [`LayoutError::NoItems`] when none is named, [`LayoutError::TooManyItems`] or [`LayoutError::TooLarge`] when items named
    /// several times no longer fit a request.
    pub fn select(&self, items: impl IntoIterator<Item = usize>) -> Result<Self, LayoutError> {
        let operation = self.operation();
        let mut builder = ColumnsBuilder::new(operation);
        for item in items {
            let entries = self.entries(item);
            let entry_keys = || entries.clone().map(|entry| self.entry_key(entry)).collect::<Vec<_>>();
            let messages = || entries.clone().map(|entry| self.entry_message(entry)).collect::<Vec<_>>();
            match (self.form(item), operation.grouping) {
                (Err(reason), _) => builder.refuse(reason),
                (Ok(form), Grouping::Single) => {
                    builder.push(form, self.key(item), self.signature(item), self.message(item));
                }
                (Ok(form), Grouping::Keys) => {
                    builder.push_group(form, &entry_keys(), self.signature(item), &[self.message(item)]);
                }
                (Ok(form), Grouping::KeysAndMessages) => {
                    builder.push_group(form, &entry_keys(), self.signature(item), &messages());
                }
                (Ok(form), Grouping::Messages) => {
                    let key = [self.key(item)];
                    let keys = if operation.key_len == 0 { &[][..] } else { &key[..] };
                    builder.push_group(form, keys, self.signature(item), &messages());
                }
            }
        }
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Row;
    use crate::verdict::Reason;

    #[test]
    fn items_of_every_way_of_grouping_are_copied_as_they_are() {
        for row in Row::ALL {
            let operation = row.operation();
            let mut builder = ColumnsBuilder::new(operation);
            for byte in 1..6_u8 {
                let (key, signature) = (vec![byte; operation.key_len], vec![!byte; operation.signature_len]);
                let (keys, messages) = ([&key[..]; 2], [&[byte][..], &[byte, byte]]);
                match operation.grouping {
                    _ if byte == 3 => builder.refuse(Reason::Message),
                    Grouping::Single => builder.push(operation.forms[0], &key, &signature, &messages[1][..1]),
                    Grouping::Keys => builder.push_group(0, &keys, &signature, &messages[..1]),
                    Grouping::KeysAndMessages => builder.push_group(0, &keys, &signature, &messages),
                    Grouping::Messages => {
                        builder.push_group(0, &keys[..usize::from(operation.key_len > 0)], &signature, &messages);
                    }
                }
            }
            let all = builder.build().expect("five items");
            let same = all.select(0..5).expect("all");
            assert_eq!(same.body(), all.body(), "{}", row.name());
            let some = all.select([4, 2, 4]).expect("some");
            assert_eq!(some.items(), 3);
            assert_eq!([some.form(0), some.form(1)], [all.form(4), Err(Reason::Message)]);
            assert_eq!(some.signature(2), all.signature(4));
            assert_eq!(some.entries(2).len(), all.entries(4).len());
            assert_eq!(all.select([]).map(|_| ()), Err(LayoutError::NoItems));
        }
    }
}
