//! The lanes on plain arrays: the same algorithms on any machine, for tests.

use super::word::{LANES_32, LANES_64, Word32, Word52, Word64, blocks_of};

/// The portable lanes: the same algorithms on plain arrays, for tests on every machine. Never inlined: written out inside
/// unrolled rounds they would take minutes to compile.
#[derive(Clone, Copy)]
pub(crate) struct Portable<T, const N: usize>([T; N]);

macro_rules! portable {
    ($trait:ident, $word:ty, $lanes:ident, $words:literal, $mask:ty $(, $extra:item)*) => {
        impl $trait for Portable<$word, $lanes> {
            #[inline(never)]
            fn splat(word: $word) -> Self {
                Self([word; $lanes])
            }
            #[inline(never)]
            fn load(words: &[$word; $lanes]) -> Self {
                Self(*words)
            }
            #[inline(never)]
            fn load_blocks(blocks: &[&[u8; 64]; $lanes]) -> [Self; $words] {
                const BYTES: usize = <$word>::BITS as usize / 8;
                std::array::from_fn(|w| {
                    Self(std::array::from_fn(|lane| {
                        let bytes = &blocks[lane][w * BYTES..(w + 1) * BYTES];
                        <$word>::from_le_bytes(bytes.try_into().expect("a word's bytes"))
                    }))
                })
            }
            #[inline(never)]
            fn load_ends(ends: &[&[u8]; $lanes]) -> [Self; $words] {
                Self::load_blocks(&blocks_of(ends).each_ref())
            }
            #[inline(never)]
            fn store_rows(words: &[Self; 8], rows: &mut [[u8; 8 * <$word>::BITS as usize / 8]; $lanes]) {
                const BYTES: usize = <$word>::BITS as usize / 8;
                for (lane, row) in rows.iter_mut().enumerate() {
                    *row = std::array::from_fn(|i| words[i / BYTES].0[lane].to_le_bytes()[i % BYTES]);
                }
            }
            #[inline(never)]
            fn swap_bytes(self) -> Self {
                Self(self.0.map(<$word>::swap_bytes))
            }
            #[inline(never)]
            fn add(self, other: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
            }
            #[inline(never)]
            fn xor(self, other: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] ^ other.0[i]))
            }
            #[inline(never)]
            fn and(self, other: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
            }
            #[inline(never)]
            fn or(self, other: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
            }
            #[inline(never)]
            fn rotl<const BITS: i32>(self) -> Self {
                Self(self.0.map(|word| word.rotate_left(BITS as u32)))
            }
            #[inline(never)]
            fn shr<const BITS: u32>(self) -> Self {
                Self(self.0.map(|word| word >> BITS))
            }
            #[inline(never)]
            fn select(self, mask: $mask, other: Self) -> Self {
                Self(std::array::from_fn(|i| if mask >> i & 1 == 1 { other.0[i] } else { self.0[i] }))
            }
            $($extra)*
        }
    };
}

portable!(
    Word32,
    u32,
    LANES_32,
    16,
    u16,
    #[inline(never)]
    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
);
portable!(
    Word64,
    u64,
    LANES_64,
    8,
    u8,
    #[inline(never)]
    fn store(self) -> [u64; LANES_64] {
        self.0
    },
    #[inline(never)]
    fn store_half_rows(words: &[Self; 4], rows: &mut [[u8; 32]; LANES_64]) {
        for (lane, row) in rows.iter_mut().enumerate() {
            *row = std::array::from_fn(|i| words[i / 8].0[lane].to_le_bytes()[i % 8]);
        }
    },
    #[inline(never)]
    fn not_and(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| !self.0[i] & other.0[i]))
    }
);

impl Portable64 {
    fn zip(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|i| of(self.0[i], other.0[i])))
    }

    fn mask(self, other: Self, of: impl Fn(&u64, &u64) -> bool) -> u8 {
        (0..LANES_64).fold(0, |mask, i| mask | u8::from(of(&self.0[i], &other.0[i])) << i)
    }
}

/// The 104-bit product of two words' low 52 bits.
fn product52(a: u64, b: u64) -> u128 {
    const LOW: u64 = (1 << 52) - 1;
    u128::from(a & LOW) * u128::from(b & LOW)
}

impl Word52 for Portable64 {
    #[inline(never)]
    fn mul_add_low(self, a: Self, b: Self) -> Self {
        self.add(a.zip(b, |a, b| product52(a, b) as u64 & ((1 << 52) - 1)))
    }
    #[inline(never)]
    fn mul_add_high(self, a: Self, b: Self) -> Self {
        self.add(a.zip(b, |a, b| (product52(a, b) >> 52) as u64))
    }
    #[inline(never)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_mul)
    }
    #[inline(never)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }
    #[inline(never)]
    fn shl<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| word << BITS))
    }
    #[inline(never)]
    fn shr_signed<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| ((word as i64) >> BITS) as u64))
    }
    #[inline(never)]
    fn equal(self, other: Self) -> u8 {
        self.mask(other, u64::eq)
    }
    #[inline(never)]
    fn less(self, other: Self) -> u8 {
        self.mask(other, u64::lt)
    }
    #[inline(never)]
    fn transpose(words: [Self; LANES_64]) -> [Self; LANES_64] {
        std::array::from_fn(|lane| Self(std::array::from_fn(|word| words[word].0[lane])))
    }
    #[inline(never)]
    fn outlined<R>(body: impl FnOnce() -> R) -> R {
        body()
    }
}

/// Portable 32-bit lanes.
pub(crate) type Portable32 = Portable<u32, LANES_32>;
/// Portable 64-bit lanes.
pub(crate) type Portable64 = Portable<u64, LANES_64>;
