//! `assay status`: what nodes offer and how busy they are.

use std::io::{self, Write};

use assay_client::{Client, Error};
use assay_wire::NodeStatus;

use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, finish};
use super::source::{NodeArgs, client_runtime};
use super::table::{commas, table};

const EXAMPLE: &str = "\
Exit codes: 0 every node is ready, 1 one is not or does not answer, 2 usage.

Example:
  assay status --connect node-1:4464 --connect node-2:4464 \\
    --ca ca.pem --cert cert.pem --key key.pem";

/// Columns of a line of names.
const LINE_WIDTH: usize = 100;

/// Arguments of `assay status`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    nodes: NodeArgs,
    /// Print a JSON object for each node
    #[arg(long)]
    json: bool,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

#[derive(serde::Serialize)]
struct NodeLine<'a> {
    node: &'a str,
    status: Option<&'a NodeStatus>,
    error: Option<String>,
}

fn execute(args: &Args) -> Result<u8, CliError> {
    // All files and addresses are checked before the first node is asked.
    args.nodes.client_config(1)?;
    let runtime = client_runtime()?;
    let mut out = io::stdout().lock();
    let mut code = EXIT_OK;
    for node in &args.nodes.connect {
        let nodes = NodeArgs { connect: vec![node.clone()], ..args.nodes.clone() };
        let status = match runtime.block_on(ask(&nodes)) {
            Err(error @ Error::Setup { .. }) => return Err(error.into()),
            status => status,
        };
        if !matches!(&status, Ok(status) if status.state == "ready") {
            code = EXIT_UNEXPECTED;
        }
        let text = if args.json { json(node, &status) } else { text(node, &status) };
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(code)
}

/// One node on a connection of its own, so that one that is gone does not hide the others.
async fn ask(nodes: &NodeArgs) -> Result<NodeStatus, Error> {
    let setup = |error: CliError| Error::Setup { what: "the client".to_owned(), why: error.to_string() };
    let client = Client::connect(nodes.client_config(1).map_err(setup)?).await?;
    let status = client.status().await.pop();
    client.close().await;
    status.map_or_else(|| Err(Error::BadReply("no status".to_owned())), |(_, status)| status)
}

fn json(node: &str, status: &Result<NodeStatus, Error>) -> String {
    let error = status.as_ref().err().map(ToString::to_string);
    let line = NodeLine { node, status: status.as_ref().ok(), error };
    let mut text = serde_json::to_string(&line).expect("strings and numbers are JSON");
    text.push('\n');
    text
}

fn text(node: &str, status: &Result<NodeStatus, Error>) -> String {
    let status = match status {
        Err(error) => return format!("{node}: no answer: {error}\n"),
        Ok(status) => status,
    };
    let zone = if status.zone.is_empty() { String::new() } else { format!(", zone {}", status.zone) };
    let mut text = format!(
        "{node}: {}, version {}, up {:.0} s{zone}, at most {} items and {} bytes a request\n\n",
        status.state,
        status.version,
        status.uptime_s,
        commas(status.items_max.into()),
        commas(status.body_bytes_max.into())
    );
    let backends: Vec<_> = status
        .backends
        .iter()
        .map(|backend| {
            let serving = if backend.serving { "serving" } else { "not serving" };
            vec![backend.name.clone(), serving.to_owned(), commas(backend.items), backend.note.clone()]
        })
        .collect();
    text.push_str(&table(&["backend", "state", "items", "note"], &backends));
    let queues: Vec<_> = assay_scheme::Priority::ALL
        .iter()
        .filter_map(|priority| status.queues.get_key_value(priority.name()))
        .map(|(name, queue)| vec![name.clone(), commas(queue.items), commas(queue.limit)])
        .collect();
    text.push('\n');
    text.push_str(&table(&["queue", "items", "limit"], &queues));
    text.push('\n');
    text.push_str(&operations(status));
    // What a node says of itself goes to a terminal.
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The operations with the rates a node expects of itself, or their names alone while it knows none.
fn operations(status: &NodeStatus) -> String {
    let rate = |name: &String| status.capacity.get(name).filter(|rate| rate.is_finite() && **rate > 0.0);
    if status.operations.iter().all(|name| rate(name).is_none()) {
        let mut text = "operations:".to_owned();
        let mut width = text.len();
        for name in &status.operations {
            if width + 1 + name.len() > LINE_WIDTH {
                text.push_str("\n ");
                width = 1;
            }
            text.push(' ');
            text.push_str(name);
            width += 1 + name.len();
        }
        text.push('\n');
        return text;
    }
    let rows: Vec<_> = status
        .operations
        .iter()
        .map(|name| vec![name.clone(), rate(name).map_or_else(|| "-".to_owned(), |rate| commas(*rate as u64))])
        .collect();
    table(&["operation", "items/s expected"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_wire::node::{BackendReport, QueueReport};

    fn status() -> NodeStatus {
        NodeStatus {
            version: "0.1.0".to_owned(),
            state: "ready".to_owned(),
            operations: vec!["sha256".to_owned(), "sm3".to_owned()],
            capacity: [("sha256".to_owned(), 6e6)].into(),
            backends: vec![BackendReport {
                name: "reference".to_owned(),
                serving: true,
                items: 1_234,
                note: "2 threads\u{1b}[2J".to_owned(),
            }],
            queues: [("bulk".to_owned(), QueueReport { items: 5, limit: 9_000 })].into(),
            ..NodeStatus::default()
        }
    }

    #[test]
    fn a_node_is_shown_with_its_backends_queues_and_operations() {
        let text = text("node-1:7443", &Ok(status()));
        for words in ["node-1:7443: ready", "reference  serving  1,234", "bulk       5  9,000", "6,000,000"] {
            assert!(text.contains(words), "{words} in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "nothing a node says reaches the terminal as a command");
    }

    #[test]
    fn json_has_the_status_or_the_error() {
        let line: serde_json::Value = serde_json::from_str(&json("a", &Ok(status()))).expect("JSON");
        assert_eq!(line["status"]["state"], "ready");
        let line: serde_json::Value = serde_json::from_str(&json("a", &Err(Error::DeadlineExceeded))).expect("JSON");
        assert!(line["status"].is_null() && line["error"].is_string());
    }
}
