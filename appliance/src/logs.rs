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
/// what, and counts it. People never see a backtrace unless they ask for one with `RUST_BACKTRACE`, and then in the log.
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
    if tracing::enabled!(tracing::Level::ERROR) {
        // The current span, if any, adds the request's id.
        let backtrace = Backtrace::capture();
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!(place, thread, what, %backtrace, "a defect was met; please report this line");
        } else {
            tracing::error!(place, thread, what, "a defect was met; please report this line");
        }
    } else {
        // No log yet, or none in this command. Nothing can be done when standard error is closed too.
        let _ = writeln!(std::io::stderr(), "assay: a defect was met at {place}: {what}; please report this line");
    }
}
