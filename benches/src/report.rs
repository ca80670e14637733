//! What was measured, as a table, as JSON and as a chart of ratios.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use plotters::prelude::*;
use serde::Serialize;

/// Items per second over passes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rate {
    /// The fastest pass.
    pub best: f64,
    /// The middle one.
    pub median: f64,
    /// The slowest one.
    pub worst: f64,
    /// Passes.
    pub passes: usize,
}

impl Rate {
    /// From the seconds that passes over `items` items took.
    pub fn of(items: usize, seconds: &[f64]) -> Self {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rate = |seconds: f64| items as f64 / seconds;
        Self {
            best: rate(sorted[0]),
            median: rate(sorted[sorted.len() / 2]),
            worst: rate(sorted[sorted.len() - 1]),
            passes: sorted.len(),
        }
    }
}

/// One contestant's figures.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Who.
    pub contestant: String,
    /// One of Assay's backends.
    pub ours: bool,
    /// On one pinned core.
    pub one_core: Rate,
    /// On all cores at once, together.
    pub all_cores: Option<Rate>,
}

/// One case's figures.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The case.
    pub case: String,
    /// Items of a batch.
    pub items: usize,
    /// Cores of the machine.
    pub cores: usize,
    /// The contestants, ours first.
    pub rows: Vec<Row>,
}

impl Measured {
    /// The fastest peer on one core.
    fn best_peer(&self) -> Option<&Row> {
        self.rows.iter().filter(|row| !row.ours).max_by(|a, b| a.one_core.best.total_cmp(&b.one_core.best))
    }

    /// Ours that is fastest on one core, as a multiple of the fastest peer.
    fn ratio(&self) -> Option<f64> {
        let ours = self.rows.iter().filter(|row| row.ours).map(|row| row.one_core.best).fold(f64::NAN, f64::max);
        Some(ours / self.best_peer()?.one_core.best).filter(|ratio| ratio.is_finite())
    }
}

/// Where and how it was measured.
#[derive(Debug, Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    flags: String,
    commit: String,
    date: String,
    command: String,
}

impl Machine {
    /// This machine.
    pub fn read(commit: &str) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = info.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let wanted = ["sha_ni", "avx2", "avx512f", "avx512bw", "avx512ifma", "avx512_vbmi", "vaes", "bmi2", "adx"];
        let all = field("flags");
        let flags = all.split(' ').filter(|flag| wanted.contains(flag)).collect::<Vec<_>>().join(" ");
        let date = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
        Self {
            cpu: field("model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            flags,
            commit: commit.to_owned(),
            date: date.map(|date| String::from_utf8_lossy(&date.stdout).trim().to_owned()).unwrap_or_default(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
        }
    }
}

/// 1234567.8 as `1.23 M`.
fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2} M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1} k", rate / 1e3),
        rate => format!("{rate:.1}"),
    }
}

/// A case as rows of the table.
pub fn lines(measured: &Measured) -> String {
    let mut text = String::new();
    let peer = measured.best_peer().map(|row| row.one_core.best);
    for row in &measured.rows {
        let one = row.one_core;
        let ratio = peer.map_or("–".to_owned(), |peer| format!("{:.2}", one.best / peer));
        let (all, scaling) = row.all_cores.map_or(("–".to_owned(), "–".to_owned()), |all| {
            (short(all.best), format!("{:.2}", all.best / (one.best * measured.cores as f64)))
        });
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} / {} | {ratio} | {all} | {scaling} |",
            measured.case,
            row.contestant,
            short(one.best),
            short(one.median),
            short(one.worst),
        );
    }
    text
}

const HEAD: &str = "\
| case | contestant | items/s, one core, best | median / worst | of the best peer | all cores, best | of cores × one |
| :-- | :-- | --: | --: | --: | --: | --: |
";

/// Writes `DATE-COMMIT-peers.{md,json,svg}` and names them.
pub fn write(dir: &Path, machine: &Machine, measured: &[Measured]) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir)?;
    let path = |ending: &str| dir.join(format!("{}-{}-peers.{ending}", machine.date, machine.commit));
    let mut text = format!(
        "# CPU backends beside their peers\n\nMachine: {}, {} cores ({}). Commit {}, {}. Command: `{}`.\n\nEvery contestant's \
         answers were checked before it was timed; contestants took turns pass by pass.\n\n{HEAD}",
        machine.cpu, machine.cores, machine.flags, machine.commit, machine.date, machine.command
    );
    measured.iter().for_each(|case| text.push_str(&lines(case)));
    std::fs::write(path("md"), text)?;
    let json = serde_json::json!({ "machine": machine, "cases": measured });
    std::fs::write(path("json"), serde_json::to_vec_pretty(&json)?)?;
    let mut written = vec![path("md"), path("json")];
    if measured.iter().any(|case| case.ratio().is_some()) {
        chart(&path("svg"), measured).map_err(|error| io::Error::other(error.to_string()))?;
        written.push(path("svg"));
    }
    Ok(written)
}

/// Bars: how many times the fastest peer ours is, on one core; a line where they are equal.
fn chart(path: &Path, measured: &[Measured]) -> Result<(), Box<dyn std::error::Error>> {
    let bars: Vec<(&str, f64)> = measured.iter().filter_map(|case| Some((case.case.as_str(), case.ratio()?))).collect();
    let most = bars.iter().map(|(_, ratio)| *ratio).fold(1.0, f64::max) * 1.1;
    let height = 80 + 26 * bars.len() as u32;
    let root = SVGBackend::new(path, (900, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Assay on one core, as a multiple of the fastest peer", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(250)
        .build_cartesian_2d(0.0..most, (0..bars.len()).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(bars.len())
        .y_label_formatter(&|at| match at {
            SegmentValue::CenterOf(i) | SegmentValue::Exact(i) => {
                bars.get(*i).map(|(name, ratio)| format!("{name}  {ratio:.1}×")).unwrap_or_default()
            }
            SegmentValue::Last => String::new(),
        })
        .draw()?;
    chart.draw_series(bars.iter().enumerate().map(|(i, (_, ratio))| {
        let colour = if *ratio >= 1.0 { RGBColor(38, 115, 77) } else { RGBColor(178, 76, 60) };
        let mut bar =
            Rectangle::new([(0.0, SegmentValue::Exact(i)), (*ratio, SegmentValue::Exact(i + 1))], colour.filled());
        bar.set_margin(3, 3, 0, 0);
        bar
    }))?;
    let line = [(1.0, SegmentValue::Exact(0)), (1.0, SegmentValue::Exact(bars.len()))];
    chart.draw_series(LineSeries::new(line, BLACK.stroke_width(1)))?;
    root.present()?;
    Ok(())
}
