//! A range of a bundle laid out as the kernels read it: sections of one input buffer, sections of one output buffer.
//!
//! Columns are copied as they lie; what is made here is a word of form and an offset an item, and the order that puts
//! messages of one length beside each other.

use std::ops::Range;

use assay_scheme::columns::FORM_REFUSED;
use assay_scheme::registry::Messages;
use assay_scheme::{Columns, Output, Parameters, Reason};
use assay_shaders::{Kernel, Role};
use wgpu::BufferViewMut;

use crate::batch::Bundle;

/// Where a section may start: no adapter asks for more (WebGPU's `minStorageBufferOffsetAlignment` is at most this).
const SECTION_ALIGN: u64 = 256;

/// Bytes of an item's verdict word.
pub(super) const VERDICT_BYTES: u64 = 4;

/// The longest message that a device hashes: longer ones are hashed where they are, because one thread of a device is slow
/// and a dispatch must end soon. Smaller: more is hashed on the CPU. Larger: dispatches last longer.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// A form's bit: the message does not fit the row. `FORM_MESSAGE_UNFIT` in wgsl/frame.wgsl.
const FORM_MESSAGE_UNFIT: u32 = 0x100;

/// A flag: values are addresses. Bit 0 of `flags` in wgsl/frame.wgsl.
const FLAG_ADDRESS: u32 = 1;

/// The batch's parameters as wgsl/frame.wgsl declares them, all words.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct BatchParameters {
    pub(super) items: u32,
    pub(super) items_max: u32,
    pub(super) stamp: u32,
    pub(super) row: u32,
    pub(super) flags: u32,
    pub(super) message_stride: u32,
    pub(super) ordered: u32,
    pub(super) extra_bytes: u32,
}

/// Items and the columns they lie in.
type Slice<'a> = (&'a Columns, Range<usize>);

/// A laid-out range.
pub(super) struct Stage {
    /// Items, canaries included.
    pub(super) items: usize,
    pub(super) input_bytes: u64,
    pub(super) output_bytes: u64,
    /// Where the values lie in the output, and their bytes.
    pub(super) values: (u64, u64),
    /// Where a kernel that only hashes writes verdicts that nobody reads.
    pub(super) idle_verdicts: (u64, u64),
    /// Bytes of digests that one kernel writes for the next.
    pub(super) digest_bytes: u64,
    /// The made and the gathered bytes, each with its section.
    sections: Vec<Section>,
    items_max: u32,
}

struct Section {
    role: Role,
    start: u64,
    /// Bytes, rounded up to whole words and never none.
    bytes: u64,
    content: Vec<u8>,
}

/// What a stage is made of.
pub(super) struct Plan<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) range: Range<usize>,
    /// Items with known answers that ride along behind the range.
    pub(super) canaries: Option<&'a Bundle>,
    pub(super) main: &'static Kernel,
    /// The kernel that hashes messages for the main one.
    pub(super) hash: Option<&'static Kernel>,
    pub(super) stamp: u32,
}

impl Stage {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let mut slices: Vec<Slice<'_>> = plan.bundle.slices(plan.range.clone()).collect();
        if let Some(canaries) = plan.canaries {
            slices.extend(canaries.slices(0..canaries.items()));
        }
        let items: usize = slices.iter().map(|(_, items)| items.len()).sum();
        let operation = plan.bundle.operation();
        let parameters = plan.bundle.parameters();
        let binds = |role| plan.main.binds(role) || plan.hash.is_some_and(|hash| hash.binds(role));
        let mut stage = Self {
            items,
            input_bytes: 0,
            output_bytes: 0,
            values: (0, 0),
            idle_verdicts: (0, 0),
            digest_bytes: 0,
            sections: Vec::new(),
            // Word-major scratch is read by neighbours together when its rows begin at multiples of 64 words.
            items_max: items.next_multiple_of(64) as u32,
        };
        let takes_digests = plan.main.binds(Role::Digests) && plan.hash.is_none();
        let messages = Arena::gather(&slices, binds(Role::Arena));
        let extra = if binds(Role::Extra) { extra(parameters) } else { Vec::new() };
        let batch = BatchParameters {
            items: items as u32,
            items_max: stage.items_max,
            stamp: plan.stamp,
            row: u32::from(operation.row.id()),
            flags: if parameters.output == Output::Address { FLAG_ADDRESS } else { 0 },
            message_stride: 0,
            ordered: u32::from(!messages.order.is_empty()),
            extra_bytes: extra.len() as u32,
        };
        stage.push(Role::Parameters, bytemuck::bytes_of(&batch).to_vec());
        let unfit = matches!(operation.messages, Messages::DigestOr(_)) && parameters.hash.is_none();
        stage.push(Role::Forms, forms(&slices, unfit, binds(Role::Arena)));
        if binds(Role::Keys) {
            stage.push(Role::Keys, gather(&slices, Columns::keys_of));
        }
        if binds(Role::Signatures) {
            stage.push(Role::Signatures, signatures(&slices, operation.signature_len));
        }
        if takes_digests {
            stage.push(Role::Digests, digests(&slices));
        }
        if binds(Role::Arena) {
            stage.push(Role::Offsets, bytemuck::cast_slice(&messages.offsets).to_vec());
            stage.push(Role::Order, bytemuck::cast_slice(&messages.order).to_vec());
            stage.push(Role::Arena, messages.bytes);
        }
        if binds(Role::Extra) {
            stage.push(Role::Extra, extra);
        }
        stage.lay_out_output(plan);
        stage
    }

    fn lay_out_output(&mut self, plan: &Plan<'_>) {
        let items = self.items as u64;
        let value_bytes = (plan.bundle.value_width() as u64).next_multiple_of(4);
        let after_verdicts = (items * VERDICT_BYTES).next_multiple_of(SECTION_ALIGN);
        self.values = (after_verdicts, (items * value_bytes).max(16));
        self.output_bytes = self.values.0 + self.values.1;
        if plan.hash.is_some() {
            let start = self.output_bytes.next_multiple_of(SECTION_ALIGN);
            self.idle_verdicts = (start, items * VERDICT_BYTES);
            self.output_bytes = start + items * VERDICT_BYTES;
            self.digest_bytes = items * 32;
        }
    }

    fn push(&mut self, role: Role, mut content: Vec<u8>) {
        let start = self.input_bytes.next_multiple_of(SECTION_ALIGN);
        // A binding of vectors holds one at least, also where a row has no use for it.
        content.resize(content.len().next_multiple_of(4).max(16), 0);
        // A word at any offset is read as two: the last one's second half lies behind the end.
        let bytes = content.len() as u64 + if role == Role::Arena { 8 } else { 0 };
        self.input_bytes = start + bytes.next_multiple_of(8);
        self.sections.push(Section { role, start, bytes, content });
    }

    /// Where a role's section lies in the input. A role that was not laid out has none, which binds nothing.
    pub(super) fn section(&self, role: Role) -> (u64, u64) {
        self.sections.iter().find(|section| section.role == role).map_or((0, 16), |own| (own.start, own.bytes))
    }

    /// Bytes of the output that are read back.
    pub(super) fn read_bytes(&self) -> u64 {
        self.values.0 + self.values.1
    }

    /// Bytes of the kernels' own memory.
    pub(super) fn scratch_bytes(&self, kernels: impl Iterator<Item = &'static Kernel>) -> [u64; 2] {
        let words = kernels.fold([0, 0], |most: [u32; 2], kernel| {
            [most[0].max(kernel.scratch_words[0]), most[1].max(kernel.scratch_words[1])]
        });
        words.map(|words| u64::from(words) * 4 * u64::from(self.items_max))
    }

    /// Writes the sections into the staging.
    pub(super) fn write(&self, staging: &mut BufferViewMut) {
        for section in &self.sections {
            let start = section.start as usize;
            staging.slice(start..start + section.content.len()).copy_from_slice(&section.content);
        }
    }
}

/// One column of all slices.
fn gather<'a>(slices: &[Slice<'a>], column: impl Fn(&'a Columns, Range<usize>) -> &'a [u8]) -> Vec<u8> {
    let runs: Vec<_> = slices.iter().map(|(columns, items)| column(columns, items.clone())).collect();
    runs.concat()
}

/// A word an item. `unfit`: a message must be a 32-byte digest. `hashed`: messages are hashed here, long ones elsewhere.
fn forms(slices: &[Slice<'_>], unfit: bool, hashed: bool) -> Vec<u8> {
    let mut words: Vec<u32> = Vec::with_capacity(slices.iter().map(|(_, items)| items.len()).sum());
    for (columns, items) in slices {
        let forms = columns.forms_of(items.clone());
        if !unfit && !hashed {
            words.extend(forms.iter().map(|form| u32::from(*form)));
            continue;
        }
        words.extend(items.clone().zip(forms).map(|(item, form)| {
            let len = columns.message_len(item);
            if hashed && len > MESSAGE_BYTES_MAX {
                // Its answer is written over by whoever hashes it.
                return u32::from(FORM_REFUSED | Reason::Message as u8);
            }
            u32::from(*form) | if unfit && len != 32 { FORM_MESSAGE_UNFIT } else { 0 }
        }));
    }
    bytemuck::cast_slice(&words).to_vec()
}

/// The signatures, each padded to whole words.
fn signatures(slices: &[Slice<'_>], len: usize) -> Vec<u8> {
    let packed = gather(slices, Columns::signatures_of);
    let stride = len.next_multiple_of(4);
    if stride == len {
        return packed;
    }
    let mut padded = vec![0; packed.len() / len * stride];
    for (to, signature) in padded.chunks_exact_mut(stride).zip(packed.chunks_exact(len)) {
        to[..len].copy_from_slice(signature);
    }
    padded
}

/// The 32-byte messages that are digests themselves; zeros for what is none.
fn digests(slices: &[Slice<'_>]) -> Vec<u8> {
    let mut digests = Vec::with_capacity(slices.iter().map(|(_, items)| items.len() * 32).sum());
    for (columns, items) in slices {
        let run = columns.messages_of(items.clone());
        if run.len() == items.len() * 32 && items.clone().all(|item| columns.message_len(item) == 32) {
            digests.extend_from_slice(run);
            continue;
        }
        for item in items.clone() {
            let message: Option<&[u8; 32]> = columns.message(item).try_into().ok();
            digests.extend_from_slice(message.unwrap_or(&[0; 32]));
        }
    }
    digests
}

/// What a batch carries once: `ENTL ‖ ID ‖ a ‖ b ‖ xG ‖ yG`, the part of SM2's Z_A that does not depend on the key
/// (GB/T 32918.2-2016, section 5.5).
fn extra(parameters: &Parameters) -> Vec<u8> {
    let id = parameters.user_id.as_deref().unwrap_or(Parameters::USER_ID_DEFAULT);
    let bits = (id.len() * 8) as u16;
    [&bits.to_be_bytes()[..], id, &SM2_CURVE].concat()
}

/// a, b, xG and yG of the curve sm2p256v1, big-endian (GB/T 32918.5-2017, annex A).
const SM2_CURVE: [u8; 128] = {
    let mut bytes = [0; 128];
    let words: [u64; 16] = [
        0xffff_fffe_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_fffc,
        0x28e9_fa9e_9d9f_5e34,
        0x4d5a_9e4b_cf65_09a7,
        0xf397_89f5_15ab_8f92,
        0xddbc_bd41_4d94_0e93,
        0x32c4_ae2c_1f19_8119,
        0x5f99_0446_6a39_c994,
        0x8fe3_0bbf_f266_0be1,
        0x715a_4589_334c_74c7,
        0xbc37_36a2_f4f6_779c,
        0x59bd_cee3_6b69_2153,
        0xd0a9_877c_c62a_4740,
        0x02df_32e5_2139_f0a0,
    ];
    let mut i = 0;
    while i < 128 {
        bytes[i] = words[i / 8].to_be_bytes()[i % 8];
        i += 1;
    }
    bytes
};

/// The messages end to end.
#[derive(Default)]
struct Arena {
    bytes: Vec<u8>,
    offsets: Vec<u32>,
    /// Items by the length of their messages; empty where all lengths are about one.
    order: Vec<u32>,
}

impl Arena {
    fn gather(slices: &[Slice<'_>], wanted: bool) -> Self {
        let mut arena = Self::default();
        if !wanted {
            return arena;
        }
        let bytes = slices.iter().map(|(columns, items)| columns.message_bytes(items.clone())).sum();
        arena.bytes.reserve(bytes);
        let mut end = 0;
        arena.offsets.push(0);
        for (columns, items) in slices {
            let mut run = items.start..items.start;
            for item in items.clone() {
                let len = columns.message_len(item);
                if len > MESSAGE_BYTES_MAX {
                    arena.bytes.extend_from_slice(columns.messages_of(run.clone()));
                    run.start = item + 1;
                } else {
                    end += len as u32;
                }
                run.end = item + 1;
                arena.offsets.push(end);
            }
            arena.bytes.extend_from_slice(columns.messages_of(run));
        }
        arena.sort();
        arena
    }

    /// Blocks of 64 bytes are what most hashes count in, and near enough for the rest.
    fn sort(&mut self) {
        let blocks = |item: usize| (self.offsets[item + 1] - self.offsets[item] + 8) >> 6;
        let items = self.offsets.len() - 1;
        if (1..items).any(|item| blocks(item) != blocks(0)) {
            let mut order: Vec<u32> = (0..items as u32).collect();
            // The longest first: what is left at the end is short.
            order.sort_by_key(|item| std::cmp::Reverse(blocks(*item as usize)));
            self.order = order;
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_scheme::{ColumnsBuilder, Row};

    use super::*;

    #[test]
    fn the_parameters_lie_as_the_shaders_declare_them() {
        let kernel = assay_shaders::kernel("sha256", false).expect("a digest kernel");
        let module = naga::front::wgsl::parse_str(kernel.source).expect("checked when it was built");
        let members = module.types.iter().find_map(|(_, ty)| match &ty.inner {
            naga::TypeInner::Struct { members, span } if ty.name.as_deref() == Some("Parameters") => {
                Some((members.clone(), *span))
            }
            _ => None,
        });
        let (members, span) = members.expect("the struct of frame.wgsl");
        let offset = |name: &str| members.iter().find(|m| m.name.as_deref() == Some(name)).expect("a member").offset;
        macro_rules! same {
            ($($field:ident),*) => {
                $(assert_eq!(offset(stringify!($field)) as usize, std::mem::offset_of!(BatchParameters, $field));)*
                assert_eq!(members.len(), [$(stringify!($field)),*].len());
            };
        }
        same!(items, items_max, stamp, row, flags, message_stride, ordered, extra_bytes);
        assert_eq!(span as usize, size_of::<BatchParameters>());
    }

    #[test]
    fn long_messages_stay_behind_and_lengths_are_put_in_order() {
        let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
        let long = vec![7; MESSAGE_BYTES_MAX + 1];
        for message in [&b"abc"[..], &long, &[1; 300], b"", &[2; 70]] {
            builder.push(0, &[], &[], message);
        }
        let columns = builder.build().expect("fits");
        let arena = Arena::gather(&[(&columns, 0..5)], true);
        assert_eq!(arena.bytes, [&b"abc"[..], &[1; 300], &[2; 70]].concat());
        assert_eq!(arena.offsets, [0, 3, 3, 303, 303, 373]);
        assert_eq!(arena.order, [2, 4, 0, 1, 3]);
        let words = forms(&[(&columns, 0..5)], false, true);
        assert_eq!(bytemuck::cast_slice::<u8, u32>(&words), [0, 0x85, 0, 0, 0]);
    }
}
