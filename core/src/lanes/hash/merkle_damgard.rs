//! The hashes over 64-byte blocks of sixteen 32-bit words: SHA-256, SM3, RIPEMD-160, and the two that hash a digest again.

use super::super::word::{LANES_32, Word32, Word64};
use super::{Kernel, Ripemd160, Sha256, fill};

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
}

impl<C: Md32> Kernel for C {
    const LANES: usize = LANES_32;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        // The mark's byte and the length's eight.
        (len + 9).div_ceil(BLOCK)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
        let state = hash::<C, W32>(messages);
        emit::<C, W32>(&state, messages.len(), out);
    }
}

/// The state after the last block of each message.
#[inline(always)]
fn hash<C: Md32, W: Word32>(messages: &[&[u8]]) -> [W; 8] {
    let messages: [&[u8]; LANES_32] = fill(messages);
    let mut tails = [[0_u8; 2 * BLOCK]; LANES_32];
    let mut blocks_max = 0;
    for (message, tail) in messages.iter().zip(&mut tails) {
        blocks_max = blocks_max.max(pad::<C>(message, tail));
    }
    let mut state = C::INIT.map(W::splat);
    for b in 0..blocks_max {
        let mut active = 0_u16;
        let blocks: [&[u8; BLOCK]; LANES_32] = std::array::from_fn(|lane| {
            let (message, tail) = (messages[lane], &tails[lane]);
            let full = message.len() / BLOCK;
            active |= u16::from(b < <C as Kernel>::blocks(message.len())) << lane;
            let (from, at) = if b < full { (message, b * BLOCK) } else { (tail.as_slice(), (b - full).min(1) * BLOCK) };
            from[at..at + BLOCK].try_into().expect("a block's bytes")
        });
        let mut words = W::load_blocks(&blocks);
        if C::BIG_ENDIAN {
            words = words.map(W::swap_bytes);
        }
        if active == u16::MAX {
            C::compress(&mut state, &mut words);
        } else {
            let mut next = state;
            C::compress(&mut next, &mut words);
            for (word, next) in state.iter_mut().zip(next) {
                *word = word.select(active, next);
            }
        }
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

/// Hands out each lane's digest.
#[inline(always)]
fn emit<C: Md32, W: Word32>(state: &[W; 8], messages: usize, out: &mut impl FnMut(usize, &[u8])) {
    let words = state.map(|word| if C::BIG_ENDIAN { word.swap_bytes() } else { word }.store());
    for lane in 0..messages {
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(&words) {
            bytes.copy_from_slice(&word[lane].to_le_bytes());
        }
        out(lane, &digest[..C::DIGEST_WORDS * 4]);
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

/// SHA-256 of SHA-256: the first digest stays in its registers.
pub(in super::super) struct Sha256d;

impl Kernel for Sha256d {
    const LANES: usize = LANES_32;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        <Sha256 as Kernel>::blocks(len)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
        let mut block = digest_block(&hash::<Sha256, W32>(messages));
        let mut state = Sha256::INIT.map(W32::splat);
        Sha256::compress(&mut state, &mut block);
        emit::<Sha256, W32>(&state, messages.len(), out);
    }
}

/// RIPEMD-160 of SHA-256: the first digest stays in its registers.
pub(in super::super) struct Hash160;

impl Kernel for Hash160 {
    const LANES: usize = LANES_32;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        <Sha256 as Kernel>::blocks(len)
    }

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut impl FnMut(usize, &[u8])) {
        let inner = hash::<Sha256, W32>(messages);
        let mut block = [W32::splat(0); 16];
        for (word, state) in block.iter_mut().zip(inner) {
            *word = state.swap_bytes();
        }
        block[8] = W32::splat(0x80);
        block[14] = W32::splat(256);
        let mut state = Ripemd160::INIT.map(W32::splat);
        Ripemd160::compress(&mut state, &mut block);
        emit::<Ripemd160, W32>(&state, messages.len(), out);
    }
}
