//! Merkle rows on a device: which trees it hashes, and the tree with a known root beside each.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use assay_scheme::registry::Messages;
use assay_scheme::{ColumnsBuilder, Hash, Parameters, Reason, Row};

use super::device::Device;
#[cfg(any(test, feature = "inject-faults"))]
use super::inject;
use super::tree::{self, Leaves};
use super::{Gpu, TIMEOUT_FIRST, digest_kernel};
use crate::backend::{Backend, Fault, Output};
use crate::batch::Bundle;
use crate::pool::lock;

/// Leaves of the tree that rides along with each tree. Odd on several levels, because lone nodes are what the rules differ
/// in; at least what a device takes.
const CANARY_LEAVES: usize = 4_101;
const _: () = assert!(CANARY_LEAVES >= tree::LEAVES_MIN);

impl Gpu {
    /// The roots of a range's trees: large ones level by level on the device, the others on the CPU.
    pub(super) fn trees(
        &self,
        device: &Device,
        bundle: &Bundle,
        range: Range<usize>,
        out: &mut Output<'_>,
    ) -> Result<(), Fault> {
        let (row, width) = (bundle.operation().row, out.width);
        self.warm_trees(device, row, bundle.parameters().hash)?;
        let mut at = 0;
        for (columns, items) in bundle.slices(range.clone()) {
            for item in items {
                let own = at * width..(at + 1) * width;
                let part = Output { verdicts: &mut out.verdicts[at..=at], values: &mut out.values[own], width };
                let leaves = columns.form(item).ok().and_then(|_| Leaves::of(row, columns, columns.entries(item)));
                match leaves {
                    Some(leaves) => self.tree(device, bundle, &leaves, part)?,
                    None => {
                        let item = range.start + at;
                        self.reference.compute(bundle, item..item + 1, part)?;
                    }
                }
                at += 1;
            }
        }
        Ok(())
    }

    /// One tree's root, with a tree beside it whose root is known.
    fn tree(&self, device: &Device, bundle: &Bundle, leaves: &Leaves, mut out: Output<'_>) -> Result<(), Fault> {
        let (row, hash) = (bundle.operation().row, bundle.parameters().hash);
        let not_served = || Fault::NotServed(row.name());
        let (rule, hash) = tree::rule(row).zip(hash).ok_or_else(not_served)?;
        let [level, leaf] =
            [tree_kernel(hash), digest_kernel(hash)].map(|name| device.kernel(name).ok_or_else(not_served));
        let (level, leaf) = (device.program(level?)?, device.program(leaf?)?);
        let canary = self.canary_tree(row, hash)?;
        // The leaves' kernel runs under one rule alone.
        let hashes_leaves = row == Row::MerkleRfc6962;
        let is_warm = level.warm.load(Ordering::Relaxed) && (!hashes_leaves || leaf.warm.load(Ordering::Relaxed));
        #[cfg(any(test, feature = "inject-faults"))]
        inject::before(device, self.timeout())?;
        let timeout = if is_warm { self.timeout() } else { TIMEOUT_FIRST };
        let kernels = tree::Kernels { level: &level, leaf: &leaf, rule };
        let (roots, times) = tree::roots(device, &kernels, &[leaves, &canary.0], timeout)?;
        #[cfg(any(test, feature = "inject-faults"))]
        let roots = inject::after_roots(roots);
        level.warm.store(true, Ordering::Relaxed);
        if hashes_leaves {
            leaf.warm.store(true, Ordering::Relaxed);
        }
        if roots[1] != canary.1 {
            return Err(Fault::Wrong("a canary"));
        }
        out.value(0, &roots[0]);
        // An item is a tree; the one whose root is known takes its time and is none.
        self.took(row, 1, times);
        Ok(())
    }

    /// Has the kernels of a hash compute a known tree where they have not run since the device was opened, so that they are
    /// compiled while known answers are asked, be those of small trees, and not when a large one comes.
    fn warm_trees(&self, device: &Device, row: Row, hash: Option<Hash>) -> Result<(), Fault> {
        let is_warm = |hash| device.is_warm(tree_kernel(hash));
        match hash {
            Some(hash) if !is_warm(hash) && tree::rule(row).is_some() => self.prepare_tree(device, row, hash),
            _ => Ok(()),
        }
    }

    /// Leaves whose root the reference computed, once a rule and hash.
    fn canary_tree(&self, row: Row, hash: Hash) -> Result<Arc<(Leaves, [u8; 32])>, Fault> {
        if let Some(known) = lock(&self.canary_trees).get(&(row, hash)) {
            return Ok(Arc::clone(known));
        }
        let leaf = |leaf: usize| -> [u8; 32] { std::array::from_fn(|i| (leaf * 7 + leaf / 256 + i) as u8) };
        let leaves: Vec<[u8; 32]> = (0..CANARY_LEAVES).map(leaf).collect();
        let mut builder = ColumnsBuilder::new(row.operation());
        builder.push_group(0, &[], &[], &leaves.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>());
        let bundle = one(hash, builder)?;
        let (columns, _) = bundle.slices(0..1).next().ok_or(Fault::Broken)?;
        let leaves = Leaves::of(row, columns, columns.entries(0)).ok_or(Fault::Broken)?;
        let mut root = [0; 32];
        self.reference.compute(&bundle, 0..1, Output { verdicts: &mut [0], values: &mut root, width: 32 })?;
        let known = Arc::new((leaves, root));
        lock(&self.canary_trees).insert((row, hash), Arc::clone(&known));
        Ok(known)
    }

    /// Compiles what a Merkle row needs and has it compute trees whose roots the reference knows. `Ok(false)`: no kernel
    /// for the rule.
    pub(super) fn prepare_trees(&self, device: &Device, row: Row) -> Result<bool, Fault> {
        let Messages::Leaves(hashes) = row.operation().messages else { return Ok(false) };
        if tree::rule(row).is_none() {
            return Ok(false);
        }
        hashes.iter().try_for_each(|hash| self.prepare_tree(device, row, *hash))?;
        Ok(true)
    }

    fn prepare_tree(&self, device: &Device, row: Row, hash: Hash) -> Result<(), Fault> {
        let canary = self.canary_tree(row, hash)?;
        // Only its row and parameters are looked at.
        let mut builder = ColumnsBuilder::new(row.operation());
        builder.refuse(Reason::Message);
        let mut root = [0; 32];
        let out = Output { verdicts: &mut [0], values: &mut root, width: 32 };
        self.tree(device, &one(hash, builder)?, &canary.0, out)?;
        if root == canary.1 { Ok(()) } else { Err(Fault::Wrong("a known root")) }
    }
}

/// A bundle of one request under a hash.
fn one(hash: Hash, builder: ColumnsBuilder) -> Result<Bundle, Fault> {
    let columns = builder.build().map_err(|_| Fault::Broken)?;
    let parameters = Parameters { hash: Some(hash), ..Parameters::default() };
    Bundle::new(parameters, vec![columns]).map_err(|_| Fault::Broken)
}

/// The kernel of a tree's level over a hash.
fn tree_kernel(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "merkle_sha256",
        Hash::Sha256d => "merkle_sha256d",
        Hash::Sha3_256 => "merkle_sha3_256",
        Hash::Keccak256 => "merkle_keccak256",
        Hash::Blake2b256 => "merkle_blake2b_256",
        Hash::Sm3 => "merkle_sm3",
    }
}
