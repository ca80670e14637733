//! Merkle trees under the binary rules, level by level on the device: the leaves go up once, a root of 32 bytes comes back.
//!
//! Each batch bears a tree whose root is known, and each level its own stamp, of which the last is looked at: a root that
//! was not hashed up to the top is never taken for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use assay_scheme::{Columns, Row};
use assay_shaders::Role;
use wgpu::{
    BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding, BufferUsages, CommandEncoder,
    CommandEncoderDescriptor, ComputePassDescriptor, MapMode,
};

use super::Lost;
use super::device::{Device, Program};
use super::slot::{Clock, READING_BYTES, times};
use super::stage::{BatchParameters, MESSAGE_BYTES_MAX};
use crate::backend::{DeviceTimes, Fault};

/// Fewer leaves are hashed on the CPU: a level is a dispatch, and the upper ones are small.
pub(super) const LEAVES_MIN: usize = 4_096;

/// More leaves than this many are hashed on the CPU: 2^24 leaves and their parents are 768 MiB of a device.
const LEAVES_MAX: usize = 1 << 24;

/// Where a binding may start (WebGPU's `minStorageBufferOffsetAlignment` is at most this).
const ALIGN: u64 = 256;

const STORED: BufferUsages = BufferUsages::STORAGE.union(BufferUsages::COPY_SRC).union(BufferUsages::COPY_DST);

/// The bits of `flags` in wgsl/hash/merkle.wgsl; `None` where the rule is not of two children a node.
pub(super) fn rule(row: Row) -> Option<u32> {
    match row {
        Row::MerkleDuplicateLast => Some(0),
        Row::MerkleRfc6962 => Some(1),
        Row::MerkleFiscoV3 => Some(2),
        _ => None,
    }
}

/// A tree's lowest level as it is uploaded.
pub(super) enum Leaves {
    /// Nodes of 32 bytes, end to end.
    Nodes(Vec<u8>),
    /// RFC 6962: 0x00 and the leaf, end to end, to be hashed first; and where each starts.
    Hashed { arena: Vec<u8>, offsets: Vec<u32> },
}

impl Leaves {
    /// The leaves of entries `entries`; `None` where they are too few, too many, too long, or no nodes: the CPU's to say.
    pub(super) fn of(row: Row, columns: &Columns, entries: std::ops::Range<usize>) -> Option<Self> {
        if !(LEAVES_MIN..=LEAVES_MAX).contains(&entries.len()) {
            return None;
        }
        if row != Row::MerkleRfc6962 {
            let all_nodes = entries.clone().all(|entry| columns.message_len(entry) == 32);
            return all_nodes.then(|| Self::Nodes(columns.messages_of(entries).to_vec()));
        }
        let (mut arena, mut offsets) = (Vec::new(), vec![0]);
        for entry in entries {
            let leaf = columns.entry_message(entry);
            if leaf.len() > MESSAGE_BYTES_MAX {
                return None;
            }
            arena.push(0);
            arena.extend_from_slice(leaf);
            offsets.push(u32::try_from(arena.len()).ok()?);
        }
        Some(Self::Hashed { arena, offsets })
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len() / 32,
            Self::Hashed { offsets, .. } => offsets.len() - 1,
        }
    }
}

/// The kernels of a tree.
pub(super) struct Kernels<'a> {
    pub(super) level: &'a Program,
    /// The digest kernel of the same hash.
    pub(super) leaf: &'a Program,
    pub(super) rule: u32,
}

/// One tree on the device.
struct Tree {
    upload: Buffer,
    input: Buffer,
    nodes: [Buffer; 2],
    verdicts: Buffer,
    input_bytes: u64,
    /// How many nodes each level has, the leaves first.
    counts: Vec<u32>,
    /// Where the input holds what the leaves are made of, and their forms and offsets where they are hashed.
    arena: Section,
    hashed: Option<[Section; 2]>,
    /// The last level's stamp.
    stamp: u32,
}

/// Where a part of the input starts, and its bytes.
type Section = (u64, u64);

impl Tree {
    /// The buffer that holds the root.
    fn root(&self) -> &Buffer {
        &self.nodes[(self.counts.len() - 1) % 2]
    }

    fn node_bytes(&self, level: usize) -> u64 {
        node_bytes(&self.counts, level)
    }
}

/// Bytes of a level's nodes.
fn node_bytes(counts: &[u32], level: usize) -> u64 {
    u64::from(counts.get(level).copied().unwrap_or(1)) * 32
}

/// The roots of these trees, in order, in one submission, and what it took.
pub(super) fn roots(
    device: &Device,
    kernels: &Kernels<'_>,
    trees: &[&Leaves],
    timeout: Duration,
) -> Result<(Vec<[u8; 32]>, DeviceTimes), Fault> {
    let mut encoder = device.wgpu().create_command_encoder(&CommandEncoderDescriptor { label: Some("trees") });
    let answer = 32 + 4;
    let bytes = (trees.len() as u64 * answer).next_multiple_of(8);
    let clock = Clock::new(device);
    let readings = if clock.is_some() { READING_BYTES } else { 0 };
    let readback = device.buffer("roots", bytes + readings, BufferUsages::MAP_READ | BufferUsages::COPY_DST, false);
    let read_clock = |encoder: &mut CommandEncoder, reading| {
        if let Some(clock) = &clock {
            clock.read(encoder, reading);
        }
    };
    read_clock(&mut encoder, 0);
    let laid_out = trees.iter().map(|leaves| upload(device, kernels, leaves, &mut encoder));
    let encoded = laid_out.collect::<Result<Vec<_>, _>>()?;
    read_clock(&mut encoder, 1);
    encoded.iter().for_each(|tree| levels(device, kernels, tree, &mut encoder));
    read_clock(&mut encoder, 2);
    for (at, tree) in encoded.iter().enumerate() {
        let to = at as u64 * answer;
        encoder.copy_buffer_to_buffer(tree.root(), 0, &readback, to, 32);
        encoder.copy_buffer_to_buffer(&tree.verdicts, 0, &readback, to + 32, 4);
    }
    read_clock(&mut encoder, 3);
    if let Some(clock) = &clock {
        clock.resolve(&mut encoder, &readback, bytes);
    }
    device.check()?;
    device.queue().submit([encoder.finish()]);
    let came = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&came);
    // Whether it is mapped says the range below.
    readback.map_async(MapMode::Read, .., move |_| told.store(true, Ordering::Release));
    device.wait(|| came.load(Ordering::Acquire), timeout)?;
    let view = readback.slice(..).get_mapped_range();
    let view = view.map_err(|error| device.lose(format!("the roots are not mapped: {error}")))?;
    let (answers, readings) = view.split_at(bytes as usize);
    let mut roots = Vec::with_capacity(trees.len());
    for (tree, answer) in encoded.iter().zip(answers.chunks_exact(answer as usize)) {
        let (root, word) = answer.split_at(32);
        if word != (tree.stamp | 1).to_le_bytes() {
            return Err(Fault::Wrong("a root that no kernel wrote"));
        }
        roots.push(root.try_into().expect("32 bytes"));
    }
    Ok((roots, times(readings, device.queue().get_timestamp_period())))
}

/// Lays a tree out and uploads it.
fn upload(device: &Device, kernels: &Kernels<'_>, leaves: &Leaves, encoder: &mut CommandEncoder) -> Result<Tree, Lost> {
    let count = leaves.count();
    let mut counts = vec![count as u32];
    while let Some(last) = counts.last().copied().filter(|last| *last > 1) {
        counts.push(last.div_ceil(2));
    }
    let stamps: Vec<u32> = counts.iter().map(|_| device.stamp()).collect();
    // A section of parameters a level (the leaves' own hashing first), then what the leaves are made of.
    let mut input = Vec::new();
    for (level, stamp) in stamps.iter().enumerate() {
        let parameters = BatchParameters {
            items: counts[level],
            items_max: counts[level],
            stamp: *stamp,
            row: 0,
            flags: if level == 0 { 0 } else { kernels.rule },
            message_stride: if level == 0 { 0 } else { counts[level - 1] },
            ordered: 0,
            extra_bytes: 0,
        };
        push(&mut input, bytemuck::bytes_of(&parameters));
    }
    let mut hashed = None;
    let arena = match leaves {
        Leaves::Nodes(nodes) => push(&mut input, nodes),
        Leaves::Hashed { arena: bytes, offsets: starts } => {
            let forms = push(&mut input, &vec![0; count * 4]);
            hashed = Some([forms, push(&mut input, bytemuck::cast_slice(starts))]);
            let (start, bytes) = push(&mut input, bytes);
            // A word at any offset is read as two.
            input.extend_from_slice(&[0; 8]);
            (start, bytes + 8)
        }
    };
    input.resize(input.len().next_multiple_of(8), 0);
    let input_bytes = input.len() as u64;
    let tree = Tree {
        upload: device.buffer("tree upload", input_bytes, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, true),
        input: device.buffer("tree", input_bytes, STORED | BufferUsages::UNIFORM, false),
        nodes: [0, 1].map(|level| device.buffer("nodes", node_bytes(&counts, level), STORED, false)),
        verdicts: device.buffer("tree verdicts", (count as u64 * 4).max(16), STORED, false),
        input_bytes,
        counts,
        arena,
        hashed,
        stamp: *stamps.last().expect("a level at least"),
    };
    device.check()?;
    {
        let mapped = tree.upload.slice(..).get_mapped_range_mut();
        mapped.map_err(|error| device.lose(format!("staging is not mapped: {error}")))?.copy_from_slice(&input);
    }
    tree.upload.unmap();
    encoder.copy_buffer_to_buffer(&tree.upload, 0, &tree.input, 0, tree.input_bytes);
    encoder.clear_buffer(&tree.verdicts, 0, None);
    if tree.hashed.is_none() {
        encoder.copy_buffer_to_buffer(&tree.input, arena.0, &tree.nodes[0], 0, tree.node_bytes(0));
    }
    Ok(tree)
}

/// Encodes a tree's levels, from the leaves up.
fn levels(device: &Device, kernels: &Kernels<'_>, tree: &Tree, encoder: &mut CommandEncoder) {
    let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
    for (level, count) in tree.counts.iter().enumerate() {
        let is_leaves = level == 0;
        if is_leaves && tree.hashed.is_none() {
            continue;
        }
        let [forms, offsets] = tree.hashed.unwrap_or_default();
        let program = if is_leaves { kernels.leaf } else { kernels.level };
        let below = if is_leaves {
            (&tree.input, tree.arena.0, tree.arena.1)
        } else {
            (&tree.nodes[(level + 1) % 2], 0, tree.node_bytes(level - 1))
        };
        let entries: Vec<_> = program
            .kernel
            .bindings
            .iter()
            .map(|binding| {
                let (buffer, offset, bytes) = match binding.role {
                    Role::Parameters => (&tree.input, level as u64 * ALIGN, size_of::<BatchParameters>() as u64),
                    Role::Arena => below,
                    Role::Values => (&tree.nodes[level % 2], 0, tree.node_bytes(level)),
                    Role::Verdicts => (&tree.verdicts, 0, tree.verdicts.size()),
                    Role::Offsets => (&tree.input, offsets.0, offsets.1),
                    Role::Forms if is_leaves => (&tree.input, forms.0, forms.1),
                    // Declared and not used: anything that is there.
                    _ => (&tree.input, 0, 16),
                };
                let size = std::num::NonZeroU64::new(bytes);
                let resource = BindingResource::Buffer(BufferBinding { buffer, offset, size });
                BindGroupEntry { binding: binding.role as u32, resource }
            })
            .collect();
        let layout = &program.layout;
        let group = device.wgpu().create_bind_group(&BindGroupDescriptor { label: None, layout, entries: &entries });
        pass.set_bind_group(0, &group, &[]);
        pass.set_pipeline(&program.pipelines[0]);
        pass.dispatch_workgroups(count.div_ceil(program.kernel.passes[0].workgroup), 1, 1);
    }
}

/// Appends a section.
fn push(input: &mut Vec<u8>, bytes: &[u8]) -> Section {
    input.resize(input.len().next_multiple_of(ALIGN as usize), 0);
    let start = input.len() as u64;
    input.extend_from_slice(bytes);
    input.resize(input.len().next_multiple_of(4).max(start as usize + 16), 0);
    (start, input.len() as u64 - start)
}
