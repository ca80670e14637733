//! Which graphics adapters this machine has, in the order they are preferred.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::backend::GpuChoice;
use wgpu::{Adapter, Backends, DeviceType, Features, Instance, InstanceDescriptor, InstanceFlags};

/// An adapter as people and the router see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterDescription {
    /// The device's own name.
    pub name: String,
    /// discrete, integrated, virtual, software or other.
    pub kind: &'static str,
    /// The driver and its version.
    pub driver: String,
    /// Whether it has 64-bit integers: without them it hashes only.
    pub int64: bool,
    /// Whether it can say how long a kernel ran.
    pub timestamps: bool,
    /// Bytes of the largest binding.
    pub binding_bytes_max: u64,
    /// Bytes of the largest buffer.
    pub buffer_bytes_max: u64,
    /// Workgroups in one dimension of a dispatch.
    pub workgroups_max: u32,
    /// Storage buffers that one kernel may bind.
    pub storage_buffers_max: u32,
}

/// An adapter that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) adapter: Adapter,
    pub(crate) description: AdapterDescription,
}

/// What a shader must be able to do beyond the least: 64-bit integers, and clocks around a kernel.
pub(super) const FEATURES_WANTED: Features =
    Features::SHADER_INT64.union(Features::TIMESTAMP_QUERY).union(Features::TIMESTAMP_QUERY_INSIDE_ENCODERS);

/// The adapters of this machine, discrete ones first, software ones last.
pub(crate) fn adapters() -> Vec<Found> {
    // The library's own validation layers are for debugging it.
    let descriptor = InstanceDescriptor {
        backends: Backends::VULKAN,
        flags: InstanceFlags::empty(),
        ..InstanceDescriptor::new_without_display_handle()
    };
    let instance = Instance::new(descriptor);
    let mut found: Vec<Found> = await_ready(instance.enumerate_adapters(Backends::VULKAN))
        .into_iter()
        .map(|adapter| Found { description: describe(&adapter), adapter })
        .collect();
    found.sort_by_key(|found| rank(found.adapter.get_info().device_type));
    found
}

/// Those of them that a choice allows.
pub(crate) fn chosen(choice: GpuChoice) -> Vec<Found> {
    if choice == GpuChoice::Off || (choice == GpuChoice::Hardware && !may_have_hardware()) {
        return Vec::new();
    }
    let software = choice == GpuChoice::Software;
    let mut found = adapters();
    found.retain(|found| (found.adapter.get_info().device_type == DeviceType::Cpu) == software);
    found
}

/// Whether the system has a node of any graphics driver. Where it has none, no graphics library is loaded: that takes time,
/// and some of their layers complain on stderr of a machine without a screen.
fn may_have_hardware() -> bool {
    const NODES: [&str; 4] = ["/dev/dri", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg"];
    !cfg!(target_os = "linux") || NODES.iter().any(|node| std::path::Path::new(node).exists())
}

fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::VirtualGpu => 1,
        DeviceType::IntegratedGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn describe(adapter: &Adapter) -> AdapterDescription {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::Other => "other",
        DeviceType::Cpu => "software",
    };
    AdapterDescription {
        name: info.name,
        kind,
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        int64: features.contains(Features::SHADER_INT64),
        timestamps: features.contains(FEATURES_WANTED.difference(Features::SHADER_INT64)),
        binding_bytes_max: limits.max_storage_buffer_binding_size,
        buffer_bytes_max: limits.max_buffer_size,
        workgroups_max: limits.max_compute_workgroups_per_dimension,
        storage_buffers_max: limits.max_storage_buffers_per_shader_stage,
    }
}

/// The output of a future that has nothing to wait for: the library's are futures only where a browser is in between.
pub(super) fn await_ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
