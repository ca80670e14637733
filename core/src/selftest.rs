//! Known answers that every backend must give: before it serves, when it comes back from quarantine, and whenever the
//! node is asked whether it is ready.

use std::panic::{AssertUnwindSafe, catch_unwind};

use assay_scheme::Row;

use crate::backend::{Backend, Output};
use crate::batch::{Bundle, Results};

/// A bundle of one row and the results it must have.
#[derive(Debug)]
pub struct KnownAnswer {
    bundle: Bundle,
    expected: Results,
}

impl KnownAnswer {
    /// The row that it tests.
    #[must_use]
    pub fn row(&self) -> Row {
        self.bundle.operation().row
    }

    /// What is asked.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Whether these results are the right ones.
    #[must_use]
    pub fn is_right(&self, results: &Results) -> bool {
        *results == self.expected
    }
}

/// The known answers of every row.
#[must_use]
pub fn known_answers() -> Vec<KnownAnswer> {
    Vec::new()
}

/// Whether a backend gives the known answers of every row it serves.
///
/// # Errors
/// The first row that comes out wrong.
pub fn check(backend: &dyn Backend, known: &[KnownAnswer]) -> Result<(), Row> {
    for known in known.iter().filter(|known| backend.serves(known.row())) {
        let bundle = known.bundle();
        let mut results = Results::unwritten(bundle.items(), bundle.value_width());
        let Results { verdicts, values, width } = &mut results;
        let output = Output { verdicts, values, width: *width };
        let computed = catch_unwind(AssertUnwindSafe(|| backend.compute(bundle, 0..bundle.items(), output)));
        if !matches!(computed, Ok(Ok(()))) || !known.is_right(&results) {
            return Err(known.row());
        }
    }
    Ok(())
}
