//! Starts the engine, whose workers step back behind the threads that read sockets and stay on a core where that is wanted.

use std::sync::Arc;

use assay_core::Engine;
use assay_core::engine::Clock;
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy};

use super::StartError;
use crate::config::{Affinity, Config};

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
        on_thread_start: Some(Arc::new(move |thread| {
            step_back("a worker", nice);
            if !cores.is_empty() && !pin(thread, &cores) {
                tracing::warn!(thread, "a worker is not pinned");
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

/// Keeps this worker on one of the cores that the process may run on; whether the system let it.
fn pin(thread: usize, cores: &[core_affinity::CoreId]) -> bool {
    core_affinity::set_for_current(cores[thread % cores.len()])
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

    #[test]
    fn every_configurable_niceness_has_a_priority() {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
        for nice in 0..=19 {
            assert!(nice_priority(nice, policy).is_some(), "nice {nice}");
        }
    }
}
