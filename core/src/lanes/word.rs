//! The vector operations a kernel may use.
//!
//! A [`Word32`] is one 32-bit word of 16 independent items, a [`Word64`] one 64-bit word of 8, a [`Word52`] the same with
//! the products that field arithmetic is made of. Every operation works on
//! each lane alone, so no item ever sees its neighbour. All inputs are public: selection by mask is for speed, not secrecy.

/// Lanes of a [`Word32`].
pub(crate) const LANES_32: usize = 16;
/// Lanes of a [`Word64`].
pub(crate) const LANES_64: usize = 8;

/// `of(0)` to `of(N - 1)`: what `std::array::from_fn` gives, in a loop that is inlined into code compiled for the lanes'
/// instructions, which the standard library's own is not sure to be.
#[inline(always)]
pub(crate) fn each<T: Copy, const N: usize>(of: impl Fn(usize) -> T) -> [T; N] {
    let mut all = [of(0); N];
    let mut i = 1;
    while i < N {
        all[i] = of(i);
        i += 1;
    }
    all
}

/// One 32-bit word of each of 16 items.
pub(crate) trait Word32: Copy {
    /// The same word in every lane.
    fn splat(word: u32) -> Self;
    /// One word a lane.
    fn load(words: &[u32; LANES_32]) -> Self;
    /// Sixteen little-endian words of each of 16 blocks: the result's word w holds word w of every block.
    fn load_blocks(blocks: &[&[u8; 64]; LANES_32]) -> [Self; 16];
    /// The same of byte strings of at most 64 bytes, zeros after each.
    fn load_ends(ends: &[&[u8]; LANES_32]) -> [Self; 16];
    /// The first words of each lane, little-endian, end to end: the way back from [`Word32::load_blocks`].
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 32]; LANES_32]);
    /// Each lane's bytes reversed.
    fn swap_bytes(self) -> Self;
    /// Sum modulo 2^32.
    fn add(self, other: Self) -> Self;
    /// Exclusive or.
    fn xor(self, other: Self) -> Self;
    /// And.
    fn and(self, other: Self) -> Self;
    /// Or.
    fn or(self, other: Self) -> Self;
    /// Complement.
    fn not(self) -> Self;
    /// Rotation to the left by `BITS`, 1 to 31.
    fn rotl<const BITS: i32>(self) -> Self;
    /// Shift to the right by `BITS`, 1 to 31.
    fn shr<const BITS: u32>(self) -> Self;
    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    fn select(self, mask: u16, other: Self) -> Self;

    /// Exclusive or of three.
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
    /// Bits of `b` where `self` has ones, of `c` where it has zeros.
    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        self.and(b.xor(c)).xor(c)
    }
    /// The bit that at least two of the three have.
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        self.and(b).or(c.and(self.or(b)))
    }
}

/// One 64-bit word of each of 8 items.
pub(crate) trait Word64: Copy {
    /// The same word in every lane.
    fn splat(word: u64) -> Self;
    /// One word a lane.
    fn load(words: &[u64; LANES_64]) -> Self;
    /// The words, a lane each.
    fn store(self) -> [u64; LANES_64];
    /// Eight little-endian words of each of 8 blocks of 64 bytes: the result's word w holds word w of every block.
    fn load_blocks(blocks: &[&[u8; 64]; LANES_64]) -> [Self; 8];
    /// The same of byte strings of at most 64 bytes, zeros after each.
    fn load_ends(ends: &[&[u8]; LANES_64]) -> [Self; 8];
    /// The words of each lane, little-endian, end to end: the way back from [`Word64::load_blocks`].
    fn store_rows(words: &[Self; 8], rows: &mut [[u8; 64]; LANES_64]);
    /// The same of four words.
    fn store_half_rows(words: &[Self; 4], rows: &mut [[u8; 32]; LANES_64]);
    /// Each lane's bytes reversed.
    fn swap_bytes(self) -> Self;
    /// Sum modulo 2^64.
    fn add(self, other: Self) -> Self;
    /// Exclusive or.
    fn xor(self, other: Self) -> Self;
    /// And.
    fn and(self, other: Self) -> Self;
    /// Or.
    fn or(self, other: Self) -> Self;
    /// `other` where `self` has zeros: (not self) and other.
    fn not_and(self, other: Self) -> Self;
    /// Rotation to the left by `BITS`, 1 to 63.
    fn rotl<const BITS: i32>(self) -> Self;
    /// Shift to the right by `BITS`, 1 to 63.
    fn shr<const BITS: u32>(self) -> Self;
    /// Lane i of `other` where bit i of `mask` is set, else of `self`.
    fn select(self, mask: u8, other: Self) -> Self;

    /// Exclusive or of three.
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
    /// Keccak's chi: self xor (not b and c).
    #[inline(always)]
    fn chi(self, b: Self, c: Self) -> Self {
        self.xor(b.not_and(c))
    }
    /// Bits of `b` where `self` has ones, of `c` where it has zeros.
    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        self.and(b.xor(c)).xor(c)
    }
    /// The bit that at least two of the three have.
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        self.and(b).or(c.and(self.or(b)))
    }
}

/// One 64-bit word of each of 8 items, with products of 52-bit limbs: what curve arithmetic is made of.
pub(crate) trait Word52: Word64 {
    /// `self` plus the low 52 bits of the 104-bit product of the low 52 bits of `a` and `b`, modulo 2^64.
    fn mul_add_low(self, a: Self, b: Self) -> Self;
    /// `self` plus the high 52 bits of that product, modulo 2^64.
    fn mul_add_high(self, a: Self, b: Self) -> Self;
    /// Product modulo 2^64. Three times as dear as a multiply-add where the processor makes it of several.
    fn mul(self, other: Self) -> Self;
    /// Difference modulo 2^64.
    fn sub(self, other: Self) -> Self;
    /// Shift to the left by `BITS`, 1 to 63.
    fn shl<const BITS: u32>(self) -> Self;
    /// Shift to the right by `BITS`, 1 to 63, of the word as a signed number.
    fn shr_signed<const BITS: u32>(self) -> Self;
    /// The lanes where both are the same: bit i for lane i.
    fn equal(self, other: Self) -> u8;
    /// The lanes where `self` is smaller, as unsigned numbers.
    fn less(self, other: Self) -> u8;
    /// Rows for columns: word w of lane l becomes word l of lane w. What a lane has in eight words is one row of a table.
    fn transpose(words: [Self; LANES_64]) -> [Self; LANES_64];
    /// Asks for a block that is about to be loaded.
    #[inline(always)]
    fn prefetch(_block: &[u8; 64]) {}
    /// Calls `body` in a function of its own that is compiled for these words' instructions, so that a caller with many
    /// calls does not hold as many copies. What `body` calls is inlined into that function.
    fn outlined<R>(body: impl FnOnce() -> R) -> R;
}

/// Byte strings of at most 64 bytes as blocks, zeros after each: what [`Word32::load_ends`] does where there are no masked
/// loads.
#[inline(always)]
pub(crate) fn blocks_of<const N: usize>(ends: &[&[u8]; N]) -> [[u8; 64]; N] {
    let mut blocks = [[0; 64]; N];
    for (block, end) in blocks.iter_mut().zip(ends) {
        block[..end.len()].copy_from_slice(end);
    }
    blocks
}
