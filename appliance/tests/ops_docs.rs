//! What is written about metrics and alerts agrees with the node: docs/metrics.md, the rules, the dashboard, the runbook.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assay_appliance::health::State;
use assay_appliance::metrics::table::{Kind, Metric, TABLE, document};
use assay_appliance::quic::Rejected;
use assay_core::BackendName;
use assay_scheme::Priority;
use assay_wire::Status;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every expression of the rules and the dashboard, with where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let rules = read("ops/alerts.yml");
    let mut name = "";
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(own) = trimmed.strip_prefix("- alert: ").or_else(|| trimmed.strip_prefix("- record: ")) {
            name = own;
        }
        let Some(expression) = trimmed.strip_prefix("expr: ") else { continue };
        let mut expression = expression.trim_start_matches(">-").to_owned();
        // A folded text goes on as long as its lines are further in than its key.
        let indent = |line: &str| line.len() - line.trim_start().len();
        while let Some(next) = lines.next_if(|next| indent(next) > indent(line)) {
            expression.push_str(next.trim());
            expression.push(' ');
        }
        found.push((name.to_owned(), expression));
    }
    let dashboard: serde_json::Value = serde_json::from_str(&read("ops/grafana/assay.json")).expect("JSON");
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((title.to_owned(), target["expr"].as_str().expect("an expression").to_owned()));
        }
    }
    found
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

/// The names of metrics in an expression, each with the matchers in the braces behind it.
fn names(expression: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = expression[from..].find("assay").map(|at| from + at) {
        let end = start + expression[start..].bytes().take_while(|byte| is_name(*byte)).count();
        let preceded = expression[..start].bytes().next_back().is_some_and(|byte| is_name(byte) || byte == b'"');
        if !preceded {
            let matchers =
                expression[end..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(in_, _)| in_);
            found.push((&expression[start..end], matchers));
        }
        from = end;
    }
    found
}

/// The metric a series' name belongs to.
fn metric(series: &str) -> Option<&'static Metric> {
    TABLE.iter().find(|metric| match metric.kind {
        Kind::Histogram(_) => {
            ["_bucket", "_sum", "_count"].iter().any(|suffix| series.strip_suffix(suffix) == Some(metric.name))
        }
        _ => series == metric.name,
    })
}

#[test]
fn the_documentation_of_metrics_is_not_stale() {
    let path = root().join("docs/metrics.md");
    if std::env::var_os("ASSAY_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, document()).expect("docs/metrics.md can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == document(), "docs/metrics.md is stale; ASSAY_BLESS=1 writes it anew");
}

#[test]
fn rules_and_dashboard_name_only_metrics_and_labels_that_exist() {
    let rules = read("ops/alerts.yml");
    let records: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let mut seen = 0;
    for (place, expression) in expressions() {
        for (name, matchers) in names(&expression) {
            seen += 1;
            if name.contains(':') {
                assert!(records.contains(name), "{place}: no rule records {name}");
                continue;
            }
            let metric = metric(name).unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
            for matcher in matchers.split(',').filter(|matcher| !matcher.is_empty()) {
                let label = matcher.split(['=', '!']).next().expect("a label").trim();
                let known = ["job", "instance", "le"].contains(&label) || metric.labels.contains(&label);
                assert!(known, "{place}: {name} has no label {label}");
            }
        }
    }
    assert!(seen > 60, "{seen} names are fewer than there are");
}

#[test]
fn matchers_name_only_values_that_exist() {
    let words = |label: &str| -> Option<Vec<String>> {
        Some(match label {
            "status" => Status::ALL.iter().map(|status| status.name().to_owned()).collect(),
            "reason" => Rejected::ALL.iter().map(|reason| reason.name().to_owned()).collect(),
            "state" => State::ALL.iter().map(|state| state.name().to_owned()).collect(),
            "priority" => Priority::ALL.iter().map(|priority| priority.name().to_owned()).collect(),
            "backend" => BackendName::ALL.iter().map(|backend| backend.name().to_owned()).collect(),
            "outcome" => ["ok", "failed"].map(str::to_owned).into(),
            "file" => ["certificate", "crls"].map(str::to_owned).into(),
            "verdict" => ["valid", "invalid", "not-evaluated"].map(str::to_owned).into(),
            _ => return None,
        })
    };
    let mut seen = 0;
    for (place, expression) in expressions() {
        for (name, matchers) in names(&expression) {
            for matcher in matchers.split(',').filter(|matcher| !matcher.is_empty()) {
                let (label, value) = matcher.split_once('"').expect("a quoted value");
                let Some(words) = words(label.trim_end_matches(['=', '~', '!'])) else { continue };
                for alternative in value.trim_end_matches('"').split('|') {
                    let known = match alternative.strip_suffix(".*") {
                        Some(prefix) => words.iter().any(|word| word.starts_with(prefix)),
                        None => words.iter().any(|word| word == alternative),
                    };
                    assert!(known, "{place}: {name}: {label}{alternative} matches nothing");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "{seen} values are fewer than there are");
}

#[test]
fn every_metric_is_looked_at() {
    let mut looked = BTreeSet::new();
    for (_, expression) in expressions() {
        looked.extend(names(&expression).into_iter().filter_map(|(name, _)| metric(name)).map(|metric| metric.name));
    }
    let all: BTreeSet<_> = TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(looked, all, "a metric that neither a rule nor the dashboard shows helps nobody");
}

#[test]
fn every_alert_has_its_runbook_and_its_test() {
    let (rules, tests, runbook) = (read("ops/alerts.yml"), read("ops/alerts.test.yml"), read("ops/README.md"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 15);
    for alert in &alerts {
        assert!(rules.contains(&format!("runbook: ops/README.md#{}\n", alert.to_lowercase())), "{alert}");
        assert!(runbook.contains(&format!("\n### {alert}\n")), "{alert} is not in the runbook");
        assert!(
            tests.contains(&format!("alertname: {alert}, exp_alerts: []")),
            "{alert} must be silent on a healthy node"
        );
        assert!(tests.contains(&format!("alertname: {alert}\n        exp_alerts:\n")), "{alert} must be shown to fire");
    }
    let headings: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(headings, alerts, "the runbook has the alerts in the order of the rules, and no others");
}

#[test]
fn the_runbook_names_only_metrics_and_keys_that_exist() {
    let runbook = read("ops/README.md");
    for (name, _) in names(&runbook) {
        if name.starts_with("assay_") {
            assert!(metric(name).is_some(), "ops/README.md: there is no metric {name}");
        }
    }
    let table: toml::Table = assay_appliance::config::DEFAULT.parse().expect("TOML");
    let mut seen = 0;
    for word in runbook.split('`').skip(1).step_by(2) {
        let key = word.split(" = ").next().expect("a first part");
        let Some((section, rest)) = key.split_once('.') else { continue };
        let Some(mut value) = table.get(section) else { continue };
        for part in rest.split('.') {
            value = value.get(part).unwrap_or_else(|| panic!("ops/README.md: there is no key {key}"));
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} keys are fewer than there are");
}

#[test]
fn the_unit_waits_longer_than_a_drain_takes() {
    let unit = read("ops/assay.service");
    let seconds = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).expect("a time");
    let config = assay_appliance::config::Config::load(None).expect("the defaults");
    let drain = config.drain.timeout().as_secs();
    assert!(seconds.parse::<u64>().expect("seconds") >= drain + 5, "or it is killed while it drains");
    assert!(unit.contains("ExecStart=/usr/bin/assay serve --config /etc/assay/assay.toml"));
}
