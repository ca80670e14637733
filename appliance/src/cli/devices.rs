//! `assay devices`: the graphics devices of this machine, whether their known answers come out right, and their pace.

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use assay_core::backend::Output;
use assay_core::gpu::{self, AdapterDescription, Gpu, GpuSettings};
use assay_core::samples::{self, Spec};
use assay_core::{Backend, Bundle, GpuChoice, Results};
use assay_scheme::{Kind, Operation, Row};
use serde::Serialize;

use super::error::{CliError, EXIT_OK, EXIT_UNEXPECTED, finish};
use super::progress::Progress;
use super::source::gpus;
use super::table::commas;

const EXAMPLE: &str = "\
Every adapter is listed. Those that --gpu names are opened, their kernels compiled, and each operation's known \
answers and pace are taken; a software device computes on the CPU and is tested only when named.

Exit codes: 0 as expected, 1 a device gave a wrong known answer or did not open, 2 usage.

Examples:
  assay devices
  assay devices --gpu software --json";

/// Passes of which the fastest counts.
const PASSES: usize = 3;

/// Arguments of `assay devices`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Which devices to test; `off` tests none
    #[arg(long, value_name = "DEVICES", default_value = "hardware", value_parser = gpus())]
    gpu: GpuChoice,
    /// Print a JSON object for each device
    #[arg(long)]
    json: bool,
}

/// Runs the command; returns its exit code.
pub fn run(args: Args) -> u8 {
    super::interrupt::exit_on_ctrl_c();
    finish(execute(&args))
}

#[derive(Serialize)]
struct Report {
    name: String,
    kind: &'static str,
    driver: String,
    int64: bool,
    timestamps: bool,
    binding_bytes_max: u64,
    buffer_bytes_max: u64,
    workgroups_max: u32,
    storage_buffers_max: u32,
    /// `passed`, `failed: WHY`, or `not tested`.
    self_test: String,
    prepare_seconds: f64,
    memory_bytes: u64,
    operations: Vec<Pace>,
}

#[derive(Serialize)]
struct Pace {
    operation: &'static str,
    /// From the start until its known answers came out right; kernels are compiled side by side.
    ready_after_seconds: f64,
    batch: usize,
    items_per_second: f64,
}

fn execute(args: &Args) -> Result<u8, CliError> {
    let devices = gpu::devices(args.gpu, GpuSettings::default());
    let mut reports: Vec<Report> = devices.iter().map(|device| tested(device, args.json)).collect();
    let tested = devices.iter().map(|device| device.description().clone()).collect::<Vec<_>>();
    // The adapters that --gpu does not name; equal ones are several devices of one make.
    let mut left = tested.clone();
    for description in gpu::adapter_descriptions() {
        match left.iter().position(|own| *own == description) {
            Some(at) => drop(left.remove(at)),
            None => reports.push(report(&description, "not tested".to_owned(), 0.0)),
        }
    }
    let mut out = io::stdout().lock();
    for report in &reports {
        if args.json {
            let mut text = serde_json::to_vec(report).expect("finite numbers and strings are JSON");
            text.push(b'\n');
            out.write_all(&text)?;
        } else {
            out.write_all(lines(report).as_bytes())?;
        }
    }
    if reports.is_empty() && !args.json {
        writeln!(out, "no graphics device is here")?;
    }
    out.flush()?;
    let failed = reports.iter().any(|report| report.self_test.starts_with("failed"));
    Ok(if failed { EXIT_UNEXPECTED } else { EXIT_OK })
}

fn report(description: &AdapterDescription, self_test: String, prepare_seconds: f64) -> Report {
    Report {
        name: description.name.clone(),
        kind: description.kind,
        driver: description.driver.clone(),
        int64: description.int64,
        timestamps: description.timestamps,
        binding_bytes_max: description.binding_bytes_max,
        buffer_bytes_max: description.buffer_bytes_max,
        workgroups_max: description.workgroups_max,
        storage_buffers_max: description.storage_buffers_max,
        self_test,
        prepare_seconds,
        memory_bytes: 0,
        operations: Vec::new(),
    }
}

/// Opens a device, has it give its known answers, and takes its pace.
fn tested(device: &Arc<Gpu>, quiet: bool) -> Report {
    let mut progress = Progress::new(None, quiet);
    let started = Instant::now();
    let shown = RefCell::new(&mut progress);
    let ready = RefCell::new(Vec::new());
    device.prepare(&Row::ALL, &|row| {
        shown.borrow_mut().set(0, || format!("{} is ready", row.name()));
        ready.borrow_mut().push((row, started.elapsed().as_secs_f64()));
        ControlFlow::Continue(())
    });
    let seconds = started.elapsed().as_secs_f64();
    let verdict = device.amiss().map_or_else(|| "passed".to_owned(), |why| format!("failed: {why}"));
    let mut report = report(device.description(), verdict, seconds);
    let mut ready = ready.into_inner();
    ready.sort_by_key(|(row, _)| row.index());
    for (row, ready_after_seconds) in ready {
        progress.set(0, || format!("pace of {}", row.name()));
        let pace = pace(device, row.operation());
        report.operations.extend(pace.map(|pace| Pace { ready_after_seconds, ..pace }));
    }
    progress.finish();
    report.memory_bytes = device.memory();
    report
}

/// Items per second of full batches, one after another, the bytes' way to the device and back included.
fn pace(device: &Gpu, operation: &'static Operation) -> Option<Pace> {
    let items = if operation.kind == Kind::Digest { 8_192 } else { 1_024 };
    let items = if operation.kind == Kind::Merkle { 1 } else { items };
    let spec = Spec { items, group: 4_096, ..Spec::default() };
    let samples = samples::samples(operation, &spec);
    let bundle = Bundle::new(samples::parameters(operation), samples::columns(operation, &samples)).ok()?;
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let mut results = Results::unwritten(items, bundle.value_width());
        let Results { verdicts, values, width } = &mut results;
        let started = Instant::now();
        device.compute(&bundle, 0..items, Output { verdicts, values, width: *width }).ok()?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Some(Pace {
        operation: operation.name,
        ready_after_seconds: 0.0,
        batch: items,
        items_per_second: items as f64 / best,
    })
}

fn lines(report: &Report) -> String {
    let mebibytes = |bytes: u64| format!("{} MiB", commas(bytes >> 20));
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let mut text = format!("{} ({})\n", report.name, report.kind);
    let mut rows = vec![
        ["  driver", &report.driver].map(str::to_owned).to_vec(),
        vec!["  64-bit integers".to_owned(), if report.int64 { yes(true) } else { "no: hashing only".to_owned() }],
        vec!["  clocks".to_owned(), yes(report.timestamps)],
        vec!["  binding at most".to_owned(), mebibytes(report.binding_bytes_max)],
        vec!["  buffer at most".to_owned(), mebibytes(report.buffer_bytes_max)],
        vec!["  workgroups at most".to_owned(), commas(u64::from(report.workgroups_max))],
        vec!["  self-test".to_owned(), report.self_test.clone()],
    ];
    if report.prepare_seconds > 0.0 {
        rows.push(vec!["  made ready in".to_owned(), format!("{:.1} s", report.prepare_seconds)]);
        rows.push(vec!["  memory held".to_owned(), mebibytes(report.memory_bytes)]);
    }
    for pace in &report.operations {
        let rate =
            format!("{} items/s in batches of {}", commas(pace.items_per_second as u64), commas(pace.batch as u64));
        rows.push(vec![format!("  {}", pace.operation), rate]);
    }
    for row in rows {
        text.push_str(&format!("{:<28}{}\n", row[0], row[1]));
    }
    text
}
