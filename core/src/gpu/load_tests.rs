//! A device that fails while an engine is under load: nothing is lost, nothing is wrong, and it comes back.

use std::sync::Arc;
use std::time::Duration;

use assay_scheme::{Cause, Priority, Row, Verdict};

use super::tests::Alone;
use super::{GpuSettings, devices, inject};
use crate::backend::{Backend, BackendName, Detected, GpuChoice};
use crate::engine::{BackendStatus, Config, Engine, Outcome};
use crate::testing::{MadeUp, bundle, expected, order, real_clock, sha256};

/// How long anything may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the CPU takes for an item here: long enough that large bundles are the device's.
const CPU_ITEM: Duration = Duration::from_micros(20);

fn device(engine: &Engine) -> BackendStatus {
    engine.backends().into_iter().find(|backend| backend.name == BackendName::Gpu).expect("the device")
}

/// An engine over a slow CPU and the software device, once the device serves.
fn engine(timeout: Duration) -> Option<Engine> {
    let cpu = MadeUp::new(BackendName::Reference);
    cpu.behave(|bundle, range, out| {
        std::thread::sleep(CPU_ITEM * range.len() as u32);
        sha256(bundle, range, out);
        Some(Ok(()))
    });
    let settings = GpuSettings { timeout: Some(timeout), ..GpuSettings::default() };
    let gpu = devices(GpuChoice::Software, settings).into_iter().next()?;
    let found = vec![Detected::for_test(cpu), Detected::for_test(gpu as Arc<dyn Backend>)];
    let config = Config { threads: 2, rows: vec![Row::Sha256, Row::Sha256d], ..Config::default() };
    let engine = Engine::with_backends(found, config, real_clock()).expect("starts");
    let clock = real_clock();
    while device(&engine).amiss.is_some() {
        assert!(clock() < PATIENCE, "{:?}", device(&engine));
        std::thread::yield_now();
    }
    Some(engine)
}

/// Several bundles at once; every answer must be the right one.
fn load(engine: &Engine) -> [usize; BackendName::ALL.len()] {
    let bundles = [20_000, 300, 9_000, 1, 4_000].map(|items| bundle(&[items, 1]));
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let run = |bundle| scope.spawn(move || engine.run(bundle, order(Priority::Mempool)));
        let running: Vec<_> = bundles.iter().cloned().map(run).collect();
        running.into_iter().map(|run| run.join().expect("an engine does not panic")).collect()
    });
    let mut backends = [0; BackendName::ALL.len()];
    for (bundle, outcome) in bundles.iter().zip(&outcomes) {
        let lost = (0..bundle.items()).find(|item| {
            matches!(outcome.results.verdict(*item), Verdict::NotEvaluated(Cause::BackendFault | Cause::Stopped))
        });
        assert_eq!(lost, None, "an item without a verdict");
        assert!(outcome.results == expected(bundle), "a wrong answer");
        backends.iter_mut().zip(outcome.backends).for_each(|(sum, items)| *sum += items);
    }
    backends
}

#[test]
fn a_failing_device_under_load_loses_nothing_and_comes_back() {
    let _alone = Alone::new();
    let Some(engine) = engine(Duration::from_secs(5)) else { return };
    for (round, fault) in inject::Injected::ALL.into_iter().enumerate() {
        let before = load(&engine);
        assert!(before[BackendName::Gpu as usize] > 0, "large bundles are the device's: {before:?}");
        inject::arm(fault, 1);
        let clock = real_clock();
        while inject::left() > 0 {
            load(&engine);
            assert!(clock() < PATIENCE, "{fault:?} never met a batch");
        }
        assert!(device(&engine).faults > round as u64, "{fault:?}: {:?}", device(&engine));
        // While it is out the CPU answers; when its pause is over it gives its known answers and serves again.
        while !device(&engine).serving {
            load(&engine);
            assert!(clock() < PATIENCE, "{fault:?}: {:?}", device(&engine));
        }
    }
    assert!(load(&engine)[BackendName::Gpu as usize] > 0);
    assert_eq!(engine.backlog(), [0; 4]);
}

#[test]
fn what_could_not_be_made_ready_once_is_tried_again() {
    for fault in inject::Injected::ALL {
        let _alone = Alone::new();
        // The first batch there is: a known answer.
        inject::arm(fault, 1);
        let Some(engine) = engine(Duration::from_secs(5)) else { return };
        assert_eq!(inject::left(), 0, "{fault:?}");
        let device = device(&engine);
        assert!(device.note.contains("last fault"), "{fault:?}: {device:?}");
        assert!(device.serving && device.faults == 0, "{fault:?}: {device:?}");
        assert!(load(&engine)[BackendName::Gpu as usize] > 0, "{fault:?}");
    }
}
