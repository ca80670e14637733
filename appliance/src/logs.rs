//! The log: one line an event on standard error, for people or for machines; and panics as one of them.

use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogConfig, LogFormat, LogLevel};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Panics met by this process since its start.
#[must_use]
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Sends events to standard error as the configuration says, and panics with them ([`hook_panics`]). A second call in one
/// process keeps the first one's subscriber.
pub fn init(config: LogConfig) {
    let subscriber = subscriber(config, std::io::stderr);
    // Fails only when there is one already, which then hears everything.
    let _ = tracing::subscriber::set_global_default(subscriber);
    hook_panics();
}

/// What [`init`] installs, writing elsewhere: for tests, and for a node inside another program.
pub fn subscriber<W>(config: LogConfig, writer: W) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match config.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The transport and HTTP libraries' inner steps drown ours below trace; what goes wrong in them is still told.
    let others = if config.level == LogLevel::Trace { level } else { level.min(LevelFilter::WARN) };
    let filter = Targets::new().with_default(others).with_target("assay", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    match config.format {
        LogFormat::Text => Box::new(Registry::default().with(lines.with_filter(filter))),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            Box::new(Registry::default().with(lines.with_filter(filter)))
        }
    }
}

/// Makes a panic one line of the log (or of standard error where there is no log) that says where, in which thread and
/// what, and counts it. A backtrace is written only into a log whose level is debug or trace, whatever `RUST_BACKTRACE` says.
pub fn hook_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        report(info);
    }));
}

fn report(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "unknown".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let what = text.unwrap_or("no message").replace(['\n', '\r'], " ");
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed").to_owned();
    // The current span, if any, adds the request's id.
    if tracing::enabled!(tracing::Level::DEBUG) {
        let backtrace = Backtrace::force_capture();
        tracing::error!(place, thread, what, %backtrace, "a defect was met; please report this line");
    } else if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(place, thread, what, "a defect was met; please report this line");
    } else {
        // No log yet, or none in this command. Nothing can be done when standard error is closed too.
        let _ = writeln!(std::io::stderr(), "assay: a defect was met at {place}: {what}; please report this line");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("nobody panics holding it").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(format: LogFormat, level: LogLevel, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(LogConfig { format, level }, move || writer.clone()), work);
        let bytes = lines.0.lock().expect("nobody panics holding it").clone();
        String::from_utf8(bytes).expect("text")
    }

    fn request() {
        let span = tracing::info_span!("request", id = "a1b2", tenant = "exchange");
        span.in_scope(|| tracing::info!(items = 3, "answered"));
    }

    #[test]
    fn text_bears_the_request_of_its_span() {
        let said = said(LogFormat::Text, LogLevel::Info, request);
        assert_eq!(said.lines().count(), 1);
        for part in ["INFO", "id=\"a1b2\"", "tenant=\"exchange\"", "answered", "items=3"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains('\u{1b}'), "no colours in a log");
    }

    #[test]
    fn json_is_one_object_a_line_with_the_span_in_it() {
        let said = said(LogFormat::Json, LogLevel::Info, request);
        let event: serde_json::Value = serde_json::from_str(&said).expect("one JSON object");
        assert_eq!(event["message"], "answered");
        assert_eq!(event["items"], 3);
        assert_eq!(event["span"]["id"], "a1b2");
    }

    #[test]
    fn the_level_decides_and_other_crates_are_heard_only_when_something_is_wrong() {
        let events = || {
            tracing::error!("e");
            tracing::debug!("d");
            tracing::info!(target: "quinn", "inner");
            tracing::warn!(target: "quinn", "outer");
        };
        assert_eq!(said(LogFormat::Text, LogLevel::Error, events).lines().count(), 1);
        assert_eq!(said(LogFormat::Text, LogLevel::Info, events).lines().count(), 2);
        assert_eq!(said(LogFormat::Text, LogLevel::Debug, events).lines().count(), 3);
        assert_eq!(said(LogFormat::Text, LogLevel::Trace, events).lines().count(), 4);
    }
}
