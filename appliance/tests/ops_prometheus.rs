//! A real Prometheus scrapes a real node: the configuration and rules of ops/ hold, every metric arrives, every panel of the
//! dashboard is a query it answers.

mod peer;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assay_appliance::metrics::table::{Kind, TABLE};
use assay_scheme::Priority;
use peer::*;

/// No step takes nearly as long; only a test that would otherwise hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

fn ops() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("ops")
}

fn absent(program: &str, error: &std::io::Error) -> ! {
    panic!("{program} cannot be run ({error}): `make setup` installs it")
}

fn promtool(args: &[&str]) {
    let output = Command::new("promtool").current_dir(ops()).args(args).output();
    let output = output.unwrap_or_else(|error| absent("promtool", &error));
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}: {told}");
}

#[test]
fn the_configuration_and_the_rules_hold() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "rules", "alerts.yml"]);
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    promtool(&["test", "rules", "alerts.test.yml"]);
}

/// A Prometheus of this test's own, stopped when it is dropped.
struct Prometheus {
    process: Child,
    addr: SocketAddr,
    _data: tempfile::TempDir,
}

impl Prometheus {
    /// One that scrapes this target every second under the rules of ops/.
    fn start(target: SocketAddr) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let rules = ops().join("alerts.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\n\
             scrape_configs:\n  - job_name: assay\n    static_configs: [{{ targets: ['{target}'] }}]\n",
            rules.display()
        );
        let file = data.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("written");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut process = process.unwrap_or_else(|error| absent("prometheus", &error));
        let stderr = process.stderr.take().expect("it is piped");
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that the process never waits for room to write.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        // Dropped, and so stopped, also when it never says where it listens.
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut own = Self { process, addr, _data: data };
        let until = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        while let Ok(line) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains("Listening on") {
                let place = line.rsplit_once("address=").expect("it says where").1.trim_matches('"');
                own.addr = place.parse().expect("an address");
                return own;
            }
            said.push(line);
        }
        panic!("prometheus did not start: {}", said.join("\n"));
    }

    /// What a path of its API answers.
    fn api(&self, path: &str) -> Result<serde_json::Value, String> {
        let mut stream = TcpStream::connect(self.addr).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "GET /api/v1/{path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.addr)
            .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        let value: serde_json::Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
        if value["status"] == "success" { Ok(value["data"].clone()) } else { Err(value["error"].to_string()) }
    }

    fn query(&self, expression: &str) -> Result<serde_json::Value, String> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.api(&format!("query?query={encoded}"))
    }

    /// The value of an expression with one series, once it has one.
    fn value(&self, expression: &str) -> Option<f64> {
        let data = self.query(expression).ok()?;
        data["result"].as_array()?.first()?["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Either fails only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never came to pass: {what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_sees_what_a_real_node_did() {
    // Two self-tests a second, so that one has a recent age at any scrape.
    let served = Served::start(&["scraped"], "[engine]\nself_test_interval_ms = 500\n").await;
    let connection = served.connect("scraped").await;
    for _ in 0..3 {
        exchange(&connection, &digests(100, 32, Priority::Consensus)).await;
    }
    let prometheus = Prometheus::start(served.node.admin_addr());
    until("a scrape", || prometheus.value("up{job=\"assay\"}") == Some(1.0)).await;

    let computed = "sum(assay_reply_items_total{tenant=\"scraped\",operation=\"sha256\",verdict=\"valid\"})";
    until("the items", || prometheus.value(computed) == Some(300.0)).await;
    let backends = "sum(assay_compute_items_total{operation=\"sha256\"})";
    until("the items by backend", || prometheus.value(backends) == Some(300.0)).await;
    until("a ready node", || prometheus.value("assay_node_state{state=\"ready\"}") == Some(1.0)).await;
    until("a certificate that ends tomorrow", || {
        prometheus.value("assay_tls_expiry_seconds{file=\"certificate\"}").is_some_and(|left| left > 3_600.0)
    })
    .await;

    every_metric_arrives(&prometheus);
    every_rule_evaluates(&prometheus).await;
    every_panel_is_answered(&prometheus);
}

fn every_metric_arrives(prometheus: &Prometheus) {
    let names = prometheus.api("label/__name__/values").expect("the names");
    let names: BTreeSet<_> = names.as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
    let types = prometheus.api("metadata").expect("the types");
    for metric in TABLE {
        let series = match metric.kind {
            Kind::Histogram(_) => format!("{}_bucket", metric.name),
            _ => metric.name.to_owned(),
        };
        assert!(names.contains(series.as_str()), "{series} did not arrive");
        assert_eq!(types[metric.name][0]["type"], metric.kind.name(), "{}", metric.name);
        assert_eq!(types[metric.name][0]["help"], metric.help, "{}", metric.name);
    }
    let known = |name: &str| {
        TABLE.iter().any(|metric| {
            name == metric.name || matches!(metric.kind, Kind::Histogram(_)) && name.starts_with(metric.name)
        })
    };
    for name in names.iter().filter(|name| name.starts_with("assay_")) {
        assert!(known(name), "{name} is not in the table");
    }
}

async fn every_rule_evaluates(prometheus: &Prometheus) {
    let rules = || -> Vec<serde_json::Value> {
        let data = prometheus.api("rules").expect("the rules");
        let groups = data["groups"].as_array().cloned().unwrap_or_default();
        groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect()
    };
    until("every rule evaluated", || {
        let rules = rules();
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown")
    })
    .await;
    for rule in rules() {
        assert_eq!(rule["health"], "ok", "{}: {}", rule["name"], rule["lastError"]);
        assert_ne!(rule["state"], "firing", "{} on a node that is well", rule["name"]);
    }
}

fn every_panel_is_answered(prometheus: &Prometheus) {
    let text = std::fs::read_to_string(ops().join("grafana/assay.json")).expect("the dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let mut count = 0;
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression").replace("$instance", ".*");
            if let Err(error) = prometheus.query(&expression) {
                panic!("{}: {expression}: {error}", panel["title"]);
            }
            count += 1;
        }
    }
    assert!(count >= 35, "{count} queries are fewer than there are");
}
