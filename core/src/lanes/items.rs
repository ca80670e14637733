//! What a curve's lanes are handed: a call's items without those refused in encoding, and where their verdicts go.

use std::ops::Range;

use assay_scheme::{Parameters, Reason, Verdict};

use super::KnownKeys;
use super::level::{CurveLevel, Level};
use super::word::LANES_64;
use crate::backend::Output;
use crate::batch::Bundle;

/// One item, in its request's columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    /// Where its result goes, counted from the first item of the call.
    pub(super) at: usize,
    /// The key's form byte, one that the row has.
    pub(super) form: u8,
    /// As many bytes as the row's keys have; none where it has no keys.
    pub(super) key: &'a [u8],
    /// As many bytes as the row's signatures have.
    pub(super) signature: &'a [u8],
    /// The message.
    pub(super) message: &'a [u8],
}

/// One call of a curve's lanes.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    /// What the curve's arithmetic runs on.
    pub(super) curves: CurveLevel,
    /// What hashing runs on.
    pub(super) hashes: Level,
    /// Tables of known keys.
    pub(super) keys: &'a KnownKeys,
    /// The bundle's.
    pub(super) parameters: &'a Parameters,
    /// Those to be computed; none is refused in encoding. May be empty.
    pub(super) items: Vec<Item<'a>>,
}

/// The items of `range`; the verdicts of those refused in encoding are written.
pub(super) fn collect<'a>(bundle: &'a Bundle, range: Range<usize>, out: &mut Output<'_>) -> Vec<Item<'a>> {
    let has_keys = bundle.operation().key_len > 0;
    let has_signatures = bundle.operation().signature_len > 0;
    let mut items = Vec::with_capacity(range.len());
    let mut at = 0;
    for (columns, own) in bundle.slices(range) {
        for i in own {
            match columns.form(i) {
                Ok(form) => items.push(Item {
                    at,
                    form,
                    key: if has_keys { columns.key(i) } else { &[] },
                    signature: if has_signatures { columns.signature(i) } else { &[] },
                    message: columns.message(i),
                }),
                Err(reason) => out.verdict(at, Verdict::Invalid(reason)),
            }
            at += 1;
        }
    }
    items
}

/// A group's items, a lane each, and the first again in the lanes left over. What those compute goes nowhere.
#[inline(always)]
pub(super) fn fill<T>(group: &[T]) -> [&T; LANES_64] {
    std::array::from_fn(|lane| group.get(lane).unwrap_or(&group[0]))
}

/// Which lanes of a group failed which check. A lane's reason is the first, in the order in which the checks come, that it
/// failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failed {
    /// The key is refused.
    pub(super) key: u8,
    /// The signature's encoding or range is.
    pub(super) signature: u8,
    /// The message does not fit the row.
    pub(super) message: u8,
    /// The equation does not hold; whatever lanes that failed a check before say here.
    pub(super) equation: u8,
}

impl Failed {
    /// The verdict of a lane.
    pub(super) fn reason(self, lane: usize) -> Result<(), Reason> {
        let is_set = |mask: u8| mask >> lane & 1 == 1;
        let checks = [
            (self.key, Reason::Key),
            (self.signature, Reason::Signature),
            (self.message, Reason::Message),
            (self.equation, Reason::Equation),
        ];
        checks.into_iter().find(|(mask, _)| is_set(*mask)).map_or(Ok(()), |(_, reason)| Err(reason))
    }

    /// Writes a group's verdicts.
    pub(super) fn write(self, group: &[Item<'_>], out: &mut Output<'_>) {
        for (lane, item) in group.iter().enumerate() {
            out.verdict(item.at, self.reason(lane).into());
        }
    }
}
