//! SHA-512 (FIPS 180-4 section 6.4).

use super::super::unroll::unroll16;
use super::super::word::{LANES_64, Word32, Word64, each};
use super::constants::{SHA512_INIT, SHA512_K};
use super::{Kernel, lanes_of, rows_of, words_128};

/// Bytes of a block.
const BLOCK: usize = 128;

/// SHA-512.
pub(in super::super) struct Sha512;

impl Kernel for Sha512 {
    const LANES: usize = LANES_64;
    const DIGEST_BYTES: usize = 64;

    #[inline(always)]
    fn blocks(len: usize) -> usize {
        // The mark's byte and the length's sixteen.
        (len + 17).div_ceil(BLOCK)
    }

    type Shared = Ending;

    #[inline(always)]
    fn shared(len: usize) -> Ending {
        Ending::of(len)
    }

    #[inline(always)]
    fn equal<W32: Word32, W64: Word64>(messages: &[&[u8]], ending: &Ending, digests: &mut [u8]) {
        let lanes: &[_; LANES_64] = lanes_of(messages);
        let (full, rest) = (lanes[0].len() / BLOCK, lanes[0].len() % BLOCK);
        let mut state = each(|i| W64::splat(SHA512_INIT[i]));
        for b in 0..full + usize::from(rest > 0) {
            let mut words = words_128::<W64>(lanes, b * BLOCK);
            words = each(|w| words[w].swap_bytes());
            if b == full {
                words = each(|w| words[w].or(W64::splat(ending.begun[w])));
            }
            compress(&mut state, &mut words);
        }
        if let Some(sums) = &ending.last {
            let mut s = state;
            for sums in sums.chunks_exact(16) {
                unroll16!(I, { s = round(s, W64::splat(sums[I])) });
            }
            state = each(|i| state[i].add(s[i]));
        }
        W64::store_rows(&each(|i| state[i].swap_bytes()), rows_of(digests));
    }

    #[inline(always)]
    fn mixed<W32: Word32, W64: Word64>(messages: &[&[u8]], digests: &mut [u8]) {
        let lanes: &[_; LANES_64] = lanes_of(messages);
        let mut tails = [[0_u8; 2 * BLOCK]; LANES_64];
        let mut blocks_max = 0;
        for (message, tail) in lanes.iter().zip(&mut tails) {
            blocks_max = blocks_max.max(pad(message, tail));
        }
        let mut state = each(|i| W64::splat(SHA512_INIT[i]));
        for b in 0..blocks_max {
            let mut active = 0_u8;
            for (lane, message) in lanes.iter().enumerate() {
                active |= u8::from(b < Self::blocks(message.len())) << lane;
            }
            let half = |lane: usize, at: usize| -> &[u8; 64] {
                let full = lanes[lane].len() / BLOCK;
                let (from, start) =
                    if b < full { (lanes[lane], b * BLOCK) } else { (&tails[lane][..], (b - full).min(1) * BLOCK) };
                from[start + at..].first_chunk().expect("half a block's bytes")
            };
            let low = W64::load_blocks(&each(|lane| half(lane, 0)));
            let high = W64::load_blocks(&each(|lane| half(lane, 64)));
            let mut words = each(|w| if w < 8 { low[w] } else { high[w - 8] }.swap_bytes());
            let mut next = state;
            compress(&mut next, &mut words);
            state = each(|i| state[i].select(active, next[i]));
        }
        W64::store_rows(&each(|i| state[i].swap_bytes()), rows_of(digests));
    }
}

/// What follows messages of one length: the mark and the length in bits.
pub(in super::super) struct Ending {
    /// Its words in the block that the message ends in, if that has bytes of it.
    begun: [u64; 16],
    /// K_t + W_t of the block after that, if there is one.
    last: Option<[u64; 80]>,
}

impl Ending {
    #[inline(always)]
    fn of(len: usize) -> Self {
        let (byte, is_begun) = (len % BLOCK, !len.is_multiple_of(BLOCK));
        let mut words = [0; 16];
        words[byte / 8] = 0x80 << (56 - 8 * (byte % 8));
        let fits = byte < BLOCK - 16;
        let mut last = if is_begun { [0; 16] } else { words };
        let with_length = if is_begun && fits { &mut words } else { &mut last };
        with_length[15] = (len as u64) << 3;
        Self { begun: words, last: (!is_begun || !fits).then(|| sums(&last)) }
    }
}

/// K_t + W_t of every round over a block that every lane shares.
#[inline(always)]
fn sums(block: &[u64; 16]) -> [u64; 80] {
    let mut w = *block;
    let mut sums = SHA512_K;
    for (t, sum) in sums.iter_mut().enumerate() {
        let i = t % 16;
        if t >= 16 {
            let (w15, w2) = (w[(i + 1) % 16], w[(i + 14) % 16]);
            let sigma0 = w15.rotate_right(1) ^ w15.rotate_right(8) ^ w15 >> 7;
            let sigma1 = w2.rotate_right(19) ^ w2.rotate_right(61) ^ w2 >> 6;
            w[i] = w[i].wrapping_add(sigma0).wrapping_add(w[(i + 9) % 16]).wrapping_add(sigma1);
        }
        *sum = sum.wrapping_add(w[i]);
    }
    sums
}

/// Writes what follows a message's last full block. Returns the message's blocks in all.
#[inline(always)]
fn pad(message: &[u8], tail: &mut [u8; 2 * BLOCK]) -> usize {
    let blocks = Sha512::blocks(message.len());
    let full = message.len() / BLOCK;
    let rest = &message[full * BLOCK..];
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let end = (blocks - full) * BLOCK;
    tail[end - 8..end].copy_from_slice(&((message.len() as u64) << 3).to_be_bytes());
    blocks
}

#[inline(always)]
fn compress<W: Word64>(state: &mut [W; 8], block: &mut [W; 16]) {
    let mut s = *state;
    unroll16!(I, { s = round(s, W::splat(SHA512_K[I]).add(block[I])) });
    for sixteen in SHA512_K[16..].chunks_exact(16) {
        unroll16!(I, { s = round(s, W::splat(sixteen[I]).add(schedule(block, I))) });
    }
    *state = each(|i| state[i].add(s[i]));
}

/// One round (section 6.4.2, step 3) with K_t + W_t.
#[inline(always)]
fn round<W: Word64>([a, b, c, d, e, f, g, h]: [W; 8], sum: W) -> [W; 8] {
    let sum1 = e.rotl::<50>().xor3(e.rotl::<46>(), e.rotl::<23>());
    let t1 = h.add(sum).add(e.choose(f, g)).add(sum1);
    let sum0 = a.rotl::<36>().xor3(a.rotl::<30>(), a.rotl::<25>());
    let t2 = sum0.add(a.majority(b, c));
    [t1.add(t2), a, b, c, d.add(t1), e, f, g]
}

/// Replaces the schedule's oldest word by its newest (section 6.4.2, step 1).
#[inline(always)]
fn schedule<W: Word64>(w: &mut [W; 16], i: usize) -> W {
    let w15 = w[(i + 1) % 16];
    let w2 = w[(i + 14) % 16];
    let sigma0 = w15.rotl::<63>().xor3(w15.rotl::<56>(), w15.shr::<7>());
    let sigma1 = w2.rotl::<45>().xor3(w2.rotl::<3>(), w2.shr::<6>());
    let next = w[i].add(sigma0).add(w[(i + 9) % 16]).add(sigma1);
    w[i] = next;
    next
}
