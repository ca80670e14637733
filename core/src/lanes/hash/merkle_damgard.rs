//! The hashes over 64-byte blocks of sixteen 32-bit words: SHA-256, SM3, RIPEMD-160, and the two that hash a digest again.

use super::super::word::{LANES_32, Word32, Word64, each};
use super::{Kernel, Ripemd160, Sha256, fill, hand_out};

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

    /// The same with a block that every lane shares, where that is cheaper; says whether it did.
    #[inline(always)]
    fn compress_same<W: Word32>(_state: &mut [W; 8], _block: &[u32; 16]) -> bool {
        false
    }
}

impl<C: Md32> Kernel for C {
    const LANES: usize = LANES_32;
    const DIGEST_BYTES: usize = 4 * C::DIGEST_WORDS;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        // The mark's byte and the length's eight.
        (len + 9).div_ceil(BLOCK)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
        let state = hash::<C, W32>(messages);
        emit::<C, W32>(&state, messages.len(), out);
    }
}

/// The state after the last block of each message.
#[inline(always)]
fn hash<C: Md32, W: Word32>(messages: &[&[u8]]) -> [W; 8] {
    let len = messages[0].len();
    let uniform = messages.iter().all(|message| message.len() == len);
    let messages: [&[u8]; LANES_32] = fill(messages);
    if uniform { hash_uniform::<C, W>(&messages, len) } else { hash_mixed::<C, W>(&messages) }
}

/// Messages of one length: what follows them is the same in every lane and never written out.
#[inline(always)]
fn hash_uniform<C: Md32, W: Word32>(messages: &[&[u8]; LANES_32], len: usize) -> [W; 8] {
    let (full, rest) = (len / BLOCK, len % BLOCK);
    let last = <C as Kernel>::blocks(len) - 1;
    let mut state = each(|i| W::splat(C::INIT[i]));
    for b in 0..=last {
        let mut ending = [0_u32; 16];
        if b == full {
            let byte = rest % 4;
            ending[rest / 4] = 0x80 << (8 * if C::BIG_ENDIAN { 3 - byte } else { byte });
        }
        if b == last {
            let bits = (len as u64) << 3;
            let [first, second] = if C::BIG_ENDIAN { [bits >> 32, bits] } else { [bits, bits >> 32] };
            (ending[14], ending[15]) = (first as u32, second as u32);
        }
        if (b > full || rest == 0 && b == full) && C::compress_same(&mut state, &ending) {
            continue;
        }
        let mut words = if b < full {
            W::load_blocks(&each(|lane| messages[lane][b * BLOCK..].first_chunk().expect("a block's bytes")))
        } else if b == full {
            W::load_ends(&each(|lane| &messages[lane][b * BLOCK..]))
        } else {
            [W::splat(0); 16]
        };
        if C::BIG_ENDIAN {
            words = each(|w| words[w].swap_bytes());
        }
        if b >= full {
            words = each(|w| words[w].or(W::splat(ending[w])));
        }
        C::compress(&mut state, &mut words);
    }
    state
}

/// Messages of any lengths.
#[inline(always)]
fn hash_mixed<C: Md32, W: Word32>(messages: &[&[u8]; LANES_32]) -> [W; 8] {
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

/// Hands out the lanes' digests.
#[inline(always)]
fn emit<C: Md32, W: Word32>(state: &[W; 8], messages: usize, out: &mut dyn FnMut(usize, &[u8])) {
    let words = each(|i| if C::BIG_ENDIAN { state[i].swap_bytes() } else { state[i] });
    hand_out::<C, 32>(&W::store_rows(&words)[..messages], out);
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

/// SHA-256 of SHA-256: the first digest stays in its registers.
pub(in super::super) struct Sha256d;

impl Kernel for Sha256d {
    const LANES: usize = LANES_32;
    const DIGEST_BYTES: usize = 32;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        <Sha256 as Kernel>::blocks(len)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
        let mut block = digest_block(&hash::<Sha256, W32>(messages));
        let mut state = each(|i| W32::splat(Sha256::INIT[i]));
        Sha256::compress(&mut state, &mut block);
        emit::<Sha256, W32>(&state, messages.len(), out);
    }
}

/// RIPEMD-160 of SHA-256: the first digest stays in its registers.
pub(in super::super) struct Hash160;

impl Kernel for Hash160 {
    const LANES: usize = LANES_32;
    const DIGEST_BYTES: usize = 20;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        <Sha256 as Kernel>::blocks(len)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
        let inner = hash::<Sha256, W32>(messages);
        let mut block = [W32::splat(0); 16];
        for (word, state) in block.iter_mut().zip(inner) {
            *word = state.swap_bytes();
        }
        block[8] = W32::splat(0x80);
        block[14] = W32::splat(256);
        let mut state = each(|i| W32::splat(Ripemd160::INIT[i]));
        Ripemd160::compress(&mut state, &mut block);
        emit::<Ripemd160, W32>(&state, messages.len(), out);
    }
}
