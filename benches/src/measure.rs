//! Passes in turn on one pinned core, then on all of them.

use std::hint::black_box;
use std::sync::{Barrier, LazyLock};
use std::time::{Duration, Instant};

use crate::contest::{Case, Contestant};
use crate::report::{Measured, Rate, Row};

/// A pass is as many runs as take so long, so that the clock's own grain does not count.
const PASS_MIN: Duration = Duration::from_millis(4);
/// Passes at least, however slow.
const PASSES_MIN: usize = 5;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For each contestant.
    pub budget: Duration,
    /// Also on all cores at once.
    pub all_cores: bool,
}

/// Measures every contestant of a case.
pub fn measure(case: &Case, contestants: &[Contestant<'_>], effort: Effort) -> Measured {
    // Asked once: a pinned thread is told of its own core alone.
    static CORES: LazyLock<Vec<core_affinity::CoreId>> =
        LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());
    let cores = &CORES[..];
    if let Some(core) = cores.last() {
        core_affinity::set_for_current(*core);
    }
    let items = case.spec.items;
    let one = in_turn(contestants, effort.budget, |contestant, runs| {
        let start = Instant::now();
        (0..runs).for_each(|_| drop(black_box((contestant.run)())));
        start.elapsed()
    });
    let all = (effort.all_cores && cores.len() > 1).then(|| {
        in_turn(contestants, effort.budget, |contestant, runs| together(contestant, runs, cores) / cores.len() as u32)
    });
    let rate = |times: &[f64]| Rate::of(items, times);
    let rows = contestants.iter().enumerate().map(|(i, contestant)| Row {
        contestant: contestant.name.clone(),
        ours: contestant.ours,
        one_core: rate(&one[i]),
        all_cores: all.as_ref().map(|all| rate(&all[i])),
    });
    Measured { case: case.name.clone(), items, cores: cores.len().max(1), rows: rows.collect() }
}

/// Seconds a run of each contestant took, pass by pass; the contestants take turns, so that a slow moment of the machine
/// is everybody's.
fn in_turn(
    contestants: &[Contestant<'_>],
    budget: Duration,
    pass: impl Fn(&Contestant<'_>, u32) -> Duration,
) -> Vec<Vec<f64>> {
    let runs: Vec<u32> = contestants
        .iter()
        .map(|contestant| {
            pass(contestant, 1);
            let once = pass(contestant, 1).max(Duration::from_nanos(100));
            (PASS_MIN.as_secs_f64() / once.as_secs_f64()).ceil().clamp(1.0, 1e6) as u32
        })
        .collect();
    let mut times = vec![Vec::new(); contestants.len()];
    let mut spent = vec![Duration::ZERO; contestants.len()];
    loop {
        let mut measured = false;
        for (i, contestant) in contestants.iter().enumerate() {
            if times[i].len() >= PASSES_MIN && spent[i] >= budget {
                continue;
            }
            let took = pass(contestant, runs[i]);
            spent[i] += took.max(Duration::from_nanos(100));
            times[i].push(took.as_secs_f64() / f64::from(runs[i]));
            measured = true;
        }
        if !measured {
            return times;
        }
    }
}

/// The longest time that a core took for its runs, all starting at once.
fn together(contestant: &Contestant<'_>, runs: u32, cores: &[core_affinity::CoreId]) -> Duration {
    let start = Barrier::new(cores.len());
    let work = |core: core_affinity::CoreId| {
        core_affinity::set_for_current(core);
        start.wait();
        let began = Instant::now();
        (0..runs).for_each(|_| drop(black_box((contestant.run)())));
        began.elapsed()
    };
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = cores.iter().map(|core| scope.spawn(move || work(*core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a contestant does not panic")).max().unwrap_or_default()
    })
}
