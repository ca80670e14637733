//! Which vector instructions the lanes run on: found once, and the only door to code compiled for them.
#![allow(unsafe_code, reason = "entering code compiled for detected instructions; fenced by the level's one maker")]

use super::hash::{self, Kernel};
#[cfg(test)]
use super::portable::{Portable32, Portable64};
use super::word::Word52;

#[cfg(target_arch = "x86_64")]
use super::avx2::{Avx2x32, Avx2x64};
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
    Avx2,
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
        Self::every().into_iter().next()
    }

    /// All that this processor has, the best first.
    pub(super) fn every() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                levels.push(Self(Instructions::Avx512));
            }
            if is_x86_feature_detected!("avx2") {
                levels.push(Self(Instructions::Avx2));
            }
        }
        levels
    }

    /// The instructions' name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(test)]
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
        }
    }

    /// What [`hash::group`] does.
    #[inline]
    pub(super) fn group<K: Kernel>(self, messages: &[&[u8]], digests: &mut [u8]) {
        match self.0 {
            #[cfg(test)]
            Instructions::Portable => hash::group::<K, Portable32, Portable64>(messages, digests),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only made after the processor was found to have these instructions.
            Instructions::Avx2 => unsafe { group_avx2::<K>(messages, digests) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512 => unsafe { group_avx512::<K>(messages, digests) },
        }
    }

    /// What [`hash::every`] does.
    #[inline]
    pub(super) fn rows<K: Kernel>(self, messages: &[u8], len: usize, digests: &mut [u8]) {
        match self.0 {
            #[cfg(test)]
            Instructions::Portable => hash::every::<K, Portable32, Portable64>(messages, len, digests),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx2 => unsafe { rows_avx2::<K>(messages, len, digests) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512 => unsafe { rows_avx512::<K>(messages, len, digests) },
        }
    }
}

/// What code over [`Word52`](super::word::Word52) runs on. [`CurveLevel::detect`] alone makes one that names instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurveLevel(CurveInstructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CurveInstructions {
    #[cfg(test)]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma,
}

/// Work over 8 lanes of [`Word52`](super::word::Word52), compiled once for each [`CurveLevel`].
pub(super) trait CurveWork {
    /// What comes out.
    type Answer;
    /// Does it. Everything it calls is to be `#[inline(always)]` or behind
    /// [`Word52::outlined`](super::word::Word52::outlined), or it is compiled without the instructions.
    fn run<W: Word52>(self) -> Self::Answer;
}

impl CurveLevel {
    #[cfg(test)]
    /// Plain arrays: the same algorithms on any machine. For tests; the reference libraries are faster.
    pub(crate) const PORTABLE: Self = Self(CurveInstructions::Portable);

    /// The best this processor has; `None` where the reference libraries are the better choice.
    #[must_use]
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if Level::detect() == Some(Level(Instructions::Avx512))
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma")
        {
            return Some(Self(CurveInstructions::Avx512Ifma));
        }
        None
    }

    /// The instructions' name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(test)]
            CurveInstructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            CurveInstructions::Avx512Ifma => "avx512ifma",
        }
    }

    /// Does the work on these instructions.
    #[inline]
    pub(super) fn run<C: CurveWork>(self, work: C) -> C::Answer {
        match self.0 {
            #[cfg(test)]
            CurveInstructions::Portable => work.run::<Portable64>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only made after the processor was found to have these instructions.
            CurveInstructions::Avx512Ifma => unsafe { run_avx512ifma(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512ifma")]
fn run_avx512ifma<C: CurveWork>(work: C) -> C::Answer {
    work.run::<Avx512x64>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn group_avx2<K: Kernel>(messages: &[&[u8]], digests: &mut [u8]) {
    hash::group::<K, Avx2x32, Avx2x64>(messages, digests);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn rows_avx2<K: Kernel>(messages: &[u8], len: usize, digests: &mut [u8]) {
    hash::every::<K, Avx2x32, Avx2x64>(messages, len, digests);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn group_avx512<K: Kernel>(messages: &[&[u8]], digests: &mut [u8]) {
    hash::group::<K, Avx512x32, Avx512x64>(messages, digests);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn rows_avx512<K: Kernel>(messages: &[u8], len: usize, digests: &mut [u8]) {
    hash::every::<K, Avx512x32, Avx512x64>(messages, len, digests);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation of a [`Word52`] over a few words.
    struct Operations([[u64; 8]; 3]);

    impl CurveWork for Operations {
        type Answer = Vec<[u64; 8]>;

        fn run<W: Word52>(self) -> Self::Answer {
            let [a, b, c] = self.0.map(|words| W::load(&words));
            let masks = [a.equal(b), a.less(b), b.less(a), a.equal(a)].map(|mask| W::splat(u64::from(mask)));
            let words = [
                c.mul_add_low(a, b),
                c.mul_add_high(a, b),
                W::outlined(|| a.sub(b)),
                a.shl::<13>(),
                a.shr_signed::<7>(),
                a.mul(b),
            ];
            words.into_iter().chain(W::transpose([a, b, c, a, b, c, a.mul(c), a])).chain(masks).map(W::store).collect()
        }
    }

    #[test]
    fn products_of_limbs_are_the_same_on_every_level() {
        let word = |seed: u64| (seed ^ 0x1234_5678).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(seed as u32 % 64);
        let edges = [0, 1, (1 << 52) - 1, 1 << 52, u64::MAX, 1 << 63, (1 << 51) + 1, 52];
        for round in 0..64_u64 {
            let random = |k: u64| std::array::from_fn(|i| word(round * 24 + k * 8 + i as u64));
            let shifted = std::array::from_fn(|i| edges[(i + round as usize) % 8]);
            for words in [[random(0), random(1), random(2)], [edges, shifted, random(2)], [shifted, shifted, edges]] {
                let expected = CurveLevel::PORTABLE.run(Operations(words));
                if let Some(level) = CurveLevel::detect() {
                    assert_eq!(level.run(Operations(words)), expected, "{words:x?}");
                }
                // The portable words themselves, against wide arithmetic.
                let low = |word: u64| u128::from(word & ((1 << 52) - 1));
                for i in 0..8 {
                    let product = low(words[0][i]) * low(words[1][i]);
                    let sum = u128::from(expected[0][i].wrapping_sub(words[2][i]))
                        + (u128::from(expected[1][i].wrapping_sub(words[2][i])) << 52);
                    assert_eq!(sum, product);
                }
            }
        }
    }
}
