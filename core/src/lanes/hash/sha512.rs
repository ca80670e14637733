//! SHA-512 (FIPS 180-4 section 6.4).

use super::super::unroll::unroll16;
use super::super::word::{LANES_64, Word32, Word64, each};
use super::constants::{SHA512_INIT, SHA512_K};
use super::{Kernel, fill, hand_out};

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

    #[inline(always)]
    fn run<W32: Word32, W64: Word64>(messages: &[&[u8]], out: &mut dyn FnMut(usize, &[u8])) {
        let lanes: [&[u8]; LANES_64] = fill(messages);
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
        let words = each(|i| state[i].swap_bytes());
        hand_out::<Self, 64>(&W64::store_rows(&words)[..messages.len()], out);
    }
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
    unroll16!(I, { s = round(s, SHA512_K[I], block[I]) });
    for sixteen in SHA512_K[16..].chunks_exact(16) {
        unroll16!(I, { s = round(s, sixteen[I], schedule(block, I)) });
    }
    *state = each(|i| state[i].add(s[i]));
}

/// One round (section 6.4.2, step 3).
#[inline(always)]
fn round<W: Word64>([a, b, c, d, e, f, g, h]: [W; 8], k: u64, w: W) -> [W; 8] {
    let sum1 = e.rotl::<50>().xor3(e.rotl::<46>(), e.rotl::<23>());
    let t1 = h.add(W::splat(k)).add(w).add(e.choose(f, g)).add(sum1);
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
