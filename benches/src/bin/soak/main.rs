//! `assay-soak`: a backend against the reference backend and a second library, over millions of random, mutated and
//! adversarial items.
//!
//! samples ── mutated ── columns ── reference, backend, second library ── compared byte for byte (verdicts, reasons, values)
//!
//! - `mutate`: what is done to an item. `trees`: leaves of any number and length.
//! - `edges`: the numbers, points and encodings where implementations go wrong.
//! - `second`: an independent library's verdict of an item, where it has the row's rule set.

mod edges;
mod mutate;
mod second;
mod trees;

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_core::backend::{Backend, GpuChoice, Output, detect};
use assay_core::gpu::{GpuSettings, devices};
use assay_core::samples::{self, Sample, Spec};
use assay_core::{BackendName, Bundle, Results};
use assay_scheme::registry::{Grouping, Messages};
use assay_scheme::{ColumnsBuilder, Hash, Kind, Operation, Parameters, Row, Verdict};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use mutate::{Item, Random};

/// Items of one comparison; leaves, where the row is one of trees.
const BATCH: usize = 2_048;
/// The same for a device, whose batches cost something each.
const BATCH_DEVICE: usize = 8_192;
/// How long a device may take for one: a soak runs behind everything else, and only asks whether answers are right.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(1_200);
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
  assay-soak --backend gpu --gpu software --items 1000000 --digests 1
  assay-soak --backend lanes --only sm2 --minutes 5 --seed 7")]
struct Arguments {
    /// The backend to compare
    #[arg(long, value_name = "BACKEND", default_value = "lanes")]
    backend: String,
    /// Which graphics device --backend gpu is, the first where there are several: hardware or software
    #[arg(long, value_name = "WHICH", default_value = GpuChoice::Hardware.name())]
    gpu: String,
    /// Only the rows whose names contain this; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Items of each row with signatures or headers
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    items: u64,
    /// Messages of each digest row and leaves of each Merkle rule, as a multiple of --items
    #[arg(long, value_name = "N", default_value_t = 20)]
    digests: u64,
    /// Minutes in all: each row has an equal share of those that are left, and as many items as it gets to in them
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<f64>,
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
    let (reference, backend) = backends(arguments)?;
    let wanted = |row: &Row| {
        let operation = row.operation();
        let named = arguments.only.is_empty() || arguments.only.iter().any(|part| row.name().contains(part));
        named && (operation.grouping == Grouping::Single || trees::is_of(operation))
    };
    let rows: Vec<_> = Row::ALL.into_iter().filter(wanted).collect();
    prepare(&*backend, &rows)?;
    let rows: Vec<_> = rows.into_iter().filter(|row| backend.serves(*row)).collect();
    if rows.is_empty() {
        return Err(format!("{} serves no row whose name contains {:?}", arguments.backend, arguments.only));
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}").expect("a template of known fields");
    let (started, mut all, mut short) = (Instant::now(), Tally::default(), 0);
    for (at, row) in rows.iter().enumerate() {
        let one_of_many = matches!(row.operation().kind, Kind::Digest | Kind::Merkle);
        let items = arguments.items * if one_of_many { arguments.digests } else { 1 };
        let deadline = arguments.minutes.map(|minutes| {
            let left = Duration::from_secs_f64(minutes * 60.0).saturating_sub(started.elapsed());
            Instant::now() + left / (rows.len() - at) as u32
        });
        let bar = ProgressBar::new(items).with_style(style.clone()).with_message(row.name());
        let soak = Soak { row: *row, reference: &*reference, backend: &*backend, seed: arguments.seed, deadline };
        let tally = soak.run(items, &bar)?;
        bar.finish_and_clear();
        soak.tell(&tally);
        short += usize::from(tally.items < items);
        all += tally;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "in all: {} items the same, {} of them valid, {} also asked of a second library, seed {}, {seconds:.0} s",
        all.items, all.valid, all.second, arguments.seed
    );
    if short > 0 {
        println!("{short} rows had fewer items than asked for when their time was over");
    }
    Ok(())
}

/// The reference, and the backend that is compared with it.
fn backends(arguments: &Arguments) -> Result<(Arc<dyn Backend>, Arc<dyn Backend>), String> {
    let found = detect(GpuChoice::Off);
    let backend = |name: BackendName| {
        let found = found.iter().find(|found| found.name() == name).ok_or(format!("{} is not here", name.name()))?;
        found.backend().cloned().map_err(str::to_owned)
    };
    let compared = match BackendName::from_name(&arguments.backend) {
        Some(BackendName::Gpu) => {
            let choice = GpuChoice::from_name(&arguments.gpu).ok_or("--gpu is hardware or software")?;
            let settings = GpuSettings { timeout: Some(DEVICE_TIMEOUT), ..GpuSettings::default() };
            let device = devices(choice, settings).into_iter().next();
            device.ok_or(format!("no {} graphics device is here", choice.name()))?
        }
        Some(name) => backend(name)?,
        None => return Err(format!("no backend is named {}", arguments.backend)),
    };
    Ok((backend(BackendName::Reference)?, compared))
}

/// Has a device make these rows ready; a row whose known answers it gave wrong ends the run.
fn prepare(backend: &dyn Backend, rows: &[Row]) -> Result<(), String> {
    if backend.own_threads() == 0 {
        return Ok(());
    }
    let started = Instant::now();
    backend.prepare(rows, &|_| ControlFlow::Continue(()));
    println!("{}: ready after {:.1} s", backend.note().unwrap_or_default(), started.elapsed().as_secs_f64());
    backend.amiss().map_or(Ok(()), Err)
}

#[derive(Clone, Copy, Default)]
struct Tally {
    /// Items, or leaves.
    items: u64,
    valid: u64,
    second: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.valid += other.valid;
        self.second += other.second;
    }
}

/// One row's comparison.
struct Soak<'a> {
    row: Row,
    reference: &'a dyn Backend,
    backend: &'a dyn Backend,
    seed: u64,
    deadline: Option<Instant>,
}

impl Soak<'_> {
    /// Compares this many items, on all cores; each round asks other ones.
    fn run(&self, wanted: u64, bar: &ProgressBar) -> Result<Tally, String> {
        let operation = self.row.operation();
        let pool = if trees::is_of(operation) { Vec::new() } else { pool(operation, self.seed) };
        let batch = if self.backend.own_threads() > 0 { BATCH_DEVICE } else { BATCH };
        let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let worker = |thread: u64| {
            let mut tally = Tally::default();
            let mut round = thread;
            while round * (batch as u64) < wanted && self.deadline.is_none_or(|deadline| Instant::now() < deadline) {
                let mut random = Random::new(self.seed, self.row, round);
                let counted = if trees::is_of(operation) {
                    self.compare_trees(&trees::random(operation, batch, &mut random))
                } else {
                    let parameters = parameters(operation, &mut random);
                    let items: Vec<_> = (0..batch).map(|_| Item::mutated(operation, &pool, &mut random)).collect();
                    self.compare(&parameters, &items)
                };
                let counted =
                    counted.map_err(|why| format!("{}, seed {}, round {round}: {why}", self.row.name(), self.seed))?;
                bar.inc(counted.items);
                tally += counted;
                round += threads;
            }
            Ok::<_, String>(tally)
        };
        std::thread::scope(|scope| {
            let worker = &worker;
            let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || worker(thread))).collect();
            workers.into_iter().try_fold(Tally::default(), |mut all, worker| {
                all += worker.join().map_err(|_| "a worker panicked".to_owned())??;
                Ok(all)
            })
        })
    }

    fn compare(&self, parameters: &Parameters, items: &[Item]) -> Result<Tally, String> {
        let mut columns = ColumnsBuilder::new(self.row.operation());
        for item in items {
            columns.push(item.form, &item.key, &item.signature, &item.message);
        }
        let columns = columns.build().map_err(|error| error.to_string())?;
        let bundle = Bundle::new(parameters.clone(), vec![columns]).map_err(|error| error.to_string())?;
        let expected = self.same(&bundle, |i| items[i].to_string())?;
        let mut tally = Tally { items: items.len() as u64, ..Tally::default() };
        for (i, item) in items.iter().enumerate() {
            let verdict = expected.verdict(i);
            tally.valid += u64::from(verdict == Verdict::Valid);
            let second = if parameters.hash.is_none() { second::is_valid(self.row, item) } else { None };
            if let Some(second) = second {
                tally.second += 1;
                if second != (verdict == Verdict::Valid) {
                    return Err(format!("the reference says {verdict}, the second library {second}: {item}"));
                }
            }
        }
        Ok(tally)
    }

    fn compare_trees(&self, bundle: &Bundle) -> Result<Tally, String> {
        let leaves: Vec<usize> =
            bundle.slices(0..bundle.items()).flat_map(|(own, items)| items.map(|i| own.entries(i).len())).collect();
        let hash = bundle.parameters().hash.map_or("no hash", Hash::name);
        let expected = self.same(bundle, |i| format!("tree {i} of {} leaves under {hash}", leaves[i]))?;
        let valid = |i: &usize| expected.verdict(*i) == Verdict::Valid;
        let count = |trees: &mut dyn Iterator<Item = usize>| trees.map(|i| leaves[i] as u64).sum();
        let all = 0..leaves.len();
        Ok(Tally { items: count(&mut all.clone()), valid: count(&mut all.filter(valid)), second: 0 })
    }

    /// What the reference makes of a bundle, once the backend has made the same of it.
    fn same(&self, bundle: &Bundle, show: impl Fn(usize) -> String) -> Result<Results, String> {
        let (expected, found) = (compute(self.reference, bundle)?, compute(self.backend, bundle)?);
        for i in 0..bundle.items() {
            let (verdict, other) = (expected.verdict(i), found.verdict(i));
            if (verdict, expected.value(i)) != (other, found.value(i)) {
                let name = self.backend.name().name();
                return Err(format!("the reference says {verdict}, {name} says {other}: {}", show(i)));
            }
        }
        Ok(expected)
    }

    fn tell(&self, tally: &Tally) {
        let second = second::name(self.row).unwrap_or("nobody else");
        let what = if trees::is_of(self.row.operation()) { "leaves" } else { "items" };
        let device = self.backend.device_times(self.row).filter(|times| !times.kernel.is_zero()).map(|times| {
            let busy = times.upload + times.kernel + times.readback;
            format!(", {:.0} items/s by the device's clock", times.items as f64 / busy.as_secs_f64())
        });
        println!(
            "{}: {} {what} the same, {} of them valid, {} also asked of {second}{}",
            self.row.name(),
            tally.items,
            tally.valid,
            tally.second,
            device.unwrap_or_default()
        );
    }
}

/// Items that are valid before anything is done to them.
fn pool(operation: &'static Operation, seed: u64) -> Vec<Sample> {
    let samples = if operation.kind == Kind::Digest { 1 } else { SAMPLES };
    samples::samples(operation, &Spec { items: samples, keys: samples / 4 + 1, seed, ..Spec::default() })
}

/// Mostly the parameters that the samples were signed under, sometimes a named hash, under which all are other questions.
fn parameters(operation: &Operation, random: &mut Random) -> Parameters {
    let mut parameters = samples::parameters(operation);
    if matches!(operation.messages, Messages::DigestOr(_)) && random.one_in(8) {
        parameters.hash = Some(Hash::ALL[random.below(Hash::ALL.len())]);
    }
    parameters
}

fn compute(backend: &dyn Backend, bundle: &Bundle) -> Result<Results, String> {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    let out = Output { verdicts, values, width: *width };
    backend.compute(bundle, 0..bundle.items(), out).map_err(|fault| fault.to_string())?;
    Ok(results)
}
