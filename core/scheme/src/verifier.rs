//! Who answers columns: the engine in process, a node behind a client, or a test's own table.
//!
//! What turns a chain's bytes into columns asks through this trait, so that it need not know where the answers come from.

use crate::columns::Columns;
use crate::limits::ITEMS_MAX;
use crate::parameters::{ParameterError, Parameters};
use crate::verdict::{Cause, Verdict};

/// One byte of verdict and `width` bytes of value an item, in the columns' order. A value is zeros unless its verdict is
/// [`Verdict::Valid`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Verdict bytes, one an item.
    pub verdicts: Vec<u8>,
    /// Values, `width` bytes an item; empty where the verdict is the answer.
    pub values: Vec<u8>,
    /// Bytes of a value.
    pub width: usize,
}

impl Answers {
    /// Whether there is an answer, and a value of the row's width, for each of these columns' items. An answer of another
    /// shape is a fault of whoever gave it.
    #[must_use]
    pub fn fit(&self, columns: &Columns, parameters: &Parameters) -> bool {
        columns.operation().value_width(parameters.output).is_some_and(|width| self.are(columns.items(), width))
    }

    /// Whether these are the answers of so many items with values of this width.
    #[must_use]
    pub fn are(&self, items: usize, width: usize) -> bool {
        self.width == width && self.verdicts.len() == items && self.values.len() == items * width
    }

    /// Item `item`'s verdict. A byte nobody assigned reads as not evaluated, never as valid.
    #[must_use]
    pub fn verdict(&self, item: usize) -> Verdict {
        Verdict::from_byte(self.verdicts[item]).unwrap_or(Verdict::NotEvaluated(Cause::BackendFault))
    }

    /// Item `item`'s value, [`Answers::width`] bytes.
    #[must_use]
    pub fn value(&self, item: usize) -> &[u8] {
        &self.values[item * self.width..(item + 1) * self.width]
    }
}

/// Why columns got no answers at all. Says nothing about any item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifierFault {
    /// The parameters do not fit the operation: the caller's mistake.
    Parameters(ParameterError),
    /// The verifier does not compute this row.
    NotServed(&'static str),
    /// The verifier could not be reached or broke off; the text is for people.
    Unavailable(String),
}

impl VerifierFault {
    /// The fault's word in kebab-case, as a metric label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Parameters(_) => "parameters",
            Self::NotServed(_) => "not-served",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl std::fmt::Display for VerifierFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parameters(error) => error.fmt(f),
            Self::NotServed(row) => write!(f, "{row} is not served here"),
            Self::Unavailable(what) => write!(f, "no answer: {what}"),
        }
    }
}

impl std::error::Error for VerifierFault {}

/// Answers that are on their way.
pub struct Asked<'v>(Box<dyn FnOnce() -> Result<Answers, VerifierFault> + 'v>);

impl<'v> Asked<'v> {
    /// Answers that come when they are waited for.
    pub fn new(wait: impl FnOnce() -> Result<Answers, VerifierFault> + 'v) -> Self {
        Self(Box::new(wait))
    }

    /// Blocks until they are there.
    ///
    /// # Errors
    /// As [`Verifier::answer`].
    pub fn wait(self) -> Result<Answers, VerifierFault> {
        (self.0)()
    }
}

/// Answers columns, blocking until it has.
pub trait Verifier {
    /// A verdict (and value) for each item of `columns`.
    ///
    /// # Errors
    /// When no item got an answer; what could not be evaluated of an otherwise answered batch is a verdict of its own.
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault>;

    /// Begins to answer, so that the asker can go on meanwhile. A verifier that cannot answers at once.
    fn ask<'v>(&'v self, columns: Columns, parameters: &Parameters) -> Asked<'v> {
        let answered = self.answer(&columns, parameters);
        Asked::new(move || answered)
    }

    /// Items that are worth a request, 1 to [`ITEMS_MAX`].
    fn request_items(&self) -> usize {
        ITEMS_MAX as usize
    }

    /// Requests that are worth having under way at once, at least 1.
    fn requests_in_flight(&self) -> usize {
        1
    }
}

impl<V: Verifier + ?Sized> Verifier for &V {
    fn answer(&self, columns: &Columns, parameters: &Parameters) -> Result<Answers, VerifierFault> {
        (**self).answer(columns, parameters)
    }

    fn ask<'v>(&'v self, columns: Columns, parameters: &Parameters) -> Asked<'v> {
        (**self).ask(columns, parameters)
    }

    fn request_items(&self) -> usize {
        (**self).request_items()
    }

    fn requests_in_flight(&self) -> usize {
        (**self).requests_in_flight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::ColumnsBuilder;
    use crate::registry::Row;

    #[test]
    fn answers_fit_columns_of_their_count_and_width_alone() {
        let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
        builder.push(0, &[], &[], b"a");
        builder.push(0, &[], &[], b"b");
        let columns = builder.build().expect("two items");
        let fit = |verdicts: usize, values: usize, width: usize| {
            Answers { verdicts: vec![1; verdicts], values: vec![0; values], width }
                .fit(&columns, &Parameters::default())
        };
        assert!(fit(2, 64, 32));
        assert!(!fit(1, 32, 32), "an item without an answer");
        assert!(!fit(2, 32, 32), "a value is missing");
        assert!(!fit(2, 0, 0), "the row has values");
    }

    #[test]
    fn an_unassigned_byte_is_not_evaluated() {
        let answers = Answers { verdicts: vec![77, 1], values: vec![3, 4], width: 1 };
        assert_eq!(answers.verdict(0), Verdict::NotEvaluated(Cause::BackendFault));
        assert_eq!(answers.verdict(1), Verdict::Valid);
        assert_eq!(answers.value(1), [4]);
    }
}
