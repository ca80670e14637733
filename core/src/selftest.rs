//! Known answers that every backend must give: before it serves, when it comes back from quarantine, and whenever the
//! node is asked whether it is ready.

mod answers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use assay_scheme::Row;

use crate::backend::{Backend, Output};
use crate::batch::{Bundle, Results};

/// A bundle of one row and the results it must have.
#[derive(Debug)]
pub struct KnownAnswer {
    bundle: Bundle,
    expected: Results,
    quick: Option<Box<KnownAnswer>>,
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

    /// Those of its items that take no longer than most: no long messages, none that takes a kernel a way of its own. `None`
    /// where there are none.
    #[must_use]
    pub fn quick(&self) -> Option<&Self> {
        self.quick.as_deref()
    }

    /// Whether these results are the right ones.
    #[must_use]
    pub fn is_right(&self, results: &Results) -> bool {
        *results == self.expected
    }
}

/// The known answers of every row, at least a bundle each.
#[must_use]
pub fn known_answers() -> Arc<[KnownAnswer]> {
    static KNOWN: LazyLock<Arc<[KnownAnswer]>> = LazyLock::new(|| answers::read().into());
    Arc::clone(&KNOWN)
}

/// Whether a backend gives the known answers of every row it serves.
///
/// # Errors
/// The first row that comes out wrong.
pub fn check(backend: &dyn Backend, known: &[KnownAnswer]) -> Result<(), Row> {
    for known in known.iter().filter(|known| backend.serves(known.row())) {
        if !compute(backend, known.bundle()).is_some_and(|results| known.is_right(&results)) {
            return Err(known.row());
        }
    }
    Ok(())
}

/// What a backend makes of a bundle, on this thread; `None` when it breaks off or panics.
pub(crate) fn compute(backend: &dyn Backend, bundle: &Bundle) -> Option<Results> {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    let output = Output { verdicts, values, width: *width };
    let computed = catch_unwind(AssertUnwindSafe(|| backend.compute(bundle, 0..bundle.items(), output)));
    matches!(computed, Ok(Ok(()))).then_some(results)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use assay_scheme::registry::{Grouping, Kind, Messages};
    use assay_scheme::{Reason, Verdict};

    use super::*;
    use crate::reference::Reference;

    /// The reasons that a row's rule set can give.
    fn reasons(row: Row) -> BTreeSet<Reason> {
        use Reason::{Equation, Key, Message, Signature};
        let operation = row.operation();
        let own: &[Reason] = match operation.kind {
            Kind::Verify => &[Key, Signature, Equation],
            Kind::Recover => &[Signature, Equation],
            Kind::Merkle if operation.key_len > 0 => &[Signature, Message, Equation],
            Kind::Pow if row == Row::PowBitcoinShare => &[Key, Message, Equation],
            Kind::Pow => &[Signature, Message, Equation],
            // What an encoder refused.
            _ => &[Message],
        };
        let message = matches!(operation.messages, Messages::DigestOr(_)).then_some(Message);
        own.iter().copied().chain(message).collect()
    }

    #[test]
    fn every_row_has_a_valid_answer_and_one_for_each_reason() {
        for row in Row::ALL {
            let known = known_answers();
            let own: Vec<_> = known.iter().filter(|known| known.row() == row).collect();
            let verdicts: Vec<_> = own
                .iter()
                .flat_map(|known| (0..known.expected.items()).map(|item| known.expected.verdict(item)))
                .collect();
            assert!(verdicts.contains(&Verdict::Valid), "{}", row.name());
            for reason in reasons(row) {
                assert!(verdicts.contains(&Verdict::Invalid(reason)), "{}: {}", row.name(), reason.name());
            }
            if let Messages::DigestOr(hashes) | Messages::Leaves(hashes) = row.operation().messages {
                for hash in hashes {
                    let named = own.iter().any(|known| known.bundle.parameters().hash == Some(*hash));
                    assert!(named, "{} with {}", row.name(), hash.name());
                }
            }
        }
    }

    #[test]
    fn quick_ones_are_right_too_and_say_yes_and_no() {
        for known in known_answers().iter().filter(|known| known.row().operation().grouping == Grouping::Single) {
            let quick = known.quick().unwrap_or_else(|| panic!("{} has quick ones", known.row().name()));
            let results = compute(&Reference::new(), quick.bundle()).expect("computes");
            assert!(quick.is_right(&results), "{}", known.row().name());
            // Whatever all of them say, some quick one says.
            for yes in [true, false] {
                let says = |results: &Results| {
                    results.verdicts.iter().any(|verdict| (*verdict == Verdict::Valid.to_byte()) == yes)
                };
                assert_eq!(says(&results), says(&known.expected), "{}, valid: {yes}", known.row().name());
            }
        }
        let all: usize = known_answers().iter().map(|known| known.bundle().items()).sum();
        let quick: usize =
            known_answers().iter().filter_map(KnownAnswer::quick).map(|quick| quick.bundle().items()).sum();
        assert!(quick < all, "BIP-340's sums at infinity are not quick");
    }

    #[test]
    fn the_reference_backend_knows_them_all() {
        for known in known_answers().iter() {
            let bundle = known.bundle();
            let results = compute(&Reference::new(), bundle).expect("computes");
            let hash = bundle.parameters().hash.map_or("no hash", |hash| hash.name());
            for item in 0..bundle.items() {
                let (got, expected) = (results.verdict(item), known.expected.verdict(item));
                assert_eq!(got, expected, "{} with {hash}: item {item}", known.row().name());
                assert_eq!(
                    results.value(item),
                    known.expected.value(item),
                    "{} with {hash}: item {item}",
                    known.row().name()
                );
            }
        }
        assert_eq!(check(&Reference::new(), &known_answers()), Ok(()));
    }
}
