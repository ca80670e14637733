//! BLAKE3 in hash mode, 32 bytes, for messages of one chunk (BLAKE3 specification, section 2).
//!
//! Longer messages are trees of chunks, which the `blake3` crate hashes with lanes of its own.

use super::super::word::{LANES_32, Word32, Word64, each};
use super::constants::SHA256_INIT;
use super::{Kernel, lanes_of, piece, rows_of, words_32};

/// Bytes of a block.
const BLOCK: usize = 64;
/// Bytes of a chunk.
const CHUNK_BYTES: usize = 1_024;

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const ROOT: u32 = 8;

/// Which message word each round takes where: the words are permuted between rounds (section 2.2, table 2).
const SCHEDULE: [[usize; 16]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
    let mut at = 16;
    while at < 7 * 16 {
        schedule[at / 16][at % 16] = schedule[at / 16 - 1][PERMUTATION[at % 16]];
        at += 1;
    }
    schedule
};

/// BLAKE3 of at most one chunk.
pub(in super::super) struct Blake3;

impl Kernel for Blake3 {
    const LANES: usize = LANES_32;
    const DIGEST_BYTES: usize = 32;
    const MESSAGE_BYTES_MAX: usize = CHUNK_BYTES;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        len.div_ceil(BLOCK).max(1)
    }

    type Shared = ();

    #[inline(always)]
    fn shared(_len: usize) {}

    #[inline(always)]
    fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], (): &(), digests: &mut [u8]) {
        let lanes: &[_; LANES_32] = lanes_of(messages);
        let len = lanes[0].len();
        let blocks = Self::blocks(len);
        let mut state = each(|i| W32::splat(SHA256_INIT[i]));
        for b in 0..blocks {
            let start = b * BLOCK;
            let rest = len - start;
            let words = words_32(lanes, start);
            let flags = if b == 0 { CHUNK_START } else { 0 } | if b + 1 == blocks { CHUNK_END | ROOT } else { 0 };
            state = compress(&state, &words, W32::splat(rest.min(BLOCK) as u32), W32::splat(flags));
        }
        W32::store_rows(&state, rows_of(digests));
    }

    #[inline(always)]
    fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
        let lanes: &[_; LANES_32] = lanes_of(messages);
        let mut blocks_max = 0;
        for message in lanes {
            blocks_max = blocks_max.max(Self::blocks(message.len()));
        }
        let mut state = each(|i| W32::splat(SHA256_INIT[i]));
        for b in 0..blocks_max {
            let mut active = 0_u16;
            let (mut lengths, mut flags) = ([0; LANES_32], [0; LANES_32]);
            for (lane, message) in lanes.iter().enumerate() {
                let last = Self::blocks(message.len()) - 1;
                active |= u16::from(b <= last) << lane;
                lengths[lane] = message.len().saturating_sub(b * BLOCK).min(BLOCK) as u32;
                flags[lane] = if b == 0 { CHUNK_START } else { 0 } | if b == last { CHUNK_END | ROOT } else { 0 };
            }
            let words = W32::load_ends(&each(|lane| piece(lanes[lane], b * BLOCK)));
            let next = compress(&state, &words, W32::load(&lengths), W32::load(&flags));
            state = each(|i| state[i].select(active, next[i]));
        }
        W32::store_rows(&state, rows_of(digests));
    }
}

/// The compression function (section 2.2) with a chunk counter of 0.
#[inline(always)]
fn compress<W: Word32>(h: &[W; 8], m: &[W; 16], length: W, flags: W) -> [W; 8] {
    let iv: [W; 4] = each(|i| W::splat(SHA256_INIT[i]));
    let zero = W::splat(0);
    let mut v = [h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], iv[0], iv[1], iv[2], iv[3], zero, zero, length, flags];
    round::<W, 0>(&mut v, m);
    round::<W, 1>(&mut v, m);
    round::<W, 2>(&mut v, m);
    round::<W, 3>(&mut v, m);
    round::<W, 4>(&mut v, m);
    round::<W, 5>(&mut v, m);
    round::<W, 6>(&mut v, m);
    each(|i| v[i].xor(v[8 + i]))
}

/// Round `R`: the columns, then the diagonals.
#[inline(always)]
fn round<W: Word32, const R: usize>(v: &mut [W; 16], m: &[W; 16]) {
    let s = &SCHEDULE[R];
    for i in 0..4 {
        mix(v, [i, 4 + i, 8 + i, 12 + i], m[s[2 * i]], m[s[2 * i + 1]]);
    }
    for i in 0..4 {
        let diagonal = [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
        mix(v, diagonal, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
}

/// The quarter round G.
#[inline(always)]
fn mix<W: Word32>(v: &mut [W; 16], [a, b, c, d]: [usize; 4], x: W, y: W) {
    v[a] = v[a].add(x).add(v[b]);
    v[d] = v[d].xor(v[a]).rotl::<16>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).rotl::<20>();
    v[a] = v[a].add(y).add(v[b]);
    v[d] = v[d].xor(v[a]).rotl::<24>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).rotl::<25>();
}
