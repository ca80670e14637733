//! The lanes on AVX-512: one 512-bit register a word.
//!
//! The types here are only used inside functions compiled for AVX-512 F, BW and VL (see [`super::hash`]), which are only
//! called with a token that detection minted; [`Word52`] asks for AVX-512 DQ and IFMA besides, which have a token of their
//! own. That is what every `SAFETY` line below leans on.
#![allow(unsafe_code, reason = "vendor intrinsics need it; each is fenced by the token")]
#![allow(clippy::needless_range_loop, reason = "zip and its like may be left standing, without the instructions")]

use std::arch::x86_64::*;

use super::word::{LANES_32, LANES_64, Word32, Word52, Word64, each};

/// One 32-bit word of each of 16 items.
#[derive(Clone, Copy)]
pub(crate) struct Avx512x32(__m512i);

/// One 64-bit word of each of 8 items.
#[derive(Clone, Copy)]
pub(crate) struct Avx512x64(__m512i);

/// Calls an intrinsic.
macro_rules! op {
    ($($call:tt)*) => {
        // SAFETY: only reachable from functions compiled for AVX-512 F, BW and VL, whose callers hold the token.
        unsafe { $($call)* }
    };
}

/// Reverses the bytes of each 32-bit (or 64-bit) word of a 128-bit block.
const SWAP_32: i128 = 0x0c0d0e0f_08090a0b_04050607_00010203;
const SWAP_64: i128 = 0x08090a0b0c0d0e0f_0001020304050607;

macro_rules! bitwise {
    ($lanes:ident, $mask:ty, $select:ident) => {
        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            Self(op!(_mm512_xor_si512(self.0, other.0)))
        }
        #[inline(always)]
        fn and(self, other: Self) -> Self {
            Self(op!(_mm512_and_si512(self.0, other.0)))
        }
        #[inline(always)]
        fn or(self, other: Self) -> Self {
            Self(op!(_mm512_or_si512(self.0, other.0)))
        }
        #[inline(always)]
        fn select(self, mask: $mask, other: Self) -> Self {
            Self(op!($select(mask, self.0, other.0)))
        }
        #[inline(always)]
        fn xor3(self, b: Self, c: Self) -> Self {
            Self(op!(_mm512_ternarylogic_epi64::<0x96>(self.0, b.0, c.0)))
        }
        #[inline(always)]
        fn choose(self, b: Self, c: Self) -> Self {
            Self(op!(_mm512_ternarylogic_epi64::<0xca>(self.0, b.0, c.0)))
        }
        #[inline(always)]
        fn majority(self, b: Self, c: Self) -> Self {
            Self(op!(_mm512_ternarylogic_epi64::<0xe8>(self.0, b.0, c.0)))
        }
    };
}

/// At most 64 bytes, zeros after them.
#[inline(always)]
fn load_end(end: &[u8]) -> __m512i {
    assert!(end.len() <= 64, "{} bytes of a block", end.len());
    let mask = if end.len() == 64 { u64::MAX } else { (1 << end.len()) - 1 };
    // SAFETY: reachable as above; bytes whose mask bit is zero are not read.
    unsafe { _mm512_maskz_loadu_epi8(mask, end.as_ptr().cast()) }
}

/// Word w of the result holds word w of every row.
#[inline(always)]
fn transposed_32(rows: [Avx512x32; LANES_32]) -> [Avx512x32; 16] {
    let rows = each::<_, 16>(|i| rows[i].0);
    // A 16 x 16 transposition in four steps: words, then pairs of words, then 128-bit blocks twice.
    let mut pairs = rows;
    for i in 0..8 {
        pairs[2 * i] = op!(_mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]));
        pairs[2 * i + 1] = op!(_mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]));
    }
    // quads[4 q + k]: in 128-bit block b, word 4 b + k of lanes 4 q to 4 q + 3.
    let mut quads = rows;
    for q in 0..4 {
        let [a, b, c, d] = [pairs[4 * q], pairs[4 * q + 1], pairs[4 * q + 2], pairs[4 * q + 3]];
        quads[4 * q] = op!(_mm512_unpacklo_epi64(a, c));
        quads[4 * q + 1] = op!(_mm512_unpackhi_epi64(a, c));
        quads[4 * q + 2] = op!(_mm512_unpacklo_epi64(b, d));
        quads[4 * q + 3] = op!(_mm512_unpackhi_epi64(b, d));
    }
    let mut words = rows;
    for k in 0..4 {
        let [a, b, c, d] = [quads[k], quads[4 + k], quads[8 + k], quads[12 + k]];
        let even_low = op!(_mm512_shuffle_i32x4::<0x88>(a, b));
        let even_high = op!(_mm512_shuffle_i32x4::<0x88>(c, d));
        let odd_low = op!(_mm512_shuffle_i32x4::<0xdd>(a, b));
        let odd_high = op!(_mm512_shuffle_i32x4::<0xdd>(c, d));
        words[k] = op!(_mm512_shuffle_i32x4::<0x88>(even_low, even_high));
        words[8 + k] = op!(_mm512_shuffle_i32x4::<0xdd>(even_low, even_high));
        words[4 + k] = op!(_mm512_shuffle_i32x4::<0x88>(odd_low, odd_high));
        words[12 + k] = op!(_mm512_shuffle_i32x4::<0xdd>(odd_low, odd_high));
    }
    each(|w| Avx512x32(words[w]))
}

impl Word32 for Avx512x32 {
    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(op!(_mm512_set1_epi32(word as i32)))
    }
    #[inline(always)]
    fn load(words: &[u32; LANES_32]) -> Self {
        Self(op!(_mm512_loadu_si512(words.as_ptr().cast())))
    }
    #[inline(always)]
    fn load_blocks(blocks: &[&[u8; 64]; LANES_32]) -> [Self; 16] {
        transposed_32(each(|lane| Self(op!(_mm512_loadu_si512(blocks[lane].as_ptr().cast())))))
    }
    #[inline(always)]
    fn load_ends(ends: &[&[u8]; LANES_32]) -> [Self; 16] {
        transposed_32(each(|lane| Self(load_end(ends[lane]))))
    }
    #[inline(always)]
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 32]; LANES_32]) {
        // halves[h][k]: in 128-bit block b, words 4 h to 4 h + 3 of lane 4 b + k.
        let mut halves = [[words[0].0; 4]; 2];
        for h in 0..2 {
            let [a, b, c, d] = [words[4 * h].0, words[4 * h + 1].0, words[4 * h + 2].0, words[4 * h + 3].0];
            let (low, high) = (op!(_mm512_unpacklo_epi32(a, b)), op!(_mm512_unpacklo_epi32(c, d)));
            halves[h][0] = op!(_mm512_unpacklo_epi64(low, high));
            halves[h][1] = op!(_mm512_unpackhi_epi64(low, high));
            let (low, high) = (op!(_mm512_unpackhi_epi32(a, b)), op!(_mm512_unpackhi_epi32(c, d)));
            halves[h][2] = op!(_mm512_unpacklo_epi64(low, high));
            halves[h][3] = op!(_mm512_unpackhi_epi64(low, high));
        }
        for k in 0..4 {
            let [first, second] = [halves[0][k], halves[1][k]];
            // Lanes k and 4 + k, then lanes 8 + k and 12 + k.
            let low = op!(_mm512_permutex2var_epi64(first, _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), second));
            let high = op!(_mm512_permutex2var_epi64(first, _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4), second));
            for (two, lane) in [(low, k), (high, 8 + k)] {
                op!(_mm256_storeu_si256(rows[lane].as_mut_ptr().cast(), _mm512_castsi512_si256(two)));
                op!(_mm256_storeu_si256(rows[lane + 4].as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(two)));
            }
        }
    }
    #[inline(always)]
    fn swap_bytes(self) -> Self {
        Self(op!(_mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(std::mem::transmute::<i128, __m128i>(SWAP_32)))))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(op!(_mm512_add_epi32(self.0, other.0)))
    }
    #[inline(always)]
    fn not(self) -> Self {
        Self(op!(_mm512_ternarylogic_epi64::<0x0f>(self.0, self.0, self.0)))
    }
    #[inline(always)]
    fn rotl<const BITS: i32>(self) -> Self {
        Self(op!(_mm512_rol_epi32::<BITS>(self.0)))
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        Self(op!(_mm512_srli_epi32::<BITS>(self.0)))
    }
    bitwise!(LANES_32, u16, _mm512_mask_blend_epi32);
}

/// An 8 x 8 transposition.
#[inline(always)]
fn transpose(rows: [Avx512x64; LANES_64]) -> [Avx512x64; LANES_64] {
    let rows = each::<_, LANES_64>(|lane| rows[lane].0);
    // In three steps: words, then 128-bit blocks twice.
    // pairs[2 p + k]: in 128-bit block b, word 2 b + k of lanes 2 p and 2 p + 1.
    let mut pairs = rows;
    for p in 0..4 {
        pairs[2 * p] = op!(_mm512_unpacklo_epi64(rows[2 * p], rows[2 * p + 1]));
        pairs[2 * p + 1] = op!(_mm512_unpackhi_epi64(rows[2 * p], rows[2 * p + 1]));
    }
    let mut words = [Avx512x64(rows[0]); 8];
    for k in 0..2 {
        let [a, b, c, d] = [pairs[k], pairs[2 + k], pairs[4 + k], pairs[6 + k]];
        let even_low = op!(_mm512_shuffle_i64x2::<0x88>(a, b));
        let even_high = op!(_mm512_shuffle_i64x2::<0x88>(c, d));
        let odd_low = op!(_mm512_shuffle_i64x2::<0xdd>(a, b));
        let odd_high = op!(_mm512_shuffle_i64x2::<0xdd>(c, d));
        words[k] = Avx512x64(op!(_mm512_shuffle_i64x2::<0x88>(even_low, even_high)));
        words[4 + k] = Avx512x64(op!(_mm512_shuffle_i64x2::<0xdd>(even_low, even_high)));
        words[2 + k] = Avx512x64(op!(_mm512_shuffle_i64x2::<0x88>(odd_low, odd_high)));
        words[6 + k] = Avx512x64(op!(_mm512_shuffle_i64x2::<0xdd>(odd_low, odd_high)));
    }
    words
}

impl Word64 for Avx512x64 {
    #[inline(always)]
    fn splat(word: u64) -> Self {
        Self(op!(_mm512_set1_epi64(word as i64)))
    }
    #[inline(always)]
    fn load(words: &[u64; LANES_64]) -> Self {
        Self(op!(_mm512_loadu_si512(words.as_ptr().cast())))
    }
    #[inline(always)]
    fn store(self) -> [u64; LANES_64] {
        let mut words = [0; LANES_64];
        op!(_mm512_storeu_si512(words.as_mut_ptr().cast(), self.0));
        words
    }
    #[inline(always)]
    fn load_blocks(blocks: &[&[u8; 64]; LANES_64]) -> [Self; 8] {
        transpose(each(|lane| Self(op!(_mm512_loadu_si512(blocks[lane].as_ptr().cast())))))
    }
    #[inline(always)]
    fn load_ends(ends: &[&[u8]; LANES_64]) -> [Self; 8] {
        transpose(each(|lane| Self(load_end(ends[lane]))))
    }
    #[inline(always)]
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 64]; LANES_64]) {
        for (row, lane) in rows.iter_mut().zip(transpose(*words)) {
            op!(_mm512_storeu_si512(row.as_mut_ptr().cast(), lane.0));
        }
    }
    #[inline(always)]
    fn store_half_rows(words: &[Self; 4], rows: &mut [[u8; 32]; LANES_64]) {
        let [a, b, c, d] = each::<_, 4>(|i| words[i].0);
        for odd in 0..2 {
            // In 128-bit block b, two words of lane 2 b + odd.
            let (first, second) = match odd {
                0 => (op!(_mm512_unpacklo_epi64(a, b)), op!(_mm512_unpacklo_epi64(c, d))),
                _ => (op!(_mm512_unpackhi_epi64(a, b)), op!(_mm512_unpackhi_epi64(c, d))),
            };
            let low = op!(_mm512_permutex2var_epi64(first, _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), second));
            let high = op!(_mm512_permutex2var_epi64(first, _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4), second));
            for (two, lane) in [(low, odd), (high, 4 + odd)] {
                op!(_mm256_storeu_si256(rows[lane].as_mut_ptr().cast(), _mm512_castsi512_si256(two)));
                op!(_mm256_storeu_si256(rows[lane + 2].as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(two)));
            }
        }
    }
    #[inline(always)]
    fn swap_bytes(self) -> Self {
        Self(op!(_mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(std::mem::transmute::<i128, __m128i>(SWAP_64)))))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(op!(_mm512_add_epi64(self.0, other.0)))
    }
    #[inline(always)]
    fn not_and(self, other: Self) -> Self {
        Self(op!(_mm512_andnot_si512(self.0, other.0)))
    }
    #[inline(always)]
    fn chi(self, b: Self, c: Self) -> Self {
        Self(op!(_mm512_ternarylogic_epi64::<0xd2>(self.0, b.0, c.0)))
    }
    #[inline(always)]
    fn rotl<const BITS: i32>(self) -> Self {
        Self(op!(_mm512_rol_epi64::<BITS>(self.0)))
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        Self(op!(_mm512_srli_epi64::<BITS>(self.0)))
    }
    bitwise!(LANES_64, u8, _mm512_mask_blend_epi64);
}

impl Word52 for Avx512x64 {
    #[inline(always)]
    fn mul_add_low(self, a: Self, b: Self) -> Self {
        Self(op!(_mm512_madd52lo_epu64(self.0, a.0, b.0)))
    }
    #[inline(always)]
    fn mul_add_high(self, a: Self, b: Self) -> Self {
        Self(op!(_mm512_madd52hi_epu64(self.0, a.0, b.0)))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(op!(_mm512_mullo_epi64(self.0, other.0)))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(op!(_mm512_sub_epi64(self.0, other.0)))
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self) -> Self {
        Self(op!(_mm512_slli_epi64::<BITS>(self.0)))
    }
    #[inline(always)]
    fn shr_signed<const BITS: u32>(self) -> Self {
        Self(op!(_mm512_srai_epi64::<BITS>(self.0)))
    }
    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        op!(_mm512_cmpeq_epi64_mask(self.0, other.0))
    }
    #[inline(always)]
    fn less(self, other: Self) -> u8 {
        op!(_mm512_cmplt_epu64_mask(self.0, other.0))
    }
    #[inline(always)]
    fn transpose(words: [Self; LANES_64]) -> [Self; LANES_64] {
        transpose(words)
    }
    #[inline(always)]
    fn prefetch(block: &[u8; 64]) {
        op!(_mm_prefetch::<_MM_HINT_T0>(block.as_ptr().cast()));
    }
    #[inline(always)]
    fn outlined<R>(body: impl FnOnce() -> R) -> R {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512ifma")]
        fn compiled<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        op!(compiled(body))
    }
}
