//! SHA-256 (FIPS 180-4 section 6.2).

use super::super::unroll::unroll16;
use super::super::word::{Word32, each};
use super::Md32;
use super::constants::{SHA256_INIT, SHA256_K};

/// SHA-256.
pub(in super::super) struct Sha256;

impl Md32 for Sha256 {
    const INIT: [u32; 8] = SHA256_INIT;
    const DIGEST_WORDS: usize = 8;
    const BIG_ENDIAN: bool = true;

    #[inline(always)]
    fn compress<W: Word32>(state: &mut [W; 8], block: &mut [W; 16]) {
        let mut s = *state;
        unroll16!(I, { s = round(s, W::splat(SHA256_K[I]).add(block[I])) });
        for sixteen in SHA256_K[16..].chunks_exact(16) {
            unroll16!(I, { s = round(s, W::splat(sixteen[I]).add(schedule(block, I))) });
        }
        *state = each(|i| state[i].add(s[i]));
    }

    /// K_t + W_t of every round.
    type Schedule = [u32; 64];

    #[inline(always)]
    fn schedule(block: &[u32; 16]) -> [u32; 64] {
        let mut w = *block;
        let mut sums = SHA256_K;
        for (t, sum) in sums.iter_mut().enumerate() {
            let i = t % 16;
            if t >= 16 {
                let (w15, w2) = (w[(i + 1) % 16], w[(i + 14) % 16]);
                let sigma0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ w15 >> 3;
                let sigma1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ w2 >> 10;
                w[i] = w[i].wrapping_add(sigma0).wrapping_add(w[(i + 9) % 16]).wrapping_add(sigma1);
            }
            *sum = sum.wrapping_add(w[i]);
        }
        sums
    }

    #[inline(always)]
    fn compress_shared<W: Word32>(state: &mut [W; 8], schedule: &[u32; 64]) {
        let mut s = *state;
        for sums in schedule.chunks_exact(16) {
            unroll16!(I, { s = round(s, W::splat(sums[I])) });
        }
        *state = each(|i| state[i].add(s[i]));
    }
}

/// One round (section 6.2.2, step 3) with K_t + W_t.
#[inline(always)]
fn round<W: Word32>([a, b, c, d, e, f, g, h]: [W; 8], sum: W) -> [W; 8] {
    let sum1 = e.rotl::<26>().xor3(e.rotl::<21>(), e.rotl::<7>());
    let t1 = h.add(sum).add(e.choose(f, g)).add(sum1);
    let sum0 = a.rotl::<30>().xor3(a.rotl::<19>(), a.rotl::<10>());
    let t2 = sum0.add(a.majority(b, c));
    [t1.add(t2), a, b, c, d.add(t1), e, f, g]
}

/// Replaces the schedule's oldest word by its newest (section 6.2.2, step 1).
#[inline(always)]
fn schedule<W: Word32>(w: &mut [W; 16], i: usize) -> W {
    let w15 = w[(i + 1) % 16];
    let w2 = w[(i + 14) % 16];
    let sigma0 = w15.rotl::<25>().xor3(w15.rotl::<14>(), w15.shr::<3>());
    let sigma1 = w2.rotl::<15>().xor3(w2.rotl::<13>(), w2.shr::<10>());
    let next = w[i].add(sigma0).add(w[(i + 9) % 16]).add(sigma1);
    w[i] = next;
    next
}
