//! Starts the engine, whose workers step back behind the threads that read sockets.

use std::sync::Arc;

use assay_core::Engine;
use assay_core::engine::Clock;
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy};

use super::StartError;
use crate::config::Config;

/// Starts the engine off the runtime: it detects backends and runs their known answers.
pub(super) async fn start_engine(config: &Config, clock: Clock) -> Result<Arc<Engine>, StartError> {
    let nice = config.engine.nice;
    let config = assay_core::Config {
        choice: config.engine.backend,
        threads: config.engine.threads,
        on_thread_start: Some(Arc::new(move |thread| step_back(thread, nice))),
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

/// Lets the network threads run before this worker.
fn step_back(thread: usize, nice: u8) {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let own = thread_priority::thread_native_id();
    let set = nice_priority(nice, policy)
        .is_some_and(|priority| thread_priority::set_thread_priority_and_policy(own, priority, policy).is_ok());
    if !set {
        tracing::warn!(thread, nice, "a worker keeps its scheduling priority");
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
