//! The hashes' lanes on AVX2: two 256-bit registers a word, so that kernels have as many lanes as on AVX-512.
//!
//! The types here are only used inside functions compiled for AVX2 (see [`super::level`]), which are only called with a
//! token that detection minted. That is what every `SAFETY` line below leans on.
#![allow(unsafe_code, reason = "vendor intrinsics need it; each is fenced by the token")]

use std::arch::x86_64::*;

use super::word::{LANES_32, LANES_64, Word32, Word64, blocks_of};

/// One 32-bit word of each of 16 items.
#[derive(Clone, Copy)]
pub(crate) struct Avx2x32([__m256i; 2]);

/// One 64-bit word of each of 8 items.
#[derive(Clone, Copy)]
pub(crate) struct Avx2x64([__m256i; 2]);

/// Calls an intrinsic.
macro_rules! op {
    ($($call:tt)*) => {
        // SAFETY: only reachable from functions compiled for AVX2, whose callers hold the token.
        unsafe { $($call)* }
    };
}

/// Does the same to both registers. A macro, since closures are not sure to be inlined into code compiled for AVX2.
macro_rules! both {
    ($i:ident, $value:expr) => {{
        let first = {
            const $i: usize = 0;
            $value
        };
        let second = {
            const $i: usize = 1;
            $value
        };
        Self([first, second])
    }};
}

/// Moves the bytes of each 128-bit half: byte i comes from byte `order[i]`.
#[inline(always)]
fn shuffle(words: __m256i, order: [u8; 16]) -> __m256i {
    op!(_mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(std::mem::transmute::<[u8; 16], __m128i>(order))))
}

/// Byte order of words of `width` bytes, each rotated to the left by `bytes`.
const fn rotated(width: u8, bytes: u8) -> [u8; 16] {
    let mut order = [0; 16];
    let mut i = 0;
    while i < 16 {
        let word = i as u8 / width * width;
        order[i] = word + (i as u8 % width + width - bytes) % width;
        i += 1;
    }
    order
}

/// Byte order of words of `width` bytes, each reversed.
const fn reversed(width: u8) -> [u8; 16] {
    let mut order = [0; 16];
    let mut i = 0;
    while i < 16 {
        let word = i as u8 / width * width;
        order[i] = word + width - 1 - i as u8 % width;
        i += 1;
    }
    order
}

/// What both widths have in common.
macro_rules! common {
    ($lanes:ident, $mask:ty, $word:ty, $bytes:literal, $splat:ident, $add:ident, $left:ident, $right:ident, $equal:ident, $bits:expr) => {
        #[inline(always)]
        fn splat(word: $word) -> Self {
            Self([op!($splat(word.cast_signed())); 2])
        }
        #[inline(always)]
        fn load(words: &[$word; $lanes]) -> Self {
            let at = words.as_ptr().cast::<__m256i>();
            Self([op!(_mm256_loadu_si256(at)), op!(_mm256_loadu_si256(at.add(1)))])
        }
        #[inline(always)]
        fn swap_bytes(self) -> Self {
            both!(I, shuffle(self.0[I], const { reversed($bytes) }))
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            both!(I, op!($add(self.0[I], other.0[I])))
        }
        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            both!(I, op!(_mm256_xor_si256(self.0[I], other.0[I])))
        }
        #[inline(always)]
        fn and(self, other: Self) -> Self {
            both!(I, op!(_mm256_and_si256(self.0[I], other.0[I])))
        }
        #[inline(always)]
        fn or(self, other: Self) -> Self {
            both!(I, op!(_mm256_or_si256(self.0[I], other.0[I])))
        }
        #[inline(always)]
        fn rotl<const BITS: i32>(self) -> Self {
            if BITS % 8 == 0 {
                return both!(I, shuffle(self.0[I], const { rotated($bytes, (BITS / 8) as u8) }));
            }
            let right = op!(_mm_cvtsi32_si128(<$word>::BITS as i32 - BITS));
            let left = op!(_mm_cvtsi32_si128(BITS));
            both!(I, op!(_mm256_or_si256($left(self.0[I], left), $right(self.0[I], right))))
        }
        #[inline(always)]
        fn shr<const BITS: u32>(self) -> Self {
            both!(I, op!($right(self.0[I], _mm_cvtsi32_si128(BITS as i32))))
        }
        #[inline(always)]
        fn select(self, mask: $mask, other: Self) -> Self {
            let Self(bits) = Self::load(&$bits);
            let Self(masks) = Self::splat(<$word>::from(mask));
            both!(I, {
                let taken = op!($equal(_mm256_and_si256(masks[I], bits[I]), bits[I]));
                op!(_mm256_blendv_epi8(self.0[I], other.0[I], taken))
            })
        }
    };
}

impl Word32 for Avx2x32 {
    common!(
        LANES_32,
        u16,
        u32,
        4,
        _mm256_set1_epi32,
        _mm256_add_epi32,
        _mm256_sll_epi32,
        _mm256_srl_epi32,
        _mm256_cmpeq_epi32,
        const { lane_bits_32() }
    );
    #[inline(always)]
    fn load_blocks(blocks: &[&[u8; 64]; LANES_32]) -> [Self; 16] {
        let mut words = [Self::splat(0); 16];
        for half in 0..2 {
            for part in 0..2 {
                let mut rows = [op!(_mm256_setzero_si256()); 8];
                for (lane, row) in rows.iter_mut().enumerate() {
                    *row = op!(_mm256_loadu_si256(blocks[8 * half + lane][32 * part..].as_ptr().cast()));
                }
                let columns = transposed_32(rows);
                for word in 0..8 {
                    words[8 * part + word].0[half] = columns[word];
                }
            }
        }
        words
    }
    #[inline(always)]
    fn load_ends(ends: &[&[u8]; LANES_32]) -> [Self; 16] {
        Self::load_blocks(&blocks_of(ends).each_ref())
    }
    #[inline(always)]
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 32]; LANES_32]) {
        for half in 0..2 {
            let mut columns = [op!(_mm256_setzero_si256()); 8];
            for (column, word) in columns.iter_mut().zip(words) {
                *column = word.0[half];
            }
            for (row, lane) in rows[8 * half..].iter_mut().zip(transposed_32(columns)) {
                op!(_mm256_storeu_si256(row.as_mut_ptr().cast(), lane));
            }
        }
    }
    #[inline(always)]
    fn not(self) -> Self {
        self.xor(Self::splat(u32::MAX))
    }
}

impl Word64 for Avx2x64 {
    common!(
        LANES_64,
        u8,
        u64,
        8,
        _mm256_set1_epi64x,
        _mm256_add_epi64,
        _mm256_sll_epi64,
        _mm256_srl_epi64,
        _mm256_cmpeq_epi64,
        const { lane_bits_64() }
    );
    #[inline(always)]
    fn store(self) -> [u64; LANES_64] {
        let mut words = [0; LANES_64];
        let at = words.as_mut_ptr().cast::<__m256i>();
        op!(_mm256_storeu_si256(at, self.0[0]));
        op!(_mm256_storeu_si256(at.add(1), self.0[1]));
        words
    }
    #[inline(always)]
    fn load_blocks(blocks: &[&[u8; 64]; LANES_64]) -> [Self; 8] {
        let mut words = [Self::splat(0); 8];
        for half in 0..2 {
            for part in 0..2 {
                let mut rows = [op!(_mm256_setzero_si256()); 4];
                for (lane, row) in rows.iter_mut().enumerate() {
                    *row = op!(_mm256_loadu_si256(blocks[4 * half + lane][32 * part..].as_ptr().cast()));
                }
                let columns = transposed_64(rows);
                for word in 0..4 {
                    words[4 * part + word].0[half] = columns[word];
                }
            }
        }
        words
    }
    #[inline(always)]
    fn load_ends(ends: &[&[u8]; LANES_64]) -> [Self; 8] {
        Self::load_blocks(&blocks_of(ends).each_ref())
    }
    #[inline(always)]
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 64]; LANES_64]) {
        for half in 0..2 {
            for part in 0..2 {
                let mut columns = [op!(_mm256_setzero_si256()); 4];
                for (column, word) in columns.iter_mut().zip(&words[4 * part..]) {
                    *column = word.0[half];
                }
                for (row, lane) in rows[4 * half..].iter_mut().zip(transposed_64(columns)) {
                    op!(_mm256_storeu_si256(row[32 * part..].as_mut_ptr().cast(), lane));
                }
            }
        }
    }
    #[inline(always)]
    fn store_half_rows(words: &[Self; 4], rows: &mut [[u8; 32]; LANES_64]) {
        for half in 0..2 {
            let [a, b, c, d] = words;
            let columns = transposed_64([a.0[half], b.0[half], c.0[half], d.0[half]]);
            for (row, lane) in rows[4 * half..].iter_mut().zip(columns) {
                op!(_mm256_storeu_si256(row.as_mut_ptr().cast(), lane));
            }
        }
    }
    #[inline(always)]
    fn not_and(self, other: Self) -> Self {
        both!(I, op!(_mm256_andnot_si256(self.0[I], other.0[I])))
    }
}

/// Bit i in lane i.
const fn lane_bits_32() -> [u32; LANES_32] {
    let mut bits = [0; LANES_32];
    let mut i = 0;
    while i < LANES_32 {
        bits[i] = 1 << i;
        i += 1;
    }
    bits
}

/// Bit i in lane i.
const fn lane_bits_64() -> [u64; LANES_64] {
    let mut bits = [0; LANES_64];
    let mut i = 0;
    while i < LANES_64 {
        bits[i] = 1 << i;
        i += 1;
    }
    bits
}

/// An 8 x 8 transposition of 32-bit words in three steps: words, pairs of words, 128-bit halves.
#[inline(always)]
fn transposed_32(rows: [__m256i; 8]) -> [__m256i; 8] {
    let mut pairs = rows;
    for i in 0..4 {
        pairs[2 * i] = op!(_mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]));
        pairs[2 * i + 1] = op!(_mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]));
    }
    // quads[4 q + k]: in 128-bit half h, word 4 h + k of lanes 4 q to 4 q + 3.
    let mut quads = rows;
    for q in 0..2 {
        let [a, b, c, d] = [pairs[4 * q], pairs[4 * q + 1], pairs[4 * q + 2], pairs[4 * q + 3]];
        quads[4 * q] = op!(_mm256_unpacklo_epi64(a, c));
        quads[4 * q + 1] = op!(_mm256_unpackhi_epi64(a, c));
        quads[4 * q + 2] = op!(_mm256_unpacklo_epi64(b, d));
        quads[4 * q + 3] = op!(_mm256_unpackhi_epi64(b, d));
    }
    let mut columns = rows;
    for k in 0..4 {
        columns[k] = op!(_mm256_permute2x128_si256::<0x20>(quads[k], quads[4 + k]));
        columns[4 + k] = op!(_mm256_permute2x128_si256::<0x31>(quads[k], quads[4 + k]));
    }
    columns
}

/// A 4 x 4 transposition of 64-bit words in two steps: words, 128-bit halves.
#[inline(always)]
fn transposed_64([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let [low, high] = [op!(_mm256_unpacklo_epi64(a, b)), op!(_mm256_unpackhi_epi64(a, b))];
    let [low_next, high_next] = [op!(_mm256_unpacklo_epi64(c, d)), op!(_mm256_unpackhi_epi64(c, d))];
    [
        op!(_mm256_permute2x128_si256::<0x20>(low, low_next)),
        op!(_mm256_permute2x128_si256::<0x20>(high, high_next)),
        op!(_mm256_permute2x128_si256::<0x31>(low, low_next)),
        op!(_mm256_permute2x128_si256::<0x31>(high, high_next)),
    ]
}
