//! This machine's engine, behind the feature `local`: it finishes what no node answered in time, and checks a sampled
//! share of the nodes' answers again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_core::{Bundle, Config, Engine, Order, Outcome, Preloaded, Ticket};
use assay_scheme::{Columns, Keys, Parameters, Priority, Row, Verdict};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::tls::Random;

/// Message bytes that count as much as an item when time is predicted: a hash function's block.
const BYTES_PER_UNIT: usize = 64;
/// Room left between the predicted end and the deadline, as a share of the predicted time.
const MARGIN: f64 = 1.5;

/// This machine as a verifier.
pub(crate) struct Local {
    engine: Arc<Engine>,
    /// The engine's clock counts from here.
    start: Instant,
    /// Nanoseconds per unit of each row, as last observed; 0 while unknown.
    speeds: Vec<AtomicU64>,
    /// The tables of known keys, by their row.
    kept: Mutex<HashMap<Row, Preloaded>>,
}

/// Withdraws what was submitted when nobody waits for it any more; what is done stays done.
struct Withdraw(Ticket);

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Local {
    /// Starts the engine if the settings ask for it; its known answers are computed first.
    ///
    /// # Errors
    /// [`Error::Setup`] when this machine gives a wrong known answer or has no threads left.
    pub(crate) async fn start(config: &ClientConfig) -> Result<Option<Self>, Error> {
        if !config.local_fallback && config.recheck_share <= 0.0 {
            return Ok(None);
        }
        let fail = |why: String| Error::Setup { what: "this machine's engine".into(), why };
        let settings = Config { threads: config.local_threads, ..Config::default() };
        let start = Instant::now();
        let engine = tokio::task::spawn_blocking(move || Engine::new(settings, Arc::new(move || start.elapsed())))
            .await
            .map_err(|error| fail(error.to_string()))?
            .map_err(|error| fail(error.to_string()))?;
        let speeds = Row::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Ok(Some(Self { engine: Arc::new(engine), start, speeds, kept: Mutex::default() }))
    }

    /// When this machine should begin, so that it is done by the deadline: after `share` of the time, or sooner where it
    /// has learnt that it needs longer. What it cannot finish in time anyway begins at the share.
    pub(crate) fn begin_at(&self, columns: &Columns, now: Instant, deadline: Instant, share: f64) -> Instant {
        let speed = self.speeds[columns.operation().row.index()].load(Ordering::Relaxed);
        now + begin_after(deadline.saturating_duration_since(now), share, speed.saturating_mul(units(columns)))
    }

    /// Makes the tables of these keys ready in the place of those of the row, where this machine keeps any.
    pub(crate) async fn preload(&self, keys: &Keys) {
        let (engine, keys) = (Arc::clone(&self.engine), keys.clone());
        let row = keys.operation().row;
        let made =
            tokio::task::spawn_blocking(move || (keys.count() > 0).then(|| engine.preload(row, &keys)).flatten());
        // A table is a hint: where it could not be made, nothing is kept and every verdict is the same.
        let made = made.await.ok().flatten();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match made {
            Some(made) => drop(kept.insert(row, made)),
            None => drop(kept.remove(&row)),
        }
    }

    /// Every item's verdict, or none if a single one could not be evaluated before the deadline.
    pub(crate) async fn compute(
        &self,
        columns: &Columns,
        parameters: &Parameters,
        priority: Priority,
        deadline: Option<Instant>,
    ) -> Option<Answer> {
        let outcome = self.run(columns.clone(), parameters, priority, deadline).await?;
        let items = outcome.results.items();
        let answer = Answer {
            verdicts: outcome.results.verdicts,
            values: outcome.results.values,
            value_width: outcome.results.width,
            compute_us: micros(outcome.computed),
            local_items: items,
            ..Answer::default()
        };
        let complete = answer.not_evaluated().next().is_none();
        complete.then_some(answer)
    }

    /// Computes what a node left without a verdict, of the first `needed` items; what cannot be computed here either stays
    /// without one.
    pub(crate) async fn finish(
        &self,
        answer: &mut Answer,
        needed: usize,
        columns: &Columns,
        parameters: &Parameters,
        priority: Priority,
        deadline: Option<Instant>,
    ) {
        let missing: Vec<usize> = answer.not_evaluated().take_while(|item| *item < needed).collect();
        let Some(part) = subset(columns, &missing) else { return };
        let Some(outcome) = self.run(part, parameters, priority, deadline).await else { return };
        let (results, width) = (&outcome.results, answer.value_width);
        for (at, item) in missing.into_iter().enumerate() {
            if !matches!(results.verdict(at), Verdict::NotEvaluated(_)) {
                answer.verdicts[item] = results.verdicts[at];
                answer.values[item * width..(item + 1) * width].copy_from_slice(results.value(at));
                answer.local_items += 1;
            }
        }
    }

    /// Computes a sampled share of the items again; the first whose answer differs. What either side did not evaluate
    /// says nothing.
    pub(crate) async fn recheck(
        &self,
        answer: &Answer,
        columns: &Columns,
        parameters: &Parameters,
        deadline: Option<Instant>,
        share: f64,
        random: Random,
    ) -> Option<usize> {
        let sampled = sample(columns.items(), share, random);
        // Bulk: checking again is never to hold up what this machine finishes for a deadline.
        let outcome = self.run(subset(columns, &sampled)?, parameters, Priority::Bulk, deadline).await?;
        let differs = |at: usize, item: usize| {
            let (here, there) = (outcome.results.verdict(at), answer.verdict(item));
            let known = |verdict| !matches!(verdict, Verdict::NotEvaluated(_));
            known(here) && known(there) && (here != there || outcome.results.value(at) != answer.value(item))
        };
        sampled.iter().copied().enumerate().find(|(at, item)| differs(*at, *item)).map(|(_, item)| item)
    }

    async fn run(
        &self,
        columns: Columns,
        parameters: &Parameters,
        priority: Priority,
        deadline: Option<Instant>,
    ) -> Option<Outcome> {
        let units = units(&columns);
        let speed = &self.speeds[columns.operation().row.index()];
        let bundle = Bundle::new(parameters.clone(), vec![columns]).ok()?;
        let order = Order { priority, deadline: deadline.map(|at| at.saturating_duration_since(self.start)) };
        let (done, outcome) = oneshot::channel();
        let ticket = self.engine.submit(bundle, order, Box::new(move |outcome| drop(done.send(outcome))));
        let _withdraw = Withdraw(ticket);
        // A stuck engine must not keep an answer from a node back: the deadline holds here too.
        let outcome = match deadline {
            None => outcome.await.ok()?,
            Some(at) => timeout_at(at, outcome).await.ok()?.ok()?,
        };
        if outcome.results.verdicts.iter().all(|byte| (1..128).contains(byte)) {
            let took = (outcome.queued + outcome.computed).as_nanos() as u64;
            speed.store((took / units.max(1)).max(1), Ordering::Relaxed);
        }
        Some(outcome)
    }
}

/// What the time to compute grows with: items (or the keys or messages they group) and blocks of message.
fn units(columns: &Columns) -> u64 {
    let entries = columns.entries(columns.items() - 1).end.max(columns.items());
    (entries + columns.message_bytes(0..columns.items()) / BYTES_PER_UNIT) as u64
}

fn begin_after(left: Duration, share: f64, predicted_ns: u64) -> Duration {
    let by_share = left.mul_f64(share.clamp(0.0, 1.0));
    match left.checked_sub(Duration::from_nanos(predicted_ns).mul_f64(MARGIN)) {
        Some(latest) if predicted_ns > 0 => latest.min(by_share),
        _ => by_share,
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// These items alone, in this order; `None` when there are none.
fn subset(columns: &Columns, items: &[usize]) -> Option<Columns> {
    columns.select(items.iter().copied()).ok()
}

/// Each item with this probability, by a generator whose seed no node can foresee.
fn sample(items: usize, share: f64, random: Random) -> Vec<usize> {
    let seed = random.nonce().unwrap_or_default();
    let mut state = u64::from_le_bytes(*seed.first_chunk().expect("eight of sixteen bytes")) | 1;
    let below = (share.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u64;
    (0..items)
        .filter(|_| {
            // Marsaglia's xorshift64: statistical quality is all that is needed once the seed is unknown.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            share >= 1.0 || state >> 32 < below
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use assay_scheme::ColumnsBuilder;

    use super::*;

    #[test]
    fn this_machine_begins_in_time_for_what_it_has_learnt() {
        let left = Duration::from_millis(1_000);
        let after = |ms: u64| begin_after(left, 0.5, ms * 1_000_000);
        assert_eq!(after(0), Duration::from_millis(500), "nothing learnt yet");
        assert_eq!(after(100), Duration::from_millis(500), "quick enough");
        assert_eq!(after(600), Duration::from_millis(100), "600 ms and half as much again before the deadline");
        assert_eq!(after(5_000), Duration::from_millis(500), "too slow in any case");
        assert_eq!(begin_after(Duration::ZERO, 0.5, 1), Duration::ZERO);
    }

    #[test]
    fn a_share_is_sampled_and_none_or_all_are_exact() {
        let random = Random::system();
        assert!(sample(1_000, 0.0, random).is_empty());
        assert_eq!(sample(1_000, 1.0, random), (0..1_000).collect::<Vec<_>>());
        let some = sample(65_536, 0.1, random);
        // Six thousand five hundred and a half; a deviation of 12 standard deviations (77) does not happen.
        assert!((5_600..7_500).contains(&some.len()), "{}", some.len());
        assert!(some.is_sorted());
        assert_ne!(some, sample(65_536, 0.1, random), "no node can foresee it");
    }

    #[test]
    fn none_of_the_items_is_no_batch() {
        let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
        builder.push(0, &[], &[], b"a");
        assert!(subset(&builder.build().expect("one item"), &[]).is_none());
    }
}
