//! Keys side by side, without signatures and messages: what a preload carries. The forms and then the keys, each column
//! padded, laid out as in [`crate::columns`].

use std::sync::Arc;

use crate::columns::{Cursor, FORM_REFUSED, LayoutError, form_of, forms_are_known};
use crate::limits::{BODY_BYTES_MAX, COLUMN_ALIGN, ITEMS_MAX};
use crate::registry::Operation;
use crate::verdict::Reason;

/// Checked keys of one row over shared bytes. Made by [`Keys::parse`] or [`Keys::collect`] alone, so an index below
/// [`Keys::count`] never panics. There may be none: to keep none ready any more.
#[derive(Clone, Debug)]
pub struct Keys {
    operation: &'static Operation,
    count: usize,
    body: Arc<Vec<u8>>,
    forms: usize,
    keys: usize,
}

impl Keys {
    /// Checks that `body[start..]` is exactly `count` forms and keys of this row, and keeps it without copying. `start` is a
    /// multiple of [`COLUMN_ALIGN`].
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn parse(
        operation: &'static Operation,
        count: u32,
        body: Arc<Vec<u8>>,
        start: usize,
    ) -> Result<Self, LayoutError> {
        debug_assert!(start.is_multiple_of(COLUMN_ALIGN) && start <= body.len());
        if count > ITEMS_MAX {
            return Err(LayoutError::TooManyItems);
        }
        if body.len() - start > BODY_BYTES_MAX as usize {
            return Err(LayoutError::TooLarge);
        }
        let count = count as usize;
        let mut cursor = Cursor { body: &body, at: start };
        let forms = cursor.column(count, 1)?;
        let keys = cursor.column(count, operation.key_len)?;
        if cursor.at != body.len() {
            return Err(LayoutError::TrailingBytes);
        }
        if !forms_are_known(operation, &body[forms..forms + count]) {
            return Err(LayoutError::Form);
        }
        Ok(Self { operation, count, body, forms, keys })
    }

    /// Keys in canonical form (see [`crate::encoding`]), each with its form byte, or why its encoder refused it.
    ///
    /// # Errors
    /// [`LayoutError::TooManyItems`] or [`LayoutError::TooLarge`].
    ///
    /// # Panics
    /// When a key has not the row's length: the caller's bug, never the input's.
    pub fn collect<'a>(
        operation: &'static Operation,
        keys: impl IntoIterator<Item = Result<(u8, &'a [u8]), Reason>>,
    ) -> Result<Self, LayoutError> {
        let (mut forms, mut column) = (Vec::new(), Vec::new());
        for key in keys {
            match key {
                Ok((form, key)) => {
                    assert_eq!(key.len(), operation.key_len, "key length of {}", operation.name);
                    forms.push(form);
                    column.extend_from_slice(key);
                }
                Err(reason) => {
                    forms.push(FORM_REFUSED | reason as u8);
                    column.resize(column.len() + operation.key_len, 0);
                }
            }
        }
        let count = u32::try_from(forms.len()).map_err(|_| LayoutError::TooManyItems)?;
        let mut body = forms;
        body.resize(body.len().next_multiple_of(COLUMN_ALIGN), 0);
        body.append(&mut column);
        body.resize(body.len().next_multiple_of(COLUMN_ALIGN), 0);
        Self::parse(operation, count, Arc::new(body), 0)
    }

    /// The row whose keys these are.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// How many there are, 0 to [`ITEMS_MAX`].
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The keys as they travel: a multiple of 8 bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body[self.forms..]
    }

    /// Key `index`'s form byte, or the reason it was refused with in encoding.
    ///
    /// # Errors
    /// The reason an encoder gave.
    pub fn form(&self, index: usize) -> Result<u8, Reason> {
        assert!(index < self.count, "key {index} of {}", self.count);
        form_of(self.body[self.forms + index])
    }

    /// Key `index`, `key_len` bytes: canonical where [`Keys::form`] gives a form, else zeros.
    #[must_use]
    pub fn key(&self, index: usize) -> &[u8] {
        assert!(index < self.count, "key {index} of {}", self.count);
        let start = self.keys + index * self.operation.key_len;
        &self.body[start..start + self.operation.key_len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Row;

    #[test]
    fn keys_come_back_as_they_went_in() {
        let operation = Row::EcdsaP256.operation();
        let (one, two) = ([7; 64], [9; 64]);
        let keys = Keys::collect(operation, [Ok((2, &one[..])), Err(Reason::Key), Ok((4, &two[..]))]).expect("three");
        assert_eq!(keys.count(), 3);
        assert_eq!([keys.form(0), keys.form(1), keys.form(2)], [Ok(2), Err(Reason::Key), Ok(4)]);
        assert_eq!([keys.key(0), keys.key(1), keys.key(2)], [&one[..], &[0; 64], &two[..]]);
        let again = Keys::parse(operation, 3, Arc::new(keys.body().to_vec()), 0).expect("as it travels");
        assert_eq!(again.key(2), two);
        let none = Keys::collect(operation, []).expect("none at all");
        assert_eq!((none.count(), none.body().len()), (0, 0));
    }

    #[test]
    fn each_defect_has_its_error() {
        let operation = Row::Ed25519Zip215.operation();
        let keys = Keys::collect(operation, [Ok((0, &[1; 32][..])), Ok((0, &[2; 32][..]))]).expect("two");
        let good = keys.body().to_vec();
        let parse = |body: Vec<u8>, count| Keys::parse(operation, count, Arc::new(body), 0).map(|_| ());
        assert_eq!(parse(good.clone(), 2), Ok(()));
        for len in 0..good.len() {
            assert!(parse(good[..len].to_vec(), 2).is_err(), "cut at {len}");
        }
        assert_eq!(parse(good.clone(), 1), Err(LayoutError::TrailingBytes), "a key more than said");
        assert_eq!(parse([&good[..], &[0; 8]].concat(), 2), Err(LayoutError::TrailingBytes));
        assert_eq!(parse(good.clone(), ITEMS_MAX + 1), Err(LayoutError::TooManyItems));
        assert_eq!(parse(vec![0; BODY_BYTES_MAX as usize + 8], 2), Err(LayoutError::TooLarge));
        let mut form = good;
        form[0] = 4;
        assert_eq!(parse(form, 2), Err(LayoutError::Form));
    }
}
