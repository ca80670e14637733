//! What a backend is given and what it gives back.
//!
//! A [`Bundle`] is one operation with one set of parameters over the columns of one or several requests, which it shares
//! rather than copies: the first copy is into a backend's own staging. [`Results`] start at zero, which reads as not
//! evaluated, and a backend writes every item it was given.

use std::ops::Range;

use assay_scheme::parameters::ParameterError;
use assay_scheme::registry::Grouping;
use assay_scheme::{Cause, Columns, Operation, Parameters, Verdict};

/// How much work some items are: what their cost is predicted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Items.
    pub items: usize,
    /// Keys or messages in the items' groups; 0 for rows that do not group.
    pub entries: usize,
    /// Bytes of the items' messages.
    pub bytes: usize,
}

impl Load {
    fn of(columns: &Columns, items: Range<usize>) -> Self {
        let grouped = columns.operation().grouping != Grouping::Single;
        let entries = match items.clone().next_back() {
            Some(last) if grouped => columns.entries(last).end - columns.entries(items.start).start,
            _ => 0,
        };
        Self { items: items.len(), entries, bytes: columns.message_bytes(items) }
    }

    fn plus(self, other: Self) -> Self {
        Self { items: self.items + other.items, entries: self.entries + other.entries, bytes: self.bytes + other.bytes }
    }

    fn minus(self, other: Self) -> Self {
        Self { items: self.items - other.items, entries: self.entries - other.entries, bytes: self.bytes - other.bytes }
    }
}

/// Items of one operation and one set of parameters, from one or several requests.
#[derive(Clone, Debug)]
pub struct Bundle {
    operation: &'static Operation,
    parameters: Parameters,
    segments: Vec<Columns>,
    /// `before[s]` is the load of all segments before s, so `before[s].items` is s's first item; one longer than `segments`.
    before: Vec<Load>,
}

impl Bundle {
    /// A bundle over these columns, which all are of one operation.
    ///
    /// # Errors
    /// When the parameters do not fit the operation.
    ///
    /// # Panics
    /// When there are no segments, or they are of different operations: the batcher's bug.
    pub fn new(parameters: Parameters, segments: Vec<Columns>) -> Result<Self, ParameterError> {
        let operation = segments.first().expect("a bundle has a segment").operation();
        parameters.check(operation)?;
        let mut before = Vec::with_capacity(segments.len() + 1);
        let mut load = Load::default();
        for segment in &segments {
            assert!(std::ptr::eq(segment.operation(), operation), "one operation a bundle");
            before.push(load);
            load = load.plus(Load::of(segment, 0..segment.items()));
        }
        before.push(load);
        Ok(Self { operation, parameters, segments, before })
    }

    /// The same items this many times over, at least once.
    pub(crate) fn repeat(&self, times: usize) -> Self {
        let segments = (0..times.max(1)).flat_map(|_| self.segments.iter().cloned()).collect();
        Self::new(self.parameters.clone(), segments).expect("the parameters were checked")
    }

    /// The operation of every item.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The parameters of every item.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The requests' columns, in order.
    #[must_use]
    pub fn segments(&self) -> &[Columns] {
        &self.segments
    }

    /// Items in all segments.
    #[must_use]
    pub fn items(&self) -> usize {
        self.before[self.segments.len()].items
    }

    /// Where segment `segment`'s items stand among the bundle's.
    #[must_use]
    pub fn segment_range(&self, segment: usize) -> Range<usize> {
        self.before[segment].items..self.before[segment + 1].items
    }

    /// Bytes of one value; 0 where the verdict is the answer.
    #[must_use]
    pub fn value_width(&self) -> usize {
        self.operation.value_width(self.parameters.output).expect("checked when the bundle was made")
    }

    /// The columns that hold the bundle's items `range`, each with its own items' range, in order.
    pub fn slices(&self, range: Range<usize>) -> impl Iterator<Item = (&Columns, Range<usize>)> {
        (self.segment_of(range.start)..self.segments.len())
            .map(move |segment| {
                let own = self.segment_range(segment);
                let start = range.start.max(own.start);
                let end = range.end.min(own.end).max(start);
                (&self.segments[segment], start - own.start..end - own.start)
            })
            .take_while(|(_, items)| !items.is_empty())
    }

    /// How much work the bundle's items `range` are.
    #[must_use]
    pub fn load(&self, range: Range<usize>) -> Load {
        self.load_before(range.end).minus(self.load_before(range.start))
    }

    /// Bytes of the messages of the bundle's items `range`: what hashing them costs.
    #[must_use]
    pub fn message_bytes(&self, range: Range<usize>) -> usize {
        self.load(range).bytes
    }

    /// The longest start of `range` whose load `fits`, and at least its first item; `fits` holds for every smaller load
    /// than one it holds for.
    pub(crate) fn cut(&self, range: Range<usize>, fits: impl Fn(Load) -> bool) -> Range<usize> {
        let before = self.load_before(range.start);
        let (mut fitting, mut end) = (range.start + 1, range.end);
        while fitting < end {
            let middle = (fitting + end).div_ceil(2);
            if fits(self.load_before(middle).minus(before)) {
                fitting = middle;
            } else {
                end = middle - 1;
            }
        }
        range.start..fitting
    }

    /// The last segment that starts at or before item `item`.
    fn segment_of(&self, item: usize) -> usize {
        self.before.partition_point(|before| before.items <= item).saturating_sub(1)
    }

    /// The load of the items before item `item`.
    fn load_before(&self, item: usize) -> Load {
        let segment = self.segment_of(item);
        let before = self.before[segment];
        match self.segments.get(segment) {
            Some(columns) if item > before.items => before.plus(Load::of(columns, 0..item - before.items)),
            _ => before,
        }
    }
}

/// One byte of verdict and `width` bytes of value per item, in the bundle's order. A value is zeros unless its verdict is
/// [`Verdict::Valid`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// Verdict bytes, one an item.
    pub verdicts: Vec<u8>,
    /// Values, `width` bytes an item; empty where the verdict is the answer.
    pub values: Vec<u8>,
    /// Bytes of a value.
    pub width: usize,
}

impl Results {
    /// Results nobody has written: every verdict reads as not evaluated.
    #[must_use]
    pub fn unwritten(items: usize, width: usize) -> Self {
        Self { verdicts: vec![0; items], values: vec![0; items * width], width }
    }

    /// Items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.verdicts.len()
    }

    /// Item `item`'s verdict. A byte nobody assigned reads as not evaluated, never as valid.
    #[must_use]
    pub fn verdict(&self, item: usize) -> Verdict {
        Verdict::from_byte(self.verdicts[item]).unwrap_or(Verdict::NotEvaluated(Cause::BackendFault))
    }

    /// Item `item`'s value.
    #[must_use]
    pub fn value(&self, item: usize) -> &[u8] {
        &self.values[item * self.width..(item + 1) * self.width]
    }

    /// Splits off the results of the items from `at` on.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        Self {
            verdicts: self.verdicts.split_off(at),
            values: self.values.split_off(at * self.width),
            width: self.width,
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::{ColumnsBuilder, Row};
    use proptest::prelude::*;

    use super::*;

    /// Columns of a row that groups messages: an item for each list of message lengths.
    fn grouped(items: &[Vec<usize>]) -> Columns {
        let mut builder = ColumnsBuilder::new(Row::MerkleRfc6962.operation());
        for lengths in items {
            let messages: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
            builder.push_group(0, &[], &[], &messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        builder.build().expect("fits a request")
    }

    /// Segments of items of message lengths.
    fn segments() -> impl Strategy<Value = Vec<Vec<Vec<usize>>>> {
        let item = prop::collection::vec(0_usize..5, 0..4);
        prop::collection::vec(prop::collection::vec(item, 1..6), 1..6)
    }

    proptest! {
        #[test]
        fn load_is_what_the_items_sum_up_to(segments in segments(), from in 0_usize..30, to in 0_usize..30, limit in 0_usize..20) {
            let columns = segments.iter().map(|items| grouped(items)).collect();
            let bundle = Bundle::new(Parameters::hashed(assay_scheme::Hash::Sha256), columns).expect("a hash it takes");
            let items: Vec<_> = segments.into_iter().flatten().collect();
            prop_assert_eq!(bundle.items(), items.len());
            let (from, to) = (from.min(items.len()), to.min(items.len()));
            let range = from.min(to)..from.max(to);
            let sum = |range: Range<usize>| Load {
                items: range.len(),
                entries: items[range.clone()].iter().map(Vec::len).sum(),
                bytes: items[range].iter().flatten().sum(),
            };
            prop_assert_eq!(bundle.load(range.clone()), sum(range.clone()));
            prop_assert_eq!(bundle.slices(range.clone()).map(|(_, items)| items.len()).sum::<usize>(), range.len());
            if !range.is_empty() {
                let cut = bundle.cut(range.clone(), |load| load.items + load.bytes <= limit);
                let longest = (range.start + 1..=range.end)
                    .rev()
                    .find(|end| *end - range.start + sum(range.start..*end).bytes <= limit);
                prop_assert_eq!(cut, range.start..longest.unwrap_or(range.start + 1));
            }
        }
    }

    #[test]
    fn results_split_where_requests_meet() {
        let mut results = Results { verdicts: vec![1, 2, 1], values: vec![1, 1, 0, 0, 3, 3], width: 2 };
        let tail = results.split_off(1);
        assert_eq!(results, Results { verdicts: vec![1], values: vec![1, 1], width: 2 });
        assert_eq!((tail.verdict(0), tail.value(1)), (Verdict::Invalid(assay_scheme::Reason::Equation), &[3, 3][..]));
        let unwritten = Results::unwritten(1, 0).verdict(0);
        assert_eq!(unwritten, Verdict::NotEvaluated(Cause::Unwritten));
        let unassigned = Results { verdicts: vec![99], values: Vec::new(), width: 0 };
        assert_eq!(unassigned.verdict(0), Verdict::NotEvaluated(Cause::BackendFault));
    }
}
