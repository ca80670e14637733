//! BLAKE2b with 32 bytes of output, unkeyed (RFC 7693 section 3).

use super::super::word::{LANES_64, Word32, Word64, each};
use super::constants::SHA512_INIT;
use super::{Kernel, lanes_of, piece, rows_of, words_128};

/// Bytes of a block.
const BLOCK: usize = 128;

/// The first word of the parameter block: 32 bytes of digest, no key, fanout and depth 1 (section 2.5).
const PARAMETERS: u64 = 0x0101_0020;

/// Message word order of each round (section 2.7); rounds 10 and 11 are rounds 0 and 1 again.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// BLAKE2b-256.
pub(in super::super) struct Blake2b256;

impl Kernel for Blake2b256 {
    const LANES: usize = LANES_64;
    const DIGEST_BYTES: usize = 32;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        len.div_ceil(BLOCK).max(1)
    }

    type Shared = ();

    #[inline(always)]
    fn shared(_len: usize) {}

    #[inline(always)]
    fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], (): &(), digests: &mut [u8]) {
        let lanes: &[_; LANES_64] = lanes_of(messages);
        let len = lanes[0].len();
        let blocks = Self::blocks(len);
        let mut state = initial();
        for b in 0..blocks {
            let words = words_128(lanes, b * BLOCK);
            let counter = W64::splat(((b + 1) * BLOCK).min(len) as u64);
            let last = W64::splat(if b + 1 == blocks { u64::MAX } else { 0 });
            state = compress(&state, &words, counter, last);
        }
        W64::store_half_rows(&each(|i| state[i]), rows_of(digests));
    }

    #[inline(always)]
    fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
        let lanes: &[_; LANES_64] = lanes_of(messages);
        let mut blocks_max = 0;
        for message in lanes {
            blocks_max = blocks_max.max(Self::blocks(message.len()));
        }
        let mut state = initial();
        for b in 0..blocks_max {
            let mut active = 0_u8;
            let (mut counters, mut finals) = ([0; LANES_64], [0; LANES_64]);
            for (lane, message) in lanes.iter().enumerate() {
                let last = Self::blocks(message.len()) - 1;
                active |= u8::from(b <= last) << lane;
                counters[lane] = ((b + 1) * BLOCK).min(message.len()) as u64;
                finals[lane] = if b == last { u64::MAX } else { 0 };
            }
            let low = W64::load_ends(&each(|lane| piece(lanes[lane], b * BLOCK)));
            let high = W64::load_ends(&each(|lane| piece(lanes[lane], b * BLOCK + 64)));
            let words = each(|w| if w < 8 { low[w] } else { high[w - 8] });
            let next = compress(&state, &words, W64::load(&counters), W64::load(&finals));
            state = each(|i| state[i].select(active, next[i]));
        }
        W64::store_half_rows(&each(|i| state[i]), rows_of(digests));
    }
}

/// The state before the first block.
#[inline(always)]
fn initial<W: Word64>() -> [W; 8] {
    each(|i| W::splat(if i == 0 { SHA512_INIT[0] ^ PARAMETERS } else { SHA512_INIT[i] }))
}

/// The function F (section 3.2). Messages here are shorter than 2^64 bytes, so the counter's upper word is zero.
#[inline(always)]
fn compress<W: Word64>(h: &[W; 8], m: &[W; 16], counter: W, last: W) -> [W; 8] {
    let mut v: [W; 16] = each(|i| if i < 8 { h[i] } else { W::splat(SHA512_INIT[i - 8]) });
    v[12] = v[12].xor(counter);
    v[14] = v[14].xor(last);
    round::<W, 0>(&mut v, m);
    round::<W, 1>(&mut v, m);
    round::<W, 2>(&mut v, m);
    round::<W, 3>(&mut v, m);
    round::<W, 4>(&mut v, m);
    round::<W, 5>(&mut v, m);
    round::<W, 6>(&mut v, m);
    round::<W, 7>(&mut v, m);
    round::<W, 8>(&mut v, m);
    round::<W, 9>(&mut v, m);
    round::<W, 0>(&mut v, m);
    round::<W, 1>(&mut v, m);
    each(|i| h[i].xor3(v[i], v[8 + i]))
}

/// The round with message words in the order `SIGMA[R]`: the columns, then the diagonals.
#[inline(always)]
fn round<W: Word64, const R: usize>(v: &mut [W; 16], m: &[W; 16]) {
    let s = &SIGMA[R];
    for i in 0..4 {
        mix(v, [i, 4 + i, 8 + i, 12 + i], m[s[2 * i]], m[s[2 * i + 1]]);
    }
    for i in 0..4 {
        let diagonal = [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
        mix(v, diagonal, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
}

/// The function G (section 3.1).
#[inline(always)]
fn mix<W: Word64>(v: &mut [W; 16], [a, b, c, d]: [usize; 4], x: W, y: W) {
    v[a] = v[a].add(x).add(v[b]);
    v[d] = v[d].xor(v[a]).rotl::<32>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).rotl::<40>();
    v[a] = v[a].add(y).add(v[b]);
    v[d] = v[d].xor(v[a]).rotl::<48>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).rotl::<1>();
}
