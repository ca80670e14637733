//! One slot of a device's ring: the memory that a batch passes through. Upload, compute and readback of different slots
//! overlap, because each has buffers of its own and the queue is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use assay_shaders::Role;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding, BufferUsages,
    CommandEncoder, CommandEncoderDescriptor, ComputePassDescriptor, MapMode, QuerySet, QuerySetDescriptor, QueryType,
};

use super::Lost;
use super::device::{Device, Program};
use super::stage::{Stage, VERDICT_BYTES};
use crate::backend::DeviceTimes;

/// Clock readings around a batch: before and after the upload, the kernels and the readback.
const READINGS: u32 = 4;
pub(super) const READING_BYTES: u64 = 8 * READINGS as u64;

/// The device's clock around a batch.
pub(super) struct Clock {
    set: QuerySet,
    resolved: Buffer,
}

impl Clock {
    /// `None` where the device has none.
    pub(super) fn new(device: &Device) -> Option<Self> {
        device.timestamps().then(|| Self {
            set: device.wgpu().create_query_set(&QuerySetDescriptor {
                label: Some("clock"),
                ty: QueryType::Timestamp,
                count: READINGS,
            }),
            resolved: device.buffer(
                "clock",
                READING_BYTES,
                BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
                false,
            ),
        })
    }

    pub(super) fn read(&self, encoder: &mut CommandEncoder, reading: u32) {
        encoder.write_timestamp(&self.set, reading);
    }

    /// Puts the readings behind what is read back.
    pub(super) fn resolve(&self, encoder: &mut CommandEncoder, readback: &Buffer, at: u64) {
        encoder.resolve_query_set(&self.set, 0..READINGS, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, readback, at, READING_BYTES);
    }
}

/// The smallest buffer: small batches do not make the buffers grow one after another.
const BUFFER_BYTES_MIN: u64 = 1 << 16;

/// The buffers of a slot, made when first needed and larger when a batch is.
#[derive(Default)]
pub(super) struct Slot {
    /// Mapped whenever no batch is in the slot.
    upload: Option<Buffer>,
    input: Option<Buffer>,
    /// Digests that the main kernel reads; the kernel before it wrote them.
    digests: Option<Buffer>,
    output: Option<Buffer>,
    readback: Option<Buffer>,
    clock: Option<Clock>,
}

/// What is run on a stage: the kernels in order. The last one is the row's own; one before it hashes messages.
pub(super) struct Run<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) hash: Option<&'a Program>,
    pub(super) main: &'a Program,
    pub(super) timeout: Duration,
    /// For tests: nothing is dispatched, as if the device had swallowed the work.
    pub(super) dispatch: bool,
}

impl Slot {
    /// Bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        let own = [&self.upload, &self.input, &self.digests, &self.output, &self.readback];
        own.into_iter().flatten().map(Buffer::size).sum()
    }

    /// Uploads what `fill` writes, runs the kernels, and hands the output's bytes to `read`: verdict words, then values.
    pub(super) fn run(
        &mut self,
        device: &Device,
        run: &Run<'_>,
        read: impl FnOnce(&[u8]),
    ) -> Result<DeviceTimes, Lost> {
        let stage = run.stage;
        self.make_room(device, stage);
        device.check()?;
        let upload = self.upload.as_ref().ok_or_else(|| device.lose("no staging".to_owned()))?;
        {
            let mut mapped = upload
                .slice(..stage.input_bytes)
                .get_mapped_range_mut()
                .map_err(|error| device.lose(format!("staging is not mapped: {error}")))?;
            stage.write(&mut mapped);
        }
        upload.unmap();
        let mut encoder = device.wgpu().create_command_encoder(&CommandEncoderDescriptor { label: Some("batch") });
        self.encode(device, run, &mut encoder);
        device.queue().submit([encoder.finish()]);
        device.check()?;
        let bytes = stage.read_bytes() + if self.clock.is_some() { READING_BYTES } else { 0 };
        let readback = self.readback.as_ref().expect("made above");
        // How many of the two came back, and how many did not.
        let came = Arc::new([AtomicU8::new(0), AtomicU8::new(0)]);
        for (buffer, mode, bytes) in [(upload, MapMode::Write, upload.size()), (readback, MapMode::Read, bytes)] {
            let came = Arc::clone(&came);
            buffer.map_async(mode, ..bytes, move |result| {
                came[usize::from(result.is_err())].fetch_add(1, Ordering::AcqRel);
            });
        }
        let count = |which: usize| came[which].load(Ordering::Acquire);
        device.wait(|| count(0) + count(1) == 2, run.timeout)?;
        if count(0) != 2 {
            return Err(device.lose("a batch's memory did not come back".to_owned()));
        }
        let times = {
            let view = readback
                .slice(..bytes)
                .get_mapped_range()
                .map_err(|error| device.lose(format!("the answers are not mapped: {error}")))?;
            let (answers, readings) = view.split_at(stage.read_bytes() as usize);
            read(answers);
            times(readings, device.queue().get_timestamp_period())
        };
        readback.unmap();
        device.check()?;
        Ok(times)
    }

    /// Buffers large enough for a stage.
    fn make_room(&mut self, device: &Device, stage: &Stage<'_>) {
        let clock = if device.timestamps() { READING_BYTES } else { 0 };
        let fit = |own: &mut Option<Buffer>, label, bytes: u64, usage, mapped| {
            if bytes > own.as_ref().map_or(0, Buffer::size) {
                let room = bytes.next_power_of_two().clamp(BUFFER_BYTES_MIN, device.limits.max_buffer_size.max(bytes));
                *own = Some(device.buffer(label, room, usage, mapped));
            }
        };
        let (copy_in, copy_out) = (BufferUsages::COPY_DST, BufferUsages::COPY_SRC);
        fit(&mut self.upload, "upload", stage.input_bytes, BufferUsages::MAP_WRITE | copy_out, true);
        let inputs = BufferUsages::STORAGE | BufferUsages::UNIFORM | copy_in;
        fit(&mut self.input, "input", stage.input_bytes, inputs, false);
        if stage.digest_bytes > 0 {
            fit(&mut self.digests, "digests", stage.digest_bytes, BufferUsages::STORAGE, false);
        }
        fit(&mut self.output, "output", stage.output_bytes, BufferUsages::STORAGE | copy_in | copy_out, false);
        fit(&mut self.readback, "readback", stage.read_bytes() + clock, BufferUsages::MAP_READ | copy_in, false);
        if self.clock.is_none() {
            self.clock = Clock::new(device);
        }
    }

    fn encode(&self, device: &Device, run: &Run<'_>, encoder: &mut CommandEncoder) {
        let stage = run.stage;
        let made = |buffer: &Option<Buffer>| buffer.clone().expect("made room for");
        let (upload, input, output, readback) =
            (made(&self.upload), made(&self.input), made(&self.output), made(&self.readback));
        let read_clock = |encoder: &mut CommandEncoder, reading| {
            if let Some(clock) = &self.clock {
                clock.read(encoder, reading);
            }
        };
        read_clock(encoder, 0);
        encoder.copy_buffer_to_buffer(&upload, 0, &input, 0, stage.input_bytes);
        encoder.clear_buffer(&output, 0, Some(stage.output_bytes));
        read_clock(encoder, 1);
        if run.dispatch {
            let programs: Vec<_> = run.hash.map(|hash| (hash, true)).into_iter().chain([(run.main, false)]).collect();
            let scratch = device.scratch(stage.scratch_bytes(programs.iter().map(|(program, _)| program.kernel)));
            let groups: Vec<_> =
                programs.iter().map(|(program, is_hash)| self.bind(device, run, program, *is_hash, &scratch)).collect();
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            for ((program, _), group) in programs.iter().zip(&groups) {
                pass.set_bind_group(0, group, &[]);
                for (own, pipeline) in program.kernel.passes.iter().zip(&program.pipelines) {
                    let threads = (stage.items as u32).div_ceil(own.items_per_thread);
                    pass.set_pipeline(pipeline);
                    pass.dispatch_workgroups(threads.div_ceil(own.workgroup), 1, 1);
                }
            }
        }
        read_clock(encoder, 2);
        encoder.copy_buffer_to_buffer(&output, 0, &readback, 0, stage.read_bytes());
        read_clock(encoder, 3);
        if let Some(clock) = &self.clock {
            clock.resolve(encoder, &readback, stage.read_bytes());
        }
    }

    /// The bindings of one kernel.
    fn bind(
        &self,
        device: &Device,
        run: &Run<'_>,
        program: &Program,
        is_hash: bool,
        scratch: &[Option<Buffer>; 2],
    ) -> BindGroup {
        let stage = run.stage;
        let [input, output, digests] = [&self.input, &self.output, &self.digests];
        let whole = |buffer| (buffer, 0, None);
        let part = |buffer, (start, bytes): (u64, u64)| (buffer, start, Some(bytes));
        let entries: Vec<_> = program
            .kernel
            .bindings
            .iter()
            .filter_map(|binding| {
                let (buffer, offset, bytes) = match binding.role {
                    // A kernel that hashes for another one writes digests, and verdicts that nobody reads.
                    Role::Verdicts if is_hash => part(output, stage.idle_verdicts),
                    Role::Values if is_hash => part(digests, (0, stage.digest_bytes)),
                    Role::Digests if run.hash.is_some() => part(digests, (0, stage.digest_bytes)),
                    Role::Verdicts => part(output, (0, stage.items as u64 * VERDICT_BYTES)),
                    Role::Values => part(output, stage.values),
                    Role::ScratchA => whole(&scratch[0]),
                    Role::ScratchB => whole(&scratch[1]),
                    Role::Table => whole(&program.table),
                    role => part(input, stage.section(role)),
                };
                let buffer = buffer.as_ref()?;
                let size = bytes.and_then(std::num::NonZeroU64::new);
                let resource = BindingResource::Buffer(BufferBinding { buffer, offset, size });
                Some(BindGroupEntry { binding: binding.role as u32, resource })
            })
            .collect();
        let layout = &program.layout;
        device.wgpu().create_bind_group(&BindGroupDescriptor { label: None, layout, entries: &entries })
    }
}

/// What the clock's readings say; nanoseconds a tick.
pub(super) fn times(readings: &[u8], period: f32) -> DeviceTimes {
    let (ticks, _) = readings.as_chunks::<8>();
    let between = |from: usize| match (ticks.get(from), ticks.get(from + 1)) {
        (Some(start), Some(end)) => {
            let ticks = u64::from_le_bytes(*end).saturating_sub(u64::from_le_bytes(*start));
            Duration::from_nanos((ticks as f64 * f64::from(period)) as u64)
        }
        _ => Duration::ZERO,
    };
    DeviceTimes { batches: 1, items: 0, upload: between(0), kernel: between(1), readback: between(2) }
}
