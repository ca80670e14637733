//! Answers to lines and a summary, and the summary to an exit code.
//!
//! Lines are gathered in memory per chunk and written at once, so a reader sees whole lines and the output costs one
//! write a chunk. Malformed lines and unexpected items are told apart, counted without end and listed up to a bound.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use assay_client::Answer;
use assay_scheme::{Cause, Verdict};
use serde::Serialize;

use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, complain};
use super::input::LineError;
use super::items::Expect;
use super::progress::Progress;
use super::source::backend_name;
use super::stream::{Landed, LineTag, Sink};
use super::table::commas;

/// Unexpected items, and malformed lines, listed without `--all`.
const LISTED_MAX: u64 = 20;

/// What is printed for each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A JSON object for every item, and one for the summary.
    Json,
    /// Only unexpected items, and a summary, for people.
    Verdicts,
    /// Each item's value or what stands in its way, with the summary on stderr, for people and pipes.
    Values,
}

/// One item's answer: a verdict, or why no node gave one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict; not evaluated when no node answered.
    pub verdict: Verdict,
    /// The reason's or cause's word, or the refusal's.
    pub detail: Option<&'static str>,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, detail: verdict.detail() }
    }
}

impl Judged {
    /// An item of a chunk that has no answer.
    #[must_use]
    pub fn unanswered(error: &assay_client::Error) -> Self {
        use assay_client::Error;
        let (cause, word) = match error {
            Error::DeadlineExceeded => (Cause::DeadlineExceeded, Cause::DeadlineExceeded.name()),
            Error::Refused { status, .. } => (Cause::BackendFault, status.name()),
            Error::Unreachable { .. } => (Cause::BackendFault, "unreachable"),
            Error::BadReply(_) => (Cause::BackendFault, "bad-reply"),
            _ => (Cause::BackendFault, "not-sent"),
        };
        Self { verdict: Verdict::NotEvaluated(cause), detail: Some(word) }
    }
}

#[derive(Serialize)]
struct ItemLine<'a> {
    index: u64,
    verdict: &'static str,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

#[derive(Serialize)]
struct MalformedLine<'a> {
    index: u64,
    line: u64,
    field: Option<&'a str>,
    error: &'a str,
}

/// The last line with `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    items: u64,
    valid: u64,
    invalid: u64,
    not_evaluated: u64,
    mismatches: u64,
    malformed: u64,
    seconds: f64,
    backends: &'a BTreeMap<String, u64>,
}

/// Writes answers and keeps count.
pub struct Report<W: Write> {
    out: W,
    style: Style,
    list_all: bool,
    buffer: Vec<u8>,
    start: Instant,
    valid: u64,
    invalid: u64,
    not_evaluated: u64,
    mismatches: u64,
    malformed: u64,
    backends: BTreeMap<String, u64>,
    unanswered_said: bool,
}

impl<W: Write> Report<W> {
    /// An empty report.
    pub fn new(out: W, style: Style, list_all: bool) -> Self {
        Self {
            out,
            style,
            list_all,
            buffer: Vec::new(),
            start: Instant::now(),
            valid: 0,
            invalid: 0,
            not_evaluated: 0,
            mismatches: 0,
            malformed: 0,
            backends: BTreeMap::new(),
            unanswered_said: false,
        }
    }

    /// Items with an answer, or without one for good.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.valid + self.invalid + self.not_evaluated
    }

    /// A line that is no item.
    pub fn malformed(&mut self, index: u64, error: &LineError) {
        self.malformed += 1;
        if self.style == Style::Json {
            let (field, why) = (error.field.as_deref(), error.why.as_str());
            self.json(&MalformedLine { index, line: error.line, field, error: why });
        }
        if self.style == Style::Values {
            // The place is kept, so that outputs and inputs can be put side by side.
            self.buffer.extend_from_slice(b"malformed\n");
        }
        if self.list_all || self.malformed <= LISTED_MAX {
            complain(&error.to_string());
        }
    }

    /// An item's answer.
    pub fn item(&mut self, index: u64, line: u64, expect: &Expect, judged: Judged, value: &[u8]) {
        match judged.verdict {
            Verdict::Valid => self.valid += 1,
            Verdict::Invalid(_) => self.invalid += 1,
            Verdict::NotEvaluated(_) => self.not_evaluated += 1,
        }
        let met = expect.met_by(judged.verdict, value);
        self.mismatches += u64::from(!met);
        let value = (judged.verdict.is_valid() && !value.is_empty()).then(|| hex::encode(value));
        match self.style {
            Style::Json => {
                let verdict = judged.verdict.name();
                self.json(&ItemLine { index, verdict, reason: judged.detail, value: value.as_deref() });
            }
            Style::Verdicts | Style::Values if !met => self.unexpected(index, line, expect, judged, value.as_deref()),
            _ => {}
        }
        if self.style == Style::Values {
            let text = value.unwrap_or_else(|| words(judged));
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'\n');
        }
    }

    fn unexpected(&mut self, index: u64, line: u64, expect: &Expect, judged: Judged, value: Option<&str>) {
        if !self.list_all && self.mismatches > LISTED_MAX {
            return;
        }
        let got = value.map_or_else(|| words(judged), str::to_owned);
        let text = format!("item {index} (line {line}): {got}, {}", expect.words());
        if self.style == Style::Values {
            complain(&text);
        } else {
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'\n');
        }
    }

    /// Counts who computed a chunk, or says once why it has no answer.
    pub fn chunk(&mut self, answer: &Result<Answer, assay_client::Error>) {
        match answer {
            Ok(answer) => {
                for (number, items) in answer.backends.iter().enumerate().filter(|(_, items)| **items > 0) {
                    *self.backends.entry(backend_name(number)).or_default() += u64::from(*items);
                }
            }
            Err(error) if !self.unanswered_said => {
                self.unanswered_said = true;
                complain(&format!("some items have no answer: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// When the output's reader is gone or its disk is full.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }

    /// Writes the summary; the exit code. `input` and `command` name what was read, and by whom.
    ///
    /// # Errors
    /// When there was not a single item or malformed line, or the output cannot be written.
    pub fn finish(mut self, input: &str, command: &'static str) -> Result<u8, CliError> {
        if self.items() + self.malformed == 0 {
            return Err(CliError::NoItems { path: input.to_owned(), command });
        }
        let seconds = self.start.elapsed();
        match self.style {
            Style::Json => {
                let backends = std::mem::take(&mut self.backends);
                let summary = Summary {
                    items: self.items(),
                    valid: self.valid,
                    invalid: self.invalid,
                    not_evaluated: self.not_evaluated,
                    mismatches: self.mismatches,
                    malformed: self.malformed,
                    seconds: seconds.as_secs_f64(),
                    backends: &backends,
                };
                self.json(&summary);
            }
            Style::Verdicts => {
                let words = self.summary(seconds);
                self.buffer.extend_from_slice(words.as_bytes());
            }
            Style::Values => {
                let words = self.summary(seconds);
                io::stderr().lock().write_all(words.as_bytes())?;
            }
        }
        self.flush()?;
        Ok(match (self.malformed, self.mismatches) {
            (0, 0) => EXIT_OK,
            (0, _) => EXIT_UNEXPECTED,
            _ => EXIT_USAGE,
        })
    }

    fn summary(&self, seconds: Duration) -> String {
        let mut text = String::new();
        for (count, what, list) in
            [(self.mismatches, "unexpected items", "item"), (self.malformed, "malformed lines", "line")]
        {
            if !self.list_all && count > LISTED_MAX {
                let more = commas(count - LISTED_MAX);
                text.push_str(&format!("{more} more {what}; --all lists every {list}\n"));
            }
        }
        let items = self.items();
        text.push_str(&format!(
            "{} item{}: {} valid, {} invalid, {} not evaluated; ",
            commas(items),
            if items == 1 { "" } else { "s" },
            commas(self.valid),
            commas(self.invalid),
            commas(self.not_evaluated)
        ));
        text.push_str(&match self.mismatches {
            0 => "all as expected".to_owned(),
            count => format!("{} not as expected", commas(count)),
        });
        match self.malformed {
            0 => {}
            1 => text.push_str("; 1 line is malformed"),
            count => text.push_str(&format!("; {} lines are malformed", commas(count))),
        }
        let rate = (items as f64 / seconds.as_secs_f64().max(1e-9)) as u64;
        let backends: Vec<_> = self.backends.iter().map(|(name, items)| format!("{name} {}", commas(*items))).collect();
        text.push_str(&format!("\n{:.3} s, {} items/s", seconds.as_secs_f64(), commas(rate)));
        if !backends.is_empty() {
            text.push_str(&format!(", by {}", backends.join(", ")));
        }
        text.push('\n');
        text
    }

    fn json(&mut self, line: &impl Serialize) {
        serde_json::to_writer(&mut self.buffer, line)
            .expect("these types have no map with odd keys, and memory takes it");
        self.buffer.push(b'\n');
    }
}

/// Reports lines as they land, and moves the bar.
pub struct LineSink<W: Write> {
    /// Where the answers go.
    pub report: Report<W>,
    /// How far the input is read.
    pub progress: Progress,
}

impl<W: Write> Sink<LineTag> for LineSink<W> {
    fn land(&mut self, chunk: Landed<LineTag>) -> Result<(), CliError> {
        let report = &mut self.report;
        if let Some(answer) = &chunk.answer {
            report.chunk(answer);
        }
        let mut bytes_read = 0;
        for (tag, place) in chunk.slots {
            bytes_read = tag.bytes_read;
            match (&tag.item, place, &chunk.answer) {
                (Err(error), ..) => report.malformed(tag.index, error),
                (Ok(expect), Some(place), Some(Ok(answer))) => {
                    report.item(tag.index, tag.line, expect, answer.verdict(place).into(), answer.value(place));
                }
                (Ok(expect), _, Some(Err(error))) => {
                    report.item(tag.index, tag.line, expect, Judged::unanswered(error), &[]);
                }
                (Ok(_), ..) => unreachable!("an item has a place, and its chunk was sent"),
            }
        }
        report.flush()?;
        self.progress.set(bytes_read, || format!("{} items", report.items()));
        Ok(())
    }
}

fn words(judged: Judged) -> String {
    match judged.detail {
        None => judged.verdict.name().to_owned(),
        Some(detail) => format!("{} ({detail})", judged.verdict.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_scheme::Reason;

    fn report(style: Style) -> Report<Vec<u8>> {
        Report::new(Vec::new(), style, false)
    }

    #[test]
    fn malformed_outranks_unexpected_outranks_fine() {
        let line = LineError { line: 4, field: Some("message".to_owned()), why: "missing".to_owned() };
        for (malformed, unexpected, code) in [
            (false, false, EXIT_OK),
            (false, true, EXIT_UNEXPECTED),
            (true, false, EXIT_USAGE),
            (true, true, EXIT_USAGE),
        ] {
            let mut report = report(Style::Verdicts);
            report.item(0, 1, &Expect::Valid(true), Verdict::Valid.into(), &[]);
            if malformed {
                report.malformed(1, &line);
            }
            if unexpected {
                report.item(2, 5, &Expect::Valid(true), Verdict::Invalid(Reason::Key).into(), &[]);
            }
            assert_eq!(report.finish("a file", "verify").expect("items"), code);
        }
        assert!(matches!(report(Style::Json).finish("a file", "verify"), Err(CliError::NoItems { .. })));
    }

    #[test]
    fn not_evaluated_is_unexpected_whatever_was_expected() {
        for expect in [Expect::Valid(true), Expect::Valid(false)] {
            let mut report = report(Style::Json);
            report.item(0, 1, &expect, Judged::unanswered(&assay_client::Error::DeadlineExceeded), &[]);
            assert_eq!(report.finish("a file", "verify").expect("items"), EXIT_UNEXPECTED);
        }
    }

    #[test]
    fn json_lines_have_their_fields() {
        let mut report = report(Style::Json);
        report.item(0, 1, &Expect::Valid(true), Verdict::Valid.into(), &[]);
        report.item(1, 2, &Expect::Valid(true), Verdict::Valid.into(), &[0xab; 2]);
        report.item(2, 3, &Expect::Valid(false), Verdict::Invalid(Reason::Equation).into(), &[]);
        let line = LineError { line: 4, field: None, why: "not a JSON object".to_owned() };
        report.malformed(3, &line);
        let text = String::from_utf8(report.buffer).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], r#"{"index":0,"verdict":"valid","reason":null}"#);
        assert_eq!(lines[1], r#"{"index":1,"verdict":"valid","reason":null,"value":"abab"}"#);
        assert_eq!(lines[2], r#"{"index":2,"verdict":"invalid","reason":"equation"}"#);
        assert_eq!(lines[3], r#"{"index":3,"line":4,"field":null,"error":"not a JSON object"}"#);
    }

    #[test]
    fn lists_are_bounded_and_say_so() {
        let mut report = report(Style::Verdicts);
        for index in 0..LISTED_MAX + 5 {
            report.item(index, index + 1, &Expect::Valid(false), Verdict::Valid.into(), &[]);
        }
        let listed = report.buffer.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(listed, LISTED_MAX);
        assert!(report.summary(Duration::from_secs(1)).starts_with("5 more unexpected items; --all"));
    }
}
