//! Fuzzing anywhere: no instrumentation, no C++ compiler. Mutates the seeds of each target for some seconds and keeps what
//! had a new outcome. `brief --seconds 60 --target request --seed 7`; a failing input is written to fuzz/artifacts/, and
//! `brief --target request FILE` runs it again.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_fuzz::{TARGETS, Target};

/// Bytes an input may grow to: past the largest seed, well below what would make a run slow.
const INPUT_BYTES_MAX: usize = 16 * 1024;
/// Inputs kept for one target.
const POOL_MAX: usize = 4_096;

const USAGE: &str = "usage: brief [--seconds N] [--seed N] [--target NAME] [FILE...]";

struct Options {
    seconds: u64,
    seed: u64,
    target: Option<String>,
    files: Vec<PathBuf>,
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to choose mutations by.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let chosen = |target: &&Target| options.target.as_ref().is_none_or(|name| name == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(chosen).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("no such target; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let sound = if options.files.is_empty() {
        targets.into_iter().all(|target| fuzz(target, options.seed, Duration::from_secs(options.seconds)))
    } else {
        options.files.iter().all(|file| replay(&targets, file))
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let mut options = Options { seconds: 10, seed: now, target: None, files: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        let number = |value: String| value.parse().map_err(|_| format!("{value} is not a number"));
        match word.as_str() {
            "--seconds" => options.seconds = number(value()?)?,
            "--seed" => options.seed = number(value()?)?,
            "--target" => options.target = Some(value()?),
            _ if word.starts_with('-') => return Err(format!("{word} is not an option")),
            _ => options.files.push(PathBuf::from(word)),
        }
    }
    Ok(options)
}

/// Runs a file's bytes through the targets, panics and all.
fn replay(targets: &[&Target], file: &PathBuf) -> bool {
    match std::fs::read(file) {
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            false
        }
        Ok(bytes) => targets.iter().all(|target| {
            let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes)));
            println!("{} on {}: {outcome:x?}", target.name, file.display());
            outcome.is_ok()
        }),
    }
}

/// Fuzzes one target; false when an input broke it.
fn fuzz(target: &Target, seed: u64, time: Duration) -> bool {
    let mut random = Random(seed);
    let mut pool = (target.seeds)();
    let mut outcomes = HashSet::new();
    let start = Instant::now();
    let mut runs = 0_u64;
    for input in pool.clone() {
        match attempt(target, &input, seed, runs) {
            None => return false,
            Some(outcome) => outcomes.insert(outcome),
        };
        runs += 1;
    }
    // The clock is read once in 64 runs: it costs as much as a short one.
    while !runs.is_multiple_of(64) || start.elapsed() < time {
        let mut input = pool[random.below(pool.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &pool, &mut random);
        }
        input.truncate(INPUT_BYTES_MAX);
        let Some(outcome) = attempt(target, &input, seed, runs) else { return false };
        if outcomes.insert(outcome) && pool.len() < POOL_MAX {
            pool.push(input);
        }
        runs += 1;
    }
    println!("{}: seed {seed}, {runs} runs in {:.1?}, {} outcomes", target.name, start.elapsed(), outcomes.len());
    true
}

/// Runs one input; `None` when it broke the target, after saying so and keeping it.
fn attempt(target: &Target, input: &[u8], seed: u64, run: u64) -> Option<u64> {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if outcome.is_err() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts");
        let file = folder.join(format!("{}-{seed}-{run}.bin", target.name));
        let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
        eprintln!("{} broke in run {run} of seed {seed} on {} bytes", target.name, input.len());
        match kept {
            Ok(()) => eprintln!("again: brief --target {} {}", target.name, file.display()),
            Err(error) => eprintln!("{}: {error}", file.display()),
        }
    }
    outcome.ok()
}

/// Changes an input in one way.
fn mutate(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let byte = random.next() as u8;
    match random.below(10) {
        0 => input.truncate(at),
        1 => input.insert(at, byte),
        2 => input.extend((0..random.below(24)).map(|_| byte)),
        3 => {
            let end = (at + random.below(16)).min(input.len());
            input.drain(at..end);
        }
        // Another input's end behind this one's start.
        4 => {
            let other = &pool[random.below(pool.len())];
            input.truncate(at);
            input.extend_from_slice(&other[at.min(other.len())..]);
        }
        // A number that lengths and counts trip over, where a u16, u32 or u64 may lie.
        5 | 6 => {
            const NUMBERS: [u64; 12] =
                [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 0x100_0000, 0xffff_ffff, u64::MAX];
            let number = NUMBERS[random.below(NUMBERS.len())].wrapping_add(random.next() % 3).to_le_bytes();
            let width = [1, 2, 4, 8][random.below(4)];
            let at = at / width * width;
            let end = (at + width).min(input.len());
            let start = at.min(end);
            input[start..end].copy_from_slice(&number[..end - start]);
        }
        // The header and the DER tags are at the front.
        7 | 8 => {
            let front = input.len().min(64);
            if front > 0 {
                input[random.below(front)] = byte;
            }
        }
        _ => {
            if let Some(place) = input.get_mut(at) {
                *place ^= 1 << (byte % 8);
            }
        }
    }
}
