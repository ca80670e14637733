//! Random and mutated items on a graphics device against the reference: `make soak-gpu`.
//!
//! Signed items are made once an operation; each batch bears other mutations of them: flipped bits, numbers at the edges of
//! their ranges, keys of others, other forms. Any difference in a verdict, a reason or a value ends the run with exit 1.

use std::error::Error;
use std::time::{Duration, Instant};

use assay_core::backend::Output;
use assay_core::gpu::{GpuSettings, devices};
use assay_core::reference::Reference;
use assay_core::samples::{self, Sample, Spec};
use assay_core::{Backend, Bundle, GpuChoice, Results};
use assay_scheme::registry::Grouping;
use assay_scheme::{Columns, ColumnsBuilder, Kind, Operation, Row};

/// Items of a batch.
const BATCH: usize = 8_192;

/// Numbers at the edges, big-endian: 0, 1, the orders and primes of the curves with their neighbours, all ones.
const EDGES: [&str; 16] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000001",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
    "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122",
    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// A generator of numbers that a seed decides (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    if !bytes.is_empty() {
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
    }
}

fn edge(bytes: &mut [u8], dice: &mut Dice) {
    let words = bytes.len() / 32;
    if words > 0 {
        let at = dice.below(words) * 32;
        let text = EDGES[dice.below(EDGES.len())];
        for (i, byte) in bytes[at..at + 32].iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex");
        }
    }
}

/// A batch of mutated items, in columns.
fn mutated(operation: &'static Operation, good: &[Columns], dice: &mut Dice) -> Vec<Columns> {
    let items: Vec<(usize, usize)> =
        good.iter().enumerate().flat_map(|(at, columns)| (0..columns.items()).map(move |item| (at, item))).collect();
    let mut builder = ColumnsBuilder::new(operation);
    for (at, item) in &items {
        let columns = &good[*at];
        let mut form = columns.form(*item).expect("a made item");
        let (mut key, mut signature) = (columns.key(*item).to_vec(), columns.signature(*item).to_vec());
        let mut message = columns.message(*item).to_vec();
        for _ in 0..dice.below(3) {
            match dice.below(9) {
                0 => flip(&mut key, dice),
                1 => flip(&mut signature, dice),
                2 => flip(&mut message, dice),
                3 => edge(&mut key, dice),
                4 => edge(&mut signature, dice),
                5 => {
                    let (at, item) = items[dice.below(items.len())];
                    key = good[at].key(item).to_vec();
                }
                6 => form = operation.forms[dice.below(operation.forms.len())],
                7 if !signature.is_empty() => {
                    let last = signature.len() - 1;
                    signature[last] = dice.next() as u8;
                }
                _ => message = (0..dice.below(200)).map(|_| dice.next() as u8).collect(),
            }
        }
        builder.push(form, &key, &signature, &message);
    }
    vec![builder.build().expect("as many as before")]
}

/// Messages of random lengths, now and then long ones.
fn random(operation: &'static Operation, dice: &mut Dice) -> Vec<Columns> {
    let mut builder = ColumnsBuilder::new(operation);
    for _ in 0..BATCH {
        let most = if dice.below(500) == 0 { 20_000 } else { 300 };
        builder.push(0, &[], &[], &(0..dice.below(most)).map(|_| dice.next() as u8).collect::<Vec<_>>());
    }
    vec![builder.build().expect("fits a request")]
}

fn compute(backend: &dyn Backend, bundle: &Bundle) -> Result<Results, Box<dyn Error>> {
    let mut results = Results::unwritten(bundle.items(), bundle.value_width());
    let Results { verdicts, values, width } = &mut results;
    backend.compute(bundle, 0..bundle.items(), Output { verdicts, values, width: *width })?;
    Ok(results)
}

/// Runs one operation until it has its items or the time is over; items compared.
fn soak(
    gpu: &dyn Backend,
    operation: &'static Operation,
    items: usize,
    until: Instant,
) -> Result<usize, Box<dyn Error>> {
    let spec = Spec { items: BATCH, message_bytes: 80, ..Spec::default() };
    let samples: Vec<Sample> =
        if operation.kind == Kind::Digest { Vec::new() } else { samples::samples(operation, &spec) };
    let good = samples::columns(operation, &samples);
    let (reference, mut dice) = (Reference::new(), Dice(operation.row.id().into()));
    let (mut done, mut valid, mut on_device, started) = (0, 0, Duration::ZERO, Instant::now());
    while done < items && Instant::now() < until {
        let columns = if good.is_empty() { random(operation, &mut dice) } else { mutated(operation, &good, &mut dice) };
        let bundle = Bundle::new(samples::parameters(operation), columns)?;
        let expected = compute(&reference, &bundle)?;
        let before = Instant::now();
        let found = compute(gpu, &bundle)?;
        on_device += before.elapsed();
        if let Some(item) = (0..bundle.items())
            .find(|i| (found.verdict(*i), found.value(*i)) != (expected.verdict(*i), expected.value(*i)))
        {
            let (columns, own) = bundle.slices(item..item + 1).next().ok_or("an item")?;
            let (key, signature) = (columns.key(own.start), columns.signature(own.start));
            let message = columns.message(own.start);
            return Err(format!(
                "{}: {:?} instead of {:?}: form {:?} key {key:02x?} signature {signature:02x?} message {message:02x?}",
                operation.name,
                found.verdict(item),
                expected.verdict(item),
                columns.form(own.start),
            )
            .into());
        }
        done += bundle.items();
        valid += (0..bundle.items()).filter(|item| expected.verdict(*item).is_valid()).count();
    }
    let seconds = started.elapsed().as_secs_f64();
    let name = operation.name;
    println!(
        "{name:<24} {done:>9} items, {valid:>9} valid, 0 mismatches, {:>9.0} items/s on the device, {seconds:.0} s",
        done as f64 / on_device.as_secs_f64().max(1e-9)
    );
    Ok(done)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let choice = value("--gpu").and_then(|name| GpuChoice::from_name(name)).ok_or("--gpu hardware|software")?;
    let items: usize = value("--items").map_or(Ok(1_000_000), |text| text.parse())?;
    let minutes: f64 = value("--minutes").map_or(Ok(90.0), |text| text.parse())?;
    let gpu = devices(choice, GpuSettings::default()).into_iter().next().ok_or("no such graphics device here")?;
    let only = value("--row").map(|name| Operation::from_name(name).ok_or("no such operation")).transpose()?;
    let rows: Vec<Row> = match only {
        Some(operation) => vec![operation.row],
        None => Row::ALL.to_vec(),
    };
    println!("{}", gpu.note().unwrap_or_default());
    let prepare = Instant::now();
    gpu.prepare(&rows, &|_| std::ops::ControlFlow::Continue(()));
    if let Some(amiss) = gpu.amiss() {
        return Err(amiss.into());
    }
    println!("ready after {:.1} s", prepare.elapsed().as_secs_f64());
    let served: Vec<_> =
        rows.into_iter().filter(|row| gpu.serves(*row) && row.operation().grouping == Grouping::Single).collect();
    let start = Instant::now();
    let mut short = 0;
    for (at, row) in served.iter().enumerate() {
        // Each operation its share of the time that is left.
        let all = Duration::from_secs_f64(minutes * 60.0);
        let left = all.saturating_sub(start.elapsed()) / (served.len() - at) as u32;
        short += usize::from(soak(&*gpu, row.operation(), items, Instant::now() + left)? < items);
    }
    if short > 0 {
        println!("{short} operations had fewer than {items} items when the time was over");
    }
    Ok(())
}
