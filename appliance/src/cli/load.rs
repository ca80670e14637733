//! `assay load`: a load generator for nodes, with open and closed loops.

pub mod drive;
pub mod plan;
pub mod stats;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assay_client::{Client, ClientConfig};
use assay_core::{Choice, GpuChoice};
use assay_scheme::{Operation, Priority};

use self::drive::{Stream, Window};
use self::plan::{Mix, Plan, find_operation, prepare};
use super::error::{CliError, EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, finish};
use super::progress::Progress;
use super::source::{NodeArgs, client_runtime, start_engine};

const EXAMPLE: &str = "\
Requests are made before the run and sent again and again; the answers are compared with what this machine \
computes. With --rate the loop is open: requests are sent at their times whatever the answers do, and timed from \
when they were due. Without it the loop is closed: each connection keeps --in-flight requests going.

Several --stream run at once. Each is key=value,… and what it leaves out is as the other arguments say. Its \
keys: name, scheme (a:80+b:20), priority (consensus:1+bulk:9), batch, rate, connections, in-flight, bad-share, \
deadline-ms, message-bytes, group.

Times: latency is from when a request was due to its answer; sent late is this \
generator's part of it, compute and queue are the node's own account, and added is what the node and the way to it add: \
from when a request was sent to its answer, less the time it was computed.

Exit codes: 0 all answers right, 1 a wrong or missing answer, 2 usage or no node.

Examples (with ASSAY_CA, ASSAY_CERT and ASSAY_KEY set):
  assay load --connect node-1:4464 --scheme ed25519-zip215 --batch 1024
  assay load --connect node-1:4464 --scheme ed25519-zip215 --seconds 30 \\
    --stream name=votes,priority=consensus,batch=150,rate=50 \\
    --stream name=history,priority=bulk,batch=1024,in-flight=8";

/// Arguments of `assay load`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    nodes: NodeArgs,
    /// What is asked: a name, or a mix such as ed25519-zip215=80,ecdsa-secp256k1=20
    #[arg(long, value_name = "MIX", default_value = "ed25519-zip215", value_parser = schemes)]
    scheme: Mix<&'static Operation>,
    /// How urgently: a name, or a mix such as consensus=10,bulk=90
    #[arg(long, value_name = "MIX", default_value = "bulk", value_parser = priorities)]
    priority: Mix<Priority>,
    /// Items of a request
    #[arg(long, value_name = "N", default_value_t = 1_024)]
    batch: usize,
    /// Requests a second, over all connections: an open loop
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 1)]
    connections: usize,
    /// Requests in flight on each connection, in a closed loop
    #[arg(long, value_name = "N", default_value_t = 8)]
    in_flight: usize,
    /// Share of signatures that must come out invalid
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    bad_share: f64,
    /// How long an answer is of use
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
    /// Bytes of each message, where the scheme does not sign a 32-byte digest
    #[arg(long, value_name = "N", default_value_t = 32)]
    message_bytes: usize,
    /// Keys of an aggregate, or leaves of a tree
    #[arg(long, value_name = "N", default_value_t = 8)]
    group: usize,
    /// A stream of its own, key=value,…; repeat it to run several at once
    #[arg(long, value_name = "STREAM")]
    stream: Vec<String>,
    /// How long to measure
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How long to send before that
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    warmup_seconds: u64,
    /// Print a JSON object for each stream
    #[arg(long)]
    json: bool,
}

fn schemes(text: &str) -> Result<Mix<&'static Operation>, String> {
    Mix::parse(text, ',', '=', find_operation)
}

fn priorities(text: &str) -> Result<Mix<Priority>, String> {
    Mix::parse(text, ',', '=', Priority::from_name)
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    finish(execute(&args))
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let plans = plans(args)?;
    args.nodes.client_config(1)?;
    let runtime = client_runtime()?;
    let stop = Arc::new(AtomicBool::new(false));
    let streams = streams(args, plans, &runtime)?;
    let interrupted = runtime.block_on(send(args, &streams, &stop));
    let seconds = interrupted.map_or(args.seconds as f64, |measured| measured.as_secs_f64().max(1e-3));
    let mut out = io::stdout().lock();
    let mut code = EXIT_OK;
    for (number, stream) in streams.iter().enumerate() {
        let text = stream.with_stats(|stats| {
            if !stats.as_expected() {
                code = EXIT_UNEXPECTED;
            }
            if args.json { stats.json(&stream.plan, seconds) } else { stats.text(&stream.plan, seconds) }
        });
        if number > 0 && !args.json {
            out.write_all(b"\n")?;
        }
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(if interrupted.is_some() { EXIT_INTERRUPTED } else { code })
}

/// The streams asked for; without --stream, the one the other arguments describe.
fn plans(args: &Args) -> Result<Vec<Plan>, CliError> {
    let plain = Plan {
        name: "load".to_owned(),
        schemes: args.scheme.clone(),
        priorities: args.priority.clone(),
        batch: args.batch,
        rate: args.rate,
        connections: args.connections,
        in_flight: args.in_flight,
        bad_share: args.bad_share,
        deadline: args.deadline_ms.map(Duration::from_millis),
        message_bytes: args.message_bytes,
        group: args.group,
    };
    plain.check().map_err(|why| CliError::usage(format!("--{why}"), "see `assay load --help`"))?;
    if args.stream.is_empty() {
        return Ok(vec![plain]);
    }
    let mut plans = Vec::new();
    for (number, text) in args.stream.iter().enumerate() {
        let defaults = Plan { name: format!("stream {}", number + 1), ..plain.clone() };
        let plan = Plan::parse(text, &defaults)
            .map_err(|why| CliError::usage(format!("--stream {text}: {why}"), "see `assay load --help`"))?;
        plans.push(plan);
    }
    Ok(plans)
}

/// Makes every stream's requests, and connects.
fn streams(args: &Args, plans: Vec<Plan>, runtime: &tokio::runtime::Runtime) -> Result<Vec<Arc<Stream>>, CliError> {
    // The engine is gone before the first request is sent: it would take the node's cores.
    let (engine, _) = start_engine(Choice::Auto, GpuChoice::Off, 0, &[])?;
    let prepared = plans.iter().map(|plan| prepare(plan, &engine)).collect::<Result<Vec<_>, _>>()?;
    drop(engine);
    let mut streams = Vec::new();
    for (plan, requests) in plans.into_iter().zip(prepared) {
        let in_flight = if plan.rate.is_some() { 64 } else { plan.in_flight };
        // Every refusal is to be seen, so none is tried again.
        let config = ClientConfig { tries_max: 1, ..args.nodes.client_config(in_flight)? };
        let clients = (0..plan.connections)
            .map(|_| runtime.block_on(Client::connect(config.clone())))
            .collect::<Result<Vec<_>, _>>()?;
        streams.push(Stream::new(plan, requests, clients));
    }
    Ok(streams)
}

/// Runs the streams; how long was measured when Ctrl-C ended it early.
async fn send(args: &Args, streams: &[Arc<Stream>], stop: &Arc<AtomicBool>) -> Option<Duration> {
    let begin = Instant::now();
    let start = begin + Duration::from_secs(args.warmup_seconds);
    let window = Window { begin, start, end: start + Duration::from_secs(args.seconds) };
    let run = drive::run(streams, window, stop);
    tokio::pin!(run);
    let mut progress = Progress::new(Some(args.warmup_seconds + args.seconds), false);
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let (mut interrupted, mut listening) = (None, true);
    loop {
        tokio::select! {
            () = &mut run => break,
            signal = tokio::signal::ctrl_c(), if listening => {
                listening = false;
                if signal.is_ok() {
                    interrupted = Some(Instant::now().saturating_duration_since(start));
                    stop.store(true, Ordering::Relaxed);
                }
            }
            _ = tick.tick() => progress.set(begin.elapsed().as_secs(), || format!("{} streams", streams.len())),
        }
    }
    for stream in streams {
        stream.close().await;
    }
    interrupted
}
