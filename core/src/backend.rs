//! What a backend is, and which this machine has: [`detect`] looks once, at the start, and says aloud what it found.

use std::any::Any;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Duration;

use assay_scheme::{Keys, Row, Verdict};

use crate::batch::Bundle;
use crate::lanes::{CurveLevel, Lanes, Level};
use crate::reference::Reference;

/// A backend's name: on the command line, in the status and as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum BackendName {
    /// The well-kept libraries: the oracle and the fallback.
    Reference = 0,
    /// Vector lanes on the CPU.
    Lanes = 1,
    /// Compute shaders.
    Gpu = 2,
}

impl BackendName {
    /// Every backend there is a name for, also where this build or machine lacks it.
    pub const ALL: [Self; 3] = [Self::Reference, Self::Lanes, Self::Gpu];

    /// The word used everywhere a person meets the backend.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Lanes => "lanes",
            Self::Gpu => "gpu",
        }
    }

    /// The backend with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name)
    }
}

/// A backend could not compute what it was given. Never a verdict: another backend computes it instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The row is not one this backend serves.
    #[error("{0} is not served by this backend")]
    NotServed(&'static str),
    /// The backend's computation stopped in a way that says nothing about the items.
    #[error("the computation broke off")]
    Broken,
    /// The device behind the backend is gone, hung or out of memory.
    #[error("the device is lost: {0}")]
    Lost(String),
    /// The backend gave an answer that is known to be wrong.
    #[error("{0} came out wrong")]
    Wrong(&'static str),
}

/// Where a backend writes: verdict bytes and values of the items it was given, all zero before.
#[derive(Debug)]
pub struct Output<'a> {
    /// One byte an item.
    pub verdicts: &'a mut [u8],
    /// `width` bytes an item.
    pub values: &'a mut [u8],
    /// Bytes of a value.
    pub width: usize,
}

impl Output<'_> {
    /// Writes item `item`'s verdict (counted from the first item given). Its value stays zero.
    pub fn verdict(&mut self, item: usize, verdict: Verdict) {
        self.verdicts[item] = verdict.to_byte();
    }

    /// Writes item `item`'s value, and that it is valid.
    pub fn value(&mut self, item: usize, value: &[u8]) {
        self.values[item * self.width..(item + 1) * self.width].copy_from_slice(value);
        self.verdicts[item] = Verdict::Valid.to_byte();
    }

    /// Writes that these items are valid; their values, end to end, are the caller's to fill.
    pub(crate) fn valid_values(&mut self, items: Range<usize>) -> &mut [u8] {
        self.verdicts[items.clone()].fill(Verdict::Valid.to_byte());
        &mut self.values[items.start * self.width..items.end * self.width]
    }
}

/// Computes items. Called from several threads at once; blocks until done.
pub trait Backend: Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> BackendName;

    /// Whether it computes this row.
    fn serves(&self, row: Row) -> bool;

    /// Computes the bundle's items `range`, writing each one's verdict (and value) into `out`, which holds exactly those.
    ///
    /// # Errors
    /// When the items could not be computed; what was written is then ignored.
    fn compute(&self, bundle: &Bundle, range: Range<usize>, out: Output<'_>) -> Result<(), Fault>;

    /// Threads of its own that take items from the queue and wait for a device; 0 where the CPU's workers compute.
    fn own_threads(&self) -> usize {
        0
    }

    /// Makes ready what these rows need, which takes long, row after row, each served once its known answers came out right;
    /// `ready` hears of each, and says whether to go on. Called on a thread that has nothing else to do, where there are
    /// threads of its own: first with all rows, then after pauses with those that could not be made ready, which it gives back.
    fn prepare(&self, _rows: &[Row], _ready: &dyn Fn(Row) -> ControlFlow<()>) -> Vec<Row> {
        Vec::new()
    }

    /// What it is now, for people, where that changes.
    fn note(&self) -> Option<String> {
        None
    }

    /// Why it does less than it could, for people, where that is so.
    fn amiss(&self) -> Option<String> {
        None
    }

    /// What its devices took for a row since the start, by their own clocks, where they have any.
    fn device_times(&self, _row: Row) -> Option<DeviceTimes> {
        None
    }

    /// Bytes that the table of one key of this row takes while it is kept ready; 0 where the backend keeps none.
    fn table_bytes(&self, _row: Row) -> usize {
        0
    }

    /// Makes the tables of these keys ready, so that items that bear them cost less; blocks until they are. Asked only for a
    /// row whose [`Backend::table_bytes`] is not 0. A table is a hint: with it and without it every verdict is the same.
    ///
    /// Keys that somebody else holds too may share a table, which goes when the last of them lets it go.
    fn preload(&self, _row: Row, _keys: &Keys) -> Option<Preloaded> {
        None
    }

    /// What it puts off, where it does: an engine has a thread do it that steps back behind all others. Undone it costs
    /// speed and nothing else.
    fn chores(&self) -> Option<Arc<dyn Chores>> {
        None
    }
}

/// Work that a backend puts off so that no call waits for it. What is kept of it is bounded.
pub trait Chores: Send + Sync {
    /// Does some of it, at most for about as long as a quantum of items takes; whether there was any.
    fn work(&self) -> bool;

    /// Waits until somebody woke it more often than `heard`, as who has work for it does; how often that was.
    fn wait(&self, heard: u64) -> u64;

    /// Wakes whoever waits.
    fn wake(&self);
}

/// Tables of known keys, ready as long as this is kept. Dropping it lets them go.
pub struct Preloaded {
    /// A byte a key, in order: [`Verdict::Valid`] when its table is ready, or the reason its row refuses the key with.
    pub verdicts: Vec<u8>,
    /// Bytes of the tables that are ready, each counted though another holder may share it.
    pub bytes: usize,
    /// Whatever keeps them.
    pub hold: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Preloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preloaded")
            .field("verdicts", &self.verdicts)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Which graphics devices may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuChoice {
    /// None: no graphics library is loaded.
    #[default]
    Off,
    /// All that are hardware, discrete before integrated ones. A software device is never among them.
    Hardware,
    /// The software devices alone: the CPU in a graphics driver's clothes, for tests and for trying out.
    Software,
}

impl GpuChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Off, Self::Hardware, Self::Software];

    /// The word on the command line and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Hardware => "hardware",
            Self::Software => "software",
        }
    }

    /// The choice with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// What a backend's devices did of one row, by their own clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceTimes {
    /// Batches.
    pub batches: u64,
    /// Items, those with known answers included.
    pub items: u64,
    /// From the host's memory into the device's.
    pub upload: Duration,
    /// All passes of the kernels.
    pub kernel: Duration,
    /// Back into the host's memory.
    pub readback: Duration,
}

impl DeviceTimes {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            batches: self.batches + other.batches,
            items: self.items + other.items,
            upload: self.upload + other.upload,
            kernel: self.kernel + other.kernel,
            readback: self.readback + other.readback,
        }
    }
}

/// What [`detect`] found out about one backend: the proof that somebody looked, which an engine demands. Made by
/// [`detect`] alone.
#[derive(Clone)]
pub struct Detected {
    name: BackendName,
    backend: Result<Arc<dyn Backend>, &'static str>,
    note: String,
}

impl Detected {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> BackendName {
        self.name
    }

    /// The backend.
    ///
    /// # Errors
    /// What is missing, for people.
    pub fn backend(&self) -> Result<&Arc<dyn Backend>, &'static str> {
        self.backend.as_ref().map_err(|reason| *reason)
    }

    /// What it is and runs on, for people.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// A backend that a test made up.
    #[cfg(test)]
    pub(crate) fn for_test(backend: Arc<dyn Backend>) -> Self {
        Self { name: backend.name(), backend: Ok(backend), note: "made up".to_owned() }
    }
}

/// Bytes that tables of known keys may take where nobody says otherwise.
pub const KEY_TABLE_BYTES: usize = 64 << 20;

/// Looks for every backend there is a name for; the last resort first. There is one for each graphics device.
#[must_use]
pub fn detect(gpu: GpuChoice) -> Vec<Detected> {
    detect_with(KEY_TABLE_BYTES, gpu)
}

/// The same, with room for tables of keys that keep coming; with 0 bytes only those that were preloaded have any.
#[must_use]
pub fn detect_with(key_table_bytes: usize, gpu: GpuChoice) -> Vec<Detected> {
    let mut found = vec![
        Detected {
            name: BackendName::Reference,
            backend: Ok(Arc::new(Reference::new())),
            note: format!("well-kept libraries on {}", cpu_note()),
        },
        match Level::detect() {
            Some(hashes) => {
                let lanes = Lanes::new(hashes, CurveLevel::detect(), key_table_bytes);
                Detected { name: BackendName::Lanes, note: lanes.note(), backend: Ok(Arc::new(lanes)) }
            }
            None => missing(
                BackendName::Lanes,
                "the lanes need AVX2 or AVX-512, which this processor lacks: the reference libraries serve",
            ),
        },
    ];
    found.extend(detect_gpus(gpu));
    found
}

fn missing(name: BackendName, reason: &'static str) -> Detected {
    Detected { name, backend: Err(reason), note: reason.to_owned() }
}

#[cfg(not(feature = "gpu"))]
fn detect_gpus(_: GpuChoice) -> Vec<Detected> {
    vec![missing(BackendName::Gpu, "this build has no compute shaders")]
}

/// The most graphics devices used at once: with the CPU's backends they fill the queue's slots.
#[cfg(feature = "gpu")]
const GPUS_MAX: usize = crate::queue::SLOTS_MAX - 2;

#[cfg(feature = "gpu")]
fn detect_gpus(choice: GpuChoice) -> Vec<Detected> {
    let reason = match choice {
        GpuChoice::Off => "graphics devices are not asked for",
        GpuChoice::Hardware => "no graphics device is there; a software one serves only when asked for by name",
        GpuChoice::Software => "no software graphics device is there: install mesa-vulkan-drivers and libvulkan1",
    };
    let devices = crate::gpu::devices(choice, crate::gpu::GpuSettings::default());
    if devices.is_empty() {
        return vec![missing(BackendName::Gpu, reason)];
    }
    let found = |device: Arc<crate::gpu::Gpu>| Detected {
        name: BackendName::Gpu,
        note: device.note().unwrap_or_default(),
        backend: Ok(device),
    };
    devices.into_iter().take(GPUS_MAX).map(found).collect()
}

/// The processor and what it offers to vector code, for people: `x86_64, sha, avx2, avx512f, no avx512ifma`.
fn cpu_note() -> String {
    let mut words = vec![std::env::consts::ARCH.to_owned()];
    let mut feature =
        |name: &str, is_there: bool| words.push(if is_there { name.into() } else { format!("no {name}") });
    #[cfg(target_arch = "x86_64")]
    {
        feature("sha", std::arch::is_x86_feature_detected!("sha"));
        feature("avx2", std::arch::is_x86_feature_detected!("avx2"));
        feature("avx512f", std::arch::is_x86_feature_detected!("avx512f"));
        feature("avx512ifma", std::arch::is_x86_feature_detected!("avx512ifma"));
    }
    #[cfg(target_arch = "aarch64")]
    {
        feature("sha2", std::arch::is_aarch64_feature_detected!("sha2"));
        feature("neon", std::arch::is_aarch64_feature_detected!("neon"));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    feature("vector code", false);
    words.join(", ")
}
