//! An adapter opened: its queue, its compiled kernels, its buffers, and what became known of its loss.
//!
//! Whatever goes wrong on a device — the driver's word, an error nobody caught, a wait that took too long — is a loss: the
//! device is dropped as a whole and opened anew. Nothing here panics over a device.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use assay_shaders::{Kernel, Role};
use wgpu::util::DeviceExt as _;
use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, Buffer, BufferBindingType,
    BufferDescriptor, BufferUsages, ComputePipeline, ComputePipelineDescriptor, DeviceDescriptor, Features, Limits,
    MemoryHints, PipelineCompilationOptions, PipelineLayoutDescriptor, PollType, Queue, ShaderModuleDescriptor,
    ShaderSource, ShaderStages,
};

use super::adapter::{FEATURES_WANTED, Found, await_ready};
use super::slot::Slot;
use super::{GpuSettings, Lost, raw};
use crate::pool::lock;

/// Whether shaders check their loads, stores and loops at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// All on: how tests run them first.
    Checked,
    /// All off: how they serve.
    Unchecked,
}

/// The most a binding is made to hold, whatever the adapter offers. Larger: one batch takes more of the device's memory.
/// Smaller: kernels with large tables an item take fewer items at a time.
const BINDING_BYTES_MAX: u64 = 1 << 30;

/// How long a thread sleeps between looks at whether its batch has ended: a share of what it has waited so far, within
/// bounds. Shorter: it wakes for nothing. Longer: the device stands idle while answers wait.
const LOOK_SHARE: u32 = 16;
const LOOK_MIN: Duration = Duration::from_micros(30);
const LOOK_MAX: Duration = Duration::from_millis(1);

/// Why a device is lost, once it is.
#[derive(Debug, Default)]
pub(super) struct Loss {
    is: AtomicBool,
    why: OnceLock<String>,
}

impl Loss {
    pub(super) fn record(&self, why: String) {
        // The first reason is the cause, the others are its consequences.
        let _ = self.why.set(why);
        self.is.store(true, Ordering::Release);
    }

    pub(super) fn is(&self) -> bool {
        self.is.load(Ordering::Acquire)
    }

    pub(super) fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }
}

/// A compiled kernel.
pub(super) struct Program {
    pub(super) kernel: &'static Kernel,
    pub(super) layout: BindGroupLayout,
    /// In the order of the kernel's passes.
    pub(super) pipelines: Vec<ComputePipeline>,
    pub(super) table: Option<Buffer>,
    /// Whether a batch of it has ended: drivers also compile at the first one.
    pub(super) warm: AtomicBool,
}

/// What the device itself owns, to be dropped as a whole.
struct Parts {
    device: wgpu::Device,
    queue: Queue,
}

/// An open device.
pub(super) struct Device {
    parts: Option<Parts>,
    pub(super) loss: Arc<Loss>,
    checks: Checks,
    int64: bool,
    timestamps: bool,
    pub(super) limits: Limits,
    /// By name; a kernel that two threads want is compiled by one of them, while the other waits.
    programs: Mutex<HashMap<&'static str, Arc<OnceLock<Arc<Program>>>>>,
    /// The kernels' own memory; one batch after another uses it, in the queue's order.
    scratch: Mutex<[Option<Buffer>; 2]>,
    /// Slots that no batch is in.
    slots: Mutex<Vec<Slot>>,
    stamp: AtomicU32,
}

impl Device {
    /// Opens an adapter with no more than is needed of it.
    pub(super) fn open(found: &Found, settings: GpuSettings) -> Result<Self, Lost> {
        let adapter = &found.adapter;
        let mut features = adapter.features() & FEATURES_WANTED;
        features.set(Features::SHADER_INT64, settings.int64 && features.contains(Features::SHADER_INT64));
        let offered = adapter.limits();
        let limits = Limits {
            max_storage_buffers_per_shader_stage: offered.max_storage_buffers_per_shader_stage.min(16),
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size.min(BINDING_BYTES_MAX),
            max_buffer_size: offered.max_buffer_size.min(BINDING_BYTES_MAX),
            min_storage_buffer_offset_alignment: offered.min_storage_buffer_offset_alignment,
            ..Limits::downlevel_defaults().or_worse_values_from(&offered)
        };
        let descriptor = DeviceDescriptor {
            label: Some("assay"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: MemoryHints::Performance,
            ..DeviceDescriptor::default()
        };
        let opened = await_ready(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| Lost(format!("the device does not open: {error}")))?;
        let loss = Arc::new(Loss::default());
        let told = Arc::clone(&loss);
        device.set_device_lost_callback(move |reason, message| told.record(format!("{reason:?}: {message}")));
        let told = Arc::clone(&loss);
        device.on_uncaptured_error(Arc::new(move |error| told.record(error.to_string())));
        Ok(Self {
            parts: Some(Parts { device, queue }),
            loss,
            checks: settings.checks,
            int64: features.contains(Features::SHADER_INT64),
            timestamps: features.contains(FEATURES_WANTED.difference(Features::SHADER_INT64)),
            limits,
            programs: Mutex::default(),
            scratch: Mutex::default(),
            slots: Mutex::default(),
            stamp: AtomicU32::new(0),
        })
    }

    pub(super) fn wgpu(&self) -> &wgpu::Device {
        &self.parts.as_ref().expect("taken in drop alone").device
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.parts.as_ref().expect("taken in drop alone").queue
    }

    pub(super) fn timestamps(&self) -> bool {
        self.timestamps
    }

    /// A number that marks one batch's verdicts: the low byte is free, and it is never zero.
    pub(super) fn stamp(&self) -> u32 {
        let count = self.stamp.fetch_add(1, Ordering::Relaxed) % 0x00ff_ffff;
        (count + 1) << 8
    }

    /// Whether the device was lost, and why.
    pub(super) fn check(&self) -> Result<(), Lost> {
        if self.loss.is() { Err(Lost(self.loss.why())) } else { Ok(()) }
    }

    /// Records a loss and gives it back.
    pub(super) fn lose(&self, why: String) -> Lost {
        self.loss.record(why);
        Lost(self.loss.why())
    }

    /// Whether a kernel of this name can run here.
    pub(super) fn kernel(&self, name: &str) -> Option<&'static Kernel> {
        let kernel = assay_shaders::kernel(name, self.int64)?;
        let storage = kernel.bindings.iter().filter(|binding| binding.role != Role::Parameters).count();
        (storage as u32 <= self.limits.max_storage_buffers_per_shader_stage).then_some(kernel)
    }

    /// The compiled kernel; compiles it the first time.
    pub(super) fn program(&self, kernel: &'static Kernel) -> Result<Arc<Program>, Lost> {
        let own = Arc::clone(lock(&self.programs).entry(kernel.name).or_default());
        // Not under the lock: other kernels are in use while this one compiles.
        let program = own.get_or_init(|| Arc::new(self.compile(kernel)));
        self.check()?;
        Ok(Arc::clone(program))
    }

    /// Whether a batch of the kernel with this name has ended since the device was opened.
    pub(super) fn is_warm(&self, name: &str) -> bool {
        let programs = lock(&self.programs);
        programs.get(name).and_then(|own| own.get()).is_some_and(|program| program.warm.load(Ordering::Relaxed))
    }

    fn compile(&self, kernel: &'static Kernel) -> Program {
        let device = self.wgpu();
        let descriptor =
            ShaderModuleDescriptor { label: Some(kernel.name), source: ShaderSource::Wgsl(kernel.source.into()) };
        let module = match self.checks {
            Checks::Checked => device.create_shader_module(descriptor),
            Checks::Unchecked => raw::create_unchecked(device, descriptor),
        };
        let entries: Vec<_> = kernel
            .bindings
            .iter()
            .map(|binding| BindGroupLayoutEntry {
                binding: binding.role as u32,
                visibility: ShaderStages::COMPUTE,
                ty: BindingType::Buffer {
                    ty: match binding.role {
                        Role::Parameters => BufferBindingType::Uniform,
                        _ => BufferBindingType::Storage { read_only: !binding.writable },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout =
            device.create_bind_group_layout(&BindGroupLayoutDescriptor { label: Some(kernel.name), entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: Some(kernel.name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipelines = kernel
            .passes
            .iter()
            .map(|pass| {
                device.create_compute_pipeline(&ComputePipelineDescriptor {
                    label: Some(pass.entry),
                    layout: Some(&pipeline_layout),
                    module: &module,
                    entry_point: Some(pass.entry),
                    compilation_options: PipelineCompilationOptions {
                        zero_initialize_workgroup_memory: false,
                        ..PipelineCompilationOptions::default()
                    },
                    cache: None,
                })
            })
            .collect();
        let table = (!kernel.table.is_empty()).then(|| {
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(kernel.name),
                contents: kernel.table,
                usage: BufferUsages::STORAGE,
            })
        });
        Program { kernel, layout, pipelines, table, warm: AtomicBool::new(false) }
    }

    /// A buffer. When there is no memory for it the device is lost, which the next check says.
    pub(super) fn buffer(&self, label: &'static str, bytes: u64, usage: BufferUsages, mapped: bool) -> Buffer {
        let descriptor = BufferDescriptor { label: Some(label), size: bytes, usage, mapped_at_creation: mapped };
        self.wgpu().create_buffer(&descriptor)
    }

    /// The kernels' own memory, at least this many bytes of each.
    pub(super) fn scratch(&self, bytes: [u64; 2]) -> [Option<Buffer>; 2] {
        let mut scratch = lock(&self.scratch);
        for (own, bytes) in scratch.iter_mut().zip(bytes) {
            if bytes > own.as_ref().map_or(0, Buffer::size) {
                *own = Some(self.buffer("scratch", bytes.next_multiple_of(1 << 20), BufferUsages::STORAGE, false));
            }
        }
        scratch.clone()
    }

    /// Waits until a batch has ended, which its own callbacks say. By looking, not by the driver's wait: on NVIDIA's, whoever
    /// submits or records stands still while another thread is in that, and batches no longer overlap.
    pub(super) fn wait(&self, has_ended: impl Fn() -> bool, timeout: Duration) -> Result<(), Lost> {
        let mut waited = Duration::ZERO;
        loop {
            if let Err(error) = self.wgpu().poll(PollType::Poll) {
                return Err(self.lose(format!("a batch did not end: {error}")));
            }
            self.check()?;
            if has_ended() {
                return Ok(());
            }
            if waited >= timeout {
                return Err(self.lose(format!("a batch did not end in {timeout:?}")));
            }
            let turn = (waited / LOOK_SHARE).clamp(LOOK_MIN, LOOK_MAX);
            std::thread::sleep(turn);
            waited += turn;
        }
    }

    /// A slot for one batch: one that is free, or a new one.
    pub(super) fn take_slot(&self) -> Slot {
        lock(&self.slots).pop().unwrap_or_default()
    }

    /// Gives a slot back, also a broken one: it goes when the device goes.
    pub(super) fn give_slot(&self, slot: Slot) {
        lock(&self.slots).push(slot);
    }

    /// Bytes of buffers that this device holds now.
    pub(super) fn bytes(&self) -> u64 {
        let scratch: u64 = lock(&self.scratch).iter().flatten().map(Buffer::size).sum();
        let slots: u64 = lock(&self.slots).iter().map(Slot::bytes).sum();
        let tables = |program: &Arc<Program>| program.table.as_ref().map_or(0, Buffer::size);
        let programs = lock(&self.programs);
        scratch + slots + programs.values().filter_map(|own| own.get()).map(tables).sum::<u64>()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let held = (
            self.parts.take(),
            std::mem::take(&mut *lock(&self.programs)),
            std::mem::take(&mut *lock(&self.scratch)),
            std::mem::take(&mut *lock(&self.slots)),
        );
        if !self.loss.is() {
            return drop(held);
        }
        // A queue waits for its work when it goes, and a lost device's may never end: nobody waits with it.
        let reaper = std::thread::Builder::new().name("assay-gpu-reap".to_owned());
        let _ = reaper.spawn(move || {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(held)));
        });
    }
}
