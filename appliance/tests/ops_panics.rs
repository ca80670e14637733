//! A defect is one line of the log, counted, without a backtrace. Alone in its process: the hook is the process's.

use std::io::Write;
use std::sync::{Arc, Mutex};

use assay_appliance::config::{LogConfig, LogFormat, LogLevel};
use assay_appliance::logs;

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

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().expect("nobody panics holding it"))).expect("text")
    }
}

#[test]
fn a_panic_is_a_line_with_its_place_and_its_request() {
    logs::hook_panics();
    let lines = Lines::default();
    let writer = lines.clone();
    let config = LogConfig { format: LogFormat::Json, level: LogLevel::Info };
    let subscriber = logs::subscriber(config, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!(target: "assay", "request", id = "a1b2");
        let _guard = span.enter();
        let met = std::panic::catch_unwind(|| panic!("an index was out\nof bounds"));
        assert!(met.is_err());
    });
    let said = lines.take();
    assert_eq!(said.lines().count(), 1, "{said}");
    let event: serde_json::Value = serde_json::from_str(&said).expect("a JSON line");
    assert_eq!(event["level"], "ERROR");
    assert_eq!(event["what"], "an index was out of bounds");
    assert!(event["place"].as_str().expect("a place").contains("ops_panics.rs:"), "{said}");
    assert_eq!(event["span"]["id"], "a1b2", "the request's span: {said}");
    assert!(event.get("backtrace").is_none(), "{said}");
    assert_eq!(logs::panics(), 1);
    assert!(assay_appliance::metrics::render().contains("\nassay_node_panics_total 1\n"));
}
