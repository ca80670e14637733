//! An engine's threads: the CPU's workers, those of the backends that have their own, and one that makes such a backend ready.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use assay_scheme::Row;

use super::{Engine, StartError, ThreadHook};
use crate::pool::Pool;
use crate::quarantine::{PAUSE_MAX, PAUSE_MIN};
use crate::queue::Hands;

impl Engine {
    /// Starts the workers and waits until each one's hook has returned.
    pub(super) fn start(&mut self, hook: Option<ThreadHook>) -> Result<(), StartError> {
        let (started, all_started) = mpsc::channel();
        for index in 0..self.pool.threads {
            let (pool, hook, started) = (Arc::clone(&self.pool), hook.clone(), started.clone());
            let work = move || {
                if let Some(hook) = hook {
                    hook(index);
                }
                // The engine waits for it, or was dropped before this thread got here.
                let _ = started.send(());
                drop(started);
                pool.work(Hands::Cpu);
            };
            self.workers.push(spawn(format!("assay-cpu-{index}"), work)?);
        }
        drop(started);
        match all_started.iter().count() {
            count if count == self.pool.threads => Ok(()),
            _ => Err(StartError::Thread("its start hook panicked".to_owned())),
        }
    }

    /// Starts the threads of the backends that have their own, and has those backends made ready: in the background, or
    /// before anything else where one was `demanded`.
    pub(super) fn start_own(&mut self, demanded: bool, rows: &[Row]) -> Result<(), StartError> {
        for slot in 0..self.pool.backends.len() {
            let backend = Arc::clone(&self.pool.backends[slot]);
            let name = backend.name();
            for index in 0..backend.own_threads() {
                let pool = Arc::clone(&self.pool);
                let work = move || pool.work(Hands::Own(slot));
                self.workers.push(spawn(format!("assay-{}-{slot}.{index}", name.name()), work)?);
            }
            if backend.own_threads() == 0 {
                continue;
            }
            let mut rows = if rows.is_empty() { Row::ALL.to_vec() } else { rows.to_vec() };
            if demanded {
                rows = self.pool.prepare(slot, &rows);
                if !Row::ALL.into_iter().any(|row| backend.serves(row)) {
                    // It says itself what it could not make ready.
                    let why = backend.note().unwrap_or_default();
                    return Err(StartError::NotReady { name, why });
                }
            }
            let pool = Arc::clone(&self.pool);
            pool.preparing.fetch_add(usize::from(!demanded), Ordering::Relaxed);
            let ready = move || make_ready(&pool, slot, rows, demanded);
            self.workers.push(spawn(format!("assay-{}-{slot}.ready", name.name()), ready)?);
        }
        Ok(())
    }

    /// Waits until each backend that is made ready in the background has tried all its rows: for who measures, since an engine
    /// serves from its start.
    pub fn await_prepared(&self) {
        while self.pool.preparing.load(Ordering::Acquire) > 0 {
            self.pool.wait_turn();
        }
    }
}

/// Has a backend make these rows ready, and those that it could not again after pauses that grow, until none is left or the
/// engine is dropped. `tried`: once before.
fn make_ready(pool: &Pool, slot: usize, mut rows: Vec<Row>, tried: bool) {
    let mut pause = PAUSE_MIN;
    if !tried {
        rows = pool.prepare(slot, &rows);
        pool.preparing.fetch_sub(1, Ordering::Release);
    }
    while !rows.is_empty() && pool.wait_until((pool.clock)() + pause) {
        rows = pool.prepare(slot, &rows);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new().name(name).spawn(work).map_err(|error| StartError::Thread(error.to_string()))
}
