//! Starts the engine, whose workers step back behind the threads that read sockets and stay on a core where that is wanted.

use std::sync::Arc;

use assay_core::Engine;
use assay_core::engine::Clock;
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy};

use super::StartError;
use super::cores::Places;
use crate::config::{Affinity, Config};

/// How far the thread steps back that makes tables of keys that keep coming: as far as there is. It gets a small share of a
/// core under load, and the whole of an idle one.
const CHORES_NICE: u8 = 19;

/// Starts the engine off the runtime: it detects backends and runs their known answers.
pub(super) async fn start_engine(config: &Config, clock: Clock) -> Result<Arc<Engine>, StartError> {
    let nice = config.engine.nice;
    let affinity = config.engine.affinity;
    let places = Places::find(affinity).inspect_err(|why| tracing::warn!("workers run anywhere: {why}")).ok();
    if let Some(places) = places.as_ref().filter(|_| affinity != Affinity::System) {
        tracing::info!(?affinity, nodes = places.nodes, "workers stay where they are");
    }
    let config = assay_core::Config {
        choice: config.engine.backend,
        threads: config.engine.threads,
        on_thread_start: Some(Arc::new(move |thread| {
            step_back("a worker", nice);
            if places.as_ref().is_some_and(|places| !places.keep(thread)) {
                tracing::warn!(thread, "a worker is not pinned");
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

/// Lets the network threads run before this thread.
pub(crate) fn step_back(thread: &'static str, nice: u8) {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let own = thread_priority::thread_native_id();
    let set = nice_priority(nice, policy)
        .is_some_and(|priority| thread_priority::set_thread_priority_and_policy(own, priority, policy).is_ok());
    if !set {
        tracing::warn!(thread, nice, "a thread keeps its scheduling priority");
    }
}

/// The library's priority, of 0 to 99, that it makes this niceness of.
fn nice_priority(nice: u8, policy: ThreadSchedulePolicy) -> Option<ThreadPriority> {
    (0..=99_u8)
        .filter_map(|value| ThreadPriorityValue::try_from(value).ok())
        .map(ThreadPriority::Crossplatform)
        .find(|priority| priority.to_posix(policy).is_ok_and(|value| value == i32::from(nice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configurable_niceness_has_a_priority() {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
        for nice in 0..=19 {
            assert!(nice_priority(nice, policy).is_some(), "nice {nice}");
        }
    }
}
