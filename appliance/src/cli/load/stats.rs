//! What a stream met: how long answers took, what was refused, what was wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_client::{Answer, Error};
use assay_core::Results;
use assay_scheme::Verdict;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::plan::Plan;
use crate::cli::table::{commas, table};

/// The longest time a histogram tells apart; longer ones count as this.
const TIME_US_MAX: u64 = 3_600_000_000;

/// When a request was due, sent and answered.
#[derive(Clone, Copy)]
pub struct Times {
    /// From when it should have been sent, so that a generator or node that stalls cannot hide the requests it delays.
    pub since_due: Duration,
    /// How late this generator sent it.
    pub late: Duration,
}

/// Times in microseconds, three digits kept.
struct Times3(Histogram<u64>);

impl Times3 {
    fn new() -> Self {
        Self(Histogram::new_with_bounds(1, TIME_US_MAX, 3).expect("constants in range"))
    }

    fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros.max(1));
    }

    fn percentiles(&self) -> Percentiles {
        let at = |quantile: f64| self.0.value_at_quantile(quantile);
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p99_9: at(0.999), max: self.0.max() }
    }
}

/// Microseconds.
#[derive(Clone, Copy, Serialize)]
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    #[serde(rename = "p99.9")]
    p99_9: u64,
    max: u64,
}

impl Percentiles {
    fn row(self, name: &str) -> Vec<String> {
        let ms = |micros: u64| format!("{:.3}", micros as f64 / 1_000.0);
        vec![name.to_owned(), ms(self.p50), ms(self.p90), ms(self.p99), ms(self.p99_9), ms(self.max)]
    }
}

/// A stream's counts.
pub struct Stats {
    latency: Times3,
    added: Times3,
    queue: Times3,
    compute: Times3,
    late: Times3,
    statuses: BTreeMap<&'static str, u64>,
    items: u64,
    wrong: u64,
    not_evaluated: u64,
    unanswered: u64,
}

impl Default for Stats {
    /// Nothing met yet.
    fn default() -> Self {
        Self {
            latency: Times3::new(),
            added: Times3::new(),
            queue: Times3::new(),
            compute: Times3::new(),
            late: Times3::new(),
            statuses: BTreeMap::new(),
            items: 0,
            wrong: 0,
            not_evaluated: 0,
            unanswered: 0,
        }
    }
}

impl Stats {
    /// Counts a request's outcome. `measured` says whether it falls into the measured time; wrong verdicts count
    /// always.
    pub fn record(&mut self, times: Times, outcome: &Result<Answer, Error>, expected: &Results, measured: bool) {
        if let Ok(answer) = outcome {
            self.compare(answer, expected);
        }
        if !measured {
            return;
        }
        *self.statuses.entry(status(outcome)).or_default() += 1;
        self.late.record(micros(times.late));
        let Ok(answer) = outcome else { return };
        let latency = micros(times.since_due);
        self.items += answer.items() as u64;
        self.latency.record(latency);
        self.added.record(latency.saturating_sub(micros(times.late)).saturating_sub(answer.compute_us.into()));
        self.queue.record(answer.queue_us.into());
        self.compute.record(answer.compute_us.into());
    }

    /// A request that had no answer when the run had to end.
    pub fn give_up(&mut self, requests: u64) {
        self.unanswered += requests;
    }

    fn compare(&mut self, answer: &Answer, expected: &Results) {
        if answer.verdicts == expected.verdicts && answer.values == expected.values {
            return;
        }
        if answer.items() != expected.items() {
            self.wrong += expected.items() as u64;
            return;
        }
        for item in 0..answer.items() {
            match answer.verdict(item) {
                Verdict::NotEvaluated(_) => self.not_evaluated += 1,
                verdict => {
                    let same = verdict == expected.verdict(item)
                        && answer.value_width == expected.width
                        && answer.value(item) == expected.value(item);
                    self.wrong += u64::from(!same);
                }
            }
        }
    }

    /// Whether the stream was answered, and rightly. A node that is full may say so; one that answers wrongly, breaks
    /// off or does not answer at all may not.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        let answered = self.statuses.get("ok").is_some_and(|count| *count > 0);
        let full = |status: &str| {
            assay_wire::Status::ALL
                .iter()
                .any(|known| known.name() == status && known.blame() == assay_wire::Blame::Busy)
        };
        let broken = self.statuses.keys().any(|status| *status != "ok" && !full(status));
        answered && self.wrong == 0 && self.not_evaluated == 0 && self.unanswered == 0 && !broken
    }

    /// The stream as a JSON line.
    #[must_use]
    pub fn json(&self, plan: &Plan, seconds: f64) -> String {
        let line = Line {
            stream: &plan.name,
            what: plan.words(),
            seconds,
            requests: self.statuses.values().sum(),
            items: self.items,
            items_per_second: self.items as f64 / seconds,
            latency_us: self.latency.percentiles(),
            added_us: self.added.percentiles(),
            queue_us: self.queue.percentiles(),
            compute_us: self.compute.percentiles(),
            late_us: self.late.percentiles(),
            statuses: &self.statuses,
            wrong: self.wrong,
            not_evaluated: self.not_evaluated,
            unanswered: self.unanswered,
        };
        let mut text = serde_json::to_string(&line).expect("finite numbers and string keys are JSON");
        text.push('\n');
        text
    }

    /// The stream for people.
    #[must_use]
    pub fn text(&self, plan: &Plan, seconds: f64) -> String {
        let requests: u64 = self.statuses.values().sum();
        let statuses: Vec<_> = self.statuses.iter().map(|(name, count)| format!("{name} {}", commas(*count))).collect();
        let rows = [
            self.latency.percentiles().row("latency"),
            self.added.percentiles().row("added"),
            self.queue.percentiles().row("queue"),
            self.compute.percentiles().row("compute"),
            self.late.percentiles().row("sent late"),
        ];
        format!(
            "{}: {}\n{} requests, {} items in {seconds:.1} s: {} items/s\n{}statuses: {}\n\
             {} wrong, {} not evaluated, {} unanswered\n",
            plan.name,
            plan.words(),
            commas(requests),
            commas(self.items),
            commas((self.items as f64 / seconds) as u64),
            table(&["ms", "p50", "p90", "p99", "p99.9", "max"], &rows),
            if statuses.is_empty() { "none".to_owned() } else { statuses.join(", ") },
            self.wrong,
            self.not_evaluated,
            self.unanswered,
        )
    }
}

#[derive(Serialize)]
struct Line<'a> {
    stream: &'a str,
    what: String,
    seconds: f64,
    requests: u64,
    items: u64,
    items_per_second: f64,
    latency_us: Percentiles,
    added_us: Percentiles,
    queue_us: Percentiles,
    compute_us: Percentiles,
    late_us: Percentiles,
    statuses: &'a BTreeMap<&'static str, u64>,
    wrong: u64,
    not_evaluated: u64,
    unanswered: u64,
}

/// The status's word, also for what has none on the wire.
fn status(outcome: &Result<Answer, Error>) -> &'static str {
    match outcome {
        Ok(_) => "ok",
        Err(Error::Refused { status, .. }) => status.name(),
        Err(Error::DeadlineExceeded) => assay_wire::Status::DeadlineExceeded.name(),
        Err(Error::Unreachable { .. }) => "unreachable",
        Err(Error::BadReply(_)) => "bad-reply",
        Err(_) => "not-sent",
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdicts: &[u8]) -> Result<Answer, Error> {
        Ok(Answer { verdicts: verdicts.to_vec(), queue_us: 100, compute_us: 400, ..Answer::default() })
    }

    fn expected(verdicts: &[u8]) -> Results {
        Results { verdicts: verdicts.to_vec(), ..Results::default() }
    }

    const TIMES: Times = Times { since_due: Duration::from_micros(1_000), late: Duration::from_micros(50) };

    #[test]
    fn latency_counts_from_when_a_request_was_due() {
        let mut stats = Stats::default();
        stats.record(TIMES, &answer(&[1, 2]), &expected(&[1, 2]), true);
        assert_eq!((stats.latency.percentiles().p50, stats.added.percentiles().p50), (1_000, 550));
        assert_eq!((stats.queue.percentiles().max, stats.items), (100, 2));
        assert!(stats.as_expected());
    }

    #[test]
    fn a_wrong_verdict_counts_even_outside_the_measured_time() {
        let mut stats = Stats::default();
        stats.record(TIMES, &answer(&[1, 1]), &expected(&[1, 1]), true);
        assert!(stats.as_expected());
        stats.record(TIMES, &answer(&[1, 2]), &expected(&[1, 1]), false);
        assert_eq!((stats.wrong, stats.items), (1, 2));
        assert!(!stats.as_expected());
    }

    #[test]
    fn another_reason_and_a_missing_verdict_are_told_apart() {
        let mut stats = Stats::default();
        stats.record(TIMES, &answer(&[3, 0, 128]), &expected(&[2, 1, 1]), true);
        assert_eq!((stats.wrong, stats.not_evaluated), (1, 2));
    }

    #[test]
    fn a_full_node_may_refuse_and_a_lost_one_may_not() {
        let refused = |status| Err(Error::Refused { status, message: String::new(), retry_after: Duration::ZERO });
        let mut stats = Stats::default();
        stats.record(TIMES, &refused(assay_wire::Status::Busy), &expected(&[1]), true);
        assert!(!stats.as_expected(), "nothing was answered at all");
        stats.record(TIMES, &answer(&[1]), &expected(&[1]), true);
        assert!(stats.as_expected());
        stats.record(TIMES, &refused(assay_wire::Status::BadForm), &expected(&[1]), true);
        assert!(!stats.as_expected());
    }
}
