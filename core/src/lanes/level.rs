//! Which vector instructions the lanes run on: found once, and the only door to code compiled for them.
#![allow(unsafe_code, reason = "entering code compiled for detected instructions; fenced by the level's one maker")]

use super::hash::Kernel;
#[cfg(test)]
use super::portable::{Portable32, Portable64};

#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512x32, Avx512x64};

/// The instructions to run on. [`Level::detect`] alone makes one that names instructions, so having it is proof that
/// the processor has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    #[cfg(test)]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    #[cfg(test)]
    /// Plain arrays: the same algorithms on any machine. For tests; the reference libraries are faster.
    pub(crate) const PORTABLE: Self = Self(Instructions::Portable);

    /// The best this processor has; `None` where the reference libraries are the better choice.
    #[must_use]
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
        {
            return Some(Self(Instructions::Avx512));
        }
        None
    }

    /// The instructions' name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(test)]
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
        }
    }

    /// Runs a kernel over one group of messages.
    #[inline]
    pub(super) fn run<K: Kernel>(self, messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
        match self.0 {
            #[cfg(test)]
            Instructions::Portable => K::run::<Portable32, Portable64>(messages, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only made after the processor was found to have these instructions.
            Instructions::Avx512 => unsafe { run_avx512::<K>(messages, out) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn run_avx512<K: Kernel>(messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
    K::run::<Avx512x32, Avx512x64>(messages, out);
}
