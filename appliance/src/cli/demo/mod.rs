//! `assay demo`: real data through a real node on loopback, and what came back.
//!
//! A node with throwaway certificates is started in this process, the bundled signatures go through QUIC, some are spoilt
//! and exactly those must turn invalid, digests are compared with the libraries', and the metrics it left are shown.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use assay_client::{Answer, Client, ClientConfig, NodeAddress, Options};
use assay_core::BackendName;
use assay_scheme::{Columns, Parameters, Priority};

use super::error::CliError;
use super::table::{commas, table};
use super::{EXIT_OK, EXIT_UNEXPECTED, error, interrupt};
use crate::config::Config;
use crate::node::Node;
use crate::tls::issue;

mod chains;
mod data;
mod scrape;

use data::{Digests, Set};

/// The tenant of the demo's client.
const TENANT: &str = "demo";
/// How long a set is sent again and again to see how fast it goes.
const PACE_SECONDS: f64 = 0.4;
/// The whole demo must be done by then, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(110);

const EXAMPLES: &str = "\
Examples:
  assay demo
  assay demo --json | jq .rows";

/// Arguments of `assay demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

/// One line of the table.
#[derive(Debug, serde::Serialize)]
struct Line {
    what: &'static str,
    operation: &'static str,
    items: usize,
    valid: usize,
    invalid: usize,
    not_evaluated: usize,
    /// Every item's answer is the expected one.
    as_expected: bool,
    /// The backends that computed it.
    backends: Vec<&'static str>,
    items_per_second: f64,
}

/// What became of spoilt items.
#[derive(Debug, serde::Serialize)]
struct Spoilt {
    what: &'static str,
    items: usize,
    spoilt: usize,
    /// Spoilt items that are invalid now.
    found: usize,
    /// Others that changed their verdict: none may.
    others_changed: usize,
}

/// Everything the demo saw.
#[derive(Debug, Default, serde::Serialize)]
struct Story {
    rows: Vec<Line>,
    spoilt: Vec<Spoilt>,
    chains: Vec<chains::Line>,
    metrics: Vec<String>,
    seconds: f64,
}

impl Story {
    fn as_expected(&self) -> bool {
        self.rows.iter().all(|row| row.as_expected)
            && self.spoilt.iter().all(|row| row.found == row.spoilt && row.others_changed == 0)
            && self.chains.iter().all(|line| line.as_expected)
            && !self.metrics.is_empty()
    }
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    interrupt::exit_on_ctrl_c();
    error::finish(start(&args))
}

fn start(args: &Args) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|why| CliError::Demo(format!("no runtime: {why}")))?;
    let told = runtime.block_on(async { tokio::time::timeout(PATIENCE, tell(args)).await });
    let story = told.unwrap_or_else(|_| Err(CliError::Demo("it took too long on this machine".to_owned())))?;
    Ok(if story.as_expected() { EXIT_OK } else { EXIT_UNEXPECTED })
}

/// Prints what was learnt so far.
fn say(args: &Args, text: &str) -> Result<(), CliError> {
    if !args.json {
        io::stdout().lock().write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Starts the node, sends everything, stops the node, prints.
async fn tell(args: &Args) -> Result<Story, CliError> {
    let start = Instant::now();
    let folder = tempfile::Builder::new()
        .prefix("assay-demo-")
        .tempdir()
        .map_err(|why| CliError::Demo(format!("no folder for throwaway certificates: {why}")))?;
    let (node, client) = set_up(folder.path()).await?;
    say(
        args,
        &format!(
            "A node listens on {} (QUIC, mutual TLS, tenant \"{TENANT}\"); metrics on http://{}/metrics\n\n",
            node.addrs()[0],
            node.admin_addr()
        ),
    )?;

    let mut story = Story::default();
    let mut sets = Vec::new();
    for set in Set::all()? {
        story.rows.push(send_set(&client, &set).await?);
        sets.push(set);
    }
    for digests in Digests::all() {
        story.rows.push(send_digests(&client, &digests).await?);
    }
    say(args, &rows_table(&story.rows))?;

    for set in sets.iter().filter(|set| set.spoil_every > 0) {
        story.spoilt.push(spoil(&client, set).await?);
    }
    say(args, &format!("\nThe same again with some items spoilt, one bit each:\n\n{}", spoilt_table(&story.spoilt)))?;

    story.chains = chains::through(&client).await?;
    let text = chains::chains_table(&story.chains);
    say(args, &format!("\nThe chains' own files, under the chains' own rules (`assay chain verify`):\n\n{text}"))?;

    story.metrics = scrape::metrics(node.admin_addr(), TENANT).await?;
    say(args, &format!("\nWhat Prometheus sees of it:\n\n  {}\n", story.metrics.join("\n  ")))?;

    client.close().await;
    let drained = node.drain().await;
    story.seconds = start.elapsed().as_secs_f64();
    if args.json {
        let text = serde_json::to_string_pretty(&story).map_err(|why| CliError::Demo(why.to_string()))?;
        writeln!(io::stdout().lock(), "{text}")?;
    } else {
        let ending = if story.as_expected() { "Everything was as expected" } else { "NOT everything was as expected" };
        let cut = drained.cut;
        say(args, &format!("\nThe node drained ({cut} requests cut). {ending}; {:.1} s.\n", story.seconds))?;
    }
    Ok(story)
}

/// A node on loopback with certificates of its own, and a client of it.
async fn set_up(folder: &Path) -> Result<(Node, Client), CliError> {
    let demo = |what: &dyn std::fmt::Display| CliError::Demo(what.to_string());
    let made = issue::throwaway(folder, &[TENANT]).map_err(|why| demo(&why))?;
    let text = format!(
        "[listen]\nsockets = [\"127.0.0.1:0\"]\nmtu_bytes_max = 6500\n\
         [tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[tenants.{TENANT}]\n",
        made.node.ca, made.node.cert, made.node.key,
    );
    let config = Config::parse(&text, Path::new("the demo's configuration")).map_err(|why| demo(&why))?;
    let node = Node::start(config).await.map_err(|why| demo(&why))?;
    let address = NodeAddress { addr: node.addrs()[0], server_name: "localhost".to_owned() };
    let identity = &made.clients[0];
    let config = ClientConfig {
        mtu_bytes_max: 6_500,
        ..ClientConfig::new(vec![address], &identity.ca, &identity.cert, &identity.key)
    };
    let client = Client::connect(config).await.map_err(|why| demo(&why))?;
    Ok((node, client))
}

async fn ask(client: &Client, columns: &Columns, parameters: &Parameters) -> Result<Answer, CliError> {
    let options = Options::new(Priority::Block);
    client.request(columns, parameters, options).await.map_err(|why| CliError::Demo(why.to_string()))
}

/// Items a second when the columns are sent again and again, several requests in flight.
async fn pace(client: &Client, columns: &Columns, parameters: &Parameters) -> Result<f64, CliError> {
    let start = Instant::now();
    ask(client, columns, parameters).await?;
    let times = (PACE_SECONDS / start.elapsed().as_secs_f64()).clamp(1.0, 10_000.0) as usize;
    let again = std::iter::repeat_n(columns.clone(), times);
    let start = Instant::now();
    let answer = client.stream(again, parameters, Options::new(Priority::Block), |_| {}).await;
    let answer = answer.map_err(|why| CliError::Demo(why.to_string()))?;
    Ok(answer.items() as f64 / start.elapsed().as_secs_f64())
}

async fn send_set(client: &Client, set: &Set) -> Result<Line, CliError> {
    let columns = set.columns(|_| false)?;
    let parameters = Parameters::default();
    let answer = ask(client, &columns, &parameters).await?;
    let right = set.items.iter().zip(answer.iter()).all(|(item, verdict)| item.expect.met_by(verdict, &[]));
    line(client, set.what, &columns, &answer, right).await
}

async fn send_digests(client: &Client, digests: &Digests) -> Result<Line, CliError> {
    let answer = ask(client, &digests.columns, &Parameters::default()).await?;
    let right = answer.all_valid() && answer.values == digests.expected();
    line(client, digests.what, &digests.columns, &answer, right).await
}

async fn line(
    client: &Client,
    what: &'static str,
    columns: &Columns,
    answer: &Answer,
    right: bool,
) -> Result<Line, CliError> {
    let valid = answer.iter().filter(|verdict| verdict.is_valid()).count();
    let not_evaluated = answer.not_evaluated().count();
    let backends = BackendName::ALL.iter().zip(&answer.backends).filter(|(_, items)| **items > 0);
    Ok(Line {
        what,
        operation: columns.operation().name,
        items: answer.items(),
        valid,
        invalid: answer.items() - valid - not_evaluated,
        not_evaluated,
        as_expected: right && answer.items() == columns.items(),
        backends: backends.map(|(backend, _)| backend.name()).collect(),
        items_per_second: pace(client, columns, &Parameters::default()).await?,
    })
}

/// Sends a set once more with a bit of every n-th signature turned over.
async fn spoil(client: &Client, set: &Set) -> Result<Spoilt, CliError> {
    let is_spoilt = |item: usize| item % set.spoil_every == set.spoil_every / 2;
    let parameters = Parameters::default();
    let before = ask(client, &set.columns(|_| false)?, &parameters).await?;
    let after = ask(client, &set.columns(is_spoilt)?, &parameters).await?;
    let items = 0..set.items.len();
    let changed = |item: usize| before.verdict(item) != after.verdict(item);
    Ok(Spoilt {
        what: set.what,
        items: set.items.len(),
        spoilt: items.clone().filter(|item| is_spoilt(*item)).count(),
        found: items.clone().filter(|item| is_spoilt(*item) && after.verdict(*item).name() == "invalid").count(),
        others_changed: items.filter(|item| !is_spoilt(*item) && changed(*item)).count(),
    })
}

fn rows_table(rows: &[Line]) -> String {
    let cells = |row: &Line| {
        let count = |count: usize| commas(count as u64);
        vec![
            row.what.to_owned(),
            row.operation.to_owned(),
            count(row.items),
            count(row.valid),
            count(row.invalid),
            row.backends.join("+"),
            commas(row.items_per_second as u64),
            if row.as_expected { "yes".to_owned() } else { "NO".to_owned() },
        ]
    };
    let head = ["what", "operation", "items", "valid", "invalid", "backend", "items/s", "as expected"];
    table(&head, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn spoilt_table(rows: &[Spoilt]) -> String {
    let cells = |row: &Spoilt| {
        let words = [row.items, row.spoilt, row.found, row.others_changed].map(|count| commas(count as u64));
        std::iter::once(row.what.to_owned()).chain(words).collect()
    };
    let head = ["what", "items", "spoilt", "found invalid", "others changed"];
    table(&head, &rows.iter().map(cells).collect::<Vec<_>>())
}
