//! An engine's threads: the CPU's workers, those of the backends that have their own, and one that makes such a backend
//! ready, and one for what a backend puts off.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use assay_scheme::Row;

use super::{ChoresHook, Engine, StartError, ThreadHook, Worker};
use crate::pool::Pool;
use crate::quarantine::{PAUSE_MAX, PAUSE_MIN};
use crate::queue::Hands;

impl Engine {
    /// Starts the workers and waits until each one's hook has returned.
    pub(super) fn start(&mut self, urgent_threads: bool, hook: Option<&ThreadHook>) -> Result<(), StartError> {
        let (started, all_started) = mpsc::channel();
        let kinds: &[bool] = if urgent_threads { &[false, true] } else { &[false] };
        let of_kind = |urgent: &bool| {
            let urgent = *urgent;
            (0..self.pool.threads).map(move |index| Worker { index, urgent })
        };
        let workers: Vec<_> = kinds.iter().flat_map(of_kind).collect();
        for worker in &workers {
            let (worker, pool, hook, started) = (*worker, Arc::clone(&self.pool), hook.cloned(), started.clone());
            let (kind, hands) = if worker.urgent { ("urgent", Hands::Urgent) } else { ("cpu", Hands::Cpu) };
            let work = move || {
                if let Some(hook) = hook {
                    hook(worker);
                }
                // The engine waits for it, or was dropped before this thread got here.
                let _ = started.send(());
                drop(started);
                pool.work(hands);
            };
            self.workers.push(spawn(format!("assay-{kind}-{}", worker.index), work)?);
        }
        drop(started);
        match all_started.iter().count() {
            count if count == workers.len() => Ok(()),
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

    /// Starts a thread for what each backend puts off.
    pub(super) fn start_chores(&mut self, hook: Option<&ChoresHook>) -> Result<(), StartError> {
        for backend in self.pool.backends.iter() {
            let Some(chores) = backend.chores() else { continue };
            let (pool, hook) = (Arc::clone(&self.pool), hook.cloned());
            let work = move || {
                if let Some(hook) = hook {
                    hook();
                }
                let mut heard = 0;
                while !pool.is_stopping() {
                    // One that panics is given up: nobody waits for it.
                    if !catch_unwind(AssertUnwindSafe(|| chores.work())).unwrap_or(true) {
                        heard = chores.wait(heard);
                    }
                }
            };
            self.workers.push(spawn(format!("assay-{}-chores", backend.name().name()), work)?);
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

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use std::time::Duration;

    use super::*;
    use crate::backend::{Backend, BackendName, Chores, Detected, Fault, Output};
    use crate::batch::Bundle;
    use crate::engine::{Choice, Config};
    use crate::testing::{HeldClock, MadeUp};

    /// A backend that puts things off.
    struct PutsOff(Arc<MadeUp>, Arc<Pile>);

    struct Pile {
        left: AtomicUsize,
        woken: Mutex<u64>,
        wake: std::sync::Condvar,
        done: mpsc::SyncSender<usize>,
    }

    impl Chores for Pile {
        fn work(&self) -> bool {
            let left = self.left.load(Ordering::SeqCst);
            if left > 0 {
                self.left.store(left - 1, Ordering::SeqCst);
                self.done.send(left).expect("the test waits");
                assert!(left != 2, "a chore that panics");
            }
            left > 0
        }

        fn wait(&self, heard: u64) -> u64 {
            let woken = self.woken.lock().expect("no panic");
            *self.wake.wait_while(woken, |woken| *woken == heard).expect("no panic")
        }

        fn wake(&self) {
            *self.woken.lock().expect("no panic") += 1;
            self.wake.notify_all();
        }
    }

    impl Backend for PutsOff {
        fn name(&self) -> BackendName {
            self.0.name()
        }

        fn serves(&self, row: Row) -> bool {
            self.0.serves(row)
        }

        fn compute(&self, bundle: &Bundle, range: Range<usize>, out: Output<'_>) -> Result<(), Fault> {
            self.0.compute(bundle, range, out)
        }

        fn chores(&self) -> Option<Arc<dyn Chores>> {
            Some(Arc::clone(&self.1) as Arc<dyn Chores>)
        }
    }

    #[test]
    fn what_is_put_off_is_done_after_the_hook_and_the_engine_waits_for_its_thread() {
        let (done, arrives) = mpsc::sync_channel(8);
        let pile = Arc::new(Pile { left: 0.into(), woken: Mutex::new(0), wake: Default::default(), done });
        let backend = PutsOff(MadeUp::new(BackendName::Reference), Arc::clone(&pile));
        let (hook, hooked) = mpsc::sync_channel(8);
        let config = Config {
            choice: Choice::Auto,
            threads: 1,
            on_chores_start: Some(Arc::new(move || hook.send(()).expect("the test waits"))),
            ..Config::default()
        };
        let found = vec![Detected::for_test(Arc::new(backend))];
        let engine = Engine::with_backends(found, config, HeldClock::default().clock()).expect("starts");
        let minute = Duration::from_secs(60);
        hooked.recv_timeout(minute).expect("the hook comes first");
        for round in 0..3 {
            pile.left.store(3, Ordering::SeqCst);
            pile.wake();
            for left in [3, 2, 1] {
                assert_eq!(arrives.recv_timeout(minute), Ok(left), "round {round}");
            }
        }
        drop(engine);
        assert_eq!(Arc::strong_count(&pile), 1, "its thread has gone");
    }
}
