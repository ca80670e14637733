//! What comes back for a batch.

use assay_scheme::quorum::Tally;
use assay_scheme::{Cause, Verdict};

/// What a node made of a preload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preload {
    /// A byte a key: valid when its table is ready, else why its row refuses it.
    pub verdicts: Vec<u8>,
    /// Bytes of the tables, which the node counts against the tenant.
    pub bytes: u64,
}

impl Preload {
    /// Every key's verdict, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Verdict> + '_ {
        self.verdicts.iter().map(|byte| read(*byte))
    }
}

/// The answer to a batch: one verdict (and value) per item, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// A byte an item, as [`Verdict::to_byte`] writes it.
    pub verdicts: Vec<u8>,
    /// `value_width` bytes an item; zeros where the verdict is not valid.
    pub values: Vec<u8>,
    /// Bytes of a value; 0 where the verdict is the answer.
    pub value_width: usize,
    /// Items computed by each of the nodes' backends, by its number; what this machine finished is in `local_items`.
    pub backends: Vec<u32>,
    /// Microseconds the batch (its slowest request) waited in a node.
    pub queue_us: u32,
    /// Microseconds its slowest request was computed.
    pub compute_us: u32,
    /// Items that were finished on this machine because no node answered in time.
    pub local_items: usize,
    /// What the votes of [`crate::Client::quorum`] add up to; `None` for any other request.
    pub tally: Option<Tally>,
}

impl Answer {
    /// Items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.verdicts.len()
    }

    /// Item `item`'s verdict. A byte this version does not know reads as not evaluated, never as valid or invalid.
    ///
    /// # Panics
    /// When `item` is not below [`Answer::items`].
    #[must_use]
    pub fn verdict(&self, item: usize) -> Verdict {
        read(self.verdicts[item])
    }

    /// Item `item`'s value: `value_width` bytes.
    ///
    /// # Panics
    /// When `item` is not below [`Answer::items`].
    #[must_use]
    pub fn value(&self, item: usize) -> &[u8] {
        &self.values[item * self.value_width..(item + 1) * self.value_width]
    }

    /// Every item's verdict, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Verdict> + '_ {
        self.verdicts.iter().map(|byte| read(*byte))
    }

    /// Whether there are items and every one is valid.
    #[must_use]
    pub fn all_valid(&self) -> bool {
        !self.verdicts.is_empty() && self.iter().all(Verdict::is_valid)
    }

    /// The items without a verdict, in order.
    pub fn not_evaluated(&self) -> impl Iterator<Item = usize> + '_ {
        self.iter().enumerate().filter(|(_, verdict)| matches!(verdict, Verdict::NotEvaluated(_))).map(|(item, _)| item)
    }

    /// Puts the next batch's answer behind this one.
    pub(crate) fn append(&mut self, next: &Self) {
        self.verdicts.extend_from_slice(&next.verdicts);
        self.values.extend_from_slice(&next.values);
        self.value_width = next.value_width;
        if self.backends.len() < next.backends.len() {
            self.backends.resize(next.backends.len(), 0);
        }
        for (sum, items) in self.backends.iter_mut().zip(&next.backends) {
            *sum = sum.saturating_add(*items);
        }
        self.queue_us = self.queue_us.max(next.queue_us);
        self.compute_us = self.compute_us.max(next.compute_us);
        self.local_items += next.local_items;
    }
}

fn read(byte: u8) -> Verdict {
    Verdict::from_byte(byte).unwrap_or(Verdict::NotEvaluated(Cause::BackendFault))
}

#[cfg(test)]
mod tests {
    use assay_scheme::Reason;

    use super::*;

    #[test]
    fn a_byte_nobody_assigned_is_not_evaluated() {
        let answer = Answer { verdicts: vec![1, 3, 0, 77, 200], ..Answer::default() };
        assert_eq!(answer.verdict(0), Verdict::Valid);
        assert_eq!(answer.verdict(1), Verdict::Invalid(Reason::Key));
        assert_eq!(answer.not_evaluated().collect::<Vec<_>>(), [2, 3, 4]);
        assert!(!answer.all_valid());
        assert!(!Answer::default().all_valid(), "no items are not all valid");
    }

    #[test]
    fn answers_append_in_order() {
        let mut all = Answer::default();
        let one = Answer { verdicts: vec![1], values: vec![7; 2], value_width: 2, backends: vec![1], ..all.clone() };
        let two = Answer {
            verdicts: vec![2, 1],
            values: vec![0, 0, 9, 9],
            value_width: 2,
            backends: vec![0, 2],
            queue_us: 5,
            compute_us: 6,
            local_items: 2,
            tally: None,
        };
        all.append(&one);
        all.append(&two);
        assert_eq!(all.verdicts, [1, 2, 1]);
        assert_eq!([all.value(0), all.value(2)], [[7, 7], [9, 9]]);
        assert_eq!(all.backends, [1, 2]);
        assert_eq!((all.queue_us, all.compute_us, all.local_items), (5, 6, 2));
    }
}
