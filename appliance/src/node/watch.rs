//! What the backends say of themselves, to the log: only what changed since the last look.

use std::sync::{Mutex, PoisonError};

use assay_core::engine::BackendStatus;

/// What was last seen of each backend.
#[derive(Default)]
pub(super) struct Watch {
    last: Mutex<Vec<(bool, Option<String>)>>,
}

impl Watch {
    /// Looks at the backends and logs those that serve, or do not, unlike the last time.
    pub(super) fn look(&self, backends: &[BackendStatus]) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now: Vec<_> = backends.iter().map(|backend| (backend.serving, backend.amiss.clone())).collect();
        for (at, backend) in backends.iter().enumerate() {
            let before = last.get(at);
            if before == now.get(at) || (before.is_none() && backend.amiss.is_none()) {
                continue;
            }
            let (name, note, faults) = (backend.name.name(), &backend.note, backend.faults);
            match &backend.amiss {
                Some(amiss) if before.is_some_and(|(serving, _)| *serving) && !backend.serving => {
                    tracing::error!(backend = name, faults, note, "out of service: {amiss}");
                }
                Some(amiss) => tracing::info!(backend = name, faults, note, "{amiss}"),
                None => tracing::info!(backend = name, faults, note, "in service"),
            }
        }
        *last = now;
    }
}
