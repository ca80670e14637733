//! `assay-soak`: a backend against the reference backend and a second library, over millions of random, mutated and
//! adversarial items.
//!
//! samples ── mutated ── columns ── reference, backend, second library ── compared byte for byte (verdicts, reasons, values)
//!
//! - `mutate`: what is done to an item.
//! - `edges`: the numbers, points and encodings where implementations go wrong.
//! - `second`: an independent library's verdict of an item, where it has the row's rule set.

mod edges;
mod mutate;
mod second;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use assay_core::backend::{Backend, GpuChoice, Output, detect};
use assay_core::samples::{self, Sample, Spec};
use assay_core::{BackendName, Bundle, Results};
use assay_scheme::registry::Grouping;
use assay_scheme::{ColumnsBuilder, Hash, Kind, Operation, Parameters, Row, Verdict};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use mutate::{Item, Random};

/// Items of one comparison.
const BATCH: usize = 2_048;
/// Signed samples that the items of a row are made from; signing costs more than verifying.
const SAMPLES: usize = 4_096;

/// Compares a backend with the reference backend and a second library
#[derive(Debug, Parser)]
#[command(after_help = "\
Every item's verdict byte and value must be the reference backend's; where a second library has the row's rule set, its \
yes or no must be too. The first difference is printed with everything that is needed to see it again, and ends the run \
with exit code 1.

Examples:
  assay-soak --backend lanes --items 1000000
  assay-soak --backend lanes --only sm2 --minutes 5 --seed 7")]
struct Arguments {
    /// The backend to compare
    #[arg(long, value_name = "BACKEND", default_value = "lanes")]
    backend: String,
    /// Only the rows whose names contain this; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Items of each row with signatures
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    items: u64,
    /// Items of each digest row, as a multiple of --items
    #[arg(long, value_name = "N", default_value_t = 20)]
    digests: u64,
    /// Stop a row after so many minutes, with as many items as it got to
    #[arg(long, value_name = "MINUTES", default_value_t = 60.0)]
    minutes: f64,
    /// Decides every item
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("assay-soak: {why}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let found = detect(GpuChoice::Off);
    let backend = |name: &str| {
        let found =
            found.iter().find(|found| found.name().name() == name).ok_or(format!("no backend is named {name}"))?;
        found.backend().cloned().map_err(str::to_owned)
    };
    let (reference, backend) = (backend(BackendName::Reference.name())?, backend(&arguments.backend)?);
    let wanted = |row: &Row| {
        let named = arguments.only.is_empty() || arguments.only.iter().any(|part| row.name().contains(part));
        named && backend.serves(*row) && row.operation().grouping == Grouping::Single
    };
    let rows: Vec<_> = Row::ALL.into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return Err(format!("{} serves no row whose name contains {:?}", arguments.backend, arguments.only));
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}").expect("a template of known fields");
    let (mut all, mut valid) = (0, 0);
    for row in rows {
        let items = arguments.items * if row.operation().kind == Kind::Digest { arguments.digests } else { 1 };
        let bar = ProgressBar::new(items).with_style(style.clone()).with_message(row.name());
        let tally = soak(row, &*reference, &*backend, arguments, items, &bar)?;
        bar.finish_and_clear();
        println!(
            "{}: {} items the same, {} of them valid, {} also asked of {}",
            row.name(),
            tally.items,
            tally.valid,
            tally.second,
            second::name(row).unwrap_or("nobody else")
        );
        all += tally.items;
        valid += tally.valid;
    }
    println!("in all: {all} items the same, {valid} of them valid, seed {}", arguments.seed);
    Ok(())
}

#[derive(Default)]
struct Tally {
    items: u64,
    valid: u64,
    second: u64,
}

fn soak(
    row: Row,
    reference: &dyn Backend,
    backend: &dyn Backend,
    arguments: &Arguments,
    wanted: u64,
    bar: &ProgressBar,
) -> Result<Tally, String> {
    let operation = row.operation();
    let pool = pool(operation, arguments.seed);
    let deadline = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let worker = |thread: u64| {
        let mut tally = Tally::default();
        let mut round = thread;
        while round * (BATCH as u64) < wanted && Instant::now() < deadline {
            let mut random = Random::new(arguments.seed, row, round);
            let parameters = parameters(operation, &mut random);
            let items: Vec<_> = (0..BATCH).map(|_| Item::mutated(operation, &pool, &mut random)).collect();
            let counted = compare(operation, reference, backend, &parameters, &items)
                .map_err(|why| format!("{}, seed {}, round {round}: {why}", row.name(), arguments.seed))?;
            tally.items += BATCH as u64;
            tally.valid += counted.valid;
            tally.second += counted.second;
            bar.inc(BATCH as u64);
            round += threads;
        }
        Ok::<_, String>(tally)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || worker(thread))).collect();
        workers.into_iter().try_fold(Tally::default(), |all, worker| {
            let tally = worker.join().map_err(|_| "a worker panicked".to_owned())??;
            Ok(Tally {
                items: all.items + tally.items,
                valid: all.valid + tally.valid,
                second: all.second + tally.second,
            })
        })
    })
}

/// Items that are valid before anything is done to them.
fn pool(operation: &'static Operation, seed: u64) -> Vec<Sample> {
    let samples = if operation.kind == Kind::Digest { 1 } else { SAMPLES };
    samples::samples(operation, &Spec { items: samples, keys: samples / 4 + 1, seed, ..Spec::default() })
}

/// Mostly the parameters that the samples were signed under, sometimes a named hash, under which all are other questions.
fn parameters(operation: &Operation, random: &mut Random) -> Parameters {
    let mut parameters = samples::parameters(operation);
    if matches!(operation.messages, assay_scheme::registry::Messages::DigestOr(_)) && random.one_in(8) {
        parameters.hash = Some(Hash::ALL[random.below(Hash::ALL.len())]);
    }
    parameters
}

fn compare(
    operation: &'static Operation,
    reference: &dyn Backend,
    backend: &dyn Backend,
    parameters: &Parameters,
    items: &[Item],
) -> Result<Tally, String> {
    let mut columns = ColumnsBuilder::new(operation);
    for item in items {
        columns.push(item.form, &item.key, &item.signature, &item.message);
    }
    let columns = columns.build().map_err(|error| error.to_string())?;
    let bundle = Bundle::new(parameters.clone(), vec![columns]).map_err(|error| error.to_string())?;
    let (expected, found) = (compute(reference, &bundle)?, compute(backend, &bundle)?);
    let mut tally = Tally::default();
    for (i, item) in items.iter().enumerate() {
        let (verdict, other) = (expected.verdict(i), found.verdict(i));
        if (verdict, expected.value(i)) != (other, found.value(i)) {
            return Err(format!("the reference says {verdict}, {} says {other}: {item}", backend.name().name()));
        }
        tally.valid += u64::from(verdict == Verdict::Valid);
        let second = if parameters.hash.is_none() { second::is_valid(operation.row, item) } else { None };
        if let Some(second) = second {
            tally.second += 1;
            if second != (verdict == Verdict::Valid) {
                return Err(format!("the reference says {verdict}, the second library {second}: {item}"));
            }
        }
    }
    Ok(tally)
}

fn compute(backend: &dyn Backend, bundle: &Bundle) -> Result<Results, String> {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    let out = Output { verdicts, values, width: *width };
    backend.compute(bundle, 0..bundle.items(), out).map_err(|fault| fault.to_string())?;
    Ok(results)
}
