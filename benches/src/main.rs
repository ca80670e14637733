//! `assay-benches`: Assay's CPU backends beside the libraries there are, in one run.
//!
//! samples ── contestants (ours, peers) ── answers checked ── passes in turn ── table, JSON and SVG
//!
//! - `contest`: what is measured: a case, and who computes it.
//! - `cases`: the cases by family, each peer called as its users call it, from raw bytes.
//! - `measure`: passes in turn on one pinned core, then on all of them.
//! - `report`: what is written to `benches/results`.

mod cases;
mod contest;
mod measure;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use contest::Case;
use measure::Effort;
use report::{Machine, Measured};

/// Measures Assay's CPU backends beside the libraries there are
#[derive(Debug, Parser)]
#[command(after_help = "\
Every contestant's answers are checked first, on items of which every seventh is spoiled; a wrong one ends the run with \
exit code 1. Then all contestants of a case take turns, pass by pass, on one pinned core, and again on all cores at once.

Examples:
  assay-benches --out benches/results
  assay-benches --only ed25519 --seconds 1
  assay-benches --list")]
struct Arguments {
    /// Only the cases whose names contain this; may be given several times
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Seconds for each contestant of a case, on one core and again on all
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5)]
    seconds: f64,
    /// One core only
    #[arg(long)]
    one_core: bool,
    /// Where the table, the JSON and the chart are written; nothing is written without it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The commit that was built, as the files' names and headers bear it
    #[arg(long, value_name = "COMMIT", default_value = "unknown")]
    commit: String,
    /// List the cases and their contestants and stop
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("assay-benches: {why}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let wanted = |case: &Case| arguments.only.is_empty() || arguments.only.iter().any(|part| case.name.contains(part));
    let cases: Vec<_> = cases::all().into_iter().filter(wanted).collect();
    if cases.is_empty() {
        return Err(format!("no case's name contains {:?}; --list shows them", arguments.only));
    }
    if arguments.list {
        for case in &cases {
            let samples = case.samples(0);
            let names: Vec<_> = case.contestants(&samples).into_iter().map(|contestant| contestant.name).collect();
            println!("{}: {}", case.name, names.join(", "));
        }
        return Ok(());
    }
    if !(0.01..=600.0).contains(&arguments.seconds) {
        return Err("--seconds: give 0.01 to 600".to_owned());
    }
    let effort = Effort { budget: Duration::from_secs_f64(arguments.seconds), all_cores: !arguments.one_core };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a template of known fields");
    let bar = ProgressBar::new(cases.len() as u64).with_style(style);
    // Read before a thread is pinned, which is told of one core alone.
    let machine = Machine::read(&arguments.commit);
    let mut measured: Vec<Measured> = Vec::new();
    for case in &cases {
        bar.set_message(case.name.clone());
        case.check()?;
        let samples = case.samples(0);
        measured.push(measure::measure(case, &case.contestants(&samples), effort));
        bar.suspend(|| print!("{}", report::lines(measured.last().expect("one was pushed"))));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(dir) = &arguments.out {
        for path in report::write(dir, &machine, &measured).map_err(|error| format!("{}: {error}", dir.display()))? {
            println!("written: {}", path.display());
        }
    }
    Ok(())
}
