//! Starts the engine, whose workers step back behind the threads that read sockets, but for the urgent ones, and stay on a
//! core where that is wanted.

use std::sync::Arc;

use assay_core::Engine;
use assay_core::engine::Clock;

use super::StartError;
use super::cores::Places;
use crate::config::{Affinity, Config};
use crate::scheduling::{run_soon, step_back};

/// How far the thread steps back that makes tables of keys that keep coming: as far as there is. It gets a small share of a
/// core under load, and the whole of an idle one.
const CHORES_NICE: u8 = 19;

/// Starts the engine off the runtime: it detects backends and runs their known answers.
pub(super) async fn start_engine(config: &Config, clock: Clock) -> Result<Arc<Engine>, StartError> {
    let nice = config.engine.nice;
    let affinity = config.engine.affinity;
    let places = Places::find(affinity).inspect_err(|why| tracing::warn!("workers run anywhere: {why}")).ok();
    // One a core: a vote is taken by whichever core is ready first, where the system would have woken all of them on one.
    let urgent_places = Places::find(Affinity::Core).ok();
    if let Some(places) = places.as_ref().filter(|_| affinity != Affinity::System) {
        tracing::info!(?affinity, nodes = places.nodes, "workers stay where they are");
    }
    let config = assay_core::Config {
        choice: config.engine.backend,
        threads: config.engine.threads,
        on_thread_start: Some(Arc::new(move |worker| {
            if worker.urgent {
                run_soon();
            } else {
                step_back("a worker", nice);
            }
            let places = if worker.urgent { &urgent_places } else { &places };
            if places.as_ref().is_some_and(|places| !places.keep(worker.index)) {
                tracing::warn!(thread = worker.index, "a worker is not pinned");
            }
        })),
        on_chores_start: Some(Arc::new(|| step_back("the chores", CHORES_NICE))),
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
