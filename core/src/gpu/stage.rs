//! A range of a bundle laid out as the kernels read it: sections of one input buffer, sections of one output buffer.
//!
//! Columns are copied as they lie, from the request straight into the staging; what is made here is a word of form and an
//! offset an item, and the order that puts messages of one length beside each other.

use std::borrow::Cow;
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
pub(super) struct Stage<'a> {
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
    sections: Vec<Section<'a>>,
    items_max: u32,
}

struct Section<'a> {
    role: Role,
    start: u64,
    /// Bytes that are bound.
    bytes: u64,
    /// Bytes that are written: the content and zeros up to whole words, at least a vector.
    written: usize,
    content: Content<'a>,
}

/// What a section holds.
enum Content<'a> {
    Words(Vec<u32>),
    /// Columns as they lie and what is made instead of one, end to end.
    Runs(Vec<Cow<'a, [u8]>>),
}

impl Content<'_> {
    fn runs(&self) -> impl Iterator<Item = &[u8]> {
        let (words, runs) = match self {
            Self::Words(words) => (Some(bytemuck::cast_slice(words)), &[][..]),
            Self::Runs(runs) => (None, &runs[..]),
        };
        words.into_iter().chain(runs.iter().map(|run| &**run))
    }
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

impl<'a> Stage<'a> {
    pub(super) fn new(plan: &Plan<'a>) -> Self {
        let mut slices: Vec<Slice<'a>> = plan.bundle.slices(plan.range.clone()).collect();
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
        let messages = if binds(Role::Arena) { Arena::gather(&slices, plan.range.len()) } else { Arena::default() };
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
        stage.push(Role::Parameters, Content::Words(bytemuck::cast_slice(&[batch]).to_vec()));
        let unfit = matches!(operation.messages, Messages::DigestOr(_)) && parameters.hash.is_none();
        stage.push(Role::Forms, Content::Words(forms(&slices, unfit, binds(Role::Arena))));
        if binds(Role::Keys) {
            stage.push(Role::Keys, as_they_lie(&slices, Columns::keys_of));
        }
        if binds(Role::Signatures) {
            stage.push(Role::Signatures, signatures(&slices, operation.signature_len));
        }
        if takes_digests {
            stage.push(Role::Digests, digests(&slices));
        }
        if binds(Role::Arena) {
            stage.push(Role::Offsets, Content::Words(messages.offsets));
            stage.push(Role::Order, Content::Words(messages.order));
            stage.push(Role::Arena, Content::Runs(messages.runs));
        }
        if binds(Role::Extra) {
            stage.push(Role::Extra, Content::Runs(vec![extra.into()]));
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

    fn push(&mut self, role: Role, content: Content<'a>) {
        let start = self.input_bytes.next_multiple_of(SECTION_ALIGN);
        // A binding of vectors holds one at least, also where a row has no use for it.
        let written = content.runs().map(<[u8]>::len).sum::<usize>().next_multiple_of(4).max(16);
        // A word at any offset is read as two: the last one's second half lies behind the end.
        let bytes = written as u64 + if role == Role::Arena { 8 } else { 0 };
        self.input_bytes = start + bytes.next_multiple_of(8);
        self.sections.push(Section { role, start, bytes, written, content });
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
            let (mut at, end) = (section.start as usize, section.start as usize + section.written);
            for run in section.content.runs() {
                staging.slice(at..at + run.len()).copy_from_slice(run);
                at += run.len();
            }
            staging.slice(at..end).copy_from_slice(&[0; 16][..end - at]);
        }
    }
}

/// One column of all slices.
fn as_they_lie<'a>(slices: &[Slice<'a>], column: impl Fn(&'a Columns, Range<usize>) -> &'a [u8]) -> Content<'a> {
    Content::Runs(slices.iter().map(|(columns, items)| column(columns, items.clone()).into()).collect())
}

/// A word an item. `unfit`: a message must be a 32-byte digest. `hashed`: messages are hashed here, long ones elsewhere.
fn forms(slices: &[Slice<'_>], unfit: bool, hashed: bool) -> Vec<u32> {
    let mut words: Vec<u32> = Vec::with_capacity(slices.iter().map(|(_, items)| items.len()).sum());
    for (columns, items) in slices {
        let forms = columns.forms_of(items.clone());
        let stride = columns.shape().message_stride as usize;
        if !unfit && !hashed || stride > 0 && (!unfit || stride == 32) && (!hashed || stride <= MESSAGE_BYTES_MAX) {
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
    words
}

/// The signatures, each padded to whole words.
fn signatures<'a>(slices: &[Slice<'a>], len: usize) -> Content<'a> {
    let stride = len.next_multiple_of(4);
    if stride == len {
        return as_they_lie(slices, Columns::signatures_of);
    }
    let padded = |(columns, items): &Slice<'a>| {
        let packed = columns.signatures_of(items.clone());
        let mut padded = vec![0; items.len() * stride];
        for (to, signature) in padded.chunks_exact_mut(stride).zip(packed.chunks_exact(len)) {
            to[..len].copy_from_slice(signature);
        }
        padded.into()
    };
    Content::Runs(slices.iter().map(padded).collect())
}

/// The 32-byte messages that are digests themselves; zeros for what is none.
fn digests<'a>(slices: &[Slice<'a>]) -> Content<'a> {
    let of = |(columns, items): &Slice<'a>| {
        if items.clone().all(|item| columns.message_len(item) == 32) {
            return columns.messages_of(items.clone()).into();
        }
        let digest = |item| columns.message(item).try_into().unwrap_or([0; 32]);
        items.clone().map(digest).collect::<Vec<[u8; 32]>>().into_flattened().into()
    };
    Content::Runs(slices.iter().map(of).collect())
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
struct Arena<'a> {
    runs: Vec<Cow<'a, [u8]>>,
    offsets: Vec<u32>,
    /// Items by the length of their messages; empty where all lengths are about one.
    order: Vec<u32>,
}

impl<'a> Arena<'a> {
    /// The messages of all slices, whose first `own` items decide whether they are put in order.
    fn gather(slices: &[Slice<'a>], own: usize) -> Self {
        let mut arena = Self::default();
        let mut end = 0;
        arena.offsets.push(0);
        for (columns, items) in slices {
            let stride = columns.shape().message_stride;
            if (1..=MESSAGE_BYTES_MAX).contains(&(stride as usize)) {
                arena.offsets.extend((1..=items.len() as u32).map(|item| end + item * stride));
                end += items.len() as u32 * stride;
                arena.runs.push(columns.messages_of(items.clone()).into());
                continue;
            }
            let mut run = items.start..items.start;
            for item in items.clone() {
                let len = columns.message_len(item);
                if len > MESSAGE_BYTES_MAX {
                    arena.runs.push(columns.messages_of(run.clone()).into());
                    run.start = item + 1;
                } else {
                    end += len as u32;
                }
                run.end = item + 1;
                arena.offsets.push(end);
            }
            arena.runs.push(columns.messages_of(run).into());
        }
        arena.sort(own);
        arena
    }

    /// Blocks of 64 bytes are what most hashes count in, and near enough for the rest.
    fn sort(&mut self, own: usize) {
        let blocks = |item: usize| (self.offsets[item + 1] - self.offsets[item] + 8) >> 6;
        if (1..own).any(|item| blocks(item) != blocks(0)) {
            let mut order: Vec<u32> = (0..self.offsets.len() as u32 - 1).collect();
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
        let arena = Arena::gather(&[(&columns, 0..5)], 5);
        assert_eq!(arena.runs.concat(), [&b"abc"[..], &[1; 300], &[2; 70]].concat());
        assert_eq!(arena.offsets, [0, 3, 3, 303, 303, 373]);
        assert_eq!(arena.order, [2, 4, 0, 1, 3]);
        assert_eq!(forms(&[(&columns, 0..5)], false, true), [0, 0x85, 0, 0, 0]);
    }
    #[test]
    fn equal_lengths_are_laid_out_as_mixed_ones_are_and_need_no_order() {
        let columns = |lengths: &[usize]| {
            let mut builder = ColumnsBuilder::new(Row::Sha256.operation());
            for (item, len) in lengths.iter().enumerate() {
                builder.push(0, &[], &[], &vec![item as u8; *len]);
            }
            builder.build().expect("fits")
        };
        let (equal, mixed) = (columns(&[100; 4]), columns(&[100, 100, 100, 20]));
        let slices = [(&equal, 0..3), (&mixed, 0..4)];
        // Those that ride along behind the first six do not put them in another order.
        let arena = Arena::gather(&slices, 6);
        assert_eq!(arena.offsets, [0, 100, 200, 300, 400, 500, 600, 620]);
        assert_eq!(arena.order, [0; 0]);
        assert_eq!(arena.runs.concat(), [equal.messages_of(0..3), mixed.messages_of(0..4)].concat());
        assert_eq!(Arena::gather(&slices, 7).order, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(forms(&slices, false, true), [0; 7]);
        assert_eq!(forms(&slices, true, false), [FORM_MESSAGE_UNFIT; 7]);
    }
}
