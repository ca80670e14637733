//! The hashes over 64-byte blocks of sixteen 32-bit words: SHA-256, SM3, RIPEMD-160, and the two that hash a digest again.

use super::super::word::{LANES_32, Word32, Word64, each};
use super::{Kernel, Ripemd160, Sha256, lanes_of, rows_of, words_32};

/// Bytes of a block.
const BLOCK: usize = 64;

/// A compression function, and how its bytes and words lie.
pub(in super::super) trait Md32 {
    /// The state before the first block; functions with five words leave the rest alone.
    const INIT: [u32; 8];
    /// Words of the state that are the digest.
    const DIGEST_WORDS: usize;
    /// Whether words and the length are big-endian.
    const BIG_ENDIAN: bool;

    /// Works one block into the state, feed-forward included. The block's words are in the machine's order.
    fn compress<W: Word32>(state: &mut [W; 8], block: &mut [W; 16]);

    /// What rounds over a block that every lane shares need of it.
    type Schedule;

    /// That of a block's words, in the machine's order.
    fn schedule(block: &[u32; 16]) -> Self::Schedule;

    /// [`Md32::compress`] with a block that every lane shares.
    fn compress_shared<W: Word32>(state: &mut [W; 8], schedule: &Self::Schedule);
}

/// What follows messages of one length: the mark and the length in bits.
pub(in super::super) struct Ending<S> {
    /// Its words in the block that the message ends in, if that has bytes of it.
    begun: [u32; 16],
    /// The block after that, if there is one.
    last: Option<S>,
}

impl<S> Ending<S> {
    #[inline(always)]
    fn of<C: Md32<Schedule = S>>(len: usize) -> Self {
        let (byte, is_begun) = (len % BLOCK, !len.is_multiple_of(BLOCK));
        let mut words = [0; 16];
        words[byte / 4] = 0x80 << (8 * if C::BIG_ENDIAN { 3 - byte % 4 } else { byte % 4 });
        let bits = (len as u64) << 3;
        let [first, second] = if C::BIG_ENDIAN { [bits >> 32, bits] } else { [bits, bits >> 32] };
        let fits = byte < BLOCK - 8;
        let mut last = if is_begun { [0; 16] } else { words };
        let with_length = if is_begun && fits { &mut words } else { &mut last };
        (with_length[14], with_length[15]) = (first as u32, second as u32);
        Self { begun: words, last: (!is_begun || !fits).then(|| C::schedule(&last)) }
    }
}

impl<C: Md32> Kernel for C {
    const LANES: usize = LANES_32;
    const DIGEST_BYTES: usize = 4 * C::DIGEST_WORDS;

    type Shared = Ending<C::Schedule>;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        // The mark's byte and the length's eight.
        (len + 9).div_ceil(BLOCK)
    }

    #[inline(always)]
    fn shared(len: usize) -> Self::Shared {
        Ending::of::<C>(len)
    }

    #[inline(always)]
    fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], ending: &Self::Shared, digests: &mut [u8]) {
        emit::<C, W32>(&hash_equal::<C, W32>(messages, ending), digests);
    }

    #[inline(always)]
    fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
        emit::<C, W32>(&hash_mixed::<C, W32>(messages), digests);
    }
}

/// The state after messages of one length.
#[inline(always)]
fn hash_equal<C: Md32, W: Word32>(messages: &[&[u8]], ending: &Ending<C::Schedule>) -> [W; 8] {
    let lanes: &[_; LANES_32] = lanes_of(messages);
    let (full, rest) = (lanes[0].len() / BLOCK, lanes[0].len() % BLOCK);
    let mut state = each(|i| W::splat(C::INIT[i]));
    for b in 0..full + usize::from(rest > 0) {
        let mut words = words_32::<W>(lanes, b * BLOCK);
        if C::BIG_ENDIAN {
            words = each(|w| words[w].swap_bytes());
        }
        if b == full {
            words = each(|w| words[w].or(W::splat(ending.begun[w])));
        }
        C::compress(&mut state, &mut words);
    }
    if let Some(schedule) = &ending.last {
        C::compress_shared(&mut state, schedule);
    }
    state
}

/// Messages of any lengths.
#[inline(always)]
fn hash_mixed<C: Md32, W: Word32>(messages: &[&[u8]]) -> [W; 8] {
    let messages: &[_; LANES_32] = lanes_of(messages);
    let mut tails = [[0_u8; 2 * BLOCK]; LANES_32];
    let mut blocks_max = 0;
    for (message, tail) in messages.iter().zip(&mut tails) {
        blocks_max = blocks_max.max(pad::<C>(message, tail));
    }
    let mut state = each(|i| W::splat(C::INIT[i]));
    for b in 0..blocks_max {
        let mut active = 0_u16;
        for (lane, message) in messages.iter().enumerate() {
            active |= u16::from(b < <C as Kernel>::blocks(message.len())) << lane;
        }
        let mut words = W::load_blocks(&each(|lane| {
            let (message, tail) = (messages[lane], &tails[lane]);
            let full = message.len() / BLOCK;
            let (from, at) = if b < full { (message, b * BLOCK) } else { (tail.as_slice(), (b - full).min(1) * BLOCK) };
            from[at..].first_chunk().expect("a block's bytes")
        }));
        if C::BIG_ENDIAN {
            words = each(|w| words[w].swap_bytes());
        }
        let mut next = state;
        C::compress(&mut next, &mut words);
        state = each(|i| state[i].select(active, next[i]));
    }
    state
}

/// Writes what follows a message's last full block: its rest, the mark, zeros and the length in bits. Returns the
/// message's blocks in all.
#[inline(always)]
fn pad<C: Md32>(message: &[u8], tail: &mut [u8; 2 * BLOCK]) -> usize {
    let blocks = <C as Kernel>::blocks(message.len());
    let full = message.len() / BLOCK;
    let rest = &message[full * BLOCK..];
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let bits = (message.len() as u64) << 3;
    let length = if C::BIG_ENDIAN { bits.to_be_bytes() } else { bits.to_le_bytes() };
    let end = (blocks - full) * BLOCK;
    tail[end - 8..end].copy_from_slice(&length);
    blocks
}

/// The lanes' digests.
#[inline(always)]
fn emit<C: Md32, W: Word32>(state: &[W; 8], digests: &mut [u8]) {
    let words = each(|i| if C::BIG_ENDIAN { state[i].swap_bytes() } else { state[i] });
    if C::DIGEST_WORDS == 8 {
        return W::store_rows(&words, rows_of(digests));
    }
    let mut rows = [[0; 32]; LANES_32];
    W::store_rows(&words, &mut rows);
    for (digest, row) in digests.chunks_exact_mut(4 * C::DIGEST_WORDS).zip(&rows) {
        digest.copy_from_slice(&row[..4 * C::DIGEST_WORDS]);
    }
}

/// The one block of a 32-byte SHA-256 digest, big-endian words in the machine's order.
#[inline(always)]
fn digest_block<W: Word32>(state: &[W; 8]) -> [W; 16] {
    let mut block = [W::splat(0); 16];
    block[..8].copy_from_slice(state);
    block[8] = W::splat(0x8000_0000);
    block[15] = W::splat(256);
    block
}

/// A hash of SHA-256's digest, which stays in its registers.
macro_rules! of_sha256 {
    ($name:ident, $bytes:literal, $again:ident) => {
        impl Kernel for $name {
            const LANES: usize = LANES_32;
            const DIGEST_BYTES: usize = $bytes;

            type Shared = <Sha256 as Kernel>::Shared;

            #[inline(always)]
            fn blocks(len: usize) -> usize {
                <Sha256 as Kernel>::blocks(len)
            }

            #[inline(always)]
            fn shared(len: usize) -> Self::Shared {
                <Sha256 as Kernel>::shared(len)
            }

            #[inline(always)]
            fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], ending: &Self::Shared, digests: &mut [u8]) {
                $again::<W32>(&hash_equal::<Sha256, W32>(messages, ending), digests);
            }

            #[inline(always)]
            fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
                $again::<W32>(&hash_mixed::<Sha256, W32>(messages), digests);
            }
        }
    };
}

/// SHA-256 of SHA-256.
pub(in super::super) struct Sha256d;

of_sha256!(Sha256d, 32, sha256_again);

#[inline(always)]
fn sha256_again<W: Word32>(inner: &[W; 8], digests: &mut [u8]) {
    let mut block = digest_block(inner);
    let mut state = each(|i| W::splat(Sha256::INIT[i]));
    Sha256::compress(&mut state, &mut block);
    emit::<Sha256, W>(&state, digests);
}

/// RIPEMD-160 of SHA-256.
pub(in super::super) struct Hash160;

of_sha256!(Hash160, 20, ripemd160_of);

#[inline(always)]
fn ripemd160_of<W: Word32>(inner: &[W; 8], digests: &mut [u8]) {
    let mut block = [W::splat(0); 16];
    for w in 0..8 {
        block[w] = inner[w].swap_bytes();
    }
    block[8] = W::splat(0x80);
    block[14] = W::splat(256);
    let mut state = each(|i| W::splat(Ripemd160::INIT[i]));
    Ripemd160::compress(&mut state, &mut block);
    emit::<Ripemd160, W>(&state, digests);
}
