//! `assay bench`: items per second through the engine in this process.
//!
//! A pass is one batch, or several at once, submitted and waited for. Its answers were checked before the first pass is timed.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use assay_core::backend::DeviceTimes;
use assay_core::samples::{self, Sample, Spec};
use assay_core::stream::Hasher;
use assay_core::{BackendName, Bundle, Choice, Config, Engine, GpuChoice, Order, Outcome};
use assay_scheme::registry::OPERATIONS;
use assay_scheme::{Kind, Operation, Priority, Row};
use serde::Serialize;

use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, complain, finish};
use super::progress::Progress;
use super::source::{backends, demand_served, gpus, operations, start_engine_with, threads};
use super::table::{commas, table};

const EXAMPLE: &str = "\
A pass is one batch, or --in-flight of them at once, submitted and waited for; best and median of all passes are printed. Every item has a key \
of its own (of BLS there are 512 keys, of ML-DSA 64, of RSA 2), and no tables of keys are kept from pass to pass; with \
--keys they are, as a node keeps them. An aggregate's item has --group keys, a tree's \
that many leaves.

Exit codes: 0 all answers right, 1 a wrong or missing answer, 2 usage or a backend that is not here.

Examples:
  assay bench
  assay bench --scheme ed25519-zip215 --items 1024
  assay bench --algorithm sha256 --message-bytes 32 --threads 2 --json
  assay bench --scheme ecdsa-secp256k1 --backend gpu --gpu hardware --items 65536,262144 --in-flight 1,4";

/// Passes at least, however slow.
const PASSES_MIN: usize = 3;
/// Passes at most: a median is settled long before.
const PASSES_MAX: usize = 100_000;

/// Arguments of `assay bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The rule set to measure; without it and --algorithm, every operation
    #[arg(
        long,
        value_name = "SCHEME",
        value_parser = operations(&[Kind::Verify, Kind::Recover, Kind::Merkle, Kind::Pow]),
        conflicts_with = "algorithm"
    )]
    scheme: Option<&'static Operation>,
    /// The hash function to measure
    #[arg(long, short, value_name = "ALGORITHM", value_parser = operations(&[Kind::Digest]))]
    algorithm: Option<&'static Operation>,
    /// Which backend must compute; one that cannot is an error, never replaced by another
    #[arg(long, value_name = "BACKEND", default_value = "auto", value_parser = backends())]
    backend: Choice,
    /// Which graphics devices may compute; software ones serve only when named here
    #[arg(long, value_name = "DEVICES", default_value = "off", value_parser = gpus())]
    gpu: GpuChoice,
    /// CPU worker threads; 0 is one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = threads())]
    threads: usize,
    /// Items of a batch, or several sizes to measure one after another; as many as suit the operation where it is not given
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    items: Vec<u32>,
    /// Passes, exactly this many; as many as --seconds allows where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=PASSES_MAX as i64))]
    passes: Option<u32>,
    /// Batches submitted at once, or several such numbers to measure one after another; a pass ends when the last is done
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=64)
    )]
    in_flight: Vec<u32>,
    /// How long to measure each operation
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Bytes of each message, where the scheme does not sign a 32-byte digest
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    message_bytes: u32,
    /// Keys of an aggregate, or leaves of a tree; 8 or 1,024 where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    group: Option<u32>,
    /// Distinct keys that the items take turns with, and tables of them kept as a node does
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    keys: Option<u32>,
    /// Print a JSON object for each operation
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.001..=3_600.0).contains(&seconds) { Ok(seconds) } else { Err("give 0.001 to 3600 seconds".to_owned()) }
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

#[derive(Serialize)]
struct Measured {
    operation: &'static str,
    backend: String,
    threads: usize,
    batch: usize,
    in_flight: usize,
    message_bytes: usize,
    passes: usize,
    items_per_second: f64,
    items_per_second_median: f64,
    /// From how many items on the router would give a device some; absent where not both CPU and device serve the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    crossover_items: Option<u64>,
    /// What graphics devices took, by their own clocks; absent where none computed or none has clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<OnDevice>,
}

/// A device's share of the passes: its kernels alone, and the bytes' ways.
#[derive(Serialize)]
struct OnDevice {
    /// Items with known answers that rode along are among them.
    items: u64,
    kernel_items_per_second: f64,
    transfer_items_per_second: f64,
    kernel_seconds: f64,
    upload_seconds: f64,
    readback_seconds: f64,
}

impl OnDevice {
    /// What was added from one reading to the next.
    fn between(before: Option<DeviceTimes>, after: Option<DeviceTimes>) -> Option<Self> {
        let (before, after) = (before.unwrap_or_default(), after?);
        let (items, kernel) = (after.items - before.items, (after.kernel - before.kernel).as_secs_f64());
        let upload = (after.upload - before.upload).as_secs_f64();
        let readback = (after.readback - before.readback).as_secs_f64();
        (items > 0 && kernel > 0.0).then(|| Self {
            items,
            kernel_items_per_second: items as f64 / kernel,
            transfer_items_per_second: items as f64 / (upload + readback).max(1e-9),
            kernel_seconds: kernel,
            upload_seconds: upload,
            readback_seconds: readback,
        })
    }
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let rows: Vec<Row> = args.scheme.or(args.algorithm).map(|operation| operation.row).into_iter().collect();
    let mut config = Config { choice: args.backend, gpu: args.gpu, threads: args.threads, rows, ..Config::default() };
    if args.keys.is_none() {
        config.key_table_bytes = 0;
    }
    let (engine, _) = start_engine_with(config)?;
    // An operation's pace is that of all who will compute it.
    engine.await_prepared();
    let rows: Vec<_> = match args.scheme.or(args.algorithm) {
        Some(operation) => {
            demand_served(&engine, args.backend, operation)?;
            vec![operation]
        }
        None => OPERATIONS.iter().filter(|operation| engine.serves(operation.row)).collect(),
    };
    if rows.is_empty() {
        demand_served(&engine, args.backend, &OPERATIONS[0])?;
    }
    let mut out = io::stdout().lock();
    let sizes = |operation| match &args.items[..] {
        [] => vec![items_default(operation)],
        sizes => sizes.iter().map(|items| *items as usize).collect(),
    };
    let batches: Vec<_> = rows
        .into_iter()
        .flat_map(|operation| sizes(operation).into_iter().map(move |items| (operation, items)))
        .collect();
    let mut progress = Progress::new(Some(batches.len() as u64), args.json);
    let mut measured = Vec::new();
    let mut code = EXIT_OK;
    for (done, (operation, items)) in batches.into_iter().enumerate() {
        progress.set(done as u64, || operation.name.to_owned());
        match measure(args, &engine, operation, items) {
            Ok(rows) if args.json => {
                for row in &rows {
                    let mut text = serde_json::to_vec(row).expect("finite numbers and strings are JSON");
                    text.push(b'\n');
                    out.write_all(&text)?;
                }
            }
            Ok(rows) => measured.extend(rows),
            Err(why) => {
                complain(&format!("{}: {why}", operation.name));
                code = EXIT_UNEXPECTED;
            }
        }
    }
    progress.finish();
    if !args.json {
        out.write_all(lines(&measured).as_bytes())?;
    }
    out.flush()?;
    Ok(code)
}

/// One operation: make items, check their answers, then time passes, a row for each number in flight.
fn measure(args: &Args, engine: &Engine, operation: &'static Operation, items: usize) -> Result<Vec<Measured>, String> {
    let group = args.group.map_or(group_default(operation), |group| group as usize);
    let keys = args.keys.map_or(0, |keys| keys as usize);
    let spec = Spec { items, message_bytes: args.message_bytes as usize, group, keys, ..Spec::default() };
    let samples = samples::samples(operation, &spec);
    let bundle = Bundle::new(samples::parameters(operation), samples::columns(operation, &samples))
        .map_err(|error| error.to_string())?;
    let outcome = engine.run(bundle.clone(), ORDER);
    check(operation, &samples, &outcome)?;
    drop(samples);
    args.in_flight.iter().map(|in_flight| passes(args, engine, &bundle, &outcome, *in_flight as usize)).collect()
}

/// What every batch is.
const ORDER: Order = Order { priority: Priority::Bulk, deadline: None };

/// Passes over a batch whose outcome is known.
fn passes(
    args: &Args,
    engine: &Engine,
    bundle: &Bundle,
    outcome: &Outcome,
    in_flight: usize,
) -> Result<Measured, String> {
    let (operation, items) = (bundle.operation(), bundle.items());
    let mut times = Vec::new();
    let device = engine.device_times(operation.row);
    let mut backends = [0; BackendName::ALL.len()];
    let start = Instant::now();
    let enough = |passes: usize| match args.passes {
        Some(wanted) => passes >= wanted as usize,
        None => {
            let over = start.elapsed() >= Duration::from_secs_f64(args.seconds);
            passes >= PASSES_MAX || (passes >= PASSES_MIN && over)
        }
    };
    while !enough(times.len()) {
        let pass = Instant::now();
        let answers = run_at_once(engine, bundle, in_flight);
        times.push(pass.elapsed());
        for answers in answers {
            backends.iter_mut().zip(answers.backends).for_each(|(sum, items)| *sum += items);
            if answers.results != outcome.results {
                return Err("two passes over the same items gave different answers".to_owned());
            }
        }
    }
    times.sort_unstable();
    let rate = |time: Duration| (in_flight * items) as f64 / time.as_secs_f64().max(1e-9);
    Ok(Measured {
        operation: operation.name,
        backend: computed_by(&backends),
        threads: engine.threads(),
        batch: items,
        in_flight,
        message_bytes: bundle.message_bytes(0..items) / items,
        passes: times.len(),
        items_per_second: rate(times[0]),
        items_per_second_median: rate(times[times.len() / 2]),
        crossover_items: engine.crossovers().into_iter().find(|(row, _)| *row == operation.row).map(|(_, items)| items),
        device: OnDevice::between(device, engine.device_times(operation.row)),
    })
}

/// Submits the same batch this many times and waits for all of them.
fn run_at_once(engine: &Engine, bundle: &Bundle, batches: usize) -> Vec<Outcome> {
    if batches == 1 {
        return vec![engine.run(bundle.clone(), ORDER)];
    }
    let (sender, outcomes) = mpsc::channel();
    let _tickets: Vec<_> = (0..batches)
        .map(|_| {
            let sender = sender.clone();
            // Nobody listens any more only when this thread is gone.
            engine.submit(bundle.clone(), ORDER, Box::new(move |outcome| drop(sender.send(outcome))))
        })
        .collect();
    outcomes.iter().take(batches).collect()
}

/// Every item valid, and every digest what a separate computation says.
fn check(operation: &Operation, samples: &[Sample], outcome: &Outcome) -> Result<(), String> {
    for (item, sample) in samples.iter().enumerate() {
        let verdict = outcome.results.verdict(item);
        if !sample.agrees(verdict) {
            return Err(format!("item {item} came out {verdict}, which is wrong: nothing was measured"));
        }
        if let Some(mut hasher) = Hasher::new(operation.row) {
            hasher.update(&sample.messages[0]);
            if hasher.finish() != outcome.results.value(item) {
                return Err(format!("item {item} came out with a wrong digest: nothing was measured"));
            }
        }
    }
    Ok(())
}

/// The backends that computed items, joined with `+`; each with its share where there are several.
fn computed_by(items: &[usize; BackendName::ALL.len()]) -> String {
    let all: usize = items.iter().sum();
    let names = BackendName::ALL.into_iter().filter(|name| items[*name as usize] > 0);
    let word = |name: BackendName| match items[name as usize] {
        own if own == all => name.name().to_owned(),
        own => format!("{} {:.0}%", name.name(), 100.0 * own as f64 / all as f64),
    };
    names.map(word).collect::<Vec<_>>().join(" + ")
}

/// A batch that takes some tens of milliseconds on a few cores.
fn items_default(operation: &Operation) -> usize {
    match (operation.kind, operation.row) {
        (Kind::Digest, _) => 65_536,
        (Kind::Merkle, _) => 16,
        (_, Row::BlsMinPkPop | Row::BlsMinPkPopAggregate | Row::BlsMinPkPopFastAggregate) => 64,
        (_, Row::MlDsa65) => 256,
        _ => 1_024,
    }
}

fn group_default(operation: &Operation) -> usize {
    if operation.kind == Kind::Merkle { 1_024 } else { 8 }
}

fn or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), commas)
}

fn lines(measured: &[Measured]) -> String {
    let rows: Vec<_> = measured
        .iter()
        .map(|row| {
            vec![
                row.operation.to_owned(),
                row.backend.clone(),
                row.threads.to_string(),
                commas(row.batch as u64),
                row.in_flight.to_string(),
                commas(row.items_per_second as u64),
                commas(row.items_per_second_median as u64),
                row.passes.to_string(),
                or_dash(row.device.as_ref().map(|own| own.kernel_items_per_second as u64)),
                or_dash(row.device.as_ref().map(|own| own.transfer_items_per_second as u64)),
                or_dash(row.crossover_items),
            ]
        })
        .collect();
    let head = ["operation", "backend", "threads", "batch", "in flight", "items/s best", "median", "passes"];
    table(&[&head[..], &["kernel items/s", "transfer items/s", "crossover"]].concat(), &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for bad in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
