//! What a backend is, and which there are.

use std::ops::Range;

use assay_scheme::{Row, Verdict};

use crate::batch::Bundle;

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
}
