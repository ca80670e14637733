//! Known keys to tables that backends keep ready for them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use assay_scheme::{Keys, Row};

use super::Engine;
use crate::backend::Preloaded;

impl Engine {
    /// Bytes that the tables of one key of this row take on the backends that keep them; 0 where none does.
    #[must_use]
    pub fn table_bytes(&self, row: Row) -> usize {
        self.pool.backends.iter().map(|backend| backend.table_bytes(row)).sum()
    }

    /// Makes the tables of these keys ready on every backend that keeps them, on the caller's thread; they stay as long as
    /// what is given back. `None` where no backend keeps tables for the row, or none got them ready.
    #[must_use]
    pub fn preload(&self, row: Row, keys: &Keys) -> Option<Preloaded> {
        let mut all: Option<Preloaded> = None;
        for backend in self.pool.backends.iter().filter(|backend| backend.table_bytes(row) > 0) {
            // A backend that panics, or gives another count, keeps none: verdicts do not depend on it.
            let one = catch_unwind(AssertUnwindSafe(|| backend.preload(row, keys)));
            let Some(one) = one.ok().flatten().filter(|one| one.verdicts.len() == keys.count()) else { continue };
            all = Some(match all {
                None => one,
                // Backends agree on which keys a row refuses.
                Some(Preloaded { verdicts, bytes, hold }) => {
                    Preloaded { verdicts, bytes: bytes + one.bytes, hold: Box::new((hold, one.hold)) }
                }
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use assay_scheme::{Reason, Verdict};

    use super::*;
    use crate::backend::{Backend, BackendName, Detected, Fault, Output};
    use crate::batch::Bundle;
    use crate::engine::Config;
    use crate::testing::HeldClock;

    /// Keeps a byte a key that was not refused, where it is asked for Ed25519.
    struct Keeper(BackendName, Arc<()>);

    impl Backend for Keeper {
        fn name(&self) -> BackendName {
            self.0
        }

        fn serves(&self, _row: Row) -> bool {
            false
        }

        fn compute(&self, _bundle: &Bundle, _range: Range<usize>, _out: Output<'_>) -> Result<(), Fault> {
            Err(Fault::Broken)
        }

        fn table_bytes(&self, row: Row) -> usize {
            usize::from(matches!(row, Row::Ed25519Zip215 | Row::EcdsaP256))
        }

        fn preload(&self, row: Row, keys: &Keys) -> Option<Preloaded> {
            assert!(row == Row::Ed25519Zip215, "breaks off on any other row");
            let verdicts: Vec<u8> =
                (0..keys.count()).map(|key| Verdict::from(keys.form(key).map(|_| ())).to_byte()).collect();
            let bytes = verdicts.iter().filter(|verdict| **verdict == Verdict::Valid.to_byte()).count();
            Some(Preloaded { verdicts, bytes, hold: Box::new(Arc::clone(&self.1)) })
        }
    }

    #[test]
    fn every_backend_that_keeps_tables_gets_the_keys_and_lets_them_go_together() {
        let held = Arc::new(());
        let found = [BackendName::Reference, BackendName::Lanes]
            .map(|name| Detected::for_test(Arc::new(Keeper(name, Arc::clone(&held)))));
        let engine = Engine::with_backends(found.into(), Config::default(), HeldClock::default().clock());
        let engine = engine.expect("starts");
        let keys = |row: Row| {
            let key = vec![1; row.operation().key_len];
            let form = row.operation().forms[0];
            Keys::collect(row.operation(), [Ok((form, &key[..])), Err(Reason::Key), Ok((form, &key[..]))])
                .expect("three")
        };
        assert_eq!(engine.table_bytes(Row::Ed25519Zip215), 2);
        let preloaded = engine.preload(Row::Ed25519Zip215, &keys(Row::Ed25519Zip215)).expect("kept");
        assert_eq!((preloaded.verdicts, preloaded.bytes), (vec![1, Reason::Key as u8, 1], 4));
        assert_eq!(Arc::strong_count(&held), 5);
        drop(preloaded.hold);
        assert_eq!(Arc::strong_count(&held), 3);
        assert!(engine.preload(Row::EcdsaP256, &keys(Row::EcdsaP256)).is_none(), "a panic keeps nothing");
        assert_eq!(engine.table_bytes(Row::Sm2E), 0);
        assert!(engine.preload(Row::Sm2E, &keys(Row::Sm2E)).is_none());
    }
}
