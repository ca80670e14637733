//! Assay's compute shaders: WGSL that was composed and validated when the crate was built, and the table of kernels.
//!
//! Nothing here knows a device: the engine hands the text to one. A kernel is one text and its passes: entry points run in
//! order over the same bindings, each pass seeing what the one before wrote.

/// What stands behind `@group(0) @binding(n)`: the discriminant is n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Role {
    /// The batch's parameters, a uniform: struct `Parameters` of `wgsl/frame.wgsl`.
    Parameters = 0,
    /// A word an item: the form byte, and bit 8 where the message does not fit the row.
    Forms = 1,
    /// The keys' column.
    Keys = 2,
    /// The signatures' column, each padded to whole words.
    Signatures = 3,
    /// Where each message starts in the arena, in bytes, and where the last one ends.
    Offsets = 4,
    /// The messages.
    Arena = 5,
    /// Eight words an item: the digest that is signed.
    Digests = 6,
    /// The kernel's own, `scratch_words[0]` an item, not zeroed.
    ScratchA = 7,
    /// The kernel's own, `scratch_words[1]` an item, not zeroed.
    ScratchB = 8,
    /// The kernel's constants: [`Kernel::table`].
    Table = 9,
    /// Bytes once a batch.
    Extra = 10,
    /// Which item each thread takes, so that neighbours do equal work.
    Order = 11,
    /// A word an item: the batch's stamp or'ed with the verdict's byte.
    Verdicts = 12,
    /// The items' values, each padded to whole words.
    Values = 13,
}

impl Role {
    /// Every role, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::Parameters,
        Self::Forms,
        Self::Keys,
        Self::Signatures,
        Self::Offsets,
        Self::Arena,
        Self::Digests,
        Self::ScratchA,
        Self::ScratchB,
        Self::Table,
        Self::Extra,
        Self::Order,
        Self::Verdicts,
        Self::Values,
    ];
}

/// A binding that a kernel declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What it holds.
    pub role: Role,
    /// Whether the kernel writes it.
    pub writable: bool,
}

/// An entry point, run over all items of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Its name.
    pub entry: &'static str,
    /// Threads of a workgroup.
    pub workgroup: u32,
    /// Items that one thread takes.
    pub items_per_thread: u32,
}

/// One kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The registry's word for it; a kernel without 64-bit words and its twin with them have one name.
    pub name: &'static str,
    /// Whether the device must have 64-bit integers.
    pub int64: bool,
    /// The whole text.
    pub source: &'static str,
    /// Constants behind [`Role::Table`]; empty where there are none.
    pub table: &'static [u8],
    /// Words an item of the two scratch buffers.
    pub scratch_words: [u32; 2],
    /// What runs, in order.
    pub passes: &'static [Pass],
    /// What must be bound, in the order of the numbers.
    pub bindings: &'static [Binding],
}

impl Kernel {
    /// Whether the kernel declares this binding.
    #[must_use]
    pub fn binds(&self, role: Role) -> bool {
        self.bindings.iter().any(|binding| binding.role == role)
    }
}

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The kernel with this name for a device with or without 64-bit integers: where there are twins, the one that fits
/// better.
#[must_use]
pub fn kernel(name: &str, int64: bool) -> Option<&'static Kernel> {
    let named = || KERNELS.iter().filter(|kernel| kernel.name == name);
    named().find(|kernel| kernel.int64 == int64).or_else(|| named().find(|kernel| int64 || !kernel.int64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_numbered_in_their_order() {
        assert!(Role::ALL.into_iter().enumerate().all(|(number, role)| role as usize == number));
    }

    #[test]
    fn every_kernel_has_passes_writes_verdicts_and_declares_what_it_needs() {
        assert!(!KERNELS.is_empty());
        for kernel in KERNELS {
            let name = kernel.name;
            assert!(!kernel.passes.is_empty(), "{name}");
            for role in [Role::Parameters, Role::Verdicts] {
                assert!(kernel.binds(role), "{name}: {role:?}");
            }
            assert!(kernel.bindings.is_sorted_by_key(|binding| binding.role), "{name}");
            for (words, role) in kernel.scratch_words.into_iter().zip([Role::ScratchA, Role::ScratchB]) {
                assert_eq!(words > 0, kernel.binds(role), "{name}: {role:?}");
            }
            assert_eq!(!kernel.table.is_empty(), kernel.binds(Role::Table), "{name}");
            let twins = KERNELS.iter().filter(|other| other.name == name && other.int64 == kernel.int64);
            assert_eq!(twins.count(), 1, "{name} is there once");
        }
    }

    #[test]
    fn a_device_without_wide_integers_is_never_given_a_kernel_that_needs_them() {
        for kernel in KERNELS {
            assert!(super::kernel(kernel.name, true).is_some());
            assert!(super::kernel(kernel.name, false).is_none_or(|found| !found.int64));
        }
    }
}
