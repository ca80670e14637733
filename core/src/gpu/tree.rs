//! Merkle trees under the binary rules, level by level on the device: the leaves go up once, a root of 32 bytes comes back.
//!
//! Each batch bears a tree whose root is known, and each level its own stamp, of which the last is looked at: a root that
//! was not hashed up to the top is never taken for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use assay_scheme::{Columns, Row};
use assay_shaders::Role;
use wgpu::{
    BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding, BufferUsages, CommandEncoder,
    CommandEncoderDescriptor, ComputePassDescriptor, MapMode, PollType,
};

use super::Lost;
use super::device::{Device, Program};
use super::stage::{BatchParameters, MESSAGE_BYTES_MAX};
use crate::backend::Fault;

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
    /// The last level's stamp, and which of the two node buffers holds the root.
    stamp: u32,
    root: usize,
}

/// The roots of these trees, in order, in one submission.
pub(super) fn roots(
    device: &Device,
    kernels: &Kernels<'_>,
    trees: &[&Leaves],
    timeout: Duration,
) -> Result<Vec<[u8; 32]>, Fault> {
    let mut encoder = device.wgpu().create_command_encoder(&CommandEncoderDescriptor { label: Some("trees") });
    let answer = 32 + 4;
    let bytes = (trees.len() as u64 * answer).next_multiple_of(8);
    let readback = device.buffer("roots", bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST, false);
    let mut encoded = Vec::with_capacity(trees.len());
    for (at, leaves) in trees.iter().enumerate() {
        let tree = encode(device, kernels, leaves, &mut encoder)?;
        let to = at as u64 * answer;
        encoder.copy_buffer_to_buffer(&tree.nodes[tree.root], 0, &readback, to, 32);
        encoder.copy_buffer_to_buffer(&tree.verdicts, 0, &readback, to + 32, 4);
        encoded.push(tree);
    }
    device.check()?;
    let submission = device.queue().submit([encoder.finish()]);
    let mapped = Arc::new(AtomicU8::new(0));
    let told = Arc::clone(&mapped);
    readback
        .map_async(MapMode::Read, .., move |result| told.store(if result.is_ok() { 1 } else { 2 }, Ordering::Release));
    let wait = PollType::Wait { submission_index: Some(submission), timeout: Some(timeout) };
    device.wgpu().poll(wait).map_err(|error| device.lose(format!("a tree did not end: {error}")))?;
    while mapped.load(Ordering::Acquire) == 0 {
        device.check()?;
        // Another thread's poll may have taken the callback and not called it yet.
        let _ = device.wgpu().poll(PollType::Poll);
        std::thread::yield_now();
    }
    device.check()?;
    let view = readback.slice(..).get_mapped_range();
    let view = view.map_err(|error| device.lose(format!("the roots are not mapped: {error}")))?;
    let mut roots = Vec::with_capacity(trees.len());
    for (tree, answer) in encoded.iter().zip(view.chunks_exact(answer as usize)) {
        let (root, word) = answer.split_at(32);
        if word != (tree.stamp | 1).to_le_bytes() {
            return Err(Fault::Wrong("a root that no kernel wrote"));
        }
        roots.push(root.try_into().expect("32 bytes"));
    }
    Ok(roots)
}

/// Lays a tree out, uploads it and encodes its levels.
fn encode(device: &Device, kernels: &Kernels<'_>, leaves: &Leaves, encoder: &mut CommandEncoder) -> Result<Tree, Lost> {
    let count = leaves.count();
    // How many nodes each level has, the leaves first.
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
    let (mut forms, mut offsets) = ((0, 0), (0, 0));
    let arena = match leaves {
        Leaves::Nodes(nodes) => push(&mut input, nodes),
        Leaves::Hashed { arena: bytes, offsets: starts } => {
            forms = push(&mut input, &vec![0; count * 4]);
            offsets = push(&mut input, bytemuck::cast_slice(starts));
            let (start, bytes) = push(&mut input, bytes);
            // A word at any offset is read as two.
            input.extend_from_slice(&[0; 8]);
            (start, bytes + 8)
        }
    };
    input.resize(input.len().next_multiple_of(8), 0);
    let input_bytes = input.len() as u64;
    let node_bytes = |level: usize| u64::from(counts.get(level).copied().unwrap_or(1)) * 32;
    let tree = Tree {
        upload: device.buffer("tree upload", input_bytes, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, true),
        input: device.buffer("tree", input_bytes, STORED | BufferUsages::UNIFORM, false),
        nodes: [0, 1].map(|level| device.buffer("nodes", node_bytes(level), STORED, false)),
        verdicts: device.buffer("tree verdicts", (count as u64 * 4).max(16), STORED, false),
        input_bytes,
        stamp: *stamps.last().expect("a level at least"),
        root: (counts.len() - 1) % 2,
    };
    device.check()?;
    {
        let mapped = tree.upload.slice(..).get_mapped_range_mut();
        mapped.map_err(|error| device.lose(format!("staging is not mapped: {error}")))?.copy_from_slice(&input);
    }
    tree.upload.unmap();
    encoder.copy_buffer_to_buffer(&tree.upload, 0, &tree.input, 0, tree.input_bytes);
    encoder.clear_buffer(&tree.verdicts, 0, None);
    if matches!(leaves, Leaves::Nodes(_)) {
        encoder.copy_buffer_to_buffer(&tree.input, arena.0, &tree.nodes[0], 0, node_bytes(0));
    }
    let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
    for (level, count) in counts.iter().enumerate() {
        let is_leaves = level == 0;
        if is_leaves && matches!(leaves, Leaves::Nodes(_)) {
            continue;
        }
        let program = if is_leaves { kernels.leaf } else { kernels.level };
        let below = if is_leaves {
            (&tree.input, arena.0, arena.1)
        } else {
            (&tree.nodes[(level + 1) % 2], 0, node_bytes(level - 1))
        };
        let entries: Vec<_> = program
            .kernel
            .bindings
            .iter()
            .map(|binding| {
                let (buffer, offset, bytes) = match binding.role {
                    Role::Parameters => (&tree.input, level as u64 * ALIGN, size_of::<BatchParameters>() as u64),
                    Role::Arena => below,
                    Role::Values => (&tree.nodes[level % 2], 0, node_bytes(level)),
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
    drop(pass);
    Ok(tree)
}

/// Appends a section; where it starts and its bytes.
fn push(input: &mut Vec<u8>, bytes: &[u8]) -> (u64, u64) {
    input.resize(input.len().next_multiple_of(ALIGN as usize), 0);
    let start = input.len() as u64;
    input.extend_from_slice(bytes);
    input.resize(input.len().next_multiple_of(4).max(start as usize + 16), 0);
    (start, input.len() as u64 - start)
}
