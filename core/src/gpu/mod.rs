//! The GPU backend: the kernels of assay-shaders on every graphics device that this machine has.
//!
//! - [`adapter`]: which devices there are, in which order.
//! - `device`: one of them opened, its compiled kernels and buffers, and its loss.
//! - `stage`: a range of a bundle as the kernels read it. `slot`: the memory a batch passes through.
//! - `trust`: why an answer is believed: stamps, canaries, and a share computed twice.
//! - `tree`, `forest`: Merkle levels on the device. `inject`: faults that tests ask for. `raw`: the one place with unsafe code.
//!
//! A device is used by threads of its own, each with a batch in another slot of the ring, so that upload, compute and
//! readback overlap. A batch that could not be computed is a [`Fault`]: the queue gives it to the next backend.

pub mod adapter;
mod device;
mod forest;
#[cfg(any(test, feature = "inject-faults"))]
pub mod inject;
#[cfg(test)]
mod load_tests;
mod raw;
mod slot;
mod stage;
#[cfg(test)]
mod tests;
mod tree;
mod trust;

#[cfg(all(feature = "inject-faults", not(debug_assertions)))]
compile_error!("inject-faults makes a device lie: it is for tests, and no release is built with it");

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use assay_scheme::registry::Messages;
use assay_scheme::{Hash, Kind, Operation, Row, Verdict};
use assay_shaders::{Kernel, Role};

use crate::backend::{Backend, BackendName, DeviceTimes, Fault, GpuChoice, Output};
use crate::batch::Bundle;
use crate::pool::lock;
use crate::pow;
use crate::reference::Reference;
use crate::selftest::{self, KnownAnswer};
pub use adapter::AdapterDescription;
pub use device::Checks;
use device::{Device, Program};
use slot::Run;
use stage::{MESSAGE_BYTES_MAX, Plan, Stage};
use tree::Leaves;
use trust::{Canaries, Checker};

/// Slots of a device's ring, each with a thread: one is filled or read while another one computes and a third one waits.
/// Fewer: the device waits for the host. More: more memory, and an urgent batch waits behind more of them.
const RING_SLOTS: usize = 3;

/// Items of one batch: those of the largest request. Smaller: the fixed cost of a batch weighs more. Larger: more memory, longer
/// dispatches, and little for it: four times as many were 5% to 17% faster on an H100 and slower where values come back.
const BATCH_ITEMS_MAX: usize = 1 << 16;

/// Message bytes of one batch. Smaller: long messages make small batches. Larger: more memory: a slot holds it twice on the
/// host and once on the device.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// How long a batch may take on a hardware device before it counts as hung: many times what the router cuts batches to.
/// Shorter: a busy device is taken for a hung one. Longer: its items wait longer for the CPU.
const TIMEOUT: Duration = Duration::from_millis(750);

// A batch that hangs must cost its items under a second.
const _: () = assert!(TIMEOUT.as_millis() < 1_000);

/// The same on a software device, which shares the CPU with everything else.
const TIMEOUT_SOFTWARE: Duration = Duration::from_secs(30);

/// How long a kernel's first batch may take: drivers compile then, too.
const TIMEOUT_FIRST: Duration = Duration::from_secs(600);

/// How a device is used.
#[derive(Clone, Copy, Debug)]
pub struct GpuSettings {
    /// Whether shaders check themselves.
    pub checks: Checks,
    /// How long a batch may take; `None` is what suits the adapter.
    pub timeout: Option<Duration>,
    /// Whether 64-bit integers are used where the adapter has them; without them a device hashes only.
    pub int64: bool,
}

impl Default for GpuSettings {
    fn default() -> Self {
        Self { checks: Checks::Unchecked, timeout: None, int64: true }
    }
}

/// Why a device is lost, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost(String);

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost.0)
    }
}

/// One device as a backend.
pub struct Gpu {
    found: adapter::Found,
    settings: GpuSettings,
    /// `None` before it is opened and after it was lost.
    open: Mutex<Option<Arc<Device>>>,
    serves: Vec<AtomicBool>,
    state: Mutex<State>,
    known: Arc<[KnownAnswer]>,
    canary_trees: Mutex<CanaryTrees>,
    reference: Reference,
    checker: Checker,
}

/// Trees that the reference computed, by rule and hash.
type CanaryTrees = HashMap<(Row, Hash), Arc<(Leaves, [u8; 32])>>;

/// What is told of the device.
#[derive(Default)]
struct State {
    /// Rows there are kernels for; 0 before the device is opened.
    wanted: usize,
    /// How many of them have been tried.
    tried: usize,
    /// Those that could not be made ready: their known answers came out wrong, or the device was lost.
    failed: Vec<Row>,
    /// The last loss or lie.
    fault: Option<String>,
    times: Vec<DeviceTimes>,
}

/// The devices that a choice allows, in the order they are preferred.
#[must_use]
pub fn devices(choice: GpuChoice, settings: GpuSettings) -> Vec<Arc<Gpu>> {
    // A broken driver may panic while it is asked: then there is no device.
    let found = catch_unwind(|| adapter::chosen(choice)).unwrap_or_default();
    found.into_iter().map(|found| Arc::new(Gpu::new(found, settings))).collect()
}

/// Every adapter of this machine, in the order they are preferred, software ones last; none is opened.
#[must_use]
pub fn adapter_descriptions() -> Vec<AdapterDescription> {
    catch_unwind(adapter::adapters).unwrap_or_default().into_iter().map(|found| found.description).collect()
}

impl Gpu {
    pub(crate) fn new(found: adapter::Found, settings: GpuSettings) -> Self {
        Self {
            found,
            settings,
            open: Mutex::default(),
            serves: Row::ALL.iter().map(|_| AtomicBool::new(false)).collect(),
            state: Mutex::new(State { times: vec![DeviceTimes::default(); Row::ALL.len()], ..State::default() }),
            known: selftest::known_answers(),
            canary_trees: Mutex::default(),
            reference: Reference::new(),
            checker: Checker::new(),
        }
    }

    /// The adapter.
    #[must_use]
    pub fn description(&self) -> &AdapterDescription {
        &self.found.description
    }

    /// Bytes of buffers that the device holds now, and the most that one batch's buffers and each kernel's memory can take.
    #[must_use]
    pub fn memory(&self) -> u64 {
        lock(&self.open).as_ref().map_or(0, |device| device.bytes())
    }

    /// The device, opened anew if it was lost.
    fn device(&self) -> Result<Arc<Device>, Lost> {
        let mut open = lock(&self.open);
        if let Some(device) = open.as_ref().filter(|device| !device.loss.is()) {
            return Ok(Arc::clone(device));
        }
        *open = None;
        let device = Arc::new(Device::open(&self.found, self.settings)?);
        *open = Some(Arc::clone(&device));
        Ok(device)
    }

    /// Lets the device go: the next batch opens it anew. What other threads still have in flight ends as it ends.
    fn close(&self, device: &Arc<Device>, why: &str) {
        let mut open = lock(&self.open);
        if open.as_ref().is_some_and(|own| Arc::ptr_eq(own, device)) {
            *open = None;
        }
        drop(open);
        lock(&self.state).fault = Some(why.to_owned());
    }

    /// The kernels of a row under these parameters: the one that hashes for it, and its own.
    fn kernels(
        device: &Device,
        operation: &Operation,
        hash: Option<Hash>,
    ) -> Option<(Option<&'static Kernel>, &'static Kernel)> {
        let main = device.kernel(operation.kernel?)?;
        let hash = match (operation.messages, hash) {
            (Messages::DigestOr(_), Some(hash)) => Some(device.kernel(digest_kernel(hash))?),
            _ => None,
        };
        Some((hash, main))
    }

    /// The most items and message bytes of one batch of these kernels.
    fn batch_max(device: &Device, kernels: (Option<&'static Kernel>, &'static Kernel)) -> usize {
        let words = [kernels.0, Some(kernels.1)].into_iter().flatten().flat_map(|kernel| kernel.scratch_words).max();
        // The heaviest column that is no scratch: a signature and its padding.
        let bytes = u64::from(words.unwrap_or(0).max(20)) * 4;
        let fit = device.limits.max_storage_buffer_binding_size / bytes;
        // Canaries and the rounding of word-major rows.
        (fit as usize).saturating_sub(256).clamp(1, BATCH_ITEMS_MAX)
    }

    fn timeout(&self) -> Duration {
        let own = if self.found.description.kind == "software" { TIMEOUT_SOFTWARE } else { TIMEOUT };
        self.settings.timeout.unwrap_or(own)
    }

    /// Computes a range, a batch at a time.
    fn batches(
        &self,
        device: &Arc<Device>,
        bundle: &Bundle,
        range: Range<usize>,
        out: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let operation = bundle.operation();
        if operation.kind == Kind::Merkle {
            return self.trees(device, bundle, range, out);
        }
        let not_served = || Fault::NotServed(operation.name);
        let kernels = Self::kernels(device, operation, bundle.parameters().hash).ok_or_else(not_served)?;
        let items_max = Self::batch_max(device, kernels);
        let main = device.program(kernels.1)?;
        let hash = kernels.0.map(|kernel| device.program(kernel)).transpose()?;
        let mut rest = range.clone();
        while !rest.is_empty() {
            let batch = bundle.cut(rest.clone(), |load| load.items <= items_max && load.bytes <= BATCH_BYTES_MAX);
            let own = batch.start - range.start..batch.end - range.start;
            rest.start = batch.end;
            let width = out.width;
            let part = Output {
                verdicts: &mut out.verdicts[own.clone()],
                values: &mut out.values[own.start * width..own.end * width],
                width,
            };
            self.batch(device, bundle, batch, (hash.as_deref(), &main), part)?;
        }
        Ok(())
    }

    /// Computes one batch and says why it may be believed.
    fn batch(
        &self,
        device: &Arc<Device>,
        bundle: &Bundle,
        range: Range<usize>,
        (hash, main): (Option<&Program>, &Program),
        mut out: Output<'_>,
    ) -> Result<(), Fault> {
        let canaries = Canaries::of(&self.known, bundle);
        let stamp = device.stamp();
        let stage = Stage::new(&Plan {
            bundle,
            range: range.clone(),
            canaries: canaries.as_ref().map(Canaries::bundle),
            main: main.kernel,
            hash: hash.map(|program| program.kernel),
            stamp,
        });
        let is_first = [hash, Some(main)].into_iter().flatten().any(|program| !program.warm.load(Ordering::Relaxed));
        let timeout = if is_first { TIMEOUT_FIRST } else { self.timeout() };
        #[cfg(any(test, feature = "inject-faults"))]
        inject::before(device, self.timeout())?;
        let run = Run { stage: &stage, hash, main, timeout, dispatch: true };
        let mut slot = device.take_slot();
        let mut answers = trust::Answers::new(&stage, range.len(), stamp);
        let ran = slot.run(device, &run, |bytes| answers.take(bytes, &mut out));
        device.give_slot(slot);
        let times = ran?;
        #[cfg(any(test, feature = "inject-faults"))]
        inject::after(&mut answers, &mut out);
        for program in [hash, Some(main)].into_iter().flatten() {
            program.warm.store(true, Ordering::Relaxed);
        }
        answers.check(canaries.as_ref())?;
        if main.kernel.binds(Role::Arena) || hash.is_some() {
            self.hash_long(bundle, range.clone(), &mut out)?;
        }
        if bundle.operation().kind == Kind::Pow {
            Self::judge_work(bundle, range.clone(), &mut out);
        }
        self.checker.check(bundle, range, &out, stamp, canaries.is_some())?;
        self.took(bundle.operation().row, stage.items, times);
        Ok(())
    }

    /// Counts what the device took for a row, by its own clock.
    fn took(&self, row: Row, items: usize, times: DeviceTimes) {
        let own = &mut lock(&self.state).times[row.index()];
        *own = own.plus(DeviceTimes { items: items as u64, ..times });
    }

    /// The items whose messages are too long for a device.
    fn hash_long(&self, bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) -> Result<(), Fault> {
        let width = out.width;
        let mut at = 0;
        for (columns, items) in bundle.slices(range.clone()) {
            for item in items {
                if columns.message_len(item) > MESSAGE_BYTES_MAX {
                    let own = Output {
                        verdicts: &mut out.verdicts[at..=at],
                        values: &mut out.values[at * width..(at + 1) * width],
                        width,
                    };
                    own.values.fill(0);
                    self.reference.compute(bundle, range.start + at..range.start + at + 1, own)?;
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// Whether each header that was hashed has the work that is asked of it.
    fn judge_work(bundle: &Bundle, range: Range<usize>, out: &mut Output<'_>) {
        let row = bundle.operation().row;
        let items = bundle.slices(range).flat_map(|(columns, own)| own.map(move |item| (columns, item)));
        for (at, (columns, item)) in items.enumerate() {
            if out.verdicts[at] != Verdict::Valid.to_byte() {
                continue;
            }
            let value = &mut out.values[at * out.width..(at + 1) * out.width];
            let hash = || value[..].try_into().expect("a header's value is its hash");
            if let Err(reason) = pow::item(row, columns.key(item), columns.message(item), hash) {
                value.fill(0);
                out.verdict(at, Verdict::Invalid(reason));
            }
        }
    }

    /// Compiles a row's kernels and has it give its known answers. `Ok(false)`: no kernel for it here.
    fn prepare_row(&self, row: Row) -> Result<bool, Fault> {
        let device = self.device()?;
        let is_tree = row.operation().kind == Kind::Merkle;
        if is_tree && !self.prepare_trees(&device, row)? {
            return Ok(false);
        }
        for known in self.known.iter().filter(|known| known.row() == row) {
            let hash = known.bundle().parameters().hash;
            if !is_tree && Self::kernels(&device, row.operation(), hash).is_none() {
                return Ok(false);
            }
            let right = self.results(known.bundle()).map(|results| known.is_right(&results));
            if !right? {
                return Err(Fault::Wrong("a known answer"));
            }
        }
        Ok(true)
    }

    /// Notes what became of a row; gives it back if it failed.
    fn prepared(&self, row: Row, prepared: Result<bool, Fault>) -> Result<(), Row> {
        let mut state = lock(&self.state);
        state.tried += usize::from(!state.failed.contains(&row));
        state.failed.retain(|other| *other != row);
        match prepared {
            Ok(is_ready) => {
                self.serves[row.index()].fetch_or(is_ready, Ordering::Release);
                Ok(())
            }
            // The row stays with the others. A device that is really gone fails the next row too, each in its time.
            Err(fault) => {
                state.fault = Some(fault.to_string());
                state.failed.push(row);
                Err(row)
            }
        }
    }

    fn results(&self, bundle: &Bundle) -> Result<crate::batch::Results, Fault> {
        let mut results = crate::batch::Results::unwritten(bundle.items(), bundle.value_width());
        let width = results.width;
        let out = Output { verdicts: &mut results.verdicts, values: &mut results.values, width };
        self.compute_believed(bundle, 0..bundle.items(), out)?;
        Ok(results)
    }

    /// Computes, and lets the device go when it failed.
    fn compute_believed(&self, bundle: &Bundle, range: Range<usize>, mut out: Output<'_>) -> Result<(), Fault> {
        let device = match self.device() {
            Ok(device) => device,
            Err(lost) => {
                lock(&self.state).fault = Some(lost.0.clone());
                return Err(lost.into());
            }
        };
        let computed = catch_unwind(AssertUnwindSafe(|| self.batches(&device, bundle, range, &mut out)));
        let computed = computed.unwrap_or(Err(Fault::Broken));
        if let Err(fault) = &computed
            && !matches!(fault, Fault::NotServed(_))
        {
            device.loss.record(fault.to_string());
            self.close(&device, &fault.to_string());
        }
        computed
    }

    /// Rows that there are kernels for.
    fn rows(device: &Device, wanted: &[Row]) -> Vec<Row> {
        let has_kernel = |row: &Row| match row.operation().kind {
            Kind::Merkle => tree::rule(*row).is_some(),
            _ => row.operation().kernel.is_some_and(|name| device.kernel(name).is_some()),
        };
        let is_known = |row: &Row| wanted.contains(row) && has_kernel(row);
        // Digests first: signature kernels hash with them, and they are ready soonest.
        let mut rows: Vec<Row> = Row::ALL.into_iter().filter(is_known).collect();
        rows.sort_by_key(|row| row.operation().kind != Kind::Digest);
        rows
    }
}

impl Backend for Gpu {
    fn name(&self) -> BackendName {
        BackendName::Gpu
    }

    fn serves(&self, row: Row) -> bool {
        self.serves[row.index()].load(Ordering::Acquire)
    }

    fn compute(&self, bundle: &Bundle, range: Range<usize>, out: Output<'_>) -> Result<(), Fault> {
        self.compute_believed(bundle, range, out)
    }

    fn own_threads(&self) -> usize {
        RING_SLOTS
    }

    fn prepare(&self, wanted: &[Row], ready: &dyn Fn(Row) -> ControlFlow<()>) -> Vec<Row> {
        let rows = match self.device() {
            Ok(device) => Self::rows(&device, wanted),
            Err(lost) => {
                lock(&self.state).fault = Some(lost.0);
                return wanted.to_vec();
            }
        };
        {
            let mut state = lock(&self.state);
            let again = rows.iter().filter(|row| state.failed.contains(row)).count();
            state.wanted += rows.len() - again;
        }
        let mut failed = Vec::new();
        let (next, stops) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, prepared) = mpsc::channel();
        let prepare = |sender: mpsc::Sender<_>| {
            while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed))
                && !stops.load(Ordering::Relaxed)
            {
                let _ = sender.send((*row, self.prepare_row(*row)));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..preparing_threads().min(rows.len()) {
                let (prepare, sender) = (&prepare, sender.clone());
                scope.spawn(move || prepare(sender));
            }
            drop(sender);
            for (row, prepared) in prepared {
                let is_ready = matches!(prepared, Ok(true));
                failed.extend(self.prepared(row, prepared).err());
                if is_ready && ready(row).is_break() {
                    stops.store(true, Ordering::Relaxed);
                }
            }
        });
        failed
    }

    fn amiss(&self) -> Option<String> {
        let state = lock(&self.state);
        if !state.failed.is_empty() {
            let names: Vec<_> = state.failed.iter().map(|row| row.name()).collect();
            let why = state.fault.as_deref().unwrap_or_default();
            return Some(format!("could not be made ready for {} ({why})", names.join(", ")));
        }
        if let (0, Some(fault)) = (state.wanted, &state.fault) {
            return Some(fault.clone());
        }
        let is_preparing = state.tried < state.wanted || state.wanted == 0;
        is_preparing.then(|| format!("{} of {} operations ready", state.tried, state.wanted))
    }

    fn device_times(&self, row: Row) -> Option<DeviceTimes> {
        Some(lock(&self.state).times[row.index()])
    }

    fn note(&self) -> Option<String> {
        let state = lock(&self.state);
        let description = &self.found.description;
        let mut note = format!("{} ({}, {})", description.name, description.kind, description.driver);
        if !description.int64 {
            note.push_str(", no 64-bit integers: hashing only");
        }
        if let Some(fault) = &state.fault {
            note.push_str(&format!(", last fault: {fault}"));
        }
        Some(note)
    }
}

/// Threads that compile kernels side by side: half the cores, since the CPU serves meanwhile, and no more than there are
/// kernels that take long.
fn preparing_threads() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).clamp(1, 8)
}

/// The digest row's kernel that a message hash is.
fn digest_kernel(hash: Hash) -> &'static str {
    Operation::from_name(hash.name()).and_then(|operation| operation.kernel).unwrap_or(hash.name())
}
