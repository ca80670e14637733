//! A progress bar: on stderr, on a terminal, and only for work over a second.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows no bar.
const DELAY: Duration = Duration::from_secs(1);

/// How far a command has come.
pub struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    total: Option<u64>,
    enabled: bool,
}

impl Progress {
    /// A bar over `total` bytes (or whatever [`Progress::set`] counts), or a spinner where the total is not known.
    /// `lines_out` says that the command writes lines while it works: then a bar would stand in their way where both go
    /// to one terminal.
    #[must_use]
    pub fn new(total: Option<u64>, lines_out: bool) -> Self {
        let enabled = io::stderr().is_terminal() && !(lines_out && io::stdout().is_terminal());
        Self { bar: None, start: Instant::now(), total, enabled }
    }

    /// `done` of the total, and a few words about it.
    pub fn set(&mut self, done: u64, words: impl FnOnce() -> String) {
        if !self.enabled || (self.bar.is_none() && self.start.elapsed() < DELAY) {
            return;
        }
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| draw(total));
        bar.set_position(done);
        bar.set_message(words());
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn draw(total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let template = if total.is_some() { "{bar:30} {percent:>3}% {msg} {eta} left" } else { "{spinner} {msg}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(total, target).with_style(style)
}
