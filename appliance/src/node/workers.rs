//! Starts the engine, whose workers step back behind the threads that read sockets, but for the urgent ones, and stay on a
//! core where that is wanted.

use std::sync::Arc;

use assay_core::Engine;
use assay_core::engine::Clock;

use super::StartError;
use crate::config::{Affinity, Config};
use crate::scheduling::{run_soon, step_back};

/// Starts the engine off the runtime: it detects backends and runs their known answers.
pub(super) async fn start_engine(config: &Config, clock: Clock) -> Result<Arc<Engine>, StartError> {
    let nice = config.engine.nice;
    let cores = match config.engine.affinity {
        Affinity::System => Vec::new(),
        Affinity::Core => core_affinity::get_core_ids().unwrap_or_else(|| {
            tracing::warn!("the cores are not known: workers run where the system puts them");
            Vec::new()
        }),
    };
    let config = assay_core::Config {
        choice: config.engine.backend,
        threads: config.engine.threads,
        on_thread_start: Some(Arc::new(move |worker| {
            if worker.urgent {
                run_soon()
            } else {
                step_back("a worker", nice)
            }
            if !cores.is_empty() && !pin(worker.index, &cores) {
                tracing::warn!(thread = worker.index, "a worker is not pinned");
            }
        })),
        key_table_bytes: config.engine.key_table_bytes,
        gpu: config.gpu.devices,
        ..assay_core::Config::default()
    };
    let engine = tokio::task::spawn_blocking(move || Engine::new(config, clock)).await;
    let engine = Arc::new(engine.map_err(|_| StartError::Interrupted)??);
    for backend in engine.backends() {
        tracing::info!(
            backend = backend.name.name(),
            serving = backend.serving,
            note = backend.note,
            threads = engine.threads(),
            "backend"
        );
    }
    Ok(engine)
}

/// Keeps this worker on one of the cores that the process may run on; whether the system let it.
fn pin(thread: usize, cores: &[core_affinity::CoreId]) -> bool {
    core_affinity::set_for_current(cores[thread % cores.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_worker_has_one_core_and_they_take_turns() {
        let cores = core_affinity::get_core_ids().expect("cores");
        for thread in 0..=cores.len() {
            let all = cores.clone();
            let own = std::thread::spawn(move || {
                assert!(pin(thread, &all));
                core_affinity::get_core_ids().expect("cores")
            });
            assert_eq!(own.join().expect("no panic"), [cores[thread % cores.len()]]);
        }
    }
}
